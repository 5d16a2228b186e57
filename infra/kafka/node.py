"""The files of one KRaft node: ports, server.properties, logging, formatting, and the Java command line.

Internal to `infra.kafka`; `broker` runs what this prepares.
"""

import base64
import json
import os
import socket
import subprocess
import time
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from engines.primitives.errors import CorruptRecord, InvalidInput, Unavailable
from infra.files import read_bytes_or_none, write_atomically

log = structlog.get_logger(__name__)

HOST = "127.0.0.1"
PORT_FIRST = 12_000
PORT_AWAITED_S = 5.0
LOG_BYTES_MAX = 8 * 1024 * 1024

SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "CLIENT",
    "controller.listener.names": "CONTROLLER",
    # A broker that was killed is refused as a duplicate of itself until its old session ends: 9 s by default.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "400",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "message.max.bytes": str(16 * 1024 * 1024),
    # Each topic says how long it keeps its records; one that says nothing loses nothing (decision S4).
    "log.retention.ms": "-1",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": str(32 * 1024 * 1024),  # of the heap; 128 MiB by default
    "log.cleaner.backoff.ms": "5000",
}

LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n%throwable
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A node whose files are all in `directory`; its log is in `directory/log`."""

    directory: Path

    def ports(self) -> tuple[int, int]:
        """(for clients, for the controller), as last claimed."""
        try:
            content = json.loads(read_bytes_or_none(self.directory / "ports.json") or b"")
            return int(content["client"]), int(content["controller"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"the broker of {self.directory} has not been started yet") from error

    def claim_ports(self) -> tuple[int, int]:
        """The ports of last time if they are free, so that clients find the broker again; else two others.

        Below the range from which the kernel gives out ports by itself: there, a client that keeps trying to
        reconnect can be given the broker's own port as its source, connect to itself, and block the restart.
        """
        try:
            ports = self.ports()
        except Unavailable:
            ports = None
        if ports is not None and not _free_within(ports, PORT_AWAITED_S):
            log.warning("broker_ports_taken", client=ports[0], controller=ports[1])
            ports = None
        if ports is None:
            ports = _free_pair(zlib.crc32(os.fsencode(self.directory)))
            content = {"client": ports[0], "controller": ports[1]}
            write_atomically(self.directory / "ports.json", json.dumps(content).encode())
        return ports

    def write_properties(self, ports: tuple[int, int]) -> Path:
        """Write server.properties and the logging configuration; the path of the former."""
        data = self.directory / "log"
        if "," in str(data):
            raise InvalidInput(f"a comma in the data directory divides it in two for Kafka: {data}", field="data_dir")
        settings = dict(SETTINGS) | {
            "controller.quorum.voters": f"1@{HOST}:{ports[1]}",
            "listeners": f"CLIENT://{HOST}:{ports[0]},CONTROLLER://{HOST}:{ports[1]}",
            "advertised.listeners": f"CLIENT://{HOST}:{ports[0]}",
            "log.dirs": str(data),
        }
        lines = [f"{key}={_escaped(value)}\n" for key, value in settings.items()]
        path = self.directory / "server.properties"
        write_atomically(path, "".join(lines).encode("ascii"))
        write_atomically(self.directory / "log4j2.properties", LOGGING.encode())
        return path

    def is_formatted(self) -> bool:
        """meta.properties is the last file that formatting writes."""
        return (self.directory / "log" / "meta.properties").is_file()

    def format(self, java: str, jars: Path, properties: Path) -> None:
        """Give the log its cluster id and metadata version; once in its life."""
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if cluster_id.startswith("-"):  # would read as an option
            cluster_id = "A" + cluster_id[1:]
        command = java_command(java, jars, self.directory, heap_mib=64)
        command += ["kafka.tools.StorageTool", "format", "--ignore-formatted"]
        command += ["--cluster-id", cluster_id, "--config", str(properties)]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if answer.returncode != 0 or not self.is_formatted():
            raise Unavailable(f"Kafka could not format {self.directory / 'log'}: {answer.stdout}{answer.stderr}")
        log.info("broker_log_formatted", cluster_id=self.cluster_id(), directory=str(self.directory))

    def cluster_id(self) -> str:
        """The id in meta.properties."""
        path = self.directory / "log" / "meta.properties"
        for line in (read_bytes_or_none(path) or b"").decode("latin-1").splitlines():
            key, _, value = line.partition("=")
            if key == "cluster.id":
                return value.strip()
        raise CorruptRecord(f"{path} names no cluster id", path=str(path))


def java_command(
    java: str, jars: Path, directory: Path, *, heap_mib: int, options: tuple[str, ...] = ()
) -> list[str]:
    """The command line up to the main class. The class path is sorted: an archive fits one order only."""
    archive = archive_path(jars)
    return [
        java,
        f"-Xmx{heap_mib}m",
        "-XX:+UseG1GC",
        # On two cores the second compiler costs more than it gives: over 5,000,000 records written and read, 9 s of
        # CPU without it and 18 s with it, in the last million 0.95 s and 2.1 s. The bytes move in native code anyway.
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",  # else a broker without memory lingers, half dead
        "-XX:-UsePerfData",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={directory / 'log4j2.properties'}",
        *([f"-XX:SharedArchiveFile={archive}", "-Xshare:auto"] if archive.is_file() else []),
        *options,
        "-cp",
        os.pathsep.join(str(jar) for jar in sorted(jars.glob("*.jar"))),
    ]


def archive_path(jars: Path) -> Path:
    """Where the archive of loaded classes of these jars is kept (see `archive`)."""
    return jars.parent / "classes.jsa"


def rotate(path: Path) -> None:
    """Keep one older file once `path` is large."""
    if path.is_file() and path.stat().st_size > LOG_BYTES_MAX:
        path.replace(path.with_name(path.name + ".1"))


def _free_within(ports: tuple[int, int], seconds: float) -> bool:
    """A broker that was just killed may hold them for a moment."""
    deadline = time.monotonic() + seconds
    while not all(_is_free(port) for port in ports):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _free_pair(seed: int) -> tuple[int, int]:
    span = max(1_000, _ephemeral_first() - PORT_FIRST)
    candidates = (PORT_FIRST + (seed + step) % span for step in range(span))
    free = (port for port in candidates if _is_free(port))
    try:
        return next(free), next(free)
    except StopIteration:
        raise Unavailable(f"no two free ports between {PORT_FIRST} and {PORT_FIRST + span}") from None


def _ephemeral_first() -> int:
    raw = read_bytes_or_none(Path("/proc/sys/net/ipv4/ip_local_port_range"))
    return int(raw.split()[0]) if raw else 32_768


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: TIME_WAIT is no obstacle
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _escaped(value: str) -> str:
    """As java.util.Properties reads it: backslashes doubled, what is not ASCII as \\uXXXX of UTF-16."""
    units = value.replace("\\", "\\\\").encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(code) if 0x20 <= code < 0x7F else f"\\u{code:04x}" for code in codes)
