"""`tidemark report daily`: the pack that treasury and board read in the morning, from one cut of the live figures."""

import json
from typing import Annotated, Any

import typer

from api.cli.client import Api
from api.cli.contracts import iso_day
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table
from engines.primitives.errors import InvalidInput

report = typer.Typer(help="Reports of one cut of all figures.", no_args_is_help=True)

SECTIONS = (
    ("Positions", "positions", ("entity", "currency", "position", "pending_in", "pending_out", "projected_eod")),
    ("Ratios", "ratios", ("figure", "scope", "entity", "currency", "ratio_pct", "minimum_pct", "light", "reason")),
    ("Four positions", "four_positions", ("entity", "currency", "base", "available", "lendable")),
    ("Liquid assets", "liquid_assets", ("scope", "entity", "currency", "asset", "market_value", "liquidity_value")),
    ("Gap", "gap", ("entity", "currency", "bucket", "inflow", "outflow", "gap", "cumulative")),
    ("Moved", "moved", ("figure", "scope", "entity", "currency", "before_pct", "now_pct")),
)
AMOUNTS = (
    *("position", "pending_in", "pending_out", "projected_eod", "base", "available", "lendable"),
    *("market_value", "liquidity_value", "inflow", "outflow", "gap", "cumulative"),
)


@report.callback()
def _group() -> None:
    """Keeps `daily` a command of its own; a Typer of one command would take its place."""


@report.command()
def daily(
    *,
    entity: Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Business date, YYYY-MM-DD.", metavar="DATE")] = None,
    compared_with: Annotated[
        str | None, typer.Option("--compared-with", help='The JSON object "offsets" of an earlier report.')
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Positions, ratios, liquid assets and gap of one cut; with --compared-with also how ratios moved since."""
    if compared_with is not None:
        try:
            json.loads(compared_with)
        except ValueError:
            raise InvalidInput('want the JSON object "offsets" of a report', field="--compared-with") from None
    with Api(load_settings(data_dir=data_dir)) as api:
        asked = {"entity": entity, "as_of": iso_day(as_of, "--as-of"), "compared_with": compared_with}
        answer = api.get("/reports/daily", **asked)
    if as_json:
        print_json(answer, indent=2)
        return
    out().print(f"Assets and liabilities as of {answer['as_of']}")
    for title, name, columns in SECTIONS:
        rows: list[dict[str, Any]] = answer.get(name) or []
        if rows:
            shown = tuple(column for column in columns if any(column in row for row in rows))
            out().print(f"\n{title}")
            amounts = tuple(name for name in shown if name in AMOUNTS)
            out().print(table(rows, shown, amounts=amounts))
