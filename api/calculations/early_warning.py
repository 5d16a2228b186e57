"""Calculation `early_warning`: weighted score of indicators, warning level, its reasons, and when to look again."""

from typing import Any, Literal

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, Share
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import decimal_text, exact_text
from engines.early_warning import CHECK_HOURS, Reading, WarningLevel, WarningState, band_level, next_state, score
from engines.primitives.errors import InvalidInput

LevelName = Literal["NORMAL", "YELLOW", "ORANGE", "RED"]


class IndicatorLine(Inputs):
    """Either `level`, or `value` with the bands that give it."""

    name: Name
    weight: Share
    level: int | None = Field(default=None, ge=0, le=3)
    value: Exact | None = None
    bands: list[Exact] | None = Field(default=None, description="of levels 1, 2 and 3, each worse than the last")
    direction: Literal["max", "min"] = Field(default="max", description="max: high values are bad")
    knock_out_level: int | None = Field(default=None, ge=1, le=3, description="from here it forces RED alone")


class State(Inputs):
    """What the check before returned."""

    level: LevelName
    clean_checks: int = Field(default=0, ge=0, le=2)
    worst_clean: LevelName = "NORMAL"


class EarlyWarning(Inputs):
    """`previous` holds a level until three checks in a row are below it."""

    indicators: list[IndicatorLine] = Field(min_length=1)
    previous: State | None = None


def _compute(inputs: EarlyWarning) -> Result:
    readings = [_reading(at, line) for at, line in enumerate(inputs.indicators)]
    found = score(readings)
    state = WarningState(found.level)
    if inputs.previous is not None:
        before = inputs.previous
        held = WarningState(WarningLevel[before.level], before.clean_checks, WarningLevel[before.worst_clean])
        state = next_state(held, found.level)
    return {
        "score": decimal_text(found.value, 6),
        "score_exact": exact_text(found.value),
        "score_level": found.level.name,
        "knocked_out_by": [inputs.indicators[at].name for at in found.knocked_out],
        "level": state.level.name,
        "clean_checks": state.clean_checks,
        "worst_clean": state.worst_clean.name,
        "next_check_hours": CHECK_HOURS[state.level],
        "indicators": [_row(line, reading) for line, reading in zip(inputs.indicators, readings, strict=True)],
    }


def _row(line: IndicatorLine, reading: Reading) -> dict[str, Any]:
    part = decimal_text(reading.weight * reading.level, 6)
    return {"name": line.name, "level": reading.level, "contribution": part, "is_knock_out": reading.is_knock_out}


def _reading(at: int, line: IndicatorLine) -> Reading:
    record = f"indicators[{at}]"
    if line.level is not None:
        if line.value is not None or line.bands is not None:
            raise InvalidInput(
                "want a level, or a value with bands, not both", field=f"{record}.level", record=record
            )
        return Reading(line.level, line.weight, line.knock_out_level)
    if line.value is None or line.bands is None:
        missing = "value" if line.value is None else "bands"
        raise InvalidInput("want a level, or a value with bands", field=f"{record}.{missing}", record=record)
    try:
        level = band_level(line.value, line.bands, line.direction)
    except InvalidInput as error:
        raise InvalidInput(str(error), field=f"{record}.bands", record=record) from error
    return Reading(level, line.weight, line.knock_out_level)


CALCULATION = Calculation(
    "early_warning",
    "Tiered early warning: score, level, reasons and the next check (LIQ-37).",
    (Variant("default", EarlyWarning, _compute),),
)
