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
    "maker": Principal("U-118", ("AM",), "HO", (ENTITY,)),
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


@pytest.mark.parametrize(
    "wrong", [{"widget": "", "size": "small"}, {"widget": "gap", "size": "huge"}, {"size": "full"}]
)
def test_a_layout_that_makes_no_sense_is_refused(http: httpx.Client, wrong: Any) -> None:
    assert ask(http, "treasurer", {"widgets": [wrong]}).status_code == 422
