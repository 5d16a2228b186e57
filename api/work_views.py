"""One customer on one body, one loan note with the place of every yuan, and the home view: made from the lists.

Source: spec/risk-assets.md RA-01 to RA-03, 7.4. Whole histories are those of `/aggregates/…/history`; here only who
did what and when.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from api.paging import PageAsked
from api.work import TOP, Json, View, deadline_list, found_row, message_list, todo_list
from api.work_totals import plan_list, ranking_list, total_list
from engines.primitives.errors import NotFound
from engines.primitives.money import to_text
from projections.work import deadlines as dated
from projections.work.cases import CaseRow
from projections.work.claims import BUCKETS, COMING, GOING, MEMO_COMING, MEMO_GOING, ClaimRow
from projections.work.state import Deed, WorkState

TIMELINE_MAX = 500
FILES, CUSTOMER, ASSET = "CustomerFile", "RiskCustomer", "RiskAsset"


def customer_view(view: View, customer_no: str) -> Json:
    """All that is known of a customer: claims, cases, files, guarantors, relations, external facts, what happened.

    Raises NotFound: nothing of that number that the reader may see.
    """
    state, seen = view.state, view.seen
    notes = [no for no in state.loans_by_customer.get(customer_no, []) if _sees(view, no)]
    customer = state.case(CUSTOMER, customer_no)
    if customer is not None and not seen.sees(state, customer):
        customer = None
    if customer is None and not notes:
        raise NotFound(f"no RiskCustomer {customer_no!r}", aggregate=CUSTOMER, key=customer_no)
    files = state.case(FILES, customer_no)
    cases = _cases(view, notes)
    cases += [case for case in _naming(view, customer_no) if case not in cases]
    guarantors = dict.fromkeys(no for note in notes for no in _listed(state, note, "guarantor_nos"))
    guaranteed = [no for no in state.claims if customer_no in _listed(state, no, "guarantor_nos") and _sees(view, no)]
    whole = [case for case in (customer, files) if case is not None]
    told = [*whole, *(state.cases[ASSET, no] for no in notes), *cases]
    facts: Mapping[str, Any] = {} if customer is None else customer.facts
    named: Mapping[str, Any] = {} if customer is None else customer.named
    return view.stamped(
        customer_no=customer_no,
        kind=facts.get("kind"),
        name_ref=facts.get("name_ref"),
        state=None if customer is None else customer.stage,
        version=0 if customer is None else customer.version,
        tags=[] if customer is None else list(customer.tags),
        warnings=[{"warning_id": no} | dict(one) for no, one in named.get("warnings", {}).items()],
        totals=_sums([state.claims[no] for no in notes]),
        claims=[_claim(state, no) for no in notes],
        cases=[found_row(state, case) for case in cases],
        files=[]
        if files is None
        else [{"doc_id": no} | dict(one) for no, one in files.named.get("files", {}).items()],
        guarantors=[{"customer_no": no, "guarantees": _guaranteed(state, notes, no)} for no in guarantors],
        guaranteed=[_claim(state, no) for no in guaranteed],
        relations=list(facts.get("parties") or []),
        external=[{"source": source} | dict(one) for source, one in sorted(named.get("profile", {}).items())],
        deadlines=[asdict(line) for line in _deadlines(view, set(notes) | {case.key for case in cases})],
        timeline=_timeline(state, told),
    )


def asset_view(view: View, loan_no: str) -> Json:
    """One loan note: its claim with the place of every yuan, the cases around it, its deadlines, what happened.

    Raises NotFound: no such note that the reader may see.
    """
    state = view.state
    if loan_no not in state.claims or not _sees(view, loan_no):
        raise NotFound(f"no RiskAsset {loan_no!r}", aggregate=ASSET, key=loan_no)
    case, claim = state.cases[ASSET, loan_no], state.claims[loan_no]
    cases = _cases(view, [loan_no])
    facts = {
        name: case.facts.get(name) for name in ("product", "segment", "maturity", "collateral_ids", "guarantor_nos")
    }
    return view.stamped(
        **_claim(state, loan_no),
        **facts,
        claim_places=_places(claim, claim.places, COMING, GOING, claim.left),
        memo_places=_places(claim, claim.memo_places, MEMO_COMING, MEMO_GOING, claim.memo),
        cases=[found_row(state, one) for one in cases],
        deadlines=[asdict(line) for line in _deadlines(view, {loan_no, *(one.key for one in cases)})],
        timeline=_timeline(state, [case, *cases]),
    )


def home(view: View, start: date, end: date) -> Json:
    """The start page: what waits, what runs out, what was sent, the stock, the period, the plan, the rankings; all
    at one position of the log."""
    top = PageAsked(limit=TOP)
    todo, terms, sent = todo_list(view, top), deadline_list(view, top), message_list(view, top)
    whole = total_list(view, by=("classification",), moved_by=("mode",), start=start, end=end)
    ranks = ranking_list(view, top, kind="RECOVERY", start=start, end=end)
    plan = plan_list(view, top)
    own = view.state.case("UserPreference", view.reader.actor)
    return view.stamped(
        layout=None if own is None else {name: own.facts.get(name) for name in ("widgets", "shortcuts")},
        todos={"total": todo["total"], "counts": todo["counts"], "rows": todo["rows"]},
        deadlines={"total": terms["total"], "counts": terms["counts"], "rows": terms["rows"]},
        messages={"rows": sent["rows"], "notices": sent["notices"]},
        stock=whole["stock"],
        moved=whole["moved"],
        period=whole["period"],
        plan={"groups": plan["groups"], "rows": plan["rows"]},
        branches=ranks["branches"][:TOP],
        customers=ranks["customers"],
    )


def _sees(view: View, loan_no: str) -> bool:
    return view.seen.sees(view.state, view.state.cases[ASSET, loan_no])


def _cases(view: View, notes: Iterable[str]) -> list[CaseRow]:
    """The cases about loan notes, newest first; each once."""
    found = {(case.aggregate, case.key): case for no in notes for case in view.state.cases_of(no)}
    seen = [case for case in found.values() if view.seen.sees(view.state, case)]
    return sorted(seen, key=lambda case: -case.made_at)


def _naming(view: View, customer_no: str) -> list[CaseRow]:
    """Cases that name the customer and no loan note: an inspection, a guarantor's reduction."""
    state, fields = view.state, ("subject_no", "obligor_no", "customer_no")
    return [
        case
        for case in state.cases.values()
        if case.aggregate not in (ASSET, CUSTOMER, FILES)
        and any(case.facts.get(name) == customer_no for name in fields)
        and view.seen.sees(state, case)
    ]


def _claim(state: WorkState, loan_no: str) -> Json:
    claim, case = state.claims[loan_no], state.cases[ASSET, loan_no]
    ccy = claim.ccy
    return {
        "loan_no": loan_no,
        "customer_no": claim.customer_no,
        "entity": claim.entity,
        "org": case.branch,
        "ccy": ccy,
        "version": case.version,
        "lifecycle": claim.lifecycle,
        "closed_as": claim.closed_as or None,
        "classification": claim.classification,
        "overdue_since": claim.overdue_since,
        "manager": claim.manager or None,
        "hold": {"kind": claim.hold_kind, "case_no": claim.hold_case_no} if claim.hold_kind else None,
        "tags": list(case.tags),
        "claim": to_text(claim.claim_minor, ccy),
        "memo": to_text(claim.memo_minor, ccy),
        "buckets": {bucket: to_text(minor, ccy) for bucket, minor in claim.left.items()},
        "memo_buckets": {bucket: to_text(minor, ccy) for bucket, minor in claim.memo.items()},
    }


def _places(
    claim: ClaimRow,
    places: Counter[tuple[str, str]],
    coming: Iterable[str],
    going: Iterable[str],
    left: Mapping[str, int],
) -> list[Json]:
    """By bucket: what came by kind, where it went by kind, and what is left; the sums agree (7.4)."""
    rows = []
    for bucket in BUCKETS:
        came = {place: places[place, bucket] for place in coming}
        went = {place: places[place, bucket] for place in going}
        rows.append(
            {
                "bucket": bucket,
                "came": _non_zero(came, claim.ccy),
                "went": _non_zero(went, claim.ccy),
                "total_came": to_text(sum(came.values()), claim.ccy),
                "total_went": to_text(sum(went.values()), claim.ccy),
                "left": to_text(left[bucket], claim.ccy),
            }
        )
    return rows


def _non_zero(minor_by_place: Mapping[str, int], ccy: str) -> dict[str, str]:
    return {place: to_text(minor, ccy) for place, minor in minor_by_place.items() if minor}


def _sums(claims: Iterable[ClaimRow]) -> list[Json]:
    found: dict[str, Counter[str]] = {}
    for claim in claims:
        own = found.setdefault(claim.ccy, Counter())
        own.update(assets=1, claim=claim.claim_minor, memo=claim.memo_minor)
        for place in ("cash", "in_kind", "waived", "transferred", "written_off"):
            own[place] += claim.total(place) if place == "cash" else sum(claim.places[place, b] for b in BUCKETS)
    return [
        {"ccy": ccy, "assets": sums.pop("assets")} | {name: to_text(minor, ccy) for name, minor in sums.items()}
        for ccy, sums in sorted(found.items())
    ]


def _listed(state: WorkState, loan_no: str, name: str) -> list[str]:
    return list(state.cases[ASSET, loan_no].facts.get(name) or [])


def _guaranteed(state: WorkState, notes: Iterable[str], guarantor: str) -> list[str]:
    return [no for no in notes if guarantor in _listed(state, no, "guarantor_nos")]


def _deadlines(view: View, subjects: set[str]) -> list[dated.DatedLine]:
    found = [
        line for line in dated.lines(view.state, view.days) if {line.subject, line.key, *line.asset_nos} & subjects
    ]
    return sorted(found, key=dated.urgency)


def _timeline(state: WorkState, cases: Iterable[CaseRow]) -> list[Json]:
    """Who did what, newest first."""
    deeds: list[Deed] = [deed for case in cases for deed in state.deeds[case.aggregate, case.key]]
    deeds.sort(key=lambda deed: -deed.position)
    return [deed._asdict() for deed in deeds[:TIMELINE_MAX]]
