"""RiskFactor, StressScenario and LiquidityPolicy: what the liquidity framework stands on, as decisions with authors.

Source: spec/liquidity.md LIQ-32 (scenario library), LIQ-38 (register of risk factors), LIQ-43 (governance). Nobody
approves a change of his own; a scenario is reviewed at least quarterly, a factor without an indicator or a scenario
is a gap that the register shows.
"""

from typing import Any

from aggregates.refusals import unless_field
from aggregates.steps.case import Case
from aggregates.steps.rows import Clause, Facts, clause, row
from aggregates.steps.step import Step

FACTOR_CLASSES = ("FUNDING", "MARKET", "INTRADAY", "CONTINGENT", "FX", "CONCENTRATION")
PRIMARY_RISKS = ("CREDIT", "MARKET", "OPERATIONAL", "REPUTATION", "LIQUIDITY")
SCENARIO_KINDS = ("BASE", "INSTITUTION", "MARKET", "COMBINED")

ANOTHER: Clause = clause(
    "SD1", "nobody approves a change of his own", lambda s: not s.case.has_played(s.actor, "maker")
)


def _factor(step: Step) -> Facts:
    for name, allowed in (("factor_class", FACTOR_CLASSES), ("primary_risk", PRIMARY_RISKS)):
        value = step.get(name)
        unless_field(value is None or value in allowed, name, f"want one of {', '.join(allowed)}")
    origin = step.get("origin")
    unless_field(origin in (None, "INTERNAL", "EXTERNAL"), "origin", "want INTERNAL or EXTERNAL")
    return {}


FACTOR = (
    "origin:E, factor_class:E, description:S, owner:I, primary_risk:E, indicator_ids:L, scenario_ids:L, rating:E?, "
    "time:S?, cost:S?, amount:S?, review_on:D"
)


class RiskFactor(Case):
    """A factor of liquidity risk: registered, assessed again at each review, retired."""

    NAME = "RiskFactor"
    KEY = "factor_no"
    ROWS = (
        row(
            "Register",
            "RiskFactorRegistered",
            "RM TR",
            FACTOR,
            makes=True,
            next="ACTIVE",
            default=lambda step: {"indicator_ids": [], "scenario_ids": [], "primary_risk": "LIQUIDITY"},
            derive=_factor,
            remember="maker",
        ),
        row(
            "Review",
            "RiskFactorReviewed",
            "RM",
            ", ".join(f"{part.strip().removesuffix('?')}?" for part in FACTOR.split(",")) + ", judgement:S",
            stages="ACTIVE",
            derive=_factor,
            remember="reviewer",
        ),
        row("Retire", "RiskFactorRetired", "RM", "why:S", stages="ACTIVE", next="ENDED"),
    )

    def extra(self) -> dict[str, Any]:
        """The gaps that the register reports."""
        gaps = [name for name in ("indicator_ids", "scenario_ids") if not self.facts.get(name)]
        return {"gaps": [name.removesuffix("_ids") for name in gaps]}


def _scenario(step: Step) -> Facts:
    kind = step.get("kind")
    unless_field(kind in (None, *SCENARIO_KINDS), "kind", f"want one of {', '.join(SCENARIO_KINDS)}")
    return {"scenario_version": step.case.facts.get("scenario_version", 0) + 1 if step.exists else 1}


class StressScenario(Case):
    """A scenario of the library: drafted in versions, published by another person, reviewed, withdrawn."""

    NAME = "StressScenario"
    KEY = "scenario_no"
    ROWS = (
        row(
            "Draft",
            "ScenarioDrafted",
            "RM TR",
            "scenario_version:N, kind:E, horizon_days:N, severity:E, shocks:J, narrative:S, judgement:S?",
            makes_if_absent=True,
            stages="DRAFT PUBLISHED",
            next="DRAFT",
            derive=_scenario,
            remember="maker",
        ),
        row(
            "Publish",
            "ScenarioPublished",
            "AC HA",
            "scenario_version:N, reviewed_on:D",
            stages="DRAFT",
            next="PUBLISHED",
            clauses=(ANOTHER,),
            default=lambda step: {"reviewed_on": step.day},
            derive=lambda step: {"scenario_version": step.case.facts["scenario_version"]},
        ),
        row(
            "Review",
            "ScenarioReviewed",
            "RM AC",
            "reviewed_on:D, judgement:S",
            stages="PUBLISHED",
            default=lambda step: {"reviewed_on": step.day},
        ),
        row("Withdraw", "ScenarioWithdrawn", "AC HA", "why:S", stages="DRAFT PUBLISHED", next="WITHDRAWN"),
    )


class LiquidityPolicy(Case):
    """The policy guide of a year: appetite and limits that cite it, signed by the board's delegate."""

    NAME = "LiquidityPolicy"
    KEY = "policy_no"
    ROWS = (
        row(
            "Draft",
            "PolicyDrafted",
            "TR RM",
            "year:N, appetite:S, limits:L, valid_from:D, valid_to:D?, document:I?",
            makes_if_absent=True,
            stages="DRAFT",
            next="DRAFT",
            default=lambda step: {"limits": [], "valid_from": step.day},
            remember="maker",
        ),
        row(
            "Approve",
            "PolicyApproved",
            "AC HA",
            "approval_no:S",
            stages="DRAFT",
            next="IN_FORCE",
            clauses=(ANOTHER,),
            default=lambda step: {"approval_no": "-"},
        ),
        row("Review", "PolicyReviewed", "AC HA RM", "outcome:S", stages="IN_FORCE"),
        row("Supersede", "PolicySuperseded", "AC HA", "by_no:I", stages="IN_FORCE", next="SUPERSEDED"),
    )
