"""Tables from the keys of a result: no value of it may be missing."""

from collections.abc import Iterator
from typing import Any

import pytest

from api.calculations import registry
from api.calculations.generic_sheets import sheets


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from leaves(part)
    elif value is not None:
        yield {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("name", registry.names())
def test_every_value_of_a_result_stands_in_a_table(name: str) -> None:
    for example in registry.examples(name):
        result = registry.find(name).compute(example.input)
        shown = " | ".join(cell or "" for sheet in sheets(result) for row in sheet.rows for cell in row.values())
        assert [leaf for leaf in leaves(result) if leaf not in shown] == [], example.variant


def test_maps_over_the_same_keys_stand_beside_each_other() -> None:
    found = sheets({"gaps": {"A": "1", "B": "-2", "C": "0"}, "cumulative": {"A": "1", "B": "-1"}, "total": 3})
    assert [sheet.title for sheet in found] == ["Figures", "Gaps, cumulative"]
    assert found[1].rows[1] == {"of": "B", "gaps": "-2", "cumulative": "-1"}
    assert found[1].rows[2]["cumulative"] is None
    assert found[1].amounts == ("gaps", "cumulative")


def test_lists_of_one_length_stand_beside_each_other_and_others_apart() -> None:
    found = sheets({"a": ["1.5", "2"], "b": ["x", "y"], "c": ["1"], "word": "yes", "is_so": False})
    assert [(sheet.title, len(sheet.rows)) for sheet in found] == [("In words", 2), ("A, b", 2), ("C", 1)]
    assert found[1].amounts == ("a",)


def test_maps_of_maps_are_rows() -> None:
    (found,) = sheets({"scenarios": {"up": {"loss": "1.00", "exact": "1/1"}, "down": {"loss": None}}})
    assert found.rows == [
        {"scenarios": "up", "loss": "1.00", "exact": "1/1"},
        {"scenarios": "down", "loss": None, "exact": None},
    ]
    assert found.amounts == ("loss",)


def test_an_empty_result_has_no_tables() -> None:
    assert sheets({"rows": [], "by": {}}) == []
