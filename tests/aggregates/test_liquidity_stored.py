"""Plans and breaches in the one log beside the other aggregates: replayed, published, verified, never posted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregates import registry
from aggregates.assets import Assets
from infra.event_store import EventStore
from streams.audit_publisher import outbound
from streams.topics import AUDIT
from tests.aggregates.liquidity_world import (
    AUDITOR,
    BREACH,
    PLAN,
    LiquidityWorld,
    history,
    open_liquidity_world,
)


@pytest.fixture
def store_and_world(tmp_path: Path) -> Iterator[tuple[EventStore, LiquidityWorld]]:
    world, store = open_liquidity_world(tmp_path)
    yield store, world
    store.close()


def test_every_event_type_is_stored_and_published(store_and_world: tuple[EventStore, LiquidityWorld]) -> None:
    store, world = store_and_world
    history(world)
    published = Assets(store.factory).published_after(0, 1_000)
    assert {view.topic for view in published} == {
        topic for topic in registry.TYPE_BY_TOPIC if topic.startswith(("contingency-plan.", "limit-breach."))
    }
    assert {view.key for view in published} == {PLAN, "CFP-2", "CFP-3", BREACH}
    assert all("_minor" not in str(view.to_json()) for view in published)
    assert {record.topic for view in published for record in outbound(view)} == {AUDIT}
    assert store.verify_chain().ok


def test_the_live_cases_are_those_of_the_store(store_and_world: tuple[EventStore, LiquidityWorld]) -> None:
    _, world = store_and_world
    history(world)
    plans = {row["plan_no"]: row for row in world.app.list_cases("ContingencyPlan", reader=AUDITOR)}
    assert plans == {key: world.state(key=key) for key in (PLAN, "CFP-2", "CFP-3")}
    assert world.app.list_cases("LimitBreach", reader=AUDITOR) == [world.state("LimitBreach")]
    views = world.app.history("ContingencyPlan", PLAN, reader=AUDITOR)
    assert [view.version for view in views] == list(range(1, plans[PLAN]["version"] + 1))
