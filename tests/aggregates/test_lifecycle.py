"""What was known when, and to whom: histories as they stood, and entities that see their own records only."""

from datetime import date

import pytest

from aggregates.envelope import Principal
from engines.primitives.errors import NotFound
from tests.aggregates.world import AUDITOR, LOAN, World

ZERO = "0.00"


def sync(world: World, as_of: str, day: str, off: str, penalty: str, compound: str, on: str = ZERO) -> None:
    balances = {"interest_on": on, "interest_off": off, "penalty": penalty, "compound": compound}
    world.do("CB", "SyncAccrual", day=day, as_of=as_of, **balances)


def test_history_as_it_was_known(world: World) -> None:
    world.admit(day="2022-03-11")
    sync(world, "2022-03-15", "2022-03-16", ZERO, "8500.00", "1392.86", on="195386.67")
    history = world.app.history("RiskAsset", LOAN, reader=AUDITOR)
    assert [event.type for event in history] == ["AssetAdmitted", "AccrualSynced"]
    assert history[1].envelope.valid_on.isoformat() == "2022-03-15"  # before it was known
    for known_at, events in (("2022-03-10", 0), ("2022-03-11", 1), ("2022-03-15", 1), ("2022-03-16", 2)):
        day = date.fromisoformat(known_at)
        assert len(world.app.history("RiskAsset", LOAN, reader=AUDITOR, known_at=day)) == events
    instant = history[1].recorded_at
    assert len(world.app.history("RiskAsset", LOAN, reader=AUDITOR, known_at=instant)) == 2


@pytest.mark.parametrize("outside", ["LN-none", "LN-7001"])
def test_nobody_learns_of_another_entitys_asset(world: World, outside: str) -> None:
    world.admit()
    stranger = Principal("U-9", ("IA",), "-", ("BANK-B",))
    with pytest.raises(NotFound, match="no RiskAsset"):
        world.app.state("RiskAsset", outside, reader=stranger)
    with pytest.raises(NotFound, match="no RiskAsset"):
        world.app.history("RiskAsset", outside, reader=stranger)
    with pytest.raises(NotFound, match="no RiskAsset"):
        world.do("SY", "AdvanceCost", key=outside, kind="FEE", amount="1", entities=("BANK-B",))
    assert world.app.list_risk_assets(reader=stranger) == []
