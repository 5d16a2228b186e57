"""What waits for somebody: derived from where every case stands, the dates that come near, and money without a place.

A to-do is nobody's row to tick off: it stands while the events say that a step is missing, and is gone with the event
that takes the step. Not for rights that nobody has to use: see `duties.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from projections.work.cases import CaseRow
from projections.work.deadlines import WINDOW_DAYS, DatedLine, lines
from projections.work.duties import DECIDE, MACHINES, Duty, duties_of
from projections.work.stages import Move
from projections.work.state import WorkState
from projections.work.subjects import assets_about, customers_of

VOTE, SUSPENSE, REVERSAL, WARNING, MANAGER, CHECK, DEADLINE = (
    "VOTE",
    "UNAPPLIED_MONEY",
    "UNAPPLIED_REVERSAL",
    "WARNING",
    "ASSIGN_MANAGER",
    "CHECK_DUE",
    "DEADLINE",
)
#: Modes whose money the case command applies (decision E14).
CASE_MODES = ("REDUCTION_CASH", "TRANSFER_SINGLE", "TRANSFER_BATCH", "SECURITISATION", "INCOME_RIGHT")
HELD = ("BOOKED", "IN_CUSTODY", "PART_SOLD")


@dataclass(frozen=True, slots=True)
class Todo:
    """`roles`: any of them may take it; `not_by`: people who may not (segregation of duties). `assignee`: whose it is
    in the first place, None: the role's. `commands`: what takes it. `since`: business day from which it waits."""

    kind: str
    aggregate: str
    key: str
    entity: str
    org: str
    roles: tuple[str, ...]
    commands: tuple[str, ...]
    since: str
    version: int
    since_at: str = ""
    assignee: str | None = None
    level: str | None = None
    not_by: tuple[str, ...] = ()
    due_on: str | None = None
    asset_nos: tuple[str, ...] = ()
    customer_nos: tuple[str, ...] = ()
    amount: str | None = None
    ccy: str = "CNY"
    state: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def is_for(self, actor: str, roles: tuple[str, ...]) -> bool:
        return actor not in self.not_by and any(role in self.roles for role in roles)


def todos(state: WorkState, today: Mapping[str, date]) -> Iterator[Todo]:
    """All that waits, in the order in which the cases were made; `today` by entity, for what depends on the day."""
    assigned = _assigned(state)
    for case in state.cases.values():
        for todo in _of_case(state, case):
            claimed = assigned.get(case.key) if todo.kind == DECIDE else None
            yield todo if claimed is None else replace(todo, assignee=claimed[0], level=claimed[1])
        if (special := _SPECIAL.get(case.aggregate)) is not None:
            yield from special(state, case, today[case.entity])
    for line in lines(state, today):
        if line.days_left <= WINDOW_DAYS and line.is_term:
            yield _of_deadline(state, line)


def _of_case(state: WorkState, case: CaseRow) -> Iterator[Todo]:
    """The duties of one case; kept until its next event, since nothing else changes them."""
    known = state.duties.get((case.aggregate, case.key))
    if known is None or known[0] != case.version:
        found = tuple(_duties(state, case))
        state.duties[case.aggregate, case.key] = known = (case.version, found)
    yield from known[1]


def _duties(state: WorkState, case: CaseRow) -> Iterator[Todo]:
    moves = state.table.open_moves(case)
    by_command: dict[str, list[Move]] = {}
    for move in moves:
        by_command.setdefault(move.command, []).append(move)
    for duty in duties_of(by_command, case.aggregate):
        taken = [move for command in duty.commands for move in by_command.get(command, ()) if _fits(duty, case, move)]
        roles = tuple(dict.fromkeys(role for move in taken for role in move.roles if role not in MACHINES))
        if roles and duty.when(case):
            yield _todo(state, case, duty.kind, roles, tuple(move.name for move in taken if move.name), duty)


def _fits(duty: Duty, case: CaseRow, move: Move) -> bool:
    return not duty.stages or case.stage_of(move.track) in duty.stages


def _todo(
    state: WorkState,
    case: CaseRow,
    kind: str,
    roles: tuple[str, ...],
    commands: tuple[str, ...],
    duty: Duty | None = None,
) -> Todo:
    barred = () if duty is None else _barred(case, duty)
    amount = next((case.facts[name] for name in ("amount", "claim_amount", "price") if name in case.facts), None)
    return Todo(
        kind,
        case.aggregate,
        case.key,
        case.entity,
        case.branch,
        roles,
        commands,
        case.since,
        case.version,
        case.since_at,
        None if duty is None else duty.assignee(case),
        not_by=barred,
        due_on=case.day_of(duty.due) if duty is not None and duty.due else None,
        asset_nos=tuple(assets_about(state, case)),
        customer_nos=tuple(customers_of(state, case)),
        amount=amount if isinstance(amount, str) else None,
        ccy=case.ccy,
        state=case.stage,
        detail={name: case.facts[name] for name in ("comment", "error_code", "error_text") if name in case.facts}
        if kind in ("RETURNED", "POSTING_FAILED")
        else {},
    )


def _barred(case: CaseRow, duty: Duty) -> tuple[str, ...]:
    parts = duty.not_by
    if case.aggregate == "WriteOff" and duty.kind in (DECIDE, "FINISH_DRAFT"):
        parts = (*parts, "reviewer")  # SD9
    found = [actor for part in parts for actor in case.people.get(part, ())]
    if case.aggregate == "LiabilityDetermination" and "Review" in duty.commands:  # SD3
        found += [person["staff_no"] for person in case.facts.get("persons", [])]
    if case.aggregate == "LimitBreach" and duty.kind == DECIDE:
        found += [str(case.facts.get("owner", "-"))]
    return tuple(dict.fromkeys(found))


def _assigned(state: WorkState) -> dict[str, tuple[str, str]]:
    """Assignee and level by case number, of the workflow system's open work items (IN-11): the newest counts."""
    found: dict[str, tuple[str, str]] = {}
    for item in state.of_kind("WorkItem"):
        if item.stage == "OPEN":
            assignee = item.facts.get("to") or item.facts.get("assignee", "-")
            found[str(item.facts.get("case_no"))] = (str(assignee), str(item.facts.get("level", "-")))
    return found


# --- Beyond the stages ---------------------------------------------------------------------------------------------


def _votes(state: WorkState, case: CaseRow, _today: date) -> Iterator[Todo]:
    """Each member who is present, not recused and has not voted; of a secret ballot nobody knows who has."""
    if case.stage != "OPEN":
        return
    secret = str((case.facts.get("rules") or {}).get("ballot")) == "SECRET"
    for number, item in case.named.get("items", {}).items():
        if item["result"]:
            continue
        for member in case.facts.get("present", []):
            if member in item["recused"] or (member in item["votes"] and not secret):
                continue
            about = state.case(_camel(item.get("case_kind", "")), item.get("case_no", ""))
            if about is not None and about.has_played(member, "maker", "reviewer"):  # SD4
                continue
            todo = _todo(state, case, VOTE, ("CV", "CC"), ("Vote",))
            shown = {"item_no": int(number), "case_kind": item.get("case_kind"), "case_no": item.get("case_no")}
            yield replace(todo, assignee=member, amount=item.get("amount"), detail=shown)


def _unapplied(state: WorkState, case: CaseRow, _today: date) -> Iterator[Todo]:
    """Confirmed money that neither the claim nor a case has taken: a surplus, a closed asset, a refused guard."""
    taken = state.applied.get(case.key, {})
    if case.stage == "REVERSED" and taken:  # core took it back, the claim did not: a sold or closed one (E16)
        yield _todo(state, case, REVERSAL, ("FN", "AM"), ())
    if case.stage not in ("TAGGED", "CONFIRMED"):
        return
    for split in case.facts.get("splits", []):
        number = split["split_no"]
        if number not in case.listed("confirmed") or {f"{case.key}/{number}", f"{case.key}/*"} & taken.keys():
            continue
        roles = ("FN",) if split["mode"] in CASE_MODES else ("AM", "FN")
        todo = _todo(state, case, SUSPENSE, roles, ())
        yield replace(todo, amount=split["amount"], detail={"split_no": number, "mode": split["mode"]})


def _warnings(state: WorkState, case: CaseRow, _today: date) -> Iterator[Todo]:
    if case.stage != "AT_RISK":
        return
    for warning_id, warning in case.named.get("warnings", {}).items():
        todo = _todo(state, case, WARNING, ("AM",), ("Clear",))
        yield replace(todo, since=warning["raised_on"], detail={"warning_id": warning_id} | warning)


def _unmanaged(state: WorkState, case: CaseRow, _today: date) -> Iterator[Todo]:
    claim = state.claims.get(case.key)
    if claim is not None and not claim.manager and claim.lifecycle != "CLOSED":
        yield _todo(state, case, MANAGER, ("BR",), ("AssignManager",))


def _checks(state: WorkState, case: CaseRow, today: date) -> Iterator[Todo]:
    """Book-to-physical check once a quarter (TL18): due at the quarter's end where this quarter has none."""
    if case.stage not in HELD or "DistributionAccepted" not in case.days:
        return
    start, end = quarter_of(today)
    if case.days.get("CheckRecorded", "") >= start.isoformat():
        return
    todo = _todo(state, case, CHECK, ("FK",), ("Check",))
    keeper = next(iter(case.people.get("keeper", ())), None)
    yield replace(todo, assignee=keeper, since=start.isoformat(), due_on=end.isoformat())


def quarter_of(day: date) -> tuple[date, date]:
    """First and last day of the quarter of a day."""
    first = date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
    after = date(first.year + (first.month == 10), (first.month + 2) % 12 + 1, 1)
    return first, date.fromordinal(after.toordinal() - 1)


def _of_deadline(state: WorkState, line: DatedLine) -> Todo:
    case = state.cases[line.aggregate, line.key]
    todo = _todo(
        state, case, DEADLINE, line.roles, ("Meet",) if case.stage in ("RUNNING", "PAUSED", "MISSED") else ()
    )
    shown = {"rule_code": line.rule_code, "subject": line.subject, "days_left": line.days_left, "colour": line.colour}
    return replace(
        todo, due_on=line.act_by, assignee=line.owner, asset_nos=line.asset_nos, detail=shown, org=line.org
    )


def _camel(code: str) -> str:
    return "".join(part.title() for part in code.split("_"))


_SPECIAL = {
    "CommitteeMeeting": _votes,
    "RecoveryFlow": _unapplied,
    "RiskCustomer": _warnings,
    "RiskAsset": _unmanaged,
    "ForeclosedAsset": _checks,
}
