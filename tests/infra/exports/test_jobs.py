"""Big exports in the background: one job a question, progress, failure, another process, end of the server."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pytest

from engines.primitives.errors import InvalidInput, NotFound, Unavailable
from infra.exports.jobs import KEPT, UNFINISHED_MAX, ExportJobs, Job, Progress


class World:
    def __init__(self, folder: Path) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.told: list[Job] = []
        self.heard = threading.Condition()
        self.folder = folder
        self.jobs = self.opened()

    def opened(self) -> ExportJobs:
        return ExportJobs(self.folder, lambda: self.now, self.hear)

    def hear(self, job: Job) -> None:
        with self.heard:
            self.told.append(job)
            self.heard.notify_all()

    def wait(self, count: int = 1) -> Job:
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.told) >= count, timeout=120)
            return self.told[-1]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "exports")
    yield made
    made.jobs.close()


def write(out: BinaryIO, progress: Progress) -> None:
    progress(1, 2)
    out.write(b"rows")
    progress(2, 2)


def ask(world: World, asked: str = "q", owner: str = "U-1") -> Job:
    return world.jobs.ask(asked, owner, "a.csv", "text/csv", write)


def test_a_job_is_written_told_and_kept_for_its_owner(world: World) -> None:
    first = ask(world)
    done = world.wait()
    assert (done.state, done.rows, done.done, done.size) == ("DONE", 2, 2, 4)
    assert done.sha256 == sha256(b"rows").hexdigest()
    assert world.jobs.path(world.jobs.find(first.job_no, "U-1")).read_bytes() == b"rows"
    assert ask(world).job_no == first.job_no
    assert len(world.told) == 1
    with pytest.raises(NotFound):
        world.jobs.find(first.job_no, "U-2")
    assert ask(world, owner="U-2").job_no != first.job_no
    assert "owner" not in done.outward()


def test_another_process_finds_what_is_finished(world: World) -> None:
    first = ask(world)
    world.wait()
    again = world.opened()
    assert again.find(first.job_no, "U-1").state == "DONE"
    assert [job.job_no for job in again.listed("U-1")] == [first.job_no]
    again.close()


def test_a_failure_says_why_and_may_be_asked_again(world: World) -> None:
    def refuse(_out: BinaryIO, _progress: Progress) -> None:
        raise InvalidInput("a sheet holds fewer rows")

    def break_down(_out: BinaryIO, _progress: Progress) -> None:
        raise RuntimeError("C-0001's balance")

    job = world.jobs.ask("q", "U-1", "a.xlsx", "x", refuse)
    assert (world.wait().state, world.told[-1].error) == ("FAILED", "a sheet holds fewer rows")
    with pytest.raises(Unavailable, match="failed"):
        world.jobs.path(world.jobs.find(job.job_no, "U-1"))
    world.jobs.ask("q", "U-1", "a.xlsx", "x", break_down)
    assert world.wait(2).error == "RuntimeError"  # what broke inside is for our log, and holds no data there
    assert ask(world).job_no == job.job_no
    assert world.wait(3).state == "DONE"


def test_progress_is_seen_and_closing_breaks_off(world: World) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(_out: BinaryIO, progress: Progress) -> None:
        progress(5, 10)
        begun.set()
        assert go_on.wait(20)
        progress(6, 10)

    job = world.jobs.ask("slow", "U-1", "a.csv", "text/csv", slow)
    assert begun.wait(20)
    seen = world.jobs.find(job.job_no, "U-1")
    assert (seen.state, seen.done, seen.rows) == ("RUNNING", 5, 10)
    closing = threading.Thread(target=world.jobs.close)
    closing.start()
    assert world.jobs._closing.wait(20)
    go_on.set()
    closing.join(20)
    assert world.told[-1].state == "FAILED"
    assert not list(world.folder.glob("*.part"))


def test_nobody_fills_the_queue_alone(world: World) -> None:
    release = threading.Event()

    def hold(_out: BinaryIO, _progress: Progress) -> None:
        assert release.wait(20)

    for number in range(UNFINISHED_MAX):
        world.jobs.ask(str(number), "U-1", "a", "x", hold)
    with pytest.raises(Unavailable, match="wait for one"):
        ask(world, "one more")
    assert ask(world, owner="U-2").state == "WAITING"
    release.set()
    world.wait(UNFINISHED_MAX + 1)


def test_after_a_week_a_file_is_forgotten(world: World) -> None:
    job = ask(world)
    world.wait()
    world.now += KEPT + timedelta(seconds=1)
    ask(world, "another")
    with pytest.raises(NotFound):
        world.jobs.find(job.job_no, "U-1")
    assert not (world.folder / f"{job.job_no}.bin").exists()


@pytest.mark.parametrize("job_no", ["../secret", "", "x" * 50])
def test_a_number_is_no_path(world: World, job_no: str) -> None:
    with pytest.raises(NotFound):
        world.jobs.find(job_no, "U-1")
