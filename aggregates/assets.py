"""`Assets`: the application that names the use cases of risk assets. One door for HTTP, Kafka and scenario
files.

`execute` takes a command of an authenticated principal and either stores the events of one transaction or
raises one of the six error kinds, having stored nothing. It chooses no database: a factory comes in, shared
by all applications (decision E4), and whoever opened it closes it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import (
    InfrastructureFactory,
    IntegrityError,
    InterfaceError,
    JSONTranscoder,
    OperationalError,
    StoredEvent,
)

from aggregates import envelope, registry
from aggregates.commands import Command, CommandSpec, Outcome, Policy, Work, end_of_day
from aggregates.envelope import ROLES, Principal
from aggregates.payload import Fields, wrong
from aggregates.ports import CommandRecord, DecisionRecorder, Factory, Recorded, StoredCommand
from aggregates.read_model import ReadModel
from aggregates.refusals import not_found, unless_role
from aggregates.rendering import EventView, Json, state_of, view
from aggregates.risk_asset import RiskAsset
from aggregates.risk_asset_commands import RISK_ASSET_COMMANDS
from aggregates.write_off import WriteOff
from aggregates.write_off_commands import WRITE_OFF_COMMANDS
from engines.primitives.errors import Conflict, CorruptRecord, Unavailable

COMMANDS: Mapping[str, Mapping[str, CommandSpec]] = MappingProxyType(
    {"RiskAsset": RISK_ASSET_COMMANDS, "WriteOff": WRITE_OFF_COMMANDS}
)
RETRIES_MAX = 3
BANK_ZONE = "Asia/Shanghai"  # default of decision E2


class Assets(Application[UUID]):
    def __init__(
        self,
        factory: Factory,
        *,
        policy: Policy | None = None,
        zone_by_entity: Mapping[str, str] | None = None,
    ) -> None:
        """`factory.application_recorder()` gives the one DecisionRecorder; zones are IANA names."""
        self._factory = factory
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
        name, spec = _spec_of(command)
        role = _role_for(command, name, spec)
        command.check()
        digest = command.digest(name)
        with _translated():
            for _ in range(RETRIES_MAX + 1):
                if known := self.decisions.stored_command(command.cmd_id):
                    return self._repeat(command, digest, known)
                work = Work(command, role, Fields(command.payload), self, self.model, self.policy, self.bank_day)
                spec.handler(work)
                if not any(aggregate.pending_events for aggregate in work.changed.values()):
                    return Outcome(command.cmd_id, command.aggregate, command.key, (), repeated=True)
                try:
                    recordings = self.save(*work.changed.values(), command=CommandRecord(command.cmd_id, digest))
                except IntegrityError:
                    continue  # someone was first, or this very command was: reload, check every guard again
                except (OperationalError, InterfaceError):
                    # The connection may have died after the commit: the stored command tells.
                    if known := self.decisions.stored_command(command.cmd_id):
                        return self._repeat(command, digest, known, repeated=False)
                    raise
                positions = [recording.notification.id for recording in recordings]
                stored = StoredCommand(digest, positions[0], positions[-1])
                return self._repeat(command, digest, stored, repeated=False)
        raise Conflict("others changed the same records each time", key=command.key, cmd_id=command.cmd_id)

    def _repeat(self, command: Command, digest: bytes, known: StoredCommand, *, repeated: bool = True) -> Outcome:
        if known.digest != digest:
            raise Conflict("this cmd_id belongs to another command", field="cmd_id", cmd_id=command.cmd_id)
        events = self.decisions.select_recorded(start=known.first_position, stop=known.last_position)
        views = tuple(self.view(event) for event in events)
        return Outcome(command.cmd_id, command.aggregate, command.key, views, repeated)

    def find(self, aggregate: str, key: str) -> RiskAsset | WriteOff | None:
        """Load an aggregate by its business key. Not for callers outside: it does not ask who is reading."""
        cls = RiskAsset if aggregate == "RiskAsset" else WriteOff
        try:
            return cast("RiskAsset | WriteOff", self.repository.get(cls.create_id(key)))
        except AggregateNotFoundError:
            return None

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
        with _translated():
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
        with _translated():
            return state_of(self._readable(aggregate, key, reader))

    def list_risk_assets(
        self,
        *,
        reader: Principal,
        entity: str | None = None,
        lifecycle: str | None = None,
    ) -> list[Json]:
        """Present states of the risk assets that the reader may see, by entity and loan number."""
        _unless_reader(reader)
        with _translated(), self.model.current() as model:
            found = [
                asset
                for asset in model.risk_assets()
                if reader.may_act_for(asset.entity_id)
                and entity in (None, asset.entity_id)
                and lifecycle in (None, asset.lifecycle)
            ]
            return [state_of(asset) for asset in sorted(found, key=lambda a: (a.entity_id, a.loan_no))]

    def list_write_offs(self, *, reader: Principal, asset_no: str | None = None) -> list[Json]:
        _unless_reader(reader)
        with _translated(), self.model.current() as model:
            found = [
                case
                for case in model.write_offs()
                if reader.may_act_for(case.entity_id) and asset_no in (None, case.asset_no)
            ]
            return [state_of(case) for case in sorted(found, key=lambda c: (c.entity_id, c.write_off_no))]

    def case_of_instruction(self, instruction_id: str) -> str | None:
        """Number of the write-off case that an instruction belongs to: core's answers name the instruction
        only."""
        with _translated(), self.model.current() as model:
            case = model.case_of_instruction(instruction_id)
            return None if case is None else case.write_off_no

    def published_after(self, position: int, limit: int) -> list[EventView]:
        """The next events of the whole log, for its publisher; it does not ask who is reading."""
        with _translated():
            recorded = self.decisions.select_recorded(start=position + 1, limit=limit)
            return [self.view(event) for event in recorded]

    def view(self, recorded: Recorded) -> EventView:
        """One stored event as the world sees it."""
        event = self.decode(recorded)
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

    def _readable(self, aggregate: str, key: str, reader: Principal) -> RiskAsset | WriteOff:
        _unless_reader(reader)
        if aggregate not in registry.AGGREGATES:
            raise wrong("aggregate", f"no aggregate {aggregate!r:.40}")
        found = self.find(aggregate, key)
        if found is None or not reader.may_act_for(found.entity_id):
            raise not_found(aggregate, key)
        return found

    def _key_of(self, recorded: Recorded, event: Any) -> str:
        stream_id = recorded.originator_id
        if (key := self._key_by_stream.get(stream_id)) is None:
            if recorded.originator_version > 1:
                event = next(iter(self.events.get(stream_id, limit=1)))
            field = registry.KEY_FIELD[registry.aggregate_of(recorded.topic)]
            key = self._key_by_stream[stream_id] = getattr(event, field)
        return key

    # --- What the library asks for -------------------------------------------------------------------------

    def construct_factory(self, env: Any) -> InfrastructureFactory[Any]:
        return self._factory

    def register_transcodings(self, transcoder: JSONTranscoder) -> None:
        super().register_transcodings(transcoder)
        envelope.register_transcodings(transcoder)

    def close(self) -> None:
        # The factory is shared: the library's own close, also run by its __del__, would cut off the others.
        self.closing.set()


def _spec_of(command: Command) -> tuple[str, CommandSpec]:
    """Row of the command table, by the command's name or by the name of the event it wants (decision E18)."""
    table = COMMANDS.get(command.aggregate)
    if table is None:
        raise wrong("aggregate", f"no aggregate {command.aggregate!r:.40}")
    if command.command in table:
        return command.command, table[command.command]
    for name, spec in table.items():
        if spec.event == command.command:
            return name, spec
    raise wrong("command", f"{command.aggregate} has no command {command.command!r:.40}")


def _role_for(command: Command, name: str, spec: CommandSpec) -> str:
    held: Sequence[str] = command.principal.roles
    if command.role is not None:
        unless_role(command.role in held, f"{command.principal.actor} does not hold role {command.role}")
        held = (command.role,)
    fitting = [role for role in spec.roles if role in held]
    wanted = " or ".join(spec.roles)
    unless_role(bool(fitting), f"{command.aggregate}.{name} needs role {wanted}")
    return fitting[0]


def _unless_reader(reader: Principal) -> None:
    """Reading needs a role too (decision S31)."""
    unless_role(any(role in ROLES for role in reader.roles), f"{reader.actor} holds no role")


@contextmanager
def _translated() -> Iterator[None]:
    """The store's failures in our own words; IntegrityError is settled where it is met."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Unavailable("the event store does not answer") from error
