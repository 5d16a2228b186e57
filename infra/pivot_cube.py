"""Leaves become a cube: every subtotal from parts, never from shown figures (LIQ-60). Pure and exact.

Amounts add after on-us legs are left out, where none of a figure's dimensions shows them, and after conversion; per
cents divide sums; a closing balance runs over its dates. Not for layout: `infra.pivot_table`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from engines.primitives.errors import InvalidInput
from engines.primitives.money import exponent
from infra.pivot_definition import ORDERED, OTHERS, RATIOS, Definition, Function, Measure
from infra.pivot_fields import CURRENCY, Kind, Source
from infra.pivot_query import UNIT, Leaf, figures_of, shows_on_us

Members = tuple[str, ...]
Place = tuple[Members, Members]  # members of the rows and of the columns, from the outermost on: a shorter one sums
Rates = Mapping[str, Fraction | None]  # currency -> units of the reporting currency for one; None: no rate came
#: By measure, and by place: the value of a rank in each currency, or converted under "".
Ranks = Mapping[str, Mapping[Place, Mapping[str, int]]]

BEFORE = ""  # the member of a date that stands for all before the first one asked for


@dataclass(slots=True)
class Parts:
    """What stands behind one place, by currency; figures in 10^-6 units."""

    count: int = 0
    sums: dict[str, list[int | None]] = field(default_factory=dict)
    least: dict[str, list[int | None]] = field(default_factory=dict)
    most: dict[str, list[int | None]] = field(default_factory=dict)
    running: dict[str, list[int | None]] = field(default_factory=dict)

    def add(self, leaf: Leaf, uses: Sequence[tuple[str, "Combine"]]) -> None:
        """`uses` names what the measures read of a place, and how it adds up."""
        self.count += leaf.count
        for name, how in uses:
            merge(getattr(self, name), leaf.currency, getattr(leaf, name), how)


Combine = Callable[[int | None, int | None], int | None]


def merge(into: dict[str, list[int | None]], currency: str, values: Sequence[int | None], how: Combine) -> None:
    held = into.get(currency)
    into[currency] = list(values) if held is None else [how(a, b) for a, b in zip(held, values, strict=True)]


def _plus(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else a + b


def _least(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _most(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else max(a, b)


_USES: tuple[tuple[str, Combine, Function | None], ...] = (
    ("sums", _plus, None),
    ("least", _least, Function.MIN),
    ("most", _most, Function.MAX),
    ("running", _plus, Function.CLOSING),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell of one measure. `currency` of an amount; "" of numbers and per cents. A value is exact."""

    value: Fraction
    currency: str = ""


@dataclass(slots=True)
class Cube:
    """Parts by place; `rows` and `columns` hold the whole paths that have any."""

    asked: Definition
    source: Source
    parts: dict[Place, Parts]
    rates: Rates | None = None
    ranks: Ranks = field(default_factory=dict)
    before: "Cube | None" = None  # at the second moment
    missing: set[str] = field(default_factory=set)  # currencies without a rate, met on the way

    def figure(self, place: Place, measure: Measure) -> Figure | None:
        """None: nothing stands there, currencies would mix, or a rate is missing."""
        function = measure.function
        if function is Function.CHANGE:
            return self._change(place, measure)
        parts = self.parts.get(place)
        if parts is None or function is Function.COUNT:
            return None if parts is None else Figure(Fraction(parts.count))
        if function in ORDERED:
            return self._rank(place, measure)
        if function in RATIOS:
            above = (place[0][:-1], place[1]) if place[0] else place
            share = function is Function.SHARE
            under = self._sum_at(above, measure.field) if share else self._one(parts, measure.of)
            return self._per_cent(self._one(parts, measure.field), under)
        return self._one(parts, measure.field, _HELD.get(function, "sums"))

    def _change(self, place: Place, measure: Measure) -> Figure | None:
        now = self._sum_at(place, measure.field)
        then = None if self.before is None else self.before._sum_at(place, measure.field)
        if now is None or then is None:
            known = now or then
            lacking = self.before if now is not None else self
            if known is None or lacking is None or place in lacking.parts:
                return None  # mixed currencies, or no rate: not the same as nothing there
            return known if now is not None else Figure(-known.value, known.currency)
        if now.currency != then.currency:
            return None
        return Figure(now.value - then.value, now.currency)

    def _sum_at(self, place: Place, name: str) -> Figure | None:
        parts = self.parts.get(place)
        return None if parts is None else self._one(parts, name)

    def _per_cent(self, over: Figure | None, under: Figure | None) -> Figure | None:
        if over is None or under is None or not under.value or over.currency != under.currency:
            return None
        return Figure(100 * over.value / under.value)

    def _one(self, parts: Parts, name: str, held: str = "sums") -> Figure | None:
        by_currency: dict[str, list[int | None]] = getattr(parts, held)
        at = figures_of(self.asked).index(name)
        values = {ccy: found[at] for ccy, found in by_currency.items() if found[at] is not None}
        if self.source.fields[name].kind is not Kind.MONEY:
            numbers = [Fraction(value, UNIT) for value in values.values() if value is not None]
            return Figure(_pick(held)(numbers)) if numbers else None
        if self.rates is None:
            if len(values) > 1 and held not in ("least", "most"):  # nothing of a currency mixes with nothing
                values = {ccy: value for ccy, value in values.items() if value}
            if len(values) != 1:
                return None
            ((currency, amount),) = values.items()
            return None if amount is None else Figure(Fraction(amount, UNIT), currency)
        return self._converted(values, held)

    def _converted(self, values: Mapping[str, int | None], held: str) -> Figure | None:
        assert self.rates is not None  # noqa: S101 - asked for above
        found: list[Fraction] = []
        for currency, amount in values.items():
            rate = self.rates.get(currency)
            if rate is None:
                self.missing.add(currency)
            elif amount is not None:
                found.append(Fraction(amount, UNIT) * rate)
        if len(found) != len(values) or not found:
            return None
        return Figure(_pick(held)(found), self.asked.reporting_currency or "")

    def _rank(self, place: Place, measure: Measure) -> Figure | None:
        found = self.ranks.get(measure.name, {}).get(place, {})
        money = self.source.fields[measure.field].kind is Kind.MONEY
        if len(found) != 1:
            return None
        ((currency, value),) = found.items()
        if self.rates is None or not money:
            return Figure(Fraction(value, UNIT), currency)
        lacking = {ccy for ccy in self.parts[place].sums if self.rates.get(ccy) is None}
        if lacking:
            self.missing |= lacking
            return None
        reporting = self.asked.reporting_currency or ""
        return Figure(Fraction(value, 10 ** exponent(reporting)), reporting)


_HELD = {Function.MIN: "least", Function.MAX: "most", Function.CLOSING: "running"}


def _pick(held: str) -> Callable[[Sequence[Fraction]], Fraction]:
    found = {"least": min, "most": max}.get(held, sum)
    return found  # type: ignore[return-value]  # each of the three takes such a list


def cube_of(asked: Definition, source: Source, leaves: Sequence[Leaf], rates: Rates | None) -> Cube:
    """Every place that has a leaf behind it, and every place above it."""
    width = len(asked.rows)
    parts: dict[Place, Parts] = {}
    shows = {
        (i, j): shows_on_us(asked, [*asked.rows[:i], *asked.columns[:j]])
        for i in range(width + 1)
        for j in range(len(asked.columns) + 1)
    }
    functions = {one.function for one in asked.measures}
    uses = [(name, how) for name, how, needs in _USES if needs is None or needs in functions]
    for leaf in leaves:
        rows, columns = leaf.members[:width], leaf.members[width:]
        for (i, j), shown in shows.items():
            if shown or not leaf.on_us:
                parts.setdefault((rows[:i], columns[:j]), Parts()).add(leaf, uses)
    if any(one.function is Function.CLOSING for one in asked.measures):
        _run(asked, source, parts)
    return Cube(asked, source, parts, rates)


def _run(asked: Definition, source: Source, parts: dict[Place, Parts]) -> None:
    """Closing balances: what stands before a date is carried on to it, also where that date has no row."""
    dates = [at for at, name in enumerate(asked.dimensions) if source.fields[name].grain is not None]
    if dates:
        (at,) = dates
        side, depth = (0, at) if at < len(asked.rows) else (1, at - len(asked.rows))
        dated: dict[tuple[Place, str], Parts] = {}
        for place, found in parts.items():
            if len(place[side]) > depth:
                dated[without(place, side, depth), place[side][depth]] = found
        days = sorted({day for _, day in dated})
        for rest in {rest for rest, _ in dated}:
            held: dict[str, list[int | None]] = {}
            for day in days:
                here = dated.get((rest, day))
                for currency, values in ({} if here is None else here.running).items():
                    merge(held, currency, values, _plus)
                if not held or day == BEFORE:
                    continue
                if here is None:
                    here = parts[_with(rest, side, depth, day)] = Parts()
                here.running = {currency: list(values) for currency, values in held.items()}
        for place in [one for one in parts if len(one[side]) > depth and one[side][depth] == BEFORE]:
            del parts[place]


def without(place: Place, side: int, depth: int) -> Place:
    """A place without its date: places that differ in nothing else have the same."""
    members = place[side][:depth] + place[side][depth + 1 :]
    return (members, place[1]) if side == 0 else (place[0], members)


def _with(rest: Place, side: int, depth: int, day: str) -> Place:
    members = (*rest[side][:depth], day, *rest[side][depth:])
    return (members, rest[1]) if side == 0 else (rest[0], members)


def completed(asked: Definition, source: Source) -> Definition:
    """Amounts of two currencies are never one sum: without a reporting currency, or one currency asked for, the
    currency stands outermost in the rows."""
    money = any(source.fields[name].kind is Kind.MONEY for name in figures_of(asked))
    single = any(
        one.field == CURRENCY and one.operator in ("=", "in") and len(one.values) == 1 for one in asked.where
    )
    if not money or not source.currency or asked.reporting_currency or single or CURRENCY in asked.dimensions:
        return asked
    return replace(asked, rows=(CURRENCY, *asked.rows))


def tops_of(asked: Definition, source: Source, leaves: Sequence[Leaf], rates: Rates | None) -> frozenset[str] | None:
    """The members that the definition's `top` keeps, of all rows; None: it has none. Alike ones by name."""
    top = asked.top
    if top is None:
        return None
    at = asked.dimensions.index(top.dimension)
    alone = replace(asked, rows=(top.dimension,), columns=(), top=None)
    found = cube_of(alone, source, [replace(leaf, members=(leaf.members[at],)) for leaf in leaves], rates)
    measure = next(one for one in asked.measures if one.name == top.by)
    figures = {place[0][0]: found.figure(place, measure) for place in found.parts if place[0]}
    if figures and all(one is None for one in figures.values()):
        raise InvalidInput("the largest of several currencies want a reporting currency with rates", field="top")
    ordered = sorted(figures.items(), key=lambda one: (one[1] is None, -(one[1].value if one[1] else 0), one[0]))
    return frozenset(member for member, _ in ordered[: top.count])


def folded(leaves: Sequence[Leaf], asked: Definition, tops: frozenset[str]) -> Iterator[Leaf]:
    """Leaves with the members below the top ones as one, or without them."""
    assert asked.top is not None  # noqa: S101 - asked for by who calls
    at = asked.dimensions.index(asked.top.dimension)
    for leaf in leaves:
        if leaf.members[at] in tops:
            yield leaf
        elif asked.top.others:
            yield replace(leaf, members=(*leaf.members[:at], OTHERS, *leaf.members[at + 1 :]))
