"""`tidemark calc intraday`: intraday liquidity monitoring measures of a day, and the monthly form (LIQ-09)."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from api.calculations.intraday_inputs import CreditLine, Month, OneDay
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.repeats import refuse_repeats
from api.calculations.texts import decimal_or_null, decimal_text, not_computable, percent_text, plain_text
from engines.intraday import DAY_SECONDS, Payment, Peak, daily_measures, ranked, throughput
from engines.intraday_stress import cut_sources, edited
from engines.primitives.errors import InvalidInput

AMOUNT_DIGITS, PERCENT_DIGITS, AVERAGE_DIGITS = 2, 2, 6


def _one_day(inputs: OneDay) -> Result:
    refuse_repeats([line.seq if line.time is not None else None for line in inputs.payments], "payments", "seq")
    payments = [found for line in inputs.payments if (found := line.payment(inputs.opening)) is not None]
    sources: Mapping[str, Fraction] | None = inputs.available_at_start
    if sources is not None and "total" in sources and len(sources) > 1:
        raise InvalidInput("a total stands beside its parts: give one of the two", field="available_at_start.total")
    shown = _figures(inputs, payments, sources)
    if inputs.customer_credit_lines is not None:
        shown |= _lines(inputs.customer_credit_lines)
    if inputs.stress is None and inputs.source_haircuts is None:
        return shown
    left = edited(payments, [line.edit() for line in inputs.stress or []])
    if inputs.source_haircuts is not None:
        sources = cut_sources(sources or {}, inputs.source_haircuts)
    return shown | {"stressed": _figures(inputs, left, sources)}


def _figures(inputs: OneDay, payments: Sequence[Payment], sources: Mapping[str, Fraction] | None) -> Result:
    found = daily_measures(payments, include_internalised=inputs.include_internalised)
    usage = found.largest_negative.amount
    reasons: list[str] = []
    shown: Result = {
        "net_path": [_money(net) for net in found.net_path],
        "largest_negative_net_cumulative": _money(usage),
        "largest_negative_at": _moment(found.largest_negative, inputs.opening),
        "largest_positive_net_cumulative": _money(found.largest_positive.amount),
        "largest_positive_at": _moment(found.largest_positive, inputs.opening),
        "closing_net": _money(found.net_path[-1] if found.net_path else Fraction(0)),
    }
    if sources is not None:
        available = sum(sources.values(), Fraction(0))
        shown |= {
            "available_at_start": _money(available),
            "headroom": _money(available - usage),
            "use_rate_pct": percent_text(usage / available if available else None, PERCENT_DIGITS),
        }
        reasons += [] if available else ["nothing is available at the start"]
    shown |= {
        "gross_sent": _money(found.gross_sent),
        "gross_received": _money(found.gross_received),
        "count_sent": found.count_sent,
        "count_received": found.count_received,
        "time_specific_total": _money(found.time_specific_total),
        "time_specific_count": found.time_specific_count,
        "late_count": found.late_count,
        "late_amount": _money(found.late_amount),
        "customer_payments": _money(found.customer_payments),
        "payments_by_customer": {name: _money(amount) for name, amount in found.payments_by_customer.items()},
        "internalised_payments": _money(found.internalised_payments),
    }
    if inputs.throughput_marks is not None:
        marks = [(mark - inputs.opening) % DAY_SECONDS for mark in inputs.throughput_marks]
        shown["throughput"] = [
            {
                "time": _clock(second),
                "cumulative_sent": _money(so_far),
                "pct": percent_text(share, PERCENT_DIGITS),
            }
            for second, (so_far, share) in zip(inputs.throughput_marks, throughput(payments, marks), strict=True)
        ]
        reasons += [] if found.gross_sent or not marks else ["nothing was sent, so there is no throughput"]
    return shown | not_computable(reasons)


def _lines(lines: Sequence[CreditLine]) -> Result:
    """B(ii): uncommitted and unsecured lines are inside the total; a peak is a customer's own, whenever it was."""
    secured = [line for line in lines if line.secured]
    committed = [line for line in lines if line.committed]
    peak = sum((line.peak_use for line in lines), Fraction(0))
    total, of_secured, of_committed = (
        sum((line.line for line in part), Fraction(0)) for part in (lines, secured, committed)
    )
    return {
        "credit_lines_extended": _money(total),
        "credit_lines_secured": _money(of_secured),
        "credit_lines_committed": _money(of_committed),
        "credit_line_peak_use": _money(peak),
    }


def _month(inputs: Month) -> Result:
    seen = set()
    for place, day in enumerate(inputs.days):
        record = f"days[{place}]"
        if day.date in seen:
            raise InvalidInput("the date stands twice", field=f"{record}.date", record=record)
        seen.add(day.date)
        parts = day.available_sources
        if parts is not None and sum(parts.values(), Fraction(0)) != day.available_at_start:
            message = "the sources do not add up to available_at_start"
            raise InvalidInput(message, field=f"{record}.available_sources", record=record)
    shown: Result = {}
    columns = {"negative": "largest_negative", "positive": "largest_positive"}
    optional = ("gross_sent", "gross_received", "time_specific_total", "customer_payments")
    for name, column in {**columns, **dict(zip(optional, optional, strict=True))}.items():
        values = [getattr(day, column) for day in inputs.days]
        if all(value is None for value in values) and column in optional:
            continue
        if None in values:
            record = f"days[{values.index(None)}]"
            raise InvalidInput("other days have it, this one has not", field=f"{record}.{column}", record=record)
        block = ranked(values)
        shown[f"{name}_top3"] = [None if value is None else _money(value) for value in block.values]
        shown[f"{name}_average"] = decimal_or_null(block.average, AVERAGE_DIGITS)
    lowest = ranked([day.available_at_start for day in inputs.days], smallest=True)
    shown["available_bottom3"] = [None if value is None else _money(value) for value in lowest.values]
    shown["available_average"] = decimal_or_null(lowest.average, AVERAGE_DIGITS)
    if any(day.available_sources is not None for day in inputs.days):
        # Taken on the day that fills the column, so that the parts add up to it.
        shown["available_sources_bottom3"] = [_sources(inputs, place) for place in lowest.days]
    return {**shown, "business_days": len(inputs.days)} | not_computable([] if inputs.days else ["there is no day"])


def _sources(inputs: Month, place: int | None) -> dict[str, str] | None:
    parts = None if place is None else inputs.days[place].available_sources
    return None if parts is None else {name: _money(amount) for name, amount in parts.items()}


def _moment(peak: Peak, opening: int) -> dict[str, Any] | None:
    if peak.second is None:
        return None
    return {"time": _clock((peak.second + opening) % DAY_SECONDS), "seq": peak.sequence}


def _clock(second: int) -> str:
    text = f"{second // 3_600:02}:{second // 60 % 60:02}"
    return text if second % 60 == 0 else f"{text}:{second % 60:02}"


def _money(value: Fraction) -> str:
    """Two decimals, or all there are: amounts are not rounded (decision Q3)."""
    if (value * 10**AMOUNT_DIGITS).denominator == 1:
        return decimal_text(value, AMOUNT_DIGITS)
    return plain_text(value)


CALCULATION = Calculation(
    "intraday",
    "Intraday liquidity of a day (usage, throughput, obligations, stress) and the monthly form (BCBS 248).",
    (Variant("day", OneDay, _one_day), Variant("month", Month, _month)),
)
