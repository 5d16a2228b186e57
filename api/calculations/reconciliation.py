"""Calculation `reconciliation`: forecast items cleared by bookings, match rates, ageing of what is left."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from api.calculations.fields import Day, Inputs, Name, NonNegative, Positive
from api.calculations.ratio_results import ratio_keys
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import not_computable, plain_text
from engines.indicators import Ratio
from engines.reconciliation import LEG_CANDIDATES_MAX, LEGS_MAX, TOLERANCE, reconcile
from engines.reconciliation_records import (
    Entry,
    ItemResult,
    ManualMatch,
    Reconciliation,
    Rung,
    TransactionResult,
)
from engines.reconciliation_summary import Summary, age_bucket, summaries


class EntryLine(Inputs):
    id: Name
    account: Name = ""
    direction: Literal["in", "out"]
    amount: Positive
    value_date: Day
    ccy: Name = "CNY"
    payment_ref: Name = ""

    def entry(self) -> Entry:
        return Entry(self.id, self.account, self.direction, self.amount, self.value_date, self.ccy, self.payment_ref)


class ManualLine(Inputs):
    """Set before the ladder; an item may have several."""

    item_id: Name
    transaction_ids: list[Name] = Field(min_length=1)
    maker: Name
    checker: Name


class Reconcile(Inputs):
    as_of: Day
    items: list[EntryLine] = Field(description="forecast")
    transactions: list[EntryLine] = Field(description="settled and not reversed")
    manual: list[ManualLine] = Field(default=[])
    tolerance: NonNegative = TOLERANCE
    legs_max: int = Field(default=LEGS_MAX, ge=2, le=LEGS_MAX)
    leg_candidates_max: int = Field(
        default=LEG_CANDIDATES_MAX, ge=2, le=60, description="bookings of an account's day that legs are sought among"
    )
    holidays: list[Day] = Field(default=[], description="beside Saturdays and Sundays")


def _compute(inputs: Reconcile) -> Result:
    found = reconcile(
        [line.entry() for line in inputs.items],
        [line.entry() for line in inputs.transactions],
        [ManualMatch(one.item_id, tuple(one.transaction_ids), one.maker, one.checker) for one in inputs.manual],
        tolerance=inputs.tolerance,
        legs_max=inputs.legs_max,
        leg_candidates_max=inputs.leg_candidates_max,
        holidays=inputs.holidays,
    )
    parts = summaries(found, inputs.as_of)
    return {
        **_overall(found, parts),
        "currencies": [_of_currency(one) for one in parts],
        "ageing": _ageing(parts),
        "items": [_of_item(one, inputs.as_of) for one in found.items],
        "transactions": [_of_transaction(one, inputs.as_of) for one in found.transactions],
    }


def _overall(found: Reconciliation, parts: Sequence[Summary]) -> dict[str, Any]:
    """Counts of all currencies; amounts of two do not add up, so then there is no rate of them."""
    counts = sum((one.rate_by_count for one in parts), Ratio(Fraction(0), Fraction(0)))
    amounts = parts[0].rate_by_amount if len(parts) == 1 else Ratio(Fraction(0), Fraction(0))
    reasons = [] if counts.denominator else ["there is no forecast item"]
    if counts.denominator and len(parts) > 1:
        reasons = ["rate_amount: there are several currencies, see each of them"]
    statuses = [one.status for one in found.items]
    return {
        "matched": statuses.count("MATCHED"),
        "partial": statuses.count("PARTIAL"),
        "open": statuses.count("OPEN"),
        "unexpected": sum(one.rung is None for one in found.transactions),
        **ratio_keys("rate_count", counts),
        **ratio_keys("rate_amount", amounts),
    } | not_computable(reasons)


def _of_currency(one: Summary) -> dict[str, Any]:
    shown = {
        "ccy": one.currency,
        "items": int(one.rate_by_count.denominator),
        "matched_items": int(one.rate_by_count.numerator),
        "forecast_amount": plain_text(one.rate_by_amount.denominator),
        "matched_amount": plain_text(one.rate_by_amount.numerator),
    }
    return shown | ratio_keys("rate_count", one.rate_by_count) | ratio_keys("rate_amount", one.rate_by_amount)


def _ageing(parts: Sequence[Summary]) -> list[dict[str, Any]]:
    return [
        {
            "ccy": one.currency,
            "bucket": name,
            "open_items": aged.open_items,
            "open_amount": plain_text(aged.open_amount),
            "unexpected": aged.unexpected,
            "unexpected_amount": plain_text(aged.unexpected_amount),
        }
        for one in parts
        for name, aged in one.ageing.items()
    ]


def _of_item(one: ItemResult, as_of: date) -> dict[str, Any]:
    is_left = one.status != "MATCHED"
    return {
        "id": one.item.entry_id,
        "status": one.status,
        **_rung(one.rung),
        "transaction_ids": list(one.transaction_ids),
        "amount": plain_text(one.item.amount),
        "booked": plain_text(one.booked),
        "open_amount": plain_text(one.open_amount),
        "age": age_bucket(one.item.value_date, as_of) if is_left else None,
        "too_many_legs": one.too_many_legs and is_left,
    }


def _of_transaction(one: TransactionResult, as_of: date) -> dict[str, Any]:
    return {
        "id": one.transaction.entry_id,
        "status": "UNEXPECTED" if one.rung is None else "MATCHED",
        **_rung(one.rung),
        "item_id": one.item_id,
        "amount": plain_text(one.transaction.amount),
        "age": age_bucket(one.transaction.value_date, as_of) if one.rung is None else None,
    }


def _rung(rung: Rung | None) -> dict[str, Any]:
    return {"rung": None, "matched_by": None} if rung is None else {"rung": rung.value, "matched_by": rung.name}


CALCULATION = Calculation(
    "reconciliation",
    "Forecast items cleared by bookings in four rungs, match rates and ageing (LIQ-05).",
    (Variant("default", Reconcile, _compute),),
    sheets_of("amount", "booked", "open_amount", "forecast_amount", "matched_amount", "unexpected_amount"),
)
