"""Reverse stress: the breaking point survives, anything above it breaks; replay against stress itself."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from engines.reverse_stress import (
    TOLERANCE,
    BreakingMultiple,
    bisect_multiple,
    breaking_multiple,
    breaking_run_off,
    replay,
)
from engines.shock_families import combine, scaled
from engines.stress import Book, ReserveRelease, second_round, stress
from tests.stress_books import DECK, books
from tests.stress_books import shocks as all_shocks

F = Fraction
SEVERE = {
    "loan_default": F(10, 100),
    "security_haircut": F(8, 100),
    "retail_run_off": F(8, 100),
    "corporate_run_off": F(8, 100),
    "interbank_run_off": F(15, 100),
    "reserve_ratio_rise": F(1, 100),
}


def test_worked_example() -> None:
    found = breaking_run_off(DECK, SEVERE, horizon_days=30)
    assert (found.run_off, found.multiple) == (F(49, 220), F(245, 88))
    assert second_round(F(1200), F(8, 100), F(2, 100)) == F("1081.92")


@settings(deadline=None)
@given(books, all_shocks, st.booleans())
def test_at_the_breaking_run_off_the_net_is_zero(book: Book, shocks: dict[str, Fraction], releases: bool) -> None:
    release = ReserveRelease(F(8, 100)) if releases else None
    found = breaking_run_off(book, shocks, horizon_days=30, release=release)
    if found.run_off is None:
        assert not book.deposits or shocks.get("reserve_ratio_rise") == F(92 if releases else 100, 100)
        return
    nets = []
    for d in (F(0), F(1), min(max(F(0), found.run_off), F(1))):
        at = shocks | {"retail_run_off": d, "corporate_run_off": d}
        nets.append(stress(book, at, horizon_days=30, release=release).net)
    if 0 <= found.run_off <= 1:
        assert nets[2] == 0
    else:
        assert nets[0] * nets[1] > 0, "no sign changes between none and all"


@settings(max_examples=60, deadline=None)
@given(books, all_shocks, st.sampled_from([F(1), F(1, 2), F(3, 2)]))
def test_the_breaking_multiple_survives_and_above_it_breaks(
    book: Book, shocks: dict[str, Fraction], cover: Fraction
) -> None:
    largest = F(20)
    found = breaking_multiple(book, shocks, horizon_days=30, minimum_cover=cover, largest=largest)

    def broken(multiple: Fraction) -> bool:
        at = stress(book, scaled(shocks, multiple), horizon_days=30)
        return at.available < cover * at.need

    if found.is_broken_unshocked:
        assert broken(F(0))
    elif found.breaks is None or found.survives is None:
        assert not any(broken(largest * at / 50) for at in range(51))
    else:
        assert not broken(found.survives)
        assert broken(found.breaks + TOLERANCE)
        assert 0 <= found.breaks - found.survives <= TOLERANCE
        assert not any(broken(found.survives * at / 20) for at in range(21))


def test_a_linear_scenario_has_an_exact_multiple() -> None:
    book = Book(F(100), F(0), retail_deposits=F(700))
    assert breaking_multiple(book, {"retail_run_off": F(1, 10)}, horizon_days=30) == BreakingMultiple(
        F(10, 7), F(10, 7)
    )


def test_a_quadratic_with_a_rational_root_is_exact_too() -> None:
    # 100 (1-m/2)(1-m/2) = 36: m = 0.8.
    book = Book(F(0), F(100), other_outflows=F(36))
    shocks = {"security_haircut": F(1, 2), "price_impact": F(1, 2)}
    assert breaking_multiple(book, shocks, horizon_days=30) == BreakingMultiple(F(4, 5), F(4, 5))


def test_a_share_that_is_used_up_cannot_break_more() -> None:
    book = Book(F(100), F(0), retail_deposits=F(100), corporate_deposits=F(50))
    shocks = {"retail_run_off": F(1, 2), "corporate_run_off": F(1, 100)}
    # From 2 on only corporate deposits leave: all of retail is gone and there is nothing to spare.
    assert breaking_multiple(book, {"retail_run_off": F(1, 2)}, horizon_days=1) == BreakingMultiple(None, None)
    found = breaking_multiple(book, shocks, horizon_days=1)
    assert found == BreakingMultiple(100 / F(101, 2), 100 / F(101, 2))


def test_what_has_no_largest_value_breaks_in_the_end() -> None:
    book = Book(F(100), F(0), incoming_payments_per_hour=F(3))
    assert breaking_multiple(book, {"outage_hours": F(2)}, horizon_days=1) == BreakingMultiple(F(50, 3), F(50, 3))
    assert breaking_multiple(book, {"outage_hours": F(2)}, horizon_days=1, largest=F(16)).breaks is None


def test_broken_before_any_shock() -> None:
    book = Book(F(0), F(0), other_outflows=F(1))
    assert breaking_multiple(book, SEVERE, horizon_days=1).is_broken_unshocked
    assert bisect_multiple(lambda _: True, F(1)).is_broken_unshocked


@given(st.fractions(F(1, 100), 99, max_denominator=1000))
def test_bisection_brackets_the_first_break(edge: Fraction) -> None:
    found = bisect_multiple(lambda multiple: multiple > edge, F(100), tolerance=F(1, 10**6))
    assert found.survives is not None
    assert found.breaks is not None
    assert found.survives <= edge < found.breaks <= found.survives + F(1, 10**6)
    assert bisect_multiple(lambda multiple: multiple > 100, F(100)) == BreakingMultiple(None, None)


@settings(deadline=None, max_examples=40)
@given(books, st.lists(all_shocks, min_size=1, max_size=3), st.sampled_from(["COMPOUND", "ADD", "MAX"]))
def test_a_replay_is_the_stress_of_all_days_so_far(book: Book, path: list[dict[str, Fraction]], rule: str) -> None:
    found = replay(book, path, rule=rule)  # type: ignore[arg-type]
    for day, one in enumerate(found.days, 1):
        names = dict.fromkeys(name for shocks in path[:day] for name in shocks)
        sizes = {name: [shocks[name] for shocks in path[:day] if name in shocks] for name in names}
        together = {name: combine(all_, name, rule) for name, all_ in sizes.items()}  # type: ignore[arg-type]
        assert one == stress(book, together, horizon_days=len(path))
    nets = [one.net for one in found.days]
    assert nets[found.worst_on - 1] == min(nets)
    assert found.broken_on == next((day for day, net in enumerate(nets, 1) if net < 0), None)


@pytest.mark.parametrize("changed", [{"minimum_cover": F(0)}, {"largest": F(0)}])
def test_reverse_stress_refuses(changed: dict[str, Fraction]) -> None:
    with pytest.raises(InvalidInput) as caught:
        breaking_multiple(DECK, SEVERE, horizon_days=30, **changed)
    assert caught.value.facts["field"] == next(iter(changed))
    with pytest.raises(InvalidInput):
        replay(DECK, [])
