"""Old snapshots that stay, ever further apart: so that any past moment is near one (issue 7, item 1).

What is pruned from a state's folder and stands alone (a base) is linked into its `history`, which is thinned: one
every ten minutes for a day, one an hour for a month, one a day for ever, within a bound of bytes. History serves
replays and nothing else: which state a worker goes on from is decided without it (decision S20).
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import structlog

from engines.primitives.errors import CorruptRecord
from infra import snapshot_files as files
from infra.snapshot_files import LogPartition, SnapshotFile, SnapshotName

logger = structlog.get_logger(__name__)

FOLDER = "history"
_DAY_S = 86_400.0


class Rung(NamedTuple):
    """Of snapshots up to an age one is kept in every span of so many seconds."""

    spacing_s: float
    age_s: float


#: Each spacing is a multiple of the one before: what a coarser rung keeps, a finer one has kept.
LADDER = (Rung(600.0, _DAY_S), Rung(3_600.0, 31 * _DAY_S), Rung(_DAY_S, math.inf))
BYTES_MAX = 4 * 1024**3  # of one state of one partition


class Held(NamedTuple):
    """One snapshot of the history: when it was written (seconds since 1970), and its size."""

    written_s: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class History:
    """How much is kept; the folder is that of the state."""

    ladder: Sequence[Rung] = LADDER
    bytes_max: int = BYTES_MAX

    def take(self, folder: Path, doomed: Sequence[SnapshotName]) -> None:
        """Link the bases among snapshots that are about to go, then thin. Raises OSError."""
        if not self.ladder:
            return
        for name in doomed:
            if name.base:
                target = folder / FOLDER / name.path
                files.make_directory(target.parent)
                with suppress(FileExistsError, FileNotFoundError):
                    target.hardlink_to(folder / name.path)
        self.thin(folder)

    def thin(self, folder: Path) -> int:
        """How many went. The newest written says what time it is: no clock is asked."""
        names = listing(folder)
        held = [Held(found.st_mtime, found.st_size) for found in (path(folder, name).stat() for name in names)]
        kept = chosen(held, self.ladder, self.bytes_max)
        for number, name in enumerate(names):
            if number not in kept:
                path(folder, name).unlink(missing_ok=True)
                with suppress(OSError):
                    path(folder, name).parent.rmdir()
        return len(names) - len(kept)


def chosen(held: Sequence[Held], ladder: Sequence[Rung], bytes_max: int) -> set[int]:
    """Places of those that stay: the oldest of each span, then as many as fit, thinned where they lie closest for
    their age. The newest always stays."""
    if not held:
        return set()
    order = sorted(range(len(held)), key=lambda place: (held[place].written_s, place))
    now = held[order[-1]].written_s
    first: dict[tuple[float, float], int] = {}
    for place in order[:-1]:
        spacing = next((rung.spacing_s for rung in ladder if now - held[place].written_s <= rung.age_s), None)
        if spacing is not None:
            first.setdefault((spacing, held[place].written_s // spacing), place)
    kept = sorted([*first.values(), order[-1]], key=lambda place: (held[place].written_s, place))
    total = sum(held[place].size_bytes for place in kept)
    while total > bytes_max and len(kept) > 1:
        gone = kept.pop(_closest([held[place].written_s for place in kept], now))
        total -= held[gone].size_bytes
    return set(kept)


def newest_at_or_below(folder: Path, log: LogPartition, state: str, offset: int) -> SnapshotFile | None:
    """The newest of the history that is whole; a damaged one is passed over with a logged reason. Raises OSError."""
    names = [name for name in listing(folder) if name.next_offset <= offset]
    for name in sorted(names, key=lambda name: (name.next_offset, name.epoch, name.sequence), reverse=True):
        try:
            file = files.decode(name, path(folder, name).read_bytes())
            if (file.meta.log, file.meta.state) != (log, state):
                raise CorruptRecord("the snapshot belongs to another log or state", snapshot=name.path)
        except FileNotFoundError:
            continue  # thinned under us
        except CorruptRecord as error:
            logger.warning("snapshot_skipped", snapshot=f"{FOLDER}/{name.path}", reason=str(error))
            continue
        return file
    return None


def listing(folder: Path) -> list[SnapshotName]:
    found = [
        SnapshotName.parse(f"{child.parent.name}/{child.name}")
        for child in sorted((folder / FOLDER).glob("*/*.base"))
    ]
    return [name for name in found if name is not None]


def path(folder: Path, name: SnapshotName) -> Path:
    return folder / FOLDER / name.path


def _closest(times: Sequence[float], now: float) -> int:
    """Where the neighbours lie nearest to each other, measured by age; never the newest."""
    age = now - times[0] or 1.0

    def gap(place: int) -> float:
        before = times[place - 1] if place else times[0] - age  # whoever goes at the end leaves nothing before it
        return (times[place + 1] - before) / max(now - times[place], 1.0)

    return min(range(len(times) - 1), key=lambda place: (gap(place), -place))
