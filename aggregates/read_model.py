"""A small read model kept in memory: the live aggregates, folded from the log by our own puller (decision
E5).

It answers lists and look-ups (open cases of an asset, the case of an instruction). It never decides alone: a
command loads its aggregates from the store, and the version they are saved at settles every race.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple
from uuid import UUID

from aggregates.ports import DecisionRecorder, Recorded
from aggregates.steps.case import Case

PULL_LIMIT = 1_000

#: Stages in which nothing more happens to a case by itself.
END_STAGES = frozenset(
    (
        "DISCARDED",
        "REJECTED",
        "WITHDRAWN",
        "LAPSED",
        "POSTED",
        "REVERSED",
        "CANCELLED",
        "CLOSED",
        "TERMINATED",
        "BREACHED",
        "COMPLETED",
        "FAILED",
        "ENDED",
        "SUPERSEDED",
        "DELIVERED",
        "VOID",
        "EXCLUDED",
        "SAVED",
    )
)


class Instructed(NamedTuple):
    """Whose instruction an id is, and whether it asks for a posting or for its reversal."""

    aggregate: str
    key: str
    reverses: bool


class ReadModel:
    def __init__(self, recorder: DecisionRecorder, decode: Callable[[Recorded], Any]) -> None:
        self._recorder = recorder
        self._decode = decode
        self._lock = Lock()
        self._position = 0
        self._aggregates: dict[UUID, Case] = {}
        self._by_kind: dict[str, dict[str, Case]] = {}
        self._cases_by_asset: dict[tuple[str, str], list[Case]] = {}
        self._by_instruction: dict[str, Instructed] = {}

    @contextmanager
    def current(self) -> Iterator["ReadModel"]:
        """The model up to the end of the log as it is now; nothing changes it inside the block."""
        with self._lock:
            self._catch_up()
            yield self

    def of_kind(self, aggregate: str) -> Iterator[Any]:
        """All aggregates of one name, oldest first."""
        return iter(self._by_kind.get(aggregate, {}).values())

    def cases_of(self, aggregate: str, loan_no: str) -> list[Any]:
        """Cases of one kind about a loan note, oldest first."""
        return list(self._cases_by_asset.get((aggregate, loan_no), ()))

    def open_cases(self, aggregate: str, loan_no: str) -> list[str]:
        """Keys of the cases of one kind that are open on a loan note."""
        return [case.key for case in self.cases_of(aggregate, loan_no) if case.stage not in END_STAGES]

    def case_of_instruction(self, instruction_id: str) -> "Instructed | None":
        """The case that an instruction to core banking belongs to."""
        return self._by_instruction.get(instruction_id)

    def _catch_up(self) -> None:
        while batch := self._recorder.select_recorded(start=self._position + 1, limit=PULL_LIMIT):
            for recorded in batch:
                self._fold(recorded)
                self._position = recorded.position

    def _fold(self, recorded: Recorded) -> None:
        stream_id = recorded.originator_id
        known = self._aggregates.get(stream_id)
        case: Case = self._decode(recorded).mutate(known)
        if known is None:
            self._aggregates[stream_id] = case
            self._by_kind.setdefault(case.NAME, {})[case.key] = case
        if case.NAME != "RiskAsset":
            for loan_no in case.asset_ids:
                about = self._cases_by_asset.setdefault((case.NAME, loan_no), [])
                if case not in about:
                    about.append(case)
        # The first case keeps an instruction's id, so that a second one can never take its answers over.
        if instruction := getattr(case, "instruction", None):
            self._by_instruction.setdefault(instruction["id"], Instructed(case.NAME, case.key, reverses=False))
        if reversal := getattr(case, "reversal", None):
            asked = Instructed(case.NAME, case.key, reverses=True)
            self._by_instruction.setdefault(reversal["instruction_id"], asked)
