"""Past cuts of a bank in memory, in place of `streams.stored_states.Replay` and `streams.past_figures.Logs`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from infra.snapshots import LogPartition
from streams.folders import Folder
from streams.raw_batch import RawBatch
from tests.live_bank import APPENDED_US, LiveBank

Place = tuple[str, int]


@dataclass
class MemoryReplay:
    """Also the logs, and the batches between two cuts: `size` records each."""

    bank: LiveBank
    size: int = 700

    def all(self) -> dict[Place, LogPartition]:
        return {place: LogPartition("cluster", place[0], "topic", place[1], 1) for place in self.bank.logs}

    def states(
        self, logs: Mapping[Place, LogPartition], offsets: Mapping[Place, int]
    ) -> Iterator[tuple[Folder, LogPartition, Any]]:
        for place, end in sorted(offsets.items()):
            folder = self.bank.folders[place[0]]
            state = folder.empty()
            for raw in self.batches(*place, 0, end):
                folder.absorb(state, raw)
            yield folder, logs[place], state

    def raw(self, topic: str, partition: int, end: int) -> Iterator[RawBatch]:
        yield from self.batches(topic, partition, 0, end)

    def batches(self, topic: str, partition: int, start: int, end: int) -> Iterator[RawBatch]:
        log = self.bank.logs.get((topic, partition), [])
        for low in range(start, end, self.size):
            high = min(low + self.size, end)
            offsets = np.arange(low, high, dtype=np.int64)
            times = np.full(high - low, APPENDED_US, np.int64)
            yield RawBatch.of_values(low, high, offsets, list(log[low:high]), times)


def vector(bank: LiveBank) -> dict[str, int]:
    """The end of every log, as the API writes a cut."""
    return {f"{topic}/{partition}": len(log) for (topic, partition), log in bank.logs.items()}
