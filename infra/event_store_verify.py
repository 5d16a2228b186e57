"""Verifying the whole log: parts in parallel, joined into one tree; signed heads, commands and snapshots against it.

What is found is a report of faults, the first by position first; nothing is repaired. A cut-off end cannot be seen
from the store alone: heads kept outside, given as `outside`, tell (decision E7).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, NamedTuple
from uuid import UUID

from aggregates.assets import Assets
from aggregates.ports import Recorded
from infra.checkpoint import Checkpoint, Vkey
from infra.event_store import EventStore
from infra.event_store_chain import EPOCH
from infra.event_store_head_checks import HeadChecks
from infra.event_store_refold import snapshot_faults
from infra.event_store_sound import Sample, Shape
from infra.event_store_walk import PART_LEAVES, Decode, Fault, Part, Stream, Wanted, walk_part
from infra.event_store_workers import Found, opened, read_part, work
from infra.merkle import Frontier

LOWEST = -(1 << 62)
PARALLEL_LEAVES = 4 * PART_LEAVES  # below it, starting processes takes longer than the walk
Progress = Callable[[int, int], None]
"""Called with events done and events in all."""


class Options(NamedTuple):
    """`trusted`: keys believed to be the log's; none: those that the store names, which proves less. `outside`: heads
    kept elsewhere. `start` and `stop` are positions: events between them are verified, and the tree over all."""

    trusted: tuple[Vkey, ...] = ()
    outside: tuple[Checkpoint, ...] = ()
    witnesses: tuple[Vkey, ...] = ()
    start: int | None = None
    stop: int | None = None
    jobs: int = 1
    snapshots: bool = True
    every_signature: bool = False
    signed_before: bool = False  # this host's key has signed heads: a store without any has lost them


@dataclass
class Verification:
    """What was verified, and the faults by position. `size` and `root` are those of the tree over all leaves."""

    size: int = 0
    position: int = 0
    events: int = 0
    heads: int = 0
    commands: int = 0
    snapshots: int = 0
    aggregates: int = 0
    root: bytes = b""
    signed_by: list[str] = field(default_factory=list)
    complete: str = ""
    faults: list[Fault] = field(default_factory=list)
    left_out: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.faults


def verify(store: EventStore, options: Options | None = None, progress: Progress | None = None) -> Verification:
    """Walk everything. Raises Unavailable where the store does not answer; what it holds never raises."""
    options = options or Options()
    found = Verification()
    # The store may grow meanwhile. A head is stored with its leaves and commands; so, of what is read in this order,
    # the newest head must stand within the end, and every command up to the end is there. What is newer is left out.
    newest = store.recorder.last_head()
    last = max(store.recorder.max_leaf_position(), store.recorder.max_notification_id() or 0)
    checks = HeadChecks(store.recorder, options.trusted, options.outside, options.witnesses, newest)
    wanted = list(_parts(store, options, checks.probes, last))
    frontier, streams = Frontier(), dict[bytes, Stream]()
    total, done = len(wanted), 0
    with _walker(store, options.jobs if len(wanted) * PART_LEAVES > PARALLEL_LEAVES else 1) as walk:
        for part in walk(wanted):
            _join(found, part, streams, whole=options.start is None and options.stop is None)
            checks.part(part, frontier)
            if part.leaves == PART_LEAVES:
                frontier.append_subtree(part.root, PART_LEAVES)
                found.root = frontier.root()
            elif part.leaves:
                found.root = frontier.root_with(part.root)
            found.size += part.leaves
            done += 1
            if progress is not None:
                progress(found.size if done < total else max(found.size, 1), max(total * PART_LEAVES, found.size, 1))
    found.aggregates = len(streams)
    checks.finish(found.size, found.position, found.root, every=options.every_signature, lost=options.signed_before)
    found.faults += checks.faults
    found.heads, found.commands, found.signed_by = checks.heads, checks.commands, checks.signed_by
    found.complete, found.notes = checks.complete(found.size), checks.notes
    if options.snapshots and options.start is None and options.stop is None:
        assets = Assets(store.factory)
        found.snapshots, faults = snapshot_faults(assets, store.recorder)
        assets.close()
        found.faults += faults
    if options.start is not None or options.stop is not None:
        low, high = options.start or 1, options.stop or found.position
        found.faults = [one for one in found.faults if low <= one.position <= high]
    found.faults = _sorted(found.faults)
    return found


def _sorted(faults: list[Fault]) -> list[Fault]:
    """By position. Where an event is named, the heads over it differ of necessity, and say nothing new."""
    exact = min((one.position for one in faults if not one.until), default=None)
    kept = [one for one in faults if not one.until or exact is None or one.until < exact]
    return sorted(kept, key=lambda one: one.position)


def _parts(store: EventStore, options: Options, probes: Iterable[int], last: int) -> Iterator[Wanted]:
    starts = [one for one in store.recorder.leaf_boundaries(PART_LEAVES) if one <= last] or ([1] if last else [])
    if starts:
        starts[0] = LOWEST  # an event that someone put before the first leaf
    sizes = sorted(set(probes))
    before = 0
    for number, start in enumerate(starts):
        stop = starts[number + 1] - 1 if number + 1 < len(starts) else last
        base = number * PART_LEAVES
        here = tuple(size - base for size in sizes if base < size <= base + PART_LEAVES)
        events = (options.start or 0) <= stop and start <= (options.stop or last)
        yield Wanted(before, start, stop, here, events)
        before = stop


def _join(found: Verification, part: Part, streams: dict[bytes, Stream], *, whole: bool) -> None:
    found.events += part.events
    found.left_out += part.left_out
    found.faults += part.faults
    found.position = max(found.position, part.last.position)
    for name, here in part.streams.items():
        before = streams.get(name)
        wanted = before.last_version + 1 if before is not None else 1
        if here.first_version != wanted and (before is not None or whole):
            gap = f"version {here.first_version} of its aggregate, want {wanted}: versions are missing"
            found.faults.append(Fault(here.first_position, gap, name.hex(), here.first_version, here.topic))
        streams[name] = here


# --- Parts: whether they hold, by this process or several; and what is wrong where one does not ----------


class _Parts:
    """Parts as they are found to be. One of each form of event is decoded here, once for the whole log."""

    def __init__(self, store: EventStore) -> None:
        self._recorder = store.recorder
        self._assets = Assets(store.factory)
        self._decode = decoder(self._assets)
        self._decoded = set[Shape]()

    def close(self) -> None:
        self._assets.close()

    def settled(self, wanted: Wanted, found: Found) -> Part:
        if found is not None and all(self._is_decoded(*one) for one in found[1].items()):
            return found[0]
        return walk_part(self._recorder, wanted, self._decode)

    def _is_decoded(self, shape: Shape, sample: Sample) -> bool:
        if shape not in self._decoded:
            try:
                self._decode(*sample)
            except Exception:  # any failure of any decoder; the walk says which
                return False
            self._decoded.add(shape)
        return True


@contextmanager
def _walker(store: EventStore, jobs: int) -> Iterator[Callable[[Sequence[Wanted]], Iterable[Part]]]:
    """Not by threads: buffers of a few hundred bytes are hashed without giving up the interpreter's lock, and most of
    the time goes into rows."""
    parts = _Parts(store)
    try:
        if jobs <= 1:
            yield lambda wanted: (parts.settled(one, read_part(store.recorder, one)) for one in wanted)
            return
        with ProcessPoolExecutor(jobs, get_context("spawn"), opened, store.opened_as) as pool:
            yield lambda wanted: map(parts.settled, wanted, pool.map(work, wanted))
    finally:
        parts.close()


def decoder(assets: Assets) -> Decode:
    """Decodes as reading does: registered topic, upcasts, transcodings."""

    def decode(name: bytes, version: int, topic: str, state: bytes) -> None:
        assets.decode(Recorded(0, UUID(bytes=name), version, topic, state, EPOCH))

    return decode


def described(assets: Assets, fault: Fault) -> dict[str, Any]:
    """A fault as people and programs read it: kind and business key too, if they still can be told."""
    found: dict[str, Any] = {"position": fault.position, "what": fault.what}
    if fault.originator_id:
        found |= {"originator_id": fault.originator_id, "version": fault.version, "topic": fault.topic}
        try:
            first = assets.decisions.select_recorded(originator_id=UUID(fault.originator_id), limit=1)
            view = assets.view(first[0])
            found |= {"aggregate": view.aggregate, "key": view.key}
        except Exception:  # the aggregate is the thing that is broken  # noqa: S110
            pass
    return found
