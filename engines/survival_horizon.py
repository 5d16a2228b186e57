"""How long the bank lasts on its own buffer: counterbalancing capacity against stressed net flows (LIQ-14)."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.primitives.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Buffer:
    """Money that can be raised from `from_day` on: cash (day 0), unencumbered securities, committed undrawn lines."""

    amount: Fraction  # >= 0, market value or undrawn amount
    haircut: Fraction = Fraction(0)  # 0..1
    from_day: int = 0  # lead time in days

    @property
    def value(self) -> Fraction:
        return self.amount * (1 - self.haircut)


@dataclass(frozen=True, slots=True)
class SurvivalDay:
    day: int  # from 1
    capacity: Fraction
    cumulative_net_flow: Fraction  # inflow +, outflow -
    surplus: Fraction  # capacity + cumulative net flow


@dataclass(frozen=True, slots=True)
class Survival:
    path: tuple[SurvivalDay, ...]
    horizon_days: int  # the last day before the first surplus below 0; the whole range if none is
    is_whole_range: bool


def survival_horizon(buffers: Sequence[Buffer], net_flows: Sequence[Fraction]) -> Survival:
    """The path of the surplus and the number of days survived.

    Args:
        net_flows: stressed, of day 1, 2, …; inflow +, outflow -. A surplus of exactly 0 survives.
    Raises:
        InvalidInput: an amount or lead time is negative, a haircut outside 0..1.
    Source: LIQ-14.
    """
    for at, buffer in enumerate(buffers):
        if buffer.amount < 0 or not 0 <= buffer.haircut <= 1 or buffer.from_day < 0:
            raise InvalidInput("want an amount and a lead time >= 0 and a haircut of 0 to 1", field=f"buffers[{at}]")
    opening = [Fraction(0)] * (len(net_flows) + 1)  # what becomes usable on a day
    for buffer in buffers:
        if buffer.from_day < len(opening):
            opening[buffer.from_day] += buffer.value
    capacity, cumulative, path = opening[0], Fraction(0), []
    for day, flow in enumerate(net_flows, 1):
        capacity += opening[day]
        cumulative += flow
        path.append(SurvivalDay(day, capacity, cumulative, capacity + cumulative))
    survived = next((row.day - 1 for row in path if row.surplus < 0), len(path))
    return Survival(tuple(path), survived, survived == len(path))
