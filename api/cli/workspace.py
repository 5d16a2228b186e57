"""The data directory of one `tidemark up`: claimed by a marker, wiped only if it is ours.

Not for what is inside: each part looks after its own folder.
"""

import shutil
from pathlib import Path

from engines.primitives.errors import InvalidInput, Unavailable
from infra.processes import hold_lock
from infra.settings import Settings

MARKER = ".tidemark"
MARKER_TEXT = "A data directory of Tidemark. `tidemark up --fresh` may wipe it.\n"

#: Log, snapshots, event store, cursors and addresses go together: one alone would contradict the rest.
STORE = ("events.db", "events.db-wal", "events.db-shm", "events.db.lock")
PROOF = ("audit", "heads")  # the key of a log and its heads: another log must not be signed by it
WIPED = ("kafka", "snapshots", *STORE, *PROOF, "privacy", "attachments", "archive", "feed", "faust", "login", "run")


#: What parts that run alone may have left before the first `up`.
KNOWN = frozenset({*WIPED, "keys", "token", "logs", "up.lock"})


def claim(directory: Path, *, adopt: bool = True) -> None:
    """Make the directory ours: new, empty, or marked before; with `adopt` also one that holds only our names.

    Raises:
        InvalidInput: it holds something else. Unavailable: it cannot be written.
    """
    try:
        if directory.exists() and not directory.is_dir():
            raise InvalidInput(f"{directory} is not a directory", field="--data-dir")
        if (directory / MARKER).is_file():
            return
        held = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
        if held and not (adopt and held <= KNOWN):
            raise InvalidInput(
                f"{directory} is not a data directory of Tidemark, and not empty: name another",
                field="--data-dir",
            )
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        (directory / MARKER).write_text(MARKER_TEXT, encoding="utf-8")
    except OSError as error:
        raise Unavailable(f"{directory} cannot be written: {error.strerror}", field="--data-dir") from error


def wipe(settings: Settings) -> list[Path]:
    """Remove log, snapshots, event store and feed cursors of a claimed directory; what was removed.

    Signing key, logs and the marker stay.
    Raises:
        InvalidInput: some of it is elsewhere (a real cluster, PostgreSQL, shared snapshots), and what is here
            cannot be wiped alone; or the directory is not ours. Conflict: a broker still runs on it.
    """
    directory = settings.data_dir
    elsewhere = {
        "TIDEMARK_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "TIDEMARK_SNAPSHOT_DIR": settings.snapshot_dir,
        "TIDEMARK_EVENT_STORE": None if settings.event_store == "sqlite" else settings.event_store,
    }
    for name, value in elsewhere.items():
        if value is not None:
            raise InvalidInput(f"--fresh wipes only what is in the data directory, yet {name} is set", field=name)
    if not (directory / MARKER).is_file():
        raise InvalidInput(f"{directory} has no {MARKER}: it is not wiped", field="--data-dir")
    present = [path for name in WIPED if (path := directory / name).exists() or path.is_symlink()]
    if (directory / "kafka").is_dir():
        with hold_lock(directory / "kafka" / "broker.lock"):
            return _removed(present)
    return _removed(present)


def _removed(paths: list[Path]) -> list[Path]:
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError as error:
            raise Unavailable(f"cannot remove {path}: {error.strerror}", path=str(path)) from error
    return paths
