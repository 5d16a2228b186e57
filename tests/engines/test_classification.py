"""Backstops, contagion and provisions: boundaries, monotony, the whole from its parts."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.classification import TIERS, Backstops, contagion, is_non_performing, worse_of, worst_allowed_tier
from engines.primitives.errors import InvalidInput
from engines.provisions import provisions

FIVE = Backstops("five", (0, 1, 91, 271, 361))
RATES = dict(zip(TIERS[1:], [Fraction(rate, 100) for rate in (2, 25, 50, 100)], strict=True))

amounts = st.integers(0, 10**9).map(lambda cents: Fraction(cents, 100))


@given(st.integers(0, 2_000), st.integers(0, 500))
def test_more_days_never_improve_a_tier(days: int, more: int) -> None:
    tier, later = worst_allowed_tier(days, FIVE), worst_allowed_tier(days + more, FIVE)
    assert TIERS.index(later) >= TIERS.index(tier)
    assert is_non_performing(tier) == (days > 90)
    bounds = [(0, 0), (1, 90), (91, 270), (271, 360), (361, 10**6)]
    assert [first <= days <= last for first, last in bounds].index(True) == TIERS.index(tier)


@given(st.sampled_from(TIERS), st.sampled_from(TIERS))
def test_a_backstop_only_worsens(judged: str, backstop: str) -> None:
    found = worse_of(judged, backstop)
    assert TIERS.index(found) == max(TIERS.index(judged), TIERS.index(backstop))


@given(
    st.lists(st.tuples(amounts, st.booleans()), max_size=6),
    amounts,
    st.integers(0, 50).map(lambda part: Fraction(part, 50)),
)
def test_contagion_is_strictly_above_a_threshold(
    claims: list[tuple[Fraction, bool]], debt: Fraction, overdue: Fraction
) -> None:
    limits = {"threshold_here": Fraction(1, 10), "threshold_all_banks": Fraction(1, 5)}
    found = contagion([claim for claim, _ in claims], [flag for _, flag in claims], debt, debt * overdue, **limits)
    total = sum(claim for claim, _ in claims)
    here = Fraction(sum(claim for claim, flag in claims if flag)) / total if total else None
    assert found.non_performing_share_here == here
    assert found.overdue_share_all_banks == (overdue if debt else None)
    triggered = (here or 0) > Fraction(1, 10) or (overdue > Fraction(1, 5) and debt > 0)
    assert found.all_claims_non_performing == triggered


@given(st.lists(amounts, min_size=5, max_size=5), amounts)
def test_provisions_are_the_plain_sums(balances: list[Fraction], held: Fraction) -> None:
    by_tier = dict(zip(TIERS, balances, strict=True))
    minimums = {"coverage_minimum": Fraction(3, 2), "loan_provision_minimum": Fraction(25, 1_000)}
    found = provisions(by_tier, Fraction(1, 100), RATES, held, **minimums)
    total, bad = sum(balances), sum(balances[2:])
    assert (found.total_loans, found.non_performing) == (total, bad)
    assert found.guide_total == total / 100 + sum(by_tier[tier] * RATES[tier] for tier in TIERS[1:])
    assert found.required_binding == max(bad * 3 / 2, total / 40)
    assert found.meets_both == (held >= found.required_binding)
    if total and bad:
        assert found.coverage_ratio == held / bad
        assert found.loan_provision_ratio == held / total
        assert found.meets_both == (held / bad >= Fraction(3, 2) and held / total >= Fraction(1, 40))
    more = provisions(by_tier, Fraction(1, 100), RATES, held + 1, **minimums)
    assert more.meets_both >= found.meets_both


def test_an_empty_book_has_no_ratios() -> None:
    empty = dict.fromkeys(TIERS, Fraction(0))
    minimums = {"coverage_minimum": Fraction(3, 2), "loan_provision_minimum": Fraction(25, 1_000)}
    found = provisions(empty, Fraction(1, 100), RATES, Fraction(0), **minimums)
    assert found.npl_ratio is found.coverage_ratio is found.loan_provision_ratio is None
    assert found.meets_both


def test_bad_input_is_refused() -> None:
    one = Fraction(1)
    limits = {"threshold_here": Fraction(1, 10), "threshold_all_banks": Fraction(1, 5)}
    minimums = {"coverage_minimum": one, "loan_provision_minimum": one}
    balances = dict.fromkeys(TIERS, one)
    cases = {
        "days_overdue": lambda: worst_allowed_tier(-1, FIVE),
        "tier": lambda: worse_of("normal", "good"),
        "non_performing_here": lambda: contagion([one], [], one, one, **limits),
        "claims_here[1]": lambda: contagion([one, -one], [True, True], one, one, **limits),
        "overdue_gt90_all_banks": lambda: contagion([], [], one, Fraction(2), **limits),
        "balances.loss": lambda: provisions(balances | {"loss": -one}, one, RATES, one, **minimums),
        "balances.normal": lambda: provisions({}, one, RATES, one, **minimums),
        "balances.good": lambda: provisions(balances | {"good": one}, one, RATES, one, **minimums),
        "specific_rates.loss": lambda: provisions(balances, one, RATES | {"loss": Fraction(2)}, one, **minimums),
        "provisions_held": lambda: provisions(balances, one, RATES, -one, **minimums),
    }
    for field, call in cases.items():
        with pytest.raises(InvalidInput) as caught:
            call()
        assert caught.value.facts["field"] == field
