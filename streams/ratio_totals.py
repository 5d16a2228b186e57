"""Totals of a live ratio, kept as entries come and go: some twenty integers for each unit.

An entry's contribution is worked out once, when it is made, and taken back as it was put in. Exact: amounts in the
units of `views_securities.SCALE`, times the weights of `engines.live_coverage`. Not for lines.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.factor_lines import Ratio
from engines.factor_tables import FactorTable
from engines.live_coverage import LEVELS, CoverageCaps, CoverageValues, Weights, funding_ratio
from streams.ratio_parts import Amount, Entry, Figure
from streams.views_securities import SCALE

# Places in the totals. Of what is within the group a second time: the group leaves it out.
COVERAGE, COVERAGE_OWN = slice(0, 5), slice(5, 10)
UNDONE = slice(10, 13)
FUNDING, FUNDING_OWN = slice(13, 15), slice(15, 17)
UNMAPPED: Mapping[Figure, int] = {"lcr": 17, "nsfr": 18}
PRESENT: Mapping[Figure, int] = {"lcr": 19, "nsfr": 20}
ODD = 21  # how many items no total can hold: below zero, or of a line without one factor
WIDTH = 22
#: What a figure is read from.
WANTED: Mapping[Figure, tuple[int, ...]] = {"lcr": (*range(0, 5), *range(10, 13), 17), "nsfr": (13, 14, 18)}

Contribution = tuple[tuple[int, int], ...]  # (place, amount)
Weighing = tuple[Contribution, ...]  # by part of a class: (place, what a minor unit adds)


@dataclass(frozen=True, slots=True)
class Scheme:
    """The weights of both figures, of the tables in force on one date."""

    coverage: Weights
    funding: Weights
    caps: CoverageCaps

    @classmethod
    def of(cls, coverage: FactorTable, funding: FactorTable) -> "Scheme":
        return cls(Weights.of_coverage(coverage), Weights.of_funding(funding), CoverageCaps.of_table(coverage))

    def table(self, figure: Figure) -> FactorTable:
        return self.coverage.table if figure == "lcr" else self.funding.table

    def contribution(self, entry: Entry) -> Contribution:
        """What an entry adds to the totals; the same place may occur more than once."""
        found: list[tuple[int, int]] = []
        for item in entry.items:
            is_lcr = item.figure == "lcr"
            weights = self.coverage if is_lcr else self.funding
            place, weight = weights.by_code.get(item.code, (0, -1))
            found.append((PRESENT["lcr" if is_lcr else "nsfr"], 1))
            if weight < 0 or item.amount < 0:
                found.append((ODD, 1))
                continue
            weighted = scaled(item.amount) * weight
            start, own = (COVERAGE.start, COVERAGE_OWN.start) if is_lcr else (FUNDING.start, FUNDING_OWN.start)
            found.append((start + place, weighted))
            if item.intragroup:
                found.append((own + place, weighted))
        for aside in entry.asides:
            figure: Figure = "lcr" if aside.figure == "lcr" else "nsfr"
            found.append((PRESENT[figure], 1))
            if not aside.mapped:
                found.append((UNMAPPED[figure], scaled(aside.amount)))
        for leg in entry.undone:
            sign = 1 if leg.is_given else -1
            level, weight = self.coverage.by_code.get(leg.code, (0, -1))
            if weight < 0:
                found.append((ODD, 1))
            elif level < len(LEVELS):  # the categories begin with the levels
                found.append((UNDONE.start + level, sign * scaled(leg.value) * weight))
                found.append((UNDONE.start, -sign * scaled(leg.cash) * self.coverage.denominator))
        return tuple(found)

    def weighing(self, places: Iterable[tuple[int, str, str | None, bool]], parts: int) -> Weighing | None:
        """What a minor unit of each part of a class of deposits adds to the totals, where that is one number.

        Args:
            places: part, figure, code (None: in no line) and whether it is unmapped or, in a line, intragroup.
        Returns:
            None: an item stands in a line without one factor, so the class is for `contribution`.
        """
        found: list[list[tuple[int, int]]] = [[] for _ in range(parts)]
        for part, name, code, is_marked in places:
            figure: Figure = "lcr" if name == "lcr" else "nsfr"
            if code is None:
                if is_marked:
                    found[part].append((UNMAPPED[figure], SCALE))
                continue
            weights = self.coverage if figure == "lcr" else self.funding
            if code not in weights.by_code:
                return None
            place, weight = weights.by_code[code]
            starts = (COVERAGE.start, COVERAGE_OWN.start) if figure == "lcr" else (FUNDING.start, FUNDING_OWN.start)
            for start in starts if is_marked else starts[:1]:
                found[part].append((start + place, weight * SCALE))
        return tuple(map(tuple, found))

    def coverage_ratio(self, totals: Sequence[int], divisor: int, minimum: Fraction | None) -> Ratio:
        """The ratio of `coverage_values` alone."""
        denominator = SCALE * self.coverage.denominator * divisor
        return self.caps.ratio(totals[COVERAGE], totals[UNDONE], denominator, minimum)

    def coverage_values(self, totals: Sequence[int], divisor: int, minimum: Fraction | None) -> CoverageValues:
        """From totals in units of 1 / `divisor` more than they are kept in."""
        denominator = SCALE * self.coverage.denominator * divisor
        return self.caps.values(totals[COVERAGE], totals[UNDONE], denominator, minimum)

    def funding_values(self, totals: Sequence[int], divisor: int, minimum: Fraction | None) -> Ratio:
        return funding_ratio(totals[FUNDING], SCALE * self.funding.denominator * divisor, minimum)


def without_own(totals: Sequence[int]) -> Sequence[int]:
    """Totals as the group counts them: what its entities owe each other left out."""
    if not any(totals[COVERAGE_OWN]) and not any(totals[FUNDING_OWN]):
        return totals
    found = list(totals)
    for whole, own in ((COVERAGE, COVERAGE_OWN), (FUNDING, FUNDING_OWN)):
        found[whole] = [amount - within for amount, within in zip(found[whole], found[own], strict=True)]
    return found


def scaled(amount: Amount) -> int:
    """In units of 1 / SCALE of a minor unit: whole, since face times price has no smaller ones."""
    if isinstance(amount, int):
        return amount * SCALE
    whole: int = amount.numerator * (SCALE // amount.denominator)
    return whole
