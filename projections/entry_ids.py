"""Which entries are new, which move on to another status, which repeat, which contradict (decision S2).

An entry is identified by entity, source system and txn_id. pending becomes settled or rejected; a status that is
not higher changes nothing; another body under a known id is refused. Ids are forgotten once their value date is
more than `horizon_days` behind the newest event date; entries that old are refused before they get here.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from projections.columns import Columns
from projections.digest_index import DigestIndex
from projections.digests import Digest
from projections.entry_batch import PENDING

NEW, REPEATED, MOVED, CONTRADICTED = 0, 1, 2, 3


class EntryIds:
    __slots__ = ("_changed", "_dumped_rows", "_facts", "_index", "needs_base")

    def __init__(self) -> None:
        self._index = DigestIndex()
        self._facts = Columns(body=np.uint64, value_day=np.int32, status=np.int8)
        self._dumped_rows = 0
        self._changed: list[NDArray[np.int64]] = []
        self.needs_base = False  # rows moved: a delta could not say so

    def __len__(self) -> int:
        return len(self._index)

    def judge(
        self,
        identity: Digest,
        body: NDArray[np.uint64],
        value_day: NDArray[np.int64],
        status: NDArray[np.int64],
    ) -> NDArray[np.int8]:
        """Judge rows in order and remember them: NEW, REPEATED, MOVED or CONTRADICTED for each."""
        rows, fresh = self._index.add(identity)
        self._facts.extend(body=body[fresh], value_day=value_day[fresh], status=status[fresh])
        verdict = np.zeros(len(rows), np.int8)
        waiting = np.flatnonzero(~fresh)
        known_body, known_status = self._facts["body"], self._facts["status"]
        while len(waiting):
            # One appearance of each id at a time, the earliest first, since a status depends on those before.
            _, first = np.unique(rows[waiting], return_index=True)
            now = waiting[np.sort(first)]
            at = rows[now]
            same = known_body[at] == body[now]
            moves = same & (status[now] > known_status[at]) & (known_status[at] == PENDING)
            verdict[now] = np.where(same, np.where(moves, MOVED, REPEATED), CONTRADICTED)
            known_status[at[moves]] = status[now[moves]]
            self._changed.append(at[moves])
            waiting = np.setdiff1d(waiting, now, assume_unique=True)
        return verdict

    def forget_before(self, value_day: int) -> None:
        """Drop ids with an older value date, once they are at least half of all."""
        kept = self._facts["value_day"] >= value_day
        if len(kept) >= max(4_096, 2 * int(kept.sum())):
            self._index.keep(kept)
            self._facts.keep(kept)
            self.needs_base = True

    def dump(self) -> bytes:
        self._dumped_rows, self._changed, self.needs_base = len(self), [], False
        return msgspec.msgpack.encode(self._packed(0))

    def dump_delta(self) -> bytes:
        start = self._dumped_rows
        changed = np.unique(np.concatenate([np.zeros(0, np.int64), *self._changed]))
        changed = changed[changed < start]
        delta = msgspec.msgpack.encode(
            (
                self._packed(start),
                changed.tobytes(),
                self._facts["status"][changed].tobytes(),
            )
        )
        self._dumped_rows, self._changed = len(self), []
        return delta

    def _packed(self, start: int) -> tuple[memoryview, memoryview, dict[str, memoryview]]:
        """Rows from `start` on, by column: looked at, not copied, since an encoder copies them anyway."""
        low, high = self._index.digests(start)
        facts = {name: self._facts[name][start:].view(np.uint8).data for name in self._facts.names()}
        return low.view(np.uint8).data, high.view(np.uint8).data, facts

    def apply_delta(self, delta: bytes) -> None:
        tail, changed, status = msgspec.msgpack.decode(delta)
        self._append(tail)
        self._facts["status"][np.frombuffer(changed, np.int64)] = np.frombuffer(status, np.int8)
        self._dumped_rows = len(self)

    @classmethod
    def load(cls, dump: bytes) -> "EntryIds":
        ids = cls()
        ids._append(msgspec.msgpack.decode(dump))
        ids._dumped_rows = len(ids)
        return ids

    def _append(self, packed: tuple[bytes, bytes, dict[str, bytes]]) -> None:
        low, high, facts = packed
        self._index.add(Digest(np.frombuffer(low, np.uint64), np.frombuffer(high, np.uint64)))
        self._facts.unpack(facts)

    def canonical_rows(self, oldest_day: int) -> bytes:
        """Ids not older than `oldest_day`, sorted: when older ones are dropped is nobody's business."""
        digests = self._index.digests()
        live = self._facts["value_day"] >= oldest_day
        order = np.lexsort((digests.high[live], digests.low[live]))
        columns = [digests.low, digests.high, *(self._facts[name] for name in self._facts.names())]
        return b"".join(column[live][order].tobytes() for column in columns)
