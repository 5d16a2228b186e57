"""Large flows of a past under other rules: unchanged ones give it again, changed ones what plain Python does."""

import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from infra.snapshots import LogPartition, StoredSnapshot
from infra.snapshots_local import LocalSnapshotStore
from projections.large_flow_policy import LargeFlowPolicy
from streams import topics
from streams.counterfactual import Question, counterfactual
from streams.counterfactual_past import PastLogs, Place
from streams.feeds.berka import berka_events
from streams.feeds.berka_files import read_berka
from streams.feeds.event import Event
from streams.folders import Absorbed, TransactionFolder, source_of
from streams.schemas import Txn
from tests.live_bank import LOG, live_folders
from tests.projections.entries import Oracle, encoded
from tests.projections.test_transactions import entry_lists
from tests.recorded_bank import RecordedBank, batches_of, policies, simulated_day

pytestmark = pytest.mark.timeout(180)

EXAMPLES = int(os.environ.get("COUNTERFACTUAL_EXAMPLES", "3"))
Raised = tuple[str, str, str, str, str]  # entity, owner, currency, rule, txn_id


def ask(bank: RecordedBank, first: int = 0, last: int = -1, size: int = 700, **given: Any) -> dict[str, Any]:
    start, end = bank.period(first, last % len(bank.vectors))
    question = Question(start=start, end=end, what=("alerts",), **given)
    return counterfactual(bank.logs(size), live_folders, policies(), question)


# -- nothing changed -------------------------------------------------------------------------------------------------


def test_unchanged_rules_give_the_past_again() -> None:
    bank = simulated_day()
    answer = ask(bank)
    part = answer["alerts"]
    published = [msgspec.json.decode(value) for log in alert_logs(bank) for value in log if b"alert_id" in value]
    mine = [one for one in published if one["source"]["topic"] == topics.TXN]
    # Before the first cut of the period there were alerts as well: it starts after the openings.
    assert part["control"] == {
        "reproduces": True, "differing": 0, "first": None,
        "published": len(part["rows"]), "refolded": len(part["rows"]),
    }  # fmt: skip
    assert part["summary"]["both"] == len(part["rows"]) > 3
    assert part["first_difference"] is None
    for row in part["rows"]:
        assert row["real"] == row["branch"]
        assert row["differs"] == []
    assert {row["real"]["alert_id"] for row in part["rows"]} <= {one["alert_id"] for one in mine}


def alert_logs(bank: RecordedBank) -> Iterator[list[bytes]]:
    return (log for (topic, _), log in sorted(bank.bank.logs.items()) if topic == topics.ALERT)


@given(st.integers(1, 900), st.integers(0, 6), st.integers(7, 20))
@settings(max_examples=EXAMPLES)
def test_any_split_into_batches_gives_the_same_answer(size: int, first: int, last: int) -> None:
    change = {"large_flow.*.CNY.rolling": "20000000", "large_flow.*.CNY.single": "15000000"}
    last = min(last, len(simulated_day().vectors) - 1)
    one, other = (ask(simulated_day(), first, last, each, values=change) for each in (700, size))
    assert one == other


def test_a_past_that_was_published_under_other_rules_is_told() -> None:
    bank = simulated_day()
    harsh = policies()
    harsh["large_flow"]["version"][0]["window_minutes"] = 7
    start, end = bank.period(0, len(bank.vectors) - 1)
    part = counterfactual(bank.logs(), live_folders, harsh, Question(start=start, end=end, what=("alerts",)))[
        "alerts"
    ]
    assert not part["control"]["reproduces"]
    assert part["control"]["first"]["alert_id"] in {row["real"]["alert_id"] for row in part["rows"] if row["real"]}


# -- changed thresholds, beside plain Python over the raw entries ---------------------------------------------------


def brute(logs: list[list[bytes]], thresholds: dict[str, tuple[str, str]], minutes: int = 60) -> list[Raised]:
    """Every alert raised, entry by entry, each partition by itself.

    `thresholds`: (single, rolling) by currency. Of the generated days: no lateness beyond the hour, and what is taken
    back is taken out of later sums.
    """
    found: list[Raised] = []
    for log in logs:
        known: dict[str, Any] = {}
        windows: dict[tuple[str, str, str], list[list[Any]]] = defaultdict(list)
        above: set[tuple[str, str, str]] = set()
        for value in log:
            entry = msgspec.json.decode(value)
            first = known.setdefault(entry["txn_id"], entry)
            if (
                entry.get("intragroup")
                or entry["ccy"] not in thresholds
                or entry.get("txn_type") == "OPENING_BALANCE"
            ):
                continue
            owner = entry["account_id"] if entry.get("customer_id", "-") == "-" else entry["customer_id"]
            who = (entry["entity_id"], owner, entry["ccy"])
            gone = entry.get("reversal_of", "-")
            if first is not entry and entry.get("status") == "rejected":
                gone = entry["txn_id"]
            if gone != "-":
                windows[who] = [one for one in windows[who] if one[2] != gone]
                continue
            if first is not entry or entry["direction"] == "in" or entry.get("status") == "rejected":
                continue
            at, amount = datetime.fromisoformat(entry["event_time"]).timestamp(), Decimal(entry["amount"])
            windows[who].append([at, amount, entry["txn_id"]])
            total = sum((much for when, much, _ in windows[who] if at - minutes * 60 < when <= at), Decimal(0))
            single, rolling = (Decimal(one) for one in thresholds[entry["ccy"]])
            if amount >= single:
                found.append((*who, "large-flow-single", entry["txn_id"]))
            if total >= rolling and who not in above:
                found.append((*who, "large-flow-rolling", entry["txn_id"]))
            above = above | {who} if total >= rolling else above - {who}
    return found


def told(part: dict[str, Any], *sides: str) -> list[Raised]:
    return [
        (row["entity"], row["customer"], row["currency"], row["rule"], row["txn_id"])
        for row in part["rows"]
        if row["where"] in sides and row["kind"] == "raised"
    ]


def entries_of(bank: RecordedBank) -> list[list[bytes]]:
    return [log for (topic, _), log in sorted(bank.bank.logs.items()) if topic == topics.TXN]


CNY = {"CNY": ("30000000", "50000000")}


@given(st.integers(1, 60), st.integers(1, 90), st.sampled_from([5, 30, 60]))
@settings(max_examples=2 * EXAMPLES)
def test_the_difference_is_that_of_plain_python(single: int, rolling: int, minutes: int) -> None:
    """Over the whole log, so that the plain computation needs no state from before."""
    bank = simulated_day()
    zero = dict.fromkeys(bank.period(0, 0)[0], 0)
    million = {"CNY": (f"{single}000000", f"{rolling}000000")}
    question = Question(
        start=zero,
        end=bank.period(0, len(bank.vectors) - 1)[1],
        what=("alerts",),
        values={
            "large_flow.*.CNY.single": million["CNY"][0],
            "large_flow.*.CNY.rolling": million["CNY"][1],
            "large_flow.window_minutes": str(minutes),
        },
    )
    part = counterfactual(bank.logs(), live_folders, policies(), question)["alerts"]
    part["rows"] = [row for row in part["rows"] if row["currency"] == "CNY"]
    real, branch = brute(entries_of(bank), CNY), brute(entries_of(bank), million, minutes)
    assert sorted(told(part, "both", "only_real")) == sorted(real)
    assert sorted(told(part, "both", "only_branch")) == sorted(branch)
    assert sorted(told(part, "only_branch")) == sorted(set(branch) - set(real))
    assert sorted(told(part, "only_real")) == sorted(set(real) - set(branch))


def test_of_a_period_the_difference_is_the_whole_ones_share() -> None:
    """A changed rule counts as if it had always been in force: no burst of alerts where the period begins."""
    bank, change = simulated_day(), {"large_flow.*.CNY.rolling": "12000000"}
    last = len(bank.vectors) - 1
    middle = last // 2
    parts = [ask(bank, *of, values=change)["alerts"]["rows"] for of in ((0, middle), (middle, last), (0, last))]
    assert sorted(map(str, parts[0] + parts[1])) == sorted(map(str, parts[2]))
    assert parts[0]
    assert parts[1]


AMOUNTS = st.sampled_from(["0.01", "5.00", "18.00", "20.00", "36.00", "100.00"])


def one_rule(single: str, rolling: str) -> dict[str, Any]:
    version = {
        "name": "test.1", "effective_from": "1970-01-01T00:00:00Z", "window_minutes": 60, "lateness_minutes": 30,
        "rule": [{"currency": "CNY", "single": single, "rolling": rolling}],
    }  # fmt: skip
    return {"version": [version]}


@given(entry_lists(), AMOUNTS, AMOUNTS)
@settings(max_examples=8 * EXAMPLES)
def test_repeats_reversals_and_late_entries_as_the_plain_oracle_says(
    entries: list[Txn], single: str, rolling: str
) -> None:
    values = {"large_flow.*.CNY.rolling": rolling, "large_flow.*.CNY.single": single}
    held = {(topics.TXN, 0): [value or b"" for value in encoded(entries)]}
    rules = policies(large_flow=one_rule("30.00", "50.00"))
    answer = counterfactual(in_memory(held), live_folders, rules, Question(what=("alerts",), values=values))
    oracle = Oracle(LargeFlowPolicy.parse(one_rule(single, rolling)))
    for offset, entry in enumerate(entries):
        oracle.feed(offset, entry)
    rows = answer["alerts"]["rows"]
    assert sorted((row["kind"], row["rule"], row["txn_id"]) for row in rows) == sorted(oracle.alerts)
    assert all(row["where"] == "only_branch" for row in rows)  # nothing was published


def in_memory(held: dict[Place, list[bytes]], horizon_days: int = 5, size: int = 7) -> PastLogs:
    """A log of one partition of entries, and nothing else."""

    def bounds(names: Any) -> dict[Place, tuple[int, int]]:
        return {(name, 0): (0, len(held.get((name, 0), []))) for name in names}

    def offsets_at(places: Any, milliseconds: int) -> dict[Place, int]:
        raise AssertionError("no clock")

    return PastLogs(batches_of(held, size), bounds, offsets_at, lambda _place, _offset: None, horizon_days)


# -- Berka ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def berka(reference: Path) -> dict[Place, list[bytes]]:
    directory = reference / "data" / "berka"
    if not directory.exists():
        pytest.skip(f"no Berka data in {directory}")
    events: Iterator[Event] = berka_events(read_berka(directory), date(1993, 12, 31), "-")
    held: dict[Place, list[bytes]] = {
        (topics.TXN, 0): [msgspec.json.encode(event.record) for event in events if event.topic == topics.TXN]
    }
    folder = TransactionFolder(LargeFlowPolicy.parse(policies()["large_flow"]), 45)
    state: Any = folder.empty()
    alerts: list[Any] = []
    for raw in batches_of(held, 20_000)(topics.TXN, 0, 0, len(held[topics.TXN, 0])):
        alerts += folder.publish_at_once(folder.absorb(state, raw), source_of(folder, state, 0, LOG))
    held[topics.ALERT, 0] = [output.value for output in alerts]
    return held


def test_berka_unchanged(berka: dict[Place, list[bytes]]) -> None:
    part = counterfactual(in_memory(berka, 45, 5_000), live_folders, policies(), Question(what=("alerts",)))["alerts"]
    assert part["control"]["reproduces"]
    assert part["summary"] == {"both": len(berka[topics.ALERT, 0]), "only_real": 0, "only_branch": 0, "changed": 0}
    assert part["summary"]["both"] > 100


def test_berka_with_a_lower_threshold_and_a_single_one_for_its_currency(berka: dict[Place, list[bytes]]) -> None:
    values = {"large_flow.BERKA.CZK.single": "40000", "large_flow.BERKA.CZK.rolling": "60000"}
    question = Question(what=("alerts",), values=values)
    part = counterfactual(in_memory(berka, 45, 5_000), live_folders, policies(), question)["alerts"]
    log = [berka[topics.TXN, 0]]
    real, branch = brute(log, {"CZK": ("50000", "80000")}), brute(log, {"CZK": ("40000", "60000")})
    assert sorted(told(part, "only_branch")) == sorted(set(branch) - set(real))
    assert sorted(told(part, "only_real")) == sorted(set(real) - set(branch))
    assert len(branch) > len(real) > 100


# -- stored states ---------------------------------------------------------------------------------------------------


def test_from_a_stored_state_unchanged_rules_give_the_past_again(tmp_path: Path) -> None:
    bank = simulated_day()
    snapshot = stored(bank, tmp_path, at=8)
    start, end = bank.period(9, len(bank.vectors) - 1)
    for values in ({}, {"large_flow.*.CNY.single": "9000000"}):
        question = Question(start=start, end=end, what=("alerts",), values=values)
        asked = (msgspec.structs.replace(question, from_snapshot=each) for each in (False, True))
        logs = bank.logs(snapshot=snapshot)
        whole, quick = (counterfactual(logs, live_folders, policies(), one)["alerts"] for one in asked)
        assert set(whole["folded_from"].values()) == {0}
        assert min(quick["folded_from"].values()) > 0
        assert quick["control"]["reproduces"]
        assert [row["txn_id"] for row in whole["rows"]] == [row["txn_id"] for row in quick["rows"]]
        assert values or whole["rows"] == quick["rows"]


def test_a_longer_window_than_the_stored_one_is_folded_from_the_logs_start(tmp_path: Path) -> None:
    bank = simulated_day()
    start, end = bank.period(9, len(bank.vectors) - 1)
    question = Question(
        start=start, end=end, what=("alerts",), values={"large_flow.window_minutes": "600"}, from_snapshot=True
    )
    part = counterfactual(bank.logs(snapshot=stored(bank, tmp_path, at=8)), live_folders, policies(), question)[
        "alerts"
    ]
    assert set(part["folded_from"].values()) == {0}


def stored(bank: RecordedBank, directory: Path, at: int) -> Any:
    """Snapshots of the partitions of entries as they stood after a chunk."""
    store = LocalSnapshotStore(directory)
    folder = TransactionFolder(LargeFlowPolicy.parse(policies()["large_flow"]), bank.horizon_days)
    logs = {place: tuple(log) for place, log in bank.bank.logs.items()}
    where = {}
    for place, end in bank.vectors[at].items():
        if place[0] != topics.TXN:
            continue
        state, log = folder.empty(), LogPartition("cluster", place[0], "topic", place[1], 2)
        for raw in batches_of(logs, 500)(*place, 0, end):
            absorbed: Absorbed = folder.absorb(state, raw)
            assert absorbed.refusals == []
        store.save(
            log, "txn", epoch=store.claim(log, "txn"), fold_version=folder.fold_version, next_offset=end,
            payload=state.dump(), base=True,
        )  # fmt: skip
        where[place] = log

    def snapshot(place: Place, offset: int) -> StoredSnapshot | None:
        return store.newest_at_or_below(where[place], "txn", offset) if place in where else None

    return snapshot


# -- the period ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ({f"{topics.TXN}/0": 10}, {f"{topics.TXN}/0": 9}, "to"),
        ({f"{topics.TXN}/0": 10**9}, None, "from"),
        ({f"{topics.TXN}/7": 0}, None, "from"),
        (datetime(2026, 3, 16), None, "from"),  # noqa: DTZ001 - that is what is refused
    ],
)
def test_a_period_outside_the_log_is_refused(start: Any, end: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        counterfactual(simulated_day().logs(), live_folders, policies(), Question(start=start, end=end))
    assert refused.value.facts["field"] == field
