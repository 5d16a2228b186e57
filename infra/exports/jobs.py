"""Big exports in the background: asked for, written by one thread, fetched as often as wanted, forgotten in a week.

A job's number follows from what was asked and by whom, so that asking again finds the same job, and a job that a
restart interrupted is written again to the same bytes. Files stand in one directory beside a small JSON each;
whoever fetches names an owner, and gets nobody else's. Not for what a file holds: a function is handed in that writes
it.
"""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import structlog

from engines.primitives.errors import NotFound, TidemarkError, Unavailable
from infra.files import read_bytes_or_none, write_atomically

log = structlog.get_logger()

WAITING, RUNNING, DONE, FAILED = "WAITING", "RUNNING", "DONE", "FAILED"
KEPT = timedelta(days=7)
UNFINISHED_MAX = 20  # of one owner

Progress = Callable[[int, int], None]
Make = Callable[[BinaryIO, Progress], None]


@dataclass(frozen=True, slots=True)
class Job:
    """`done` of `rows` is how far it is; `size` and `sha256` are of its file, once it is there. `entity`: where its
    notice is kept."""

    job_no: str
    owner: str
    file_name: str
    media_type: str
    entity: str = "-"
    state: str = WAITING
    rows: int = 0
    done: int = 0
    size: int = 0
    sha256: str = ""
    error: str = ""
    finished_at: str = ""

    def outward(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if name != "owner"}


class ExportJobs:
    """One thread writes; `close` breaks off what it writes. `told` hears of every job that ended."""

    def __init__(
        self, directory: Path, clock: Callable[[], datetime], told: Callable[[Job], None] = lambda _job: None
    ) -> None:
        self._directory, self._clock, self._told = directory, clock, told
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._threads = ThreadPoolExecutor(1, "ledger-export")

    def close(self) -> None:
        self._closing.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def ask(self, asked: str, owner: str, file_name: str, media_type: str, make: Make, *, entity: str = "-") -> Job:
        """The job for what is `asked`: one that stands already, else a new one that `make` writes.

        Raises Unavailable: the owner has twenty unfinished ones.
        """
        self._forget()
        job_no = sha256(f"{owner}\n{asked}".encode()).hexdigest()[:24]
        with self._lock:
            known = self._jobs.get(job_no) or self._stored(job_no)
            if known is not None and known.state != FAILED:
                return known
            unfinished = [
                one for one in self._jobs.values() if one.owner == owner and one.state in (WAITING, RUNNING)
            ]
            if len(unfinished) >= UNFINISHED_MAX:
                raise Unavailable(f"{UNFINISHED_MAX} exports of yours are being written; wait for one")
            job = self._jobs[job_no] = Job(job_no, owner, file_name, media_type, entity)
        self._threads.submit(self._write, job, make)
        return job

    def find(self, job_no: str, owner: str) -> Job:
        """Raises NotFound: no such job of this owner."""
        with self._lock:
            job = self._jobs.get(job_no) or self._stored(job_no)
        if job is None or job.owner != owner:
            raise NotFound(f"no export {job_no:.40}", field="job_no")
        return job

    def listed(self, owner: str) -> list[Job]:
        """Of one owner: those under way first, then the finished ones, newest first."""
        with self._lock:
            found = dict(self._jobs)
            for path in self._directory.glob("*.json"):
                if path.stem not in found and (job := self._stored(path.stem)) is not None:
                    found[path.stem] = job
        mine = sorted((job for job in found.values() if job.owner == owner), key=lambda job: job.job_no)
        mine.sort(key=lambda job: job.finished_at or "9999", reverse=True)
        return mine

    def path(self, job: Job) -> Path:
        """The finished file. Raises Unavailable while there is none."""
        if job.state != DONE:
            raise Unavailable(f"the export is {job.state.lower()}", done=job.done, rows=job.rows)
        return self._file(job.job_no)

    def _file(self, job_no: str) -> Path:
        return self._directory / f"{job_no}.bin"

    def _stored(self, job_no: str) -> Job | None:
        if not job_no.isalnum():
            return None
        data = read_bytes_or_none(self._directory / f"{job_no}.json")
        return None if data is None else Job(**json.loads(data))

    def _set(self, job: Job) -> Job:
        with self._lock:
            self._jobs[job.job_no] = job
        return job

    def _write(self, job: Job, make: Make) -> None:
        job = self._set(replace(job, state=RUNNING))
        part = self._directory / f"{job.job_no}.part"

        def progress(done: int, rows: int) -> None:
            if self._closing.is_set():
                raise Unavailable("this server stopped; ask again")
            self._set(replace(job, done=done, rows=rows))

        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            with part.open("w+b") as file:
                make(file, progress)
                size = file.seek(0, 2)
                file.seek(0)
                digest = sha256()
                while chunk := file.read(1_048_576):
                    digest.update(chunk)
            part.replace(self._file(job.job_no))
            rows = self._jobs[job.job_no].rows
            done = replace(job, state=DONE, rows=rows, done=rows, size=size, sha256=digest.hexdigest())
            job = replace(done, finished_at=self._clock().isoformat())
            write_atomically(self._directory / f"{job.job_no}.json", json.dumps(asdict(job)).encode())
        except Exception as error:
            part.unlink(missing_ok=True)
            reason = str(error) if isinstance(error, TidemarkError) else type(error).__name__
            job = replace(job, state=FAILED, error=reason, finished_at=self._clock().isoformat())
            log.warning("ledger_export_failed", job_no=job.job_no, kind=type(error).__name__)
        self._set(job)
        self._told(job)

    def _forget(self) -> None:
        """Files of a week ago go; what is asked again is written again."""
        edge = (self._clock() - KEPT).isoformat()
        with self._lock:
            for path in self._directory.glob("*.json"):
                job = self._stored(path.stem)
                if job is not None and job.finished_at < edge:
                    for name in (path, self._file(job.job_no)):
                        name.unlink(missing_ok=True)
                    self._jobs.pop(job.job_no, None)
