"""What an interest trial starts from: the claim, the parameters, the events, each checked at the door (RA-36).

Paths in errors are those of the arguments of `engines.interest_trial.trial`: `params.rates[1].from_day`.
Not for the computation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType

from engines.primitives.errors import InvalidInput


class DayCount(StrEnum):
    ACT_360 = "ACT_360"
    ACT_365 = "ACT_365"
    E30_360 = "E30_360"

    @property
    def days_per_year(self) -> int:
        return 365 if self is DayCount.ACT_365 else 360

    def days(self, start: date, end: date) -> int:
        """Days of interest from `start`, counted, to `end`, not counted. Additive: cutting a span adds nothing."""
        if self is not DayCount.E30_360:
            return (end - start).days
        months = 12 * (end.year - start.year) + end.month - start.month
        return 30 * months + min(end.day, 30) - min(start.day, 30)


class CompoundBase(StrEnum):
    """What bears compound interest: billed unpaid interest, and what is added to it."""

    INTEREST = "INTEREST"
    NONE = "NONE"
    INTEREST_COMPOUND = "INTEREST_COMPOUND"
    ALL = "ALL"


class Order(StrEnum):
    """In which order a payment meets the components of the claim (spec 6.1, 7.1)."""

    INTEREST_FIRST = "INTEREST_FIRST"
    PRINCIPAL_FIRST = "PRINCIPAL_FIRST"
    IN_KIND = "IN_KIND"


COMPONENTS_BY_ORDER: Mapping[Order, tuple[str, ...]] = MappingProxyType(
    {
        Order.INTEREST_FIRST: ("costs", "compound", "penalty", "interest", "principal"),
        Order.PRINCIPAL_FIRST: ("costs", "principal", "interest", "penalty", "compound"),
        Order.IN_KIND: ("principal", "interest", "penalty", "compound"),
    }
)


class Kind(StrEnum):
    INSTALMENT = "instalment"  # a part of the principal falls due
    ACCELERATION = "acceleration"  # all of it falls due before its time
    REPAYMENT = "repayment"
    WAIVER = "waiver"
    IN_KIND = "in_kind"  # an asset is taken in payment


YEARS = 1900, 2200  # a day outside is a mistake
SPAN_YEARS_MAX = 100

PAYMENTS = frozenset({Kind.REPAYMENT, Kind.WAIVER, Kind.IN_KIND})


@dataclass(frozen=True, slots=True)
class Claim:
    """What is owed, in hundredths of the currency unit, >= 0. Billed amounts were settled, accrued ones not yet."""

    principal_not_due: int = 0
    principal_overdue: int = 0
    interest_billed: int = 0
    interest_accrued: int = 0
    penalty_billed: int = 0
    penalty_accrued: int = 0
    compound_billed: int = 0
    compound_accrued: int = 0
    costs: int = 0


#: The parts of each component in the order in which a payment meets them.
PARTS_BY_COMPONENT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "principal": ("principal_overdue", "principal_not_due"),
        "interest": ("interest_billed", "interest_accrued"),
        "penalty": ("penalty_billed", "penalty_accrued"),
        "compound": ("compound_billed", "compound_accrued"),
        "costs": ("costs",),
    }
)


@dataclass(frozen=True, slots=True)
class Running:
    """Accrued since the last cut and not yet rounded, in hundredths, exact."""

    interest: Fraction = Fraction(0)
    penalty: Fraction = Fraction(0)
    compound: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Opening:
    """The claim at the start of `day`, after billing if that is a settlement day."""

    day: date
    claim: Claim
    running: Running = Running()
    accelerated: bool = False  # all of it fell due before maturity

    def check(self, as_of: date) -> None:
        if not YEARS[0] <= self.day.year <= YEARS[1]:
            raise InvalidInput(f"want a year from {YEARS[0]} to {YEARS[1]}", field="opening.day")
        if as_of < self.day:
            raise InvalidInput(f"the chosen day is before the opening on {self.day}", field="as_of")
        if as_of.year > self.day.year + SPAN_YEARS_MAX:
            raise InvalidInput(f"the chosen day is more than {SPAN_YEARS_MAX} years after the opening", field="as_of")
        for name in Claim.__dataclass_fields__:
            if getattr(self.claim, name) < 0:
                raise InvalidInput("no part of the claim may be negative", field=f"opening.{name}")


@dataclass(frozen=True, slots=True)
class Params:
    """Parameters of spec 6.1; rates and the markup are per cent, rates per year."""

    rates: tuple[tuple[date, Fraction], ...]  # (from_day, contract rate), days rising
    maturity: date | None  # None: the principal falls due by instalments or acceleration only
    day_count: DayCount = DayCount.ACT_360
    penalty_markup: Fraction = Fraction(50)
    settle_months: tuple[int, ...] = (3, 6, 9, 12)
    settle_day: int = 20  # the cut is the day after; clipped to the month's end
    compound_base: CompoundBase = CompoundBase.INTEREST
    order: Order = Order.INTEREST_FIRST  # of repayments and waivers that name none
    stop_on: date | None = None  # nothing accrues from this day on

    def check(self, opening: Opening) -> None:
        if not self.rates:
            raise InvalidInput("no contract rate is given", field="params.rates")
        for place, (from_day, rate) in enumerate(self.rates):
            record = f"params.rates[{place}]"
            if rate < 0:
                raise InvalidInput("a contract rate may not be negative", field=f"{record}.rate", record=record)
            if place and from_day <= self.rates[place - 1][0]:
                raise InvalidInput("days of rates must rise", field=f"{record}.from_day", record=record)
        if self.rates[0][0] > opening.day:
            raise InvalidInput(
                f"no contract rate from {opening.day} to {self.rates[0][0]}",
                field="params.rates[0].from_day",
                record="params.rates[0]",
            )
        if self.penalty_markup < 0:
            raise InvalidInput("the markup may not be negative", field="params.penalty_markup")
        if not 1 <= self.settle_day <= 31:
            raise InvalidInput("want a day of the month", field="params.settle_day")
        if any(not 1 <= month <= 12 for month in self.settle_months):
            raise InvalidInput("want months from 1 to 12", field="params.settle_months")
        due = opening.accelerated or (self.maturity is not None and self.maturity < opening.day)
        if due and opening.claim.principal_not_due:
            raise InvalidInput("after maturity no principal is not due", field="opening.principal_not_due")

    def rate_on(self, day: date) -> Fraction:
        return next(rate for from_day, rate in reversed(self.rates) if from_day <= day)

    def overdue_rate_on(self, day: date) -> Fraction:
        return self.rate_on(day) * (1 + self.penalty_markup / 100)

    def cuts(self, after: date, until: date) -> list[date]:
        """Settlement cuts after `after` and not after `until`: each the day behind a settlement day."""
        found = []
        for year in range(after.year - 1, until.year + 1):
            for month in sorted(set(self.settle_months)):
                following = date(year + month // 12, month % 12 + 1, 1)
                settled = min(date(year, month, 1) + timedelta(self.settle_day - 1), following - timedelta(1))
                found.append(settled + timedelta(1))
        return [day for day in found if after < day <= until]


@dataclass(frozen=True, slots=True)
class Event:
    kind: Kind
    day: date
    amount: int = 0  # hundredths; acceleration has none
    order: Order | None = None  # of a payment; default: that of the parameters, in kind its own
    alloc: Mapping[str, int] = field(default_factory=dict)  # amounts by component in place of an order


def check_events(events: Sequence[Event], opening: Opening) -> None:
    """Raises InvalidInput for an event that cannot be, whatever the claim is on its day."""
    for place, event in enumerate(events):
        record = f"events[{place}]"
        before = events[place - 1].day if place else opening.day
        if event.day < before:
            what = "the event before it" if place else "the opening"
            raise InvalidInput(f"{event.day} is before {what}", field=f"{record}.day", record=record)
        if (event.amount == 0) != (event.kind is Kind.ACCELERATION) or event.amount < 0:
            raise InvalidInput(
                f"{event.kind} wants {'no amount' if event.kind is Kind.ACCELERATION else 'an amount above 0'}",
                field=f"{record}.amount",
                record=record,
            )
        if event.kind not in PAYMENTS and (event.order is not None or event.alloc):
            raise InvalidInput(f"{event.kind} has no order", field=f"{record}.order", record=record)
        if event.alloc:
            _check_alloc(event, record)


def _check_alloc(event: Event, record: str) -> None:
    path = f"{record}.alloc"
    if event.order is not None:
        raise InvalidInput("give an order or an alloc, not both", field=path, record=record)
    if unknown := sorted(event.alloc.keys() - PARTS_BY_COMPONENT.keys()):
        raise InvalidInput(f"{unknown[0]!r} is no component", field=path, record=record)
    if min(event.alloc.values()) < 0 or sum(event.alloc.values()) != event.amount:
        raise InvalidInput("the parts must be >= 0 and add up to the amount", field=path, record=record)
