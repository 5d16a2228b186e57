"""Stress of an intraday day as edits: delay, remove or scale payments, cut sources; the formulas stay the same.

Source: SRP50.82-50.92 (own stress, counterparty stress, a customer bank's stress, market-wide stress). Not for the
measures: `engines.intraday`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from engines.intraday import DAY_SECONDS, Payment
from engines.primitives.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class PaymentEdit:
    """What happens to the payments that match; null matches all."""

    is_sent: bool | None = None
    counterparty: str | None = None
    customer: str | None = None
    delay_minutes: int = 0  # >= 0
    scale: Fraction = Fraction(1)  # >= 0; 0 removes

    def matches(self, payment: Payment) -> bool:
        return (
            self.is_sent in {None, payment.is_sent}
            and self.counterparty in {None, payment.counterparty}
            and self.customer in {None, payment.customer}
        )


def edited(payments: Sequence[Payment], edits: Sequence[PaymentEdit]) -> list[Payment]:
    """The payments after all edits, in their order. One delayed beyond the end of the day does not settle on it.

    Raises:
        InvalidInput: a negative delay or scale; `record` is the edit.
    """
    for place, edit in enumerate(edits):
        for name, value in (("delay_minutes", edit.delay_minutes), ("scale", edit.scale)):
            if value < 0:
                raise InvalidInput("may not be negative", field=f"edits[{place}].{name}", record=f"edits[{place}]")
    found = []
    for payment in payments:
        second, amount = payment.second, payment.amount
        for edit in edits:
            if edit.matches(payment):
                second, amount = second + 60 * edit.delay_minutes, amount * edit.scale
        if amount and second < DAY_SECONDS:
            found.append(replace(payment, second=second, amount=amount))
    return found


def cut_sources(sources: Mapping[str, Fraction], haircuts: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Sources at the start of the day less their haircut (1 takes all away, as of an uncommitted line).

    Raises:
        InvalidInput: a haircut outside 0..1, or on a source that is not there.
    """
    for name, haircut in haircuts.items():
        if name not in sources or not 0 <= haircut <= 1:
            raise InvalidInput("want a haircut from 0 to 1 on a given source", field=f"source_haircuts.{name}")
    return {name: amount * (1 - haircuts.get(name, Fraction(0))) for name, amount in sources.items()}
