"""A bank small enough to reckon by hand, served over HTTP: live positions, an archive, a ledger, kept reports."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from aggregates.envelope import Principal
from api.ledger_desk import LedgerDesk
from api.ledger_exports import LedgerExports, telling
from api.ledger_views import SavedViews
from api.ledgers import Ledgers
from api.pivot_room import PivotRoom
from api.pivot_saved import SavedReports
from api.pivot_schedules import Delivery, ScheduledReports
from api.pivots import Pivots
from api.services import Services
from engines.work_calendar import WorkCalendar
from infra.exports.jobs import ExportJobs
from infra.ledger_store import LedgerStore
from infra.ledger_views import LedgerViews
from infra.security import Unauthenticated
from streams.archive import Due
from streams.topics import GAP, POSITION
from streams.views_live import LiveView
from tests.aggregates.scenarios import FOLDER, lines_of, play
from tests.api_doubles import client_of, services
from tests.projections.entries import APPENDED_US, HORIZON_DAYS, txn
from tests.risk_records import business_date, cut, gap_flow, position
from tests.streams.test_archive import AT, Logs, archiver, reader

V1 = "/api/v1"
NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
CALENDAR = WorkCalendar(date(2026, 1, 1), date(2026, 12, 31), frozenset(), frozenset())


@dataclass
class World:
    http: httpx.Client
    ours: Services
    live: LiveView
    told: list[Delivery] = field(default_factory=list)

    def get(self, path: str, who: str = "maker", **given: Any) -> Any:
        answer = self.http.get(V1 + path, params=given, headers={"Authorization": f"Bearer {who}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, path: str, who: str = "maker") -> httpx.Response:
        return self.http.get(V1 + path, headers={"Authorization": f"Bearer {who}"})

    def post(self, path: str, who: str = "maker", status: int = 200, **body: Any) -> Any:
        answer = self.http.post(V1 + path, json=body, headers={"Authorization": f"Bearer {who}"})
        assert answer.status_code == status, answer.text
        return answer

    def run(self, who: str = "maker", **definition: Any) -> Any:
        return self.post("/pivots/run", who, definition=definition).json()

    def run_due(self) -> int:
        assert self.ours.pivots is not None
        return self.ours.pivots.scheduled.run_due(self.ours, self.told.append)


@contextmanager
def pivot_world(folder: Path, **more: Any) -> Iterator[World]:
    """`more` changes the services of the server."""
    played = play(lines_of(FOLDER / "one-asset.jsonl"), folder)
    app = played.app
    entity = app.list_risk_assets(reader=Principal("U-0", ("IA",), "-", ("*",)))[0]["entity"]
    everywhere = ("NORTH", "SOUTH", entity)
    people = {
        "maker": Principal("U-1", ("RM",), "-", everywhere),
        "colleague": Principal("U-2", ("RM",), "-", everywhere),
        "branch": Principal("U-3", ("RM",), "-", ("NORTH",)),
        "operator": Principal("U-4", ("OP",), "-", ("*",)),
    }

    def verify_token(token: str, _now: datetime) -> Principal:
        if token not in people:
            raise Unauthenticated("this token is not valid")
        return people[token]

    live = LiveView()
    live.feed(
        [
            position(1, 12_345),
            position(2, -45, organisation="B2", currency="JPY"),
            position(3, 500, organisation="B2"),
            cut(POSITION, 7),
            position(4, 99, partition=1, entity="SOUTH"),
            cut(POSITION, 4, partition=1),
            gap_flow(3, "2026-11-25", 10_000, 2_500),
            cut(GAP, 3),
            business_date(0, "NORTH", "2026-11-24"),
            business_date(1, "SOUTH", "2026-11-24"),
        ]
    )
    live.set_status(ready=True)
    sent = [
        msgspec.json.encode(
            txn(n, n, amount=f"{n}.00", entity_id="NORTH", direction="in", account_id=f"62220001234{n:04}")
        )
        for n in range(1, 4)
    ]
    archiver(
        folder / "archive", Logs({AT: [(at, APPENDED_US, value) for at, value in enumerate(sent)]}), Due(age_s=0.0)
    ).run_once(everything=True)
    ledgers = Ledgers(LedgerViews(app.published_after, LedgerStore(folder / "ledgers")), lambda: NOW, app.bank_day)
    jobs = ExportJobs(folder / "exports", lambda: NOW, telling(app, lambda: NOW))
    pivots = Pivots(1, HORIZON_DAYS)
    room = PivotRoom(pivots, SavedReports(app), ScheduledReports(folder / "reports", pivots, CALENDAR))
    ours = services(
        live,
        assets=app,
        verify_token=verify_token,
        clock=lambda: NOW,
        ledgers=ledgers,
        ledger_exports=LedgerExports(LedgerDesk(ledgers, app, lambda _reader: str), SavedViews(app), jobs),
        archive=reader(folder / "archive"),
        pivots=room,
        **more,
    )
    with client_of(ours) as http:
        yield World(http, ours, live)
    jobs.close()
    played.close()
