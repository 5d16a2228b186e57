"""`tidemark doctor`: what is missing on this machine, and how to get it. Looks only; it installs nothing.

Required is what `tidemark up` cannot do without. The rest is needed to build the page or to run every test.
"""

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.cli.options import DataDir, load_settings
from api.cli.output import FAILED, Json, out, print_json
from engines.primitives.errors import TidemarkError, Unavailable
from infra.settings import Settings

MINIMUM_DISK_BYTES = 2 * 1024**3
COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # Maven colours its version even in a pipe
POSTGRES_BIN = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    required: bool
    ok: bool
    found: str
    fix: str = ""


def doctor(
    port: Annotated[int | None, typer.Option("--port", help="Port the API is to listen on.")] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Say what is missing on this machine and how to fix it; exits 1 if something required is."""
    settings = load_settings(data_dir=data_dir, api_port=port)
    checks = list(run_checks(settings))
    failed = [check for check in checks if check.required and not check.ok]
    if as_json:
        print_json({"ok": not failed, "checks": [asdict(check) for check in checks]}, indent=2)
    else:
        for check in checks:
            mark = (
                "[green]ok     [/]"
                if check.ok
                else "[bold red]missing[/]"
                if check.required
                else "[yellow]without[/]"
            )
            out().print(f"{mark} {check.name:<16} {escape(check.found)}")
            if not check.ok:
                out().print(f"        [dim]{' ' * 16} {escape(check.fix)}[/]")
        out().print(
            "Everything required is there." if not failed else f"{len(failed)} required part(s) missing: see above."
        )
    if failed:
        raise typer.Exit(FAILED)


def run_checks(settings: Settings) -> Iterable[Check]:
    embedded = settings.kafka_bootstrap is None
    yield _python()
    yield _program(
        "java", ["-version"], 17, embedded, "apt-get install openjdk-17-jre-headless, or any JDK 17 or newer"
    )
    yield _kafka_jars(required=embedded)
    yield _kafka(settings, required=not embedded)
    yield _page()
    yield _data_dir(settings.data_dir)
    yield _disk(settings.data_dir)
    yield _port(settings)
    yield _program("mvn", ["-version"], 3, False, "apt-get install maven: fetches Kafka once, in `make setup`")
    yield _program("node", ["--version"], 20, False, "install Node.js 20 or newer: builds the page, in `make setup`")
    yield _present(
        "chromium", ["chromium", "chromium-browser", "google-chrome"], "apt-get install chromium: page tests"
    )
    yield _postgres()


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check(
        "python",
        True,
        sys.version_info >= (3, 11),
        version,
        "install Python 3.11 or newer, then `make setup`",
    )


def _program(name: str, arguments: list[str], minimum: int, required: bool, fix: str) -> Check:
    path = shutil.which(name)
    if path is None:
        return Check(name, required, False, "not on PATH", fix)
    try:
        done = subprocess.run(
            [path, *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(name, required, False, f"{path} does not run: {error}", fix)
    told = COLOUR.sub("", done.stdout + done.stderr)
    version = re.search(r"(\d+)(?:\.\d+)*", told)
    good = done.returncode == 0 and version is not None and int(version[1]) >= minimum
    return Check(name, required, good, f"{version[0] if version else '?'} at {path}", f"want {minimum}+: {fix}")


def _present(name: str, commands: list[str], fix: str) -> Check:
    path = next(filter(None, map(shutil.which, commands)), None)
    return Check(name, False, path is not None, path or "not on PATH", fix)


def _postgres() -> Check:
    # Debian keeps the server's programs off PATH.
    servers = sorted(POSTGRES_BIN.glob("*/bin/postgres")) or [Path(p) for p in [shutil.which("postgres")] if p]
    return Check(
        "postgresql",
        False,
        bool(servers),
        str(servers[-1]) if servers else "no server program",
        "apt-get install postgresql: event store tests (production: TIDEMARK_EVENT_STORE names a server)",
    )


def _kafka_jars(*, required: bool) -> Check:
    from infra.kafka.distribution import MARKER, default_directory, kafka_version

    ready = (default_directory() / MARKER).is_file()
    found = f"Kafka {kafka_version()} " + (f"at {default_directory()}" if ready else "not fetched yet")
    return Check("kafka jars", required, ready, found, "make setup fetches them by Maven")


def _kafka(settings: Settings, *, required: bool) -> Check:
    from infra.kafka.clients import client_config, probe, resolve_bootstrap

    def look() -> str:
        bootstrap = resolve_bootstrap(settings)
        cluster = probe(client_config(settings, bootstrap), timeout_s=5.0)
        if cluster is None:
            raise Unavailable(f"{bootstrap} does not answer")
        return f"cluster {cluster} at {bootstrap}"

    if not required and not (settings.data_dir / "run" / "kafka.json").exists():
        return Check("kafka", False, True, "not running now, `tidemark up` starts it")
    return _guarded(
        "kafka", required, look, "check TIDEMARK_KAFKA_BOOTSTRAP and the TIDEMARK_KAFKA_* security settings"
    )


def _guarded(name: str, required: bool, look: Callable[[], str], fix: str) -> Check:
    try:
        return Check(name, required, True, look())
    except TidemarkError as error:
        return Check(name, required, False, str(error), fix)
    except Exception as error:  # a doctor reports what is broken, also when it breaks in an unforeseen way
        return Check(name, required, False, f"{type(error).__name__}: {error}", fix)


def _page() -> Check:
    page = Path(__file__).parents[1] / "page" / "dist" / "index.html"
    built = page.is_file()
    return Check("page", True, built, "built" if built else "not built", "make setup (needs Node.js)")


def _data_dir(directory: Path) -> Check:
    existing = directory
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Check("data directory", True, False, f"{existing} cannot be written", "name another with --data-dir")
    for name in ("token", "keys"):
        path = directory / name
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            return Check("data directory", True, False, f"others can read {path}", f"chmod go-rwx {path}")
    return Check("data directory", True, True, str(directory) + ("" if directory.exists() else " (will be made)"))


def _disk(directory: Path) -> Check:
    while not directory.exists():
        directory = directory.parent
    free = shutil.disk_usage(directory).free
    return Check(
        "disk",
        True,
        free >= MINIMUM_DISK_BYTES,
        f"{free / 1024**3:.1f} GiB free",
        f"free {MINIMUM_DISK_BYTES // 1024**3} GiB, or name another --data-dir",
    )


def _port(settings: Settings) -> Check:
    try:
        running = json.loads((settings.data_dir / "run" / "api.json").read_bytes())
    except (OSError, ValueError):
        running = {}
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.api_host, settings.api_port))
        except OSError as error:
            if running.get("port") == settings.api_port:
                return Check("port", True, True, f"{settings.api_port}, in use by our own API")
            why = error.strerror or str(error)
            return Check(
                "port",
                True,
                False,
                f"{settings.api_host}:{settings.api_port}: {why}",
                "take another: --port N",
            )
    return Check("port", True, True, f"{settings.api_host}:{settings.api_port} is free")
