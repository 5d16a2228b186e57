"""A bank in memory with everything a replay meets: logs with times, a worker's partitions with stored snapshots, the
alerts and the recorded cuts it published, and a live view. It can be restarted, and its logs can be changed."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from api import figures, past, withdrawal_decisions
from api.services import Services
from infra.policies import load_policy
from infra.snapshots import LocalSnapshotStore, LogPartition
from projections.deposit_insurance import DepositInsurance
from projections.large_flow_policy import LargeFlowPolicy
from projections.limit_policy import WatchPolicy
from streams import topics
from streams.cut_folder import CutFolder
from streams.cut_picture import LeastGaps, take_picture
from streams.cut_reader import PlacedCut
from streams.cut_records import RiskCut, decode
from streams.cut_sequencer import CutMaker
from streams.feeds.event import Event
from streams.folders import Folder, TransactionFolder
from streams.partitions import PartitionKeeper
from streams.past_views import PastReader
from streams.producer import encode
from streams.ratio_limits import parse_limits
from streams.raw_batch import RawBatch
from streams.views import RATIO_TOPICS, VIEW_TOPICS, RiskView
from streams.views_live import LiveView
from streams.views_wire import Record
from tests.api_doubles import services
from tests.live_bank import LiveBank, live_folders, live_policy

Place = tuple[str, int]
START = datetime(2026, 3, 16, 1, tzinfo=UTC)
APART = (*withdrawal_decisions.TOPICS, *RATIO_TOPICS)
CLUSTER, TOPIC_ID, PARTITIONS = "cluster", "topic", 2


def watch_policy() -> WatchPolicy:
    """The shipped limits, with a minimum that the bank's LCR crosses now and then."""
    data = load_policy("limits")
    for one in data["limit"]:
        one["minimum"] = "1.40" if one["metric"] == "lcr" else one["minimum"]
    data["watch"] |= {"arming_s": 0, "clear_interval_s": 1, "clear_readings": 1}
    return WatchPolicy.parse(data, *parse_limits(data))


def flow_policy() -> LargeFlowPolicy:
    """Thresholds low enough for a small bank to have alerts."""
    data = load_policy("large_flow")
    for rule in data["version"][0]["rule"]:
        single = int(Decimal(rule["single"])) // 100
        rule |= {"single": str(single), "rolling": str(2 * single)}
    return LargeFlowPolicy.parse(data)


def past_folders() -> dict[str, Folder]:
    cuts = CutFolder(watch_policy())
    insurance = DepositInsurance.parse(load_policy("live_liquidity"))
    entries = TransactionFolder(flow_policy(), 40_000, insurance)
    return live_folders() | {cuts.topic: cuts, entries.topic: entries}


@dataclass
class PastBank:
    directory: Path
    live: LiveView = field(default_factory=LiveView)
    folders: dict[str, Folder] = field(default_factory=past_folders)
    logs: dict[Place, list[bytes]] = field(default_factory=dict)
    times: dict[Place, list[int]] = field(default_factory=dict)  # milliseconds, as the broker dates records
    now: datetime = START
    epoch: int = 0
    published: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = LocalSnapshotStore(self.directory)
        self.dated = LiveBank(PARTITIONS)  # says which partition a record goes to
        self.live.set_status(ready=True)
        self.policy, self.watch = live_policy(), watch_policy()
        self.restart()

    # -- the worker's side -------------------------------------------------------------------------------------

    def restart(self) -> None:
        """A new worker and a new sequencer, which know what is stored and nothing else."""
        self.keeper = PartitionKeeper(self.folders, self.store, self, self._log, self._bounds, 0.0)
        places = {(topic, part) for topic in self.folders for part in range(self._count(topic))}
        self.keeper.claim(places)
        self.epoch += 1
        vector = decode(self.logs[topics.CUT, 0][-1]).alert_vector if self.logs.get((topics.CUT, 0)) else {}
        self.maker = CutMaker(self.epoch, vector, "7", 3_600.0)
        self.fold()  # what came meanwhile, or was folded and not stored

    def feed(self, events: Sequence[Event]) -> None:
        for event in events:
            self._append(self.dated.place(event.topic, event.key), encode(event.record))

    def fold(self, rng: random.Random | None = None) -> None:
        """Fold and publish what is new, in batches and ticks of any size."""
        for place, owned in sorted(self.keeper.owned.items()):
            while owned.state.next_offset < len(self.logs.get(place, ())):
                start, end = owned.state.next_offset, len(self.logs[place])
                high = end if rng is None else min(end, start + rng.randint(1, 400))
                self.keeper.absorb(owned, self._batch(place, start, high))
                if rng is None or rng.random() < 0.7:
                    self.keeper.publish(owned)
            self.keeper.publish(owned)

    def snapshot(self) -> None:
        for owned in self.keeper.owned.values():
            if owned.is_unsaved:
                self.keeper.store(self.keeper.dump(owned))

    def record_cut(self) -> None:
        """Look at the view as the sequencer does, and fold the cut for its alerts."""
        picture = self.live.read(
            lambda view: take_picture(view, self.policy, self.maker.alert_vector, LeastGaps(), self.watch)
        )
        cut = self.maker.make(picture, self.now)
        if cut is not None:
            self._append((topics.CUT, 0), msgspec.json.encode(cut))
            self.maker.written(cut, picture, self.now)
            self.fold()

    def reset(self) -> None:
        """The live view loses its place and is built again from what was published."""
        view = RiskView()
        for record in self.published:
            view.apply(record)
        self.live.replace(view)

    def answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What the API answers now, as it reaches a client."""
        ours = self.services()

        def ask(view: RiskView) -> dict[str, Any]:
            body = past.picture(view, ours, None, asked)
            made = figures.made_of(view, past.query_of(asked), *APART)
            return figures.with_provenance(body, ours, dict(asked), made)

        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self.live.read(ask)))
        return found

    # -- streams.partitions.Sink ----------------------------------------------------------------------------------

    def produce(
        self, topic: str, partition: int | None, key: bytes | None, value: bytes | None, headers: Any = None
    ) -> None:
        place = (topic, partition or 0)
        if topic == topics.ALERT:
            self.logs.setdefault(place, []).append(value or b"")
        if topic in VIEW_TOPICS:
            self._show(Record(*place, 0, key or b"", value or b""))

    def flush(self) -> None:
        pass

    # -- the log ---------------------------------------------------------------------------------------------------

    def _append(self, place: Place, value: bytes) -> None:
        self.now += timedelta(milliseconds=3)
        self.logs.setdefault(place, []).append(value)
        self.times.setdefault(place, []).append(round(self.now.timestamp() * 1_000))
        if place[0] in (topics.BUSINESS_DATE, topics.AUDIT):
            self._show(Record(*place, len(self.logs[place]) - 1, b"", value))

    def _show(self, record: Record) -> None:
        self.published.append(record)
        self.live.feed([record])

    def _count(self, topic: str) -> int:
        return 1 if topic in (*topics.SINGLE, topics.CUT) else PARTITIONS

    def _log(self, topic: str, partition: int) -> LogPartition:
        return LogPartition(CLUSTER, topic, TOPIC_ID, partition, self._count(topic))

    def _bounds(self, names: set[str]) -> Mapping[Place, tuple[int, int]]:
        return {
            (name, part): (0, len(self.logs.get((name, part), ())))
            for name in names
            for part in range(self._count(name))
        }

    def _batch(self, place: Place, start: int, end: int) -> RawBatch:
        times = np.array(self.times[place][start:end] if place in self.times else [0] * (end - start), np.int64)
        values = list(self.logs.get(place, [])[start:end])
        return RawBatch.of_values(start, end, np.arange(start, end, dtype=np.int64), values, times * 1_000)

    # -- what a replay reads -----------------------------------------------------------------------------------

    def all(self) -> dict[Place, LogPartition]:
        return {
            (topic, part): self._log(topic, part) for topic in topics.FOLDED for part in range(self._count(topic))
        }

    def offsets_at(self, places: Sequence[Place], milliseconds: int) -> dict[Place, int]:
        ends = {place: len(self.logs.get(place, ())) for place in places}
        return {
            place: int(np.searchsorted(self.times[place], milliseconds)) if place in self.times else ends[place]
            for place in places
        }

    def past(self) -> PastReader:
        return PastReader(
            MemoryStates(self, aided=True),
            self,
            self.offsets_at,
            MemoryStates(self, aided=False),
            MemoryStates(self, aided=True, watches_flows=False),
            self.folders,
        )

    def recent_cuts(self, before: int | None, limit: int) -> list[PlacedCut]:
        cuts = self.logs.get((topics.CUT, 0), [])
        end = len(cuts) if before is None else min(before, len(cuts))
        return [PlacedCut(offset, decode(cuts[offset])) for offset in range(max(0, end - limit), end)][::-1]

    def cut(self, offset: int) -> RiskCut:
        return decode(self.logs[topics.CUT, 0][offset])

    def services(self, **changed: Any) -> Services:
        given = {"past": self.past(), "recent_cuts": self.recent_cuts, "ratio_policy": self.policy}
        return services(self.live, **given | changed)


@dataclass
class MemoryStates:
    """`streams.stored_states.Replay` over the bank's memory; unaided it looks at no snapshot."""

    bank: PastBank
    aided: bool
    watches_flows: bool = True
    folded_records: int = 0

    def states(
        self, logs: Mapping[Place, LogPartition], offsets: Mapping[Place, int]
    ) -> Iterator[tuple[Folder, LogPartition, Any]]:
        for place, end in sorted(offsets.items()):
            folder, where = self.bank.folders[place[0]], logs[place]
            found = self.bank.store.newest_at_or_below(where, folder.state_name, end) if self.aided else None
            usable = found is not None and found.meta.fold_version == folder.fold_version
            state = folder.load(found.base, found.deltas) if usable and found else folder.empty()
            if place[0] == topics.TXN:
                state.watches_flows = self.watches_flows
            for raw in self._batches(place, state.next_offset, end):
                folder.absorb(state, raw)
                self.folded_records += len(raw)
            yield folder, where, state

    def raw(self, topic: str, partition: int, end: int) -> Iterator[RawBatch]:
        yield from self._batches((topic, partition), 0, end)

    def _batches(self, place: Place, start: int, end: int) -> Iterator[RawBatch]:
        for low in range(start, end, 900):
            yield self.bank._batch(place, low, min(low + 900, end))
