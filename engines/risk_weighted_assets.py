"""Credit risk-weighted assets, standardised approach: exposures by weight, and loan splitting. Exact.

Weights and conversion factors come in as arguments: they are policy data (`RiskWeights`). Not for capital ratios.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from engines.primitives.errors import InvalidInput

RISK_WEIGHT, CONVERSION_FACTOR = "risk_weight", "credit_conversion_factor"


@dataclass(frozen=True, slots=True)
class WeightRow:
    measure: str  # risk_weight, credit_conversion_factor, minimum_ratio, buffer, floor, multiplier
    value: Fraction | None  # None: not set, to be configured before use


@dataclass(frozen=True, slots=True)
class RiskWeights:
    """One version of the table: rows by their code."""

    version: str
    row_by_code: Mapping[str, WeightRow]

    def value(self, code: str, measure: str) -> Fraction:
        """Raises InvalidInput (`code`): not in the table, of another measure, or not configured."""
        row = self.row_by_code.get(code)
        if row is None:
            raise InvalidInput(f"the table has no row {code!r}", code=code)
        if row.measure != measure:
            raise InvalidInput(f"row {code} is a {row.measure}, not a {measure}", code=code)
        if row.value is None:
            raise InvalidInput(f"row {code} has no value: configure it first", code=code)
        return row.value


def exposure_rwa(
    amount: Fraction, specific_provision: Fraction, conversion_factor: Fraction, risk_weight: Fraction
) -> Fraction:
    """`(exposure - specific provision) x conversion factor x risk weight`.

    Raises:
        InvalidInput: a number is negative, the provision is above the exposure, the factor above 1, the weight
            above 12.5 (1 / 8%: more than the exposure itself would be lost).
    Source: CRE20.7-20.110.
    """
    for name, value, most, limit in (
        ("amount", amount, None, ""),
        ("specific_provision", specific_provision, amount, "amount"),
        ("ccf", conversion_factor, Fraction(1), "highest of 1"),
        ("risk_weight", risk_weight, Fraction(25, 2), "highest of 12.5"),
    ):
        if value < 0:
            raise InvalidInput(f"{name} is negative", field=name)
        if most is not None and value > most:
            raise InvalidInput(f"{name} is above the {limit}", field=name)
    return (amount - specific_provision) * conversion_factor * risk_weight


@dataclass(frozen=True, slots=True)
class SplitLoan:
    secured: Fraction  # at the secured weight
    rest: Fraction  # at the counterparty's weight
    rwa: Fraction


def split_loan(
    loan: Fraction,
    property_value: Fraction,
    senior_liens: Fraction,
    equal_liens: Fraction,
    *,
    counterparty_weight: Fraction,
    secured_share: Fraction,
    secured_weight: Fraction,
) -> SplitLoan:
    """A residential mortgage by loan splitting; the two parts add up to the loan.

    `room = max(0, secured_share x value - senior liens of others)`, of which equal-ranking liens of others take their
    share by amount; `min(loan, room)` takes the secured weight, the rest the counterparty's.

    Raises:
        InvalidInput: a number is negative, or a share above 1.
    Source: CRE20.83 with its footnote.
    """
    given = {
        "loan": loan,
        "property_value": property_value,
        "senior_liens_elsewhere": senior_liens,
        "pari_passu_liens_elsewhere": equal_liens,
        "counterparty_weight": counterparty_weight,
        "secured_share": secured_share,
        "secured_weight": secured_weight,
    }
    for name, value in given.items():
        if value < 0:
            raise InvalidInput(f"{name} is negative", field=name)
    if secured_share > 1:
        raise InvalidInput("secured_share is above 1", field="secured_share")
    room = max(Fraction(0), secured_share * property_value - senior_liens)
    own_room = room * loan / (loan + equal_liens) if loan else Fraction(0)
    secured = min(loan, own_room)
    return SplitLoan(secured, loan - secured, secured * secured_weight + (loan - secured) * counterparty_weight)
