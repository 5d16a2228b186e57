"""The calculations room in a real Chromium, over the API itself: the figures are what the engines compute."""

import csv
import io
import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from api.calculations import registry
from tests.api_doubles import running, services
from tests.browser.chromium import PAGE, Watched, chromium, fits, needs_chromium, violations

pytestmark = needs_chromium


class Room(Watched):
    def open(self, name: str = "") -> Page:
        self.page.goto(f"{self.address}/#/calculations{'/' if name else ''}{name}")
        return self.page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running(services(page_dir=PAGE / "dist")) as server:
        yield server.address


def room_in(browser: Browser, address: str, *, width: int = 1440, scheme: str = "light") -> Room:
    page = browser.new_page(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        extra_http_headers={"Authorization": "Bearer all"},
    )
    return Room(page, address)


@pytest.fixture
def room(browser: Browser, address: str) -> Iterator[Room]:
    found = room_in(browser, address)
    yield found
    found.page.close()
    found.settled()


def drawn(page: Page, at: int) -> None:
    """Waits until the chart has more than a background."""
    page.wait_for_function(
        "at => { const c = document.querySelectorAll('.plot-box')[at]?.querySelector('canvas'); if (!c) return false;"
        " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n > 500; }",
        arg=at,
    )


def cell(page: Page, sheet: str, row: str) -> str:
    table = page.locator(".sheet").filter(has=page.get_by_role("heading", name=sheet, exact=True))
    line = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name=row, exact=True))
    return line.locator("td").first.inner_text()


def test_the_list_is_grouped_filtered_and_walked_by_keyboard(room: Room) -> None:
    page = room.open()
    links = page.locator(".groups li:not([hidden]) a")
    expect(links).to_have_count(len(registry.names()))
    expect(page.locator("[data-group=others]")).to_have_count(0)  # each engine has its group
    expect(page.locator("#calculations-filter")).to_be_focused()
    page.keyboard.type("liq-19 coverage")
    expect(page.get_by_text(f"1 of {len(registry.names())} calculations")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="LCR", exact=True)).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("no such thing")
    expect(page.get_by_text("No calculation matches.")).to_be_visible()
    page.locator("#calculations-filter").fill("lcr")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="LCR", level=2)).to_be_focused()
    expect(page).to_have_url(re.compile("#/calculations/lcr$"))


def test_lcr_shows_its_waterfall_its_tables_and_its_files(room: Room) -> None:
    page = room.open("lcr")
    expect(page.locator("figure").first).to_contain_text("LCR 200 %; meets the minimum. Binding: the 40% cap")
    drawn(page, 0)
    drawn(page, 1)
    assert cell(page, "Figures", "net outflows") == "250.000000"
    assert cell(page, "Figures", "total outflows") == "1,000.000000"
    expected = registry.find("lcr").compute(registry.examples("lcr")[0].input)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download JSON").click()
    assert json.loads(waiting.value.path().read_text()) == expected
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    rows = list(csv.reader(io.StringIO(waiting.value.path().read_text())))
    assert ["net outflows", "250.000000"] in rows
    assert waiting.value.suggested_filename == "lcr.csv"


def test_a_shape_brings_its_own_example(room: Room) -> None:
    page = room.open("lcr")
    page.get_by_label("Shape", exact=True).select_option("lending")
    expect(page.locator("#input")).to_have_value(
        '{\n  "contractual_obligations": "420",\n  "contractual_inflows": "600"\n}'
    )
    expect(page.locator(".sheet").first).to_contain_text("outflow")
    expect(page.locator(".plot-box")).to_have_count(0)
    page.get_by_text("Fields of this shape").click()
    expect(page.get_by_role("rowheader", name="contractual_obligations")).to_be_visible()


def test_what_is_typed_is_computed(room: Room) -> None:
    page = room.open("survival_horizon")
    expect(page.locator("figcaption").first).to_contain_text("The buffer lasts 5 days.")
    editor = page.locator("#input")
    editor.fill(editor.input_value().replace('"400"', '"200"'))
    expect(page.get_by_text("The input has changed since this result.")).to_be_visible()
    editor.press("Control+Enter")
    expect(page.locator("figcaption").first).to_contain_text("The buffer lasts 3 days.")
    expect(page.get_by_text("The input has changed since this result.")).to_be_hidden()
    drawn(page, 0)
    page.get_by_role("button", name="Restore the example").click()
    expect(page.locator("figcaption").first).to_contain_text("The buffer lasts 5 days.")


def test_the_heat_map_says_in_words_what_its_colours_say(room: Room) -> None:
    page = room.open("stress")
    cells = page.locator(".heat-cell")
    expect(cells).to_have_count(6)
    expect(page.locator(".heat-cell.passes")).to_have_count(6)
    editor = page.locator("#input")
    editor.fill(editor.input_value().replace('"securities": "1200"', '"securities": "0"'))
    page.get_by_role("button", name="Compute").click()
    expect(page.locator(".heat-cell.fails").first).to_contain_text("✗ fails")
    expect(page.locator("figcaption").first).to_contain_text("Fails: ")


def test_a_wrong_field_is_marked_where_it_stands(room: Room) -> None:
    room.forgiven = ("422",)  # what the browser itself says of the answer
    page = room.open("lcr")
    editor = page.locator("#input")
    expect(page.locator(".sheet").first).to_be_visible()
    editor.fill(editor.input_value().replace('"amount": "2000"', '"amount": "-2000"'))
    page.get_by_role("button", name="Compute").click()
    problem = page.locator("#input-problem")
    expect(problem).to_contain_text("Line 9: outflows[1].amount")
    expect(editor).to_have_attribute("aria-invalid", "true")
    page.wait_for_function(
        "text => (e => e.value.slice(e.selectionStart, e.selectionEnd))(document.getElementById('input')) === text",
        arg='"-2000"',
    )
    expect(page.locator(".numbers .bad")).to_have_text("9\n")
    expect(page.locator(".output .sheet")).to_have_count(0)  # no old figures beside a refused input

    editor.fill('{\n  "hqla": [,]\n}')
    page.get_by_role("button", name="Compute").click()
    expect(problem).to_contain_text("Line 2: the input is not JSON")
    page.get_by_role("button", name="Restore the example").click()
    expect(problem).to_be_hidden()


def test_an_unknown_calculation_leads_back_to_the_list(room: Room) -> None:
    room.forgiven = ("404",)
    page = room.open("nothing")
    expect(page.get_by_role("alert")).to_contain_text("There is no such calculation.")
    page.get_by_role("link", name="All calculations").click()
    expect(page.locator("#calculations-filter")).to_be_visible()


def test_the_live_room_stays_as_it_was(room: Room) -> None:
    page = room.page
    page.goto(room.address)
    expect(page.locator("#positions-table")).to_be_visible()
    page.get_by_role("link", name="Calculations").click()
    expect(page.locator("#positions-table")).to_be_hidden()
    expect(page.locator("#calculations-filter")).to_be_focused()
    page.get_by_role("link", name="Live").click()
    expect(page.locator("#positions-table")).to_be_visible()
    expect(page.locator("#calculations")).to_be_hidden()


def test_every_example_of_every_calculation_is_shown(room: Room) -> None:
    page = room.open()
    expect(page.locator(".groups")).to_be_visible()
    for name in registry.names():
        page.evaluate("name => { location.hash = `#/calculations/${name}`; }", name)
        sheet = page.locator(f"[data-engine={name}] .sheet").first
        expect(sheet, name).to_be_visible()
        for example in registry.examples(name)[1:]:
            page.locator("#variant").select_option(example.variant)
            expect(sheet, f"{name} {example.variant}").to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_accessibility(browser: Browser, address: str, scheme: str, width: int) -> None:
    """WCAG 2.2 AA as far as axe can judge it, and nothing wider than the screen."""
    room = room_in(browser, address, width=width, scheme=scheme)
    room.forgiven = ("422",)
    for name in ("", "lcr", "stress", "limits"):
        page = room.open(name)
        expect(page.locator(".sheet" if name else ".groups").first).to_be_visible()
        assert violations(page) == [], name
        assert fits(page), name
    room.page.locator("#input").fill("{}")
    room.page.get_by_role("button", name="Compute").click()
    expect(room.page.locator("#input-problem")).to_be_visible()
    room.page.get_by_text("Fields of this shape").click()
    assert violations(room.page) == []
    room.page.close()
    room.settled()
