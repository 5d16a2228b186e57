"""Calculation `ftp_simulation`: what other transfer curves would do to new business and to the treasury."""

from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative
from api.calculations.ftp_fields import CurveLine, Priced, Pricing, ProductTerms, curves_of
from api.calculations.rate_fields import placed
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import decimal_text, percent_text
from engines.ftp_margins import Deal
from engines.ftp_methods import Market
from engines.ftp_simulation import NewBusiness, Outcome, simulate_curve
from engines.primitives.errors import InvalidInput
from engines.rate_shocks import BASIS_POINTS

DIGITS = 6


class NewBusinessLine(Priced):
    name: Name
    side: Literal["asset", "liability"]
    volume: NonNegative
    line: Name = ""
    pass_through: Exact = Field(default=Fraction(0), description="of a change of the transfer rate to the customer")
    elasticity_per_100bp: Exact = Field(
        default=Fraction(0), description='relative change of volume when the customer rate rises 100 bp: "-0.08"'
    )


class Trial(Inputs):
    """Curves in place of those of the same name, or a parallel shift of all."""

    name: Name
    shift_bp: Exact | None = None
    curves: list[CurveLine] | None = None
    indices: dict[Name, Exact] = Field(default={})


class Trials(Inputs):
    new_business: list[NewBusinessLine]
    curves: list[CurveLine]
    trials: list[Trial] = Field(min_length=1)
    products: list[ProductTerms] = Field(default=[])
    indices: dict[Name, Exact] = Field(default={})
    balancing_rate: Exact = Field(
        default=Fraction(0), description="at which the treasury funds or places the change of volume"
    )


def _compute(inputs: Trials) -> Result:
    curves = curves_of(inputs.curves)
    pricing = Pricing(inputs.products, curves)
    base = Market(curves, inputs.indices)
    business = [_business(at, line, pricing) for at, line in enumerate(inputs.new_business)]
    totals: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    for at, trial in enumerate(inputs.trials):
        market = _market(at, trial, base)
        found = simulate_curve(business, base, market, balancing_rate=inputs.balancing_rate)
        for reaction, outcome in (("without", found.without_reaction), ("with", found.with_reaction)):
            key = {"trial": trial.name, "reaction": reaction}
            totals.append(key | _totals(outcome))
            changes += [key | row for row in _changes(inputs, outcome)]
            margins = outcome.margin_change_by_line.items()
            lines += [key | {"line": name, "margin_change": _text(change)} for name, change in margins]
    return {"totals": totals, "lines": lines, "business": changes}


def _business(at: int, line: NewBusinessLine, pricing: Pricing) -> NewBusiness:
    with placed(f"new_business[{at}]"):
        if pricing.method_name(line) == "pool":
            raise InvalidInput("a pool's rate does not come from a curve", field="method")
        return NewBusiness(
            line.side,
            line.volume,
            line.customer_rate,
            pricing.method(line),
            pricing.add_ons(line),
            pricing.reserve(line),
            line.pass_through,
            line.elasticity_per_100bp * 100,
            line.line,
        )


def _market(at: int, trial: Trial, base: Market) -> Market:
    record = f"trials[{at}]"
    with placed(record):
        if (trial.shift_bp is None) == (trial.curves is None):
            raise InvalidInput("want shift_bp or curves", field="shift_bp")
    if trial.shift_bp is not None:
        shift = trial.shift_bp / BASIS_POINTS
        moved = {name: curve.shifted(shift) for name, curve in base.curves.items()}
    else:
        moved = curves_of(trial.curves or [], f"{record}.curves")
        for name in [name for name in moved if name not in base.curves]:
            raise InvalidInput(f"there is no base curve {name!r}", field=f"{record}.curves", record=record)
    return Market({**base.curves, **moved}, {**base.index_rates, **trial.indices})


def _totals(outcome: Outcome) -> dict[str, str]:
    return {
        "margin_change": _text(outcome.margin_change),
        "treasury_change": _text(outcome.treasury_change),
        "net_interest_income_change": _text(outcome.net_interest_income_change),
        "net_volume_change": _text(outcome.net_volume_change),
    }


def _changes(inputs: Trials, outcome: Outcome) -> list[dict[str, str | None]]:
    rows = []
    for at, line in enumerate(inputs.new_business):
        before, after = outcome.before[at], outcome.after[at]
        rows.append(
            {
                "name": line.name,
                "side": line.side,
                "line": line.line,
                **_rates(before, after),
                "volume": _text(after.balance),
                "volume_change": _text(after.balance - before.balance),
                "customer_interest_change": _text(outcome.interest_changes[at]),
                "margin_change": _text(outcome.margin_changes[at]),
            }
        )
    return rows


def _rates(before: Deal, after: Deal) -> dict[str, str | None]:
    return {
        "base_ftp_rate_pct": percent_text(before.transfer_rate),
        "trial_ftp_rate_pct": percent_text(after.transfer_rate),
        "customer_rate_pct": percent_text(after.customer_rate),
    }


def _text(amount: Fraction) -> str:
    return decimal_text(amount, DIGITS)


CALCULATION = Calculation(
    "ftp_simulation",
    "Alternative transfer curves on new business, with and without customers' reaction (LIQ-45).",
    (Variant("default", Trials, _compute),),
    sheets_of(
        "margin_change",
        "treasury_change",
        "net_interest_income_change",
        "net_volume_change",
        "base_ftp_rate_pct",
        "trial_ftp_rate_pct",
        "customer_rate_pct",
        "volume",
        "volume_change",
        "customer_interest_change",
    ),
)
