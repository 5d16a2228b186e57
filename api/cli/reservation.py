"""`tidemark reservation`: announced withdrawals listed, shown, submitted, decided on, as the actor of the token.

The rules are the server's. A decision is on the task as it is when the command asks, unless `--seen` names what was
read.
"""

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

import typer

from api.cli.client import Api
from api.cli.contracts import iso_day
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table

reservation = typer.Typer(help="Announced large withdrawals: list, show, submit, approve, reject, delegate, cancel.")

Number = Annotated[str, typer.Argument(metavar="RESERVATION", help="Number of the reservation.")]
Comment = Annotated[str, typer.Option("--comment", help="Why, stored with the decision.")]
Seen = Annotated[str | None, typer.Option("--seen", help="Refuse if the task is not at this version any more.")]
CmdId = Annotated[str | None, typer.Option("--cmd-id", help="Idempotency key; the same one again changes nothing.")]
COLUMNS = (
    "reservation_no",
    "state",
    "needs",
    "entity",
    "organisation",
    "customer_no",
    "value_date",
    "ccy",
    "amount",
    "seen",
    "channel",
)


@reservation.command("list")
def list_reservations(
    *,
    mine: Annotated[bool, typer.Option("--mine", help="Only what this actor may decide now.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    entity: Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Only this currency.")] = None,
    day: Annotated[str | None, typer.Option("--day", metavar="DATE", help="Only this value date.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Reservations of the desk and of channels, earliest value date first."""
    asked = {"mine": "true" if mine else None, "state": "all" if every else None, "entity": entity}
    asked |= {"currency": currency, "day": None if day is None else iso_day(day, "day")}
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get("/withdrawal-desk", **asked)
    if as_json:
        print_json(found, indent=2)
        return
    _print(found["rows"])
    if found["cursor"] is not None:
        typer.echo(f"the first {len(found['rows'])} of {found['total']}: narrow it down")


@reservation.command()
def show(*, number: Number, data_dir: DataDir = None, as_json: Json = False) -> None:
    """One reservation: what it does to the position, who approved, what happened."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get(f"/withdrawal-desk/{quote(number, safe='')}")
    if as_json:
        print_json(found, indent=2)
        return
    _print([found["task"]])
    impact = {name: value for name, value in found["task"]["impact"].items() if value not in (None, [], "")}
    for name, value in impact.items():
        typer.echo(f"{name.replace('_', ' ')}: {', '.join(value) if isinstance(value, list) else value}")
    for event in found["history"]:
        said = event["payload"].get("comment", "-")
        why = " · ".join(text for text in (said, event["reason"]) if text not in ("", "-"))
        typer.echo(f"{event['recorded_at']}  {event['type']}  {event['actor']}  {why}".rstrip())


@reservation.command()
def submit(
    *,
    number: Number,
    customer: Annotated[str | None, typer.Option("--customer", help="Announce it now, for this customer.")] = None,
    amount: Annotated[str | None, typer.Option("--amount", help="Decimal amount, with --customer.")] = None,
    currency: Annotated[str, typer.Option("--currency", help="With --customer.")] = "CNY",
    day: Annotated[str | None, typer.Option("--day", metavar="DATE", help="Value date, with --customer.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="With --customer.")] = None,
    branch: Annotated[str | None, typer.Option("--branch", help="With --customer; default: the actor's own.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="With --customer; default: the token's.")] = None,
    seen: Seen = None,
    cmd_id: CmdId = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Send a draft on to those who approve; with --customer, --amount and --day announce it as well."""
    if customer is None:
        _act(number, "submit", {}, seen, cmd_id, data_dir, as_json)
        return
    given = {"customer_no": customer, "amount": amount, "ccy": currency, "value_date": day, "account_id": account}
    given |= {"organisation": branch, "entity_id": entity}
    payload = {name: value for name, value in given.items() if value is not None}
    body = {"cmd_id": cmd_id or str(uuid4()), "reservation_no": number, "payload": payload, "submit": True}
    with Api(load_settings(data_dir=data_dir)) as api:
        _done(api.post("/withdrawal-desk", body), as_json)


@reservation.command()
def approve(
    *,
    number: Number,
    comment: Comment = "",
    code: Annotated[str | None, typer.Option("--code", help="One-time code, where a fresh proof is wanted.")] = None,
    seen: Seen = None,
    cmd_id: CmdId = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Approve at the level that is open. Neither its maker nor an earlier approver may."""
    proof = {} if code is None else {"proof_code": code}
    _act(number, "approve", _said(comment), seen, cmd_id, data_dir, as_json, **proof)


@reservation.command()
def reject(
    *, number: Number, comment: Comment, seen: Seen = None, cmd_id: CmdId = None, data_dir: DataDir = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Reject, and say why."""
    _act(number, "reject", _said(comment), seen, cmd_id, data_dir, as_json)


@reservation.command()
def delegate(
    *, number: Number, to: Annotated[str, typer.Option("--to", help="Staff number.")], comment: Comment,
    seen: Seen = None, cmd_id: CmdId = None, data_dir: DataDir = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Hand the decision of this level to another person, and say why."""
    _act(number, "delegate", {"to": to, **_said(comment)}, seen, cmd_id, data_dir, as_json)


@reservation.command()
def cancel(
    *, number: Number, comment: Comment = "", seen: Seen = None, cmd_id: CmdId = None, data_dir: DataDir = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """The customer does not need it any more."""
    _act(number, "cancel", _said(comment), seen, cmd_id, data_dir, as_json)


@reservation.command()
def code(
    *,
    actor: Annotated[str, typer.Option("--actor", help="Whose identity the code proves.")],
    role: Annotated[list[str], typer.Option("--role", help="As in `tidemark token`.")],
    entity: Annotated[list[str], typer.Option("--entity", help="As in `tidemark token`.")],
    data_dir: DataDir = None,
) -> None:
    """Print a one-time code with which this person approves a large amount within the hour.

    Whoever runs this on the host vouches for having seen that person.
    """
    from api.login_codes import LoginCodeFiles
    from infra.event_store import utc_now
    from infra.security import SigningKeys, issue_token

    settings, now = load_settings(data_dir=data_dir), utc_now()
    token = issue_token(
        SigningKeys.load_or_create(settings.data_dir / "keys"),
        actor=actor,
        roles=role,
        organisation="-",
        entities=entity,
        issued_at=now,
        lifetime=timedelta(hours=1),
    )
    typer.echo(LoginCodeFiles(settings.data_dir / "login").issue(token, now))


def _said(comment: str) -> dict[str, str]:
    return {"comment": comment} if comment else {}


def _act(
    number: str, name: str, payload: dict[str, str], seen: str | None, cmd_id: str | None, data_dir: Any,
    as_json: bool, **more: str,
) -> None:  # fmt: skip
    path = f"/withdrawal-desk/{quote(number, safe='')}"
    with Api(load_settings(data_dir=data_dir)) as api:
        version = seen or api.get(path)["task"]["seen"]
        body = {"cmd_id": cmd_id or str(uuid4()), "seen": version, "payload": payload, **more}
        _done(api.post(f"{path}/{name}", body), as_json)


def _done(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer, indent=2)
    else:
        _print([answer["task"]])


def _print(rows: list[dict[str, Any]]) -> None:
    out().print(table(rows, COLUMNS, amounts=("amount",)))
