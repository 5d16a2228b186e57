"""Branches under way and done: few at once, each in a process of its own, so that the API goes on answering.

A branch may keep a core busy for minutes; its process is nicer than the API's and ends with it, or when it is
cancelled. Answers are kept in memory, the newest ones: the same question gives the same answer again. Not for what a
branch does: `streams.counterfactual`.
"""

import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Generic, Literal, Protocol

import msgspec
import structlog
from typing_extensions import TypeVar

from engines.primitives import errors
from engines.primitives.errors import NotFound, Rejected, TidemarkError, Unavailable
from streams.counterfactual import Answer, Question
from streams.counterfactual_alerts import Told

log = structlog.get_logger()

RUNNING_MAX = 1
WAITING_MAX = 8
KEPT_MAX = 20
TELL_EVERY_S = 0.2
NICENESS = 10

Asked = TypeVar("Asked", default=Question)
Asking_contra = TypeVar("Asking_contra", default=Question, contravariant=True)
State = Literal["waiting", "running", "done", "failed", "cancelled"]
Compute = Callable[[Any, Asked, Told], Answer]
"""Of parts that can be pickled, a question, and whom to tell of the progress."""


class Cancelled(Exception):
    """The branch was told to end."""


class Run(Protocol[Asking_contra]):
    """Works one question out. Raises TidemarkError, or Cancelled once `is_cancelled` is set."""

    def __call__(self, question: Asking_contra, told: Told, is_cancelled: threading.Event) -> Answer: ...


@dataclass(slots=True)
class Job(Generic[Asked]):
    job_id: str
    question: Asked
    asked_by: str
    asked_at: datetime
    state: State = "waiting"
    phase: str = ""
    done: int = 0
    whole: int = 0
    answer: Answer | None = None
    error: TidemarkError | None = None
    is_cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "failed", "cancelled")


class Counterfactuals(Generic[Asked]):
    """Thread-safe. Threads end with the process."""

    def __init__(
        self,
        run: Run[Asked],
        *,
        check: Callable[[Asked], None] = lambda _question: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        running_max: int = RUNNING_MAX,
        waiting_max: int = WAITING_MAX,
        kept_max: int = KEPT_MAX,
    ) -> None:
        """`check` refuses a question that cannot be, before anything is read."""
        self._run, self._check, self._clock = run, check, clock
        self._running_max, self._waiting_max, self._kept_max = running_max, waiting_max, kept_max
        self._jobs: dict[str, Job[Asked]] = {}
        self._lock = threading.Lock()

    def ask(self, question: Asked, asked_by: str) -> Job[Asked]:
        """Begin, or wait for those before. Raises InvalidInput, Unavailable: too many are waiting."""
        self._check(question)
        with self._lock:
            if self._count("waiting") >= self._waiting_max:
                raise Unavailable("too many counterfactuals are waiting: try later", waiting=self._waiting_max)
            over = [job_id for job_id, job in self._jobs.items() if job.is_over]
            for job_id in over[: max(0, len(over) + 1 - self._kept_max)]:
                del self._jobs[job_id]
            job = Job(secrets.token_hex(8), question, asked_by, self._clock())
            self._jobs[job.job_id] = job
            self._start_next()
        return job

    def get(self, job_id: str) -> Job[Asked]:
        """Raises NotFound: there is none, or its answer was let go of."""
        with self._lock:
            if job_id not in self._jobs:
                raise NotFound(f"no counterfactual {job_id!r}: the newest {self._kept_max} are kept", field="id")
            return self._jobs[job_id]

    def newest_first(self) -> list[Job[Asked]]:
        with self._lock:
            return list(self._jobs.values())[::-1]

    def cancel(self, job_id: str, by: str) -> Job[Asked]:
        """Raises NotFound, Rejected: somebody else asked it, or it is over."""
        job = self.get(job_id)
        with self._lock:
            if job.asked_by != by:
                raise Rejected("only who asked it may cancel it", asked_by=job.asked_by)
            if job.is_over:
                raise Rejected(f"it is {job.state} already", state=job.state)
            job.is_cancelled.set()
            if job.state == "waiting":
                job.state = "cancelled"
        return job

    def _count(self, state: State) -> int:
        return sum(job.state == state for job in self._jobs.values())

    def _start_next(self) -> None:
        """Under the lock."""
        for job in self._jobs.values():
            if job.state == "waiting" and self._count("running") < self._running_max:
                job.state = "running"
                name = f"counterfactual-{job.job_id}"
                threading.Thread(target=self._work, args=(job,), name=name, daemon=True).start()

    def _work(self, job: Job[Asked]) -> None:
        def told(phase: str, done: int, whole: int) -> None:
            job.phase, job.done, job.whole = phase, done, whole

        state: State = "failed"
        try:
            job.answer = self._run(job.question, told, job.is_cancelled)
            state = "done"
        except Cancelled:
            state = "cancelled"
        except TidemarkError as error:
            job.error = error
        except Exception as error:  # the API goes on; whoever asks is told that it is ours
            log.error("counterfactual_failed", job_id=job.job_id, kind=type(error).__name__, error=str(error))
            job.error = TidemarkError("the branch failed")
        finally:
            with self._lock:
                job.state = state
                self._start_next()


# -- a process of its own ----------------------------------------------------------------------------------------


def in_process(compute: Compute[Asked], parts: Any, method: Literal["spawn", "fork"] = "spawn") -> Run[Asked]:
    """Runs `compute(parts, question, told)` in another process; both must be importable and picklable there.

    Args:
        method: a fork would share sockets and locks of the API's threads.
    """

    def run(question: Asked, told: Told, is_cancelled: threading.Event) -> Answer:
        context: Any = get_context(method)
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=child, args=(theirs, compute, parts, question), daemon=True)
        process.start()
        theirs.close()
        try:
            return followed(ours, told, is_cancelled)
        finally:
            process.kill()
            process.join()
            ours.close()

    return run


def followed(ours: Connection, told: Told, is_cancelled: threading.Event) -> Answer:
    """What the other end of a pipe says, until its answer."""
    while True:
        if is_cancelled.is_set():
            raise Cancelled
        if not ours.poll(TELL_EVERY_S):
            continue
        try:
            kind, content = ours.recv()
        except EOFError as error:
            raise Unavailable("the branch ended before its answer") from error
        if kind == "told":
            told(*content)
        elif kind == "failed":
            code, message, facts = content
            found = next((one for one in vars(errors).values() if getattr(one, "code", None) == code), TidemarkError)
            raise found(message, **facts)
        else:
            answer: Answer = msgspec.json.decode(content)
            return answer


def child(theirs: Connection, compute: Compute[Asked], parts: Any, question: Asked) -> None:
    """The other end."""
    os.nice(NICENESS)
    told_at = 0.0

    def told(*progress: str | int) -> None:
        nonlocal told_at
        now = time.monotonic()
        if now - told_at >= TELL_EVERY_S:
            told_at = now
            theirs.send(("told", progress))

    try:
        theirs.send(("done", msgspec.json.encode(compute(parts, question, told))))
    except TidemarkError as error:
        theirs.send(("failed", (error.code, str(error), error.facts)))
    finally:
        theirs.close()
