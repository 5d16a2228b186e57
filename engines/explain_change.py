"""Why a figure moved between two cuts: parts that add up to the move exactly, whatever happened (decision Q9).

Step 1 splits the change of each line over causes and entries (`engines.explain_causes`); what the caps of the LCR did
are lines of their own. Step 2 turns money into the move of the ratio. All is exact: nothing is left over, also where
a cap starts or stops to bind. An explanation depends on its two cuts and on the set of movements only. Explanations
of a ratio do not chain over time: explain the two ends.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from engines.explain_causes import LinePart, line_parts, part_order, parts_and_weights
from engines.explain_columns import EntryColumns, entry_parts
from engines.explain_lines import (
    CAUSES,
    KINDS,
    Cause,
    Cut,
    Entry,
    Kind,
    Movement,
    line_amounts,
)
from engines.factor_lines import ZERO
from engines.factor_tables import FactorTable
from engines.lcr import HqlaStock, Levels, NetCashOutflows, hqla_stock, net_cash_outflows
from engines.primitives.errors import InvalidInput

Figure = Literal["lcr", "nsfr", "position", "gap"]
Side = Literal["numerator", "denominator"]

#: Side of a ratio, and sign: inflows take from the net outflows.
SIDES: Mapping[Figure, Mapping[Kind, tuple[Side, int]]] = {
    "lcr": {
        "level1": ("numerator", 1),
        "level2a": ("numerator", 1),
        "level2b": ("numerator", 1),
        "outflow": ("denominator", 1),
        "inflow": ("denominator", -1),
    },
    "nsfr": {"asf": ("numerator", 1), "rsf": ("denominator", 1)},
    "position": {"position": ("numerator", 1)},
    "gap": {"gap": ("numerator", 1)},
}
CAP_LINES = ("cap15", "cap40", "stock_floor", "inflow_cap")


@dataclass(frozen=True, slots=True)
class Caps:
    """Shares from 0 to 1; the two on the stock below 1."""

    level2_share_cap: Fraction = Fraction(40, 100)
    level2b_share_cap: Fraction = Fraction(15, 100)
    inflow_cap: Fraction = Fraction(75, 100)

    @classmethod
    def of_table(cls, table: FactorTable) -> "Caps":
        return cls(*(table.parameter(name) for name in ("level2_share_cap", "level2b_share_cap", "inflow_cap")))


BASEL_CAPS = Caps()
NOTHING = Levels()


@dataclass(frozen=True, slots=True)
class CoverageCut:
    """A cut of the LCR. `unwinding`: what undoing secured deals within the horizon adds to the levels held, which
    sizes the caps (adjusted less held); `engines.lcr.unwind` computes it."""

    cut: Cut
    caps: Caps = BASEL_CAPS
    unwinding: Levels = NOTHING


@dataclass(frozen=True, slots=True)
class Values:
    """Both sides at a cut; a denominator of None: the figure is no ratio."""

    numerator: Fraction
    denominator: Fraction | None = None

    @property
    def ratio(self) -> Fraction | None:
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the explanation."""

    cause: Cause
    line: str  # for CAP one of CAP_LINES
    kind: Kind | None  # None: a cap
    side: Side
    entry: Entry | None
    amount: Fraction  # change of the side, so an inflow that grew is negative; never 0
    ratio_share: Fraction | None  # of the move of the ratio; None: no ratio at one of the cuts
    pooled: int = 0  # so many smaller entries of the line together, none by name


@dataclass(frozen=True, slots=True)
class Explanation:
    """`parts` by side, line, cause, partition and offset."""

    figure: Figure
    before: Values
    after: Values
    parts: tuple[Part, ...]

    @property
    def ratio_change(self) -> Fraction | None:
        before, after = self.before.ratio, self.after.ratio
        return None if before is None or after is None else after - before

    def change(self, side: Side) -> Fraction:
        before, after = getattr(self.before, side), getattr(self.after, side)
        return ZERO if after is None else Fraction(after - before)

    def residual(self, side: Side) -> Fraction:
        """What the parts leave of the change of a side: 0, always."""
        return self.change(side) - sum(part.amount for part in self.parts if part.side == side)

    @property
    def ratio_residual(self) -> Fraction | None:
        """What the parts leave of the move of the ratio: 0, always; None if it has no value at one of the cuts."""
        if self.ratio_change is None:
            return None
        return self.ratio_change - sum((part.ratio_share or ZERO for part in self.parts), ZERO)


def explain_coverage(
    before: CoverageCut,
    after: CoverageCut,
    movements: Iterable[Movement] | None = None,
    entries: EntryColumns | None = None,
) -> Explanation:
    """Explain the LCR. Amounts of the numerator are on the stock of HQLA, of the denominator on net outflows.

    Caps: the 15% and the 40% adjustment, the floor of the stock at 0, the inflows above their cap. They are what
    all causes together did, and are never spread over entries.

    Args:
        entries: what entries moved beside `movements`, where they are many; the largest are told by name.
    Raises:
        InvalidInput: as `explain_causes.line_parts`, `lcr.hqla_stock`, `lcr.net_cash_outflows`; a place of a kind
            that is not the LCR's.
    Source: decision Q9; BCBS 238 paragraphs 46-48, 69, 144, Annex 1.
    """
    parts = _parts_of_lines("lcr", before.cut, after.cut, movements, entries)
    stock_before, net_before = _coverage(before)
    stock_after, net_after = _coverage(after)
    on_stock = (
        ("cap15", stock_before.cap15_adjustment - stock_after.cap15_adjustment),
        ("cap40", stock_before.cap40_adjustment - stock_after.cap40_adjustment),
        ("stock_floor", stock_after.floor_amount - stock_before.floor_amount),
    )
    on_net = _above_cap(net_after) - _above_cap(net_before)
    parts += [Part("CAP", line, None, "numerator", None, amount, None) for line, amount in on_stock if amount]
    if on_net:
        parts.append(Part("CAP", "inflow_cap", None, "denominator", None, on_net, None))
    return _explanation(
        "lcr", Values(stock_before.amount, net_before.amount), Values(stock_after.amount, net_after.amount), parts
    )


def explain_funding(
    before: Cut,
    after: Cut,
    movements: Iterable[Movement] | None = None,
    entries: EntryColumns | None = None,
) -> Explanation:
    """Explain the NSFR: available over required stable funding.

    The derivative terms are cells of their lines, after netting (`explain_entries.NetPosition`).

    Raises:
        InvalidInput: as `explain_causes.line_parts`; a place of a kind that is not the NSFR's.
    """
    parts = _parts_of_lines("nsfr", before, after, movements, entries)
    return _explanation("nsfr", _sides("nsfr", before), _sides("nsfr", after), parts)


def explain_amounts(
    figure: Literal["position", "gap"],
    before: Cut,
    after: Cut,
    movements: Iterable[Movement] | None = None,
    entries: EntryColumns | None = None,
) -> Explanation:
    """Explain positions, or a gap by time bucket: step 1 only, the figure being the sum of its lines.

    Raises:
        InvalidInput: as `explain_causes.line_parts`; a place of another kind than `figure`.
    """
    parts = _parts_of_lines(figure, before, after, movements, entries)
    start, end = (Values(_sides(figure, cut).numerator) for cut in (before, after))
    return _explanation(figure, start, end, parts)


def _parts_of_lines(
    figure: Figure,
    before: Cut,
    after: Cut,
    movements: Iterable[Movement] | None,
    entries: EntryColumns | None,
) -> list[Part]:
    for cut in (before, after):
        for place in cut.places.values():
            if place is not None and place.kind not in SIDES[figure]:
                message = f"{place.line} is {place.kind}, which does not belong to {figure}"
                raise InvalidInput(message, field="places", record=place.line)
    found = (
        line_parts(before, after, movements) if entries is None else _by_columns(before, after, movements, entries)
    )
    return [_part(figure, one) for one in found]


def _by_columns(
    before: Cut, after: Cut, movements: Iterable[Movement] | None, entries: EntryColumns
) -> list[LinePart]:
    others, weights = parts_and_weights(before, after, movements or (), entries.totals())
    of_entries = entry_parts(entries, weights, lambda line: (KINDS.index(line[0]), line[1]))
    parts = [LinePart("ENTRY", *one.line, one.amount, one.entry, one.pooled) for one in of_entries]
    return sorted((*others, *parts), key=part_order)


def _part(figure: Figure, one: LinePart) -> Part:
    side, sign = SIDES[figure][one.kind]
    amount = one.amount if sign > 0 else -one.amount
    return Part(one.cause, one.line, one.kind, side, one.entry, amount, None, one.pooled)


def _explanation(figure: Figure, before: Values, after: Values, parts: list[Part]) -> Explanation:
    weights = _ratio_weights(before, after)
    # Stable: the parts of a side keep the order of their lines, caps come last.
    ordered = sorted(parts, key=lambda part: (part.side == "denominator", part.cause == CAUSES[-1]))
    if weights is not None:
        ordered = [
            Part(
                one.cause,
                one.line,
                one.kind,
                one.side,
                one.entry,
                one.amount,
                one.amount * weights[one.side],
                one.pooled,
            )
            for one in ordered
        ]
    return Explanation(figure, before, after, tuple(ordered))


def _ratio_weights(before: Values, after: Values) -> Mapping[Side, Fraction] | None:
    """What one unit of each side moves the ratio by, on the mean of both orders of changing the two sides.

    H1/N1 - H0/N0 = (H1 - H0) (N0 + N1) / (2 N0 N1) - (N1 - N0) (H0 + H1) / (2 N0 N1), for any N0, N1 other than 0.
    """
    if not before.denominator or not after.denominator:
        return None
    twice = 2 * before.denominator * after.denominator
    return {
        "numerator": (before.denominator + after.denominator) / twice,
        "denominator": -(before.numerator + after.numerator) / twice,
    }


def _sides(figure: Figure, cut: Cut) -> Values:
    sums: dict[Side, Fraction] = {"numerator": ZERO, "denominator": ZERO}
    for (kind, _), amount in line_amounts(cut).items():
        side, sign = SIDES[figure][kind]
        sums[side] += sign * amount
    return Values(sums["numerator"], sums["denominator"])


def _coverage(given: CoverageCut) -> tuple[HqlaStock, NetCashOutflows]:
    sums: dict[Kind, Fraction] = dict.fromkeys(SIDES["lcr"], ZERO)
    for (kind, _), amount in line_amounts(given.cut).items():
        sums[kind] += amount
    held = Levels(sums["level1"], sums["level2a"], sums["level2b"])
    undone, caps = given.unwinding, given.caps
    adjusted = held.plus("1", undone.level1).plus("2A", undone.level2a).plus("2B", undone.level2b)
    stock = hqla_stock(
        held, adjusted, level2_share_cap=caps.level2_share_cap, level2b_share_cap=caps.level2b_share_cap
    )
    return stock, net_cash_outflows(sums["outflow"], sums["inflow"], inflow_cap=caps.inflow_cap)


def _above_cap(net: NetCashOutflows) -> Fraction:
    return net.inflows - net.recognised_inflows
