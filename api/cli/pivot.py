"""`tidemark pivot`: asked freely, kept, shared, scheduled, exported."""

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape

from api.cli import output
from api.cli.client import Api
from api.cli.file_transfer import fetch_file
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, print_json
from api.cli.sending import send
from engines.primitives.errors import InvalidInput

pivot = typer.Typer(help="Positions, flows and ledgers along any dimensions; kept, scheduled, exported.")

Texts = list[str] | None
PivotNo = Annotated[str, typer.Argument(metavar="PIVOT", help="Its number.")]
Asked = Annotated[
    str | None, typer.Argument(metavar="[PIVOT]", help="A kept one, in place of --source and the rest.")
]
SourceName = Annotated[str | None, typer.Option("--source", help="positions, accounts, gap, entries, ledger.NAME.")]
Rows = Annotated[str, typer.Option("--rows", metavar="FIELD,…", help="Dimensions downwards.")]
Columns = Annotated[str, typer.Option("--columns", metavar="FIELD,…", help="Dimensions across.")]
Measures = Annotated[Texts, typer.Option("--measure", metavar="'sum(net)'", help="May be given again.")]
Where = Annotated[Texts, typer.Option("--where", metavar="'FIELD OP VALUE'", help="All must hold.")]
Top = Annotated[str | None, typer.Option("--top", metavar="N:FIELD:MEASURE", help="As '10:customer:sum(outflow)'.")]
Sort = Annotated[str, typer.Option("--sort", metavar="[-]MEASURE", help="'-' for the largest first.")]
InCurrency = Annotated[str | None, typer.Option("--in", metavar="CCY", help="Convert amounts at the rates in force.")]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="Business date.")]
Since = Annotated[str | None, typer.Option("--compared-with", metavar="DATE", help="For change(FIELD).")]
Form = Annotated[str, typer.Option("--format", metavar="FORM", help="xlsx, pdf, csv, parquet, json.")]
Out = Annotated[Path, typer.Option("--out", help="Where the file goes.")]
CmdId = Annotated[str | None, typer.Option("--cmd-id", help="Idempotency key; the same one again changes nothing.")]
FIGURES_AT_ONCE = 12  # columns that a terminal shows


@pivot.command()
def sources(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """What can be asked: every source with its dimensions and figures."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get("/pivots/sources")
    if as_json:
        print_json(found, indent=2)
        return
    rows = [
        {
            "source": one["name"],
            "dimensions": ", ".join(field["name"] for field in one["fields"] if field["kind"] == "text"),
            "figures": ", ".join(field["name"] for field in one["fields"] if field["kind"] != "text"),
        }
        for one in found["sources"]
    ]
    output.out().print(output.table(rows, ("source", "dimensions", "figures")))


@pivot.command()
def run(
    *, pivot_no: Asked = None, source: SourceName = None, rows: Rows = "", columns: Columns = "",
    measure: Measures = None, where: Where = None, top: Top = None, sort: Sort = "", reporting: InCurrency = None,
    as_of: AsOf = None, compared_with: Since = None, data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Ask a kept pivot, or one that the options describe."""
    with Api(load_settings(data_dir=data_dir)) as api:
        if pivot_no is not None:
            found = api.get(f"/pivots/{_part(pivot_no)}/run", as_of=as_of)
        else:
            asked = _definition(source, rows, columns, measure, where, top, sort, reporting, as_of, compared_with)
            found = api.post("/pivots/run", {"definition": asked})
    if as_json:
        print_json(found, indent=2)
        return
    _print(found)


@pivot.command()
def save(
    *, pivot_no: PivotNo, title: Annotated[str, typer.Option("--title")] = "", source: SourceName = None,
    rows: Rows = "", columns: Columns = "", measure: Measures = None, where: Where = None, top: Top = None,
    sort: Sort = "", reporting: InCurrency = None, compared_with: Since = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Where it is kept.")] = None,
    cmd_id: CmdId = None, data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Keep a question, or change an own one: each change is a revision."""
    asked = _definition(source, rows, columns, measure, where, top, sort, reporting, None, compared_with)
    body = {"pivot_no": pivot_no, "title": title or pivot_no, "definition": asked, "entity": entity}
    send("/pivots", body, cmd_id, data_dir, as_json)


@pivot.command("list")
def listed(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Your pivots and those shared with you."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get_all("/pivots", "pivots")
    if as_json:
        print_json(found, indent=2)
        return
    shown = [
        {
            **one,
            "source": one["definition"]["source"],
            "every": (one["schedule"] or {}).get("every", ""),
            "shared": "" if one["shared_with"] is None else " ".join(one["shared_with"]) or "everyone",
        }
        for one in found["pivots"]
    ]
    names = ("pivot_no", "title", "source", "revision", "maker", "shared", "every", "delivered")
    output.out().print(output.table(shown, names))


@pivot.command()
def show(*, pivot_no: PivotNo, data_dir: DataDir = None) -> None:
    """What a kept pivot asks, its revisions and its schedule, as JSON."""
    with Api(load_settings(data_dir=data_dir)) as api:
        print_json(api.get(f"/pivots/{_part(pivot_no)}"), indent=2)


@pivot.command()
def export(
    *, pivot_no: PivotNo, out: Out, form: Form = "xlsx", as_of: AsOf = None,
    language: Annotated[str, typer.Option("--language", metavar="zh|en")] = "zh", data_dir: DataDir = None,
) -> None:  # fmt: skip
    """The answer of a kept pivot as a file with its stamp."""
    given = {"form": form, "language": language} | ({} if as_of is None else {"as_of": as_of})
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = fetch_file(api, "GET", f"/pivots/{_part(pivot_no)}/export", params=given)
    out.write_bytes(answer.content)
    digest = answer.headers.get("x-body-sha256", "-")
    output.out().print(f"{escape(str(out))}: body sha256 {escape(digest)}", soft_wrap=True)


@pivot.command()
def schedule(
    *, pivot_no: PivotNo, every: Annotated[str, typer.Option("--every", metavar="daily|weekly|monthly")] = "daily",
    form: Form = "xlsx", keep: Annotated[int, typer.Option("--keep", min=1, max=400, help="Files kept.")] = 30,
    language: Annotated[str, typer.Option("--language", metavar="zh|en")] = "zh", cmd_id: CmdId = None,
    data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Have an own pivot run after each business date, week or month."""
    body = {"every": every.upper(), "form": form.upper(), "keep": keep, "language": language.upper()}
    send(f"/pivots/{_part(pivot_no)}/schedule", body, cmd_id, data_dir, as_json)


@pivot.command()
def unschedule(*, pivot_no: PivotNo, cmd_id: CmdId = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """End its schedule; files that were made stay."""
    send(f"/pivots/{_part(pivot_no)}/unschedule", {}, cmd_id, data_dir, as_json)


@pivot.command()
def deliveries(*, pivot_no: PivotNo, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Files that its schedule made, newest first."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get(f"/pivots/{_part(pivot_no)}/deliveries")
    if as_json:
        print_json(found, indent=2)
        return
    output.out().print(output.table(found["deliveries"], ("business_date", "file_name", "size", "digest", "file")))


@pivot.command()
def share(
    *, pivot_no: PivotNo, roles: Annotated[Texts, typer.Argument(metavar="[ROLE…]", help="None: everyone.")] = None,
    cmd_id: CmdId = None, data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Share an own pivot with roles; each sees what the own rights allow."""
    send(f"/pivots/{_part(pivot_no)}/share", {"roles": roles or []}, cmd_id, data_dir, as_json)


@pivot.command()
def retire(*, pivot_no: PivotNo, cmd_id: CmdId = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """End an own pivot; what it was stays in the log."""
    send(f"/pivots/{_part(pivot_no)}/retire", {}, cmd_id, data_dir, as_json)


# --- Helpers -------------------------------------------------------------------------------------------------------


def _definition(
    source: str | None, rows: str, columns: str, measures: Texts, where: Texts, top: str | None, sort: str,
    reporting: str | None, as_of: str | None, compared_with: str | None,
) -> dict[str, Any]:  # fmt: skip
    if source is None:
        raise InvalidInput("want a kept pivot, or --source", field="--source")
    found: dict[str, Any] = {
        "source": source,
        "rows": _split(rows),
        "columns": _split(columns),
        "measures": measures or ["count()"],
        "where": where or [],
        "sort": sort,
        "reporting_currency": reporting,
        "as_of": as_of,
        "compare": None if compared_with is None else {"as_of": compared_with},
    }
    if top is not None:
        count, _, rest = top.partition(":")
        name, _, by = rest.partition(":")
        if not count.isdigit() or not by:
            raise InvalidInput("want N:FIELD:MEASURE", field="--top")
        found["top"] = {"dimension": name, "count": int(count), "by": by}
    return {name: value for name, value in found.items() if value not in (None, "")}


def _print(found: dict[str, Any]) -> None:
    """Rows indented by their depth; as many columns as a terminal shows."""
    measures, paths = found["measures"], found["column_paths"]
    heads = [
        " · ".join([*path, one["titles"][0]]) if path or len(paths) == 1 else f"Total · {one['titles'][0]}"
        for path in paths
        for one in measures
    ]
    shown = []
    for row in found["table"]:
        members = row["members"]
        name = "  " * (len(members) - 1) + members[-1] if members else "Total"
        figures = ["" if cell is None else str(cell) for cells in row["cells"] for cell in cells]
        shown.append({"row": name, **dict(zip(heads, figures, strict=True))})
    names = heads[-FIGURES_AT_ONCE:]
    amounts = tuple(head for head in names if "." in str(shown[-1].get(head, "")))
    output.out().print(output.table(shown, ("row", *names), amounts=amounts))
    if len(heads) > FIGURES_AT_ONCE:
        output.out().print(f"the last {FIGURES_AT_ONCE} of {len(heads)} columns; --json and export show all")
    if found["missing_rates"]:
        output.out().print(f"no rate: {', '.join(found['missing_rates'])}")
    output.out().print(
        f"cut {json.dumps(found['cut']['offsets'])}, digest {found['provenance']['digest']}", soft_wrap=True
    )


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _part(text: str) -> str:
    return quote(text, safe="")
