"""Transaction states kept at the offsets of the live view, so that depositors and ratios are of one cut.

Each starts from the newest snapshot and then folds the entries that came since it was last asked, by the worker's
fold: a question costs the entries since the one before, and not the book. One more copy of the worker's states is
held once somebody has asked. Not for figures by account: those are as new as a snapshot (`streams.past_figures`).
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from infra.snapshots import LogPartition
from projections.transactions import TransactionState
from streams.folders import Folder
from streams.past_figures import Logs, parse_place
from streams.ratio_movements import Batches
from streams.reverse_stress_balances import DepositorNames, Deposits, deposits_of
from streams.stored_states import Replay
from streams.topics import DEPOSIT, TXN
from streams.views import RiskView
from streams.views_live import LiveView

BEHIND_MAX = 500_000  # records: rather the newest snapshot than to read on

Place = tuple[str, int]
Seen = TypeVar("Seen")


@dataclass
class _Kept:
    where: LogPartition
    state: TransactionState
    names: DepositorNames


class LiveDepositors:
    """Deposits at the cut of a view. Thread-safe: one question at a time, so that no state is ahead of its view."""

    def __init__(self, folder: Folder, replay: Replay, logs: Logs, batches: Batches) -> None:
        self._folder, self._replay, self._logs, self._batches = folder, replay, logs, batches
        self._kept: dict[Place, _Kept] = {}
        self._lock = threading.Lock()

    def with_view(self, live: LiveView, ask: Callable[[RiskView], Seen]) -> tuple[Seen, Deposits]:
        """What `ask` sees of the live view, and the deposits behind its deposit figures.

        Raises:
            InvalidInput: the log no longer holds what is to be read. Unavailable: Kafka does not answer.
        """
        with self._lock:
            seen, offsets = live.read(lambda view: (ask(view), view.offsets(DEPOSIT)))
            return seen, self.at(offsets)

    def at(self, offsets: Mapping[str, int]) -> Deposits:
        """The deposits at an offset vector of entries; places of other topics are left aside."""
        wanted = {parse_place(place): end for place, end in offsets.items()}
        kept = [self._at(place, end) for place, end in sorted(wanted.items()) if place[0] == TXN]
        return deposits_of([(one.state, one.names) for one in kept])

    def _at(self, place: Place, end: int) -> _Kept:
        where = self._logs.all()[place]
        kept = self._kept.get(place)
        behind = end if kept is None else end - kept.state.next_offset
        if kept is None or kept.where != where or not 0 <= behind <= BEHIND_MAX:
            ((_, _, state),) = self._replay.states(self._logs.all(), {place: end})
            kept = self._kept[place] = _Kept(where, state, DepositorNames())
        else:
            self._roll(kept, place, end)
        return kept

    def _roll(self, kept: _Kept, place: Place, end: int) -> None:
        if kept.state.next_offset == end:
            return
        try:
            for raw in self._batches(*place, kept.state.next_offset, end):
                self._folder.absorb(kept.state, raw)
        except BaseException:
            del self._kept[place]  # half folded: begin again from a snapshot
            raise
