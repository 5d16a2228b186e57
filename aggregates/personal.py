"""Which fields of events are personal: every field of every table is declared here to be so or not (E8).

Days, amounts, counts, codes and flags are never personal by themselves (`NEUTRAL_KINDS`). Ids are references to the
bank's own registers, among them `customer_no` and staff numbers: guards, keys and ledgers need them readable, and
what they point at is erased elsewhere. Texts and free-form objects are declared by name. Personal leaves of objects
are sealed one by one, their keys are not: a key is a field's name.
"""

from collections.abc import Mapping
from functools import cache

from aggregates.personal_tokens import Personal
from aggregates.steps.case import Case
from aggregates.steps.fields import FieldSpec

#: Kinds of fields that say nothing of a person by themselves (aggregates.steps.fields).
NEUTRAL_KINDS = frozenset("EDNBMGAKPRV")
#: Ids and lists of ids: references.
REFERENCE_KINDS = frozenset("IL")

#: Personal in every aggregate, unless `EXCEPT` says otherwise.
PERSONAL: Mapping[str, Personal] = {
    "name_ref": Personal.NAME,
    "lawyer": Personal.NAME,
    "payee": Personal.NAME,
    "buyer": Personal.NAME,
    "counterparty": Personal.NAME,
    "by": Personal.NAME,  # the person who made a diligence report
    "payer_ref": Personal.ACCOUNT,
    "ip": Personal.DEVICE,
    "mac": Personal.DEVICE,
    **dict.fromkeys(
        (
            "facts",
            "parties",
            "detail",
            "external_credit",
            "litigation",
            "asset_changes",
            "equity_changes",
            "results",
            "findings",
            "comment",
            "conditions",
            "conclusion",
            "opinion",
            "why",
            "reason",
            "note",
            "content",
            "terms",
            "quotes",
            "bids",
            "difference",
            "error_text",
            "changes",
            "steps",
            "post",
        ),
        Personal.NOTE,
    ),
}

#: Texts and objects that are about rules, amounts, papers and the bank itself.
NOT_PERSONAL = frozenset(
    (
        "acted_at",
        "action",
        "amount",
        "appetite",
        "approval_no",
        "at",
        "authority",
        "awarded",
        "basis",
        "body",
        "campaign",
        "cause",
        "checklist",
        "consumer",
        "cost",
        "court",
        "court_case_no",
        "description",
        "dimensions",
        "doc_no",
        "ecm_ref",
        "engine_version",
        "error_code",
        "evidence",
        "fee_terms",
        "fields",
        "fields_hash",
        "filters",
        "flow",
        "flows",
        "function",
        "graph_hash",
        "instalments",
        "judgement",
        "layout",
        "lines",
        "name",
        "narrative",
        "new_terms",
        "old_terms",
        "opening",
        "outcome",
        "params",
        "pass_ratio",
        "period",
        "pricing",
        "quorum",
        "ranking",
        "rate_terms",
        "registry_no",
        "rows",
        "rule_code",
        "rules",
        "schedule",
        "scope",
        "sha256",
        "shocks",
        "simulation_digest",
        "snapshot_hash",
        "source",
        "strategy",
        "tag",
        "time",
        "title",
        "totals",
        "trigger_figures",
        "trigger_reason",
        "value",
    )
)

#: Aggregates about the bank itself: none of their texts is about a natural person who could ask for erasure.
OF_THE_BANK = frozenset(
    (
        "AlertRule",
        "ContingencyPlan",
        "DispatchProposal",
        "LimitBreach",
        "RiskFactor",
        "StressScenario",
        "LiquidityPolicy",
        "MeetingRuleSet",
        "Notice",
    )
)

#: Where a name means something else: (aggregate, field), None: not personal.
EXCEPT: Mapping[tuple[str, str], Personal | None] = {
    # Who is told of alerts, where: expressions over the bank's figures, and addresses at work.
    ("AlertSubscription", "filter"): None,
    ("AlertSubscription", "target"): None,
    ("AlertSubscription", "time_zone"): None,
    ("AlertSubscription", "delivered_as"): None,
    ("AlertSubscription", "error_text"): None,
    ("AlertTeam", "target"): None,
    ("AlertSilence", "matcher"): None,
    # What a report asks may name customers; the file it made is named by the report.
    ("PivotDefinition", "definition"): Personal.NOTE,
    ("Dashboard", "tiles"): Personal.NOTE,
    ("PivotDefinition", "digest"): None,
    ("PivotDefinition", "file_name"): None,
}

#: Keys inside objects that tell which class a leaf is of; any other leaf is a NOTE.
CLASS_BY_KEY: Mapping[str, Personal] = {
    **dict.fromkeys(
        ("name", "name_ref", "full_name", "legal_person", "spouse", "姓名", "contact_name"), Personal.NAME
    ),
    **dict.fromkeys(("id_no", "id_number", "identity_no", "certificate_no", "身份证号"), Personal.ID_NUMBER),
    **dict.fromkeys(("phone", "mobile", "telephone", "tel", "手机号", "电话"), Personal.PHONE),
    **dict.fromkeys(("account", "account_no", "card_no", "iban", "账号"), Personal.ACCOUNT),
    **dict.fromkeys(("address", "home_address", "service_address", "地址"), Personal.ADDRESS),
}
#: Keys inside objects whose leaves stay readable: references and codes that ledgers join by.
REFERENCE_KEYS = frozenset(("customer_no", "relation", "kind"))


def class_of(aggregate: str, field: FieldSpec) -> Personal | None:
    """The class of a field, None where it is not personal. A text that nobody declared is a note, to be prudent."""
    if field.kind in NEUTRAL_KINDS or field.kind in REFERENCE_KINDS or field.items or aggregate in OF_THE_BANK:
        return None
    if (aggregate, field.name) in EXCEPT:
        return EXCEPT[aggregate, field.name]
    return None if field.name in NOT_PERSONAL else PERSONAL.get(field.name, Personal.NOTE)


def is_declared(aggregate: str, field: FieldSpec) -> bool:
    """Whether somebody said if a field is personal: a test wants it of every text and object of every table."""
    by_kind = field.kind in NEUTRAL_KINDS or field.kind in REFERENCE_KINDS or bool(field.items)
    by_name = field.name in PERSONAL or field.name in NOT_PERSONAL or (aggregate, field.name) in EXCEPT
    return by_kind or by_name or aggregate in OF_THE_BANK


@cache
def personal_fields(event: type) -> Mapping[str, Personal]:
    """Paths of the personal fields of an event class, with their classes: `{"persons.post": NOTE}`."""
    case: type[Case] = event.CASE  # type: ignore[attr-defined]
    return dict(_walk(case.NAME, event.ROW.fields, ""))  # type: ignore[attr-defined]


def _walk(aggregate: str, specs: tuple[FieldSpec, ...], path: str) -> list[tuple[str, Personal]]:
    found: list[tuple[str, Personal]] = []
    for spec in specs:
        if spec.items:
            found += _walk(aggregate, spec.items, f"{path}{spec.name}.")
        elif (kind := class_of(aggregate, spec)) is not None:
            found.append((f"{path}{spec.name}", kind))
    return found
