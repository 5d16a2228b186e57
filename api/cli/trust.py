"""`tidemark trust`: which sources are late, silent or damaged, and which figures stand on them."""

from typing import Annotated, Any

import typer
from rich.table import Table

from api.cli.client import Api
from api.cli.options import DataDir, load_settings
from api.cli.output import FAILED, Json, out, print_json, table

COLUMNS = ("state", "source", "reasons", "silence_s", "last_event_time", "lag_records", "dead_letters")
FIGURE_COLUMNS = ("state", "figure", "entity", "sources")


def trust(
    *,
    entity: Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 unless every source is fresh.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Sources of figures with their state, and the figures that are not to be trusted now."""
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.get("/trust", entity=entity)
    if as_json:
        print_json(answer, indent=2)
    else:
        for shown in tables(answer):
            out().print(shown)
    if check and any(one["state"] != "FRESH" for one in answer["sources"]):
        raise typer.Exit(FAILED)


def tables(answer: dict[str, Any]) -> list[Table]:
    """The sources; and the figures that are not fresh, if there are any."""
    sources = [one | {"reasons": ", ".join(one["reasons"])} for one in answer["sources"]]
    doubtful = [one | {"sources": ", ".join(one["sources"])} for one in answer["figures"] if one["state"] != "FRESH"]
    return [table(sources, COLUMNS), *([table(doubtful, FIGURE_COLUMNS)] if doubtful else [])]
