"""`tidemark limits` and `tidemark cuts`: limits that are not green, and the recorded cuts they were judged on."""

from fractions import Fraction
from typing import Annotated, Any

import typer
from rich.table import Table

from api.cli.client import Api
from api.cli.moments import At, AtOffsets, moment
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table

COLUMNS = ("light", "limit_id", "scope", "entity", "currency", "value", "limit", "as_of", "breach_no", "reason")
CUT_COLUMNS = ("offset", "epoch", "number", "taken_at", "whole", "totals", "flows", "event_time")


def limits(
    *,
    entity: Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")] = None,
    at: At = None,
    at_offsets: AtOffsets = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Limits whose light is amber or red, with the case that each incident has."""
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.get("/limits", entity=entity, **moment(at, at_offsets))
    print_json(answer, indent=2) if as_json else out().print(limits_table(answer))


def cuts(
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many, newest first.")] = 20,
    before: Annotated[int | None, typer.Option("--before", help="Only cuts below this offset.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Recorded cuts, newest first: the totals that limits are judged on, in the order that decides."""
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.get("/cuts", limit=limit, before=before)
    print_json(answer, indent=2) if as_json else out().print(cuts_table(answer))


def limits_table(answer: dict[str, Any]) -> Table:
    rows = [
        one | {"value": _short(one["value"], one["metric"]), "limit": _short(_edge(one), one["metric"])}
        for one in answer["rows"]
    ]
    return table(rows, COLUMNS)


def cuts_table(answer: dict[str, Any]) -> Table:
    rows = [
        one | {"totals": len(one["totals"]), "flows": len(one["flows"]), "whole": one.get("whole", False)}
        for one in answer["cuts"]
    ]
    return table(rows, CUT_COLUMNS)


def _edge(row: dict[str, Any]) -> str:
    return str(row["minimum"] if row["minimum"] is not None else row["maximum"])


def _short(text: str, metric: str) -> str:
    """Ratios in per cent, rounded down; `--json` has the exact value."""
    if metric not in ("lcr", "nsfr"):
        return text
    hundredths = Fraction(text) * 10_000 // 1
    return f"{hundredths // 100}.{hundredths % 100:02d}%"
