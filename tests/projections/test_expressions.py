"""Expressions of people: checked when written, exact in money, and never silent about what they cannot say."""

import pytest

from engines.primitives.errors import InvalidInput
from projections.expressions import LONGEST, FactType, Vocabulary, expression

FLOWS = Vocabulary(
    "flows",
    {
        "entity": FactType.TEXT,
        "amount": FactType.MONEY,
        "ratio": FactType.NUMBER,
        "tags": FactType.TEXTS,
        "late": FactType.BOOL,
    },
)


def test_amounts_are_compared_exactly_in_the_currency_of_the_facts() -> None:
    rule = expression('amount >= money("100.50") && entity == "BERKA"', FLOWS)
    assert rule.holds({"amount": 10_050, "entity": "BERKA"}, "CZK")
    assert not rule.holds({"amount": 10_049, "entity": "BERKA"}, "CZK")
    assert not rule.holds({"amount": 10_050, "entity": "BERKA"}, "KWD")  # 100.500 is 100,500 there


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("amont > 5", "undeclared reference to 'amont'"),
        ('amount > "5"', "found no matching overload"),
        ("amount + 1", "yes or no"),
        ("amount >", "Syntax error"),
        ("true" + " " * LONGEST, "at most"),
    ],
)
def test_what_is_wrong_is_said_when_it_is_written(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        expression(text, FLOWS)
    assert refused.value.facts["field"] == "expression"


@pytest.mark.parametrize(
    ("text", "currency", "said"),
    [
        ("late", "CNY", "late"),
        ("amount / 0 > 1", "CNY", "divide by zero"),
        ('amount > money("0.5")', "JPY", "decimals"),
        ("amount + amount + 9223372036854775807 > 0", "CNY", "overflow"),
    ],
)
def test_what_cannot_be_said_is_an_error_and_not_a_no(text: str, currency: str, said: str) -> None:
    rule = expression(text, FLOWS)
    with pytest.raises(InvalidInput, match=said):
        rule.holds({"amount": 1}, currency)


def test_noughts_beyond_a_currencys_decimals_mean_nothing() -> None:
    rule = expression('amount >= money("1000.00")', FLOWS)
    assert rule.holds({"amount": 1_000}, "JPY")
    assert not rule.holds({"amount": 999}, "JPY")


def test_a_fact_that_does_not_decide_may_be_missing() -> None:
    assert expression('entity == "A" || late', FLOWS).holds({"entity": "A"}, "CNY")
    assert expression('"payroll" in tags', FLOWS).holds({"tags": ["payroll"]}, "CNY")
