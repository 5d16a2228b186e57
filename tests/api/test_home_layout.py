"""Everyone's own arrangement of the home view: saved as an event, read back, nobody else's."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aggregates.envelope import Principal
from infra.security import Unauthenticated
from tests.aggregates.world import ENTITY, open_world
from tests.api_doubles import client_of, services

PEOPLE = {
    "treasurer": Principal("U-700", ("TR",), "HO", (ENTITY,)),
    "other": Principal("U-701", ("TR",), "HO", (ENTITY,)),
    "maker": Principal("U-118", ("AM",), "HO", (ENTITY,)),
    "head": Principal("U-702", ("TR",), "HO", ("*",)),
    "several": Principal("U-703", ("TR",), "HO", ("NORTH", "SOUTH")),
}
LAYOUT = [
    {"widget": "limits", "size": "wide", "hidden": False},
    {"widget": "alerts", "size": "small", "hidden": True},
]


def verify_token(token: str, _now: object) -> Principal:
    if token not in PEOPLE:
        raise Unauthenticated("this token is not valid")
    return PEOPLE[token]


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    world = open_world(tmp_path_factory.mktemp("layout"))
    ours = services(assets=world.app, verify_token=verify_token, clock=world.clock)
    with client_of(ours) as client:
        yield client
    world.store.close()


def ask(http: httpx.Client, who: str, body: Any = None, path: str = "/api/v1/me/layout") -> httpx.Response:
    headers = {"Authorization": f"Bearer {who}"}
    return http.get(path, headers=headers) if body is None else http.put(path, json=body, headers=headers)


def test_a_layout_is_saved_once_per_command_and_is_its_owners_alone(http: httpx.Client) -> None:
    assert ask(http, "treasurer").json() == {"widgets": None}
    for _ in range(2):
        saved = ask(http, "treasurer", {"widgets": LAYOUT, "cmd_id": "layout-1"})
        assert (saved.status_code, saved.json()) == (200, {"widgets": LAYOUT})
    assert ask(http, "treasurer").json() == {"widgets": LAYOUT}
    assert ask(http, "maker").json() == {"widgets": None}
    history = ask(http, "treasurer", path="/api/v1/aggregates/UserPreference/U-700/history").json()["events"]
    assert [event["type"] for event in history] == ["HomeLayoutSaved"]


def test_nobody_saves_the_layout_of_another_by_any_door(http: httpx.Client) -> None:
    before = ask(http, "other", {"widgets": LAYOUT}).json()
    body = {
        "cmd_id": "of-another",
        "aggregate": "UserPreference",
        "key": "U-701",
        "command": "SaveLayout",
        "payload": {"widgets": ["alerts:full:shown"]},
    }
    answer = http.post("/api/v1/commands", json=body, headers={"Authorization": "Bearer maker"})
    assert answer.status_code == 409, answer.text
    assert answer.json()["facts"]["guard"] == "UserPreference.SaveLayout.1"
    assert ask(http, "other").json() == before
    own = http.post("/api/v1/commands", json=body, headers={"Authorization": "Bearer other"})
    assert own.status_code == 200, own.text
    assert ask(http, "other").json()["widgets"][0] == {"widget": "alerts", "size": "full", "hidden": False}


@pytest.mark.parametrize("who", ["head", "several"])
def test_who_sees_several_entities_arranges_the_home_view_again_and_again(http: httpx.Client, who: str) -> None:
    for widgets in (LAYOUT, LAYOUT, LAYOUT[::-1]):  # the first one is sent twice
        saved = ask(http, who, {"widgets": widgets, "cmd_id": f"{who}-{widgets[0]['widget']}"})
        assert (saved.status_code, saved.json()) == (200, {"widgets": widgets})


@pytest.mark.parametrize(
    "wrong", [{"widget": "", "size": "small"}, {"widget": "gap", "size": "huge"}, {"size": "full"}]
)
def test_a_layout_that_makes_no_sense_is_refused(http: httpx.Client, wrong: Any) -> None:
    assert ask(http, "treasurer", {"widgets": [wrong]}).status_code == 422
