"""The whole book recomputed, straightforwardly, in polars and in pandas: the contenders of `live_lcr`.

Balances, each depositor's split, sums by line, every scope weighed. The last step is the one that the live side has,
so that it favours neither: whole numbers by category, one exact ratio a scope.
"""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

import polars as pl

from benchmarks._live_book import CLASSES, DEPOSIT_CODES, MINIMUM, TABLE, USD_IN_CNY, Book
from engines.factor_lines import Line, Ratio
from engines.lcr import LiquidityCoverage, liquidity_coverage
from engines.live_coverage import CoverageCaps, Weights
from streams.ratio_policy import NOWHERE, PARTS
from streams.views_ratios import Scope

try:
    import pandas as pd
except ImportError:  # no dependency of the project: `pip install pandas` to have it compared
    pd = None

WEIGHTS, CAPS = Weights.of_coverage(TABLE), CoverageCaps.of_table(TABLE)
RATE = Fraction(USD_IN_CNY)
Sums = tuple[dict[str, int], dict[str, int]]  # CNY and USD: minor units by code
KEYS = ["depositor", "product", "organisation"]


def in_polars(book: Book) -> Sums:
    positions = book.frame.with_columns(amount=pl.Series(book.amount_minor))
    deposits = (
        positions.filter(pl.col("depositor") >= 0)
        .group_by(KEYS)
        .agg(pl.col("amount").sum().clip(0), pl.col("currency", "customer_class", "limit_minor").first())
        .group_by("depositor")
        .agg(pl.col("amount").sum(), pl.col("currency", "customer_class", "limit_minor").first())
        .with_columns(insured=pl.min_horizontal("amount", "limit_minor"))
        .with_columns(whole=pl.when(pl.col("amount") <= pl.col("limit_minor")).then("insured").otherwise(0))
        .group_by("currency", "customer_class")
        .agg(
            insured_whole=pl.col("whole").sum(),
            insured_part=(pl.col("insured") - pl.col("whole")).sum(),
            uninsured=(pl.col("amount") - pl.col("insured")).sum(),
        )
    )
    others = positions.filter(pl.col("depositor") < 0).group_by("currency", "code").agg(pl.col("amount").sum())
    return _by_code(deposits.rows(), others.rows())


def in_pandas(frame: Any) -> Callable[[Book], Sums]:
    """`frame`: the book's without amounts, made once, as polars has it."""
    deposits_at = frame["depositor"] >= 0

    def recompute(book: Book) -> Sums:
        positions = frame.assign(amount=book.amount_minor)
        same = {name: (name, "first") for name in ("currency", "customer_class", "limit_minor")}
        balances = positions[deposits_at].groupby(KEYS, sort=False).agg(amount=("amount", "sum"), **same)
        of = balances.assign(amount=balances["amount"].clip(lower=0)).groupby("depositor", sort=False)
        split = of.agg(amount=("amount", "sum"), **same)
        insured = split["amount"].clip(upper=split["limit_minor"])
        whole = insured.where(split["amount"] <= split["limit_minor"], 0)
        parts = split.assign(whole=whole, part=insured - whole, uninsured=split["amount"] - insured)
        deposits = parts.groupby(["currency", "customer_class"])[["whole", "part", "uninsured"]].sum()
        others = positions[~deposits_at].groupby(["currency", "code"], observed=True)["amount"].sum()
        return _by_code(deposits.reset_index().itertuples(index=False), others.reset_index().itertuples(index=False))

    return recompute


def contenders(book: Book) -> dict[str, Callable[[Book], Sums]]:
    found: dict[str, Callable[[Book], Sums]] = {"polars": in_polars}
    if pd is not None:
        plain = {name: book.frame[name].to_numpy() for name in book.frame.columns if name != "code"}
        frame = pd.DataFrame(plain).assign(code=pd.Categorical(book.frame["code"].to_list()))
        found["pandas"] = in_pandas(frame)
    return found


def ratios(sums: Sums) -> dict[Scope, Ratio]:
    """The exact LCR of every scope."""
    local, foreign = ([0] * 5, [0] * 5)
    for totals, by_code in ((local, sums[0]), (foreign, sums[1])):
        for code, amount in by_code.items():
            place, weight = WEIGHTS.by_code[code]
            totals[place] += amount * weight
    mid, over = RATE.as_integer_ratio()
    together = [one * over + other * mid for one, other in zip(local, foreign, strict=True)]
    whole = _ratio(together, over)
    return {
        Scope("currency", "BANK", "CNY"): _ratio(local, 1),
        Scope("currency", "BANK", "USD"): _ratio(foreign, 1),
        Scope("entity", "BANK", "CNY"): whole,
        Scope("group", "-", "CNY"): whole,
    }


def details(sums: Sums) -> dict[Scope, LiquidityCoverage]:
    """Line by line, by the engine of the whole calculation: what both sides are held to."""
    together: dict[str, Fraction] = {}
    for by_code, factor in ((sums[0], Fraction(1)), (sums[1], RATE)):
        for code, amount in by_code.items():
            together[code] = together.get(code, Fraction(0)) + amount * factor
    whole = _coverage(together)
    return {
        Scope("currency", "BANK", "CNY"): _coverage(sums[0]),
        Scope("currency", "BANK", "USD"): _coverage(sums[1]),
        Scope("entity", "BANK", "CNY"): whole,
        Scope("group", "-", "CNY"): whole,
    }


def _by_code(deposits: Iterable[Any], others: Iterable[Any]) -> Sums:
    found: Sums = ({}, {})
    for currency, customer_class, *parts in deposits:
        for part, amount in zip(PARTS, parts, strict=False):
            code = DEPOSIT_CODES[CLASSES[customer_class], part]
            found[currency][code] = found[currency].get(code, 0) + int(amount)
    for currency, code, amount in others:
        if code != NOWHERE:
            found[currency][code] = int(amount)
    return found


def _ratio(totals: list[int], divisor: int) -> Ratio:
    return CAPS.ratio(totals, (0, 0, 0), WEIGHTS.denominator * divisor, MINIMUM)


def _coverage(amounts: Mapping[str, int | Fraction]) -> LiquidityCoverage:
    by_category: dict[str, list[Line]] = {}
    for code, amount in sorted(amounts.items()):
        by_category.setdefault(TABLE.item(code).category, []).append(Line(code, amount))
    hqla = [line for name, lines in by_category.items() if name.startswith("HQLA") for line in lines]
    outflows, inflows = by_category.get("outflow", []), by_category.get("inflow", [])
    return liquidity_coverage(hqla, outflows, inflows, TABLE, minimum=MINIMUM)
