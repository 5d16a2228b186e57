"""Inputs of `tidemark calc intraday`: a day's payments, sources and lines, stress edits, a month's days."""

import re
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from api.calculations.fields import Count, Day, Inputs, Name, NonNegative, Share
from engines.intraday import DAY_SECONDS, Payment
from engines.intraday_stress import PaymentEdit

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")


def _second(value: Any) -> int:
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('want a time of day, as "09:30" or "09:30:15"')
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3_600 + minutes * 60 + seconds


#: Seconds since midnight, from text.
Time = Annotated[int, BeforeValidator(_second), WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d(:\d\d)?$"})]


class PaymentLine(Inputs):
    """A payment on the route; one that was reversed or failed has no time of settlement and is left out."""

    seq: int = Field(description="in the route's ledger; decides among equal times")
    time: Time | None = Field(description="of settlement; null: it did not settle")
    direction: Literal["sent", "received"]
    amount: NonNegative
    ref: Name | None = None
    time_specific: bool = False
    deadline: Time | None = None
    customer: Name | None = Field(default=None, description="sent on behalf of this correspondent customer")
    counterparty: Name | None = None
    internalised: bool = Field(default=False, description="between two customers on our own books")

    def payment(self, opening: int) -> Payment | None:
        if self.time is None:
            return None
        return Payment(
            second=(self.time - opening) % DAY_SECONDS,
            sequence=self.seq,
            amount=self.amount,
            is_sent=self.direction == "sent",
            time_specific=self.time_specific,
            deadline_second=None if self.deadline is None else (self.deadline - opening) % DAY_SECONDS,
            customer=self.customer,
            counterparty=self.counterparty,
            internalised=self.internalised,
        )


class CreditLine(Inputs):
    """An intraday line extended to a customer; `peak_use` is the most drawn at any one moment."""

    customer: Name
    line: NonNegative
    secured: bool = False
    committed: bool = False
    peak_use: NonNegative = Fraction(0)


class EditLine(Inputs):
    """A stress on the payments that match; what is left out matches all."""

    direction: Literal["sent", "received"] | None = None
    counterparty: Name | None = None
    customer: Name | None = None
    delay_minutes: Count = 0
    scale: NonNegative = Field(default=Fraction(1), description="0 removes")

    def edit(self) -> PaymentEdit:
        is_sent = None if self.direction is None else self.direction == "sent"
        return PaymentEdit(is_sent, self.counterparty, self.customer, self.delay_minutes, self.scale)


class OneDay(Inputs):
    """One route on one business day; `stress` and `source_haircuts` add the same figures under stress."""

    payments: list[PaymentLine]
    available_at_start: dict[str, NonNegative] | None = Field(
        default=None, description="sources at the opening; every one given is summed"
    )
    throughput_marks: list[Time] | None = None
    customer_credit_lines: list[CreditLine] | None = None
    opening: Time = Field(default=0, description="times before it belong to the small hours at the day's end")
    include_internalised: bool = False
    stress: list[EditLine] | None = None
    source_haircuts: dict[str, Share] | None = Field(default=None, description="shares lost under stress")


class MonthDay(Inputs):
    date: Day
    largest_negative: NonNegative
    largest_positive: NonNegative
    available_at_start: NonNegative
    available_sources: dict[str, NonNegative] | None = Field(default=None, description="must add up to the total")
    gross_sent: NonNegative | None = None
    gross_received: NonNegative | None = None
    time_specific_total: NonNegative | None = None
    customer_payments: NonNegative | None = None


class Month(Inputs):
    """The business days of a month on one route."""

    days: list[MonthDay]
