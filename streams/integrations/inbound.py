"""What becomes of a neighbour's record: commands on aggregates, a fact that is kept, or a wait for what is to come.

Every command's id derives from the topic and the sender's own number of the record, so a record told again stores
nothing again. A record that comes before what it is about (a flow before the hand-over of its loan) is set aside and
taken up by `sweep`. What is refused is a dead letter. Not for core's posting replies: `streams.command_handler`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec
import structlog

from aggregates.assets import Assets
from aggregates.commands import Command, Outcome
from aggregates.envelope import Principal
from aggregates.refusals import not_found
from aggregates.rendering import instant
from engines.primitives.errors import InvalidInput, TidemarkError, Unavailable
from infra.reference_store import Fact, ReferenceStore
from streams.command_handler import DeadLetter
from streams.integrations.decode import decode
from streams.integrations.registry import INTEGRATIONS

log = structlog.get_logger()

#: Kinds of facts that are not about a customer but about records.
WAITING, REFUSED = "WAITING", "REFUSED"
WAITING_MAX = 10_000

#: The roles that a neighbour's records act in; the row of each command wants one of them.
ROLES_BY_SENDER: Mapping[str, tuple[str, ...]] = {"core-banking": ("CB", "SY"), "workflow": ("WF", "EX")}
ROLES = ("EX", "SY")


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a record: `outcomes` of its commands, whether a fact was kept, `waits_for` what must come first,
    `passed_over` why nothing had to be done, or the dead letter."""

    outcomes: tuple[Outcome, ...] = ()
    kept: bool = False
    waits_for: str = ""
    passed_over: str = ""
    dead_letter: DeadLetter | None = None


class WaitFor(Exception):
    """Thrown by a rule: the record is about an aggregate that does not exist yet."""

    def __init__(self, aggregate: str, key: str) -> None:
        super().__init__(f"{aggregate}/{key}")


class PassOver(Exception):
    """Thrown by a rule: nothing is to be done, as for a record that a newer one has overtaken."""


@dataclass(slots=True)
class Taking:
    """One record being taken in: what a rule may look at and do."""

    app: Assets
    reference: ReferenceStore
    topic: str
    record: Any
    at: datetime
    outcomes: list[Outcome] = field(default_factory=list)
    kept: bool = False

    def find(self, aggregate: str, key: str) -> Any:
        """An aggregate of the record's entity, or None."""
        found = self.app.find(aggregate, key)
        return found if found is not None and found.entity_id == self.record.entity_id else None

    def wanted(self, aggregate: str, key: str) -> Any:
        """An aggregate that the record is about; the record waits where it does not exist yet."""
        found = self.find(aggregate, key)
        if found is None:
            raise WaitFor(aggregate, key)
        return found

    def own(self, aggregate: str, key: str) -> Any:
        """An aggregate that we told the neighbour of: without it the record is wrong, not early."""
        found = self.find(aggregate, key)
        if found is None:
            raise not_found(aggregate, key)
        return found

    def did(self, step: str = "") -> bool:
        """Whether this step of the record was stored before."""
        return self.app.decisions.stored_command(self._cmd_id(step)) is not None

    def _cmd_id(self, step: str) -> str:
        path = f"/tm/{self.topic}/{self.record.entity_id}/{self.record.record_id}/{step}"
        return str(uuid5(NAMESPACE_URL, path))

    def do(
        self,
        aggregate: str,
        key: str,
        command: str,
        payload: Mapping[str, object],
        *,
        role: str,
        valid_on: str | None = None,
        step: str = "",
        once: bool = False,
        org: str = "-",
        reason: str = "",
    ) -> None:
        """Give a command. `step` tells several commands of one record apart. `once`: its payload depends on more than
        the record, so what was stored before is not compared. `org`: where what it makes belongs."""
        if once and self.did(step):
            return
        sender = INTEGRATIONS[self.topic].sender
        entity = self.record.entity_id
        given = Command(
            cmd_id=self._cmd_id(step),
            aggregate=aggregate,
            key=key,
            command=command,
            payload=payload,
            principal=Principal(sender, ROLES_BY_SENDER.get(sender, ROLES), org, (entity,)),
            at=self.at,
            valid_on=None if valid_on is None else date.fromisoformat(valid_on),
            role=role,
            reason=reason or f"{INTEGRATIONS[self.topic].number} {self.record.record_id}",
        )
        self.outcomes.append(self.app.execute(given))

    def keep(self, kind: str, key: str, subject: str, as_of: str, **more: object) -> bool:
        """Keep the record as the newest fact of its kind and key; False where a newer one is known."""
        body = msgspec.to_builtins(self.record) | more
        text = msgspec.json.encode(body).decode()
        fact = Fact(kind, self.record.entity_id, key, subject, as_of, self.record.record_id, text)
        self.kept = self.reference.put(fact)
        return self.kept

    @property
    def moment(self) -> str:
        """When it occurred, in a form that sorts."""
        return instant(datetime.fromisoformat(self.record.occurred_at).astimezone(UTC))


Rule = Callable[[Taking], None]


class IntegrationHandler:
    def __init__(self, app: Assets, reference: ReferenceStore, rules: Mapping[str, Rule]) -> None:
        """`rules` by topic: `streams.integrations.rules.RULES`."""
        self._app, self._reference, self._rules = app, reference, rules

    def handle(self, topic: str, key: bytes | None, value: bytes | None, at: datetime) -> Taken:
        """Take in one record that arrived `at`. Raises Unavailable: then read it again, nothing is done twice."""
        try:
            taken = self._take(topic, key, value, at)
            if taken.waits_for:
                self._set_aside(topic, key, value, at, taken.waits_for)
            return taken
        except Unavailable:
            raise
        except TidemarkError as error:
            return Taken(dead_letter=_letter(error))

    def sweep(self) -> int:
        """Take up the records whose time has come; returns how many. What is refused now stays to be seen, as a fact
        of kind REFUSED, since its place in the topic is long past. Raises Unavailable."""
        done = 0
        for fact in self._reference.of_kind(WAITING):
            aggregate, _, key = fact.subject.partition("/")
            if self._app.find(aggregate, key) is None:
                continue
            held = msgspec.json.decode(fact.body, type=_Held)
            try:
                taken = self._take(held.topic, held.key, held.value, held.at)
            except Unavailable:
                raise
            except TidemarkError as error:
                taken = Taken(dead_letter=_letter(error))
            if taken.waits_for:
                self._set_aside(held.topic, held.key, held.value, held.at, taken.waits_for)
                continue
            if taken.dead_letter is not None:
                why = taken.dead_letter
                log.warning(
                    "integration_refused", topic=held.topic, guard=why.guard, code=why.code, record=fact.record_id
                )
                refused = msgspec.json.encode(
                    {"reason": why.reason, "guard": why.guard, "record": fact.body}
                ).decode()
                self._reference.put(
                    Fact(REFUSED, fact.entity, fact.key, fact.subject, fact.as_of, fact.record_id, refused)
                )
            self._reference.remove(fact)
            done += 1
        return done

    def _take(self, topic: str, key: bytes | None, value: bytes | None, at: datetime) -> Taken:
        taking = Taking(self._app, self._reference, topic, decode(topic, key, value), at)
        try:
            self._rules[topic](taking)
        except WaitFor as early:
            return Taken(tuple(taking.outcomes), taking.kept, waits_for=str(early))
        except PassOver as why:
            return Taken(tuple(taking.outcomes), taking.kept, passed_over=str(why))
        except Unavailable:
            raise
        except TidemarkError as error:
            error.facts.setdefault("record", taking.record.record_id)
            raise
        return Taken(tuple(taking.outcomes), taking.kept)

    def _set_aside(self, topic: str, key: bytes | None, value: bytes | None, at: datetime, waits_for: str) -> None:
        record = decode(topic, key, value)
        if len(self._reference.of_kind(WAITING)) >= WAITING_MAX:
            raise InvalidInput(
                "too many records wait for what they are about", field="record_id", record=record.record_id
            )
        held = msgspec.json.encode(_Held(topic, key or b"", value or b"", at)).decode()
        place = f"{topic}/{record.record_id}"
        self._reference.put(Fact(WAITING, record.entity_id, place, waits_for, instant(at), record.record_id, held))


class _Held(msgspec.Struct):
    topic: str
    key: bytes
    value: bytes
    at: datetime


def _letter(error: TidemarkError) -> DeadLetter:
    facts = error.facts
    where = f" (record {facts['record']})" if "record" in facts else ""
    return DeadLetter(error.code, f"{error}{where}", str(facts.get("field", "-")), str(facts.get("guard", "-")))
