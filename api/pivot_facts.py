"""Facts of pivots from what is held in memory: positions, accounts and gap of the live view, and ledgers.

Each is written to a Parquet file of its own for one question, so that all sources go through the same engine. Not for
entries: those are read where the archive has them (`api.pivot_entries`).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from engines.buckets import BUCKETS, ON, UNDATED, bucket_index
from engines.primitives.money import exponent
from infra.pivot_fields import CURRENCY, Field, Kind, Source, dimension, fields, figure, periods, quoted
from infra.pivot_query import SCALE, Facts
from projections.ledgers.table import Cell, Column, LedgerTable
from projections.ledgers.table import Kind as CellKind
from streams.past_figures import AccountSums
from streams.views import AsOf, RiskView
from streams.views_cells import DEMAND_DAY, UNDATED_DAY, CellTable

READ = "SELECT * FROM read_parquet(getvariable('files'))"
MONEY = pl.Decimal(38, 4)
NUMBER = pl.Decimal(38, SCALE)
OF_CELLS = (
    dimension("entity", "entity", "Entity", "法人"),
    dimension("organisation", "organisation", "Organisation", "机构"),
    dimension("business_line", "business_line", "Business line", "条线"),
    dimension("product", "product", "Product", "产品"),
    dimension("currency", "currency", "Currency", "币种"),
)
PENDING = (
    figure("pending_in", "pending_in", "Pending in", "在途流入"),
    figure("pending_out", "pending_out", "Pending out", "在途流出"),
)

POSITIONS = Source(
    "positions",
    "Positions by value date",
    "头寸（按起息日）",
    fields(
        [
            *OF_CELLS,
            *periods("value_date", "value_date", "Value date", "起息日"),
            figure("net", "settled", "Net flow", "净流量"),
            figure("position", "settled", "Position", "头寸"),
            *PENDING,
        ]
    ),
    currency="currency",
    intragroup="intragroup",
    closing_date="value_date",
    key=("entity", "organisation", "business_line", "product", "currency", "value_date", "intragroup"),
)
ACCOUNTS = Source(
    "accounts",
    "Positions by account",
    "头寸（按账户）",
    fields(
        [
            *OF_CELLS,
            dimension("customer", "customer", "Customer", "客户", personal=True),
            dimension("account", "account", "Account", "账户", personal=True),
            figure("position", "settled", "Position", "头寸"),
            *PENDING,
        ]
    ),
    currency="currency",
    intragroup="intragroup",
    key=("entity", "organisation", "business_line", "product", "currency", "customer", "account"),
)
GAP = Source(
    "gap",
    "Maturity gap",
    "期限缺口",
    fields(
        [
            *OF_CELLS,
            dimension("liquidity_tag", "liquidity_tag", "Liquidity tag", "流动性标签"),
            Field("bucket", Kind.TEXT, '"bucket"', "Bucket", "期限", order=BUCKETS),
            *periods("flow_date", "flow_date", "Flow date", "现金流日"),
            figure("inflow", "inflow", "Inflow", "流入"),
            figure("outflow", "outflow", "Outflow", "流出"),
            figure("gap", "inflow - outflow", "Gap", "缺口"),
            figure("principal_in", "principal_in", "Principal in", "本金流入"),
            figure("principal_out", "principal_out", "Principal out", "本金流出"),
            figure("contracts", "contracts", "Contracts", "合约数", Kind.NUMBER),
        ]
    ),
    currency="currency",
    key=("entity", "organisation", "business_line", "product", "currency", "liquidity_tag", "bucket", "flow_date"),
)


def position_rows(view: RiskView, as_of: AsOf) -> pl.DataFrame:
    """Cells with value date up to each entity's date."""
    table = view.positions_table
    return _cells(table, ("settled", "pending_in", "pending_out"), as_of, "value_date", intragroup=True)


def gap_rows(view: RiskView, as_of: AsOf) -> pl.DataFrame:
    """Flows from each entity's date on, with their bucket; a flow whose date has passed counts as paid."""
    names = ("inflow", "outflow", "principal_in", "principal_out", "contracts")
    found = _cells(view.gap_table, names, as_of, "flow_date", ahead=True)
    return found


def _cells(
    table: CellTable,
    sums: Sequence[str],
    as_of: AsOf,
    day_name: str,
    *,
    intragroup: bool = False,
    ahead: bool = False,
) -> pl.DataFrame:
    days = {entity: as_of.of(entity) for entity, *_ in table.members}
    limits = np.array([(d.toordinal() if (d := days[members[0]]) else 0) for members in table.members], np.int64)
    at = table.dimensions.index("currency")
    rows: list[tuple[Any, ...]] = []
    for groups, ordinals, values in table.iterate():
        limit = limits[groups]
        if ahead:
            keep = (limit > 0) & ((ordinals >= limit) | (ordinals == DEMAND_DAY) | (ordinals == UNDATED_DAY))
        else:
            keep = ordinals <= limit
        buckets = np.where(ordinals == DEMAND_DAY, ON, bucket_index(np.where(keep, ordinals - limit, 0)))
        buckets = np.where(ordinals == UNDATED_DAY, UNDATED, buckets)
        columns = [column[keep].tolist() for column in values]
        picked = zip(groups[keep].tolist(), ordinals[keep].tolist(), buckets[keep].tolist(), *columns, strict=True)
        for group, ordinal, bucket, *amounts in picked:
            members = table.members[group]
            scale = exponent(members[at])
            dated = ordinal not in (DEMAND_DAY, UNDATED_DAY)
            more = (table.intragroup[group],) if intragroup else (BUCKETS[bucket],)
            shown = [
                Decimal(value) if name == "contracts" else Decimal(value).scaleb(-scale)
                for name, value in zip(sums, amounts, strict=True)
            ]
            rows.append((*members, date.fromordinal(ordinal) if dated else None, *more, *shown))
    schema: dict[str, Any] = dict.fromkeys(table.dimensions, pl.String) | {day_name: pl.Date}
    schema |= {"intragroup": pl.Boolean} if intragroup else {"bucket": pl.String}
    schema |= dict.fromkeys(sums, MONEY)
    return pl.DataFrame(rows, schema=schema, orient="row")


def account_rows(found: Iterable[AccountSums]) -> pl.DataFrame:
    rows = [
        (
            *(one["entity"], one["organisation"], one["business_line"], one["product"], one["currency"]),
            *(one["customer"], one["account"], one["intragroup"]),
            *(
                Decimal(minor).scaleb(-exponent(one["currency"]))
                for minor in (one["settled_minor"], one["pending_in_minor"], one["pending_out_minor"])
            ),
        )
        for one in found
    ]
    names = ("entity", "organisation", "business_line", "product", "currency", "customer", "account")
    schema: dict[str, Any] = dict.fromkeys(names, pl.String) | {"intragroup": pl.Boolean}
    schema |= dict.fromkeys(("settled", "pending_in", "pending_out"), MONEY)
    return pl.DataFrame(rows, schema=schema, orient="row")


# --- Ledgers -------------------------------------------------------------------------------------------------------

LEDGER = "ledger."
_DATED = (CellKind.DATE, CellKind.INSTANT)
_FIGURES = {CellKind.MONEY: Kind.MONEY, CellKind.NUMBER: Kind.NUMBER, CellKind.PER_CENT: Kind.RATE}
_PLAIN: dict[CellKind, Any] = {CellKind.DATE: pl.Date, CellKind.INSTANT: pl.Datetime("us", "UTC")}


def ledger_source(name: str, title: str, title_zh: str, columns: Sequence[Column]) -> Source:
    """Every column of a ledger: texts and codes as dimensions, days as periods, amounts and numbers as figures.

    Its currency goes by `currency`, as everywhere; rates and per cents have an order and no sum.
    """
    found: list[Field] = []
    for one in columns:
        if one.name == "ccy":
            found.append(dimension(CURRENCY, one.name, one.title, one.title_zh))
        elif one.kind in _DATED:
            found += periods(one.name, one.name, one.title, one.title_zh)
        elif one.kind in _FIGURES:
            found.append(figure(one.name, quoted(one.name), one.title, one.title_zh, _FIGURES[one.kind]))
        else:
            found.append(dimension(one.name, one.name, one.title, one.title_zh, personal=one.personal))
    has_currency = any(one.name == "ccy" for one in columns)
    return Source(
        LEDGER + name, title, title_zh, fields(found), currency='"ccy"' if has_currency else "", key=('"row"',)
    )


def ledger_rows(table: LedgerTable) -> pl.DataFrame:
    """Cells as their reader sees them, in the ledger's order (`row`)."""
    cells = list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.columns)
    series = [_series(one, found) for one, found in zip(table.columns, cells, strict=True)]
    return pl.DataFrame(series).with_row_index("row")


def _series(column: Column, cells: Sequence[Cell]) -> pl.Series:
    if column.kind in _PLAIN:
        return pl.Series(column.name, cells, _PLAIN[column.kind], strict=True)
    if column.kind in _FIGURES:
        return pl.Series(column.name, [None if one is None else Decimal(str(one)) for one in cells], NUMBER)
    return pl.Series(column.name, [None if one is None else _text(one) for one in cells], pl.String())


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell.isoformat() if isinstance(cell, date | datetime) else str(cell)


def facts_of(source: Source, rows: pl.DataFrame, folder: Path, name: str, entities: frozenset[str] | None) -> Facts:
    """The rows as a file in `folder`, which lives as long as the question."""
    path = folder / f"{name}.parquet"
    rows.write_parquet(path)
    return Facts(source, (path,), READ, (), entities)
