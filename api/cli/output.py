"""What the terminal shows: tables, JSON, and errors with their exit codes.

Figures and JSON go to stdout, everything meant for a person's eye alone (progress, notices, errors) to
stderr, so that `tidemark positions --json | jq` meets no stray line. Not for asking the API: see `client.py`.

Exit codes: 0 done; 1 a check failed, or a rule or another person's change said no; 2 the input is wrong, or
names what does not exist; 3 a part we depend on is not there. Ctrl-C ends with 130.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from engines.primitives.errors import InvalidInput, NotFound, TidemarkError, Unavailable

OK, FAILED, BAD_INPUT, UNAVAILABLE = 0, 1, 2, 3
JSON_WANTED = "tidemark.json"

#: Facts that say where a problem is, most exact first; they are shown beside the message.
PLACE = ("field", "record", "topic", "partition", "offset", "position", "aggregate", "key")


def exit_code(error: TidemarkError) -> int:
    """The process exit code of an error kind; kinds are few, so subclasses need no entry of their own."""
    if isinstance(error, InvalidInput | NotFound):
        return BAD_INPUT
    return UNAVAILABLE if isinstance(error, Unavailable) else FAILED


#: A pipe has no width; columns must not be cut there.
PIPE_WIDTH = 400


def out() -> Console:
    """Console on today's stdout: looked up at each call, since tests and pipes replace the stream."""
    return _console(sys.stdout)


def err() -> Console:
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    return Console(file=stream, highlight=False, width=None if stream.isatty() else PIPE_WIDTH)


def print_json(value: Any, *, indent: int | None = None) -> None:
    """One JSON document on stdout; `indent` None gives one line, for streams of them."""
    print(json.dumps(value, ensure_ascii=False, indent=indent), flush=True)


def print_error(error: TidemarkError, *, as_json: bool) -> None:
    """One line for a person, or `{code, message, field, record, facts}` (decision Q5), on stderr."""
    if as_json:
        body: dict[str, Any] = {"code": error.code, "message": str(error)}
        body |= {name: error.facts[name] for name in ("field", "record") if name in error.facts}
        print(json.dumps(body | {"facts": error.facts}, ensure_ascii=False), file=sys.stderr, flush=True)
        return
    places = [name for name in PLACE if name in error.facts]
    others = [name for name in error.facts if name not in places]
    facts = ", ".join(f"{name} {error.facts[name]}" for name in (*places, *others))
    err().print(f"[bold red]{error.code}[/]: {escape(str(error))}" + (f" [dim]({escape(facts)})[/]" if facts else ""))


class Group(TyperGroup):
    """The root command: turns our errors into one line and an exit code, for `main` and for tests alike."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TidemarkError as error:
            print_error(error, as_json=bool(ctx.find_root().meta.get(JSON_WANTED)))
            raise typer.Exit(exit_code(error)) from error
        except BrokenPipeError:  # the reader of our pipe has seen enough
            sys.stderr.close()
            raise typer.Exit(OK) from None


def _remember(ctx: typer.Context, value: bool) -> bool:
    ctx.find_root().meta[JSON_WANTED] = value
    return value


Json = Annotated[bool, typer.Option("--json", callback=_remember, help="Print JSON, errors on stderr as JSON too.")]


def table(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, amounts: Sequence[str] = (), title: str = ""
) -> Table:
    """Rows as a table; columns in `amounts` hold decimal text, grouped and aligned at the point."""
    rows = list(rows)
    shown = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    cells: list[list[Text]] = []
    for name in columns:
        header = name.replace("_", " ")
        if name in amounts:
            column = _aligned([row.get(name) for row in rows])
            # Padded here, since rich strips what stands right of the last digit.
            width = max([len(header), *map(len, column)])
            column, header = [text.rjust(width) for text in column], header.rjust(width)
        else:
            column = ["" if (value := row.get(name)) is None else str(value) for row in rows]
        shown.add_column(header, no_wrap=name in amounts, overflow="fold")
        cells.append([_cell(text, is_amount=name in amounts) for text in column])
    for row_cells in zip(*cells, strict=True):
        shown.add_row(*row_cells)
    return shown


def grouped(amount: str) -> str:
    """`-1234567.80` as `-1,234,567.80`: text to text, so that no digit passes through a float."""
    sign, digits = ("-", amount[1:]) if amount.startswith("-") else ("", amount)
    whole, point, fraction = digits.partition(".")
    return f"{sign}{int(whole):,}{point}{fraction}"


def _aligned(amounts: Sequence[Any]) -> list[str]:
    """Amounts of one column as texts that end alike: yen beside dollars get blanks, not digits made up."""
    texts = ["" if amount is None else grouped(str(amount)) for amount in amounts]
    fractions = [len(text) - text.find(".") if "." in text else 0 for text in texts]
    widest = max(fractions, default=0)
    return [text + " " * (widest - own) for text, own in zip(texts, fractions, strict=True)]


def _cell(text: str, *, is_amount: bool) -> Text:
    return Text(text, style="red" if is_amount and text.lstrip().startswith("-") else "")
