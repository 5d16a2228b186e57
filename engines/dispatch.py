"""Cheapest transfers from nodes with surplus to nodes with deficit, as much as can be moved (LIQ-06).

It proposes; a person approves before anything is booked. What stays uncovered goes to the three gates of funding. One
currency at a time: no money is changed on the way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from engines.cheapest_flow import cheapest_flow
from engines.primitives.errors import InvalidInput

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Node:
    """A branch or an account; amounts of one currency. Available above target is surplus, below it deficit."""

    node_id: str
    available: Fraction
    target: Fraction
    currency: str = ""

    @property
    def surplus(self) -> Fraction:
        """Negative is a deficit."""
        return self.available - self.target


@dataclass(frozen=True, slots=True)
class Route:
    """A way that money can go, with its price per unit moved; where there is none, nothing can be moved."""

    source: str
    destination: str
    cost_bp: Fraction  # >= 0
    cut_off_second: int | None = None  # of the day, itself in time; None: open all day
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    source: str
    destination: str
    amount: Fraction
    cost_bp: Fraction


@dataclass(frozen=True, slots=True)
class Plan:
    currency: str
    transfers: tuple[Transfer, ...]  # by source, then destination
    uncovered: dict[str, Fraction]  # deficits that are left, by node
    unused: dict[str, Fraction]  # surpluses that are left, by node

    @property
    def cost_amount_bp(self) -> Fraction:
        """Amount times basis points; divided by 10,000 it is money."""
        return sum((one.amount * one.cost_bp for one in self.transfers), ZERO)


def dispatch(nodes: Sequence[Node], routes: Sequence[Route], at_second: int | None = None) -> list[Plan]:
    """For each currency of the nodes, by code: of all plans that move the most, a cheapest one.

    Money goes over one route, never through a third node: nodes that are neither short nor rich take no part. Equal
    prices are decided by ids, whatever the order of the input: each step takes the cheapest way, of equally cheap
    ones the shortest, then that of the lowest ids.

    Args:
        at_second: of the day; routes whose cut-off is before it are closed. None: cut-offs are not looked at.
    Returns:
        Where every deficit can be reached from every surplus, min(total surplus, total deficit) is moved.
    Raises:
        InvalidInput: a node or a route stands twice in its currency, a route names an unknown node, or costs less
            than nothing.
    Source: LIQ-06.
    """
    _check(nodes, routes)
    open_routes = [route for route in routes if _is_open(route, at_second)]
    return [
        _plan(
            currency,
            {node.node_id: node.surplus for node in nodes if node.currency == currency},
            {(one.source, one.destination): one.cost_bp for one in open_routes if one.currency == currency},
        )
        for currency in sorted({node.currency for node in nodes})
    ]


def _plan(currency: str, surplus: dict[str, Fraction], price_bp: dict[tuple[str, str], Fraction]) -> Plan:
    scale = lcm(*{amount.denominator for amount in surplus.values()})
    price_scale = lcm(*{price.denominator for price in price_bp.values()})
    units = {name: int(amount * scale) for name, amount in surplus.items()}
    usable = [
        (source, destination, int(price * price_scale))
        for (source, destination), price in price_bp.items()
        if units[source] > 0 > units[destination]
    ]
    left = dict(sorted(surplus.items()))
    transfers = []
    for (source, destination), moved in sorted(cheapest_flow(units, usable).items()):
        amount = Fraction(moved, scale)
        transfers.append(Transfer(source, destination, amount, price_bp[source, destination]))
        left[source] -= amount
        left[destination] += amount
    uncovered = {name: -amount for name, amount in left.items() if amount < 0}
    unused = {name: amount for name, amount in left.items() if amount > 0}
    return Plan(currency, tuple(transfers), uncovered, unused)


def _is_open(route: Route, at_second: int | None) -> bool:
    return at_second is None or route.cut_off_second is None or at_second <= route.cut_off_second


def _check(nodes: Sequence[Node], routes: Sequence[Route]) -> None:
    known: set[tuple[str, str]] = set()
    for at, node in enumerate(nodes):
        if (node.currency, node.node_id) in known:
            raise InvalidInput("the node stands twice", field=f"nodes[{at}].node", record=f"nodes[{at}]")
        known.add((node.currency, node.node_id))
    seen: set[tuple[str, str, str]] = set()
    for at, route in enumerate(routes):
        record = f"routes[{at}]"
        for name, end in (("source", route.source), ("destination", route.destination)):
            if (route.currency, end) not in known:
                raise InvalidInput(f"there is no node {end!r}", field=f"{record}.{name}", record=record)
        if route.cost_bp < 0:
            raise InvalidInput("a cost is negative", field=f"{record}.cost_bp", record=record)
        key = (route.currency, route.source, route.destination)
        if key in seen:
            raise InvalidInput("the route stands twice", field=f"{record}.destination", record=record)
        seen.add(key)
