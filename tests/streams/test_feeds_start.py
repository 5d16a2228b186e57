"""The feeds as commands start them: a second run keeps the first one's choices and goes on."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from engines.primitives.errors import Conflict
from streams.feeds.berka_files import Account, BerkaFiles, Loan, Transaction
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.feeds.start import FeedOptions, run_berka, run_simulated
from streams.producer import Headers

TODAY = Simulation(9, date(2026, 3, 16), 5_000, 500)
OPENINGS = SimulatedBank(TODAY).opening_events


class Memory:
    def __init__(self) -> None:
        self.values: list[bytes] = []

    def send(self, topic: str, key: bytes, value: bytes, headers: Headers | None = None) -> None:
        self.values.append(value)

    def poll(self, timeout_s: float = 0.0) -> None:
        pass

    def flush(self, timeout_s: float = 30.0) -> None:
        pass


def times(values: list[bytes]) -> list[datetime]:
    return [datetime.fromisoformat(msgspec.json.decode(value)["event_time"]) for value in values]


def test_a_later_day_does_not_begin_another_bank(tmp_path: Path) -> None:
    one, parts = Memory(), Memory()
    run_simulated(one, TODAY, FeedOptions(tmp_path / "one", "r", count=OPENINGS + 6_000))
    tomorrow = Simulation(9, date(2026, 3, 17), 9_000, 700)
    told: list[int] = []
    for simulation, count in ((TODAY, 100), (tomorrow, OPENINGS), (tomorrow, 5_900)):
        options = FeedOptions(tmp_path / "parts", "r", count=count, on_progress=told.append)
        assert run_simulated(parts, simulation, options).produced == count
    assert parts.values == one.values
    assert told[-1] == OPENINGS + 6_000
    with pytest.raises(Conflict):
        run_simulated(parts, Simulation(8, TODAY.business_date), FeedOptions(tmp_path / "parts", "r"))


def test_live_times_follow_the_clock_of_each_run(tmp_path: Path) -> None:
    noon = datetime(2026, 3, 16, 12, tzinfo=UTC)
    sink = Memory()
    for hour, count in ((0, OPENINGS + 200), (2, 200)):
        now = noon + timedelta(hours=hour)
        options = FeedOptions(tmp_path, "r", rate=2_000.0, count=count)
        run_simulated(sink, TODAY, options, clock=lambda now=now: now)  # type: ignore[misc]
    first, second = times(sink.values[OPENINGS:])[:200], times(sink.values[OPENINGS:])[200:]
    # the last one told may be a repeat, which keeps its time
    assert timedelta(seconds=0.095) < max(first) - noon < timedelta(seconds=0.1)
    assert timedelta(seconds=0.095) < max(second) - noon - timedelta(hours=2) < timedelta(seconds=0.1)
    assert sum(at >= noon + timedelta(hours=2) for at in second) > 180


def test_a_bank_that_was_off_for_weeks_ends_its_day_and_begins_today(tmp_path: Path) -> None:
    sink = Memory()
    march, may = datetime(2026, 3, 16, 12, tzinfo=UTC), datetime(2026, 5, 4, 12, tzinfo=UTC)
    for now, count in ((march, OPENINGS + 1_000), (may, 4_000 + 2_000), (may, 1_000)):
        options = FeedOptions(tmp_path, "r", rate=50_000.0, count=count)
        simulation = Simulation(9, now.date(), 5_000, 500)
        assert run_simulated(sink, simulation, options, clock=lambda now=now: now).produced == count  # type: ignore[misc]
    assert len(sink.values) == OPENINGS + 8_000
    today = [msgspec.json.decode(value) for value in sink.values[OPENINGS + 5_000 :]]
    assert {record.get("business_date") for record in today} == {None, "2026-05-04"}
    entries = [record for record in today if "txn_id" in record]
    assert {record["value_date"] for record in entries} <= {"2026-05-01", "2026-05-04", "2026-05-05"}
    assert "2026-05-01" in {record["value_date"] for record in entries}, "late ones are for the weekday before"
    assert min(times(sink.values[OPENINGS + 5_000 :])) > may - timedelta(hours=3)
    assert max(times(sink.values[: OPENINGS + 5_000])) < march + timedelta(seconds=0.1), "no later than it was"


@pytest.mark.parametrize("rate", [None, 1_000_000.0])
def test_live_days_keep_the_date_of_the_clock_and_never_reach_the_future(tmp_path: Path, rate: float | None) -> None:
    sink = Memory()
    now = datetime(2026, 3, 16, 15, 59, 59, tzinfo=UTC)  # a second before the bank's midnight

    def clock() -> datetime:
        return now + timedelta(seconds=len(sink.values) / 10_000)  # 10,000 events take a second

    run_simulated(sink, TODAY, FeedOptions(tmp_path, "r", rate=rate, count=OPENINGS + 25_000), clock=clock)
    days = [msgspec.json.decode(value) for value in sink.values[OPENINGS:]]
    dates = [record["business_date"] for record in days if "business_date" in record]
    assert set(dates) == {"2026-03-16", "2026-03-17"}
    assert dates == sorted(dates)
    assert len(dates) == 4 * 3, "three entities, from the second simulated day on"
    for number, at in enumerate(times(sink.values[OPENINGS:])):
        assert at <= now + timedelta(seconds=(OPENINGS + number) / 10_000)
    bodies = {(r["txn_id"], r.get("status")): r for r in days if "txn_id" in r}
    assert all(bodies[r["txn_id"], r.get("status")] == r for r in days if "txn_id" in r), "no id is used twice"


def test_berka_goes_on_with_a_later_until(tmp_path: Path) -> None:
    account = Account("1", "18", date(1993, 1, 3), "71")
    files = BerkaFiles(
        {"1": account},
        [Transaction(str(i), "1", date(1993, i, 5), True, "VKLAD", "", 100 * i, "-") for i in range(1, 13)],
        [],
        [Loan("31", "1", date(1993, 7, 5), 120_000, 12, 10_000, "B")],
        "digest",
    )
    one, parts = Memory(), Memory()
    totals: list[int] = []
    run_berka(one, files, FeedOptions(tmp_path / "one", "r"), until=None, token="t")
    for until in (date(1993, 3, 31), date(1993, 12, 31), None):
        options = FeedOptions(tmp_path / "parts", "r")
        run_berka(parts, files, options, until=until, token="t", on_total=totals.append)
        assert len(parts.values) == totals[-1]
    assert parts.values == one.values
    assert len(parts.values) == 12 + 12 + 1 + 3  # dates, entries, the loan, its end (date, contract, command)
    other = BerkaFiles(files.accounts, [], [], [], "another")
    with pytest.raises(Conflict):
        run_berka(parts, other, FeedOptions(tmp_path / "parts", "r"), until=None, token="t")
