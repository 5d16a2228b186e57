"""`tidemark recoveries`: what disposals of risk assets promise, brought and are expected to bring; why that moved."""

import json
from typing import Annotated, Any

import typer
from rich.console import Group as Lines
from rich.text import Text

from api.cli.client import Api
from api.cli.contracts import cut_line, iso_day
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table
from engines.primitives.errors import InvalidInput

GROUPS = {"case": "case", "kind": "kind", "org": "organisation", "organisation": "organisation", "entity": "entity"}
AMOUNTS = ("promised", "received", "outstanding", "overdue", "expected", "amount", "difference", "missed")
CASES = ("kind", "case", "entity", "organisation", "currency", "stage", "promised", "received", "outstanding")
MORE = ("due_on", "days_late", "probability", "expected", "expected_on", "covered_by")
TOTALS = ("disposals", "promised", "received", "outstanding", "overdue", "expected")
PARTS = ("entity", "currency", "cause", "event", "by", "disposal", "received", "expected", "difference")

Vector = Annotated[
    str | None,
    typer.Option("--at-offsets", help='Figures at a past cut: the JSON object "offsets" of an earlier answer.'),
]


def recoveries(
    *,
    by: Annotated[str, typer.Option("--by", help="case, or sums by kind, org or entity.")] = "case",
    entity: Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")] = None,
    organisation: Annotated[str | None, typer.Option("--organisation", help="Only this organisation.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Only this currency, ISO 4217.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only this kind, as LitigationCase.")] = None,
    case: Annotated[str | None, typer.Option("--case", help="Only the disposal of this key.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Closed disposals, too.")] = False,
    severity: Annotated[
        str | None, typer.Option("--severity", help="As in a stress: mild, moderate, severe.")
    ] = None,
    stress: Annotated[bool, typer.Option("--stress", help="The inputs of the 7-day and 30-day stress test.")] = False,
    explain: Annotated[
        str | None,
        typer.Option("--explain", help='Why they moved since a cut: the JSON object "offsets" of an earlier answer.'),
    ] = None,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Of the page before.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=5_000, help="Disposals at most.")] = 500,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Business date, YYYY-MM-DD.", metavar="DATE")] = None,
    at_offsets: Vector = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Cash expected of disposals: promised, received, outstanding, how likely, when, and how late."""
    if by not in GROUPS:
        raise InvalidInput(f"unknown {by!r}; one of {', '.join(GROUPS)}", field="--by")
    if stress and explain is not None:
        raise InvalidInput("--stress and --explain are two answers", field="--explain")
    where = {"entity": entity, "currency": currency, "as_of": iso_day(as_of, "--as-of")}
    past = {"at_offsets": _vector(at_offsets, "--at-offsets")}
    with Api(load_settings(data_dir=data_dir)) as api:
        if explain is not None:
            asked = where | {"from_offsets": _vector(explain, "--explain"), "to_offsets": past["at_offsets"]}
            answer, show = api.get("/recoveries/changes", **asked), changes_table
        elif stress:
            answer, show = api.get("/recoveries/stress", **where, **past), stress_table
        else:
            asked = where | past | {"by": GROUPS[by], "organisation": organisation, "kind": kind, "case": case}
            asked |= {
                "severity": severity,
                "closed": "true" if closed else None,
                "cursor": cursor,
                "limit": str(limit),
            }
            answer, show = api.get("/recoveries", **asked), recoveries_table
        print_json(answer, indent=2) if as_json else out().print(show(answer))


def recoveries_table(answer: dict[str, Any]) -> Lines:
    rows = answer["rows"]
    if answer["by"] != "case":
        columns = list(dict.fromkeys(("entity", "currency", answer["by"])))
        return Lines(table(rows, [*columns, *TOTALS], amounts=AMOUNTS), _policy(answer), cut_line(answer))
    shown = [
        row
        | {
            "expected_on": row["inflows"][0]["on"] if row["inflows"] else None,
            "covered_by": ", ".join(row["covered_by"]) or None,
        }
        for row in rows
    ]
    columns = [*CASES, *MORE, *(["missed"] if any(row["missed"] for row in rows) else [])]
    told: list[Any] = [table(shown, columns, amounts=AMOUNTS), _policy(answer), cut_line(answer)]
    if answer["cursor"] is not None:
        told.append(Text(f"{len(rows)} of {answer['total']} disposals; more: --cursor {answer['cursor']}", "yellow"))
    return Lines(*told)


def stress_table(answer: dict[str, Any]) -> Lines:
    rows = [row | {"severity": row["severity"] or "-"} for row in answer["rows"]]
    columns = ("entity", "currency", "horizon_days", "severity", "amount")
    return Lines(table(rows, columns, amounts=AMOUNTS), _policy(answer), cut_line(answer))


def changes_table(answer: dict[str, Any]) -> Lines:
    moves = [Text(f"{row['entity']} {row['currency']}: {row['before']} -> {row['after']}") for row in answer["rows"]]
    parts = []
    for row in answer["rows"]:
        for part in row["parts"]:
            event = part["event"] or {"type": "-", "aggregate": "", "key": ""}
            by = "/".join(filter(None, (event["aggregate"], event["key"]))) or "-"
            told = {"entity": row["entity"], "currency": row["currency"], "event": event["type"], "by": by}
            parts.append(part | told)
    return Lines(*moves, Text(), table(parts, PARTS, amounts=AMOUNTS), cut_line(answer))


def _policy(answer: dict[str, Any]) -> Text:
    policy = answer["policy"]
    before = "" if policy["in_force"] else ", before its time"
    return Text(f"\nestimates: {', '.join(policy['versions']) or '-'} ({policy['digest']}{before})", style="dim")


def _vector(text: str | None, name: str) -> str | None:
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidInput('want a JSON object {"topic/partition": offset}', field=name) from error
    if not isinstance(found, dict):
        raise InvalidInput('want a JSON object {"topic/partition": offset}', field=name)
    return json.dumps(found, sort_keys=True, separators=(",", ":"))
