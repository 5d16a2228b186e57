"""Rate limits: what a reader may, what is told, what is forgotten."""

from collections.abc import Iterator

import pytest
from httpx import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from api.rate_limits import Buckets, Quotas, class_of, quotas_of
from infra.settings import Settings
from tests.api_doubles import client_of, services

V1 = "/api/v1"


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_at_once_and_then_as_much_as_flows_in() -> None:
    time = Time()
    buckets = Buckets(clock=time)
    spent = [buckets.spend("read", "k", 60) for _ in range(61)]
    assert [one.is_allowed for one in spent] == [True] * 60 + [False]
    assert [spent[0].remaining, spent[59].remaining] == [59, 0]
    assert spent[60].wait_s == pytest.approx(1.0)
    time.now += 0.9
    assert not buckets.spend("read", "k", 60).is_allowed
    time.now += 0.1
    assert buckets.spend("read", "k", 60).is_allowed
    assert buckets.spend("read", "other", 60).remaining == 59
    assert buckets.spend("command", "k", 60).remaining == 59
    time.now += 3_600
    assert buckets.spend("read", "k", 60).remaining == 59


@given(st.lists(st.floats(0, 5), max_size=200), st.integers(1, 50))
@settings(max_examples=50)
def test_in_no_window_passes_more_than_twice_the_quota(steps: list[float], quota: int) -> None:
    time = Time()
    buckets, passed = Buckets(clock=time), list[float]()
    for step in steps:
        time.now += step
        if buckets.spend("read", "k", quota).is_allowed:
            passed.append(time.now)
    for start in passed:  # what was saved up, and what flowed in meanwhile
        assert sum(start <= at < start + 60 for at in passed) <= 2 * quota + 1


def test_memory_is_bounded_and_the_newest_are_kept() -> None:
    buckets = Buckets(keys_max=100, clock=Time())
    for number in range(1_000):
        buckets.spend("read", str(number), 1)
    assert len(buckets) == 100
    assert not buckets.spend("read", "999", 1).is_allowed
    assert buckets.spend("read", "0", 1).is_allowed  # forgotten: begins with a full bucket


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/positions", "read"),
        ("POST", "/commands", "command"),
        ("POST", "/plans/preview", "read"),
        ("GET", "/stream", "stream"),
        ("GET", "/ws", "stream"),
        ("GET", "/archive/records", "heavy"),
        ("GET", "/ledgers/asset/export", "heavy"),
        ("POST", "/calculations/lcr", "heavy"),
    ],
)
def test_classes(method: str, path: str, name: str) -> None:
    assert class_of(method, V1 + path) == name


@pytest.fixture
def client() -> Iterator[Client]:
    with client_of(services(quotas=Quotas(read=3, command=0, anonymous=4))) as found:
        yield found


def test_what_is_left_is_told_and_then_it_is_429_with_the_wait(client: Client) -> None:
    first = client.get(V1 + "/me")
    assert first.headers["ratelimit-policy"] == '"anonymous";q=4;w=60'  # nobody knew the token yet
    for left in (2, 1, 0):
        answer = client.get(V1 + "/me")
        assert answer.status_code == 200
        assert answer.headers["ratelimit-policy"] == '"read";q=3;w=60'
        assert answer.headers["ratelimit"].startswith(f'"read";r={left};t=')
    refused = client.get(V1 + "/me")
    assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
    assert refused.json()["title"] == "too-many-requests"
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert client.get(V1 + "/me", headers={"Authorization": "Bearer north"}).status_code == 200
    assert client.get("/healthz").headers.get("ratelimit") is None
    body = {"cmd_id": "c", "aggregate": "A", "key": "K", "command": "C"}
    assert "ratelimit" not in client.post(V1 + "/commands", json=body).headers  # 0: without a limit


def test_made_up_tokens_count_for_the_address(client: Client) -> None:
    seen = [client.get(V1 + "/me", headers={"Authorization": f"Bearer made-up-{n}"}).status_code for n in range(6)]
    assert seen == [401] * 4 + [429] * 2


def test_the_settings_give_the_documented_quotas() -> None:
    assert quotas_of(Settings()) == Quotas()
    assert quotas_of(Settings(rate_limit_heavy=0)).heavy == 0
