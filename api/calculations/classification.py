"""`tidemark calc classification`: overdue backstops, contagion within a debtor, provisions and their coverage."""

from fractions import Fraction
from functools import cache
from typing import Any, Literal

from pydantic import Field

from api.calculations.fields import Count, Inputs, Name, NonNegative, Share
from api.calculations.liquidity_lines import Overrides, amount_text, chosen
from api.calculations.rate_fields import placed
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.repeats import refuse_repeats
from api.calculations.texts import not_computable, percent_text
from engines.classification import TIERS, Backstops, contagion, is_non_performing, worse_of, worst_allowed_tier
from engines.primitives.errors import InvalidInput
from engines.provisions import provisions
from infra.rate_risk_policies import ClassificationPolicy, classification_policy

Tier = Literal["normal", "special_mention", "substandard", "doubtful", "loss"]


class _Scheme(Inputs):
    scheme: Name = Field(default="five_tier_2023", description="or credit_card_2011")


class DaysOverdue(_Scheme):
    """The best tier that days overdue allow."""

    days_overdue: list[Count]


class Loan(Inputs):
    loan: Name
    days_overdue: Count
    judged_tier: Tier


class Loans(_Scheme):
    """Judgement and backstop together: the worse of the two."""

    loans: list[Loan]


class Debtor(Inputs):
    """A non-retail debtor: its claims at this bank, its debt at all banks."""

    debtor: Name
    claims_here: list[NonNegative]
    non_performing_here: list[bool]
    debt_all_banks: NonNegative
    overdue_gt90_all_banks: NonNegative


class Debtors(Inputs):
    debtors: list[Debtor]
    threshold_here: Share | None = None
    threshold_all_banks: Share | None = None


class Balances(Inputs):
    normal: NonNegative
    special_mention: NonNegative
    substandard: NonNegative
    doubtful: NonNegative
    loss: NonNegative


class SpecificRates(Inputs):
    special_mention: Share | None = None
    substandard: Share | None = None
    doubtful: Share | None = None
    loss: Share | None = None


class Book(Inputs):
    """Balances by tier; rates and minimums that are not given are those of the guide."""

    balances: Balances
    provisions_held: NonNegative
    general_rate: Share | None = None
    specific_rates: SpecificRates = SpecificRates()
    coverage_minimum: NonNegative | None = None
    loan_provision_minimum: Share | None = None


@cache
def policy() -> ClassificationPolicy:
    return classification_policy()


def _backstops(scheme: str) -> Backstops:
    if scheme not in policy().backstops:
        raise InvalidInput(f"no scheme {scheme!r}: there are {sorted(policy().backstops)}", field="scheme")
    return policy().backstops[scheme]


def _days_overdue(inputs: DaysOverdue) -> Result:
    backstops = _backstops(inputs.scheme)
    lines = []
    for days in inputs.days_overdue:
        tier = worst_allowed_tier(days, backstops)
        lines.append({"days": days, "worst_allowed_tier": tier, "non_performing": is_non_performing(tier)})
    return {"tiers": lines, **_table(inputs.scheme)}


def _loans(inputs: Loans) -> Result:
    refuse_repeats([loan.loan for loan in inputs.loans], "loans", "loan")
    backstops = _backstops(inputs.scheme)
    lines = []
    for loan in inputs.loans:
        backstop = worst_allowed_tier(loan.days_overdue, backstops)
        tier = worse_of(loan.judged_tier, backstop)
        lines.append(
            {
                "loan": loan.loan,
                "worst_allowed_tier": backstop,
                "tier": tier,
                "backstop_applied": tier != loan.judged_tier,
                "non_performing": is_non_performing(tier),
            }
        )
    return {"loans": lines, **_table(inputs.scheme)}


def _debtors(inputs: Debtors) -> Result:
    # The thresholds are of all that a debtor owes: its claims in two records would be tested apart.
    refuse_repeats([debtor.debtor for debtor in inputs.debtors], "debtors", "debtor")
    overrides = Overrides()
    here = chosen(overrides, "threshold_here", inputs.threshold_here, policy().contagion_here)
    everywhere = chosen(overrides, "threshold_all_banks", inputs.threshold_all_banks, policy().contagion_all_banks)
    lines = []
    for place, debtor in enumerate(inputs.debtors):
        with placed(f"debtors[{place}]"):
            found = contagion(
                debtor.claims_here,
                debtor.non_performing_here,
                debtor.debt_all_banks,
                debtor.overdue_gt90_all_banks,
                threshold_here=here,
                threshold_all_banks=everywhere,
            )
        reasons = [] if found.non_performing_share_here is not None else ["there is no claim here"]
        reasons += [] if found.overdue_share_all_banks is not None else ["there is no debt at any bank"]
        lines.append(
            {
                "debtor": debtor.debtor,
                "non_performing_share_here_pct": percent_text(found.non_performing_share_here),
                "overdue_share_all_banks_pct": percent_text(found.overdue_share_all_banks),
                "all_claims_non_performing": found.all_claims_non_performing,
            }
            | not_computable(reasons)
        )
    return {"debtors": lines, "overrides": overrides.found, **_table("five_tier_2023")}


def _book(inputs: Book) -> Result:
    overrides = Overrides()
    table = policy()
    rates = {
        tier: chosen(overrides, f"specific_rates.{tier}", getattr(inputs.specific_rates, tier), rate)
        for tier, rate in table.specific_rates.items()
    }
    balances: dict[str, Fraction] = {tier: getattr(inputs.balances, tier) for tier in TIERS}
    found = provisions(
        balances,
        chosen(overrides, "general_rate", inputs.general_rate, table.general_rate),
        rates,
        inputs.provisions_held,
        coverage_minimum=chosen(overrides, "coverage_minimum", inputs.coverage_minimum, table.coverage_minimum),
        loan_provision_minimum=chosen(
            overrides, "loan_provision_minimum", inputs.loan_provision_minimum, table.loan_provision_minimum
        ),
    )
    reasons = [] if found.total_loans else ["there are no loans"]
    reasons += [] if found.non_performing else ["there are no non-performing loans"]
    return {
        "total_loans": amount_text(found.total_loans),
        "non_performing": amount_text(found.non_performing),
        "npl_ratio_pct": percent_text(found.npl_ratio),
        "general_provision": amount_text(found.general_provision),
        "specific_provision": amount_text(found.specific_provision),
        "guide_total": amount_text(found.guide_total),
        "coverage_ratio_pct": percent_text(found.coverage_ratio),
        "loan_provision_ratio_pct": percent_text(found.loan_provision_ratio),
        "required_by_coverage": amount_text(found.required_by_coverage),
        "required_by_loan_provision": amount_text(found.required_by_loan_provision),
        "required_binding": amount_text(found.required_binding),
        "meets_both": found.meets_both,
        "overrides": overrides.found,
        **_table("provision_guide_2002"),
    } | not_computable(reasons)


def _table(scheme: str) -> dict[str, Any]:
    return {"factor_table": {"name": "classification", "scheme": scheme, "version": policy().version}}


CALCULATION = Calculation(
    "classification",
    "Five-tier backstops by days overdue, contagion within a debtor, guide provisions and coverage.",
    (
        Variant("days_overdue", DaysOverdue, _days_overdue),
        Variant("loans", Loans, _loans),
        Variant("debtors", Debtors, _debtors),
        Variant("book", Book, _book),
    ),
)
