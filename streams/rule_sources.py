"""What a cut tells beside figures, out of the decision log: alert rules in force, events stored since the cut before.

The decision log is the event store of the aggregates. What is told stands in the cut from then on: rules are judged
on that, never on the store. Not for deciding which rule may be enabled: `aggregates.alert_rule`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import structlog

from aggregates.envelope import Principal
from aggregates.event_view import EventView
from aggregates.process_managers import SYSTEM
from engines.primitives.errors import TidemarkError
from projections.alert_rules import Rule, RuleSet, check_rule, rule_set
from projections.limit_cuts import Decision, Due
from streams.rule_amounts import amount_of

log = structlog.get_logger()

ALERT_RULE = "AlertRule"
DECISIONS_AT_ONCE = 500
#: Events of core banking's feed, and what every loan stores every day: facts of the books, no decisions.
NOT_TOLD_ROLES = frozenset({"CB"})
NOT_TOLD = frozenset({"AccrualSynced"})


@dataclass(frozen=True, slots=True)
class Beside:
    """`rules` None: nobody knows of any. `decided_to` is the position up to which decisions have been looked at."""

    rules: RuleSet | None = None
    decisions: Sequence[Decision] = ()
    decided_to: int | None = None
    dues: Sequence[Due] = ()  # all deadlines that are near or over


NOTHING = Beside()
LookBeside = Callable[[int | None], Beside]
"""What to tell, given up to which position the cuts tell decisions already. Raises Unavailable."""


class DecisionLog(Protocol):
    """Of `aggregates.assets.Assets`."""

    @property
    def decisions(self) -> Any: ...

    def published_after(self, position: int, limit: int) -> list[EventView]: ...

    def list_cases(self, aggregate: str, *, reader: Principal) -> Sequence[Mapping[str, Any]]: ...


class StoreBeside:
    """Follows the store. Rules are read again once an event of one is seen, and when it starts."""

    def __init__(self, store: DecisionLog, terms: Callable[[], Sequence[Due]] = tuple) -> None:
        self._store, self._terms = store, terms
        self._rules: RuleSet | None = None
        self._passed = 0  # up to here, beyond what the cuts tell, there was nothing to tell

    def __call__(self, decided_to: int | None) -> Beside:
        if decided_to is None:  # the first cut that tells any: what was before it is history
            decided_to = self._store.decisions.max_notification_id() or 0
        at = max(decided_to, self._passed)
        events = self._store.published_after(at, DECISIONS_AT_ONCE)
        if self._rules is None or any(event.aggregate == ALERT_RULE for event in events):
            self._rules = rules_in_force(self._store)
        told = [decision_of(event) for event in events if _is_told(event)]
        at = events[-1].position if events else at
        if not told:
            self._passed = at  # no cut may follow, and the next look goes on from here
        return Beside(self._rules, told, at, self._terms())


def rules_in_force(store: DecisionLog) -> RuleSet:
    """What is enabled, by the newest enabled version of each rule. One that no longer reads is left out, and said."""
    found = []
    for state in store.list_cases(ALERT_RULE, reader=SYSTEM):
        if state.get("in_force") is None:
            continue
        try:
            rule = rule_of(str(state["rule_no"]), state["in_force"])
            check_rule(rule)
        except (TidemarkError, msgspec.ValidationError) as error:
            log.error("alert_rule_not_readable", rule=state["rule_no"], error=str(error))
            continue
        found.append(rule)
    return rule_set(found)


def rule_of(rule_no: str, content: Mapping[str, Any]) -> Rule:
    """A version of a rule out of the fields that its aggregate keeps. Raises msgspec.ValidationError."""
    fields = {name: value for name, value in content.items() if value is not None}
    return msgspec.convert({"rule_id": rule_no, "version": fields.pop("rule_version", 0)} | fields, Rule)


def decision_of(event: EventView) -> Decision:
    who, currency = event.envelope, str(event.payload.get("ccy") or "CNY")
    return Decision(
        str(event.id),
        event.type,
        event.aggregate,
        event.key,
        who.entity,
        who.org,
        who.role,
        currency,
        who.valid_on.isoformat(),
        amount_of(event.payload, currency),
    )


def _is_told(event: EventView) -> bool:
    return event.envelope.role not in NOT_TOLD_ROLES and event.type not in NOT_TOLD
