"""A result of any shape as tables for people, where its calculation has no tables of its own.

Single values are figures; maps over the same keys, and lists of the same length, stand beside each other in one
table; lists of objects are tables as `nested_sheets` has them. Every value of the result is in one of them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from api.calculations import nested_sheets
from api.calculations.registry import Result, Sheet

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")

Columns = dict[str, dict[str, str | None]]  # by column, the cells by row


def sheets(result: Result) -> list[Sheet]:
    figures = {key: value for key, value in result.items() if not isinstance(value, list | dict)}
    numeric = {key: value for key, value in figures.items() if _is_number(value)}
    found = [_pairs("Figures", numeric)] if numeric else []
    words = {key: value for key, value in figures.items() if key not in numeric}
    found += [_pairs("In words", words)] if words else []
    tables: list[tuple[str, Columns]] = []
    for key, value in result.items():
        if isinstance(value, Mapping) and value:
            _add_map(tables, key, value)
        elif isinstance(value, list) and value and not isinstance(value[0], Mapping):
            _add_columns(tables, "place", {key: {str(at + 1): _cell(one) for at, one in enumerate(value)}})
        elif isinstance(value, list) and value:
            found += nested_sheets.sheets({key: [_joined(row) for row in value]})
    return found + [_beside(head, columns) for head, columns in tables]


def _joined(row: Any) -> Any:
    """Lists of single values as one cell, since `nested_sheets` shows lists of objects only."""
    if isinstance(row, Mapping):
        return {key: _joined(value) for key, value in row.items()}
    if isinstance(row, list) and any(isinstance(part, Mapping) for part in row):
        return [_joined(part) for part in row]
    return (_cell(row) or None) if isinstance(row, list) else row


def _add_map(tables: list[tuple[str, Columns]], name: str, found: Mapping[str, Any]) -> None:
    if all(isinstance(value, Mapping) for value in found.values()):
        inner = dict.fromkeys(key for value in found.values() for key in value)
        columns = {key: {row: _cell(value.get(key)) for row, value in found.items()} for key in inner}
        tables.append((name, columns))
    elif all(isinstance(value, list) for value in found.values()):
        lists = {key: {str(at + 1): _cell(one) for at, one in enumerate(value)} for key, value in found.items()}
        _add_columns(tables, "place", lists)
    else:
        _add_columns(tables, "of", {name: {key: _cell(value) for key, value in found.items()}})


def _add_columns(tables: list[tuple[str, Columns]], head: str, columns: Columns) -> None:
    """Into the table of the same rows, or of more or fewer of them, else into one of its own."""
    rows = next(iter(columns.values())).keys()
    for own, held in tables:
        known = _rows(held)
        if (
            own == head
            and not held.keys() & columns.keys()
            and (rows <= known.keys() if head == "of" else rows == known.keys())
        ):
            held.update(columns)
            return
    tables.append((head, columns))


def _rows(columns: Columns) -> dict[str, None]:
    return dict.fromkeys(row for cells in columns.values() for row in cells)


def _beside(head: str, columns: Columns) -> Sheet:
    rows = [{head: row, **{name: cells.get(row) for name, cells in columns.items()}} for row in _rows(columns)]
    amounts = tuple(
        name
        for name, cells in columns.items()
        if not name.endswith("_exact") and all(_is_number(cell) for cell in cells.values())
    )
    title = ", ".join(name.replace("_", " ") for name in columns)
    return Sheet(title[:1].upper() + title[1:], (head, *columns), rows, amounts)


def _pairs(title: str, values: Mapping[str, Any]) -> Sheet:
    rows = [{"figure": key.replace("_", " "), "value": _cell(value)} for key, value in values.items()]
    return Sheet(title, ("figure", "value"), rows)


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence):
        return ", ".join(_cell(one) or "" for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_cell(one)}" for key, one in value.items())
    return str(value)
