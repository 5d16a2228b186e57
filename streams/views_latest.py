"""Records of which the view keeps the newest one of each key: deposits, holdings, prices, exchange rates, reserves.

One book a risk topic. A row belongs to one source partition; the record with the highest source offset wins. Not for
sums over rows: `streams.views_securities` and `streams.ratio_items` make those.
"""

from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from streams.views_wire import Source


class Sourced(Protocol):
    source: Source


Row = TypeVar("Row", bound=Sourced)
Waiting = list[tuple[bytes, Row]]


class LatestBook(Generic[Row]):
    """The newest record per source partition and Kafka key. Not thread-safe.

    Args:
        on_change: told each key whose row changed, with the row, or None where it went.
    """

    def __init__(
        self, kind: type[Row], on_change: Callable[[tuple[str, bytes], Row | None], None] | None = None
    ) -> None:
        self.rows: dict[tuple[str, bytes], Row] = {}
        self.changed = False
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)
        self._on_change = on_change or (lambda _key, _row: None)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows.values())

    def waiting(self) -> Waiting[Row]:
        return []

    def decode(self, key: bytes, value: bytes) -> tuple[Source, tuple[bytes, Row]]:
        row: Row = self._decoder.decode(value)
        return row.source, (key, row)

    def hold(self, waiting: Waiting[Row], item: tuple[bytes, Row]) -> None:
        waiting.append(item)

    def settle(self, place: str, waiting: Waiting[Row], limit: int) -> None:
        """Take over the waiting rows with offset <= limit; the others go on waiting."""
        for key, row in waiting:
            held = self.rows.get((place, key))
            if row.source.offset <= limit and (held is None or row.source.offset > held.source.offset):
                self.rows[place, key] = row
                self.changed = True
                self._on_change((place, key), row)
        waiting[:] = [item for item in waiting if item[1].source.offset > limit]

    def clear(self, place: str, *, same_log: bool) -> None:
        """Forget one source partition: another log or fold version takes its place."""
        for key in [key for key in self.rows if key[0] == place]:
            del self.rows[key]
            self._on_change(key, None)
        self.changed = True
