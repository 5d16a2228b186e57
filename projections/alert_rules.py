"""Alert rules of people: CEL over the facts that recorded cuts hold, with scope and hysteresis, checked as they come.

A rule is data of a version; which rules are in force stands in the recorded cuts themselves, so that a switch lies
between two cuts and replays there (PLT-04). Not for drafting and enabling, which is `aggregates.alert_rule`, nor for
raising alerts, which is `projections.rule_watch`.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal

import msgspec

from engines.primitives.errors import InvalidInput
from projections.expressions import expression
from projections.limit_policy import METRICS, SCOPES, TotalKey
from projections.rule_vocabulary import VOCABULARIES

Severity = Literal["INFO", "WARNING", "CRITICAL"]
SEVERITIES: tuple[Severity, ...] = ("INFO", "WARNING", "CRITICAL")
About = Literal["totals", "flow", "reservation", "deadline", "decision"]
DUES: tuple[About, ...] = ("reservation", "deadline")
HAVE_KINDS = {"decision": "event types", "deadline": "rules, as TL01"}


def everything() -> tuple[str, ...]:
    """The selector that leaves nothing out. A function, since a contract in JSON knows no tuple for a default."""
    return ()


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a rule. Empty selectors bind everything of the vocabulary."""

    rule_id: str
    version: int
    severity: Severity
    about: About
    expression: str
    name: str
    name_zh: str = ""
    clear_expression: str = ""  # empty: the incident ends when the expression holds no more
    metrics: tuple[str, ...] = msgspec.field(default_factory=everything)
    scopes: tuple[str, ...] = msgspec.field(default_factory=everything)
    entities: tuple[str, ...] = msgspec.field(default_factory=everything)
    currencies: tuple[str, ...] = msgspec.field(default_factory=everything)
    kinds: tuple[str, ...] = msgspec.field(
        default_factory=everything
    )  # of decisions: event types; of deadlines: rules
    clear_readings: int = 1  # cuts in a row that clear it
    clear_interval_s: int = 0  # readings nearer than this count as one
    arming_s: int = 0  # a figure younger than this is still loading
    owner: str = "-"

    def binds(self, key: TotalKey) -> bool:
        """A figure, or what is due under its own metric (`projections.limit_cuts.Due.key`)."""
        if self.about in DUES:
            is_of_kind = _fits(self.kinds, key.scope.partition(" ")[0])
            return self.about == key.metric and is_of_kind and self._binds(key.entity, key.currency)
        return (
            self.about == "totals"
            and key.metric not in DUES
            and _fits(self.metrics, key.metric)
            and _fits(self.scopes, key.scope)
            and self._binds(key.entity, key.currency)
        )

    def binds_flow(self, entity: str, currency: str) -> bool:
        return self.about == "flow" and self._binds(entity, currency)

    def binds_decision(self, kind: str, entity: str, currency: str) -> bool:
        return self.about == "decision" and _fits(self.kinds, kind) and self._binds(entity, currency)

    def _binds(self, entity: str, currency: str) -> bool:
        return _fits(self.entities, entity) and _fits(self.currencies, currency)


class RuleSet(msgspec.Struct, frozen=True):
    """All rules in force from the cut that tells them on, by rule_id."""

    digest: str
    rules: tuple[Rule, ...]


def rule_set(rules: Sequence[Rule]) -> RuleSet:
    ordered = tuple(sorted(rules, key=lambda rule: rule.rule_id))
    return RuleSet(hashlib.sha256(msgspec.json.encode(ordered)).hexdigest(), ordered)


NO_RULES = rule_set(())


def check_rule(rule: Rule) -> None:
    """Raises InvalidInput, `field` naming what is wrong; of an expression, `record` is its text and the message says
    where in it."""
    if rule.about not in VOCABULARIES:
        raise InvalidInput(f"about: want one of {', '.join(VOCABULARIES)}", field="about")
    if rule.severity not in SEVERITIES:
        raise InvalidInput(f"severity: want one of {', '.join(SEVERITIES)}", field="severity")
    expression(rule.expression, VOCABULARIES[rule.about])
    if rule.clear_expression:
        try:
            expression(rule.clear_expression, VOCABULARIES[rule.about])
        except InvalidInput as error:
            raise InvalidInput(str(error), field="clear_expression", record=rule.clear_expression[:80]) from error
    _check_selectors(rule)
    is_point = rule.about in ("flow", "decision")
    if is_point and (rule.clear_expression or rule.arming_s or rule.clear_interval_s or rule.clear_readings != 1):
        raise InvalidInput(f"a {rule.about} happens once: nothing clears it", field="clear_expression")
    for name, value, least, most in (
        ("clear_readings", rule.clear_readings, 1, 1_000),
        ("clear_interval_s", rule.clear_interval_s, 0, 86_400),
        ("arming_s", rule.arming_s, 0, 86_400),
    ):
        if not least <= value <= most:
            raise InvalidInput(f"{name}: want {least} to {most}", field=name)


def _check_selectors(rule: Rule) -> None:
    for name, given, known in (("metrics", rule.metrics, METRICS), ("scopes", rule.scopes, SCOPES)):
        if given and rule.about != "totals":
            raise InvalidInput(f"{name}: only rules about totals have them", field=name)
        for one in given:
            if one not in known:
                raise InvalidInput(f"{name}: {one!r:.40} is none of {', '.join(known)}", field=name)
    if rule.kinds and rule.about not in HAVE_KINDS:
        raise InvalidInput("kinds: only rules about decisions and deadlines have them", field="kinds")
    if rule.about in DUES and rule.arming_s:
        raise InvalidInput("arming_s: only figures load", field="arming_s")


def _fits(chosen: tuple[str, ...], member: str) -> bool:
    return not chosen or member in chosen
