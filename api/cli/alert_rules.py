"""`tidemark alert-rule`: rules over figures, flows and decisions, drafted, tried on stored history, enabled.

A rule is a TOML or JSON file of its fields, or an expression with options. The rules are the server's.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

import typer
from rich.console import Group as Lines
from rich.text import Text

from api.cli.client import Api
from api.cli.counterfactual import awaited, end_of
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table
from engines.primitives.errors import InvalidInput

alert_rule = typer.Typer(help="Alert rules: draft, try on stored history, enable by another person, disable.")

COLUMNS = ("rule_no", "state", "in_force", "severity", "about", "name", "raised", "problems", "open")
INCIDENT_COLUMNS = (
    "raised_at",
    "cut",
    "entity",
    "currency",
    "metric",
    "scope",
    "value",
    "amount",
    "seconds",
    "facts",
)
PROBLEM = "{count} times it could not be evaluated, last at cut {cut} for {subject}: {message}"

RuleNo = Annotated[str, typer.Argument(metavar="RULE", help="Its number, as low-cash.")]
File = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Fields of a rule, TOML or JSON.")]
Why = Annotated[str, typer.Option("--why", help="Why, stored with the decision.")]
CmdId = Annotated[str | None, typer.Option("--cmd-id", help="Idempotency key; the same one again changes nothing.")]
Start = Annotated[str | None, typer.Option("--from", help="An instant, a date, or an offset vector.")]
End = Annotated[str | None, typer.Option("--to", help="As --from; a date is included.", show_default="now")]
RowsMax = Annotated[int, typer.Option("--rows", min=0, max=10_000, help="How many incidents.")]
Expression = Annotated[str | None, typer.Option("--expression", help="CEL; instead of a file.")]
About = Annotated[str | None, typer.Option("--about", help="As `vocabulary` lists.", show_default="totals")]


@alert_rule.command("list")
def list_rules(
    *,
    stage: Annotated[str | None, typer.Option("--stage", help="As DRAFT, PREVIEWED, ENABLED.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """The rules, newest first, with what they did since they are in force."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get("/alert-rules", stage=stage)
    print_json(found, indent=2) if as_json else out().print(table([_line(row) for row in found["rows"]], COLUMNS))


@alert_rule.command()
def show(*, rule_no: RuleNo, data_dir: DataDir = None, as_json: Json = False) -> None:
    """One rule: what is drafted, what is in force, what it raised and what it could not evaluate."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get(_path(rule_no))
    print_json(found, indent=2) if as_json else out().print(_shown(found))


@alert_rule.command()
def vocabulary(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """What expressions may speak of: facts with their types, and examples."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get("/alert-rules/vocabulary")
    if as_json:
        print_json(found, indent=2)
        return
    for one in found["vocabularies"]:
        out().print(Text(f"\n{one['about']}: {one['text']}", style="bold"))
        out().print(table(one["facts"], ("name", "type", "text")))
        for example in one["examples"]:
            out().print(Text(f"  {example['expression']}\n    {example['text']}", style="dim"))


@alert_rule.command()
def draft(
    *,
    rule_no: RuleNo,
    file: File = None,
    expression: Expression = None,
    about: About = None,
    why: Why,
    cmd_id: CmdId = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Draft a rule, or its next version. What is in force stays so until that is enabled."""
    payload = _fields(file, expression, about) | {"why": why}
    body = {"cmd_id": cmd_id or str(uuid4()), "rule_no": rule_no, "payload": payload}
    with Api(load_settings(data_dir=data_dir)) as api:
        _answer(api.post("/alert-rules", body), as_json)


@alert_rule.command()
def preview(
    *,
    file: File = None,
    rule_no: Annotated[
        str | None, typer.Option("--rule", help="The draft of this rule, which then may be enabled.")
    ] = None,
    expression: Expression = None,
    about: About = None,
    start: Start = None,
    end: End = None,
    rows: RowsMax = 50,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """How often and where a rule would have fired on the stored history. Raises no alert."""
    span = {"from": end_of(start), "to": end_of(end)}
    if (rule_no is None) == (file is None and expression is None):
        raise InvalidInput("want a file, --expression, or --rule", field="FILE")
    with Api(load_settings(data_dir=data_dir)) as api:
        if rule_no is not None:
            begun = api.post(f"{_path(rule_no)}/preview", span)
        else:
            begun = api.post("/alert-rules/preview", span | {"rule": _fields(file, expression, about)})
        job = awaited(api, f"/alert-rules/preview/{begun['id']}", rows)
    print_json(job["answer"], indent=2) if as_json else out().print(_story(job["answer"]))


@alert_rule.command()
def enable(
    *, rule_no: RuleNo, why: Why, cmd_id: CmdId = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Put the version that was tried in force. Who drafted it cannot."""
    _command(rule_no, "enable", why, cmd_id, data_dir, as_json)


@alert_rule.command()
def disable(
    *, rule_no: RuleNo, why: Why, cmd_id: CmdId = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Take a rule out of force; what it has open ends."""
    _command(rule_no, "disable", why, cmd_id, data_dir, as_json)


@alert_rule.command()
def discard(
    *, rule_no: RuleNo, why: Why, cmd_id: CmdId = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Drop a draft; what is in force stays so."""
    _command(rule_no, "discard", why, cmd_id, data_dir, as_json)


def _command(rule_no: str, name: str, why: str, cmd_id: str | None, data_dir: Path | None, as_json: bool) -> None:
    body = {"cmd_id": cmd_id or str(uuid4()), "payload": {"why": why}}
    with Api(load_settings(data_dir=data_dir)) as api:
        _answer(api.post(f"{_path(rule_no)}/{name}", body), as_json)


def _answer(answer: Mapping[str, Any], as_json: bool) -> None:
    print_json(answer, indent=2) if as_json else out().print(_shown(answer["state"]))


def _path(rule_no: str) -> str:
    return f"/alert-rules/{quote(rule_no, safe='')}"


def _fields(file: Path | None, expression: str | None, about: str | None) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
            fields = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
        except (OSError, ValueError) as error:
            raise InvalidInput(f"{file} cannot be read: {error}", field="FILE") from error
    given = {"expression": expression, "about": about}
    return fields | {name: value for name, value in given.items() if value is not None}


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    at_work, in_force = row.get("at_work") or {}, row.get("in_force") or {}
    return {
        **row,
        "in_force": in_force.get("rule_version", ""),
        "raised": at_work.get("raised", ""),
        "problems": at_work["problems"]["count"] if at_work else "",
        "open": len(at_work["open"]) if at_work else "",
    }


def _shown(state: Mapping[str, Any]) -> Lines:
    content, tried, at_work = state["content"], state.get("previewed"), state.get("at_work")
    parts = [
        Text(
            f"{state['rule_no']}: {content['name']}, version {state['rule_version']}, {state['state']}", style="bold"
        ),
        Text(f"  {content['severity']} about {content['about']}: {content['expression']}"),
    ]
    if content.get("clear_expression"):
        parts.append(Text(f"  cleared by {content['clear_expression']}"))
    parts.append(Text(f"  {state['content_digest']}", style="dim"))
    if tried:
        parts.append(
            Text(f"  tried on cuts {tried['first_cut']} to {tried['end_cut']}: fired {tried['fired']} times")
        )
    if state.get("in_force"):
        parts.append(Text(f"  in force: version {state['in_force']['rule_version']}"))
    if at_work:
        parts.append(Text(f"  raised {at_work['raised']}, cleared {at_work['cleared']}, open {len(at_work['open'])}"))
        if at_work["problems"]["count"]:
            parts.append(Text("  " + PROBLEM.format(**at_work["problems"]), style="yellow"))
    return Lines(*parts)


def _story(answer: Mapping[str, Any]) -> Lines:
    times = "" if answer["longest_s"] is None else (
        f", for {answer['average_s']:,.0f} s on average, {answer['longest_s']:,.0f} s at the longest"
    )  # fmt: skip
    head = f"would have fired {answer['fired']} times in {answer['cuts']:,} cuts{times}; {answer['open']} still open"
    rows = [row | {"facts": " ".join(f"{k}={v}" for k, v in row["facts"].items())} for row in answer["incidents"]]
    parts: list[Any] = [
        Text(head, style="bold"),
        Text(f"cuts {answer['first_cut']} to {answer['end_cut']}, {answer['first_at']} to {answer['last_at']}"),
    ]
    if answer["problems"]["count"]:
        parts.append(Text(PROBLEM.format(**answer["problems"]), style="yellow"))
    parts.append(table(rows, INCIDENT_COLUMNS, amounts=("amount",)))
    if answer["left_off"]:
        parts.append(Text(f"and {answer['left_off']} more"))
    return Lines(*parts, Text(f"digest {answer['digest']}", style="dim"))
