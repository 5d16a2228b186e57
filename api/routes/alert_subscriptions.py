"""Who is told of alerts: subscriptions with a preview, silences, teams. The rules are the aggregates'."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request, Response

from aggregates.alert_subscription import check_content
from aggregates.envelope import EVERY_ENTITY, Principal
from api import alert_centre_models as models
from api.alert_centre_preview import KEY, preview, seen_by, told_since
from api.alert_silences import silences_of
from api.auth import Ours, Reader
from api.case_commands import CaseCommand, IfNoneMatch, answer, execute, named, state_of, told
from api.decision_models import CaseState, CommandAnswer, History, States
from api.paging import LIMIT_MAX, Cursor, Limit, page_of, paged
from api.routes.alert_centre import centre_of
from api.routes.figures import Slow
from projections.alert_routing_facts import alert_expression
from projections.alert_routing_world import subscription_of

router = APIRouter(tags=["alerts"])

SUBSCRIPTION, SILENCE, TEAM = "AlertSubscription", "AlertSilence", "AlertTeam"
#: By the last part of an address.
SUBSCRIPTION_COMMANDS = {"change": "Change", "end": "End"}
SILENCE_COMMANDS = {"approve": "Approve", "reject": "Reject", "end": "End"}
TEAM_COMMANDS = {"change": "Change", "disband": "Disband"}

No = Annotated[str, Path(min_length=1, max_length=64)]
Stage = Annotated[str | None, Query(max_length=50)]


async def _list(
    request: Request, reader: Principal, ours: Any, aggregate: str, stage: str | None, limit: int, cursor: str | None,
    where: Mapping[str, object],
) -> Response:  # fmt: skip
    def work() -> Any:
        found = ours.assets.list_cases(aggregate, reader=reader, stage=stage, where=where)
        return page_of(found, cursor, limit)

    return paged(request, await anyio.to_thread.run_sync(work))


async def _history(reader: Principal, ours: Any, aggregate: str, key: str) -> Response:
    def work() -> Any:
        return {"events": [event.to_json() for event in ours.assets.history(aggregate, key, reader=reader)]}

    return answer(await anyio.to_thread.run_sync(work))


def _checked(payload: Mapping[str, Any], reader: Principal) -> dict[str, Any]:
    """With a place to be kept in. Raises InvalidInput, naming the place in the expression that is wrong."""
    for name in ("filter", "matcher"):
        if isinstance(payload.get(name), str):
            alert_expression(payload[name])
    return {"entity_id": _home(payload, reader)} | dict(payload)


def _home(payload: Mapping[str, Any], reader: Principal) -> str:
    """The entity that it is kept with: the first one of the reader's, else the first one that it names."""
    named = [entity for entity in payload.get("entities") or () if entity != EVERY_ENTITY]
    own = [entity for entity in reader.entities if entity != EVERY_ENTITY]
    return str(next(iter([one for one in named if one in own] or own or named), "-"))


# --- Subscriptions -------------------------------------------------------------------------------------------------


@router.get("/alert-subscriptions", responses={200: {"model": States}})
async def subscriptions(
    *,
    request: Request,
    reader: Reader,
    ours: Ours,
    mine: bool = False,
    stage: Stage = None,
    limit: Limit = LIMIT_MAX,
    cursor: Cursor = None,
) -> Response:
    """Subscriptions to alerts, newest first; `mine`: those that this actor made."""
    where = {"subscriber": reader.actor} if mine else {}
    return await _list(request, reader, ours, SUBSCRIPTION, stage, limit, cursor, where)


@router.post("/alert-subscriptions", responses={200: {"model": CommandAnswer}})
async def subscribe(reader: Reader, ours: Ours, body: models.Subscribing) -> Response:
    """Be told of alerts. The filter is checked before anything is stored."""
    payload = _checked(body.payload.model_dump(exclude_none=True), reader)
    command = CaseCommand(**body.model_dump(exclude={"subscription_no", "payload"}), payload=payload)
    return await execute(ours, reader, SUBSCRIPTION, body.subscription_no, "Subscribe", command)


@router.post("/alert-subscriptions/preview", responses={200: {"model": models.PreviewAnswer}})
async def preview_subscription(reader: Reader, ours: Ours, slow: Slow, body: models.Preview) -> Response:
    """What a subscription would have sent in the last days. Stores nothing, sends nothing."""

    def work() -> Any:
        centre, now = centre_of(ours), ours.clock()
        since = now - timedelta(days=body.days)
        content = seen_by(reader, body.content.model_dump(exclude_none=True))
        check_content(content)
        told, truncated = told_since(ours.live, since)
        found = preview(
            subscription_of(KEY, content | {"since": since}), told, silences_of(ours, reader), centre.calendar, now
        )
        return found | {"days": body.days, "truncated": truncated}

    return answer(await anyio.to_thread.run_sync(work, limiter=slow))


@router.get("/alert-subscriptions/{subscription_no}", responses={200: {"model": CaseState}})
async def subscription(
    reader: Reader, ours: Ours, subscription_no: No, if_none_match: IfNoneMatch = None
) -> Response:
    """One subscription as it is now."""
    return await state_of(ours, reader, SUBSCRIPTION, subscription_no, if_none_match)


@router.get("/alert-subscriptions/{subscription_no}/history", responses={200: {"model": History}})
async def subscription_history(reader: Reader, ours: Ours, subscription_no: No) -> Response:
    """Its versions and its end, oldest first."""
    return await _history(reader, ours, SUBSCRIPTION, subscription_no)


@router.post("/alert-subscriptions/{subscription_no}/{command}", responses={200: {"model": CommandAnswer}})
async def change_subscription(
    reader: Reader,
    ours: Ours,
    subscription_no: No,
    command: Annotated[str, told(SUBSCRIPTION_COMMANDS)],
    body: CaseCommand,
) -> Response:
    """change (the payload says the whole content) or end."""
    if isinstance(body.payload.get("filter"), str):
        alert_expression(body.payload["filter"])
    return await execute(ours, reader, SUBSCRIPTION, subscription_no, named(SUBSCRIPTION_COMMANDS, command), body)


# --- Silences ------------------------------------------------------------------------------------------------------


@router.get("/alert-silences", responses={200: {"model": States}})
async def silences(
    *, request: Request, reader: Reader, ours: Ours, stage: Stage = None, limit: Limit = LIMIT_MAX,
    cursor: Cursor = None,
) -> Response:  # fmt: skip
    """Silences, newest first."""
    return await _list(request, reader, ours, SILENCE, stage, limit, cursor, {})


@router.get("/alert-silences/{silence_no}", responses={200: {"model": CaseState}})
async def silence(reader: Reader, ours: Ours, silence_no: No, if_none_match: IfNoneMatch = None) -> Response:
    """One silence as it is now."""
    return await state_of(ours, reader, SILENCE, silence_no, if_none_match)


@router.post("/alert-silences", responses={200: {"model": CommandAnswer}})
async def make_silence(reader: Reader, ours: Ours, body: models.Opening) -> Response:
    """Hold alerts back from delivery for a time. A long one, or one of critical alerts, waits for another person."""
    command = CaseCommand(**body.model_dump(exclude={"key", "payload"}), payload=_checked(body.payload, reader))
    return await execute(ours, reader, SILENCE, body.key, "Silence", command)


@router.post("/alert-silences/{silence_no}/{command}", responses={200: {"model": CommandAnswer}})
async def change_silence(
    reader: Reader, ours: Ours, silence_no: No, command: Annotated[str, told(SILENCE_COMMANDS)], body: CaseCommand
) -> Response:
    """approve or reject, by another person; end."""
    return await execute(ours, reader, SILENCE, silence_no, named(SILENCE_COMMANDS, command), body)


# --- Teams ---------------------------------------------------------------------------------------------------------


@router.get("/alert-teams", responses={200: {"model": States}})
async def teams(
    *, request: Request, reader: Reader, ours: Ours, stage: Stage = None, limit: Limit = LIMIT_MAX,
    cursor: Cursor = None,
) -> Response:  # fmt: skip
    """Teams, newest first."""
    return await _list(request, reader, ours, TEAM, stage, limit, cursor, {})


@router.get("/alert-teams/{team_no}", responses={200: {"model": CaseState}})
async def team(reader: Reader, ours: Ours, team_no: No, if_none_match: IfNoneMatch = None) -> Response:
    """One team as it is now."""
    return await state_of(ours, reader, TEAM, team_no, if_none_match)


@router.post("/alert-teams", responses={200: {"model": CommandAnswer}})
async def found_team(reader: Reader, ours: Ours, body: models.Opening) -> Response:
    """Name who is told when nobody acknowledges, and after how long."""
    command = CaseCommand(**body.model_dump(exclude={"key", "payload"}), payload=_checked(body.payload, reader))
    return await execute(ours, reader, TEAM, body.key, "Found", command)


@router.post("/alert-teams/{team_no}/{command}", responses={200: {"model": CommandAnswer}})
async def change_team(
    reader: Reader, ours: Ours, team_no: No, command: Annotated[str, told(TEAM_COMMANDS)], body: CaseCommand
) -> Response:
    """change (the payload says members and levels as a whole) or disband."""
    return await execute(ours, reader, TEAM, team_no, named(TEAM_COMMANDS, command), body)
