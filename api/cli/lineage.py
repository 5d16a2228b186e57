"""`tidemark audit trace`: from an entry or decision to every figure it touched; from an alert down to its entries."""

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console
from rich.markup import escape

from api.cli.client import Api
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table
from api.cli.records import text_of
from engines.primitives.errors import InvalidInput

Row = dict[str, Any]
POSITION = ("entity", "organisation", "currency", "customer", "account", "value_date", "settled", "pending_in")
DEPOSIT = ("entity", "currency", "owner", "customer_class", "product", "part", "amount")
GAP = ("entity", "organisation", "product", "currency", "flow_date", "bucket", "net")
ALERT = ("part", "alert_id", "rule", "currency", "amount", "rolling", "contributed")
LIMIT = ("limit_id", "metric", "currency", "light_before", "light", "value", "case", "plan")
RATIO = ("figure", "scope", "entity", "currency", "cause", "line", "amount_minor_exact")
EVENT = ("position", "aggregate", "key", "version", "type", "valid_on")


def trace(
    place: Annotated[str | None, typer.Argument(metavar="[TOPIC/PARTITION/OFFSET]", help="An entry.")] = None,
    txn: Annotated[str | None, typer.Option("--txn", metavar="ID", help="An entry by its id.")] = None,
    event: Annotated[
        str | None,
        typer.Option("--event", metavar="POSITION|AGGREGATE/KEY/VERSION", help="A decision."),
    ] = None,
    alert: Annotated[str | None, typer.Option("--alert", metavar="ID", help="An alert, down to its entries.")] = None,
    ratios: Annotated[bool, typer.Option("--ratios", help="Also the lines of LCR and NSFR; takes seconds.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Every figure that an entry or a decision touched; of an alert the entries behind it."""
    if sum(one is not None for one in (place, txn, event, alert)) != 1:
        raise InvalidInput("want one of TOPIC/PARTITION/OFFSET, --txn, --event and --alert", field="place")
    with Api(load_settings(data_dir=data_dir)) as api:
        answers = list(_asked(api, place, txn, event, alert, ratios=ratios))
    if as_json:
        print_json(answers[0] if len(answers) == 1 else answers, indent=2)
        return
    for answer in answers:
        _show(out(), answer)


def _asked(
    api: Api, place: str | None, txn: str | None, event: str | None, alert: str | None, *, ratios: bool
) -> Iterator[Row]:
    query = {"ratios": "true"} if ratios else {}
    if place is not None:
        yield api.get(f"/lineage/entries/{_path(place, 3, 'place')}", **query)
    elif txn is not None:
        for one in api.get("/lineage/entries", txn=txn)["entries"]:
            yield api.get(f"/lineage/entries/{one['topic']}/{one['partition']}/{one['offset']}", **query)
    elif event is not None:
        yield api.get(f"/lineage/events/{event if event.isdigit() else _path(event, 3, '--event')}")
    else:
        yield api.get(f"/alerts/{quote(alert or '', safe='')}")


def _path(text: str, parts: int, field: str) -> str:
    """Each part quoted. The middle of an aggregate's name may hold slashes: its key."""
    first, _, rest = text.partition("/")
    middle, _, last = rest.rpartition("/")
    if not (first and middle and last.isdigit()) or parts != 3:
        raise InvalidInput(f"{text!r:.80} does not name one: three parts, the last a number", field=field)
    return "/".join(quote(one, safe="") for one in (first, middle, last))


def _show(console: Console, answer: Row) -> None:
    if "event" in answer:
        _show_event(console, answer)
    elif "alert_id" in answer:
        rows = [one | {"record": text_of(one.get("record"))} for one in answer["entries"]]
        console.print(f"[bold]{escape(answer['reason'])}[/]")
        console.print(table(rows, ("topic", "partition", "offset", "event_time", "amount", "record")))
    else:
        _show_entry(console, answer)


def _show_entry(console: Console, answer: Row) -> None:
    said = f" ({answer['reason']})" if answer.get("reason") else ""
    flags = "".join(f", {name}" for name in ("late", "reversal") if answer.get(name))
    console.print(f"[bold]{answer['place']}/{answer['offset']}[/]: {answer['verdict']}{escape(said)}{flags}")
    _table(console, "positions", answer.get("positions"), POSITION)
    _table(console, "deposits", answer.get("deposits"), DEPOSIT)
    gap = answer.get("gap") or {}
    _table(console, f"gap, buckets as of {gap.get('as_of')}", gap.get("rows"), GAP)
    _table(console, "alerts", answer.get("alerts"), ALERT)
    for which, cut in (answer.get("cuts") or {}).items():
        said = "in no recorded cut yet" if cut is None else f"first in cut {cut['cut']} of {cut['taken_at']}"
        console.print(f"{which}: {said}")
    _table(console, "limits that turned at that cut", answer.get("limits"), LIMIT)
    _table(console, "ratios", answer.get("ratios"), RATIO)


def _show_event(console: Console, answer: Row) -> None:
    event = answer["event"]
    console.print(
        f"[bold]{escape(event['type'])}[/] of {event['aggregate']} {escape(event['key'])}, version "
        f"{event['version']}, position {event['position']}: {escape(event['actor'])} as {event['role']}, "
        f"valid on {event['valid_on']}"
    )
    changed = [{name: text_of(value) for name, value in one.items()} for one in answer["changed"]]
    _table(console, "changed", changed, ("field", "before", "after"))
    _table(console, "in the same command", answer["command"]["events"], EVENT)
    _table(console, "caused by", [answer["caused_by"]] if answer["caused_by"] else [], EVENT)
    _table(console, "caused", answer["caused"], EVENT)
    _table(console, "messages", answer["messages"], ("topic", "key", "id"))
    for name in ("postings", "recovery_cash", "ledgers"):
        rows = [{name: text_of(one)} for one in answer.get(name) or ()]
        _table(console, name.replace("_", " "), rows, (name,))
    if answer["documents"]:
        console.print(f"documents: {escape(', '.join(answer['documents']))}")


def _table(console: Console, title: str, rows: Any, columns: tuple[str, ...]) -> None:
    if rows:
        console.print(f"\n{title}")
        console.print(table(rows, columns))
