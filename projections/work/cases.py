"""One row for every aggregate of the decision log: stage, newest facts, who did what, and where it belongs.

Folded from the rendered events of the log (`aggregates.event_view.EventView.to_json`): money is decimal text in the
facts and integer minor units in the sums. Not for the claim of a loan note: see `claims.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engines.primitives.money import to_minor

Event = Mapping[str, Any]
Key = tuple[str, str]  # kind of aggregate, business key

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
ASSET_FIELDS = ("asset_ids", "loan_nos")
ASSET_FIELD = ("asset_no", "loan_no")


@dataclass(slots=True)
class CaseRow:
    """`since`: business day on which it came to its stage, `since_at` when that was recorded. `made_at`,
    `changed_at`: positions of its first and newest event. `way_back`: stages that a process may return to.
    `sums`, `lists`, `named`: what later events need of earlier ones, by name."""

    aggregate: str
    key: str
    entity: str
    branch: str
    ccy: str
    made_at: int
    since: str
    since_at: str
    version: int = 0
    changed_at: int = 0
    stage: str = ""
    tracks: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    people: dict[str, list[str]] = field(default_factory=dict)
    days: dict[str, str] = field(default_factory=dict)  # business day of the newest event of a type
    way_back: dict[str, str] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=dict)
    lists: dict[str, list[Any]] = field(default_factory=dict)
    named: dict[str, dict[str, Any]] = field(default_factory=dict)

    def stage_of(self, track: str) -> str:
        """Where the process stands; a side process that has not begun is at `-`."""
        return self.tracks.get(track, "-") if track else self.stage

    def listed(self, name: str) -> list[Any]:
        return self.lists.get(name, [])

    def minor(self, text: str) -> int:
        return to_minor(text, self.ccy)

    def day_of(self, name: str) -> str | None:
        """A fact that is a business date. None: there is none, or it is an instant, as that until which a proof of
        freshness counts: no term of the case."""
        told = self.facts.get(name)
        return told if isinstance(told, str) and _DAY.fullmatch(told) else None

    def has_played(self, actor: str, *parts: str) -> bool:
        return any(actor in self.people.get(part, ()) for part in parts)

    @property
    def asset_nos(self) -> list[str]:
        """The loan notes that it is about, in its own order."""
        if self.aggregate == "AssetPool":
            return self.listed("pooled")
        for name in ASSET_FIELDS:
            if found := self.facts.get(name):
                return list(found)
        return [str(self.facts[name]) for name in ASSET_FIELD if self.facts.get(name)][:1]

    @property
    def tags(self) -> list[str]:
        return self.listed("tags")


def opened(event: Event) -> CaseRow:
    """The row that the first event of an aggregate begins."""
    payload = event["payload"]
    return CaseRow(
        event["aggregate"],
        event["key"],
        payload.get("entity_id") or event["entity"],
        payload.get("branch") or event["org"],
        payload.get("ccy") or "CNY",
        event["position"],
        event["valid_on"],
        event["recorded_at"],
    )


#: Attributes of the stored event that are no facts of the case.
_NO_FACTS = frozenset(("entity_id", "fixture"))


def absorb(case: CaseRow, event: Event) -> None:
    """What every event does to its row, before the stage moves (`stages.advance`)."""
    payload = event["payload"]
    for name, value in payload.items():
        if value is not None and name not in _NO_FACTS:
            case.facts[name] = value
    case.version, case.changed_at = event["version"], event["position"]


def remember(case: CaseRow, event: Event) -> None:
    """What single events leave behind for later ones, after the stage moved."""
    case.days[event["type"]] = event["valid_on"]
    if (effect := EFFECTS.get(event["type"])) is not None:
        effect(case, event["payload"], event)


# --- Single events -------------------------------------------------------------------------------------------------

Payload = Mapping[str, Any]


def _append(name: str, field_name: str) -> Any:
    def effect(case: CaseRow, payload: Payload, _event: Event) -> None:
        found = case.lists.setdefault(name, [])
        if payload.get(field_name) not in found:
            found.append(payload.get(field_name))

    return effect


def _drop(name: str, field_name: str) -> Any:
    def effect(case: CaseRow, payload: Payload, _event: Event) -> None:
        if payload.get(field_name) in case.listed(name):
            case.lists[name].remove(payload.get(field_name))

    return effect


def _tagged(case: CaseRow, payload: Payload, event: Event) -> None:
    (_append if payload["on"] else _drop)("tags", "tag")(case, payload, event)


def _moved(case: CaseRow, payload: Payload, _event: Event) -> None:
    case.branch = payload["to_branch"]


def _flow_received(case: CaseRow, payload: Payload, _event: Event) -> None:
    case.sums["received"] = case.minor(payload["amount"])


def _flow_reversed(case: CaseRow, payload: Payload, _event: Event) -> None:
    case.sums["reversed"] = case.sums.get("reversed", 0) + case.minor(payload["amount"])


def _disposed(case: CaseRow, payload: Payload, _event: Event) -> None:
    case.named.setdefault("portions", {})[payload["fa_disposal_no"]] = payload["portion"]


def _undone(case: CaseRow, payload: Payload, _event: Event) -> None:
    case.named.get("portions", {}).pop(payload["fa_disposal_no"], None)


def _sold(case: CaseRow, payload: Payload, _event: Event) -> None:
    case.named.setdefault("sold_from", {})[payload["case_no"]] = case.way_back["sale"]


def _confirmed(case: CaseRow, payload: Payload, event: Event) -> None:
    case.named.setdefault("checked", {})["reversal" if case.stage == "REVERSING" else "posting"] = event["actor"]


def _asked(part: str) -> Any:
    def effect(case: CaseRow, _payload: Payload, _event: Event) -> None:
        case.named.setdefault("checked", {}).pop(part, None)

    return effect


def _item(case: CaseRow, number: Any) -> dict[str, Any]:
    found: dict[str, Any] = case.named.setdefault("items", {}).setdefault(
        str(number), {"votes": {}, "recused": [], "result": ""}
    )
    return found


def _item_added(case: CaseRow, payload: Payload, _event: Event) -> None:
    item = {"case_kind": payload["case_kind"], "case_no": payload["case_no"], "amount": payload.get("amount")}
    case.named.setdefault("items", {})[str(payload["item_no"])] = item | {"votes": {}, "recused": [], "result": ""}


def _item_removed(case: CaseRow, payload: Payload, _event: Event) -> None:
    case.named.get("items", {}).pop(str(payload["item_no"]), None)


def _voted(case: CaseRow, payload: Payload, _event: Event) -> None:
    _item(case, payload["item_no"])["votes"][payload["member"]] = payload["vote"]


def _recused(case: CaseRow, payload: Payload, _event: Event) -> None:
    _item(case, payload["item_no"])["recused"].append(payload["member"])


def _resolved(result: str) -> Any:
    def effect(case: CaseRow, payload: Payload, _event: Event) -> None:
        _item(case, payload["item_no"])["result"] = payload.get("result", result)

    return effect


def _warned(case: CaseRow, payload: Payload, event: Event) -> None:
    known = {"kind": payload["kind"], "level": payload["level"], "raised_on": event["valid_on"]}
    case.named.setdefault("warnings", {})[payload["warning_id"]] = known | {"detail": payload.get("detail")}


def _cleared(case: CaseRow, payload: Payload, _event: Event) -> None:
    case.named.get("warnings", {}).pop(payload["warning_id"], None)


def _profiled(case: CaseRow, payload: Payload, _event: Event) -> None:
    found = {"as_of": payload.get("as_of"), "facts": payload.get("facts", {})}
    case.named.setdefault("profile", {})[payload["source"]] = found


def _filed(case: CaseRow, payload: Payload, event: Event) -> None:
    version = {name: payload.get(name) for name in ("version", "sha256", "ecm_ref")}
    document = case.named.setdefault("files", {}).setdefault(
        payload["doc_id"], {"category": payload.get("category"), "versions": []}
    )
    document["versions"].append(version | {"filed_on": event["valid_on"], "filed_by": event["actor"], "void": False})


def _voided(case: CaseRow, payload: Payload, _event: Event) -> None:
    for version in case.named.get("files", {}).get(payload["doc_id"], {"versions": ()})["versions"]:
        version["void"] = version["void"] or version["version"] == payload["version"]


def _ruled(in_force: int) -> Any:
    def effect(case: CaseRow, _payload: Payload, _event: Event) -> None:
        case.sums["in_force"] = in_force

    return effect


def _reservation_content(case: CaseRow, payload: Payload, _event: Event) -> None:
    """Another content was not approved by anybody."""
    if payload["revision"] != case.sums.get("revision"):
        case.lists["levels"], case.lists["approvals"] = [], []
        case.people.pop("approver", None)
    case.sums["revision"] = payload["revision"]


def _reservation_graded(case: CaseRow, payload: Payload, _event: Event) -> None:
    case.lists["levels"] = list(payload["levels"])


def _reservation_approved(case: CaseRow, payload: Payload, _event: Event) -> None:
    case.lists.setdefault("approvals", []).append(payload["level"])


def _repaid(case: CaseRow, payload: Payload, _event: Event) -> None:
    case.sums["paid"] = case.sums.get("paid", 0) + case.minor(payload["amount"])


def _unrepaid(case: CaseRow, payload: Payload, _event: Event) -> None:
    case.sums["paid"] = case.sums.get("paid", 0) - case.minor(payload["amount"])
    case.sums["owes_reversal"] = int(case.stage == "POSTED")


def _priced(case: CaseRow, payload: Payload, _event: Event) -> None:
    case.sums["price"] = case.sums.get("price", 0) + case.minor(payload["amount"])


def _reminded(case: CaseRow, payload: Payload, event: Event) -> None:
    names = ("step", "days_past", "method", "to", "message_id")
    sent = {name: payload[name] for name in names if payload.get(name) is not None}
    place = {"sent_on": event["valid_on"], "recorded_at": event["recorded_at"], "position": event["position"]}
    case.lists.setdefault("reminders", []).append(sent | place)


EFFECTS: dict[str, Any] = {
    "AlertRuleEnabled": _ruled(1),
    "AlertRuleDisabled": _ruled(0),
    "ReservationDrafted": _reservation_content,
    "ReservationTakenOver": _reservation_content,
    "ReservationFollowed": _reservation_content,
    "ReservationAmended": _reservation_content,
    "ReservationGraded": _reservation_graded,
    "ReservationBranchApproved": _reservation_approved,
    "ReservationApproved": _reservation_approved,
    "ReminderSent": _reminded,
    "AssetTagged": _tagged,
    "TagAdded": _append("tags", "tag"),
    "TagRemoved": _drop("tags", "tag"),
    "AssetMoved": _moved,
    "FlowReceived": _flow_received,
    "FlowReversedByCore": _flow_reversed,
    "FlowTagConfirmed": _append("confirmed", "split_no"),
    "AssetPooled": _append("pooled", "asset_no"),
    "AssetUnpooled": _drop("pooled", "asset_no"),
    "PackageItemFailed": _append("failed", "asset_no"),
    "AssetSold": _disposed,
    "ConvertedToFixedAsset": _disposed,
    "LossListed": _disposed,
    "DisposalUndone": _undone,
    "AssetTransferred": _sold,
    "InstructionConfirmed": _confirmed,
    "AgendaItemAdded": _item_added,
    "AgendaItemRemoved": _item_removed,
    "VoteCast": _voted,
    "RecusalDeclared": _recused,
    "ResolutionAdopted": _resolved("PASSED"),
    "ItemVetoed": _resolved("REJECTED"),
    "ItemDeferred": _resolved("DEFERRED"),
    "WarningRaised": _warned,
    "WarningCleared": _cleared,
    "ProfileSynced": _profiled,
    "DocumentFiled": _filed,
    "DocumentRevised": _filed,
    "DocumentVoided": _voided,
    "ProceedsAllocated": _repaid,
    "TransferPriceReceived": _priced,
    "PackagePriceReceived": _priced,
    "RepaymentReversed": _unrepaid,
}
EFFECTS |= {
    f"{noun}{suffix}": _asked(part)
    for noun in ("WriteOff", "Reduction", "Transfer", "Package", "Foreclosure", "FaDisposal", "Restructuring")
    for suffix, part in (("PostingRequested", "posting"), ("ReversalRequested", "reversal"))
}
