"""A book of positions for `live_lcr`: kept up to date by batches, and recomputed whole, with the same result."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engines.factor_lines import Line
from engines.factor_tables import parse_factor_policy
from engines.insured_split import book_entries, split_balances
from engines.lcr import LiquidityCoverage, liquidity_coverage
from engines.live_coverage import COVERAGE_CATEGORIES, CoverageValues, LiveCoverage
from infra.policies import load_policy

SEED = 20_261_122
LIMIT_MINOR = 50_000_000  # 500,000.00 for each depositor
DEPOSIT_SHARE = 0.9  # of positions and of entries
ACCOUNTS_PER_DEPOSITOR = 1.5
STABLE, LESS_STABLE = "LCR.OF.RET.02", "LCR.OF.RET.03"

TABLE = parse_factor_policy("lcr", load_policy("lcr")).in_force()
CODES = [
    item.code for item in TABLE.items.values() if item.category in COVERAGE_CATEGORIES and item.factor is not None
]
OTHER_CODES = [code for code in CODES if code not in {STABLE, LESS_STABLE}]

Integers = NDArray[np.int64]
Rows = NDArray[np.intp]


class Book:
    """Positions: accounts of depositors, of whom a fifth is not covered, and others that stand under a code."""

    def __init__(self, positions: int) -> None:
        self._random = np.random.default_rng(SEED)
        self.accounts = int(positions * DEPOSIT_SHARE)
        self.depositors = int(self.accounts / ACCOUNTS_PER_DEPOSITOR)
        self.depositor = self._random.integers(0, self.depositors, self.accounts).astype(np.intp)
        self.limit_minor = np.where(self._random.random(self.depositors) < 0.2, 0, LIMIT_MINOR).astype(np.int64)
        self.code = self._random.integers(0, len(OTHER_CODES), positions - self.accounts).astype(np.intp)
        self.amount_minor = self._random.integers(0, 10**8, positions)
        self.frame = pl.DataFrame(
            {
                "depositor": pl.Series(np.r_[self.depositor, np.full(len(self.code), -1)]),
                "limit_minor": np.r_[self.limit_minor[self.depositor], np.zeros(len(self.code), np.int64)],
                "code": pl.Series(
                    ["deposit"] * self.accounts + [OTHER_CODES[at] for at in self.code], dtype=pl.Categorical
                ),
            }
        )

    def entries(self, count: int) -> tuple[Rows, Integers]:
        """Position and signed amount of each; small beside the positions, so that no line goes below zero."""
        on_accounts = self._random.random(count) < DEPOSIT_SHARE
        position = np.where(
            on_accounts,
            self._random.integers(0, self.accounts, count),
            self._random.integers(self.accounts, len(self.amount_minor), count),
        )
        return position.astype(np.intp), self._random.integers(-(10**6), 10**6, count)

    def book(self, position: Rows, signed_minor: Integers) -> None:
        np.add.at(self.amount_minor, position, signed_minor)


class LiveBook:
    """The incremental side: a balance for each depositor, a sum for each line."""

    def __init__(self, book: Book) -> None:
        self._accounts, self._depositor, self._limit = book.accounts, book.depositor, book.limit_minor
        self.coverage = LiveCoverage([Line(code, 0) for code in CODES], TABLE)
        self._line_of_other = np.array([CODES.index(OTHER_CODES[at]) for at in book.code], np.intp)
        self._deposit_lines = np.array([CODES.index(STABLE), CODES.index(LESS_STABLE)], np.intp)
        self._balance = np.zeros(book.depositors, np.int64)
        np.add.at(self._balance, book.depositor, book.amount_minor[: book.accounts])
        opening = split_balances(self._balance, self._limit)
        self.coverage.apply(self._deposit_lines, np.array(opening.totals()[:2], np.int64))
        self.coverage.apply(self._line_of_other, book.amount_minor[book.accounts :])

    @property
    def state_bytes(self) -> int:
        return self._balance.nbytes + self.coverage.sums.minor.nbytes

    def fold(self, position: Rows, signed_minor: Integers) -> CoverageValues:
        """One batch: split, apply, ratio."""
        is_deposit = position < self._accounts
        deposits, others = np.flatnonzero(is_deposit), np.flatnonzero(~is_deposit)
        of_depositor = self._depositor.take(position.take(deposits))
        change = book_entries(of_depositor, signed_minor.take(deposits), self._balance, self._limit)
        of_other = self._line_of_other.take(position.take(others) - self._accounts)
        line = np.concatenate((self._deposit_lines, of_other))
        self.coverage.apply(line, np.concatenate((change.totals()[:2], signed_minor.take(others))))
        return self.coverage.values()


def recompute(book: Book) -> LiquidityCoverage:
    """The whole book, straightforwardly: group, split, group, weigh."""
    positions = book.frame.with_columns(amount_minor=pl.Series(book.amount_minor))
    deposits = (
        positions.filter(pl.col("depositor") >= 0)
        .group_by("depositor")
        .agg(pl.col("amount_minor").sum(), pl.col("limit_minor").first())
        .with_columns(deposit_minor=pl.col("amount_minor").clip(0))
        .with_columns(insured_minor=pl.min_horizontal("deposit_minor", "limit_minor"))
        .select(
            pl.col("insured_minor").sum(), (pl.col("deposit_minor") - pl.col("insured_minor")).sum().alias("rest")
        )
    )
    others = positions.filter(pl.col("depositor") < 0).group_by("code").agg(pl.col("amount_minor").sum())
    insured, rest = deposits.row(0)
    amounts = {STABLE: insured, LESS_STABLE: rest, **dict(others.rows())}
    hqla, outflows, inflows = (
        [Line(code, amount) for code, amount in amounts.items() if code.startswith(start)]
        for start in ("LCR.HQ", "LCR.OF", "LCR.IF")
    )
    return liquidity_coverage(hqla, outflows, inflows, TABLE)
