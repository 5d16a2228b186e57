"""Calculation `cashflows`: the ACTUS cash flows of contracts, each with its states and, if asked for, its reasons;
variant `loan` (`loan_flows`): one loan by its plain terms, booked.

Names are those of the ACTUS dictionary, numbers all the digits that the engine has: nothing is rounded
(decision Q17). A contract that is refused stands in `errors`; the others are computed.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from pydantic import Field

from api.calculations.fields import Inputs
from api.calculations.loan_flows import Loan, loan_flows
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import number_text
from engines.actus.dates import parse_instant, show_day, show_instant
from engines.actus.explain import explain
from engines.actus.observed import Observed, read_observed
from engines.actus.state_machine import Flow, evaluate
from engines.actus.states import States
from engines.actus.terms import Terms, read_terms
from engines.primitives.errors import InvalidInput

__all__ = ["CALCULATION", "CashFlows", "number_text"]

#: Either of these makes `observed` a pair of both; else it is the series themselves.
OBSERVED_KEYS = frozenset({"dataObserved", "eventsObserved"})


class CashFlows(Inputs):
    """Contracts as ACTUS terms, and what is observed outside them, in the shapes of the ACTUS reference files."""

    contracts: list[dict[str, Any]] = Field(description="terms by their dictionary names, text or numbers")
    observed: dict[str, Any] = Field(
        default_factory=dict,
        description="series by market object code, or {dataObserved: those series, eventsObserved: [events]}",
    )
    to: str | None = Field(default=None, description="horizon, inclusive, as 2024-12-31T00:00:00; null: to the end")
    explain: bool = Field(default=False, description="add formula, numbers, states and paragraph to each flow")


def _cashflows(inputs: CashFlows) -> Result:
    observed = _observed(inputs.observed)
    horizon = _horizon(inputs.to)
    flows: list[Result] = []
    errors: list[Result] = []
    seen: set[str] = set()
    for place, raw in enumerate(inputs.contracts):
        name = _contract_id(raw)
        try:
            if name in seen:
                raise InvalidInput("contractID: stands twice", field="contractID")
            terms = read_terms(raw)
            evaluation = evaluate(terms, observed, to=horizon, explain=inputs.explain)
            flows += [_flow(terms, flow, explained=inputs.explain) for flow in evaluation.flows]
            seen.add(name)
        except InvalidInput as error:
            errors.append(
                {
                    "contractID": name or None,
                    "code": error.code,
                    "message": str(error),
                    "field": error.facts.get("field"),
                    "record": error.facts.get("record") or name or f"contracts[{place}]",
                }
            )
    return {"flows": flows, "errors": errors}


def _observed(given: dict[str, Any]) -> Observed:
    data, events = (
        (given.get("dataObserved"), given.get("eventsObserved"))
        if given and given.keys() <= OBSERVED_KEYS
        else (given, None)
    )
    if not isinstance(data or {}, dict):
        raise InvalidInput("want series by market object code", field="observed.dataObserved")
    for code, series in (data or {}).items():
        rows = series.get("data") if isinstance(series, dict) else series
        if not isinstance(rows, list):
            raise InvalidInput(
                f"series {code!r}: want {{data: [{{timestamp, value}}]}}", field=f"observed.{code}", record=code
            )
    if not isinstance(events or [], list):
        raise InvalidInput("want a list of events", field="observed.eventsObserved")
    return read_observed(data, events, record="observed")


def _horizon(text: str | None) -> int | None:
    if text is None or not text.strip():
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise InvalidInput(f"to: {error}", field="to") from error


def _contract_id(raw: dict[str, Any]) -> str:
    return str(raw.get("contractID") or raw.get("contractIdentifier") or "").strip()


def _flow(terms: Terms, flow: Flow, *, explained: bool) -> Result:
    found: Result = {
        "contractID": terms.contract_id,
        "eventDate": show_instant(flow.event.instant),
        "eventType": str(flow.event.kind),
        "payoff": number_text(flow.payoff),
        "currency": flow.currency,
        **dict(_states(flow.after)),
    }
    if explained:
        why = explain(terms, flow)
        lines = [
            {
                "target": line.target,
                "formula": line.symbols,
                "numbers": line.numbers,
                "result": number_text(line.result),
                "source": line.source,
            }
            for line in why.lines
        ]
        found["explanation"] = {
            "source": why.source,
            "formulas": lines,
            "before": dict(why.before),
            "after": dict(why.after),
        }
    return found


def _states(states: States) -> Iterator[tuple[str, str | None]]:
    """All state variables by their dictionary names, null where the contract has none."""
    for field in fields(states):
        value = getattr(states, field.name)
        if field.name == "status_day":
            yield "statusDate", show_day(value)
        elif field.name in ("maturity_date", "exercise_date"):
            yield _dictionary_name(field.name), None if value is None else show_instant(value)
        else:
            yield _dictionary_name(field.name), number_text(value) if isinstance(value, float) else value


def _dictionary_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


CALCULATION = Calculation(
    "cashflows",
    "Cash flows of contracts by the ACTUS standard, each with its states; `explain` adds formulas and paragraphs.",
    (Variant("actus", CashFlows, _cashflows), Variant("loan", Loan, loan_flows)),
)
