"""Work lists over HTTP: what waits, what runs out, what was sent and done, totals, plan, rankings, search, tags, one
customer and one loan note. All answers carry `position`, the place of the decision log that they stand at.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated
from zlib import crc32

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from api import trust, work, work_models, work_totals, work_views
from api.auth import Ours, Reader, permitted
from api.conditional import tagged, unchanged
from api.moments import IsoDay
from api.paging import LIMIT_MAX, Cursor, Limit, PageAsked, linked
from api.routes.figures import json_response
from engines.primitives.errors import Unavailable
from projections.work.search import PAGE_MAX, QUERY_LENGTH_MAX
from projections.work.search import Query as Search

LISTS = "worklists"
router = APIRouter(prefix=f"/{LISTS}", tags=["work lists"])

Name = Annotated[str | None, Query(max_length=200)]
Code = Annotated[str | None, Query(max_length=50)]
SearchLimit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Day = Annotated[IsoDay | None, Query()]


class Seeing:
    """Who asks, as of which day, for which entity and organisation."""

    def __init__(
        self,
        request: Request,
        reader: Reader,
        ours: Ours,
        entity: Annotated[str | None, Query(max_length=200, description="only this legal entity")] = None,
        org: Annotated[str | None, Query(max_length=64, description="this organisation and those below it")] = None,
        as_of: Annotated[
            IsoDay | None, Query(description="the day that days are counted from; default: today")
        ] = None,
        if_none_match: Annotated[str | None, Header(description="the ETag of an earlier answer: 304")] = None,
    ) -> None:
        self.reader, self.ours, self.entity, self.org, self.as_of = reader, ours, entity, org, as_of
        self.request, self.known = request, if_none_match

    async def answer(self, make: Callable[[work.View], work.Json]) -> Response:
        views, now = self.ours.work, self.ours.clock()
        if views is None:
            raise Unavailable("this server keeps no work lists")

        marked = self._marked()

        def run() -> tuple[bytes, str, str | int | None]:
            with views.current() as state:
                tag = self._tag(state.position, now, marked)
                if unchanged(self.known, tag):
                    return b"", tag, None
                body = make(work.View(state, self.reader, views.today(now), self.as_of, self.entity, self.org))
                body |= {} if marked is None else {"trust": marked}
                return msgspec.json.encode(body), tag, body.get("cursor")

        content, tag, cursor = await anyio.to_thread.run_sync(run)
        return tagged(linked(json_response(content), self.request, cursor), tag, self.known)

    def _marked(self) -> trust.Body | None:
        """What can be said of the log of decisions, which all of these stand on."""
        allowed = permitted(self.reader, self.entity)
        filters = {} if allowed is None else {"entity": allowed}
        return trust.compact(self.ours, {"figure": "ledgers", "filters": filters}, {})

    def _tag(self, position: int, now: datetime, marked: trust.Body | None) -> str:
        """An answer changes with the log, the day, the reader and what its mark says, and with nothing else."""
        reader, mark = self.reader, msgspec.json.encode(marked)
        who = "|".join((reader.actor, *reader.roles, reader.organisation, *reader.entities)).encode()
        return f'W/"{position}-{now:%Y%m%d%H}-{crc32(mark, crc32(who)):08x}"'

    def period(self, start: date | None, end: date | None) -> tuple[date, date]:
        """As asked; by default this year up to the day."""
        last = end or self.as_of or self.ours.clock().date()
        return start or date(last.year, 1, 1), last


Asked = Annotated[Seeing, Depends()]


@router.get("/home", responses={200: {"model": work_models.Home}})
async def home(asked: Asked, start: Day = None, end: Day = None) -> Response:
    """The start page at one position of the log: to-dos, deadlines, messages, totals, plan, rankings."""
    return await asked.answer(lambda view: work_views.home(view, *asked.period(start, end)))


@router.get("/todos", responses={200: {"model": work_models.Todos}})
async def todos(
    asked: Asked,
    kind: Code = None,
    mine: bool = False,
    everyone: bool = False,
    cursor: Cursor = None,
    limit: Limit = work.LISTED,
) -> Response:
    """What waits for the reader, most urgent first; `mine` leaves out what is assigned to others, `everyone` shows
    what waits for whatever role."""
    page = PageAsked(cursor, limit)
    return await asked.answer(lambda view: work.todo_list(view, page, kind=kind, mine=mine, everyone=everyone))


@router.get("/done", responses={200: {"model": work_models.DoneList}})
async def done(asked: Asked, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """What the reader did, newest first."""
    return await asked.answer(lambda view: work.done_list(view, PageAsked(cursor, limit)))


@router.get("/deadlines", responses={200: {"model": work_models.Deadlines}})
async def deadlines(
    asked: Asked, colour: Code = None, rule: Code = None, cursor: Cursor = None, limit: Limit = work.LISTED
) -> Response:
    """Open terms and dates with days left and a colour, most urgent first; lapsed ones until they are settled."""
    page = PageAsked(cursor, limit)
    return await asked.answer(lambda view: work.deadline_list(view, page, colour=colour, rule=rule))


@router.get("/messages", responses={200: {"model": work_models.Messages}})
async def messages(asked: Asked, everyone: bool = False, cursor: Cursor = None, limit: Limit = 100) -> Response:
    """Reminders sent to the reader or the reader's roles, newest first, and the notices in force."""
    return await asked.answer(lambda view: work.message_list(view, PageAsked(cursor, limit), everyone=everyone))


@router.get("/totals", responses={200: {"model": work_models.Totals}})
async def totals(
    asked: Asked,
    by: Annotated[str, Query(max_length=200, description="of the stock, by commas")] = "classification,lifecycle",
    moved_by: Annotated[str, Query(max_length=200, description="of the period, by commas")] = "mode",
    start: Day = None,
    end: Day = None,
) -> Response:
    """The stock by dimensions, and what was recovered, reduced and written off in a period by dimensions."""
    first, last = asked.period(start, end)
    names, moved = by.split(","), moved_by.split(",")
    return await asked.answer(
        lambda view: work_totals.total_list(view, by=names, moved_by=moved, start=first, end=last)
    )


@router.get("/plan", responses={200: {"model": work_models.WorkPlan}})
async def plan(asked: Asked, kind: Code = None, cursor: Cursor = None, limit: Limit = LIMIT_MAX) -> Response:
    """Targets with what counts for them, completion, time progress, nodes and rank; `groups` are of all of them."""
    return await asked.answer(lambda view: work_totals.plan_list(view, PageAsked(cursor, limit), kind=kind))


@router.get("/rankings", responses={200: {"model": work_models.Rankings}})
async def rankings(
    asked: Asked,
    kind: str = "RECOVERY",
    start: Day = None,
    end: Day = None,
    with_memo: bool = False,
    cursor: Cursor = None,
    limit: Limit = LIMIT_MAX,
) -> Response:
    """All branches by completed amount in a period, customers by their claims, page by page."""
    first, last = asked.period(start, end)
    page = PageAsked(cursor, limit)
    return await asked.answer(
        lambda view: work_totals.ranking_list(view, page, kind=kind, start=first, end=last, with_memo=with_memo)
    )


@router.get("/search", responses={200: {"model": work_models.SearchPage}})
async def search(
    asked: Asked,
    q: Annotated[str, Query(max_length=QUERY_LENGTH_MAX, description="words that all occur, in any part")] = "",
    aggregate: Name = None,
    stage: Code = None,
    classification: Code = None,
    customer_no: Name = None,
    tag: Name = None,
    is_open: Annotated[bool | None, Query(alias="open")] = None,
    cursor: Annotated[int | None, Query(ge=1, description="of the page before")] = None,
    limit: SearchLimit = 50,
) -> Response:
    """Anything by its number, text (any part, Chinese too), tags and filters; newest first, page by page."""
    query = Search(
        q, aggregate, stage, None, None, classification, customer_no, tag, is_open, before=cursor, limit=limit
    )
    return await asked.answer(lambda view: work.search_page(view, query))


@router.get("/tags", responses={200: {"model": work_models.Tags}})
async def tags(asked: Asked, cursor: Cursor = None, limit: Limit = LIMIT_MAX) -> Response:
    """The tags in use, with how many loan notes and customers carry them."""
    return await asked.answer(lambda view: work.tag_list(view, PageAsked(cursor, limit)))


@router.get("/customers/{customer_no}", responses={200: {"model": work_models.CustomerWork}})
async def customer(asked: Asked, customer_no: str) -> Response:
    """One customer on one body: claims, cases, files, guarantors, relations, external facts, what happened."""
    return await asked.answer(lambda view: work_views.customer_view(view, customer_no))


@router.get("/assets/{loan_no}", responses={200: {"model": work_models.AssetWork}})
async def asset(asked: Asked, loan_no: str) -> Response:
    """One loan note: the place of every yuan, cases, deadlines, what happened."""
    return await asked.answer(lambda view: work_views.asset_view(view, loan_no))
