"""LAX, Exotic Linear Amortizer: redemptions, increases, interest and rates by arrays, segment by segment.

Source: techspec 7.3, array schedules 3.2. Segment i of an array runs from its anchor to the next one; the last to the
maturity. One cycle, amount or mark serves all segments; no cycles: one event at each anchor. The standard fixes each
segment's payment by a PRF event; the reference cases show none, so a PR or PI carries its segment's amount.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice, pairwise
from typing import TypeVar

from engines.actus import formulas as f
from engines.actus.arithmetic import Numbers
from engines.actus.context import Context
from engines.actus.contract_type import ContractType
from engines.actus.contracts import lam, pam
from engines.actus.cycles import TIMES_MAX, Cycle
from engines.actus.events import Event, EventType
from engines.actus.formula import formula
from engines.actus.formulas import MINUS
from engines.actus.states import States
from engines.actus.term_rules import check_loan, require

E = EventType

Item = TypeVar("Item")

NOTHING_LEFT = 1e-12  # of the notional: what rounding may leave of it after its last redemption

ARRAYS = {
    "array_cycle_anchor_date_of_principal_redemption": (
        "array_cycle_of_principal_redemption",
        "array_next_principal_redemption_payment",
        "array_increase_decrease",
    ),
    "array_cycle_anchor_date_of_interest_payment": ("array_cycle_of_interest_payment",),
    "array_cycle_anchor_date_of_rate_reset": ("array_cycle_of_rate_reset", "array_rate", "array_fixed_variable"),
}


@formula("{fx} × {sign} × (−1) × {notional_scaling} × {increase}", "POF_PI_LAX")
def increase_payoff(fx: Numbers, sign: Numbers, notional_scaling: Numbers, increase: Numbers) -> Numbers:
    return fx * sign * MINUS * (notional_scaling * increase)


@formula("{notional} + {sign} × {increase}", "STF_PI_LAX: Nt")
def notional_increased(notional: Numbers, sign: Numbers, increase: Numbers) -> Numbers:
    return notional + sign * increase


@formula("{array_rate}", "STF_RRF_LAX: Ipnr = ARRATE")
def fixed_rate(array_rate: Numbers) -> Numbers:
    return array_rate


def check(context: Context) -> None:
    check_loan(context)
    terms = context.terms
    require(terms, "array_cycle_anchor_date_of_principal_redemption", "array_next_principal_redemption_payment")
    for anchor_name, names in ARRAYS.items():
        anchors = getattr(terms, anchor_name)
        if any(later <= earlier for earlier, later in pairwise(anchors)):
            raise terms.invalid(anchor_name, "must rise from one anchor to the next")
        for name in names:
            # Cycles of another number are allowed: the first one serves all segments then (`segments`).
            if "cycle" not in name and len(getattr(terms, name)) not in (0, 1, len(anchors)):
                raise terms.invalid(name, f"wants one element, or as many as {len(anchors)} anchors")
    if terms.array_cycle_anchor_date_of_principal_redemption[0] < (terms.initial_exchange_date or 0):
        raise terms.invalid(next(iter(ARRAYS)), "must not begin before initialExchangeDate")
    if any(payment < 0.0 for payment in terms.array_next_principal_redemption_payment):
        raise terms.invalid("array_next_principal_redemption_payment", "must not be negative: say INC or DEC")
    if terms.array_cycle_anchor_date_of_rate_reset:
        require(terms, "array_rate", "nominal_interest_rate")
        if not terms.array_fixed_variable:
            raise terms.invalid("array_fixed_variable", "required: is arrayRate a rate (F) or a spread (V)?")
        if "V" in terms.array_fixed_variable:
            require(terms, "market_object_code_of_rate_reset")


# Schedule


def every(items: tuple[Item, ...], segment_count: int) -> list[Item] | None:
    """One item for each segment: its own where there are as many, else the first one. None where there is none."""
    if not items:
        return None
    return list(items) if len(items) == segment_count else [items[0]] * segment_count


def segments(
    context: Context, anchors: tuple[int, ...], cycles: tuple[Cycle, ...], end: int
) -> Iterator[tuple[int, list[int]]]:
    """The number of each segment and its times, all before `end`: S(s_i, c_i, s_i+1, F)."""
    each = every(cycles, len(anchors))
    for place, anchor in enumerate(anchors):
        if anchor >= end:
            return
        until = min(end, anchors[place + 1]) if place + 1 < len(anchors) else end
        if each is None:
            yield place, [anchor]
        else:
            yield place, context.times(anchor, each[place], until, with_end=False)


def movements(context: Context, end: int) -> list[tuple[int, EventType, float]]:
    """PR and PI before `end`: when, which, and the amount without sign."""
    terms = context.terms
    anchors = terms.array_cycle_anchor_date_of_principal_redemption
    payments = every(terms.array_next_principal_redemption_payment, len(anchors)) or []
    marks = every(terms.array_increase_decrease, len(anchors)) or ["DEC"] * len(anchors)
    return [
        (time, E.PI if marks[place] == "INC" else E.PR, payments[place])
        for place, times in segments(context, anchors, terms.array_cycle_of_principal_redemption, end)
        for time in times
    ]


def maturity(context: Context) -> int:
    """Md(t0): MD, else the first time after t0 at which the arrays have brought the notional to 0.

    Counted from the notional of the status date, so only what comes after it moves it.
    """
    terms = context.terms
    if terms.maturity_date is not None:
        return terms.maturity_date
    remaining = notional = pam.notional_principal(context)
    after = max(terms.status_date, terms.initial_exchange_date or 0)
    for time, kind, payment in islice(endless_movements(context), TIMES_MAX):
        if time > after:
            remaining += payment if kind is E.PI else -payment
            if remaining <= notional * NOTHING_LEFT:
                return time
    raise terms.invalid("maturity_date", "required: the redemptions of the arrays never end the notional")


def endless_movements(context: Context) -> Iterator[tuple[int, EventType, float]]:
    """PR and PI as `movements`, but the last segment goes on where it has a cycle."""
    terms = context.terms
    anchors = terms.array_cycle_anchor_date_of_principal_redemption
    cycles = every(terms.array_cycle_of_principal_redemption, len(anchors)) or []
    last = anchors[-1]
    yield from movements(context, last)
    _, kind, payment = movements(context, last + 1)[-1]
    yield last, kind, payment
    for step in count(1) if cycles else ():
        yield cycles[-1].after(last, step, end_of_month=context.end_of_month), kind, payment


def schedule(context: Context) -> list[Event]:
    end, start = context.maturity or 0, context.terms.initial_exchange_date or 0
    principal = [
        replace(event, instant=max(event.instant, start))  # no shift leads before the initial exchange
        for time, kind, payment in movements(context, end)
        for event in context.events(kind, [time], value=payment)
    ]
    return [
        *pam.life_events(context),
        *pam.interest_events(context, interest_times(context)),
        *principal,
        *rate_events(context, end),
        *lam.base_events(context),
    ]


def interest_times(context: Context) -> list[int]:
    """t^IP over the array of anchors, and always at maturity; without arrays as PAM."""
    terms, end = context.terms, context.maturity or 0
    anchors = terms.array_cycle_anchor_date_of_interest_payment
    if not anchors or terms.nominal_interest_rate is None:
        return pam.interest_times(context)
    arrays = segments(context, anchors, terms.array_cycle_of_interest_payment, end)
    return [*(time for _, times in arrays for time in times), end]


def rate_events(context: Context, end: int) -> list[Event]:
    """RRF with a segment's rate (F), RR with its spread (V); the first one after t0 takes RRNXT where given."""
    terms = context.terms
    anchors = terms.array_cycle_anchor_date_of_rate_reset
    if not anchors:
        return pam.rate_events(context)
    rates = every(terms.array_rate, len(anchors)) or []
    marks = every(terms.array_fixed_variable, len(anchors)) or []
    events = [
        event
        for place, times in segments(context, anchors, terms.array_cycle_of_rate_reset, end)
        for event in context.events(E.RRF if marks[place] == "F" else E.RR, times, value=rates[place])
    ]
    known = terms.next_reset_rate
    first = next((place for place, event in enumerate(events) if event.instant > terms.status_date), None)
    if known is not None and first is not None:
        events[first : first + 1] = context.events(E.RRF, [events[first].scheduled], value=known)
    return events


# States


def initial_states(context: Context) -> States:
    """As PAM; interest accrued since the last date of the arrays, and the payment that comes next as Prnxt."""
    terms, states = context.terms, pam.initial_states(context)
    earlier = [time for time in interest_times(context) if time <= terms.status_date]
    if terms.nominal_interest_rate is not None and terms.accrued_interest is None:
        since = context.day(earlier[-1]) if earlier else states.status_day
        elapsed = context.year_fraction(since, states.status_day)
        base = states.interest_calculation_base_amount
        interest = f.accrued_interest(0.0, elapsed, states.nominal_interest_rate, base)
        states = replace(states, accrued_interest=interest)
    moves = movements(context, context.maturity or 0)
    upcoming = next((amount for time, _, amount in moves if time > terms.status_date), 0.0)
    return replace(states, next_principal_redemption_payment=upcoming)


# Payoff and state transition functions


def redemption(context: Context, states: States, event: Event) -> float:
    payment = event.value or 0.0
    return context.use("redemption", f.linear_redemption, context.terms.sign, payment, states.notional_principal)


def pof_pr_lax(context: Context, states: States, event: Event) -> float:
    scaling, redeemed = states.notional_scaling_multiplier, redemption(context, states, event)
    return context.use("payoff", f.redemption_payoff, context.fx(event), scaling, redeemed)


def stf_pr_lax(context: Context, states: States, event: Event) -> States:
    redeemed = redemption(context, states, event)
    notional = context.use("Nt", f.notional_after, states.notional_principal, redeemed)
    return lam.redeemed_to(context, accrued(context, states, event), notional)


def pof_pi_lax(context: Context, states: States, event: Event) -> float:
    scaling, increase = states.notional_scaling_multiplier, event.value or 0.0
    return context.use("payoff", increase_payoff, context.fx(event), context.terms.sign, scaling, increase)


def stf_pi_lax(context: Context, states: States, event: Event) -> States:
    increase = event.value or 0.0
    notional = context.use("Nt", notional_increased, states.notional_principal, context.terms.sign, increase)
    return pam.with_notional(context, accrued(context, states, event), notional)


def accrued(context: Context, states: States, event: Event) -> States:
    """Interest and fees up to a PR or PI, and Prnxt of its segment."""
    return replace(pam.stf_accrue(context, states, event), next_principal_redemption_payment=event.value or 0.0)


def stf_rr_lax(context: Context, states: States, event: Event) -> States:
    """STF_RR_PAM with the segment's spread ARRATE in place of RRSP."""
    terms = context.terms
    observed = context.risk_factor(terms.market_object_code_of_rate_reset, event.scheduled)
    spread = terms.rate_spread if event.value is None else event.value
    fixing = (observed, terms.rate_multiplier, spread, states.nominal_interest_rate)
    rate = context.use("Ipnr", f.reset_rate, *fixing, *context.rate_bounds)
    return replace(pam.stf_accrue(context, states, event), nominal_interest_rate=rate)


def stf_rrf_lax(context: Context, states: States, event: Event) -> States:
    if event.value is None:
        return pam.stf_rrf_pam(context, states, event)
    return replace(
        pam.stf_accrue(context, states, event), nominal_interest_rate=context.use("Ipnr", fixed_rate, event.value)
    )


CONTRACT = ContractType(
    code="LAX",
    section="7.3 LAX: Exotic Linear Amortizer",
    check=check,
    maturity=maturity,
    schedule=schedule,
    initial_states=initial_states,
    functions={
        **lam.FUNCTIONS,
        E.PR: (pof_pr_lax, stf_pr_lax),
        E.PI: (pof_pi_lax, stf_pi_lax),
        E.RR: (pam.pof_none, stf_rr_lax),
        E.RRF: (pam.pof_none, stf_rrf_lax),
    },
)
