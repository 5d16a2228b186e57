"""Become another program that cannot outlive the process that asked: `launcher.py PARENT_PID PROGRAM ARG…`.

Run as a file by `infra.processes.spawn`, with the bare interpreter, so that it costs some 20 ms: standard
library only, nothing of ours. A `preexec_fn` would do the same in less code, but runs Python between fork and
exec, which can deadlock as soon as the parent has threads. Not for stopping in order: see the supervisor.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
EXIT_ORPHAN = 125
EXIT_NOT_FOUND = 127


def main(arguments: list[str]) -> int:
    parent_pid, program = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":  # elsewhere only an orderly stop takes the children along
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            sys.stderr.write(f"prctl failed: {os.strerror(ctypes.get_errno())}\n")
            return EXIT_ORPHAN
    if os.getppid() != parent_pid:  # the parent died before prctl: no signal would ever come
        return EXIT_ORPHAN
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and exec hands that on
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(program[0], program)  # noqa: S606 - the program is what our own supervisor names
    except OSError as error:
        sys.stderr.write(f"{program[0]}: {error.strerror}\n")
        return EXIT_NOT_FOUND


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
