"""What eve and nii share at `calc`: the table of shocks in force, sizes that stand in its place, places of errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache

from pydantic import Field

from api.calculations.fields import Day, Inputs, Name, NonNegative
from api.calculations.liquidity_lines import Overrides, factor_text
from api.calculations.registry import Result
from engines.primitives.errors import InvalidInput
from engines.rate_shocks import ShockSizes
from infra.rate_risk_policies import IrrbbPolicy, irrbb_policy


class Calibrated(Inputs):
    """Which sizes a currency takes: those of the table, unless they are given."""

    currency: Name | None = None
    calibration: Name | None = Field(default=None, description="2016 or 2024; default: that in force on as_of")
    as_of: Day | None = Field(default=None, description="default: the newest calibration")


class Sized(Calibrated):
    parallel_bp: NonNegative | None = None
    short_bp: NonNegative | None = None
    long_bp: NonNegative | None = None


@cache
def policy() -> IrrbbPolicy:
    return irrbb_policy()


def calibration_of(inputs: Calibrated) -> str:
    if inputs.calibration is not None:
        return inputs.calibration
    return policy().in_force[-1][1] if inputs.as_of is None else policy().calibration_on(inputs.as_of)


def sizes_of(inputs: Calibrated, given: tuple[Fraction | None, ...], overrides: Overrides) -> ShockSizes:
    """Given sizes win and are listed where they differ; what is not given comes from the table (decision Q8).

    `given` is parallel, short, long.

    Raises:
        InvalidInput: a size is neither given nor in the table.
    """
    names = ("parallel_bp", "short_bp", "long_bp")
    try:
        if inputs.currency is None:
            raise InvalidInput("want a currency, or parallel_bp, short_bp and long_bp", field="currency")
        table = policy().sizes_of(inputs.currency, calibration_of(inputs))
    except InvalidInput:
        if any(size is None for size in given):
            raise
        return ShockSizes(*(size for size in given if size is not None))
    sizes = []
    for name, size in zip(names, given, strict=True):
        own: Fraction = getattr(table, name)
        overrides.add(name, size, own, inputs.currency)
        sizes.append(own if size is None else size)
    return ShockSizes(*sizes)


def sizes_result(inputs: Calibrated, sizes: ShockSizes, overrides: Overrides) -> Result:
    """What the shocks were made of: for the reader to check, and for the record."""
    return {
        "calibration": calibration_of(inputs),
        "sizes_bp": [factor_text(size) for size in (sizes.parallel_bp, sizes.short_bp, sizes.long_bp)],
        "overrides": overrides.found,
    }


@contextmanager
def placed(record: str) -> Iterator[None]:
    """Names the record of an engine's InvalidInput, whose field is one of the record's."""
    try:
        yield
    except InvalidInput as error:
        field = f"{record}.{error.facts['field']}" if "field" in error.facts else record
        raise InvalidInput(str(error), **{**error.facts, "field": field, "record": record}) from error
