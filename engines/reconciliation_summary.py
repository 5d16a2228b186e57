"""Match rates and ageing of a reconciliation, one currency at a time (LIQ-05)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from engines.indicators import Ratio
from engines.reconciliation_records import Reconciliation

ZERO = Fraction(0)
#: Calendar days since the value date up to which a bucket holds, and its name; older is the last.
AGE_BUCKETS = ((-1, "NOT_DUE"), (1, "D0_1"), (7, "D2_7"), (30, "D8_30"))
OLDEST = "D31P"
AGE_NAMES = (*(name for _, name in AGE_BUCKETS), OLDEST)


@dataclass(frozen=True, slots=True)
class Aged:
    """What still needs a person, in one age bucket."""

    open_items: int = 0
    open_amount: Fraction = ZERO
    unexpected: int = 0
    unexpected_amount: Fraction = ZERO


@dataclass(frozen=True, slots=True)
class Summary:
    """`rate_by_count` counts matched items only, `rate_by_amount` also the booked part of partial ones."""

    currency: str
    rate_by_count: Ratio
    rate_by_amount: Ratio
    ageing: Mapping[str, Aged]  # by bucket, youngest first, each of them


def age_bucket(value_date: date, as_of: date) -> str:
    """By calendar days past the value date, 0 on it; before it nothing is late."""
    days = (as_of - value_date).days
    return next((name for edge, name in AGE_BUCKETS if days <= edge), OLDEST)


def summaries(found: Reconciliation, as_of: date) -> list[Summary]:
    """One per currency of the items or transactions, by code. Source: LIQ-05."""
    items, booked = found.items, found.transactions
    currencies = {one.item.currency for one in items} | {one.transaction.currency for one in booked}
    return [_summary(currency, found, as_of) for currency in sorted(currencies)]


def _summary(currency: str, found: Reconciliation, as_of: date) -> Summary:
    items = [one for one in found.items if one.item.currency == currency]
    left = [(one.item.value_date, one.open_amount) for one in items if one.status != "MATCHED"]
    unexpected = [
        (one.transaction.value_date, one.transaction.amount)
        for one in found.transactions
        if one.rung is None and one.transaction.currency == currency
    ]
    matched = sum(one.status == "MATCHED" for one in items)
    return Summary(
        currency,
        Ratio(Fraction(matched), Fraction(len(items))),
        Ratio(sum((one.matched for one in items), ZERO), sum((one.item.amount for one in items), ZERO)),
        {name: Aged(*_of_age(left, name, as_of), *_of_age(unexpected, name, as_of)) for name in AGE_NAMES},
    )


def _of_age(dated: Sequence[tuple[date, Fraction]], name: str, as_of: date) -> tuple[int, Fraction]:
    amounts = [amount for day, amount in dated if age_bucket(day, as_of) == name]
    return len(amounts), sum(amounts, ZERO)
