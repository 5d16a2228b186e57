"""A pivot as others take it: JSON with its digest, and a ledger's table, which every export writes.

Figures are rounded HALF_UP here and nowhere before (decision Q2): amounts to the unit of their currency, per cents
and numbers to six decimals.
"""

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any

import msgspec

from engines.exact_ratio import half_up
from engines.primitives.money import exponent
from infra.pivot import Pivot
from infra.pivot_cube import Figure, Members
from infra.pivot_definition import RATIOS, Function, Measure
from infra.pivot_fields import Kind
from projections.ledgers.table import Cell, Column, LedgerTable
from projections.ledgers.table import Kind as CellKind

PLACES = 6
TOTAL = ("Total", "合计")
Json = dict[str, Any]


def decimal(figure: Figure | None, measure: Measure) -> Decimal | int | None:
    """A figure as it is shown."""
    if figure is None:
        return None
    if measure.function is Function.COUNT:
        return int(figure.value)
    if figure.currency:
        return _rounded(figure.value, exponent(figure.currency))
    found = _rounded(figure.value, PLACES)
    return found if measure.function in RATIOS else _short(found)


def _rounded(value: Fraction, places: int) -> Decimal:
    units = half_up(value.numerator * 10**places, value.denominator)
    return Decimal((int(units < 0), tuple(map(int, str(abs(units)))), -places))


def _short(value: Decimal) -> Decimal:
    """Without the noughts behind the last decimal."""
    text = f"{value:f}".rstrip("0").rstrip(".")
    return Decimal(text or "0")


def to_json(pivot: Pivot) -> Json:
    """Axes, and for every row a list of columns of measures: decimal text, whole numbers, or null."""
    asked, source = pivot.asked, pivot.cube.source
    rows = []
    for path in pivot.rows:
        cells = [[_plain(pivot, path, column, one) for one in asked.measures] for column in pivot.columns]
        rows.append({"members": list(path), "cells": cells})
    body: Json = {
        "definition": asked.to_json(),
        "source": {"name": source.name, "title": source.title, "title_zh": source.title_zh},
        "rows": [_told(pivot, name) for name in asked.rows],
        "columns": [_told(pivot, name) for name in asked.columns],
        "measures": [
            {"name": one.name, "kind": kind_of(pivot, one).value, "titles": list(titles(pivot, one))}
            for one in asked.measures
        ],
        "column_paths": [list(path) for path in pivot.columns],
        "table": rows,
        "missing_rates": sorted(pivot.cube.missing | (pivot.cube.before.missing if pivot.cube.before else set())),
    }
    return body


def digest_of(body: Json) -> str:
    """SHA-256 of canonical JSON (LIQ-58): the same definition at the same cut has the same."""
    return sha256(msgspec.json.encode(body, order="sorted")).hexdigest()


def to_table(
    pivot: Pivot, *, name: str, title: str, as_of: date, known_at: datetime, position: int, title_zh: str = ""
) -> LedgerTable:
    """Rows with their subtotals: empty below a subtotal's depth, the total of all last; no totals of its own."""
    asked = pivot.asked
    fields = pivot.cube.source.fields
    columns = [
        Column(one, fields[one].title, fields[one].title_zh, personal=fields[one].personal) for one in asked.rows
    ] or [Column("total", *TOTAL)]
    for number, path in enumerate(pivot.columns):
        for at, one in enumerate(asked.measures):
            english, chinese = titles(pivot, one)
            if asked.columns:
                english = " · ".join([*(path or TOTAL[:1]), english])
                chinese = " · ".join([*(path or TOTAL[1:]), chinese])
            place = f"c{number}_{at}" if path else f"total_{at}"
            columns.append(Column(place, english, chinese, kind_of(pivot, one)))
    rows = [tuple(_line(pivot, path)) for path in pivot.rows]
    return LedgerTable(name, title, title_zh or title, tuple(columns), rows, {}, len(rows), as_of, known_at, position)


def _line(pivot: Pivot, path: Members) -> list[Cell]:
    width = len(pivot.asked.rows)
    heads: list[Cell] = [*path, *([None] * (width - len(path)))]
    if not path:
        heads[:1] = [" ".join(reversed(TOTAL))]
    figures = [
        decimal(pivot.figure(path, column, one), one) for column in pivot.columns for one in pivot.asked.measures
    ]
    return [*heads, *figures]


def _plain(pivot: Pivot, row: Members, column: Members, one: Measure) -> str | int | None:
    found = decimal(pivot.figure(row, column, one), one)
    return f"{found:f}" if isinstance(found, Decimal) else found


def kind_of(pivot: Pivot, one: Measure) -> CellKind:
    if one.function in RATIOS:
        return CellKind.PER_CENT
    if one.function is Function.COUNT or pivot.cube.source.fields[one.field].kind is Kind.NUMBER:
        return CellKind.NUMBER
    return CellKind.MONEY


_WORDS = {
    Function.SUM: ("{0}", "{0}"),
    Function.COUNT: ("Count", "笔数"),
    Function.MIN: ("{0}, smallest", "{0}最小值"),
    Function.MAX: ("{0}, largest", "{0}最大值"),
    Function.MEDIAN: ("{0}, median", "{0}中位数"),
    Function.QUANTILE: ("{0}, {2} quantile", "{0}{2}分位数"),
    Function.PER_CENT: ("{0} in % of {1}", "{0}占{1}比"),
    Function.SHARE: ("{0}, share", "{0}占比"),
    Function.CLOSING: ("{0}, closing", "{0}期末余额"),
    Function.CHANGE: ("{0}, change", "{0}变动"),
}


def titles(pivot: Pivot, one: Measure) -> tuple[str, str]:
    """What a measure is called, in English and Chinese: its own name where it was given one."""
    fields = pivot.cube.source.fields
    if not str(one).startswith(f"{one.function}("):
        return one.name, one.name
    of = [fields[name] for name in one.fields]
    words = _WORDS[one.function]
    english = words[0].format(*[field.title for field in of], *[""] * (2 - len(of)), f"{one.quantile:f}")
    chinese = words[1].format(*[field.title_zh for field in of], *[""] * (2 - len(of)), f"{one.quantile:f}")
    return english, chinese


def _told(pivot: Pivot, name: str) -> Json:
    found = pivot.cube.source.fields[name]
    return {"name": name, "title": found.title, "title_zh": found.title_zh, "personal": found.personal}
