"""LimitBreach, the case of one broken limit: figures, owner, cause, action, deadline, waiver, end (LIQ-36).

Values are judged exact against the edges that the case was opened with, an edge itself being kept. Not for noticing a
breach, which is `engines.limit_breaches` over observations.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from aggregates.refusals import unless_field
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts, clause, row
from aggregates.steps.step import Step
from engines.limits import Limit, headroom

#: The risk department watches the limits, the business explains, the committee bears or ends a breach (LIQ-43).
WATCHERS, EXPLAINERS, DECIDERS = "RM SY", "TR HM RM", "AC HA"


def is_kept(value: Decimal, minimum: Decimal | None, maximum: Decimal | None) -> bool:
    return _headroom(value, minimum, maximum) >= 0


def _headroom(value: Decimal, minimum: Decimal | None, maximum: Decimal | None) -> Fraction:
    lowest, highest = (None if edge is None else Fraction(edge) for edge in (minimum, maximum))
    return headroom(Fraction(value), Limit("-", "-", lowest, highest)).value


def _opening(step: Step) -> Facts:
    """Every limit cites the policy it stands on (LIQ-43)."""
    minimum, maximum = step.get("minimum"), step.get("maximum")
    unless_field(minimum is not None or maximum is not None, "minimum", "want a minimum, a maximum, or both")
    ordered = minimum is None or maximum is None or minimum <= maximum
    unless_field(ordered, "minimum", "is above the maximum")
    deadline = step.get("deadline")
    unless_field(deadline is None or deadline >= step.day, "deadline", "is before the breach")
    return {"breach_no": step.key}


def _is_broken(step: Step) -> bool:
    if not step.exists:
        return not is_kept(step["value"], step.get("minimum"), step.get("maximum"))
    return not step.case.keeps(step["value"])


def _is_later(step: Step) -> Facts:
    unless_field(step.day > step.case.last_on, "valid_on", "is not after the last observation")
    return {}


def _is_not_earlier(step: Step) -> Facts:
    """A limit that is watched live is broken, restored and broken again within one day."""
    unless_field(step.day >= step.case.last_on, "valid_on", "is before the last observation")
    return {}


def _observation(step: Step) -> Facts:
    case = step.case
    if case.stage == "RESTORED":
        _is_not_earlier(step)
    else:
        _is_later(step)
    if step.get("value") is None:
        return {}
    in_a_row = 1 if case.stage == "RESTORED" else case.in_a_row + 1
    return {"worst_value": min(step["value"], case.worst, key=case.room), "breaches_in_a_row": in_a_row}


def _explanation(step: Step) -> Facts:
    for name in ("cause", "action"):
        unless_field(step.get(name) != "", name, "is empty")
    unless_field(step.get("deadline", date.max) >= step.case.opened_on, "deadline", "is before the breach")
    return {}


def _waiver(step: Step) -> Facts:
    unless_field(step.get("waived_until", date.max) >= step.day, "waived_until", "is before the day it counts from")
    unless_field(step.get("comment") != "", "comment", "is empty")
    return {}


def _opened(case: Any, facts: Facts, who: Any) -> None:
    case.first = case.worst = case.last = facts["value"]
    case.opened_on = case.last_on = who.valid_on
    case.in_a_row = 1


def _observed(case: Any, facts: Facts, who: Any) -> None:
    case.last, case.worst, case.last_on = facts["value"], facts["worst_value"], who.valid_on
    case.in_a_row = facts["breaches_in_a_row"]
    if case.stage == "RESTORED":
        case.restored_on = None


def _waived(case: Any, _facts: Facts, who: Any) -> None:
    case.waived_by = who.actor


def _restored(case: Any, facts: Facts, who: Any) -> None:
    case.last, case.last_on, case.restored_on, case.in_a_row = facts["value"], who.valid_on, who.valid_on, 0


def _is_another(step: Step) -> bool:
    return step.actor != step.case.facts["owner"] and not step.case.has_played(step.actor, "maker")


ANOTHER = clause("SD1", "neither the owner of a breach nor who worked on it decides on it", _is_another)
EXPLAINED = "the breach was explained"

ROWS = (
    row(
        "Open",
        "LimitBreached",
        WATCHERS,
        "breach_no:I, limit_id:I, metric:I, value:V, minimum:V?, maximum:V?, policy_ref:I, owner:I, deadline:D",
        makes=True,
        next="OPEN",
        clauses=(clause("Open.1", "the value breaks the limit", _is_broken),),
        derive=_opening,
        effect=_opened,
        remember="maker",
    ),
    row(
        "Observe",
        "BreachObserved",
        WATCHERS,
        "value:V, worst_value:V, breaches_in_a_row:N",
        stages="OPEN WAIVED RESTORED",
        next=lambda case, facts: "OPEN" if case.stage == "RESTORED" else "",
        clauses=(clause("Observe.2", "the value breaks the limit", _is_broken),),
        derive=_observation,
        effect=_observed,
    ),
    row(
        "Explain",
        "BreachExplained",
        EXPLAINERS,
        "owner:I, cause:S, action:S, deadline:D",
        stages="OPEN WAIVED RESTORED",
        default=lambda step: {name: step.case.facts[name] for name in ("owner", "deadline")},
        derive=_explanation,
        remember="maker",
    ),
    row(
        "Waive",
        "BreachWaived",
        DECIDERS,
        "waived_until:D, comment:S",
        stages="OPEN",
        next="WAIVED",
        clauses=(ANOTHER, clause("Waive.3", EXPLAINED, lambda step: bool(step.case.facts.get("cause")))),
        derive=_waiver,
        effect=_waived,
    ),
    row(
        "Restore",
        "LimitRestored",
        WATCHERS,
        "value:V",
        stages="OPEN WAIVED",
        next="RESTORED",
        clauses=(clause("Restore.2", "the value keeps the limit", lambda step: not _is_broken(step)),),
        derive=_is_not_earlier,
        effect=_restored,
    ),
    row(
        "Close",
        "BreachClosed",
        DECIDERS,
        "outcome:S",
        stages="RESTORED",
        next="CLOSED",
        clauses=(ANOTHER, clause("Close.3", EXPLAINED, lambda step: bool(step.case.facts.get("cause")))),
    ),
)


class LimitBreach(Case):
    """OPEN → WAIVED by another person, for a time → RESTORED, by a value within the limit → CLOSED."""

    NAME = "LimitBreach"
    KEY = "breach_no"
    ROWS = ROWS

    def start(self) -> None:
        self.first = self.worst = self.last = Decimal(0)
        self.opened_on = self.last_on = date.min
        self.in_a_row = 0
        self.waived_by = ""
        self.restored_on: date | None = None

    def keeps(self, value: Decimal) -> bool:
        return is_kept(value, self.facts.get("minimum"), self.facts.get("maximum"))

    def room(self, value: Decimal) -> Fraction:
        return _headroom(value, self.facts.get("minimum"), self.facts.get("maximum"))

    def extra(self) -> dict[str, Any]:
        return {
            "minimum": self.facts.get("minimum"),
            "maximum": self.facts.get("maximum"),
            "first_value": self.first,
            "last_value": self.last,
            "worst_value": self.worst,
            "breaches_in_a_row": self.in_a_row,
            "opened_on": self.opened_on,
            "last_on": self.last_on,
            "cause": self.facts.get("cause"),
            "action": self.facts.get("action"),
            "waived_until": self.facts.get("waived_until"),
            "waived_by": self.waived_by or None,
            "restored_on": self.restored_on,
        }
