"""Fees of loans: when they fall due (FP) and how they accrue (Feac).

Source: techspec 7.1, rows FP and Feac. Where the standard writes t0 in t^FP- and t^FP+ the time of the event is
meant: the last fee date up to it and the next one after it.
"""

from engines.actus import formulas as f
from engines.actus.context import Context
from engines.actus.events import Event, EventType
from engines.actus.states import States


def fee_times(context: Context) -> list[int]:
    terms = context.terms
    anchor, cycle = terms.cycle_anchor_date_of_fee, terms.cycle_of_fee
    if not terms.fee_rate or (anchor is None and cycle is None):
        return []
    return context.times(anchor, cycle, context.maturity)


def fee_events(context: Context) -> list[Event]:
    return context.events(EventType.FP, fee_times(context))


def initial_fee_accrued(context: Context, states: States) -> float:
    """Feac at t0: as given, else from the last fee date up to t0; 0 where there is none before."""
    terms = context.terms
    if not terms.fee_rate:
        return 0.0
    if terms.fee_accrued is not None:
        return terms.fee_accrued
    earlier = [time for time in fee_times(context) if time <= terms.status_date]
    if not earlier:
        return 0.0
    since = context.day(earlier[-1])
    if terms.fee_basis == "N":
        fraction = context.year_fraction(since, states.status_day)
        return f.fee_accrued_nominal(0.0, fraction, states.notional_principal, terms.fee_rate)
    return _absolute(context, states.status_day)


def fee_accrued(context: Context, states: States, event: Event) -> float:
    """Feac at an event."""
    terms = context.terms
    if not terms.fee_rate:
        return states.fee_accrued
    if terms.fee_basis == "N":
        fraction = context.year_fraction(states.status_day, event.day)
        return context.use(
            "Feac",
            f.fee_accrued_nominal,
            states.fee_accrued,
            fraction,
            states.notional_principal,
            terms.fee_rate,
        )
    return _absolute(context, event.day)


def _absolute(context: Context, day: int) -> float:
    """The part of the running fee period that has passed, as a part of the fee; 0 outside fee periods."""
    terms = context.terms
    days = [context.day(time) for time in fee_times(context)]
    last = max((fee_day for fee_day in days if fee_day <= day), default=None)
    following = min((fee_day for fee_day in days if fee_day > day), default=None)
    if last is None or following is None:
        return 0.0
    elapsed, period = context.year_fraction(last, day), context.year_fraction(last, following)
    if period == 0.0:  # the 30th and the 31st are one day to 30E360
        return 0.0
    return context.use("Feac", f.fee_accrued_absolute, elapsed, period, terms.sign, terms.fee_rate or 0.0)
