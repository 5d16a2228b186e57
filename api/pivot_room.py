"""What the routes of reports need, in one piece: pivots, what is kept, schedules. Put together from settings here."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

from api.ledger_desk import Assets
from api.pivot_saved import SavedReports
from api.pivot_schedules import ScheduledReports, ScheduleRunner, noticing
from api.pivots import Pivots
from infra.deadline_policies import holiday_calendar
from infra.event_store import EventStore
from infra.settings import Settings

if TYPE_CHECKING:
    from api.services import Services

InThread = Callable[[str, Callable[[Event], None]], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class PivotRoom:
    pivots: Pivots
    saved: SavedReports
    scheduled: ScheduledReports


def pivot_room(settings: Settings, assets: Assets) -> PivotRoom:
    """As the API of this host offers it; files of schedules stand in the data directory."""
    pivots = Pivots(settings.kafka_partitions, settings.dedup_horizon_days)
    calendar = holiday_calendar(settings.policy_dir)
    return PivotRoom(pivots, SavedReports(assets), ScheduledReports(settings.data_dir / "reports", pivots, calendar))


@contextmanager
def running_schedules(
    room: PivotRoom, ours: "Services", store: EventStore, holder: str, in_thread: InThread
) -> Iterator[None]:
    """Scheduled reports are made meanwhile, by one of several processes."""
    runner = ScheduleRunner(room.scheduled, ours, store, noticing(ours), holder=holder)
    with in_thread("report-schedules", runner.run):
        yield
