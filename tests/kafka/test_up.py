"""`tidemark up` as a person runs it: it starts, feeds, answers, stops without a trace, and goes on where it was."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.kafka.archive import prepare
from tests.waiting import until

TIDEMARK = [sys.executable, "-P", "-m", "api.main"]


class Running:
    """One `tidemark up` in a process of its own, its output in a file."""

    def __init__(self, directory: Path, port: int, *arguments: str) -> None:
        self.directory, self.port = directory, port
        self.output = directory.with_name(f"{directory.name}.{time.monotonic_ns()}.out")
        self.environment = os.environ | {"TIDEMARK_KAFKA_HEAP_MIB": "384", "TIDEMARK_DATA_DIR": str(directory)}
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [*TIDEMARK, "up", "--port", str(port), *arguments],
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def text(self) -> str:
        return self.output.read_text()

    def wait_up(self) -> str:
        """The login link."""

        def link() -> str | None:
            assert self.process.poll() is None, self.text()
            found = re.search(r"http://\S+code=\S+", self.text())
            return found[0] if found else None

        return str(until(link, "the login link"))

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)

    def json(self, *arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [*TIDEMARK, *arguments, "--json"], env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def processes_of(directory: Path) -> list[str]:
    """Command lines of all live processes whose arguments or environment name this data directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue  # it ended meanwhile
        if str(directory).encode() in told:
            found.append(told.partition(b"\0\0")[0][:200].decode(errors="replace"))
    return found


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start(tmp_path: Path, port: int) -> Iterator[Callable[..., Running]]:
    prepare()  # a first download would otherwise count as slowness
    started: list[Running] = []

    def run(*arguments: str) -> Running:
        started.append(Running(tmp_path / "data", port, *arguments))
        return started[-1]

    yield run
    for running in started:
        running.stop()


@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_up_feeds_answers_stops_and_goes_on(start: Callable[..., Running], tmp_path: Path) -> None:
    first = start("--feed", "simulated", "--rate", "200")
    link = first.wait_up()

    # Whoever holds the link logs in once; a second try is refused.
    with httpx.Client(trust_env=False) as browser:
        answer = browser.get(link)
        assert answer.status_code == 303
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite=strict" in answer.headers["set-cookie"]
        me = browser.get(f"http://127.0.0.1:{first.port}/api/v1/me")
        assert me.json()["actor"] == "local-operator"
        assert httpx.get(link, trust_env=False).status_code == 401

    until(lambda: sum(first.json("positions")["offsets"].values()) > 1_000, "folded entries")
    figures = first.json("positions", "--by", "entity")
    assert figures["rows"][0].keys() >= {"entity", "currency", "position"}

    # One `up` per directory.
    second = start("--feed", "none")
    assert second.process.wait(60) == 1
    assert "is held by process" in second.text()

    told_of = tmp_path / "data" / "run"
    assert len(list(told_of.glob("worker-*.json"))) == 1
    (told_of / "worker-4194305.json").write_text("{}")  # as a killed worker leaves it: above Linux's highest id
    assert first.stop() == 0, first.text()
    until(lambda: not processes_of(tmp_path / "data"), "every process to be gone", 5.0)
    assert [path.name for path in told_of.glob("worker-*.json")] == ["worker-4194305.json"]
    stopped_at = json.loads((tmp_path / "data" / "feed" / "simulated.json").read_bytes())["index"]
    assert stopped_at > 0

    again = start("--feed", "simulated", "--rate", "200")
    again.wait_up()
    cursor = tmp_path / "data" / "feed" / "simulated.json"
    until(lambda: json.loads(cursor.read_bytes())["index"] > stopped_at, "the feed to go on")
    assert not (told_of / "worker-4194305.json").exists()
    # A running feed is never at rest: some entries are always on their way.
    until(lambda: again.json("positions")["lag_records"] < 1_000, "the worker to catch up")
    figures = again.json("positions")
    folded = sum(offset for place, offset in figures["offsets"].items() if place.startswith("tm.in.core.txn"))
    assert folded > 1_000
    assert again.stop(signal.SIGINT) == 0, again.text()
    until(lambda: not processes_of(tmp_path / "data"), "every process to be gone", 5.0)

    # --fresh: log, snapshots, event store and cursors together.
    wiped = start("--feed", "none", "--fresh")
    wiped.wait_up()
    assert not cursor.exists()
    assert wiped.json("positions")["rows"] == []
    assert wiped.json("audit", "verify")["ok"] is True
    assert wiped.stop() == 0, wiped.text()


@pytest.mark.kafka
@pytest.mark.timeout(300)
def test_a_killed_up_takes_its_children_along(start: Callable[..., Running], tmp_path: Path) -> None:
    running = start("--feed", "none")
    running.wait_up()
    running.process.kill()
    running.process.wait()
    until(lambda: not processes_of(tmp_path / "data"), "the children to follow", 20.0)
