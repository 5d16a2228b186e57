"""Transport of least cost in whole units, by successive shortest paths: exact, no solver, the same everywhere.

Every step moves as much as fits along the cheapest way that is left, which may take back what an earlier step moved.
What the units and routes mean is the caller's: `engines.dispatch`.
"""

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

Route = tuple[str, str, int]  # giver, receiver, price per unit >= 0


def cheapest_flow(units: Mapping[str, int], routes: Sequence[Route]) -> dict[tuple[str, str], int]:
    """Amount moved over each route: as much as can be, and of all ways to move that much a cheapest one.

    Ties: each step takes the cheapest way, of equally cheap ones the shortest, then that of the lower names.

    Args:
        units: by name; above 0 to give, below 0 to receive.
        routes: each pair of names once.
    Returns:
        By (giver, receiver), without those that move nothing.
    Source: successive shortest paths, Ahuja, Magnanti and Orlin, Network Flows (1993), 9.7.
    """
    place = {name: at + 1 for at, name in enumerate(sorted(units))}
    ordered = sorted(routes)
    start, end = 0, len(units) + 1
    network = _Network(len(units) + 2)
    for source, destination, price in ordered:
        network.add(place[source], place[destination], min(units[source], -units[destination]), price)
    for name, amount in sorted(units.items()):
        if amount > 0:
            network.add(start, place[name], amount, 0)
        elif amount < 0:
            network.add(place[name], end, -amount, 0)
    potential = [0] * (len(units) + 2)
    while way := network.cheapest_way(start, end, potential):
        step = min(network.room[arc] for arc in way)
        for arc in way:
            network.room[arc] -= step
            network.room[arc ^ 1] += step
    moved = {(source, destination): network.room[2 * at + 1] for at, (source, destination, _) in enumerate(ordered)}
    return {pair: amount for pair, amount in moved.items() if amount}


class _Network:
    """Residual network: the arcs 2k and 2k + 1 are a way and its way back."""

    def __init__(self, size: int) -> None:
        self.outgoing: list[list[int]] = [[] for _ in range(size)]
        self.head: list[int] = []
        self.room: list[int] = []
        self.price: list[int] = []

    def add(self, tail: int, head: int, room: int, price: int) -> None:
        for start, end, capacity, cost in ((tail, head, room, price), (head, tail, 0, -price)):
            self.outgoing[start].append(len(self.head))
            self.head.append(end)
            self.room.append(capacity)
            self.price.append(cost)

    def cheapest_way(self, start: int, end: int, potential: list[int]) -> list[int]:
        """Arcs of the cheapest way with room, empty if there is none; `potential` is moved on to the next search.

        Prices plus potentials are never negative, so Dijkstra's order holds although ways back are priced below 0.
        """
        size = len(self.outgoing)
        best: list[tuple[int, int] | None] = [None] * size  # price, arcs
        arrived_by = [-1] * size
        done = [False] * size
        waiting = [(0, 0, start)]
        best[start] = (0, 0)
        while waiting:
            price, arcs, node = heappop(waiting)
            if done[node]:
                continue
            done[node] = True
            for arc in self.outgoing[node]:
                other = self.head[arc]
                if done[other] or not self.room[arc]:
                    continue
                found = (price + self.price[arc] + potential[node] - potential[other], arcs + 1)
                known = best[other]
                # Nodes leave the queue in order of price, arcs and id, so the first of equals has the lowest ids.
                if known is None or found < known:
                    best[other], arrived_by[other] = found, arc
                    heappush(waiting, (*found, other))
        if not done[end]:
            return []
        for node, known in enumerate(best):
            if known is not None:
                potential[node] += known[0]
        way, node = [], end
        while node != start:
            way.append(arrived_by[node])
            node = self.head[arrived_by[node] ^ 1]
        return way
