"""`scenario run --auto`: process managers, deadlines and timers run after each line, at the line's own time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aggregates.assets import Assets
from aggregates.commands import SCENARIO_POLICY
from aggregates.scenario import Player, SetClock
from infra.deadline_policies import deadline_book, reminder_ladder
from infra.event_store import open_event_store

ADMIT = {
    "at": "2022-03-11T04:00:00Z",
    "actor": "postloan",
    "role": "EX",
    "org": "3301",
    "aggregate": "RiskAsset",
    "key": "LN-1",
    "command": "Admit",
    "payload": {
        "customer_no": "C-9",
        "principal": "1000.00",
        "classification": "SUBSTANDARD",
        "maturity": "2022-03-10",
    },
}


@pytest.fixture
def play(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    clock = SetClock()
    with open_event_store("sqlite", tmp_path, clock=clock) as store:
        app = Assets(store.factory, policy=SCENARIO_POLICY)
        player = Player(app, clock, auto=request.param, book=deadline_book(), ladder=reminder_ladder())
        yield lambda line: [event["type"] for event in player.play(line, 1, f"line {line['at']}")["events"]]


def later(at: str, tag: str) -> dict[str, Any]:
    return ADMIT | {"at": at, "actor": "U-1", "role": "AM", "command": "Tag", "payload": {"tag": tag}}


@pytest.mark.parametrize("play", [True], indirect=True)
def test_deadlines_open_remind_and_are_missed(play: Any) -> None:
    assert play(ADMIT) == ["AssetAdmitted", "DeadlineOpened"]
    reminded = play(later("2024-12-15T04:00:00Z", "ONE"))
    assert set(reminded) == {"AssetTagged", "ReminderSent", "MessageQueued"}
    assert reminded.count("ReminderSent") == reminded.count("MessageQueued") > 0
    assert "DeadlineMissed" in play(later("2025-04-01T04:00:00Z", "TWO"))


@pytest.mark.parametrize("play", [False], indirect=True)
def test_without_auto_nothing_runs_by_itself(play: Any) -> None:
    assert play(ADMIT) == ["AssetAdmitted"]
    assert play(later("2025-04-01T04:00:00Z", "TWO")) == ["AssetTagged"]
