"""`tidemark watch`: the live view of operators in a terminal."""

import sys
from collections.abc import Callable, Iterator

from api.cli.client import Api
from api.cli.options import DataDir, load_settings
from api.cli.sse import Event, follow
from engines.primitives.errors import InvalidInput, TidemarkError


def watch(*, data_dir: DataDir = None) -> None:
    """Lag, positions, ratios and alerts, live: p, r, a show a table, Enter a row in full, q ends."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput(
            "this is a view for a terminal; in a pipe use positions --follow or alerts --follow", field="stdout"
        )
    from api.terminal.view import TerminalView  # textual takes longer to import than most commands run

    with Api(load_settings(data_dir=data_dir)) as api:

        def stream(on_break: Callable[[TidemarkError], None]) -> Iterator[Event]:
            return follow(api, on_break=on_break)

        view = TerminalView(stream, api.address)
        view.run()
    if view.refused is not None:
        raise view.refused
