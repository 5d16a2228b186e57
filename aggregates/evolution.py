"""The versions of our stored events, and the mapper that reads them (issue 7, item 5; docs/evolution.md).

A changed event gets a line in `HISTORIES`; its row then states the newest fields only. The library's own mechanism
carries it: the number stands in the stored state as `class_version` (absent: 1), and reading calls
`upcast_v1_v2`, … of the event's class. Nothing is rewritten, ever.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Mapper, StoredEvent
from eventsourcing.utils import register_topic

from aggregates.steps.case import Case, CaseEvent
from aggregates.upcasting import History
from engines.primitives.errors import CorruptRecord

#: By `Aggregate.EventName`. Never remove a line, nor a change within one: old events are read through them for good.
HISTORIES: Mapping[str, History] = MappingProxyType({})

VERSION_FIELD = "class_version"
_MARK = b'"class_version":'


def evolve(
    kinds: Mapping[str, type[Case]], histories: Mapping[str, History] = HISTORIES
) -> Mapping[str, type[CaseEvent]]:
    """Give event classes their versions and upcasts, and register old topics. Event classes by old topic.

    Raises TypeError: a history of no event, or of an event that has another already.
    """
    by_old_topic: dict[str, type[CaseEvent]] = {}
    for name, history in histories.items():
        aggregate, _, event_name = name.partition(".")
        kind = kinds.get(aggregate)
        event = None if kind is None else kind.EVENTS.get(event_name)
        if event is None:
            raise TypeError(f"{name} is no event of ours")
        _give(event, history)
        for topic in history.formerly:
            register_topic(topic, event)
            by_old_topic[topic] = event
    return MappingProxyType(by_old_topic)


def version_of(event: type[Any]) -> int:
    """In which version an event is stored now."""
    return int(getattr(event, VERSION_FIELD, 1))


def _give(event: type[CaseEvent], history: History) -> None:
    if VERSION_FIELD in vars(event):
        raise TypeError(f"{event.TOPIC} has its history already")
    for number, change in enumerate(history.changes, 1):

        def upcast(state: dict[str, Any], change: Any = change) -> None:
            found = change(state)  # the library wants its own dictionary changed
            state.clear()
            state.update(found)

        setattr(event, f"upcast_v{number}_v{number + 1}", staticmethod(upcast))
    setattr(event, VERSION_FIELD, history.version)


def stored_version(state: bytes) -> int:
    """The version in which an event was stored. Raises CorruptRecord: it is no positive integer."""
    if _MARK not in state:
        return 1
    version = json.loads(state).get(VERSION_FIELD, 1)  # the mark may stand in a text or deeper inside
    if not isinstance(version, int) or version < 1:
        raise CorruptRecord(f"stored version {version!r:.20} is none", field=VERSION_FIELD)
    return version


class EvolvingMapper(Mapper[UUID]):
    """Refuses what a newer release stored: reading it by old rules would be a guess, and the library makes it.

    Without this an older release would take a renamed field for an absent one, and judge by that.
    """

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        event = super().to_domain_event(stored_event)
        if _MARK in stored_event.state:  # rare: 50 ns for all others
            version, known = stored_version(stored_event.state), version_of(type(event))
            if version > known:
                raise CorruptRecord(
                    f"{stored_event.topic} was stored by a newer release: version {version}, this one knows {known}",
                    field=VERSION_FIELD,
                    record=f"{stored_event.originator_id}/{stored_event.originator_version}",
                )
        return event
