"""Calculation `limits`: headroom and traffic light of metrics against their limits, and the limit tree's own rule."""

from typing import Any

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import exact_text, not_computable, percent_text
from engines.limits import AMBER_HEADROOM, Light, Limit, check_tree, headroom


class LimitLine(Inputs):
    """Values and edges are fractions or amounts, both alike."""

    limit_id: Name
    metric: Name
    scope: Name = ""
    value: Exact | None = Field(description="null: the metric was not computable")
    minimum: Exact | None = None
    maximum: Exact | None = None
    amber_headroom: NonNegative = AMBER_HEADROOM
    parent: Name = Field(default="", description="limit_id of the limit above")


class Limits(Inputs):
    limits: list[LimitLine]


def _compute(inputs: Limits) -> Result:
    limits = [
        Limit(line.limit_id, line.metric, line.minimum, line.maximum, line.amber_headroom, line.parent)
        for line in inputs.limits
    ]
    check_tree(limits)
    rows, reasons, worst = [], [], Light.GREEN
    for line, limit in zip(inputs.limits, limits, strict=True):
        row: dict[str, Any] = {"limit_id": line.limit_id, "metric": line.metric, "scope": line.scope}
        if line.value is None:
            reasons.append(f"metric {line.metric!r} of limit {line.limit_id!r} has no value")
            missing = dict.fromkeys(("light", "headroom_pct", "headroom_exact", "side", "is_absolute"))
            rows.append(row | missing)
            continue
        room = headroom(line.value, limit)
        light = room.light(limit.amber_headroom)
        worst = max(worst, light)
        rows.append(
            row
            | {
                "light": light.name,
                # An edge of 0 leaves a difference in the metric's own unit, which is no percentage.
                "headroom_pct": None if room.is_absolute else percent_text(room.value),
                "headroom_exact": exact_text(room.value),
                "side": room.side,
                "is_absolute": room.is_absolute,
            }
        )
    return {"worst": worst.name if rows and len(reasons) < len(rows) else None, "limits": rows} | not_computable(
        reasons
    )


CALCULATION = Calculation(
    "limits",
    "Headroom and traffic light of metrics against limits (LIQ-36).",
    (Variant("default", Limits, _compute),),
)
