"""Tells the neighbours: follows the decision log, asks again what nobody answered, takes up records that had to wait.

As the audit publisher: the position is saved after delivery, a lease keeps one at work, ids are stable, readers drop
what they know.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event

import structlog

from aggregates.assets import Assets
from engines.primitives.errors import Unavailable
from infra.event_store import Clock, EventStore
from infra.reference_store import ReferenceStore
from streams.audit_publisher import IDLE_S, AuditPublisher, Send
from streams.integrations.inbound import IntegrationHandler
from streams.integrations.open_requests import Patience, Reminder
from streams.integrations.outbound import records_of
from streams.integrations.rules import RULES

log = structlog.get_logger()

CURSOR_NAME = "integrations"
LOOK_EVERY_S = 10.0


class IntegrationPublisher:
    def __init__(
        self,
        app: Assets,
        store: EventStore,
        reference: ReferenceStore,
        send: Send,
        *,
        clock: Clock,
        holder: str,
        patience: Patience | None = None,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """`holder` names this publisher: another string for every process, or a lease is shared unawares."""
        self._clock, self._send = clock, send
        self._log = AuditPublisher(
            app,
            store,
            send,
            clock=clock,
            holder=holder,
            cursor_name=CURSOR_NAME,
            records_of=lambda event: records_of(app, event),
        )
        self._reminder = Reminder(app, reference, patience or Patience())
        self._handler = IntegrationHandler(app, reference, RULES)
        self._look_every = timedelta(seconds=look_every_s)
        self._look_next: datetime | None = None

    def run_once(self) -> int:
        """One batch of the log; where there is none, and it is time, reminders and waiting records. Returns how much
        was done; 0 also while another publisher holds the lease. Raises Unavailable and whatever `send` raises."""
        done = self._log.run_once()
        if done or not self._log.holds_lease or not self._is_time():
            return done
        again = self._reminder.due(self._clock())
        if again:
            log.info("neighbours_reminded", records=len(again))
            self._send(again)
        taken_up = self._handler.sweep()
        return len(again) + taken_up

    def run(self, stop: Event, *, idle_s: float = IDLE_S) -> None:
        """Run until `stop` is set, then end the lease, as `AuditPublisher.run` does."""
        while not stop.is_set():
            try:
                done = self.run_once()
            except Unavailable as error:
                log.warning("integrations_store_unavailable", error=str(error))
                done = 0
            if not done:
                stop.wait(idle_s)
        self._log.run(stop)  # nothing is left to do but to give the lease back

    def _is_time(self) -> bool:
        now = self._clock()
        if self._look_next is not None and now < self._look_next:
            return False
        self._look_next = now + self._look_every
        return True


#: A function of the same shape as the worker's handlers, for one topic.
Take = Callable[[bytes | None, bytes, datetime], tuple[str, str] | None]


def handlers(app: Assets, reference: ReferenceStore) -> dict[str, Take]:
    """What the worker does with each inbound topic; the answer is (field, reason) for the dead letter, or None."""
    handler = IntegrationHandler(app, reference, RULES)

    def take(topic: str) -> Take:
        def one(key: bytes | None, value: bytes, at: datetime) -> tuple[str, str] | None:
            letter = handler.handle(topic, key, value, at).dead_letter
            if letter is None:
                return None
            return (letter.field if letter.guard == "-" else letter.guard), f"{letter.code}: {letter.reason}"

        return one

    return {topic: take(topic) for topic in RULES}
