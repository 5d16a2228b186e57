"""Children are restarted, stopped in order, and never outlive whoever started them, however that ends."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines.primitives.errors import Conflict, Unavailable
from infra.processes import Child, Supervisor, hold_lock, kill_group, last_lines, spawn, terminate
from tests.waiting import until

AWAITED_S = 60.0
SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # a zombie of a killed parent waits for init only


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code, *arguments]


def read_pids(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Run Python code that imports our packages in a process of its own; none survives the test."""
    running: list[subprocess.Popen[bytes]] = []

    def run(code: str, *arguments: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen([sys.executable, "-c", code, *arguments], start_new_session=True)
        running.append(process)
        return process

    yield run
    for process in running:
        kill_group(process)


def test_a_child_has_a_session_of_its_own(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as output:
        child = spawn(python(SLEEPER), output=output)
    try:
        assert os.getsid(child.pid) == child.pid != os.getsid(0)
    finally:
        kill_group(child)


def test_a_child_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    """The parent-death signal follows the thread that forked: a naive start would kill the child here."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:  # ends once the child has asked for the signal: earlier, there is none to get
        with (tmp_path / "out").open("wb") as output:
            started.append(spawn(python(SLEEPER), output=output))
        until(lambda: (tmp_path / "out").read_text() == "up\n", "the child runs")

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            started[0].wait(0.3)
    finally:
        kill_group(started[0])


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as output:
        child = spawn(["no-such-program-of-ours"], output=output)
    assert child.wait(AWAITED_S) == 127
    assert "no-such-program-of-ours" in last_lines(tmp_path / "out")


def test_an_orphan_of_the_first_moment_does_not_start(tmp_path: Path) -> None:
    """The parent that asked is gone when the launcher looks: it must not run the program."""
    launcher = Path(sys.modules[spawn.__module__].__file__ or "").with_name("launcher.py")
    command = [sys.executable, "-I", "-S", str(launcher), "1", "touch", str(tmp_path / "ran")]
    assert subprocess.run(command, check=False).returncode == 125
    assert not (tmp_path / "ran").exists()


def test_terminate_kills_what_ignores_sigterm_and_its_helpers(tmp_path: Path) -> None:
    helping = "subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL)"
    code = f"import subprocess; print({helping}.pid, flush=True); {STUBBORN}"
    with (tmp_path / "out").open("wb") as output:
        child = spawn(python(code), output=output)
    until(lambda: (tmp_path / "out").read_text().endswith("up\n"), "the child runs")
    helper = int((tmp_path / "out").read_text().split()[0])
    assert is_alive(helper)
    assert terminate(child, grace_s=0.2) is False
    assert child.returncode == -signal.SIGKILL
    until(lambda: not is_alive(helper), "the helper is gone")


def test_the_supervisor_starts_in_order_and_stops_in_reverse(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    code = """
import signal, sys, time
def note(what):
    with open(sys.argv[2], "a") as file: file.write(f"{what} {sys.argv[1]}\\n")
def stop(*_):
    note("stop"); sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note("start")
time.sleep(600)
"""

    def started(name: str) -> Callable[[], bool]:
        return lambda: journal.exists() and f"start {name}\n" in journal.read_text()

    children = [Child(name, python(code, name, str(journal)), ready=started(name)) for name in "abc"]
    with Supervisor(children, pid_dir=tmp_path / "run") as supervisor:
        supervisor.start()
        assert (tmp_path / "run" / "b.pid").read_text() == f"{supervisor.pid('b')}\n"
    expected = ["start a", "start b", "start c", "stop c", "stop b", "stop a"]
    assert journal.read_text().splitlines() == expected
    assert not list((tmp_path / "run").iterdir())


def test_the_supervisor_restarts_what_died_until_it_is_stopped(tmp_path: Path) -> None:
    log_path = tmp_path / "log" / "child.log"
    child = Child("child", python(SLEEPER), log_path=log_path, ready=log_path.exists)
    with Supervisor([child]) as supervisor:
        supervisor.start()
        first = supervisor.pid("child")
        assert first is not None

        def kill_then_stop() -> None:
            os.kill(first, signal.SIGKILL)
            until(lambda: supervisor.pid("child") not in (None, first), "the child is restarted")
            supervisor.request_stop()

        thread = threading.Thread(target=kill_then_stop)
        thread.start()
        assert supervisor.run() == 0
        thread.join()
        second = supervisor.pid("child")
        assert second is not None
    assert not is_alive(first)
    assert not is_alive(second)


def test_the_supervisor_gives_up_on_what_dies_at_once(tmp_path: Path) -> None:
    child = Child("doomed", python("print('no way'); raise SystemExit(3)"), log_path=tmp_path / "doomed.log")
    with Supervisor([child], deaths_max=3) as supervisor:
        supervisor.start()
        with pytest.raises(Unavailable, match=r"doomed died 3 times.*exit code 3(?s:.*)no way") as caught:
            supervisor.run()
    assert caught.value.facts["exit_code"] == 3
    assert (tmp_path / "doomed.log").read_text() == "no way\n" * 3


def test_a_child_that_may_end_is_not_restarted(tmp_path: Path) -> None:
    once = Child("feed", python("print('fed')"), log_path=tmp_path / "feed.log", restart=False)
    other = Child("other", python(SLEEPER), log_path=tmp_path / "other.log")
    with Supervisor([once, other]) as supervisor:
        supervisor.start()
        thread = threading.Timer(1.0, supervisor.request_stop)
        thread.start()
        assert supervisor.run() == 0
        assert supervisor.pid("feed") is None
        assert supervisor.pid("other") is not None
    assert (tmp_path / "feed.log").read_text() == "fed\n"


def test_not_ready_in_time_is_an_error_with_the_end_of_the_log(tmp_path: Path) -> None:
    log_path = tmp_path / "slow.log"
    slow = Child("slow", python(SLEEPER), log_path=log_path, ready=lambda: False, ready_timeout_s=0.5)
    with Supervisor([slow]) as supervisor:
        with pytest.raises(Unavailable, match="slow is not ready after"):
            supervisor.start()
        pid = supervisor.pid("slow")
        assert pid is not None
    assert not is_alive(pid)


def test_ended_before_ready_is_an_error(tmp_path: Path) -> None:
    child = Child("feed", python("raise SystemExit(4)"), restart=False, ready=lambda: False)
    with (
        Supervisor([child]) as supervisor,
        pytest.raises(Unavailable, match="feed ended before it was ready"),
    ):
        supervisor.start()


SUPERVISING = """
import sys
from pathlib import Path
from infra.processes import Child, Supervisor
folder, program = Path(sys.argv[1]), sys.argv[2:]
child = Child("parent", [sys.executable, *program], log_path=folder / "log", stop_grace_s=5)
with Supervisor([child], pid_dir=folder / "run") as supervisor:
    supervisor.start()
    sys.exit(supervisor.run())
"""
PARENT = """
import os, sys, time
from infra.processes import spawn
child = spawn(["sleep", "600"])
with open(sys.argv[1], "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_nothing_is_left_when_the_supervisor_ends(
    how: signal.Signals, tmp_path: Path, script: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """Even by kill -9, and even the child of a child, in a session of its own."""
    pids = tmp_path / "pids"
    supervisor = script(SUPERVISING, str(tmp_path), "-c", PARENT, str(pids))
    until(lambda: len(read_pids(pids)) == 2, "child and grandchild run")
    family = read_pids(pids)
    assert all(map(is_alive, family))
    supervisor.send_signal(how)
    code = supervisor.wait(AWAITED_S)
    assert code == (-signal.SIGKILL if how == signal.SIGKILL else 0)
    until(lambda: not any(map(is_alive, family)), "the family is gone")


def test_a_second_ctrl_c_does_not_wait_for_the_stubborn(
    tmp_path: Path, script: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    code = SUPERVISING.replace("stop_grace_s=5", "stop_grace_s=600")
    supervisor = script(code, str(tmp_path), "-c", STUBBORN)
    until(lambda: (tmp_path / "log").exists() and (tmp_path / "log").read_text() == "up\n", "the child runs")
    child = read_pids(tmp_path / "run" / "parent.pid")[0]
    supervisor.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        supervisor.wait(0.5)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(AWAITED_S) == 0
    until(lambda: not is_alive(child), "the child is gone")


def test_a_lock_names_the_process_that_holds_it(
    tmp_path: Path, script: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    path = tmp_path / "data" / "up.lock"
    code = """
import sys, time
from pathlib import Path
from infra.processes import hold_lock
with hold_lock(Path(sys.argv[1])):
    time.sleep(600)
"""
    holder = script(code, str(path))
    until(lambda: path.exists() and path.read_text() == str(holder.pid), "the lock is held")
    with pytest.raises(Conflict, match=f"held by process {holder.pid}") as caught, hold_lock(path):
        pass
    assert caught.value.facts["pid"] == str(holder.pid)
    holder.kill()
    holder.wait()
    with hold_lock(path):  # the kernel let go
        assert path.read_text() == str(os.getpid())
        with pytest.raises(Conflict), hold_lock(path):
            pass
    with hold_lock(path):
        pass
