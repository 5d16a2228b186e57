"""`tidemark calc eve`: economic value of equity under the six shocks of BCBS 368, and what leads up to it."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
from pydantic import Field

from api.calculations.eve_parts import CoreDeposits, Multipliers, Slots, core_deposits, multipliers, slots
from api.calculations.fields import Day, Exact, Inputs, NonNegative, Positive, Share
from api.calculations.liquidity_lines import Overrides, chosen
from api.calculations.rate_fields import Calibrated, Sized, placed, policy, sizes_of, sizes_result
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import decimal_text, not_computable, percent_text, plain_text
from engines.eve import (
    Book,
    BookValues,
    RiskMeasure,
    book_measure,
    economic_values,
    is_outlier,
    risk_measure,
    slotted_flows,
)
from engines.primitives.errors import InvalidInput
from engines.rate_shocks import SCENARIOS, ShockShape, ShockSizes, alpha_short, shock_vectors, shocks_at
from engines.repricing_buckets import REPRICING_BUCKETS

VALUE_DIGITS, SHOCK_DIGITS, SHOCK_AT_DIGITS = 6, 6, 10
MIDPOINTS = [bucket.midpoint_years for bucket in REPRICING_BUCKETS]

#: 2**62 with room to spare: flows are slotted as whole units of their last decimal.
_UNITS_MAX = 2**60


class ShapeAt(Inputs):
    """The shapes at one time, for sizes as given."""

    t: NonNegative = Field(description="years")
    short_bp: NonNegative
    long_bp: NonNegative
    x: Positive | None = Field(default=None, description="decay in years; default: 4")


class ShocksAt(Sized):
    """The six shocks of a currency at one time."""

    t: NonNegative
    currency: str
    x: Positive | None = None


class ShockVectors(Sized):
    """The six shocks over bucket midpoints."""

    bucket_midpoints: list[NonNegative] = Field(description="years")
    x: Positive | None = None


class Curve(Inputs):
    flat_base_rate: Exact | None = Field(default=None, description="continuous, a year; or base_rates")
    base_rates: list[Exact] | None = Field(default=None, description="continuous, a year, one a bucket")
    automatic_option_losses: dict[str, Exact] = Field(
        default={}, description="by scenario: fall in value of automatic interest rate options, positive a loss"
    )


class Tested(Inputs):
    bucket_midpoints: list[NonNegative] | None = Field(default=None, description="years; default: the 19 of BCBS 368")
    floor: Exact | None = Field(default=None, description="of rates after a shock, at or below 0; default: none")
    tier1_capital: NonNegative | None = None
    outlier_threshold: Share | None = Field(default=None, description="share of Tier 1; default: 0.15")
    x: Positive | None = None


class OneBook(Sized, Curve, Tested):
    """Net repricing cash flows of one currency by bucket: assets plus, liabilities minus, own equity left out."""

    net_cash_flows: list[Exact]


class DatedFlow(Inputs):
    date: Day = Field(description="day on which the flow reprices")
    amount: Exact


class DatedBook(Sized, Curve, Tested):
    """Repricing cash flows by date, slotted into the buckets here."""

    as_of: Day
    cash_flows: list[DatedFlow]


class CurrencyBook(Calibrated, Curve):
    net_cash_flows: list[Exact]
    sizes_bp: list[NonNegative] | None = Field(default=None, min_length=3, max_length=3)


class Books(Tested):
    """Books by currency, in one unit of account: losses add up, gains offset nothing."""

    books: dict[str, CurrencyBook]


def _shape_at(inputs: ShapeAt) -> Result:
    shape = _shape(inputs.x)
    sizes = ShockSizes(Fraction(0), inputs.short_bp, inputs.long_bp)
    alpha = alpha_short(inputs.t, shape.decay_years)
    shocks = shocks_at(inputs.t, sizes, shape)
    named = {f"{scenario}_bp": shocks[scenario] for scenario in SCENARIOS[2:]}
    return {
        "alpha_short": decimal_text(alpha, SHOCK_DIGITS),
        "alpha_long": decimal_text(1 - alpha, SHOCK_DIGITS),
        **{name: decimal_text(shock, SHOCK_DIGITS) for name, shock in named.items()},
        # As the standard prints its examples.
        "published_rounded": {
            "alpha_short": decimal_text(alpha, 3),
            **{name: decimal_text(shock, 1) for name, shock in named.items()},
        },
    }


def _shocks_at(inputs: ShocksAt) -> Result:
    overrides = Overrides()
    sizes = sizes_of(inputs, (inputs.parallel_bp, inputs.short_bp, inputs.long_bp), overrides)
    shocks = shocks_at(inputs.t, sizes, _shape(inputs.x))
    shown = {name: decimal_text(shock, SHOCK_AT_DIGITS) for name, shock in shocks.items()}
    return {"shocks_bp_at_t": shown} | sizes_result(inputs, sizes, overrides)


def _shock_vectors(inputs: ShockVectors) -> Result:
    overrides = Overrides()
    sizes = sizes_of(inputs, (inputs.parallel_bp, inputs.short_bp, inputs.long_bp), overrides)
    vectors = shock_vectors(inputs.bucket_midpoints, sizes, _shape(inputs.x))
    shown = {name: [decimal_text(shock, SHOCK_DIGITS) for shock in vector] for name, vector in vectors.items()}
    return {"shocks_bp": shown} | sizes_result(inputs, sizes, overrides)


def _one_book(inputs: OneBook) -> Result:
    return _valued(inputs, inputs.net_cash_flows, {})


def _dated_book(inputs: DatedBook) -> Result:
    unit = lcm(*(flow.amount.denominator for flow in inputs.cash_flows))
    whole = [int(flow.amount * unit) for flow in inputs.cash_flows]
    if sum(map(abs, whole)) > _UNITS_MAX:
        raise InvalidInput("the amounts are too large, or have too many decimals, to be added", field="cash_flows")
    days = np.array([np.datetime64(flow.date, "D").astype(np.int64) for flow in inputs.cash_flows], np.int64)
    as_of_day = int(np.datetime64(inputs.as_of, "D").astype(np.int64))
    sums, past = slotted_flows(days, np.array(whole, np.int64), as_of_day)
    flows = [Fraction(int(units), unit) for units in sums]
    shown = {
        "net_cash_flows": [plain_text(flow) for flow in flows],
        "not_slotted": plain_text(Fraction(past, unit)),
    }
    return _valued(inputs, flows, shown)


def _valued(inputs: OneBook | DatedBook, flows: Sequence[Fraction], first: Result) -> Result:
    overrides = Overrides()
    sizes = sizes_of(inputs, (inputs.parallel_bp, inputs.short_bp, inputs.long_bp), overrides)
    values = _values(inputs, inputs, flows, sizes)
    measure = book_measure(values.delta_eve_loss)
    return {
        **first,
        "eve_base": decimal_text(values.eve_base, VALUE_DIGITS),
        "scenarios": {
            name: {
                "eve": decimal_text(values.eve[name], VALUE_DIGITS),
                "delta_eve_loss": decimal_text(values.delta_eve_loss[name], VALUE_DIGITS),
            }
            for name in SCENARIOS
        },
        **_measured(inputs, measure, overrides),
        **_below_floor(values),
        **sizes_result(inputs, sizes, overrides),
    }


def _books(inputs: Books) -> Result:
    losses: dict[str, Mapping[str, Fraction]] = {}
    below: dict[str, list[int]] = {}
    used: Result = {}
    overrides = Overrides()
    for currency in sorted(inputs.books):
        book = inputs.books[currency].model_copy(update={"currency": currency})
        with placed(f"books.{currency}"):
            given = (None, None, None) if book.sizes_bp is None else tuple(book.sizes_bp)
            sizes = sizes_of(book, given, overrides)
            values = _values(inputs, book, book.net_cash_flows, sizes)
        losses[currency] = values.delta_eve_loss
        if values.base_below_floor:
            below[currency] = list(values.base_below_floor)
        shown = sizes_result(book, sizes, overrides)
        used[currency] = {"calibration": shown["calibration"], "sizes_bp": shown["sizes_bp"]}
    measure = risk_measure([losses[currency] for currency in inputs.books])
    return {
        "delta_eve_loss": {currency: _shown(losses[currency]) for currency in inputs.books},
        "aggregate_loss": _shown(measure.aggregate_loss),
        **_measured(inputs, measure, overrides),
        **({"base_below_floor": below} if below else {}),
        "calibrations": used,
        "overrides": overrides.found,
    }


def _values(tested: Tested, curve: Curve, flows: Sequence[Fraction], sizes: ShockSizes) -> BookValues:
    midpoints = MIDPOINTS if tested.bucket_midpoints is None else tested.bucket_midpoints
    if (curve.base_rates is None) == (curve.flat_base_rate is None):
        raise InvalidInput("want either base_rates or flat_base_rate", field="base_rates")
    flat = [] if curve.flat_base_rate is None else [curve.flat_base_rate] * len(midpoints)
    rates = flat if curve.base_rates is None else curve.base_rates
    book = Book(flows, rates, midpoints, sizes, tested.floor, curve.automatic_option_losses)
    return economic_values(book, _shape(tested.x))


def _measured(tested: Tested, measure: RiskMeasure, overrides: Overrides) -> Result:
    shown: Result = {
        "worst_scenario": measure.worst_scenario,
        "eve_risk_measure": decimal_text(measure.eve_risk_measure, VALUE_DIGITS),
    }
    tier1 = tested.tier1_capital
    if tier1 is None:
        return shown
    threshold = chosen(overrides, "outlier_threshold", tested.outlier_threshold, policy().outlier_threshold)
    share = measure.eve_risk_measure / tier1 if tier1 else None
    outlier = is_outlier(measure.eve_risk_measure, tier1, threshold) if tier1 else None
    shown |= {"pct_of_tier1": percent_text(share), "outlier": outlier}
    return shown | not_computable([] if tier1 else ["Tier 1 capital is 0"])


def _below_floor(values: BookValues) -> dict[str, Any]:
    """Places of buckets where the base rate stands in for the floor, if there are any."""
    return {"base_below_floor": list(values.base_below_floor)} if values.base_below_floor else {}


def _shown(losses: Mapping[str, Fraction]) -> dict[str, str]:
    return {name: decimal_text(losses[name], VALUE_DIGITS) for name in SCENARIOS}


def _shape(decay_years: Fraction | None) -> ShockShape:
    shape = policy().shape
    if decay_years is None:
        return shape
    return ShockShape(
        decay_years, shape.steepener_short, shape.steepener_long, shape.flattener_short, shape.flattener_long
    )


CALCULATION = Calculation(
    "eve",
    "Economic value of equity: six rate shocks, losses by currency, outlier test, slots, core deposits (BCBS 368).",
    (
        Variant("shape_at", ShapeAt, _shape_at),
        Variant("shocks_at", ShocksAt, _shocks_at),
        Variant("shock_vectors", ShockVectors, _shock_vectors),
        Variant("book", OneBook, _one_book),
        Variant("dated_book", DatedBook, _dated_book),
        Variant("books", Books, _books),
        Variant("slots", Slots, slots),
        Variant("core_deposits", CoreDeposits, core_deposits),
        Variant("multipliers", Multipliers, multipliers),
    ),
)
