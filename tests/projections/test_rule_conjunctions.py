"""Comparisons with constants, judged without CEL: what they say is what CEL says, of any expression and any facts."""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.alert_rules import Rule
from projections.expressions import Fact, environment
from projections.rule_conjunctions import conjunction
from projections.rule_judge import Group, Judge
from projections.rule_vocabulary import VOCABULARIES

TOTALS = VOCABULARIES["totals"]
NUMBERS = ["-1", "0", "7", "9007199254740993"]
PIECES = st.one_of(
    st.builds("amount {} {}".format, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), st.sampled_from(NUMBERS)),
    st.builds('amount {} money("{}")'.format, st.sampled_from(["<", ">="]), st.sampled_from(["0.07", "7.00", "7"])),
    st.builds("z {} {}".format, st.sampled_from(["<", "==", "!=", ">="]), st.sampled_from(["-1.5", "0.0", "0.1"])),
    st.builds('{} {} "{}"'.format, st.sampled_from(["metric", "entity"]), st.sampled_from(["==", "!="]),
              st.sampled_from(["position", "a && b", ""])),
    st.sampled_from([
        "known", "!known", "! steady", "!(known)", "(amount < 7)", "(known || amount > 0)", "known || steady",
        "amount_change / amount > 1", "known ? steady : !steady", 'entity.startsWith("a")', "readings >= 2 // many",
        'metric == r"position"', "metric == 'position'", 'metric < "q"', "amount + 1 > 7", "true", "!(amount < 0)",
    ]),
)  # fmt: skip
EXPRESSIONS = st.lists(PIECES, min_size=1, max_size=4).map(" && ".join)
FACTS: Mapping[str, st.SearchStrategy[Any]] = {
    "amount": st.sampled_from([-1, 0, 6, 7, 8, 700, 9007199254740992, 9007199254740993, 2**62]),
    "amount_change": st.sampled_from([-1, 0, 1, -(2**62)]),
    "z": st.sampled_from([-1.5, 0.0, -0.0, 0.1, 0.10000000000000002]),
    "metric": st.sampled_from(["position", "lcr"]),
    "entity": st.sampled_from(["a && b", "a", ""]),
    "known": st.booleans(),
    "steady": st.booleans(),
    "readings": st.integers(0, 3),
}


@lru_cache(maxsize=256)
def compiled(text: str, currency: str) -> Any:
    return environment(TOTALS, currency).compile(text)


def by_cel(text: str, facts: Mapping[str, Fact], currency: str) -> bool | None:
    """None: it cannot be said."""
    try:
        value = compiled(text, currency).eval(data=dict(facts))
    except RuntimeError:
        return None
    found = value.plain_value()
    return found if isinstance(found, bool) else None


def rules(texts: list[str]) -> list[Rule]:
    return [
        Rule(rule_id=f"r{at}", version=1, severity="INFO", about="totals", name="-", expression=text)
        for at, text in enumerate(texts)
    ]


@settings(max_examples=int(os.environ.get("RULE_EXAMPLES", "40")))
@given(st.lists(EXPRESSIONS, min_size=1, max_size=6), st.fixed_dictionaries({}, optional=FACTS), st.data())
def test_judged_with_and_without_cel_they_are_the_same(texts: list[str], facts: dict[str, Any], data: Any) -> None:
    currency = data.draw(st.sampled_from(["CNY", "JPY"]))
    made = rules(texts)
    judge = Judge(made)
    answers = judge.holds(Group(tuple(made), frozenset(one.rule_id for one in made)), facts, currency)
    for one in made:
        if one.rule_id in judge.broken:
            continue
        expected = by_cel(one.expression, facts, currency)
        told = None if one.rule_id in answers.troubles else one.rule_id in answers.holding
        assert told is expected, (one.expression, facts, currency)


@pytest.mark.parametrize(
    ("text", "parts", "is_whole"),
    [
        ('metric == "position" && amount < -5 && !known && z >= 1.5', 4, True),
        ('amount < money("5.00")', 1, True),
        ("amount < 5 && (z > 1.0 || known)", 1, False),
        ("amount < 5 || known", 0, False),
        ("amount < 5 && known ? true : false", 0, False),
        ("amount < 5 && z > 1", 1, False),  # types that CEL does not compare
        ("5 > amount", 0, False),
        ('entity == "a\\"b" && known', 0, False),
        ("amount < 5 // && known", 0, False),
        ("luck && known", 1, False),
    ],
)
def test_what_is_read_from_the_text(text: str, parts: int, is_whole: bool) -> None:
    found = conjunction(text, TOTALS, lambda amount: int(float(amount) * 100))
    assert (len(found.parts), found.is_whole) == (parts, is_whole)
