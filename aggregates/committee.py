"""MeetingRuleSet and CommitteeMeeting: rules, agenda, ballots, resolutions (spec/risk-assets.md 3.10, 2.2).

A ballot is counted in exact fractions: 2/3 of 6 is 4. One person has one vote on an item; recused people count
neither as eligible nor as present.
"""

from collections.abc import Mapping
from fractions import Fraction
from hashlib import sha256
from math import ceil
from typing import Any

from aggregates.refusals import unless_field
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, row
from aggregates.steps.step import Step, one_of

VOTES = ("FOR", "FOR_CONDITIONAL", "AGAINST", "ABSTAIN")
BASES, BALLOTS = ("PRESENT", "ELIGIBLE"), ("OPEN", "SECRET")
DEFAULT_RULES: Mapping[str, Any] = {
    "quorum": "2/3",
    "pass_ratio": "2/3",
    "base": "PRESENT",
    "ballot": "OPEN",
    "veto": False,
    "min_notice_days": 3,
}
PASSED, REJECTED, NO_QUORUM, DEFERRED = "PASSED", "REJECTED", "NO_QUORUM", "DEFERRED"


def needed(ratio: str, of: int) -> int:
    """Least number of people that makes a ratio of `of`: `needed("2/3", 7) == 5`."""
    return ceil(Fraction(ratio) * of)


# --- Rules -------------------------------------------------------------------------------------------------------


def _rules(step: Step) -> Facts:
    for name in ("quorum", "pass_ratio"):
        try:
            ratio = Fraction(step.get(name, "1"))
        except (ValueError, ZeroDivisionError):
            ratio = Fraction(-1)
        unless_field(0 < ratio <= 1, name, "want a fraction above 0, at most 1, such as 2/3")
    unless_field(step.get("base", BASES[0]) in BASES, "base", "want PRESENT or ELIGIBLE")
    unless_field(step.get("ballot", BALLOTS[0]) in BALLOTS, "ballot", "want OPEN or SECRET")
    return {"version": step.case.facts.get("version", 0) + 1 if step.exists else 1}


class MeetingRuleSet(Case):
    """Versions of a committee's rules; a meeting keeps the version it was convened under."""

    NAME = "MeetingRuleSet"
    KEY = "rule_set"
    ROWS = (
        row(
            "PublishRules",
            "RuleSetPublished",
            "SA CS",
            "version:N, flow:T?, content:J?, quorum:S, pass_ratio:S, base:E, ballot:E, veto:B, min_notice_days:N",
            clauses=(clause("SD8", "rule changes are maker-checker"),),
            next="ACTIVE",
            default=lambda step: DEFAULT_RULES,
            derive=_rules,
            makes_if_absent=True,
        ),
    )


# --- Meetings ----------------------------------------------------------------------------------------------------


def _pinned(step: Step) -> Facts:
    rule_set = step.find("MeetingRuleSet", step.get("rule_set", "-"))
    if rule_set is None:
        return {"rules": {name: str(value) for name, value in DEFAULT_RULES.items()}, "rule_version": 0}
    rules = {name: str(rule_set.facts[name]) for name in DEFAULT_RULES}
    return {"rules": rules, "rule_version": rule_set.facts["version"]}


def _item(step: Step) -> Any:
    return step.case.items.get(step.get("item_no"), {})


def _is_open_item(step: Step) -> bool:
    item = _item(step)
    return bool(item) and not item["result"]


def _voter(step: Step) -> str:
    return str(step.get("member", step.actor))


def _ballot_name(case: Any, item_no: int, member: str, salt: str) -> str:
    if case.rules["ballot"] != "SECRET":
        return member
    return sha256(f"{case.key}|{item_no}|{member}|{salt}".encode()).hexdigest()[:32]


def _vote(step: Step) -> Facts:
    one_of("vote", VOTES)(step)
    member = step.get("member", step.actor)
    if step.case.rules["ballot"] == "SECRET" and member == step.actor:
        step.fields["member"] = _ballot_name(step.case, step["item_no"], member, step.policy.ballot_salt)
    return {}


def _may_vote(step: Step) -> bool:
    """Present members vote; a member is the person that acts."""
    return step.actor in step.case.present


def _has_not_voted(step: Step, member: str) -> bool:
    name = _ballot_name(step.case, step["item_no"], member, step.policy.ballot_salt)
    return name not in _item(step).get("votes", {})


def _referred(step: Step, case_kind: str, case_no: str) -> Any:
    """The case on the agenda, or None where it is not kept here: `WRITE_OFF` names a `WriteOff`."""
    aggregate = "".join(part.title() for part in case_kind.split("_"))
    return step.find(aggregate, case_no) if aggregate in step.work.kinds else None


def _is_no_party(step: Step) -> bool:
    """A voter who is maker or reviewer of the item is recused (SD4)."""
    item = _item(step)
    case = _referred(step, item.get("case_kind", ""), item.get("case_no", ""))
    return case is None or not case.has_played(step.actor, "maker", "reviewer")


def _is_submitted(step: Step) -> bool:
    case = _referred(step, step["case_kind"], step["case_no"])
    return case is None or case.stage in ("SUBMITTED", "IN_COMMITTEE")


def _counts(step: Step) -> Facts:
    item, case = _item(step), step.case
    if not item:
        return {}
    recused = set(item["recused"])
    eligible = len([member for member in case.members if member not in recused])
    present = len([member for member in case.present if member not in recused])
    votes = list(item["votes"].values())
    votes_for = votes.count("FOR") + votes.count("FOR_CONDITIONAL")
    rules = case.rules
    base = present if rules["base"] == "PRESENT" else eligible
    result = PASSED if votes_for >= needed(rules["pass_ratio"], base) else REJECTED
    if present < needed(rules["quorum"], eligible):
        result = NO_QUORUM
    return {
        "eligible": eligible,
        "present": present,
        "votes_for": votes_for,
        "votes_against": votes.count("AGAINST"),
        "votes_abstain": votes.count("ABSTAIN"),
        "result": result,
    }


def _convened(case: Any, facts: Facts, _who: Any) -> None:
    case.members = list(facts["members"])
    case.rules = {name: DEFAULT_RULES[name] for name in DEFAULT_RULES} | dict(facts.get("rules") or {})


def _added(case: Any, facts: Facts, _who: Any) -> None:
    case.items[facts["item_no"]] = {
        "case_kind": facts["case_kind"],
        "case_no": facts["case_no"],
        "votes": {},
        "recused": [],
        "result": "",
        "conditions": "",
    }


def _opened(case: Any, facts: Facts, _who: Any) -> None:
    case.present = list(facts["present"])


def _recused(case: Any, facts: Facts, _who: Any) -> None:
    item = case.items.setdefault(facts["item_no"], {"votes": {}, "recused": [], "result": "", "conditions": ""})
    item["recused"].append(facts["member"])


def _voted(case: Any, facts: Facts, _who: Any) -> None:
    item = case.items.setdefault(facts["item_no"], {"votes": {}, "recused": [], "result": "", "conditions": ""})
    item["votes"][facts["member"]] = facts["vote"]


def _resolved(result: str) -> Any:
    def effect(case: Any, facts: Facts, _who: Any) -> None:
        item = case.items.setdefault(facts["item_no"], {"votes": {}, "recused": [], "result": "", "conditions": ""})
        item["result"] = facts.get("result", result)
        item["conditions"] = facts.get("conditions", "")

    return effect


def _is_all_decided(step: Step) -> bool:
    return all(item["result"] for item in step.case.items.values())


def _may_veto(step: Step) -> bool:
    allowed = str(step.case.rules["veto"]).lower() == "true"
    return allowed and _item(step).get("result") == PASSED


def _quorum_is_met(step: Step) -> bool:
    case = step.case
    present = [member for member in step["present"] if member in case.members]
    return len(present) >= needed(case.rules["quorum"], len(case.members))


ROWS = (
    row(
        "Convene",
        "MeetingConvened",
        "CS",
        "at:S, rule_set:I?, rule_version:N, members:L, mode:E, rules:J?",
        makes=True,
        next="CONVENED",
        clauses=(clause("Convene.1", "rule version pinned"),),
        default=lambda step: {"at": step.work.at.isoformat(), "mode": "ONSITE"},
        derive=_pinned,
        effect=_convened,
    ),
    row(
        "AddItem",
        "AgendaItemAdded",
        "CS",
        "item_no:N, case_kind:E, case_no:I, amount:M?, docs:L?",
        stages="CONVENED",
        clauses=(
            clause("AddItem.1", "case SUBMITTED and needs committee", _is_submitted),
            clause("STATE", "the item's number is free", lambda step: step["item_no"] not in step.case.items),
        ),
        default=lambda step: {"item_no": len(step.case.items) + 1},
        effect=_added,
    ),
    row(
        "RemoveItem",
        "AgendaItemRemoved",
        "CS",
        "item_no:N",
        stages="CONVENED",
        clauses=(clause("STATE", "the item is on the agenda", _is_open_item),),
        effect=lambda case, facts, who: case.items.pop(facts["item_no"]),
    ),
    row(
        "Open",
        "MeetingOpened",
        "CS",
        "present:L",
        stages="CONVENED",
        next="OPEN",
        clauses=(
            clause("Open.1", "notice period kept"),
            clause("Open.2", "quorum met", _quorum_is_met),
        ),
        effect=_opened,
    ),
    row(
        "Recuse",
        "RecusalDeclared",
        "CV SY",
        "item_no:N, member:I",
        stages="OPEN",
        clauses=(
            clause("STATE", "item open", _is_open_item),
            clause("Recuse.1", "before own vote", lambda step: _has_not_voted(step, step["member"])),
        ),
        default=lambda step: {"member": step.actor},
        effect=_recused,
    ),
    row(
        "Vote",
        "VoteCast",
        "CV CC",
        "item_no:N, member:I, vote:E, opinion:S",
        stages="OPEN",
        clauses=(
            clause("SD4", "maker and reviewer of an item do not vote on it", _is_no_party),
            clause("Vote.1", "present", _may_vote),
            clause("Vote.1", "not recused", lambda step: step.actor not in _item(step).get("recused", ())),
            clause("Vote.1", "item open", _is_open_item),
            clause("Vote.1", "no earlier vote", lambda step: _has_not_voted(step, step.actor)),
        ),
        default=lambda step: {"member": step.actor, "opinion": "-"},
        derive=_vote,
        effect=_voted,
    ),
    row(
        "CloseItem",
        "ResolutionAdopted",
        "CS",
        "item_no:N, eligible:N, present:N, votes_for:N, votes_against:N, votes_abstain:N, result:E, conditions:S",
        stages="OPEN",
        clauses=(
            clause("CloseItem.1", "all present voted or time over"),
            clause("STATE", "item open", _is_open_item),
        ),
        default=lambda step: {"conditions": "-"},
        derive=_counts,
        effect=_resolved(PASSED),
    ),
    row(
        "Veto",
        "ItemVetoed",
        "CC",
        "item_no:N, why:S",
        stages="OPEN",
        clauses=(
            clause("SD4", "the chair's veto, if configured, only turns PASSED into REJECTED", _may_veto),
            clause("Veto.2", "same day", lambda s: s.day == s.case.days.get("ResolutionAdopted", s.day)),
        ),
        default=lambda step: {"why": step.who.reason or "-"},
        effect=_resolved(REJECTED),
    ),
    row(
        "Defer",
        "ItemDeferred",
        "CS",
        "item_no:N, to_meeting:I",
        stages="CONVENED OPEN",
        clauses=(clause("STATE", "item open", _is_open_item),),
        default=lambda step: {"to_meeting": "-"},
        effect=_resolved(DEFERRED),
    ),
    row(
        "SignMinutes",
        "MinutesSigned",
        "CC CS",
        "doc_id:I",
        stages="OPEN",
        clauses=(clause("SignMinutes.1", "every item decided or deferred", _is_all_decided),),
        default=lambda step: {"doc_id": "-"},
    ),
    row(
        "Close",
        "MeetingClosed",
        "CC CS",
        stages="OPEN",
        next="CLOSED",
        clauses=(clause("Close.1", "every item decided or deferred", _is_all_decided),),
    ),
    row(
        "Cancel",
        "MeetingCancelled",
        "CS",
        "why:S",
        stages="CONVENED OPEN",
        next="CANCELLED",
        clauses=(
            clause(
                "Cancel.1", "no vote cast", lambda step: not any(item["votes"] for item in step.case.items.values())
            ),
        ),
        default=lambda step: {"why": step.who.reason or "-"},
    ),
)


class CommitteeMeeting(Case):
    """Convened with its agenda, opened with a quorum, voted item by item, minuted and closed."""

    NAME = "CommitteeMeeting"
    KEY = "meeting_no"
    ROWS = ROWS

    def start(self) -> None:
        self.members: list[str] = []
        self.present: list[str] = []
        self.items: dict[int, dict[str, Any]] = {}
        self.rules: dict[str, Any] = dict(DEFAULT_RULES)

    def extra(self) -> dict[str, Any]:
        return {"present": list(self.present), "items": {str(no): item for no, item in self.items.items()}}
