"""LCR and NSFR from totals alone: what a live ratio keeps is some twenty integers, whatever the size of the book.

An amount changes the total of its category by amount x weight; the ratio is read from the totals. Equal to the last
digit to `engines.lcr.liquidity_coverage` and `engines.nsfr.stable_funding` on the same lines, of which these are the
ends. Not for lines: a detail is weighed by those two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from engines.factor_lines import Ratio
from engines.factor_tables import FactorTable
from engines.lcr import CATEGORY_BY_LEVEL, HqlaStock, Level, Levels, NetCashOutflows

COVERAGE_CATEGORIES = (*CATEGORY_BY_LEVEL.values(), "outflow", "inflow")
OFF_BALANCE = "RSF off balance sheet"
FUNDING_CATEGORIES = ("ASF", "RSF")  # off balance sheet in with the RSF
LEVELS: tuple[Level, ...] = ("1", "2A", "2B")


@dataclass(frozen=True, slots=True)
class Weights:
    """By code the place of its category in the totals, and its factor in units of 1 / `denominator`.

    Without a code whose factor is to be configured, or differs by maturity: such a line is for the whole calculation.
    """

    table: FactorTable
    by_code: Mapping[str, tuple[int, int]]
    denominator: int

    @classmethod
    def of_coverage(cls, table: FactorTable) -> "Weights":
        return cls._of(table, {category: place for place, category in enumerate(COVERAGE_CATEGORIES)})

    @classmethod
    def of_funding(cls, table: FactorTable) -> "Weights":
        return cls._of(table, {"ASF": 0, "RSF": 1, OFF_BALANCE: 1})

    @classmethod
    def _of(cls, table: FactorTable, places: Mapping[str, int]) -> "Weights":
        known = {
            item.code: (places[item.category], item.factor)
            for item in table.items.values()
            if item.category in places and item.factor is not None and len(table.buckets_by_code[item.code]) == 1
        }
        denominator = lcm(*(factor.denominator for _, factor in known.values()))
        weights = {code: (place, int(factor * denominator)) for code, (place, factor) in known.items()}
        return cls(table, weights, denominator)


@dataclass(frozen=True, slots=True)
class CoverageValues:
    stock: HqlaStock
    net: NetCashOutflows
    ratio: Ratio


@dataclass(frozen=True, slots=True)
class CoverageCaps:
    """The caps of `lcr.hqla_stock` and `lcr.net_cash_outflows` in integers over one denominator.

    The same rule once more, because it runs for every picture of every scope: with a fraction for each step it cost
    three times the rest of a reading. A property test holds the two equal.
    """

    whole: int  # the denominator of the next three
    level2b_of_others: int  # 15/85
    level2b_of_level1: int  # 15/60
    level2_of_level1: int  # 40/60
    inflow_cap: Fraction

    @classmethod
    def of_table(cls, table: FactorTable) -> "CoverageCaps":
        level2, level2b = table.parameter("level2_share_cap"), table.parameter("level2b_share_cap")
        shares = (level2b / (1 - level2b), level2b / (1 - level2), level2 / (1 - level2))
        whole = lcm(*(share.denominator for share in shares))
        of_others, of_level1, level2_of_level1 = (int(share * whole) for share in shares)
        return cls(whole, of_others, of_level1, level2_of_level1, table.parameter("inflow_cap"))

    def values(
        self, totals: Sequence[int], undone: Sequence[int], denominator: int, minimum: Fraction | None
    ) -> CoverageValues:
        """Stock, net outflows and ratio.

        Args:
            totals: by COVERAGE_CATEGORIES, factors applied, in units of 1 / `denominator`, >= 0.
            undone: by LEVELS, same units: what undoing secured deals within the horizon gives back less what it
                takes (`engines.lcr.unwind`); it sizes the caps only.
        Source: BCBS 238 paragraphs 46-54, 69, 144 and Annex 1.
        """
        held = totals[:3]
        one, two_a, two_b = (had + back for had, back in zip(held, undone, strict=True))
        over = self.whole * denominator
        above_2b, above_2 = self._above(one, two_a, two_b)
        levels = Levels(*(Fraction(amount, denominator) for amount in held))
        adjusted = levels
        if any(undone):
            adjusted = Levels(*(Fraction(amount, denominator) for amount in (one, two_a, two_b)))
        stock = HqlaStock(levels, adjusted, Fraction(above_2b, over), Fraction(above_2, over))
        outflows, inflows = totals[3:]
        share, parts = self.inflow_cap.as_integer_ratio()
        net = NetCashOutflows(
            Fraction(outflows, denominator),
            Fraction(inflows, denominator),
            Fraction(outflows * share, denominator * parts),
        )
        return CoverageValues(stock, net, self.ratio(totals, undone, denominator, minimum))

    def ratio(
        self, totals: Sequence[int], undone: Sequence[int], denominator: int, minimum: Fraction | None
    ) -> Ratio:
        """The ratio of `values` alone: two fractions in place of a dozen."""
        held1, held2a, held2b, outflows, inflows = totals
        back1, back2a, back2b = undone
        above_2b, above_2 = self._above(held1 + back1, held2a + back2a, held2b + back2b)
        stock = max((held1 + held2a + held2b) * self.whole - above_2b - above_2, 0)
        share, parts = self.inflow_cap.as_integer_ratio()
        left = outflows * parts - min(inflows * parts, outflows * share)
        return Ratio(Fraction(stock, self.whole * denominator), Fraction(left, denominator * parts), minimum)

    def _above(self, one: int, two_a: int, two_b: int) -> tuple[int, int]:
        """What the caps of Level 2B and of Level 2 cut off, in `whole` times the units of the levels."""
        whole = self.whole
        above_2b = max(
            two_b * whole - self.level2b_of_others * (one + two_a), two_b * whole - self.level2b_of_level1 * one, 0
        )
        return above_2b, max((two_a + two_b) * whole - above_2b - self.level2_of_level1 * one, 0)


def funding_ratio(totals: Sequence[int], denominator: int, minimum: Fraction | None) -> Ratio:
    """Available over required stable funding, from totals by FUNDING_CATEGORIES in units of 1 / `denominator`."""
    available, required = (Fraction(amount, denominator) for amount in totals)
    return Ratio(available, required, minimum)
