"""What records moved between two cuts, in columns, and the names of the records, read again when asked for.

Cells are names; a movement is a cell, a quantity and the record that made it. Not for what a record does to a cell:
`streams.ratio_movements`, `streams.position_changes` and `streams.gap_changes` know that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.explain_columns import EntryColumns
from engines.explain_lines import Entry, Flag, Movement
from infra.snapshots import LogPartition
from streams import topics
from streams.raw_batch import RawBatch

Integers = NDArray[np.int64]
FLAGS: tuple[Flag, ...] = ("late", "reversal")  # bit by bit
LATE, REVERSAL = 1, 2
NAME_FIELDS = {topics.TXN: "txn_id", topics.CONTRACT: "contract_id", topics.HOLDING: "security_id"}


def flag_bits(late: NDArray[np.bool_], reversal: NDArray[np.bool_]) -> Integers:
    return late * LATE + reversal * REVERSAL


@dataclass
class MovedRecords:
    """Grows while logs are read; `columns` is what explanations take."""

    movements: list[Movement] = field(default_factory=list)  # by no record: pledges
    sign: int = 1  # -1: as seen from the later cut
    _codes: dict[str, int] = field(default_factory=dict)
    _parts: list[tuple[Integers, Integers, Integers, Integers, Integers]] = field(default_factory=list)
    _logs: list[LogPartition] = field(default_factory=list)
    _batches: dict[int, list[RawBatch]] = field(default_factory=dict)  # by place in _logs

    def code(self, cell: str) -> int:
        return self._codes.setdefault(cell, len(self._codes))

    def keep(self, where: LogPartition, raw: RawBatch) -> int:
        """Remember a batch for its names; the log's number for `add`."""
        if not self._logs or self._logs[-1] != where:
            self._logs.append(where)
        log = len(self._logs) - 1
        self._batches.setdefault(log, []).append(raw)
        return log

    def add(self, log: int, offset: Integers, cell: Integers, quantity: Integers, flags: Integers | int = 0) -> None:
        """Movements of a kept log's records, row by row; cells by `code`."""
        some = np.flatnonzero(quantity)
        bits = np.full(len(offset), flags) if isinstance(flags, int) else flags
        logs = np.full(len(some), log, np.int64)
        self._parts.append((logs, offset[some], cell[some], quantity[some], bits[some]))

    def negated(self) -> "MovedRecords":
        """The same, from the later cut to the earlier one."""
        moves = [replace(one, quantity=-one.quantity) for one in self.movements]
        return replace(self, movements=moves, sign=-self.sign)

    def __len__(self) -> int:
        return sum(len(part[0]) for part in self._parts) + len(self.movements)

    def columns(self, named_max: int | None, cells: Callable[[str], bool] = lambda _: True) -> EntryColumns:
        """Movements of records in the cells that are wanted; records numbered by partition, offset and topic."""
        none = np.zeros(0, np.int64)
        log, offset, cell, quantity, flags = (
            np.concatenate([none, *(part[at] for part in self._parts)]) for at in range(5)
        )
        names = list(self._codes)
        wanted = np.array([cells(name) for name in names], np.bool_)
        some = np.flatnonzero(wanted[cell]) if names else none
        log, offset, cell, quantity, flags = log[some], offset[some], cell[some], quantity[some], flags[some]
        # The topic comes last, as in an entry's id: records of two topics may have one partition and offset.
        topic_rank = {name: at for at, name in enumerate(sorted({where.topic for where in self._logs}))}
        partition = np.array([where.partition for where in self._logs], np.int64)[log] if len(log) else log
        topic = np.array([topic_rank[where.topic] for where in self._logs], np.int64)[log] if len(log) else log
        order = np.lexsort((topic, offset, partition))
        places = np.stack((log, offset))[:, order]
        fresh = np.r_[np.ones(min(1, len(order)), np.bool_), (places[:, 1:] != places[:, :-1]).any(axis=0)]
        record = np.empty(len(order), np.int64)
        record[order] = np.cumsum(fresh) - 1
        first = order[np.flatnonzero(fresh)]

        def entry(number: int) -> Entry:
            row = int(first[number])
            return self._entry(int(log[row]), int(offset[row]), int(flags[row]))

        return EntryColumns(names, cell, self.sign * quantity, record, entry, named_max)

    def _entry(self, log: int, offset: int, bits: int) -> Entry:
        """Its id is the topic, a blank, and what the record calls itself."""
        where = self._logs[log]
        flags = frozenset(flag for at, flag in enumerate(FLAGS) if bits >> at & 1)
        for raw in self._batches[log]:
            row = int(np.searchsorted(raw.offsets, offset))
            if row < len(raw) and raw.offsets[row] == offset:
                return Entry(f"{where.topic} {_name(where.topic, raw.value(row))}", where.partition, offset, flags)
        raise AssertionError(f"{where.topic}/{where.partition}: no record {offset} was kept")


def _name(topic: str, value: bytes | None) -> str:
    """The id in a record; `-` where it has none."""
    try:
        record: Mapping[str, object] = msgspec.json.decode(value or b"")
        if topic in NAME_FIELDS:
            return str(record.get(NAME_FIELDS[topic], "-"))
        return f"{record['entity_id']} {record['ccy']}"
    except (msgspec.MsgspecError, UnicodeDecodeError, AttributeError, KeyError):
        return "-"


def codes_of(moved: MovedRecords, names: Sequence[str | None]) -> Integers:
    """The code of each cell; -1 for None."""
    return np.array([-1 if name is None else moved.code(name) for name in names], np.int64)
