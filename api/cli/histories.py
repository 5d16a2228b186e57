"""`tidemark audit history`: the timeline of an aggregate, what each event changed, as of a day, as known then."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Group as Lines
from rich.text import Text

from api.cli.client import Api
from api.cli.moments import instant
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table
from api.cli.records import text_of

COLUMNS = ("version", "type", "valid_on", "recorded_at", "actor", "role", "payload")


def history(
    aggregate: Annotated[
        str, typer.Argument(metavar="[AGGREGATE]", help="Kind of aggregate; RiskAsset if left out.")
    ],
    key: Annotated[str | None, typer.Argument(metavar="KEY", help="Its business key, as the loan number.")] = None,
    *,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE|TIME", help="Only what counts by then, in the business.")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", metavar="DATE|TIME", help="Only what was recorded by then.")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="What each event changed in the state.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Every event of one aggregate in order: who did what, when it counts, when recorded; and the state they make."""
    kind, name = (aggregate, key) if key is not None else ("RiskAsset", aggregate)
    kind = "".join(part[:1].upper() + part[1:] for part in kind.replace("_", "-").split("-"))
    path = f"/histories/{quote(kind, safe='')}/{quote(name, safe='')}"
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.get(path, as_of=_moment(as_of, "--as-of"), known_at=_moment(known_at, "--known-at"))
    print_json(answer, indent=2) if as_json else out().print(_timeline(answer, diff=diff))


def _timeline(answer: Mapping[str, Any], *, diff: bool) -> Lines:
    if diff:
        shown: list[Any] = [one for event in answer["events"] for one in _changes(event)]
    else:
        rows = [event | {"payload": text_of(event.get("payload", {}))} for event in answer["events"]]
        shown = [table(rows, COLUMNS)]
    if answer["events_that_count_later"]:
        shown.append(Text(f"{answer['events_that_count_later']} known events count later", style="dim"))
    then = [
        f"{name} {answer[name.replace(' ', '_')]}" for name in ("as of", "known at") if answer[name.replace(" ", "_")]
    ]
    named = ", ".join(then) or "now"
    state = ({named: field, "value": text_of(value)} for field, value in answer["state"].items())
    return Lines(*shown, Text(), table(state, (named, "value")))


def _changes(event: Mapping[str, Any]) -> list[Any]:
    head = f"{event['version']} {event['type']} by {event['actor']} as {event['role']}"
    when = f", on {event['valid_on']}, recorded {event['recorded_at']}"
    rows = [
        {"field": one["field"], "before": text_of(one["before"]), "after": text_of(one["after"])}
        for one in event["changes"]
    ]
    return [Text(head, style="bold").append(when, style="dim"), table(rows, ("field", "before", "after")), Text()]


def _moment(text: str | None, option: str) -> str | None:
    """A date as it is, else an instant. Raises InvalidInput naming the option."""
    if text is not None and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            pass  # the instant's message names the text
    return instant(text, option)
