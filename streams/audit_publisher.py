"""Publishes the decision log: every stored event to `tm.audit.event.v1`, confirmed instructions to core
banking.

In order of the log and at least once: the position moves after the records were delivered, so a crash repeats
some, and readers drop the ids they know (`ce_id`, instruction and attempt). A lease on the position keeps one
publisher active (decision S30). Not for reading the log back: that is `Assets.history`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event

import msgspec
import structlog

from aggregates.assets import Assets
from aggregates.rendering import EventView, instant
from engines.primitives.errors import Unavailable
from infra.event_store import Clock, Cursor, EventStore
from streams.posting import CONFIRMED, posting_request
from streams.schemas import cloud_event_headers
from streams.topics import AUDIT, POSTING_REQUEST

log = structlog.get_logger()

CURSOR_NAME = "audit-publisher"
SOURCE = "/tidemark/event-store"
LEASE_S = 15.0
IDLE_S = 0.2
BATCH_EVENTS = 500
BOOK_INSTRUCTION = "AccountingInstruction"  # kept in the books; its confirmation holds no content to send


@dataclass(frozen=True, slots=True)
class OutboundRecord:
    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


Send = Callable[[Sequence[OutboundRecord]], None]
"""Delivers records in the given order and returns when the broker has them all, or raises."""


class AuditPublisher:
    def __init__(
        self,
        app: Assets,
        store: EventStore,
        send: Send,
        *,
        clock: Clock,
        holder: str,
        lease_s: float = LEASE_S,
        batch_events: int = BATCH_EVENTS,
        cursor_name: str = CURSOR_NAME,
        records_of: "Callable[[EventView], Sequence[OutboundRecord]] | None" = None,
    ) -> None:
        """`holder` names this publisher: another string for every process, or a lease is shared unawares.
        `records_of` tells what an event becomes; another answer wants another `cursor_name`."""
        self._app, self._send, self._batch_events = app, send, batch_events
        self._records_of = records_of or outbound
        self._cursor = Cursor(store, cursor_name, holder, clock=clock, lease_s=lease_s)

    @property
    def holds_lease(self) -> bool:
        """Whether this publisher is the one at work."""
        return self._cursor.is_held

    def run_once(self) -> int:
        """Publish what the log has beyond the saved position, one batch; the number of events, 0 also while
        another publisher holds the lease. Raises Unavailable, and whatever `send` raises: then nothing
        moved."""
        position = self._cursor.claim()
        if position is None:
            return 0
        events = self._app.published_after(position, self._batch_events)
        if not events:
            return 0
        records = [record for event in events for record in self._records_of(event)]
        if not self._cursor.is_held:
            return 0  # reading took longer than the lease: another may be sending already
        if records:
            self._send(records)
        if not self._cursor.move(events[-1].position):
            log.warning("audit_lease_lost", position=events[-1].position)
            return 0
        return len(events)

    def run(self, stop: Event, *, idle_s: float = IDLE_S) -> None:
        """Publish until `stop` is set, then end the lease. A store that is away is tried again; other errors
        end the run, and with it the process: its supervisor restarts it at the saved position."""
        while not stop.is_set():
            try:
                published = self.run_once()
            except Unavailable as error:
                log.warning("audit_store_unavailable", error=str(error))
                published = 0
            if not published:
                stop.wait(idle_s)
        try:
            self._cursor.release()
        except Unavailable:
            log.warning("audit_lease_left_to_expire")


def outbound(event: EventView) -> list[OutboundRecord]:
    """The records that one stored event becomes."""
    value = msgspec.json.encode(event.to_json())
    time = instant(event.recorded_at)
    headers = cloud_event_headers(f"tidemark.{event.topic}", str(event.id), SOURCE, time)
    records = [OutboundRecord(AUDIT, str(event.stream_id).encode(), value, headers)]
    if event.type == CONFIRMED and event.aggregate != BOOK_INSTRUCTION:
        request = posting_request(event)
        request_id = f"{request.instruction_id}:{request.attempt}"
        headers = cloud_event_headers("tidemark.posting-request", request_id, SOURCE, time)
        key = request.instruction_id.encode()
        records.append(OutboundRecord(POSTING_REQUEST, key, msgspec.json.encode(request), headers))
    return records
