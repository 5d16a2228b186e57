"""Every room's figures carry a trust mark, and losing one feed marks exactly its dependants (F7), in a real Chromium.

The bank is the scripted one. What it does not script, withdrawals and reports, is answered here; that the API answers
so is tested in `tests/api`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chromium import Watched, chromium, needs_chromium, violations
from tests.browser.mock_board import BoardBank, BoardServer
from tests.browser.mock_liquidity import breach

pytestmark = needs_chromium
DEAD, SOUND = "TIDE-CN", "TIDE-HK"
FRESH, SILENT = "FRESH", "SILENT"
DEFINITION = {"source": "positions", "rows": ["currency"], "columns": [], "measures": ["sum(position)"], "where": []}

#: By room: where a mark stands, of which figure and entity; and its state once the entries of DEAD are lost.
MARKS: dict[str, list[tuple[str, str, str, str]]] = {
    "": [
        ("#gap-about", "gap", DEAD, FRESH),
        ("#position-about", "positions", DEAD, SILENT),
        ("#alerts-about", "alerts", "", SILENT),
        ("#assets-about", "ledgers", "", FRESH),
    ],
    "home": [
        (".home-grid", "positions", DEAD, SILENT),
        (".home-grid", "positions", SOUND, FRESH),
        (".home-grid", "consolidated-lcr", SOUND, FRESH),
        (".home-grid", "alerts", "", SILENT),
        (".home-grid", "ledgers", "", FRESH),
        (".home-grid", "gap", DEAD, FRESH),
    ],
    "liquidity": [
        (".liq-cards", "consolidated-lcr", DEAD, SILENT),
        (".liq-cards", "consolidated-lcr", SOUND, FRESH),
        (".liq-cards", "consolidated-lcr", "", SILENT),
        ("#liq-made", "consolidated-lcr", "", SILENT),
        ("#liq-limits", "limits", DEAD, SILENT),
        ("#liq-limits", "limits", SOUND, FRESH),
        ("#liq-cases", "limits", DEAD, SILENT),
        ("#liq-breaking", "limits", DEAD, SILENT),
        ("#liq-recoveries", "recoveries", DEAD, FRESH),
    ],
    "desk": [
        (".wd-list", "withdrawals", DEAD, SILENT),
        (".wd-list", "withdrawals", SOUND, FRESH),
        (".wd-days", "withdrawals", "", SILENT),
        (".wd-branches", "positions", SOUND, FRESH),
    ],
    "workbench/RiskAsset/LN-7001": [(".desk-head", "ledgers", DEAD, FRESH)],
    "reports": [(".rep-result", "positions", "", SILENT)],
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@dataclass
class Rooms(Watched):
    bank: BoardBank = field(kw_only=True)


@pytest.fixture
def rooms(browser: Browser) -> Iterator[Rooms]:
    bank = BoardBank([(DEAD, "CNY"), (SOUND, "USD")])
    bank.liquidity.breaches = [breach()]
    bank.raise_alert(DEAD, "CNY", 690_000_00, 300_000_00)
    with BoardServer(bank) as server:
        page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
        for path, body in ANSWERS.items():
            page.route(f"**/api/v1{path}", answering(body))
        found = Rooms(page, server.address, forgiven=("404", "503"), bank=bank)
        yield found
        page.close()
        found.settled()


def answering(body: Any) -> Any:
    def answer(route: Route) -> None:
        route.fulfill(status=200, content_type="application/json", body=json.dumps(body))

    return answer


def task(number: str, entity: str) -> dict[str, Any]:
    unknown = (
        "projected_eod_before",
        "projected_eod_after",
        "available_before",
        "available_after",
        "floor",
        "shortfall",
    )
    impact = dict.fromkeys((*unknown, "decision")) | {"amount": "10.00", "actions": [], "decision_reason": ""}
    return {
        "reservation_no": number, "entity": entity, "ccy": "CNY", "customer_no": "C-1", "account_id": "A-1",
        "organisation": "N1", "amount": "10.00", "executed": "0.00", "outstanding": "0.00",
        "value_date": "2026-11-24", "purpose": "CASH", "channel": "DESK", "state": "SUBMITTED", "status": "submitted",
        "is_open": True, "delegated_to": None, "levels": ["BRANCH"], "needs": "BRANCH", "mine": True, "may": [],
        "seen": "1", "source": "desk", "revision": 1, "approvals": [], "legs": [], "proof_needed": False,
        "requester": "U-1", "impact": impact,
    }  # fmt: skip


CUT = {"tm.risk.position.v1/0": 7}
DAY = {"date": "2026-11-24", "ccy": "CNY", "organisation": None, "base": "1.00", "expected": "2.00", "worst": "3.00",
       "reserved_expected": "0.00", "reserved_open": "0.00", "weeks_of_history": 2}  # fmt: skip
MOVE = {"transfer_id": "1", "source": "N1", "destination": "N2", "amount": "4.00", "cost_bp": "1"}
PLAN = {
    "entity": SOUND, "ccy": "CNY", "nodes": [], "moved": "4.00", "uncovered": {}, "cost": "0.01", "transfers": [MOVE],
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "/withdrawal-desk": {
        "offsets": CUT, "log": {}, "as_of": {DEAD: "2026-11-23"}, "may_announce": False, "cursor": None, "total": 2,
        "rows": [task("WR-1", DEAD), task("WR-2", SOUND)],
    },
    "/withdrawal-desk/forecast": {
        "offsets": CUT, "as_of": "2026-11-23", "history_from": None, "days": [DAY], "hit_rates": [],
    },
    "/withdrawal-desk/dispatch": {"offsets": CUT, "lacking": [PLAN], "proposals": []},
    "/pivots": {"pivots": []},
    "/pivots/sources": {"sources": [
        {"name": "positions", "title": "Positions", "title_zh": "头寸", "closing_date": None, "has_currency": True,
         "fields": [
             {"name": "currency", "title": "Currency", "title_zh": "币种", "kind": "text", "grain": None,
              "personal": False},
             {"name": "position", "title": "Position", "title_zh": "头寸", "kind": "money", "grain": None,
              "personal": False},
         ]},
    ]},
    "/pivots/run": {
        "definition": DEFINITION, "source": {"name": "positions", "title": "Positions", "title_zh": "头寸"},
        "rows": [{"name": "currency", "title": "Currency", "title_zh": "币种"}], "columns": [],
        "measures": [{"name": "sum(position)", "kind": "money", "titles": ["Position", "头寸"]}],
        "column_paths": [[]], "missing_rates": [], "masked": False, "rates": None, "compared_with": None,
        "table": [{"members": ["CNY"], "cells": [["5.00"]]}, {"members": [], "cells": [["5.00"]]}],
        "cut": {"offsets": CUT, "log": {}, "days": {}, "as_of": "2026-11-23", "known_at": None, "position": 9},
        "provenance": {"digest": "0" * 64, "engine_version": "1", "config_version": "1",
                       "trust": {"state": "FRESH", "sources": []}},
    },
}  # fmt: skip


def enter(page: Page, address: str, room: str) -> None:
    page.goto(f"{address}/#/{room}")
    if room == "desk":
        expect(page.locator("#wd-title")).to_be_visible()
        page.get_by_role("button", name="All open").click()
    if room == "reports":
        for name, box in (("position", "measures"), ("currency", "rows")):
            page.locator(f"#rep-put-{name}").select_option(box)
        page.get_by_role("button", name="Show", exact=True).click()


def marked(page: Page, room: str, *, lost: bool) -> None:
    for place, figure, entity, after in MARKS[room]:
        beside = "+" if place.endswith("-about") else ""
        mark = page.locator(f"{place} {beside} [data-figure='{figure}'][data-trust-of='{entity}']").first
        state = after if lost else FRESH
        expect(mark).to_have_attribute("data-trust", state)
        expect(mark).to_contain_text(state.lower())
        if state == SILENT:
            expect(mark).to_have_attribute("title", re.compile(f"entries/{DEAD}/core"))


def test_every_room_marks_its_figures_and_the_loss_of_a_feed_marks_its_dependants_alone(rooms: Rooms) -> None:
    page = rooms.page
    for room in MARKS:
        enter(page, rooms.address, room)
        marked(page, room, lost=False)
    rooms.bank.silence(DEAD)  # the room that is open hears it, and so do those that were entered before
    marked(page, "reports", lost=True)
    for room in MARKS:
        page.goto(f"{rooms.address}/#/{room}")
        marked(page, room, lost=True)
    assert violations(page) == []
    rooms.bank.silence()
    marked(page, "reports", lost=False)


def test_every_room_follows_the_language_of_the_header(rooms: Rooms) -> None:
    """No room has a switch of its own; those that were entered before take the other words too."""
    page = rooms.page
    titles = {"home": "首页", "liquidity": "流动性", "desk": "大额走款工作台", "reports": "报表", "workbench": ""}
    for room in titles:
        page.goto(f"{rooms.address}/#/{room}")
        expect(page.locator(f"#{room} h2").first).to_be_visible()
        expect(page.locator(f"#{room}").get_by_role("button", name="中文")).to_have_count(0)
    page.evaluate("window.stays = true")
    page.locator("#language").select_option("zh")
    for room, title in titles.items():
        page.goto(f"{rooms.address}/#/{room}")
        expect(page.locator(f"#{room} h2").first).to_contain_text(title)
        expect(page.locator(f"#{room}")).to_have_attribute("lang", "zh-Hans")
    assert page.evaluate("window.stays")  # and nothing was loaded anew
