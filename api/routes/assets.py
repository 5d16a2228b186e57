"""Risk assets and the commands on aggregates. The rules are the aggregates'; here only the way in and out."""

from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Header, Query, Request, Response

from aggregates.assets import Assets
from aggregates.commands import Command
from aggregates.envelope import Principal
from api import command_batches, decision_models, models
from api.auth import Ours, Reader
from api.case_commands import IfNoneMatch, answer, state_of
from api.conditional import expected_version, idempotency_key, tagged, version_tag
from api.moments import KnownAt, moment
from api.paging import LIMIT_MAX, Cursor, Limit, page_of, paged
from api.routes.figures import Slow
from api.services import Services
from engines.primitives.errors import InvalidInput, Unavailable

router = APIRouter(tags=["risk assets"])
HeaderKey = Annotated[str | None, Header(alias="Idempotency-Key", description="in place of `cmd_id`")]
RISK_ASSET = "RiskAsset"


@router.get("/risk-assets", responses={200: {"model": decision_models.RiskAssets}})
async def risk_assets(
    request: Request,
    reader: Reader,
    ours: Ours,
    entity: Annotated[str | None, Query(max_length=200)] = None,
    lifecycle: Annotated[str | None, Query(max_length=50)] = None,
    limit: Limit = LIMIT_MAX,
    cursor: Cursor = None,
) -> Response:
    """The risk assets that this actor may see, with their balances, by entity and loan number."""

    def work() -> Any:
        found = ours.assets.list_risk_assets(reader=reader, entity=entity, lifecycle=lifecycle)
        return page_of(found, cursor, limit)

    return paged(request, await anyio.to_thread.run_sync(work))


@router.get("/risk-assets/{loan_no}", responses={200: {"model": decision_models.RiskAsset}})
async def risk_asset(reader: Reader, ours: Ours, loan_no: str, if_none_match: IfNoneMatch = None) -> Response:
    """One risk asset as it is now; its version is the ETag."""
    return await state_of(ours, reader, RISK_ASSET, loan_no, if_none_match)


@router.get("/risk-assets/{loan_no}/history", responses={200: {"model": decision_models.History}})
async def risk_asset_history(reader: Reader, ours: Ours, loan_no: str, known_at: KnownAt = None) -> Response:
    """All that was ever decided about it, oldest first."""
    return await _history(ours, reader, RISK_ASSET, loan_no, known_at)


@router.get("/aggregates/{aggregate}", responses={200: {"model": decision_models.States}})
async def aggregate_list(
    request: Request,
    reader: Reader,
    ours: Ours,
    aggregate: str,
    entity: Annotated[str | None, Query(max_length=200)] = None,
    stage: Annotated[str | None, Query(max_length=50)] = None,
    asset_no: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = LIMIT_MAX,
    cursor: Cursor = None,
) -> Response:
    """The aggregates of a kind that this actor may see, newest first; of one loan note with `asset_no`."""

    def work() -> Any:
        found = ours.assets.list_cases(aggregate, reader=reader, entity=entity, stage=stage, asset_no=asset_no)
        return page_of(found, cursor, limit)

    return paged(request, await anyio.to_thread.run_sync(work))


@router.get("/aggregates/{aggregate}/{key}", responses={200: {"model": decision_models.State}})
async def aggregate_state(
    reader: Reader, ours: Ours, aggregate: str, key: str, if_none_match: IfNoneMatch = None
) -> Response:
    """Any aggregate as it is now, by its kind (as `WriteOff`) and business key; its version is the ETag."""
    return await state_of(ours, reader, aggregate, key, if_none_match)


@router.get("/aggregates/{aggregate}/{key}/history", responses={200: {"model": decision_models.History}})
async def aggregate_history(
    reader: Reader, ours: Ours, aggregate: str, key: str, known_at: KnownAt = None
) -> Response:
    """The stored events of any aggregate, oldest first."""
    return await _history(ours, reader, aggregate, key, known_at)


@router.post("/commands", responses={200: {"model": decision_models.CommandAnswer}})
async def commands(
    reader: Reader,
    ours: Ours,
    command: models.Command,
    if_match: Annotated[str | None, Header(description="the version that you decided on; else 409")] = None,
    idempotency: HeaderKey = None,
) -> Response:
    """Gives a command to an aggregate as the actor of the token. The same `cmd_id`: the same events again.

    `state` is the aggregate's present one, and its version the ETag. If somebody was first: 409 with the version.
    """
    version = expected_version(if_match)
    expected = {} if version is None else {"expected_version": version}
    wish = _wish(ours, reader, command, idempotency_key(idempotency, command.cmd_id), expected)

    def work() -> Any:
        outcome = ours.assets.execute(wish)
        return outcome.to_json() | {"state": ours.assets.state(wish.aggregate, wish.key, reader=reader)}

    done = await anyio.to_thread.run_sync(work)
    return tagged(answer(done), version_tag(done["state"]))


@router.post("/commands/batch", responses={200: {"model": decision_models.BatchAnswer}})
async def command_batch(
    reader: Reader, ours: Ours, slow: Slow, batch: command_batches.Batch, idempotency: HeaderKey = None
) -> Response:
    """Gives many commands at once: each for itself, or with `mode` `all` all of them or none, in one transaction.

    200 also where some were refused: `items` tells what became of each. The same batch again stores nothing twice.
    """
    names = [idempotency_key(None, one.cmd_id) for one in batch.commands]
    if len({*names}) != len(names):
        raise InvalidInput("each command needs a cmd_id of its own", field="commands.cmd_id")
    wishes = [_wish(ours, reader, one, name, {}) for one, name in zip(batch.commands, names, strict=True)]
    batch_id = idempotency_key(idempotency, batch.cmd_id) if batch.mode == "all" else ""

    def work() -> Any:
        if batch.mode == "each":
            return command_batches.answered(command_batches.one_by_one(ours.assets, wishes))
        if not isinstance(ours.assets, Assets):
            raise Unavailable("this server stores no commands together")
        return command_batches.answered(command_batches.together(ours.assets, wishes, batch_id))

    return answer(await anyio.to_thread.run_sync(work, limiter=slow))


def _wish(
    ours: Services, reader: Principal, command: models.Command, cmd_id: str, expected: dict[str, Any]
) -> Command:
    return Command(
        cmd_id=cmd_id,
        aggregate=command.aggregate,
        key=command.key,
        command=command.command,
        payload=command.payload | expected,
        principal=reader,
        at=ours.clock(),  # a server refuses a client's time (decision E18)
        valid_on=command.valid_on,
        role=command.role,
        reason=command.reason,
        docs=tuple(command.docs),
    )


async def _history(ours: Services, reader: Principal, aggregate: str, key: str, known_at: str | None) -> Response:
    def work() -> Any:
        events = ours.assets.history(aggregate, key, reader=reader, known_at=moment(known_at, "known_at"))
        return {"events": [event.to_json() for event in events]}

    return answer(await anyio.to_thread.run_sync(work))
