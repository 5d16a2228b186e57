"""PM11: deadlines are opened, restarted, met and voided by what happens to loans and cases (section 5).

Pure over the application: days come from the book of rules. A deadline that the rules cannot compute (a start before
the table, a date out of bounds) is a refusal for people. Not automatic, for lack of an event: TL05 docketing, TL06,
TL08, TL13, TL14, TL15, TL16, TL18, TL19, TL21, TL23.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count
from types import MappingProxyType
from typing import Any

from aggregates.assets import Assets
from aggregates.deadline import TRIGGER_REVERSED
from aggregates.envelope import Principal
from aggregates.process_managers.wanted import SYSTEM, Found, Wanted
from aggregates.rendering import EventView
from engines.deadlines import ONLY_KIND, DeadlineBook, DueDays
from engines.primitives.errors import InvalidInput

#: Payments of the debtor, or of his own property by his will: they acknowledge the debt. Others are not his consent.
CONSENT_MODES = ("CASH_VOLUNTARY", "COLLATERAL_SELF_SALE", "REDUCTION_CASH")
DEMANDS = ("DEMAND_SERVED", "DEMAND_RECEIVED")
LIMITATION = ("TL01", "TL02")
OF_A_LOAN = (*LIMITATION, "TL03", "TL24")
OF_A_CASE = ("TL04", "TL05", "TL07", "TL09", "TL10", "TL11", "TL12")
OPEN_STAGES = ("RUNNING", "PAUSED", "MISSED")  # a fact learnt late still moves what was missed
FINAL = ("SOLD", "CONVERTED", "LOST", "VOID")
DISPOSAL_KINDS = ("MOVABLE", "IMMOVABLE", "EQUITY", "OTHER")  # the shortest term first
PRESERVED = ("DEPOSIT", "MOVABLE", "IMMOVABLE", "OTHER")


@dataclass(frozen=True, slots=True)
class Terms:
    """The deadlines as one event finds them, and the commands on them."""

    app: Assets
    book: DeadlineBook
    event: EventView

    @property
    def key(self) -> str:
        return self.event.key

    @property
    def case(self) -> Any:
        """The aggregate of the event, as it is now."""
        found = self.app.find(self.event.aggregate, self.event.key)
        assert found is not None  # noqa: S101 - its event was just read
        return found

    @property
    def day(self) -> date:
        return self.event.envelope.valid_on

    def day_of(self, name: str) -> date:
        """A day of the event's payload; the business date where it is not given."""
        given = self.event.payload.get(name)
        return self.day if given is None else date.fromisoformat(given)

    def known(self, code: str, subject: str) -> Iterator[Any]:
        for number in count(1):
            found = self.app.find("Deadline", _key(code, subject, number))
            if found is None:
                return
            yield found

    def running(self, code: str, subject: str) -> list[Any]:
        return [deadline for deadline in self.known(code, subject) if deadline.stage in OPEN_STAGES]

    def open(
        self, code: str, subject: str, start_on: date, *, kind: str = ONLY_KIND, agreed: date | None = None
    ) -> Iterator[Found]:
        """A deadline of its own, beside those that run already for the same subject."""
        try:
            rule = self.book.rule_on(code, start_on)
            due = self.book.due(rule, start_on, kind=kind, agreed_last_day=agreed)
        except InvalidInput as refusal:
            yield refusal
            return
        payload = {"rule_code": code, "rule_version": rule.version, "subject": subject, **_days(due)}
        number = 1 + sum(1 for _ in self.known(code, subject))
        home = Principal(SYSTEM.actor, SYSTEM.roles, self.case.branch, (self.event.envelope.entity,))
        yield self.wanted("Open", _key(code, subject, number), payload, f"Open {code} {kind}", home)

    def open_once(self, code: str, subject: str, start_on: date, **terms: Any) -> Iterator[Found]:
        if not self.running(code, subject):
            yield from self.open(code, subject, start_on, **terms)

    def restart(self, loan_no: str, cause: str, new_start: date) -> Iterator[Found]:
        """The limitation of a loan begins anew; an earlier day than the present start changes nothing."""
        for code in LIMITATION:
            for deadline in self.running(code, loan_no):
                if new_start > deadline.starts[-1]:
                    yield from self._restart(deadline, cause, new_start)

    def undo_restart(self, loan_no: str, undone: date) -> Iterator[Found]:
        """What interrupted the limitation on a day never happened: it runs from the start before."""
        for code in LIMITATION:
            for deadline in self.running(code, loan_no):
                if deadline.starts[-1] == undone and len(deadline.starts) > 1:
                    days = self._due_from(deadline, deadline.starts[-2])
                    yield self._interrupt(deadline, TRIGGER_REVERSED, days)

    def meet(self, code: str, subject: str, done_on: date, *, began_before: date = date.max) -> Iterator[Found]:
        for deadline in self.running(code, subject):
            if deadline.starts[-1] < began_before:
                payload = {"done_on": done_on.isoformat()}
                yield self.wanted("Meet", deadline.key, payload, f"Meet {deadline.key}")

    def void(self, codes: tuple[str, ...], subject: str) -> Iterator[Found]:
        for code in codes:
            for deadline in self.running(code, subject):
                yield self.wanted("Void", deadline.key, {"why": self.event.type}, f"Void {deadline.key}")

    def _restart(self, deadline: Any, cause: str, new_start: date) -> Iterator[Found]:
        facts = deadline.facts
        running = DueDays(
            deadline.starts[-1], facts["raw_last_day"], facts["legal_due_on"], facts["act_by"], is_calendar_known=True
        )
        try:
            rule = self.book.rule_on(facts["rule_code"], running.start_on)
            due = self.book.restart(rule, running, new_start, long_stop_from=facts["start_on"])
        except InvalidInput as refusal:
            yield refusal
            return
        yield self._interrupt(deadline, cause, due)

    def _due_from(self, deadline: Any, start_on: date) -> DueDays:
        rule = self.book.rule_on(deadline.facts["rule_code"], start_on)
        return self.book.due(rule, start_on, long_stop_from=deadline.facts["start_on"])

    def _interrupt(self, deadline: Any, cause: str, due: DueDays) -> Wanted:
        days = _days(due)
        payload = {"cause": cause, "new_start": days.pop("start_on"), **days}
        return self.wanted("Interrupt", deadline.key, payload, f"Interrupt {deadline.key} {cause}")

    def wanted(
        self, command: str, key: str, payload: Mapping[str, Any], tag: str, principal: Principal = SYSTEM
    ) -> Wanted:
        return Wanted("Deadline", key, command, payload, valid_on=self.day, tag=tag, principal=principal)


def _key(code: str, subject: str, number: int) -> str:
    return f"{code}.{subject}.{number}"


def _days(due: DueDays) -> dict[str, str]:
    names = ("start_on", "raw_last_day", "legal_due_on", "act_by")
    return {name: getattr(due, name).isoformat() for name in names}


# --- Loans -------------------------------------------------------------------------------------------------------


def limitation_opens(terms: Terms) -> Iterator[Found]:
    payload = terms.event.payload
    if payload.get("maturity") is None:
        return
    due_day = terms.day_of("maturity")
    yield from terms.open_once("TL01", terms.key, due_day)
    if payload.get("collateral_ids"):
        yield from terms.open_once("TL02", terms.key, due_day)
    if payload.get("guarantor_nos"):
        yield from terms.open_once("TL03", terms.key, due_day)


def debtor_pays(terms: Terms) -> Iterator[Found]:
    if terms.event.payload["mode"] in CONSENT_MODES:
        yield from terms.restart(terms.key, "PART_PAYMENT", terms.day)


def payment_undone(terms: Terms) -> Iterator[Found]:
    """A payment that never happened acknowledged nothing; one that was given back later did."""
    if terms.event.payload["kind"] == "CORRECTION":
        yield from terms.undo_restart(terms.key, terms.day)


def demand_served(terms: Terms) -> Iterator[Found]:
    if terms.event.payload["outcome"] in DEMANDS:
        for loan_no in terms.case.asset_ids:
            yield from terms.restart(loan_no, "DEMAND", terms.day)


def claim_ends(terms: Terms) -> Iterator[Found]:
    yield from terms.void(OF_A_LOAN, terms.key)


def written_off(terms: Terms) -> Iterator[Found]:
    yield from terms.open_once("TL24", terms.key, terms.day)


def write_off_undone(terms: Terms) -> Iterator[Found]:
    yield from terms.void(("TL24",), terms.key)


def next_cycle(terms: Terms) -> Iterator[Found]:
    """A yearly review that was done is due again in a year."""
    if terms.case.facts["rule_code"] == "TL24":
        yield from terms.open_once("TL24", terms.case.facts["subject"], terms.day_of("done_on"))


def inspected(terms: Terms) -> Iterator[Found]:
    subject, checked_on = terms.case.facts["subject_no"], terms.day_of("checked_on")
    yield from terms.meet("TL22", subject, checked_on, began_before=checked_on)
    yield from terms.open_once("TL22", subject, checked_on)


# --- Suits -------------------------------------------------------------------------------------------------------


def proceedings(terms: Terms) -> Iterator[Found]:
    """Suit, appeal, judgment and enforcement interrupt the limitation, the last of them from the procedure's end."""
    for loan_no in terms.case.asset_ids:
        yield from terms.restart(loan_no, "PROCEEDINGS", terms.day)


def docketed(terms: Terms) -> Iterator[Found]:
    docketed_on = terms.day_of("docketed_on")
    yield from terms.meet("TL04", terms.key, docketed_on)
    yield from terms.open_once("TL05", terms.key, docketed_on, kind="ORDINARY")


def preserved(terms: Terms) -> Iterator[Found]:
    """Each preservation has a term of its own; one before the suit asks for the suit in 30 days."""
    start_on, thing = terms.day_of("from_date"), terms.event.payload["object"]
    kind = thing if thing in PRESERVED else "OTHER"
    yield from terms.open("TL07", terms.key, start_on, kind=kind, agreed=terms.day_of("until_date"))
    if "CaseDocketed" not in terms.case.seen:
        yield from terms.open_once("TL04", terms.key, start_on)


def renewed(terms: Terms) -> Iterator[Found]:
    """The court's new range replaces the newest one; how long it may be depends on the thing that was preserved."""
    for deadline in terms.running("TL07", terms.key)[-1:]:
        # One tag whichever it is: looked at again, the newest may be another one.
        yield terms.wanted("Meet", deadline.key, {"done_on": terms.day.isoformat()}, "Meet renewed")
    thing = terms.case.facts.get("object")
    kind = thing if thing in PRESERVED else "OTHER"
    yield from terms.open("TL07", terms.key, terms.day, kind=kind, agreed=terms.day_of("until_date"))


def lifted(terms: Terms) -> Iterator[Found]:
    yield from terms.void(("TL04", "TL07"), terms.key)


def judged(terms: Terms) -> Iterator[Found]:
    """The second instance is final: only the first judgment can be appealed."""
    served_on = terms.day_of("served_on")
    yield from terms.meet("TL05", terms.key, served_on)
    if terms.case.seen.get("AppealFiled", terms.event.version) >= terms.event.version:
        kind = "RULING" if terms.event.payload["kind"] == "RULING" else "JUDGMENT"
        yield from terms.open_once("TL10", terms.key, served_on, kind=kind)


def appealed(terms: Terms) -> Iterator[Found]:
    filed_on = terms.day_of("on")
    yield from terms.meet("TL10", terms.key, filed_on)
    yield from terms.open_once("TL05", terms.key, filed_on, kind="SECOND_INSTANCE")


def effective(terms: Terms) -> Iterator[Found]:
    yield from terms.void(("TL05", "TL10"), terms.key)
    effective_on, perform_by = terms.day_of("effective_on"), terms.day_of("perform_by")
    if perform_by > effective_on:
        yield from terms.open_once("TL09", terms.key, effective_on, agreed=perform_by)
    if terms.event.type == "JudgmentEffective":
        yield from terms.open_once("TL11", terms.key, effective_on)
    yield from terms.open_once("TL12", terms.key, perform_by)


def enforcement_applied(terms: Terms) -> Iterator[Found]:
    yield from terms.meet("TL12", terms.key, terms.day_of("applied_on"))
    yield from terms.void(("TL09",), terms.key)


def suit_ends(terms: Terms) -> Iterator[Found]:
    yield from terms.void(OF_A_CASE, terms.key)


# --- Foreclosed assets and contracts -----------------------------------------------------------------------------


def acquired(terms: Terms) -> Iterator[Found]:
    """One term for all that one instrument brought: that of the thing which must go first."""
    kinds = {item.get("fa_kind") for item in terms.case.facts.get("items") or ()}
    kind = next((name for name in DISPOSAL_KINDS if name in kinds), "OTHER" if kinds else "IMMOVABLE")
    yield from terms.open_once("TL17", terms.key, terms.day_of("acquired_on"), kind=kind)


def disposed(terms: Terms) -> Iterator[Found]:
    foreclosure_no = terms.case.facts.get("foreclosure_no")
    foreclosure = terms.app.find("Foreclosure", foreclosure_no) if foreclosure_no else None
    items = [] if foreclosure is None else foreclosure.facts.get("items") or []
    taken: list[Any] = [terms.app.find("ForeclosedAsset", item["fa_no"]) for item in items] or [terms.case]
    if foreclosure_no and all(asset is not None and asset.stage in FINAL for asset in taken):
        yield from terms.meet("TL17", foreclosure_no, terms.day)


def foreclosure_undone(terms: Terms) -> Iterator[Found]:
    yield from terms.void(("TL17",), terms.key)


def agreed_date(name: str, start: str = "") -> "DeadlineRuleOf":
    def contract_runs(terms: Terms) -> Iterator[Found]:
        agreed = terms.event.payload.get(name) or terms.case.facts.get(name)
        if agreed is not None:
            last_day = agreed if isinstance(agreed, date) else date.fromisoformat(agreed)
            yield from terms.open_once("TL20", terms.key, terms.day_of(start), agreed=last_day)

    return contract_runs


def contract_met(terms: Terms) -> Iterator[Found]:
    yield from terms.meet("TL20", terms.key, terms.day)


def contract_ends(terms: Terms) -> Iterator[Found]:
    if terms.event.payload.get("to_status", "TERMINATED") == "TERMINATED":
        yield from terms.void(("TL20",), terms.key)


DeadlineRuleOf = Callable[[Terms], Iterator[Found]]
RULES: Mapping[str, tuple[DeadlineRuleOf, ...]] = MappingProxyType(
    {
        "AssetAdmitted": (limitation_opens,),
        "RecoveryApplied": (debtor_pays,),
        "RecoveryReversed": (payment_undone,),
        "CollectionActionLogged": (demand_served,),
        "AssetClosed": (claim_ends,),
        "AssetTransferred": (claim_ends,),
        "NoRecourseMarked": (claim_ends,),
        "AssetWrittenOff": (written_off,),
        "AssetWriteOffReversed": (write_off_undone,),
        "DeadlineMet": (next_cycle,),
        "InspectionRecorded": (inspected,),
        "CaseDocketed": (proceedings, docketed),
        "PreservationGranted": (preserved,),
        "PreservationRenewed": (renewed,),
        "PreservationLifted": (lifted,),
        "JudgmentServed": (proceedings, judged),
        "AppealFiled": (proceedings, appealed),
        "JudgmentEffective": (proceedings, effective),
        "MediationSigned": (proceedings, effective),
        "EnforcementApplied": (proceedings, enforcement_applied),
        "CaseClosed": (proceedings, suit_ends),
        "CaseRegistrationDiscarded": (suit_ends,),
        "InstrumentEffective": (acquired,),
        "AssetSold": (disposed,),
        "ConvertedToFixedAsset": (disposed,),
        "LossListed": (disposed,),
        "ForeclosureCancelled": (foreclosure_undone,),
        "ForeclosureReversed": (foreclosure_undone,),
        "ReductionApproved": (agreed_date("repay_by"),),
        "ReductionPosted": (contract_met,),
        "ReductionApprovalLapsed": (contract_ends,),
        "ReductionStatusChanged": (contract_ends,),
        "TemporaryUseStarted": (agreed_date("until_date", "from_date"),),
        "TemporaryUseEnded": (contract_met,),
        "MandateAccepted": (agreed_date("until_date", "from_date"),),
        "MandateEnded": (contract_met,),
    }
)
