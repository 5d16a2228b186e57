"""The facts of a contract as a tag: told and read again without loss, and how a loan stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.liquidity_tag import SECURED_BY, LiquidityFacts, facts_of, standing


@given(
    st.sampled_from(["asset", "liability", "obs_in", "obs_out"]),
    st.sampled_from(["performing", "watch", "non_performing"]),
    st.sampled_from(SECURED_BY),
    st.text(max_size=10),
)
def test_a_tag_gives_its_facts_back(side: str, stands: str, secured_by: str, counterparty: str) -> None:
    facts = LiquidityFacts(side=side, standing=stands, secured_by=secured_by, counterparty=counterparty)
    assert facts_of(facts.tag) == facts


def test_the_tag_of_records_from_before_there_were_tags_has_no_facts() -> None:
    assert facts_of("-") == LiquidityFacts(side="-")


@pytest.mark.parametrize(
    ("loan_class", "overdue_days", "stands"),
    [
        ("-", 0, "performing"),
        ("NORMAL", 0, "performing"),
        ("NORMAL", 1, "watch"),
        ("SPECIAL_MENTION", 0, "watch"),
        ("SPECIAL_MENTION", 90, "watch"),
        ("NORMAL", 91, "non_performing"),
        ("SUBSTANDARD", 0, "non_performing"),
        ("LOSS", 400, "non_performing"),
    ],
)
def test_a_loan_stands_as_the_worse_of_class_and_days(loan_class: str, overdue_days: int, stands: str) -> None:
    assert standing(loan_class, overdue_days) == stands
