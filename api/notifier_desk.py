"""What people do about deliveries: look, send again, try a subscription out. Who may: its own, or an
administrator's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import uuid4

from aggregates.alert_subscription import ADMINISTRATORS
from aggregates.envelope import EVERY_ENTITY, Principal
from api.auth import permitted
from api.paging import NO_SUCH_PAGE
from engines.primitives.errors import Forbidden, InvalidInput, NotFound, Rejected
from infra import deliveries_reading as reading
from infra.channels.alert_facts import TEST
from infra.channels.webhook import of_subscription
from infra.deliveries import DeliveryStore
from infra.deliveries_ended import Chosen, Key, Replayed, SuspendedTarget, replay, suspended_of
from projections.alert_notification import Channel, Notification, Purpose, notification_id

SUBSCRIPTION, TEAM = "AlertSubscription", "AlertTeam"


class States(Protocol):
    def state(self, aggregate: str, key: str, *, reader: Principal) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Handled:
    """A subscription whose deliveries somebody wants to do something about. `members`: of its team."""

    state: Mapping[str, Any]
    members: frozenset[str] = frozenset()

    def unless_may(self, reader: Principal) -> None:
        """Raises Forbidden: neither the subscriber's, nor a member's of its team, nor an administrator's."""
        if not is_administrator(reader) and reader.actor not in {self.state.get("subscriber"), *self.members}:
            raise Forbidden("this is another's subscription", guard="OWNER")


def handled(assets: States, reader: Principal, key: str) -> Handled:
    """Raises NotFound: there is none that this reader may see."""
    state = assets.state(SUBSCRIPTION, key, reader=reader)
    return Handled(state, members_of(assets, reader, state))


def members_of(assets: States, reader: Principal, state: Mapping[str, Any]) -> frozenset[str]:
    """Persons of the team that a subscription belongs to: none where it belongs to none, or the team is no more."""
    if not state.get("team"):
        return frozenset()
    try:
        team = assets.state(TEAM, state["team"], reader=reader)
    except NotFound:
        return frozenset()
    return frozenset(one["person"] for one in team.get("members", ())) if team["state"] == "FOUNDED" else frozenset()


@dataclass(frozen=True, slots=True)
class Deliveries:
    """All calls block."""

    store: DeliveryStore

    def page(
        self,
        reader: Principal,
        *,
        alert_id: str | None,
        subscription: str | None,
        channel: str | None,
        state: str | None,
        cursor: str | None,
        limit: int,
    ) -> dict[str, Any]:
        rows, following = reading.page(
            self.store,
            alert_id=alert_id,
            subscription=subscription,
            channel=channel,
            state=state,
            entities=permitted(reader, None),
            before=None if cursor is None else _place(cursor),
            limit=limit,
        )
        return {"rows": rows, "cursor": None if following is None else str(following)}

    def one(self, reader: Principal, delivery_id: str) -> dict[str, Any]:
        return reading.one(self.store, delivery_id, permitted(reader, None))

    def status(self, reader: Principal) -> dict[str, Any]:
        """Counts and suspended targets of everybody. Raises Forbidden: for those who look after all of them."""
        _unless_administrator(reader)
        return {"states": reading.counts(self.store), "suspended": reading.suspended(self.store)}

    def suspended(self, chosen: Chosen) -> list[SuspendedTarget]:
        return suspended_of(self.store, chosen)

    def replay(
        self,
        reader: Principal,
        now: datetime,
        subscription: "Handled | None",
        chosen: Chosen,
        cmd_id: str | None = None,
        *,
        lift: bool = False,
    ) -> Replayed:
        """`subscription`: the one that is named, if one is. Raises Forbidden: another's, and no administrator; as
        `deliveries_ended.replay` does."""
        if subscription is not None:
            subscription.unless_may(reader)
        elif not is_administrator(reader):
            raise Forbidden("name your own subscription, or be an administrator of alerts", guard="ROLE")
        chosen = replace(chosen, entities=permitted(reader, None))
        return replay(self.store, now, chosen, None if cmd_id is None else Key(reader.actor, cmd_id), lift=lift)

    def test(
        self,
        reader: Principal,
        now: datetime,
        key: str,
        subscription: "Handled",
        cmd_id: str | None,
        channel: str | None,
    ) -> dict[str, Any]:
        """A marked message by each channel of a subscription. Raises Forbidden, Rejected (it has ended), InvalidInput
        (it has no such channel)."""
        subscription.unless_may(reader)
        state = subscription.state
        if state.get("state") != "ACTIVE":
            raise Rejected("the subscription has ended", guard="STATE")
        chosen = [one for one in state["channels"] if channel in (None, one["channel"])]
        if not chosen:
            raise InvalidInput("the subscription has no such channel", field="channel")
        entity = next((one for one in state["entities"] if one != EVERY_ENTITY), "-")
        alert_id, at = f"test-{cmd_id or uuid4()}", now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        alert = {"alert_id": alert_id, "kind": TEST, "rule": TEST, "entity": entity, "event_time": at}
        found = [
            Notification(
                notification_id=notification_id(
                    Purpose.ALERT, key, Channel(one["channel"]), one["target"], (alert_id,)
                ),
                purpose=Purpose.ALERT,
                subscription=key,
                channel=Channel(one["channel"]),
                target=one["target"],
                alert_ids=(alert_id,),
                alerts=(alert,),
                due_at=at,
                language=state.get("language") or "en",
            )
            for one in chosen
        ]
        sent = [one.notification_id for one in found if self.store.put([one])]
        return {"alert_id": alert_id, "delivery_ids": sent}


def base_subscription(name: str) -> str:
    """The key of the aggregate behind a delivery's subscription."""
    return of_subscription(name)


def _place(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise InvalidInput(NO_SUCH_PAGE, field="cursor")
    return int(cursor)


def is_administrator(reader: Principal) -> bool:
    """Whether somebody looks after the deliveries of all."""
    return not frozenset(ADMINISTRATORS).isdisjoint(reader.roles)


def _unless_administrator(reader: Principal) -> None:
    if not is_administrator(reader):
        raise Forbidden(f"{reader.actor} does not look after all deliveries", guard="ROLE")
