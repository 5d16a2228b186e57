"""`tidemark upload`: a spreadsheet or CSV of rows, each row one command. See docs/documents.md."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.markup import escape

from api.cli.client import Api
from api.cli.file_transfer import fetch_file, save, send_file
from api.cli.options import DataDir, load_settings
from api.cli.output import FAILED, Json, out, print_json, table
from engines.primitives.errors import InvalidInput
from infra.settings import Settings

SHOWN_MAX = 50


def upload(
    *,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The rows, .xlsx or .csv.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="What a row is, as RiskAsset.Admit; `list` names them.")],
    all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing", help="Store nothing unless every row can be stored.")
    ] = False,
    blank: Annotated[bool, typer.Option("--blank", help="Write an empty file with the columns to --out.")] = False,
    entity: Annotated[str | None, typer.Option("--entity", help="Whose rows; default: the token's only one.")] = None,
    to: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="The rows with their results.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Carry out the rows of a file as commands of one kind, once; exits 1 if a row was refused."""
    settings = load_settings(data_dir=data_dir)
    if kind == "list":
        with Api(settings) as api:
            for name in api.get("/uploads/kinds")["kinds"]:
                print(name)
        return
    if blank:
        _blank(settings, kind, to, force)
        return
    if file is None:
        raise InvalidInput("want a file of rows, or --blank", field="FILE")
    with Api(settings) as api:
        mode = "all" if all_or_nothing else "rows"
        answer = send_file(api, "/uploads", file, {"kind": kind, "mode": mode, "entity": entity})
        if to is not None:
            doc_id = quote(answer["results"]["doc_id"], safe="")
            save(fetch_file(api, "GET", f"/attachments/{doc_id}/content").content, to, force=force)
    counts = answer["counts"]
    if as_json:
        print_json(answer, indent=2)
    else:
        refused = [row | row["error"] for row in answer["rows"] if row["result"] == "refused"]
        if refused:
            out().print(table(refused[:SHOWN_MAX], ("row", "key", "column", "code", "reason")))
            if len(refused) > SHOWN_MAX:
                out().print(f"[dim]… and {len(refused) - SHOWN_MAX} more[/]")
        out().print(escape(", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items())))
    if counts["refused"]:
        raise typer.Exit(FAILED)


def _blank(settings: Settings, kind: str, to: Path | None, force: bool) -> None:
    if to is None:
        raise InvalidInput("want the name of the file to write", field="--out")
    form = to.suffix.lstrip(".").lower()
    with Api(settings) as api:
        found = fetch_file(api, "GET", "/uploads/blank", params={"kind": kind, "format": form})
    save(found.content, to, force=force)
