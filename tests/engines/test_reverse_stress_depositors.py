"""Smallest breaking sets against brute force with the LCR engine itself on small books; ranks against sorting."""

import random
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engines import ranked_sums
from engines.lcr import Levels, hqla_stock, net_cash_outflows
from engines.primitives.errors import InvalidInput, NotFound
from engines.ranked_sums import RankedSums
from engines.reverse_stress_depositors import BreakingDepositors
from engines.reverse_stress_limits import (
    DepositorLimit,
    Face,
    cash_limit,
    lcr_limit,
    maximum_ratio_limit,
    minimum_ratio_limit,
)

F = Fraction
RUN_OFF = {"stable": F(3, 100), "corporate": F(40, 100), "bank": F(1)}
Balances = dict[str, dict[str, int]]
Left = Callable[[int, Fraction], bool]  # broken once this much left, of which so much was weighed outflow

small = st.integers(0, 60)
balances = st.dictionaries(
    st.sampled_from("abcdefg"), st.dictionaries(st.sampled_from(sorted(RUN_OFF)), small, max_size=2), max_size=6
)


def weighed(held: Balances) -> Fraction:
    return sum((RUN_OFF[name] * amount for one in held.values() for name, amount in one.items()), F(0))


def brute_force(held: Balances, is_broken: Left) -> int | None:
    """The size of the smallest set, by trying all of them."""
    for count in range(len(held) + 1):
        for leaving in combinations(held, count):
            gone = {name: held[name] for name in leaving}
            if is_broken(sum(sum(one.values()) for one in gone.values()), weighed(gone)):
                return count
    return None


def check(limit: DepositorLimit, held: Balances, is_broken: Left) -> None:
    found = BreakingDepositors([limit], held).smallest(limit.name)
    assert found.count == brute_force(held, is_broken)
    gone = {name: held[name] for name in found.depositors}
    assert found.amount_minor == sum(sum(one.values()) for one in gone.values())
    if found.count is not None:
        assert len(gone) == found.count
        assert is_broken(found.amount_minor, weighed(gone))


@settings(max_examples=300)
@given(balances, st.tuples(*[st.integers(0, 150)] * 3), st.integers(-10, 10), st.integers(1, 90), st.integers(0, 150))
def test_lcr_with_its_caps(
    held: Balances, levels: tuple[int, int, int], unwound: int, other: int, inflow: int
) -> None:
    stock = Levels(*map(F, levels))
    adjusted = stock.plus("1", F(unwound))
    outflows, inflows = weighed(held) + other, F(inflow)

    def is_broken(gone: int, gone_weighed: Fraction) -> bool:
        left = hqla_stock(stock.plus("1", F(-gone)), adjusted.plus("1", F(-gone))).amount
        return left < net_cash_outflows(outflows - gone_weighed, inflows).amount

    check(lcr_limit("lcr", stock, outflows, inflows, RUN_OFF, adjusted=adjusted), held, is_broken)


@given(balances, st.integers(0, 300), st.integers(0, 100))
def test_cash(held: Balances, cash: int, minimum: int) -> None:
    released = {"stable": F(8, 100), "corporate": F(8, 100), "bank": F(0)}
    weights = {name: 1 - share for name, share in released.items()}
    limit = cash_limit("cash", F(cash), F(minimum), released)
    found = BreakingDepositors([limit], held).smallest("cash")
    losses = sorted((sum(weights[k] * v for k, v in one.items()) for one in held.values()), reverse=True)
    sums = [sum(losses[:count], F(0)) for count in range(len(losses) + 1)]
    assert found.count == next((count for count, lost in enumerate(sums) if cash - lost < minimum), None)


@given(balances, st.integers(0, 300), st.integers(0, 300), st.sampled_from([F(1, 4), F(3, 4), F(1)]))
def test_ratios(held: Balances, liquid: int, other: int, edge: Fraction) -> None:
    every = dict.fromkeys(RUN_OFF, F(1))
    total = sum(sum(one.values()) for one in held.values()) + other
    least = minimum_ratio_limit("l", F(liquid), F(total), edge, from_numerator=every, from_denominator=RUN_OFF)
    check(least, held, lambda gone, run: liquid - gone < edge * (total - run))
    most = maximum_ratio_limit("m", F(liquid), F(total), edge, from_numerator={}, from_denominator=every)
    check(most, held, lambda gone, _: liquid > edge * (total - gone))


class Changing(RuleBasedStateMachine):
    """Deposits and withdrawals one after the other: the answer is that of a fresh start with the book as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.held: Balances = {"a": {"stable": 30}, "b": {"corporate": 40}, "c": {"bank": 5}}
        self.cash = 60
        self.other = 20
        self.live = BreakingDepositors(self.limits(), self.held)

    def limits(self) -> list[DepositorLimit]:
        stock = Levels(F(self.cash), F(50), F(10))
        outflows = weighed(self.held) + self.other
        return [
            lcr_limit("lcr", stock, outflows, F(25), RUN_OFF),
            cash_limit("cash", F(self.cash), F(10), dict.fromkeys(RUN_OFF, F(0))),
        ]

    @rule(name=st.sampled_from("abcdef"), kind=st.sampled_from(sorted(RUN_OFF)), amount=st.integers(-40, 60))
    def change(self, name: str, kind: str, amount: int) -> None:
        balance = self.held.get(name, {}).get(kind, 0) + amount
        if balance < 0:
            with pytest.raises(InvalidInput):
                self.live.change(name, kind, amount)
            return
        self.live.change(name, kind, amount)
        self.held.setdefault(name, {})[kind] = balance
        self.cash += amount

    @rule(amount=st.integers(1, 30))
    def pay_a_bill(self, amount: int) -> None:
        self.cash -= amount
        for limit in self.limits():
            self.live.set_surpluses(limit.name, [face.surplus for face in limit.faces])

    @invariant()
    def is_that_of_a_fresh_start(self) -> None:
        fresh = BreakingDepositors(self.limits(), self.held)
        for name in ("lcr", "cash"):
            assert self.live.surpluses(name) == fresh.surpluses(name)
            assert self.live.smallest(name) == fresh.smallest(name)


TestChanging = Changing.TestCase
TestChanging.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_faces_that_differ_by_a_factor_share_a_ranking() -> None:
    faces = (Face(F(10), {"x": F(1), "y": F(2)}), Face(F(30), {"x": F(1, 2), "y": F(1)}), Face(F(1), {}))
    live = BreakingDepositors([DepositorLimit("l", faces)], {"a": {"x": 5}, "b": {"y": 3}, "c": {"x": 1}})
    assert live.smallest("l").depositors == ("b", "a")
    assert len(live._ranks) == 1


def test_refusals() -> None:
    limit = cash_limit("l", F(1), F(0), {"x": F(0)})
    with pytest.raises(InvalidInput):
        BreakingDepositors([limit, limit])
    with pytest.raises(InvalidInput):
        BreakingDepositors([limit], {"a": {"x": -1}})
    live = BreakingDepositors([limit])
    with pytest.raises(NotFound):
        live.smallest("other")
    with pytest.raises(InvalidInput):
        live.set_surpluses("l", [])


# -- ranks


def model(weights: Mapping[str, int]) -> list[tuple[int, str]]:
    return sorted((-weight, name) for name, weight in weights.items() if weight > 0)


@given(
    st.dictionaries(st.text(max_size=3), st.integers(-5, 10**20), max_size=8),
    st.lists(st.tuples(st.text(max_size=3), st.integers(-5, 10**20)), max_size=20),
    st.integers(-5, 10**21),
)
def test_ranks_are_those_of_sorting(start: dict[str, int], changes: list[tuple[str, int]], threshold: int) -> None:
    ranks, weights = RankedSums(start), dict(start)
    for name, weight in [("", 0), *changes]:
        ranks.set(name, weight)
        weights[name] = weight
        ranked = model(weights)
        assert ranks.first(len(ranked) + 1) == [one for _, one in ranked]
        assert len(ranks) == len(ranked)
        sums = [-sum(weight for weight, _ in ranked[:count]) for count in range(len(ranked) + 1)]
        assert ranks.fewest_above(threshold) == next((n for n, one in enumerate(sums) if one > threshold), None)
        assert ranks.weight(name) == max(0, weight)


def test_full_buckets_are_halved_and_emptied_ones_stay_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranked_sums, "BUCKET_MAX", 4)
    monkeypatch.setattr(ranked_sums, "BUCKET_NEW", 2)
    generator = random.Random(20261122)
    weights = {f"start {at}": generator.randint(1, 50) for at in range(20)}
    ranks = RankedSums(weights)
    for turn in range(2_000):
        # Waves of arrivals and departures, so that buckets fill, split, and run empty.
        name = f"depositor {generator.randrange(60)}"
        weights[name] = generator.randint(1, 10**9) if turn // 200 % 2 == 0 else 0
        ranks.set(name, weights[name])
        ranked = model(weights)
        assert ranks.first(len(ranked)) == [one for _, one in ranked]
        threshold = generator.randint(0, 2 * 10**10)
        sums = [-sum(weight for weight, _ in ranked[:count]) for count in range(len(ranked) + 1)]
        assert ranks.fewest_above(threshold) == next((n for n, one in enumerate(sums) if one > threshold), None)
