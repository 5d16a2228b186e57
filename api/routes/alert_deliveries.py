"""Deliveries of alerts: what went where, dead letters, sending again, trying a subscription out."""

from functools import partial
from typing import Annotated

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Path, Query, Response

from api import notifier_models as models
from api.auth import Ours, Reader
from api.notifier_desk import SUBSCRIPTION, Deliveries, base_subscription
from api.routes.figures import json_response
from api.services import Services
from engines.primitives.errors import Unavailable

router = APIRouter(tags=["alerts"])

Key = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")]
Name = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")]


@router.get("/alert-deliveries", responses={200: {"model": models.Deliveries}})
async def alert_deliveries(
    *,
    reader: Reader,
    ours: Ours,
    alert_id: Name = None,
    subscription: Name = None,
    channel: Annotated[models.ChannelName | None, Query()] = None,
    state: Annotated[models.State | None, Query(description="failed: the dead letters")] = None,
    before: Annotated[str | None, Query(max_length=20, description="`cursor` of the page before this one")] = None,
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
        before=before,
        limit=limit,
    )
    return json_response(msgspec.json.encode(await anyio.to_thread.run_sync(work)))


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

    By ids whatever became of them, else what failed or was suspended. Your own subscription's, or as OP, SA or RM.
    """
    desk = deliveries_of(ours)

    def work() -> int:
        name = body.subscription
        owner = None if name is None else ours.assets.state(SUBSCRIPTION, base_subscription(name), reader=reader)
        return desk.replay(
            reader, ours.clock(), owner, ids=body.ids, since=body.since, subscription=name, states=body.states
        )

    return json_response(msgspec.json.encode({"replayed": await anyio.to_thread.run_sync(work)}))


@router.post("/alert-subscriptions/{subscription_no}/test", responses={200: {"model": models.Tested}})
async def test_alert_subscription(reader: Reader, ours: Ours, subscription_no: Key, body: models.Test) -> Response:
    """Send a message that is marked as a test by each channel of a subscription; `/alert-deliveries` says how it
    went."""
    desk = deliveries_of(ours)

    def work() -> dict[str, object]:
        state = ours.assets.state(SUBSCRIPTION, subscription_no, reader=reader)
        return desk.test(reader, ours.clock(), subscription_no, state, body.cmd_id, body.channel)

    return json_response(msgspec.json.encode(await anyio.to_thread.run_sync(work)))


def deliveries_of(ours: Services) -> Deliveries:
    if ours.deliveries is None:
        raise Unavailable("this server keeps no deliveries")
    return ours.deliveries
