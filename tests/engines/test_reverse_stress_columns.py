"""The smallest breaking set from columns is that of the kept ranks, and of every subset tried."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.reverse_stress_columns import DepositColumns, smallest_breaking_set
from engines.reverse_stress_depositors import BreakingDepositors
from engines.reverse_stress_limits import DepositorLimit, Face, cash_limit

CLASSES = ("a", "b", "c")
shares = st.sampled_from(
    [Fraction(0), Fraction(1, 20), Fraction(1, 10), Fraction(2, 5), Fraction(1), Fraction(-1, 3)]
)


def columns(rows: list[tuple[int, int, int]]) -> DepositColumns:
    depositor, deposit_class, minor = np.array(sorted(rows), np.int64).reshape(len(rows), 3).T
    return DepositColumns(depositor, deposit_class, minor, CLASSES)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 100)), max_size=12),
    st.lists(st.tuples(st.integers(-5, 150), st.tuples(shares, shares, shares)), min_size=1, max_size=3),
)
def test_every_subset_and_the_kept_ranks_agree(
    rows: list[tuple[int, int, int]], drawn: list[tuple[int, tuple[Fraction, ...]]]
) -> None:
    faces = tuple(Face(Fraction(surplus), dict(zip(CLASSES, losses, strict=True))) for surplus, losses in drawn)
    limit = DepositorLimit("one", faces)
    found = smallest_breaking_set(limit, columns(rows))
    people = sorted({depositor for depositor, _, _ in rows})

    def breaks(leavers: tuple[int, ...]) -> bool:
        return any(
            face.surplus < sum(face.loss_by_class[CLASSES[c]] * minor for who, c, minor in rows if who in leavers)
            for face in faces
        )

    sizes = [size for size in range(len(people) + 1) if any(map(breaks, combinations(people, size)))]
    assert found.count == (sizes[0] if sizes else None)
    if found.count:
        assert len(found.depositors) == found.count
        assert breaks(tuple(found.depositors.tolist()))
    held: dict[str, dict[str, int]] = {}
    for who, c, minor in rows:
        of = held.setdefault(str(who), {})
        of[CLASSES[c]] = of.get(CLASSES[c], 0) + minor
    kept = BreakingDepositors([limit], held).smallest("one")
    assert (kept.count, kept.depositors) == (found.count, tuple(map(str, found.depositors.tolist())))


@given(st.integers(1, 60), st.integers(1, 3), st.integers(0, 200))
def test_of_equals_the_first_leave(people: int, kinds: int, surplus: int) -> None:
    book = columns([(who, 0, 1 + who % kinds) for who in range(people)])
    found = smallest_breaking_set(cash_limit("one", Fraction(surplus), Fraction(0), {"a": Fraction(0)}), book)
    order = sorted(range(people), key=lambda who: (-(1 + who % kinds), who))
    taken, sums = 0, 0
    while taken < people and sums <= surplus:
        sums += 1 + order[taken] % kinds
        taken += 1
    assert found.count == (taken if sums > surplus else None)
    assert found.depositors.tolist() == (order[:taken] if sums > surplus else [])


def test_sums_beyond_int64_are_exact() -> None:
    large = 2**61
    book = columns([(0, 0, large), (1, 0, large), (2, 0, large)])
    limit = cash_limit("one", Fraction(3 * large - 1), Fraction(0), {"a": Fraction(0)})
    assert smallest_breaking_set(limit, book).count == 3
    limit = cash_limit("one", Fraction(3 * large), Fraction(0), {"a": Fraction(0)})
    assert smallest_breaking_set(limit, book).count is None


def test_what_is_no_book_is_refused() -> None:
    one = np.array([1, 0], np.int64)
    with pytest.raises(InvalidInput):
        DepositColumns(one, one, one, CLASSES)
    with pytest.raises(InvalidInput):
        DepositColumns(one[::-1], one, -one, CLASSES)
    with pytest.raises(InvalidInput):
        smallest_breaking_set(DepositorLimit("none", ()), columns([]))
