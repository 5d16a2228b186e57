"""Raw ACTUS terms of the simulated bank's contracts that its other terms cannot say: floating loans, swaps.

Money is decimal text, which ACTUS numbers may be. Index and spread are the record's own.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from streams.schemas import Contract

ActusType = Literal["NAM", "SWPPV"]

INDEX = {"NAM": "LPR-1Y", "SWPPV": "SHIBOR-3M"}
DAY_COUNTS = {"ACT/360": "A360", "ACT/365": "A365", "30/360": "30E360ISDA"}
PAYMENT_BP = 300  # a floating loan pays so much of its principal each period; interest comes first


def floating(record: Contract, contract_type: ActusType, spread_bp: int) -> Contract:
    """`record` as a floating loan (NAM), or as a swap that receives its rate as the fixed one (SWPPV).

    The floating rate is the record's, or the swap's fixed one less the spread: what was fixed last.
    """
    cycle = f"P{record.pay_freq}L1"
    spread = Decimal(spread_bp) / 10_000
    terms: dict[str, object] = {
        "contractType": contract_type,
        "initialExchangeDate": record.start_date,
        "maturityDate": record.maturity_date,
        "notionalPrincipal": record.principal,
        "nominalInterestRate": record.rate,
        "dayCountConvention": DAY_COUNTS[record.day_count],
        "cycleOfRateReset": cycle,
        "marketObjectCodeOfRateReset": INDEX[contract_type],
        "rateSpread": str(spread),
    }
    if contract_type == "NAM":
        payment = Decimal(record.principal) * PAYMENT_BP / 10_000
        terms |= {"cycleOfPrincipalRedemption": cycle, "nextPrincipalRedemptionPayment": str(payment)}
    else:
        terms |= {
            "contractRole": "RF",
            "deliverySettlement": "D",
            "cycleOfInterestPayment": cycle,
            "nominalInterestRate2": str(Decimal(record.rate) - spread),
        }
    return msgspec.structs.replace(
        record,
        actus=terms,
        rate_type="float",
        index=INDEX[contract_type],
        spread=str(spread),
        reprice_freq=record.pay_freq,
    )


def with_principal(record: Contract, principal: str) -> dict[str, object]:
    """The raw terms of `record`, if it has any, over another principal."""
    return record.actus | {"notionalPrincipal": principal} if record.actus else {}
