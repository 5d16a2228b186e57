"""Contingency funding plans: previewed, proposed, decided on, executed. The rules are the aggregate's."""

from fractions import Fraction
from typing import Annotated, Any, Literal

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from aggregates.contingency_plan_request import digest_of, read_request
from api import decision_models as models
from api.auth import Ours, Reader
from api.calculations.contingency_plan import ranking_rows, simulation_keys
from api.case_commands import CaseCommand, IfNoneMatch, answer, execute, named, state_of, told
from api.moments import IsoDay, KnownAt, moment
from api.paging import LIMIT_MAX, Cursor, Limit, page_of, paged
from api.past_models import PlanPreview
from api.routes.figures import Slow
from engines.primitives.money import exponent, to_text

router = APIRouter(prefix="/plans", tags=["contingency funding"])
PLAN = "ContingencyPlan"

#: The last part of an address, and the command that it gives.
COMMANDS = {
    "amend": "Amend",
    "approve": "Approve",
    "reject": "Reject",
    "activate": "Activate",
    "action": "TakeAction",
    "recover": "BeginRecovery",
    "close": "Close",
    "cancel": "Cancel",
}
CommandName = Annotated[str, told(COMMANDS)]


class Preview(BaseModel):
    """What a plan would be drawn up from; nothing is stored."""

    model_config = ConfigDict(extra="forbid", strict=True)

    funding: dict[str, Any] = Field(description="as of the calculation `contingency_plan`, money in `ccy`")
    ccy: str = Field("CNY", min_length=3, max_length=3)
    as_of: IsoDay | None = Field(None, description="day 0; default: today at the server, UTC")


class Proposal(CaseCommand):
    """A plan to be drawn up: `payload` holds trigger, trigger_reason, mode, ccy, as_of and funding."""

    plan_no: str = Field(min_length=1, max_length=64, description="chosen by the caller, unique")


@router.get("", responses={200: {"model": models.States}})
async def plans(
    request: Request,
    reader: Reader,
    ours: Ours,
    entity: Annotated[str | None, Query(max_length=200)] = None,
    stage: Annotated[str | None, Query(max_length=50)] = None,
    mode: Literal["LIVE", "DRILL"] | None = None,
    limit: Limit = LIMIT_MAX,
    cursor: Cursor = None,
) -> Response:
    """The plans that this actor may see, newest first; drills are plans of mode DRILL."""
    where = {} if mode is None else {"mode": mode}

    def work() -> Any:
        return page_of(
            ours.assets.list_cases(PLAN, reader=reader, entity=entity, stage=stage, where=where), cursor, limit
        )

    return paged(request, await anyio.to_thread.run_sync(work))


@router.post("/preview", responses={200: {"model": PlanPreview}})
async def preview(reader: Reader, ours: Ours, slow: Slow, body: Preview) -> Response:
    """The plan simulated forward and ranked with its alternatives, before anyone proposes it."""

    def work() -> Any:
        exponent(body.ccy)
        request = read_request(body.funding, ccy=body.ccy, as_of=body.as_of or ours.clock().date())

        def money(minor: Fraction) -> str:
            # Market values for an amount may end within a minor unit: rounded up, as the plan stores them.
            return to_text(-int(-minor // 1), body.ccy)

        ranked = request.ranked()
        return {
            "ccy": body.ccy,
            "as_of": request.as_of.isoformat(),
            **simulation_keys(request.chosen(ranked), money),
            "ranking": ranking_rows(ranked, money),
            "simulation_digest": digest_of(ranked),
        }

    return answer(await anyio.to_thread.run_sync(work, limiter=slow))


@router.get("/{plan_no}", responses={200: {"model": models.CaseState}})
async def plan(reader: Reader, ours: Ours, plan_no: str, if_none_match: IfNoneMatch = None) -> Response:
    """One plan as it is now: lines, what was executed, what is left, what the alternatives were."""
    return await state_of(ours, reader, PLAN, plan_no, if_none_match)


@router.get("/{plan_no}/history", responses={200: {"model": models.History}})
async def history(reader: Reader, ours: Ours, plan_no: str, known_at: KnownAt = None) -> Response:
    """All that was decided and done about it, oldest first."""

    def work() -> Any:
        events = ours.assets.history(PLAN, plan_no, reader=reader, known_at=moment(known_at, "known_at"))
        return {"events": [event.to_json() for event in events]}

    return answer(await anyio.to_thread.run_sync(work))


@router.post("", responses={200: {"model": models.CommandAnswer}})
async def propose(reader: Reader, ours: Ours, body: Proposal) -> Response:
    """Simulate, compare and store a plan; another person has to approve it."""
    return await execute(ours, reader, PLAN, body.plan_no, "Propose", body)


@router.post("/{plan_no}/{command}", responses={200: {"model": models.CommandAnswer}})
async def command(reader: Reader, ours: Ours, plan_no: str, command: CommandName, body: CaseCommand) -> Response:
    """amend, approve, reject, activate, action, recover, close, cancel. The same `cmd_id`: the same events again."""
    return await execute(ours, reader, PLAN, plan_no, named(COMMANDS, command), body)
