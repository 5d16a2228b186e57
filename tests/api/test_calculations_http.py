"""Calculations over HTTP."""

from collections.abc import Iterator

import pytest
from httpx import Client

from api.routes import calculations as routes
from tests.api.golden_cases import cases
from tests.api_doubles import client_of, services

HERE = "/api/v1/calculations"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with client_of(services()) as found:
        yield found


def test_the_list_and_a_schema(client: Client) -> None:
    names = [found["name"] for found in client.get(HERE).json()["calculations"]]
    assert {"duration", "duration_gap", "interest_trial"} <= set(names)
    assert client.get(f"{HERE}/duration-gap/schema").json()["title"] == "duration_gap"


JSON = {"Content-Type": "application/json"}


def test_the_result_is_that_of_the_command_line(client: Client) -> None:
    case = cases("duration")[0]
    answer = client.post(f"{HERE}/duration", json=case["inputs"])
    assert answer.status_code == 200
    assert answer.json() == case["expected"]


def test_errors_are_problem_documents(client: Client) -> None:
    bad = {"kind": "dated_flows", "as_of": "2021-01-01", "yield": "0.1", "flows": [{"date": "2022", "amount": "1"}]}
    answer = client.post(f"{HERE}/duration", json=bad)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["facts"] == {"field": "flows[0].date", "record": "flows[0]"}
    assert client.post(f"{HERE}/duration", content=b"no", headers=JSON).json()["facts"] == {"field": "input"}
    for missing in (client.post(f"{HERE}/nothing", json={}), client.get(f"{HERE}/nothing/schema")):
        assert (missing.status_code, missing.json()["title"]) == (404, "not-found")


def test_a_body_without_end_is_cut_off(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "BODY_BYTES_MAX", 100)
    assert client.post(f"{HERE}/duration", content=b" " * 101, headers=JSON).status_code == 413
    assert client.post(f"{HERE}/duration", content=b" " * 100, headers=JSON).status_code == 422


def test_who_has_no_role_computes_nothing() -> None:
    with client_of(services(), who="") as client:
        assert client.post(f"{HERE}/duration", json={}).status_code == 401
    with client_of(services(), who="nobody") as client:
        assert client.get(HERE).status_code == 403
