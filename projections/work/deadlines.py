"""Every date that something must be done by, with days left and a colour; what is over stays in the list until it is
settled by an event.

Two sources: terms that run as aggregates of their own (`Deadline`: limitation, appeal, enforcement ...), and dates
that a case itself carries (repayment, disposal of a foreclosed asset, an inspection, a target's nodes).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from projections.work.cases import CaseRow
from projections.work.state import WorkState
from projections.work.subjects import assets_about

#: Days before `act_by` from which a term is amber, and from which it is red (steps of the ladder, spec section 5).
AMBER_DAYS, RED_DAYS = 30, 7
WINDOW_DAYS = AMBER_DAYS
GREEN, AMBER, RED, LAPSED, PAUSED = "GREEN", "AMBER", "RED", "LAPSED", "PAUSED"
OPEN_TERMS = ("RUNNING", "PAUSED", "MISSED")


@dataclass(frozen=True, slots=True)
class DatedLine:
    """`act_by`: prudent day, `due_on`: legal last day. `days_left` to `act_by`, `days_to_due` to `due_on`; negative:
    over. `is_term`: a `Deadline` of its own. `owner`: the manager of the loan, where one is known."""

    rule_code: str
    aggregate: str
    key: str
    subject: str
    entity: str
    org: str
    roles: tuple[str, ...]
    owner: str | None
    act_by: str
    due_on: str
    days_left: int
    days_to_due: int
    colour: str
    state: str
    asset_nos: tuple[str, ...]
    is_term: bool
    reminders: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Dated:
    """A date that an aggregate of a kind carries, and in which stages it counts; `rule`: of section 5."""

    rule: str
    aggregate: str
    field: str
    roles: tuple[str, ...]
    stages: tuple[str, ...] = ()


DATED = (
    Dated("TL20", "DebtReduction", "repay_by", ("AM",), ("APPROVED", "PERFORMING", "SUSPENDED")),
    Dated("TL17", "ForeclosedAsset", "dispose_by", ("FK",), ("BOOKED", "IN_CUSTODY", "PART_SOLD")),
    Dated("TL20", "Mandate", "until_date", ("HM",), ("RUNNING",)),
    Dated("TL20", "OutsourcingEngagement", "until_date", ("AM",), ("ENGAGED",)),
    Dated("TL22", "Inspection", "due_on", ("AM",), ("OPEN",)),
    Dated("TL21", "Target", "period_end", ("RM",), ("ACTIVE",)),
    Dated("LIMIT", "LimitBreach", "deadline", ("TR", "RM"), ("OPEN", "WAIVED")),
)
#: Approvals lapse: what was approved has to be posted by then.
APPROVAL = Dated("APPROVAL", "", "valid_until", ("FN",), ("APPROVED", "PERFORMING", "SOLD", "POSTING_FAILED"))


def lines(state: WorkState, today: Mapping[str, date]) -> Iterator[DatedLine]:
    """All open terms and dates, unsorted; `today` by entity."""
    terms: set[tuple[str, str]] = set()
    for term in state.of_kind("Deadline"):
        subject = str(term.facts.get("subject", "-"))
        terms.add((subject, str(term.facts.get("legal_due_on"))))
        if term.stage in OPEN_TERMS and term.facts.get("legal_due_on"):
            yield _of_term(state, term, subject, today[term.entity])
    for dated in DATED:
        for case in state.of_kind(dated.aggregate):
            yield from _of_case(state, case, dated, terms, today)
    for case in state.cases.values():
        yield from _of_case(state, case, APPROVAL, terms, today)


def urgency(line: DatedLine) -> tuple[str, str, str]:
    """Sorts the most urgent first."""
    return (line.act_by, line.due_on, f"{line.aggregate}/{line.key}")


def colour_of(days_left: int, days_to_due: int, stage: str) -> str:
    """LAPSED: the legal day is over; RED: `act_by` is over or a week away; AMBER: a month; GREEN: later."""
    if stage == "MISSED" or days_to_due < 0:
        return LAPSED
    if stage == "PAUSED":
        return PAUSED
    if days_left <= RED_DAYS:
        return RED
    return AMBER if days_left <= AMBER_DAYS else GREEN


def _of_term(state: WorkState, term: CaseRow, subject: str, today: date) -> DatedLine:
    due_on = str(term.facts["legal_due_on"])
    act_by = str(term.facts.get("act_by") or due_on)
    assets = tuple(assets_about(state, term))
    org = next(
        (state.cases["RiskAsset", no].branch for no in assets if ("RiskAsset", no) in state.cases), term.branch
    )
    left, to_due = _days(act_by, today), _days(due_on, today)
    return DatedLine(
        str(term.facts.get("rule_code", "-")),
        term.aggregate,
        term.key,
        subject,
        term.entity,
        org,
        ("AM", "LG"),
        next((state.claims[no].manager for no in assets if no in state.claims and state.claims[no].manager), None),
        act_by,
        due_on,
        left,
        to_due,
        colour_of(left, to_due, term.stage),
        term.stage,
        assets,
        is_term=True,
        reminders=len(term.listed("reminders")),
        version=term.version,
    )


def _of_case(
    state: WorkState, case: CaseRow, dated: Dated, terms: set[tuple[str, str]], today: Mapping[str, date]
) -> Iterator[DatedLine]:
    day = case.day_of(dated.field)
    if day is None or case.stage not in dated.stages or (case.key, day) in terms:
        return
    left = _days(day, today[case.entity])
    assets = tuple(case.asset_nos)
    yield DatedLine(
        dated.rule,
        case.aggregate,
        case.key,
        case.key,
        case.entity,
        case.branch,
        dated.roles,
        next((state.claims[no].manager for no in assets if no in state.claims and state.claims[no].manager), None),
        day,
        day,
        left,
        left,
        colour_of(left, left, case.stage),
        case.stage,
        assets,
        is_term=False,
        version=case.version,
    )


def _days(day: str, today: date) -> int:
    return (date.fromisoformat(day) - today).days
