"""What a command, its outcome and one running command are; the handlers use them, the application makes
them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from aggregates.envelope import Envelope, Principal
from aggregates.payload import Fields, check_id, check_text, wrong
from aggregates.read_model import ReadModel
from aggregates.refusals import not_found, unless_field
from aggregates.rendering import EventView, Json
from aggregates.risk_asset import RiskAsset, event_id
from aggregates.write_off import WriteOff


@dataclass(frozen=True, slots=True)
class Command:
    """One wish of one authenticated actor. `at` is when it arrived; `valid_on` defaults to that day in bank
    time, or to what the command derives it from. `role` picks one of the principal's roles; by default the
    first that may give the command. `cmd_id` is the idempotency key: chosen by the sender, kept for every
    repetition."""

    cmd_id: str
    aggregate: str
    key: str
    command: str
    payload: Mapping[str, object]
    principal: Principal
    at: datetime
    valid_on: date | None = None
    role: str | None = None
    reason: str = ""
    docs: tuple[str, ...] = ()
    correlation_id: str = ""
    causation_id: str = ""

    def check(self) -> None:
        """Raises InvalidInput where the command's own fields cannot be stored."""
        check_id(self.cmd_id, "cmd_id")
        check_id(self.key, "key")
        check_text(self.reason, "reason")
        for doc in self.docs:
            check_id(doc, "docs")
        for name in ("correlation_id", "causation_id"):
            if value := getattr(self, name):
                check_id(value, name)
        if self.at.tzinfo is None:
            raise wrong("at", "want an aware instant")

    def digest(self, command: str) -> bytes:
        """Tells one content from another under the same `cmd_id`; when it arrived is not part of it."""
        valid_on = None if self.valid_on is None else self.valid_on.isoformat()
        parts = [self.aggregate, self.key, command, self.payload, self.principal.actor, valid_on, self.reason]
        try:
            text = json.dumps([*parts, self.docs], sort_keys=True, ensure_ascii=True, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise wrong("payload", f"is not JSON: {error}") from None
        return sha256(text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command led to. `repeated`: it had been executed before, and nothing was stored now."""

    cmd_id: str
    aggregate: str
    key: str
    events: tuple[EventView, ...]
    repeated: bool = False

    def to_json(self) -> Json:
        return {
            "cmd_id": self.cmd_id,
            "aggregate": self.aggregate,
            "key": self.key,
            "repeated": self.repeated,
            "events": [view.to_json() for view in self.events],
        }


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules that a bank may set otherwise. Policies with effective dates take this place later.

    `confirm_postings`: nothing is marked posted before FC confirmed it (E12; scenarios count it as
    satisfied). `release_hold_on_posted`: PM4 runs within the save of the posting (in scenarios it is a line
    of its own).
    """

    write_off_class_min: str = "LOSS"
    confirm_postings: bool = True
    release_hold_on_posted: bool = True


class Store(Protocol):
    """What a handler may load; `Assets` gives it."""

    def find(self, aggregate: str, key: str) -> RiskAsset | WriteOff | None: ...


@dataclass(slots=True)
class Work:
    """One attempt at one command: loads aggregates, makes envelopes, remembers what is to be saved
    together."""

    command: Command
    role: str
    fields: Fields
    store: Store
    model: ReadModel
    policy: Policy
    bank_day: Callable[[str, datetime], date]
    changed: dict[UUID, RiskAsset | WriteOff] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.command.key

    @property
    def at(self) -> datetime:
        return self.command.at

    def asset(self, loan_no: str | None = None) -> RiskAsset:
        """Load the asset that the command names, or another one. Raises NotFound also for another
        entity's."""
        key = self.key if loan_no is None else loan_no
        found = self.store.find("RiskAsset", key)
        if not isinstance(found, RiskAsset) or not self.command.principal.may_act_for(found.entity_id):
            raise not_found("RiskAsset", key)
        self.changed[found.id] = found
        return found

    def case(self) -> WriteOff:
        found = self.store.find("WriteOff", self.key)
        if not isinstance(found, WriteOff) or not self.command.principal.may_act_for(found.entity_id):
            raise not_found("WriteOff", self.key)
        self.changed[found.id] = found
        return found

    def add(self, aggregate: RiskAsset | WriteOff) -> None:
        self.changed[aggregate.id] = aggregate

    def envelope(self, entity: str, branch: str, valid_on: date | None = None) -> Envelope:
        """`valid_on` is what the command derives the business date from: a differing one that was given is
        refused, and so is one after today in bank time."""
        command = self.command
        if valid_on is not None:
            unless_field(command.valid_on in (None, valid_on), "valid_on", f"this counts on {valid_on}")
        today = self.bank_day(entity, command.at)
        day = valid_on or command.valid_on or today
        unless_field(day <= today, "valid_on", f"is after {today}, today in bank time")
        return Envelope(
            actor=command.principal.actor,
            role=self.role,
            org=branch if command.principal.organisation == "-" else command.principal.organisation,
            entity=entity,
            cmd_id=command.cmd_id,
            correlation_id=command.correlation_id or command.cmd_id,
            causation_id=command.causation_id,
            reason=command.reason,
            docs=tuple(command.docs),
            valid_on=day,
        )

    @staticmethod
    def following(who: Envelope, cause: RiskAsset | WriteOff) -> Envelope:
        """Envelope of a step that follows by itself from the newest event of another aggregate in this
        save."""
        return who.following(str(event_id(cause.id, cause.version)))


Handler = Callable[[Work], None]


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One row of the command table: who may give it, which event it wants, what carries it out."""

    roles: tuple[str, ...]
    event: str
    handler: Handler


def end_of_day(day: date, zone: tzinfo) -> datetime:
    """Last microsecond of a bank day, in UTC."""
    next_day = day + timedelta(days=1)
    midnight = datetime(next_day.year, next_day.month, next_day.day, tzinfo=zone)
    return midnight.astimezone(UTC) - timedelta(microseconds=1)
