"""The timeline of a case over HTTP: real events, what each changed, as of a day or instant, as known then."""

from collections.abc import Iterator

import httpx
import pytest

from tests.aggregates.world import World, open_world
from tests.api_doubles import client_of, services

PATH = "/api/v1/histories/RiskAsset/LN-1"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    opened = open_world(tmp_path_factory.mktemp("events"))
    opened.admit("LN-1", principal="100.00", interest_on="0", penalty="0", compound="0")
    for number, day in enumerate(("2022-03-12", "2022-03-20"), 1):
        recovered = {"flow_id": f"F-{number}", "mode": "CASH_VOLUNTARY", "amount": "7.50"}
        opened.do("SY", "ApplyRecovery", key="LN-1", day=day, **recovered)
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[httpx.Client]:
    with client_of(services(assets=world.app)) as found:
        yield found


def test_each_event_with_what_it_changed_and_the_state_at_the_end(client: httpx.Client, world: World) -> None:
    body = client.get(PATH).json()
    assert [event["type"] for event in body["events"]][1:] == ["RecoveryApplied"] * 2
    changes = {one["field"]: (one["before"], one["after"]) for one in body["events"][2]["changes"]}
    assert changes == {"principal": ("92.50", "85.00"), "rec_cash": ("7.50", "15.00")}
    assert body["state"] == client.get("/api/v1/risk-assets/LN-1").json()
    assert (body["position"], body["events_that_count_later"]) == (world.log_length, 0)
    assert client.get(PATH).content == client.get(PATH).content


@pytest.mark.parametrize(
    ("asked", "events", "later"),
    [
        ({"as_of": "2022-03-12"}, 2, 1),
        ({"as_of": "2022-03-19T16:00:00Z"}, 3, 0),  # the twentieth in bank time
        ({"as_of": "2022-03-19T15:59:59Z"}, 2, 1),
        ({"known_at": "2022-03-12"}, 2, 0),
        ({"known_at": "2022-03-12T03:59:59Z"}, 1, 0),
        ({"known_at": "2022-03-20", "as_of": "2022-03-11"}, 1, 2),
    ],
)
def test_as_of_and_as_known(client: httpx.Client, asked: dict[str, str], events: int, later: int) -> None:
    body = client.get(PATH, params=asked).json()
    assert (len(body["events"]), body["events_that_count_later"]) == (events, later)
    assert body["state"]["rec_cash"] == ("0.00", "7.50", "15.00")[events - 1]
    assert body["state"]["version"] == body["events"][-1]["version"]


def test_what_is_not_there_or_not_yours(client: httpx.Client, world: World) -> None:
    assert client.get(PATH, params={"known_at": "2022-03-10"}).status_code == 404
    assert client.get(PATH.replace("LN-1", "LN-2")).status_code == 404
    assert client.get(PATH, params={"as_of": "2022-03-12T03:59:59"}).status_code == 422
    with client_of(services(assets=world.app), "north") as north:
        assert north.get(PATH).status_code == 404
