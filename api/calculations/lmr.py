"""`tidemark calc lmr`: liquidity matching ratio 流动性匹配率."""

import numpy as np
from pydantic import Field

from api.calculations.fields import Day, Name
from api.calculations.liquidity_lines import (
    FactorLine,
    Overrides,
    RatioInputs,
    amount_text,
    in_force,
    minimum,
    provenance,
    ratio_result,
    sheets,
)
from api.calculations.registry import Calculation, Result, Variant
from engines.factor_lines import Line
from engines.lmr import BUCKETS, liquidity_matching, matching_bucket
from engines.primitives.errors import InvalidInput

NAME = "lmr"


class MatchingLine(FactorLine):
    """A line with its maturity bucket, or with a date that gives it."""

    maturity_bucket: Name | None = None
    maturity_date: Day | None = Field(default=None, description="in place of maturity_bucket; wants as_of")


class Matching(RatioInputs):
    """Sources and uses of funds by residual maturity."""

    sources: list[MatchingLine]
    uses: list[MatchingLine]


def _matching(inputs: Matching) -> Result:
    table, overrides = in_force(NAME, inputs), Overrides()
    sources, uses = (
        [_line(line, inputs, f"{name}[{at}]") for at, line in enumerate(getattr(inputs, name))]
        for name in ("sources", "uses")
    )
    found = liquidity_matching(sources, uses, table, minimum=minimum(NAME, inputs, overrides))
    lines = (*found.source_lines, *found.use_lines)
    overrides.add_lines(lines)
    return {
        "weighted_sources": amount_text(found.ratio.numerator),
        "weighted_uses": amount_text(found.ratio.denominator),
        **ratio_result(NAME, found.ratio, "weighted uses are 0"),
        **provenance(table, overrides, lines),
    }


def _line(given: MatchingLine, inputs: Matching, record: str) -> Line:
    bucket = given.maturity_bucket
    if given.maturity_date is not None:
        if bucket is not None:
            message = "give maturity_bucket or maturity_date, not both"
            raise InvalidInput(message, field=f"{record}.maturity_date", record=record)
        if inputs.as_of is None:
            raise InvalidInput("a maturity_date wants as_of", field="as_of", record=record)
        maturity, as_of = (np.datetime64(day, "D").astype(np.int64) for day in (given.maturity_date, inputs.as_of))
        bucket = BUCKETS[int(matching_bucket(np.array([maturity]), int(as_of))[0])]
    return Line(given.code, given.amount, given.factor, bucket)


CALCULATION = Calculation(
    NAME,
    "Liquidity matching ratio: weighted sources over weighted uses of funds.",
    (Variant("matching", Matching, _matching),),
    sheets,
)
