"""The feeds as commands start them: cursor, generator and runner put together in the one right way.

For `tidemark feed` and `tidemark up`. Not for how events are made or sent.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from streams.feeds.berka import berka_count, berka_events
from streams.feeds.berka_files import BerkaFiles
from streams.feeds.cursor import Cursor
from streams.feeds.runner import FeedResult, Sink, run_feed
from streams.feeds.simulated import Calendar, SimulatedBank, Simulation, bank_date
from streams.feeds.workout import TokenOf

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """What both feeds are told.

    Args:
        cursors: directory of the feed cursors.
        run_id: names the first run of a cursor.
        rate: events per second, None as fast as it goes; count: at most so many events in this run.
        on_progress: told how many events of the feed are done, of this and of earlier runs.
        stop: once set, the feed ends cleanly.
    """

    cursors: Path
    run_id: str
    rate: float | None = None
    count: int | None = None
    on_progress: Callable[[int], None] | None = None
    stop: threading.Event | None = None


#: Event times of a feed that goes as fast as it can: so close together that they never reach the future.
_UNPACED_RATE = 1_000_000.0


def run_simulated(
    producer: Sink,
    simulation: Simulation,
    options: FeedOptions,
    clock: Callable[[], datetime] | None = None,
    token_of: TokenOf = lambda _role: "",
) -> FeedResult:
    """Run the simulated bank, from its cursor on; without a count it has no end.

    Args:
        simulation: the first run's choice stands for later runs of its cursor; the seed must be equal.
        clock: tells the present instant, aware UTC. With it, event times follow the present, and each simulated
            day has the bank's date of the moment when it begins. Without, days are weekday after weekday from
            `business_date` on with event times of their own, which a worker refuses once they are in the future.
        token_of: the signed token of a role, for the workflow commands.
    Raises as `Cursor.open` and `run_feed`.
    """
    calendar: Calendar = "weekdays" if clock is None else "clock"
    cursor = Cursor.open(
        options.cursors,
        "simulated",
        seed=simulation.seed,
        run_id=options.run_id,
        identity={"calendar": calendar},
        parameters={
            "business_date": simulation.business_date.isoformat(),
            "events_per_day": simulation.events_per_day,
            "customers": simulation.customers,
            "commands": int(simulation.commands),
            "treasury": int(simulation.treasury),
        },
    )
    kept = cursor.parameters
    stored = Simulation(
        simulation.seed,
        date.fromisoformat(str(kept["business_date"])),
        int(kept["events_per_day"]),
        int(kept["customers"]),
        calendar,
        cursor.jumps,
        commands=bool(kept.get("commands")),  # a cursor from before there were any goes on without
        treasury=bool(kept.get("treasury")),
    )
    run = _SimulatedRun(producer, cursor, options, SimulatedBank(stored, token_of))
    # Openings come first and at full speed, so that live time begins when the day does.
    run.up_to(run.bank.opening_events)
    if clock is None:
        run.on(options.rate, run.left)
    while clock is not None and not run.done:
        run.live_day(clock)
    return run.result


class _SimulatedRun:
    """One run of the simulated bank, which may have several parts."""

    def __init__(self, producer: Sink, cursor: Cursor, options: FeedOptions, bank: SimulatedBank) -> None:
        self.bank = bank
        self.left = options.count
        self.result = FeedResult(0, cursor.index, 0.0, stopped=False)
        self._producer, self._cursor, self._options = producer, cursor, options

    @property
    def done(self) -> bool:
        return self.result.stopped or self.left == 0

    def up_to(self, index: int) -> None:
        """Produce all events below `index` at full speed, or as many as are still wanted."""
        missing = index - self._cursor.index
        if missing > 0:
            self.on(None, missing if self.left is None else min(missing, self.left))

    def live_day(self, clock: Callable[[], datetime]) -> None:
        """The rest of the day at which the cursor stands, at its pace."""
        simulation, cursor = self.bank.simulation, self._cursor
        number = (cursor.index - self.bank.opening_events) // simulation.events_per_day
        first = self.bank.opening_events + number * simulation.events_per_day
        end = first + simulation.events_per_day
        today = bank_date(clock())
        if simulation.day(number) != today:
            if number == 0 or max(cursor.index, cursor.ceiling) > first:
                # Begun on another date and broken off: told to its end at once, in the time it belongs to.
                if cursor.anchors:
                    cursor.anchor(cursor.next_us, _UNPACED_RATE, from_index=max(cursor.index, cursor.ceiling))
                self.up_to(end)
                return
            cursor.jump(number, today)
            self.bank.simulation = simulation = replace(simulation, jumps=cursor.jumps)
        now_us = (clock() - _EPOCH) // timedelta(microseconds=1)
        cursor.anchor(now_us, self._options.rate or _UNPACED_RATE, from_index=first, keep_from=first)
        missing = end - cursor.index
        self.on(self._options.rate, missing if self.left is None else min(missing, self.left))

    def on(self, rate: float | None, count: int | None) -> None:
        if self.done:
            return
        part = run_feed(
            self.bank.events(self._cursor.index, self._cursor.anchors),
            self._producer,
            self._cursor,
            rate=rate,
            count=count,
            first_index=self._cursor.index,
            source="/tidemark/feed/simulated",
            on_progress=self._options.on_progress,
            stop=self._options.stop,
        )
        before = self.result
        self.result = FeedResult(
            before.produced + part.produced, part.index, before.seconds + part.seconds, part.stopped
        )
        if self.left is not None:
            self.left -= part.produced


def berka_cursor(files: BerkaFiles, options: FeedOptions) -> Cursor:
    """The cursor of a Berka feed; it belongs to the very bytes of the files."""
    return Cursor.open(options.cursors, "berka", seed=0, run_id=options.run_id, identity={"digest": files.digest})


def run_berka(
    producer: Sink,
    files: BerkaFiles,
    options: FeedOptions,
    *,
    until: date | None,
    token: str,
    on_total: Callable[[int], None] | None = None,
) -> FeedResult:
    """Run the Berka bank up to `until` (None: everything), from its cursor on.

    Args:
        token: of the actor who admits the risk assets.
        on_total: told once how many events there are, of which earlier runs may have done some.
    Raises as `Cursor.open` and `run_feed`.
    """
    cursor = berka_cursor(files, options)
    if on_total is not None:
        on_total(berka_count(files, until))
    events = berka_events(files, until, token)
    return run_feed(
        events,
        producer,
        cursor,
        rate=options.rate,
        count=options.count,
        source="/tidemark/feed/berka",
        on_progress=options.on_progress,
        stop=options.stop,
    )
