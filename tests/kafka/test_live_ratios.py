"""Live ratios end to end: a feed into Kafka, a worker, the API; what the terminal shows is what the records give."""

import json
import socket
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from streams.feeds.simulated import SimulatedBank, Simulation
from streams.producer import encode
from tests.kafka.test_up import Running, until
from tests.ratio_log_oracle import ratios

pytestmark = pytest.mark.kafka

DAY = date(2026, 3, 16)
SEED, PER_DAY, CUSTOMERS = 3, 5_000, 500


@pytest.fixture
def up(jars: Path, tmp_path: Path) -> Iterator[Running]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found = Running(tmp_path / "data", port, "--feed", "none")
    try:
        found.wait_up()
        yield found
    finally:
        found.stop()


def feed(up: Running, count: int) -> None:
    up.json(
        "feed", "simulated", "--seed", str(SEED), "--from", DAY.isoformat(), "--count", str(count),
        "--events-per-day", str(PER_DAY), "--customers", str(CUSTOMERS), "--no-commands",
    )  # fmt: skip


def ratios_at(up: Running, logs: dict[str, list[list[bytes]]]) -> dict[str, Any]:
    """The ratios once all records are in them."""

    def reached() -> dict[str, Any] | None:
        body = up.json("ratios")
        by_topic: dict[str, int] = {}
        for place, offset in body["offsets"].items():
            topic = place.rpartition("/")[0]
            by_topic[topic] = by_topic.get(topic, 0) + offset
        wanted = {topic: len(log) for topic, (log,) in logs.items() if topic in by_topic}
        return body if by_topic == wanted else None

    found: dict[str, Any] = until(reached, "the ratios at the end of the log")
    return found


def test_the_terminal_shows_what_the_records_give_and_why_it_moved(up: Running) -> None:
    source = SimulatedBank(Simulation(SEED, DAY, PER_DAY, CUSTOMERS, treasury=True))
    events = list(islice(source.events(), source.opening_events + 3_000))
    logs: dict[str, list[list[bytes]]] = {}
    for event in events[: source.opening_events + 1_000]:
        logs.setdefault(event.topic, [[]])[0].append(encode(event.record))
    feed(up, source.opening_events + 1_000)
    morning = ratios_at(up, logs)
    for event in events[source.opening_events + 1_000 :]:
        logs.setdefault(event.topic, [[]])[0].append(encode(event.record))
    feed(up, 2_000)
    body = ratios_at(up, logs)

    batch = ratios(logs, DAY)
    shown = {
        (row["figure"], row["entity"], row["currency"]): row["ratio_exact"]
        for row in body["rows"]
        if row["scope"] == "currency"
    }
    for key, ratio in batch.items():
        value = ratio.value
        assert shown[key] == (None if value is None else f"{value.numerator}/{value.denominator}"), key
    assert all(Fraction(row["unmapped"]) == 0 for row in body["rows"])

    past = up.json("ratios", "--at-offsets", json.dumps(morning["offsets"]))
    assert past["rows"] == morning["rows"]
    moved = up.json("ratios", "lcr", "--explain", json.dumps(morning["offsets"]))
    (row,) = moved["rows"]
    assert (row["residual"], row["scope"]) == ("0.00", "group")
    of_group = {"before_pct": morning, "after_pct": body}
    for side, answer in of_group.items():
        assert row[side] == next(
            one["ratio_pct"] for one in answer["rows"] if (one["figure"], one["scope"]) == ("lcr", "group")
        )
    assert sum(Fraction(part["ratio_share_pct"]) for part in row["parts"]) == Fraction(row["change_pct"])
    found = up.json("positions", "--explain", json.dumps(morning["offsets"]))
    for one in found["rows"]:
        assert sum(Fraction(part["amount"]) for part in one["parts"]) == Fraction(one["change"])
    assert any(part["entry"] for one in found["rows"] for part in one["parts"])
    # From an instant before the first record on, all is told.
    whole = up.json("gap", "--explain", "1990-01-01T00:00Z/2200-01-01T00:00Z", "--entity", "BANK")
    assert {one["before"] for one in whole["rows"] if one["currency"] == "CNY"} == {"0.00"}
    answer = up.json("reverse-stress", "--limit", "1")
    assert answer["offsets"] == body["offsets"]
    assert "breakable" in {one["status"] for one in answer["rows"]}
