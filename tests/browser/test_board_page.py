"""The position board, the home view and operations in a real Chromium, against the scripted bank of mock_board.py."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.chromium import Watched, chromium, fits, needs_chromium, violations
from tests.browser.mock_api import sample_cells
from tests.browser.mock_board import BoardBank, BoardServer

pytestmark = needs_chromium
CUT_STREAM = ("503", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_REFUSED", "Failed to load resource")


@dataclass
class Desk(Watched):
    bank: BoardBank = field(kw_only=True)

    def open(self, room: str) -> None:
        self.page.goto(f"{self.address}/#/{room}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def desk(browser: Browser) -> Iterator[Desk]:
    bank = BoardBank(sample_cells(16), branches=40)
    bank.raise_alert("TIDE-CN", "CNY", 690_000_00, 300_000_00)
    with BoardServer(bank) as server:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
        one = Desk(context.new_page(), server.address, bank=bank)
        yield one
        context.close()
        one.settled()


def grid(page: Page) -> Locator:
    return page.get_by_role("treegrid")


# Every row of tiles ends where the grid ends, and its tiles are of one height: no holes.
FULL_ROWS = """() => {
  const grid = document.querySelector('.home-grid').getBoundingClientRect();
  const rows = new Map();
  for (const tile of document.querySelectorAll('.home-grid > .panel')) {
    const box = tile.getBoundingClientRect();
    rows.set(Math.round(box.top), [...(rows.get(Math.round(box.top)) ?? []), box]);
  }
  const near = (one, other) => Math.abs(one - other) < 2;
  const isLevel = (row) => row.every(({ bottom }) => near(bottom, row[0].bottom));
  return [...rows.values()].every((row) => near(row.at(-1).right, grid.right) && isLevel(row));
}"""


def tiles(page: Page) -> Locator:
    """Titles of the tiles in sight, in their order."""
    return page.locator(".home-grid .panel h3")


def expect_active(page: Page, text: str) -> None:
    """Until the cell that has the reader's attention says this."""
    page.wait_for_function(
        "text => document.getElementById(document.activeElement?.getAttribute('aria-activedescendant'))"
        "?.textContent === text",
        arg=text,
    )


def test_the_board_is_walked_by_keyboard_and_holds_only_what_is_in_sight(desk: Desk) -> None:
    desk.open("board")
    page = desk.page
    expect(grid(page)).to_have_attribute("aria-rowcount", str(16 + 16 * 40 + 1))
    assert page.locator(".board-space .board-row").count() < 50
    cell = desk.bank.positions["TIDE-CN", "CNY"]
    first = page.locator(".board-row[data-key='TIDE-CN|CNY'] .number").first
    expect(first).to_have_text(re.compile(f"{cell['position'] // 100:,}".replace("-", "−")[:4]))
    expect(page.locator(".board-row[data-key='TIDE-CN|CNY'] [data-column='change']")).to_have_text("+1.00")
    grid(page).focus()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Control+End")
    expect(page.locator(".board-row[aria-rowindex='657']")).to_be_visible()
    assert page.locator(".board-space .board-row").count() < 50
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowLeft")  # closes the group
    expect(grid(page)).to_have_attribute("aria-rowcount", str(16 + 15 * 40 + 1))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect_active(page, "TIDE-CN-01")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", level=2)).to_have_text("Behind TIDE-CN · TIDE-CN-01 · CNY")
    expect(dialog.get_by_role("link", name="tm.in.core.txn.v1/1/2017")).to_have_attribute(
        "href", "#/audit/trace/entry/tm.in.core.txn.v1/1/2017"
    )
    page.keyboard.press("Escape")
    expect_active(page, "TIDE-CN-01")  # the reader is where they were
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")  # sorts by position
    expect(page.get_by_role("columnheader", name="Position ↓")).to_have_attribute("aria-sort", "descending")
    page.locator("#board-filter").fill("hk usd 07")
    expect(page.locator("#board-counted")).to_have_text("2 of 656 rows")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Pending in").uncheck()
    expect(page.get_by_role("columnheader", name="Pending in")).to_have_count(0)
    page.reload()
    expect(page.locator("#board-counted")).to_have_text("2 of 656 rows")
    expect(page.get_by_role("columnheader", name="Position ↓")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Pending in")).to_have_count(0)
    assert violations(page) == []


def test_a_quiet_bank_is_asked_with_the_tag_of_the_last_answer(desk: Desk) -> None:
    desk.open("board")
    expect(grid(desk.page)).to_have_attribute("aria-rowcount", "657")
    with desk.page.expect_response(lambda answer: "organisation" in answer.url and answer.status == 304):
        pass
    desk.bank.move("TIDE-CN", "CNY", 40_00)
    with desk.page.expect_response(lambda answer: "organisation" in answer.url and answer.status == 200):
        pass
    assert desk.bank.answered.count(200) < len(desk.bank.answered)


def test_a_dead_feed_marks_its_own_rows_in_words_and_they_recover(desk: Desk) -> None:
    desk.open("board")
    page = desk.page
    dead, sound = (page.locator(f".board-row[data-key='{key}'] .trust") for key in ("TIDE-CN|CNY", "TIDE-HK|CNY"))
    expect(dead).to_have_text("✓ fresh")
    page.get_by_role("button", name="Collapse all").click()
    desk.bank.silence("TIDE-CN")
    expect(dead).to_have_text("✕ silent")
    expect(dead).to_have_attribute("title", re.compile("entries/TIDE-CN/core: nothing heard for too long"))
    expect(sound).to_have_text("✓ fresh")
    assert violations(page) == []
    desk.bank.silence()
    expect(dead).to_have_text("✓ fresh")


def test_a_lost_link_is_said_and_heals_by_itself(desk: Desk) -> None:
    desk.forgiven = CUT_STREAM
    desk.open("board")
    page = desk.page
    banner = page.locator(".board-banner")
    expect(grid(page)).to_have_attribute("aria-rowcount", "657")
    expect(banner).to_be_hidden()
    page.context.set_offline(True)
    desk.bank.refuses_streams = True
    desk.bank.cut_streams()
    expect(banner).to_contain_text("The link is lost. These figures are")
    expect(page.locator("#board")).to_have_attribute("data-stale", "")
    expect(page.locator(".board-space")).not_to_have_css("opacity", "1")
    desk.bank.refuses_streams = False
    page.context.set_offline(False)
    desk.bank.move("TIDE-CN", "CNY", 1)
    expect(banner).to_be_hidden()
    expect(page.locator("#board")).not_to_have_attribute("data-stale", "")


def test_everybody_arranges_the_home_view_by_keyboard_or_by_pointer(desk: Desk) -> None:
    desk.open("home")
    page, bank = desk.page, desk.bank
    expect(page.locator("[data-widget='ratios'] tbody tr")).not_to_have_count(0)
    expect(page.locator("[data-widget='todos'] a").last).to_have_text("Write off WO-1")
    page.locator("#home-arrange").click()
    before = tiles(page).all_inner_texts()  # all tiles are drawn at once
    page.get_by_role("button", name=f"Move {before[1]} earlier").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#home-said")).to_have_text("Saved")
    expect(tiles(page)).to_have_text([before[1], before[0], *before[2:]])
    page.locator("[data-widget='gap'] header").drag_to(page.locator("[data-widget='positions'] header"))
    page.get_by_role("button", name="Hide Alerts").click()
    page.get_by_label("Size of Limits").select_option("full")
    expect(page.get_by_role("button", name="Show Alerts")).to_be_visible()
    page.wait_for_function(FULL_ROWS)
    saved = {"limits": ("full", False), "alerts": ("small", True)}
    while not saved.items() <= {one["widget"]: (one["size"], one["hidden"]) for one in bank.layouts[-1]}.items():
        page.wait_for_timeout(50)  # the first "Saved" is of what was done before
    assert violations(page) == []
    arranged = tiles(page).all_inner_texts()
    assert "Alerts" not in arranged
    page.locator("#home-arrange").click()
    page.reload()
    expect(page.locator("[data-widget='limits']")).to_have_class(re.compile("home-full"))
    expect(tiles(page)).to_have_text(arranged)
    assert {"widget": "alerts", "size": "small", "hidden": True} in bank.layouts[-1]


@pytest.mark.parametrize("room", ["board", "home", "operations"])
def test_each_room_is_sound_on_a_phone_in_chinese_and_in_the_dark(browser: Browser, room: str) -> None:
    bank = BoardBank(sample_cells(8), branches=3)
    with BoardServer(bank) as server:
        context = browser.new_context(
            viewport={"width": 390, "height": 800}, color_scheme="dark", locale="zh-CN", has_touch=True
        )
        one = Desk(context.new_page(), server.address, bank=bank)
        one.open(room)
        heading = {"board": "头寸看板", "home": "首页", "operations": "运维"}[room]
        expect(one.page.get_by_role("heading", level=2, name=heading)).to_be_visible()
        expect(one.page.locator(f"#{room}").get_by_text("新鲜").first).to_be_visible()
        assert fits(one.page)
        assert violations(one.page) == []
        context.close()
        one.settled()


def test_operations_show_what_runs_and_others_see_the_sources_only(desk: Desk) -> None:
    desk.open("operations")
    page = desk.page
    expect(page.locator("section[aria-labelledby='operations-processes']")).to_contain_text("✕ gone")
    expect(page.get_by_text("tidemark deadletter retry ID")).to_be_visible()
    assert violations(page) == []
    desk.bank.operator = False
    desk.forgiven = ("403",)
    page.reload()
    expect(page.get_by_role("status").filter(has_text="Processes and files")).to_be_visible()
    expect(page.locator("section[aria-labelledby='operations-trust']")).to_contain_text("entries/TIDE-CN/core")
