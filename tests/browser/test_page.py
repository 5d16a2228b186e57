"""The page in a real Chromium, against the scripted bank of mock_api.py. Builds nothing: CI builds it first."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Watched, chromium, fits, needs_chromium, violations
from tests.browser.mock_api import MockBank, MockServer, minor

if TYPE_CHECKING:
    from playwright.sync_api._generated import LocatorAssertions

CELLS = [("TIDE-CN", "CNY"), ("TIDE-CN", "JPY"), ("TIDE-HK", "CNY"), ("TIDE-HK", "KWD")]

pytestmark = needs_chromium


@dataclass
class Home(Watched):
    """The first room, its bank, and requests to anybody else."""

    bank: MockBank = field(kw_only=True)
    strangers: list[str] = field(default_factory=list, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.page.on(
            "request",
            lambda request: None if request.url.startswith(self.address) else self.strangers.append(request.url),
        )

    def open(self) -> None:
        self.page.goto(self.address)

    def settled(self) -> None:
        super().settled()
        assert self.strangers == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def watched(browser: Browser) -> Iterator[Home]:
    bank = MockBank(CELLS)
    bank.positions["TIDE-CN", "CNY"] = {
        "position": -(2**53) * 100 - 1,  # a Number would round it
        "pending_in": 4_000,
        "pending_out": 9_000,
        "reserved": 15_000,
    }
    bank.raise_alert("TIDE-CN", "CNY", 690_000_00, 300_000_00)
    with MockServer(bank) as server:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        one = Home(context.new_page(), server.address, bank=bank)
        yield one
        context.close()
        one.settled()


def figure(page: Page, entity: str, currency: str, name: str = "position") -> "LocatorAssertions":
    return expect(page.locator(f"tr[data-key='{entity}|{currency}'] td.{name}"))


def test_positions_are_shown_to_the_last_digit(watched: Home) -> None:
    watched.open()
    page = watched.page
    figure(page, "TIDE-CN", "CNY").to_have_text("−9,007,199,254,740,992.01")
    figure(page, "TIDE-CN", "CNY").to_have_attribute("data-exact", "-9007199254740992.01")
    figure(page, "TIDE-CN", "CNY", "projected-eod").to_have_text("−9,007,199,254,741,192.01")
    figure(page, "TIDE-CN", "CNY", "pending-in").to_have_text("40.00")
    for cell in CELLS:
        row = watched.bank._row(*cell)
        figure(page, *cell).to_have_attribute("data-exact", row["position"])
    expect(page.locator("#business-date")).to_have_text("22 Nov 2026")


def test_an_entry_comes_to_the_screen_by_itself(watched: Home) -> None:
    watched.open()
    expect(watched.page.locator("#link-word")).to_have_text("Live")
    watched.bank.move("TIDE-CN", "CNY", 1)
    cell = watched.page.locator("tr[data-key='TIDE-CN|CNY'] td.position")
    expect(cell).to_have_text("−9,007,199,254,740,992.00")
    expect(watched.page.locator("#position-summary")).to_contain_text("+0.01 since")


def test_alerts_arrive_once_even_over_a_reconnect(watched: Home) -> None:
    watched.open()
    page, bank = watched.page, watched.bank
    items = page.locator("#alerts-list > li")
    expect(items).to_have_count(1)
    expect(page.locator("#alerts-unseen")).to_be_hidden()  # what was there before is not new

    first = bank.raise_alert("TIDE-HK", "CNY", 500_000_00, 300_000_00)
    expect(items).to_have_count(2)
    expect(page.locator("#alerts-live")).to_contain_text("New alert: TIDE-HK")

    watched.forgiven = ("503", "ERR_INCOMPLETE_CHUNKED_ENCODING")  # what the browser itself says of a cut stream
    bank.refuses_streams = True
    bank.cut_streams()
    expect(page.locator("#link-word")).to_have_text("Reconnecting…")
    missed = bank.raise_alert("TIDE-HK", "CNY", 1_600_000_00, 300_000_00)
    bank.refuses_streams = False

    expect(items).to_have_count(3)
    expect(page.locator("#link-word")).to_have_text("Live")
    assert bank.connections[0] is None
    assert bank.connections[-1] == "0:0,1:0"  # resumed after the newest alert it had
    shown = items.evaluate_all("items => items.map(item => item.dataset.alert)")
    assert shown == [missed["alert_id"], first["alert_id"], bank.alerts[0]["alert_id"]]
    expect(page.locator("#alerts-about")).to_have_text("3 loaded · 0 critical")
    expect(page.locator("#alerts-unseen")).to_have_text("2 new")
    expect(page).to_have_title("(2) Tidemark")


def test_an_alert_opens_the_entries_behind_it(watched: Home) -> None:
    watched.open()
    watched.page.locator("button.alert").click()
    row = watched.page.locator(".entries tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("690,000.00")
    expect(watched.page.locator(".detail .facts")).to_contain_text("tm.in.core.txn.v1/0 @ 3999")


def test_charts_are_drawn_and_the_gap_has_its_table(watched: Home) -> None:
    watched.open()
    for box in ("#gap-chart", "#position-chart"):
        canvas = watched.page.locator(f"{box} canvas").first
        expect(canvas).to_be_visible()
        watched.page.wait_for_function(
            "box => { const c = document.querySelector(box + ' canvas');"
            " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            " let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n > 500; }",
            arg=box,
        )
    watched.page.locator("#gap-as-table").click()
    answer = watched.bank.gap_answer()["rows"]
    spot = next(
        row for row in answer if (row["entity"], row["currency"], row["bucket"]) == ("TIDE-CN", "CNY", "D8_30")
    )
    expect(watched.page.locator("#gap-table tbody tr")).to_have_count(12)
    cells = watched.page.locator("#gap-table tbody tr").nth(3).locator("td[data-exact]")
    names = ("inflow", "outflow", "gap", "cumulative")
    assert cells.evaluate_all("cells => cells.map(c => c.dataset.exact)") == [spot[name] for name in names]


def spot_of(watched: Home, bucket: str) -> dict[str, str]:
    rows = watched.bank.gap_answer()["rows"]
    return next(row for row in rows if (row["entity"], row["currency"], row["bucket"]) == ("TIDE-CN", "CNY", bucket))


def test_a_bar_leads_to_contracts_flows_and_formula_by_keyboard(watched: Home) -> None:
    watched.open()
    page = watched.page
    bar = page.locator("#gap-bars button[data-bucket='D2_7']")
    expect(bar).to_have_attribute("tabindex", "-1")  # one stop for all twelve
    page.locator("#gap-bars button[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(bar).to_be_focused()
    page.keyboard.press("Enter")

    dialog = page.locator("#audit")
    expect(dialog.locator("#audit-title")).to_have_text("2–7 d · TIDE-CN · CNY")
    expect(dialog.locator("#audit-sum")).to_have_text("The contracts add up to the figure, to the last unit.")
    expect(dialog.locator("tbody tr")).to_have_count(100)
    dialog.get_by_role("button", name="Show more").click()  # at the same cut, or the mock refuses
    expect(dialog.locator("tbody tr")).to_have_count(130)
    expect(dialog.get_by_role("button", name="Show more")).to_be_hidden()
    shown = dialog.locator("tbody td.gap").evaluate_all("cells => cells.map(cell => cell.dataset.exact)")
    assert sum(int(Decimal(amount) * 100) for amount in shown) == minor(spot_of(watched, "D2_7")["gap"], "CNY")

    dialog.get_by_role("button", name="LN/0003").press("Enter")
    expect(dialog.locator("#audit-title")).to_have_text("LN/0003")
    expect(dialog).to_contain_text("tm.in.core.contract.v1/0, offset 41")
    expect(dialog.locator("tbody tr")).to_have_count(3)
    expect(dialog.locator("tr.selected")).to_have_count(2)  # those in the bar
    expect(dialog.locator("tbody tr").first).to_contain_text("paid")

    dialog.locator("tbody tr").nth(1).locator("button").press("Enter")
    expect(dialog.locator("#audit-source")).to_contain_text("section 7.1, event IP")
    expect(dialog.locator("code.numbers")).to_have_text("= 1.0 × 1.0 × (0.0 + 0.0821917808219178 × 0.05 × 100.0)")
    expect(dialog.locator("code.result")).to_have_text("= 0.4109589041095891")
    expect(dialog.locator("#audit-booking")).to_contain_text("rounded half up")
    expect(dialog.locator("tbody tr")).to_have_text(["Sd2026-10-282026-11-27"])

    dialog.get_by_role("navigation").get_by_role("button", name="LN/0003").click()
    expect(dialog.locator("tr.selected")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(bar).to_be_focused()


def test_a_click_on_the_chart_opens_the_bucket_under_the_pointer(watched: Home) -> None:
    watched.open()
    bar = watched.page.locator("#gap-bars button[data-bucket='D181_365']")
    bar.scroll_into_view_if_needed()  # waits until it is where it stays
    bar.click(force=True)  # what lies there is the chart; the button is the keyboard's
    expect(watched.page.locator("#audit-title")).to_have_text("181–365 d · TIDE-CN · CNY")


def test_contracts_of_a_newer_cut_are_not_called_equal(watched: Home) -> None:
    watched.bank.contracts_offset = 78
    watched.open()
    watched.page.locator("#gap-bars button").first.wait_for(state="attached")  # the charts come after the figures
    watched.page.locator("#gap-as-table").click()
    watched.page.locator("#gap-table").get_by_role("button", name="8–30 d").click()
    expect(watched.page.locator("#audit-sum")).to_contain_text("contracts have changed between the two")


def test_a_bucket_whose_contracts_cannot_be_had_says_why(watched: Home) -> None:
    watched.forgiven = ("503",)
    problem = '{"title": "unavailable", "status": 503, "detail": "no snapshots here"}'
    watched.page.route("**/api/v1/gap/contracts*", lambda route: route.fulfill(status=503, body=problem))
    watched.open()
    watched.page.locator("#gap-bars button[data-bucket='ON']").press("Enter")
    expect(watched.page.locator("#audit [role=alert]")).to_contain_text("no snapshots here")


def test_risk_assets_are_listed(watched: Home) -> None:
    watched.open()
    row = watched.page.locator("#assets-body tr").nth(1)
    expect(row.locator("td, th")).to_have_text(
        ["LN-7002", "TIDE-HK", "ORG-02", "Substandard", "Active", "Write off · WO-1", "CNY", "1,514,159.26", "0.00"]
    )


def test_a_row_opens_to_organisations_and_accounts_by_keyboard(watched: Home) -> None:
    watched.open()
    page = watched.page
    page.locator("tr[data-key='TIDE-CN|CNY'] .opener").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("tr.level-1 .opener")).to_have_count(7)
    expect(page.locator("#position-about")).to_have_text("TIDE-CN · JPY")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("tr.level-2 .leaf")).to_have_count(50)
    page.get_by_role("button", name="Show more").first.click()
    expect(page.locator("tr.level-2 .leaf")).to_have_count(120)


def test_the_entity_filter_holds_for_everything(watched: Home) -> None:
    watched.open()
    page = watched.page
    page.locator("#entity").select_option("TIDE-HK")
    expect(page.locator("tr.level-0")).to_have_count(2)
    expect(page.locator("#alerts-list > li")).to_have_count(0)
    expect(page.locator("#gap-about")).to_contain_text("TIDE-HK · CNY")
    expect(page.locator("#currency option")).to_have_text(["CNY", "KWD"])


def test_what_the_server_doubts_is_said(watched: Home) -> None:
    watched.bank.warnings = ["alerts missing in source partition 3: 1"]
    watched.open()
    expect(watched.page.locator("#banner")).to_have_text("alerts missing in source partition 3: 1")


def test_the_state_names_its_offsets(watched: Home) -> None:
    watched.open()
    expect(watched.page.locator("#link-word")).to_have_text("Live")
    watched.page.locator("#link").click()
    rows = watched.page.locator("#state-offsets tr")
    expect(rows.nth(0).locator("td")).to_have_text(["tm.in.core.contract.v1", "0", "77"])
    expect(rows.nth(1).locator("td")).to_have_text(["tm.in.core.txn.v1", "0", "1,000"])
    watched.page.keyboard.press("Escape")
    expect(watched.page.locator("#state")).to_be_hidden()


def test_a_reader_who_is_not_signed_in_is_told_how(watched: Home) -> None:
    watched.forgiven = ("401",)
    watched.bank.signed_in = False
    watched.open()
    expect(watched.page.get_by_role("heading", name="Please sign in")).to_be_visible()
    expect(watched.page.get_by_text("tidemark up").first).to_be_visible()
    watched.bank.signed_in = True
    watched.page.get_by_role("button", name="reload").click()
    expect(watched.page.locator("#positions-table")).to_be_visible()


def test_an_empty_bank_says_how_to_start(browser: Browser) -> None:
    with MockServer(MockBank()) as server:
        page = browser.new_page()
        page.goto(server.address)
        expect(page.get_by_role("heading", name="No entries yet")).to_be_visible()
        page.close()


def test_old_figures_say_that_they_are_old(watched: Home) -> None:
    watched.forgiven = ("ERR_", "503", "Failed to load")
    watched.open()
    expect(watched.page.locator("#link-word")).to_have_text("Live")
    watched.bank.refuses_streams = True
    watched.bank.cut_streams()
    watched.page.route("**/api/v1/**", lambda route: route.abort())
    expect(watched.page.locator("#link-word")).to_contain_text("Stale for")
    expect(watched.page.locator("#banner")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_accessibility(browser: Browser, scheme: Literal["light", "dark"], width: int) -> None:
    """WCAG 2.2 AA as far as axe can judge it, contrast included, in both schemes and on a phone."""
    bank = MockBank(CELLS)
    bank.raise_alert("TIDE-CN", "CNY", 690_000_00, 300_000_00)
    with MockServer(bank) as server:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.goto(server.address)
        expect(page.locator("#gap-table tbody tr")).to_have_count(12)
        bank.raise_alert("TIDE-HK", "CNY", 1_900_000_00, 300_000_00, late=True)
        page.locator("tr[data-key='TIDE-CN|CNY'] .opener").click()
        page.locator("button.alert").first.click()
        expect(page.locator(".entries tbody tr")).to_have_count(1)
        expect(page.locator("tr.level-1 .opener")).to_have_count(7)
        assert violations(page) == []
        assert fits(page)
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_accessibility_of_the_audit_panel(browser: Browser, scheme: Literal["light", "dark"], width: int) -> None:
    """Each of its three levels, as `test_accessibility` judges the page."""
    with MockServer(MockBank(CELLS)) as server:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.goto(server.address)
        page.locator("#gap-bars button[data-bucket='D2_7']").press("Enter")
        for step in ("LN/0001", "27 Nov 2026", ""):
            expect(page.locator("#audit table").first).to_be_visible()
            assert violations(page) == []
            assert fits(page)
            if step:
                page.locator("#audit tbody").get_by_role("button", name=step).first.click()
                expect(page.locator("#audit-title")).to_contain_text(step)
        page.close()


def test_the_page_speaks_chinese_on_a_phone_and_its_rooms_are_behind_a_button(browser: Browser) -> None:
    bank = MockBank(CELLS)
    bank.raise_alert("TIDE-CN", "CNY", 690_000_00, 300_000_00)
    with MockServer(bank) as server:
        page = browser.new_page(viewport={"width": 390, "height": 900}, locale="zh-CN")
        page.goto(server.address)  # the browser asks for Chinese, nobody chose yet
        expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
        expect(page.locator("#link-word")).to_have_text("实时")
        expect(page.locator("#positions-about")).to_have_text("4 行 · 营业日期 2026年11月22日")
        expect(page.locator("#gap-table tbody th").first).to_have_text("逾期")
        expect(page.locator("#gap-chart")).to_have_attribute("aria-label", re.compile("各期限的到期缺口"))
        assert violations(page) == []
        assert fits(page)

        rooms = page.get_by_role("navigation", name="功能区")
        expect(rooms).to_be_hidden()
        page.locator("#rooms-open").press("Enter")
        expect(rooms.get_by_role("link", name="实时头寸")).to_be_focused()
        assert violations(page) == []
        assert fits(page)
        page.keyboard.press("Escape")
        expect(page.locator("#rooms-open")).to_be_focused()
        expect(rooms).to_be_hidden()

        page.locator("#language").select_option("en")  # all at once, without loading anew
        expect(page.locator("#positions-table thead")).to_contain_text("Projected EOD")
        expect(page.locator("#gap-table tbody th").first).to_have_text("Overdue")
        expect(page.locator("#alerts-about")).to_have_text("1 loaded · 0 critical")
        page.reload()
        expect(page.locator("html")).to_have_attribute("lang", "en")  # and kept
        page.close()
