"""`tidemark notifier`, `tidemark deliveries list|replay|test`, `tidemark webhook verify|secret`: alerts on their way
out."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.markup import escape

from api.cli.client import Api
from api.cli.options import DataDir, load_settings
from api.cli.output import Json, err, out, print_json, table
from engines.primitives.errors import InvalidInput

COLUMNS = ("due_at", "state", "subscription", "channel", "target", "alert_id", "attempts", "error", "delivery_id")
SECRET = "TIDEMARK_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable

deliveries = typer.Typer(help="Messages about alerts: what went where, dead letters, sending again.")
webhook = typer.Typer(help="Webhooks of Tidemark: verify what was received, give a receiver its secret.")


def notifier(data_dir: DataDir = None) -> None:
    """Decide who is told of alerts and tell them: webhook, e-mail, SMS, Kafka; until Ctrl-C or SIGTERM."""
    from api.startup import await_kafka, configure_logs

    settings = load_settings(data_dir=data_dir)
    configure_logs(settings)
    await_kafka(settings)
    from api.notifier import run_notifier  # seconds of imports, which others need more while Kafka starts

    run_notifier(settings)


@deliveries.command("list")
def list_deliveries(
    *,
    alert: Annotated[str | None, typer.Option("--alert", metavar="ID", help="Only of this alert.")] = None,
    subscription: Annotated[str | None, typer.Option("--subscription", help="Only of this one.")] = None,
    state: Annotated[
        str | None, typer.Option("--state", help="waiting, sending, delivered, failed (dead letters), suspended.")
    ] = None,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Of the page before.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="At most this many.")] = 50,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Deliveries, newest first; one for each alert, subscription, channel and purpose."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.get(
            "/alert-deliveries", alert_id=alert, subscription=subscription, state=state, cursor=cursor, limit=limit
        )
    if as_json:
        print_json(found, indent=2)
        return
    out().print(table(found["rows"], COLUMNS))
    if found["cursor"]:
        err().print(f"[dim]more: --cursor {found['cursor']}[/]")


@deliveries.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Delivery ids, whatever became of them.")] = None,
    *,
    since: Annotated[str | None, typer.Option("--since", metavar="INSTANT", help="Due at or after it.")] = None,
    subscription: Annotated[str | None, typer.Option("--subscription", help="Only of this one.")] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="Only by this one.")] = None,
    delivered: Annotated[bool, typer.Option("--delivered", help="Those that arrived as well.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Send again what failed or was suspended, under the same ids; suspended targets are tried again."""
    states = ["failed", "suspended", *(["delivered"] if delivered else [])]
    body = {"ids": ids or [], "since": since, "subscription": subscription, "channel": channel, "states": states}
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.post("/alert-deliveries/replay", body)
    print_json(found) if as_json else out().print(f"{found['replayed']:,} messages are due again")


@deliveries.command()
def resume(
    subscription: Annotated[str, typer.Argument(help="Its number.")],
    *,
    channel: Annotated[str | None, typer.Option("--channel", help="Only its target of this one.")] = None,
    comment: Annotated[str | None, typer.Option("-m", "--comment", help="What was put right.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Try suspended targets of a subscription again, and send what they missed."""
    body = {"cmd_id": str(uuid4()), "channel": channel, "comment": comment}
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.post(f"/alert-subscriptions/{subscription}/resume", body)
    print_json(found) if as_json else out().print(f"{subscription}: {found['replayed']:,} messages are due again")


@deliveries.command("test")
def try_out(
    subscription: Annotated[str, typer.Argument(help="Its number.")],
    channel: Annotated[str | None, typer.Option("--channel", help="Only by this one.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Send a message that is marked as a test by each channel of a subscription."""
    with Api(load_settings(data_dir=data_dir)) as api:
        found = api.post(f"/alert-subscriptions/{subscription}/test", {"channel": channel})
    if as_json:
        print_json(found)
    else:
        out().print(f"{len(found['delivery_ids'])} messages: tidemark deliveries list --alert {found['alert_id']}")


@webhook.command()
def verify(
    body: Annotated[Path | None, typer.Option("--body", help="File of the body as received; default: stdin.")] = None,
    *,
    message_id: Annotated[str, typer.Option("--id", help="Header webhook-id.")],
    timestamp: Annotated[str, typer.Option("--timestamp", help="Header webhook-timestamp.")],
    signature: Annotated[str, typer.Option("--signature", help="Header webhook-signature, all of it.")],
    secret_file: Annotated[
        Path | None, typer.Option("--secret-file", help=f"One secret a line; default: {SECRET}.")
    ] = None,
    any_age: Annotated[
        bool, typer.Option("--any-age", help="Of a message kept for longer than five minutes.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check the signature of a received webhook; exits 1 if none verifies. Secrets never stand on the command
    line."""
    from infra.channels.signatures import ID, SIGNATURE, TIMESTAMP, key_of
    from infra.channels.signatures import verify as verify_signature

    try:
        told = secret_file.read_text() if secret_file is not None else os.environ.get(SECRET, "")
        received = body.read_bytes() if body is not None else sys.stdin.buffer.read()
    except OSError as error:
        raise InvalidInput(f"{error.filename} cannot be read: {error.strerror}", field="--body") from error
    keys = [key_of(secret) for secret in told.split()]
    if not keys:
        raise InvalidInput("want a secret", field="--secret-file")
    headers = {ID: message_id, TIMESTAMP: timestamp, SIGNATURE: signature}
    verify_signature(headers, received, keys, None if any_age else time.time())
    print_json({"verified": True, "id": message_id}) if as_json else out().print(
        f"[green]verified[/] {escape(message_id)}"
    )


@webhook.command()
def secret(
    subscription: Annotated[str, typer.Argument(help="Its number.")],
    *,
    show: Annotated[bool, typer.Option("--show", help="Print the newest one, to hand it to the receiver.")] = False,
    rotate: Annotated[bool, typer.Option("--rotate", help="Add a new one; messages bear signatures by all.")] = False,
    retire: Annotated[bool, typer.Option("--retire", help="Keep the newest alone.")] = False,
    data_dir: DataDir = None,
) -> None:
    """The secret of a subscription's webhook, in a file of mode 600 on the host of the notifier; made if there is
    none."""
    from infra.channels.secrets import FOLDER, WebhookSecrets

    if rotate and retire:
        raise InvalidInput("either --rotate or --retire", field="--retire")
    settings = load_settings(data_dir=data_dir)
    kept = WebhookSecrets(settings.data_dir / FOLDER, settings.notifier_webhook_secrets)
    found = kept.rotate(subscription, retire=retire) if rotate or retire else kept.of(subscription)
    if show:
        print(found[0])
    else:
        out().print(f"{len(found)} in force: {escape(str(kept.path(subscription)))}", soft_wrap=True)
