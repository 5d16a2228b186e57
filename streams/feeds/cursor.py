"""How far a feed has come: seed, run and index, kept so that the next run goes on and repeats nothing (S28).

A crash between producing and storing may repeat records, but only with the same ids and the same bodies:
what the bodies depend on (parameters, live anchors) is stored before the first record that depends on it is
produced. Not for consumers: where those stand is in their snapshots.
"""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Self

import msgspec

from engines.primitives.errors import Conflict, CorruptRecord, InvalidInput
from infra.files import read_bytes_or_none, write_atomically

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class Anchor(msgspec.Struct, frozen=True, array_like=True):
    """From event `index` on, live event times are `start_us + (i - index) / rate` (microseconds since
    1970).
    """

    index: int
    start_us: int
    rate: float


class _Stored(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    feed: str
    seed: int
    run_id: str
    identity: dict[str, str]
    parameters: dict[str, str | int]
    index: int = 0
    ceiling: int = 0
    anchors: list[Anchor] = []
    jumps: list[tuple[int, str]] = []


class Cursor:
    """The stored position of one feed. `index` is the first event that is not known to be delivered.

    `ceiling`: no event at or above it has ever been handed to the producer, so a new live anchor may begin
    there.
    """

    def __init__(self, path: Path, stored: _Stored) -> None:
        self._path = path
        self._stored = stored

    @classmethod
    def open(
        cls,
        directory: Path,
        feed: str,
        *,
        seed: int,
        run_id: str,
        identity: Mapping[str, str] | None = None,
        parameters: Mapping[str, str | int] | None = None,
    ) -> Self:
        """The cursor in `directory`/`feed`.json, made at index 0 where there is none.

        Args:
            seed: must equal the stored one.
            run_id: names the first run; a later one keeps the stored name.
            identity: what must be the same for the index to mean the same, such as a digest of the source
                files.
            parameters: what the first run chose and later runs keep, such as its first business date.
        Raises:
            InvalidInput: the feed's name cannot be a file name.
            Conflict: the stored cursor belongs to another seed or identity.
            CorruptRecord: the stored cursor cannot be read.
        """
        if not _NAME.fullmatch(feed):
            raise InvalidInput(f"feed name {feed!r} must be lower-case letters, digits and hyphens", field="feed")
        path = directory / f"{feed}.json"
        data = read_bytes_or_none(path)
        wanted = dict(identity or {})
        if data is None:
            return cls(
                path,
                _Stored(feed=feed, seed=seed, run_id=run_id, identity=wanted, parameters=dict(parameters or {})),
            )
        try:
            stored = msgspec.json.decode(data, type=_Stored)
        except msgspec.DecodeError as error:
            raise CorruptRecord(f"the feed cursor {path} cannot be read: {error}", path=str(path)) from error
        if stored.seed != seed or stored.identity != wanted:
            raise Conflict(
                f"feed {feed} was begun with seed {stored.seed} or other data: keep to it, or begin afresh",
                seed=seed,
                stored_seed=stored.seed,
            )
        return cls(path, stored)

    @property
    def index(self) -> int:
        return self._stored.index

    @property
    def ceiling(self) -> int:
        return self._stored.ceiling

    @property
    def run_id(self) -> str:
        return self._stored.run_id

    @property
    def parameters(self) -> Mapping[str, str | int]:
        return self._stored.parameters

    @property
    def anchors(self) -> tuple[Anchor, ...]:
        return tuple(self._stored.anchors)

    @property
    def next_us(self) -> int:
        """Live time of the first event that was never sent, by the last anchor. Needs an anchor."""
        last = self._stored.anchors[-1]
        first = max(self._stored.ceiling, self._stored.index, last.index)
        return last.start_us + int((first - last.index) * 1_000_000 / last.rate)

    @property
    def jumps(self) -> tuple[tuple[int, date], ...]:
        """(day number, business date) at which the feed's calendar was brought back to the present."""
        return tuple((number, date.fromisoformat(day)) for number, day in self._stored.jumps)

    def jump(self, day_number: int, business_date: date) -> None:
        """Store that day `day_number`, of which nothing was sent yet, is `business_date`."""
        self._stored.jumps.append((day_number, business_date.isoformat()))
        self._store()

    def save(self, index: int, ceiling: int) -> None:
        """Store that all events below `index` are delivered, and that none at or above `ceiling` was ever
        sent or will be before the next save."""
        if index < self._stored.index or ceiling < index:
            raise AssertionError(f"a cursor went back from {self._stored.index} to {index}, ceiling {ceiling}")
        self._stored.index = index
        self._stored.ceiling = ceiling
        self._store()

    def anchor(self, now_us: int, rate: float, *, from_index: int = 0, keep_from: int = 0) -> tuple[Anchor, ...]:
        """Begin live time anew for every event that was never sent, and store it; returns all anchors.

        Args:
            now_us: when this run begins to send its first paced event, microseconds since 1970.
            rate: events per second of this run.
            from_index: events below it are not paced (opening balances).
            keep_from: no event below it will be made again; anchors that only those need are forgotten.
        """
        if not rate > 0:
            raise InvalidInput("a live feed needs a positive rate", field="rate")
        first_paced = max(self._stored.index, from_index)
        first = max(self._stored.ceiling, first_paced)
        kept = [anchor for anchor in self._stored.anchors if anchor.index < first]
        while len(kept) > 1 and kept[1].index <= keep_from:
            del kept[0]
        start_us = now_us + int((first - first_paced) * 1_000_000 / rate)
        self._stored.anchors = [*kept, Anchor(first, start_us, rate)]
        self._store()
        return self.anchors

    def _store(self) -> None:
        write_atomically(self._path, msgspec.json.encode(self._stored))
