"""Calculation `interest_trial`: overdue interest to a chosen day, with formula and process shown (RA-36)."""

from fractions import Fraction
from typing import Any

from api.calculations.interest_trial_inputs import (
    AllocInput,
    DelayedPerformanceInput,
    EventInput,
    JudgmentDebtInput,
    OpeningInput,
    ParamsInput,
    TrialInput,
)
from api.calculations.interest_trial_rules import rules
from api.calculations.registry import Calculation, Result, Sheet, Variant
from api.calculations.texts import decimal_text, exact_text, plain_text
from engines.interest_trial import Row, Totals, Trial, delayed_performance, trial
from engines.interest_trial_terms import Claim, Event, Opening, Params, Running

EXACT_DIGITS = 6  # shown; `exact_fraction` holds all of it


def _trial(inputs: TrialInput) -> Result:
    params = _params(inputs.params)
    events = [_event(event) for event in inputs.events]
    found = trial(_opening(inputs.opening), params, events, inputs.as_of, _debt(inputs.delayed_performance))
    result: Result = {
        "as_of": inputs.as_of.isoformat(),
        "totals": _totals(found.totals),
        "rows": [_row(seq, row) for seq, row in enumerate(found.rows, 1)],
    }
    if inputs.delayed_performance:
        result["delayed_performance"] = _money(found.delayed_performance)
        result["sum_with_delayed_performance"] = _money(found.totals.sum + found.delayed_performance)
    return result | {
        "claim": _amounts(found.claim),
        "carried": _carried(found),
        "events_after": found.events_after,
        "rules": rules(params, events, has_judgment=bool(inputs.delayed_performance)),
    }


def _delayed_performance(inputs: DelayedPerformanceInput) -> Result:
    rows, total = delayed_performance(_debt(inputs.delayed_performance), inputs.as_of, inputs.stop_on)
    return {
        "as_of": inputs.as_of.isoformat(),
        "delayed_performance": _money(total),
        "rows": [_row(seq, row) for seq, row in enumerate(rows, 1)],
        "rules": rules(None, [], has_judgment=True),
    }


def _opening(given: OpeningInput) -> Opening:
    claim = Claim(**{name: _hundredths(getattr(given, name)) for name in Claim.__dataclass_fields__})
    running = Running(given.running.interest * 100, given.running.penalty * 100, given.running.compound * 100)
    return Opening(given.day, claim, running, given.accelerated)


def _params(given: ParamsInput) -> Params:
    return Params(
        rates=tuple((rate.from_day, rate.rate_pct) for rate in given.rates),
        maturity=given.maturity,
        day_count=given.day_count,
        penalty_markup=given.penalty_markup_pct,
        settle_months=tuple(given.settle_months),
        settle_day=given.settle_day,
        compound_base=given.compound_base,
        order=given.order,
        stop_on=given.stop_on,
    )


def _event(given: EventInput) -> Event:
    alloc = {} if given.alloc is None else {name: getattr(given.alloc, name) for name in AllocInput.model_fields}
    amounts = {name: _hundredths(amount) for name, amount in alloc.items() if amount}
    return Event(given.kind, given.day, _hundredths(given.amount), given.order, amounts)


def _debt(given: list[JudgmentDebtInput]) -> list[tuple[Any, int]]:
    return [(step.from_day, _hundredths(step.unpaid)) for step in given]


def _row(seq: int, row: Row) -> dict[str, Any]:
    return {
        "seq": seq,
        "component": row.component,
        "from_day": row.from_day.isoformat(),
        "to_day": None if row.to_day is None else row.to_day.isoformat(),
        "days": row.days,
        "base": None if row.base is None else _money(row.base),
        "rate_pct": None if row.rate is None else plain_text(row.rate),
        "days_per_year": row.days_per_year,
        "formula": _formula(row),
        "exact": None if row.exact is None else decimal_text(row.exact / 100, EXACT_DIGITS),
        "exact_fraction": None if row.exact is None else exact_text(row.exact / 100),
        "rounded": None if row.rounded is None else _money(row.rounded),
        "cut": row.cut or None,
        "totals": None if row.totals is None else _totals(row.totals),
    }


def _formula(row: Row) -> str:
    if row.component == "delayed_performance":
        return f"{_money(row.base or 0)} × 0.000175 × {row.days}"
    if row.rate is not None and row.contract_rate is not None:
        text = f"{_money(row.base or 0)} × {plain_text(row.rate)}% × {row.days} / {row.days_per_year}"
        if row.rate != row.contract_rate:
            markup = plain_text((row.rate / row.contract_rate - 1) * 100)
            text += f", {plain_text(row.rate)}% = {plain_text(row.contract_rate)}% × (1 + {markup}%)"
        return text
    if row.paid:
        verb = {"waiver": "waives", "in_kind": "settles"}.get(row.component, "pays")
        return f"{verb} " + ", ".join(f"{component} {_money(amount)}" for component, amount in row.paid)
    if row.claim is not None:
        overdue, billed = _money(row.claim.principal_overdue), _money(row.claim.interest_billed)
        return f"principal overdue {overdue}, interest billed {billed}"
    return "brought forward"


def _carried(found: Trial) -> dict[str, Any]:
    """The opening of a later trial: without the cut at the chosen day, so that looking changes nothing."""
    running = found.carried.running
    return {
        "day": found.carried.day.isoformat(),
        **_amounts(found.carried.claim),
        "accelerated": found.carried.accelerated,
        "running": {
            "interest": exact_text(running.interest / 100),
            "penalty": exact_text(running.penalty / 100),
            "compound": exact_text(running.compound / 100),
        },
    }


def _amounts(claim: Claim) -> dict[str, str]:
    return {name: _money(getattr(claim, name)) for name in Claim.__dataclass_fields__}


def _totals(totals: Totals) -> dict[str, str]:
    return {name: _money(getattr(totals, name)) for name in (*Totals.__dataclass_fields__, "sum")}


def _hundredths(amount: Fraction) -> int:
    return int(amount * 100)  # exact: the field has at most two decimals


def _money(hundredths: int) -> str:
    return decimal_text(Fraction(hundredths, 100), 2)


def _sheets(result: Result) -> list[Sheet]:
    columns = (
        "seq",
        "component",
        "from_day",
        "to_day",
        "days",
        "base",
        "rate_pct",
        "formula",
        "exact",
        "rounded",
        "cut",
    )
    title = f"Interest trial to {result['as_of']}"
    rows = [{name: _cell(row[name]) for name in columns} for row in result["rows"]]
    found = [Sheet(title, columns, rows, ("base", "exact", "rounded"))]
    extra = ("delayed_performance", "sum_with_delayed_performance")
    totals = [*result.get("totals", {}).items(), *((name, result[name]) for name in extra if name in result)]
    lines = [{"total": name.replace("_", " "), "amount": amount} for name, amount in totals]
    found.append(Sheet("Totals", ("total", "amount"), lines, ("amount",)))
    return [*found, Sheet("Rules applied", ("rule", "source"), result["rules"])]


def _cell(value: Any) -> str | None:
    return None if value is None else str(value)


CALCULATION = Calculation(
    "interest_trial",
    "Overdue interest of a loan to a chosen day: rows with formula, days, rate, exact and rounded amount; totals.",
    (
        Variant("trial", TrialInput, _trial),
        Variant("delayed_performance", DelayedPerformanceInput, _delayed_performance),
    ),
    _sheets,
)
