"""An access log whose broker is a list that can be away, and that can be searched like the topic."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from api.access import Access
from engines.primitives.errors import Unavailable
from streams.access_log import CAPACITY, AccessLog, AccessRecord
from streams.access_reader import Wanted
from streams.audit_publisher import OutboundRecord

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Told:
    """`records` sends what waits and gives everything told so far."""

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        self.is_away = False
        self.outbound: list[OutboundRecord] = []
        self.searched_since: list[datetime] = []
        self.log = AccessLog(self._send, clock=lambda: NOW, capacity=capacity)

    def _send(self, records: Sequence[OutboundRecord]) -> None:
        if self.is_away:
            raise Unavailable("no broker")
        self.outbound += records

    @property
    def records(self) -> list[AccessRecord]:
        while self.log.send_once():
            pass
        return [msgspec.json.decode(one.value, type=AccessRecord) for one in self.outbound]

    def take(self) -> list[AccessRecord]:
        """What was told since the last call."""
        found = self.records
        self.outbound.clear()
        return found

    def search(self, since: datetime, wanted: Wanted, limit: int) -> list[AccessRecord]:
        self.searched_since.append(since)
        return [record for record in self.records if wanted(record)][::-1][:limit]

    def access(self, *reads_of: str) -> Access:
        return Access(self.log, self.search, frozenset(reads_of))
