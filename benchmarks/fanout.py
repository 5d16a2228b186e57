"""Thousands of live streams on one API process: connecting, alert delays to the last reader, memory, CPU. `--help`.

The API is the real application over doubles: a view that is fed positions ten times a second and now and then an
alert. Readers are raw sockets in a process of their own, on the same monotonic clock. Beside it, in the same run, a
plain broadcast: Starlette's StreamingResponse over a queue per client, the same server, alerts and positions, without
rights, resume, conflation or middlewares.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from api.stream_limits import raise_file_limit
from benchmarks._machine import machine, write_result
from engines.primitives.errors import Unavailable
from tests.waiting import until

HERE = Path(__file__).resolve().parent
AIM_LAST_S = 1.0
SPARE_FILES = 200
Process = subprocess.Popen[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[1_000, 3_000, 10_000])
    parser.add_argument("--alerts", type=int, default=20)
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between alerts")
    parser.add_argument("--hz", type=float, default=10.0, help="position updates a second")
    parser.add_argument("--at-once", type=int, default=100, help="connections under way at any time")
    parser.add_argument("--linger", type=float, default=5.0, help="seconds to wait for the last alerts")
    parser.add_argument("--contenders", nargs="+", choices=("ours", "peer"), default=["ours", "peer"])
    parser.add_argument("--no-write", action="store_true", help="leave results/ as it is")
    asked = parser.parse_args()
    needed = max(asked.connections) + SPARE_FILES
    if raise_file_limit(needed) < needed:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        raise Unavailable(f"this host allows {hard} open files to a process: raise ulimit -Hn", wanted=needed)
    result: dict[str, Any] = {"machine": machine(), "asked": vars(asked), "aim_last_s": AIM_LAST_S, "rungs": []}
    print(f"load average at start {result['machine']['load_average_at_start']}")
    print(
        f"{'':5} {'readers':>7} {'connect/s':>9} {'KiB each':>8} {'first ms':>9} {'median':>7} {'p99':>7} "
        f"{'last, median':>12} {'last, worst':>11} {'CPU':>5} {'lost':>5}"
    )
    for count in asked.connections:
        for kind in asked.contenders:
            rung = _rung(kind, count, asked)
            result["rungs"].append(rung)
            print(
                f"{kind:5} {count:7} {rung['connections_per_s']:9} {rung['kib_per_connection']:8} "
                f"{rung['first_ms']:9} {rung['median_ms']:7} {rung['p99_ms']:7} {rung['last_median_ms']:12} "
                f"{rung['last_worst_ms']:11} {rung['cpu']:5} {rung['missing'] + rung['repeated'] + rung['broken']:5}",
                flush=True,
            )
    if not asked.no_write:
        print(f"written to benchmarks/results/{write_result('fanout', result).name}")


def _rung(kind: str, count: int, asked: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="tidemark-bench-") as directory:
        told = Path(directory) / "port"
        server = _start("_fan_server.py", kind, str(told))
        readers: Process | None = None
        try:
            until(lambda: told.exists() and bool(told.read_text()), lambda: "no server")
            _say(server, "positions 0")
            readers = _start("_fan_clients.py", told.read_text(), "1", "1", "0")  # imports and pools, not counted
            _end(readers)
            before = _say(server, "usage")
            readers = _start("_fan_clients.py", told.read_text(), str(count), str(asked.at_once), str(asked.linger))
            connected_s = _line(readers)["connected_s"]
            connected = _say(server, "usage")
            _say(server, f"positions {asked.hz}")
            time.sleep(2.0)
            began, started = _say(server, "usage"), time.monotonic()
            ended = _say(server, f"alerts {asked.alerts} {asked.interval}")
            wall_s = time.monotonic() - started
            got = _end(readers)
        finally:
            for process in (server, readers):
                if process is not None:
                    process.kill()
                    process.wait()
    delays = {name: np.array(found) * 1_000 for name, found in got["delays"].items()}
    together, last = np.concatenate(list(delays.values())), [float(found.max()) for found in delays.values()]
    wanted = asked.alerts * count
    return {
        "contender": kind,
        "connections": count,
        "connections_per_s": round(count / connected_s),
        "kib_per_connection": round((connected["rss_bytes"] - before["rss_bytes"]) / count / 1024, 1),
        "kib_per_connection_under_load": round((ended["rss_bytes"] - before["rss_bytes"]) / count / 1024, 1),
        "first_ms": round(float(np.median([found.min() for found in delays.values()])), 1),
        "median_ms": round(float(np.median(together)), 1),
        "p99_ms": round(float(np.percentile(together, 99)), 1),
        "last_median_ms": round(float(np.median(last)), 1),
        "last_worst_ms": round(max(last), 1),
        "cpu": round((ended["cpu_s"] - began["cpu_s"]) / wall_s, 2),
        "mib_read": round(got["bytes"] / 2**20),
        "missing": max(0, wanted - len(together)),
        "repeated": max(0, len(together) - wanted),
        "broken": got["broken"],
    }


def _start(script: str, *arguments: str) -> Process:
    command = [sys.executable, str(HERE / script), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _say(process: Process, command: str) -> dict[str, Any]:
    assert process.stdin is not None
    process.stdin.write(f"{command}\n")
    process.stdin.flush()
    return _line(process)


def _end(process: Process) -> dict[str, Any]:
    """Close its input and take its last line."""
    assert process.stdin is not None
    process.stdin.close()
    found: dict[str, Any] = {}
    while process.poll() is None or not found:
        found = _line(process)
        if "delays" in found:
            break
    return found


def _line(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the process is gone"
    found: dict[str, Any] = json.loads(line)
    return found


if __name__ == "__main__":
    main()
