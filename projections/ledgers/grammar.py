"""What an event does to a ledger's cells, as short texts: `"product, principal += amount, hold = none"`.

| text | does |
|---|---|
| `product` | sets the column `product` to the event's field of that name |
| `kind = fa_kind` | sets it to another field; `a.b` is a field within a field, `a|b` the first that is there |
| `stage = 'FILED'`, `hold = none` | sets it to a word, or to nothing |
| `keeper = @actor` | sets it to something of the envelope: `@actor @role @org @entity @day @key @type @reason` |
| `strategy = $strategy` | to what is remembered of the event's own case, in recorded order (`memory.py`) |
| `method = Foreclosure(foreclosure_no).method` | to what is remembered of another case, which a field names |
| `memo += amount`, `memo -= amount` | adds to the column, or takes away |
| `actions += 1` | counts |
| `tags +: tag`, `tags -: tag` | adds a member, or removes it |
| `terms[@key] = act_by` | sets one member of a column that gathers several |

A field that the event has not, has no effect.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Event = Mapping[str, Any]
Source = Callable[[Event, "Recall"], Any]
SET, ADD, TAKE, JOIN, LEAVE = "=", "+=", "-=", "+:", "-:"

_ACTION = re.compile(
    r"(?P<column>[a-z_]+)(?:\[(?P<member>[^\]]+)\])?(?:\s*(?P<how>=|\+=|-=|\+:|-:)\s*(?P<source>.+))?"
)
_ENVELOPE = {"actor", "role", "org", "entity", "key", "type", "reason", "day"}
_OTHER = re.compile(r"(?P<kind>[A-Z]\w+)\((?P<key>[^)]+)\)\.(?P<name>\w+)")


class Recall(Protocol):
    """What was remembered up to an event, this one included."""

    @property
    def own(self) -> Mapping[str, Any]: ...

    def of(self, aggregate: str, key: str) -> Mapping[str, Any]: ...


class _Nothing:
    """A column set to nothing, which is not the same as a field that is missing."""


EMPTY = _Nothing()


@dataclass(frozen=True, slots=True)
class Action:
    """One effect on one column; `text` as it was written."""

    column: str
    how: str
    source: Source
    member: Source | None
    text: str


def actions(text: str) -> tuple[Action, ...]:
    """The actions of a text, in its order. Raises ValueError for what is no action."""
    return tuple(_action(part.strip()) for part in text.split(",") if part.strip())


def source(text: str) -> Source:
    """Reads a value: see the table above."""
    choices = [part.strip() for part in text.split("|")]
    if len(choices) > 1:
        return _first_of([source(choice) for choice in choices])
    if text == "none" or text.startswith("'") or text.lstrip("-").isdigit():
        constant = EMPTY if text == "none" else text.strip("'") if text.startswith("'") else int(text)
        return lambda event, recall: constant
    if text.startswith("$"):
        name = text[1:]
        return lambda event, recall: recall.own.get(name)
    if text.startswith("@"):
        return _of_envelope(text[1:])
    if (other := _OTHER.fullmatch(text)) is not None:
        return _remembered(other["kind"], source(other["key"]), other["name"])
    return _field(text.split("."))


def _of_envelope(name: str) -> Source:
    if name not in _ENVELOPE:
        raise ValueError(f"no @{name} in an envelope")
    name = "valid_on" if name == "day" else name
    return lambda event, recall: event[name]


def _remembered(kind: str, key: Source, name: str) -> Source:
    def recalled(event: Event, recall: Recall) -> Any:
        found = key(event, recall)
        return None if found is None else recall.of(kind, str(found)).get(name)

    return recalled


def _action(text: str) -> Action:
    found = _ACTION.fullmatch(text)
    if found is None:
        raise ValueError(f"no action: {text!r}")
    column, how = found["column"], found["how"] or SET
    member = None if found["member"] is None else source(found["member"])
    return Action(column, how, source(found["source"] or column), member, text)


def _field(path: list[str]) -> Source:
    if len(path) == 1:
        (name,) = path
        return lambda event, recall: event["payload"].get(name)

    def nested(event: Event, _recall: Recall) -> Any:
        value: Any = event["payload"]
        for name in path:
            if not isinstance(value, Mapping):
                return None
            value = value.get(name)
        return value

    return nested


def _first_of(sources: list[Source]) -> Source:
    def first(event: Event, recall: Recall) -> Any:
        return next((value for one in sources if (value := one(event, recall)) is not None), None)

    return first
