"""Records of `tm.in.workflow.command.v1` and `tm.in.core.posting-reply.v1`: decode, authenticate, execute.

Knows nothing of Faust: it takes one record's bytes and tells what became of it. What the caller could correct
comes back as a dead letter's reason; an event store that does not answer raises Unavailable, so that the
record is not acknowledged and is read again. Repetition is harmless: a `cmd_id` is executed once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec

from aggregates.assets import Assets
from aggregates.commands import Command, Outcome
from aggregates.envelope import Principal
from aggregates.payload import check_day
from engines.primitives.errors import Forbidden, InvalidInput, NotFound, TidemarkError, Unavailable
from infra.security import Unauthenticated
from streams.access_log import AccessLog
from streams.posting import reply_command
from streams.schemas import PostingReply, WorkflowCommand

T = TypeVar("T")
Verifier = Callable[[str, datetime], Principal]  # raises infra.security.Unauthenticated


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Why a record was set aside: the error's code, one sentence, and the field or guard if one is to
    blame."""

    code: str
    reason: str
    field: str = "-"
    guard: str = "-"


@dataclass(frozen=True, slots=True)
class Handled:
    """Exactly one of the two is set."""

    outcome: Outcome | None = None
    dead_letter: DeadLetter | None = None


class CommandHandler:
    def __init__(self, app: Assets, verify: Verifier, access: AccessLog | None = None) -> None:
        """`access` hears of commands by nobody we know, and of those that role or duties forbid."""
        self._app, self._verify, self._access = app, verify, access
        self._commands = msgspec.json.Decoder(WorkflowCommand)
        self._replies = msgspec.json.Decoder(PostingReply)

    def handle_command(self, value: bytes | None, at: datetime) -> Handled:
        """One workflow command. `at` is when it arrived: the token must be valid then. Raises Unavailable."""
        return self._handled(lambda: self._command(value, at))

    def handle_posting_reply(self, value: bytes | None, at: datetime) -> Handled:
        """One answer of core banking. A dead letter here is an incident: core has posted what we refuse
        (PM7)."""
        return self._handled(lambda: self._reply(value, at))

    def _command(self, value: bytes | None, at: datetime) -> Command:
        record = self._decode(self._commands, value)
        return Command(
            cmd_id=record.cmd_id,
            aggregate=record.aggregate,
            key=record.key,
            command=record.command,
            payload=record.payload,
            principal=self._principal(record, at),
            at=at,
            valid_on=None if record.valid_on is None else check_day(record.valid_on, "valid_on"),
            reason=record.reason,
        )

    def _principal(self, record: WorkflowCommand, at: datetime) -> Principal:
        try:
            return self._verify(record.token, at)
        except Unauthenticated as error:
            if self._access is not None:
                self._access.refused_token(record, error)
            raise

    def _reply(self, value: bytes | None, at: datetime) -> Command:
        record = self._decode(self._replies, value)
        if record.value_date is not None:
            check_day(record.value_date, "value_date")
        case = self._app.case_of_instruction(record.instruction_id)
        if case is None:
            raise NotFound("no case has this instruction", field="instruction_id")
        return reply_command(record, case, at)

    def _handled(self, command: Callable[[], Command]) -> Handled:
        try:
            return Handled(outcome=self._execute(command()))
        except Unavailable:
            raise
        except TidemarkError as error:
            facts = error.facts
            field, guard = str(facts.get("field", "-")), str(facts.get("guard", "-"))
            return Handled(dead_letter=DeadLetter(error.code, str(error), field, guard))

    def _execute(self, command: Command) -> Outcome:
        try:
            return self._app.execute(command)
        except Forbidden as error:
            if self._access is not None:
                self._access.refused(command, error, "kafka")
            raise

    @staticmethod
    def _decode(decoder: "msgspec.json.Decoder[T]", value: bytes | None) -> T:
        if not value:
            raise InvalidInput("the record is empty", field="value")
        try:
            return decoder.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput(f"the record is not what it should be: {error}", field="value") from error
