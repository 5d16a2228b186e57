"""Exact Shapley values: how the worth of a coalition of causes is shared over the causes, fairly and in full.

A cause's share is its marginal effect, averaged over every order in which the causes could switch. The shares add up
to the whole, a cause without effect gets nothing, and no order is preferred: of two cuts the same split comes out
whichever way round they are compared, with the other sign. Not for many players: 2**n coalitions are valued.

Source: Shapley, A Value for n-Person Games (1953), axioms 1-3 and formula 13.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from math import factorial, lcm
from typing import TypeVar

PLAYERS_MAX = 10

Player = TypeVar("Player")
Key = TypeVar("Key")

#: What a coalition brings, by whatever is measured: a line of a ratio, say. A key that is absent counts as 0.
Worth = Mapping[Key, Fraction]


def shapley_values(
    players: Sequence[Player], worth: Callable[[frozenset[Player]], Worth[Key]]
) -> dict[Player, dict[Key, Fraction]]:
    """Each player's share of `worth(all) - worth(none)`, by key.

    Args:
        players: distinct, at most PLAYERS_MAX. worth: called once for each coalition, the empty one included.
    Raises:
        ValueError: too many players, or one twice; both are mistakes of the calling code.
    """
    if len(set(players)) < len(players) or len(players) > PLAYERS_MAX:
        raise ValueError(f"want at most {PLAYERS_MAX} distinct players")
    worths = [worth(_members(players, mask)) for mask in range(1 << len(players))]
    # Over one denominator the rest is integers: a fraction for each sum would cost several times more.
    denominator = lcm(*(value.denominator for found in worths for value in found.values()))
    scaled = [
        {key: value.numerator * (denominator // value.denominator) for key, value in found.items()}
        for found in worths
    ]
    whole = denominator * factorial(len(players))
    return {
        player: {
            key: Fraction(scaled_sum, whole) for key, scaled_sum in _share(1 << place, scaled, len(players)).items()
        }
        for place, player in enumerate(players)
    }


def _share(own: int, worths: Sequence[Mapping[Key, int]], players: int) -> dict[Key, int]:
    sums: dict[Key, int] = {}
    for mask in range(len(worths)):
        if not mask & own:
            orders = _orders(players, mask.bit_count())
            for key, value in worths[mask | own].items():
                sums[key] = sums.get(key, 0) + orders * value
            for key, value in worths[mask].items():
                sums[key] = sums.get(key, 0) - orders * value
    return sums


@cache
def _orders(players: int, before: int) -> int:
    """In how many orders exactly a given set of `before` players comes before a given other player."""
    return factorial(before) * factorial(players - before - 1)


def _members(players: Sequence[Player], mask: int) -> frozenset[Player]:
    return frozenset(player for place, player in enumerate(players) if mask >> place & 1)
