"""A worker that finds a snapshot of version 1 (limits alone) starts by itself, and no client's place moves."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from engines.limits import Limit
from engines.primitives.errors import CorruptRecord
from infra.snapshots import LocalSnapshotStore, LogPartition
from projections.alert_rules import Rule
from projections.limit_policy import WatchPolicy
from projections.limit_watch import LimitWatchState
from projections.limit_watch import fold as fold_limits
from streams import topics
from streams.counterfactual_limits import recorded_cuts
from streams.cut_folder import CutFolder
from streams.partitions import PartitionKeeper
from streams.raw_batch import RawBatch
from tests.recorded_bank import batches_of
from tests.streams.test_alert_rules import LOW, walk
from tests.streams.test_limit_responses import limits_of
from tests.streams.test_partitions import MemorySink

WHERE = LogPartition("cluster", topics.CUT, "topic-id", 0, 1)
AT = (topics.CUT, 0)
CUTS, STORED = 120, 70


def cash_limit(minimum: str) -> WatchPolicy:
    one = Limit("cash", "position", Fraction(minimum), amber_headroom=Fraction("0.05"))
    data = {
        "name": "test",
        "watch": {"margin": "0.01", "clear_readings": 1, "owner": "U-1", "policy_ref": "P-1"},
        "limit": [{"limit_id": "cash"}],
    }
    return WatchPolicy.parse(data, [one], {"cash": {"currency": "CNY"}})


class Archived:
    """Everything below the log's start."""

    def __init__(self, cuts: list[bytes], first: int) -> None:
        self._cuts, self._first = cuts, first

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        return 0, self._first

    def batches(self, topic: str, partition: int, start: int, end: int) -> Any:
        return batches_of({AT: self._cuts}, 9)(topic, partition, start, end)


def raw(cuts: list[bytes], start: int, end: int) -> RawBatch:
    values = cuts[start:end]
    offsets = np.arange(start, end, dtype=np.int64)
    return RawBatch.of_values(start, end, offsets, values, np.full(len(values), 10**15, np.int64))


def keeper(directory: Path, sink: MemorySink, cuts: list[bytes], policy: WatchPolicy, first: int) -> PartitionKeeper:
    def bounds(_: set[str]) -> Mapping[tuple[str, int], tuple[int, int]]:
        return {AT: (first, len(cuts))}

    store = LocalSnapshotStore(directory)
    archive: Any = Archived(cuts, first) if first else None
    folder = CutFolder(policy)
    return PartitionKeeper({topics.CUT: folder}, store, sink, lambda _t, _p: WHERE, bounds, 0.0, archive=archive)


def store_version_1(
    directory: Path, cuts: list[bytes], policy: WatchPolicy, version: int = 1
) -> tuple[list[str], int]:
    """What a worker of version 1 leaves: its snapshot, and the ids that it told."""
    state = LimitWatchState(policy)
    found = fold_limits(state, recorded_cuts(raw(cuts, 0, STORED)), 0, STORED)
    store = LocalSnapshotStore(directory)
    epoch = store.claim(WHERE, "limit-watch")
    store.save(
        WHERE, "limit-watch", epoch=epoch, fold_version=version, next_offset=STORED, payload=state.dump(), base=True
    )
    return [one.alert_id for one in found], state.next_sequence


def go_on(here: PartitionKeeper, cuts: list[bytes], upto: int, size: int = 11) -> Any:
    owned = here.owned[AT]
    while owned.state.next_offset < upto:
        start = owned.state.next_offset
        here.absorb(owned, raw(cuts, start, min(start + size, upto)))
    return owned


def sequences(sink: MemorySink) -> list[tuple[int, str]]:
    return sorted(sink.alerts().items())


@pytest.mark.parametrize("first", [0, 40])
def test_a_worker_goes_on_from_version_1_as_if_it_had_folded_all(tmp_path: Path, first: int) -> None:
    cuts, policy, sink = walk(0, CUTS, {STORED + 10: [LOW]}), cash_limit("450"), MemorySink()
    told, sequence = store_version_1(tmp_path, cuts, policy)
    assert sequence == len(told) > 2
    here = keeper(tmp_path, sink, cuts, policy, first)
    assert here.claim({AT}) == {AT: first}  # the archive has been folded, the log comes next
    owned = go_on(here, cuts, CUTS)
    whole = CutFolder(policy)
    state = whole.empty()
    alerts = whole.absorb(state, raw(cuts, 0, CUTS)).at_once
    assert [one.alert_id for one in alerts[:sequence]] == told
    assert sequences(sink) == [(one.sequence, one.alert_id) for one in alerts[sequence:]]
    assert {one.rule if isinstance(one.rule, str) else "rule" for one in alerts[sequence:]} == {"limit", "rule"}
    assert owned.state.canonical_bytes() == state.canonical_bytes()
    here.store(here.dump(owned))
    assert keeper(tmp_path, MemorySink(), cuts, policy, first).claim({AT}) == {AT: CUTS}


def test_a_crash_while_looking_back_changes_nothing(tmp_path: Path) -> None:
    cuts, policy = walk(0, CUTS, {STORED + 10: [LOW]}), cash_limit("450")
    store_version_1(tmp_path / "a", cuts, policy)
    store_version_1(tmp_path / "b", cuts, policy)
    plain, sink = MemorySink(), MemorySink()
    here = keeper(tmp_path / "a", plain, cuts, policy, 0)
    here.claim({AT})
    undisturbed = go_on(here, cuts, CUTS)
    for upto in (30, 55, STORED, 100):
        here = keeper(tmp_path / "b", sink, cuts, policy, 0)
        here.claim({AT})
        owned = go_on(here, cuts, upto, 5)
        assert owned.state.is_settled == (upto > STORED)
        here.store(here.dump(owned))
    here = keeper(tmp_path / "b", sink, cuts, policy, 0)
    assert here.claim({AT}) == {AT: 100}
    assert go_on(here, cuts, CUTS).state.canonical_bytes() == undisturbed.state.canonical_bytes()
    assert sequences(sink) == sequences(plain)


def test_another_policy_and_rules_told_meanwhile_move_no_place(tmp_path: Path) -> None:
    """A plain refold would number the alerts anew: of other limits, and of rules that version 1 passed over."""
    cuts = walk(0, CUTS, {20: [msgspec.structs.replace(LOW, clear_readings=1)]})
    told, sequence = store_version_1(tmp_path, cuts, cash_limit("450"))
    sink = MemorySink()
    here = keeper(tmp_path, sink, cuts, cash_limit("300"), 0)
    here.claim({AT})
    owned = go_on(here, cuts, CUTS)
    found = sequences(sink)
    assert [number for number, _ in found] == list(range(sequence, sequence + len(found)))
    assert not {alert_id for _, alert_id in found} & set(told)
    rules: list[Rule] = list(owned.state.rules.rules.rules)
    assert [one.rule_id for one in rules] == ["low"]
    raised = [msgspec.json.decode(value) for topic, key, value in sink.records if key != b"cut"]
    of_rules = [one["rule_facts"] for one in raised if one["rule"] == "rule"]
    assert of_rules
    assert all(one["cut"] >= STORED for one in of_rules)  # and nothing is cleared that nobody was told of
    opened = {one["incident"] for one in of_rules if not one.get("ended_by")}
    assert {one["incident"] for one in of_rules} == opened


def test_a_snapshot_of_a_later_version_still_stops_the_worker(tmp_path: Path) -> None:
    cuts, policy = walk(0, CUTS), limits_of("0.01")
    store_version_1(tmp_path, cuts, policy, version=99)
    with pytest.raises(CorruptRecord, match="fold version 99"):
        keeper(tmp_path, MemorySink(), cuts, policy, 0).claim({AT})
