"""The simulated bank's people decide on its loans at risk, through Kafka, with core banking's answer in between."""

from collections import Counter
from collections.abc import Callable
from datetime import date

import pytest

from streams.feeds.simulated import SimulatedBank, Simulation
from tests.kafka.test_up import Running, port, start, until
from tests.kafka.test_write_off import People

__all__ = ["port", "start"]  # fixtures

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]
SIMULATION = Simulation(10, date(2026, 3, 16), 20_000, 2_000, commands=True)


def test_what_a_simulated_bank_decides_is_accepted_and_can_be_read(start: Callable[..., Running]) -> None:
    running = start("--feed", "none")
    running.wait_up()
    people = People(running)

    def fed(count: int) -> None:
        arguments = ["--seed", "10", "--from", "2026-03-16", "--events-per-day", "20000", "--customers", "2000"]
        told = running.json("feed", "simulated", *arguments, "--count", str(count))
        assert told["produced"] == count

    def states() -> Counter[str]:
        return Counter(row["lifecycle"] for row in people.get("/risk-assets")["rows"])

    opening = SimulatedBank(SIMULATION).opening_events
    # Unpaced, the next day must not overtake core banking's answers to this one.
    fed(opening + SIMULATION.events_per_day)
    until(lambda: states()["WRITTEN_OFF"] == 1, "the first write-off")
    for _ in range(2):
        fed(SIMULATION.events_per_day)

    def recovered() -> list[str]:
        rows = people.get("/risk-assets")["rows"]
        return [row["loan_no"] for row in rows if row["lifecycle"] == "WRITTEN_OFF" and float(row["rec_cash"]) > 0]

    loan_no = until(recovered, "a recovery after a write-off")[0]
    history = running.json("audit", "history", "RiskAsset", loan_no)["events"]
    assert [event["type"] for event in history] == [
        "AssetAdmitted",
        "AssetReclassified",
        "DisposalHoldPlaced",
        "AssetWrittenOff",
        "DisposalHoldReleased",
        "WriteOffRecoveryApplied",
    ]
    until(lambda: states()["CLOSED"] == 1, "the loan that was paid back")
    assert running.json("deadletter", "list")["letters"] == []
    assert running.json("audit", "verify")["ok"] is True
    assert running.stop() == 0
