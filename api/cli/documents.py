"""`tidemark document` and `tidemark attachment`: papers filled from cases, files of cases. See docs/documents.md."""

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

import typer
from rich.markup import escape

from api.cli.client import Api
from api.cli.contracts import iso_day
from api.cli.file_transfer import fetch_file, save, send_file
from api.cli.options import DataDir, load_settings
from api.cli.output import FAILED, Json, out, print_json, table
from engines.primitives.errors import InvalidInput
from infra.attachments import Attachments, DamagedAttachment

document = typer.Typer(help="Papers filled from cases by templates: complaints, notices, minutes, vouchers.")
attachment = typer.Typer(help="Files of cases, kept by the digest of their content and never overwritten.")

Key = Annotated[str, typer.Argument(metavar="KEY", help="Business key of the case.")]
Template = Annotated[str, typer.Option("--template", help="Name of the template; `document list` shows them.")]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the file goes.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]
Field = Annotated[
    list[str] | None, typer.Option("--field", metavar="NAME=VALUE", help="A field that a person enters; repeat it.")
]
FieldsFile = Annotated[Path | None, typer.Option("--fields", metavar="FILE", help="JSON object of such fields.")]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="Nothing that counts later is in it.")]
KnownAt = Annotated[
    str | None, typer.Option("--known-at", metavar="T", help="Nothing recorded later is in it: instant or day.")
]
On = Annotated[str | None, typer.Option("--on", metavar="DATE", help="The day it bears; default: --as-of, or today.")]
Version = Annotated[int | None, typer.Option("--version", min=1, help="Of the template; default: the one in force.")]


@document.command("list")
def list_templates(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Every template: the kind of case it is for, in which stages, and what a person enters."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get("/documents/templates")["templates"]
    if as_json:
        print_json(found, indent=2)
        return
    rows = (row | {"stages": " ".join(row["stages"]) or "any", "entered": " ".join(row["entered"])} for row in found)
    out().print(table(rows, ("name", "version", "effective_from", "aggregate", "title", "stages", "entered")))


@document.command()
def template(
    *,
    name: Annotated[str, typer.Argument()],
    to: Out,
    version: Version = None,
    force: Force = False,
    data_dir: DataDir = None,
) -> None:
    """Write a template as a Word file with its places unfilled, to go on from for one of your own."""
    with Api(load_settings(data_dir=data_dir)) as api:
        parameters = {} if version is None else {"version": version}
        found = fetch_file(api, "GET", f"/documents/templates/{quote(name, safe='')}", params=parameters)
    save(found.content, to, force=force)


@document.command()
def render(
    *,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Kind of case, as LitigationCase.")],
    key: Key,
    template: Template,
    to: Out,
    field: Field = None,
    fields: FieldsFile = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    on: On = None,
    version: Version = None,
    force: Force = False,
    data_dir: DataDir = None,
) -> None:
    """Fill a template from a case into a file; nothing is stored, and a missing field is an error that names it."""
    body = _asked(kind, key, template, field, fields, as_of, known_at, on, version)
    with Api(load_settings(data_dir=data_dir)) as api:
        found = fetch_file(api, "POST", "/documents/render", json=body)
    save(found.content, to, force=force)
    out().print(f"{escape(str(to))}: document {escape(found.headers.get('x-document-no', '-'))}", soft_wrap=True)


@document.command()
def draft(
    *,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Kind of case, as LitigationCase.")],
    key: Key,
    template: Template,
    field: Field = None,
    fields: FieldsFile = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    on: On = None,
    version: Version = None,
    cmd_id: Annotated[
        str | None, typer.Option("--cmd-id", help="Idempotency key; the same one again gives the same document.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Fill a template, keep the paper as an attachment, and tell the case where it has a command for that."""
    body = _asked(kind, key, template, field, fields, as_of, known_at, on, version)
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.post("/documents", body | {"cmd_id": cmd_id or str(uuid4())})
    if as_json:
        print_json(answer, indent=2)
        return
    _show(answer["document"])
    for event in (answer["outcome"] or {}).get("events", []):
        out().print(
            f"[green]{escape(str(event['type']))}[/] {escape(str(event['aggregate']))} {escape(event['key'])}"
        )


@attachment.command()
def add(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    entity: Annotated[
        str | None, typer.Option("--entity", help="Whose it is; default: the token's only one.")
    ] = None,
    doc_id: Annotated[str | None, typer.Option("--doc-id", help="Its id; default: one that follows from it.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Store a file and print its document id, for the `docs` of a command."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = send_file(api, "/attachments", file, {"entity": entity, "doc_id": doc_id})
    if as_json:
        print_json(found)
    else:
        _show(found)


@attachment.command()
def get(
    *,
    doc_id: Annotated[str, typer.Argument(metavar="DOC_ID")],
    to: Out,
    force: Force = False,
    data_dir: DataDir = None,
) -> None:
    """Fetch a file; its bytes are hashed again before they are sent."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = fetch_file(api, "GET", f"/attachments/{quote(doc_id, safe='')}/content")
    save(found.content, to, force=force)


@attachment.command()
def verify(
    *,
    doc_id: Annotated[str | None, typer.Argument(metavar="DOC_ID", help="One; default: all on this host.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Hash stored files again; exits 1, or 3 for one asked of the API, naming what is damaged."""
    settings = load_settings(data_dir=data_dir)
    if doc_id is not None:
        with Api(settings) as api:
            answer = api.get(f"/attachments/{quote(doc_id, safe='')}/verify")
        checked, faults = 1, list[DamagedAttachment]()
    else:
        store = Attachments(settings.attachments, bytes_max=settings.attachment_bytes_max)
        checked, faults = store.check()
        answer = {"ok": not faults, "checked": checked, "damaged": [str(fault) for fault in faults]}
    if as_json:
        print_json(answer)
    else:
        for fault in faults:
            out().print(f"[bold red]damaged[/] {escape(str(fault))}", soft_wrap=True)
        out().print(f"[{'red' if faults else 'green'}]{checked} checked, {len(faults)} damaged[/]")
    if faults:
        raise typer.Exit(FAILED)


def _asked(
    kind: str,
    key: str,
    template: str,
    field: list[str] | None,
    fields: Path | None,
    as_of: str | None,
    known_at: str | None,
    on: str | None,
    version: int | None,
) -> dict[str, Any]:
    body: dict[str, Any] = {"aggregate": kind, "key": key, "template": template, "fields": _fields(field, fields)}
    days = {"as_of": (as_of, "--as-of"), "document_on": (on, "--on")}
    body |= {name: iso_day(day, option) for name, (day, option) in days.items() if day is not None}
    return body | {name: given for name, given in (("known_at", known_at), ("version", version)) if given is not None}


def _fields(given: list[str] | None, file: Path | None) -> dict[str, str]:
    found: dict[str, str] = {}
    if file is not None:
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidInput(f"cannot read {file} as JSON: {error}", field="--fields") from error
        if not isinstance(found, dict):
            raise InvalidInput("want a JSON object", field="--fields")
    for one in given or ():
        name, sign, value = one.partition("=")
        if not sign:
            raise InvalidInput(f"want NAME=VALUE, got {one!r:.80}", field="--field")
        found[name] = value
    return found


def _show(reference: dict[str, Any]) -> None:
    line = f"{reference['doc_id']}  {reference['name']}  {reference['size']} bytes  sha256 {reference['sha256']}"
    out().print(escape(line), soft_wrap=True)
