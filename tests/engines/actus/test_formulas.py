"""Formulas: one kernel for scalars and arrays (decision Q18), and an explanation that reckons to the same number."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.actus import formulas
from engines.actus.arithmetic import higher_of, lower_of
from engines.actus.explain import as_text, explain
from engines.actus.formula import FORMULAS, Step
from engines.actus.observed import read_observed
from engines.actus.state_machine import evaluate
from engines.actus.terms import read_terms
from tests.engines.actus.strategies import RATES, loans

KERNEL = [function for function in FORMULAS if function.__module__ == formulas.__name__]
KERNEL += [formulas.annuity_product, formulas.annuity_sum]
numbers = st.floats(-1e9, 1e9) | st.sampled_from((0.0, -0.0, 1.0, -1.0))


def parameters(function: Any) -> int:
    return int(function.__code__.co_argcount)


@pytest.mark.parametrize("function", KERNEL, ids=lambda function: function.__name__)
@settings(max_examples=30)
@given(data=st.data())
def test_q18_a_row_of_an_array_is_the_scalar_bit_for_bit(function: Any, data: st.DataObject) -> None:
    row = st.tuples(*[numbers.filter(lambda number: abs(number) > 1e-6)] * parameters(function))
    rows = data.draw(st.lists(row, min_size=1, max_size=9))
    together = function(*(np.array(column, np.float64) for column in zip(*rows, strict=True)))
    alone = np.array([function(*row) for row in rows], np.float64)
    assert together.tobytes() == alone.tobytes()


@given(numbers, numbers)
def test_smaller_and_greater_agree_on_zeros_too(first: float, second: float) -> None:
    for function, python in ((lower_of, min), (higher_of, max)):
        one = function(first, second)
        many = function(np.array([first]), np.array([second]))[0]
        assert one == python(first, second)
        assert math.copysign(1, one) == math.copysign(1, many)


def test_every_formula_names_its_parameters_and_its_source() -> None:
    for function, known in FORMULAS.items():
        names = function.__code__.co_varnames[: parameters(function)]
        assert known.source
        assert all(f"{{{name}}}" in known.text for name in names), function.__name__


def reckoned(text: str) -> float:
    """The number that an explanation's text says, reckoned from the text alone."""
    for shown, python in (("×", "*"), ("÷", "/"), ("−", "-")):
        text = text.replace(shown, python)
    value: float = eval(text, {"__builtins__": {}}, {"min": min, "max": max, "inf": math.inf})  # noqa: S307
    return value


@settings(max_examples=40)
@given(loans())
def test_the_text_of_an_explanation_reckons_to_its_result_bit_for_bit(raw: dict[str, Any]) -> None:
    terms = read_terms(raw)
    for flow in evaluate(terms, read_observed(RATES), explain=True).flows:
        explanation = explain(terms, flow)
        for line in explanation.lines:
            assert reckoned(line.numbers) == line.result, line
        payoffs = [line.result for line in explanation.lines if line.target == "payoff"]
        assert payoffs in ([flow.payoff], []), explanation
        assert payoffs or flow.payoff == 0.0


def test_an_explanation_tells_formula_states_and_paragraph() -> None:
    terms = read_terms(
        {
            "contractType": "LAM",
            "contractID": "loan-1",
            "contractRole": "RPA",
            "currency": "EUR",
            "statusDate": "2023-12-31",
            "initialExchangeDate": "2024-01-01",
            "maturityDate": "2025-01-01",
            "notionalPrincipal": 1_200,
            "nominalInterestRate": 0.1,
            "dayCountConvention": "30E360",
            "cycleAnchorDateOfPrincipalRedemption": "2024-07-01",
            "cycleOfPrincipalRedemption": "P6ML1",
            "nextPrincipalRedemptionPayment": 700,
        }
    )
    flow = evaluate(terms, explain=True).flows[1]
    explanation = explain(terms, flow)
    assert explanation.source == (
        "ACTUS technical specification 1.1, 7.2 LAM: Linear Amortizer, event PR: POF_PR_LAM, STF_PR_LAM"
    )
    assert as_text(explanation).splitlines()[2:] == [
        "  redemption = R × min(Prnxt, R × Nt) = 1.0 × min(700.0, 1.0 × 1200.0) = 700.0",
        "  payoff = X × Nsc × redemption = 1.0 × 1.0 × 700.0 = 700.0",
        "  Ipac = Ipac + Y × Ipnr × Ipcb = 0.0 + 0.5 × 0.1 × 1200.0 = 60.0",
        "  Nt = Nt − redemption = 1200.0 − 700.0 = 500.0",
        "  Sd: 2024-01-01 -> 2024-07-01",
        "  Nt: 1200.0 -> 500.0",
        "  Ipac: 0.0 -> 60.0",
        "  Ipcb: 1200.0 -> 500.0",
    ]


def test_a_function_without_a_text_is_shown_by_its_name() -> None:
    step = Step("Nt", formulas.annuity_product, {"product": 2.0, "growth": 3.0}, 6.0)
    flow = evaluate(
        read_terms(
            {
                "contractType": "PAM",
                "contractID": "x",
                "contractRole": "RPA",
                "currency": "EUR",
                "statusDate": "2023-12-31",
                "initialExchangeDate": "2024-01-01",
                "maturityDate": "2025-01-01",
                "notionalPrincipal": 1,
            }
        )
    )
    shown = type(flow.flows[0])(flow.flows[0].event, 0.0, "EUR", flow.flows[0].before, flow.flows[0].after, (step,))
    assert explain(flow.terms, shown).lines[0].numbers == "annuity_product(2.0, 3.0)"
