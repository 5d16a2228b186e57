"""The widgets of the terminal view: a line of vital signs and three tables, for keyboards and 80 columns.

The stream is read in a thread of its own; changes are painted at most five times a second, so that a busy bank costs
the terminal no more than a quiet one. Colour is never the only signal. Not for acting: it reads and nothing else.
"""

import json
import time
from collections.abc import Callable, Iterator
from threading import Event as Flag
from threading import Thread
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Header, Input, Static, TabbedContent, TabPane

from api.cli.output import grouped
from api.cli.ratios import worst_light
from api.cli.sse import Event
from api.terminal.desk import Desk, Link, Part, Row
from engines.primitives.errors import TidemarkError

PAINT_S = 0.2
QUIET_S = 20.0  # more than the stream's heartbeat: after that the figures are called old
Stream = Callable[[Callable[[TidemarkError], None]], Iterator[Event]]

COLUMNS: dict[Part, tuple[str, ...]] = {
    Part.POSITIONS: (
        "entity",
        "currency",
        "position",
        "projected_eod",
        "pending_in",
        "pending_out",
        "reserved",
        "as_of",
    ),
    Part.RATIOS: ("figure", "scope", "entity", "currency", "ratio_pct", "minimum_pct", "light", "surplus", "as_of"),
    Part.ALERTS: ("event_time", "severity", "kind", "rule", "entity", "currency", "amount", "threshold", "reason"),
}
AMOUNTS = {"position", "projected_eod", "pending_in", "pending_out", "reserved", "surplus", "amount", "threshold"}
NUMBERS = AMOUNTS | {"ratio_pct", "minimum_pct"}
STYLES = {
    "red": "bold red",
    "amber": "yellow",
    "green": "green",
    "CRITICAL": "bold red",
    "WARNING": "yellow",
    "cleared": "green",
}


class Detail(ModalScreen[None]):
    """One row in full, as the API gave it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", "Close")]
    CSS = "Detail { align: center middle; } #detail { width: 90%; height: 80%; border: round $accent; padding: 1; }"

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        text = json.dumps(self._row, ensure_ascii=False, indent=2)
        yield VerticalScroll(Static(Text(text), id="detail-text"), id="detail")


class TerminalView(App[None]):
    """`stream` yields events without end and tells breaks; `address` is shown."""

    TITLE = "Tidemark"
    CSS = """
    #signs { height: 1; }
    #filter { display: none; }
    #filter.shown { display: block; }
    DataTable { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "show('positions')", "Positions"),
        Binding("r", "show('ratios')", "Ratios"),
        Binding("a", "show('alerts')", "Alerts"),
        Binding("slash", "filter", "Filter"),
        Binding("space", "hold", "Hold"),
        Binding("escape", "clear", "All rows", show=False),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, stream: Stream, address: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.desk = Desk()
        self.sub_title = address
        self.wanted = ""
        self.held = False
        self.refused: TidemarkError | None = None
        self._stream, self._clock = stream, clock
        self._dirty: set[Part] = set(Part)
        self._ended = Flag()

    def compose(self) -> ComposeResult:
        yield Header()
        yield Static(id="signs")
        yield Input(placeholder="only rows with this text; Enter keeps it, Escape shows all", id="filter")
        with TabbedContent(id="tabs"):
            for part in Part:
                with TabPane(part.value.capitalize(), id=part.value):
                    yield DataTable[Text](id=f"{part.value}-rows", cursor_type="row", zebra_stripes=True)
        yield Footer()

    def on_mount(self) -> None:
        for part, columns in COLUMNS.items():
            for name in columns:
                self._table(part).add_column(name.replace("_", " "), key=name)
        self.set_interval(PAINT_S, self.paint)
        self._table(Part.POSITIONS).focus()
        Thread(target=self._read, name="stream", daemon=True).start()

    def on_unmount(self) -> None:
        self._ended.set()

    def _read(self) -> None:
        """On a thread of its own; it ends with the process, since a read of a socket cannot be called off."""
        try:
            for event in self._stream(lambda error: self._told(self.desk.lost, str(error))):
                if self._ended.is_set():
                    return
                self._told(self._take, event)
        except TidemarkError as error:
            self.refused = error
            self._told(self.exit)

    def _told(self, act: Callable[..., object], *arguments: object) -> None:
        if not self._ended.is_set():
            try:
                self.call_from_thread(act, *arguments)
            except RuntimeError:  # the view closed in between
                self._ended.set()

    def _take(self, event: Event) -> None:
        self._dirty |= self.desk.take(event, self._clock())

    def paint(self) -> None:
        if not self.is_running:  # it is closing: its parts go before its timer does
            return
        self.query_one("#signs", Static).update(self.signs())
        if self.held:
            return
        dirty, self._dirty = self._dirty, set()
        for part in dirty:
            self._fill(part)

    def signs(self) -> Text:
        """Link, age, records and lag in one line."""
        desk = self.desk
        age = None if desk.heard_at is None else self._clock() - desk.heard_at
        style, word = "green", desk.link.value
        if desk.link is Link.LOST:
            style, word = "bold red", f"{desk.link.value}, figures are {_ago(age)} old"
        elif desk.link is Link.CONNECTING:
            style = "yellow"
        elif age is not None and age > QUIET_S:
            word = f"{word}, nothing moved for {_ago(age)}"
        parts = [f"{desk.records:,} entries", f"{desk.lag_records:,} behind", f"{len(desk.alerts)} alerts"]
        if desk.last_event_time:
            parts.append(f"newest {desk.last_event_time[:19]}Z")
        if self.held:
            parts.append("held: space goes on")
        if self.wanted:
            parts.append(f"only {self.wanted!r}")
        return Text.assemble((f" ● {word} ", style), "  ".join(["", *parts]))

    def action_show(self, part: str) -> None:
        self.query_one("#tabs", TabbedContent).active = part
        self._table(Part(part)).focus()

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.add_class("shown")
        field.focus()

    def action_clear(self) -> None:
        self.query_one("#filter", Input).value = ""
        self._close_filter()

    def action_hold(self) -> None:
        self.held = not self.held
        self.paint()

    def on_input_changed(self, changed: Input.Changed) -> None:
        self.wanted = changed.value.strip()
        self._dirty = set(Part)

    def on_input_submitted(self) -> None:
        self._close_filter()

    def on_data_table_row_selected(self, chosen: DataTable.RowSelected) -> None:
        part = Part(str(chosen.data_table.id).removesuffix("-rows"))
        row = self._rows(part).get(str(chosen.row_key.value))
        if row is not None:
            self.push_screen(Detail(row))

    def _close_filter(self) -> None:
        self.query_one("#filter", Input).remove_class("shown")
        self._table(Part(self.query_one("#tabs", TabbedContent).active)).focus()

    def _table(self, part: Part) -> DataTable[Text]:
        return self.query_one(f"#{part.value}-rows", DataTable)

    def _rows(self, part: Part) -> dict[str, Row]:
        match part:
            case Part.POSITIONS:
                return dict(sorted(self.desk.positions.items()))
            case Part.RATIOS:
                return {
                    key: {**row, "light": worst_light(dict(row))} for key, row in sorted(self.desk.ratios.items())
                }
        return dict(reversed(self.desk.alerts.items()))

    def _fill(self, part: Part) -> None:
        """The table anew if rows came or went; else only the cells that differ, so that the cursor stays."""
        table, columns = self._table(part), COLUMNS[part]
        rows = {key: row for key, row in self._rows(part).items() if self._is_wanted(row)}
        if list(rows) != [key.value for key in table.rows]:
            chosen = table.cursor_row
            table.clear()
            for key, row in rows.items():
                table.add_row(*(_cell(name, row.get(name)) for name in columns), key=key)
            table.move_cursor(row=min(chosen, max(len(rows) - 1, 0)))
            return
        for key, row in rows.items():
            for name in columns:
                cell = _cell(name, row.get(name))
                if table.get_cell(key, name) != cell:
                    table.update_cell(key, name, cell, update_width=True)

    def _is_wanted(self, row: Row) -> bool:
        return not self.wanted or any(self.wanted.lower() in str(value).lower() for value in row.values())


def _cell(name: str, value: Any) -> Text:
    if value is None:
        return Text("")
    text = grouped(value) if name in AMOUNTS else str(value)
    if name == "event_time":
        text = text[:19]
    style = "red" if name in AMOUNTS and text.startswith("-") else STYLES.get(text, "")
    return Text(text, style=style, justify="right" if name in NUMBERS else "left")


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return "not yet"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
