"""Nostro balances against positions (LIQ-05): a difference is timing, or a break with what is behind it."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engines.nostro_reconciliation import BookedEntry, reconcile_nostro

DAY = date(2026, 3, 2)
NEXT = DAY + timedelta(days=1)


def booked(name: str, minor: int, booking: date = DAY, value: date = DAY, reference: str = "") -> BookedEntry:
    return BookedEntry(name, minor, booking, value, reference)


def test_equal_balances_match() -> None:
    result = reconcile_nostro(1_000, 1_000, DAY, [booked("a", 100)])
    assert (result.status, result.difference_minor, result.break_minor) == ("matched", 0, 0)


def test_what_is_valued_later_is_timing() -> None:
    late = booked("late", 700, value=NEXT)
    result = reconcile_nostro(1_000, 300, DAY, [booked("a", 100), late])
    assert (result.status, result.timing_minor, result.break_minor) == ("timing", 700, 0)
    assert result.timing == (late,)


def test_what_is_booked_later_and_valued_now_is_timing_the_other_way() -> None:
    early = booked("early", 700, booking=NEXT)
    result = reconcile_nostro(300, 1_000, DAY, [early])
    assert (result.status, result.timing_minor) == ("timing", -700)


def test_the_rest_is_a_break_with_the_entry_of_its_amount() -> None:
    late, lost = booked("late", 700, value=NEXT), booked("lost", -250)
    result = reconcile_nostro(450, 0, DAY, [booked("a", 20), late, lost])
    assert (result.status, result.difference_minor, result.timing_minor, result.break_minor) == (
        "break",
        450,
        700,
        -250,
    )
    assert result.suspects == (lost,)


def test_several_entries_may_add_up_to_a_break() -> None:
    entries = [booked("a", 30), booked("b", 50), booked("c", 7), booked("d", -80)]
    assert reconcile_nostro(80, 0, DAY, entries).suspects == (entries[0], entries[1])
    assert reconcile_nostro(81, 0, DAY, entries).suspects == ()


def test_with_our_entries_each_side_shows_what_the_other_lacks() -> None:
    theirs = [booked("t1", 100, reference="R1"), booked("t2", -30), booked("t3", 12)]
    own = [booked("o1", 100, reference="R1"), booked("o2", -10), booked("o3", -20), booked("o4", 40)]
    result = reconcile_nostro(82, 110, DAY, theirs, own)
    assert (result.status, result.break_minor) == ("break", -28)
    assert [one.entry_id for one in result.suspects] == ["t2", "t3"]
    assert [one.entry_id for one in result.missing] == ["o2", "o3", "o4"]


AMOUNTS = st.integers(-(10**12), 10**12)


@given(
    AMOUNTS,
    AMOUNTS,
    st.lists(st.tuples(AMOUNTS, st.sampled_from([DAY, NEXT]), st.sampled_from([DAY, NEXT])), max_size=6),
)
def test_the_difference_is_timing_and_break(closing: int, position: int, drawn: list[tuple[int, date, date]]) -> None:
    entries = [booked(str(number), minor, on, value) for number, (minor, on, value) in enumerate(drawn)]
    result = reconcile_nostro(closing, position, DAY, entries)
    assert result.difference_minor == closing - position == result.timing_minor + result.break_minor
    assert (result.status == "matched") == (closing == position)
    assert (result.status == "break") == (result.break_minor != 0)
    if result.suspects:
        assert sum(one.amount_minor for one in result.suspects) == result.break_minor
