"""The liquidity room and the alerts on limits in a real Chromium, over a scripted bank.

That the API answers in these shapes is tested in `tests/api`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.chromium import Watched, chromium, fits, needs_chromium, violations
from tests.browser.mock_api import MockBank, MockServer
from tests.browser.mock_liquidity import BREACH, PLAN

pytestmark = needs_chromium


@dataclass
class Room(Watched):
    bank: MockBank = field(kw_only=True)

    def open(self, place: str = "") -> Page:
        self.page.goto(f"{self.address}/#/liquidity{place}")
        expect(self.page.locator(".liq-card").first).to_be_visible()
        return self.page

    def sell(self, amount: int) -> None:
        """A sale that is pushed as the API pushes it: changed rows, then the alert."""
        desk = self.bank.liquidity
        desk.sell(amount)
        body = desk.ratios()
        self.bank.push("ratios", body | {"rows": [row for row in body["rows"] if row["entity"] in ("-", "TIDE-CN")]})
        self.bank.raise_alert("TIDE-CN", "CNY", 91_000_000_000, 99_000_000_000, **desk.alert())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def bank() -> Iterator[MockServer]:
    with MockServer(MockBank([("TIDE-CN", "CNY"), ("TIDE-HK", "USD")])) as server:
        yield server


def room_in(browser: Browser, server: MockServer) -> Room:
    page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light", locale="en-GB")
    return Room(page, server.address, bank=server.bank)


@pytest.fixture
def room(browser: Browser, bank: MockServer) -> Iterator[Room]:
    found = room_in(browser, bank)
    yield found
    found.page.close()
    found.settled()


def lcr_of(page: Page, key: str) -> Locator:
    return page.locator(f"[data-scope='{key}'] .liq-figure[data-figure=lcr]")


def row(page: Page, panel: str, name: str) -> Locator:
    return page.locator(f"#liq-{panel} tbody tr").filter(has_text=name).first


def drawn(page: Page) -> None:
    """Waits until the chart has more than a background."""
    page.wait_for_function(
        "() => { const c = document.querySelector('.liq-plot canvas'); if (!c) return false;"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n > 500; }"
    )


def test_a_sale_turns_the_light_at_once_and_brings_case_and_plan(room: Room) -> None:
    page = room.open()
    entity = lcr_of(page, "entity/TIDE-CN//CNY")
    expect(entity).to_contain_text("150.00%")  # 1,350m over 900m
    expect(entity).to_contain_text("● green")
    expect(entity).to_contain_text("headroom +36.36%")
    expect(page.locator("#liq-cases")).to_contain_text("No breach and no plan is open.")
    expect(row(page, "limits", "usd-position")).to_contain_text("1,250,000.00")
    expect(page.locator("#liq-limits header")).to_contain_text("0 red, 4 amber of 7")

    room.forgiven = ("500",)
    room.bank.liquidity.failing = {"ratios"}  # what comes now, comes by the stream
    room.sell(440_000_000)
    expect(entity).to_contain_text("101.11%")
    expect(entity).to_contain_text("■ red")
    expect(entity).to_contain_text("headroom −8.09%")  # down, never nearer to the limit than it is
    worst = page.locator("#liq-limits tbody tr").first
    expect(worst).to_contain_text("TIDE-CN")
    expect(worst).to_contain_text("raised 22 Nov 09:30:00")
    expect(page.get_by_role("link", name=BREACH)).to_have_attribute("href", f"#/workbench/LimitBreach/{BREACH}")
    expect(row(page, "cases", PLAN)).to_contain_text("80,000,000.00")


def test_the_plan_says_what_to_draw_at_what_cost_and_what_else_was_tried(room: Room) -> None:
    room.bank.liquidity.sell(440_000_000)
    page = room.open()
    page.get_by_role("link", name=PLAN).click()
    title = page.get_by_role("heading", name=f"Plan {PLAN}")
    expect(title).to_be_focused()
    full = page.locator(".liq-plan")
    expect(full.locator("dl")).to_contain_text("CNY 5,342.47")
    sale = full.get_by_role("row").filter(has_text="security/2B/corporate 2B")
    expect(sale).to_contain_text("sell")
    expect(sale).to_contain_text("60,000,000.00")
    expect(full.get_by_role("row").filter(has_text="term interbank line")).to_contain_text("2.6%")
    expect(full.get_by_role("row").filter(has_text="this plan")).to_contain_text("by gate")
    expect(full.get_by_role("link", name="As JSON")).to_have_attribute("href", f"/api/v1/plans/{PLAN}")
    page.get_by_role("link", name="Close the plan").click()
    expect(full).to_have_count(0)
    expect(page.get_by_role("heading", name="Liquidity", exact=True)).to_be_focused()


def test_a_card_is_taken_apart_and_scopes_are_chosen(room: Room) -> None:
    page = room.open()
    drawn(page)
    made = page.locator("#liq-made")
    expect(made).to_contain_text("Group: LCR 238.88%.")
    page.locator("[data-scope='entity/TIDE-CN//CNY'] .liq-pick").press("Enter")
    expect(made).to_contain_text("TIDE-CN: LCR 150.00%. The caps on Level 2 assets take CNY 150m.")
    expect(row(page, "made", "40% cap")).to_contain_text("100,000,000.00")
    expect(page.locator("[data-scope='entity/TIDE-CN//CNY'] .liq-pick")).to_be_focused()

    page.get_by_label("Scopes").select_option("organisation")
    expect(page.locator(".liq-card")).to_have_count(6)
    expect(lcr_of(page, "organisation/TIDE-HK/NORTH/CNY")).to_contain_text("no limit held against it")
    page.get_by_label("Scopes").select_option("currency")
    page.locator("#liq-currency").select_option("USD")
    expect(page.locator(".liq-card")).to_have_count(2)
    expect(lcr_of(page, "currency/TIDE-HK//USD")).to_be_visible()
    expect(page.locator("#liq-breaking")).to_contain_text("No limit can be asked about yet.")


def test_who_can_break_us_and_what_comes_in_also_in_chinese(room: Room) -> None:
    page = room.open()
    first = page.locator("#liq-breaking tbody tr").first
    expect(first).to_contain_text("340,000,000.00")
    first.locator("summary").press("Enter")
    expect(first).to_contain_text("The largest 2 of 3")
    expect(first).to_contain_text("C-••81 · TIDE-CN")
    expect(row(page, "breaking", "nsfr-board")).to_contain_text("not by all together")
    expect(row(page, "recoveries", "250,000.00")).to_contain_text("Litigation case")
    dates = page.get_by_role("region", name="Next dates").locator("tbody tr")
    expect(dates.first).to_contain_text("10 Nov 12 d late")
    expect(dates.first.get_by_role("link")).to_have_attribute("href", "#/workbench/LitigationCase/LC1")

    page.locator("#language").select_option("zh")
    expect(page.get_by_role("heading", name="流动性", exact=True)).to_be_visible()
    expect(lcr_of(page, "entity/TIDE-CN//CNY")).to_contain_text("● 绿")
    expect(page.locator("#liq-recoveries")).to_contain_text("诉讼案件")


def test_old_figures_are_marked_and_what_is_not_there_is_left_out(room: Room) -> None:
    room.forgiven = ("500", "503")  # what the browser itself says of the answers
    room.bank.liquidity.missing = {"recoveries"}
    room.page.clock.install()
    page = room.open()
    expect(page.locator("#liq-current")).to_contain_text("current at")
    expect(page.locator("#liq-recoveries")).to_be_hidden()
    room.bank.liquidity.failing = {"ratios"}
    page.clock.run_for(25_000)
    state = page.locator("#liq-scopes .liq-state")
    expect(state).to_contain_text("Stale: as at")
    expect(state).to_contain_text("Could not load: Something failed in the server")
    expect(lcr_of(page, "entity/TIDE-CN//CNY")).to_contain_text("150.00%")  # kept, and marked
    expect(page.locator("#liq-cases")).not_to_have_class("panel liq-cases liq-stale")
    room.bank.liquidity.failing = set()
    page.clock.run_for(6_000)
    expect(state).to_have_text("")


def test_the_live_page_tells_limits_by_light_and_way(room: Room) -> None:
    page = room.page
    page.goto(room.address)
    expect(page.locator("#positions-table")).to_be_visible()
    room.bank.raise_alert("TIDE-CN", "CNY", 9_000_000_000, 1_000_000_000)
    room.sell(440_000_000)
    limit = page.locator("#alerts-list li").filter(has_text="LCR")
    expect(limit.locator(".severity")).to_have_text("◆ Critical")
    expect(limit.locator(".tag")).to_have_text("Red")
    expect(limit).to_contain_text("TIDE-CN · LCR · ↗ raised")
    expect(limit).to_contain_text("101.11%")
    expect(limit).to_contain_text("limit ≥ 110.00%")
    expect(limit).to_contain_text("Headroom −8.09%. The LCR is below its limit.")
    expect(page.locator("#alerts-list li").filter(has_text="single").locator(".severity")).to_have_text("▲ Warning")
    expect(page.locator("#alerts-live")).to_contain_text("limit red, raised")
    limit.locator("button").click()
    expect(limit).to_contain_text("green → red")
    expect(limit).not_to_contain_text("Customer")
    eased = {
        "kind": "cleared",
        "limit": room.bank.liquidity.alert()["limit"] | {"light": "green", "light_before": "red"},
    }
    room.bank.raise_alert("TIDE-CN", "CNY", 99_000_000_000, 99_000_000_000, **room.bank.liquidity.alert() | eased)
    cleared = page.locator("#alerts-list li").filter(has_text="✓ cleared")
    expect(cleared.locator(".severity")).to_have_text("◆ Critical")  # as severe as the light that is left
    expect(cleared.locator(".tag")).to_have_text("Green")
    limit.get_by_role("link", name="Limits and plans").click()
    expect(page.locator(".liq-card").first).to_be_visible()
    expect(page.locator("#positions-table")).to_be_hidden()


def test_accessibility(browser: Browser, bank: MockServer) -> None:
    """WCAG 2.2 AA as far as axe can judge it, light and dark, wide and on a phone; nothing wider than the screen."""
    bank.bank.liquidity.sell(440_000_000)
    room = room_in(browser, bank)
    page = room.open(f"/plans/{PLAN}")
    expect(page.locator(".liq-plan")).to_be_visible()
    page.locator("#liq-breaking summary").click()
    for width, scheme in ((1440, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is (scheme == "dark")
        assert violations(page) == [], (width, scheme)
        assert fits(page), width
    page.close()
    room.settled()
