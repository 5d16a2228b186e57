"""An aggregate that lives by rows: its events are made from the table, one class and one stored topic each.

Any event may be the first of its stream, since a scenario may begin with a fixture (decision E18); what every first
event carries (entity, currency, branch) is therefore a field of all of them, and left out of the others.
"""

import re
from collections.abc import Mapping
from dataclasses import make_dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Self
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import Aggregate
from eventsourcing.utils import register_topic

from aggregates.envelope import Envelope
from aggregates.steps.fields import holds_money, loaded, stored
from aggregates.steps.rows import Facts, Row

ABSENT = "-"


class CaseEvent(Aggregate.Event):
    """What happened: the envelope, and the row's fields as attributes. Attributes that are None are not stored."""

    who: Envelope
    entity_id: str | None = None
    branch: str | None = None
    ccy: str | None = None
    fixture: bool | None = None

    TOPIC: ClassVar[str]
    CASE: ClassVar[type["Case"]]
    ROW: ClassVar[Row]

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in [name for name, value in vars(self).items() if value is None]:
            del self.__dict__[name]

    def mutate(self, aggregate: Any) -> Any:
        if aggregate is not None:
            return super().mutate(aggregate)
        begun = self.CASE.__new__(self.CASE)
        begun.__base_init__(self.originator_id, self.originator_version, self.timestamp)
        begun.begin(self)
        self.apply(begun)
        return begun

    def apply(self, aggregate: Any) -> None:
        aggregate.absorb(self)

    def read_facts(self) -> dict[str, Any]:
        """Values by field name. Not `facts`: an event may have a field of that name."""
        return loaded(self, self.ROW.fields)


class Case(Aggregate):
    """State that every table needs: the stage, the newest value of each field, who did what, and when.

    `facts` holds the fields of all events so far, later ones over earlier ones; sums and growing lists are kept by
    the rows' effects. `people` names who played a part: maker, reviewer, approver.
    """

    NAME: ClassVar[str] = ""  # CamelCase, as in the specification
    KEY: ClassVar[str] = ""  # field that holds the business key
    ROWS: ClassVar[tuple[Row, ...]] = ()
    EVENTS: ClassVar[Mapping[str, type[CaseEvent]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.ROWS:
            cls.EVENTS = _event_classes(cls)

    @classmethod
    def stream_id(cls, key: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/tm/{cls.NAME}/{key}")

    @classmethod
    def rows_of(cls, name: str) -> tuple[Row, ...]:
        """Rows that a name in a command may mean: the event it wants, or else the command (decision E18)."""
        by_event = tuple(row for row in cls.ROWS if row.event == name)
        return by_event or tuple(row for row in cls.ROWS if row.command == name)

    @classmethod
    def open(
        cls,
        key: str,
        event: str,
        values: Facts,
        who: Envelope,
        at: datetime,
        *,
        branch: str,
        ccy: str,
        fixture: bool = False,
        stream_id: UUID | None = None,
    ) -> Self:
        """A new aggregate with its first event pending; its stream by default stands under an id that follows from
        the key."""
        event_class = cls.EVENTS[event]
        values = {cls.KEY: key} | dict(values)
        made: Any = event_class
        first = made(
            originator_id=stream_id or cls.stream_id(key),
            originator_version=cls.INITIAL_VERSION,
            timestamp=at,
            who=who,
            fixture=fixture or None,
            **{"entity_id": who.entity, "branch": branch, "ccy": ccy} | _attributes(event_class, values),
        )
        case = first.mutate(None)
        case.pending_events.append(first)
        return case  # type: ignore[no-any-return]

    def record(self, event: str, values: Facts, who: Envelope, at: datetime, *, fixture: bool = False) -> None:
        """Store one more event. Not for judging: `step` does that."""
        event_class = self.EVENTS[event]
        ccy = self.ccy if holds_money(event_class.ROW.fields) else None
        attributes = _attributes(event_class, values)
        self.trigger_event(event_class, who=who, ccy=ccy, fixture=fixture or None, timestamp=at, **attributes)

    def begin(self, event: CaseEvent) -> None:
        self.entity_id = event.entity_id or event.who.entity
        self.branch = event.branch or event.who.org
        self.ccy = event.ccy or "CNY"
        self.key = str(getattr(event, self.KEY))
        self.stage = ""
        self.tracks: dict[str, str] = {}  # stages of side processes
        self.facts: dict[str, Any] = {}
        self.people: dict[str, list[str]] = {}
        self.seen: dict[str, int] = {}  # version of the newest event by name
        self.days: dict[str, date] = {}  # its business date
        self.start()

    def start(self) -> None:
        """Attributes of the aggregate's own, before its first event."""

    def absorb(self, event: CaseEvent) -> None:
        row, facts = event.ROW, event.read_facts()
        self.facts.update({**facts, **self.facts} if row.yields else facts)
        version = event.originator_version
        if row.effect is not None:
            row.effect(self, facts, event.who)
        after = row.next(self, facts) if callable(row.next) else row.next
        if row.track:
            self.tracks[row.track] = after or self.stage_of(row)
        else:
            self.stage = after or self.stage
        if row.remember:
            played = self.people.setdefault(row.remember, [])
            actor = str(facts.get("decided_by") or event.who.actor)
            if actor not in played:
                played.append(actor)
        self.seen[row.event], self.days[row.event] = version, event.who.valid_on

    def stage_of(self, row: Row) -> str:
        """Where the process stands that a row belongs to; a side process that has not begun is at `-`."""
        return self.tracks.get(row.track, ABSENT) if row.track else self.stage

    def has_played(self, actor: str, *parts: str) -> bool:
        return any(actor in self.people.get(part, ()) for part in parts)

    @property
    def asset_ids(self) -> list[str]:
        """The loan notes that the case is about, in its own order."""
        for name in ("asset_ids", "loan_nos"):
            if self.facts.get(name):
                return list(self.facts[name])
        for name in ("asset_no", "loan_no"):
            if self.facts.get(name):
                return [str(self.facts[name])]
        return []

    def extra(self) -> dict[str, Any]:
        """What the state shows beyond stage and facts; money under names with `_minor`."""
        return {}


def event_id(stream_id: UUID, version: int) -> UUID:
    """Identity of one stored event: derived, so that every replay and every publisher names it alike."""
    return uuid5(stream_id, str(version))


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _attributes(event_class: type[CaseEvent], values: Facts) -> dict[str, Any]:
    attributes = stored(values, event_class.ROW.fields)
    key = event_class.CASE.KEY
    if key in values:
        attributes[key] = values[key]
    return attributes


def _event_classes(case: type[Case]) -> Mapping[str, type[CaseEvent]]:
    classes: dict[str, type[CaseEvent]] = {}
    for row in case.ROWS:
        if row.event in classes:
            if classes[row.event].ROW.fields != row.fields:
                raise TypeError(f"{case.NAME}.{row.event}: two rows with different fields")
            continue
        names = dict.fromkeys([case.KEY, *(spec.attribute for spec in row.fields)])
        topic = f"{kebab(case.NAME)}.{kebab(row.event)}"
        namespace = {"CASE": case, "ROW": row, "TOPIC": topic, "__module__": case.__module__}
        made = make_dataclass(
            row.event, [(name, Any, None) for name in names], bases=(CaseEvent,), namespace=namespace, frozen=True
        )
        register_topic(topic, made)
        classes[row.event] = made
    return classes
