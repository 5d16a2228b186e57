"""Transfer curves: linear between nodes, flat outside, additive (LIQ-44)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ftp_curve import Curve, curve_from_nodes, curve_from_parts
from engines.primitives.errors import InvalidInput

tenors = st.integers(0, 400).map(lambda months: Fraction(months, 12))
rates = st.integers(-200, 900).map(lambda bp: Fraction(bp, 10_000))
nodes = st.dictionaries(tenors, rates, min_size=1, max_size=6)
curves = nodes.map(lambda found: curve_from_nodes(found.items()))


def test_eighteen_months_lie_half_way() -> None:
    """LIQ-44: between 2.4 at 12 and 2.8 at 24 months, 2.60%."""
    curve = curve_from_nodes([(Fraction(2), Fraction("0.028")), (Fraction(1), Fraction("0.024"))])
    assert curve.rate(Fraction(18, 12)) == Fraction("0.026")
    assert [curve.rate(Fraction(years)) for years in (0, 1, 2, 30)] == [
        Fraction(text) for text in ("0.024", "0.024", "0.028", "0.028")
    ]
    assert [curve.spans(Fraction(months, 12)) for months in (11, 12, 24, 25)] == [False, True, True, False]


@given(nodes, tenors)
def test_a_rate_is_on_the_line_between_its_neighbours(found: dict[Fraction, Fraction], tenor: Fraction) -> None:
    rate = curve_from_nodes(found.items()).rate(tenor)
    below = [node for node in found if node <= tenor]
    above = [node for node in found if node >= tenor]
    if not below or not above:
        assert rate == found[min(found) if not below else max(found)]
    else:
        left, right = max(below), min(above)
        assert (rate - found[left]) * (right - left) == (found[right] - found[left]) * (tenor - left)


@given(curves, curves, rates, tenors)
def test_sums_and_shifts_are_exact_at_every_tenor(
    one: Curve, other: Curve, change: Fraction, tenor: Fraction
) -> None:
    whole = curve_from_parts([one, other, one.shifted(change)])
    assert whole.rate(tenor) == 2 * one.rate(tenor) + other.rate(tenor) + change


@pytest.mark.parametrize(
    ("given_nodes", "field"),
    [
        ([], "nodes"),
        ([(Fraction(1), Fraction(0)), (Fraction(-1), Fraction(0))], "nodes[1].tenor"),
        ([(Fraction(1), Fraction(0)), (Fraction(1), Fraction(1))], "nodes[1].tenor"),
    ],
)
def test_bad_nodes_are_refused(given_nodes: list[tuple[Fraction, Fraction]], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        curve_from_nodes(given_nodes)
    assert caught.value.facts["field"] == field


def test_a_negative_tenor_and_no_parts_are_refused() -> None:
    with pytest.raises(InvalidInput):
        curve_from_nodes([(Fraction(1), Fraction(0))]).rate(Fraction(-1))
    with pytest.raises(InvalidInput):
        curve_from_parts([])
