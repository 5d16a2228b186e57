"""ForeclosedAsset: what the bank took in settlement, kept and checked until it is gone (spec 3.18, 7.5).

Carrying amount, result and recognised interest follow 7.5; a portion is a percentage of the whole asset, and the last
portion takes the rest of the carrying amount. Money is integer minor units.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from aggregates.refusals import unless_field
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, row
from aggregates.steps.step import Step

HELD = "BOOKED IN_CUSTODY PART_SOLD"
GONE = ("SOLD", "CONVERTED", "LOST", "VOID")
WHOLE = Decimal(100)


def _booked(case: Any, facts: Facts, _who: Any) -> None:
    case.carrying_minor = facts["book_value"]
    case.interest_left_minor = facts.get("interest_offset", 0)
    case.cash_out_minor = facts.get("taxes", 0) + facts.get("boot_paid", 0)
    case.cash_in_minor = facts.get("boot_received", 0)
    # Under CAS12_2019 fair value and book differ: the difference is the bank's profit or loss (E17).
    case.loss_minor = facts.get("book_offset", facts["book_value"]) + case.cash_out_minor - case.cash_in_minor
    case.loss_minor -= facts["book_value"]


def _impaired(case: Any, facts: Facts, _who: Any) -> None:
    case.carrying_minor -= facts["amount"]
    case.impairment_minor += facts["amount"]
    case.loss_minor += facts["amount"]


def _impairment_reversed(case: Any, facts: Facts, _who: Any) -> None:
    case.carrying_minor += facts["amount"]
    case.impairment_minor -= facts["amount"]
    case.loss_minor -= facts["amount"]


def _income(case: Any, facts: Facts, _who: Any) -> None:
    case.loss_minor -= facts["amount"]
    case.cash_in_minor += facts["amount"]


def _expense(case: Any, facts: Facts, _who: Any) -> None:
    case.loss_minor += facts["amount"]
    case.cash_out_minor += facts["amount"]


def _reserved(case: Any, facts: Facts, _who: Any) -> None:
    case.reserved[facts["fa_disposal_no"]] = facts["portion"]


def _unreserved(case: Any, facts: Facts, _who: Any) -> None:
    case.reserved.pop(facts["fa_disposal_no"], None)


def _disposed(case: Any, facts: Facts, who: Any) -> None:
    case.free -= facts["portion"]
    case.carrying_minor -= facts["carrying"]
    case.reserved.pop(facts["fa_disposal_no"], None)
    recognised = facts.get("interest_recognised", 0)
    case.interest_left_minor -= recognised
    case.income_minor += recognised
    case.loss_minor -= facts.get("result", 0)
    # A conversion counts as cash at the carrying amount (ID3).
    received = facts.get("proceeds", facts.get("compensation", facts["carrying"]))
    case.cash_in_minor += received
    case.cash_out_minor += facts.get("selling_costs", 0)
    case.disposals[facts["fa_disposal_no"]] = dict(facts) | {"received": received, "valid_on": who.valid_on}


def _undone(case: Any, facts: Facts, _who: Any) -> None:
    gone = case.disposals.pop(facts["fa_disposal_no"])
    case.free += gone["portion"]
    case.carrying_minor += gone["carrying"]
    case.interest_left_minor += gone.get("interest_recognised", 0)
    case.income_minor -= gone.get("interest_recognised", 0)
    case.loss_minor += gone.get("result", 0)
    case.cash_in_minor -= gone["received"]
    case.cash_out_minor -= gone.get("selling_costs", 0)


def _portion(step: Step) -> int:
    """Carrying amount of a portion: its share of what is free, HALF_UP; the last portion takes the rest (7.5)."""
    case, portion = step.case, step["portion"]
    if portion >= case.free:
        return int(case.carrying_minor)
    share = Fraction(case.carrying_minor) * Fraction(portion) / Fraction(case.free)
    return int((share * 2 + 1) // 2)


def _sale(step: Step) -> Facts:
    carrying, net = _portion(step), step["proceeds"] - step.get("selling_costs", 0)
    recognised = min(step.case.interest_left_minor, max(0, net - carrying))
    return {"carrying": carrying, "interest_recognised": recognised, "result": net - carrying - recognised}


def _conversion(step: Step) -> Facts:
    return {"carrying": _portion(step)}


def _loss_listing(step: Step) -> Facts:
    carrying = _portion(step)
    return {"carrying": carrying, "result": step.get("compensation", 0) - carrying}


def _undoing(step: Step) -> Facts:
    gone = step.case.disposals.get(step.get("fa_disposal_no"))
    if gone is None:
        return {}
    return {"portion": gone["portion"], "carrying": gone["carrying"], "result": gone.get("result", 0)}


def _undoing_day(step: Step) -> date | None:
    gone = step.case.disposals.get(step.get("fa_disposal_no"))
    return gone["valid_on"] if gone is not None and step.get("kind") == "CORRECTION" else None


def _stage_after(gone: str) -> Any:
    return lambda case, facts: gone if case.free <= 0 else "PART_SOLD"


def _fits_free(step: Step) -> bool:
    return bool(0 < step["portion"] <= step.case.free)


def _impairment(step: Step) -> Facts:
    unless_field(step.get("recoverable") is not None, "recoverable", "is missing")
    return {"amount": max(0, step.case.carrying_minor - step["recoverable"])}


DISPOSED = clause("Dispose.1", "portion <= free portion", _fits_free)
WITH_DEFAULT_PORTION = {"default": lambda step: {"portion": step.case.free}}

ROWS = (
    row(
        "Book",
        "ForeclosedAssetBooked",
        "CB",
        "foreclosure_no:I, asset_ids:L, fa_kind:E, quantity:N, settlement:M, costs_capitalised:M, taxes:M, "
        "boot_received:M?, boot_paid:M?, book_value:M, interest_offset:M?, book_offset:M?, acquired_on:D, "
        "dispose_by:D",
        makes=True,
        partner=True,
        next="BOOKED",
        effect=_booked,
    ),
    row("Distribute", "AssetDistributed", "DP", "manager:I", stages="BOOKED IN_CUSTODY", remember="distributor"),
    row(
        "Accept",
        "DistributionAccepted",
        "FK",
        stages="BOOKED IN_CUSTODY",
        next="IN_CUSTODY",
        clauses=(
            clause(
                "SD7",
                "who distributes is not the keeper who receives",
                lambda step: not step.case.has_played(step.actor, "distributor"),
            ),
        ),
        remember="keeper",
    ),
    row(
        "Check",
        "CheckRecorded",
        "FK",
        "asset_class:E, condition:E, status:E, matched:B, findings:S",
        stages=HELD,
        default=lambda step: {"status": "-", "matched": True, "findings": "-"},
        remember="keeper",
    ),
    row(
        "Reconcile",
        "InventoryReconciled",
        "BR",
        "book_qty:N, counted_qty:N, difference:S, counter:I?",
        stages=HELD,
        clauses=(
            clause(
                "SD7",
                "the counter is not the keeper",
                lambda step: not step.case.has_played(step.get("counter", step.actor), "keeper"),
            ),
        ),
        default=lambda step: {"difference": "-"},
    ),
    row("UpdateCard", "CustodyCardUpdated", "FK", "changes:J", stages=HELD),
    row("ChangeCustodian", "CustodianChanged", "FK", "custodian_branch:I", stages=HELD),
    row(
        "Revalue",
        "ValuationUpdated",
        "FK",
        "appraised:M, on:D",
        stages=HELD,
        clauses=(clause("Revalue.1", "report filed"),),
        default=lambda step: {"on": step.day},
        remember="valuer's sponsor",
    ),
    row(
        "Impair",
        "ImpairmentRecognised",
        "FN FC",
        "recoverable:M, amount:M",
        stages=HELD,
        clauses=(clause("Impair.1", "`amount = max(0, carrying - recoverable)`"),),
        derive=_impairment,
        effect=_impaired,
    ),
    row(
        "ReverseImpair",
        "ImpairmentReversed",
        "FN FC",
        "amount:M",
        stages=HELD,
        clauses=(
            clause(
                "ReverseImpair.1",
                "not above the earlier charge",
                lambda step: step["amount"] <= step.case.impairment_minor,
            ),
        ),
        effect=_impairment_reversed,
    ),
    row(
        "StartUse",
        "TemporaryUseStarted",
        "FK BR",
        "kind:E, counterparty:S, from_date:D, until_date:D, rent:M",
        stages=HELD,
        clauses=(clause("StartUse.1", "temporary only"), clause("StartUse.2", "never blocks disposal")),
        default=lambda step: {"counterparty": "-", "from_date": step.day},
    ),
    row("EndUse", "TemporaryUseEnded", "FK BR", stages=HELD),
    row(
        "RecordIncome",
        "CustodyIncomeRecorded",
        "FK FN",
        "kind:E, amount:M, period:S",
        default=lambda step: {"period": "-"},
        effect=_income,
    ),
    row(
        "RecordExpense",
        "CustodyExpenseRecorded",
        "FK FN",
        "kind:E, amount:M, period:S",
        default=lambda step: {"period": "-"},
        effect=_expense,
    ),
    row(
        "MarkIdle",
        "IdleMarked",
        "SY",
        "since:D",
        stages=HELD,
        clauses=(clause("MarkIdle.1", "not used, not let, not in disposal for `idle_days`"),),
        default=lambda step: {"since": step.day},
    ),
    row("Unmark", "IdleCleared", "SY", stages=HELD),
    row(
        "Reserve",
        "DisposalReserved",
        "SY",
        "fa_disposal_no:I, portion:P",
        stages=HELD,
        clauses=(
            clause(
                "Reserve.1",
                "`portion <=` free portion",
                lambda step: 0 < step["portion"] <= step.case.free - sum(step.case.reserved.values()),
            ),
        ),
        default=lambda step: {"portion": step.case.free},
        effect=_reserved,
    ),
    row(
        "Unreserve",
        "DisposalUnreserved",
        "SY",
        "fa_disposal_no:I, portion:P",
        stages=HELD,
        clauses=(clause("Unreserve.1", "reserved", lambda step: step["fa_disposal_no"] in step.case.reserved),),
        default=lambda step: {"portion": step.case.reserved.get(step.get("fa_disposal_no", ""), Decimal(0))},
        effect=_unreserved,
    ),
    row(
        "Sell",
        "AssetSold",
        "CB",
        "fa_disposal_no:I, portion:P, proceeds:M, selling_costs:M, carrying:M, interest_recognised:M, result:G",
        stages=HELD,
        partner=True,
        next=_stage_after("SOLD"),
        clauses=(DISPOSED,),
        derive=_sale,
        effect=_disposed,
    ),
    row(
        "Convert",
        "ConvertedToFixedAsset",
        "CB",
        "fa_disposal_no:I, portion:P, carrying:M, fixed_asset_no:I",
        stages=HELD,
        partner=True,
        next=_stage_after("CONVERTED"),
        clauses=(DISPOSED,),
        derive=_conversion,
        effect=_disposed,
    ),
    row(
        "ListLoss",
        "LossListed",
        "CB",
        "fa_disposal_no:I, portion:P, carrying:M, compensation:M, result:G",
        stages=HELD,
        partner=True,
        next=_stage_after("LOST"),
        clauses=(DISPOSED,),
        derive=_loss_listing,
        effect=_disposed,
    ),
    row(
        "UndoDisposal",
        "DisposalUndone",
        "CB",
        "fa_disposal_no:I, portion:P, carrying:M, result:G, kind:E",
        stages=f"{HELD} SOLD CONVERTED LOST",
        partner=True,
        next="IN_CUSTODY",
        clauses=(clause("STATE", "that disposal stands", lambda s: s["fa_disposal_no"] in s.case.disposals),),
        derive=_undoing,
        counts_on=_undoing_day,
        effect=_undone,
    ),
    row(
        "Void",
        "ForeclosedAssetVoided",
        "CB",
        "foreclosure_no:I",
        stages=HELD,
        partner=True,
        next="VOID",
        effect=lambda case, facts, who: case.void(),
    ),
)


class ForeclosedAsset(Case):
    """Booked, distributed, kept, valued, used for a time, disposed of in portions."""

    NAME = "ForeclosedAsset"
    KEY = "fa_no"
    ROWS = ROWS

    def start(self) -> None:
        self.free = WHOLE
        self.carrying_minor = self.impairment_minor = self.interest_left_minor = 0
        self.income_minor = self.loss_minor = self.cash_in_minor = self.cash_out_minor = 0
        self.reserved: dict[str, Decimal] = {}
        self.disposals: dict[str, dict[str, Any]] = {}

    @property
    def is_whole(self) -> bool:
        return self.free == WHOLE and not self.disposals

    def void(self) -> None:
        """The receipt was reversed: what was booked is taken back, what was spent meanwhile stays spent."""
        self.loss_minor += self.carrying_minor - self.facts.get("book_offset", self.facts["book_value"])
        self.carrying_minor = 0
        self.interest_left_minor = 0

    def extra(self) -> dict[str, Any]:
        return {
            "free_portion": str(self.free),
            "carrying_minor": self.carrying_minor,
            "impairment_minor": self.impairment_minor,
            "income_minor": self.income_minor,
            "loss_minor": self.loss_minor,
        }
