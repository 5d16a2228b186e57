"""The facts of totals that alert rules look at: values, what they were before, and how usual they are (LIQ-08).

One series a total: a reading at the end of each minute, the last sixty. It is kept for every total, whatever rules
are in force, so that a rule sees the same past whether it was enabled before or after it, or is only tried. Time is
the cuts' own. Amounts are integers of minor units, exact; ratios and z are floats, worked out last.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import floor

import msgspec

from engines.outlier import NORMAL_SCALE
from engines.primitives.money import exponent
from projections.expressions import Fact
from projections.limit_cuts import Total
from projections.limit_policy import RATIOS, TotalKey
from projections.rule_vocabulary import WINDOWS_MINUTES

READINGS_MAX = 60
MINUTE_US = 60_000_000
_INT_MAX = 2**62  # beyond it CEL's integers and the dump's would not do
_SCALE = float(NORMAL_SCALE)

Number = int | float
#: Facts that move with the time though the total does not, and those that last for one cut.
BY_TIME = frozenset(
    {f"{kind}_change_{minutes}m" for kind in ("amount", "ratio") for minutes in WINDOWS_MINUTES}
    | {"readings", "z", "steady", "amount_deviation", "ratio_deviation"}
)
OF_ONE_CUT = frozenset({"amount_change", "ratio_change"})


class Series(msgspec.Struct, array_like=True):
    """What is remembered of one total. `told_us`: of the newest cut that named it."""

    first_us: int
    told_us: int
    value: Number | None
    before: Number | None
    minutes: list[int]
    values: list[Number]


class FactDump(msgspec.Struct, array_like=True):
    minute: int
    series: list[tuple[TotalKey, Series]]


class FactBook:
    """The series of all totals."""

    def __init__(self) -> None:
        self.minute = 0
        self._series: dict[TotalKey, Series] = {}

    def dumped(self) -> FactDump:
        return FactDump(self.minute, sorted(self._series.items()))

    def restore(self, dump: FactDump) -> None:
        self.minute, self._series = dump.minute, dict(dump.series)

    def turn(self, taken_us: int) -> bool:
        """Whether a minute has ended: then what every total stood at becomes a reading of that minute."""
        minute = taken_us // MINUTE_US
        if minute <= self.minute:
            return False
        for one in self._series.values() if self.minute else ():
            if one.value is not None:
                one.minutes.append(self.minute)
                one.values.append(one.value)
                if len(one.minutes) > READINGS_MAX:
                    del one.minutes[0], one.values[0]
        self.minute = minute
        return True

    def tell(self, totals: Mapping[TotalKey, Total], gone: Iterable[TotalKey], taken_us: int) -> None:
        for key in gone:
            if key in self._series:
                self._series[key].value = None
        for key, total in totals.items():
            value = number_of(key, total)
            one = self._series.get(key)
            if one is None:
                self._series[key] = Series(taken_us, taken_us, value, None, [], [])
            else:
                one.before, one.value, one.told_us = one.value, value, taken_us

    def age_us(self, key: TotalKey, taken_us: int) -> int:
        return taken_us - self._series[key].first_us

    def direction(self, key: TotalKey, taken_us: int) -> str:
        """up or down, as the figure moved at this cut; else `-`."""
        change = _change(self._series[key], taken_us)
        return "-" if not change else "up" if change > 0 else "down"

    def facts(self, key: TotalKey, total: Total, taken_us: int) -> dict[str, Fact]:
        """All that is known of a total that has been told. What is not known is left out."""
        one = self._series[key]
        found: dict[str, Fact] = {
            "metric": key.metric,
            "scope": key.scope,
            "entity": key.entity,
            "currency": key.currency,
            "as_of": total.as_of,
            "known": one.value is not None,
            "readings": len(one.values),
        }
        kind = "ratio" if key.metric in RATIOS else "amount"
        for name, text in (("numerator", total.numerator), ("denominator", total.denominator)):
            minor = None if text is None else minor_of(text, key.currency)
            if minor is not None:
                found[name] = minor
        if one.value is None:
            return found
        found[kind] = one.value
        change = _change(one, taken_us)
        if change is not None:
            found[f"{kind}_change"] = change
        for minutes in WINDOWS_MINUTES:
            then = _reading_at(one, taken_us // MINUTE_US - minutes)
            if then is not None:
                found[f"{kind}_change_{minutes}m"] = one.value - then
        if one.values:
            _add_usual(found, kind, one.values, one.value)
        return found


def number_of(key: TotalKey, total: Total) -> Number | None:
    """A ratio as a float, an amount in minor units, rounded down; None: not computable, or beyond what is counted."""
    if total.value is None:
        return None
    if key.metric in RATIOS:
        return float(Fraction(total.value))
    return minor_of(total.value, key.currency)


def minor_of(text: str, currency: str) -> int | None:
    """Minor units of an exact amount, rounded down: what there is never looks more than it is."""
    minor = floor(Fraction(text) * 10 ** exponent(currency))
    return minor if abs(minor) < _INT_MAX else None


def _change(one: Series, taken_us: int) -> Number | None:
    """Since the cut before: none where this cut did not name it."""
    if one.value is None:
        return None
    if one.told_us != taken_us:
        return one.value - one.value
    return None if one.before is None else one.value - one.before


def _reading_at(one: Series, minute: int) -> Number | None:
    """What stood at the end of a minute, or of the newest one before it that was read."""
    for at in range(len(one.minutes) - 1, -1, -1):
        if one.minutes[at] <= minute:
            return one.values[at]
    return None


def _add_usual(found: dict[str, Fact], kind: str, values: list[Number], value: Number) -> None:
    """Deviation from the median and robust z, doubled inside so that amounts stay whole numbers."""
    count = len(values)
    ordered = sorted(values)
    median2 = ordered[count // 2] + ordered[(count - 1) // 2]
    spread = sorted(abs(2 * reading - median2) for reading in values)
    mad4 = spread[count // 2] + spread[(count - 1) // 2]
    deviation2 = 2 * value - median2
    found["steady"] = not mad4
    found["z"] = 2 * deviation2 / (_SCALE * mad4) if mad4 else 0.0
    found[f"{kind}_deviation"] = deviation2 / 2 if isinstance(deviation2, float) else deviation2 // 2
