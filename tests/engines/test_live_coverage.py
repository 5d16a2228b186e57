"""LCR and NSFR from sums against the ratios of the whole book, to the last digit, in any batches."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.factor_lines import Line
from engines.lcr import Leg, SecuredDeal, liquidity_coverage
from engines.live_coverage import (
    COVERAGE_CATEGORIES,
    FUNDING_CATEGORIES,
    LiveCoverage,
    LiveFunding,
    UnwindingLine,
)
from engines.live_sums import LineSums
from engines.nsfr import stable_funding
from engines.primitives.errors import CorruptRecord, InvalidInput
from tests.factor_policies import newest

LCR_TABLE, NSFR_TABLE = newest("lcr"), newest("nsfr")
COVERAGE_LINES = [
    Line(item.code, 0, Fraction(3, 100) if item.factor is None else None, item.maturity_bucket)
    for item in LCR_TABLE.items.values()
    if item.category in COVERAGE_CATEGORIES
]
FUNDING_LINES = [
    Line(item.code, 0, Fraction(1, 7) if item.factor is None else None, item.maturity_bucket)
    for item in NSFR_TABLE.items.values()
    if item.category in FUNDING_CATEGORIES
]
UNWINDING = [UnwindingLine("1"), UnwindingLine("2A", Fraction(85, 100)), UnwindingLine("2B", Fraction(1, 2))]

amounts = st.integers(0, 10**16) | st.integers(0, 100)


def positions(lines: list[Line]) -> st.SearchStrategy[list[tuple[int, int]]]:
    return st.lists(st.tuples(st.integers(0, len(lines) - 1), amounts), max_size=30)


@st.composite
def pieces(draw: st.DrawFn, wanted: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Batches of signed amounts that add up to the positions: each booked too high first, then put right."""
    entries = []
    for line, amount in wanted:
        slip = draw(st.integers(-(10**16), 10**16))
        entries += [(line, amount + slip), (line, -slip)]
    entries = draw(st.permutations(entries))
    edges = [0, *sorted(draw(st.lists(st.integers(0, len(entries)), max_size=4))), len(entries)]
    return [entries[start:end] for start, end in pairwise(edges)]


def _feed(apply: Callable[[np.ndarray, np.ndarray], None], batches: list[list[tuple[int, int]]]) -> None:
    for batch in batches:
        apply(np.array([line for line, _ in batch], np.intp), np.array([one for _, one in batch], np.int64))


def _chosen(lines: list[Line], held: list[tuple[int, int]], starts: tuple[str, ...]) -> list[Line]:
    return [
        Line(lines[at].code, amount, lines[at].factor, lines[at].maturity_bucket)
        for at, amount in held
        if lines[at].code.startswith(starts)
    ]


deals = st.lists(st.tuples(st.integers(0, 2), amounts, amounts, st.booleans(), st.integers(0, 60)), max_size=4)


@given(st.data(), positions(COVERAGE_LINES), deals)
def test_live_lcr_is_the_lcr_of_the_book(
    data: st.DataObject, held: list[tuple[int, int]], secured: list[tuple[int, int, int, bool, int]]
) -> None:
    live = LiveCoverage(COVERAGE_LINES, LCR_TABLE, unwinding=UNWINDING, minimum=Fraction(1))
    _feed(live.apply, data.draw(pieces(held)))
    booked = []
    for level, cash, value, is_repo, days in secured:
        legs = Leg("1", cash), Leg(UNWINDING[level].level, value, UNWINDING[level].factor)
        received, given_away = legs if is_repo else legs[::-1]
        booked.append(SecuredDeal(received, given_away, days))
        if days <= 30:
            sign, first = (1 if is_repo else -1), len(COVERAGE_LINES)
            _feed(live.apply, [[(first, -sign * cash), (first + level, sign * value)]])
    wanted = liquidity_coverage(
        _chosen(COVERAGE_LINES, held, ("LCR.HQ",)),
        _chosen(COVERAGE_LINES, held, ("LCR.OF",)),
        _chosen(COVERAGE_LINES, held, ("LCR.IF",)),
        LCR_TABLE,
        deals=booked,
        minimum=Fraction(1),
    )
    found = live.values()
    assert (found.stock, found.net, found.ratio) == (wanted.stock, wanted.net, wanted.ratio)
    again = LiveCoverage(COVERAGE_LINES, LCR_TABLE, unwinding=UNWINDING, minimum=Fraction(1), minor=live.sums.minor)
    assert again.values() == found


@given(st.data(), positions(FUNDING_LINES))
def test_live_nsfr_is_the_nsfr_of_the_book(data: st.DataObject, held: list[tuple[int, int]]) -> None:
    live = LiveFunding(FUNDING_LINES, NSFR_TABLE)
    _feed(live.apply, data.draw(pieces(held)))
    wanted = stable_funding(
        _chosen(FUNDING_LINES, held, ("NSFR.ASF",)),
        _chosen(FUNDING_LINES, held, ("NSFR.RSF", "NSFR.OBS")),
        NSFR_TABLE,
    )
    assert live.values() == wanted.ratio


def test_the_worked_example_of_the_specification() -> None:
    book = {
        "LCR.HQ1.03": 300,
        "LCR.HQ2A.01": 300,
        "LCR.HQ2B.02": 120,
        "LCR.OF.RET.02": 4_000,
        "LCR.OF.RET.03": 2_000,
        "LCR.OF.NFC.01": 1_500,
        "LCR.IF.CPT.01": 400,
        "LCR.IF.CPT.03": 700,
    }  # spec LIQ-19: HQLA 500, net 250, 200%
    live = LiveCoverage([Line(code, 0) for code in book], LCR_TABLE)
    _feed(live.apply, [list(enumerate(book.values()))])
    found = live.values()
    assert (found.stock.amount, found.net.amount, found.ratio.value) == (500, 250, 2)


def test_nothing_yet_and_a_line_below_zero() -> None:
    live = LiveCoverage([Line("LCR.OF.RET.02", 0)], LCR_TABLE, unwinding=[UnwindingLine("1")])
    assert live.values().ratio.value is None
    _feed(live.apply, [[(1, -5)]])  # an unwinding may be negative
    assert live.values().stock.adjusted.level1 == -5
    _feed(live.apply, [[(0, -1)]])
    with pytest.raises(InvalidInput, match=r"LCR.OF.RET.02 is below 0") as caught:
        live.values()
    assert caught.value.facts["record"] == "lines[0]"


def test_a_refused_batch_changes_nothing() -> None:
    sums = LineSums([("a", Fraction(1)), ("b", Fraction(1, 3))], np.array([2**61, 6], np.int64))
    row = np.array([0, 1], np.intp)
    with pytest.raises(CorruptRecord):
        sums.apply(row, np.array([2**61, 1], np.int64))
    for line, signed in (
        (row, np.array([1], np.int64)),
        (np.array([0, 2], np.intp), np.array([1, 1], np.int64)),
        (np.array([0, -1], np.intp), np.array([1, 1], np.int64)),
        (row, np.array([1.0, 1.0])),
    ):
        with pytest.raises(InvalidInput):
            sums.apply(line, signed)
    assert sums.minor.tolist() == [2**61, 6]
    assert (sums.weighted(), sums.denominator) == ({"a": 3 * 2**61, "b": 6}, 3)
    with pytest.raises(InvalidInput):
        LineSums([("a", Fraction(1))], np.zeros(2, np.int64))


def test_factors_of_odd_denominators_stay_exact() -> None:
    factors = [("a", Fraction(1, prime)) for prime in (999_999_937, 999_999_929, 999_999_893)]
    sums = LineSums(factors, np.array([1, 1, 2**61], np.int64))
    wanted = factors[0][1] + factors[1][1] + 2**61 * factors[2][1]
    assert Fraction(sums.weighted()["a"], sums.denominator) == wanted
