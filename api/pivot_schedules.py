"""Kept pivots that run by themselves: when one falls due, who sees its files, and the thread that makes them.

A schedule follows the business dates that the log tells, not the clock: daily means every working day once all of its
entities have gone on to a later date, weekly and monthly the last working day of a week or month that is over. What
was missed while nothing ran is caught up once, with the newest day due. One process works, under a lease; a file is
named by its day and its event stored after it, so that a kill between the two makes the file again and tells it once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import structlog

from aggregates.commands import Command
from aggregates.envelope import EVERY_ENTITY, Principal
from api.ledger_exports import NOTICE_DAYS, form_of
from api.pivot_saved import NEVER, PIVOT, Kept
from api.pivots import Pivots
from api.services import Services
from engines.primitives.errors import NotFound, TidemarkError
from engines.work_calendar import WorkCalendar
from infra.event_store import Cursor, EventStore
from infra.files import write_atomically
from infra.pivot_definition import Moment
from projections.work.sight import HEAD_OFFICE

log = structlog.get_logger()

CURSOR_NAME = "report-schedules"
LEASE_S = 60.0
EVERY_S = 5.0
SYSTEM = Principal("report-schedules", ("SY",), "-", (EVERY_ENTITY,))
WATCHER = Principal("report-schedules", ("IA",), "-", (EVERY_ENTITY,))
TELLER = Principal("system", ("SA",), "-", (EVERY_ENTITY,))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A report that is there. `readers`: its maker, and the roles that it is shared with."""

    pivot_no: str
    title: str
    business_date: date
    file_name: str
    digest: str
    owner: str
    roles: tuple[str, ...]
    entity: str
    link: str


#: Told of each delivery, once or, after a kill at the wrong moment, again with the same content.
Hook = Callable[[Delivery], None]


def due(every: str, current: date, last: date | None, since: date, is_workday: Callable[[date], bool]) -> date | None:
    """The day that a schedule is to run for now; None: none is due.

    `current` is the business date that is open: days before it are closed. `last`: the day of the newest delivery,
    `since`: the business date on which it was scheduled. Of several missed days it is the newest.
    """
    day = current - timedelta(1)
    while day >= since and (last is None or day > last):
        if is_workday(day) and _ends(every, day, is_workday):
            return day
        day -= timedelta(1)
    return None


def _ends(every: str, day: date, is_workday: Callable[[date], bool]) -> bool:
    if every == "DAILY":
        return True
    after = day + timedelta(1)
    while not is_workday(after):
        after += timedelta(1)
    if every == "WEEKLY":
        return after.isocalendar()[:2] != day.isocalendar()[:2]
    return every == "MONTHLY" and (after.year, after.month) != (day.year, day.month)


class ScheduledReports:
    """The files of schedules, below `folder`, and the thread that makes what is due."""

    def __init__(self, folder: Path, pivots: Pivots, calendar: WorkCalendar) -> None:
        self._folder, self._pivots, self._calendar = folder, pivots, calendar

    # --- Reading ---------------------------------------------------------------------------------------------------

    def listed(self, kept: Kept, ours: Services) -> list[dict[str, Any]]:
        """Deliveries whose files are kept, newest first."""
        return [told | {"file": self._link(kept.key, told["business_date"])} for told in self._told(kept.key, ours)]

    def file(self, kept: Kept, day: str, reader: Principal, ours: Services) -> tuple[Path, str, str]:
        """(path, name, media type). Raises NotFound: no such file, or its maker saw more than the reader may."""
        if not self._may_see(kept, reader):
            raise NotFound("no delivery for this reader", field="business_date")
        for told in self._told(kept.key, ours):
            path = self._path(kept.key, told["file_name"])
            if told["business_date"] == day and path.exists():
                form = form_of(path.suffix.removeprefix("."))
                return path, told["file_name"], form.media_type
        raise NotFound(f"no delivery of {day:.20}", field="business_date")

    def _may_see(self, kept: Kept, reader: Principal) -> bool:
        """Who did not make it needs the maker's entities, and the maker's organisation or a head-office role."""
        if kept.maker == reader.actor:
            return True
        entities = kept.state.get("as_entities") or [EVERY_ENTITY]
        org = kept.state.get("as_org", "-")
        every = EVERY_ENTITY in reader.entities or all(reader.may_act_for(one) for one in entities)
        here = org == reader.organisation or any(role in HEAD_OFFICE for role in reader.roles)
        return kept.is_for(reader) and every and here

    def _told(self, key: str, ours: Services) -> list[dict[str, Any]]:
        events = ours.assets.history(PIVOT, key, reader=WATCHER)
        found = [event.to_json()["payload"] for event in events if event.type == "PivotDelivered"]
        return [one for one in reversed(found) if self._path(key, one["file_name"]).exists()]

    # --- Making ----------------------------------------------------------------------------------------------------

    def run_due(self, ours: Services, hook: Hook) -> int:
        """Make what is due now; how many. One that is refused is logged and tried again at the next round."""
        made = 0
        for state in ours.assets.list_cases(PIVOT, reader=WATCHER, stage="DEFINED"):
            kept = Kept.of(PIVOT, state)
            if state.get("every", NEVER) == NEVER:
                continue
            day = self.due_day(kept, ours)
            if day is None:
                continue
            try:
                self._deliver(kept, day, ours, hook)
                made += 1
            except TidemarkError as error:
                log.warning("scheduled_report_refused", pivot_no=kept.key, code=error.code, reason=str(error)[:200])
        return made

    def due_day(self, kept: Kept, ours: Services) -> date | None:
        entities = kept.state.get("as_entities") or []
        dates: Mapping[str, date] = ours.live.read(lambda view: dict(view.business_dates))
        open_days = [day for one, day in dates.items() if EVERY_ENTITY in entities or one in entities]
        if not open_days:
            return None
        events = ours.assets.history(PIVOT, kept.key, reader=WATCHER)
        told = [one for one in events if one.type == "PivotDelivered"]
        last = date.fromisoformat(told[-1].to_json()["payload"]["business_date"]) if told else None
        since = date.fromisoformat(str(kept.state["since"]))
        return due(str(kept.state["every"]), min(open_days), last, since, self._calendar.is_workday)

    def _deliver(self, kept: Kept, day: date, ours: Services, hook: Hook) -> None:
        state = kept.state
        form = str(state["form"]).lower()
        reader = Principal(kept.maker, tuple(state["as_roles"]), str(state["as_org"]), tuple(state["as_entities"]))
        language = "en" if state.get("language") == "EN" else "zh"
        asked = kept.definition.at(Moment(as_of=day))
        found = self._pivots.export(
            ours, asked, reader, form, language, name=kept.key, title=kept.title, masked=True  # type: ignore[arg-type]
        )  # fmt: skip
        name = f"{day.isoformat()}{form_of(form).suffix}"
        path = self._path(kept.key, name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, found.content)
        payload = {
            "business_date": day.isoformat(),
            "of_revision": state["revision"],
            "digest": found.stamp.digest,
            "file_name": name,
            "size": len(found.content),
        }
        cmd_id = str(uuid5(NAMESPACE_URL, f"/tm/PivotDelivered/{kept.key}/{day}"))
        link = self._link(kept.key, day.isoformat())
        roles = kept.roles or ()
        hook(Delivery(kept.key, kept.title, day, name, found.stamp.digest, kept.maker, roles, kept.entity, link))
        ours.assets.execute(Command(cmd_id, PIVOT, kept.key, "Deliver", payload, SYSTEM, ours.clock()))
        log.info("scheduled_report_delivered", pivot_no=kept.key, business_date=day.isoformat())
        self._forget(kept)

    def _forget(self, kept: Kept) -> None:
        """Only the newest files are kept; what was delivered stays in the log."""
        files = sorted((one for one in self._path(kept.key, "x").parent.iterdir()), key=lambda one: one.name)
        for path in files[: -int(kept.state["keep"])]:
            path.unlink(missing_ok=True)

    def _path(self, key: str, name: str) -> Path:
        return self._folder / uuid5(NAMESPACE_URL, f"/tm/{PIVOT}/{key}").hex / Path(name).name

    @staticmethod
    def _link(key: str, day: str) -> str:
        return f"/api/v1/pivots/{key}/deliveries/{day}/file"


class ScheduleRunner:
    """One of several processes works, while it holds the lease."""

    def __init__(
        self, reports: ScheduledReports, ours: Services, store: EventStore, hook: Hook, *, holder: str
    ) -> None:
        self._reports, self._ours, self._hook = reports, ours, hook
        self._lease = Cursor(store, CURSOR_NAME, holder, clock=ours.clock, lease_s=LEASE_S)

    def run(self, stop: Event, idle_s: float = EVERY_S) -> None:
        """Until `stop`. A store or log that does not answer is asked again at the next round."""
        while not stop.is_set():
            try:
                if self._ours.live.status.ready and self._lease.claim() is not None:
                    self._reports.run_due(self._ours, self._hook)
            except TidemarkError as error:
                log.warning("report_schedules_wait", code=error.code)
            stop.wait(idle_s)
        self._lease.release()


def noticing(ours: Services) -> Hook:
    """Publishes a notice with the link to the maker, and to the roles that the pivot is shared with."""

    def told(one: Delivery) -> None:
        notice_no = f"REPORT-{one.pivot_no}-{one.business_date}"[:64]
        payload: dict[str, object] = {
            "title": f"报表已生成 / Report ready: {one.title} {one.business_date}",
            "body": one.link,
            "audience": [one.owner, *one.roles],
            "until_date": _until(ours.clock()),
            "entity_id": one.entity,
        }
        ours.assets.execute(Command(notice_no, "Notice", notice_no, "Publish", payload, TELLER, ours.clock()))

    return told


def _until(at: datetime) -> str:
    return (at + timedelta(days=NOTICE_DAYS)).date().isoformat()
