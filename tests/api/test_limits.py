"""Limits at work and recorded cuts over HTTP: what is told, to whom, and page by page."""

from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.cli.limits import cuts_table, limits_table
from streams.cut_reader import PlacedCut
from streams.cut_records import CutTotal, RiskCut
from streams.topics import ALERT, CUT
from streams.views_live import LiveView
from streams.views_wire import CUT_LANE, Record
from tests.api_doubles import fill, services
from tests.risk_records import LOG

FACTS: dict[str, Any] = {
    "limit_id": "lcr-board",
    "metric": "lcr",
    "scope": "entity",
    "as_of": "2026-11-22",
    "value": "7/8",
    "light": "red",
    "light_before": "green",
    "incident": "5b0f5d6e-8c67-5f0e-9c39-6f1f0c5a7c11",
    "cut": 4,
    "offsets": {"tm.in.core.txn.v1/0": 7},
    "minimum": "1.1",
}


def limit_alert(sequence: int, *, kind: str = "raised", entity: str = "NORTH", **facts: Any) -> Record:
    source = {"topic": CUT, "partition": 0, "offset": 5 + sequence, "log": LOG, "fold": 1}
    dashes = dict.fromkeys(("organisation", "customer", "customer_class", "account", "txn_id"), "-")
    value = dashes | {
        "alert_id": f"limit-{sequence}", "kind": kind, "rule": "limit", "rule_version": "1", "sequence": sequence,
        "entity": entity, "currency": "CNY", "amount": "350.00", "threshold": "400.00", "reason": "too little",
        "event_time": "2026-11-22T12:00:00Z", "source": source, "limit": FACTS | facts,
    }  # fmt: skip
    return Record(ALERT, 0, 0, f"{entity}|-".encode(), msgspec.json.encode(value))


def end_of_tick(offset: int) -> Record:
    source = {"topic": CUT, "partition": 0, "offset": offset, "log": LOG, "fold": 1}
    value = {"source": source, "from_offset": 0, "count": 0, "appended_at": None, "business_time": None}
    return Record(ALERT, 0, 0, b"cut", msgspec.json.encode(value | {"statistics": {}}))


def recorded(offset: int) -> PlacedCut:
    totals = [
        CutTotal(metric="lcr", scope="entity", entity=entity, currency="CNY", value="1.2")
        for entity in ("NORTH", "SOUTH", "-")
    ]
    cut = RiskCut(
        epoch=1, number=offset, taken_at="t", offsets={}, position_offsets={}, logs={}, alert_vector={0: 1},
        totals=totals,
    )  # fmt: skip
    return PlacedCut(offset, cut)


def recent(before: int | None, limit: int) -> list[PlacedCut]:
    end = 5 if before is None else before
    return [recorded(offset) for offset in range(max(0, end - limit), end)][::-1]


@pytest.fixture
def app() -> FastAPI:
    live = LiveView()
    fill(live)
    live.feed(
        [
            limit_alert(0),
            limit_alert(1, entity="SOUTH", light="amber"),
            limit_alert(2, limit_id="nsfr", metric="nsfr"),
            limit_alert(3, kind="cleared", limit_id="nsfr", metric="nsfr", light="green"),
            limit_alert(4, limit_id="fifth", metric="large-withdrawal"),
            end_of_tick(99),
        ]
    )
    live.set_status(ready=True)
    return create_app(services(live, recent_cuts=recent))


async def get(app: FastAPI, path: str, reader: str = "all") -> dict[str, Any]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x/api/v1") as client:
        answer = await client.get(path, headers={"Authorization": f"Bearer {reader}"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.anyio
async def test_a_limit_is_at_work_until_it_is_cleared(app: FastAPI) -> None:
    rows = (await get(app, "/limits"))["rows"]
    assert [(row["light"], row["entity"], row["limit_id"]) for row in rows] == [
        ("red", "NORTH", "lcr-board"), ("amber", "SOUTH", "lcr-board"),
    ]  # fmt: skip
    assert rows[0]["breach_no"] == "LB-lcr-board-5b0f5d6e8c67"
    assert [row["entity"] for row in (await get(app, "/limits", "north"))["rows"]] == ["NORTH"]
    assert [row["entity"] for row in (await get(app, "/limits?entity=SOUTH"))["rows"]] == ["SOUTH"]
    assert "87.50%" in [cell for column in limits_table({"rows": rows}).columns for cell in map(str, column.cells)]


@pytest.mark.anyio
async def test_cuts_come_newest_first_and_hide_other_entities(app: FastAPI) -> None:
    page = await get(app, "/cuts?limit=2")
    assert ([cut["offset"] for cut in page["cuts"]], page["cursor"]) == ([4, 3], 3)
    page = await get(app, "/cuts?limit=3&before=3")
    assert ([cut["offset"] for cut in page["cuts"]], page["cursor"]) == ([2, 1, 0], None)
    assert [total["entity"] for total in page["cuts"][0]["totals"]] == ["NORTH", "SOUTH", "-"]
    (cut,) = (await get(app, "/cuts?limit=1", "north"))["cuts"]
    assert [total["entity"] for total in cut["totals"]] == ["NORTH"]
    assert len(cuts_table({"cuts": [cut]}).rows) == 1


@pytest.mark.anyio
async def test_alerts_on_limits_stand_in_the_list_and_the_vector(app: FastAPI) -> None:
    page = await get(app, "/alerts?limit=1000")
    assert sum(alert["rule"] == "limit" for alert in page["alerts"]) == 5
    assert f"{CUT_LANE}:4" in page["vector"]
    fresh = await get(app, f"/alerts?after={page['vector']}")
    assert fresh["alerts"] == []
    older: list[str] = []
    cursor = None
    while True:
        page = await get(app, "/alerts?limit=2" + (f"&before={cursor}" if cursor else ""))
        older += [alert["alert_id"] for alert in page["alerts"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert len(older) == len(set(older)) == 10
