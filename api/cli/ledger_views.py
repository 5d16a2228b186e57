"""`tidemark ledger query | view | exports | supplements`: ledgers asked freely, kept questions, files.

Words of the group `ledger`, and how a file of a ledger is fetched: a big one is waited for with a progress bar, and
goes on where it broke off.
"""

import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from api.cli import output
from api.cli.client import Api, problem
from api.cli.file_transfer import fetch_file
from api.cli.ledger import AsOf, Entity, KnownAt, Name, ledger, print_ledger
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, print_json
from api.cli.sending import send
from engines.primitives.errors import InvalidInput, Unavailable

view = typer.Typer(help="Questions to ledgers, kept under a name and shared by role.", no_args_is_help=True)

Texts = list[str] | None
Joins = Annotated[Texts, typer.Option("--join", metavar="'LEDGER on KEY'", help="As 'recovery on loan_no'.")]
Where = Annotated[Texts, typer.Option("--where", metavar="'COL OP VALUE'", help="May be given again: all must hold.")]
Groups = Annotated[str | None, typer.Option("--group-by", metavar="COL,…", help="One row for each of their values.")]
Columns = Annotated[
    str | None, typer.Option("--columns", metavar="COL,…", help="Columns, or 'share = per_cent(sum(a), sum(b))'.")
]
Sort = Annotated[str | None, typer.Option("--sort", metavar="COL[:desc],…", help="The ledger's key comes last.")]
Supplements = Annotated[bool, typer.Option("--with-supplements", help="With cells entered by hand and approved.")]
Limit = Annotated[int, typer.Option("--limit", min=0, max=10_000, help="Rows at most.")]
FormName = Annotated[str, typer.Option("--format", metavar="FORM", help="table, json; csv, xlsx, pdf, parquet.")]
Out = Annotated[Path | None, typer.Option("--out", help="Where a file goes.")]
Force = Annotated[bool, typer.Option("--force", help="Write over an existing file.")]
Tongue = Annotated[str, typer.Option("--language", metavar="zh|en", help="Of titles and codes in a file.")]
ViewNo = Annotated[str, typer.Argument(metavar="VIEW", help="Its number.")]
CmdId = Annotated[str | None, typer.Option("--cmd-id", help="Idempotency key; the same one again changes nothing.")]

PAUSE_S = 0.3  # between two looks at a job
READ_S = httpx.Timeout(60.0, connect=5.0)
TRIES = 5


@ledger.command()
def query(
    *, name: Name, join: Joins = None, where: Where = None, group_by: Groups = None, columns: Columns = None,
    sort: Sort = None, with_supplements: Supplements = False, as_of: AsOf = None, known_at: KnownAt = None,
    entity: Entity = None, limit: Limit = 500, form: FormName = "table", language: Tongue = "zh", out: Out = None,
    force: Force = False, data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Any columns of a ledger or of several joined: filtered, grouped, computed, sorted."""
    asked = _asked(join, where, group_by, columns, sort, with_supplements) | {"entity": entity}
    _show(
        f"/ledgers/{_part(name)}",
        "query",
        asked,
        as_of,
        known_at,
        limit,
        form,
        language,
        out,
        force,
        data_dir,
        as_json,
    )


@ledger.command()
def supplements(
    *, name: Name, as_of: AsOf = None, known_at: KnownAt = None, data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Cells entered by hand beside the ledger's own; entered with `command LedgerSupplement NO Enter`."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get(f"/ledgers/{_part(name)}/supplements", as_of=as_of, known_at=known_at)
    if as_json:
        print_json(found, indent=2)
        return
    shown = ("row_key", "field", "system", "effective", "maker", "approver", "valid_until", "reason", "problem")
    output.out().print(output.table(found["cells"], shown))
    output.out().print(f"{found['share_pct']}% of the cells are entered by hand")


@ledger.command()
def exports(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Your big exports of the last week."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get("/ledger-exports")
    if as_json:
        print_json(found, indent=2)
        return
    shown = ("job_no", "file_name", "state", "done", "rows", "size", "finished_at", "error")
    output.out().print(output.table(found["exports"], shown))


@ledger.command("fetch")
def fetch_again(
    *, job_no: Annotated[str, typer.Argument(metavar="JOB")], out: Out = None, force: Force = False,
    data_dir: DataDir = None,
) -> None:  # fmt: skip
    """Wait for a big export and fetch its file; what is there of it already is not fetched again."""
    with Api(load_settings(data_dir=data_dir)) as api:
        _finish(api, api.get(f"/ledger-exports/{_part(job_no)}"), out, force)


# --- Saved views ---------------------------------------------------------------------------------------------------


@view.command()
def save(
    *, view_no: ViewNo, name: Annotated[str, typer.Option("--ledger", help="As risk_asset.")],
    title: Annotated[str, typer.Option("--title")] = "", join: Joins = None, where: Where = None,
    group_by: Groups = None, columns: Columns = None, sort: Sort = None, with_supplements: Supplements = False,
    entity: Annotated[str | None, typer.Option("--entity", help="Where it is kept.")] = None,
    cmd_id: CmdId = None, data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Keep a question, or change an own one."""
    asked = _asked(join, where, group_by, columns, sort, with_supplements)
    listed: dict[str, Any] = {part: _split(asked[part]) for part in ("group_by", "columns", "sort")}
    body = {
        "view_no": view_no,
        "ledger": name,
        "title": title,
        "entity": entity,
        "with_supplements": with_supplements,
    }
    body |= listed | {"joins": join or [], "where": where or []}
    send("/ledger-views", body, cmd_id, data_dir, as_json)


@view.command("list")
def list_views(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Your own, and those shared with one of your roles."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get_all("/ledger-views", "views")
    if as_json:
        print_json(found, indent=2)
        return
    rows = [one | {"shared_with": _shared(one["shared_with"])} for one in found["views"]]
    output.out().print(output.table(rows, ("view_no", "ledger", "title", "maker", "shared_with")))


@view.command()
def show(*, view_no: ViewNo, data_dir: DataDir = None, as_json: Json = False) -> None:
    """What a view asks."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get(f"/ledger-views/{_part(view_no)}")
    if as_json:
        print_json(found, indent=2)
        return
    rows = [{"part": name, "asks": text} for name, texts in found["query"].items() for text in texts]
    output.out().print(
        output.table([{"part": "ledger", "asks": found["ledger"]}, *rows], ("part", "asks"), title=found["title"])
    )


@view.command()
def run(
    *, view_no: ViewNo, as_of: AsOf = None, known_at: KnownAt = None, limit: Limit = 500, form: FormName = "table",
    language: Tongue = "zh", out: Out = None, force: Force = False, data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Its answer at any two instants, by your own rights."""
    path = f"/ledger-views/{_part(view_no)}"
    _show(path, "run", {}, as_of, known_at, limit, form, language, out, force, data_dir, as_json)


@view.command()
def share(
    *, view_no: ViewNo, roles: Annotated[list[str] | None, typer.Argument(help="None: everyone.")] = None,
    cmd_id: CmdId = None, data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Share an own view with roles, and with no others any more."""
    send(f"/ledger-views/{_part(view_no)}/share", {"roles": roles or []}, cmd_id, data_dir, as_json)


@view.command()
def retire(*, view_no: ViewNo, cmd_id: CmdId = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """End an own view."""
    send(f"/ledger-views/{_part(view_no)}/retire", {}, cmd_id, data_dir, as_json)


# --- Files ---------------------------------------------------------------------------------------------------------


def download(api: Api, name: str, asked: dict[str, Any], out: Path | None, force: bool) -> None:
    """Fetch a ledger as a file: at once, or as a job that is waited for. `asked`: parameters, `form` among them."""
    _download(api, f"/ledgers/{_part(name)}/export", asked, out, force)


def _download(api: Api, path: str, asked: dict[str, Any], out: Path | None, force: bool) -> None:
    if out is None:
        raise InvalidInput("say where the file goes: --out FILE", field="--out")
    _unless_there(out, force)
    given = {name: value for name, value in asked.items() if value is not None}
    answer = fetch_file(api, "GET", path, params=given)
    if answer.status_code == httpx.codes.ACCEPTED:
        _finish(api, answer.json(), out, force)
        return
    out.write_bytes(answer.content)
    digest = answer.headers.get("x-body-sha256", "-")
    rows = answer.headers.get("x-row-count", "-")
    output.out().print(f"{escape(str(out))}: {rows} rows, body sha256 {escape(digest)}", soft_wrap=True)


def _finish(api: Api, job: dict[str, Any], out: Path | None, force: bool) -> None:
    """Wait for a job, then fetch its file by ranges into `FILE.part`, which takes its name at the end."""
    to = out or Path(str(job["file_name"]))
    _unless_there(to, force)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=output.err(), transient=True) as bar:
        task = bar.add_task(f"export {job['job_no']}", total=None)
        while job["state"] in ("WAITING", "RUNNING"):
            bar.update(task, total=job["rows"] or None, completed=job["done"])
            time.sleep(PAUSE_S)
            job = api.get(f"/ledger-exports/{job['job_no']}")
    if job["state"] != "DONE":
        raise Unavailable(f"the export failed: {job['error']}", job_no=str(job["job_no"]))
    part = to.with_name(f"{to.name}.{job['job_no']}.part")
    for attempt in range(1, TRIES + 1):
        try:
            _resume(api, job, part)
            break
        except httpx.HTTPError as error:
            if attempt == TRIES:
                again = f"tidemark ledger fetch {job['job_no']} --out {to}"
                raise Unavailable(f"the download broke off; go on with `{again}`", address=api.address) from error
    part.replace(to)
    output.out().print(f"{escape(str(to))}: {job['rows']} rows, file sha256 {job['sha256']}", soft_wrap=True)


def _resume(api: Api, job: dict[str, Any], part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have >= job["size"]:
        return
    headers = {"Range": f"bytes={have}-", "If-Range": f'"{job["sha256"]}"'} if have else {}
    path = f"/ledger-exports/{job['job_no']}/file"
    with api.http.stream("GET", path, headers=headers, timeout=READ_S) as answer:
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            answer.read()
            raise problem(answer)
        goes_on = answer.status_code == httpx.codes.PARTIAL_CONTENT
        with part.open("ab" if goes_on else "wb") as file:
            for chunk in answer.iter_bytes():
                file.write(chunk)


def _show(
    path: str, word: str, asked: dict[str, Any], as_of: str | None, known_at: str | None, limit: int, form: str,
    language: str, out: Path | None, force: bool, data_dir: Path | None, as_json: bool,
) -> None:  # fmt: skip
    asked = asked | {"as_of": as_of, "known_at": known_at}
    with Api(load_settings(data_dir=data_dir)) as api:
        if form not in ("table", "json"):
            _download(api, f"{path}/export", asked | {"form": form, "language": language}, out, force)
            return
        given = {name: value for name, value in asked.items() if value is not None}
        found = fetch_file(api, "GET", f"{path}/{word}", params=given | {"limit": limit}).json()
    if as_json or form == "json":
        print_json(found, indent=2)
    else:
        print_ledger(found, every=True)


def _asked(
    joins: Texts, where: Texts, group_by: str | None, columns: str | None, sort: str | None, with_supplements: bool
) -> dict[str, Any]:
    return {
        "joins": joins or None,
        "where": where or None,
        "group_by": group_by,
        "columns": columns,
        "sort": sort,
        "with_supplements": "true" if with_supplements else None,
    }


def _split(text: str | None) -> list[str]:
    """The API's own rule: a comma inside brackets parts nothing."""
    from api.ledger_desk import parts

    return [] if text is None else list(parts([text], "--columns"))


def _shared(roles: list[str] | None) -> str:
    return "-" if roles is None else " ".join(roles) or "everyone"


def _unless_there(to: Path, force: bool) -> None:
    if to.exists() and not force:
        raise InvalidInput(f"{to} is there already; --force replaces it", field="--out")


def _part(text: str) -> str:
    return quote(text, safe="")
