"""Policies of interest rate risk, capital and classification, read into what the engines take.

The files are infra/policies/irrbb.toml, rwa_weights.toml and classification.toml. Not for the formulas.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from engines.classification import TIERS, Backstops
from engines.primitives.errors import InvalidInput
from engines.rate_shocks import SCENARIOS, ShockShape, ShockSizes
from engines.risk_weighted_assets import RiskWeights, WeightRow
from infra.policies import load_policy


@dataclass(frozen=True, slots=True)
class CoreCap:
    share: Fraction
    average_maturity_years: Fraction


@dataclass(frozen=True, slots=True)
class IrrbbPolicy:
    in_force: tuple[tuple[date, str], ...]  # (from, calibration), oldest first
    sizes: Mapping[str, Mapping[str, ShockSizes]]  # by calibration, by currency
    shape: ShockShape
    outlier_threshold: Fraction
    core_cap: Mapping[str, CoreCap]  # by category of deposits
    prepayment_multiplier: Mapping[str, Fraction]  # by scenario
    term_deposit_multiplier: Mapping[str, Fraction]

    def calibration_on(self, day: date) -> str:
        """The calibration in force on `day`. Raises InvalidInput before the first."""
        found = [name for since, name in self.in_force if since <= day]
        if not found:
            raise InvalidInput(f"no calibration of shocks is in force on {day}", field="as_of")
        return found[-1]

    def sizes_of(self, currency: str, calibration: str) -> ShockSizes:
        """Raises InvalidInput: the calibration, or the currency in it, is not in the table."""
        if calibration not in self.sizes:
            raise InvalidInput(f"no calibration {calibration!r}: there are {sorted(self.sizes)}", field="calibration")
        if currency not in self.sizes[calibration]:
            message = f"calibration {calibration} has no sizes for {currency}: give them"
            raise InvalidInput(message, field="currency")
        return self.sizes[calibration][currency]


@dataclass(frozen=True, slots=True)
class CapitalPolicy:
    weights: RiskWeights
    minimums: Mapping[str, Mapping[str, Fraction]]  # by framework, by tier
    conservation_buffer: Mapping[str, Fraction]  # by framework
    output_floors: tuple[tuple[date, Fraction], ...]  # oldest first
    secured_share: Fraction
    secured_weight: Fraction
    counterparty_weight: Fraction

    def output_floor_on(self, day: date | None) -> Fraction:
        """The floor of the phase-in on `day`; without a day the final one. Raises InvalidInput before the first."""
        found = [floor for since, floor in self.output_floors if day is None or since <= day]
        if not found:
            raise InvalidInput(f"no output floor is in force on {day}", field="as_of")
        return found[-1]


@dataclass(frozen=True, slots=True)
class ClassificationPolicy:
    version: str
    backstops: Mapping[str, Backstops]  # by scheme
    contagion_here: Fraction
    contagion_all_banks: Fraction
    general_rate: Fraction
    specific_rates: Mapping[str, Fraction]  # by tier but normal
    coverage_minimum: Fraction
    loan_provision_minimum: Fraction


def irrbb_policy(directory: Path | None = None) -> IrrbbPolicy:
    read = load_policy("irrbb", directory)
    shape = read["shape"]
    return IrrbbPolicy(
        in_force=tuple(
            sorted((date.fromisoformat(line["effective_from"]), line["calibration"]) for line in read["in_force"])
        ),
        sizes={
            name: {
                currency: ShockSizes(*(Fraction(size[key]) for key in ("parallel", "short", "long")))
                for currency, size in calibration["shock_bp"].items()
            }
            for name, calibration in read["calibration"].items()
        },
        shape=ShockShape(
            Fraction(shape["decay_years"]),
            *(Fraction(shape[name][end]) for name in ("steepener", "flattener") for end in ("short", "long")),
        ),
        outlier_threshold=Fraction(read["outlier"]["threshold"]),
        core_cap={
            category: CoreCap(Fraction(cap["share"]), Fraction(cap["average_maturity_years"]))
            for category, cap in read["core_deposit_cap"].items()
        },
        prepayment_multiplier={name: Fraction(read["prepayment_multiplier"][name]) for name in SCENARIOS},
        term_deposit_multiplier={name: Fraction(read["term_deposit_multiplier"][name]) for name in SCENARIOS},
    )


def capital_policy(directory: Path | None = None) -> CapitalPolicy:
    version = load_policy("rwa_weights", directory)["version"][-1]
    rows = version["rows"]
    weights = RiskWeights(version["name"], {code: _weight_row(row) for code, row in rows.items()})
    splitting = version["loan_splitting"]
    minimums: dict[str, dict[str, Fraction]] = {}
    for row in rows.values():
        if row["measure"] == "minimum_ratio":
            tier = {"CET1": "cet1", "Tier 1": "tier1", "Total": "total"}[row["condition"]]
            minimums.setdefault(row["framework"], {})[tier] = Fraction(row["value"])
    return CapitalPolicy(
        weights=weights,
        minimums=minimums,
        conservation_buffer={
            row["framework"]: Fraction(row["value"]) for row in rows.values() if row["measure"] == "buffer"
        },
        output_floors=tuple(
            sorted(
                (date.fromisoformat(step["effective_from"]), Fraction(rows[step["code"]]["value"]))
                for step in version["output_floor_steps"]
            )
        ),
        secured_share=Fraction(splitting["secured_share"]),
        secured_weight=Fraction(rows[splitting["weight_code"]]["value"]),
        counterparty_weight=Fraction(splitting["counterparty_weight"]),
    )


def classification_policy(directory: Path | None = None) -> ClassificationPolicy:
    version = load_policy("classification", directory)["version"][-1]
    rows: dict[str, dict[str, Any]] = version["rows"]
    firsts: dict[str, dict[str, int]] = {}
    rates: dict[str, Fraction] = {}
    for row in rows.values():
        tier = row.get("tier_en", "").lower().replace(" ", "_")
        if row["record_type"] == "tier":
            firsts.setdefault(row["scheme"], {})[tier] = row["days_overdue_min"]
        elif row["scheme"] == "provision_guide_2002":
            rates[tier] = Fraction(row["value"])
    return ClassificationPolicy(
        version=version["name"],
        backstops={
            scheme: Backstops(
                scheme, (days[TIERS[0]], days[TIERS[1]], days[TIERS[2]], days[TIERS[3]], days[TIERS[4]])
            )
            for scheme, days in firsts.items()
        },
        contagion_here=Fraction(rows["CL.06"]["value"]),
        contagion_all_banks=Fraction(rows["CL.07"]["value"]),
        general_rate=Fraction(rows["PV.01"]["value"]),
        specific_rates={tier: rates[tier] for tier in TIERS[1:]},
        coverage_minimum=Fraction(rows["PR.01"]["value"]),
        loan_provision_minimum=Fraction(rows["PR.02"]["value"]),
    )


def _weight_row(row: Mapping[str, Any]) -> WeightRow:
    value = row.get("value")
    return WeightRow(row["measure"], None if value is None else Fraction(value))
