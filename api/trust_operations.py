"""How this installation is doing, for its operators: processes, lag, dead letters, snapshots, archive, readiness.

Read from files and from what is held in memory, so that it can be asked for every few seconds. Refused records
themselves are not shown, since they may hold personal data: `tidemark deadletter list` shows them on the host.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.services import Services
from infra.settings import Settings
from streams.trust_board import CARRIED
from streams.views import RiskView

Body = dict[str, Any]
_PROCESS = re.compile(r"(?P<kind>[a-z-]+?)(-(?P<pid>[1-9][0-9]*))?\.(json|pid)")
LETTERS_MAX = 50


class Operations:
    """What operators ask for. `settings` tell where things lie."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def body(self, services: Services) -> Body:
        status = services.live.status
        return {
            "readiness": {
                "ready": status.ready,
                "reason": status.reason,
                "records_behind": status.records_behind,
                "warnings": [status.warning] if status.warning else [],
            },
            "processes": list(processes(self._settings.data_dir / "run")),
            "lag": lag(services),
            "dead_letters": dead_letters(services),
            "snapshots": newest_file(self._settings.snapshots),
            "archive": newest_file(self._settings.archives),
        }


def processes(run_dir: Path) -> Iterator[Body]:
    """What told in `run/` that it runs on this host, and whether it still does."""
    for path in sorted(run_dir.glob("*")):
        name = _PROCESS.fullmatch(path.name)
        if name is None:
            continue
        pid = name["pid"] or _pid_in(path)
        if pid is None:
            continue
        yield {"process": name["kind"], "pid": int(pid), "running": Path(f"/proc/{pid}").exists()}


def _pid_in(path: Path) -> str | None:
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    pid = told.get("pid") if isinstance(told, dict) else told
    return str(pid) if isinstance(pid, int) and pid > 0 else None


def lag(services: Services) -> list[Body]:
    """By input: how far its log is, and how much of it the figures lack, by the last look at the logs."""
    if services.trust is None:
        return []
    found = services.trust.judgement()
    rows: dict[str, Body] = {}
    for one in found.verdicts.values():
        topic = found.topics[one.key.name]
        if topic in CARRIED:
            rows[topic] = {"topic": topic, "lag_records": one.lag_records, "waiting_s": round(one.waiting_s, 1)}
    return [rows[topic] for topic in sorted(rows)]


def dead_letters(services: Services) -> Body:
    """Newest first; without their records."""
    letters = services.trust.letters() if services.trust is not None else []
    rows = [
        {"id": one.id, "source": one.source.text, "reported_at": one.reported_at.isoformat(), "retried": retried}
        for one, retried in letters[:LETTERS_MAX]
    ]
    return {"total": len(letters), "rows": rows, "unreadable": services.live.read(_unreadable)}


def _unreadable(view: RiskView) -> int:
    return view.undecodable


def newest_file(folder: Path) -> Body:
    """When something was last written below `folder`: its directories' own times, not a walk over every file."""
    newest, found = 0.0, 0
    for path in _folders(folder, 3):
        found += 1
        newest = max(newest, path.stat().st_mtime)
    return {"present": found > 0, "folders": found, "last_written_at": _instant(newest) if newest else None}


def _folders(folder: Path, depth: int) -> Iterator[Path]:
    if not folder.is_dir():
        return
    yield folder
    if depth:
        for inner in folder.iterdir():
            yield from _folders(inner, depth - 1)


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
