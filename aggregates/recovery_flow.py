"""RecoveryFlow: one cash flow from core banking, tagged with how it was recovered, confirmed by another person.

Confirmed splits are applied to the claim by process manager PM1 (or by the case, for its own modes: decision E14).
Source: spec/risk-assets.md 3.7, 7.1; key `core_txn_no`.
"""

from typing import Any

from aggregates import claim
from aggregates.refusals import unless_field
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, in_stage, row
from aggregates.steps.step import Step, one_of

REVERSAL_KINDS = ("CORRECTION", "ECONOMIC")
CASE_MODES = ("REDUCTION_CASH", "TRANSFER_SINGLE", "TRANSFER_BATCH", "SECURITISATION", "INCOME_RIGHT")
MEMO_MODE = "POST_WRITE_OFF_CASH"
MODES = (*claim.CASH_MODES, *CASE_MODES, MEMO_MODE)
SPLITS = "splits:L{split_no:N, asset_no:I?, mode:E, org:I?, campaign:S?, amount:M}"


def _splits(step: Step) -> Facts:
    splits = step.get("splits")
    unless_field(bool(splits), "splits", "is missing")
    for split in splits:
        unless_field(split["mode"] in MODES, "splits", f"unknown mode {split['mode']}")
    numbers = [split["split_no"] for split in splits]
    unless_field(len(set(numbers)) == len(numbers), "splits", "split_no repeats")
    loan_no = step.case.facts.get("loan_no")
    if loan_no is not None:
        step.fields["splits"] = [{"asset_no": loan_no} | split for split in splits]
    return {}


def _is_whole(step: Step) -> bool:
    return bool(sum(split["amount"] for split in step["splits"]) == step.case.facts.get("amount"))


def _modes_fit(step: Step) -> bool:
    """A written-off asset takes POST_WRITE_OFF_CASH only, any other asset never."""
    for split in step["splits"]:
        asset = step.find("RiskAsset", split.get("asset_no", ""))
        if asset is not None and (split["mode"] == MEMO_MODE) != (asset.stage == "WRITTEN_OFF"):
            return False
    return True


def _keeps_what_is_applied(step: Step) -> bool:
    """Once a split is applied its asset and amount stay: only mode, organisation and campaign may change."""
    if not step.case.confirmed:
        return True

    def core(splits: list[Facts]) -> list[Any]:
        return sorted((split["split_no"], split.get("asset_no", ""), split["amount"]) for split in splits)

    return core(step["splits"]) == core(step.case.facts["splits"])


def _confirmation(step: Step) -> Facts:
    splits = {split["split_no"]: split for split in step.case.facts.get("splits", [])}
    waiting = [number for number in splits if number not in step.case.confirmed]
    number = step.get("split_no", waiting[0] if waiting else None)
    split = splits.get(number)
    if split is None:
        return {"core_txn_no": step.key, "split_no": number}
    return {"core_txn_no": step.key, "split_no": number, "mode": split["mode"], "amount": split["amount"]}


def _confirmed(case: Any, facts: Facts, _who: Any) -> None:
    if facts["split_no"] not in case.confirmed:
        case.confirmed.append(facts["split_no"])


def _after_confirmation(case: Any, _facts: Facts) -> str:
    waiting = [split for split in case.facts.get("splits", []) if split["split_no"] not in case.confirmed]
    return "TAGGED" if waiting else "CONFIRMED"


def _reversed(case: Any, facts: Facts, _who: Any) -> None:
    case.reversed_minor += facts["amount"]


def _after_reversal(case: Any, _facts: Facts) -> str:
    whole = case.received_minor
    return "REVERSED" if whole is None or case.reversed_minor >= whole else "PARTLY_REVERSED"


def _left(step: Step) -> int | None:
    whole = step.case.received_minor
    return None if whole is None else whole - step.case.reversed_minor


def _received(case: Any, facts: Facts, _who: Any) -> None:
    case.received_minor = facts["amount"]


ROWS = (
    row(
        "Receive",
        "FlowReceived",
        "CB",
        "core_txn_no:I, loan_no:I, amount:M, value_date:D, payer_ref:S?, core_alloc:A?",
        makes=True,
        next="RECEIVED",
        clauses=(
            in_stage("Receive.1"),
            clause("Receive.2", "loan known", lambda step: step.find("RiskAsset", step["loan_no"]) is not None),
        ),
        default=lambda step: {"core_txn_no": step.key, "value_date": step.day},
        effect=_received,
    ),
    row(
        "Tag",
        "FlowTagged",
        "AM",
        SPLITS,
        stages="RECEIVED",
        next="TAGGED",
        clauses=(
            clause("Tag.1", "`sum(splits) == amount`", _is_whole),
            clause("Tag.2", "every mode valid for the lifecycle", _modes_fit),
        ),
        derive=_splits,
        remember="tagger",
    ),
    row(
        "Retag",
        "FlowRetagged",
        "AM",
        SPLITS,
        stages="TAGGED CONFIRMED",
        clauses=(
            clause("FIELD", "mode, org, campaign only once applied", _keeps_what_is_applied),
            clause("Retag.1", "`sum(splits) == amount`", _is_whole),
            clause("Retag.2", "every mode valid for the lifecycle", _modes_fit),
        ),
        derive=_splits,
        remember="tagger",
    ),
    row(
        "ConfirmTag",
        "FlowTagConfirmed",
        "BR",
        "core_txn_no:I, split_no:N, mode:E, amount:M",
        stages="TAGGED",
        next=_after_confirmation,
        clauses=(
            clause(
                "SD6",
                "the person who tags a flow does not confirm the tag",
                lambda step: not step.case.has_played(step.actor, "tagger"),
            ),
            clause("STATE", "split not confirmed yet", lambda step: step["split_no"] not in step.case.confirmed),
        ),
        derive=_confirmation,
        effect=_confirmed,
        remember="confirmer",
    ),
    row(
        "ReverseByCore",
        "FlowReversedByCore",
        "CB",
        "core_rev_no:I, kind:E, amount:M",
        stages="RECEIVED TAGGED CONFIRMED PARTLY_REVERSED",
        next=_after_reversal,
        clauses=(
            clause(
                "STATE",
                "no more than what is left of the flow",
                lambda step: _left(step) is None or 0 < step["amount"] <= _left(step),
            ),
        ),
        default=lambda step: {"amount": _left(step)},
        derive=one_of("kind", REVERSAL_KINDS),
        effect=_reversed,
    ),
    row(
        "Exclude",
        "FlowExcluded",
        "BR",
        "why:S",
        stages="RECEIVED TAGGED",
        next="EXCLUDED",
        clauses=(clause("Exclude.1", "not recovery (e.g. own transfer)"),),
    ),
)


class RecoveryFlow(Case):
    """Received, tagged in splits, confirmed split by split, reversed by core in whole or in part."""

    NAME = "RecoveryFlow"
    KEY = "core_txn_no"
    ROWS = ROWS

    def start(self) -> None:
        self.confirmed: list[int] = []
        self.received_minor: int | None = None
        self.reversed_minor = 0

    def extra(self) -> dict[str, Any]:
        return {"confirmed": list(self.confirmed), "reversed_amount_minor": self.reversed_minor}
