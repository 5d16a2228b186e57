"""Entries in columns are explained as entries one by one are; the smaller ones together, nothing lost."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.explain_change import Explanation, explain_amounts
from engines.explain_columns import EntryColumns
from engines.explain_lines import Cell, Cut, Entry, Movement, Place
from engines.primitives.errors import InvalidInput

WINDOWS, TAGS = ("due", "later"), ("free", "pledged")
PLACES = {
    (tag, window): None if window == "later" else Place("gap", tag, Fraction(1, 3) if tag == "free" else Fraction(1))
    for tag in TAGS
    for window in WINDOWS
}
cells = st.tuples(st.sampled_from(TAGS), st.sampled_from(WINDOWS), st.integers(-9, 9), st.sampled_from(["1", "7/3"]))
moves = st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(-(2**61), 2**61) | st.integers(-3, 3))


def entry(number: int) -> Entry:
    return Entry(f"e{number}", number // 2, number)


@given(st.lists(st.tuples(cells, cells), min_size=3, max_size=3), st.lists(moves, max_size=8), st.integers(0, 6))
def test_columns_and_movements_give_the_same_explanation(
    drawn: list[tuple[tuple[str, str, int, str], tuple[str, str, int, str]]],
    moved: list[tuple[int, int, int]],
    named: int,
) -> None:
    names = [f"cell {at}" for at in range(3)]
    sums = [sum(quantity for cell, _, quantity in moved if cell == at) for at in range(3)]
    before = {
        name: Cell(tag, window, quantity, Fraction(1), Fraction(fx))
        for name, ((tag, window, quantity, fx), _) in zip(names, drawn, strict=True)
    }
    after = {
        name: Cell(tag, window, before[name].quantity + total, Fraction(1), Fraction(fx))
        for name, (_, (tag, window, _, fx)), total in zip(names, drawn, sums, strict=True)
    }
    first, last = Cut(before, PLACES), Cut(after, PLACES)
    one_by_one = explain_amounts(
        "gap",
        first,
        last,
        [Movement(names[cell], quantity, "ENTRY", entry(record)) for cell, record, quantity in moved],
    )
    cell, record, quantity = np.array(moved, np.int64).reshape(len(moved), 3).T
    columns = EntryColumns(names, cell, quantity, record, entry)
    whole = explain_amounts("gap", first, last, [], columns)
    assert whole == one_by_one
    check_short(explain_amounts("gap", first, last, [], replace(columns, named_max=named)), whole, named)


def check_short(short: Explanation, whole: Explanation, named: int) -> None:
    told = [part for part in short.parts if part.entry is not None]
    every = [part for part in whole.parts if part.entry is not None]
    assert len(told) == min(named, len(every))
    assert set(told) <= set(every)
    largest = sorted((abs(part.amount) for part in every), reverse=True)[: len(told)]
    assert sorted((abs(part.amount) for part in told), reverse=True) == largest
    assert sum(part.pooled for part in short.parts) == len(every) - len(told)
    assert short.residual("numerator") == whole.residual("numerator") == 0


def test_what_is_no_column_or_names_no_cell_is_refused() -> None:
    one = np.zeros(1, np.int64)
    with pytest.raises(InvalidInput):
        EntryColumns(["a"], one, one, np.zeros(2, np.int64), entry)
    cut = Cut({"a": Cell("free", "due", 1)}, PLACES)
    with pytest.raises(InvalidInput) as caught:
        explain_amounts("gap", cut, cut, [], EntryColumns(["b"], one, one + 1, one, entry))
    assert caught.value.facts["record"] == "b"
    with pytest.raises(InvalidInput):
        explain_amounts("gap", cut, cut, [], EntryColumns(["a"], one, one + 1, one, entry))
