"""Many commands in one transaction: all of them, or none.

Each command is judged as if those before it were stored already: it sees what they changed, in the aggregates and in
the lists that guards ask (open cases of a loan note). Not for commands that stand alone: `Assets.execute`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import IntegrityError

from aggregates.assets import RETRIES_MAX, Assets, role_for, row_of, translated
from aggregates.commands import Command, Outcome, Work
from aggregates.ports import CommandRecord, StoredCommand
from aggregates.read_model import END_STAGES, Instructed, ReadModel
from aggregates.registry import KINDS
from aggregates.steps.case import Case
from aggregates.steps.step import Step
from engines.primitives.errors import Conflict, TidemarkError


@dataclass(frozen=True, slots=True)
class Together:
    """Outcome of each command; or the refusals by place in the batch, and then nothing was stored."""

    outcomes: tuple[Outcome, ...] = ()
    refused: Mapping[int, TidemarkError] = field(default_factory=dict)


def execute_together(app: Assets, commands: Sequence[Command], *, batch_id: str, store: bool = True) -> Together:
    """Carry out all commands in one transaction, once: a repeated `batch_id` returns what the first one stored.

    Every command is judged even after one was refused, so that the caller hears of all refusals at once. Without
    `store` they are only judged. Raises
    Conflict (another batch had this id; one of the commands was stored alone before; others changed the same records
    each time) and Unavailable.
    """
    content = b"".join(command.digest(command.command) for command in commands)
    digests = app.digests(content, sha256(content).digest())
    with translated():
        for _ in range(RETRIES_MAX + 1):
            if known := app.decisions.stored_command(batch_id):
                if known.digest not in digests:
                    raise Conflict("this batch id belongs to other commands", field="cmd_id", cmd_id=batch_id)
                return _told(app, commands, known, repeated=True)
            alone = next((one for one in commands if app.decisions.stored_command(one.cmd_id)), None)
            if alone is not None:
                raise Conflict("a command of this batch was stored alone before", cmd_id=alone.cmd_id)
            ahead = _Ahead(app)
            refused = {}
            for place, command in enumerate(commands):
                try:
                    ahead.carry_out(command)
                except TidemarkError as error:
                    refused[place] = error
            if refused and app.decisions.stored_command(batch_id):
                continue  # another process stored this very batch since we asked
            if refused or not store:
                return Together(refused=refused)
            if not ahead.changed:
                return _nothing(commands)
            try:
                recordings = app.save(*ahead.changed.values(), command=CommandRecord(batch_id, digests[0]))
            except IntegrityError:
                continue  # somebody was first: judge everything again
            positions = [recording.notification.id for recording in recordings]
            return _told(app, commands, StoredCommand(digests[0], positions[0], positions[-1]), repeated=False)
    raise Conflict("others changed the same records each time", cmd_id=batch_id)


class _Ahead:
    """The store as it will be once the batch is in it. A refused command leaves no trace: it worked on copies."""

    def __init__(self, app: Assets) -> None:
        self.app = app
        self.changed: dict[tuple[str, str], Case] = {}

    def carry_out(self, command: Command) -> None:
        command.check()
        kind, row = row_of(command)
        role = role_for(command, row)
        model = cast("ReadModel", _AheadModel(self.app.model, self.changed))
        work = Work(command, role, self, model, self.app.policy, self.app.bank_day, KINDS, self.app.protection)
        Step(work, kind, row, command.key).perform()
        self.changed |= {(case.NAME, case.key): case for case in work.changed.values() if case.pending_events}

    def find(self, aggregate: str, key: str) -> Case | None:
        known = self.changed.get((aggregate, key))
        return self.app.find(aggregate, key) if known is None else deepcopy(known)

    def stream_for(self, kind: type[Case], key: str) -> UUID:
        return self.app.stream_for(kind, key)


class _AheadModel:
    """The read model with the batch's own aggregates in the place of the stored ones."""

    def __init__(self, model: ReadModel, changed: Mapping[tuple[str, str], Case]) -> None:
        self._model, self._changed = model, changed

    @contextmanager
    def current(self) -> Iterator["_AheadModel"]:
        with self._model.current():
            yield self

    def of_kind(self, aggregate: str) -> Iterator[Any]:
        for case in self._model.of_kind(aggregate):
            if (aggregate, case.key) not in self._changed:
                yield case
        yield from (case for (kind, _), case in self._changed.items() if kind == aggregate)

    def cases_of(self, aggregate: str, loan_no: str) -> list[Any]:
        stored = [
            case for case in self._model.cases_of(aggregate, loan_no) if (aggregate, case.key) not in self._changed
        ]
        mine = [case for (kind, _), case in self._changed.items() if kind == aggregate and loan_no in case.asset_ids]
        return stored + mine

    def open_cases(self, aggregate: str, loan_no: str) -> list[str]:
        return [case.key for case in self.cases_of(aggregate, loan_no) if case.stage not in END_STAGES]

    def case_of_instruction(self, instruction_id: str) -> Instructed | None:
        return self._model.case_of_instruction(instruction_id)


def _told(app: Assets, commands: Sequence[Command], stored: StoredCommand, *, repeated: bool) -> Together:
    views = [
        app.view(event)
        for event in app.decisions.select_recorded(start=stored.first_position, stop=stored.last_position)
    ]
    return Together(
        tuple(
            Outcome(
                command.cmd_id,
                command.aggregate,
                command.key,
                tuple(view for view in views if view.envelope.cmd_id == command.cmd_id),
                repeated,
            )
            for command in commands
        )
    )


def _nothing(commands: Sequence[Command]) -> Together:
    """Every fact was stored already."""
    return Together(tuple(Outcome(one.cmd_id, one.aggregate, one.key, (), repeated=True) for one in commands))
