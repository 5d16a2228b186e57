"""Results whose rows hold lists of rows, as runs with their lines, as tables for people; rows name their parents.

Not for results of one level: `result_sheets` shows those.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from api.calculations.registry import Result, Sheet


def sheets(result: Result) -> list[Sheet]:
    single = {key: value for key, value in result.items() if not isinstance(value, list | dict)}
    found = []
    if single:
        rows = [{"figure": _words(key), "value": _cell(value)} for key, value in single.items()]
        found.append(Sheet("Figures", ("figure", "value"), rows))
    tables: dict[str, list[dict[str, Any]]] = {}
    _collect(result, {}, "", tables)
    for title, cells in tables.items():
        columns = tuple(dict.fromkeys(column for row in cells for column in row))
        texts = [{column: _cell(row.get(column)) for column in columns} for row in cells]
        amounts = tuple(column for column in columns if all(_is_amount(row.get(column)) for row in cells))
        amounts = tuple(column for column in amounts if not column.endswith("_exact"))
        found.append(Sheet(title, columns, texts, amounts))
    return found


def _collect(
    held: Mapping[str, Any], parent: Mapping[str, Any], above: str, tables: dict[str, list[dict[str, Any]]]
) -> None:
    for key, value in held.items():
        title = f"{above}: {_words(key)}" if above else _words(key).capitalize()
        if isinstance(value, dict) and value:
            rows: Sequence[Mapping[str, Any]] = [value]
        elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            rows = value
        else:
            continue
        for row in rows:
            own = {name: cell for name, cell in row.items() if not isinstance(cell, list | dict)}
            if own:
                tables.setdefault(title, []).append({**parent, **own})
            label = next(iter(own.items()), None)
            _collect(row, {**parent, **({f"of {label[0]}": label[1]} if label else {})}, title, tables)


def _words(key: str) -> str:
    return key.replace("_", " ")


def _is_amount(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, str) or "/" in value:
        return False
    try:
        Fraction(value)
    except ValueError:
        return False
    return True


def _cell(value: Any) -> str | None:
    return None if value is None else "yes" if value is True else "no" if value is False else str(value)
