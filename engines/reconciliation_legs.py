"""Which few of many amounts add up to one: the third rung of reconciliation (LIQ-05).

Exhaustive, so bounded by its caller: among many amounts some five always add up to anything, by chance.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

LEGS_MIN = 2


def matching_legs(target: int, amounts: Sequence[int], tolerance: int, legs_max: int) -> tuple[int, ...] | None:
    """Places of 2 to `legs_max` amounts whose sum is within `tolerance` of `target`, itself included; None: no such.

    Fewest legs win; of these the places that come first in order, compared one by one.

    Args:
        target, amounts: whole units, >= 0, the amounts in the order that decides ties.
    """
    by_amount = sorted((amount, place) for place, amount in enumerate(amounts))
    largest_from, smallest_from = list(amounts), list(amounts)
    for place in range(len(amounts) - 2, -1, -1):
        largest_from[place] = max(largest_from[place], largest_from[place + 1])
        smallest_from[place] = min(smallest_from[place], smallest_from[place + 1])

    def last_leg(start: int, rest: int) -> tuple[int, ...] | None:
        first = bisect_left(by_amount, (rest - tolerance, 0))
        last = bisect_right(by_amount, (rest + tolerance, len(amounts)))
        found = min((place for _, place in by_amount[first:last] if place >= start), default=None)
        return None if found is None else (found,)

    def legs(start: int, rest: int, count: int) -> tuple[int, ...] | None:
        if count == 1:
            return last_leg(start, rest)
        for place in range(start, len(amounts) - count + 1):
            if rest - tolerance > count * largest_from[place] or rest + tolerance < count * smallest_from[place]:
                return None  # nor will any later place do
            more = legs(place + 1, rest - amounts[place], count - 1)
            if more is not None:
                return place, *more
        return None

    for count in range(LEGS_MIN, min(legs_max, len(amounts)) + 1):
        found = legs(0, target, count)
        if found is not None:
            return found
    return None
