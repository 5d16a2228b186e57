"""Alerts, the records behind them, and any record by its place in the log."""

from collections.abc import Mapping
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from aggregates.envelope import EVERY_ENTITY, Principal
from api import alert_bodies, figures, models, past
from api.auth import Ours, Reader, permitted
from api.paging import Cursor, linked
from api.routes.figures import At, AtOffsets, Slow, json_response, require_ready
from api.services import Services
from engines.primitives.errors import NotFound, TidemarkError
from streams.views import RiskView
from streams.views_entries import Entry
from streams.views_wire import Alert

router = APIRouter(tags=["alerts"])

#: An alert's further entries keep offset, time and amount; each can be read by its place.
ENTRIES_RESOLVED_MAX = 100


@router.get("/alerts", responses={200: {"model": models.Alerts}})
async def alerts(
    *,
    request: Request,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    entity: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Cursor = None,
    before: Annotated[str | None, Query(max_length=20_000, deprecated=True, description="now `cursor`")] = None,
    after: Annotated[
        str | None, Query(max_length=20_000, description="`vector`, or the id of a stream event")
    ] = None,
    at_offsets: AtOffsets = None,
    at: At = None,
) -> Response:
    """Large-flow alerts (LIQ-02), newest first by the time Kafka took their entry.

    `cursor` goes into `cursor` for the next, older page; null: there is none. `vector` names the newest
    alert of each partition, as an SSE id does; given as `after` it leaves out all alerts up to it.
    """
    entities = permitted(reader, entity)
    filters = {} if entities is None else {"entity": entities}
    query = figures.Query((), None, filters, figures.offset_vector(at_offsets), at)
    page = alert_bodies.AlertPage(limit, cursor or before, after)

    def ask(view: RiskView) -> tuple[figures.Body, figures.MadeOf]:
        return alert_bodies.alerts(view, query, page), figures.made_of(view, query)

    def work() -> tuple[bytes, str | None]:
        if query.is_past:
            body, made = ask(past.replayed(ours, query, "alerts").view)
        else:
            require_ready(ours)
            body, made = ours.live.read(ask)
        name = query.canonical("alerts") | page.canonical()
        return msgspec.json.encode(figures.with_provenance(body, ours, name, made)), body["cursor"]

    content, following = await anyio.to_thread.run_sync(work, limiter=slow if query.is_past else None)
    return linked(json_response(content), request, following)


@router.get("/alerts/{alert_id}", responses={200: {"model": models.AlertDetail}})
async def alert(reader: Reader, ours: Ours, alert_id: Annotated[str, Path(min_length=1, max_length=64)]) -> Response:
    """One alert with the records of the entries behind it."""

    def work() -> bytes:
        require_ready(ours)
        found = ours.live.read(lambda view: view.alert_book.by_id.get(alert_id))
        entities = permitted(reader, None)
        if found is None or (entities is not None and found.entity not in entities):
            raise NotFound("no such alert", alert_id=alert_id)
        return msgspec.json.encode(_resolved(ours, reader, found))

    return json_response(await anyio.to_thread.run_sync(work))


@router.get("/entries/{topic}/{partition}/{offset}", responses={200: {"model": models.Entry}})
async def entry(
    reader: Reader,
    ours: Ours,
    topic: str,
    partition: Annotated[int, Path(ge=0, lt=2**31)],
    offset: Annotated[int, Path(ge=0, lt=2**63)],
) -> Response:
    """The record at this place. One that names no entity is shown to who may see all entities."""

    def work() -> bytes:
        return msgspec.json.encode(_as_json(_readable(ours, reader, topic, partition, offset)))

    return json_response(await anyio.to_thread.run_sync(work))


def _readable(ours: Services, reader: Principal, topic: str, partition: int, offset: int) -> Entry:
    found = ours.read_entry(topic, partition, offset)
    if EVERY_ENTITY not in reader.entities and found.entity not in reader.entities:
        raise NotFound("no record at this offset", topic=topic, partition=partition, offset=offset)
    return found


def _resolved(ours: Services, reader: Principal, alert: Alert) -> dict[str, Any]:
    detail: dict[str, Any] = msgspec.to_builtins(alert)
    source = alert.source
    # The single-entry rule may list none: then the entry that raised it stands for all.
    entries: list[Mapping[str, Any]] = list(detail.get("entries", ())) or [
        {"offset": source.offset - 1, "event_time": alert.event_time, "amount": alert.amount}
    ]
    resolved = []
    for number, item in enumerate(entries):
        place = {"topic": source.topic, "partition": source.partition}
        shown: dict[str, Any] = place | dict(item) | {"appended_at": None, "key": None, "record": None}
        if number >= len(entries) - ENTRIES_RESOLVED_MAX:
            try:
                shown |= _as_json(_readable(ours, reader, source.topic, source.partition, item["offset"]))
            except TidemarkError as error:
                shown["problem"] = error.code  # the alert still stands, and says what it knows
        resolved.append(shown)
    return detail | {"entries": resolved}


def _as_json(entry: Entry) -> dict[str, Any]:
    return {
        "topic": entry.topic,
        "partition": entry.partition,
        "offset": entry.offset,
        "appended_at": entry.appended_at,
        "key": entry.key,
        "record": entry.record,
        "headers": entry.headers,
    }
