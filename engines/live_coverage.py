"""LCR and NSFR kept up to date: the ratio from the sums of its lines alone, whatever the size of the book.

Work for a batch is in proportion to the batch, for a ratio to the hundred or so lines, never to the positions. Equal
to the last digit to `engines.lcr.liquidity_coverage` and `engines.nsfr.stable_funding` on the same book. Not for what
an entry does to a line: insured deposits are split by `engines.insured_split` first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from engines.factor_lines import Line, Ratio, WeighedLine, weigh
from engines.factor_tables import FactorTable
from engines.lcr import CATEGORY_BY_LEVEL, HqlaStock, Level, Levels, NetCashOutflows
from engines.live_sums import Integers, LineSums, Rows
from engines.primitives.errors import InvalidInput

COVERAGE_CATEGORIES = (*CATEGORY_BY_LEVEL.values(), "outflow", "inflow")
FUNDING_CATEGORIES = ("ASF", "RSF", "RSF off balance sheet")


@dataclass(frozen=True, slots=True)
class UnwindingLine:
    """Market value that secured deals within the horizon give back, less what they take back, of one level and
    factor: a repo's collateral positive and, of level 1 and factor 1, its cash negative (`engines.lcr.unwind`)."""

    level: Level
    factor: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class CoverageValues:
    stock: HqlaStock
    net: NetCashOutflows
    ratio: Ratio


class LiveCoverage:
    """The LCR of one entity and currency view.

    Rows of `apply` are the lines in their order, after them the unwinding lines.
    """

    def __init__(
        self,
        lines: Sequence[Line],
        table: FactorTable,
        *,
        unwinding: Sequence[UnwindingLine] = (),
        minimum: Fraction | None = None,
        minor: Integers | None = None,
    ) -> None:
        """Lines give code, bucket and, where it is not the table's, factor; their amounts are not read.

        Raises:
            InvalidInput: as `factor_lines.weigh`.
        """
        self.lines = _weighed(lines, table, COVERAGE_CATEGORIES)
        self.unwinding = tuple(unwinding)
        self.sums = LineSums(
            [(line.item.category, line.factor) for line in self.lines]
            + [(f"unwinding {line.level}", line.factor) for line in self.unwinding],
            minor,
        )
        self._minimum = minimum
        self._caps = _IntegerCaps.of_table(table)

    def apply(self, line: Rows, signed_minor: Integers) -> None:
        """As `LineSums.apply`."""
        self.sums.apply(line, signed_minor)

    def values(self) -> CoverageValues:
        """Stock, net outflows and ratio now, in minor units, exact. Raises InvalidInput: a line is below 0."""
        _check_lines(self.lines, self.sums)
        return self._caps.values(self.sums.weighted(), self.sums.denominator, self._minimum)


class LiveFunding:
    """The NSFR of one entity and currency view. Derivative terms are lines like others, after netting."""

    def __init__(
        self,
        lines: Sequence[Line],
        table: FactorTable,
        *,
        minimum: Fraction | None = None,
        minor: Integers | None = None,
    ) -> None:
        """As `LiveCoverage`."""
        self.lines = _weighed(lines, table, FUNDING_CATEGORIES)
        self.sums = LineSums([(line.item.category[:3], line.factor) for line in self.lines], minor)
        self._minimum = minimum

    def apply(self, line: Rows, signed_minor: Integers) -> None:
        """As `LineSums.apply`."""
        self.sums.apply(line, signed_minor)

    def values(self) -> Ratio:
        """Available over required stable funding now, minor units, exact. Raises InvalidInput: a line is below 0."""
        _check_lines(self.lines, self.sums)
        weighted = self.sums.weighted()
        asf, rsf = (Fraction(weighted.get(group, 0), self.sums.denominator) for group in ("ASF", "RSF"))
        return Ratio(asf, rsf, self._minimum)


@dataclass(frozen=True, slots=True)
class _IntegerCaps:
    """The caps of `lcr.hqla_stock` and `lcr.net_cash_outflows` in integers over one denominator.

    The same rule once more, because it runs for every batch: with a fraction for each step it cost three times the
    rest of a reading. A property test holds the two equal.
    """

    whole: int  # the denominator of the next three
    level2b_of_others: int  # 15/85
    level2b_of_level1: int  # 15/60
    level2_of_level1: int  # 40/60
    inflow_cap: Fraction

    @classmethod
    def of_table(cls, table: FactorTable) -> "_IntegerCaps":
        level2, level2b = table.parameter("level2_share_cap"), table.parameter("level2b_share_cap")
        shares = (level2b / (1 - level2b), level2b / (1 - level2), level2 / (1 - level2))
        whole = lcm(*(share.denominator for share in shares))
        of_others, of_level1, level2_of_level1 = (int(share * whole) for share in shares)
        return cls(whole, of_others, of_level1, level2_of_level1, table.parameter("inflow_cap"))

    def values(self, weighted: Mapping[str, int], denominator: int, minimum: Fraction | None) -> CoverageValues:
        held = [weighted.get(category, 0) for category in CATEGORY_BY_LEVEL.values()]
        undone = [weighted.get(f"unwinding {level}", 0) for level in CATEGORY_BY_LEVEL]
        one, two_a, two_b = (had + back for had, back in zip(held, undone, strict=True))
        whole, over = self.whole, self.whole * denominator
        above_2b = max(
            two_b * whole - self.level2b_of_others * (one + two_a), two_b * whole - self.level2b_of_level1 * one, 0
        )
        above_2 = max((two_a + two_b) * whole - above_2b - self.level2_of_level1 * one, 0)
        levels = Levels(*(Fraction(amount, denominator) for amount in held))
        adjusted = (
            Levels(*(Fraction(amount, denominator) for amount in (one, two_a, two_b))) if any(undone) else levels
        )
        stock = HqlaStock(levels, adjusted, Fraction(above_2b, over), Fraction(above_2, over))
        amount = Fraction(max(sum(held) * whole - above_2b - above_2, 0), over)
        outflows, inflows = weighted.get("outflow", 0), weighted.get("inflow", 0)
        share, parts = self.inflow_cap.as_integer_ratio()
        net = NetCashOutflows(
            Fraction(outflows, denominator),
            Fraction(inflows, denominator),
            Fraction(outflows * share, denominator * parts),
        )
        left = Fraction(outflows * parts - min(inflows * parts, outflows * share), denominator * parts)
        return CoverageValues(stock, net, Ratio(amount, left, minimum))


def _weighed(lines: Sequence[Line], table: FactorTable, categories: Sequence[str]) -> tuple[WeighedLine, ...]:
    empty = [Line(line.code, 0, line.factor, line.maturity_bucket) for line in lines]
    return weigh(empty, table, record="lines", categories=categories)


def _check_lines(lines: Iterable[WeighedLine], sums: LineSums) -> None:
    if len(sums.minor) and sums.minor.min() < 0:
        for line, amount in zip(lines, sums.minor.tolist(), strict=False):
            if amount < 0:
                message = f"{line.item.code} is below 0: {amount} minor units"
                raise InvalidInput(message, field="amount", record=line.record)
