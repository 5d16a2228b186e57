"""`tidemark ledger`: any ledger as of a day, as far as it was known at an instant; what is behind a row; how two
reports differ.

`tidemark ledger NAME …` shows one; `list`, `explain`, `difference` are words of their own. Other forms than table and
json come as files.
"""

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from typer.core import TyperGroup

from api.cli import output
from api.cli.client import Api
from api.cli.file_transfer import fetch_file
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, print_json

SHOW = "show"


class Named(TyperGroup):
    """A first word that is no command names a ledger; `--list` lists them."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] == "--list":
            args = ["list", *args[1:]]
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            args = [SHOW, *args]
        return super().resolve_command(ctx, args)


ledger = typer.Typer(
    cls=Named,
    help="Ledgers at any two instants. `ledger NAME [OPTIONS]` shows one, `ledger --list` lists them.",
    no_args_is_help=True,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)

AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DAY", help="The business day.", show_default="today")]
KnownAt = Annotated[
    str | None,
    typer.Option("--known-at", metavar="INSTANT", help="What was known then; a day for its end.", show_default="now"),
]
Entity = Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="As risk_asset; see `ledger --list`.")]


@ledger.command("list")
def list_ledgers(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Every ledger with its key, order and columns."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get("ledgers")
    if as_json:
        print_json(found, indent=2)
        return
    rows = [
        {
            "ledger": one["name"],
            "id": one["id"],
            "title": one["title"],
            "标题": one["title_zh"],
            "key": " | ".join(one["key"]),
            "columns": len(one["columns"]),
        }
        for one in found["ledgers"]
    ]
    output.out().print(output.table(rows, ("ledger", "id", "title", "标题", "key", "columns")))


@ledger.command(SHOW, hidden=True)
def show(
    *,
    name: Name,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="'COL OP VALUE'", help="May be given again: all must hold.")
    ] = None,
    sort: Annotated[str | None, typer.Option("--sort", metavar="COL[:desc],…", help="Default: the ledger's.")] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="COL,…", help="Default: those with values.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, max=10_000, help="Rows at most.")] = 500,
    offset: Annotated[int, typer.Option("--offset", min=0, help="Rows to pass over.")] = 0,
    form: Annotated[
        str, typer.Option("--format", metavar="FORM", help="table, json; csv, xlsx, pdf, parquet.")
    ] = "table",
    out: Annotated[Path | None, typer.Option("--out", help="Where a file goes.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    with_supplements: Annotated[
        bool, typer.Option("--with-supplements", help="With cells entered by hand and approved.")
    ] = False,
    entity: Entity = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """One ledger as of a day, as far as it was known at an instant."""
    asked: dict[str, Any] = {
        "as_of": as_of,
        "known_at": known_at,
        "entity": entity,
        "where": where or None,
        "sort": sort,
        "columns": columns,
        "with_supplements": "true" if with_supplements else None,
    }
    with Api(load_settings(data_dir=data_dir)) as api:
        if form not in ("table", "json"):
            download(api, name, {**asked, "form": form}, out, force)
            return
        given = {name: value for name, value in asked.items() if value is not None}
        params = given | {"limit": limit, "offset": offset}
        asking = _path(name, "query") if with_supplements else _path(name)
        found = fetch_file(api, "GET", "/" + asking, params=params).json()
    if as_json or form == "json":
        print_json(found, indent=2)
    else:
        print_ledger(found, every=columns is not None)


@ledger.command()
def explain(
    *, name: Name, key: Annotated[str, typer.Argument(metavar="KEY", help="Parts joined by |, as 'WO1|LN-7001'.")],
    as_of: AsOf = None, known_at: KnownAt = None, data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """The events behind one row, in the order in which they count, with what each did to which cell."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get(_path(name, key, "explain"), as_of=as_of, known_at=known_at)
    if as_json:
        print_json(found, indent=2)
        return
    output.out().print(f"{_heading(found)} · {key}")
    rows = [
        {
            "counts on": change["counts_on"],
            "position": event["position"],
            "known": event["recorded_at"][:19],
            "event": f"{event['type']} {event['key']}",
            "by": f"{event['actor']} {event['role']}",
            "column": change["column"] + (f" [{change['member']}]" if change["member"] else ""),
            "change": f"{'=' if change['how'] == 'set' else '+'} {_shown(change['value'])}",
            "after": _shown(change["after"]),
        }
        for event in found["events"]
        for change in event["changes"] or [{"counts_on": event["valid_on"], **_NO_CHANGE}]
    ]
    output.out().print(output.table(rows, tuple(rows[0]) if rows else ()))


_NO_CHANGE: dict[str, Any] = {"column": "-", "member": None, "how": "set", "value": None, "after": None}


@ledger.command()
def difference(
    *,
    name: Name,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    other_as_of: Annotated[
        str | None, typer.Option("--other-as-of", metavar="DAY", help="Of the other report.")
    ] = None,
    other_known_at: Annotated[
        str | None, typer.Option("--other-known-at", metavar="INSTANT", help="Of the other report.")
    ] = None,
    entity: Entity = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Rows and cells of which two reports say something else, and the events that made the difference."""
    others = {"other_as_of": other_as_of, "other_known_at": other_known_at}
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get(_path(name, "difference"), as_of=as_of, known_at=known_at, entity=entity, **others)
    if as_json:
        print_json(found, indent=2)
        return
    console = output.out()
    console.print(f"{_heading(found['first'])}  beside  {_heading(found['second'])}: {found['count']} rows differ")
    for row in found["rows"]:
        console.print(f"\n[bold]{row['key']}[/] {row['kind']}", highlight=False)
        cells = [
            {"column": c["column"], "first": _shown(c["before"]), "second": _shown(c["after"])} for c in row["cells"]
        ]
        console.print(output.table(cells, ("column", "first", "second")))
        events = [
            {
                "position": e["position"],
                "counts on": e["valid_on"],
                "known": e["recorded_at"][:19],
                "event": e["type"],
            }
            for e in row["events"]
        ]
        console.print(output.table(events, ("position", "counts on", "known", "event")))


def print_ledger(found: dict[str, Any], *, every: bool) -> None:
    """Columns in which no row holds anything are left out, unless they were asked for."""
    rows = found["rows"]
    columns = [
        column for column in found["columns"] if every or any(row[column["name"]] not in (None, "") for row in rows)
    ]
    amounts = [column["name"] for column in columns if column["kind"] == "money"]
    names = [column["name"] for column in columns]
    marked = [{name: _shown(row[name]) for name in names} for row in rows]
    console = output.out()
    console.print(output.table(marked, names, amounts=amounts, title=_heading(found)))
    for ccy, sums in found["totals"].items():
        told = ", ".join(f"{name} {output.grouped(total)}" for name, total in sums.items() if name in names)
        if told:
            console.print(f"total {ccy}: {told}")
    console.print(f"{len(rows)} of {found['row_count']} rows")


def download(api: Api, name: str, asked: dict[str, Any], out: Path | None, force: bool) -> None:
    """A ledger as a file, by the exports, which stand on this module."""
    import_module("api.cli.ledger_views").download(api, name, asked, out, force)


def _heading(found: dict[str, Any]) -> str:
    title = f"{found['title_zh']} {found['title']}" if "title" in found else found["name"]
    return f"{title} · as of {found['as_of']} · known at {found['known_at']} · position {found['position']}"


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _path(*parts: str) -> str:
    return "ledgers/" + "/".join(quote(part, safe="") for part in parts)
