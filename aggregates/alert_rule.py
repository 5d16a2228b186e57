"""AlertRule: a rule that people wrote, drafted in versions, tried on stored history, enabled by another person.

What is enabled is exactly what was tried: the digest of what is evaluated stands in the preview and in the decision.
A new draft leaves the version in force at work until it is enabled itself. Not for the expression's language nor for
raising alerts: both are `projections/alert_rules.py` and its neighbours, which read what is in force.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from aggregates.refusals import unless_field
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, row
from aggregates.steps.step import Step

#: Treasury and the risk department write rules; the risk department or the committee puts them in force (LIQ-43).
DRAFTERS, ENABLERS = "TR RM HM", "RM AC HA"

SEVERITIES = ("INFO", "WARNING", "CRITICAL")
#: What decides whether the rule fires: of this the preview is.
EVALUATED = (
    "about",
    "expression",
    "clear_expression",
    "metrics",
    "scopes",
    "entities",
    "currencies",
    "kinds",
    "clear_readings",
    "clear_interval_s",
    "arming_s",
)
CONTENT = (*EVALUATED, "severity", "name", "name_zh", "owner")
RULE_NO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


def _draft(step: Step) -> Facts:
    unless_field(bool(RULE_NO.fullmatch(step.key)), "rule_no", "want at most 40 letters, digits, dots and dashes")
    severity = step.get("severity")
    unless_field(severity in (None, *SEVERITIES), "severity", f"want one of {', '.join(SEVERITIES)}")
    for name in ("name", "expression", "why"):
        unless_field(step.get(name) != "", name, "is empty")
    unless_field(step.get("clear_readings", 1) >= 1, "clear_readings", "must be above zero")
    for name in ("clear_interval_s", "arming_s"):
        unless_field(step.get(name, 0) >= 0, name, "must not be negative")
    return {"rule_version": step.case.newest_version + 1 if step.exists else 1}


def _defaults(step: Step) -> Facts:
    numbers = {"clear_readings": 1, "clear_interval_s": 0, "arming_s": 0}
    return {**numbers, "about": "totals", "severity": "WARNING", "owner": step.actor}


def _reasoned(step: Step) -> Facts:
    unless_field(step.get("why") != "", "why", "is empty")
    return {}


def _this_version(step: Step) -> Facts:
    case = step.case
    return {"rule_version": case.newest_version, "content_digest": case.content_digest(), **_reasoned(step)}


def _preview(step: Step) -> Facts:
    return {"rule_version": step.case.newest_version}


def _drafted(case: Any, facts: Facts, who: Any) -> None:
    case.content = {name: facts[name] for name in CONTENT if name in facts}
    case.newest_version, case.drafter = facts["rule_version"], who.actor
    case.previewed = {}


def _previewed(case: Any, facts: Facts, who: Any) -> None:
    case.previewed = dict(facts) | {"on": who.valid_on}


def _enabled(case: Any, facts: Facts, who: Any) -> None:
    case.in_force = {"rule_version": facts["rule_version"], **case.content}
    case.enabler = who.actor


def _disabled(case: Any, _facts: Facts, _who: Any) -> None:
    case.in_force = {}


def _discarded(case: Any, _facts: Facts, _who: Any) -> None:
    case.content = {name: value for name, value in case.in_force.items() if name != "rule_version"}
    case.previewed = {}


def _supersede(step: Step) -> None:
    if step.case.in_force:
        values = {"rule_version": step.case.in_force["rule_version"], "by_version": step.case.newest_version}
        step.also("AlertRule", step.key, "AlertRuleSuperseded", values)


def _is_tried(step: Step) -> bool:
    return bool(step.case.previewed.get("content_digest") == step.case.content_digest())


ANOTHER = clause(
    "SD1", "who drafted a version does not put it in force", lambda step: step.actor != step.case.drafter
)
AT_WORK = clause("Disable.1", "a version is in force", lambda step: bool(step.case.in_force))

ROWS = (
    row(
        "Draft",
        "AlertRuleDrafted",
        DRAFTERS,
        "rule_version:N, name:S, name_zh:S?, severity:E, about:I, expression:S, clear_expression:S?, metrics:L?, "
        "scopes:L?, entities:L?, currencies:L?, kinds:L?, clear_readings:N, clear_interval_s:N, arming_s:N, owner:I, "
        "why:S",
        makes_if_absent=True,
        stages="DRAFT PREVIEWED ENABLED DISABLED DISCARDED",
        next="DRAFT",
        default=_defaults,
        derive=_draft,
        effect=_drafted,
        remember="maker",
    ),
    row(
        "Preview",
        "AlertRulePreviewed",
        "SY",
        "rule_version:N, content_digest:I, asked_by:I, first_cut:N, end_cut:N, fired:N, problems:N, answer_digest:I",
        stages="DRAFT PREVIEWED",
        next="PREVIEWED",
        clauses=(
            clause(
                "Preview.1",
                "what was tried is what is drafted",
                lambda step: step["content_digest"] == step.case.content_digest(),
            ),
        ),
        derive=_preview,
        effect=_previewed,
    ),
    row(
        "Enable",
        "AlertRuleEnabled",
        ENABLERS,
        "rule_version:N, content_digest:I, why:S",
        stages="PREVIEWED",
        next="ENABLED",
        clauses=(ANOTHER, clause("Enable.1", "what is enabled is what was tried", _is_tried)),
        derive=_this_version,
        before=_supersede,
        effect=_enabled,
        remember="approver",
    ),
    row(
        "Supersede",
        "AlertRuleSuperseded",
        ENABLERS,
        "rule_version:N, by_version:N",
        stages="PREVIEWED",
        partner=True,
    ),
    row(
        "Disable",
        "AlertRuleDisabled",
        ENABLERS,
        "rule_version:N, why:S",
        stages="DRAFT PREVIEWED ENABLED",
        next=lambda case, _facts: "DISABLED" if case.stage == "ENABLED" else case.stage,
        clauses=(AT_WORK,),
        derive=lambda step: {"rule_version": step.case.in_force.get("rule_version", 0), **_reasoned(step)},
        effect=_disabled,
    ),
    row(
        "Discard",
        "AlertRuleDiscarded",
        DRAFTERS,
        "rule_version:N, why:S",
        stages="DRAFT PREVIEWED",
        next=lambda case, _facts: "ENABLED" if case.in_force else "DISCARDED",
        derive=lambda step: {"rule_version": step.case.newest_version, **_reasoned(step)},
        effect=_discarded,
    ),
)


class AlertRule(Case):
    """DRAFT → PREVIEWED on stored history → ENABLED by another person → DISABLED; a newer version supersedes."""

    NAME = "AlertRule"
    KEY = "rule_no"
    ROWS = ROWS

    def start(self) -> None:
        self.content: dict[str, Any] = {}  # of the newest version
        self.in_force: dict[str, Any] = {}  # of the enabled one
        self.previewed: dict[str, Any] = {}
        self.newest_version = 0
        self.drafter = self.enabler = ""

    def content_digest(self) -> str:
        """Digest of what decides whether the rule fires; who is told, and under which name, is not in it."""
        return digest_of(self.content)

    def extra(self) -> dict[str, Any]:
        return {
            "content": dict(self.content),
            "content_digest": self.content_digest(),
            "in_force": dict(self.in_force) or None,
            "previewed": dict(self.previewed) or None,
            "drafter": self.drafter,
            "enabler": self.enabler or None,
        }


def digest_of(content: Mapping[str, Any]) -> str:
    """An empty selector or text and an absent one are the same."""
    lines = [f"{name}={content[name]!r}" for name in EVALUATED if content.get(name)]
    return sha256("\n".join(lines).encode()).hexdigest()
