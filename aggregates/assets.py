"""`Assets`: the application that names the use cases of risk assets. One door for HTTP, Kafka and scenario
files.

`execute` takes a command of an authenticated principal and either stores the events of one transaction or
raises one of the six error kinds, having stored nothing. It chooses no database: a factory comes in, shared
by all applications (decision E4), and whoever opened it closes it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import (
    EventStore,
    InfrastructureFactory,
    IntegrityError,
    InterfaceError,
    JSONTranscoder,
    OperationalError,
    PersistenceError,
    Recording,
    StoredEvent,
)

from aggregates import envelope, registry, snapshots
from aggregates.commands import Command, Outcome, Policy, Work, end_of_day
from aggregates.envelope import ROLES, Principal
from aggregates.evolution import EvolvingMapper
from aggregates.payload import wrong
from aggregates.personal_marking import mark_event, marked_state
from aggregates.personal_sealing import Protection
from aggregates.personal_subjects import stream_subject
from aggregates.ports import CommandRecord, DecisionRecorder, Factory, Recorded, StoredCommand
from aggregates.read_model import Instructed, ReadModel
from aggregates.refusals import not_found, unless_role
from aggregates.registry import KINDS
from aggregates.rendering import EventView, Json, state_of, view
from aggregates.steps.case import Case
from aggregates.steps.rows import Row
from aggregates.steps.step import Step
from engines.primitives.errors import Conflict, CorruptRecord, TidemarkError, Unavailable

RETRIES_MAX = 3
BANK_ZONE = "Asia/Shanghai"  # default of decision E2


class Assets(Application[UUID]):
    def __init__(
        self,
        factory: Factory,
        *,
        policy: Policy | None = None,
        zone_by_entity: Mapping[str, str] | None = None,
        protection: Protection | None = None,
    ) -> None:
        """`factory.application_recorder()` gives the one DecisionRecorder; zones are IANA names. `protection` seals
        what is personal (decision E8); without it that is stored as it came, as in scenarios."""
        self._factory, self.protection = factory, protection
        self.policy = policy or Policy()
        self._zone_by_entity = dict(zone_by_entity or {})
        super().__init__()
        self.decisions = cast("DecisionRecorder", self.recorder)
        self.model = ReadModel(self.decisions, self.decode)
        self._key_by_stream: dict[UUID, str] = {}

    # --- Commands ------------------------------------------------------------------------------------------

    def execute(self, command: Command) -> Outcome:
        """Carry out one command, once: a repeated `cmd_id` returns what the first one stored, and stores
        nothing.

        Raises: InvalidInput (naming the field), Forbidden (role, segregation of duties), NotFound, Rejected
        (the guard in `facts`), Conflict (lost the race four times, or the `cmd_id` belongs to another
        command), Unavailable (the store does not answer; repeat with the same `cmd_id`).
        """
        kind, row = row_of(command)
        role = role_for(command, row)
        return self._carry_out(command, role, row.command, lambda work: Step(work, kind, row, command.key).perform())

    def store_fixture(self, command: Command) -> Outcome:
        """Store the event that `command` names without judging it: only scenarios begin in the middle (E18).
        Nothing that serves people calls this."""
        kind, row = row_of(command)
        role = command.role or row.roles[0]
        return self._carry_out(command, role, row.event, lambda work: Step(work, kind, row, command.key).fixture())

    def _carry_out(self, command: Command, role: str, name: str, act: Callable[[Work], None]) -> Outcome:
        command.check()
        digests = self._digests(command, name)
        with translated():
            for _ in range(RETRIES_MAX + 1):
                if known := self.decisions.stored_command(command.cmd_id):
                    return self._repeat(command, digests, known)
                work = Work(command, role, self, self.model, self.policy, self.bank_day, KINDS, self.protection)
                try:
                    act(work)
                except TidemarkError:
                    # Another process may have stored this very command since we asked: it is the one in the way.
                    if known := self.decisions.stored_command(command.cmd_id):
                        return self._repeat(command, digests, known)
                    raise
                if not any(case.pending_events for case in work.changed.values()):
                    return Outcome(command.cmd_id, command.aggregate, command.key, (), repeated=True)
                try:
                    recordings = self.save(*work.changed.values(), command=CommandRecord(command.cmd_id, digests[0]))
                except IntegrityError:
                    continue  # someone was first, or this very command was: reload, check every guard again
                except (OperationalError, InterfaceError):
                    # The connection may have died after the commit: the stored command tells.
                    if known := self.decisions.stored_command(command.cmd_id):
                        return self._repeat(command, digests, known, repeated=False)
                    raise
                self._keep(work.changed.values(), recordings)
                positions = [recording.notification.id for recording in recordings]
                stored = StoredCommand(digests[0], positions[0], positions[-1])
                return self._repeat(command, digests, stored, repeated=False)
        raise Conflict("others changed the same records each time", key=command.key, cmd_id=command.cmd_id)

    def _repeat(
        self, command: Command, digests: Sequence[bytes], known: StoredCommand, *, repeated: bool = True
    ) -> Outcome:
        if known.digest not in digests:
            raise Conflict("this cmd_id belongs to another command", field="cmd_id", cmd_id=command.cmd_id)
        events = self.decisions.select_recorded(start=known.first_position, stop=known.last_position)
        views = tuple(self.view(event) for event in events)
        return Outcome(command.cmd_id, command.aggregate, command.key, views, repeated)

    def _keep(self, cases: Iterable[Case], recordings: Sequence[Recording[UUID]]) -> None:
        """Take the snapshots that are due. A failure costs time at a later load, and nothing else."""
        last = {one.domain_event.originator_id: one.notification.id for one in recordings}
        count = Counter(one.domain_event.originator_id for one in recordings)
        due = [case for case in cases if snapshots.is_due(case, count[case.id])]
        if due and self.snapshots is not None:
            with suppress(PersistenceError):
                chains = [self.decisions.chain_at(last[case.id]) for case in due]
                self.snapshots.put([snapshots.CaseSnapshot.of(*pair) for pair in zip(due, chains, strict=True)])

    def find(self, aggregate: str, key: str) -> Case | None:
        """Load an aggregate by its business key. Not for callers outside: it does not ask who is reading."""
        try:
            return cast("Case", self.repository.get(self.stream_id(aggregate, key), projector_func=_folded))
        except AggregateNotFoundError:
            return self._find_old(aggregate, key)

    def stream_id(self, aggregate: str, key: str) -> UUID:
        """Under which id an aggregate's events stand. Not `KINDS[…].stream_id`: streams of customers stand under a
        random token, which nobody can compute from a customer number (decision E8)."""
        subject = None if self.protection is None else stream_subject(aggregate, key)
        if subject is not None and (token := self.protection.stream_token(subject, create=False)):  # type: ignore[union-attr]
            return KINDS[aggregate].stream_id(token)
        return KINDS[aggregate].stream_id(key)

    def stream_for(self, kind: type[Case], key: str) -> UUID:
        """The id for the stream of a new aggregate."""
        subject = None if self.protection is None else stream_subject(kind.NAME, key)
        if subject is None or self.protection is None:
            return kind.stream_id(key)
        return kind.stream_id(self.protection.stream_token(subject, create=True) or key)

    def _find_old(self, aggregate: str, key: str) -> Case | None:
        """Streams begun before there were tokens stay where they are."""
        if self.protection is None or stream_subject(aggregate, key) is None:
            return None
        try:
            return cast("Case", self.repository.get(KINDS[aggregate].stream_id(key), projector_func=_folded))
        except AggregateNotFoundError:
            return None

    def _digests(self, command: Command, name: str) -> tuple[bytes, ...]:
        """The digest to store, then those under which it may have been stored before. Keyed where there is a key: a
        command holds personal data, and what an unkeyed digest hides can be guessed."""
        return self.digests(command.content(name), command.digest(name))

    def digests(self, content: bytes, unkeyed: bytes) -> tuple[bytes, ...]:
        return (unkeyed,) if self.protection is None else (self.protection.digest(content), unkeyed)

    # --- Reading -------------------------------------------------------------------------------------------

    def history(
        self,
        aggregate: str,
        key: str,
        *,
        reader: Principal,
        known_at: datetime | date | None = None,
    ) -> list[EventView]:
        """Events of one aggregate, oldest first, as far as they were known at an instant, or at the end of a
        bank day (decision E2). Raises NotFound for what does not exist and for another entity's."""
        with translated():
            found = self._readable(aggregate, key, reader)
            stop = None
            if known_at is not None:
                moment = known_at
                if not isinstance(moment, datetime):
                    moment = end_of_day(moment, self._zone(found.entity_id))
                stop = self.decisions.position_known_at(moment)
            events = self.decisions.select_recorded(originator_id=found.id, stop=stop)
            return [self.view(event) for event in events]

    def state(self, aggregate: str, key: str, *, reader: Principal) -> Json:
        """Present state of one aggregate, in the names of decision E18. Raises NotFound as `history` does."""
        with translated():
            return self._state_of(self._readable(aggregate, key, reader))

    def list_risk_assets(
        self,
        *,
        reader: Principal,
        entity: str | None = None,
        lifecycle: str | None = None,
    ) -> list[Json]:
        """Present states of the risk assets that the reader may see, by entity and loan number."""
        found = self.list_cases("RiskAsset", reader=reader)
        rows = [row for row in found if entity in (None, row["entity"]) and lifecycle in (None, row["lifecycle"])]
        return sorted(rows, key=lambda row: (row["entity"], row["loan_no"]))

    def list_cases(
        self,
        aggregate: str,
        *,
        reader: Principal,
        entity: str | None = None,
        stage: str | None = None,
        asset_no: str | None = None,
        where: Mapping[str, object] | None = None,
    ) -> list[Json]:
        """Present states of the aggregates of a kind that the reader may see, newest first.

        `asset_no` keeps the cases about one loan note, `where` those whose state has these values."""
        _unless_reader(reader)
        _unless_known(aggregate)
        with translated(), self.model.current() as model:
            found = model.of_kind(aggregate) if asset_no is None else model.cases_of(aggregate, asset_no)
            seen = [
                case
                for case in reversed(list(found))
                if reader.may_act_for(case.entity_id)
                and entity in (None, case.entity_id)
                and stage in (None, case.stage)
            ]
            rows = [self._state_of(case) for case in seen]
        wanted = (where or {}).items()
        return [row for row in rows if all(row.get(name) == value for name, value in wanted)]

    def _state_of(self, case: Case) -> Json:
        state = state_of(case)
        return state if self.protection is None else marked_state(type(case), state)

    def case_of_instruction(self, instruction_id: str) -> Instructed | None:
        """The case that an instruction belongs to: core's answers name the instruction only."""
        with translated(), self.model.current() as model:
            return model.case_of_instruction(instruction_id)

    def published_after(self, position: int, limit: int) -> list[EventView]:
        """The next events of the whole log, for its publisher; it does not ask who is reading."""
        with translated():
            recorded = self.decisions.select_recorded(start=position + 1, limit=limit)
            return [self.view(event) for event in recorded]

    def view(self, recorded: Recorded) -> EventView:
        """One stored event as the world sees it."""
        event = self.decode(recorded)
        if self.protection is not None:
            mark_event(event)
        return view(recorded, event, self._key_of(recorded, event))

    def decode(self, recorded: Recorded) -> Any:
        # Only registered topics: the library would import a module that a foreign topic names.
        if recorded.topic not in registry.TYPE_BY_TOPIC:
            raise CorruptRecord(f"unknown topic {recorded.topic!r}", position=recorded.position)
        return self.mapper.to_domain_event(
            StoredEvent(recorded.originator_id, recorded.originator_version, recorded.topic, recorded.state)
        )

    def bank_day(self, entity: str, at: datetime) -> date:
        """The day of an instant in the entity's bank time."""
        return at.astimezone(self._zone(entity)).date()

    def _zone(self, entity: str) -> ZoneInfo:
        return ZoneInfo(self._zone_by_entity.get(entity, BANK_ZONE))

    def _readable(self, aggregate: str, key: str, reader: Principal) -> Case:
        _unless_reader(reader)
        _unless_known(aggregate)
        found = self.find(aggregate, key)
        if found is None or not reader.may_act_for(found.entity_id):
            raise not_found(aggregate, key)
        return found

    def _key_of(self, recorded: Recorded, event: Any) -> str:
        stream_id = recorded.originator_id
        if (key := self._key_by_stream.get(stream_id)) is None:
            if recorded.originator_version > 1:
                event = next(iter(self.events.get(stream_id, limit=1)))
            field = registry.kind_of(recorded.topic).KEY
            key = self._key_by_stream[stream_id] = getattr(event, field)
        return key

    # --- What the library asks for -------------------------------------------------------------------------

    def construct_factory(self, env: Any) -> InfrastructureFactory[Any]:
        return self._factory

    def construct_mapper(self) -> EvolvingMapper:
        return cast("EvolvingMapper", self.factory.mapper(self.construct_transcoder(), EvolvingMapper))

    def register_transcodings(self, transcoder: JSONTranscoder) -> None:
        super().register_transcodings(transcoder)
        envelope.register_transcodings(transcoder)
        snapshots.register_transcodings(transcoder)

    def construct_snapshot_store(self) -> EventStore[UUID]:
        recorder = self.factory.aggregate_recorder(purpose=snapshots.PURPOSE)
        return self.factory.event_store(mapper=self.mapper, recorder=recorder)

    def close(self) -> None:
        # The factory is shared: the library's own close, also run by its __del__, would cut off the others.
        self.closing.set()


def _folded(case: Any, events: Iterable[Any]) -> Any:
    """The library's own asks of each event whether it can mutate, which takes longer than to mutate."""
    for event in events:
        case = event.mutate(case)
    return case


def row_of(command: Command) -> tuple[type[Case], Row]:
    """Row of the aggregate's table, by the name of the event it wants or by the command's, if that means one event
    (decision E18). Where several commands store the same event, their own names tell them apart."""
    kind = KINDS.get(command.aggregate)
    if kind is None:
        raise wrong("aggregate", f"no aggregate {command.aggregate!r:.40}")
    rows = kind.rows_of(command.command)
    if not rows:
        raise wrong("command", f"{command.aggregate} has no command {command.command!r:.40}")
    events = sorted({row.event for row in rows})
    if len(events) > 1:
        raise wrong("command", f"{command.command} may mean {', '.join(events)}: name the event")
    return kind, rows[0]


def role_for(command: Command, row: Row) -> str:
    held: Sequence[str] = command.principal.roles
    if command.role is not None:
        unless_role(command.role in held, f"{command.principal.actor} does not hold role {command.role}")
        held = (command.role,)
    fitting = [role for role in row.roles if role in held]
    wanted = " or ".join(row.roles)
    unless_role(bool(fitting), f"{command.aggregate}.{row.command} needs role {wanted}")
    return fitting[0]


def _unless_known(aggregate: str) -> None:
    if aggregate not in KINDS:
        raise wrong("aggregate", f"no aggregate {aggregate!r:.40}")


def _unless_reader(reader: Principal) -> None:
    """Reading needs a role too (decision S31)."""
    unless_role(any(role in ROLES for role in reader.roles), f"{reader.actor} holds no role")


@contextmanager
def translated() -> Iterator[None]:
    """The store's failures in our own words; IntegrityError is settled where it is met."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Unavailable("the event store does not answer") from error
