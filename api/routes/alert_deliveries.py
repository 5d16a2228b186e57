"""Deliveries of alerts: what went where, dead letters, sending again, trying a subscription out."""

from contextlib import suppress
from functools import partial
from typing import Annotated
from uuid import uuid4

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from aggregates.commands import Command
from aggregates.envelope import Principal
from api import notifier_models as models
from api.auth import Ours, Reader
from api.notifier_desk import SUBSCRIPTION, Deliveries, base_subscription, handled, is_administrator
from api.notifier_suspensions import said_late
from api.paging import Cursor, paged
from api.routes.figures import json_response
from api.services import Services
from engines.primitives.errors import NotFound, Rejected, Unavailable
from infra.deliveries import SUSPENDED
from infra.deliveries_ended import Chosen

router = APIRouter(tags=["alerts"])

NONE_SUSPENDED = "AlertSubscription.ResumeTarget.2"  # guard of a subscription that knows of no suspended target

Key = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")]
Name = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")]


@router.get("/alert-deliveries", responses={200: {"model": models.Deliveries}})
async def alert_deliveries(
    *,
    request: Request,
    reader: Reader,
    ours: Ours,
    alert_id: Name = None,
    subscription: Name = None,
    channel: Annotated[models.ChannelName | None, Query()] = None,
    state: Annotated[models.State | None, Query(description="failed: the dead letters")] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> Response:
    """Deliveries of alerts of your entities, newest first: one for each alert, subscription, channel and purpose."""
    desk = deliveries_of(ours)
    work = partial(
        desk.page,
        reader,
        alert_id=alert_id,
        subscription=subscription,
        channel=channel,
        state=state,
        cursor=cursor,
        limit=limit,
    )
    return paged(request, await anyio.to_thread.run_sync(work))


@router.get("/alert-deliveries/status", responses={200: {"model": models.DeliveryStatus}})
async def alert_delivery_status(reader: Reader, ours: Ours) -> Response:
    """Messages by state, and the targets that are suspended; to those who look after deliveries (OP, SA, RM)."""
    desk = deliveries_of(ours)
    return json_response(msgspec.json.encode(await anyio.to_thread.run_sync(desk.status, reader)))


@router.get("/alert-deliveries/{delivery_id}", responses={200: {"model": models.DeliveryDetail}})
async def alert_delivery(reader: Reader, ours: Ours, delivery_id: Key) -> Response:
    """One message with its alerts and every attempt."""
    desk = deliveries_of(ours)
    return json_response(msgspec.json.encode(await anyio.to_thread.run_sync(desk.one, reader, delivery_id)))


@router.post("/alert-deliveries/replay", responses={200: {"model": models.Replayed}})
async def replay_alert_deliveries(reader: Reader, ours: Ours, body: models.Replay) -> Response:
    """Make messages due again under their ids: receivers that know an id drop the repetition.

    By ids whatever became of them, else what failed or was suspended. Your own subscription's or your team's, or as
    OP, SA or RM. The same `cmd_id` again sends nothing and answers as before.
    """
    desk = deliveries_of(ours)

    def work() -> int:
        name = body.subscription
        own = name is not None and not is_administrator(reader)
        owner = handled(ours.assets, reader, base_subscription(name)) if own and name is not None else None
        chosen = Chosen(body.ids, body.since, name, body.channel, body.states)
        done = desk.replay(reader, ours.clock(), owner, chosen, body.cmd_id)
        for subscription, channel in dict.fromkeys((base_subscription(name), way) for name, way in done.resumed):
            _tell_resumed(ours, reader, subscription, channel)
        return done.count

    return json_response(msgspec.json.encode({"replayed": await anyio.to_thread.run_sync(work)}))


@router.post("/alert-subscriptions/{subscription_no}/test", responses={200: {"model": models.Tested}})
async def test_alert_subscription(reader: Reader, ours: Ours, subscription_no: Key, body: models.Test) -> Response:
    """Send a message that is marked as a test by each channel of a subscription; `/alert-deliveries` says how it
    went. Its subscriber, members of its team, or OP, SA and RM."""
    desk = deliveries_of(ours)

    def work() -> dict[str, object]:
        subscription = handled(ours.assets, reader, subscription_no)
        return desk.test(reader, ours.clock(), subscription_no, subscription, body.cmd_id, body.channel)

    return json_response(msgspec.json.encode(await anyio.to_thread.run_sync(work)))


@router.post("/alert-subscriptions/{subscription_no}/resume", responses={200: {"model": models.Resumed}})
async def resume_alert_subscription(
    reader: Reader, ours: Ours, subscription_no: Key, body: models.Resume
) -> Response:
    """Try the suspended targets of a subscription again, with those of its escalations, and send what they missed.

    Its subscriber, members of its team, or OP, SA and RM. The same `cmd_id` again sends nothing.
    """
    desk = deliveries_of(ours)

    def work() -> dict[str, object]:
        owner = handled(ours.assets, reader, subscription_no)
        owner.unless_may(reader)
        payload = body.model_dump(include={"channel", "comment"}, exclude_none=True)
        chosen = Chosen(subscription=subscription_no, channel=body.channel, states=(SUSPENDED,), escalations=True)
        try:
            state = _resumed(ours, reader, subscription_no, body.cmd_id, payload)
        except Rejected as refusal:
            stopped = desk.suspended(chosen)
            if refusal.facts.get("guard") != NONE_SUSPENDED or not stopped:
                raise
            for command in said_late(stopped, body.cmd_id, ours.clock()):
                ours.assets.execute(command)
            state = _resumed(ours, reader, subscription_no, body.cmd_id, payload)
        done = desk.replay(reader, ours.clock(), owner, chosen, f"resume/{body.cmd_id}", lift=True)
        return {"replayed": done.count, "state": state}

    return json_response(msgspec.json.encode(await anyio.to_thread.run_sync(work)))


def _resumed(ours: Services, reader: Principal, key: str, cmd_id: str, payload: dict[str, str]) -> object:
    """The state of the subscription after it says that its targets are tried again."""
    at = ours.clock()
    ours.assets.execute(Command(cmd_id, SUBSCRIPTION, key, "ResumeTarget", payload, principal=reader, at=at))
    return ours.assets.state(SUBSCRIPTION, key, reader=reader)


def _tell_resumed(ours: Services, reader: Principal, key: str, channel: str) -> None:
    """A replay has lifted the suspension: the subscription says so, where it knew of it."""
    with suppress(Rejected, NotFound):
        _resumed(ours, reader, key, str(uuid4()), {"channel": channel})


def deliveries_of(ours: Services) -> Deliveries:
    if ours.deliveries is None:
        raise Unavailable("this server keeps no deliveries")
    return ours.deliveries
