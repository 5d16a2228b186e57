"""What one stored decision touched: its aggregate's fields, the events of its command and those it caused, postings,
messages to neighbours, documents, timers, expected cash and rows of ledgers.

Read from the log of decisions, never remembered: a trace is the same at any later time, but for events that it has
caused since. Not for entries of core banking: `streams.lineage_effects`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from aggregates.assets import Assets, translated
from aggregates.envelope import Principal
from aggregates.ports import Recorded
from aggregates.registry import KINDS
from aggregates.rendering import EventView, Json, state_of
from aggregates.steps.case import event_id
from engines.primitives.errors import NotFound, TidemarkError
from streams.audit_publisher import OutboundRecord
from streams.integrations.outbound import records_of
from streams.posting import CONFIRMED, posting_request
from streams.topics import POSTING_REQUEST

SEARCHED = 5_000  # events before and after, for what an event followed from and what it caused
DOCUMENT_FIELDS = ("doc_id", "docs", "document", "invoice_doc", "letter_doc", "reply_doc")

#: Rows and columns of ledgers whose explanation names an event: (position, who reads) to JSON rows.
LedgerRows = Callable[[int, Principal], Sequence[Mapping[str, Any]]]


def no_ledgers(_position: int, _reader: Principal) -> Sequence[Mapping[str, Any]]:
    return ()


class EventLineage:
    """Asks the application; `ledgers` is told a position and answers with the rows that its event stands in."""

    def __init__(self, assets: Assets, ledgers: LedgerRows = no_ledgers) -> None:
        self._assets, self._ledgers = assets, ledgers

    def at_version(self, aggregate: str, key: str, version: int, reader: Principal) -> Json:
        """The trace of an aggregate's event. Raises NotFound: there is none, or the reader may not see it."""
        kind = KINDS.get(aggregate)
        if kind is None:
            raise NotFound("no such aggregate", aggregate=aggregate)
        with translated():
            found = self._assets.decisions.select_recorded(originator_id=kind.stream_id(key))
        for one in found:
            if one.originator_version == version:
                return self.at(one.position, reader)
        raise NotFound(f"{aggregate} has no such event", key=key, version=version)

    def at(self, position: int, reader: Principal) -> Json:
        """The trace of the event at a position of the log.

        Raises NotFound: there is none, or it is another entity's.
        """
        with translated():
            found = self._assets.decisions.select_recorded(start=position, stop=position)
            event = self._assets.view(found[0]) if found else None
            if event is None or not reader.may_act_for(event.envelope.entity):
                raise NotFound("no event at this position", position=position)
            nearby = self._nearby(position)
            partners, caused, cause = self._related(event, nearby, reader)
            return {
                "event": event.to_json(),
                "changed": self._changed(event),
                "command": {"cmd_id": event.envelope.cmd_id, "events": partners},
                "caused_by": cause,
                "caused": caused,
                "searched": {"from": nearby[0].position, "to": nearby[-1].position},
                "postings": list(_postings(event)),
                "messages": [_message(one) for one in self._messages(event)],
                "documents": list(_documents(event)),
                "timers": [one for one in (*partners, *caused) if one["aggregate"] == "Deadline"],
                "ledgers": [dict(row) for row in self._ledgers(position, reader)],
            }

    def _changed(self, event: EventView) -> list[Json]:
        """Fields of the aggregate's state before and after, as `state_of` shows them; all at the first event."""
        case: Any = None
        before: Json = {}
        for one in self._assets.decisions.select_recorded(originator_id=event.stream_id, stop=event.position):
            if one.position == event.position:
                before = {} if case is None else state_of(case)  # a copy: the event changes the case itself
            case = self._assets.decode(one).mutate(case)
        after = state_of(case)
        names = dict.fromkeys((*before, *after))
        return [
            {"field": name, "before": before.get(name), "after": after.get(name)}
            for name in names
            if before.get(name) != after.get(name) and name != "version"
        ]

    def _nearby(self, position: int) -> Sequence[Recorded]:
        first = max(1, position - SEARCHED)
        return self._assets.decisions.select_recorded(start=first, stop=position + SEARCHED)

    def _related(
        self, event: EventView, nearby: Sequence[Recorded], reader: Principal
    ) -> tuple[list[Json], list[Json], Json | None]:
        """Events of the same command, those that this one caused, and the one that caused it."""
        who, own = event.envelope, str(event.id)
        command, mine = _letters(who.cmd_id), own.encode()
        partners, caused, cause = list[Json](), list[Json](), None
        for one in nearby:
            if one.position == event.position:
                continue
            if who.causation_id and str(event_id(one.originator_id, one.originator_version)) == who.causation_id:
                cause = self._named(one, reader)
            if command not in one.state and mine not in one.state:
                continue  # the letters of an id tell most of them apart without decoding
            view = self._assets.view(one)
            if not reader.may_act_for(view.envelope.entity):
                continue
            if view.envelope.cmd_id == who.cmd_id:
                partners.append(_name(view))
            if view.envelope.causation_id == own:
                caused.append(_name(view))
        return partners, caused, cause

    def _named(self, one: Recorded, reader: Principal) -> Json | None:
        view = self._assets.view(one)
        return _name(view) if reader.may_act_for(view.envelope.entity) else None

    def _messages(self, event: EventView) -> list[OutboundRecord]:
        try:
            return records_of(self._assets, event)
        except (TidemarkError, KeyError, AttributeError):
            return []  # an event of a fixture lacks what its message would say: none was sent


def _name(view: EventView) -> Json:
    return {
        "position": view.position,
        "id": str(view.id),
        "aggregate": view.aggregate,
        "key": view.key,
        "version": view.version,
        "type": view.type,
        "valid_on": view.envelope.valid_on.isoformat(),
    }


def _letters(text: str) -> bytes:
    """As it stands in a stored state."""
    return msgspec.json.encode(text)


def _message(record: OutboundRecord) -> Json:
    return {"topic": record.topic, "key": record.key.decode(), "id": dict(record.headers).get("ce_id", b"").decode()}


def _postings(event: EventView) -> Iterator[Json]:
    """What the event sends to core banking, and what core's answer in it says."""
    if event.type == CONFIRMED:
        request: dict[str, Any] = msgspec.to_builtins(posting_request(event))
        yield {"topic": POSTING_REQUEST, **request}
    elif event.payload.get("core_txn_no"):
        names = ("core_txn_no", "instruction_id", "amount", "value_date")
        yield {name: event.payload[name] for name in names if event.payload.get(name) is not None}


def _documents(event: EventView) -> Iterator[str]:
    found = dict.fromkeys(event.envelope.docs)
    for name in DOCUMENT_FIELDS:
        value = event.payload.get(name)
        found |= dict.fromkeys(value if isinstance(value, list) else [value] if value else [])
    yield from (str(one) for one in found)
