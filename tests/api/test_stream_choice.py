"""What a reader of the live stream may pick: kinds of events, and the alerts of a subscription."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import httpx
import pytest

from aggregates.envelope import Principal
from api.stream_choice import Predicates, choice_of
from api.stream_events import KINDS, kinds_of
from engines.primitives.errors import InvalidInput, NotFound
from streams.topics import ALERT, POSITION
from tests.api.test_stream import Stream
from tests.api_doubles import PRINCIPALS, AssetsDouble, running, services
from tests.risk_records import alert, cut, position


class Subscriptions(AssetsDouble):
    """`south`: alerts of SOUTH; `ended`: was one."""

    def state(self, aggregate: str, key: str, *, reader: Principal) -> Mapping[str, Any]:
        if aggregate != "AlertSubscription" or key not in ("south", "ended"):
            raise NotFound(f"no {aggregate} {key!r}")
        stage = "ACTIVE" if key == "south" else "ENDED"
        return {"entities": ["*"], "filter": 'entity == "SOUTH"', "stage": stage, "version": 3}

    def history(
        self, aggregate: str, key: str, *, reader: Principal, known_at: datetime | date | None = None
    ) -> list[Any]:
        return []


def test_a_subscription_leaves_its_alerts_and_the_vector_moves_past_the_others() -> None:
    ours = services(assets=Subscriptions(), positions_interval_s=0.01)
    with running(ours) as server:
        address = f"{server.address}/api/v1/stream?subscription=south&events=alert"
        headers = {"Authorization": "Bearer all"}
        with httpx.Client(trust_env=False) as client, client.stream("GET", address, headers=headers) as answer:
            events = Stream(answer, "")
            state = events.next()
            assert state.data.keys() == {"alerts"}
            assert {found["entity"] for found in state.data["alerts"]} == {"SOUTH"}
            ours.live.feed([position(9, 20_000), cut(POSITION, 9), alert(12, 4), cut(ALERT, 12)])
            ours.live.feed([alert(9, 1, partition=1, entity="SOUTH"), cut(ALERT, 9, partition=1)])
            raised = events.next()
            assert (raised.name, raised.data["alert_id"]) == ("alert", "alert-1-1")
            assert raised.id == "0:4,1:1"  # past NORTH's, which nobody here asked for


def test_readers_of_the_same_version_share_one_predicate() -> None:
    kept: Predicates = {}
    ours, reader = services(assets=Subscriptions()), PRINCIPALS["all"]
    assert choice_of(ours, reader, kept, "south", None) == choice_of(ours, reader, kept, "south", None)
    assert len(kept) == 1


@pytest.mark.parametrize("name", ["ended", "nowhere"])
def test_a_subscription_must_be_in_force(name: str) -> None:
    with pytest.raises(NotFound):
        choice_of(services(assets=Subscriptions()), PRINCIPALS["all"], {}, name, None)


def test_kinds_are_checked_by_name() -> None:
    assert kinds_of(None) == KINDS
    assert kinds_of("alert, gap") == {"alert", "gap"}
    with pytest.raises(InvalidInput):
        kinds_of("alert,prices")
