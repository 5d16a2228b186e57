"""A bank in memory: events of a feed through the real folds into the real view, without Kafka.

Partitions, batches and ticks are drawn by whoever uses it: figures may not depend on them.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from engines.factor_tables import parse_factor_policy
from infra.policies import load_policy
from infra.snapshots import LogPartition
from projections.deposit_insurance import DepositInsurance
from projections.large_flow_policy import LargeFlowPolicy
from streams import outputs, topics
from streams.feeds.event import Event
from streams.folders import Folder, TransactionFolder, source_of
from streams.producer import encode
from streams.ratio_changes import TwoCuts, shown_and_rolled
from streams.ratio_movements import Recorder
from streams.ratio_policy import RatioPolicy
from streams.raw_batch import RawBatch
from streams.record_folders import ContractFolder, ReservationFolder
from streams.treasury_folders import treasury_folders
from streams.views import CUT_KEY, RiskView
from streams.views_wire import Record

APPENDED_US = 4_000_000_000_000_000  # 2096: no event of a test lies ahead of it
LOG = "cluster/topic"


def live_policy(**changes: Any) -> RatioPolicy:
    """The shipped mapping, tables and limits, parts of the mapping's newest version replaced."""
    data = load_policy("live_liquidity")
    data["version"][-1] |= changes
    tables = {name: parse_factor_policy(name, load_policy(name)) for name in ("lcr", "nsfr")}
    return RatioPolicy.parse(data, tables["lcr"], tables["nsfr"], load_policy("limits"))


def live_folders(horizon_days: int = 40_000) -> dict[str, Folder]:
    insurance = DepositInsurance.parse(load_policy("live_liquidity"))
    known: list[Folder] = [
        TransactionFolder(LargeFlowPolicy.parse(load_policy("large_flow")), horizon_days, insurance),
        ContractFolder(),
        ReservationFolder(),
        *treasury_folders(),
    ]
    return {folder.topic: folder for folder in known}


@dataclass
class LiveBank:
    """States of all partitions, the view they publish to, and the log."""

    partitions: int = 2
    view: RiskView = field(default_factory=RiskView)
    folders: dict[str, Folder] = field(default_factory=live_folders)
    logs: dict[tuple[str, int], list[bytes]] = field(default_factory=dict)
    states: dict[tuple[str, int], Any] = field(default_factory=dict)
    refusals: list[Any] = field(default_factory=list)
    published: list[Record] = field(default_factory=list)

    def place(self, topic: str, key: bytes) -> tuple[str, int]:
        one = topic in topics.SINGLE or topic == topics.BUSINESS_DATE
        return topic, 0 if one else zlib.crc32(key) % self.partitions

    def feed(self, events: Iterable[Event]) -> "LiveBank":
        """Append to the log and fold as one batch a partition, with a tick at the end of each."""
        for event in events:
            self.logs.setdefault(self.place(event.topic, event.key), []).append(encode(event.record))
        for place, values in self.logs.items():
            if place[0] == topics.BUSINESS_DATE:
                start = self.states.get(place, 0)
                for offset in range(start, len(values)):
                    self._publish(Record(*place, offset, b"", values[offset]))
                self.states[place] = len(values)
            elif place[0] in self.folders:
                self._fold(place, values)
        return self

    def _fold(self, place: tuple[str, int], values: Sequence[bytes]) -> None:
        folder = self.folders[place[0]]
        state = self.states.setdefault(place, folder.empty())
        start = state.next_offset
        if start == len(values):
            return
        offsets = np.arange(start, len(values), dtype=np.int64)
        times = np.full(len(offsets), APPENDED_US, np.int64)
        raw = RawBatch.of_values(start, len(values), offsets, list(values[start:]), times)
        self.refusals += folder.absorb(state, raw).refusals
        source = source_of(folder, state, place[1], LOG)
        for output in folder.take_changes(state, source):
            self._publish(Record(output.topic, place[1], 0, output.key, output.value))
        newest = folder.newest_event_us(state)
        for topic in folder.output_topics:
            cut = outputs.cut(source, start, 0, None, newest, {})
            self._publish(Record(topic, place[1], 0, CUT_KEY, cut))

    def _publish(self, record: Record) -> None:
        self.published.append(record)
        self.view.apply(record)
        assert self.view.undecodable == 0, self.view.undecodable_last


def records(bank: LiveBank, topic: str) -> list[dict[str, Any]]:
    """Every record of a topic as JSON, in offset order of each partition."""
    return [
        msgspec.json.decode(value) for (name, _), log in sorted(bank.logs.items()) if name == topic for value in log
    ]


def values_between(bank: LiveBank, topic: str, partition: int, start: int, end: int) -> Iterator[RawBatch]:
    """As a Kafka log gives them, in two batches."""
    log = bank.logs[topic, partition]
    for low, high in ((start, (start + end) // 2), ((start + end) // 2, end)):
        offsets = np.arange(low, high, dtype=np.int64)
        yield RawBatch.of_values(low, high, offsets, list(log[low:high]), np.full(high - low, APPENDED_US, np.int64))


def two_cuts_of(bank: LiveBank, before: dict[tuple[str, int], int], after: dict[tuple[str, int], int]) -> TwoCuts:
    """What `streams.ratio_changes.two_cuts` reads from Kafka, from this bank's log."""
    earlier, later = RiskView(), RiskView()
    for view, ends in ((earlier, before), (later, after)):
        for offset in range(ends.get((topics.BUSINESS_DATE, 0), 0)):
            value = bank.logs[topics.BUSINESS_DATE, 0][offset]
            view.apply(Record(topics.BUSINESS_DATE, 0, offset, b"", value))
    recorder = Recorder(lambda topic, partition, start, end: values_between(bank, topic, partition, start, end))

    def states() -> Iterator[tuple[Folder, LogPartition, Any]]:
        for (topic, partition), end in sorted(after.items()):
            if topic != topics.BUSINESS_DATE and topic in bank.folders and topic != topics.RESERVATION:
                folder = bank.folders[topic]
                state = folder.empty()
                for raw in values_between(bank, topic, partition, 0, before.get((topic, partition), 0)):
                    folder.absorb(state, raw)
                yield folder, LogPartition("cluster", topic, "topic", partition, bank.partitions), state
                assert end >= before.get((topic, partition), 0)

    movements = shown_and_rolled(states(), after, recorder, earlier, later)
    for view in (earlier, later):
        assert view.undecodable == 0, view.undecodable_last
    return TwoCuts(earlier, later, movements)


def offsets(bank: LiveBank) -> dict[tuple[str, int], int]:
    return {place: len(log) for place, log in bank.logs.items()}
