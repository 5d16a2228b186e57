"""Ledgers leave the house: a table in a form, at once or, where it is big, as a job in the background."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, overload

import structlog

from aggregates.commands import Command
from aggregates.envelope import EVERY_ENTITY, Principal
from api.ledger_desk import Assets, LedgerDesk, Question, Tables
from api.ledger_views import SavedViews
from api.masking import Masking
from engines.primitives.errors import InvalidInput, TidemarkError
from infra.event_store import utc_now
from infra.exports import FORMS, Form, Language, Stamp, stamp_of
from infra.exports.jobs import DONE, ExportJobs, Job, Progress
from infra.settings import Settings
from projections.ledgers.table import Cell, LedgerTable

log = structlog.get_logger()

SYNC_ROWS = 50_000
STEP = 1_000  # rows between two words of progress
PASSES = 2  # the stamp's digest, then the file
NOTICE_DAYS = 7


def form_of(name: str) -> Form:
    """Raises InvalidInput: no such form."""
    if name not in FORMS:
        raise InvalidInput(f"want one of {', '.join(FORMS)}, got {name:.40}", field="form")
    return FORMS[name]


def write_ledger(
    table: LedgerTable, form: str, out: Path, *, user: str = "-", language: Language = "zh", asked: str = ""
) -> Stamp:
    """Write the table to `out` as csv, xlsx, json, parquet, pdf or html. The same arguments give the same bytes.

    `asked` says which filters and columns made the table. Raises InvalidInput: no such form, or the form cannot hold
    the table; Unavailable: the typeface for PDF is missing on this host.
    """
    found = form_of(form)
    stamp = stamp_of(table, user=user, language=language, asked=asked)
    with out.open("w+b") as file:
        found.write(table, stamp, file)
    return stamp


@dataclass(frozen=True, slots=True)
class Exported:
    """A file made at once."""

    content: bytes
    stamp: Stamp
    form: Form

    @property
    def file_name(self) -> str:
        return file_name(self.stamp.name, self.stamp.as_of, self.form)


def file_name(ledger: str, as_of: str, form: Form) -> str:
    return f"{ledger}-{as_of}{form.suffix}"


class LedgerExports:
    """What the routes need: the desk, saved views, and files. `sync_rows`: above it a file becomes a job."""

    def __init__(self, desk: LedgerDesk, views: SavedViews, jobs: ExportJobs, *, sync_rows: int = SYNC_ROWS) -> None:
        self.desk, self.views, self.jobs, self._sync_rows = desk, views, jobs, sync_rows

    def closed_after(self, stop: Callable[[], None]) -> Callable[[], None]:
        """`stop`, then the end of what is being written."""

        def both() -> None:
            stop()
            self.jobs.close()

        return both

    def export(self, question: Question, form_name: str, language: Language, reader: Principal) -> Exported | Job:
        """The file, or the job that writes it. Raises NotFound, InvalidInput, Unavailable."""
        form = form_of(form_name)
        table = self.desk.answer(question, reader)
        asked = str(question)
        if len(table.rows) <= self._sync_rows:
            stamp, out = self.stamp(table, question, language, reader), BytesIO()
            form.write(table, stamp, out)
            return Exported(out.getvalue(), stamp, form)

        def make(out: BinaryIO, progress: Progress) -> None:
            counted = replace(table, rows=_Counted(table.rows, progress))
            form.write(counted, stamp_of(counted, user=reader.actor, language=language, asked=asked), out)

        rights = ",".join((*reader.roles, reader.organisation, *reader.entities))
        # Asked for as of now, it is the same file as long as nothing was recorded.
        known_at = "" if question.known_at is None else str(question.known_at)
        facts = (table.name, form_name, language, asked, table.as_of, known_at, table.position, rights)
        name = file_name(table.name, table.as_of.isoformat(), form)
        own = next((one for one in reader.entities if one != EVERY_ENTITY), "-")
        where = question.entity or own
        return self.jobs.ask("\n".join(map(str, facts)), reader.actor, name, form.media_type, make, entity=where)

    def stamp(self, table: LedgerTable, question: Question, language: Language, reader: Principal) -> Stamp:
        """What a file or a page of this answer says about itself."""
        return stamp_of(table, user=reader.actor, language=language, asked=str(question))


class _Counted(Sequence[tuple[Cell, ...]]):
    """Rows that tell how far somebody who goes over them is."""

    def __init__(self, rows: Sequence[tuple[Cell, ...]], progress: Progress) -> None:
        self._rows, self._progress, self._passes = rows, progress, 0

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> tuple[Cell, ...]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[tuple[Cell, ...]]: ...
    def __getitem__(self, at: int | slice) -> Any:
        return self._rows[at]

    def __iter__(self) -> Iterator[tuple[Cell, ...]]:
        before, count = min(self._passes, PASSES - 1), len(self._rows)
        self._passes += 1
        for number, row in enumerate(self._rows):
            if number % STEP == 0:
                self._progress((before * count + number) // PASSES, count)
            yield row
        self._progress((before + 1) * count // PASSES, count)


def exports_of(settings: Settings, tables: Tables, assets: Assets, masking: Masking) -> LedgerExports:
    """As the API of this host offers them; the files of jobs stand in the data directory for a week."""
    desk = LedgerDesk(tables, assets, lambda reader: masking.lens(reader).text)
    jobs = ExportJobs(settings.data_dir / "exports", utc_now, telling(assets, utc_now))
    return LedgerExports(desk, SavedViews(assets), jobs, sync_rows=settings.export_sync_rows)


def telling(assets: Assets, clock: Callable[[], datetime]) -> Callable[[Job], None]:
    """Publishes a notice to the owner of a job that ended."""

    def told(job: Job) -> None:
        is_done = job.state == DONE
        words = "台账导出完成 / Export ready" if is_done else "台账导出失败 / Export failed"
        payload: dict[str, object] = {
            "title": f"{words}: {job.file_name}",
            "body": f"/ledger-exports/{job.job_no}" + ("" if is_done else f" ({job.error})"),
            "audience": [job.owner],
            "until_date": (clock() + timedelta(days=NOTICE_DAYS)).date().isoformat(),
            "entity_id": job.entity,
        }
        notice_no = f"EXPORT-{job.job_no}-{job.state}"
        system = Principal("system", ("SA",), "-", (EVERY_ENTITY,))
        try:
            assets.execute(Command(notice_no, "Notice", notice_no, "Publish", payload, system, clock()))
        except TidemarkError as error:
            # The job itself says what became of it; a missing notice must not undo the file.
            log.warning("export_notice_refused", job_no=job.job_no, code=error.code)

    return told
