"""Interest trial of an overdue loan to a chosen day, with every step shown (RA-36, spec 6.2).

Exact rationals between cuts, HALF_UP to hundredths at cuts and nowhere else. Money is in hundredths of the
currency unit. Not for provisions or effective-rate income: this is the claim against the debtor.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from fractions import Fraction
from types import MappingProxyType

from engines.exact_ratio import half_up
from engines.interest_trial_terms import (
    COMPONENTS_BY_ORDER,
    PARTS_BY_COMPONENT,
    Claim,
    CompoundBase,
    Event,
    Kind,
    Opening,
    Order,
    Params,
    Running,
    check_events,
)
from engines.primitives.errors import InvalidInput

#: Of the unpaid judgment debt, a day (SPC Fa Shi [2014] 8, article 1).
DELAYED_PERFORMANCE_RATE = Fraction(175, 1_000_000)

COMPOUND_PARTS: Mapping[CompoundBase, tuple[str, ...]] = MappingProxyType(
    {
        CompoundBase.INTEREST: ("interest_billed",),
        CompoundBase.NONE: (),
        CompoundBase.INTEREST_COMPOUND: ("interest_billed", "compound_billed"),
        CompoundBase.ALL: ("interest_billed", "compound_billed", "penalty_billed"),
    }
)
_ACCRUING = ("interest", "penalty", "compound")
_RATE_CHANGE, _MATURITY, _SETTLEMENT, _CHOSEN_DAY = "rate_change", "maturity", "settlement", "chosen_day"
#: Order of one day's happenings (step 1); payments come last. An instalment stands before a maturity of the
#: same day, which takes what is left.
_RANK = MappingProxyType(
    {_RATE_CHANGE: 0, str(Kind.INSTALMENT): 1, str(Kind.ACCELERATION): 1, _MATURITY: 2, _SETTLEMENT: 3}
)
_RANK_OF_PAYMENTS = 4


@dataclass(frozen=True, slots=True)
class Totals:
    principal: int
    interest: int
    penalty: int
    compound: int
    costs: int

    @property
    def sum(self) -> int:
        return self.principal + self.interest + self.penalty + self.compound + self.costs


@dataclass(slots=True)
class Row:
    """A line of the trial: one component over one span, or what happened on a day."""

    component: str  # interest, penalty, compound, delayed_performance, or the happening
    from_day: date
    to_day: date | None = None
    days: int | None = None
    base: int | None = None  # hundredths; of a payment: its amount
    rate: Fraction | None = None  # per cent a year, with the markup where it applies
    contract_rate: Fraction | None = None
    days_per_year: int | None = None
    exact: Fraction | None = None  # hundredths
    rounded: int | None = None  # hundredths: of this row and those of its component since the last cut
    cut: str = ""  # what rounded it
    paid: tuple[tuple[str, int], ...] = ()  # component, hundredths
    claim: Claim | None = None  # after a happening
    totals: Totals | None = None  # owed after this row; amounts that no cut has rounded yet are not in it


@dataclass(frozen=True, slots=True)
class Trial:
    rows: tuple[Row, ...]
    totals: Totals  # on the chosen day
    claim: Claim  # on the chosen day
    carried: Opening  # where a later trial goes on; without the cut at the chosen day (step 6)
    delayed_performance: int  # hundredths, beside the totals
    events_after: int  # events after the chosen day, which this trial does not know


def trial(
    opening: Opening,
    params: Params,
    events: Sequence[Event],
    as_of: date,
    judgment_debt: Sequence[tuple[date, int]] = (),
) -> Trial:
    """The claim on `as_of`, after all that happened on that day.

    Args:
        events: in recorded order, days not falling; later ones than `as_of` are counted, not applied.
        judgment_debt: (from_day, unpaid judgment debt without general interest, in hundredths), days rising.
    Raises:
        InvalidInput: `field` and `record` name what cannot be.
    Source: spec/risk-assets 6.2; PBC Yin Fa [2003] 251 for the overdue rate; Civil Code article 561 for the
    default order; SPC Fa Shi [2014] 8 articles 1 to 4 for delayed performance.
    """
    opening.check(as_of)
    params.check(opening)
    check_events(events, opening)
    run = _Run(opening, params)
    happenings = sorted(_happenings(opening, params, events, as_of), key=lambda found: found[:3])
    for day in sorted({found[0] for found in happenings}):
        today = [found for found in happenings if found[0] == day]
        run.accrue(day)
        # One cut serves the whole day: nothing accrues within it.
        causes = [name for *_, name, _ in today if run.is_cut(name)]
        if causes:
            run.cut(causes[0])
        for _, _, place, name, event in today:
            run.apply(name, place, event)
    run.accrue(as_of)
    carried = Opening(as_of, Claim(**run.owed), Running(**run.running), run.accelerated)
    run.cut(_CHOSEN_DAY)
    extra_rows, extra = delayed_performance(judgment_debt, as_of, params.stop_on)
    return Trial(
        (*run.rows, *extra_rows),
        run.totals(),
        Claim(**run.owed),
        carried,
        extra,
        sum(event.day > as_of for event in events),
    )


def delayed_performance(
    judgment_debt: Sequence[tuple[date, int]], as_of: date, stop_on: date | None = None
) -> tuple[list[Row], int]:
    """The double part of delayed-performance interest up to `as_of`: unpaid debt x 0.000175 x days.

    Args:
        judgment_debt: (from_day, unpaid debt without general interest, in hundredths), days rising.
    Returns:
        A row for each step, and the sum rounded HALF_UP once, in hundredths.
    Source: SPC Fa Shi [2014] 8, articles 1 to 4.
    """
    rows: list[Row] = []
    end = as_of if stop_on is None else min(as_of, stop_on)
    for place, (from_day, unpaid) in enumerate(judgment_debt):
        record = f"delayed_performance[{place}]"
        if unpaid < 0:
            raise InvalidInput("a debt may not be negative", field=f"{record}.unpaid", record=record)
        if place and from_day <= judgment_debt[place - 1][0]:
            raise InvalidInput("days must rise", field=f"{record}.from_day", record=record)
        until = min(judgment_debt[place + 1][0], end) if place + 1 < len(judgment_debt) else end
        days = (until - from_day).days
        if days > 0 and unpaid:
            exact = unpaid * DELAYED_PERFORMANCE_RATE * days
            rows.append(Row("delayed_performance", from_day, until, days, unpaid, exact=exact))
    total = _rounded(sum((row.exact or Fraction(0) for row in rows), Fraction(0)))
    if rows:
        rows[-1].rounded, rows[-1].cut = total, _CHOSEN_DAY
    return rows, total


_Happening = tuple[date, int, int, str, Event | None]  # day, rank, place among the events, name, event


def _happenings(opening: Opening, params: Params, events: Sequence[Event], as_of: date) -> Iterator[_Happening]:
    for from_day, _ in params.rates:
        if opening.day < from_day <= as_of:
            yield from_day, _RANK[_RATE_CHANGE], 0, _RATE_CHANGE, None
    if params.maturity is not None and opening.day <= params.maturity <= as_of:
        yield params.maturity, _RANK[_MATURITY], 0, _MATURITY, None
    for day in params.cuts(opening.day, as_of):
        yield day, _RANK[_SETTLEMENT], 0, _SETTLEMENT, None
    for place, event in enumerate(events):
        if event.day <= as_of:
            yield event.day, _RANK.get(event.kind, _RANK_OF_PAYMENTS), place, str(event.kind), event


class _Run:
    """The state of spec 6.2 between two happenings."""

    def __init__(self, opening: Opening, params: Params) -> None:
        self._params = params
        self._day = opening.day
        self.accelerated = opening.accelerated
        self.owed: dict[str, int] = asdict(opening.claim)
        self.running: dict[str, Fraction] = asdict(opening.running)
        self.rows: list[Row] = []
        self._last_row: dict[str, Row] = {}  # of a component since the last cut

    def totals(self) -> Totals:
        return Totals(**{name: self._owed(name) for name in PARTS_BY_COMPONENT})

    def accrue(self, until: date) -> None:
        """Step 2: the span from the last happening to `until`, the first day counted, the last not."""
        params, start, self._day = self._params, self._day, until
        end = until if params.stop_on is None else min(until, params.stop_on)
        if end <= start:
            return
        days = params.day_count.days(start, end)
        rate, overdue_rate = params.rate_on(start), params.overdue_rate_on(start)
        matured = self.accelerated or (params.maturity is not None and params.maturity <= start)
        compounding = sum(self.owed[part] for part in COMPOUND_PARTS[params.compound_base])
        spans = (
            ("interest", self.owed["principal_not_due"], rate),
            ("penalty", self.owed["principal_overdue"], overdue_rate),
            ("compound", compounding, overdue_rate if matured else rate),
        )
        for component, base, rate_pct in spans:
            if not base or not days:
                continue
            days_per_year = params.day_count.days_per_year
            exact = base * rate_pct / 100 * days / days_per_year
            self.running[component] += exact
            row = Row(component, start, end, days, base, rate_pct, rate, days_per_year, exact)
            row.totals = self.totals()
            self.rows.append(row)
            self._last_row[component] = row

    def cut(self, cause: str) -> None:
        """Step 3: what runs is rounded and owed, and starts from nought again."""
        for component in _ACCRUING:
            exact = self.running[component]
            if exact == 0 and component not in self._last_row:
                continue
            rounded = _rounded(exact)
            self.owed[f"{component}_accrued"] += rounded
            self.running[component] = Fraction(0)
            row = self._last_row.pop(component, None)
            if row is None:  # carried in by the opening, and nothing was added since
                row = Row(component, self._day, self._day, 0, 0, exact=Fraction(0))
                self.rows.append(row)
            row.rounded, row.cut, row.totals = rounded, cause, self.totals()

    def is_cut(self, name: str) -> bool:
        """What moves no money between accrued and owed rounds nothing (step 3)."""
        superseded = name == _MATURITY and self.accelerated
        return not superseded and name not in (_RATE_CHANGE, Kind.INSTALMENT)

    def apply(self, name: str, place: int, event: Event | None) -> None:
        if name == _SETTLEMENT:
            self._bill(_ACCRUING)
        elif name == _MATURITY and not self.accelerated:
            self._fall_due()
            self._tell(Row(name, self._day))
        elif event is None:
            return  # a rate change acts by its day; a maturity after an acceleration finds nothing to do
        elif event.kind is Kind.ACCELERATION:
            self._accelerate(place)
            self._tell(Row(name, self._day))
        elif event.kind is Kind.INSTALMENT:
            self._instalment(place, event)
            self._tell(Row(name, self._day, base=event.amount))
        else:
            paid = self._pay(place, event)
            self._tell(Row(name, self._day, base=event.amount, paid=tuple(paid.items())))

    def _tell(self, row: Row) -> None:
        row.claim, row.totals = Claim(**self.owed), self.totals()
        self.rows.append(row)

    def _fall_due(self) -> None:
        self.owed["principal_overdue"] += self.owed["principal_not_due"]
        self.owed["principal_not_due"] = 0
        self._bill(("interest",))

    def _bill(self, components: Sequence[str]) -> None:
        for component in components:
            self.owed[f"{component}_billed"] += self.owed[f"{component}_accrued"]
            self.owed[f"{component}_accrued"] = 0

    def _accelerate(self, place: int) -> None:
        maturity = self._params.maturity
        if self.accelerated or (maturity is not None and maturity < self._day):
            record = f"events[{place}]"
            raise InvalidInput("all of the principal is due already", field=f"{record}.day", record=record)
        self.accelerated = True
        self._fall_due()

    def _instalment(self, place: int, event: Event) -> None:
        left = self.owed["principal_not_due"]
        if event.amount > left:
            record = f"events[{place}]"
            raise InvalidInput(
                f"the instalment {_money(event.amount)} is above the principal not yet due, {_money(left)}",
                field=f"{record}.amount",
                record=record,
            )
        self.owed["principal_not_due"] -= event.amount
        self.owed["principal_overdue"] += event.amount

    def _pay(self, place: int, event: Event) -> dict[str, int]:
        """Step 5: inside a component billed before unbilled, overdue principal before principal not due."""
        record = f"events[{place}]"
        order = event.order or (Order.IN_KIND if event.kind is Kind.IN_KIND else self._params.order)
        wanted = dict(event.alloc) or self._walk(event.amount, COMPONENTS_BY_ORDER[order])
        for component, amount in wanted.items():
            if amount > self._owed(component):
                raise InvalidInput(
                    f"{_money(amount)} is above the {component} owed, {_money(self._owed(component))}",
                    field=f"{record}.alloc",
                    record=record,
                )
        if sum(wanted.values()) < event.amount:
            owed = sum(wanted.values())
            raise InvalidInput(
                f"{event.kind} of {_money(event.amount)} is above the debt it can meet, {_money(owed)}",
                field=f"{record}.amount",
                record=record,
            )
        for component, amount in wanted.items():
            rest = amount
            for part in PARTS_BY_COMPONENT[component]:
                paid = min(rest, self.owed[part])
                self.owed[part] -= paid
                rest -= paid
        return {component: amount for component, amount in wanted.items() if amount}

    def _walk(self, amount: int, components: Sequence[str]) -> dict[str, int]:
        found = {}
        for component in components:
            found[component] = min(amount, self._owed(component))
            amount -= found[component]
        return found

    def _owed(self, component: str) -> int:
        return sum(self.owed[part] for part in PARTS_BY_COMPONENT[component])


def _rounded(exact: Fraction) -> int:
    return half_up(exact.numerator, exact.denominator)


def _money(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}"
