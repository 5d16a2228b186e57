"""One part of the log, column by column: whether everything in it holds, without saying what does not.

A walk event by event spends most of its time between the hashes. Here whole columns are asked the same, so that
what is left of an event is its three hashes and its share of the tree. The answer is yes or no: of a part that does
not hold in every respect, or whose rows are of other types than the store writes, `event_store_walk` names the
places.
A test holds that both ways say yes to the same rows.
"""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from operator import lt
from typing import Any, NamedTuple

import msgspec
import numpy as np

from infra.event_store_base import BaseDecisionRecorder, LogRow
from infra.event_store_chain import Leaf
from infra.event_store_walk import ID_BYTES, Part, Stream, Wanted, finished, leaf_before
from infra.merkle import HASH_BYTES

_LEAF = np.dtype([("position", ">u8"), ("recorded_us", ">u8"), ("chain", "V32")])
_NAME = np.dtype([("id", "V16"), ("version", ">u8"), ("topic_bytes", ">u4")])
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode_lines


class Sample(NamedTuple):
    """The first event of a part that has this topic and these names of fields."""

    name: bytes
    version: int
    topic: str
    state: bytes


Shape = tuple[str, ...]
"""Topic and names of the fields of a state."""


class _Doubt(Exception):
    """Something does not hold, or cannot be told here."""


def sound_part(recorder: BaseDecisionRecorder, wanted: Wanted) -> tuple[Part, dict[Shape, Sample]] | None:
    """The part and one event of each shape, which are still to be decoded; None: walk it to see what is wrong."""
    with _no_collection():
        rows = recorder.select_log(wanted.start, wanted.stop)
        try:
            part, samples, hashes, positions = _sound(rows, leaf_before(recorder, wanted.before))
        except Exception:  # whatever someone wrote into these columns
            return None
        return finished(part, recorder, wanted, hashes, positions), samples


def _sound(rows: Sequence[LogRow], before: Leaf) -> tuple[Part, dict[Shape, Sample], Sequence[bytes], Sequence[int]]:
    if not rows:
        return Part(last=before), {}, [], []
    positions, names, versions, topics, states, recorded, chains, heads = zip(*rows, strict=True)
    for column, kind in ((positions, int), (versions, int), (topics, str), (states, bytes), (recorded, int)):
        _hold(set(map(type, column)) == {kind})
    for column in (chains, heads):
        _hold(set(map(type, column)) == {bytes} and set(map(len, column)) == {HASH_BYTES})
    _hold(all(map(lt, (before.recorded_us, *recorded), recorded)))
    leaves = np.empty(len(rows), _LEAF)
    leaves["position"], leaves["recorded_us"] = positions, recorded
    leaves["chain"] = np.frombuffer(b"".join(chains), "V32")
    data = leaves.view("V48").tolist()
    raws = _raw_names(names)
    _hold(_links((before.chain, *chains), raws, versions, topics, states) == list(chains))
    _hold(
        [sha256(head + one).digest() for head, one in zip((before.head, *heads), data, strict=False)] == list(heads)
    )
    part = Part(events=len(rows), last=Leaf(positions[-1], recorded[-1], chains[-1], heads[-1]))
    part.streams = _streams(raws, versions, positions, topics)
    samples = {
        shape: Sample(raws[at], versions[at], topics[at], states[at]) for shape, at in _shapes(topics, states).items()
    }
    return part, samples, [sha256(b"\x00" + one).digest() for one in data], positions


def _raw_names(names: Sequence[Any]) -> Sequence[bytes]:
    """Ids of 16 bytes. Digits are those that the store writes: of others the bytes would be the same."""
    kinds = set(map(type, names))
    if kinds == {str}:
        text = "".join(names)
        raw = bytes.fromhex(text)
        _hold(set(map(len, names)) == {2 * ID_BYTES} and raw.hex() == text)
        found: list[bytes] = np.frombuffer(raw, "V16").tolist()
        return found
    _hold(kinds == {bytes} and set(map(len, names)) == {ID_BYTES})
    return names


def _links(
    before: Iterable[bytes],
    raws: Sequence[bytes],
    versions: Sequence[int],
    topics: Sequence[str],
    states: Sequence[bytes],
) -> list[bytes]:
    """hₙ as `event_store_chain.link` has it, each from the stored one before it."""
    encoded = {topic: topic.encode() for topic in set(topics)}
    texts = [encoded[topic] for topic in topics]
    middle = np.empty(len(raws), _NAME)
    middle["id"] = np.frombuffer(b"".join(raws), "V16")
    middle["version"], middle["topic_bytes"] = versions, list(map(len, texts))
    pieces = zip(before, middle.view("V28").tolist(), texts, states, strict=False)
    return [sha256(b"".join(piece)).digest() for piece in pieces]


def _streams(
    raws: Sequence[bytes], versions: Sequence[int], positions: Sequence[int], topics: Sequence[str]
) -> dict[bytes, Stream]:
    firsts, lasts = dict[bytes, int](), dict[bytes, int]()
    for at, (raw, version) in enumerate(zip(raws, versions, strict=True)):
        if raw not in lasts:
            firsts[raw] = at
        elif lasts[raw] + 1 != version:
            raise _Doubt
        lasts[raw] = version
    return {raw: Stream(versions[at], positions[at], lasts[raw], topics[at]) for raw, at in firsts.items()}


def _shapes(topics: Sequence[str], states: Sequence[bytes]) -> dict[Shape, int]:
    """Where each shape stands first. Every state is held to be one object of JSON."""
    by_topic = dict[str, list[int]]()
    for at, topic in enumerate(topics):
        if topic in by_topic:
            by_topic[topic].append(at)
        else:
            by_topic[topic] = [at]
    found = dict[Shape, int]()
    for topic, places in by_topic.items():
        own = [states[at] for at in places]
        lines = b"\n".join(own)
        # A line for each: no state may end in another's. What is skipped below is not held to be UTF-8.
        _hold(lines.count(b"\n") == len(own) - 1 and str(lines, "utf-8") != "")
        names = tuple(_fields(own[0])[0])
        try:  # Mostly they are all alike, which takes half the time to see.
            _hold(len(_alike(names).decode_lines(lines)) == len(own))  # of empty lines none is made
            found[topic, *names] = places[0]
        except (msgspec.ValidationError, ValueError):
            fields = _fields(lines)
            _hold(len(fields) == len(own))
            for at, one in zip(reversed(places), reversed(fields), strict=True):
                found[topic, *one] = at
    return found


@lru_cache
def _alike(names: tuple[str, ...]) -> "msgspec.json.Decoder[msgspec.Struct]":
    """Takes objects that have these fields and no others. Raises ValueError for names that it cannot be made for."""
    fields = [f"field_{number}" for number in range(len(names))]
    kind = msgspec.defstruct(
        "Alike",
        [(field, msgspec.Raw) for field in fields],
        rename=dict(zip(fields, names, strict=True)),
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(kind)


def _hold(is_so: bool) -> None:
    if not is_so:
        raise _Doubt


@contextmanager
def _no_collection() -> Iterator[None]:
    """Rows hold no cycles, and looking for some among millions of them takes a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
