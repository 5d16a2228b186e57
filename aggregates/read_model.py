"""A small read model kept in memory: the live aggregates, folded from the log by our own puller (decision
E5).

It answers lists and look-ups (open cases of an asset, the case of an instruction). It never decides alone: a
command loads its aggregates from the store, and the version they are saved at settles every race.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from uuid import UUID

from aggregates.ports import DecisionRecorder, Recorded
from aggregates.risk_asset import RiskAsset
from aggregates.write_off import WriteOff

PULL_LIMIT = 1_000


class ReadModel:
    def __init__(self, recorder: DecisionRecorder, decode: Callable[[Recorded], Any]) -> None:
        self._recorder = recorder
        self._decode = decode
        self._lock = Lock()
        self._position = 0
        self._aggregates: dict[UUID, RiskAsset | WriteOff] = {}
        self._cases_by_asset: dict[str, list[WriteOff]] = {}
        self._case_by_instruction: dict[str, WriteOff] = {}

    @contextmanager
    def current(self) -> Iterator["ReadModel"]:
        """The model up to the end of the log as it is now; nothing changes it inside the block."""
        with self._lock:
            self._catch_up()
            yield self

    def risk_assets(self) -> Iterator[RiskAsset]:
        return (item for item in self._aggregates.values() if isinstance(item, RiskAsset))

    def write_offs(self) -> Iterator[WriteOff]:
        return (item for item in self._aggregates.values() if isinstance(item, WriteOff))

    def open_case_of(self, asset_no: str) -> str | None:
        """Number of the write-off case that is open on an asset."""
        open_cases = (case for case in self._cases_by_asset.get(asset_no, []) if case.is_open)
        case = next(open_cases, None)
        return None if case is None else case.write_off_no

    def case_of_instruction(self, instruction_id: str) -> WriteOff | None:
        return self._case_by_instruction.get(instruction_id)

    def _catch_up(self) -> None:
        while batch := self._recorder.select_recorded(start=self._position + 1, limit=PULL_LIMIT):
            for recorded in batch:
                self._fold(recorded)
                self._position = recorded.position

    def _fold(self, recorded: Recorded) -> None:
        stream_id = recorded.originator_id
        known = self._aggregates.get(stream_id)
        aggregate = self._decode(recorded).mutate(known)
        self._aggregates[stream_id] = aggregate
        if not isinstance(aggregate, WriteOff):
            return
        if known is None:
            self._cases_by_asset.setdefault(aggregate.asset_no, []).append(aggregate)
        if aggregate.instruction is not None:
            # The first case keeps an instruction's id, so that a second one can never take its answers over.
            self._case_by_instruction.setdefault(aggregate.instruction.instruction_id, aggregate)
