"""Calculation `survival_horizon`: how many days the bank's own buffer covers stressed net flows."""

from pydantic import Field

from api.calculations.fields import Count, Exact, Inputs, Name, NonNegative, Share
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import plain_text
from engines.survival_horizon import Buffer, survival_horizon


class HoldingLine(Inputs):
    name: Name = ""
    market_value: NonNegative = Field(description="of the unencumbered part")
    haircut: Share
    usable_from_day: Count = 0


class FacilityLine(Inputs):
    name: Name = ""
    undrawn: NonNegative
    lead_days: Count = 0
    is_committed: bool = Field(default=True, description="a line that is not committed counts nothing")


class SurvivalHorizon(Inputs):
    cash: NonNegative
    excess_reserves: NonNegative
    holdings: list[HoldingLine]
    facilities: list[FacilityLine]
    net_flows: list[Exact] = Field(min_length=1, description="stressed, of day 1, 2, ...; inflow +, outflow -")


def _compute(inputs: SurvivalHorizon) -> Result:
    buffers = [
        Buffer(inputs.cash),
        Buffer(inputs.excess_reserves),
        *(Buffer(line.market_value, line.haircut, line.usable_from_day) for line in inputs.holdings),
        *(Buffer(line.undrawn, from_day=line.lead_days) for line in inputs.facilities if line.is_committed),
    ]
    found = survival_horizon(buffers, inputs.net_flows)
    return {
        "horizon_days": found.horizon_days,
        "is_whole_range": found.is_whole_range,
        "path": [
            {
                "day": row.day,
                "counterbalancing_capacity": plain_text(row.capacity),
                "cumulative_net_flow": plain_text(row.cumulative_net_flow),
                "surplus": plain_text(row.surplus),
            }
            for row in found.path
        ],
    }


CALCULATION = Calculation(
    "survival_horizon",
    "Counterbalancing capacity against stressed flows and the days survived (LIQ-14).",
    (Variant("default", SurvivalHorizon, _compute),),
)
