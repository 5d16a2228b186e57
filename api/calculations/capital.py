"""`tidemark calc capital`: capital ratios and buffers, output floor, loan splitting, standardised credit RWA."""

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import Any, Literal

from pydantic import Field

from api.calculations.fields import Day, Exact, Inputs, Name, NonNegative, Share
from api.calculations.liquidity_lines import Overrides, amount_text, chosen, factor_text
from api.calculations.rate_fields import placed
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.repeats import refuse_repeats
from api.calculations.texts import decimal_text, exact_text, not_computable, percent_text
from engines.capital import RISKS, TIERS, Capital, capital_ratios, output_floor
from engines.primitives.errors import InvalidInput
from engines.risk_weighted_assets import CONVERSION_FACTOR, RISK_WEIGHT, exposure_rwa, split_loan
from infra.rate_risk_policies import CapitalPolicy, capital_policy

SPLIT_DIGITS = 2


class Minimums(Inputs):
    cet1: Share | None = None
    tier1: Share | None = None
    total: Share | None = None


class Ratios(Inputs):
    """Ratios of the three tiers; a minimum or buffer that is not given is that of the framework."""

    cet1_gross: Exact
    cet1_deductions: NonNegative = Fraction(0)
    at1: NonNegative = Fraction(0)
    tier2: NonNegative = Fraction(0)
    credit_rwa: NonNegative
    market_rwa: NonNegative
    operational_rwa: NonNegative
    framework: Literal["PRC", "BCBS"] = "PRC"
    minimums: Minimums = Minimums()
    buffers: dict[str, Share] | None = Field(
        default=None, description="conservation, countercyclical, systemic and so on; default: conservation alone"
    )


class RwaByRisk(Inputs):
    credit: NonNegative = Fraction(0)
    market: NonNegative = Fraction(0)
    operational: NonNegative = Fraction(0)

    def by_risk(self) -> dict[str, Fraction]:
        return {risk: getattr(self, risk) for risk in RISKS}


class Floor(Inputs):
    """Risk-weighted assets for the ratios after the output floor."""

    pre_floor_rwa: RwaByRisk
    standardised_rwa: RwaByRisk
    floor: Share | None = Field(default=None, description="default: that of as_of, without one the final one")
    as_of: Day | None = None


class Mortgage(Inputs):
    id: Name
    loan: NonNegative
    property_value: NonNegative
    senior_liens_elsewhere: NonNegative = Fraction(0)
    pari_passu_liens_elsewhere: NonNegative = Fraction(0)
    counterparty_weight: NonNegative | None = Field(default=None, description="default: that of individuals")


class Mortgages(Inputs):
    """Residential mortgages by loan splitting."""

    mortgages: list[Mortgage]
    secured_share: Share | None = None
    secured_weight: Share | None = None


class Exposure(Inputs):
    """Weight and factor are given, or named by their row of the table."""

    name: Name
    amount: NonNegative
    specific_provision: NonNegative = Fraction(0)
    ccf: Share | None = Field(default=None, description="default: that of ccf_code; without one 1, on balance sheet")
    ccf_code: Name | None = None
    risk_weight: NonNegative | None = Field(default=None, description="default: that of weight_code")
    weight_code: Name | None = None


class Exposures(Inputs):
    """Standardised credit RWA: (exposure - specific provision) x conversion factor x risk weight."""

    exposures: list[Exposure]


@cache
def policy() -> CapitalPolicy:
    return capital_policy()


def _ratios(inputs: Ratios) -> Result:
    overrides = Overrides()
    table = policy().minimums[inputs.framework]
    minimums = {
        tier: chosen(overrides, f"minimums.{tier}", getattr(inputs.minimums, tier), table[tier]) for tier in TIERS
    }
    conservation = policy().conservation_buffer[inputs.framework]
    buffers = {"conservation": conservation} if inputs.buffers is None else inputs.buffers
    overrides.add("buffers.conservation", buffers.get("conservation", Fraction(0)), conservation)
    rwa = inputs.credit_rwa + inputs.market_rwa + inputs.operational_rwa
    capital = Capital(inputs.cet1_gross, inputs.cet1_deductions, inputs.at1, inputs.tier2)
    found = capital_ratios(capital, rwa, minimums, buffers)
    names = {"cet1": "cet1", "tier1": "tier1", "total": "total_capital"}
    shown: Result = {names[tier]: amount_text(found.tier[tier].amount) for tier in TIERS}
    shown["rwa"] = amount_text(rwa)
    for tier in TIERS:
        line = found.tier[tier]
        shown |= {
            f"{tier}_ratio_pct": percent_text(line.ratio),
            f"{tier}_ratio_exact": exact_text(line.ratio),
            f"{tier}_meets_minimum": line.meets_minimum,
            f"{tier}_meets_minimum_and_buffer": line.meets_minimum_and_buffer,
        }
    return {
        **shown,
        "cet1_free_for_buffer_pct": percent_text(found.cet1_free_for_buffer),
        "buffer_requirement_pct": percent_text(found.buffer_requirement),
        "buffer_shortfall_pct": percent_text(found.buffer_shortfall),
        "framework": inputs.framework,
        **_provenance(overrides),
    } | not_computable([] if rwa else ["risk-weighted assets are 0"])


def _floor(inputs: Floor) -> Result:
    overrides = Overrides()
    floor = chosen(overrides, "floor", inputs.floor, policy().output_floor_on(inputs.as_of))
    found = output_floor(inputs.pre_floor_rwa.by_risk(), inputs.standardised_rwa.by_risk(), floor)
    return {
        "pre_floor_total": amount_text(found.pre_floor_total),
        "standardised_total": amount_text(found.standardised_total),
        "floored_base": amount_text(found.floored_base),
        "rwa_for_ratios": amount_text(found.rwa_for_ratios),
        "floor_binding": found.floor_binding,
        "floor": factor_text(floor),
        **_provenance(overrides),
    }


def _mortgages(inputs: Mortgages) -> Result:
    refuse_repeats([mortgage.id for mortgage in inputs.mortgages], "mortgages", "id")
    overrides = Overrides()
    share = chosen(overrides, "secured_share", inputs.secured_share, policy().secured_share)
    weight = chosen(overrides, "secured_weight", inputs.secured_weight, policy().secured_weight)
    lines = []
    total = Fraction(0)
    for place, mortgage in enumerate(inputs.mortgages):
        record = f"mortgages[{place}]"
        own = mortgage.counterparty_weight
        counterparty = chosen(overrides, f"{record}.counterparty_weight", own, policy().counterparty_weight)
        with placed(record):
            found = split_loan(
                mortgage.loan,
                mortgage.property_value,
                mortgage.senior_liens_elsewhere,
                mortgage.pari_passu_liens_elsewhere,
                counterparty_weight=counterparty,
                secured_share=share,
                secured_weight=weight,
            )
        total += found.rwa
        lines.append(
            {
                "id": mortgage.id,
                # The published name of the column; the weight itself is `secured_weight` below.
                "at_20pct": decimal_text(found.secured, SPLIT_DIGITS),
                "at_counterparty_weight": decimal_text(found.rest, SPLIT_DIGITS),
                "rwa": decimal_text(found.rwa, SPLIT_DIGITS),
            }
        )
    used = {"secured_share": factor_text(share), "secured_weight": factor_text(weight)}
    return {"mortgages": lines, "total_rwa": amount_text(total), **used, **_provenance(overrides)}


def _exposures(inputs: Exposures) -> Result:
    overrides = Overrides()
    lines = []
    total = Fraction(0)
    for place, exposure in enumerate(inputs.exposures):
        record = f"exposures[{place}]"
        weight = _factor(overrides, exposure.risk_weight, exposure.weight_code, RISK_WEIGHT, record)
        factor = _factor(overrides, exposure.ccf, exposure.ccf_code, CONVERSION_FACTOR, record)
        with placed(record):
            rwa = exposure_rwa(exposure.amount, exposure.specific_provision, factor, weight)
        total += rwa
        factors = {"ccf": factor_text(factor), "risk_weight": factor_text(weight)}
        lines.append({"name": exposure.name, **factors, "rwa": amount_text(rwa)})
    return {"lines": lines, "credit_rwa": amount_text(total), **_provenance(overrides)}


def _factor(overrides: Overrides, given: Fraction | None, code: str | None, measure: str, record: str) -> Fraction:
    """The line's own factor wins; missing, that of the table's row (decision Q8)."""
    name, code_name = ("ccf", "ccf_code") if measure == CONVERSION_FACTOR else ("risk_weight", "weight_code")
    if code is None:
        if given is not None:
            return given
        if measure == CONVERSION_FACTOR:
            return Fraction(1)
        message = "give a risk_weight, or the weight_code of its row"
        raise InvalidInput(message, field=f"{record}.{name}", record=record)
    try:
        table = policy().weights.value(code, measure)
    except InvalidInput as error:
        raise InvalidInput(str(error), field=f"{record}.{code_name}", record=record, code=code) from error
    return chosen(overrides, f"{record}.{name}", given, table, code)


def _provenance(overrides: Overrides) -> Mapping[str, Any]:
    table = {"name": "rwa_weights", "version": policy().weights.version}
    return {"factor_table": table, "overrides": overrides.found}


CALCULATION = Calculation(
    "capital",
    "Capital ratios and buffers, output floor, loan splitting, standardised credit RWA.",
    (
        Variant("ratios", Ratios, _ratios),
        Variant("output_floor", Floor, _floor),
        Variant("loan_splitting", Mortgages, _mortgages),
        Variant("exposures", Exposures, _exposures),
    ),
)
