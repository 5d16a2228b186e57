"""A result as tables for people, where its own keys already say what they are: figures first, then each list.

Not for results whose tables need an order or words of their own.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from api.calculations.registry import Result, Sheet

_NUMBER = re.compile(r"-?[0-9]+\.[0-9]+")


def sheets_of(*amounts: str) -> Callable[[Result], Sequence[Sheet]]:
    """Sheets of a result: single values and mappings together as figures, a sheet for each list of objects.

    Args:
        amounts: columns of lists that hold decimal text. Figures need no telling: a point makes one.
    """

    def sheets(result: Result) -> list[Sheet]:
        figures = {key: value for key, value in _flat(result).items() if not _is_table(value)}
        rows = [{"figure": key.replace("_", " "), "value": _cell(value)} for key, value in figures.items()]
        numeric = [row for row in rows if row["value"] is None or _NUMBER.fullmatch(row["value"])]
        words = [row for row in rows if row not in numeric]
        found = [Sheet("Figures", ("figure", "value"), numeric, ("value",))] if numeric else []
        found += [Sheet("In words", ("figure", "value"), words)] if words else []
        for key, value in result.items():
            if _is_table(value):
                lines = [_flat(line) for line in value]
                columns = tuple(dict.fromkeys(column for line in lines for column in line))
                cells = [{column: _cell(line.get(column)) for column in columns} for line in lines]
                title = key.replace("_", " ").capitalize()
                found.append(Sheet(title, columns, cells, tuple(one for one in columns if one in amounts)))
        return found

    return sheets


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings inside a mapping, their keys put behind its own."""
    found: dict[str, Any] = {}
    for key, part in value.items():
        if isinstance(part, dict):
            found |= {f"{key} {inner}": one for inner, one in _flat(part).items()}
        else:
            found[key] = part
    return found


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(_cell(part)) for part in value)
    return str(value)
