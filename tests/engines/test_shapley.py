"""Shapley values against the mean over all orders, and the axioms."""

from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.shapley import shapley_values

worths = st.integers(1, 4).flatmap(
    lambda players: st.lists(
        st.dictionaries(st.sampled_from("xy"), st.fractions(-9, 9, max_denominator=6)),
        min_size=1 << players,
        max_size=1 << players,
    )
)


def _values(table: list[dict[str, Fraction]]) -> dict[int, dict[str, Fraction]]:
    players = range(len(table).bit_length() - 1)
    return shapley_values(players, lambda members: table[sum(1 << one for one in members)])


@given(worths)
def test_a_share_is_the_mean_marginal_effect_over_all_orders(table: list[dict[str, Fraction]]) -> None:
    found = _values(table)
    orders = list(permutations(found))
    for key in "xy":
        wanted = dict.fromkeys(found, Fraction(0))
        for order in orders:
            mask = 0
            for player in order:
                wanted[player] += table[mask | 1 << player].get(key, 0) - table[mask].get(key, 0)
                mask |= 1 << player
        assert {player: share.get(key, 0) * len(orders) for player, share in found.items()} == wanted


@given(worths)
def test_shares_add_up_and_reverse_with_the_game(table: list[dict[str, Fraction]]) -> None:
    found, backwards = _values(table), _values(table[::-1])  # the complement of a mask counts from the other end
    for key in "xy":
        assert sum(share.get(key, 0) for share in found.values()) == table[-1].get(key, 0) - table[0].get(key, 0)
        assert all(backwards[player].get(key, 0) == -share.get(key, 0) for player, share in found.items())


def test_price_times_quantity_shares_the_cross_term_in_halves() -> None:
    def worth(switched: frozenset[str]) -> dict[str, Fraction]:
        return {"value": Fraction((12 if "quantity" in switched else 10) * (5 if "price" in switched else 4))}

    assert shapley_values(["price", "quantity"], worth) == {"price": {"value": 11}, "quantity": {"value": 9}}


def test_no_players_and_too_many() -> None:
    assert shapley_values([], lambda members: {"x": Fraction(1)}) == {}
    with pytest.raises(ValueError, match="distinct"):
        shapley_values(["a", "a"], lambda members: {})
    with pytest.raises(ValueError, match="at most"):
        shapley_values(range(11), lambda members: {})
