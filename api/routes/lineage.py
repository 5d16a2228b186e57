"""What an entry or a decision touched. Thin: parse, judge who may see it, trace off the event loop, answer."""

from typing import Annotated

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Path, Query, Response

from aggregates.envelope import EVERY_ENTITY, Principal
from api import audit_models, lineage
from api.auth import Ours, Reader
from api.routes.figures import Slow, json_response, require_ready
from api.services import Services
from engines.primitives.errors import NotFound, Unavailable
from streams.lineage_events import EventLineage
from streams.lineage_search import entries_of
from streams.topics import POSITION, TXN
from streams.views_entries import Entry

router = APIRouter(tags=["lineage"])

Ratios = Annotated[bool, Query(description="also what it did to the lines of LCR and NSFR; takes seconds")]


@router.get("/lineage/entries/{topic}/{partition}/{offset}", responses={200: {"model": audit_models.EntryTrace}})
async def entry(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    topic: str,
    partition: Annotated[int, Path(ge=0, lt=2**31)],
    offset: Annotated[int, Path(ge=0, lt=2**63)],
    ratios: Ratios = False,
) -> Response:
    """Every figure that the record at this place touched: positions, deposits, gap cells, alerts, the first recorded
    cut with it and the limits that turned there. Amounts are what this record contributes; summed over the entries of
    an account they are its position."""

    def work() -> bytes:
        require_ready(ours)
        found = _readable(ours, reader, topic, partition, offset)
        return msgspec.json.encode(lineage.entry_trace(ours, found, ratios=ratios))

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))


@router.get("/lineage/entries", responses={200: {"model": audit_models.EntryPlaces}, 404: {}})
async def entries(
    *, reader: Reader, ours: Ours, slow: Slow, txn: Annotated[str, Query(min_length=1, max_length=128)]
) -> Response:
    """Where the entry of an id stands in the logs: one place for each of its statuses. The newest five million
    entries are searched; the id of an older one is not found."""

    def work() -> bytes:
        require_ready(ours)
        if ours.changes is None:
            raise Unavailable("a search needs the logs, and they are not here")
        ends = ours.live.read(lambda view: view.offsets(POSITION))
        found = [
            {"topic": place[0], "partition": place[1], "offset": place[2]}
            for place in entries_of(ours.changes.batches, ends, txn)
            if _may_see(reader, ours.read_entry(*place))
        ]
        if not found:
            raise NotFound("no such entry", field="txn")
        return msgspec.json.encode({"txn": txn, "topic": TXN, "entries": found})

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))


@router.get("/lineage/events/{position}", responses={200: {"model": audit_models.EventTrace}})
async def event(reader: Reader, ours: Ours, slow: Slow, position: Annotated[int, Path(ge=1, lt=2**63)]) -> Response:
    """What the decision at this position of the log touched: fields of its aggregate, events of its command, those
    that it caused, postings, messages, documents, timers, expected cash, rows of ledgers."""

    def work() -> bytes:
        found = _events(ours).at(position, reader)
        return msgspec.json.encode(found | {"recovery_cash": lineage.recovery_rows(ours, position)})

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))


@router.get("/lineage/events/{aggregate}/{key}/{version}", responses={200: {"model": audit_models.EventTrace}})
async def event_of(
    reader: Reader, ours: Ours, slow: Slow, aggregate: str, key: str, version: Annotated[int, Path(ge=1, lt=2**31)]
) -> Response:
    """The same of the event that an aggregate, its key and a version name."""

    def work() -> bytes:
        found = _events(ours).at_version(aggregate, key, version, reader)
        cash = lineage.recovery_rows(ours, found["event"]["position"])
        return msgspec.json.encode(found | {"recovery_cash": cash})

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))


def _events(ours: Services) -> EventLineage:
    if ours.event_lineage is None:
        raise Unavailable("a trace needs the log of decisions, and it is not here")
    return ours.event_lineage


def _readable(ours: Services, reader: Principal, topic: str, partition: int, offset: int) -> Entry:
    found = ours.read_entry(topic, partition, offset)
    if not _may_see(reader, found):
        raise NotFound("no record at this offset", topic=topic, partition=partition, offset=offset)
    return found


def _may_see(reader: Principal, found: Entry) -> bool:
    """A record that names no entity is for those who may see all of them."""
    return EVERY_ENTITY in reader.entities or found.entity in reader.entities
