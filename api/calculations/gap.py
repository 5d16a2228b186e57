"""`tidemark calc gap`: maturity mismatch by bucket (LIQ-12), from bucket sums or from dated flows.

The flows variant adds up in minor units of each currency; behaviour and stress rules make further views of it.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from pydantic import Field

from api.calculations.fields import Day, Exact, Inputs, Name, NonNegative, Positive
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import exact_text, not_computable, percent_text, plain_text
from engines.behaviour_rules import Rule, apply_rules
from engines.buckets import BUCKETS, ON, UNDATED
from engines.flow_frame import DEMAND_DAY, RATE_SCALE, UNDATED_DAY
from engines.flow_views import all_currencies, coverages, gap_table, mismatch_ratios
from engines.primitives.errors import InvalidInput
from engines.primitives.money import AMOUNT_MINOR_MAX, exponent, to_text

CUMULATED = BUCKETS[ON:UNDATED]
HORIZONS = {"7_day": "D2_7", "30_day": "D8_30", "90_day": "D31_90"}  # the seed measures at these
PCT_DIGITS = 2  # as in the golden case LIQ-12; the exact fraction stands beside it

BucketName = Literal[
    "OVERDUE", "ON", "D2_7", "D8_30", "D31_90", "D91_180", "D181_365", "Y1_2", "Y2_3", "Y3_5", "Y5P", "UNDATED"
]
DimensionName = Literal["organisation", "business_line", "product", "customer", "counterparty"]


class BucketSums(Inputs):
    """Inflow and outflow by bucket, one amount unit; a bucket left out is 0."""

    inflow: dict[BucketName, NonNegative]
    outflow: dict[BucketName, NonNegative]
    total_assets: NonNegative | None = None


class Flow(Inputs):
    """One flow, positive to the bank; `date` is a day, DEMAND or UNDATED."""

    contract: Name
    date: Day | Literal["DEMAND", "UNDATED"]
    kind: Name = "principal"
    amount: Exact
    currency: Name
    organisation: Name = "-"
    business_line: Name = "-"
    product: Name = "-"
    customer: Name = "-"
    counterparty: Name = "-"
    rate: Exact | None = Field(None, description="annual contract rate, for early withdrawal")
    intragroup: bool = False


class BehaviourRule(Inputs):
    """A rule of `engines.behaviour_rules`; `where` narrows it by dimension."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Name
    parameters: dict[str, Exact]
    where: dict[DimensionName | Literal["currency", "contract"], list[Name]] = Field(default_factory=dict)


class Weekdays(Inputs):
    """Business days of a currency: seven digits from Monday on, 1 for a business day, and holidays."""

    week: Annotated[str, Field(pattern=r"^[01]{7}$")] = "1111100"
    holidays: list[Day] = Field(default_factory=list)


class FlowSet(Inputs):
    """Dated flows, seen by currency and the dimensions `by`; optional inputs add views, rows and ratios."""

    as_of: Day
    flows: list[Flow]
    by: list[DimensionName] = Field(default_factory=list)
    calendars: dict[Name, Weekdays] | None = None
    intragroup: Literal["eliminated", "kept", "only"] | None = None
    behaviour: list[BehaviourRule] | None = None
    stress: list[BehaviourRule] | None = None
    reporting_currency: Name | None = None
    mid_rates: dict[Name, Positive] = Field(default_factory=dict)
    total_assets: dict[Name, NonNegative] | None = Field(None, description="of the bank, by currency")


def _of_buckets(inputs: BucketSums) -> Result:
    inflow, outflow = _all_buckets(inputs.inflow), _all_buckets(inputs.outflow)
    gaps = {name: inflow[name] - outflow[name] for name in BUCKETS}
    running, total = {}, Fraction(0)
    for name in CUMULATED:
        total += gaps[name]
        running[name] = total
    # Ratios do not change with the unit: in the smallest decimal that was given, all amounts are integers.
    assets = inputs.total_assets
    unit = lcm(*(amount.denominator for amount in (*inflow.values(), *outflow.values(), assets or Fraction(0))))
    received, paid, total_gap = (
        [int(column[name] * unit) for name in CUMULATED] for column in (inflow, outflow, running)
    )
    ratios = _ratios(received, paid, total_gap, None if assets is None else int(assets * unit))
    return {
        "gaps": {name: plain_text(amount) for name, amount in gaps.items()},
        "cumulative": {name: plain_text(amount) for name, amount in running.items()},
        **ratios,
    }


def _all_buckets(amounts: Mapping[BucketName, Fraction]) -> dict[str, Fraction]:
    return dict.fromkeys(BUCKETS, Fraction(0)) | {str(name): amount for name, amount in amounts.items()}


def _of_flows(inputs: FlowSet) -> Result:
    as_of_day = _day_number(inputs.as_of)
    flows = _frame(inputs.flows)
    views = {"contractual": flows}
    for name, rules in (("behavioural", inputs.behaviour), ("stressed", inputs.stress)):
        if rules is not None:
            views[name] = apply_rules(flows, [_rule(rule) for rule in rules], as_of_day=as_of_day)
    result: Result = {"as_of": inputs.as_of.isoformat()}
    for name, seen in views.items():
        table = gap_table(
            seen,
            as_of_day=as_of_day,
            by=inputs.by,
            calendars=_calendars(inputs.calendars),
            intragroup=inputs.intragroup,
        )
        result[name] = _groups(table, inputs)
        if inputs.reporting_currency is not None:
            exponent(inputs.reporting_currency)
            together = all_currencies(table, inputs.mid_rates, inputs.reporting_currency)
            result[f"{name}_all_currencies"] = _groups(together, inputs.model_copy(update={"total_assets": None}))
    return result


def _groups(table: pl.DataFrame, inputs: FlowSet) -> list[dict[str, Any]]:
    groups = []
    for key, rows in table.group_by("currency", *inputs.by, maintain_order=True):
        currency = str(key[0])
        columns: dict[str, dict[str, int | None]] = {
            shown: dict(zip(BUCKETS, rows[f"{name}_minor"].to_list(), strict=True))
            for shown, name in (
                ("inflow", "inflow"),
                ("outflow", "outflow"),
                ("gaps", "gap"),
                ("cumulative", "cumulative"),
            )
        }
        inflow, outflow, running = (
            [columns[shown][name] or 0 for name in CUMULATED] for shown in ("inflow", "outflow", "cumulative")
        )
        groups.append(
            {
                "currency": currency,
                **{str(name): str(value) for name, value in zip(inputs.by, key[1:], strict=True)},
                **{
                    shown: {name: to_text(minor, currency) for name, minor in values.items() if minor is not None}
                    for shown, values in columns.items()
                },
                **_ratios(inflow, outflow, running, _assets_minor(inputs.total_assets, currency)),
            }
        )
    return groups


def _ratios(
    inflow: Sequence[int], outflow: Sequence[int], running: Sequence[int], total_assets: int | None
) -> dict[str, Any]:
    """Coverage and, with total assets, mismatch at 7, 30 and 90 days; the buckets from ON on."""
    found: dict[str, Fraction | None] = {}
    reasons = []
    mismatch = None if total_assets is None else mismatch_ratios(running, total_assets)
    if total_assets == 0:
        reasons.append("total assets are 0")
    coverage = coverages(inflow, outflow)
    for horizon, bucket in HORIZONS.items():
        at = CUMULATED.index(bucket)
        if mismatch is not None:
            found[f"mismatch_{horizon}"] = mismatch[at]
        found[f"coverage_{horizon}"] = coverage[at]
        if coverage[at] is None:
            reasons.append(f"nothing flows out up to {bucket}")
    shown: dict[str, Any] = {}
    for name, ratio in found.items():
        shown[f"{name}_pct"], shown[f"{name}_exact"] = percent_text(ratio, PCT_DIGITS), exact_text(ratio)
    return shown | not_computable(reasons)


def _frame(flows: Sequence[Flow]) -> pl.DataFrame:
    columns: dict[str, list[Any]] = {name: [] for name in _SCHEMA}
    for at, flow in enumerate(flows):
        row = flow.model_dump(exclude={"date", "amount", "rate"})
        row["amount_minor"] = _minor(flow.amount, flow.currency, f"flows[{at}]")
        row["day"] = {"DEMAND": DEMAND_DAY, "UNDATED": UNDATED_DAY}.get(str(flow.date))
        if not isinstance(flow.date, str):
            row["day"] = _day_number(flow.date)
        row["rate_units"] = _rate_units(flow.rate, f"flows[{at}]")
        for name, values in columns.items():
            values.append(row[name])
    return pl.DataFrame(columns, schema=_SCHEMA)


_SCHEMA = {
    **dict.fromkeys(("contract", "kind", "currency", "organisation", "business_line"), pl.String),
    **dict.fromkeys(("product", "customer", "counterparty"), pl.String),
    **dict.fromkeys(("day", "amount_minor", "rate_units"), pl.Int64),
    "intragroup": pl.Boolean,
}


def _minor(amount: Fraction, currency: str, record: str) -> int:
    try:
        digits = exponent(currency)
    except InvalidInput as error:
        raise InvalidInput(str(error), field=f"{record}.currency", record=record) from error
    minor = amount * 10**digits
    if minor.denominator != 1 or abs(minor) > AMOUNT_MINOR_MAX:
        message = f"want at most {digits} decimals and {AMOUNT_MINOR_MAX} minor units"
        raise InvalidInput(message, field=f"{record}.amount", record=record)
    return int(minor)


def _rate_units(rate: Fraction | None, record: str) -> int | None:
    if rate is None:
        return None
    units = rate * RATE_SCALE
    if units.denominator != 1 or abs(units) > 10 * RATE_SCALE:
        raise InvalidInput("want an annual rate of at most 9 decimals", field=f"{record}.rate", record=record)
    return int(units)


def _assets_minor(total_assets: Mapping[str, Fraction] | None, currency: str) -> int | None:
    if total_assets is None:
        return None
    if currency not in total_assets:
        raise InvalidInput(f"no total assets in {currency}", field="total_assets", record=currency)
    return _minor(total_assets[currency], currency, "total_assets")


def _rule(rule: BehaviourRule) -> Rule:
    where: dict[str, Sequence[str]] = {str(name): values for name, values in rule.where.items()}
    return Rule(rule.name, rule.kind, rule.parameters, where)


def _calendars(calendars: Mapping[str, Weekdays] | None) -> dict[str, np.busdaycalendar] | None:
    if calendars is None:
        return None
    if any("1" not in found.week for found in calendars.values()):
        raise InvalidInput("a week wants a business day", field="calendars")
    return {
        currency: np.busdaycalendar(weekmask=found.week, holidays=list(found.holidays))
        for currency, found in calendars.items()
    }


def _day_number(day: Any) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))


CALCULATION = Calculation(
    "gap",
    "Maturity mismatch: in, out, gap, cumulative gap, coverage by bucket (LIQ-12).",
    (Variant("buckets", BucketSums, _of_buckets), Variant("flows", FlowSet, _of_flows)),
)
