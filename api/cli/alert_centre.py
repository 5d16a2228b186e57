"""`tidemark alert` and `tidemark subscription`: look after alerts, and say who is told of them, as the token's actor.

The rules are the server's. Not for watching alerts come in: that is `tidemark alerts --follow`.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

import typer

from api.cli.client import Api
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, out, print_json, table
from infra.event_store import utc_now

alert = typer.Typer(help="Alerts and what was done about them: acknowledge, resolve, comment, silence.")
subscription = typer.Typer(help="Who is told of which alerts, where and when.")

AlertIds = Annotated[list[str], typer.Argument(metavar="ALERT…", help="Ids of alerts, up to 200.")]
Comment = Annotated[str | None, typer.Option("--comment", "-m", help="Kept with the act.")]
CmdId = Annotated[str | None, typer.Option("--cmd-id", help="Idempotency key; the same one again changes nothing.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="Number of the subscription.")]
Content = Annotated[
    typer.FileBinaryRead, typer.Option("--input", "-i", metavar="FILE", help="JSON object; default: stdin.")
]
STDIN: Any = "-"
COLUMNS = ("raised", "state", "severity", "rule", "entity", "currency", "amount", "by", "alert_id", "reason")
ITEMS = ("alert_id", "result", "state", "why")
SUBSCRIPTIONS = (
    "subscription_no",
    "state",
    "subscriber",
    "team",
    "entities",
    "severity",
    "filter",
    "channels",
    "digest",
)
SENT = ("due_at", "channel", "purpose", "alerts", "reason")


@alert.command("list")
def list_alerts(
    *,
    state: Annotated[str | None, typer.Option("--state", help="RAISED, ACKNOWLEDGED, RESOLVED, EXPIRED.")] = None,
    severity: Annotated[str | None, typer.Option("--severity", help="INFO, WARNING, CRITICAL.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="As limit, large-flow-single.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Only this legal entity.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only what you subscribed to.")] = False,
    silenced: Annotated[
        bool | None,
        typer.Option("--silenced/--not-silenced", help="Only what a silence held back, or the rest."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many, newest first.")] = 50,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """The newest alerts, each with what was done about it."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get(
            "/alert-centre", state=state, severity=severity, rule=rule, entity=entity, limit=limit,
            mine="true" if mine else None, silenced=None if silenced is None else str(silenced).lower(),
        )  # fmt: skip
    rows = [_row(one["alert"], one["life"]) for one in found["rows"]]
    print_json(found, indent=2) if as_json else out().print(table(rows, COLUMNS))


@alert.command()
def ack(
    *, alert_ids: AlertIds, comment: Comment = None, cmd_id: CmdId = None, data_dir: DataDir = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Take alerts up: nobody else is told of them any more."""
    _acts("acknowledge", alert_ids, {"comment": comment}, cmd_id, data_dir, as_json)


@alert.command()
def resolve(
    *,
    alert_ids: AlertIds,
    how: Annotated[str, typer.Option("--how", help="FIXED, ACCEPTED, FALSE_ALARM or DUPLICATE.")],
    comment: Comment = None,
    cmd_id: CmdId = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Say that alerts are at their end, and how."""
    _acts("resolve", alert_ids, {"how": how, "comment": comment}, cmd_id, data_dir, as_json)


@alert.command()
def comment(
    *,
    alert_ids: AlertIds,
    text: Annotated[str, typer.Option("--comment", "-m", help="What to keep with the alert.")],
    cmd_id: CmdId = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Write something beside alerts."""
    _acts("comment", alert_ids, {"comment": text}, cmd_id, data_dir, as_json)


@alert.command()
def reopen(
    *,
    alert_ids: AlertIds,
    text: Annotated[str, typer.Option("--comment", "-m", help="Why.")],
    cmd_id: CmdId = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Alerts that were resolved or expired are to be looked at again."""
    _acts("reopen", alert_ids, {"comment": text}, cmd_id, data_dir, as_json)


@alert.command()
def silence(
    *,
    matcher: Annotated[str, typer.Argument(metavar="EXPRESSION", help='CEL over facts of alerts: rule == "limit"')],
    hours: Annotated[int, typer.Option("--hours", min=1, max=744, help="How long; over 24 needs another person.")],
    text: Annotated[str, typer.Option("--comment", "-m", help="Why.")],
    entity: Annotated[list[str], typer.Option("--entity", help="Of which entities; several times.")],
    critical: Annotated[bool, typer.Option("--critical", help="Also critical ones; needs another person.")] = False,
    number: Annotated[str | None, typer.Option("--number", help="Of the silence; default: a new one.")] = None,
    cmd_id: CmdId = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Hold alerts back from delivery from now on. They stay in the centre."""
    starts: datetime = utc_now()
    payload = {
        "matcher": matcher,
        "entities": entity,
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=hours)).isoformat(),
        "comment": text,
        "covers_critical": critical,
    }
    body = {"cmd_id": cmd_id or str(uuid4()), "key": number or f"SIL-{uuid4().hex[:12]}", "payload": payload}
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.post("/alert-silences", body)
    state = answer["state"]
    shown = f"{state['silence_no']} is {state['state']} until {state['ends_at']}"
    print_json(answer, indent=2) if as_json else out().print(shown, markup=False)


@subscription.command("list")
def list_subscriptions(
    *,
    mine: Annotated[bool, typer.Option("--mine", help="Only those that you made.")] = False,
    ended: Annotated[bool, typer.Option("--ended", help="Also those that ended.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Subscriptions, newest first."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get("/alert-subscriptions", mine="true" if mine else None, stage=None if ended else "ACTIVE")
    rows = [
        one
        | {"entities": " ".join(one["entities"])}
        | {"channels": " ".join(f"{to['channel']}:{to['target']}" for to in one["channels"])}
        for one in found["rows"]
    ]
    print_json(found, indent=2) if as_json else out().print(table(rows, SUBSCRIPTIONS))


@subscription.command()
def add(
    *, number: Number, input_file: Content = STDIN, cmd_id: CmdId = None, data_dir: DataDir = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Subscribe: filter, entities and channels, as the page on the alert centre tells."""
    body = {"cmd_id": cmd_id or str(uuid4()), "subscription_no": number, "payload": read_object(input_file)}
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.post("/alert-subscriptions", body)
    _show_subscription(answer, as_json)


@subscription.command()
def end(
    *, number: Number, text: Comment = None, cmd_id: CmdId = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Nobody is told any more; what a digest has gathered is not sent."""
    payload = {} if text is None else {"comment": text}
    body = {"cmd_id": cmd_id or str(uuid4()), "payload": payload}
    with Api(load_settings(data_dir=data_dir)) as api:
        answer = api.post(f"/alert-subscriptions/{quote(number, safe='')}/end", body)
    _show_subscription(answer, as_json)


@subscription.command()
def preview(
    *,
    input_file: Content = STDIN,
    days: Annotated[int, typer.Option("--days", min=1, max=30, help="How far back.")] = 30,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """What a subscription would have sent. Stores nothing, sends nothing."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.post(
            "/alert-subscriptions/preview", {"content": read_object(input_file), "days": days}, replays=True
        )
    if as_json:
        print_json(found, indent=2)
        return
    told = f"{found['alerts']} alerts in {days} days, {found['silenced']} silenced"
    out().print(f"{told}: {found['notifications']} notifications")
    out().print(table([one | {"alerts": len(one["alert_ids"])} for one in found["shown"]], SENT))


def _acts(
    act: str, alert_ids: list[str], given: dict[str, Any], cmd_id: str | None, data_dir: Path | None, as_json: bool
) -> None:
    body = {"cmd_id": cmd_id or str(uuid4()), "act": act, "alert_ids": alert_ids}
    body |= {name: value for name, value in given.items() if value is not None}
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.post("/alert-centre/acts", body)
    if as_json:
        print_json(found, indent=2)
    else:
        rows = [one | {"why": (one["problem"] or {}).get("detail", "")} for one in found["items"]]
        out().print(table(rows, ITEMS))
    if found["refused"]:
        raise typer.Exit(1)


def read_object(file: typer.FileBinaryRead) -> dict[str, Any]:
    from api.calculations.registry import parse  # here, so that `tidemark --help` stays quick

    return parse(file.read())


def _show_subscription(answer: dict[str, Any], as_json: bool) -> None:
    state = answer["state"]
    print_json(answer, indent=2) if as_json else out().print(f"{state['subscription_no']} is {state['state']}")


def _row(alert: dict[str, Any], life: dict[str, Any]) -> dict[str, Any]:
    shown = {name: alert.get(name) for name in ("rule", "entity", "currency", "amount", "alert_id", "reason")}
    by = life["resolved_by"] or life["acknowledged_by"] or ""
    raised = alert.get("appended_at") or alert["event_time"]
    return shown | {"raised": raised, "state": life["state"], "severity": life["severity"], "by": by}
