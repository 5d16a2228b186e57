"""Explaining a change: nothing is left over, no order matters, and each amount has a reason that can be checked."""

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.explain_causes import line_parts
from engines.explain_change import (
    SIDES,
    CoverageCut,
    Explanation,
    Figure,
    Part,
    Side,
    explain_amounts,
    explain_coverage,
    explain_funding,
)
from engines.explain_entries import reversed_movements
from engines.explain_lines import Cell, Cut, Entry, LineKey, Movement, Place
from engines.factor_lines import Line
from engines.lcr import Leg, Levels, LiquidityCoverage, SecuredDeal, liquidity_coverage
from engines.nsfr import stable_funding
from engines.primitives.errors import InvalidInput
from tests.explained_pairs import LCR_KINDS, Pair, random_pair
from tests.factor_policies import newest

PAIRS = 2_000
LCR_TABLE, NSFR_TABLE = newest("lcr"), newest("nsfr")
SWITCHING = ("ROLL", "TAG", "PRICE", "FX", "FACTOR", "ENTRY")
BOTH: tuple[Side, Side] = ("numerator", "denominator")
DEMAND = Cell("stable", "", 1_000)
STABLE = Place("outflow", "LCR.OF.RET.02", Fraction(1, 20))

randoms = st.integers(0, 2**32).map(Random)
lcr_pairs = randoms.map(random_pair)


def _explained(pair: Pair) -> Explanation:
    return explain_coverage(pair.before, pair.after, pair.movements)


def _book(cut: Cut, kinds: tuple[str, ...]) -> list[Line]:
    """Lines of the calculation on demand: amounts before factors, the cell's own factor."""
    found = []
    for cell in cut.cells.values():
        place = cut.places[cell.tag, cell.window]
        if place is not None and place.kind in kinds:
            found.append(Line(place.line, Fraction(cell.quantity) * cell.price * cell.fx, place.factor))
    return found


def _batch_coverage(given: CoverageCut) -> LiquidityCoverage:
    # Levels to undo are deals without a second HQLA leg: swaps whose other side moves nothing.
    none = Leg("none", 0)
    legs = [("1", given.unwinding.level1), ("2A", given.unwinding.level2a), ("2B", given.unwinding.level2b)]
    return liquidity_coverage(
        _book(given.cut, ("level1", "level2a", "level2b")),
        _book(given.cut, ("outflow",)),
        _book(given.cut, ("inflow",)),
        LCR_TABLE,
        deals=[
            SecuredDeal(Leg(level, -value), none, 1, True)
            if value < 0
            else SecuredDeal(none, Leg(level, value), 1, True)
            for level, value in legs
        ],
        inflow_cap=given.caps.inflow_cap,
        level2_share_cap=given.caps.level2_share_cap,
        level2b_share_cap=given.caps.level2b_share_cap,
    )


def test_nothing_is_left_over_in_thousands_of_pairs_caps_and_all() -> None:
    random, seen = Random(7), defaultdict(int)
    for _ in range(PAIRS):
        pair = random_pair(random)
        found = _explained(pair)
        before, after = _batch_coverage(pair.before), _batch_coverage(pair.after)
        moves = {
            "numerator": after.stock.amount - before.stock.amount,
            "denominator": after.net.amount - before.net.amount,
        }
        for side, move in moves.items():
            assert sum(part.amount for part in found.parts if part.side == side) == move
        if before.ratio.value is None or after.ratio.value is None:
            seen["no ratio"] += 1
            assert found.ratio_change is None
            assert all(part.ratio_share is None for part in found.parts)
        else:
            seen["ratio"] += 1
            assert sum(part.ratio_share for part in found.parts) == after.ratio.value - before.ratio.value
        seen["inflow cap flips"] += before.net.cap_binds != after.net.cap_binds
        seen["stock cap flips"] += (before.stock.cap40_adjustment > 0) != (after.stock.cap40_adjustment > 0)
        seen["floored"] += max(before.stock.floor_amount, after.stock.floor_amount) > 0
    # The cases that make it hard did occur.
    assert min(seen.values()) > PAIRS // 40, dict(seen)
    assert seen["ratio"] > PAIRS * 3 // 4


@given(randoms)
def test_nsfr_positions_and_gaps_leave_nothing_over(random: Random) -> None:
    pair = random_pair(random, ("asf", "rsf"))
    try:
        ends = [
            stable_funding(_book(cut, ("asf",)), _book(cut, ("rsf",)), NSFR_TABLE)
            for cut in (pair.before.cut, pair.after.cut)
        ]
    except InvalidInput:  # a negative balance, which the ratio refuses
        ends = []
    found = explain_funding(pair.before.cut, pair.after.cut, pair.movements)
    assert [found.residual(side) for side in BOTH] == [0, 0]
    if ends:
        assert found.change("numerator") == ends[1].asf - ends[0].asf
        assert found.change("denominator") == ends[1].rsf - ends[0].rsf
        assert found.before.ratio == ends[0].ratio.value
    if found.ratio_change is not None:
        assert sum((part.ratio_share for part in found.parts), Fraction(0)) == found.ratio_change
    for kind in ("position", "gap"):
        pair = random_pair(random, (kind,))
        found = explain_amounts(kind, pair.before.cut, pair.after.cut, pair.movements)
        assert found.residual("numerator") == 0
        assert (found.ratio_change, found.after.denominator) == (None, None)


@given(lcr_pairs)
def test_reversing_the_cuts_negates_each_line(pair: Pair) -> None:
    forward = _explained(pair)
    backward = explain_coverage(pair.after, pair.before, reversed_movements(pair.movements))

    def negated(part: Part) -> Part:
        return replace(part, amount=-part.amount, ratio_share=None if part.ratio_share is None else -part.ratio_share)

    assert backward.parts == tuple(negated(part) for part in forward.parts)


@given(lcr_pairs, randoms)
def test_order_and_batching_of_the_input_do_not_matter(pair: Pair, random: Random) -> None:
    shuffled = list(pair.movements)
    random.shuffle(shuffled)
    cut_up = [replace(one, quantity=Fraction(one.quantity) / 2) for one in shuffled for _ in range(2)]
    sides = [
        replace(
            given,
            cut=Cut(dict(random.sample(sorted(given.cut.cells.items()), len(given.cut.cells))), given.cut.places),
        )
        for given in (pair.before, pair.after)
    ]
    for moves in (shuffled, cut_up):
        assert explain_coverage(*sides, moves) == _explained(pair)


@given(lcr_pairs)
def test_no_line_is_zero_and_causes_that_are_absent_have_none(pair: Pair) -> None:
    assert all(part.amount for part in _explained(pair).parts)
    same = explain_coverage(pair.before, pair.before, [])
    assert same.parts == ()
    frozen = replace(
        pair.after,
        caps=pair.before.caps,
        cut=Cut(
            {name: replace(cell, price=Fraction(1)) for name, cell in pair.after.cut.cells.items()},
            pair.before.cut.places,
        ),
    )
    start = replace(
        pair.before,
        cut=Cut(
            {name: replace(cell, price=Fraction(1)) for name, cell in pair.before.cut.cells.items()},
            pair.before.cut.places,
        ),
    )
    causes = {part.cause for part in explain_coverage(start, frozen, pair.movements).parts}
    assert "PRICE" not in causes
    if not any(one.cause == "FACTOR" for one in pair.movements):
        assert "FACTOR" not in causes


def _slow_amounts(pair: Pair, name: str, on: frozenset[str]) -> dict[LineKey, Fraction]:
    """One cell's amount by line when the causes `on` stand as in the later cut, read off decision Q9."""
    before, after = pair.before.cut, pair.after.cut
    first = before.cells.get(name) or replace(after.cells[name], quantity=0)
    last = after.cells.get(name) or replace(before.cells[name], quantity=0)
    places = (after if "FACTOR" in on else before).places
    place = places[(last if "TAG" in on else first).tag, (last if "ROLL" in on else first).window]
    if place is None:
        return {}
    moved = sum(one.quantity for one in pair.movements if one.cell == name and one.cause in on)
    price, fx = (last if "PRICE" in on else first).price, (last if "FX" in on else first).fx
    return {(place.kind, place.line): (first.quantity + moved) * price * fx * place.factor}


@settings(max_examples=12)
@given(lcr_pairs)
def test_a_line_is_the_mean_over_all_orders_of_switching(pair: Pair) -> None:
    wanted: dict[tuple[str, LineKey], Fraction] = defaultdict(Fraction)
    orders = list(permutations(SWITCHING))
    for name in pair.before.cut.cells.keys() | pair.after.cut.cells.keys():
        seen: dict[frozenset[str], dict[LineKey, Fraction]] = {}
        for order in orders:
            for at, cause in enumerate(order):
                for on, sign in ((frozenset(order[:at]), -1), (frozenset(order[: at + 1]), 1)):
                    if on not in seen:
                        seen[on] = _slow_amounts(pair, name, on)
                    for key, amount in seen[on].items():
                        wanted[cause, key] += sign * amount
    found: dict[tuple[str, LineKey], Fraction] = defaultdict(Fraction)
    for part in line_parts(pair.before.cut, pair.after.cut, pair.movements):
        found[part.cause, (part.kind, part.line)] += part.amount
    assert {key: amount for key, amount in found.items() if amount} == {
        key: amount / len(orders) for key, amount in wanted.items() if amount
    }


def _entries(*amounts: int, cell: str = "deposits") -> list[Movement]:
    return [Movement(cell, amount, "ENTRY", Entry(f"e{at}", 0, at)) for at, amount in enumerate(amounts)]


def _simple(quantity: int, fx: str = "1") -> Cut:
    return Cut({"deposits": replace(DEMAND, quantity=quantity, fx=Fraction(fx))}, {("stable", ""): STABLE})


def test_entries_share_by_signed_amount_also_when_they_cancel_out() -> None:
    found = line_parts(_simple(1_000), _simple(1_000, "2"), _entries(600, -600))
    assert [(part.cause, part.entry and part.entry.entry_id, part.amount) for part in found] == [
        ("FX", None, 50),
        ("ENTRY", "e0", 45),  # 600 x 1/20 at the mean rate 1.5
        ("ENTRY", "e1", -45),
    ]


def test_flags_and_repeats_of_an_entry_are_kept_together() -> None:
    late = Entry("e0", 0, 5, frozenset({"late"}))
    found = line_parts(
        _simple(1_000), _simple(1_300), [Movement("deposits", 100, entry=late), Movement("deposits", 200, entry=late)]
    )
    assert [(part.entry, part.amount) for part in found] == [(late, 15)]


def test_without_movements_all_that_is_not_explained_is_one_entry_without_a_name() -> None:
    found = line_parts(_simple(1_000), _simple(1_400))
    assert [(part.cause, part.entry, part.amount) for part in found] == [("ENTRY", None, 20)]


def test_a_flow_that_enters_the_horizon_is_a_roll_and_a_pledge_is_a_tag() -> None:
    places = {
        ("loan", ">30d"): None,
        ("loan", "<=30d"): Place("inflow", "LCR.IF.CPT.03"),
        ("bond, free", ""): Place("level1", "LCR.HQ1.03"),
        ("bond, pledged", ""): None,
        ("funding", ""): Place("outflow", "LCR.OF.OLE.01"),
    }
    funding = Cell("funding", "", 1_000)
    before = Cut({"f": funding, "loan": Cell("loan", ">30d", 300), "bond": Cell("bond, free", "", 500)}, places)
    after = Cut({"f": funding, "loan": Cell("loan", "<=30d", 300), "bond": Cell("bond, pledged", "", 500)}, places)
    found = explain_coverage(CoverageCut(before), CoverageCut(after), [])
    assert [(part.cause, part.line, part.side, part.amount) for part in found.parts] == [
        ("TAG", "LCR.HQ1.03", "numerator", -500),
        ("ROLL", "LCR.IF.CPT.03", "denominator", -300),
    ]
    assert (found.before.ratio, found.after.ratio) == (Fraction(1, 2), 0)
    # dH (N0 + N1) / (2 N0 N1) and dN (H0 + H1) / (2 N0 N1), signs turned
    assert [part.ratio_share for part in found.parts] == [Fraction(-17, 28), Fraction(3, 28)]


def test_a_tag_that_only_one_cut_places_is_no_change_of_the_table() -> None:
    before = Cut({"bond": Cell("free", "", 500)}, {("free", ""): Place("level1", "LCR.HQ1.03")})
    after = Cut({"bond": Cell("rated", "", 500)}, {("rated", ""): Place("level2a", "LCR.HQ2A.01", Fraction(17, 20))})
    assert [(part.cause, part.amount) for part in line_parts(before, after, [])] == [("TAG", -500), ("TAG", 425)]


def test_a_cap_that_starts_to_bind_is_a_line_of_its_own() -> None:
    places = {("in", ""): Place("inflow", "LCR.IF.CPT.03"), ("out", ""): Place("outflow", "LCR.OF.OLE.01")}
    before = CoverageCut(Cut({"in": Cell("in", "", 700), "out": Cell("out", "", 1_000)}, places))
    after = CoverageCut(Cut({"in": Cell("in", "", 900), "out": Cell("out", "", 1_000)}, places))
    found = explain_coverage(before, after, _entries(200, cell="in"))
    assert [(part.cause, part.line, part.amount) for part in found.parts] == [
        ("ENTRY", "LCR.IF.CPT.03", -200),
        ("CAP", "inflow_cap", 150),
    ]
    assert (found.before.denominator, found.after.denominator) == (300, 250)


def test_a_floored_stock_shows_the_floor() -> None:
    places = {("out", ""): Place("outflow", "LCR.OF.OLE.01"), ("a", ""): Place("level2a", "LCR.HQ2A.01")}
    book = Cut({"out": Cell("out", "", 100), "a": Cell("a", "", 30)}, places)
    found = explain_coverage(CoverageCut(book), CoverageCut(book, unwinding=Levels(Fraction(-60))), [])
    # The 40% cap took the 30 already. At -60 of adjusted Level 1 the caps take 15/60 x 60 and 30 - 15 + 2/3 x 60.
    assert [(part.line, part.amount) for part in found.parts] == [("cap15", -15), ("cap40", -25), ("stock_floor", 40)]
    assert found.residual("numerator") == 0


def test_no_net_outflows_at_one_cut_leaves_the_two_sides() -> None:
    found = explain_coverage(CoverageCut(_simple(0)), CoverageCut(_simple(100)), _entries(100))
    assert (found.ratio_change, found.ratio_residual) == (None, None)
    assert [(part.side, part.amount, part.ratio_share) for part in found.parts] == [("denominator", 5, None)]


@pytest.mark.parametrize(
    ("after", "movements", "field", "record"),
    [
        (_simple(1_400), _entries(300), "entries", "deposits"),
        (_simple(1_000), _entries(5, cell="other"), "entries", "other"),
        (_simple(1_000, "-1"), [], "fx", "deposits"),
        (Cut({"deposits": replace(DEMAND, tag="new")}, {("stable", ""): STABLE}), [], "places", "deposits"),
        (Cut({"deposits": DEMAND}, {("stable", ""): replace(STABLE, factor=Fraction(2))}), [], "factor", "deposits"),
        (Cut({"deposits": replace(DEMAND, price=0.5)}, {("stable", ""): STABLE}), [], "price", "deposits"),
        (Cut({}, {("stable", ""): replace(STABLE, kind="asf")}), [], "places", "LCR.OF.RET.02"),
    ],
)
def test_refusals_name_the_cell(after: Cut, movements: list[Movement], field: str, record: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        explain_coverage(CoverageCut(_simple(1_000)), CoverageCut(after), movements)
    assert (caught.value.facts["field"], caught.value.facts["record"]) == (field, record)


def test_every_kind_belongs_to_one_figure() -> None:
    figures: dict[str, list[Figure]] = defaultdict(list)
    for figure, kinds in SIDES.items():
        for kind in kinds:
            figures[kind].append(figure)
    assert all(len(owners) == 1 for owners in figures.values())
    assert set(LCR_KINDS) == set(SIDES["lcr"])
