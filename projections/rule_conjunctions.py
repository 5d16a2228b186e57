"""Rules that compare facts with constants, judged all at once and without CEL; of the others, which cannot hold.

Most expressions are conjunctions, `metric == "position" && amount < money("5.00") && …`, of which CEL says false as
soon as one part is false, whatever the others are or lack. So a part `fact operator constant` that is false settles
its rule, and a rule that consists of such parts holds if all are true. Parts are read from the text by a grammar that
is narrower than CEL's: what it does not know is left to CEL, as is what to say where a fact is missing. A test holds
both ways of judging equal (tests/projections/test_rule_conjunctions.py).
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from projections.expressions import Fact, FactType, Vocabulary

Constant = bool | int | float | str
#: Minor units of the text in `money("…")` in the currency at hand; None: it has more digits than the currency.
ReadMoney = Callable[[str], int | None]

_ATOM = re.compile(
    r"""\s*(?:(?P<not>!)\s*)?(?P<fact>[A-Za-z_][A-Za-z0-9_]*)\s*
    (?:(?P<operator>==|!=|<=|>=|<|>)\s*
       (?:money\(\s*"(?P<money>-?[0-9]{1,15}(?:\.[0-9]{1,6})?)"\s*\)
         |(?P<double>-?[0-9]{1,15}\.[0-9]{1,15})
         |(?P<int>-?(?:0|[1-9][0-9]{0,17}))
         |"(?P<text>[^"\\\n]*)"))?\s*""",
    re.VERBOSE,
)
_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_NUMBERS = {FactType.INT: np.int64, FactType.MONEY: np.int64, FactType.NUMBER: np.float64}
_TRUE, _MISSING, _FALSE = 0, 1, 2  # of the parts of a conjunction the greatest is its value


@dataclass(frozen=True, slots=True)
class Part:
    """`fact operator constant`, of one type."""

    fact: str
    operator: str
    constant: Constant


@dataclass(frozen=True, slots=True)
class Conjunction:
    """`parts` are some of what has to be true; `is_whole`: all of it."""

    parts: tuple[Part, ...]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """By rule number: what holds, and what CEL has to be asked; the others do not hold."""

    holding: tuple[int, ...]
    open: frozenset[int]


class Conjunctions:
    """Conjunctions of several rules, over facts of one vocabulary and currency."""

    def __init__(self, rules: Sequence[Conjunction], vocabulary: Vocabulary) -> None:
        known = sorted({part for rule in rules for part in rule.parts}, key=_by_comparison)
        place = {part: at for at, part in enumerate(known)}
        self._size = len(known)
        self._blocks = [_Block(block, vocabulary, place) for block in _blocks(known)]
        with_parts = [(number, rule) for number, rule in enumerate(rules) if rule.parts]
        self._places = np.array([place[part] for _, rule in with_parts for part in rule.parts], np.intp)
        lengths = [len(rule.parts) for _, rule in with_parts]
        self._starts = np.cumsum([0, *lengths[:-1]], dtype=np.intp) if lengths else np.zeros(0, np.intp)
        self._numbers = np.array([number for number, _ in with_parts], np.intp)
        self._whole = np.array([rule.is_whole for _, rule in with_parts], bool)
        self._bare = frozenset(number for number, rule in enumerate(rules) if not rule.parts)

    def settle(self, facts: Mapping[str, Fact]) -> Settled:
        """Raises OverflowError: an integer beyond 64 bits."""
        if not self._numbers.size:
            return Settled((), self._bare)
        values = np.empty(self._size, np.int8)
        for block in self._blocks:
            block.judge(facts, values)
        worst = np.maximum.reduceat(values[self._places], self._starts)
        holding = self._numbers[(worst == _TRUE) & self._whole]
        asked = self._numbers[(worst == _MISSING) | ((worst == _TRUE) & ~self._whole)]
        return Settled(tuple(holding.tolist()), self._bare.union(asked.tolist()))


class _Block:
    """Parts that compare the same fact in the same way, side by side."""

    __slots__ = ("_compare", "_constants", "_fact", "_range", "_type")

    def __init__(self, parts: Sequence[Part], vocabulary: Vocabulary, place: Mapping[Part, int]) -> None:
        first = parts[0]
        self._fact, self._compare = first.fact, _COMPARISONS[first.operator]
        self._range = slice(place[first], place[first] + len(parts))
        self._type = _NUMBERS.get(vocabulary.facts[first.fact])
        self._constants: Any = [part.constant for part in parts]
        if self._type is not None:
            self._constants = np.array(self._constants, self._type)

    def judge(self, facts: Mapping[str, Fact], values: NDArray[np.int8]) -> None:
        value = facts.get(self._fact)
        if value is None:
            values[self._range] = _MISSING
        elif self._type is not None:
            number: Any = value
            holds = self._compare(self._type(number), self._constants)
            values[self._range] = np.where(holds, _TRUE, _FALSE)
        else:
            values[self._range] = [_TRUE if self._compare(value, one) else _FALSE for one in self._constants]


def conjunction(text: str, vocabulary: Vocabulary, money: ReadMoney) -> Conjunction:
    """What of an expression can be judged here; no parts: nothing."""
    pieces = _pieces(text)
    found = [_part(piece, vocabulary, money) for piece in pieces]
    parts = tuple(part for part in found if part is not None)
    return Conjunction(parts, is_whole=bool(parts) and len(parts) == len(pieces))


def _pieces(text: str) -> list[str]:
    """The operands of the outermost `&&`; the text itself where there is none, or something binds less tightly."""
    pieces, depth, start, at = list[str](), 0, 0, 0
    while at < len(text):
        char, two = text[at], text[at : at + 2]
        if char in "\"'":
            end = _quoted_end(text, at)
            if end < 0:
                return [text]
            at = end
            continue
        if two == "//" or (depth == 0 and (two == "||" or char == "?")):
            return [text]
        depth += (char in "([{") - (char in ")]}")
        if depth == 0 and two == "&&":
            pieces.append(text[start:at])
            start = at = at + 2
            continue
        at += 1
    return [*pieces, text[start:]]


def _quoted_end(text: str, at: int) -> int:
    """Where the plain text in quotes that begins here has ended; -1: it is not plain (escapes, a prefix, lines)."""
    quote = text[at]
    end = text.find(quote, at + 1)
    before = text[at - 1] if at else " "
    inside = text[at + 1 : end]
    is_plain = end > 0 and not (before.isalnum() or before == "_") and "\\" not in inside and "\n" not in inside
    return end + 1 if is_plain and text[at : at + 3] != quote * 3 else -1


def _part(piece: str, vocabulary: Vocabulary, money: ReadMoney) -> Part | None:
    found = _ATOM.fullmatch(piece)
    if found is None or (kind := vocabulary.facts.get(found["fact"])) is None:
        return None
    comparison, constant = found["operator"], _constant(found, kind, money)
    if comparison is None:
        return Part(found["fact"], "==", not found["not"]) if kind is FactType.BOOL else None
    is_ordered = kind is not FactType.TEXT or comparison in ("==", "!=")
    if constant is None or found["not"] or not is_ordered:
        return None
    return Part(found["fact"], comparison, constant)


def _constant(found: re.Match[str], kind: FactType, money: ReadMoney) -> Constant | None:
    """None: there is none, or one that this type of fact is not compared with."""
    if kind is FactType.TEXT:
        return found["text"]
    if kind is FactType.NUMBER:
        return None if found["double"] is None else float(found["double"])
    if kind not in (FactType.INT, FactType.MONEY) or (found["int"] is None and found["money"] is None):
        return None
    return int(found["int"]) if found["int"] is not None else money(found["money"])


def _by_comparison(part: Part) -> tuple[str, str, str]:
    return part.fact, part.operator, repr(part.constant)


def _blocks(ordered: Sequence[Part]) -> list[list[Part]]:
    blocks: list[list[Part]] = []
    for part in ordered:
        if not blocks or (blocks[-1][0].fact, blocks[-1][0].operator) != (part.fact, part.operator):
            blocks.append([])
        blocks[-1].append(part)
    return blocks
