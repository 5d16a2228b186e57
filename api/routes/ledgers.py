"""Ledgers over HTTP: the list of them, one at any two instants, what is behind a row, how two reports differ.

`as_of` is a day or an instant (its bank day), `known_at` an instant or a day (its end); the answer carries the log
position that they stand for, so that the same table can be asked for again.
"""

from collections.abc import Callable
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Request, Response

from api import ledger_models, ledgers
from api.access import about
from api.auth import Ours, Reader
from api.ledgers import Ledgers
from api.moments import AsOf, KnownAt, moment
from api.paging import PLACE_MAX, Cursor, next_place, paged, place_of
from api.routes.figures import Slow, json_response
from engines.primitives.errors import InvalidInput, Unavailable
from projections.ledgers.selection import Selection

router = APIRouter(prefix="/ledgers", tags=["ledgers"])
LIMIT_MAX = 10_000

Entity = Annotated[str | None, Query(max_length=200, description="only this legal entity")]
Where = Annotated[list[str], Query(max_length=500, description="`claim >= 1000`, `tags contains X`; all must hold")]
Names = Annotated[str, Query(max_length=2_000, description="column names, by commas")]


@router.get("", responses={200: {"model": ledger_models.LedgerList}})
async def listed(_reader: Reader, ours: Ours) -> Response:
    """Every ledger with its columns, key and default order."""
    offered(ours)
    return json_response(msgspec.json.encode({"ledgers": ledgers.listed()}))


@router.get("/{name}", responses={200: {"model": ledger_models.Ledger}})
async def one(
    request: Request,
    name: str,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    entity: Entity = None,
    where: Where = [],  # noqa: B006 - FastAPI copies it
    sort: Names = "",
    columns: Names = "",
    limit: Annotated[int, Query(ge=0, le=LIMIT_MAX)] = 500,
    cursor: Cursor = None,
    offset: Annotated[int, Query(ge=0, le=PLACE_MAX, deprecated=True, description="now `cursor`")] = 0,
) -> Response:
    """One ledger; totals and row count are of all rows that meet the conditions."""
    about("Ledger", name)
    start = place_of(cursor, offset)
    asked = Selection(tuple(where), sort, tuple(part for part in columns.split(",") if part), limit, start)
    moments = moment(as_of, "as_of"), moment(known_at, "known_at")

    def work() -> ledgers.Json:
        found = offered(ours).table(name, *moments, reader=reader, entity=entity, asked=asked)
        return ledgers.told(found) | {"cursor": next_place(start, len(found.rows), found.row_count)}

    return paged(request, await anyio.to_thread.run_sync(work, limiter=slow))


@router.get("/{name}/difference", responses={200: {"model": ledger_models.LedgerDifference}})
async def difference(
    name: str,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    other_as_of: AsOf = None,
    other_known_at: KnownAt = None,
    entity: Entity = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 500,
) -> Response:
    """Two reports of one ledger: rows and cells that differ, with the events that made the difference. The other
    report has the same `as_of` and `known_at` where it names none."""
    about("Ledger", name)
    if other_as_of is None and other_known_at is None:
        raise InvalidInput("name other_as_of or other_known_at", field="other_known_at")
    first = moment(as_of, "as_of"), moment(known_at, "known_at")
    second = (
        first[0] if other_as_of is None else moment(other_as_of, "other_as_of"),
        first[1] if other_known_at is None else moment(other_known_at, "other_known_at"),
    )
    return await answered(
        lambda: offered(ours).difference(name, first, second, reader=reader, entity=entity, limit=limit), slow
    )


@router.get("/{name}/{key}/explain", responses={200: {"model": ledger_models.ExplainedRow}})
async def explain(
    name: str,
    key: str,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> Response:
    """The events behind one row, in the order in which they count, each with what it did to which cell. The parts of
    a key are joined by `|`: `WO1|LN-7001`."""
    about("Ledger", f"{name}/{key}")
    moments = moment(as_of, "as_of"), moment(known_at, "known_at")
    return await answered(lambda: offered(ours).explain(name, key, *moments, reader=reader), slow)


def offered(ours: Ours) -> Ledgers:
    """Raises Unavailable: this server keeps no ledgers."""
    if ours.ledgers is None:
        raise Unavailable("this server keeps no ledgers")
    return ours.ledgers


async def answered(work: Callable[[], dict[str, Any]], slow: Slow) -> Response:
    """What `work` gives, made off the event loop."""
    return json_response(msgspec.json.encode(await anyio.to_thread.run_sync(work, limiter=slow)))
