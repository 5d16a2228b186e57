"""The insured split by batches against the split of one deposit, however the entries are cut."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.insured_split import Split, book_entries, split_balances
from engines.lcr_lines import split_insured_deposit
from engines.primitives.errors import CorruptRecord, InvalidInput

CUSTOMERS = 6
LARGEST = 10**16

amounts = st.integers(-LARGEST, LARGEST) | st.integers(-50, 50)
entries = st.lists(st.tuples(st.integers(0, CUSTOMERS - 1), amounts), max_size=40)
columns = st.lists(amounts, min_size=CUSTOMERS, max_size=CUSTOMERS)
limits = st.lists(st.integers(0, LARGEST) | st.integers(0, 50), min_size=CUSTOMERS, max_size=CUSTOMERS)


def _array(values: list[int]) -> np.ndarray:
    return np.array(values, np.int64)


def _rows(split: Split) -> list[tuple[int, int, int]]:
    columns = (split.insured_minor, split.uninsured_minor, split.overdrawn_minor)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(columns, limits)
def test_each_balance_is_split_as_a_deposit_is(balances: list[int], limits: list[int]) -> None:
    for balance, limit, found in zip(
        balances, limits, _rows(split_balances(_array(balances), _array(limits))), strict=True
    ):
        wanted = split_insured_deposit(
            max(balance, 0), limit, cover_ratio=Fraction(1), relationship_or_transactional=True
        )
        assert found == (wanted.stable, wanted.less_stable, max(-balance, 0))
    uncovered = split_balances(_array(balances), 0)
    assert uncovered.totals() == (0, sum(max(one, 0) for one in balances), sum(max(-one, 0) for one in balances))


@given(columns, limits, entries, st.lists(st.integers(0, 40), max_size=4), st.booleans())
def test_changes_lead_to_the_split_of_the_end_however_entries_are_cut(
    opening: list[int], limits: list[int], entries: list[tuple[int, int]], cuts: list[int], one_limit: bool
) -> None:
    balances = _array(opening)
    limit = limits[0] if one_limit else _array(limits)
    sums = np.array(_rows(split_balances(balances, limit)), np.int64)
    edges = [0, *sorted(min(cut, len(entries)) for cut in cuts), len(entries)]
    for start, end in pairwise(edges):
        customer = np.array([one for one, _ in entries[start:end]], np.intp)
        found = book_entries(customer, _array([one for _, one in entries[start:end]]), balances, limit)
        np.add.at(sums, customer, np.array(_rows(found), np.int64).reshape(-1, 3))
    ends = [held + sum(one for customer, one in entries if customer == at) for at, held in enumerate(opening)]
    assert balances.tolist() == ends
    assert [tuple(row) for row in sums.tolist()] == _rows(split_balances(_array(ends), limit))


def test_a_limit_is_filled_and_left_again() -> None:
    balances = _array([0, 400, -30])
    found = book_entries(np.array([1, 0, 1, 2], np.intp), _array([300, 50, -100, 80]), balances, 500)
    assert balances.tolist() == [50, 600, 50]
    assert _rows(found) == [(100, 200, 0), (50, 0, 0), (0, -100, 0), (50, 0, -30)]
    assert found.totals() == (200, 100, -30)


def test_refusals_book_nothing() -> None:
    held, row = _array([1, 2**61]), np.array([0], np.intp)
    for customer, signed, limit, field in (
        (row, _array([1, 2]), 5, "signed_minor"),
        (row, np.array([1.0]), 5, "signed_minor"),
        (np.array([0, 2], np.intp), _array([1, 1]), 5, "customer"),
        (np.array([0, -1], np.intp), _array([1, 1]), 5, "customer"),
        (row, _array([1]), -5, "limit_minor"),
        (row, _array([1]), _array([-5, 5]), "limit_minor"),
        (row, _array([1]), _array([5, 5, 5]), "limit_minor"),
    ):
        with pytest.raises(InvalidInput) as caught:
            book_entries(customer, signed, held, limit)
        assert caught.value.facts["field"] == field
    with pytest.raises(CorruptRecord):
        book_entries(np.array([0, 1], np.intp), _array([1, 2**61]), held, 5)
    with pytest.raises(InvalidInput):
        split_balances(held, -1)
    assert held.tolist() == [1, 2**61]
    assert _rows(book_entries(row[:0], _array([]), held, 5)) == []
