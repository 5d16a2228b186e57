"""What moved the cells of the liquidity ratios between two cuts, record by record, read from the logs between them.

States at the first cut are rolled on to the second by the folds that the worker runs; a record's own effect is what
the fold says it did. Cells are those of `streams.ratio_cells`. Slow on purpose: it is asked for, never kept.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from engines.explain_lines import Entry, Flag, Movement
from engines.primitives.errors import InvalidInput
from infra.snapshots import LogPartition
from projections.depositor_balances import OVERDRAWN, UNINSURED
from projections.gap import GapRow
from projections.transactions import SettledEntry
from streams import topics
from streams.folders import Folder
from streams.ratio_cells import day_name, deposit_cell, flow_cell, holding_cell, reserve_cell
from streams.raw_batch import RawBatch
from streams.stored_states import LogReader
from streams.views_wire import sum_minor

RECORDS_MAX = 200_000  # of one explanation: 100,000 take some fifteen seconds

#: Reads records [start, end) of a partition.
Batches = Callable[[str, int, int, int], Iterator[RawBatch]]


@dataclass(slots=True)
class Recorder:
    """Rolls states on and keeps what each record moved."""

    batches: Batches
    movements: list[Movement] = field(default_factory=list)

    def roll(self, folder: Folder, where: LogPartition, state: Any, end: int) -> None:
        """Fold the records from the state's offset up to `end`, naming what each moved."""
        ways: Mapping[str, Callable[[Folder, LogPartition, Any, int], None]] = {
            topics.TXN: self._entries,
            topics.CONTRACT: self._contracts,
            topics.HOLDING: self._holdings,
            topics.RESERVE: self._reserves,
        }
        ways.get(folder.topic, self._unnamed)(folder, where, state, end)

    def _entries(self, folder: Folder, where: LogPartition, state: Any, end: int) -> None:
        def tell(entry: SettledEntry) -> None:
            flags: set[Flag] = set()
            if entry.late:
                flags.add("late")
            if entry.reversal:
                flags.add("reversal")
            named = _entry(where, entry.txn_id, entry.offset, frozenset(flags))
            for code, change in entry.changes:
                cell = state.depositors.cells[code]
                is_own = cell[2] == "bank"
                for part, minor in enumerate(change):
                    if minor and (not is_own or part in (UNINSURED, OVERDRAWN)):
                        self.movements.append(Movement(deposit_cell(cell, part), minor, "ENTRY", named))

        state.tell = tell
        try:
            self._unnamed(folder, where, state, end)
        finally:
            state.tell = None

    def _contracts(self, folder: Folder, where: LogPartition, state: Any, end: int) -> None:
        state.changes()  # what the snapshot had not published is no move of ours
        held: dict[tuple[str, ...], GapRow] = {_place(row): row for row in state.rows()}
        for offset, value in self._one_by_one(folder, where, state, end):
            named = _entry(where, _named(value, "contract_id"), offset)
            for row in state.changes():
                before = held.get(_place(row))
                held[_place(row)] = row
                flow = (row.entity, row.currency, row.product, row.liquidity_tag)
                day = day_name(row.flow_date)
                inward = row.liquidity_tag.split("/", 1)[0] in ("asset", "obs_in")
                for figure, column in (
                    ("lcr", "inflow_minor" if inward else "outflow_minor"),
                    ("nsfr", "principal_in_minor" if inward else "principal_out_minor"),
                ):
                    change = getattr(row, column) - (0 if before is None else getattr(before, column))
                    if change:
                        name = flow_cell("lcr" if figure == "lcr" else "nsfr", flow, day)
                        self.movements.append(Movement(name, change, "ENTRY", named))

    def _holdings(self, folder: Folder, where: LogPartition, state: Any, end: int) -> None:
        held: dict[tuple[str, str, str], dict[str, Any]] = {}
        for raw in state.records():
            record = msgspec.json.decode(raw)
            held[_holding_key(record)] = record
        state.take_changed()
        for offset, value in self._one_by_one(folder, where, state, end):
            named = _entry(where, _named(value, "security_id"), offset)
            for raw in state.take_changed():
                record = msgspec.json.decode(raw)
                key = _holding_key(record)
                before, currency = held.get(key), record["ccy"]
                held[key] = record
                face, pledged = _face(record)
                old_face, old_pledged = (0, 0) if before is None else _face(before)
                cell = (record["entity_id"], currency, record["security_id"], key[2])
                free, encumbered = holding_cell(*cell, "free"), holding_cell(*cell, "encumbered")
                # A pledge moves what is held from one cell to the other: a tag of the holding, no purchase.
                for name, change, is_tag in (
                    (free, face - old_face, False),
                    (free, old_pledged - pledged, True),
                    (encumbered, pledged - old_pledged, True),
                ):
                    if change:
                        self.movements.append(
                            Movement(name, change, "TAG" if is_tag else "ENTRY", None if is_tag else named)
                        )

    def _reserves(self, folder: Folder, where: LogPartition, state: Any, end: int) -> None:
        held = {_reserve_key(record): record for record in map(msgspec.json.decode, state.records())}
        state.take_changed()
        for offset, _ in self._one_by_one(folder, where, state, end):
            for raw in state.take_changed():
                record = msgspec.json.decode(raw)
                key = _reserve_key(record)
                before = held.get(key, {})
                held[key] = record
                named = _entry(where, f"{key[0]} {key[1]}", offset)
                for part, column, sign in (("required", "required", -1), ("vault", "vault_cash", 1)):
                    change = sum_minor(record.get(column, "0"), key[1]) - sum_minor(before.get(column, "0"), key[1])
                    if change:
                        self.movements.append(Movement(reserve_cell(*key, part), sign * change, "ENTRY", named))

    def _unnamed(self, folder: Folder, where: LogPartition, state: Any, end: int) -> None:
        for raw in self.batches(where.topic, where.partition, state.next_offset, end):
            folder.absorb(state, raw)

    def _one_by_one(self, folder: Folder, where: LogPartition, state: Any, end: int) -> Iterator[tuple[int, bytes]]:
        """Each record after it was folded alone."""
        for raw in self.batches(where.topic, where.partition, state.next_offset, end):
            for row, offset in enumerate(raw.offsets.tolist()):
                value, times = raw.value(row), raw.appended_us[row : row + 1]
                one = np.array([offset], np.int64)
                folder.absorb(state, RawBatch.of_values(state.next_offset, offset + 1, one, [value], times))
                yield offset, value or b""
            nothing = np.zeros(0, np.int64)
            folder.absorb(state, RawBatch.of_values(state.next_offset, raw.to_offset, nothing, [], nothing))


def from_log(reader: Callable[[], LogReader]) -> Batches:
    """Batches of a Kafka log, by a reader of one call."""

    def batches(topic: str, partition: int, start: int, end: int) -> Iterator[RawBatch]:
        opened = reader()
        try:
            yield from opened.batches(topic, partition, start, end)
        finally:
            opened.close()

    return batches


def check_range(before: Mapping[tuple[str, int], int], after: Mapping[tuple[str, int], int]) -> None:
    """Raises InvalidInput: a cut goes back somewhere, or there is too much between the two."""
    for (topic, partition), start in before.items():
        if after.get((topic, partition), -1) < start:
            message = (
                f"{topic}/{partition}: the later cut is at {after.get((topic, partition))}, the earlier at {start}"
            )
            raise InvalidInput(message, field="from_offsets", partition=partition)
    between = sum(end - before.get(place, 0) for place, end in after.items())
    if between > RECORDS_MAX:
        message = f"{between} records between the cuts; at most {RECORDS_MAX} are read for one explanation"
        raise InvalidInput(message, field="from_offsets")


def _entry(where: LogPartition, identity: str, offset: int, flags: frozenset[Flag] = frozenset()) -> Entry:
    """Its id is the topic, a blank, and what the record calls itself."""
    return Entry(f"{where.topic} {identity}", where.partition, offset, flags)


def _place(row: GapRow) -> tuple[str, ...]:
    return (
        row.entity,
        row.organisation,
        row.business_line,
        row.product,
        row.currency,
        row.liquidity_tag,
        row.flow_date,
    )


def _holding_key(record: Mapping[str, Any]) -> tuple[str, str, str]:
    return record["entity_id"], record["security_id"], record.get("portfolio_id", "-")


def _face(record: Mapping[str, Any]) -> tuple[int, int]:
    currency = record["ccy"]
    return sum_minor(record["face"], currency), sum_minor(record.get("encumbered_face", "0"), currency)


def _reserve_key(record: Mapping[str, Any]) -> tuple[str, str]:
    return record["entity_id"], record["ccy"]


def _named(value: bytes, field_name: str) -> str:
    """The id in a record; `-` where the record was refused and moved nothing."""
    try:
        return str(msgspec.json.decode(value).get(field_name, "-"))
    except (msgspec.MsgspecError, UnicodeDecodeError, AttributeError):
        return "-"
