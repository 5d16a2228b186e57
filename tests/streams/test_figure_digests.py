"""The digest of a figure: the same for the same rows in any order, another for any other row."""

import random
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from streams.figure_digests import body_digest, canonical, figure_digest, first_difference, row_groups

TEXT = st.text(max_size=4)
VALUES = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXT | st.lists(TEXT, max_size=2)
NAMES = st.sampled_from(["entity", "currency", "position", "above", "lines"])
ROWS = st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), max_size=4)
ROW = {"entity": "BANK", "currency": "CNY", "position": "12.00"}


def test_the_canonical_form_is_what_the_guide_says() -> None:
    rows = [ROW | {"currency": "USD"}, ROW]
    assert canonical("2026-03-16", {"rows": rows, "none": []}) == (
        b"tidemark figure digest 1\n"
        b'as_of "2026-03-16"\n'
        b"group rows 2\n"
        b'{"currency":"CNY","entity":"BANK","position":"12.00"}\n'
        b'{"currency":"USD","entity":"BANK","position":"12.00"}\n'
    )


@given(ROWS, st.randoms())
def test_no_order_matters(rows: list[dict[str, Any]], rng: random.Random) -> None:
    shuffled = [dict(sorted(row.items(), key=lambda _: rng.random())) for row in rows]
    rng.shuffle(shuffled)
    assert figure_digest(None, {"rows": rows}) == figure_digest(None, {"rows": shuffled})
    assert first_difference({"rows": rows}, {"rows": shuffled}) is None


@given(ROWS, ROWS)
def test_equal_digests_mean_equal_rows(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    same = figure_digest(None, {"rows": one}) == figure_digest(None, {"rows": other})
    assert same == (first_difference({"rows": one}, {"rows": other}) is None)
    plain = [sorted(msgspec.json.encode(row, order="deterministic") for row in rows) for rows in (one, other)]
    assert same == (plain[0] == plain[1])


def test_a_row_twice_is_not_a_row_once() -> None:
    assert figure_digest(None, {"rows": [ROW]}) != figure_digest(None, {"rows": [ROW, ROW]})
    found = first_difference({"rows": [ROW, ROW]}, {"rows": [ROW]})
    assert found is not None
    assert (found.row, found.field, found.replayed) == ({"entity": "BANK", "currency": "CNY"}, None, None)


@pytest.mark.parametrize(
    ("field", "value"), [("position", "12.01"), ("position", 12), ("currency", "USD"), ("position", None)]
)
def test_any_other_value_is_another_digest(field: str, value: Any) -> None:
    changed = ROW | {field: value}
    assert figure_digest(None, {"rows": [changed]}) != figure_digest(None, {"rows": [ROW]})
    found = first_difference({"rows": [ROW]}, {"rows": [changed]})
    assert found is not None
    if field == "position":
        assert (found.field, found.published, found.replayed) == (field, "12.00", value)


def test_a_tick_is_no_fact_and_who_is_back_below_is_no_state() -> None:
    above = {"customer": "C1", "rolling": "9.00", "above": True}
    below = {"customer": "C2", "rolling": "1.00", "above": False}
    placed = above | {"source": {"offset": 7}}
    assert figure_digest(None, {"rows": [placed, below]}) == figure_digest(None, {"rows": [above]})
    assert first_difference({"rows": [placed, below]}, {"rows": [above]}) is None


def test_an_answers_date_counts_where_no_row_says_one() -> None:
    gap = {"as_of": "2026-03-16", "rows": [ROW], "by": ["entity"], "lag_records": 3}
    assert body_digest(gap) != body_digest(gap | {"as_of": "2026-03-17"})
    assert body_digest(gap) == body_digest(gap | {"lag_records": 4})
    dated = deepcopy(gap)
    dated["rows"][0]["as_of"] = "2026-03-16"  # type: ignore[index]
    assert body_digest(dated) == body_digest(dated | {"as_of": "2026-03-17"})
    assert row_groups(gap) == {"rows": [ROW]}


def test_a_float_has_no_one_spelling() -> None:
    with pytest.raises(InvalidInput, match="float"):
        figure_digest(None, {"rows": [{"position": 0.1}]})
    nested: dict[str, Any] = {}
    for _ in range(30):
        nested = {"inner": nested}
    with pytest.raises(InvalidInput, match="deep"):
        figure_digest(None, {"rows": [nested]})
