"""The schedule of retries: a day of rising steps, the same for the same id; and what a lane allows."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from infra.deliveries_backoff import Backoff, jitter, retry_after
from infra.deliveries_breaker import FAILURES_TO_OPEN, FIRST_PAUSE, LONGEST_PAUSE, Lanes
from infra.deliveries_policy import notification_policy, policy_of
from infra.policies import load_policy
from tests.infra.delivery_world import START


def schedule(name: str) -> list[float]:
    """Seconds from the first attempt to each further one."""
    backoff, now, found, attempt = Backoff(), START, list[float](), 1
    while (at := backoff.next_try(name, attempt, START, now)) is not None:
        found.append((at - START).total_seconds())
        now, attempt = at, attempt + 1
    return found


@given(st.uuids())
def test_steps_rise_within_their_jitter_until_the_day_is_over(name: object) -> None:
    found = schedule(str(name))
    assert found == schedule(str(name))
    steps = [later - earlier for earlier, later in zip([0.0, *found], found, strict=False)]
    for number, step in enumerate(steps):
        plain = min(5.0 * 3**number, 4 * 3_600)
        assert 0.79 * plain <= step <= 1.21 * plain
    assert 24 * 3_600 - 1.2 * 4 * 3_600 <= found[-1] <= 24 * 3_600


def test_ids_are_spread() -> None:
    assert len({round(jitter(str(number), 1), 2) for number in range(200)}) > 30


def test_what_the_receiver_asks_for_is_kept_within_the_day() -> None:
    backoff = Backoff()
    assert backoff.next_try("x", 1, START, START, START + timedelta(hours=3)) == START + timedelta(hours=3)
    assert backoff.next_try("x", 1, START, START, START + timedelta(hours=25)) is None
    assert backoff.next_try("x", 10**6, START, START) is not None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30),
        ("later", None),
        ("-5", None),
        ("", None),
        (None, None),
        ("٣", None),
    ],
)
def test_retry_after(value: str | None, seconds: int | None) -> None:
    expected = None if seconds is None else START + timedelta(seconds=seconds)
    assert retry_after(value, START) == expected


def test_pauses_double_up_to_the_longest_and_end_with_a_success() -> None:
    lanes, now = Lanes(), START
    for _ in range(FAILURES_TO_OPEN):
        lanes.take("x")
        lanes.give("x", now, failed=True)
    pause = FIRST_PAUSE
    while pause < LONGEST_PAUSE:
        assert (lanes.room("x", now), lanes.next_probe(now)) == (0, now + pause)
        now += pause
        assert lanes.room("x", now) == 1
        lanes.take("x")
        assert lanes.room("x", now) == 0  # one message asks
        lanes.give("x", now, failed=True)
        pause = min(2 * pause, LONGEST_PAUSE)
    now += pause
    lanes.take("x")
    lanes.give("x", now, failed=False)
    assert (lanes.room("x", now), lanes.opened(now)) == (lanes.each, 0)


def test_a_message_that_says_nothing_of_the_lane_pauses_nothing() -> None:
    lanes = Lanes()
    for _ in range(50):
        lanes.take("x")
        lanes.give("x", START, failed=None)
    assert lanes.room("x", START) == lanes.each


def test_the_shipped_policy_and_what_is_refused() -> None:
    policy = notification_policy()
    assert (policy.sending.backoff(), policy.email.host, policy.kafka.topics) == (Backoff(), "", ())
    read = load_policy("notifications")
    for part, name, value in (
        ("kafka", "topics", ["tm.in.core.txn.v1"]),
        ("webhook", "timeout_s", 0),
        ("webhook", "alow_http", True),
        ("email", "tls", "sometimes"),
        ("sms", "method", "TRACE"),
        ("message", "accounts", "blurred"),
    ):
        with pytest.raises(InvalidInput):
            policy_of(read | {part: read[part] | {name: value}})
