"""A scripted bank behind the page's HTTP contract: for the browser test and for working on the page by hand.

    python -m tests.browser.mock_api --port 8001 --rows 24 --updates-per-second 10

It serves api/page/dist under a strict content policy and lets a script move money, raise alerts, cut the streams
and sign the reader out. Not a stand-in for the API in any other test: its figures are made up.
"""

import argparse
import asyncio
import json
import random
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse

from tests.browser.mock_desk import MockDesk, install
from tests.browser.mock_liquidity import MockLiquidity, install_liquidity

DIST = Path(__file__).parents[2] / "api" / "page" / "dist"
DAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
TOPIC = "tm.in.core.txn.v1"
PARTITIONS = 4
BUCKETS = [
    "OVERDUE",
    "ON",
    "D2_7",
    "D8_30",
    "D31_90",
    "D91_180",
    "D181_365",
    "Y1_2",
    "Y2_3",
    "Y3_5",
    "Y5P",
    "UNDATED",
]
UNCUMULATED = {"OVERDUE", "UNDATED"}
DIGITS = {"JPY": 0, "KWD": 3}
POLICY = "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'"

Row = dict[str, Any]


def text(minor: int, currency: str) -> str:
    digits = DIGITS.get(currency, 2)
    sign, units = ("-", -minor) if minor < 0 else ("", minor)
    return f"{sign}{units // 10**digits}.{units % 10**digits:0{digits}d}" if digits else f"{sign}{units}"


def minor(amount: str, currency: str) -> int:
    return int(amount.replace(".", "")) if DIGITS.get(currency, 2) else int(amount)


class MockBank:
    """Figures by (entity, currency); every method may be called from another thread than the server's."""

    def __init__(self, cells: list[tuple[str, str]] | None = None, seed: int = 7) -> None:
        self.random = random.Random(seed)
        self.positions: dict[tuple[str, str], dict[str, int]] = {}
        self.offsets = {f"{TOPIC}/{partition}": 1_000 * (partition + 1) for partition in range(PARTITIONS)}
        self.alerts: list[Row] = []  # oldest first
        self.contracts_offset = 77  # where contracts are read; the gap is always at 77
        self.desk = MockDesk()
        self.liquidity = MockLiquidity()
        self.signed_in = True
        self.refuses_streams = False
        self.warnings: list[str] = []
        self.connections: list[str | None] = []  # the Last-Event-ID of each stream that was opened
        self._queues: list[asyncio.Queue[str | None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        for cell in cells or []:
            size = 10 ** self.random.randint(7, 12)
            self.positions[cell] = {
                "position": self.random.randint(-size // 3, size),
                "pending_in": self.random.randint(0, size // 20),
                "pending_out": self.random.randint(0, size // 20),
                "reserved": self.random.choice([0, self.random.randint(0, size // 30)]),
            }

    # what a script does

    def move(self, entity: str, currency: str, minor: int) -> None:
        """One settled entry; its row is pushed to every open stream."""
        self.positions[entity, currency]["position"] += minor
        self.offsets[f"{TOPIC}/{self.random.randrange(PARTITIONS)}"] += 1
        self.push("positions", {"offsets": dict(self.offsets), "rows": [self._row(entity, currency)]})

    def move_many(self, share: float) -> None:
        """Entries on a share of all cells, in one event."""
        cells = [cell for cell in self.positions if self.random.random() < share]
        for cell in cells:
            figures = self.positions[cell]
            figures["position"] += self.random.randint(-abs(figures["position"]) // 50 - 9, 90)
            if self.random.random() < 0.3:
                figures["pending_out"] = max(0, figures["pending_out"] + self.random.randint(-9_000, 9_000))
        for key in self.offsets:
            self.offsets[key] += self.random.randint(0, 400)
        self.push("positions", {"offsets": dict(self.offsets), "rows": [self._row(*cell) for cell in cells]})

    def raise_alert(self, entity: str, currency: str, minor: int, threshold_minor: int, **more: object) -> Row:
        """Raises an alert and pushes it, unless nobody listens: a page then gets it when it resumes."""
        number = len(self.alerts)
        partition = number % PARTITIONS
        rolling = more.get("rolling") is not None
        rule = "large-flow-rolling" if rolling else "large-flow-single"
        limit = text(threshold_minor, currency)
        amount = text(minor, currency)
        alert: Row = {
            "alert_id": f"00000000-0000-5000-8000-{number:012d}",
            "kind": "raised",
            "severity": "WARNING",
            "rule": rule,
            "rule_version": "1",
            "sequence": sum(other["source"]["partition"] == partition for other in self.alerts),
            "entity": entity,
            "organisation": f"ORG-{number % 7 + 1:02d}",
            "customer": f"C-{10_000 + number * 37 % 9_000}",
            "customer_class": "corporate",
            "account": f"A-{700_000 + number * 91}",
            "currency": currency,
            "amount": amount,
            "threshold": limit,
            "event_time": (NOON + timedelta(seconds=41 * number)).isoformat().replace("+00:00", "Z"),
            "txn_id": f"T{number:07d}",
            "reason": f"Outflows of {more['rolling']} within 60 minutes reached the limit of {limit}."
            if rolling
            else f"One outflow of {amount} reached the limit of {limit}.",
            "source": {
                "topic": TOPIC,
                "partition": partition,
                "offset": 4_000 + number,
                "log": "cluster/topic",
                "fold": 1,
            },
            **({"window_minutes": 60} if rolling else {}),
            **more,
        }
        self.alerts.append(alert)
        self.push("alert", alert, self._vector(self.alerts))
        return alert

    def cut_streams(self) -> None:
        """Ends every open stream, as a restarted server does."""
        self._each(None)

    def push(self, event: str, data: object, event_id: str | None = None) -> None:
        self._each(_message(event, data, event_id))

    def _each(self, message: str | None) -> None:
        if self._loop is None:
            return
        for queue in list(self._queues):
            self._loop.call_soon_threadsafe(queue.put_nowait, message)

    # what the API answers

    def positions_answer(self, rows: list[Row] | None = None) -> Row:
        return {
            "as_of": DAY.isoformat(),
            "offsets": dict(self.offsets),
            "log": {TOPIC: "4L6g3nShT-eMCtK/9hVyWQm2SfOmQxYb1Q"},
            "by": ["entity", "currency"],
            "rows": [self._row(*cell) for cell in self.positions] if rows is None else rows,
            "last_event_time": NOON.isoformat().replace("+00:00", "Z"),
            "lag_records": 0,
            "provenance": {
                "result_id": "0198f3a2-7c11-7d35-b0a5-0c9a52d0b1aa",
                "as_of": DAY.isoformat(),
                "engine_version": "0.1.0",
                "config_version": "1",
                "input_digest": "sha256:5d41402abc4b2a76b9719d911017c592",
                "scenario_id": None,
            },
        }

    def gap_answer(self) -> Row:
        rows = []
        for entity, currency in self.positions:
            dice = random.Random(f"{entity}{currency}")
            running = 0
            for bucket in BUCKETS:
                size = 10 ** dice.randint(8, 10)
                inflow, outflow = dice.randint(0, size), dice.randint(0, size)
                counted = bucket not in UNCUMULATED
                running += (inflow - outflow) if counted else 0
                rows.append(
                    {
                        "entity": entity,
                        "currency": currency,
                        "bucket": bucket,
                        "inflow": text(inflow, currency),
                        "outflow": text(outflow, currency),
                        "gap": text(inflow - outflow, currency),
                        "cumulative": text(running, currency) if counted else None,
                        "contracts": dice.randint(1, 900),
                    }
                )
        return {
            "as_of": DAY.isoformat(),
            "offsets": {"tm.in.core.contract.v1/0": 77},
            "buckets": BUCKETS,
            "rows": rows,
        }

    def contracts(self, entity: str, currency: str, bucket: str, start: int, limit: int) -> Row:
        """A split of one bar over 130 contracts that adds up to it; `contracts_offset` ahead: to one unit more."""
        bar = next(
            row
            for row in self.gap_answer()["rows"]
            if (row["entity"], row["currency"], row["bucket"]) == (entity, currency, bucket)
        )
        ahead = self.contracts_offset - 77
        inflow, outflow = (minor(bar[name], currency) + ahead for name in ("inflow", "outflow"))
        inflow += ahead
        rows = []
        for at in range(130):
            part_in, part_out = (sum_ // 130 + (sum_ % 130 if at == 0 else 0) for sum_ in (inflow, outflow))
            rows.append(
                {
                    "entity": entity,
                    "organisation": f"ORG-{at % 7 + 1:02d}",
                    "business_line": "retail",
                    "product": "mortgage",
                    "currency": currency,
                    "contract_id": f"LN/{at:04d}",
                    "inflow": text(part_in, currency),
                    "outflow": text(part_out, currency),
                    "gap": text(part_in - part_out, currency),
                    "flow_dates": 1,
                }
            )
        total = {"inflow": inflow, "outflow": outflow, "gap": inflow - outflow}
        names = {"entity": entity, "currency": currency, "contracts": 130, "distinct_contracts": 130}
        end = min(start + limit, len(rows))
        return {
            "as_of": DAY.isoformat(),
            "offsets": {"tm.in.core.contract.v1/0": self.contracts_offset},
            "log": {},
            "bucket": bucket,
            "totals": [names | {name: text(value, currency) for name, value in total.items()}],
            "rows": rows[start:end],
            "next": end if end < len(rows) else None,
        }

    def flows(self, entity: str, contract_id: str, first: str, last: str, *, explain: bool) -> Row:
        """A loan of 100 at 5 % that pays interest twice and is repaid; its second interest rounds."""
        flows: list[Row] = []
        for at, (day, kind, payoff, booked, bucket) in enumerate(
            [
                ("2026-11-01", "IP", "0.41", "0.41", None),
                ("2026-11-27", "IP", "0.4109589041095891", "0.41", "D2_7"),
                ("2026-11-27", "MD", "100", "100.00", "D2_7"),
            ]
        ):
            if not first <= day <= last:
                continue
            flows.append(
                {
                    "flow_date": day,
                    "event_type": kind,
                    "payoff": payoff,
                    "currency": "CNY",
                    "kind": "interest" if kind == "IP" else "principal",
                    "booked": booked,
                    "rounding": "-0.0009589041095891" if at == 1 else "0",
                    "bucket": bucket,
                    "in_gap": bucket is not None,
                }
            )
            if explain:
                flows[-1]["explanation"] = {
                    "source": f"ACTUS technical specification 1.1, section 7.1, event {kind}: POF_{kind}_PAM",
                    "formulas": [
                        {
                            "target": "payoff",
                            "formula": "X × Isc × (Ipac + Y × Ipnr × Nt)",
                            "numbers": "1.0 × 1.0 × (0.0 + 0.0821917808219178 × 0.05 × 100.0)",
                            "result": payoff,
                            "source": "POF_IP_PAM",
                        }
                    ],
                    "before": {"Sd": "2026-10-28"},
                    "after": {"Sd": day},
                }
        return {
            "entity": entity,
            "contract_id": contract_id,
            "organisation": "ORG-01",
            "business_line": "retail",
            "product": "mortgage",
            "currency": "CNY",
            "side": "asset",
            "closed": False,
            "as_of": DAY.isoformat(),
            "offsets": {"tm.in.core.contract.v1/0": self.contracts_offset},
            "log": {},
            "record": {"topic": "tm.in.core.contract.v1", "partition": 0, "offset": 41},
            "terms": {"contractType": "PAM", "notionalPrincipal": "100", "nominalInterestRate": "0.05"},
            "flows": flows,
        }

    def state(self) -> Row:
        return {
            "positions": self.positions_answer(),
            "gap": self.gap_answer(),
            "ratios": self.liquidity.ratios(),
            "alerts": list(reversed(self.alerts[-50:])),
        }

    def _after(self, vector: str) -> list[Row]:
        seen = {int(part): int(sequence) for part, sequence in (item.split(":") for item in vector.split(","))}
        return [one for one in self.alerts if one["sequence"] > seen.get(one["source"]["partition"], -1)]

    async def stream(self, last_event_id: str | None) -> AsyncIterator[str]:
        self._loop = asyncio.get_running_loop()
        self.connections.append(last_event_id)
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._queues.append(queue)
        try:
            if last_event_id:
                for alert in self._after(last_event_id):
                    yield _message("alert", alert, self._vector(self.alerts[: self.alerts.index(alert) + 1]))
                if self.alerts:  # once more than due: the page must not show it twice even then
                    yield _message("alert", self.alerts[-1], self._vector(self.alerts))
                yield _message("positions", self.positions_answer())
                yield _message("gap", self.gap_answer())
            else:
                yield _message("state", self.state(), self._vector(self.alerts) or "0:-1")
            while (message := await queue.get()) is not None:
                yield message
        finally:
            self._queues.remove(queue)

    def children(self, entity: str, currency: str, by: str, organisation: str | None) -> list[Row]:
        """A split of one cell that adds up to it: over 7 organisations, or over 120 accounts of one of these."""
        figures = self.positions[entity, currency]
        orgs = [f"ORG-{number:02d}" for number in range(1, 8)]
        names: list[tuple[str, str | None]] = [(org, None) for org in orgs]
        if "account" in by:
            names = [(org, f"A-{700_000 + at}") for org in orgs for at in range(120)]
        rows = []
        for at, (org, account) in enumerate(names):
            parts = {
                name: minor // len(names) + (minor % len(names) if at == 0 else 0) for name, minor in figures.items()
            }
            row = {"entity": entity, "organisation": org, **self._amounts(currency, parts)}
            if account:
                row |= {"account": account, "reserved": None}
            if organisation in (None, org):
                rows.append(row)
        return rows

    def _row(self, entity: str, currency: str) -> Row:
        return {
            "entity": entity,
            **self._amounts(currency, self.positions[entity, currency]),
            "as_of": DAY.isoformat(),
        }

    @staticmethod
    def _amounts(currency: str, figures: dict[str, int]) -> Row:
        end = figures["position"] + figures["pending_in"] - figures["pending_out"] - figures["reserved"]
        amounts = {name: text(minor, currency) for name, minor in figures.items()}
        return {"currency": currency, **amounts, "projected_eod": text(end, currency)}

    @staticmethod
    def _vector(alerts: list[Row]) -> str:
        newest = {alert["source"]["partition"]: alert["sequence"] for alert in alerts}
        return ",".join(f"{partition}:{sequence}" for partition, sequence in sorted(newest.items()))


def _message(event: str, data: object, event_id: str | None = None) -> str:
    head = f"id: {event_id}\n" if event_id else ""
    return f"event: {event}\n{head}data: {json.dumps(data)}\n\n"


def build_app(bank: MockBank) -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.url.path.startswith("/api/") and not bank.signed_in:
            body = {"type": "/problems/unauthorised", "title": "Not signed in", "status": 401, "detail": ""}
            return JSONResponse(body, 401, media_type="application/problem+json")
        response = await call_next(request)
        response.headers["content-security-policy"] = POLICY
        return response

    @app.get("/api/v1/me")
    async def me() -> Row:
        return {"actor": "local.treasurer", "roles": ["treasurer"], "entities": ["*"], "organisation": "HQ"}

    @app.get("/readyz")
    async def ready() -> Row:
        return {"status": "ready", "reason": "", "records_behind": 0, "warnings": bank.warnings}

    @app.get("/api/v1/stream")
    async def stream(request: Request, last_event_id: str | None = None) -> Response:
        if bank.refuses_streams:
            return JSONResponse({"title": "Away", "status": 503, "detail": "restarting"}, 503)
        resume = request.headers.get("last-event-id") or last_event_id
        return StreamingResponse(bank.stream(resume), media_type="text/event-stream")

    @app.get("/api/v1/positions")
    async def positions(by: str = "", entity: str = "", currency: str = "", organisation: str | None = None) -> Row:
        if "organisation" in by:
            return bank.positions_answer(bank.children(entity, currency, by, organisation))
        return bank.positions_answer()

    @app.get("/api/v1/positions/by-date")
    async def by_date(entity: str, currency: str) -> Row:
        dice, rows, level = random.Random(f"{entity}/{currency}"), [], 0
        for step in range(-45, 11):
            movement = dice.randint(-(10**9), 11 * 10**8)
            level += movement
            day = (DAY + timedelta(days=step)).isoformat()
            rows.append(
                {
                    "entity": entity,
                    "currency": currency,
                    "value_date": day,
                    "movement": text(movement, currency),
                    "position": text(level, currency),
                }
            )
        return {"offsets": bank.offsets, "rows": rows}

    @app.get("/api/v1/gap")
    async def gap() -> Row:
        return bank.gap_answer()

    @app.get("/api/v1/gap/contracts")
    async def gap_contracts(
        entity: str, currency: str, bucket: str, start: int = 0, limit: int = 100, at_offsets: str | None = None
    ) -> Response:
        if start and at_offsets is None:
            return JSONResponse({"title": "invalid-input", "status": 422, "detail": "not one cut"}, 422)
        return JSONResponse(bank.contracts(entity, currency, bucket, start, limit))

    @app.get("/api/v1/contracts/{entity}/{contract_id:path}/flows")
    async def contract_flows(
        entity: str,
        contract_id: str,
        explain: bool = False,
        first: Annotated[str, Query(alias="from")] = "",
        last: Annotated[str, Query(alias="to")] = "9",
    ) -> Row:
        return bank.flows(entity, contract_id, first, last, explain=explain)

    @app.get("/api/v1/alerts")
    async def alerts(limit: int = 100, after: str = "0:-1") -> Row:
        found = list(reversed(bank._after(after)))
        return {"offsets": bank.offsets, "cursor": None, "alerts": found[:limit]}

    @app.get("/api/v1/alerts/{alert_id}")
    async def alert(alert_id: str) -> Response:
        for found in bank.alerts:
            if found["alert_id"] == alert_id:
                return JSONResponse(
                    found | {"entries": [_entry(found, at) for at in range(3 if "rolling" in found else 1)]}
                )
        return JSONResponse({"title": "not-found", "status": 404, "detail": "no such alert"}, 404)

    @app.get("/api/v1/risk-assets")
    async def risk_assets() -> Row:
        classes = ("SPECIAL_MENTION", "SUBSTANDARD", "DOUBTFUL", "LOSS")
        entities = sorted({entity for entity, _ in bank.positions})
        rows = [
            {
                "loan_no": f"LN-{7_001 + at}",
                "entity": entities[at % len(entities)],
                "branch": f"ORG-{at % 5 + 1:02d}",
                "classification": classes[at % 4],
                "lifecycle": "WRITTEN_OFF" if at == 3 else "ACTIVE",
                "hold": {"kind": "WRITE_OFF", "case_no": "WO-1"} if at == 1 else None,
                "ccy": "CNY",
                "principal": text(120_000_000 + at * 31_415_926, "CNY"),
                "written_off": text(120_000_000 if at == 3 else 0, "CNY"),
            }
            for at in range(6 if entities else 0)
        ]
        return {"rows": rows}

    install(app, bank.desk)
    install_liquidity(app, bank.liquidity)

    @app.get("/{path:path}")
    async def page(path: str) -> Response:
        file = (DIST / (path or "index.html")).resolve()
        if not file.is_relative_to(DIST) or not file.is_file():
            return JSONResponse({"title": "not-found", "status": 404, "detail": path}, 404)
        return FileResponse(file)

    return app


def _entry(alert: Row, at: int) -> Row:
    record = {
        "txn_id": f"{alert['txn_id']}-{at}",
        "account_id": alert["account"],
        "txn_type": "TRANSFER",
        "channel": "ebank",
        "amount": alert["amount"],
    }
    offset = alert["source"]["offset"] - 1 - at
    return {"offset": offset, "event_time": alert["event_time"], "amount": alert["amount"], "record": record}


class MockServer:
    """The bank on a free port, in a thread of its own. Use as a context manager."""

    def __init__(self, bank: MockBank, port: int = 0) -> None:
        self.bank = bank
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(build_app(bank), log_level="warning", ws="none", timeout_graceful_shutdown=2)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> "MockServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bank.cut_streams()
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()


def sample_cells(rows: int) -> list[tuple[str, str]]:
    currencies = ["CNY", "USD", "EUR", "HKD", "JPY", "KWD", "GBP", "SGD"]
    entities = ["TIDE-CN", "TIDE-HK", "TIDE-EU", "TIDE-LEASING"]
    entities += [f"BRANCH-{number:02d}" for number in range(1, rows // len(currencies) + 1)]
    return [(entity, currency) for entity in entities for currency in currencies][:rows]


def sample_alert(bank: MockBank) -> None:
    dice = bank.random
    entity, currency = dice.choice(list(bank.positions))
    limit = 30_000_000 * 10 ** DIGITS.get(currency, 2) // 100
    minor = limit * dice.choice([10, 11, 14, 23, 61]) // 10
    more: Row = {"rolling": text(minor * 2, currency)} if dice.random() < 0.4 else {}
    bank.raise_alert(entity, currency, minor, limit, **more, **({"late": True} if dice.random() < 0.1 else {}))


async def animate(bank: MockBank, updates_per_second: float) -> None:
    while True:
        await asyncio.sleep(1 / updates_per_second)
        bank.move_many(0.5)
        if bank.random.random() < 0.03:
            sample_alert(bank)


async def _main() -> None:
    parser = argparse.ArgumentParser(description="the page with made-up figures")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--rows", type=int, default=24)
    parser.add_argument("--updates-per-second", type=float, default=4)
    options = parser.parse_args()
    bank = MockBank(sample_cells(options.rows))
    for _ in range(14 if options.rows else 0):
        sample_alert(bank)
    config = uvicorn.Config(build_app(bank), port=options.port, log_level="warning", timeout_graceful_shutdown=1)
    moving = asyncio.create_task(animate(bank, options.updates_per_second)) if options.rows else None
    print(f"http://127.0.0.1:{options.port}")
    await uvicorn.Server(config).serve()
    if moving:
        moving.cancel()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main())
