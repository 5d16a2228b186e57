"""Running one contract in a test, and reading its flows."""

from typing import Any

import pytest

from engines.actus.dates import parse_instant, show_instant
from engines.actus.explain import explain
from engines.actus.observed import read_observed
from engines.actus.state_machine import Evaluation, evaluate
from engines.actus.terms import read_terms
from engines.primitives.errors import InvalidInput

Shown = list[tuple[str, str, float]]


def run(
    raw: dict[str, Any],
    data: Any = None,
    events: Any = None,
    *,
    to: Any = None,
    **change: Any,
) -> Evaluation:
    """`data`: value by day by market object; `events`: as observed; `to`: a day; `change`: terms in place of `raw`'s.

    Explains each flow as well: a payoff must be the result of a formula that it shows.
    """
    series = {
        code: [{"timestamp": day, "value": value} for day, value in rows.items()]
        for code, rows in (data or {}).items()
    }
    terms, observed = read_terms(raw | change), read_observed(series, events)
    result = evaluate(terms, observed, to=None if to is None else parse_instant(to), explain=True)
    for flow in result.flows:
        explained = explain(terms, flow)
        assert explained.payoff == flow.payoff
        assert all(line.source for line in explained.lines)
        if flow.payoff:
            assert any(line.target == "payoff" and line.result == flow.payoff for line in explained.lines)
    return result


def flows(result: Evaluation) -> Shown:
    return [(show_instant(flow.event.instant)[2:10], str(flow.event.kind), flow.payoff) for flow in result.flows]


def close(shown: Shown) -> Any:
    """The same days and types, and payoffs but for rounding."""
    return [(day, kind, pytest.approx(payoff, rel=1e-12, abs=1e-9)) for day, kind, payoff in shown]


def refused(term: str, raw: dict[str, Any], record: str | None = None, **more: Any) -> str:
    """The message with which a contract is refused; it names the term and the contract."""
    with pytest.raises(InvalidInput) as caught:
        run(raw, **more)
    assert caught.value.facts["field"] == term
    assert caught.value.facts["record"] == (raw["contractID"] if record is None else record)
    return str(caught.value)
