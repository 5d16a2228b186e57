"""What a command, its outcome and one running command are; the handlers use them, the application makes
them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from aggregates.envelope import EVERY_ENTITY, Envelope, Principal
from aggregates.event_view import EventView, Json
from aggregates.payload import Fields, check_id, check_text, wrong
from aggregates.personal_sealing import Protection
from aggregates.read_model import Instructed, ReadModel
from aggregates.refusals import unless_field
from aggregates.steps.case import Case
from engines.primitives.errors import Forbidden
from engines.primitives.money import exponent


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
        return sha256(self.content(command)).digest()

    def content(self, command: str) -> bytes:
        """What a digest is taken of: with personal data in it, so that only a keyed one may be stored."""
        valid_on = None if self.valid_on is None else self.valid_on.isoformat()
        parts = [self.aggregate, self.key, command, self.payload, self.principal.actor, valid_on, self.reason]
        try:
            text = json.dumps([*parts, self.docs], sort_keys=True, ensure_ascii=True, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise wrong("payload", f"is not JSON: {error}") from None
        return text.encode()


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
    of its own). `needs_reasons`: a change of status wants the reason of the command. `fa_booking_policy`:
    MOF_2005 or CAS12_2019 (7.5).
    """

    write_off_class_min: str = "LOSS"
    confirm_postings: bool = True
    release_hold_on_posted: bool = True
    needs_reasons: bool = True
    allow_principal_waiver: bool = False
    fa_booking_policy: str = "MOF_2005"
    min_quotes: int = 1
    min_households: int = 1  # Cai Jin [2012] 6 as relaxed in 2017: 3; scenarios count it as satisfied
    retention_years: int = 10  # after the end of a relationship (Anti-Money-Laundering Law of 2024)
    ballot_salt: str = ""  # a secret of the house: who voted what in a secret ballot stays hidden


#: Decision E18: what a scenario does not say counts as satisfied, and releases of holds are lines of their own.
SCENARIO_POLICY = Policy(confirm_postings=False, release_hold_on_posted=False, needs_reasons=False)


class Store(Protocol):
    """What a step may load; `Assets` gives it."""

    def find(self, aggregate: str, key: str) -> Case | None: ...

    def stream_for(self, kind: type[Case], key: str) -> UUID:
        """The id of the stream that a new aggregate gets."""


@dataclass(slots=True)
class Work:
    """One attempt at one command: loads aggregates, makes envelopes, remembers what is to be saved together.

    `kinds` are the aggregates by name.
    """

    command: Command
    role: str
    store: Store
    model: ReadModel
    policy: Policy
    bank_day: Callable[[str, datetime], date]
    kinds: Mapping[str, type[Case]]
    protection: Protection | None = None  # seals what is personal; None: it is stored as it came
    changed: dict[UUID, Case] = field(default_factory=dict)
    loaded: dict[tuple[str, str], Case] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.command.key

    @property
    def at(self) -> datetime:
        return self.command.at

    def find(self, aggregate: str, key: str) -> Case | None:
        """An aggregate, the same object each time; None for what does not exist and for another entity's."""
        if (known := self.loaded.get((aggregate, key))) is not None:
            return known
        found = self.store.find(aggregate, key)
        if found is None or not self.command.principal.may_act_for(found.entity_id):
            return None
        self.loaded[aggregate, key] = found
        return found

    def add(self, aggregate: Case) -> None:
        """To be saved with the others."""
        self.loaded[aggregate.NAME, aggregate.key] = aggregate
        self.changed[aggregate.id] = aggregate

    def open_cases(self, aggregate: str, loan_no: str) -> list[str]:
        """Keys of the cases of one kind that are open on a loan note."""
        with self.model.current() as model:
            return model.open_cases(aggregate, loan_no)

    def case_of_instruction(self, instruction_id: str) -> Instructed | None:
        """The case that an instruction belongs to."""
        with self.model.current() as model:
            return model.case_of_instruction(instruction_id)

    def keys_where(self, aggregate: str, **facts: object) -> list[str]:
        """Keys of the aggregates of one kind whose newest fields have these values."""
        with self.model.current() as model:
            wanted = facts.items()
            return [c.key for c in model.of_kind(aggregate) if all(c.facts.get(name) == v for name, v in wanted)]

    def own_home(self, payload: Mapping[str, object]) -> tuple[str, str, str]:
        """Entity, branch and currency of what a command makes without naming a loan note."""
        principal = self.command.principal
        own = (
            principal.entities[0] if len(principal.entities) == 1 and principal.entities[0] != EVERY_ENTITY else None
        )
        fields = Fields(payload)
        entity = fields.id("entity_id", own)
        if not principal.may_act_for(entity):
            raise Forbidden(f"{principal.actor} may not act for {entity}", guard="ENTITY", field="entity_id")
        ccy = fields.text("ccy", "CNY")
        exponent(ccy)
        branch = fields.id("branch", principal.organisation) if "branch" in payload else principal.organisation
        return entity, branch, ccy

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


def end_of_day(day: date, zone: tzinfo) -> datetime:
    """Last microsecond of a bank day, in UTC."""
    next_day = day + timedelta(days=1)
    midnight = datetime(next_day.year, next_day.month, next_day.day, tzinfo=zone)
    return midnight.astimezone(UTC) - timedelta(microseconds=1)
