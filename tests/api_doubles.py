"""The API over small doubles of ours: a live view fed by hand, tokens by name, an aggregate application in memory."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from aggregates.commands import Command, Outcome
from aggregates.envelope import Principal
from aggregates.rendering import EventView
from api.app import create_app
from api.openapi import ContractApp
from api.server import Server, bind, server_for
from api.services import Services
from engines.primitives.errors import Conflict, NotFound, Rejected
from infra.security import Unauthenticated
from streams.topics import ALERT, GAP, POSITION, RESERVATION_TOTAL, WITHDRAWAL
from streams.views_entries import Entry
from streams.views_live import LiveView
from tests.api.contract_watch import WatchAnswers
from tests.risk_records import alert, business_date, cut, gap_flow, position, reservation, withdrawal

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PRINCIPALS = MappingProxyType(
    {
        "all": Principal("treasurer", ("RM",), "-", ("*",)),
        "north": Principal("north-reader", ("BR",), "N1", ("NORTH",)),
        "nobody": Principal("no-role", (), "-", ("*",)),
    }
)


def verify_token(token: str, now: datetime) -> Principal:
    assert now == NOW
    if token not in PRINCIPALS:
        raise Unauthenticated("this token is not valid")
    return PRINCIPALS[token]


class OneTimeCodes:
    def __init__(self, **token_by_code: str) -> None:
        self._token_by_code = token_by_code

    def redeem(self, code: str, now: datetime) -> str:
        try:
            return self._token_by_code.pop(code)
        except KeyError:
            raise Unauthenticated("this link was used, or is not ours") from None


class AssetsDouble:
    """Remembers commands; refuses those named Refuse, and a known cmd_id with another key."""

    def __init__(self) -> None:
        self.executed: dict[str, Command] = {}

    def execute(self, command: Command) -> Outcome:
        if command.command == "Refuse":
            raise Rejected("a rule said no", guard="STATE")
        known = self.executed.setdefault(command.cmd_id, command)
        if known.key != command.key:
            raise Conflict("this cmd_id belongs to another command", cmd_id=command.cmd_id)
        return Outcome(command.cmd_id, command.aggregate, command.key, (), repeated=known is not command)

    def history(
        self, aggregate: str, key: str, *, reader: Principal, known_at: datetime | date | None = None
    ) -> list[EventView]:
        self.state(aggregate, key, reader=reader)
        return []

    def state(self, aggregate: str, key: str, *, reader: Principal) -> Mapping[str, Any]:
        if key.startswith("SOUTH") and not reader.may_act_for("SOUTH"):
            raise NotFound(f"no {aggregate} {key!r}")
        return {"loan_no": key, "principal": "100.00"}

    def list_risk_assets(
        self, *, reader: Principal, entity: str | None = None, lifecycle: str | None = None
    ) -> list[Mapping[str, Any]]:
        names = [name for name in ("NORTH", "SOUTH") if reader.may_act_for(name) and entity in (None, name)]
        return [{"loan_no": f"{name}-1", "entity": name, "lifecycle": lifecycle or "ACTIVE"} for name in names]

    def list_cases(
        self,
        aggregate: str,
        *,
        reader: Principal,
        entity: str | None = None,
        stage: str | None = None,
        asset_no: str | None = None,
        where: Mapping[str, object] | None = None,
    ) -> list[Mapping[str, Any]]:
        return self.list_risk_assets(reader=reader, entity=entity)


def read_entry(topic: str, partition: int, offset: int) -> Entry:
    if offset >= 100:
        raise NotFound("no record at this offset", offset=offset)
    entity = "SOUTH" if offset % 2 else "NORTH"
    record = {"entity_id": entity, "txn_id": f"T{offset}", "amount": "1000.00"}
    return Entry(topic, partition, offset, "2026-11-22T12:00:00.000Z", f"{entity}|C1", record, {})


def fill(live: LiveView) -> None:
    """Two entities, two currencies, some gaps, near-alerts and five alerts: four of NORTH, one of SOUTH."""
    live.feed(
        [
            position(7, 12_345, pending_in_minor=1_000),
            position(7, -45, organisation="B2", currency="JPY"),
            position(7, 500, organisation="B2", intragroup=True),
            cut(POSITION, 7),
            position(4, 99, partition=1, entity="SOUTH"),
            cut(POSITION, 4, partition=1),
            reservation(2, 345),
            cut(RESERVATION_TOTAL, 2),
            gap_flow(3, "2026-11-23", 10_000, 2_500),
            gap_flow(3, "UNDATED", 5, 0, entity="SOUTH"),
            cut(GAP, 3),
            withdrawal(6, "60.00"),
            withdrawal(6, "45.00", entity="SOUTH", customer="C9"),
            cut(WITHDRAWAL, 6),
            *(alert(2 * number + 1, number) for number in range(4)),
            cut(ALERT, 8),
            alert(4, 0, partition=1, entity="SOUTH"),
            cut(ALERT, 4, partition=1),
            business_date(0, "NORTH", "2026-11-22"),
            business_date(1, "SOUTH", "2026-11-22"),
        ]
    )


def services(live: LiveView | None = None, **changed: Any) -> Services:
    if live is None:
        live = LiveView()
        fill(live)
        live.set_status(ready=True)
    fields: dict[str, Any] = {
        "live": live,
        "verify_token": verify_token,
        "login_codes": OneTimeCodes(once="all"),
        "assets": AssetsDouble(),
        "read_entry": read_entry,
        "clock": lambda: NOW,
        "page_dir": Path("absent"),
        "engine_version": "1.2.3",
        "config_version": "7",
    }
    return Services(**fields | changed)


class Running:
    """The API on a real port, in a thread, and a client of it."""

    def __init__(self, app: ContractApp) -> None:
        self.app = app
        app.openapi()  # once a process: here rather than while somebody waits for the server
        self.complaints: Counter[str] = Counter()
        app.add_middleware(WatchAnswers, watched=app, complaints=self.complaints)
        self.ready = threading.Event()
        self.port = 0
        self.server: Server = server_for(app, self._on_ready)
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def _on_ready(self, port: int) -> None:
        self.port = port
        self.ready.set()

    def _serve(self) -> None:
        listener = bind("127.0.0.1", 0)
        try:
            self.server.run(sockets=[listener])
        finally:
            listener.close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=20)
        assert not self.thread.is_alive()
        assert not self.complaints, dict(self.complaints)  # answers are what /openapi.json says


@contextmanager
def running(ours: Services) -> Iterator[Running]:
    found = Running(create_app(ours))
    found.thread.start()
    assert found.ready.wait(timeout=20)
    try:
        yield found
    finally:
        found.stop()


@contextmanager
def client_of(ours: Services, who: str = "all") -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {who}"} if who else {}
    with (
        running(ours) as server,
        httpx.Client(base_url=server.address, headers=headers, trust_env=False) as client,
    ):
        yield client
