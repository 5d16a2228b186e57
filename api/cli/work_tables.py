"""Work lists as a person reads them at the terminal; each ends with the position of the log that it stands at."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from api.cli.output import out, table

Found = Mapping[str, Any]
STYLES = {"LAPSED": "bold red", "RED": "red", "AMBER": "yellow", "GREEN": "green", "PAUSED": "dim"}
TODOS = ("due_on", "days_left", "kind", "aggregate", "key", "state", "org", "for", "since", "about", "commands")
DEADLINES = ("act_by", "due_on", "days_left", "colour", "rule_code", "subject", "org", "owner", "state", "reminders")
MESSAGES = ("sent_on", "rule_code", "subject", "legal_due_on", "method", "to", "delivery")
DEEDS = ("recorded_at", "aggregate", "key", "type", "valid_on", "actor", "role")
CASES = ("aggregate", "key", "state", "org", "since", "classification", "claim", "tags")
CLAIMS = ("loan_no", "lifecycle", "classification", "org", "ccy", "claim", "memo", "manager")


def print_todos(found: Found) -> None:
    console = out()
    _counts(console, found)
    console.print(table((_todo(row) for row in found["rows"]), TODOS))
    _stamp(console, found)


def print_done(found: Found) -> None:
    console = out()
    console.print(table(found["rows"], DEEDS))
    _stamp(console, found)


def print_deadlines(found: Found) -> None:
    console = out()
    _counts(console, found)
    _coloured(console, found["rows"])
    _stamp(console, found)


def print_messages(found: Found) -> None:
    console = out()
    for notice in found["notices"]:
        console.print(f"[bold]{escape(str(notice['title']))}[/] {escape(str(notice['body']))}")
    console.print(table(found["rows"], MESSAGES))
    _stamp(console, found)


def print_totals(found: Found) -> None:
    console = out()
    _stock(console, found)
    _stamp(console, found)


def print_plan(found: Found) -> None:
    console = out()
    columns = (
        "target_no",
        "org",
        "kind",
        "campaign",
        "ccy",
        "amount",
        "actual",
        "completion",
        "time_progress",
        "rank",
    )
    console.print(table(found["rows"], columns, amounts=("amount", "actual")))
    groups = ("kind", "level", "period_start", "period_end", "ccy", "targets", "amount", "actual", "completion")
    console.print(table(found["groups"], groups, amounts=("amount", "actual"), title="Whole"))
    _stamp(console, found)


def print_rankings(found: Found) -> None:
    console = out()
    _rankings(console, found)
    _stamp(console, found)


def print_search(found: Found) -> None:
    console = out()
    _cases(console, found["rows"])
    if found["cursor"] is not None:
        console.print(f"[dim]more: --cursor {found['cursor']}[/]")
    _stamp(console, found)


def print_tags(found: Found) -> None:
    console = out()
    console.print(table(found["rows"], ("aggregate", "tag", "count")))
    _stamp(console, found)


def print_tagged(answer: Found) -> None:
    tags = ", ".join(answer["state"].get("tags", []))
    out().print(f"{escape(str(answer['key']))}: {escape(tags) or 'no tags'}")


def print_customer(found: Found) -> None:
    console = out()
    state = f"{found['state'] or 'not registered'}, {found['kind'] or 'kind unknown'}"
    console.print(f"[bold]{escape(found['customer_no'])}[/] {escape(state)} {escape(', '.join(found['tags']))}")
    console.print(table(found["totals"], _columns(found["totals"]), amounts=_columns(found["totals"])[2:]))
    console.print(table(found["claims"], CLAIMS, amounts=("claim", "memo"), title="Claims"))
    _cases(console, found["cases"], title="Cases")
    _titled(console, found["guarantors"], ("customer_no", "guarantees"), "Guarantors")
    files = [row | {"versions": len(row["versions"])} for row in found["files"]]
    _titled(console, files, ("doc_id", "category", "versions"), "Files")
    facts = [row | {"facts": _text(row["facts"])} for row in found["external"]]
    _titled(console, facts, ("source", "as_of", "facts"), "External facts")
    _titled(console, found["warnings"], ("warning_id", "kind", "level", "raised_on"), "Warnings")
    if found["deadlines"]:
        _coloured(console, found["deadlines"])
    _titled(console, found["timeline"][:20], DEEDS, "Newest events")
    _stamp(console, found)


def print_asset(found: Found) -> None:
    console = out()
    hold = found["hold"]
    held = f", held by {hold['kind']} {hold['case_no']}" if hold else ""
    tags = ", ".join(found["tags"])
    title = f"{found['lifecycle']}, {found['classification']}{held} {tags}"
    console.print(f"[bold]{escape(found['loan_no'])}[/] {escape(title)} ({found['ccy']})")
    for name, label in (("claim_places", "Claim"), ("memo_places", "Written off, kept as memo claim")):
        rows = [_place(row) for row in found[name] if row["came"] or row["went"]]
        if rows:
            amounts = ("total_came", "total_went", "left")
            console.print(
                table(rows, ("bucket", "came", "total_came", "went", *amounts[1:]), amounts=amounts, title=label)
            )
    _cases(console, found["cases"], title="Cases")
    if found["deadlines"]:
        _coloured(console, found["deadlines"])
    _stamp(console, found)


def print_home(found: Found) -> None:
    console = out()
    todos, terms = found["todos"], found["deadlines"]
    console.print(f"[bold]{todos['total']} to-dos[/]")
    console.print(table((_todo(row) for row in todos["rows"]), TODOS))
    console.print(f"[bold]{terms['total']} deadlines[/]")
    _coloured(console, terms["rows"])
    _titled(console, found["messages"]["rows"], MESSAGES, "Messages")
    _stock(console, found)
    groups = ("kind", "level", "period_start", "period_end", "ccy", "amount", "actual", "completion")
    _titled(console, found["plan"]["groups"], groups, "Plan")
    _rankings(console, found)
    _stamp(console, found)


def print_allowed(found: Found) -> None:
    console = out()
    console.print(f"[bold]{escape(found['key'])}[/] {found['state'] or 'not there yet'}, version {found['version']}")
    for command in found["commands"]:
        refused = command["refused"]
        why = f" [red]refused: {escape(refused['guard'])}, {escape(refused['text'])}[/]" if refused else ""
        console.print(f"[green]{command['command']}[/] as {command['role']}{why}")
        for field in command["fields"]:
            must = "needed" if field["required"] else "may be left out"
            value = f" = {_text(field['value'])}" if "value" in field else ""
            choice = f" ({', '.join(field['values'])})" if field["values"] else ""
            console.print(f"  {field['name']}: {field['type']}, {must}{escape(choice)}{escape(value)}")
    for other in found["others"]:
        console.print(f"[dim]{other['command']}: waits for {' or '.join(other['roles'])}[/]")


def _todo(row: Found) -> dict[str, Any]:
    about = " ".join(filter(None, (row["amount"], row["ccy"] if row["amount"] else None, *row["asset_nos"][:3])))
    return dict(row) | {
        "for": row["assignee"] or " ".join(row["roles"]),
        "about": about,
        "commands": " ".join(row["commands"]),
    }


def _place(row: Found) -> dict[str, Any]:
    return dict(row) | {
        name: ", ".join(f"{place} {minor}" for place, minor in row[name].items()) for name in ("came", "went")
    }


def _coloured(console: Console, rows: Iterable[Found]) -> None:
    shown = table(rows, DEADLINES)
    column = shown.columns[DEADLINES.index("colour")]
    for at, cell in enumerate(list(column.cells)):
        shown.rows[at].style = STYLES.get(str(cell), "")
    console.print(shown)


def _stock(console: Console, found: Found) -> None:
    stock, moved, period = found["stock"], found["moved"], found["period"]
    amounts = ("claim", "memo", "costs", "principal", "interest_on", "interest_off", "penalty", "compound")
    console.print(table(stock, _columns(stock), amounts=amounts, title="Stock"))
    title = f"From {period['start']} to {period['end']}"
    console.print(
        table(moved, _columns(moved), amounts=("amount", "recovery", "reduction", "written_off"), title=title)
    )


def _rankings(console: Console, found: Found) -> None:
    branches = ("ccy", "rank", "org", "amount")
    _titled(console, found["branches"], branches, "Branches by completed amount", ("amount",))
    customers = ("ccy", "rank", "customer_no", "claim", "assets")
    _titled(console, found["customers"], customers, "Customers by claim", ("claim",))


def _cases(console: Console, rows: Iterable[Found], title: str = "") -> None:
    shown = [dict(row) | {"tags": " ".join(row["tags"])} for row in rows]
    console.print(table(shown, CASES, amounts=("claim",), title=title))


def _titled(
    console: Console, rows: Iterable[Found], columns: tuple[str, ...], title: str, amounts: tuple[str, ...] = ()
) -> None:
    listed = [{name: _text(row.get(name)) for name in columns} for row in rows]
    if listed:
        console.print(table(listed, columns, amounts=amounts, title=title))


def _columns(rows: list[Found]) -> tuple[str, ...]:
    return tuple(rows[0]) if rows else ()


def _counts(console: Console, found: Found) -> None:
    counts = ", ".join(f"{name} {count}" for name, count in found["counts"].items())
    console.print(f"[bold]{found['total']}[/] {escape(counts)}")


def _stamp(console: Console, found: Found) -> None:
    console.print(f"[dim]as of position {found['position']} of the decision log[/]")


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return " ".join(_text(inner) for inner in value)
    return "" if value is None else str(value)
