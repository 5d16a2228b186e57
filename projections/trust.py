"""What is known of each source: when it was heard last, its dead letters, missing numbers, how far it is folded.

A fold over what a reader of the logs has seen; every instant comes in as data, no clock here. In whatever order and
however often the same sightings come, the end is the same. Rebuilt from the logs at each start, so never stored. Not
for judging (`projections.trust_judgement`), nor for reading logs (`streams.trust_reader`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from projections.trust_policy import SourceKey

Ends = Mapping[str, int]  # {"topic/partition": next offset}
HOLES_MAX = 1_000  # of one source: a feed that numbers its records otherwise would fill the memory


class Sighting(NamedTuple):
    """One record of a source. `number`: what its system numbered it with, None where it does not number."""

    source: SourceKey
    event_time: str | None
    appended_at: datetime
    number: int | None = None
    retry_of: str | None = None  # the dead letter that this record is another attempt of


class Letter(NamedTuple):
    """A dead letter of a source; of all sources of an input where its record does not tell which."""

    id: str
    source: SourceKey
    reported_at: datetime


@dataclass(slots=True)
class Numbers:
    """Which numbers of a rising sequence are missing, each with when it was noticed."""

    highest: int | None = None
    missing: dict[int, datetime] = field(default_factory=dict)
    lost: int = 0  # holes beyond what is kept

    def take(self, number: int, at: datetime) -> None:
        if self.highest is None:
            self.highest = number
        elif number > self.highest:
            for hole in range(self.highest + 1, number):
                if len(self.missing) >= HOLES_MAX:
                    self.lost += number - hole
                    break
                self.missing[hole] = at
            self.highest = number
        else:
            self.missing.pop(number, None)

    def restart(self) -> None:
        """Records were left unread: what is missing is not known any more. All of them have numbers up to the highest
        seen, since a system's numbers rise within a partition, and its newest record was read."""
        self.missing, self.lost = {}, 0

    def missing_since(self, before: datetime) -> int:
        """How many were noticed at or before `before` and have not come since."""
        return self.lost + sum(at <= before for at in self.missing.values())


@dataclass(slots=True)
class SourceState:
    """`watched_since` stands in for the last sighting of a source that was only expected so far."""

    watched_since: datetime
    newest_event: str | None = None
    newest_append: datetime | None = None
    letters: dict[str, datetime] = field(default_factory=dict)
    numbers: Numbers = field(default_factory=Numbers)


@dataclass(slots=True)
class Folding:
    """How long the oldest record of one source partition has waited to be folded."""

    offset: int = 0  # what the figures hold
    pending: dict[int, datetime] = field(default_factory=dict)  # log end -> when it was first seen there

    def look(self, end: int, offset: int, at: datetime) -> None:
        self.offset = offset
        if end > offset and end not in self.pending:
            self.pending[end] = at
        self.pending = {seen: when for seen, when in self.pending.items() if seen > offset}

    @property
    def waiting_since(self) -> datetime | None:
        return min(self.pending.values(), default=None)


@dataclass(slots=True)
class TrustState:
    """`looked_at`: when the logs were looked at last; None: never."""

    sources: dict[SourceKey, SourceState] = field(default_factory=dict)
    folding: dict[str, Folding] = field(default_factory=dict)
    lag_records: dict[str, int] = field(default_factory=dict)  # by place
    retried: set[str] = field(default_factory=set)
    looked_at: datetime | None = None


def expect(state: TrustState, keys: Iterable[SourceKey], at: datetime) -> None:
    """Sources that ought to be heard. One whose system is not known yet is any system's of its entity."""
    heard = {key._replace(system="-") for key in state.sources if key.system != "-"}
    for key in keys:
        if key not in state.sources and not (key.system == "-" and key in heard):
            state.sources[key] = SourceState(at)


def take(state: TrustState, sightings: Iterable[Sighting]) -> None:
    """Records that were seen."""
    for one in sightings:
        found = state.sources.get(one.source)
        if found is None:
            found = state.sources[one.source] = SourceState(one.appended_at)
            nameless = state.sources.get(one.source._replace(system="-"))
            if nameless is not None and nameless is not found and nameless.newest_append is None:
                del state.sources[one.source._replace(system="-")]
                found.letters |= nameless.letters
        if found.newest_append is None or one.appended_at > found.newest_append:
            found.newest_append = one.appended_at
        if one.event_time is not None and one.event_time > (found.newest_event or ""):
            found.newest_event = one.event_time
        if one.number is not None:
            found.numbers.take(one.number, one.appended_at)
        if one.retry_of is not None:
            state.retried.add(one.retry_of)


def take_letters(state: TrustState, letters: Iterable[Letter]) -> None:
    """Dead letters; one whose record names no known source marks every source of its input that it may be of."""
    for letter in letters:
        owners = [key for key in state.sources if may_be(letter.source, key)]
        if not owners:
            state.sources[letter.source] = SourceState(letter.reported_at)
            owners = [letter.source]
        for owner in owners:
            state.sources[owner].letters.setdefault(letter.id, letter.reported_at)


def look(state: TrustState, at: datetime, ends: Ends, folded: Ends, skipped: Iterable[str] = ()) -> None:
    """One look at all logs: their ends, what the figures hold of them, and the names of inputs partly left unread."""
    for place, end in ends.items():
        if place not in folded:
            continue
        state.folding.setdefault(place, Folding()).look(end, folded[place], at)
        state.lag_records[place] = max(0, end - folded[place])
    names = {*skipped}
    for key, source in state.sources.items():
        if key.name in names:
            source.numbers.restart()
    state.looked_at = at if state.looked_at is None else max(at, state.looked_at)


def may_be(told: SourceKey, key: SourceKey) -> bool:
    """Whether what is said of `told` may be said of `key`: members that are not known match all."""
    return told.name == key.name and all(a in ("-", b) for a, b in zip(told[1:], key[1:], strict=True))
