"""Guide provisions of a classified loan book, and the coverage and loan provision ratios. Exact.

Rates and minimums come in as arguments: they are policy data. Not for classifying: `engines.classification`; not for
expected credit losses under an accounting standard.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from engines.classification import NON_PERFORMING, TIERS
from engines.primitives.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Provisions:
    """Ratios are null where their denominator is 0."""

    total_loans: Fraction
    non_performing: Fraction
    npl_ratio: Fraction | None
    general_provision: Fraction
    specific_provision: Fraction
    coverage_ratio: Fraction | None  # provisions / non-performing loans
    loan_provision_ratio: Fraction | None  # provisions / loans
    required_by_coverage: Fraction
    required_by_loan_provision: Fraction
    required_binding: Fraction  # the higher need
    meets_both: bool

    @property
    def guide_total(self) -> Fraction:
        return self.general_provision + self.specific_provision


def provisions(
    balances: Mapping[str, Fraction],
    general_rate: Fraction,
    specific_rates: Mapping[str, Fraction],
    provisions_held: Fraction,
    *,
    coverage_minimum: Fraction,
    loan_provision_minimum: Fraction,
) -> Provisions:
    """What the guide asks for, and whether what is held meets both minimums.

    `meets_both` compares amounts, so that a book without a bad loan needs no coverage and can meet both.

    Args:
        balances: by tier, >= 0. specific_rates: by tier but normal, 0..1. The general rate falls on all loans.
    Raises:
        InvalidInput: a tier is missing or unknown, a number is negative, a rate above 1.
    Source: PBC 2002 guideline; CBRC Order 2011 No 4, notice 2018 No 7.
    """
    _check(balances, "balances", TIERS, most=None)
    _check(specific_rates, "specific_rates", TIERS[1:], most=Fraction(1))
    minimums = {"coverage_minimum": coverage_minimum, "loan_provision_minimum": loan_provision_minimum}
    for name, value in {"general_rate": general_rate, "provisions_held": provisions_held, **minimums}.items():
        if value < 0:
            raise InvalidInput("may not be negative", field=name)
    total = sum(balances.values(), Fraction(0))
    bad = sum((balances[tier] for tier in NON_PERFORMING), Fraction(0))
    by_coverage, by_loans = coverage_minimum * bad, loan_provision_minimum * total
    return Provisions(
        total_loans=total,
        non_performing=bad,
        npl_ratio=bad / total if total else None,
        general_provision=general_rate * total,
        specific_provision=sum((balances[tier] * specific_rates[tier] for tier in TIERS[1:]), Fraction(0)),
        coverage_ratio=provisions_held / bad if bad else None,
        loan_provision_ratio=provisions_held / total if total else None,
        required_by_coverage=by_coverage,
        required_by_loan_provision=by_loans,
        required_binding=max(by_coverage, by_loans),
        meets_both=provisions_held >= max(by_coverage, by_loans),
    )


def _check(values: Mapping[str, Fraction], group: str, tiers: tuple[str, ...], most: Fraction | None) -> None:
    for tier in tiers:
        if tier not in values:
            raise InvalidInput("is missing", field=f"{group}.{tier}")
    for tier, value in values.items():
        if tier not in tiers:
            raise InvalidInput(f"is not one of {', '.join(tiers)}", field=f"{group}.{tier}")
        if value < 0 or (most is not None and value > most):
            raise InvalidInput("is out of range", field=f"{group}.{tier}")
