"""What `tidemark up` shows while it runs: a line for each event of a child, and one that follows the log.

Not for starting or stopping anything.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from api.cli.client import Api
from engines.primitives.errors import TidemarkError
from infra.processes import Child, last_lines
from infra.settings import Settings

STATUS_INTERVAL_S = 1.0


class Notices:
    """Turns the supervisor's log events into lines for a person; a death with the end of its log."""

    WORDS: Mapping[str, str] = {
        "child_started": "[dim]{child} started[/]",
        "child_ready": "[dim]{child} ready[/]",
        "child_stopped": "[dim]{child} stopped[/]",
        "child_killed": "[yellow]{child} did not stop in time and was killed[/]",
        "child_died": "[bold yellow]{child} died (exit code {exit_code}), restart in {restart_in_ms} ms[/]",
    }

    def __init__(self, console: Console, logs: Path, children: Sequence[Child] = ()) -> None:
        self.console, self.logs = console, logs
        self.waited_for = {child.name for child in children if child.ready is not None}

    def install(self) -> None:
        structlog.configure(processors=[self.render], logger_factory=lambda *_: self, cache_logger_on_first_use=False)

    def render(self, _logger: Any, _method: str, event: Any) -> str:
        fields: dict[str, Any] = dict(event)
        name = str(fields.pop("event", ""))
        if name == "child_ready" and fields["child"] not in self.waited_for:
            raise structlog.DropEvent  # it only means started
        if name == "child_finished":
            code = fields["exit_code"]
            line = f"{fields['child']} has finished" if code == 0 else f"{fields['child']} failed, exit code {code}"
            line = f"[dim]{line}[/]" if code == 0 else f"[bold red]{line}[/]"
        else:
            template = self.WORDS.get(name)
            pairs = " ".join(f"{key}={value}" for key, value in fields.items())
            line = template.format(**fields) if template else f"[dim]{escape(f'{name} {pairs}')}[/]"
        if name == "child_died" or (name == "child_finished" and fields["exit_code"] != 0):
            line += escape(last_lines(self.logs / f"{fields['child']}.log").removeprefix(";"))
        return line

    def msg(self, line: str) -> None:
        self.console.print(line)

    debug = info = warning = error = critical = msg


@contextmanager
def live_status(settings: Settings, address: str, console: Console) -> Iterator[None]:
    """One line that follows the log: events a second, how far behind, alerts. Nothing off a terminal."""
    if not console.is_terminal:
        yield
        return
    ended = threading.Event()
    with ExitStack() as stack:
        live = stack.enter_context(Live(Text(""), console=console, auto_refresh=False, transient=True))
        thread = threading.Thread(target=_watch, args=(settings, address, live, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(2.0)


def _watch(settings: Settings, address: str, live: Live, ended: threading.Event) -> None:
    last: tuple[float, int] | None = None
    with Api(settings.model_copy(update={"token": None, "api": address})) as api:
        while not ended.wait(STATUS_INTERVAL_S):
            try:
                figures = api.get("/positions", by="currency")
                alerts = api.get("/alerts", limit=1)
            except TidemarkError as error:
                live.update(Text(f"  {error}", style="dim"), refresh=True)
                continue
            now, folded = time.monotonic(), sum(figures["offsets"].values())
            rate = (folded - last[1]) / (now - last[0]) if last else 0.0
            last = (now, folded)
            line = status_line(folded, max(0.0, rate), figures.get("lag_records", 0), alert_count(alerts["vector"]))
            live.update(Text(line, style="bold"), refresh=True)


def status_line(folded: int, rate: float, lag: int, alerts: int) -> str:
    return f"  {folded:,} events folded   {rate:,.0f}/s   {lag:,} behind   {alerts:,} alerts"


def alert_count(vector: str) -> int:
    """How many alerts a vector `partition:sequence,…` stands behind; sequences count from 0 without a gap."""
    return sum(int(pair.rpartition(":")[2]) + 1 for pair in vector.split(",") if pair)
