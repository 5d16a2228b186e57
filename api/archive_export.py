"""What `api.routes.archive` gives out: segments by their id, pages of records. Who may have them.

A raw file holds records of every entity: whoever may not see all entities gets none, and no record either, since what
an entity is cannot be told of every topic. Commands carry signed tokens and are not given out at all.
"""

import base64
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import msgspec
import polars as pl

from aggregates.envelope import EVERY_ENTITY, Principal
from api.paging import Place
from engines.primitives.errors import Forbidden, InvalidInput, NotFound
from infra import archive_files as files
from infra.archive_manifest import Segment
from infra.archive_store import PRIVATE
from streams.archive_reader import ArchiveReader

#: Internal audit, and other systems: the bank's planning and big-data platforms (IN-12).
ROLES = frozenset({"IA", "EX"})


class Page(NamedTuple):
    """Records as bytes; where the next page begins, and where the archive ends now."""

    content: bytes
    next_offset: int
    end: int


def refuse_unless_permitted(reader: Principal) -> None:
    """Raises Forbidden: not of these roles, or not of all entities."""
    if not ROLES & set(reader.roles):
        raise Forbidden("the archive is for internal audit and the bank's data platforms", guard="ROLE")
    if EVERY_ENTITY not in reader.entities:
        raise Forbidden(
            "archived files hold records of all entities: a token for all of them is needed", guard="ENTITY"
        )


def refuse_private(topic: str) -> None:
    """Raises Forbidden for topics whose records hold secrets."""
    if topic in PRIVATE:
        raise Forbidden(f"{topic} holds signed tokens and is not given out", topic=topic)


class Exports:
    """Thread-safe. Segments are found by id in a list that is read again when one is not in it."""

    def __init__(self, reader: ArchiveReader) -> None:
        self._reader = reader
        self._by_id: dict[str, Segment] = {}
        self._lock = Lock()

    def segments(self, topic: str | None, partition: int | None, start: int) -> Iterator[Segment]:
        """Segments that hold records at or after `start`, by topic, log, partition and offset."""
        for segment in self._all(topic):
            if segment.to_offset > start and partition in (None, segment.partition):
                yield segment

    def file(self, segment_id: str) -> tuple[Segment, Path]:
        """A segment and where it lies. Raises NotFound; Forbidden for one that holds secrets."""
        with self._lock:
            found = self._by_id.get(segment_id)
        if found is None or not (self._reader.store.root / found.path).is_file():
            found = next((one for one in self._all(None, also_private=True) if id_of(one) == segment_id), None)
        if found is None:
            raise NotFound("no such segment; compaction may have put it into another: list them again", field="id")
        refuse_private(found.topic)
        return found, self._reader.store.file(found)

    def records(self, topic: str, partition: int, start: int, limit: int, *, arrow: bool) -> Page:
        """At most `limit` records from `start` on; offsets without a record are skipped.

        Raises NotFound where nothing is archived, InvalidInput where it begins later or ends before `start`.
        """
        refuse_private(topic)
        held = self._reader.bounds(topic, partition)
        if held is None:
            raise NotFound(f"nothing of {topic}/{partition} is archived", topic=topic)
        if not held[0] <= start <= held[1]:
            raise InvalidInput(f"the archive holds [{held[0]}, {held[1]})", field="from")
        parts: list[pl.DataFrame] = []
        left, upto = limit, held[1]
        for rows in self._reader.frames(topic, partition, start, held[1]):
            parts.append(rows.head(left))
            left -= len(parts[-1])
            if not left:
                upto = int(parts[-1]["offset"][-1]) + 1
                break
        frame = pl.concat(parts) if parts else pl.DataFrame(schema=files.RAW)
        return Page(_arrow(frame) if arrow else _ndjson(frame), upto, held[1])

    def _all(self, topic: str | None, *, also_private: bool = False) -> Iterator[Segment]:
        for log in self._reader.store.logs(topic):
            manifest = self._reader.store.manifest(log)
            for segment in manifest.segments if manifest is not None else ():
                with self._lock:
                    self._by_id[id_of(segment)] = segment
                if also_private or segment.topic not in PRIVATE:
                    yield segment


def id_of(segment: Segment) -> str:
    """Of a segment and its content; two logs may hold files of the same bytes."""
    log = (segment.cluster_id, segment.topic, segment.topic_id, segment.partition)
    return sha256(msgspec.json.encode([*log, segment.from_offset, segment.to_offset, segment.sha256])).hexdigest()


def place(segment: Segment) -> Place:
    """Where a segment stands in the list. By its end: what compaction puts in its place is listed after it."""
    return (segment.topic, segment.topic_id, segment.partition, segment.to_offset)


def shown(segment: Segment) -> dict[str, Any]:
    return {
        "id": id_of(segment),
        "topic": segment.topic,
        "partition": segment.partition,
        "log": f"{segment.cluster_id}/{segment.topic_id}",
        "from_offset": segment.from_offset,
        "to_offset": segment.to_offset,
        "records": segment.rows,
        "bytes": segment.bytes,
        "date": segment.date,
        "path": segment.path,
        "sha256": segment.sha256,
        "merkle_root": segment.root,
    }


def _arrow(frame: pl.DataFrame) -> bytes:
    sink = BytesIO()
    frame.write_ipc_stream(sink)
    return sink.getvalue()


def _ndjson(frame: pl.DataFrame) -> bytes:
    records = files.records_of(frame)
    columns = (records.offsets, records.timestamps_us, records.keys, records.values, records.headers)
    lines = []
    for offset, time_us, key, value, headers in zip(*columns, strict=True):
        record: dict[str, Any] = {"offset": offset, "timestamp_us": time_us}
        record |= _text("key", key) | _text("value", value)
        record["headers"] = [{"name": name} | _text("value", text) for name, text in headers]
        lines.append(msgspec.json.encode(record))
    return b"".join(line + b"\n" for line in lines)


def _text(name: str, data: bytes | None) -> dict[str, Any]:
    """The bytes as text where they are, else in base64 under another name: nothing is lost or made up."""
    try:
        return {name: None if data is None else data.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data or b"").decode("ascii")}
