"""The embedded Kafka broker: one KRaft node as a child process, on the loopback interface only.

For one host: trying Tidemark, tests, a small desk. It keeps one copy of the log and no TLS or SASL; a real
cluster is named by TIDEMARK_KAFKA_BOOTSTRAP and never started from here. Not the jars: see `distribution`.
"""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from engines.primitives.errors import InvalidInput, Unavailable
from infra.files import write_atomically
from infra.kafka import node
from infra.kafka.archive import prepare
from infra.kafka.clients import Config, client_config, probe, resolve_bootstrap
from infra.kafka.distribution import find_java
from infra.processes import StopSignals, hold_lock, kill_group, last_lines, spawn, terminate
from infra.settings import Settings

log = structlog.get_logger(__name__)

READY_TIMEOUT_S = 90.0
STOP_GRACE_S = 20.0
POLL_S = 0.1


class EmbeddedBroker:
    """A broker on `data_dir/kafka`, which it formats the first time; the log and the port stay over restarts.

    `stop` ends it in order, `kill` as a power cut of the process would; either may be followed by `start`. As
    a context manager it starts, waits until it is ready, and stops.

    Args:
        data_dir: the data directory of Tidemark.
        jars: what `distribution.ensure_jars` gave.
        heap_mib: heap of the Java process, MiB.
        java_options: further options of the Java process.
    """

    def __init__(
        self, data_dir: Path, jars: Path, heap_mib: int = 512, *, java_options: tuple[str, ...] = ()
    ) -> None:
        self._node = node.Node(data_dir.resolve() / "kafka")
        self._jars, self._heap_mib, self._java_options = jars, heap_mib, java_options
        self._process: subprocess.Popen[bytes] | None = None
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def bootstrap(self) -> str:
        """`127.0.0.1:port`; known from the first start on."""
        return f"127.0.0.1:{self._node.ports()[0]}"

    @property
    def cluster_id(self) -> str:
        """Made when the log was formatted, the same for its life."""
        return self._node.cluster_id()

    @property
    def log_path(self) -> Path:
        """What the Java process prints."""
        return self._node.directory / "broker.log"

    @property
    def pid(self) -> int | None:
        """Process id of the Java process while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def exit_code(self) -> int | None:
        """None while the Java process runs, or before it was started."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start the Java process; returns before it is ready.

        Raises:
            Conflict: another process runs a broker on this directory.
            Unavailable: Java is missing, or the log cannot be formatted.
        """
        if self.pid is not None:
            return
        self.kill()
        self._held.enter_context(hold_lock(self._node.directory / "broker.lock"))
        try:
            java = find_java()
            ports = self._node.claim_ports()
            properties = self._node.write_properties(ports)
            if not self._node.is_formatted():
                self._node.format(java, self._jars, properties)
            self._process = self._launch(java, properties)
        except BaseException:
            self._held.close()
            raise
        log.info("broker_started", bootstrap=self.bootstrap, pid=self._process.pid)

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S, give_up: Callable[[float], bool] | None = None) -> None:
        """Until a metadata request is answered with a broker of our cluster.

        `give_up(seconds)` waits between two attempts in place of a sleep, and ends the waiting by saying
        true.

        Raises:
            Unavailable: the Java process died, or `timeout_s` is over; with the end of its log.
        """
        config: Config = {"bootstrap.servers": self.bootstrap, "reconnect.backoff.max.ms": 100}
        deadline = time.monotonic() + timeout_s
        pause = give_up or _sleep
        while probe(config, timeout_s=0.5) != self.cluster_id:
            code = self.exit_code()
            if self.pid is None:
                self.kill()
                raise Unavailable(
                    f"the broker died at start (exit code {code}){last_lines(self.log_path)}",
                    path=str(self.log_path),
                )
            if time.monotonic() > deadline:
                tail = last_lines(self.log_path)
                raise Unavailable(f"the broker is not ready after {timeout_s:.0f} s{tail}", path=str(self.log_path))
            if pause(POLL_S):
                return

    def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """SIGTERM, then SIGKILL after `grace_s` seconds. Does nothing if it does not run."""
        if self._process is not None and not terminate(self._process, grace_s):
            log.warning("broker_killed", pid=self._process.pid, grace_s=round(grace_s))
        self._process = None
        self._held.close()

    def kill(self) -> None:
        """SIGKILL at once."""
        if self._process is not None:
            kill_group(self._process)
        self._process = None
        self._held.close()

    def _launch(self, java: str, properties: Path) -> "subprocess.Popen[bytes]":
        node.rotate(self.log_path)
        command = node.java_command(
            java, self._jars, self._node.directory, heap_mib=self._heap_mib, options=self._java_options
        )
        with self.log_path.open("ab") as output:
            return spawn([*command, "kafka.Kafka", str(properties)], output=output)


def run_broker(settings: Settings) -> None:
    """`tidemark broker`: run the embedded broker until SIGTERM or Ctrl-C; `run/kafka.json` names it.

    Raises:
        InvalidInput: a real cluster is set, there is nothing to start.
        Conflict: another process runs a broker on this data directory.
        Unavailable: it cannot be started, or died by itself (the supervisor then starts us again).
    """
    if settings.kafka_bootstrap:
        raise InvalidInput("TIDEMARK_KAFKA_BOOTSTRAP names a real cluster: there is no broker to run")
    started = time.monotonic()
    address = settings.data_dir / "run" / "kafka.json"
    broker = EmbeddedBroker(settings.data_dir, prepare(), settings.kafka_heap_mib)
    with StopSignals() as signals:
        try:
            broker.start()
            broker.wait_ready(give_up=signals.wait)
            if not signals.count:
                content = {"bootstrap": broker.bootstrap, "cluster_id": broker.cluster_id, "pid": os.getpid()}
                write_atomically(address, json.dumps(content).encode())
                elapsed_ms = round((time.monotonic() - started) * 1000)
                log.info("broker_ready", bootstrap=broker.bootstrap, elapsed_ms=elapsed_ms)
            while not signals.wait(POLL_S):
                if broker.pid is None:
                    code = broker.exit_code()
                    raise Unavailable(f"the broker died (exit code {code}){last_lines(broker.log_path)}")
        finally:
            broker.stop()
    address.unlink(missing_ok=True)  # after a crash it stays: the port does too, and clients find it again
    log.info("broker_stopped")


def is_ready(settings: Settings) -> bool:
    """Does the cluster of these settings answer a metadata request now? Takes a second at most."""
    try:
        bootstrap = resolve_bootstrap(settings)
    except Unavailable:
        return False
    return probe(client_config(settings, bootstrap)) is not None


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False
