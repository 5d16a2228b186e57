"""Computed columns: a small grammar of seven functions with a parser of its own; no text is ever run as code.

    term     = column | number | day | "as_of" | function "(" [ term { "," term } ] ")"
    function = sum | count | min | max | avg | days_between | per_cent

`sum`, `count`, `min`, `max` and `avg` go over the rows of a group; the other two over cells. `avg` and `per_cent` are
rounded half up (away from zero at the midpoint) to six places, everything else is exact. A missing cell is left out
of a group, and makes `days_between` and `per_cent` missing; so does a whole of zero.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal

from engines.primitives.errors import InvalidInput
from projections.ledgers.query_values import NUMERIC, SHOWN
from projections.ledgers.table import Cell, Kind

GROUPED = frozenset({"sum", "count", "min", "max", "avg"})
BY_CELL = frozenset({"days_between", "per_cent"})
TOKEN = re.compile(r"\s*(?:(\d{4}-\d\d-\d\d)|(\d+(?:\.\d+)?)|([A-Za-z_][\w.]*)|([(),]))")
NAMED = re.compile(r"\s*([a-z_][a-z0-9_]*)\s*=\s*(.+)", re.DOTALL)
LENGTH_MAX, DEPTH_MAX = 500, 4
AS_OF = "as_of"
PLACES = Decimal("0.000001")
EXACT = Context(prec=80, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Name:
    """A column, or `as_of`."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    value: Decimal | date


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple["Term", ...]


Term = Name | Literal | Call


@dataclass(frozen=True, slots=True)
class Shown:
    """A column that is asked for: its name in the answer, and what it is made of."""

    name: str
    term: Term

    @property
    def is_plain(self) -> bool:
        return isinstance(self.term, Name) and self.term.name != AS_OF

    @property
    def place(self) -> str:
        """The column that its cells stand in."""
        return self.term.name if isinstance(self.term, Name) and self.is_plain else self.name


def shown(text: str) -> Shown:
    """`principal`, `sum(principal)` or `share = per_cent(sum(costs), sum(principal))`. Raises InvalidInput."""
    if len(text) > LENGTH_MAX:
        raise InvalidInput(f"a column is over {LENGTH_MAX} letters: {text!r:.{SHOWN}}", field="columns")
    named = NAMED.fullmatch(text)
    body = named[2] if named else text
    tokens = _Tokens(body)
    term = _term(tokens, 0)
    tokens.end()
    return Shown(named[1] if named else "".join(body.split()), term)


class _Tokens:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def refuse(self, reason: str) -> InvalidInput:
        return InvalidInput(f"{reason} at letter {self._at + 1} of {self._text!r:.{SHOWN}}", field="columns")

    def take(self) -> tuple[str | None, str | None, str | None, str | None]:
        match = TOKEN.match(self._text, self._at)
        if match is None:
            raise self.refuse("want a column, a number, a day or a function")
        self._at = match.end()
        day, number, name, sign = match.groups()
        return day, number, name, sign

    def takes(self, sign: str) -> bool:
        rest = self._text[self._at :]
        if not rest.lstrip().startswith(sign):
            return False
        self._at = len(self._text) - len(rest.lstrip()) + 1
        return True

    def end(self) -> None:
        if self._text[self._at :].strip():
            raise self.refuse("something is left over")


def _term(tokens: _Tokens, depth: int) -> Term:
    if depth > DEPTH_MAX:
        raise tokens.refuse(f"functions stand at most {DEPTH_MAX} deep")
    day, number, name, _ = tokens.take()
    if day is not None:
        try:
            return Literal(date.fromisoformat(day))
        except ValueError:
            raise tokens.refuse(f"{day} is no day") from None
    if number is not None:
        return Literal(Decimal(number))
    if name is None:
        raise tokens.refuse("want a column, a number, a day or a function")
    if not tokens.takes("("):
        return Name(name)
    if name not in GROUPED | BY_CELL:
        raise tokens.refuse(f"no function {name!r:.{SHOWN}}; there are {', '.join(sorted(GROUPED | BY_CELL))},")
    arguments: list[Term] = []
    if not tokens.takes(")"):
        arguments.append(_term(tokens, depth + 1))
        while tokens.takes(","):
            arguments.append(_term(tokens, depth + 1))
        if not tokens.takes(")"):
            raise tokens.refuse("want , or )")
    wanted = (0, 1) if name == "count" else (2,) if name in BY_CELL else (1,)
    if len(arguments) not in wanted:
        raise tokens.refuse(f"{name} wants {' or '.join(map(str, wanted))} arguments, got {len(arguments)}")
    return Call(name, tuple(arguments))


def names(term: Term) -> Iterator[str]:
    """Every column that a term names."""
    if isinstance(term, Name):
        if term.name != AS_OF:
            yield term.name
    elif isinstance(term, Call):
        for argument in term.arguments:
            yield from names(argument)


def is_grouped(term: Term) -> bool:
    """Whether a term goes over rows anywhere."""
    return isinstance(term, Call) and (term.function in GROUPED or any(map(is_grouped, term.arguments)))


# --- Values ------------------------------------------------------------------------------------------------------


def folded(function: str, cells: Sequence[Cell]) -> Cell:
    """One of the five over the cells of a group, missing ones left out; None where none is left (`count`: 0)."""
    found = [cell for cell in cells if cell is not None]
    if function == "count":
        return len(found)
    if not found:
        return None
    if function in ("min", "max"):
        ends: Cell = (min if function == "min" else max)(found)
        return ends
    total = Decimal(0)
    for cell in found:
        total = EXACT.add(total, decimal_of(cell))
    if function == "avg":
        return rounded(EXACT.divide(total, Decimal(len(found))))
    return int(total) if all(isinstance(cell, int) for cell in found) else total


def days_between(start: Cell, end: Cell) -> int | None:
    """Days from `start` to `end`, negative where it is before."""
    if not isinstance(start, date) or not isinstance(end, date):
        return None
    return (_day(end) - _day(start)).days


def per_cent(part: Cell, whole: Cell) -> Decimal | None:
    """`part` of `whole` in per cent, to six places."""
    if part is None or whole is None or not whole:
        return None
    return rounded(EXACT.divide(EXACT.multiply(decimal_of(part), Decimal(100)), decimal_of(whole)))


def rounded(value: Decimal) -> Decimal:
    return value.quantize(PLACES, ROUND_HALF_UP, EXACT)


def kind_of(function: str, kinds: Sequence[Kind], text: str) -> Kind:
    """Kind of what a function gives. Raises InvalidInput where it does not go with the kinds of its arguments."""
    if function == "count":
        return Kind.NUMBER
    if function in ("min", "max"):
        return kinds[0]
    if function == "days_between":
        if not set(kinds) <= {Kind.DATE, Kind.INSTANT}:
            raise InvalidInput(f"days_between wants two days in {text!r:.{SHOWN}}", field="columns")
        return Kind.NUMBER
    if not set(kinds) <= NUMERIC:
        raise InvalidInput(f"{function} wants amounts or numbers in {text!r:.{SHOWN}}", field="columns")
    return Kind.PER_CENT if function == "per_cent" else kinds[0]


def decimal_of(cell: Cell) -> Decimal:
    """A number of a cell, exactly."""
    assert isinstance(cell, int | Decimal)  # noqa: S101 - kinds were checked
    return Decimal(cell)


def _day(at: date) -> date:
    return at.date() if isinstance(at, datetime) else at
