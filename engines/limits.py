"""Limits on metrics: headroom, traffic light, and the rule that a child is never looser than its parent (LIQ-36).

Values are compared exact: a metric that only rounds to its limit has breached it. Not for the breach case, its owner
and waiver, which is a workflow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Literal

from engines.primitives.errors import InvalidInput

AMBER_HEADROOM = Fraction(5, 100)


class Light(IntEnum):
    """Higher is worse."""

    GREEN = 0
    AMBER = 1
    RED = 2


@dataclass(frozen=True, slots=True)
class Limit:
    """A minimum, a maximum, or both: a range. Both inclusive. `parent` is the id of the limit above, or empty."""

    limit_id: str
    metric: str
    minimum: Fraction | None = None
    maximum: Fraction | None = None
    amber_headroom: Fraction = AMBER_HEADROOM
    parent: str = ""


Side = Literal["minimum", "maximum"]


@dataclass(frozen=True, slots=True)
class Headroom:
    """Distance to the nearer edge, as a share of that edge, or absolute where the edge is 0; negative is a breach."""

    value: Fraction
    side: Side
    is_absolute: bool

    def light(self, amber_headroom: Fraction) -> Light:
        if self.value < 0:
            return Light.RED
        return Light.AMBER if self.value < amber_headroom else Light.GREEN


def headroom(value: Fraction, limit: Limit) -> Headroom:
    """`(L - v)/abs(L)` for a maximum, `(v - L)/abs(L)` for a minimum, the smaller of both for a range.

    A share cannot be compared with an absolute difference, so a range with one edge at 0 is measured absolute on
    both edges.
    Raises:
        InvalidInput: the limit has no edge, or its minimum is above its maximum.
    Source: LIQ-36.
    """
    _check_edges(limit)
    edges: list[tuple[Side, Fraction, Fraction]] = []
    if limit.minimum is not None:
        edges.append(("minimum", limit.minimum, value - limit.minimum))
    if limit.maximum is not None:
        edges.append(("maximum", limit.maximum, limit.maximum - value))
    is_absolute = any(edge == 0 for _, edge, _ in edges)
    found = [Headroom(room if is_absolute else room / abs(edge), side, is_absolute) for side, edge, room in edges]
    return min(found, key=lambda one: one.value)


def check_tree(limits: Sequence[Limit]) -> None:
    """Every limit has an edge and an id of its own; every child measures its parent's metric and is no looser.

    Raises:
        InvalidInput: which limit breaks which rule; `record` is its place.
    Source: LIQ-36, "a child limit may not be looser than its parent".
    """
    by_id: dict[str, Limit] = {}
    for at, limit in enumerate(limits):
        if limit.limit_id in by_id:
            raise _wrong(at, "limit_id", f"{limit.limit_id!r} stands twice")
        _check_edges(limit, at)
        by_id[limit.limit_id] = limit
    for at, limit in enumerate(limits):
        if not limit.parent:
            continue
        parent = by_id.get(limit.parent)
        if parent is None:
            raise _wrong(at, "parent", f"there is no limit {limit.parent!r}")
        if parent.metric != limit.metric:
            raise _wrong(at, "metric", f"its parent limits {parent.metric!r}")
        if parent.minimum is not None and (limit.minimum is None or limit.minimum < parent.minimum):
            raise _wrong(at, "minimum", f"is looser than that of its parent {limit.parent!r}")
        if parent.maximum is not None and (limit.maximum is None or limit.maximum > parent.maximum):
            raise _wrong(at, "maximum", f"is looser than that of its parent {limit.parent!r}")
        if _is_in_circle(limit, by_id):
            raise _wrong(at, "parent", "is below itself in the tree")


def _is_in_circle(limit: Limit, by_id: Mapping[str, Limit]) -> bool:
    seen, above = {limit.limit_id}, limit.parent
    while above and above in by_id:
        if above in seen:
            return True
        seen.add(above)
        above = by_id[above].parent
    return False


def _check_edges(limit: Limit, at: int | None = None) -> None:
    if limit.minimum is None and limit.maximum is None:
        raise _wrong(at, "minimum", f"limit {limit.limit_id!r} has neither minimum nor maximum")
    if limit.minimum is not None and limit.maximum is not None and limit.minimum > limit.maximum:
        raise _wrong(at, "minimum", f"limit {limit.limit_id!r} has its minimum above its maximum")


def _wrong(at: int | None, field: str, message: str) -> InvalidInput:
    if at is None:
        return InvalidInput(message, field=field)
    return InvalidInput(message, field=f"limits[{at}].{field}", record=f"limits[{at}]")
