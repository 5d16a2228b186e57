"""One contract under evaluation: its terms, what is observed, and the functions S, Y, X and O of the standard.

What payoff and transition functions take beside the states and the event.
"""

import math
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from engines.actus import day_counts
from engines.actus.calendars import calculates_after_shift, shift_instant
from engines.actus.cycles import Cycle, schedule
from engines.actus.dates import accrual_day
from engines.actus.events import ORDER, Event, EventType
from engines.actus.formula import Step
from engines.actus.observed import Observed, ObservedEvent
from engines.actus.terms import Terms

NO_DAY = -(1 << 40)
AMORTISING = ("LAM", "NAM", "ANN", "LAX")  # the types with an interest calculation base (techspec 7.2 to 7.5)


class Context:
    """Built by the state machine. `maturity` is Md(t0), an instant, None where a contract has none.

    `steps` collects each use of a formula when an explanation is wanted, else it is None.
    """

    def __init__(
        self, terms: Terms, observed: Observed, horizon: int | None = None, *, explain: bool = False
    ) -> None:
        self.terms, self.observed, self.horizon = terms, observed, horizon
        self.maturity: int | None = None
        self.steps: list[Step] | None = [] if explain else None

    def use(self, target: str, function: Callable[..., Any], *arguments: float) -> float:
        """The result of a formula; noted, when an explanation is wanted, as what gave `target`."""
        result: float = function(*arguments)
        if self.steps is not None:
            names = function.__code__.co_varnames[: function.__code__.co_argcount]
            self.steps.append(Step(target, function, dict(zip(names, arguments, strict=True)), result))
        return result

    # S: schedules

    @property
    def end_of_month(self) -> bool:
        return self.terms.end_of_month_convention == "EOM"

    def times(self, anchor: int | None, cycle: Cycle | None, end: int | None, *, with_end: bool = True) -> list[int]:
        """S(s, c, T) where s is the anchor, or the initial exchange plus one cycle where there is none.

        Counted from the initial exchange then, so that its day of the month is the one that is kept.
        """
        start = anchor
        if anchor is None and cycle is not None:
            start = self.terms.initial_exchange_date
        try:
            times = schedule(start, cycle, end, end_of_month=self.end_of_month, with_end=with_end)
        except ValueError as error:
            raise self.terms.invalid("maturity_date", str(error)) from error
        return [time for time in times if anchor is not None or time != start or time == end]

    def shift(self, instant: int) -> int:
        """An instant after the business day shift."""
        return shift_instant(instant, self.terms.business_day_convention, self.terms.calendar)

    def day(self, scheduled: int) -> int:
        """The day for which year fractions count an instant: after the shift under shift/calculate conventions.

        So for every instant, also those whose events do not move, such as a maturity (reference case clm10).
        """
        if calculates_after_shift(self.terms.business_day_convention):
            return accrual_day(self.shift(scheduled))
        return accrual_day(scheduled)

    def event(self, kind: EventType, scheduled: int, *, shifted: bool = False, **more: Any) -> Event:
        """An event; `shifted`: it is cyclic and moves to a business day, never out of the contract's life.

        The initial exchange and the maturity do not move, so what moves past one of them stays at it.
        """
        instant = self.shift(scheduled) if shifted else scheduled
        start, end = self.terms.initial_exchange_date, self.maturity
        if end is not None and scheduled <= end < instant:
            instant = end
        if start is not None and instant < start <= scheduled:
            instant = start
        more.setdefault("order", ORDER[kind])
        return Event(kind, instant, scheduled, self.day(scheduled), **more)

    def events(self, kind: EventType, times: Iterable[int], **more: Any) -> list[Event]:
        """Cyclic events. The end of a schedule, t_n, is not shifted (techspec 3.4)."""
        return [self.event(kind, time, shifted=time != self.maturity, **more) for time in times]

    def is_alive(self, instant: int) -> bool:
        """Whether a contract has not ended by its maturity before: a later purchase or termination never comes.

        Source: techspec 2.10 Contract Lifetime.
        """
        return self.maturity is None or instant <= self.maturity

    # Y: year fractions

    def year_fraction(self, start: int, end: int) -> float:
        """Y(s, t) of two days under the day count convention; 0.0 where the contract has none, and so no interest."""
        convention = self.terms.day_count_convention
        if convention is None:
            return 0.0
        asked = convention == "30E360ISDA"  # the others do not read it, and it is known only once Md(t0) is
        return day_counts.year_fraction(start, end, convention, self.maturity_day if asked else NO_DAY)

    @property
    def maturity_day(self) -> int:
        """The day of the maturity; NO_DAY where there is none, or none yet."""
        return NO_DAY if self.maturity is None else self.day(self.maturity)

    # X and O: what is observed

    def risk_factor(self, code: str, instant: int) -> float:
        return self.observed.risk_factor(code, instant, record=self.terms.contract_id)

    def observed_events(self, *kinds: str) -> list[ObservedEvent]:
        return self.observed.events_of(self.terms.contract_id, *kinds)

    def fx(self, event: Event) -> float:
        """X: units of the settlement currency for one of the contract's currency (techspec 3.10)."""
        own, settled = self.terms.currency, self.terms.settlement_currency
        if not settled or settled == own:
            return 1.0
        return self.risk_factor(f"{own}/{settled}", event.scheduled)

    @property
    def currency(self) -> str:
        """The currency of payoffs."""
        return self.terms.settlement_currency or self.terms.currency

    @property
    def has_base(self) -> bool:
        """Whether the type knows an interest calculation base of its own."""
        return self.terms.contract_type in AMORTISING

    @property
    def keeps_base(self) -> bool:
        """Whether the interest calculation base stays where it is when the notional moves (NTIED, NTL).

        Types without a base accrue on the notional.
        """
        return self.has_base and self.terms.interest_calculation_base != "NT"

    @cached_property
    def rate_bounds(self) -> tuple[float, float, float, float]:
        """Period floor (a fall, <= 0), period cap, life floor and life cap; infinities where there is none.

        The dictionary gives the period floor as a positive "maximum negative rate change", the standard uses it as
        a lower bound of the change: either sign is read as the same fall.
        """
        terms = self.terms
        return (
            -math.inf if terms.period_floor is None else -abs(terms.period_floor),
            math.inf if terms.period_cap is None else terms.period_cap,
            -math.inf if terms.life_floor is None else terms.life_floor,
            math.inf if terms.life_cap is None else terms.life_cap,
        )
