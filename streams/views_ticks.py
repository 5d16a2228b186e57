"""Whole ticks of one source partition: which records count, and when (decisions S5 and S17).

A worker that was killed leaves half a tick behind, and one that restarts from an older snapshot says again
what it said before, cut differently. Both are harmless here because a reader's state is a function of two
things only: the records it has seen, and the highest cut: per key the record of the highest offset not
above that cut. Records above it wait, however many lower cuts go by.

Records of another log, or of a higher fold version, are kept aside until a cut of theirs arrives and then
replace everything; a log that was once replaced never comes back (a zombie worker may still write).
Not for decoding or adding up.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from streams.views_wire import Cut, Source

Waiting = TypeVar("Waiting")


class Released(NamedTuple, Generic[Waiting]):
    """What a cut sets free: all that waits with an offset up to `Ticks.offset`."""

    waiting: Waiting
    replaces: bool  # everything held before goes first
    same_log: bool  # it is replaced by a higher fold version of the same log


@dataclass(slots=True)
class Ticks(Generic[Waiting]):
    """The ticks that one risk topic carries from one source partition."""

    new_waiting: Callable[[], Waiting]
    log: str | None = None
    fold: int = 0
    offset: int = 0  # next offset of the source: the highest cut applied
    business_time: str | None = None
    retired_logs: set[str] = field(default_factory=set)
    waiting: dict[tuple[str, int], Waiting] = field(default_factory=dict)

    def is_stale(self, source: Source) -> bool:
        """True for what a newer log or a newer fold version has overtaken."""
        return source.log in self.retired_logs or (source.log == self.log and source.fold < self.fold)

    def waiting_for(self, source: Source) -> Waiting | None:
        """Where a record of `source` waits for its cut; None: it is stale and must be ignored."""
        if self.is_stale(source):
            return None
        generation = (source.log, source.fold)
        found = self.waiting.get(generation)
        if found is None:
            found = self.waiting[generation] = self.new_waiting()
        return found

    def cut(self, cut: Cut) -> Released[Waiting] | None:
        """Advance to the cut; None: it is stale."""
        source = cut.source
        waiting = self.waiting_for(source)
        if waiting is None:
            return None
        released = Released(waiting, replaces=False, same_log=True)
        if (source.log, source.fold) != (self.log, self.fold):
            released = Released(waiting, replaces=self.log is not None, same_log=self.log == source.log)
            if self.log is not None and self.log != source.log:
                self.retired_logs.add(self.log)
            self.log, self.fold, self.offset, self.business_time = source.log, source.fold, 0, None
            self.waiting = {g: w for g, w in self.waiting.items() if g[0] not in self.retired_logs}
            self.waiting = {g: w for g, w in self.waiting.items() if g[0] != self.log or g[1] >= self.fold}
        self.offset = max(self.offset, source.offset)
        if cut.business_time is not None:
            self.business_time = max(self.business_time or "", cut.business_time)
        return released
