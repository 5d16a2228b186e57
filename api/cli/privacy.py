"""`tidemark privacy`: whose personal data there is, its erasure by two administrators, rotation of the master key."""

from typing import Annotated
from urllib.parse import quote
from uuid import uuid4

import typer

from api.cli.client import Api
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table

privacy = typer.Typer(help="Personal data: whose there is, its erasure by two administrators, rotation of keys.")

Kind = Annotated[str, typer.Option("--kind", help="CUSTOMER or STAFF.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the decision, also after the erasure.")]
CmdId = Annotated[str | None, typer.Option("--cmd-id", help="Idempotency key.", show_default="a new one")]
REQUEST_COLUMNS = (
    "erasure_no",
    "state",
    "subject_kind",
    "subject_no",
    "why",
    "makers",
    "approvers",
    "keys_destroyed",
)


@privacy.command()
def status(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """How many subjects and keys there are, and the requests for erasure."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get_all("/privacy/status", "requests")
    if as_json:
        print_json(found, indent=2)
        return
    for name in ("subjects", "erased", "keys", "keys_destroyed"):
        out().print(f"{name.replace('_', ' '):16}{found[name]:>10}")
    if found["requests"]:
        out().print(table(found["requests"], REQUEST_COLUMNS))


@privacy.command()
def subjects(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Everyone whose personal data is held; an erased subject is a token and no more."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get_all("/privacy/subjects", "rows")
    if as_json:
        print_json(found, indent=2)
    else:
        out().print(table(found["rows"], ("subject", "token", "keys", "destroyed")))


@privacy.command()
def find(
    name: Annotated[str, typer.Argument(help="The whole name.")], *, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Customer numbers of those who bear exactly this name."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get_all("/privacy/customers", "rows", name=name)
    if as_json:
        print_json(found, indent=2)
    else:
        out().print(table(found["rows"], ("customer_no",)))


@privacy.command()
def erase(
    subject: Annotated[str, typer.Argument(help="Customer number, or user number with --kind STAFF.")],
    *,
    reason: Reason,
    kind: Kind = "CUSTOMER",
    entity: Annotated[
        str | None, typer.Option("--entity", help="Legal entity; default: the token's only one.")
    ] = None,
    erasure_no: Annotated[str | None, typer.Option("--erasure-no", help="Chosen by you, unique.")] = None,
    cmd_id: CmdId = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Ask for the erasure of a subject. Another administrator approves it."""
    number = erasure_no or f"ER-{uuid4().hex[:12]}"
    payload = {"subject_kind": kind, "subject_no": subject, "why": reason}
    payload |= {} if entity is None else {"entity_id": entity}
    body = {"cmd_id": cmd_id or str(uuid4()), "erasure_no": number, "payload": payload}
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.post("/privacy/erasures", body)
    _show(found, number, as_json)


@privacy.command()
def approve(
    erasure_no: Annotated[str, typer.Argument(help="As `status` shows it.")],
    *,
    cmd_id: CmdId = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Approve an erasure that another administrator asked for: the keys are destroyed at once, for good."""
    _decide(erasure_no, "approve", {}, cmd_id, data_dir, as_json)


@privacy.command()
def refuse(
    erasure_no: Annotated[str, typer.Argument(help="As `status` shows it.")],
    *,
    reason: Reason,
    cmd_id: CmdId = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Refuse an erasure."""
    _decide(erasure_no, "refuse", {"why": reason}, cmd_id, data_dir, as_json)


@privacy.command()
def rotate(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Wrap all keys again by a new master key, on this host; no event is touched.

    The old key is gone then, and with it what copies of the key store could open.
    """
    from infra.subject_keys_opening import open_subject_keys, rotate_master_key

    settings = load_settings(data_dir=data_dir)
    keys = open_subject_keys(settings)
    try:
        count = rotate_master_key(settings, keys)
    finally:
        keys.close()
    if as_json:
        print_json({"wrapped_again": count})
    else:
        out().print(f"{count} keys wrapped again by a new master key")


def _decide(
    erasure_no: str, what: str, payload: dict[str, str], cmd_id: str | None, data_dir: DataDir, as_json: bool
) -> None:
    body = {"cmd_id": cmd_id or str(uuid4()), "payload": payload}
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.post(f"/privacy/erasures/{quote(erasure_no, safe='')}/{what}", body)
    _show(found, erasure_no, as_json)


def _show(found: dict[str, object], erasure_no: str, as_json: bool) -> None:
    if as_json:
        print_json(found, indent=2)
        return
    state = found["state"]
    assert isinstance(state, dict)  # noqa: S101 - the API's own answer
    out().print(f"{erasure_no}: {state['state']}")
