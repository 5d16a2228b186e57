"""Runs the process managers and the timers live: follows the decision log and gives the commands that follow.

The position is saved beside the log, and a lease on it keeps one runner active, as for the audit publisher. After a
crash some events are followed again: their commands are known by their ids, so nothing is stored twice. A refusal is
for people: it goes to the log and a counter, and the work goes on. Not for talking to core banking.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from threading import Event
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter

from aggregates import timers
from aggregates.assets import Assets
from aggregates.process_managers import Runner, carry_out
from aggregates.rendering import EventView
from aggregates.steps.case import Case
from engines.deadlines import DeadlineBook
from engines.primitives.errors import TidemarkError, Unavailable
from engines.reminders import Ladder
from infra.event_store import Clock, Cursor, EventStore

log = structlog.get_logger()

CURSOR_NAME = "process-managers"
LEASE_S = 15.0
IDLE_S = 0.2
BATCH_EVENTS = 50
TIMERS_EVERY_S = 20.0
NO_LADDER = Ladder((), (), 0)
MANAGED = ("RiskAsset", "LitigationCase", "DebtReduction", "Foreclosure")  # kinds a deadline's subject may be of


class ManagerMetrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.stored = Counter(
            "tidemark_process_manager_events_total",
            "Events that process managers and timers stored.",
            registry=self.registry,
        )
        self.refused = Counter(
            "tidemark_process_manager_refusals_total",
            "Commands of process managers and timers that were refused.",
            ["code"],
            registry=self.registry,
        )
        self.incidents = Counter(
            "tidemark_posting_incidents_total",
            "Postings that core banking left without an answer for too long.",
            registry=self.registry,
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """The bank's rules of time. Without a book no deadline is opened, without a ladder nobody is reminded."""

    book: DeadlineBook | None = None
    ladder: Ladder = NO_LADDER
    patience: timers.PostingPatience = field(default_factory=timers.PostingPatience)


class ProcessManagerRunner:
    def __init__(
        self,
        app: Assets,
        store: EventStore,
        *,
        clock: Clock,
        holder: str,
        rules: Rules | None = None,
        metrics: ManagerMetrics | None = None,
        lease_s: float = LEASE_S,
        batch_events: int = BATCH_EVENTS,
        timers_every_s: float = TIMERS_EVERY_S,
    ) -> None:
        """`holder` names this runner: another string for every process, or a lease is shared unawares."""
        self._app, self._clock, self._batch_events = app, clock, batch_events
        self._rules = rules or Rules()
        self.metrics = metrics or ManagerMetrics()
        self._cursor = Cursor(store, CURSOR_NAME, holder, clock=clock, lease_s=lease_s)
        self._managers = Runner(app, book=self._rules.book)
        self._timers_every = timedelta(seconds=timers_every_s)
        self._timers_next: datetime | None = None
        self._looked_at_on: date | None = None
        self._given_up: set[str] = set()  # ids of timers' commands and incidents, for one day

    def run_once(self) -> int:
        """Follow one batch of the log, then let the timers run if it is their time. Returns how many events were
        followed or stored; 0 also while another runner holds the lease.

        Raises:
            Unavailable: the store does not answer; what was not saved is followed again.
        """
        position = self._cursor.claim()
        if position is None:
            return 0
        events = self._app.published_after(position, self._batch_events)
        done = self._follow(events)
        if not events and self._is_timers_time():
            done += self._run_timers()
        return done

    def run(self, stop: Event, *, idle_s: float = IDLE_S) -> None:
        """Run until `stop` is set, then end the lease. A store that is away is tried again; other errors end the run,
        and with it the process: its supervisor restarts it at the saved position."""
        while not stop.is_set():
            try:
                done = self.run_once()
            except Unavailable as error:
                log.warning("process_managers_store_unavailable", error=str(error))
                done = 0
            if not done:
                stop.wait(idle_s)
        try:
            self._cursor.release()
        except Unavailable:
            log.warning("process_managers_lease_left_to_expire")

    # --- The log -------------------------------------------------------------------------------------------

    def _follow(self, events: Sequence[EventView]) -> int:
        followed = 0
        for event in events:
            if not self._cursor.is_held:
                log.warning("process_managers_lease_lost", position=event.position)
                return followed
            found = [self._tell(one, position=event.position) for one in self._managers.follow(event, self._clock())]
            followed += 1
            last = event is events[-1]
            if (found or last) and not self._cursor.move(event.position):
                log.warning("process_managers_lease_lost", position=event.position)
                return followed
        return followed

    # --- The clock -----------------------------------------------------------------------------------------

    def _is_timers_time(self) -> bool:
        return self._timers_next is None or self._clock() >= self._timers_next

    def _run_timers(self) -> int:
        now = self._clock()
        self._timers_next = now + self._timers_every
        if (today := now.date()) != self._looked_at_on:
            self._looked_at_on, self._given_up = today, set()
        moment = timers.Moment(
            now,
            cache(lambda entity: self._app.bank_day(entity, now)),
            self._rules.ladder,
            self._rules.patience,
            self._holder_of,
        )
        with self._app.model.current() as model:
            cases: list[Any] = [case for kind in timers.TIMED for case in model.of_kind(kind)]
            wanted = list(timers.due(cases, moment))
            silent = [f"{case.NAME}/{case.key}/{case.version}" for case in timers.unanswered(cases, moment)]
        for name in silent:
            self._report_incident(name)
        stored = 0
        for one in wanted:
            cmd_id = timers.command_id(one)
            if cmd_id in self._given_up:
                continue
            if not self._cursor.is_held:
                break  # the next runner finds the rest due as well
            for result in carry_out(self._app, one, cmd_id, now):
                self._tell(result, timer=one.command, aggregate=one.aggregate)
                stored += isinstance(result, EventView)
                if isinstance(result, TidemarkError):
                    self._given_up.add(cmd_id)
        return stored

    def _holder_of(self, case: Case, part: str) -> str:
        """The manager of the loan that a deadline is about; other parts are reached by their own names."""
        if part != "AM":
            return part
        subject = str(case.facts.get("subject", ""))
        about: Any = next(filter(None, (self._app.find(kind, subject) for kind in MANAGED)), None)
        if about is not None and about.NAME != "RiskAsset":
            about = self._app.find("RiskAsset", about.asset_ids[0]) if about.asset_ids else None
        return str(getattr(about, "manager", "") or part)

    # --- What people see -----------------------------------------------------------------------------------

    def _tell(self, result: EventView | TidemarkError, **place: object) -> EventView | TidemarkError:
        if isinstance(result, EventView):
            self.metrics.stored.inc()
        else:
            self.metrics.refused.labels(result.code).inc()
            guard = result.facts.get("guard", "-")
            log.warning("process_manager_refused", code=result.code, guard=guard, reason=str(result), **place)
        return result

    def _report_incident(self, name: str) -> None:
        if name not in self._given_up:
            self._given_up.add(name)
            self.metrics.incidents.inc()
            log.error("posting_without_answer", case=name)
