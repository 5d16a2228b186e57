"""What was asked of a neighbour and is not answered yet: it is asked again, the record unchanged (PM6, and the like).

Read from the present state of the aggregates, so that no list of open questions can be lost. A neighbour knows a
record that it has seen by its id. Not for postings: one that is not answered is asked about, never sent again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from aggregates.assets import Assets
from aggregates.registry import KINDS
from aggregates.rendering import EventView
from infra.reference_store import ReferenceStore
from streams.audit_publisher import OutboundRecord
from streams.integrations.outbound import records_of

MINUTE = timedelta(minutes=1)


QUESTIONS = ("Submit", "MarkTimedOut", "MarkReversalTimedOut")

#: Kinds that may wait for a neighbour, and those of their rows whose event asks him.
ASKING = {
    name: rows
    for name, kind in KINDS.items()
    if (rows := tuple(row for row in kind.ROWS if row.command in QUESTIONS))
    or name in ("CollectionTask", "Notification", "RiskCustomer")
}


class Open(NamedTuple):
    """The event that asked, by stream and version; `every`: how long to wait; `times_max`: 0 for without end."""

    aggregate: str
    key: str
    version: int
    since: datetime
    every: timedelta
    times_max: int = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each neighbour is waited for before it is asked again."""

    posting_query: timedelta = 5 * MINUTE
    collection: timedelta = 10 * MINUTE
    graph: timedelta = 10 * MINUTE
    file: timedelta = 10 * MINUTE
    message: timedelta = 10 * MINUTE
    message_times: int = 3
    approval: timedelta = timedelta(days=1)


def open_requests(app: Assets, reference: ReferenceStore, patience: Patience) -> Iterator[Open]:
    """Every question without an answer, oldest aggregates first of each kind."""
    stored = {fact.key for fact in reference.of_kind("FILE")}
    with app.model.current() as model:
        found = [open_ for name in ASKING for case in model.of_kind(name) for open_ in _of_case(case, patience)]
        files = [(file, sorted(file.versions.items())) for file in model.of_kind("CustomerFile")]
    yield from found
    for file, versions in files:
        missing = {(doc, sha) for doc, hashes in versions for sha in hashes if f"{doc}.{sha}" not in stored}
        if missing:
            yield from _files(app, file, missing, patience)


def _of_case(case: Any, patience: Patience) -> Iterator[Open]:
    def asked(event: str, every: timedelta, times_max: int = 0) -> Open:
        return Open(case.NAME, case.key, case.seen[event], case.modified_on, every, times_max)

    if case.NAME == "CollectionTask" and case.stage == "REQUESTED" and "CollectionRequested" in case.seen:
        yield asked("CollectionRequested", patience.collection)
    elif case.NAME == "Notification" and case.stage == "QUEUED":
        yield asked("MessageQueued", patience.message, patience.message_times)
    elif case.NAME == "RiskCustomer" and case.stage == "AT_RISK":
        began = max(("CustomerRegistered", "CustomerReentered"), key=lambda name: case.seen.get(name, 0))
        if 0 < case.seen.get(began, 0) > case.seen.get("RelationsSynced", 0):
            yield asked(began, patience.graph)
    for row in ASKING[case.NAME]:
        waits = row.event in case.seen and isinstance(row.next, str) and case.stage_of(row) == row.next
        if waits and row.command != "Submit":
            yield asked(row.event, patience.posting_query)
        elif waits:
            yield asked(row.event, patience.approval)


def _files(app: Assets, file: Any, missing: set[tuple[str, str]], patience: Patience) -> Iterator[Open]:
    for recorded in app.decisions.select_recorded(originator_id=file.id):
        view = app.view(recorded)
        place = (view.payload.get("doc_id", ""), view.payload.get("sha256", ""))
        if place in missing and view.payload.get("ecm_ref", "-") == "-":
            yield Open(file.NAME, file.key, view.version, view.recorded_at, patience.file)


@dataclass(slots=True)
class Reminder:
    """When each open question was last asked. Kept in memory: after a restart what is overdue is asked once more."""

    app: Assets
    reference: ReferenceStore
    patience: Patience = field(default_factory=Patience)
    asked: dict[tuple[str, str, int], tuple[datetime, int]] = field(default_factory=dict)

    def due(self, now: datetime) -> list[OutboundRecord]:
        """The records to send again now."""
        still_open = list(open_requests(self.app, self.reference, self.patience))
        known = {one[:3] for one in still_open}
        self.asked = {place: last for place, last in self.asked.items() if place in known}
        return [record for one in self._overdue(still_open, now) for record in records_of(self.app, self._event(one))]

    def _overdue(self, still_open: Iterable[Open], now: datetime) -> Iterator[Open]:
        for one in still_open:
            last, times = self.asked.get(one[:3], (one.since, 0))
            if now - last >= one.every and (not one.times_max or times < one.times_max):
                self.asked[one[:3]] = (now, times + 1)
                yield one

    def _event(self, one: Open) -> EventView:
        stream_id = self.app.stream_id(one.aggregate, one.key)
        recorded = self.app.decisions.select_recorded(originator_id=stream_id)
        return self.app.view(next(event for event in recorded if event.originator_version == one.version))
