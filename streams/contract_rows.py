"""From contract records on the wire to the checked terms that the gap is folded from.

Not for schedules: those are `engines.cash_flows`. What cannot be checked here, record by record, is not an
error.
"""

import re
from datetime import date

from engines.cash_flows import AMORTISATIONS, DAY_COUNTS, RATE_SCALE
from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_minor
from projections.gap import SIDES, ContractTerms
from streams.schemas import Contract

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
MONTHS_BY_FREQUENCY = {"-": 0, "1M": 1, "3M": 3, "6M": 6, "1Y": 12}

RATE_MAX = 10 * RATE_SCALE
TERM_DAYS_MAX = 36_525  # 100 years: a perpetual one is undated, 9999-12-31 would be 96,000 monthly payments
FLOWS_MINOR_MAX = 1 << 61

_RATE = re.compile(r"(-?)([0-9]{1,4})(?:\.([0-9]{1,9}))?")


def contract_terms(record: Contract) -> ContractTerms:
    """The terms of a decoded record.

    Raises InvalidInput with the fact `field`, and `contract_id`, for an unknown currency, side,
    amortisation, day count or frequency, a bad amount, date or rate, a negative principal, a maturity
    before the start or more than 100 years after it, and for terms whose interest could pass 2**61 minor
    units.
    """
    try:
        return _terms(record)
    except InvalidInput as error:
        raise InvalidInput(str(error), **(error.facts | {"contract_id": record.contract_id})) from error


def day_number(text: str, field: str) -> int:
    """Days from 1970-01-01 to the ISO date `text` (YYYY-MM-DD). Raises InvalidInput naming `field`."""
    try:
        if len(text) != 10:
            raise ValueError(text)
        return date.fromisoformat(text).toordinal() - EPOCH_ORDINAL
    except ValueError:
        raise InvalidInput(f"{text!r} is no ISO date", field=field) from None


def amount_minor(text: str, currency: str, field: str) -> int:
    """Minor units, >= 0, of the amount in `field`. Raises InvalidInput naming it (or `ccy`)."""
    try:
        minor = to_minor(text, currency)
    except InvalidInput as error:
        named = "ccy" if error.facts.get("field") == "ccy" else field
        raise InvalidInput(str(error), field=named) from error
    if minor < 0:
        raise InvalidInput("the amount is negative", field=field)
    return minor


def rate_units(text: str) -> int:
    """An annual rate, decimal fraction as text, in units of 1e-9; above -1, at most 10, else InvalidInput."""
    found = _RATE.fullmatch(text)
    if found is None:
        raise InvalidInput(f"rate {text!r} is not a decimal fraction of at most 9 places", field="rate")
    units = int(found[2]) * RATE_SCALE + int((found[3] or "").ljust(9, "0"))
    units = -units if found[1] else units
    if not -RATE_SCALE < units <= RATE_MAX:
        raise InvalidInput(f"rate {text} is out of range", field="rate")
    return units


def _terms(record: Contract) -> ContractTerms:
    if not record.contract_id:
        raise InvalidInput("the contract has no id", field="contract_id")
    _one_of(record.side, SIDES, "side")
    _one_of(record.amort, AMORTISATIONS, "amort")
    _one_of(record.day_count, DAY_COUNTS, "day_count")
    _one_of(record.pay_freq, MONTHS_BY_FREQUENCY, "pay_freq")
    principal = amount_minor(record.principal, record.ccy, "principal")
    rate = rate_units(record.rate)
    start = day_number(record.start_date, "start_date")
    maturity = None if record.maturity_date is None else day_number(record.maturity_date, "maturity_date")
    if maturity is not None:
        if maturity < start:
            raise InvalidInput("the maturity is before the start", field="maturity_date")
        if maturity - start > TERM_DAYS_MAX:
            raise InvalidInput("the maturity is more than 100 years after the start", field="maturity_date")
        if principal * (360 * RATE_SCALE + abs(rate) * (maturity - start + 366)) > FLOWS_MINOR_MAX * 360 * RATE_SCALE:
            raise InvalidInput("the interest passes what can be counted", field="principal")
    return ContractTerms(
        contract_id=record.contract_id,
        entity=record.entity_id,
        organisation=record.org_id,
        business_line=record.line_id,
        product=record.product_id,
        currency=record.ccy,
        side=record.side,
        amortisation=record.amort,
        day_count=record.day_count,
        months=MONTHS_BY_FREQUENCY[record.pay_freq],
        principal_minor=principal,
        rate_units=rate,
        start_day=start,
        maturity_day=maturity,
        on_demand=record.on_demand,
        closed=record.closed,
    )


def _one_of(value: str, allowed: "tuple[str, ...] | dict[str, int]", field: str) -> None:
    if value not in allowed:
        raise InvalidInput(f"{value!r} is not one of {', '.join(allowed)}", field=field)
