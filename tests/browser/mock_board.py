"""The scripted bank's board: branches of every entity, trust in its feeds, a saved home layout, operations."""

from collections.abc import AsyncIterator
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from tests.browser.mock_api import MockBank, MockServer, Row, _message, minor, text

FIGURES = (
    "positions", "positions-by-date", "withdrawals", "gap", "lcr", "nsfr", "consolidated-lcr", "consolidated-nsfr",
    "limits", "alerts", "recoveries", "ledgers",
)  # fmt: skip
WITHOUT_ENTRIES = frozenset({"gap", "recoveries", "ledgers"})


class BoardBank(MockBank):
    """`branches` of every cell; `silent` are the entities whose feed is dead."""

    def __init__(self, cells: list[tuple[str, str]], branches: int = 7) -> None:
        super().__init__(cells)
        self.branches = branches
        self.silent: set[str] = set()
        self.layouts: list[Any] = []
        self.operator = True
        self.answered: list[int] = []  # statuses of answers by branch
        self._told = 0

    def trust(self) -> Row:
        entities = sorted({entity for entity, _ in self.positions})
        sources = [self._source(entity) for entity in entities]
        figures = [
            {"figure": figure, "entity": entity, **self._standing({entity} if entity else set(entities), figure)}
            for figure in FIGURES
            for entity in (None, *entities)
        ]
        when = {"judged_at": "2026-11-22T09:30:00.000Z", "version": self._told, "policy_version": 1}
        return {**when, "sources": sources, "figures": figures}

    def silence(self, *entities: str) -> None:
        """From here on only these entities' feeds are dead; open streams hear it."""
        self.silent = set(entities)
        self._told += 1
        self.push("trust", self.trust())

    def _standing(self, entities: set[str], figure: str) -> Row:
        dead = sorted(self.silent & entities) if figure not in WITHOUT_ENTRIES else []
        return {"state": "SILENT" if dead else "FRESH", "sources": [f"entries/{one}/core" for one in dead]}

    def _source(self, entity: str) -> Row:
        dead = entity in self.silent
        return {
            "source": f"entries/{entity}/core", "name": "entries", "entity": entity, "system": "core",
            "topic": "tm.in.core.txn.v1", "state": "SILENT" if dead else "FRESH",
            "reasons": ["silent"] if dead else [], "silence_s": 12.0 if dead else 0.4, "late_s": 5.0, "silent_s": 8.0,
            "last_event_time": "2026-11-22T09:30:00Z",
            "last_appended_at": "2026-11-22T09:30:00.100Z", "lag_records": 0, "waiting_s": 0.0, "dead_letters": 0,
            "missing_numbers": 0,
        }  # fmt: skip

    async def stream(self, last_event_id: str | None) -> AsyncIterator[str]:
        first = True
        async for message in super().stream(last_event_id):
            yield message
            if first:
                yield _message("trust", self.trust())
            first = False

    def members(self, dimension: str) -> list[Row]:
        """Every cell split over branches (or as many lines) so that the parts add up."""
        rows = []
        for (entity, currency), figures in self.positions.items():
            for at in range(self.branches):
                parts = {
                    name: value // self.branches + (value % self.branches if at == 0 else 0)
                    for name, value in figures.items()
                }
                rows.append({"entity": entity, dimension: f"{entity}-{at + 1:02d}", **self._amounts(currency, parts)})
        return rows

    def opening(self, dimension: str | None) -> list[Row]:
        """A hundred of the smallest unit less than now."""
        rows = self.members(dimension) if dimension else [self._row(*cell) for cell in self.positions]
        return [
            row | {"position": text(minor(row["position"], row["currency"]) - 100, row["currency"])} for row in rows
        ]


def install_board(app: FastAPI, bank: BoardBank) -> None:
    """Adds the board's routes before those that the scripted bank has of the same paths."""

    @app.get("/api/v1/positions")
    async def positions(
        request: Request,
        by: str = "",
        entity: str = "",
        currency: str = "",
        organisation: str | None = None,
        as_of: str | None = None,
    ) -> Response:
        dimension = next((name for name in ("organisation", "business_line") if name in by), None)
        if as_of is not None:
            return JSONResponse(bank.positions_answer(bank.opening(dimension)))
        if entity:
            return JSONResponse(bank.positions_answer(bank.children(entity, currency, by, organisation)))
        if dimension is None:
            return JSONResponse(bank.positions_answer())
        tag = f'"{sum(bank.offsets.values())}"'
        status = 304 if request.headers.get("if-none-match") == tag else 200
        bank.answered.append(status)
        if status == 304:
            return Response(status_code=304, headers={"etag": tag})
        return JSONResponse(bank.positions_answer(bank.members(dimension)), headers={"etag": tag})

    @app.get("/api/v1/positions/changes")
    async def changes(entity: str, currency: str) -> Row:
        place = {"place": "tm.in.core.txn.v1/1", "offset": 2_017}
        part = {"cause": "ENTRY", "amount": "12.50", "entries": 1, "entry": "T-1", **place}
        return {"rows": [{"entity": entity, "currency": currency, "parts": [part]}]}

    @app.get("/api/v1/trust")
    async def trust() -> Row:
        return bank.trust()

    @app.get("/api/v1/operations")
    async def operations() -> Response:
        if not bank.operator:
            return JSONResponse({"title": "forbidden", "status": 403, "detail": "for operators"}, 403)
        letter = {"id": "tm.in.core.txn.v1/0/7", "source": "entries/TIDE-CN/core", "retried": False}
        return JSONResponse(
            {
                "readiness": {"ready": True, "reason": "", "records_behind": 0, "warnings": []},
                "processes": [
                    {"process": "api", "pid": 4711, "running": True},
                    {"process": "worker", "pid": 4712, "running": False},
                ],
                "lag": [{"topic": "tm.in.core.txn.v1", "lag_records": 12, "waiting_s": 0.2}],
                "dead_letters": {
                    "total": 1, "unreadable": 0, "rows": [letter | {"reported_at": "2026-11-22T09:00:00Z"}],
                },
                "snapshots": {"present": True, "folders": 3, "last_written_at": "2026-11-22T09:29:00Z"},
                "archive": {"present": False, "folders": 0, "last_written_at": None},
            }
        )  # fmt: skip

    @app.get("/api/v1/me/layout")
    async def layout() -> Row:
        return {"widgets": bank.layouts[-1] if bank.layouts else None}

    @app.put("/api/v1/me/layout")
    async def save(request: Request) -> Row:
        bank.layouts.append((await request.json())["widgets"])
        return {"widgets": bank.layouts[-1]}

    @app.get("/api/v1/worklists/home")
    async def home() -> Row:
        todo = {
            "id": "WriteOff/WO-1/DECIDE",
            "key": "WO-1",
            "state": "SUBMITTED",
            "amount": "2635308.70",
            "ccy": "CNY",
        }
        return {"todos": {"total": 1, "rows": [todo]}}

    own = [route for route in app.router.routes if getattr(route, "endpoint", None) in {
        positions, changes, trust, operations, layout, save, home
    }]  # fmt: skip
    app.router.routes[:] = own + [route for route in app.router.routes if route not in own]


class BoardServer(MockServer):
    def __init__(self, bank: BoardBank, port: int = 0) -> None:
        super().__init__(bank, port)
        install_board(cast("FastAPI", self._server.config.app), bank)
