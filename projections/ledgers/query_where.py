"""Conditions of a query, one a line: `principal >= 1000000`, `org in B01, B02`, `exited_on is null`.

A missing cell meets `is null`, `!=` and `not in`, nothing else. `contains` looks for letters whatever their case. A
value may stand in quotes, single or double; in a list it has to where it holds a comma.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engines.primitives.errors import InvalidInput
from projections.ledgers.query_values import SHOWN, column_of, value_of
from projections.ledgers.table import Cell, Column, Kind

LENGTH_MAX, VALUES_MAX = 2_000, 500
SYNTAX = re.compile(
    r"\s*(?P<column>[A-Za-z_][\w.]*)\s*"
    r"(?P<operator><=|>=|!=|=|<|>|\bis\s+not\s+null\b|\bis\s+null\b|\bnot\s+in\b|\bin\b|\bcontains\b|\bbetween\b)"
    r"\s*(?P<rest>.*?)\s*",
    re.IGNORECASE | re.DOTALL,
)
PART = re.compile(r"""\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)"|([^,'"]*))\s*(?:,|$)""")
AND = re.compile(r"\s+and\s+", re.IGNORECASE)

Test = Callable[[Cell], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """`operator`: = != < <= > >= in, not in, contains, between, is null, is not null."""

    column: str
    operator: str
    values: tuple[str, ...] = ()

    def test(self, column: Column) -> Test:
        """Whether a cell of the column meets it. Raises InvalidInput: a value that the column cannot have."""
        operator = self.operator
        if operator in ("is null", "is not null"):
            return lambda cell: (cell is None) == (operator == "is null")
        if operator == "contains":
            if column.kind not in (Kind.TEXT, Kind.CODE):
                raise InvalidInput(f"{column.name}: contains is for texts", field=column.name)
            part = self.values[0].casefold()
            return lambda cell: cell is not None and part in str(cell).casefold()
        wanted = [value_of(column, text) for text in self.values]
        test = _TESTS[operator]
        given: object = frozenset(wanted) if operator in ("in", "not in") else wanted
        meets_missing = operator in ("!=", "not in")
        return lambda cell: meets_missing if cell is None else test(cell, given)


#: By operator, of a cell that is there and the values.
_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda cell, values: bool(cell == values[0]),
    "!=": lambda cell, values: bool(cell != values[0]),
    "<": lambda cell, values: bool(cell < values[0]),
    "<=": lambda cell, values: bool(cell <= values[0]),
    ">": lambda cell, values: bool(cell > values[0]),
    ">=": lambda cell, values: bool(cell >= values[0]),
    "between": lambda cell, values: bool(values[0] <= cell <= values[1]),
    "in": lambda cell, values: cell in values,
    "not in": lambda cell, values: cell not in values,
}


def condition(text: str) -> Condition:
    """A condition as a reader writes it. Raises InvalidInput with the text where it is none."""
    match = SYNTAX.fullmatch(text) if len(text) <= LENGTH_MAX else None
    if match is None:
        raise InvalidInput(f"want `column operator value`, got {text!r:.{SHOWN}}", field="where")
    operator = " ".join(match["operator"].lower().split())
    rest = match["rest"]
    if operator.startswith("is "):
        values: list[str] = []
        is_right = not rest
    elif operator in ("in", "not in"):
        values = _listed(rest.removeprefix("(").removesuffix(")") if rest.startswith("(") else rest, text)
        is_right = 0 < len(values) <= VALUES_MAX
    elif operator == "between":
        values = [_unquoted(part) for part in AND.split(rest)]
        is_right = len(values) == 2 and all(values)
    else:
        values = [_unquoted(rest)]
        is_right = bool(rest)
    if not is_right:
        raise InvalidInput(f"{match['column']}: {operator} wants other values in {text!r:.{SHOWN}}", field="where")
    return Condition(match["column"], operator, tuple(values))


def tests(conditions: Sequence[Condition], columns: Sequence[Column]) -> list[tuple[int, Test]]:
    """(place of the column, test) of each condition; a row passes if every cell does."""
    places = {column.name: at for at, column in enumerate(columns)}
    found = []
    for one in conditions:
        at = column_of(places, one.column)
        found.append((at, one.test(columns[at])))
    return found


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1].replace(text[0] * 2, text[0])
    return text


def _listed(text: str, whole: str) -> list[str]:
    found, at = [], 0
    while at < len(text):
        match = PART.match(text, at)
        if match is None or match.end() == at:
            raise InvalidInput(f"a list of values ends badly in {whole!r:.{SHOWN}}", field="where")
        single, double, plain = match.groups()
        if single is not None:
            found.append(single.replace("''", "'"))
        elif double is not None:
            found.append(double.replace('""', '"'))
        else:
            found.append(plain.strip())
        at = match.end()
    return found
