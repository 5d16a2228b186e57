"""What a branch may see of the past, and which part of it is asked about. Everything here reads; nothing can write.

A branch is handed these functions and no client, store or producer: what it has no hands for it cannot touch. The
period becomes offset ranges before anything is folded, so that the answer names them and can be had again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from engines.primitives.errors import InvalidInput, Unavailable
from infra.snapshots import StoredSnapshot
from streams.change_reader import OffsetsAt
from streams.past_figures import parse_place
from streams.ratio_movements import Batches
from streams.schemas import BusinessDate
from streams.topics import BUSINESS_DATE, CUT, TXN

Place = tuple[str, int]
Bounds = Mapping[Place, tuple[int, int]]
End = datetime | date | Mapping[str, int] | None
"""Where a period begins or ends: an instant of the log's clock, a business date, {"topic/partition": next offset}, or
nothing: as far as the log reaches."""

_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class PastLogs:
    """Reading functions over the logs and stored states of one installation."""

    batches: Batches  # records [start, end) of a partition
    bounds: Callable[[Iterable[str]], Bounds]  # (first offset kept, next offset), by place, of whole topics
    offsets_at: OffsetsAt
    snapshot: Callable[[Place, int], StoredSnapshot | None]  # the newest at or below an offset
    horizon_days: int = 45  # for how long an entry's id is known


@dataclass(frozen=True, slots=True)
class Period:
    """[start, end) of each partition of entries and of the recorded cuts."""

    start: Mapping[Place, int]
    end: Mapping[Place, int]

    def places(self, topic: str) -> list[Place]:
        return [place for place in sorted(self.end) if place[0] == topic]

    def holds(self, place: Place, offset: int) -> bool:
        return self.start.get(place, 0) <= offset < self.end.get(place, 0)

    def records(self, topic: str) -> int:
        return sum(self.end[place] - self.start[place] for place in self.places(topic))

    def vectors(self) -> tuple[dict[str, int], dict[str, int]]:
        """As they stand in requests and answers."""
        first, last = (
            {f"{topic}/{partition}": offset for (topic, partition), offset in sorted(ends.items())}
            for ends in (self.start, self.end)
        )
        return first, last


def period_of(logs: PastLogs, start: End, end: End) -> Period:
    """The offset ranges of a period.

    Args:
        start, end: an instant is the log's own clock, when a record was taken, `end` excluded; a business date begins
            when the first entity is told of it and ends, included, when the last one is told of a later one; a vector
            may leave places out: the log's start, or its end.
    Raises:
        InvalidInput: a vector outside the log, an end before its start. Unavailable: the log does not answer.
    """
    bounds = logs.bounds((TXN, CUT))
    dates: list[tuple[str, date, int]] = []
    if type(start) is date or type(end) is date:
        dates = _told_dates(logs)
    begins = _vector(logs, bounds, start, _date_begins(dates, start), "from")
    ends = _vector(logs, bounds, end, _date_ends(dates, end), "to")
    first = {place: begins.get(place, bounds[place][0]) for place in bounds}
    last = {place: ends.get(place, bounds[place][1]) for place in bounds}
    for place in sorted(bounds):
        if last[place] < first[place]:
            raise InvalidInput(
                f"{place[0]}/{place[1]}: the period ends at {last[place]}, before it begins at {first[place]}",
                field="to",
                record=f"{place[0]}/{place[1]}",
            )
    return Period(first, last)


def _vector(logs: PastLogs, bounds: Bounds, given: End, at_ms: int | None, field: str) -> Mapping[Place, int]:
    if given is None:
        return {}
    if isinstance(given, datetime):
        if given.tzinfo is None:
            raise InvalidInput("an instant needs its offset from UTC, as Z", field=field)
        at_ms = (given - _EPOCH) // _MILLISECOND
    if not isinstance(given, Mapping):
        if at_ms is None:
            return {}
        found = logs.offsets_at(sorted(bounds), at_ms)
        return {place: min(max(found[place], first), end) for place, (first, end) in bounds.items()}
    wanted = {parse_place(place): offset for place, offset in given.items()}
    for place, offset in sorted(wanted.items()):
        if place not in bounds:
            if place[0] in (TXN, CUT):
                raise InvalidInput(f"{place[0]} has no partition {place[1]}", field=field)
            continue  # a vector of an answer names the other logs of its figures too
        first, end = bounds[place]
        if not first <= offset <= end:
            message = f"{place[0]}/{place[1]} holds [{first}, {end}), asked for {offset}"
            raise InvalidInput(message, field=field, record=f"{place[0]}/{place[1]}")
    return {place: offset for place, offset in wanted.items() if place in bounds}


def _told_dates(logs: PastLogs) -> list[tuple[str, date, int]]:
    """(entity, business date, milliseconds) of every date that was told, in order."""
    decoder = msgspec.json.Decoder(BusinessDate)
    found = []
    for place, (first, end) in sorted(logs.bounds((BUSINESS_DATE,)).items()):
        for raw in logs.batches(*place, first, end):
            for value, appended_us in zip(raw.values, raw.appended_us.tolist(), strict=True):
                try:
                    told = decoder.decode(value or b"")
                    found.append((told.entity_id, date.fromisoformat(told.business_date), appended_us // 1_000))
                except (msgspec.MsgspecError, ValueError):
                    continue  # the live view passes it over as well
    if not found:
        raise Unavailable("no business date was told: ask by instants or offsets", field="from")
    return found


def _date_begins(dates: Iterable[tuple[str, date, int]], given: Any) -> int | None:
    if type(given) is not date:
        return None
    moments = [at for _, day, at in dates if day >= given]
    if not moments:
        raise InvalidInput(f"no entity has been told of {given} or a later date", field="from")
    return min(moments)


def _date_ends(dates: Iterable[tuple[str, date, int]], given: Any) -> int | None:
    """None: some entity is still at the date, so that it ends with the log."""
    if type(given) is not date:
        return None
    first_later: dict[str, int] = {}
    entities = set()
    for entity, day, at in dates:
        entities.add(entity)
        if day > given:
            first_later[entity] = min(at, first_later.get(entity, at))
    return max(first_later.values()) if entities == first_later.keys() else None
