"""A file of rows turned into commands of one kind, row by row or all together; a refusal names row, column, reason.

The file is kept as an attachment, and every event names it in `docs`. A file is carried out once: a row's `cmd_id`
follows from the file's digest, the kind and the row, so that a second upload stores nothing twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from aggregates.assets import Assets
from aggregates.batch_commands import execute_together
from aggregates.commands import Command, Outcome
from aggregates.envelope import EVERY_ENTITY, Principal
from aggregates.payload import check_day, check_id
from api.access import refused
from api.batch_columns import REASON, VALID_ON, Cell, Sheet, about_of, payload_of, sheet_of, unknown_columns
from api.batch_files import Table, read_table, with_results
from engines.primitives.errors import InvalidInput, TidemarkError, Unavailable
from infra.attachments import Attachment, Attachments, safe_name

ROW_BY_ROW, TOGETHER = "rows", "all"
STORED, REPEATED, REFUSED, LEFT = "stored", "repeated", "refused", "not stored"


@dataclass(frozen=True, slots=True)
class RowResult:
    """`result`: stored, repeated (it had been before), refused, or not stored because another row was refused."""

    row: int
    key: str
    result: str
    events: tuple[str, ...] = ()
    column: str = ""
    code: str = ""
    guard: str = ""
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("row", "key", "result")} | {"events": list(self.events)}
        if self.result == REFUSED:
            told["error"] = {"code": self.code, "column": self.column, "guard": self.guard, "reason": self.reason}
        return told


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of a file. `results`: the same rows with what became of each, as an attachment."""

    sheet: str
    mode: str
    file: Attachment
    results: Attachment
    rows: tuple[RowResult, ...]

    def count(self, result: str) -> int:
        return sum(row.result == result for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        counts = {name.replace(" ", "_"): self.count(name) for name in (STORED, REPEATED, REFUSED, LEFT)}
        return {
            "kind": self.sheet,
            "mode": self.mode,
            "file": self.file.reference(),
            "results": self.results.reference(),
            "counts": counts,
            "rows": [row.to_json() for row in self.rows],
        }


class Uploads:
    def __init__(self, assets: Assets, attachments: Attachments, clock: Callable[[], datetime]) -> None:
        self.assets, self.attachments, self.clock = assets, attachments, clock

    def upload(
        self,
        data: bytes,
        name: str,
        kind: str,
        *,
        writer: Principal,
        entity: str | None = None,
        mode: str = ROW_BY_ROW,
    ) -> Uploaded:
        """Carry out every row of a file as one command of `kind` (`RiskAsset.Admit`), as the person of the token.

        `mode` "rows": what can be stored is; "all": nothing is, unless every row can. Raises what reading the file
        and storing it raise; what is wrong with a row stands in its result.
        """
        if mode not in (ROW_BY_ROW, TOGETHER):
            raise InvalidInput("want rows or all", field="mode")
        sheet, table = sheet_of(kind), read_table(data)
        if strange := unknown_columns(sheet, table.header):
            raise InvalidInput(
                f"{sheet.name} has no column {strange[0]!r:.60}", field="header", column=strange[0][:60]
            )
        if sheet.key not in table.header:
            raise InvalidInput(f"the column {sheet.key} is missing", field="header", column=sheet.key)
        home = entity_of(writer, entity)
        at = self.clock()
        file = self._kept(data, safe_name(name), writer, home, at)
        batch_id = f"up-{sha256(f'{file.sha256}|{sheet.name}|{home}'.encode()).hexdigest()[:40]}"
        read = [_command(sheet, table, cells, f"{batch_id}-{row}", file, writer, at) for row, cells in table.rows]
        rows = (
            self._together(sheet, read, table, batch_id)
            if mode == TOGETHER
            else self._alone(sheet, read, table, batch_id)
        )
        told = with_results(table, [(one.result, one.column, one.reason) for one in rows], at)
        results = self.attachments.add(
            [told], f"results-{file.name}", writer=writer, entity=home, at=at, facts={"upload": file.doc_id}
        )
        return Uploaded(sheet.name, mode, file, results, tuple(rows))

    def _kept(self, data: bytes, name: str, writer: Principal, entity: str, at: datetime) -> Attachment:
        """The file under an id that follows from its content alone: events name it, and a repetition is the same."""
        digest = sha256(data).hexdigest()
        doc_id = f"U{sha256(f'{entity}|{digest}'.encode()).hexdigest()[:24]}"
        known = self.attachments.known(doc_id)
        name = name if known is None else known.name
        return self.attachments.add([data], name, writer=writer, entity=entity, at=at, doc_id=doc_id)

    def _alone(
        self, sheet: Sheet, read: Sequence[Command | TidemarkError], table: Table, batch_id: str
    ) -> list[RowResult]:
        if self.assets.decisions.stored_command(batch_id) is not None:
            return self._together(sheet, read, table, batch_id)  # all of them were stored at once before
        rows: list[RowResult] = []
        for (row, cells), command in zip(table.rows, read, strict=True):
            key = _key(sheet, table, cells)
            if isinstance(command, TidemarkError):
                rows.append(_refused(row, key, command))
                continue
            try:
                rows.append(_done(row, self.assets.execute(command)))
            except Unavailable:
                raise  # nothing is wrong with the row: the same file again goes on where this one stopped
            except TidemarkError as error:
                rows.append(_refused(row, key, error))
        return rows

    def _together(
        self, sheet: Sheet, read: Sequence[Command | TidemarkError], table: Table, batch_id: str
    ) -> list[RowResult]:
        good = [(place, one) for place, one in enumerate(read) if isinstance(one, Command)]
        errors = {place: one for place, one in enumerate(read) if isinstance(one, TidemarkError)}
        # With an unreadable row nothing will be stored; what else would be refused is told all the same.
        judged = execute_together(self.assets, [one for _, one in good], batch_id=batch_id, store=not errors)
        for place, error in judged.refused.items():
            refused(good[place][1], error)
        outcomes = dict(enumerate(judged.outcomes))
        errors |= {good[place][0]: error for place, error in judged.refused.items()}
        rows = []
        for place, (row, cells) in enumerate(table.rows):
            key = _key(sheet, table, cells)
            if place in errors:
                rows.append(_refused(row, key, errors[place]))
            elif place in outcomes:
                rows.append(_done(row, outcomes[place]))
            else:
                rows.append(RowResult(row, key, LEFT))
        return rows


def entity_of(writer: Principal, entity: str | None) -> str:
    """The entity that a file is of: the one named, else the only one of the token."""
    if entity is not None:
        return check_id(entity, "entity")
    if len(writer.entities) != 1 or writer.entities[0] == EVERY_ENTITY:
        raise InvalidInput("name the entity: the token does not name exactly one", field="entity")
    return writer.entities[0]


def _command(
    sheet: Sheet, table: Table, cells: Sequence[Cell], cmd_id: str, file: Attachment, writer: Principal, at: datetime
) -> Command | TidemarkError:
    row = dict(zip(table.header, cells, strict=False))
    try:
        about = about_of(sheet, row)
        command = Command(
            cmd_id=cmd_id,
            aggregate=sheet.aggregate.NAME,
            key=check_id(about.get(sheet.key, ""), sheet.key),
            command=sheet.command,
            payload=payload_of(sheet, row),
            principal=writer,
            at=at,
            valid_on=check_day(about[VALID_ON], VALID_ON) if VALID_ON in about else None,
            reason=about.get(REASON, ""),
            docs=(file.doc_id,),
        )
        command.check()
    except TidemarkError as error:
        return error
    return command


def _key(sheet: Sheet, table: Table, cells: Sequence[Cell]) -> str:
    key = dict(zip(table.header, cells, strict=False)).get(sheet.key)
    return "" if key is None else str(key)[:64]


def _done(row: int, outcome: Outcome) -> RowResult:
    events = tuple(event.type for event in outcome.events)
    return RowResult(row, outcome.key, REPEATED if outcome.repeated else STORED, events)


def _refused(row: int, key: str, error: TidemarkError) -> RowResult:
    guard, column = str(error.facts.get("guard", "")), str(error.facts.get("field", ""))
    return RowResult(row, key, REFUSED, (), column, error.code, guard, str(error))
