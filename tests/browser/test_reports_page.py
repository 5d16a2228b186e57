"""The reports room in a real Chromium, over a real server with a small bank behind it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import PAGE, Watched, chromium, fits, needs_chromium, violations
from tests.pivot_world import World, pivot_world

pytestmark = needs_chromium


@dataclass
class Room(Watched):
    def open(self, place: str = "") -> Page:
        self.page.goto(f"{self.address}/#/reports{place}")
        expect(self.page.get_by_role("heading", name="Reports", exact=True)).to_be_visible()
        return self.page


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pivot_world(tmp_path_factory.mktemp("reports"), page_dir=PAGE / "dist") as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def room(browser: Browser, world: World) -> Iterator[Room]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light", locale="en-GB")
    address = str(world.http.base_url).rstrip("/")
    context.add_cookies([{"name": "tidemark_session", "value": "maker", "url": address}])
    found = Room(context.new_page(), address, forgiven=("503", "404"))
    yield found
    context.close()
    found.settled()


def put(page: Page, field: str, box: str) -> None:
    page.locator(f"#rep-put-{field}").select_option(box)


def test_a_pivot_is_built_by_keyboard_and_drag_closed_heated_drawn_and_drilled(room: Room) -> None:
    page = room.open()
    put(page, "net", "measures")
    put(page, "currency", "rows")
    expect(page.locator("[data-box=rows] .rep-chip")).to_contain_text("Currency")
    page.locator("[data-field=organisation]").drag_to(page.locator("[data-box=rows]"))
    expect(page.locator("[data-box=rows] .rep-chip")).to_have_count(2)
    put(page, "value_date_month", "columns")
    page.get_by_role("button", name="Show", exact=True).press("Enter")
    table = page.locator(".rep-table")
    euro = table.get_by_role("row").filter(has_text="EUR")
    expect(euro.first).to_contain_text("129.44")
    expect(table).to_contain_text("B2")
    page.get_by_role("button", name="Close EUR").press("Enter")
    expect(page.get_by_role("button", name="Open EUR")).to_be_focused()
    expect(table.get_by_role("row").filter(has_text="HQ")).to_have_count(0)
    page.get_by_role("button", name="Open EUR").click()
    page.locator("#rep-heat").click()
    expect(table.locator("[class*=rep-heat-high-4]").first).to_be_visible()
    page.locator("#rep-chart").select_option("BAR")
    expect(page.locator(".rep-plot canvas")).to_be_visible()
    euro.first.locator(".rep-cell").first.click()
    expect(page.locator("#aud-behind")).to_contain_text("3 of 3 rows")
    expect(page.get_by_role("heading", name="Behind EUR")).to_be_focused()
    expect(page.locator("#aud-answer")).to_contain_text("digest")
    page.reload()  # the address holds the question
    expect(page.locator(".rep-table")).to_contain_text("129.44")
    with page.expect_download() as download:
        page.locator("[data-form=csv]").click()
    assert b"129.44" in download.value.path().read_bytes()


def test_a_question_is_kept_scheduled_and_shown_on_a_dashboard_in_both_languages(room: Room) -> None:
    page = room.open()
    put(page, "position", "measures")
    put(page, "entity", "rows")
    page.locator("#rep-no").fill("R-1")
    page.locator("#rep-name").fill("By entity")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator("#aud-kept")).to_contain_text("Kept as R-1")
    page.get_by_label("Schedule: By entity", exact=True).select_option("DAILY")
    expect(page.locator("#aud-kept")).to_contain_text("Kept.")
    page.get_by_role("button", name="Files of the schedule: By entity").click()
    expect(page.locator("#aud-kept")).to_contain_text("No file yet")

    page.get_by_role("link", name="Dashboards").click()
    page.locator("#rep-board-name").fill("Morning")
    page.get_by_role("button", name="New dashboard").click()
    for kind in ("PIVOT", "FIGURE"):
        page.locator("#rep-tile-kind").select_option(kind)
        page.locator("#rep-tile-of").select_option("R-1")
        page.get_by_role("button", name="Add a tile", exact=True).click()
    tiles = page.locator(".rep-tile")
    expect(tiles.first).to_contain_text("NORTH")
    handle = tiles.first.locator(".rep-handle")
    handle.press("ArrowRight")
    handle.press("Shift+ArrowRight")
    expect(page.locator("#rep-said")).to_have_text("By entity: column 2, row 1, 7 wide, 5 high")
    page.get_by_role("button", name="Keep the arrangement").click()
    expect(page.locator("#rep-said")).to_have_text("Kept.")
    page.reload()
    expect(page.locator(".rep-tile").first).to_have_attribute("style", "grid-area: 1 / 2 / span 5 / span 7;")
    page.locator("#language").select_option("zh")
    expect(page.get_by_role("heading", name="报表", exact=True)).to_be_visible()
    expect(page.locator(".rep-tile").first).to_contain_text("法人")


def test_accessibility(room: Room) -> None:
    """WCAG 2.2 AA as far as axe can judge it, light and dark, wide and on a phone; nothing wider than the screen."""
    page = room.open()
    put(page, "net", "measures")
    put(page, "currency", "rows")
    put(page, "organisation", "rows")
    put(page, "value_date", "where")
    page.get_by_role("button", name="Show", exact=True).click()
    page.locator("#rep-heat").click()
    page.locator(".rep-cell").first.click()
    expect(page.locator("#aud-behind")).to_be_visible()
    for width, scheme in ((1440, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert violations(page) == [], (width, scheme)
        assert fits(page), width
