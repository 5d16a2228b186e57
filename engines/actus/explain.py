"""Why a flow is what it is: its formulas with their numbers, the states around it, the place in the standard.

The numbers are those of the call that made the flow (`Flow.steps`, kept by `evaluate(..., explain=True)`); nothing
is computed a second time here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from engines.actus.dates import show_day, show_instant
from engines.actus.formula import FORMULAS, Step
from engines.actus.registry import contract_type
from engines.actus.state_machine import Flow
from engines.actus.states import SYMBOLS as STATE_SYMBOLS
from engines.actus.states import States
from engines.actus.terms import Terms

# Symbols of the standard for the parameters of formulas; a parameter without one is shown by its name.
SYMBOLS = {
    "fx": "X",
    "sign": "R",
    "year_fraction": "Y",
    "accrued": "Ipac",
    "rate": "Ipnr",
    "base": "Ipcb",
    "notional": "Nt",
    "notional_principal": "NT",
    "premium_discount": "PDIED",
    "notional_scaling": "Nsc",
    "interest_scaling": "Isc",
    "fee_accrued": "Feac",
    "fee_rate": "FER",
    "penalty_rate": "PYRT",
    "next_payment": "Prnxt",
    "observed": "O(RRMO)",
    "market_rate": "O(RRMO)",
    "multiplier": "RRMLT",
    "spread": "RRSP",
    "period_floor": "RRPF",
    "period_cap": "RRPC",
    "life_floor": "RRLF",
    "life_cap": "RRLC",
    "index": "O(SCMO)",
    "index_at_deal": "SCCDD",
    "product": "Π(1 + r·Y)",
    "total": "(1 + ΣΠ(1 + r·Y))",
    "prepayment": "f(O(PP))",
    "redemption": "redemption",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One formula of a flow: `target = symbols = numbers = result`, and its place in the standard."""

    target: str
    symbols: str
    numbers: str
    result: float
    source: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A flow, explained.

    Attributes:
        source: section, table row and functions of the technical specification.
        lines: its formulas, in the order of their use; the payoff's first.
        before, after: the states that the event changed, by their symbols, as text.
    """

    event_type: str
    instant: str
    payoff: float
    currency: str
    source: str
    lines: tuple[Line, ...]
    before: Mapping[str, str]
    after: Mapping[str, str]


def explain(terms: Terms, flow: Flow) -> Explanation:
    """The explanation of a flow that `evaluate(terms, ..., explain=True)` returned."""
    kind = contract_type(terms.contract_type, record=terms.contract_id)
    code = flow.event.kind
    lines = list(dict.fromkeys(_line(step) for step in flow.steps))
    before, after = _shown(flow.before), _shown(flow.after)
    changed = [symbol for symbol in before if before[symbol] != after[symbol]]
    return Explanation(
        event_type=str(code),
        instant=show_instant(flow.event.instant),
        payoff=flow.payoff,
        currency=flow.currency,
        source=(
            f"ACTUS technical specification 1.1, {kind.section}, event {code}: "
            f"POF_{code}_{kind.code}, STF_{code}_{kind.code}"
        ),
        lines=tuple(lines),
        before={symbol: before[symbol] for symbol in changed},
        after={symbol: after[symbol] for symbol in changed},
    )


def as_text(explanation: Explanation) -> str:
    """The explanation as lines of text."""
    head = f"{explanation.instant} {explanation.event_type} {explanation.payoff!r} {explanation.currency}"
    rows = [head, f"  {explanation.source}"]
    rows += [f"  {line.target} = {line.symbols} = {line.numbers} = {line.result!r}" for line in explanation.lines]
    rows += [f"  {name}: {old} -> {explanation.after[name]}" for name, old in explanation.before.items()]
    return "\n".join(rows)


def _line(step: Step) -> Line:
    known = FORMULAS.get(step.function)
    names = list(step.arguments)
    text = known.text if known else f"{step.function.__name__}({', '.join(f'{{{name}}}' for name in names)})"
    return Line(
        target=step.target,
        symbols=_filled(text, {name: SYMBOLS.get(name, name) for name in names}),
        numbers=_filled(text, {name: _number(value) for name, value in step.arguments.items()}),
        result=step.result,
        source=known.source if known else "",
    )


def _filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values[found.group(1)], text)


def _number(value: float) -> str:
    return f"({value!r})" if value < 0 else repr(value)


def _shown(states: States) -> dict[str, str]:
    return {STATE_SYMBOLS[field.name]: _state(field.name, getattr(states, field.name)) for field in fields(states)}


def _state(name: str, value: Any) -> str:
    if value is None:
        return "∅"
    if name == "status_day":
        return show_day(value)
    if name in ("maturity_date", "exercise_date"):
        return show_instant(value)
    return value if isinstance(value, str) else repr(value)
