"""What moved the cells of the liquidity ratios between two cuts, record by record, read from the logs between them.

States at the first cut are rolled on to the second by the folds that the worker runs; a record's own effect is what
the fold says it did, in columns. Cells are those of `streams.ratio_cells`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.explain_lines import Movement
from engines.primitives.errors import InvalidInput
from infra.snapshots import LogPartition
from projections.depositor_balances import OVERDRAWN, PARTS, UNINSURED
from streams import told_contracts, told_entries, topics
from streams.folders import Folder
from streams.moved_records import MovedRecords, codes_of, flag_bits
from streams.past_gap import flow_date
from streams.ratio_cells import day_name, deposit_cell, flow_cell, holding_cell, reserve_cell
from streams.ratio_items import INWARD, Figure
from streams.raw_batch import RawBatch
from streams.stored_states import LogReader
from streams.views_wire import sum_minor

RECORDS_MAX = 200_000  # of one explanation: their letters are kept for the names of those that are told

Integers = NDArray[np.int64]

#: Reads records [start, end) of a partition.
Batches = Callable[[str, int, int, int], Iterator[RawBatch]]


@dataclass(slots=True)
class Recorder:
    """Rolls states on and keeps what each record moved."""

    batches: Batches
    moved: MovedRecords = field(default_factory=MovedRecords)

    def roll(self, folder: Folder, where: LogPartition, state: Any, end: int) -> None:
        """Fold the records from the state's offset up to `end`, naming what each moved."""
        if state.next_offset == end:
            return
        ways: Mapping[str, Callable[[Folder, LogPartition, Any, int], None]] = {
            topics.TXN: self._entries,
            topics.CONTRACT: self._contracts,
            topics.HOLDING: self._holdings,
            topics.RESERVE: self._reserves,
        }
        ways.get(folder.topic, self._unnamed)(folder, where, state, end)

    def _entries(self, folder: Folder, where: LogPartition, state: Any, end: int) -> None:
        codes: list[Integers] = []  # by deposit cell: the code of each part's cell, -1 where it is in none
        for raw in self.batches(where.topic, where.partition, state.next_offset, end):
            told = told_entries.fold_told(state, raw)
            log = self.moved.keep(where, raw)
            codes += [self._deposit_codes(cell) for cell in state.depositors.cells.tail(len(codes))]
            if not len(told.deposits.entry):
                continue
            code = np.stack(codes)[told.deposits.cell, told.deposits.part]
            some = np.flatnonzero(code >= 0)
            entry = told.deposits.entry[some]
            row = told.row[entry]
            flags = flag_bits(told.late[entry], told.batch.is_reversal[row])
            self.moved.add(log, told.batch.offset[row], code[some], told.deposits.minor[some], flags)

    def _deposit_codes(self, cell: tuple[str, ...]) -> Integers:
        counted = (UNINSURED, OVERDRAWN) if cell[2] == "bank" else range(len(PARTS))
        return codes_of(
            self.moved, [deposit_cell(cell, part) if part in counted else None for part in range(len(PARTS))]
        )

    def _contracts(self, folder: Folder, where: LogPartition, state: Any, end: int) -> None:
        for raw in self.batches(where.topic, where.partition, state.next_offset, end):
            told = told_contracts.fold_told(state, raw)
            log = self.moved.keep(where, raw)
            inward = np.array([_inward(cell) for cell in told.cells.tail()], np.bool_)
            main = (told.amount_minor > 0) == inward[told.cell]
            size = np.abs(told.amount_minor) * np.where(told.is_new, 1, -1)
            for figure, counted in (("lcr", main), ("nsfr", main & told.is_principal)):
                some = np.flatnonzero(counted)
                # One cell a class of flows and day: its name is made once.
                pairs, place = np.unique(np.stack((told.cell[some], told.day[some])), axis=1, return_inverse=True)
                names = [
                    _flow_name("lcr" if figure == "lcr" else "nsfr", told.cells[cell], day)
                    for cell, day in pairs.T.tolist()
                ]
                self.moved.add(log, told.offset[some], codes_of(self.moved, names)[place], size[some])

    def _holdings(self, folder: Folder, where: LogPartition, state: Any, end: int) -> None:
        held: dict[tuple[str, str, str], dict[str, Any]] = {}
        for raw in state.records():
            record = msgspec.json.decode(raw)
            held[_holding_key(record)] = record
        state.take_changed()
        for log, offset in self._one_by_one(folder, where, state, end):
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
                    if change and is_tag:
                        self.moved.movements.append(Movement(name, change, "TAG"))
                    elif change:
                        self._add_one(log, offset, name, change)

    def _reserves(self, folder: Folder, where: LogPartition, state: Any, end: int) -> None:
        held = {_reserve_key(record): record for record in map(msgspec.json.decode, state.records())}
        state.take_changed()
        for log, offset in self._one_by_one(folder, where, state, end):
            for raw in state.take_changed():
                record = msgspec.json.decode(raw)
                key = _reserve_key(record)
                before = held.get(key, {})
                held[key] = record
                for part, column, sign in (("required", "required", -1), ("vault", "vault_cash", 1)):
                    change = sum_minor(record.get(column, "0"), key[1]) - sum_minor(before.get(column, "0"), key[1])
                    if change:
                        self._add_one(log, offset, reserve_cell(*key, part), sign * change)

    def _add_one(self, log: int, offset: int, cell: str, quantity: int) -> None:
        self.moved.add(log, np.array([offset]), np.array([self.moved.code(cell)]), np.array([quantity]))

    def _unnamed(self, folder: Folder, where: LogPartition, state: Any, end: int) -> None:
        for raw in self.batches(where.topic, where.partition, state.next_offset, end):
            folder.absorb(state, raw)

    def _one_by_one(self, folder: Folder, where: LogPartition, state: Any, end: int) -> Iterator[tuple[int, int]]:
        """(number of the log, offset) of each record after it was folded alone: treasury records are few."""
        for raw in self.batches(where.topic, where.partition, state.next_offset, end):
            log = self.moved.keep(where, raw)
            for row, offset in enumerate(raw.offsets.tolist()):
                value, times = raw.value(row), raw.appended_us[row : row + 1]
                one = np.array([offset], np.int64)
                folder.absorb(state, RawBatch.of_values(state.next_offset, offset + 1, one, [value], times))
                yield log, offset
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


def _inward(cell: tuple[str, ...]) -> bool:
    """Whether contracts of a gap cell bring money in."""
    return cell[4].split("/", 1)[0] in INWARD


def _flow_name(figure: Figure, cell: tuple[str, ...], day: int) -> str:
    entity, _, _, product, liquidity_tag, currency = cell
    return flow_cell(figure, (entity, currency, product, liquidity_tag), day_name(flow_date(day)))


def _holding_key(record: Mapping[str, Any]) -> tuple[str, str, str]:
    return record["entity_id"], record["security_id"], record.get("portfolio_id", "-")


def _face(record: Mapping[str, Any]) -> tuple[int, int]:
    currency = record["ccy"]
    return sum_minor(record["face"], currency), sum_minor(record.get("encumbered_face", "0"), currency)


def _reserve_key(record: Mapping[str, Any]) -> tuple[str, str]:
    return record["entity_id"], record["ccy"]
