"""Who can break us now: for each live limit the fewest depositors whose leaving breaks it (LIQ-34).

A deposit that leaves takes as much cash with it, and the line it stands in: out of Level 1 and of the outflows of the
LCR, out of the stable funding and the cash of the NSFR, out of the available position (LIQ-07). Nothing else moves:
the required reserve stays as told, loans to who leaves stay, no asset is sold. Limits are those of `limits.toml` on
the live ratios, else the minimum of the table. Not for shares of all deposits: that is `engines.reverse_stress`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from engines.factor_tables import FactorTable
from engines.reverse_stress_columns import DepositColumns, smallest_breaking_set
from engines.reverse_stress_limits import DepositorLimit, Face, cash_limit, lcr_limit, minimum_ratio_limit
from projections.depositor_balances import UNINSURED
from projections.dictionary import Key
from streams.fx_rates import FxRates
from streams.ratio_policy import NOWHERE, PARTS, RatioPolicy, RatioVersion
from streams.reverse_stress_balances import Deposits
from streams.views_ratios import PositionsRow, RatioFigure, Scope

AVAILABLE = "available_position"
KIND = 5  # words of a deposit cell that lines follow from: entity, currency, owner, class, product
DEPOSIT_PARTS = range(UNINSURED + 1)  # an overdraft leaves nothing behind
Integers = NDArray[np.int64]
Shares = dict[str, Fraction]  # by class: how a cell and part are named in a limit


@dataclass(frozen=True, slots=True)
class Leaver:
    entity: str
    customer: str
    minor: Fraction  # of the scope's currency


@dataclass(frozen=True, slots=True)
class Breaking:
    """`count` 0: broken already; None: nobody's leaving breaks it, or for `reason` nobody can say.

    `minor` and `deposits_minor` are in the scope's currency: what the set takes along, and what all have.
    """

    figure: str  # lcr, nsfr, available_position
    limit_id: str
    scope: Scope
    as_of: date
    minimum: Fraction
    value: Fraction | None
    count: int | None
    leavers: tuple[Leaver, ...]  # the largest losses first, at most as many as asked for
    minor: Fraction
    deposits_minor: Fraction
    reason: str = ""


def breaking_sets(
    deposits: Deposits,
    ratios: Iterable[RatioFigure],
    positions: Iterable[PositionsRow],
    policy: RatioPolicy,
    days: Mapping[str, date],
    rates: FxRates,
    *,
    named_max: int,
) -> Iterator[Breaking]:
    """One for each limit of each scope, in the order of the figures.

    Args:
        deposits, ratios, positions, rates: of one cut.
    """
    books: dict[Scope, _Book] = {}
    for found in ratios:
        if found.scope not in books:
            books[found.scope] = _Book.of(deposits, found.scope, policy, days, rates)
        for limit_id, minimum in _minima(found, policy):
            yield _of_ratio(found, limit_id, minimum, books[found.scope], named_max)
    for row in positions:
        if row.positions is not None:
            scope = Scope("currency", row.entity, row.currency)
            book = books.get(scope) or _Book.of(deposits, scope, policy, days, rates)
            limit = cash_limit(
                AVAILABLE, row.positions.available, Fraction(0), dict.fromkeys(book.columns.classes, Fraction(0))
            )
            yield book.answer(limit, AVAILABLE, row.as_of, Fraction(0), row.positions.available, named_max)


def _minima(found: RatioFigure, policy: RatioPolicy) -> list[tuple[str, Fraction]]:
    limits = [(limit.limit_id, limit.minimum) for limit, _ in found.limits if limit.minimum is not None]
    tables = policy.lcr if found.figure == "lcr" else policy.nsfr
    minimum = tables.minimum(found.as_of)
    return limits or ([] if minimum is None else [(f"{found.figure}-minimum", minimum)])


def _of_ratio(found: RatioFigure, limit_id: str, minimum: Fraction, book: "_Book", named_max: int) -> Breaking:
    ratio = found.ratio
    if ratio is None or ratio.value is None:
        nobody = Breaking(
            found.figure,
            limit_id,
            found.scope,
            found.as_of,
            minimum,
            None,
            None,
            (),
            Fraction(0),
            book.total,
            found.reason,
        )
        return nobody
    shares = book.shares(found.figure, found.table)
    if found.figure == "nsfr":
        cash = book.cash_share("nsfr", found.table)
        limit = minimum_ratio_limit(
            limit_id,
            Fraction(ratio.numerator),
            Fraction(ratio.denominator),
            minimum,
            from_numerator=shares,
            from_denominator=dict.fromkeys(shares, cash),
        )
    else:
        assert found.coverage is not None  # noqa: S101 - an LCR with a value has what it was made of
        stock, net = found.coverage.stock, found.coverage.net
        limit = lcr_limit(
            limit_id,
            stock.held,
            net.outflows,
            net.inflows,
            shares,
            adjusted=stock.adjusted,
            minimum=minimum,
            inflow_cap=found.table.parameter("inflow_cap"),
            level2_share_cap=found.table.parameter("level2_share_cap"),
            level2b_share_cap=found.table.parameter("level2b_share_cap"),
        )
    return book.answer(limit, found.figure, found.as_of, minimum, ratio.value, named_max)


@dataclass(frozen=True, slots=True)
class _Book:
    """The deposits of one scope; its classes are kinds of deposit and parts, each with what converts it."""

    scope: Scope
    columns: DepositColumns
    factors: Sequence[Fraction]  # by class, into the scope's currency
    kinds: Sequence[tuple[Key, int]]  # (deposit cell, part) by class
    versions: Mapping[str, RatioVersion]
    deposits: Deposits
    total: Fraction

    @classmethod
    def of(
        cls, deposits: Deposits, scope: Scope, policy: RatioPolicy, days: Mapping[str, date], rates: FxRates
    ) -> "_Book":
        versions = {entity: policy.in_force(day) for entity, day in days.items()}
        factors: list[Fraction] = []
        kinds: dict[tuple[Key, int], int] = {}
        code = np.full((len(deposits.cells), len(PARTS)), -1, np.int64)
        for at, whole_cell in enumerate(deposits.cells):
            cell = whole_cell[:KIND]
            factor = rates.minor_factor(cell[1], scope.currency)
            if factor is None or not _is_in(scope, cell, versions):
                continue
            for part in DEPOSIT_PARTS:
                if (cell, part) not in kinds:
                    kinds[cell, part] = len(kinds)
                    factors.append(factor)
                code[at, part] = kinds[cell, part]
        of_row = code[deposits.cell, deposits.part]
        rows = np.flatnonzero(of_row >= 0)
        names = tuple(map(str, range(len(kinds))))
        columns = DepositColumns(deposits.depositor[rows], of_row[rows], deposits.minor[rows], names)
        sums = np.zeros(len(kinds), np.int64)
        np.add.at(sums, columns.deposit_class, columns.minor)
        total = sum((minor * factor for minor, factor in zip(sums.tolist(), factors, strict=True)), Fraction(0))
        return cls(scope, columns, factors, list(kinds), versions, deposits, total)

    def shares(self, figure: str, table: FactorTable) -> Shares:
        """The factor of the line that each class stands in; 0 where it is in none."""
        found = {}
        for name, (cell, part) in zip(self.columns.classes, self.kinds, strict=True):
            rule = self.versions[cell[0]].find("deposit", _facts(cell))
            code = NOWHERE if rule is None else rule.code(figure, PARTS[part])
            found[name] = Fraction(0) if code == NOWHERE else table.item(code).factor or Fraction(0)
        return found

    def cash_share(self, figure: str, table: FactorTable) -> Fraction:
        """The factor of the cash that leaves with a deposit."""
        codes = {version.cash.code(figure, "excess_reserves") for version in self.versions.values()}
        factors = [table.item(code).factor or Fraction(0) for code in codes if code != NOWHERE]
        return min(factors, default=Fraction(0))

    def answer(
        self, limit: DepositorLimit, figure: str, as_of: date, minimum: Fraction, value: Fraction, named_max: int
    ) -> Breaking:
        factor_of = dict(zip(self.columns.classes, self.factors, strict=True))
        faces = tuple(
            Face(face.surplus, {name: loss * factor_of[name] for name, loss in face.loss_by_class.items()})
            for face in limit.faces
        )
        found = smallest_breaking_set(DepositorLimit(limit.name, faces), self.columns)
        taken = np.flatnonzero(np.isin(self.columns.depositor, found.depositors))
        named = found.depositors[:named_max]
        spans = (np.searchsorted(self.columns.depositor, named, side) for side in ("left", "right"))
        leavers = [
            Leaver(*self.deposits.name(code), self._held(np.arange(start, end)))
            for code, start, end in zip(named.tolist(), *(span.tolist() for span in spans), strict=True)
        ]
        return Breaking(
            figure,
            limit.name,
            self.scope,
            as_of,
            minimum,
            value,
            found.count,
            tuple(leavers),
            self._held(taken),
            self.total,
        )

    def _held(self, rows: Integers) -> Fraction:
        classes, minors = self.columns.deposit_class[rows], self.columns.minor[rows]
        sums = np.zeros(len(self.factors), np.int64)
        np.add.at(sums, classes, minors)
        return sum((int(sums[at]) * self.factors[at] for at in np.flatnonzero(sums).tolist()), Fraction(0))


def _facts(cell: Key) -> dict[str, str]:
    entity, currency, owner, customer_class, product = cell
    return {
        "owner": owner,
        "customer_class": customer_class,
        "product": product,
        "currency": currency,
        "entity": entity,
    }


def _is_in(scope: Scope, cell: Key, versions: Mapping[str, RatioVersion]) -> bool:
    """The group leaves out what its entities owe each other."""
    if cell[0] not in versions:
        return False
    if scope.kind == "currency":
        return (scope.entity, scope.currency) == (cell[0], cell[1])
    if scope.kind == "entity":
        return scope.entity == cell[0]
    rule = versions[cell[0]].find("deposit", _facts(cell))
    return rule is None or not rule.intragroup
