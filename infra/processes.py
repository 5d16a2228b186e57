"""Child processes without leftovers: spawning, stopping, supervising, and the lock of a data directory.

Every child runs in its own session, so that Ctrl-C in the terminal reaches the supervisor alone, which stops
its children in reverse order. If the supervisor is killed with -9, the kernel kills the children (see
`infra.launcher`), and theirs in turn if they were spawned from here too. Not for what the children do: they
are command lines.
"""

import contextlib
import fcntl
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any, Self

import structlog

from engines.primitives.errors import Conflict, Unavailable
from infra.files import write_atomically

log = structlog.get_logger(__name__)

LAUNCHER = Path(__file__).with_name("launcher.py")
POLL_S = 0.05
DEATHS_MAX, DEATHS_WINDOW_S = 10, 60.0
BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.1, 5.0

Ready = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Child:
    """One program to keep running.

    `ready` is asked again and again and answers within a second or so; the next child starts once it is true.
    `log_path` collects output and errors; without it they go where the supervisor's go. A child with
    `restart=False` (a feed) may end: with 0 that is all, otherwise it is reported.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    log_path: Path | None = None
    restart: bool = True
    stop_grace_s: float = 10.0
    ready: Ready | None = None
    ready_timeout_s: float = 60.0


class StopSignals:
    """SIGTERM, SIGINT and SIGHUP as something to wait for; main thread only, earlier handlers return at exit.

    A pipe, not a `threading.Event`: a handler that interrupts `Event.wait` in the same thread can deadlock on
    its lock.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def __init__(self) -> None:
        self.count = 0
        self._previous: dict[int, Any] = {}
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def __enter__(self) -> Self:
        for number in self.SIGNALS:
            self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def request(self) -> None:
        """Ask for the stop from inside, from any thread."""
        self.count += 1
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"!")

    def wait(self, timeout_s: float) -> bool:
        """True once a stop was asked for, at once if it was before; False after `timeout_s`."""
        if self.count == 0:
            select.select([self._read], [], [], max(0.0, timeout_s))
        return self.count > 0

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.request()


_orders: "queue.SimpleQueue[tuple[Future[subprocess.Popen[bytes]], Callable[[], subprocess.Popen[bytes]]]]"
_orders = queue.SimpleQueue()
_spawner: threading.Thread | None = None
_spawner_lock = threading.Lock()


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    output: int | IO[bytes] | None = None,
    cwd: Path | None = None,
) -> "subprocess.Popen[bytes]":
    """Start `argv` in its own session; on Linux it is killed when this process ends in whatever way.

    `output` takes stdout and stderr together; none leaves both where ours go. The parent-death signal follows
    the *thread* that forked, so one thread that lives as long as the process starts all children: callers may
    use any thread.

    Raises:
        Unavailable: the launcher itself could not be started. A missing program shows as exit code 127.
    """
    command = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), *argv]

    def start() -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )

    _ensure_spawner()
    answer: Future[subprocess.Popen[bytes]] = Future()
    _orders.put((answer, start))
    try:
        return answer.result()
    except OSError as error:
        raise Unavailable(f"cannot start {argv[0]}: {error}", program=argv[0]) from error


def terminate(process: "subprocess.Popen[bytes]", grace_s: float) -> bool:
    """SIGTERM, after `grace_s` SIGKILL to the whole group; reaps it. True if it ended in time by itself."""
    in_time = True
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            in_time = False
    kill_group(process)
    return in_time


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """SIGKILL what is left of the child's group (its own helpers too) and reap the child."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Supervisor:
    """Starts children in order, restarts those that die, stops all in reverse order.

    Use as a context manager from the main thread: leaving it, in whatever way, stops every child.

        with Supervisor([broker, worker, api]) as supervisor:
            supervisor.start()
            exit_code = supervisor.run()
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        pid_dir: Path | None = None,
        deaths_max: int = DEATHS_MAX,
        deaths_window_s: float = DEATHS_WINDOW_S,
    ) -> None:
        if len({child.name for child in children}) != len(children):
            raise Conflict("two children have one name")
        self._watched = {child.name: _Watched(child, pid_dir) for child in children}
        self._deaths_max, self._deaths_window_s = deaths_max, deaths_window_s
        self._signals = StopSignals()

    def __enter__(self) -> Self:
        self._signals.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self._signals.__exit__(kind, error, trace)

    def start(self) -> None:
        """Start all in order, each after the one before is ready; a stop asked for meanwhile returns early.

        Raises:
            Unavailable: a child did not become ready in time, ended for good, or died too often.
        """
        for watched in self._watched.values():
            watched.launch()
            self._wait_ready(watched)
            if self._signals.count:
                return

    def run(self) -> int:
        """Restart what dies until a stop is asked for, then 0. Unavailable: a child died too often."""
        while not self._signals.wait(POLL_S):
            self._look_after_all()
        return 0

    def stop(self) -> None:
        """Stop all, last started first; a second Ctrl-C meanwhile kills what is left at once."""
        running = [watched for watched in reversed(self._watched.values()) if watched.process is not None]
        asked = max(1, self._signals.count)
        for watched in running:
            watched.stop(impatient=lambda: self._signals.count > asked)

    def request_stop(self) -> None:
        """Make `run` return; callable from any thread."""
        self._signals.request()

    def pid(self, name: str) -> int | None:
        """Process id of a child, or none while it is down."""
        process = self._watched[name].process
        return None if process is None or process.poll() is not None else process.pid

    def _wait_ready(self, watched: "_Watched") -> None:
        ready, deadline = watched.child.ready, time.monotonic() + watched.child.ready_timeout_s
        while ready is not None and not self._signals.count:
            self._look_after_all()
            if watched.finished:
                raise Unavailable(f"{watched.child.name} ended before it was ready{watched.tail()}")
            if watched.process is not None and watched.process.poll() is None and ready():
                break
            if time.monotonic() > deadline:
                seconds = f"{watched.child.ready_timeout_s:.0f} s"
                raise Unavailable(f"{watched.child.name} is not ready after {seconds}{watched.tail()}")
            self._signals.wait(POLL_S)
        log.info("child_ready", child=watched.child.name, pid=self.pid(watched.child.name))

    def _look_after_all(self) -> None:
        for watched in self._watched.values():
            if watched.started and not watched.finished:
                watched.look_after(self._deaths_max, self._deaths_window_s)


@dataclass(slots=True)
class _Watched:
    """A child and what became of it so far."""

    child: Child
    pid_dir: Path | None
    process: "subprocess.Popen[bytes] | None" = None
    started: bool = False
    finished: bool = False
    deaths: deque[float] = field(default_factory=deque)
    restart_at: float = 0.0

    def launch(self) -> None:
        with contextlib.ExitStack() as stack:
            output = None
            if self.child.log_path is not None:
                self.child.log_path.parent.mkdir(parents=True, exist_ok=True)
                output = stack.enter_context(self.child.log_path.open("ab"))
            self.process = spawn(self.child.argv, env=self.child.env, output=output)
        self.started = True
        if self.pid_dir is not None:
            write_atomically(self.pid_dir / f"{self.child.name}.pid", b"%d\n" % self.process.pid)
        log.info("child_started", child=self.child.name, pid=self.process.pid)

    def look_after(self, deaths_max: int, deaths_window_s: float) -> None:
        now = time.monotonic()
        if self.process is None:
            if now >= self.restart_at:
                self.launch()
            return
        code = self.process.poll()
        if code is None:
            return
        kill_group(self.process)  # helpers that it left behind
        self._forget()
        if not self.child.restart:
            self.finished = True
            (log.info if code == 0 else log.error)("child_finished", child=self.child.name, exit_code=code)
            return
        self.deaths.append(now)
        while self.deaths[0] < now - deaths_window_s:
            self.deaths.popleft()
        if len(self.deaths) >= deaths_max:
            raise Unavailable(
                f"{self.child.name} died {len(self.deaths)} times within {deaths_window_s:.0f} s, "
                f"last with exit code {code}{self.tail()}",
                child=self.child.name,
                exit_code=code,
            )
        delay_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** (len(self.deaths) - 1))
        self.restart_at = now + delay_s
        log.warning("child_died", child=self.child.name, exit_code=code, restart_in_ms=round(delay_s * 1000))

    def stop(self, impatient: Callable[[], bool]) -> None:
        process = self.process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self.child.stop_grace_s
        while process.poll() is None and time.monotonic() < deadline and not impatient():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POLL_S)
        if process.poll() is None:
            log.warning("child_killed", child=self.child.name, pid=process.pid)
        kill_group(process)
        log.info("child_stopped", child=self.child.name, exit_code=process.returncode)
        self._forget()

    def tail(self) -> str:
        return "" if self.child.log_path is None else last_lines(self.child.log_path)

    def _forget(self) -> None:
        self.process = None
        if self.pid_dir is not None:
            (self.pid_dir / f"{self.child.name}.pid").unlink(missing_ok=True)


@contextlib.contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold `path` as the only process until the block ends; the kernel lets go if we die.

    Raises:
        Conflict: another process holds it; `facts["pid"]` names it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            pid = file.read().strip()
            who = f"process {pid}" if pid.isdigit() else "another process"
            raise Conflict(f"{path} is held by {who}: stop it first", path=str(path), pid=pid) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:  # the file stays: to unlink it would let two processes lock two files of one name
            file.truncate(0)


def last_lines(path: Path, count: int = 15) -> str:
    """The end of a log for an error message, indented and named; empty if there is nothing."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 16_384))
            lines = file.read().decode("utf-8", "replace").splitlines()[-count:]
    except OSError:
        return ""
    return f"; the end of {path}:\n" + "\n".join(f"    {line}" for line in lines) if lines else ""


def _ensure_spawner() -> None:
    global _spawner
    with _spawner_lock:
        if _spawner is None or not _spawner.is_alive():  # not alive: in a forked copy of this process
            _spawner = threading.Thread(target=_serve_orders, name="spawner", daemon=True)
            _spawner.start()


def _serve_orders() -> None:
    while True:
        answer, start = _orders.get()
        try:
            answer.set_result(start())
        except BaseException as error:
            answer.set_exception(error)
