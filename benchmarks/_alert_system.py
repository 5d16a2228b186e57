"""Broker, worker, API, notifier and those who are told, each a process: what `latency.py` measures."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from aggregates.commands import Command
from aggregates.envelope import Principal
from api.opening import opened_assets
from infra.event_store import utc_now
from infra.policies import __file__ as shipped
from tests.kafka.bank import PARTITIONS, Bank
from tests.waiting import until

HERE = Path(__file__).resolve().parent
PROGRAM = str(Path(sys.executable).parent / "tidemark")
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
ENTITIES = ["HQ", "EAST", "WEST"]
Process = subprocess.Popen[bytes]


class AlertSystem:
    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self._root = bank.directory
        self._processes: dict[str, Process] = {}

    def start(self) -> dict[str, Path]:
        """Everything up; the files in which arrivals are noted, by who notes them."""
        policies = self._root / "policies"
        shutil.copytree(Path(shipped).parent, policies, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        text = (policies / "notifications.toml").read_text()
        for setting, wanted in (("allow_http = false", "true"), ("allowed_networks = []", '["127.0.0.0/8"]')):
            assert setting in text, setting
            text = text.replace(setting, f"{setting.split(' = ')[0]} = {wanted}", 1)
        (policies / "notifications.toml").write_text(text)
        self._processes["worker"] = self.bank.start_worker()
        told = self._root / "port"
        lines = {"webhook": self._receive("webhook", str(told))}
        until(lambda: told.exists() and bool(told.read_text()), lines["webhook"].read_text)
        self._subscribe(f"http://127.0.0.1:{told.read_text()}/hook")
        self._run("api", "api", "--port", "0")
        self._run("notifier", "notifier")
        address = self._told("api")["address"]
        token = self._token()
        lines["sse"] = self._receive("sse", f"{address}/api/v1/stream", token)
        lines["topic"] = self._receive("topic", self.bank.broker.bootstrap)
        until(
            lambda: all("ready" in path.read_text() for path in lines.values()),
            lambda: "".join(path.read_text()[-2_000:] for path in lines.values()),
        )
        until(lambda: self._told("notifier").get("routes") is True, lambda: self._log("notifier"))
        return lines

    def usage(self) -> dict[str, float]:
        """CPU seconds so far, by process of the system; the broker's too."""
        found = {name: _cpu_s(one.pid) for name, one in self._processes.items() if not name.startswith("receive")}
        assert self.bank.broker.pid is not None
        return found | {"broker": _cpu_s(self.bank.broker.pid)}

    def check(self) -> None:
        for name, process in self._processes.items():
            assert process.poll() is None, self._log(name)

    def logs(self) -> str:
        return "\n".join(f"--- {name}\n{self._log(name)}" for name in ("worker", "api", "notifier"))

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        self.bank.stop()

    def _run(self, name: str, *arguments: str) -> None:
        environment = {
            "TIDEMARK_DATA_DIR": str(self.bank.settings.data_dir),
            "TIDEMARK_KAFKA_BOOTSTRAP": self.bank.broker.bootstrap,
            "TIDEMARK_KAFKA_PARTITIONS": str(PARTITIONS),
            "TIDEMARK_POLICY_DIR": str(self._root / "policies"),
            "PYTHONPATH": str(HERE.parent),
        }
        with (self._root / f"{name}.log").open("wb") as log:
            command = [PROGRAM, *arguments]
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self._root)
        self._processes[name] = process

    def _receive(self, kind: str, *arguments: str) -> Path:
        path = self._root / f"received-{kind}.tsv"
        with path.open("wb") as output:
            command = [sys.executable, str(HERE / "_receiver.py"), kind, *arguments]
            self._processes[f"receive-{kind}"] = subprocess.Popen(command, stdout=output, stderr=output)
        return path

    def _told(self, name: str) -> dict[str, object]:
        """What the process says of itself once it runs."""
        folder = self.bank.settings.data_dir / "run"
        until(
            lambda: any(folder.glob(f"{name}*.json")) and self._processes[name].poll() is None,
            lambda: self._log(name),
        )
        found: dict[str, object] = json.loads(next(folder.glob(f"{name}*.json")).read_text())
        return found

    def _log(self, name: str) -> str:
        path = self._root / f"{name}.log"
        return path.read_text(errors="replace")[-3_000:] if path.exists() else self.bank.log_of(0)

    def _subscribe(self, url: str) -> None:
        with opened_assets(self.bank.settings) as (_, assets):
            payload = {
                "entity_id": ENTITIES[0],
                "filter": 'rule == "large-flow-single"',
                "entities": ENTITIES,
                "channels": [{"channel": "webhook", "target": url}],
            }
            who = Principal("U-bench", ("RM",), "-", ("*",))
            assets.execute(Command("bench-1", "AlertSubscription", "SUB-1", "Subscribe", payload, who, utc_now()))

    def _token(self) -> str:
        command = [PROGRAM, "token", "--actor", "U-bench", "--role", "AM", "--json"]
        told = subprocess.run(
            [*command, "--data-dir", str(self.bank.settings.data_dir)], capture_output=True, text=True, check=True
        )
        return str(json.loads(told.stdout)["token"])


def cpu_seconds() -> float:
    """Of this process."""
    times = os.times()
    return times.user + times.system


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND
