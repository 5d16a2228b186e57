"""`tidemark up`: broker, worker, core banking, API, page and a feed on this host, until Ctrl-C.

It plans and watches children; what each does is in `parts.py`, how they are kept alive in `infra.processes`.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.markup import escape

from api.cli import workspace
from api.cli.admin import signed
from api.cli.feed import DEFAULT_RATE
from api.cli.options import DataDir, load_settings
from api.cli.output import err, out
from api.cli.up_status import Notices, live_status
from api.startup import prepare_topics
from engines.primitives.errors import InvalidInput, Unavailable
from infra.processes import Child, Supervisor, hold_lock
from infra.settings import Settings

#: Of the token that `up` leaves; each start issues a new one.
LOCAL_TOKEN_LIFETIME = timedelta(days=90)
#: Who sits at this host: reads everything. Decisions need a role of their own: `tidemark token --role AM`.
LOCAL_ACTOR, LOCAL_ROLES = "local-operator", ("IA",)
#: The first start may download the broker (some 45 MB).
READY_S = 600.0
PASSED_ON_ONLY_TO_NOBODY = ("TIDEMARK_TOKEN",)  # children act for themselves, not as the actor of our shell


@dataclass(frozen=True, slots=True)
class FeedChoice:
    """`--feed` as understood: `arguments` of `tidemark feed`, or none."""

    arguments: tuple[str, ...] | None


def up(
    *,
    feed: Annotated[str, typer.Option("--feed", help="simulated, berka:DIR or none.")] = "simulated",
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Of the API and page.")] = None,
    data_dir: DataDir = None,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="First wipe log, snapshots, event store and feed cursors together."),
    ] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, max=64, help="Worker processes.")] = 1,
    rate: Annotated[
        float | None,
        typer.Option("--rate", min=0.001, help="Events per second of the feed.", show_default="200"),
    ] = None,
) -> None:
    """Start everything on this host; Ctrl-C stops all of it. The next start goes on from there."""
    settings = load_settings(data_dir=data_dir, api_port=port)
    choice = choose_feed(feed, rate)
    started = time.monotonic()
    workspace.claim(settings.data_dir, adopt=not fresh)
    console = err()
    with hold_lock(settings.data_dir / "up.lock"):
        if fresh:
            for path in workspace.wipe(settings):
                console.print(f"[dim]removed {escape(str(path))}[/]")
        check_port(settings)
        forget_last_run(settings)
        children = plan(settings, choice, workers)
        Notices(console, settings.data_dir / "logs", children).install()
        with Supervisor(children, pid_dir=settings.data_dir / "run") as supervisor:
            if settings.kafka_bootstrap:
                prepare_topics(settings)
            supervisor.start()
            address = api_address(settings)
            if address is not None:
                announce(settings, address, time.monotonic() - started)
                with live_status(settings, address, console):
                    supervisor.run()
            console.print("[dim]stopping…[/]")
        forget_last_run(settings)
        console.print("[dim]stopped; the same command goes on from here[/]")


def choose_feed(text: str, rate: float | None) -> FeedChoice:
    """What `--feed` asks for. Raises InvalidInput: no such feed, or no such directory."""
    kind, _, where = text.partition(":")
    paced = () if rate is None else ("--rate", f"{rate:g}")
    if text == "none":
        return FeedChoice(None)
    if text == "simulated":
        return FeedChoice(("simulated", *(paced or ("--rate", f"{DEFAULT_RATE:g}"))))
    if kind == "berka" and where:
        directory = Path(where).expanduser().absolute()
        if not directory.is_dir():
            raise InvalidInput(f"{directory} is not a directory", field="--feed")
        return FeedChoice(("berka", str(directory), "--all", *paced))
    raise InvalidInput(f"unknown feed {text!r}; one of simulated, berka:DIR, none", field="--feed")


def plan(settings: Settings, choice: FeedChoice, workers: int) -> list[Child]:
    """The children in the order they start; they stop in the reverse order.

    All but the feed start at once: the broker's Java and our imports take seconds each, and share two cores well.
    """
    environment = child_environment(settings)
    logs = settings.data_dir / "logs"
    # -P: a folder named `api` where we happen to stand must not become the program.
    program = [sys.executable, "-P", "-m", "api.main"]

    def child(name: str, *arguments: str, **how: Any) -> Child:
        return Child(name, [*program, *arguments], env=environment, log_path=logs / f"{name}.log", **how)

    children = []
    if not settings.kafka_bootstrap:
        children.append(child("broker", "broker", stop_grace_s=25.0))
    for number in range(1, workers + 1):
        children.append(child("worker" if workers == 1 else f"worker-{number}", "worker", stop_grace_s=8.0))
    children.append(child("core", "core", stop_grace_s=3.0))
    children.append(child("archive", "archive", "run", stop_grace_s=5.0))
    children.append(child("notifier", "notifier", stop_grace_s=5.0))
    children.append(child("api", "api", stop_grace_s=5.0, ready=_all_is_ready(settings), ready_timeout_s=READY_S))
    if choice.arguments is not None:
        children.append(child("feed", "feed", *choice.arguments, stop_grace_s=5.0, restart=False))
    return children


def child_environment(settings: Settings) -> dict[str, str]:
    """Ours, with what the command line said made known to the children."""
    environment = {name: value for name, value in os.environ.items() if name not in PASSED_ON_ONLY_TO_NOBODY}
    return environment | {
        "TIDEMARK_DATA_DIR": str(settings.data_dir),
        "TIDEMARK_API_PORT": str(settings.api_port),
        "PYTHONUNBUFFERED": "1",
    }


def check_port(settings: Settings) -> None:
    """Raises Unavailable while the port is taken: better said now than after ten restarts of the API."""
    with socket.socket(socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.api_host, settings.api_port))
        except OSError as error:
            place = f"{settings.api_host}:{settings.api_port}"
            raise Unavailable(f"cannot listen on {place}: {error.strerror}; take another with --port N") from error


def forget_last_run(settings: Settings) -> None:
    """Remove the address of an API that has ended, and login links nobody used."""
    from api.login_codes import LoginCodeFiles

    (settings.data_dir / "run" / "api.json").unlink(missing_ok=True)
    LoginCodeFiles(settings.data_dir / "login").forget_all()


def api_address(settings: Settings) -> str | None:
    """Where the API of this data directory listens; None if it does not, since a stop came first."""
    try:
        return str(json.loads((settings.data_dir / "run" / "api.json").read_bytes())["address"])
    except (OSError, ValueError, KeyError):
        return None


def login_link(settings: Settings, address: str) -> str:
    """A link that works once, for the person at this host; leaves the token for the command line as well."""
    from api.login_codes import LoginCodeFiles, write_secret

    now = datetime.now(UTC)
    token = signed(
        settings,
        actor=LOCAL_ACTOR,
        roles=LOCAL_ROLES,
        entities=("*",),
        now=now,
        lifetime=LOCAL_TOKEN_LIFETIME,
    )
    write_secret(settings.data_dir / "token", token + "\n")
    code = LoginCodeFiles(settings.data_dir / "login").issue(token, now)
    return f"{address}/login?code={code}"


def announce(settings: Settings, address: str, seconds: float) -> None:
    """The lines a person waits for, on stdout."""
    console = out()
    console.print(f"[bold green]Tidemark is up[/] after {seconds:.1f} s: {address}")
    console.print(f"Log in once with   {login_link(settings, address)}", soft_wrap=True)
    console.print(f"Data and logs in   {escape(str(settings.data_dir))}", soft_wrap=True)
    console.print("Ctrl-C stops everything. Another link: tidemark login", soft_wrap=True)
    sys.stdout.flush()


def login(data_dir: DataDir = None) -> None:
    """Print another one-time login link for the page of a running `tidemark up` on this host."""
    settings = load_settings(data_dir=data_dir)
    address = api_address(settings)
    if address is None:
        raise Unavailable("no `tidemark up` runs on this data directory", data_dir=str(settings.data_dir))
    print(login_link(settings, address))


def _all_is_ready(settings: Settings) -> Callable[[], bool]:
    """Kafka answers, its topics are as declared, and the API serves. A topic that is not ends the start at once."""
    prepared = settings.kafka_bootstrap is not None  # then it was done before

    def ready() -> bool:
        from infra.kafka.broker import is_ready

        nonlocal prepared
        if not prepared:
            if not is_ready(settings):
                return False
            prepare_topics(settings)
            prepared = True
        return _api_is_ready(settings)

    return ready


def _api_is_ready(settings: Settings) -> bool:
    address = api_address(settings)
    if address is None:
        return False
    try:
        answer = httpx.get(f"{address}/readyz", timeout=1.0, trust_env=False)
        # A view that is reading a long log serves meanwhile and says so; one that waits for Kafka has no figures.
        return answer.status_code == 200 or answer.json()["records_behind"] > 0
    except (httpx.HTTPError, ValueError, KeyError):
        return False
