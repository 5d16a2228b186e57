"""`tidemark gap --contracts` and `tidemark explain contract`: from a gap figure to the formula of one flow.

Thin: the API answers, this prints. The page's panel shows the same three steps.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Group as Lines
from rich.text import Text

from api.cli.client import Api
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, grouped, out, print_json, table
from engines.primitives.errors import InvalidInput

explain = typer.Typer(help="Why a figure is what it is.", no_args_is_help=True)

First = Annotated[str | None, typer.Option("--from", help="First flow date.", metavar="DATE")]
Last = Annotated[str | None, typer.Option("--to", help="Last flow date.", metavar="DATE")]
AtOffsets = Annotated[
    str | None, typer.Option("--at-offsets", help='At a past cut: the JSON object "offsets" of an earlier answer.')
]

AMOUNTS = ("inflow", "outflow", "gap")
MEMBERS = ("entity", "organisation", "business_line", "product", "currency")


@explain.callback()
def _group() -> None:
    """Keeps `contract` a command of its own; a Typer of one command would take its place."""


@explain.command()
def contract(
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="Legal entity.")],
    contract_id: Annotated[str, typer.Argument(metavar="CONTRACT", help="Contract id, as in the record.")],
    *,
    first: First = None,
    last: Last = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Business date.", metavar="DATE")] = None,
    at_offsets: AtOffsets = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """A contract's record and terms, its flows, and the formula, numbers and states of each.

    Without dates the table has all flows, and formulas those of the next flow date; JSON has all of both.
    """
    path = f"/contracts/{quote(entity, safe='')}/{quote(contract_id, safe='')}/flows"
    asked = {"from": iso_day(first, "--from"), "to": iso_day(last, "--to"), "as_of": iso_day(as_of, "--as-of")}
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.get(path, explain="true", at_offsets=at_offsets, **asked)
    if as_json:
        print_json(answer, indent=2)
        return
    console = out()
    console.print(_head(answer))
    console.print(_flows_table(answer))
    chosen = answer["flows"] if first or last else _next_date(answer["flows"])
    for flow in chosen:
        console.print()
        console.print(_explained(flow), soft_wrap=True)
    console.print(cut_line(answer))


def print_contracts(api: Api, parameters: Mapping[str, str | int | None], *, as_json: bool) -> None:
    """The contracts behind a gap figure, and the figure that they add up to."""
    answer = api.get("/gap/contracts", **parameters)
    if as_json:
        print_json(answer, indent=2)
        return
    console = out()
    console.print(table(answer["rows"], ("contract_id", *MEMBERS, *AMOUNTS, "flow_dates"), amounts=AMOUNTS))
    totals = ("entity", "currency", *AMOUNTS, "contracts", "distinct_contracts")
    console.print()
    console.print(table(answer["totals"], totals, amounts=AMOUNTS, title="All of them"))
    if answer["next"] is not None:
        console.print(Text(f"\nThere are more: --start {answer['next']}", style="dim"))
    console.print(cut_line(answer))


def iso_day(text: str | None, option: str) -> str | None:
    """Raises InvalidInput naming the option."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise InvalidInput(f"{text!r} is not a date, want YYYY-MM-DD", field=option) from error


def cut_line(answer: Mapping[str, Any]) -> Text:
    offsets = answer["offsets"]
    when = f"as of {answer['as_of']}, " if answer.get("as_of") else ""
    return Text(f"\n{when}{sum(offsets.values()):,} records of {len(offsets)} partitions", style="dim")


def _head(answer: Mapping[str, Any]) -> Lines:
    record, closed = answer["record"], ", closed" if answer["closed"] else ""
    offset = "offset further back than was searched" if record["offset"] is None else f"offset {record['offset']}"
    members = ", ".join(f"{name} {answer[name]}" for name in MEMBERS[1:])
    lines = [
        Text(f"{answer['entity']} {answer['contract_id']}: {answer['side']}{closed}; {members}", style="bold"),
        Text(f"record {record['topic']}/{record['partition']} {offset}"),
        Text("terms  " + ", ".join(f"{name} {value}" for name, value in answer["terms"].items()) + "\n"),
    ]
    return Lines(*lines)


def _flows_table(answer: Mapping[str, Any]) -> Any:
    rows = [
        {
            "flow_date": flow["flow_date"],
            "event": flow["event_type"],
            "kind": flow["kind"],
            "payoff": flow["payoff"],
            "booked": flow["booked"],
            "in_gap": flow["bucket"] if flow["in_gap"] else "paid" if flow["booked"] else "",
        }
        for flow in answer["flows"]
    ]
    return table(rows, ("flow_date", "event", "kind", "payoff", "booked", "in_gap"), amounts=("booked",))


def _next_date(flows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first = next((flow["flow_date"] for flow in flows if flow["in_gap"]), None)
    return [flow for flow in flows if flow["flow_date"] == first]


def _explained(flow: Mapping[str, Any]) -> Lines:
    name = " ".join(part for part in (flow["flow_date"], flow["event_type"]) if part)
    booked = f": {grouped(flow['booked'])} {flow['currency']} booked" if flow["booked"] is not None else ""
    rounding = f", payoff {flow['payoff']}, rounding {flow['rounding']}" if flow["rounding"] is not None else ""
    lines = [Text(f"{name}{booked}{rounding}", style="bold")]
    why = flow.get("explanation")
    if why is None:
        lines.append(Text("  as the record gives it: no event of the standard"))
        return Lines(*lines)
    lines.append(Text(f"  {why['source']}", style="dim"))
    for line in why["formulas"]:
        lines.append(Text(f"  {line['target']} = {line['formula']}"))
        lines.append(Text(f"  {' ' * len(line['target'])} = {line['numbers']} = {line['result']}"))
        lines.append(Text(f"  {' ' * len(line['target'])}   {line['source']}", style="dim"))
    lines += [Text(f"  {symbol}: {old} -> {why['after'][symbol]}") for symbol, old in why["before"].items()]
    return Lines(*lines)
