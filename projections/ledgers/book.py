"""All ledgers of one log: events come in, effects are kept, any ledger can be asked for at any two instants.

`fold` takes events in the order of the log; one that is in the book already is skipped, so that however the log is
cut and whatever comes twice, the book is the same. An event is a mapping with `position`, `recorded_us`
(microseconds since the epoch, UTC), `aggregate`, `key`, `version`, `type`, `valid_on` (day number), `actor`,
`role`, `org`, `entity`, `reason` and `payload` as `EventView` shows it. Source: spec/risk-assets.md 4; decisions
E2, E9.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from projections.ledgers.definition import BASE, SEPARATOR, Ledger, Rule
from projections.ledgers.effects import NOTHING, PLAIN, Cell, Effects
from projections.ledgers.event_log import EventLog
from projections.ledgers.grammar import ADD, EMPTY, JOIN, LEAVE, SET, TAKE, Event
from projections.ledgers.memory import Memory, minor
from projections.ledgers.names import Names
from projections.ledgers.registry import LEDGERS
from projections.ledgers.table import Kind

Ints = NDArray[np.int64]


class LedgerBook:
    """`position`: of the newest event that it holds."""

    def __init__(self) -> None:
        self.names = Names()
        self.memory = Memory()
        self.log = EventLog(self.names)
        self.effects: dict[str, Effects] = {name: Effects() for name in LEDGERS if name not in SHARED}
        self._kinds = {ledger.name: _kinds(ledger) for ledger in LEDGERS.values()}

    @property
    def position(self) -> int:
        return self.log.last_position

    def effects_of(self, ledger: Ledger) -> Effects:
        return self.effects[SHARED.get(ledger.name, ledger.name)]

    def fold(self, events: Iterable[Event]) -> None:
        """Take in events of the log, in its order."""
        for event in events:
            if event["position"] > self.position:
                self._take(event)

    def _take(self, event: Event) -> None:
        self.log.append(event)
        try:
            self.memory.remember(event)
            for ledger, rule in _RULES.get((event["aggregate"], event["type"]), ()):
                if rule.when is None or event["payload"].get(rule.when[0]) == rule.when[1]:
                    self._apply(ledger, rule, event)
        except (KeyError, TypeError, ValueError):
            if not event["payload"].get("fixture"):  # a scenario's fixture may lack fields (decision E18)
                raise

    def _apply(self, ledger: Ledger, rule: Rule, event: Event) -> None:
        own, payload = self.memory.own, event["payload"]
        day = event["valid_on"]
        if rule.corrects and payload.get("kind") == "CORRECTION":
            day = own.get(rule.corrects, day)
        for key in rule.keys(event, self.memory):
            row = self.names.code(SEPARATOR.join(key))
            if rule.makes:
                self._make(ledger, row, key, own, day, event["position"])
            for action in rule.actions:
                if (value := action.source(event, self.memory)) is not None:
                    member = None if action.member is None else action.member(event, self.memory)
                    self._effect(ledger, row, action.column, action.how, value, day, event["position"], member)
            if rule.special is not None:

                def emit(column: str, how: str, value: Any, when: int | None = None, row: int = row) -> None:
                    self._effect(ledger, row, column, how, value, day if when is None else when, event["position"])

                rule.special(event, self.memory, emit, key)

    def _make(
        self, ledger: Ledger, row: int, key: tuple[str, ...], own: Mapping[str, Any], day: int, position: int
    ) -> None:
        values: dict[str, Any] = {"exists": 1} | {name: own[name] for name in ("entity", "org", "branch", "ccy")}
        values |= {name: part for name, part in zip(ledger.key, key, strict=True) if name in ledger.numbers}
        for name, value in values.items():
            self._effect(ledger, row, name, SET, value, day, position)

    def _effect(
        self, ledger: Ledger, row: int, column: str, how: str, value: Any, day: int, position: int, member: Any = None
    ) -> None:
        number = ledger.numbers[column]
        place = PLAIN if member is None else self.names.code(str(member))
        if how in (JOIN, LEAVE):
            place, value = self.names.code(str(value)), int(how == JOIN)
        elif value is EMPTY or value in ("", [], {}):
            value = NOTHING
        else:
            value = self._value(self._kinds[ledger.name][number], value)
        if how == TAKE:
            value = -value
        cell = Cell(number, row, place)
        self.effects_of(ledger).add(cell, int(day), position, value, sets=how not in (ADD, TAKE))

    def _value(self, kind: Kind | None, value: Any) -> int:
        if kind is Kind.MONEY:
            return value if isinstance(value, int) else minor(value, self.memory.own["ccy"])
        if kind is Kind.DATE:
            return value if isinstance(value, int) else date.fromisoformat(str(value)).toordinal()
        if kind in (Kind.NUMBER, Kind.YES_NO):
            return int(value)
        return self.names.code(_text(value))


def _kinds(ledger: Ledger) -> dict[int, Kind | None]:
    """Kind of the cells of each column by its number; `exact` numbers are kept as texts."""
    kinds: dict[int, Kind | None] = {ledger.numbers[name]: Kind.TEXT for name in BASE}
    kinds[ledger.numbers["exists"]] = Kind.NUMBER
    for one in ledger.fields:
        if one.name in ledger.numbers:
            kinds[ledger.numbers[one.name]] = Kind.TEXT if one.is_text else one.column.kind
    return kinds


def text_columns(ledger: Ledger) -> frozenset[int]:
    """Numbers of the columns whose values are codes of texts."""
    return frozenset(
        number for number, kind in _kinds(ledger).items() if kind in (Kind.TEXT, Kind.CODE, Kind.PER_CENT)
    )


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_text(one) for one in value)
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    return str(value)


#: Ledgers that show the rows of another one: they have no effects of their own.
SHARED = {"card_write_off": "write_off"}

_RULES: dict[tuple[str, str], list[tuple[Ledger, Rule]]] = {}
for _ledger in LEDGERS.values():
    for _rule in _ledger.rules if _ledger.name not in SHARED else ():
        _RULES.setdefault((_rule.aggregate, _rule.event), []).append((_ledger, _rule))
