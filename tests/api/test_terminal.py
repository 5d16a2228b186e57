"""The terminal view, driven by its keys over a stream of our own: what its cells hold, what it says of the link."""

import asyncio
from collections.abc import Callable, Iterator
from queue import Queue
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import DataTable, Input, Static

from api.cli.sse import Event
from api.terminal.desk import ALERTS_KEPT, Desk, Link, Part
from api.terminal.view import Detail, TerminalView
from engines.primitives.errors import Forbidden, TidemarkError, Unavailable
from tests.api.cli_api import POSITIONS, alert

RATIO = {
    "figure": "lcr",
    "scope": "entity",
    "entity": "BANK",
    "currency": "CNY",
    "ratio_pct": "98.500000",
    "minimum_pct": "100.000000",
    "surplus": "-15.00",
    "as_of": "2026-11-22",
    "limits": [{"limit_id": "LCR", "light": "amber"}, {"limit_id": "LCR-LAW", "light": "red"}],
}
STATE = Event(
    "state", {"positions": POSITIONS, "gap": {"rows": []}, "ratios": {"rows": [RATIO]}, "alerts": [alert(1)]}, "0:1"
)


def moved(position: str) -> Event:
    row = POSITIONS["rows"][0] | {"position": position}  # type: ignore[index]
    return Event("positions", {**POSITIONS, "rows": [row], "lag_records": 0}, "0:1")


class Driven:
    """A stream that yields what a test puts in it; an error is a break, or a refusal."""

    def __init__(self) -> None:
        self.events: Queue[Event | TidemarkError | None] = Queue()  # None: the end

    def __call__(self, on_break: Callable[[TidemarkError], None]) -> Iterator[Event]:
        while (found := self.events.get()) is not None:
            if isinstance(found, Event):
                yield found
            elif isinstance(found, Unavailable):
                on_break(found)
            else:
                raise found


class Seen:
    def __init__(self, view: TerminalView) -> None:
        self.view = view

    def rows(self, part: Part) -> list[list[str]]:
        table: DataTable[Any] = self.view.query_one(f"#{part.value}-rows", DataTable)
        return [[str(cell) for cell in table.get_row(key)] for key in table.rows]

    def signs(self) -> str:
        return str(self.view.query_one("#signs", Static).content)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  # what is awaited happens in the view's own tasks and thread
            await asyncio.sleep(0.01)


def drive(play: Callable[[TerminalView, Seen, Driven, Any], Any]) -> TerminalView:
    """Plays on a view whose clock stands still at 100 s unless the test moves `view.now`."""
    stream = Driven()
    now = [100.0]
    view = TerminalView(stream, "http://127.0.0.1:8000", clock=lambda: now[0])

    async def run() -> None:
        async with view.run_test(size=(150, 30)) as pilot:
            stream.events.put(STATE)
            await until(lambda: view.desk.link is not Link.CONNECTING)
            pilot.now = now  # type: ignore[attr-defined]
            await play(view, Seen(view), stream, pilot)

    try:
        asyncio.run(run())
    finally:
        stream.events.put(None)
    return view


def test_figures_are_shown_grouped_and_change_in_place() -> None:
    async def play(view: TerminalView, seen: Seen, stream: Driven, pilot: Any) -> None:
        await until(lambda: len(seen.rows(Part.POSITIONS)) == 2)
        assert seen.rows(Part.POSITIONS)[0][:4] == ["BANK", "CNY", "1,234,567.80", "-12.34"]
        assert "12 entries" in seen.signs()
        assert "3 behind" in seen.signs()
        stream.events.put(moved("-0.01"))
        await until(lambda: seen.rows(Part.POSITIONS)[0][2] == "-0.01")
        assert seen.rows(Part.POSITIONS)[1][2] == "5,000"
        assert "0 behind" in seen.signs()
        await pilot.press("r")
        assert seen.rows(Part.RATIOS)[0][4:7] == ["98.500000", "100.000000", "red"]

    drive(play)


def test_a_new_alert_stands_first_and_opens_in_full() -> None:
    async def play(view: TerminalView, seen: Seen, stream: Driven, pilot: Any) -> None:
        stream.events.put(Event("alert", alert(2), "0:2"))
        stream.events.put(Event("alert", alert(2), "0:2"))  # a repetition is no second alert
        await until(lambda: len(seen.rows(Part.ALERTS)) == 2)
        assert [row[-1] for row in seen.rows(Part.ALERTS)] == ["alert number 2", "alert number 1"]
        await pilot.press("a")
        await pilot.press("down", "up", "enter")
        await until(lambda: isinstance(view.screen, Detail))
        assert '"alert_id": "A-2"' in str(view.screen.query_one("#detail-text", Static).content)
        await pilot.press("escape")
        await until(lambda: not isinstance(view.screen, Detail))

    drive(play)


def test_a_view_that_is_closing_paints_nothing() -> None:
    async def play(view: TerminalView, seen: Seen, stream: Driven, pilot: Any) -> None:
        await until(lambda: len(seen.rows(Part.POSITIONS)) == 2)

    view = drive(play)
    view.paint()  # its timer may tick once more after its parts are gone


def test_a_lost_link_and_its_age_are_said_and_it_recovers() -> None:
    async def play(view: TerminalView, seen: Seen, stream: Driven, pilot: Any) -> None:
        stream.events.put(Unavailable("the API cannot be reached"))
        pilot.now[0] = 190.0
        await until(lambda: "link lost, figures are 90 s old" in seen.signs())
        stream.events.put(moved("1.00"))
        await until(lambda: "● live" in seen.signs())
        pilot.now[0] = 400.0
        await until(lambda: "nothing moved for 4 min" in seen.signs())

    drive(play)


def test_only_rows_with_the_wanted_text() -> None:
    async def play(view: TerminalView, seen: Seen, stream: Driven, pilot: Any) -> None:
        await pilot.press("slash", *"jpy", "enter")
        await until(lambda: [row[1] for row in seen.rows(Part.POSITIONS)] == ["JPY"])
        assert "only 'jpy'" in seen.signs()
        await pilot.press("escape")
        await until(lambda: len(seen.rows(Part.POSITIONS)) == 2)
        assert view.query_one("#filter", Input).value == ""

    drive(play)


def test_held_figures_stand_still_and_go_on() -> None:
    async def play(view: TerminalView, seen: Seen, stream: Driven, pilot: Any) -> None:
        await until(lambda: len(seen.rows(Part.POSITIONS)) == 2)
        await pilot.press("space")
        stream.events.put(moved("7.00"))
        await until(lambda: view.desk.positions["BANK|CNY"]["position"] == "7.00")
        view.paint()
        assert seen.rows(Part.POSITIONS)[0][2] == "1,234,567.80"
        await pilot.press("space")
        await until(lambda: seen.rows(Part.POSITIONS)[0][2] == "7.00")

    drive(play)


def test_a_refusal_ends_the_view_and_is_told() -> None:
    async def play(view: TerminalView, seen: Seen, stream: Driven, pilot: Any) -> None:
        stream.events.put(Forbidden("no role may read here"))
        await until(lambda: view.refused is not None)

    assert str(drive(play).refused) == "no role may read here"


@given(st.lists(st.integers(0, 2 * ALERTS_KEPT), max_size=40))
def test_an_alert_is_kept_once_and_the_oldest_go_first(numbers: list[int]) -> None:
    desk = Desk()
    for number in numbers:
        desk.take(Event("alert", {"alert_id": str(number)}, ""), 0.0)
    newest_first = list(dict.fromkeys(str(number) for number in reversed(numbers)))
    assert list(reversed(desk.alerts)) == newest_first


def test_no_more_alerts_are_kept_than_a_person_reads() -> None:
    desk = Desk()
    for number in range(ALERTS_KEPT + 5):
        desk.take(Event("alert", {"alert_id": str(number)}, ""), 0.0)
    assert len(desk.alerts) == ALERTS_KEPT
    assert "4" not in desk.alerts
