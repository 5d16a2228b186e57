"""Plans against brute force, and what any plan must keep: totals, ties by id, cut-offs, currencies (LIQ-06)."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.dispatch import Node, Plan, Route, dispatch
from engines.primitives.errors import InvalidInput

ZERO = Fraction(0)


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[Node], list[Route]]:
    """At most two givers, three receivers and six units: few enough to try every plan."""
    givers = {f"G{at}": draw(st.integers(0, 3)) for at in range(draw(st.integers(1, 2)))}
    receivers = {f"R{at}": -draw(st.integers(0, 3)) for at in range(draw(st.integers(1, 3)))}
    nodes = [Node(name, Fraction(units), ZERO) for name, units in (givers | receivers).items()]
    prices = st.one_of(st.none(), st.integers(0, 3))
    routes = []
    for source, destination in product(givers, receivers):
        price = draw(prices)
        if price is not None:
            routes.append(Route(source, destination, Fraction(price, 2)))
    return nodes, routes


def best_by_brute_force(nodes: Sequence[Node], routes: Sequence[Route]) -> tuple[int, Fraction]:
    """Most units moved, and the least cost of moving them."""
    surplus = {node.node_id: int(node.surplus) for node in nodes}
    best = (0, ZERO)
    choices = [range(max(0, min(surplus[one.source], -surplus[one.destination])) + 1) for one in routes]
    for amounts in product(*choices):
        left = dict(surplus)
        for one, amount in zip(routes, amounts, strict=True):
            left[one.source] -= amount
            left[one.destination] += amount
        if all(left[name] * units >= 0 for name, units in surplus.items()):
            cost = sum((one.cost_bp * amount for one, amount in zip(routes, amounts, strict=True)), ZERO)
            best = max(best, (sum(amounts), -cost))
    return best[0], -best[1]


@given(problems())
def test_a_plan_moves_the_most_at_the_least_cost(problem: tuple[list[Node], list[Route]]) -> None:
    (plan,) = dispatch(*problem)
    assert (sum(one.amount for one in plan.transfers), plan.cost_amount_bp) == best_by_brute_force(*problem)


amounts = st.integers(-(10**8), 10**8).map(lambda cents: Fraction(cents, 100))


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[Node], list[Route]]:
    nodes = [Node(f"N{at}", draw(amounts), draw(amounts)) for at in range(draw(st.integers(1, 8)))]
    price = st.integers(0, 30).map(Fraction)
    routes = [Route(one.node_id, other.node_id, draw(price)) for one in nodes for other in nodes]
    return nodes, routes


@given(networks())
def test_with_every_route_the_smaller_total_is_moved_and_all_adds_up(problem: tuple[list[Node], list[Route]]) -> None:
    nodes, routes = problem
    (plan,) = dispatch(nodes, routes)
    surplus = sum((max(node.surplus, ZERO) for node in nodes), ZERO)
    deficit = sum((max(-node.surplus, ZERO) for node in nodes), ZERO)
    moved = sum((one.amount for one in plan.transfers), ZERO)
    assert moved == min(surplus, deficit)
    assert sum(plan.uncovered.values(), ZERO) == deficit - moved
    assert sum(plan.unused.values(), ZERO) == surplus - moved
    after = {node.node_id: node.surplus for node in nodes}
    for one in plan.transfers:
        assert one.amount > 0
        after[one.source] -= one.amount
        after[one.destination] += one.amount
    assert {name: amount for name, amount in after.items() if amount > 0} == plan.unused


@given(networks(), st.data())
def test_no_plan_can_be_made_cheaper_or_larger(problem: tuple[list[Node], list[Route]], data: st.DataObject) -> None:
    """The residual network has no way from start to end and no cycle that costs less than nothing."""
    nodes, every = problem
    routes = [route for route in every if data.draw(st.booleans())]
    (plan,) = dispatch(nodes, routes)
    surplus = {node.node_id: node.surplus for node in nodes}
    moved = {(one.source, one.destination): one.amount for one in plan.transfers}
    length: dict[tuple[str, str], Fraction] = {}
    for route in routes:
        if surplus[route.source] > 0 > surplus[route.destination]:
            length[route.source, route.destination] = route.cost_bp
            if moved.get((route.source, route.destination)):
                length[route.destination, route.source] = -route.cost_bp
    for name, amount in surplus.items():
        sent = sum((part for ends, part in moved.items() if name in ends), ZERO)
        for one, other, is_open in (("start", name, amount > 0), (name, "end", amount < 0)):
            if is_open and sent < abs(amount):
                length[one, other] = ZERO
            if is_open and sent:
                length[other, one] = ZERO
    names = [*surplus, "start", "end"]
    for middle, one, other in product(names, repeat=3):  # Floyd and Warshall
        first, second = length.get((one, middle)), length.get((middle, other))
        if first is not None and second is not None:
            length[one, other] = min(length.get((one, other), first + second), first + second)
    assert ("start", "end") not in length
    assert all(length.get((name, name), ZERO) >= 0 for name in names)


@given(networks(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(problem: tuple[list[Node], list[Route]], random: Random) -> None:
    nodes, routes = problem
    other_nodes = sorted(nodes, key=lambda _: random.random())
    other_routes = sorted(routes, key=lambda _: random.random())
    assert dispatch(other_nodes, other_routes) == dispatch(nodes, routes)


def plan_of(units: dict[str, int], routes: Sequence[tuple[str, str, int]]) -> Plan:
    nodes = [Node(name, Fraction(amount), ZERO) for name, amount in units.items()]
    (plan,) = dispatch(nodes, [Route(source, end, Fraction(price)) for source, end, price in routes])
    return plan


def pairs(plan: Plan) -> list[tuple[str, str, int]]:
    """Of plans in whole units."""
    return [(one.source, one.destination, int(one.amount)) for one in plan.transfers]


def test_equal_prices_go_by_id() -> None:
    every = [(source, end, 1) for source in "BA" for end in "DC"]
    assert pairs(plan_of({"B": 5, "A": 5, "D": -4, "C": -4}, every)) == [("A", "C", 4), ("A", "D", 1), ("B", "D", 3)]


def test_an_earlier_step_is_taken_back_where_that_is_cheaper() -> None:
    """A to C comes first; taking it back makes B to C and A to D, for 2 - 1 + 2 in place of 4."""
    routes = [("A", "C", 1), ("A", "D", 2), ("B", "C", 2), ("B", "D", 4)]
    plan = plan_of({"A": 1, "B": 1, "C": -1, "D": -1}, routes)
    assert pairs(plan) == [("A", "D", 1), ("B", "C", 1)]
    assert plan.cost_amount_bp == 4


def test_the_cheapest_way_back_is_not_the_nearest() -> None:
    """B reaches A's unit in R1 first, for 6, and the one in R2 later, for 21: but that one gives 20 back, not 2."""
    routes = [("A", "R1", 2), ("A", "R2", 20), ("A", "R3", 20), ("B", "R1", 6), ("B", "R2", 21)]
    plan = plan_of({"A": 2, "B": 1, "R1": -1, "R2": -1, "R3": -1}, routes)
    assert pairs(plan) == [("A", "R1", 1), ("A", "R3", 1), ("B", "R2", 1)]
    assert plan.cost_amount_bp == 43


def test_money_does_not_pass_through_a_third_node() -> None:
    plan = plan_of({"A": 5, "M": 0, "Z": -5}, [("A", "M", 1), ("M", "Z", 1)])
    assert pairs(plan) == []
    assert plan.uncovered == {"Z": 5}


def test_a_cut_off_is_the_last_moment_and_currencies_do_not_mix() -> None:
    nodes = [
        Node(name, Fraction(amount), ZERO, currency)
        for currency in ("USD", "CNY")
        for name, amount in (("A", 3), ("B", -3))
    ]
    routes = [Route("A", "B", Fraction(1), 100, "USD"), Route("A", "B", Fraction(1), None, "CNY")]
    for at, moved in ((None, 3), (100, 3), (101, 0)):
        yuan, dollars = dispatch(nodes, routes, at)
        assert (yuan.currency, dollars.currency) == ("CNY", "USD")
        assert sum(one.amount for one in dollars.transfers) == moved
        assert sum(one.amount for one in yuan.transfers) == 3


def test_nothing_to_do() -> None:
    assert dispatch([], []) == []
    assert plan_of({"A": 0}, []) == Plan("", (), {}, {})


@pytest.mark.parametrize(
    ("nodes", "routes", "field"),
    [
        (["A", "A"], [], "nodes[1].node"),
        (["A"], [("A", "B", 1)], "routes[0].destination"),
        (["B"], [("A", "B", 1)], "routes[0].source"),
        (["A", "B"], [("A", "B", 1), ("A", "B", 1)], "routes[1].destination"),
        (["A", "B"], [("A", "B", -1)], "routes[0].cost_bp"),
    ],
)
def test_what_is_wrong_is_named(nodes: list[str], routes: list[tuple[str, str, int]], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        dispatch(
            [Node(name, ZERO, ZERO) for name in nodes],
            [Route(source, end, Fraction(price)) for source, end, price in routes],
        )
    assert caught.value.facts == {"field": field, "record": field.partition(".")[0]}
