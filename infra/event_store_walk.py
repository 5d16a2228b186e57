"""Verifying one part of the log: chain, leaves, versions and stored bytes of some positions, and their Merkle hashes.

A part stands on the stored leaf before it, so parts can be walked in any order and by several processes; that the
leaf itself is right is the part before's finding. After a fault the walk goes on from what is stored, so that a
change in one place is one fault and further ones are found too. Pure but for reading rows; the whole log is
`event_store_verify`.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from infra.event_store_base import BaseDecisionRecorder, LogRow
from infra.event_store_chain import NO_LEAF, Leaf
from infra.event_store_heads import Head, leaf_data
from infra.merkle import Frontier, leaf_hash, root

PART_LEAVES = 1 << 14  # of one part: a complete subtree, so that parts join into the tree of the whole log
ID_BYTES = 16
FAULTS_MAX = 100  # of one part; where more is wrong, more places help nobody

#: Raises whatever it likes if an event cannot be read: bytes of the id, version, topic, state.
Decode = Callable[[bytes, int, str, bytes], None]

_PLACE, _HEAD = Struct(">QQ").pack, Struct(">16sQI").pack


class Fault(NamedTuple):
    """One place that does not verify. `originator_id` in hexadecimal; empty or 0 where the fault is of no event.
    `until`: the last of several positions among which the fault cannot be told apart, else 0."""

    position: int
    what: str
    originator_id: str = ""
    version: int = 0
    topic: str = ""
    until: int = 0


class PartHead(NamedTuple):
    """A head whose last leaf stands in a part, and the root of the part's leaves up to there."""

    head: Head
    leaves: int
    root: bytes


class Stream(NamedTuple):
    """What a part holds of one aggregate."""

    first_version: int
    first_position: int
    last_version: int
    topic: str


@dataclass
class Part:
    leaves: int = 0
    events: int = 0
    root: bytes = b""
    last: Leaf = NO_LEAF
    heads: list[PartHead] = field(default_factory=list)
    probes: dict[int, bytes] = field(default_factory=dict)  # root of the first so many leaves of the part
    streams: dict[bytes, Stream] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    left_out: int = 0


class Wanted(NamedTuple):
    """Positions start..stop; `before` is the last position of the part before. Probes count the part's leaves."""

    before: int
    start: int
    stop: int
    probes: Collection[int] = ()
    events: bool = True  # else leaves alone are read, for their hashes


def walk_part(recorder: BaseDecisionRecorder, wanted: Wanted, decode: Decode) -> Part:
    """Event by event, with every fault at its place."""
    part = Part()
    before = leaf_before(recorder, wanted.before)
    hashes, positions = _events(recorder.select_log(wanted.start, wanted.stop), before, part, decode)
    return finished(part, recorder, wanted, hashes, positions)


def leaves_part(recorder: BaseDecisionRecorder, wanted: Wanted) -> Part:
    """Leaves alone, for their hashes: events are not asked for."""
    leaves = recorder.select_leaves(wanted.start, wanted.stop)
    part = Part(last=leaves[-1] if leaves else leaf_before(recorder, wanted.before))
    hashes, positions = [leaf_hash(leaf_data(leaf)) for leaf in leaves], [leaf.position for leaf in leaves]
    return finished(part, recorder, wanted, hashes, positions)


def finished(
    part: Part,
    recorder: BaseDecisionRecorder,
    wanted: Wanted,
    hashes: Sequence[bytes],
    positions: Sequence[int],
) -> Part:
    """The part with the tree over its leaves and the heads that stand in it."""
    part.leaves = len(hashes)
    part.probes = {size: root(hashes[:size]) for size in wanted.probes if size <= len(hashes)}
    part.heads, part.root = _part_heads(recorder.select_heads(wanted.start, wanted.stop), hashes, positions)
    return part


def leaf_before(recorder: BaseDecisionRecorder, position: int) -> Leaf:
    found = recorder.select_leaves(position, position) if position else ()
    return found[0] if found else NO_LEAF


def _part_heads(
    heads: Iterable[Head], hashes: Sequence[bytes], positions: Sequence[int]
) -> tuple[list[PartHead], bytes]:
    """The heads within a part, and the root of all its leaves."""
    found, grown, done = [], Frontier(), 0
    for head in heads:
        count = done
        while count < len(positions) and positions[count] <= head.position:
            count += 1
        if count - done == 1:
            grown.append(hashes[done])
        else:
            grown.extend(hashes[done:count])
        done = count
        found.append(PartHead(head, count, grown.root()))
    grown.extend(hashes[done:])
    return found, grown.root()


def _events(rows: Iterable[LogRow], before: Leaf, part: Part, decode: Decode) -> tuple[list[bytes], list[int]]:  # noqa: PLR0912 - one loop, a call for each event would cost a fifth
    """Hashes and positions of the leaves. What is wrong goes into `part`; a row is never trusted to be of a type."""
    hashes: list[bytes] = []
    positions: list[int] = []
    firsts, versions, shapes = dict[bytes, tuple[int, int, str]](), dict[bytes, int](), set[Any]()
    parse = msgspec.json.Decoder().decode
    _, last_us, chain, head = before
    for row in rows:
        position, name, version, topic, state, recorded_us, stored_chain, stored_head = row
        if recorded_us is None:
            _note(part, row, "an event stands without its leaf")
            continue
        fault, data = "", b""
        try:
            data = _PLACE(position, recorded_us) + stored_chain  # the leaf as it is stored; the event must fit it
            hashes.append(sha256(b"\x00" + data).digest())
            positions.append(position)
            if name is None:
                fault = "a leaf stands without its event"
            else:
                part.events += 1
                raw = _raw_name(name)
                text = topic.encode()
                if sha256(chain + _HEAD(raw, version, len(text)) + text + state).digest() != stored_chain:
                    fault = "the chain does not continue here: this event was changed, or one before it removed"
                else:
                    fault = _unreadable(parse, decode, shapes, raw, version, topic, state)
                known = versions.get(raw)
                if known is None:
                    firsts[raw] = (version, position, topic)
                elif version != known + 1:
                    fault = fault or f"version {version} follows version {known} of its aggregate"
                versions[raw] = version
        except Exception:  # whatever someone wrote into these columns
            fault = "the stored row cannot be read: it holds what the store never writes"
        if not fault and recorded_us <= last_us:
            fault = "recorded_at does not rise"
        if not fault and sha256(head + data).digest() != stored_head:
            fault = "position or recorded_at was changed"
        if fault:
            _note(part, row, fault)
        last_us = recorded_us if type(recorded_us) is int else last_us
        chain = stored_chain if type(stored_chain) is bytes else chain
        head = stored_head if type(stored_head) is bytes else head
    part.streams = {raw: Stream(first[0], first[1], versions[raw], first[2]) for raw, first in firsts.items()}
    if positions:
        part.last = Leaf(positions[-1], last_us, chain, head)
    else:
        part.last = before
    return hashes, positions


def _raw_name(name: Any) -> bytes:
    """Raises ValueError unless it is the one way in which the store writes an id: other digits, blanks or bytes too
    many have the same hash, and events under such a name are never read again."""
    raw: bytes = bytes.fromhex(name) if type(name) is str else name
    if len(raw) != ID_BYTES or (type(name) is str and raw.hex() != name):
        raise ValueError(name)
    return raw


def _unreadable(
    parse: Callable[[bytes], Any],
    decode: Decode,
    shapes: set[Any],
    raw: bytes,
    version: int,
    topic: str,
    state: bytes,
) -> str:
    """Every state is parsed; of those that look alike (topic and names of the fields) one is decoded in full."""
    try:
        fields = parse(state)
        shape = (topic, *fields)
        if shape not in shapes:
            decode(raw, version, topic, state)
            shapes.add(shape)
    except Exception as error:  # any failure of any decoder is the finding
        return f"the stored bytes cannot be decoded ({type(error).__name__})"
    return ""


def _note(part: Part, row: LogRow, what: str) -> None:
    if len(part.faults) >= FAULTS_MAX:
        part.left_out += 1
        return
    _, name, version, topic = row[:4]
    shown = name.hex() if isinstance(name, bytes) else name.hex if isinstance(name, UUID) else str(name or "")
    known = version if isinstance(version, int) else 0
    part.faults.append(Fault(row[0], what, shown, known, topic if isinstance(topic, str) else ""))
