"""The withdrawal desk over HTTP: tasks, decisions, the days ahead, dispatch. Thin: parse, ask, answer."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api import decision_models, trust, withdrawal_desk_acts, withdrawal_desk_dispatch, withdrawal_desk_forecast
from api import withdrawal_desk as bodies
from api import withdrawal_desk_models as models
from api.auth import Ours, Reader, permitted
from api.case_commands import CaseCommand, answer, execute, named, told
from api.moments import IsoDay
from api.paging import Cursor, page_of, paged
from api.routes.figures import member_filters, require_ready
from api.withdrawal_desk_proof import token_of
from streams.views import Filters

router = APIRouter(prefix="/withdrawal-desk", tags=["withdrawal desk"])
Member = Annotated[str | None, Query(max_length=200)]
TASKS_MAX = 200
TaskCommand = Annotated[str, told(withdrawal_desk_acts.ACTS)]
DispatchCommand = Annotated[str, told(withdrawal_desk_dispatch.ACTS)]


class Act(BaseModel):
    """One decision. The actor comes from the token."""

    model_config = ConfigDict(extra="forbid", strict=True)

    cmd_id: str = Field(min_length=1, max_length=200, description="idempotency key: a second tap is one decision")
    seen: str = Field(
        pattern=r"^[0-9]{1,9}(:[0-9]{1,18})?$", description="`seen` of the task that was decided on; else 409"
    )
    payload: dict[str, Any] = Field(default_factory=dict, description="comment, to, amount …: fields of the command")
    proof_code: str | None = Field(None, max_length=200, description="a one-time code, where a fresh proof is wanted")
    role: str | None = Field(None, max_length=10, description="one of the token's; default: the first fitting")
    reason: str = Field("", max_length=2_000)


class Draft(BaseModel):
    """A withdrawal to be announced: `payload` holds customer_no, amount, ccy, value_date, and the rest."""

    model_config = ConfigDict(extra="forbid", strict=True)

    cmd_id: str = Field(min_length=1, max_length=200)
    reservation_no: str = Field(min_length=1, max_length=64, description="chosen by the caller, unique")
    payload: dict[str, Any]
    submit: bool = Field(False, description="send it on to those who approve")
    role: str | None = Field(None, max_length=10)
    reason: str = Field("", max_length=2_000)


class Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    cmd_id: str = Field(min_length=1, max_length=200)
    entity: str = Field(min_length=1, max_length=200)
    ccy: str = Field(min_length=3, max_length=3)


@router.get("", responses={200: {"model": models.Tasks}})
async def tasks(
    request: Request,
    reader: Reader,
    ours: Ours,
    *,
    mine: Annotated[bool, Query(description="only what this reader may decide now")] = False,
    state: Annotated[Literal["open", "all"], Query(description="open: what is not closed yet")] = "open",
    entity: Member = None,
    currency: Member = None,
    organisation: Member = None,
    day: Annotated[IsoDay | None, Query(description="value date")] = None,
    limit: Annotated[int, Query(ge=1, le=TASKS_MAX)] = TASKS_MAX,
    cursor: Cursor = None,
) -> Response:
    """Reservations of the desk and of channels as tasks, earliest value date first, each with what it does to the
    position."""
    wanted = {"ccy": currency, "organisation": organisation, "value_date": None if day is None else day.isoformat()}

    def work() -> Any:
        filters = member_filters(reader, entity)
        cut = _cut(ours, filters)
        rows = [
            row
            for row in bodies.tasks(ours, reader, entity)
            if (not mine or row["mine"])
            and (state == "all" or row["is_open"])
            and all(value in (None, str(row[name])) for name, value in wanted.items())
        ]
        page = page_of(rows, cursor, limit)
        shown = [row | {"impact": bodies.impact(cut, row)} for row in page["rows"]]
        days = {entity: day.isoformat() for entity, day in cut.days.items()}
        told = _trusted(ours, "withdrawals", filters, cut.offsets) | {
            "log": cut.log,
            "as_of": days,
            "may_announce": bodies.may_announce(reader),
        }
        return told | {"total": len(rows)} | page | {"rows": shown}

    return paged(request, await anyio.to_thread.run_sync(work))


@router.get("/forecast", responses={200: {"model": models.Forecast}})
async def forecast(reader: Reader, ours: Ours, entity: Member = None, currency: Member = None) -> Response:
    """Expected and worst large outflow of the days ahead, by currency and organisation, and how many of the past were
    announced (LIQ-03). The history is that of the alerts on single large outflows."""

    def work() -> Any:
        require_ready(ours)
        allowed = permitted(reader, entity)
        offsets, days, large = ours.live.read(
            lambda view: (
                view.offsets(*bodies.FORECAST_TOPICS),
                view.as_of(None).by_entity,
                withdrawal_desk_forecast.large_outflows(view, allowed),
            )
        )
        rows = [row for row in bodies.tasks(ours, reader, entity) if currency in (None, row["ccy"])]
        large = [one for one in large if currency in (None, one.currency)]
        today = max(
            (day for owner, day in days.items() if allowed is None or owner in allowed), default=ours.clock().date()
        )
        policy = bodies.desk_of(ours).policies.in_force(today)
        marked = _trusted(ours, "withdrawals", member_filters(reader, entity), offsets)
        return marked | withdrawal_desk_forecast.forecast(rows, large, today, policy)

    return answer(await anyio.to_thread.run_sync(work))


@router.get("/dispatch", responses={200: {"model": models.Dispatch}})
async def dispatch(reader: Reader, ours: Ours, entity: Member = None, currency: Member = None) -> Response:
    """Branches that lack money, the cheapest way to give it to them, and the proposals that were made (LIQ-06)."""

    def work() -> Any:
        filters = member_filters(reader, entity)
        cut = _cut(ours, filters)
        proposals = ours.assets.list_cases(withdrawal_desk_dispatch.PROPOSAL, reader=reader, entity=entity)
        return _trusted(ours, "positions", filters, cut.offsets) | {
            "lacking": withdrawal_desk_dispatch.lacking(ours, reader, cut, entity, currency),
            "proposals": [row for row in proposals if currency in (None, row["ccy"])][:TASKS_MAX],
        }

    return answer(await anyio.to_thread.run_sync(work))


@router.post("/dispatch", responses={200: {"model": models.Proposed}})
async def propose(reader: Reader, ours: Ours, body: Wanted) -> Response:
    """Propose the plan of the present cut; another person approves it. The same `cmd_id`: the same proposal."""

    def work() -> Any:
        cut = _cut(ours, member_filters(reader, body.entity))
        return withdrawal_desk_dispatch.propose(ours, reader, cut, body.entity, body.ccy, body.cmd_id)

    return answer(await anyio.to_thread.run_sync(work))


@router.post("/dispatch/{proposal_no}/{command}", responses={200: {"model": decision_models.CommandAnswer}})
async def decide(
    reader: Reader, ours: Ours, proposal_no: str, command: DispatchCommand, body: CaseCommand
) -> Response:
    """approve, amend, reject, book. A proposal whose figures are too old is refused, and the new one named."""
    name = named(withdrawal_desk_dispatch.ACTS, command)
    return await execute(ours, reader, withdrawal_desk_dispatch.PROPOSAL, proposal_no, name, body)


@router.get("/{reservation_no}", responses={200: {"model": models.TaskInFull}})
async def task(reader: Reader, ours: Ours, reservation_no: str) -> Response:
    """One task with what it does to the position, and its history with reasons; a channel's has none here yet."""

    def work() -> Any:
        row = bodies.task(ours, reader, reservation_no)
        filters = member_filters(reader, row["entity"])
        cut = _cut(ours, filters)
        known = ours.assets.history(bodies.RESERVATION, reservation_no, reader=reader) if row["revision"] else []
        return _trusted(ours, "withdrawals", filters, cut.offsets) | {
            "task": row | {"impact": bodies.impact(cut, row)},
            "history": [event.to_json() for event in known],
        }

    return answer(await anyio.to_thread.run_sync(work))


@router.post("", responses={200: {"model": models.Done}})
async def announce(reader: Reader, ours: Ours, body: Draft) -> Response:
    """Announce a withdrawal, and submit it if asked to."""
    bodies.desk_of(ours)

    def work() -> Any:
        return withdrawal_desk_acts.draft(ours, reader, body.reservation_no, body.model_dump(), submit=body.submit)

    return answer(await anyio.to_thread.run_sync(work))


@router.post("/{reservation_no}/{command}", responses={200: {"model": models.Done}})
async def act(
    request: Request, reader: Reader, ours: Ours, reservation_no: str, command: TaskCommand, body: Act
) -> Response:
    """submit, approve, reject, delegate, amend, cancel, execute. Above the policy's amount an approval wants a recent
    sign-in or a one-time code (403 with guard PROOF)."""
    bodies.desk_of(ours)
    if command not in withdrawal_desk_acts.ACTS:
        named({name: name for name in withdrawal_desk_acts.ACTS}, command)

    def work() -> Any:
        return withdrawal_desk_acts.act(
            ours, reader, reservation_no, command, body.model_dump(), token=token_of(request), code=body.proof_code
        )

    return answer(await anyio.to_thread.run_sync(work))


def _trusted(ours: Ours, figure: str, filters: Filters, offsets: Mapping[str, int]) -> bodies.Body:
    """The cut of an answer, and the sources that its figures stand on."""
    marked = trust.compact(ours, {"figure": figure, "filters": filters}, dict(offsets))
    return {"offsets": offsets} | ({} if marked is None else {"trust": marked})


def _cut(ours: Ours, filters: Filters) -> bodies.Cut:
    require_ready(ours)
    return ours.live.read(lambda view: bodies.cut_of(view, ours, filters))
