"""Each user's day in a real Chromium over a whole bank: subscriber, treasurer, approver on a phone, special-assets
officer, auditor.

Nothing is scripted: what they see came through Kafka, what they decide is stored and followed. The rooms one by one,
with what cannot be brought about here, are in the other files of this folder.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import python_calamine
from playwright.sync_api import Browser, expect

from tests.browser.chromium import chromium, needs_chromium
from tests.browser.days_bank import ENTITY, ROLES, DaysBank, days_bank
from tests.browser.days_people import day, saved
from tests.browser.test_workbench import Desk, enter

pytestmark = [*needs_chromium, pytest.mark.kafka, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaysBank]:
    with days_bank(tmp_path_factory.mktemp("days") / "data") as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def test_a_subscriber_hears_of_a_withdrawal_and_takes_it_up(browser: Browser, bank: DaysBank, tmp_path: Path) -> None:
    with day(browser, bank.address, bank.link("subscriber"), tmp_path, "subscriber") as today:
        page = today.page
        today.go("home")
        expect(page.locator("[data-widget='positions'] tbody tr")).not_to_have_count(0)
        page.locator("#home-arrange").press("Enter")
        page.get_by_role("button", name="Move Alerts earlier").press("Enter")
        expect(page.locator("#home-said")).to_have_text("Saved")
        page.locator("#home-arrange").press("Enter")
        today.station("home", judged=True)

        today.go("alerts/subscriptions")
        page.locator("#ac-sub-no").fill("SUB-DAYS")
        page.locator("#ac-sub-rule").fill("large-flow-single")
        page.locator("#ac-sub-amount").fill("35000000")
        page.locator("#ac-sub-kafka").fill("desk.treasury.alerts")
        page.get_by_role("button", name="Subscribe", exact=True).press("Enter")
        listed = page.locator("#aud-subscriptions tbody tr").filter(has_text="SUB-DAYS")
        expect(listed).to_contain_text('amount >= money("35000000.00")')
        today.station("subscription", judged=True)

        today.go("alerts")
        expect(page.locator("#ac-list-title")).to_be_visible()
        bank.book("DAYS-OUT-1", "out", "36000000.00", "C-DAYS-1")
        row = page.locator(".ac-row").filter(has_text="36,000,000.00")
        expect(row).to_contain_text("Open")
        today.station("alert-arrived")
        row.locator(".ac-name").press("Enter")
        expect(page.locator("#ac-one-title")).to_be_focused()
        expect(page.locator("#aud-why")).to_contain_text("CNY 36,000,000.00")
        expect(page.locator("#aud-why")).to_contain_text("30,000,000.00")
        expect(page.locator("#aud-entries tbody tr")).to_contain_text("DAYS-OUT-1")
        page.locator("#ac-one-note").fill("called the branch: a planned payment")
        page.get_by_role("button", name="Acknowledge", exact=True).click()
        expect(page.locator("#aud-life")).to_contain_text("called the branch")
        expect(page.locator(".ac-head")).to_contain_text("Acknowledged")
        today.station("alert-in-full", judged=True)

        page.get_by_role("link", name="Back to the list").click()
        expect(row).to_contain_text("Acknowledged")
        page.get_by_role("group", name="State").get_by_role("button", name="Acknowledged").press("Enter")
        expect(row).to_have_count(0)  # no longer among the open ones

        today.go("alerts/silences")
        page.locator("#ac-silence-no").fill("Q-DAYS")
        page.locator("#ac-silence-matcher").fill('rule == "large-flow-single"')
        page.locator("#ac-silence-comment").fill("the payment comes in parts")
        page.get_by_role("button", name="Silence", exact=True).click()
        expect(page.locator("#aud-silence")).to_contain_text("Q-DAYS is in force")
        today.station("silence")
        today.go("alerts")
        expect(page.get_by_role("link", name="1 silence holds back deliveries")).to_be_visible()

        today.forgiven = ("ERR_", "Failed to load")  # what the browser itself says of a lost link
        with bank.unreachable():  # a browser that is offline keeps the stream it has
            page.context.set_offline(True)
            expect(page.locator("#link-word")).to_contain_text("Stale for")
            expect(page.locator("#banner")).to_be_visible()
            today.station("link-lost")
            page.context.set_offline(False)
        expect(page.locator("#link-word")).to_have_text("Live")
        expect(page.locator("#banner")).to_be_hidden()


def test_an_approver_decides_on_a_phone(browser: Browser, bank: DaysBank, tmp_path: Path) -> None:
    bank.announce("WR-1", "35000000.00")
    bank.announce("WR-2", "2500000.00")
    bank.announce("WR-3", "2600000.00")
    bank.book("DAYS-SHORT", "out", "7000000.00", "C-DAYS-2", branch="BANK-DAYS-01")
    link = bank.link("approver", signed_in_ago=timedelta(hours=1))
    with day(browser, bank.address, link, tmp_path, "approver", on_a_phone=True) as today:
        page = today.page
        today.forgiven = ("403", "409")  # what the browser itself says of a missing proof and of a stale task

        # Above the level for a proof: a sign-in of an hour ago is none.
        today.go("desk")
        card = page.locator("#wd-card-WR-1")
        expect(card).to_contain_text("CNY 35,000,000.00")
        today.station("tasks", judged=True)
        card.tap()
        expect(page.locator("#wd-task-title")).to_be_focused()
        expect(page.locator(".wd-impact")).to_contain_text("after")
        today.station("task", judged=True)
        page.locator("#wd-approve").tap()
        page.locator("#wd-confirm").tap()
        expect(page.locator("#wd-code")).to_be_focused()
        today.station("proof-wanted", judged=True)
        page.locator("#wd-code").fill(bank.code("approver"))
        page.keyboard.press("Enter")
        expect(page.locator(".wd-state")).to_contain_text("waits for")
        expect(page.locator(".wd-task .wd-said")).to_have_text("Approved.")
        today.station("approved")
        for reader in ("officer", "second treasurer"):
            bank.get(reader, "/worklists/todos")  # answers: a proof's instant is no term of the case

        # What moved while it was being read is not decided on.
        today.go("desk/WR-2")
        page.locator("#wd-approve").tap()
        expect(page.locator("#wd-sure")).to_be_focused()
        seen = bank.get("clerk", "/withdrawal-desk/WR-2")["task"]["seen"]
        bank.post("clerk", "/withdrawal-desk/WR-2/amend", {"seen": seen, "payload": {"amount": "2700000.00"}})
        page.locator("#wd-confirm").tap()
        expect(page.locator(".wd-task .wd-said")).to_contain_text("It has changed since you read it")
        expect(page.locator("#wd-task-title")).to_have_text("CNY 2,700,000.00")
        today.station("stale-task")

        # Two taps, one decision.
        today.go("desk/WR-3")
        page.locator("#wd-approve").tap()
        expect(page.locator("#wd-confirm")).to_be_visible()
        page.evaluate("() => { const b = document.querySelector('#wd-confirm'); b.click(); b.click(); }")
        expect(page.locator(".wd-state")).to_have_text("Approved")
        history = bank.get("auditor", "/withdrawal-desk/WR-3")["history"]
        assert [event["actor"] for event in history].count(ROLES["approver"][0]) == 1
        held = page.locator(".wd-history")
        expect(held).to_contain_text("approved")

        # Money for a branch that lacks it.
        today.go("desk")
        expect(page.locator(".wd-branches")).to_contain_text("BANK-DAYS-01")
        page.locator(".wd-branches").scroll_into_view_if_needed()
        today.station("branches", judged=True)


def test_a_treasurer_reads_drafts_and_reports(browser: Browser, bank: DaysBank, tmp_path: Path) -> None:
    with day(browser, bank.address, bank.link("treasurer"), tmp_path, "treasurer") as today:
        page = today.page
        today.go("board")
        grid = page.get_by_role("treegrid")
        page.locator("#board-filter").fill("bank cny")
        expect(page.locator(".board-row[data-key='BANK|CNY'] .trust")).to_have_text("✓ fresh")
        expect(page.locator(".board-row[data-key='BANK|CNY'] .trust")).to_have_attribute(
            "title", re.compile("As of the cut of")
        )
        grid.focus()
        page.keyboard.press("Control+Home")
        page.keyboard.press("ArrowUp")  # the headings
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(page.get_by_role("columnheader", name="Position ↓")).to_have_attribute("aria-sort", "descending")
        today.station("board", judged=True)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        behind = page.get_by_role("dialog")
        expect(behind.get_by_role("heading", level=2)).to_contain_text("Behind BANK")
        expect(behind.get_by_role("link", name=re.compile("tm.in.core.txn.v1")).first).to_be_visible()
        today.station("behind-a-position", judged=True)
        page.keyboard.press("Escape")
        expect(behind).to_be_hidden()

        today.go("")
        page.locator("#gap-bars button[data-bucket='D2_7']").press("Enter")
        expect(page.locator("#audit-sum")).to_be_visible()
        expect(page.locator("#audit tbody tr").first).to_be_visible()
        today.station("behind-a-gap", judged=True)
        page.keyboard.press("Escape")
        expect(page.locator("#audit")).to_be_hidden()

        today.go("liquidity")
        page.locator("[data-scope='entity/BANK//CNY'] .liq-pick").press("Enter")
        expect(page.locator("#liq-made")).to_contain_text("BANK: LCR")
        expect(page.locator("#liq-breaking")).not_to_contain_text("Loading")
        today.station("ratios", judged=True)
        today.go("calculations/stress")
        expect(page.locator(".heat-cell").first).to_be_visible()
        today.station("stress")

        today.go("alerts/rules/new")
        page.locator("#ac-rule-no").fill("days-low-cash")
        page.locator("#ac-rule-name").fill("Low cash")
        page.locator("#ac-rule-why").fill("the desk asked")
        page.locator("#ac-rule-home").fill(ENTITY)
        page.locator("#ac-rule-expression").fill('amount < money("1.00")')
        page.get_by_role("button", name="Save the draft").press("Enter")
        expect(page.locator("#aud-editor")).to_contain_text("Draft saved")
        page.locator("#ac-rule-try").press("Enter")
        fired = re.compile(r"Would have fired \d+ times? over [1-9]\d* cuts")
        expect(page.locator(".ac-verdict")).to_contain_text(
            fired, timeout=120_000
        )  # all that is stored is folded again
        expect(page.locator("#ac-rule-hint")).to_contain_text("another person enables it")
        today.station("rule", judged=True)

        today.go("reports")
        for name, box in (("position", "measures"), ("entity", "rows"), ("currency", "columns")):
            page.locator(f"#rep-put-{name}").select_option(box)
        page.locator("#rep-run").press("Enter")
        expect(page.locator(".rep-table")).to_contain_text("LEASE")
        page.locator("#rep-no").fill("DAYS-1")
        page.locator("#rep-name").fill("By entity")
        page.get_by_role("button", name="Keep", exact=True).click()
        expect(page.locator("#aud-kept")).to_contain_text("Kept as DAYS-1")
        today.station("pivot", judged=True)
        file = saved(page, page.locator("[data-form=xlsx]"), tmp_path)
        told = str(python_calamine.load_workbook(file).get_sheet_by_index(0).to_python())
        assert "LEASE" in told
        assert "HKD" in told

        page.emulate_media(color_scheme="dark")
        today.speak("zh")
        expect(page.get_by_role("heading", name="报表", exact=True)).to_be_visible()
        expect(page.locator(".rep-table")).to_contain_text("LEASE")
        expect(page.locator("#aud-kept tbody")).to_contain_text("By entity")
        today.station("pivot-zh", judged=True)
        for place, shown in (
            ("board", ".board-row"),
            ("liquidity", ".liq-card"),
            ("alerts/rules", "#aud-rules tbody tr"),
        ):
            today.go(place)
            expect(page.locator(shown).first).to_be_visible()
            today.station(f"{place.replace('/', '-')}-zh", judged=True)


def test_an_officer_writes_a_loan_off(browser: Browser, bank: DaysBank, tmp_path: Path) -> None:
    bank.admit("LN-DAYS-1")
    with day(browser, bank.address, bank.link("officer"), tmp_path, "officer") as today:
        page = today.page
        desk = Desk(page, bank.address, forgiven=("",))  # it is `today` that watches
        today.go("workbench")
        page.get_by_label("Search loans").fill("LN-DAYS-1")
        expect(page.locator(".desk-loans li")).to_have_count(1)
        today.station("work-list", judged=True)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Risk asset LN-DAYS-1")).to_be_focused()
        desk.begin("WriteOff", "WO-DAYS-1")
        desk.do("Draft", "Write off drafted", ground="BANKRUPTCY")
        bank.give("lawyer", "WriteOff", "WO-DAYS-1", "ReviewCompliance", outcome="PASS", checklist={"papers": True})
        page.reload()
        desk.do("Submit", "Write off submitted")
        today.station("submitted", judged=True)

        # Another person signs, at the same screen with a token of their own.
        page.locator("select#desk-person").select_option("another")
        page.get_by_label("Token").fill(bank.token("head of assets"))
        page.get_by_role("button", name="Act as this person").click()
        expect(page.locator("select#desk-person option:checked")).to_contain_text(ROLES["head of assets"][0])
        form = desk.form("Approve")
        enter(form, approval_no="WO-2026-1")
        today.station("approval")
        form.locator("button[type=submit]").press("Enter")
        expect(page.locator(".desk-said")).to_contain_text("Write off approved")
        bank.post_write_off("LN-DAYS-1", "WO-DAYS-1")
        page.get_by_role("link", name="Risk asset LN-DAYS-1").click()
        expect(page.locator(".desk-head .desk-badge").first).to_have_text("Written off")
        expect(page.locator("[data-sum=memo]")).to_have_text("1,020.00")
        today.station("written-off", judged=True)

        today.go("audit/ledgers/write_off")
        page.locator("#aud-where").fill("loan_no = LN-DAYS-1")
        page.locator("#aud-where").press("Enter")
        expect(page.locator("#aud-ledgers tbody")).to_contain_text("LN-DAYS-1")
        today.station("ledger", judged=True)
        file = saved(page, page.get_by_role("link", name="CSV"), tmp_path)
        assert "LN-DAYS-1" in file.read_text(encoding="utf-8-sig")


def test_an_auditor_proves_that_case_without_us(browser: Browser, bank: DaysBank, tmp_path: Path) -> None:
    bank.write_off("LN-DAYS-2", "WO-DAYS-2")
    with day(browser, bank.address, bank.link("auditor"), tmp_path, "auditor") as today:
        page = today.page
        today.go("audit/cases/WriteOff/WO-DAYS-2")
        events = page.locator(".aud-events li")
        expect(events.first).to_contain_text("Write off posted")
        expect(page.locator(".aud-events")).to_contain_text(ROLES["head of assets"][0])
        expect(events.first.get_by_role("row").nth(1)).to_be_visible()  # what it changed
        today.station("timeline", judged=True)
        today.forgiven = ("404",)  # what the browser says of a case that was not known then
        page.locator("#aud-case-as-of").focus()
        page.keyboard.press("Home")
        expect(page).to_have_url(re.compile("as_of="))
        expect(events).to_have_count(0)
        today.station("before-it-was-known")
        page.locator("#aud-case-as-of-now").press("Enter")
        expect(events.first).to_contain_text("Write off posted")

        today.go("audit")
        page.locator("#aud-verify").press("Enter")
        expect(page.locator("#aud-verification .aud-verdict")).to_have_text("✓ Nothing was altered.", timeout=120_000)
        page.locator("#aud-proof-kind").fill("WriteOff")
        page.locator("#aud-proof-key").fill("WO-DAYS-2")
        proof = saved(page, page.get_by_text("Download the proof"), tmp_path)
        verifier = saved(page, page.get_by_text("Download the verifier"), tmp_path)
        today.station("verified", judged=True)
        command = [sys.executable, "-I", str(verifier), str(proof)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        told = json.dumps(json.loads(proof.read_text()))
        proof.write_text(told.replace('"position": ', '"position": 9', 1))
        assert '"position": 9' in proof.read_text()
        assert subprocess.run(command, capture_output=True, check=False).returncode != 0

        moment = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=5)
        today.go(f"audit/moments?at={moment:%Y-%m-%dT%H:%M:%SZ}")
        box = page.locator(".aud-figure[data-figure=positions]")
        expect(box).to_contain_text("LEASE")
        box.get_by_role("button", name="Replay from the log's start").press("Enter")
        expect(box.locator(".aud-verdict")).to_have_text(
            "✓ the log gives the same rows, to the byte", timeout=120_000
        )
        today.station("moment", judged=True)

        today.go("audit/whatif")
        page.locator("#aud-from").fill(bank.today)
        page.locator("#aud-changes").fill("large_flow.*.CNY.single=1000000")
        page.get_by_role("button", name="Play it again").press("Enter")
        expect(page.locator(".aud-figure[data-figure=alerts] .aud-counts")).to_be_visible(timeout=120_000)
        today.station("what-if", judged=True)

        today.speak("zh")
        today.go("audit/ledgers/write_off")
        expect(page.locator("#aud-ledgers tbody")).to_contain_text("LN-DAYS-2")
        today.station("ledger-zh", judged=True)
        file = saved(page, page.get_by_role("link", name="PDF"), tmp_path)
        assert file.read_bytes().startswith(b"%PDF")
        if "SCREENSHOTS" in os.environ:
            (Path(os.environ["SCREENSHOTS"]) / "auditor-ledger-zh.pdf").write_bytes(file.read_bytes())
