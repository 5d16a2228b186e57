"""Proofs about stored events: that each stands in the log under a signed head, and that heads continue one another.

A proof is one JSON document that needs nothing else: `api/verifier/tidemark_verify.py` checks it without any code of
ours. Its form is in docs/audit-proofs.md. Items of other logs (records of Kafka partitions under their own Merkle
roots) fit into the same document; here are those of the decision log.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from eventsourcing.persistence import StoredEvent

from aggregates.ports import Recorded
from engines.primitives.errors import InvalidInput, NotFound, Unavailable
from infra.checkpoint import encoded
from infra.event_store_base import BaseDecisionRecorder
from infra.event_store_chain import GENESIS, Leaf, link, microseconds
from infra.event_store_head_checks import cosigned
from infra.event_store_heads import Head, leaf_data
from infra.merkle import inclusion_path, leaf_hash, root, verify_inclusion

KIND, VERSION = "tidemark-proof", 1
EVENT_LEAF, RAW_LEAF = "tidemark-event/1", "raw"
CHUNK = 1 << 10


class LogTree:
    """Paths in the tree of the decision log. Keeps the roots of its whole chunks, so that a proof reads two chunks of
    leaves instead of the log; grows as it is asked, and may be shared by threads."""

    def __init__(self, recorder: BaseDecisionRecorder) -> None:
        self._recorder = recorder
        self._starts: list[int] = []  # position of the first leaf of each chunk, the last one not whole
        self._roots: list[bytes] = []  # of the whole chunks
        self._lock = Lock()

    def place(self, position: int) -> tuple[int, bytes]:
        """Index of a leaf in the log, and the chain before it. Raises NotFound: no such position."""
        starts = self._chunks()
        number = bisect_right(starts, position) - 1
        leaves = self._recorder.select_leaves(starts[number], position) if number >= 0 else ()
        if not leaves or leaves[-1].position != position:
            raise NotFound(f"nothing is recorded at position {position}", position=position)
        before = leaves[-2].chain if len(leaves) > 1 else self._chain_before(starts, number)
        return number * CHUNK + len(leaves) - 1, before

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Path of a leaf in the tree of so many leaves. Raises InvalidInput out of range."""
        if not 0 <= index < size:
            raise InvalidInput("the log has no such leaf", index=index, size=size)
        number = index // CHUNK
        within = self._leaves(number)[: size - number * CHUNK]
        return inclusion_path(index % CHUNK, within) + inclusion_path(number, self._over(size))

    def consistency(self, old: int, size: int) -> list[bytes]:
        """That the tree of `old` leaves is the beginning of that of `size` (RFC 6962, 2.1.2)."""
        if not 0 <= old <= size:
            raise InvalidInput("the log was never of this size", old=old, size=size)
        return [] if old in (0, size) else self._subproof(old, 0, size, whole=True)

    def root(self, size: int) -> bytes:
        return self._root(0, size)

    def _subproof(self, old: int, start: int, stop: int, *, whole: bool) -> list[bytes]:
        if old == stop - start:
            return [] if whole else [self._root(start, stop)]
        half = 1 << ((stop - start - 1).bit_length() - 1)
        if old <= half:
            left = self._subproof(old, start, start + half, whole=whole)
            return [*left, self._root(start + half, stop)]
        right = self._subproof(old - half, start + half, stop, whole=False)
        return [*right, self._root(start, start + half)]

    def _root(self, start: int, stop: int) -> bytes:
        """Of a subtree: one that is wider than a chunk begins at one."""
        if stop - start > CHUNK or start % CHUNK == 0:
            return root(self._over(stop)[start // CHUNK :])
        number = start // CHUNK
        return root(self._leaves(number)[start - number * CHUNK : stop - number * CHUNK])

    def _over(self, size: int) -> list[bytes]:
        """Roots of the chunks of a tree of so many leaves, the last one of what it has of them."""
        whole, rest = divmod(size, CHUNK)
        starts = self._chunks()
        with self._lock:
            while len(self._roots) < whole:
                self._roots.append(root(self._read(starts, len(self._roots))))
            found = self._roots[:whole]
        return [*found, root(self._leaves(whole)[:rest])] if rest else found

    def _leaves(self, number: int) -> list[bytes]:
        return self._read(self._chunks(), number)

    def _read(self, starts: Sequence[int], number: int) -> list[bytes]:
        if number >= len(starts):
            return []
        stop = starts[number + 1] - 1 if number + 1 < len(starts) else self._recorder.max_leaf_position()
        return [leaf_hash(leaf_data(leaf)) for leaf in self._recorder.select_leaves(starts[number], stop)][:CHUNK]

    def _chunks(self) -> list[int]:
        with self._lock:
            last = self._recorder.last_head()
            if (last is not None and last.size > len(self._starts) * CHUNK) or not self._starts:
                self._starts = list(self._recorder.leaf_boundaries(CHUNK))
            return list(self._starts)

    def _chain_before(self, starts: Sequence[int], number: int) -> bytes:
        if number == 0:
            return GENESIS
        return self._recorder.select_leaves(starts[number - 1], starts[number] - 1)[-1].chain


def signed_head(recorder: BaseDecisionRecorder, required: int) -> Head:
    """The head to prove under: the newest, or the newest with so many cosignatures (fail closed).

    Raises NotFound (nothing is signed yet), Unavailable (too few witnesses have cosigned any head).
    """
    head = recorder.cosigned_head(required) if required else recorder.last_head()
    if head is None and required and recorder.last_head() is not None:
        raise Unavailable("no head has the cosignatures that are required", required=required)
    if head is None:
        raise NotFound("no head is signed yet")
    return head


def event_proof(
    recorder: BaseDecisionRecorder,
    tree: LogTree,
    events: Sequence[Recorded],
    shown: Sequence[Mapping[str, Any]],
    subject: Mapping[str, Any],
    *,
    required: int = 0,
    known_sizes: Sequence[int] = (),
) -> dict[str, Any]:
    """A proof of stored events; `shown` is each in words, which proves nothing. `known_sizes`: heads that the reader
    keeps; the proof then shows that the log continues them.

    Raises NotFound (no head), Unavailable (the events are newer than what witnesses cosigned; tampered leaves).
    """
    keys = list(recorder.head_keys())
    head = signed_head(recorder, required)
    if not keys:
        raise NotFound("no head is signed yet")
    origin = keys[0].partition("+")[0]
    log: dict[str, Any] = {
        "origin": origin,
        "leaf": EVENT_LEAF,
        "keys": keys,
        "checkpoint": str(cosigned(recorder, head, origin)),
        "known": [
            {"size": size, "path": _texts(tree.consistency(min(size, head.size), max(size, head.size)))}
            for size in sorted({*known_sizes} - {head.size})
            if size <= _size(recorder)
        ],
    }
    newest = recorder.last_head()
    if newest is not None and newest.size > head.size:
        path = tree.consistency(head.size, newest.size)
        log["newer"] = {"checkpoint": str(cosigned(recorder, newest, origin)), "path": _texts(path)}
    items = [_item(tree, event, view, head) for event, view in zip(events, shown, strict=True)]
    return {"kind": KIND, "version": VERSION, "subject": dict(subject), "logs": [log], "items": items}


def _item(tree: LogTree, event: Recorded, view: Mapping[str, Any], head: Head) -> dict[str, Any]:
    if event.position > head.position:
        raise Unavailable("newer than the newest head that may be shown: try later", position=event.position)
    index, before = tree.place(event.position)
    path = tree.inclusion(index, head.size)
    found = {
        "kind": "event",
        "log": 0,
        "index": index,
        "path": _texts(path),
        "position": event.position,
        "recorded_us": microseconds(event.recorded_at),
        "previous_chain": before.hex(),
        "originator_id": str(event.originator_id),
        "originator_version": event.originator_version,
        "topic": event.topic,
        "state": encoded(event.state),
        "shown": dict(view),
    }
    _unless_it_holds(event, before, index, path, head)
    return found


def _unless_it_holds(event: Recorded, before: bytes, index: int, path: Sequence[bytes], head: Head) -> None:
    """A proof that does not hold is a finding, not an answer."""
    stored = StoredEvent(event.originator_id, event.originator_version, event.topic, event.state)
    leaf = Leaf(event.position, microseconds(event.recorded_at), link(before, stored), b"")
    if not verify_inclusion(leaf_hash(leaf_data(leaf)), index, head.size, path, head.root):
        raise Unavailable("the log does not fit its head: run `tidemark audit verify`", position=event.position)


def _texts(path: Sequence[bytes]) -> list[str]:
    return [encoded(one) for one in path]


def _size(recorder: BaseDecisionRecorder) -> int:
    last = recorder.last_head()
    return 0 if last is None else last.size
