"""Amounts of the LCR that need a rule before they become a line: insured deposits, facilities, lending obligations.

Exact, like `engines.lcr`, which weighs and sums the lines.
"""

from dataclasses import dataclass
from fractions import Fraction

from engines.factor_lines import ZERO, Amount, check_amount, check_share

HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class DepositSplit:
    stable: Fraction
    less_stable: Fraction

    def outflow(self, stable_factor: Fraction, less_stable_factor: Fraction) -> Fraction:
        return self.stable * stable_factor + self.less_stable * less_stable_factor


def split_insured_deposit(
    balance: Amount, insurance_limit: Amount, *, cover_ratio: Fraction, relationship_or_transactional: bool
) -> DepositSplit:
    """The stable part of a depositor's balance: what insurance covers in full, with a reason to stay.

    The limit is one for each depositor and bank: `balance` is all that the depositor has here. Cover below 100%
    makes the whole balance less stable, as does a depositor without relationship or transactional account.

    Raises:
        InvalidInput: an amount is negative, the cover ratio outside 0..1.
    Source: BCBS 238 paragraphs 75-79 and footnote 34.
    """
    whole = check_amount(balance, "balance")
    limit = check_amount(insurance_limit, "insurance_limit")
    is_covered = check_share(cover_ratio, "cover_ratio") == 1 and relationship_or_transactional
    stable = min(whole, limit) if is_covered else ZERO
    return DepositSplit(stable, whole - stable)


@dataclass(frozen=True, slots=True)
class FacilitySplit:
    liquidity_part: Fraction
    credit_part: Fraction

    def outflow(self, credit_factor: Fraction, liquidity_factor: Fraction) -> Fraction:
        return self.liquidity_part * liquidity_factor + self.credit_part * credit_factor


def split_facility(undrawn: Amount, client_debt_backed_due: Amount) -> FacilitySplit:
    """The part of an undrawn line that covers the client's debt due within the horizon is a liquidity facility.

    The rest, under the same agreement, is a credit facility. Raises InvalidInput: an amount is negative.
    Source: BCBS 238 paragraph 128, factors of paragraph 131.
    """
    line = check_amount(undrawn, "undrawn")
    backing = min(line, check_amount(client_debt_backed_due, "client_debt_backed_due_30d"))
    return FacilitySplit(backing, line - backing)


def lending_excess(obligations: Amount, inflows: Amount, *, inflow_share: Fraction = HALF) -> Fraction:
    """Obligations to lend to retail and corporate clients above `inflow_share` of their contractual inflows, >= 0.

    Raises InvalidInput: an amount is negative, the share outside 0..1.
    Source: BCBS 238 paragraph 133.
    """
    owed = check_amount(obligations, "contractual_obligations")
    expected = check_amount(inflows, "contractual_inflows") * check_share(inflow_share, "inflow_share")
    return max(ZERO, owed - expected)
