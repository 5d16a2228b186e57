"""Lights follow the exact value; a child within its parent is never lighter than it (LIQ-36)."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.limits import Light, Limit, check_tree, headroom
from engines.primitives.errors import InvalidInput

numbers = st.integers(-500, 500).map(lambda hundredths: Fraction(hundredths, 100))
Edges = tuple[Fraction | None, Fraction | None]


@st.composite
def edges(draw: st.DrawFn) -> Edges:
    low, high = sorted((draw(numbers), draw(numbers)))
    return draw(st.sampled_from([(low, high), (low, None), (None, high)]))


@st.composite
def nested(draw: st.DrawFn) -> tuple[Edges, Edges]:
    """A parent's edges and those of a child, which has them all and no looser."""
    low, tighter_low, tighter_high, high = sorted(draw(numbers) for _ in range(4))
    child: Edges = (tighter_low, tighter_high)
    return draw(st.sampled_from([((low, high), child), ((low, None), child), ((None, high), (None, tighter_high))]))


def limit(pair: Edges, name: str = "A", parent: str = "") -> Limit:
    return Limit(name, "m", minimum=pair[0], maximum=pair[1], parent=parent)


@given(numbers, edges())
def test_red_is_outside_the_edges_and_nothing_else(value: Fraction, pair: Edges) -> None:
    low, high = pair
    is_outside = (low is not None and value < low) or (high is not None and value > high)
    found = headroom(value, limit(pair))
    assert (found.light(Fraction(5, 100)) is Light.RED) == is_outside


@given(numbers, numbers)
def test_a_minimum_is_the_mirror_of_a_maximum(value: Fraction, edge: Fraction) -> None:
    below, above = headroom(value, limit((None, edge))), headroom(-value, limit((-edge, None)))
    assert (below.value, below.is_absolute) == (above.value, above.is_absolute)


@given(numbers, nested())
def test_a_child_is_breached_wherever_its_parent_is(value: Fraction, pair: tuple[Edges, Edges]) -> None:
    parent, child = limit(pair[0]), limit(pair[1], "B", "A")
    check_tree([child, parent])
    if headroom(value, parent).value < 0:
        assert headroom(value, child).value < 0


@given(nested(), st.integers(1, 100))
def test_a_child_that_is_looser_by_a_little_is_refused(pair: tuple[Edges, Edges], cents: int) -> None:
    (low, high), (child_low, child_high) = pair
    more = Fraction(cents, 10_000)
    looser = (low - more, child_high) if low is not None else (child_low, high + more if high is not None else None)
    with pytest.raises(InvalidInput, match="looser"):
        check_tree([limit((low, high)), limit(looser, "B", "A")])


@given(edges(), st.integers(1, 3))
def test_a_tree_that_hangs_in_a_circle_is_refused(pair: Edges, size: int) -> None:
    circle = [limit(pair, str(at), str((at + 1) % size)) for at in range(size)]
    with pytest.raises(InvalidInput, match="below itself"):
        check_tree(circle)
    check_tree([replace(circle[0], parent=""), *circle[1:]])  # cut once, it is a tree


def test_a_limit_needs_an_edge() -> None:
    with pytest.raises(InvalidInput) as caught:
        headroom(Fraction(1), Limit("A", "m"))
    assert caught.value.facts == {"field": "minimum"}
