"""`tidemark audit`: the auditor's tools. Read back what was decided, and find whether anything was altered.

The group is made here; `main` adds what other modules offer (`access`, `replay`, …).
"""

import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from api.cli.client import Api
from api.cli.options import DataDir, load_settings
from api.cli.output import FAILED, Json, err, out, print_json
from engines.primitives.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.checkpoint import Checkpoint
    from infra.settings import Settings

VERIFIER = Path(__file__).parent.parent / "verifier" / "tidemark_verify.py"
KNOWN_MAX = 20  # heads of one question

audit = typer.Typer(help="The auditor's tools: history of an aggregate, and whether anything was altered.")


@audit.command()
def verify(
    *,
    start: Annotated[
        int | None, typer.Option("--from", min=1, help="First position; the tree is always whole.")
    ] = None,
    stop: Annotated[int | None, typer.Option("--to", min=1, help="Last position.")] = None,
    head: Annotated[
        list[str] | None,
        typer.Option(
            "--head", metavar="FILE|-", help="Head kept elsewhere: checkpoint, heads file or proof. Repeatable."
        ),
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option("--witness", metavar="URL", help="Ask this witness for the head it knows.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="VKEY", help="The log's key, as kept elsewhere. Repeatable.")
    ] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", min=1, max=64, help="Processes; default: cores.")] = None,
    no_snapshots: Annotated[bool, typer.Option("--no-snapshots", help="Do not fold snapshots again.")] = False,
    every_signature: Annotated[
        bool, typer.Option("--every-signature", help="Verify each head's signature, not the newest and the seals.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Check everything stored on this host: events, chain, Merkle log, signed heads, commands, snapshots.

    Exits 1 naming the first place that fails. A cut-off end shows only with --head or --witness.
    """
    from api.verification import run_verification
    from infra.checkpoint import Vkey
    from infra.event_store import SQLITE_FILE

    settings = load_settings(data_dir=data_dir)
    if settings.event_store == "sqlite" and not (settings.data_dir / SQLITE_FILE).is_file():
        raise NotFound(f"no event store in {settings.data_dir}", field="--data-dir")
    heads = [one for name in head or () for one in _heads(name)] + _witnessed(settings, witness or ())
    columns = (TextColumn("[dim]verifying[/]"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err(), transient=True, disable=as_json or not err().is_terminal) as bar:
        task = bar.add_task("", total=None)
        report = run_verification(
            settings,
            start=start,
            stop=stop,
            heads=heads,
            keys=[Vkey.parse(text) for text in key or ()],
            jobs=jobs,
            snapshots=not no_snapshots,
            every_signature=every_signature,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        print_json(report, indent=2)
    else:
        _show(report)
    if not report["ok"]:
        raise typer.Exit(FAILED)


@audit.command()
def proof(
    *,
    aggregate: Annotated[str, typer.Argument(help="Kind of aggregate, as WriteOff.")],
    key: Annotated[str, typer.Argument(help="Its business key.")],
    target: Annotated[Path, typer.Option("--out", metavar="FILE.json", help="Where the proof is written.")],
    version: Annotated[int | None, typer.Option("--version", min=1, help="Only this event of the aggregate.")] = None,
    position: Annotated[int | None, typer.Option("--position", min=1, help="Only the event at this place.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All its events; so too without --version or --position.")
    ] = False,
    head: Annotated[
        list[str] | None, typer.Option("--head", metavar="FILE|-", help="Head you kept: prove that it is this log.")
    ] = None,
    verifier: Annotated[
        Path | None, typer.Option("--with-verifier", metavar="DIR", help="Copy the script that checks it there.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Export a self-contained proof of stored events; `tidemark_verify.py` checks it without Tidemark."""
    from infra.files import write_atomically

    if every and (version is not None or position is not None):
        raise InvalidInput("--all goes without --version and --position", field="--all")
    sizes = [one.size for name in head or () for one in _heads(name)]
    known = ",".join(str(size) for size in sizes[-KNOWN_MAX:]) or None
    with Api(load_settings(data_dir=data_dir)) as api:
        path = f"/audit/proofs/{path_part(_kind(aggregate))}/{path_part(key)}"
        document = api.get(path, version=version, position=position, known=known)
    write_atomically(target, json.dumps(document, ensure_ascii=False, indent=1).encode())
    script = VERIFIER if verifier is None else verifier / VERIFIER.name
    if verifier is not None:
        write_atomically(script, VERIFIER.read_bytes())
    checkpoint = document["logs"][0]["checkpoint"].splitlines()
    told = {
        "file": str(target),
        "events": len(document["items"]),
        "origin": checkpoint[0],
        "size": int(checkpoint[1]),
    }
    if as_json:
        print_json(told, indent=2)
        return
    out().print(f"[green]{told['events']} events[/] under the head of size {told['size']:,} of {told['origin']}")
    out().print(f"[dim]python {escape(str(script))} {escape(str(target))}[/]", soft_wrap=True)


@audit.command()
def checkpoint(data_dir: DataDir = None) -> None:
    """Print the newest signed head of the store on this host, to be kept elsewhere."""
    from infra.checkpoint_settings import open_store
    from infra.event_store_head_checks import cosigned
    from infra.event_store_proofs import signed_head

    settings = load_settings(data_dir=data_dir)
    with open_store(settings) as store:
        found = signed_head(store.recorder, settings.witness_required)
        print(cosigned(store.recorder, found, store.recorder.head_keys()[0].partition("+")[0]), end="")


@audit.command(name="rotate-key")
def rotate_key(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Sign the newest head with a new key beside the old one, and from then on with the new one alone."""
    from infra.checkpoint_rotation import rotate
    from infra.checkpoint_settings import head_key, open_store

    settings = load_settings(data_dir=data_dir)
    with open_store(settings) as store:
        told = rotate(store.recorder, head_key(settings))
    if as_json:
        print_json(told, indent=2)
    else:
        out().print(
            f"[green]new key[/] {told['vkey']}; the head of size {told['size']} vouches for it", soft_wrap=True
        )
        out().print(f"[dim]the old one is kept as {escape(told['old_file'])}; other hosts need the new file[/]")


@audit.command()
def witness(
    *,
    log: Annotated[
        list[str], typer.Option("--log", metavar="VKEY", help="Verifier key of a log to watch. Repeatable.")
    ],
    directory: Annotated[Path, typer.Option("--dir", help="What the witness has seen, and its key.")],
    name: Annotated[str, typer.Option("--name", help="Its name in its lines.")] = "tidemark-witness",
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535)] = 8075,
) -> None:
    """Be a witness for other hosts' logs: cosign only heads that continue those seen before (C2SP tlog-witness)."""
    from infra.checkpoint import Vkey
    from infra.witness_server import open_witness, serving

    seen = open_witness(directory, name, [Vkey.parse(text) for text in log])
    with serving(seen, host, port) as address:
        out().print(f"witness at {address}")
        out().print(f"TIDEMARK_WITNESS={address} {seen.vkey}".replace("=", "='", 1) + "'", soft_wrap=True)
        threading.Event().wait()


def _show(report: dict[str, Any]) -> None:
    console = out()
    if report["ok"]:
        counted = ", ".join(f"{report[name]:,} {name}" for name in ("events", "heads", "commands", "snapshots"))
        console.print(f"[green]verified[/] {counted}; root {report['root']}", soft_wrap=True)
        signed = ", ".join(report["signed_by"]) or "nobody"
        console.print(f"[dim]signed by {escape(signed)}[/]", soft_wrap=True)
    for fault in report["faults"]:
        named = " ".join(str(fault[name]) for name in ("aggregate", "key") if name in fault)
        version = f" version {fault['version']}" if fault.get("version") else ""
        place = f"position {fault['position']}" + (f" ({named}{version})" if named else "")
        console.print(f"[bold red]altered[/] at {escape(place)}: {escape(fault['what'])}", soft_wrap=True)
    if report["faults_more"]:
        console.print(f"[dim]and {report['faults_more']:,} more[/]")
    for note in report["notes"]:
        console.print(f"[dim]{escape(note)}[/]", soft_wrap=True)
    console.print(f"[dim]complete: {escape(report['complete'])}[/]", soft_wrap=True)
    console.print(f"[dim]{report['seconds']} s, {report['events_per_s']:,} events/s[/]")


def _heads(name: str) -> "list[Checkpoint]":
    from infra.checkpoint_files import READ_BYTES_MAX, read_heads

    if name == "-":
        return read_heads(sys.stdin.read(READ_BYTES_MAX))
    try:
        return read_heads(Path(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {name}", field="--head") from error


def _witnessed(settings: "Settings", urls: "Iterable[str]") -> "list[Checkpoint]":
    from infra.checkpoint_settings import open_store
    from infra.witness import latest_of

    if not (wanted := list(urls)):
        return []
    with open_store(settings) as store:
        named = store.recorder.head_keys()
    if not named:
        raise NotFound("the store names no log that a witness could know", field="--witness")
    return [latest_of(url, named[0].partition("+")[0]) for url in wanted]


def _kind(text: str) -> str:
    """`write-off` as `WriteOff`."""
    return "".join(part[:1].upper() + part[1:] for part in text.replace("_", "-").split("-"))


def path_part(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")
