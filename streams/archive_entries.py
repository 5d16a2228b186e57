"""Single records whose place the log has given up: out of the archive, in the same form (`streams.views_entries`)."""

from collections.abc import Callable
from typing import Any

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME

from engines.primitives.errors import NotFound
from infra.archive_files import Headers
from streams.archive_reader import ArchiveReader
from streams.views_entries import Entry, to_entry

ReadEntry = Callable[[str, int, int], Entry]


class _Archived:
    """A record as confluent-kafka shows one."""

    def __init__(self, place: tuple[str, int, int], when_us: int, key: Any, value: Any, headers: Headers) -> None:
        self._place, self._when_us, self._key, self._value, self._headers = place, when_us, key, value, headers

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._place[2]

    def timestamp(self) -> tuple[int, int]:
        return TIMESTAMP_LOG_APPEND_TIME, self._when_us // 1_000

    def key(self) -> bytes | None:
        return self._key  # type: ignore[no-any-return]

    def value(self) -> bytes | None:
        return self._value  # type: ignore[no-any-return]

    def headers(self) -> Headers:
        return self._headers


def or_archived(read: ReadEntry, archive: ArchiveReader) -> ReadEntry:
    """`read`, and where the log has no such record any more, the archive's."""

    def entry(topic: str, partition: int, offset: int) -> Entry:
        try:
            return read(topic, partition, offset)
        except NotFound:
            for found in archive.records(topic, partition, offset, offset + 1):
                if len(found):
                    place = (topic, partition, offset)
                    columns = (found.timestamps_us[0], found.keys[0], found.values[0], found.headers[0])
                    return to_entry(_Archived(place, *columns))  # type: ignore[arg-type]
            raise

    return entry
