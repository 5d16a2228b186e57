"""Backwards from the break: which run-off, or which multiple of a scenario, the bank just survives (LIQ-34). Exact.

Depositors one by one are `engines.reverse_stress_depositors`. A break is a limit missed, not merely met: at the
figures here the bank still stands, and anything above breaks it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from engines.factor_lines import ZERO
from engines.primitives.errors import InvalidInput
from engines.shock_families import DEFAULT_RULE, UNBOUNDED, Rule, Shocks, check_shocks, combine, scaled
from engines.stress import DAYS_OF_YEAR, Book, ReserveRelease, Stressed, deposit_run_off, stress

ONE = Fraction(1)
TOLERANCE = Fraction(1, 10**12)
SCAN_STEPS = 64


@dataclass(frozen=True, slots=True)
class BreakingRunOff:
    """`run_off` below 0: broken before a deposit leaves; above 1: deposits alone never break it; null: none count."""

    run_off: Fraction | None
    scenario_run_off: Fraction

    @property
    def multiple(self) -> Fraction | None:
        """Of the scenario's own run-off; null where that is 0."""
        if self.run_off is None or not self.scenario_run_off:
            return None
        return self.run_off / self.scenario_run_off


@dataclass(frozen=True, slots=True)
class BreakingMultiple:
    """Survived at `survives`, broken above `breaks`; the two are equal where the answer is exact.

    Both null: no multiple up to the largest asked for breaks it. Both 0: `is_broken_unshocked`, the base is broken.
    """

    survives: Fraction | None
    breaks: Fraction | None
    is_broken_unshocked: bool = False

    @property
    def is_exact(self) -> bool:
        return self.survives == self.breaks


def breaking_run_off(
    book: Book, shocks: Shocks, *, horizon_days: int, release: ReserveRelease | None = None
) -> BreakingRunOff:
    """The run-off of all deposits alike at which available = need, the other shocks staying as they are.

    `d* = (available - other need - rise D) / (D (1 - rise - release ratio))`: net is linear in d.

    Raises:
        InvalidInput: as `engines.stress.stress`.
    Source: LIQ-34.
    """
    without, whole = (
        stress(
            book, {**shocks, "retail_run_off": d, "corporate_run_off": d}, horizon_days=horizon_days, release=release
        )
        for d in (ZERO, ONE)
    )
    slope = without.net - whole.net
    return BreakingRunOff(without.net / slope if slope else None, deposit_run_off(book, shocks))


def breaking_multiple(
    book: Book,
    shocks: Shocks,
    *,
    horizon_days: int,
    minimum_cover: Fraction = ONE,
    largest: Fraction = Fraction(1000),
    release: ReserveRelease | None = None,
) -> BreakingMultiple:
    """How many times the whole scenario the bank survives: available >= minimum_cover x need.

    Between the multiples at which a share reaches its 1, the surplus is a polynomial of degree 2 at most (a rise of
    the reserve ratio on deposits that stay, a price impact on fallen prices, a spread on what was rolled over), so
    its root is closed: exact where it is rational, else bracketed within 1e-12, both ends checked exactly.

    Args:
        shocks: the scenario at multiple 1. minimum_cover: > 0; 1 asks for a net of 0 or more.
        largest: the largest multiple looked at, > 0.
    Raises:
        InvalidInput: as `stress`; minimum_cover or largest is not positive; a spread so wide that funding that is
            lost costs less than funding that is kept.
    Source: LIQ-34.
    """
    if minimum_cover <= 0 or largest <= 0:
        raise InvalidInput("must be above zero", field="minimum_cover" if minimum_cover <= 0 else "largest")
    check_shocks(shocks)
    widest = shocks.get("funding_spread_bp", ZERO) * largest
    if book.maturing_funding and shocks.get("rollover_loss") and widest * horizon_days > 10_000 * DAYS_OF_YEAR:
        raise InvalidInput("the spread costs more than the funding itself", field="shocks.funding_spread_bp")

    def surplus(multiple: Fraction) -> Fraction:
        found = stress(book, scaled(shocks, multiple), horizon_days=horizon_days, release=release)
        return found.available - minimum_cover * found.need

    if surplus(ZERO) < 0:
        return BreakingMultiple(ZERO, ZERO, is_broken_unshocked=True)
    bounded = [size for name, size in shocks.items() if size and name not in UNBOUNDED]
    kinks = sorted({1 / size for size in bounded if 1 / size < largest} | {largest})
    start = ZERO
    for end in kinks:
        if surplus(end) < 0:
            return _root(surplus, start, end)
        start = end
    return BreakingMultiple(None, None)


def bisect_multiple(
    breaks: Callable[[Fraction], bool], largest: Fraction, *, tolerance: Fraction = TOLERANCE
) -> BreakingMultiple:
    """The first multiple at which a limit breaks, for measures without a closed form, such as the LCR with its caps.

    Looks at 64 even steps for the first that breaks and halves the step before it. A break that heals again inside
    one step is not seen; where the measure only worsens with the multiple there is none.

    Args:
        breaks: whether the limit is missed at a multiple >= 0. largest: > 0. tolerance: width of the bracket, > 0.
    """
    if breaks(ZERO):
        return BreakingMultiple(ZERO, ZERO, is_broken_unshocked=True)
    step = largest / SCAN_STEPS
    first = next((at for at in range(1, SCAN_STEPS + 1) if breaks(at * step)), None)
    if first is None:
        return BreakingMultiple(None, None)
    return _halved(breaks, (first - 1) * step, first * step, tolerance)


@dataclass(frozen=True, slots=True)
class Replay:
    """One result a day, each with all shocks up to it; `broken_on` counts from 1, null: never broken."""

    days: tuple[Stressed, ...]

    @property
    def broken_on(self) -> int | None:
        return next((day for day, found in enumerate(self.days, 1) if not found.passes), None)

    @property
    def worst_on(self) -> int:
        return min(range(1, len(self.days) + 1), key=lambda day: self.days[day - 1].net)


def replay(
    book: Book, path: Sequence[Shocks], *, rule: Rule = DEFAULT_RULE, horizon_days: int | None = None
) -> Replay:
    """A past crisis on today's book: the shocks of each day, combined with those of the days before.

    Args:
        path: by day, at least one; run-offs and price falls of that day alone.
        horizon_days: for the cost of dearer funding; default: the length of the path.
    Raises:
        InvalidInput: the path is empty, or as `stress`; `record` as `path[3]`.
    Source: LIQ-34, historical replay.
    """
    if not path:
        raise InvalidInput("want at least one day", field="path")
    so_far: dict[str, Fraction] = {}
    days = []
    for at, shocks in enumerate(path):
        try:
            check_shocks(shocks)
        except InvalidInput as error:
            record = f"path[{at}]"
            raise InvalidInput(str(error), field=f"{record}.{error.facts['field']}", record=record) from error
        so_far |= {name: combine([so_far.get(name, ZERO), size], name, rule) for name, size in shocks.items()}
        days.append(stress(book, so_far, horizon_days=horizon_days or len(path)))
    return Replay(tuple(days))


def _root(surplus: Callable[[Fraction], Fraction], start: Fraction, end: Fraction) -> BreakingMultiple:
    """Where a quadratic that is >= 0 at start and < 0 at end crosses 0."""
    at_start, at_middle, at_end = (surplus(x) for x in (start, (start + end) / 2, end))
    # In t from 0 to 1 between the two: a t^2 + b t + c.
    a = 2 * (at_start + at_end) - 4 * at_middle
    b, c = at_end - at_start - a, at_start
    width = end - start
    if a == 0:
        found = start + width * (-c / b)
        return BreakingMultiple(found, found)
    under = b * b - 4 * a * c
    root = _exact_root(under)
    if root is not None:
        inside = [t for t in ((-b - root) / (2 * a), (-b + root) / (2 * a)) if 0 <= t <= 1]
        found = start + width * max(inside) if c == 0 else start + width * min(inside)
        return BreakingMultiple(found, found)
    return _halved(lambda multiple: surplus(multiple) < 0, start, end, TOLERANCE)


def _exact_root(value: Fraction) -> Fraction | None:
    if value < 0:
        return None
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    return Fraction(top, bottom) if top * top == value.numerator and bottom * bottom == value.denominator else None


def _halved(
    breaks: Callable[[Fraction], bool], survives: Fraction, broken: Fraction, tolerance: Fraction
) -> BreakingMultiple:
    # Halves of decimal ends: denominators grow by one bit a step, so the arithmetic stays short and exact.
    while broken - survives > tolerance:
        middle = (survives + broken) / 2
        if breaks(middle):
            broken = middle
        else:
            survives = middle
    return BreakingMultiple(survives, broken)
