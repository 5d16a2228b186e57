"""The auditor's room in a real Chromium, over the API itself on a SQLite store: it shows what the API says, and
what it hands out is checked by the verifier that knows nothing of us."""

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chromium import Watched, chromium, fits, needs_chromium, violations
from tests.browser.desk_bank import DeskBank, desk_bank, fill

pytestmark = needs_chromium


class Room(Watched):
    def open(self, place: str = "") -> Page:
        self.page.goto(f"{self.address}/#/audit{place}")
        expect(self.page.locator(".aud-tab")).to_be_visible()
        return self.page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def bank() -> Iterator[DeskBank]:
    with desk_bank() as found:
        fill(found)
        yield found


def room_in(browser: Browser, bank: DeskBank, *, width: int = 1440, dark: bool = False) -> Room:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", locale="en-GB"
    )
    session: Any = {"name": "tidemark_session", "value": "reader", "url": bank.address, "sameSite": "Strict"}
    context.add_cookies([session])
    return Room(context.new_page(), bank.address)


@pytest.fixture
def room(browser: Browser, bank: DeskBank) -> Iterator[Room]:
    found = room_in(browser, bank)
    yield found
    found.page.context.close()
    found.settled()


def test_a_proof_taken_from_the_page_is_verified_without_us(room: Room, tmp_path: Path) -> None:
    page = room.open()
    page.locator("#aud-verify").click()
    expect(page.locator("#aud-verification .aud-verdict")).to_have_text("✓ Nothing was altered.")
    expect(page.locator("#aud-verification")).to_contain_text("7 events of 4 aggregates")
    page.locator("#aud-proof-kind").fill("WriteOff")
    page.locator("#aud-proof-key").fill("WO-1")
    for button in ("Download the proof", "Download the verifier"):
        with page.expect_download() as waiting:
            page.get_by_text(button).click()
        waiting.value.save_as(tmp_path / button.rpartition(" ")[2])
    command = [sys.executable, "-I", str(tmp_path / "verifier"), str(tmp_path / "proof")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    changed = json.loads((tmp_path / "proof").read_text())
    text = json.dumps(changed).replace('"position": 6', '"position": 4')
    assert text != json.dumps(changed)
    (tmp_path / "proof").write_text(text)
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_an_altered_event_is_shown_where_it_is(browser: Browser) -> None:
    with desk_bank() as bank:
        fill(bank)
        file = next(Path(bank.folder).rglob("events.db"))
        with sqlite3.connect(file) as store:
            changed = "CAST(replace(state, '800000000', '900000000') AS BLOB)"
            store.execute(f"UPDATE stored_events SET state = {changed} WHERE rowid = 1")  # noqa: S608
        store.close()
        room = room_in(browser, bank)
        page = room.open()
        page.locator("#aud-verify").click()
        expect(page.locator("#aud-verification .aud-verdict")).to_have_text("✗ Something was altered:")
        expect(page.locator("#aud-verification table")).to_contain_text("LN-7001")
        page.context.close()
        room.settled()


def test_a_case_is_told_event_by_event_and_as_it_was(room: Room) -> None:
    page = room.open("/cases/RiskAsset/LN-7001")
    events = page.locator(".aud-events li")
    expect(events).to_have_count(2)
    expect(events.first).to_contain_text("Asset reclassified")
    expect(events.first.get_by_role("row").filter(has_text="Classification")).to_contain_text("DoubtfulLoss")
    expect(page.locator(".aud-state")).to_contain_text("Loss")
    page.locator("#aud-case-as-of-date").fill("2020-01-01")
    page.locator("#aud-case-as-of-date").dispatch_event("change")
    expect(page.locator("#aud-cases .failure")).to_be_visible()
    expect(page).to_have_url(re.compile("as_of=2020-01-01"))
    room.forgiven = ("404",)
    page.locator("#aud-case-as-of-now").click()
    expect(events).to_have_count(2)
    with page.expect_download() as waiting:
        events.first.get_by_role("link", name="Proof").click()
    assert json.loads(waiting.value.path().read_text())


def test_a_ledger_at_two_instants_and_what_is_behind_a_row(room: Room) -> None:
    page = room.open("/ledgers/risk_asset")
    rows = page.locator("#aud-ledgers tbody tr")
    expect(rows).to_have_count(4)  # three loans and their total
    expect(rows.last).to_contain_text("9,890,000.00")
    expect(page.locator("#aud-ledgers .aud-stamp").first).to_contain_text("log position 7")
    page.get_by_role("button", name="LN-7001").click()
    expect(page.locator("#aud-behind")).to_contain_text("Asset reclassified")
    expect(page.locator("#aud-behind")).to_contain_text("8,000,000.00")
    page.locator("#aud-where").fill("classification = LOSS")
    page.locator("#aud-where").press("Enter")
    expect(rows).to_have_count(2)
    page.locator("#aud-known-at").focus()
    page.keyboard.press("Home")  # before anything was known
    expect(page.locator("#aud-ledgers .aud-answer")).to_contain_text("No row meets this.")
    expect(page).to_have_url(re.compile("known_at="))
    page.locator("#aud-known-at-now").click()
    expect(rows).to_have_count(2)
    page.locator("#aud-other").fill("2026-01-01")
    page.locator("#aud-other").dispatch_event("change")
    expect(page.locator("#aud-ledgers .aud-stamp").first).to_contain_text("3 rows differ.")


def test_a_ledger_is_a_file(room: Room) -> None:
    page = room.open("/ledgers/risk_asset")
    starts = {"XLSX": b"PK", "PDF": b"%PDF", "CSV": b"\xef\xbb\xbf", "PARQUET": b"PAR1", "JSON": b"{"}
    for form, start in starts.items():
        with page.expect_download() as waiting:
            page.get_by_role("link", name=form).click()
        assert waiting.value.path().read_bytes().startswith(start), form


def test_a_decision_is_traced(room: Room) -> None:
    page = room.open("/trace")
    page.locator("#aud-what").fill("4")
    page.get_by_role("button", name="Trace").click()
    expect(page.locator("#aud-trace .aud-answer")).to_contain_text("AssetReclassified")
    expect(page).to_have_url(re.compile("#/audit/trace/event/4$"))


def answer(body: object, status: int = 200) -> Any:
    def give(route: Route) -> None:
        route.fulfill(status=status, json=body)

    return give


def test_a_counterfactual_is_followed_and_compared(room: Room) -> None:
    """The API's answer is tested in `tests/api`; here it is one of its shapes."""
    page = room.page
    alert = {"amount": "600000.00", "threshold": "500000.00", "reason": "rolling"}
    row = {"at": "2026-03-16T09:00Z", "where": "only_branch", "entity": "BANK", "customer": "C-1", "currency": "CNY",
           "rule": "large-flow-rolling", "limit_id": None, "metric": None, "real": None, "branch": alert}  # fmt: skip
    part = {"summary": {"both": 3, "only_real": 0, "only_branch": 1, "changed": 0}, "rows": [row], "left_off": 0,
            "control": {"reproduces": True, "differing": 0}}  # fmt: skip
    job: dict[str, Any] = {"id": "a1b2", "state": "running", "asked_by": "reader", "asked_at": "2026-11-22T12:00Z",
           "question": {"set": {"large_flow.CNY": "500000"}}, "error": None,
           "progress": {"phase": "alerts", "done": 5, "whole": 10}}  # fmt: skip
    found = {"period": {}, "rules": {}, "digest": "d1", "alerts": part, "limits": None, "ratios": None}
    done = job | {"state": "done", "answer": found}
    asked: list[Any] = []

    def give(route: Route) -> None:
        if route.request.method == "POST":
            asked.append(route.request.post_data_json)
            route.fulfill(status=202, json=job)
        elif route.request.url.endswith("/a1b2"):
            asked.append("look")
            route.fulfill(json=job if asked.count("look") < 3 else done)
        else:
            route.fulfill(json={"jobs": []})

    page.route("**/api/v1/counterfactuals**", give)
    room.open("/whatif")
    page.locator("#aud-from").fill("2026-03-16")
    page.locator("#aud-changes").fill("large_flow.CNY=500000")
    page.get_by_role("button", name="Play it again").click()
    expect(page.locator(".aud-progress")).to_contain_text("Alerts 5/10")
    expect(page.locator("[data-count=only_branch]")).to_have_text("1 only in the branch")
    expect(page.locator(".aud-figure[data-figure=alerts] tbody tr")).to_contain_text("600,000.00")
    assert asked[0] == {"from": "2026-03-16", "to": None, "set": {"large_flow.CNY": "500000"}}


def test_a_past_moment_is_replayed(room: Room) -> None:
    """As above: the shape of the answer is the API's."""
    page = room.page
    figure = {"rows": [{"entity": "BANK", "currency": "CNY", "position": "12.30"}], "provenance": {"digest": "abc"}}
    page.route("**/api/v1/past?**", answer({"offsets": {"tm.in.core.txn.v1/0": 5}, "positions": figure}))
    page.route("**/api/v1/past/replay", answer({"same": False, "cause": "RECORDS", "reason": "offset 3"}))
    room.open("/moments?at=2026-03-16T09:00:00Z")
    box = page.locator(".aud-figure[data-figure=positions]")
    expect(box).to_contain_text("12.30")
    box.get_by_role("button").click()
    expect(box.locator(".aud-verdict")).to_have_text("✗ RECORDS: offset 3")


def test_the_room_speaks_chinese(room: Room) -> None:
    page = room.open("/ledgers/risk_asset")
    page.locator("#language").select_option("zh")
    expect(page.locator("#audit-room h2")).to_have_text("审计")
    expect(page.locator("#aud-ledgers thead")).to_contain_text("本金")
    expect(page.locator("#audit-room")).to_have_attribute("lang", "zh-Hans")


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, False)])
def test_accessibility(browser: Browser, bank: DeskBank, width: int, dark: bool) -> None:
    room = room_in(browser, bank, width=width, dark=dark)
    room.forgiven = ("503",)  # this bank has no Kafka to replay
    for place in (
        "",
        "/cases/WriteOff/WO-1",
        "/ledgers/risk_asset?row=LN-7001",
        "/trace/event/1",
        "/moments",
        "/whatif",
    ):
        page = room.open(place)
        expect(page.locator(".aud-answer").first).not_to_have_attribute("aria-busy", "true")
        expect(page.locator("#audit-room .spinner")).to_have_count(0)
        assert violations(page) == [], place
        assert fits(page), place
    page.context.close()
    room.settled()
