"""From contract records on the wire to the checked terms that the gap is folded from.

Not for schedules: those are `projections.contract_flows`. What cannot be checked here, record by record, is not an
error.
"""

import math
import re
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from engines.flow_frame import RATE_SCALE
from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_minor
from projections.contract_flows import actus_terms
from projections.contract_terms import AMORTISATIONS, DAY_COUNTS, SIDES, ContractTerms
from projections.irregular_flows import irregular_flows
from projections.liquidity_tag import LiquidityFacts, standing
from streams.schemas import Contract

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
MONTHS_BY_FREQUENCY = {"-": 0, "1M": 1, "3M": 3, "6M": 6, "1Y": 12}

RATE_MAX = 10 * RATE_SCALE
TERM_DAYS_MAX = 36_525  # 100 years: a perpetual one is undated, 9999-12-31 would be 96,000 monthly payments
FLOWS_MINOR_MAX = 1 << 61
REPAYMENTS_MAX = 2_000
#: Rate times years of an annuity. Beyond it the rounding of the instalment outgrows any principal.
ANNUITY_GROWTH_MAX = 20
SIDE_BY_ROLE = {"RPA": ("asset", "obs_in"), "RPL": ("liability", "obs_out")}

_RATE = re.compile(r"(-?)([0-9]{1,4})(?:\.([0-9]{1,9}))?")


def contract_terms(record: Contract) -> ContractTerms:
    """The terms of a decoded record.

    Raises InvalidInput with the fact `field`, and `contract_id`, for an unknown currency, side,
    amortisation, day count or frequency, a bad amount, date or rate, a negative principal, a maturity
    before the start or more than 100 years after it, a schedule that does not rise or repays more than there is,
    and for terms whose interest could pass 2**61 minor units. For raw ACTUS terms `field` is `actus.` and the
    name of the term that breaks a rule of the standard.
    """
    try:
        return _terms(record)
    except InvalidInput as error:
        raise InvalidInput(str(error), **(error.facts | {"contract_id": record.contract_id})) from error


@lru_cache(maxsize=65_536)  # a book has few dates and fewer rates
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


@lru_cache(maxsize=65_536)
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


#: What a contract's liquidity tag is made of, in the order of `liquidity_tag`'s arguments.
facts = attrgetter(
    "side",
    "loan_class",
    "overdue_days",
    "insured",
    "operational",
    "secured_by",
    "encumbrance",
    "intragroup",
    "cpty_type",
)


@lru_cache(maxsize=65_536)  # a book has few combinations
def liquidity_tag(
    side: str,
    loan_class: str,
    overdue_days: int,
    insured: bool,
    operational: bool,
    secured_by: str,
    encumbrance: str,
    intragroup: bool,
    counterparty: str,
) -> str:
    """The regulatory facts of a record as its cell's tag."""
    return LiquidityFacts(
        side=side,
        standing=standing(loan_class, overdue_days),
        insured="insured" if insured else "-",
        operational="operational" if operational else "-",
        secured_by=secured_by,
        encumbrance=encumbrance,
        intragroup="intragroup" if intragroup else "-",
        counterparty=counterparty,
    ).tag


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
    _check_repricing(record)
    terms = ContractTerms(
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
        schedule=_schedule(record),
        actus=_canonical(record.actus),
        fixings={code: _number(text, code) for code, text in record.fixings.items()},
        liquidity_tag=liquidity_tag(*facts(record)),
    )
    _check_term(terms)
    _check_schedule(terms)
    _check_actus(terms)
    return terms


def _check_term(terms: ContractTerms) -> None:
    start, maturity = terms.start_day, terms.maturity_day
    if terms.schedule and maturity is None:
        maturity = terms.schedule[-1][0]
    if maturity is None:
        return
    if maturity < start:
        raise InvalidInput("the maturity is before the start", field="maturity_date")
    if maturity - start > TERM_DAYS_MAX:
        raise InvalidInput("the maturity is more than 100 years after the start", field="maturity_date")
    growth = abs(terms.rate_units) * (maturity - start + 366)
    if terms.principal_minor * (360 * RATE_SCALE + growth) > FLOWS_MINOR_MAX * 360 * RATE_SCALE:
        raise InvalidInput("the interest passes what can be counted", field="principal")
    if terms.amortisation == "annuity" and growth > ANNUITY_GROWTH_MAX * 360 * RATE_SCALE:
        raise InvalidInput(f"an annuity's rate times its years passes {ANNUITY_GROWTH_MAX}", field="rate")


def _check_repricing(record: Contract) -> None:
    """What tells when a floating rate is fixed again; the flows do not read it."""
    _one_of(record.reprice_freq, MONTHS_BY_FREQUENCY, "reprice_freq")
    if record.next_reprice_date is not None:
        day_number(record.next_reprice_date, "next_reprice_date")
    if _RATE.fullmatch(record.spread) is None:
        raise InvalidInput(f"spread {record.spread!r} is not a decimal fraction of at most 9 places", field="spread")


def _schedule(record: Contract) -> tuple[tuple[int, int], ...]:
    if len(record.schedule) > REPAYMENTS_MAX:
        raise InvalidInput(f"a schedule has at most {REPAYMENTS_MAX} repayments", field="schedule")
    return tuple(
        (
            day_number(part.date, f"schedule[{place}].date"),
            amount_minor(part.principal, record.ccy, f"schedule[{place}].principal"),
        )
        for place, part in enumerate(record.schedule)
    )


def _check_schedule(terms: ContractTerms) -> None:
    if not terms.schedule:
        return
    if terms.amortisation != "custom" or terms.on_demand:
        raise InvalidInput("only a dated contract of amortisation custom has a schedule", field="schedule")
    if terms.actus:
        raise InvalidInput("ACTUS terms have their own schedule", field="schedule")
    earlier, left = terms.start_day, terms.principal_minor
    for place, (day, part) in enumerate(terms.schedule):
        if day <= earlier:
            raise InvalidInput(
                "repayments rise from one day to the next, after the start", field=f"schedule[{place}].date"
            )
        if terms.maturity_day is not None and day > terms.maturity_day:
            raise InvalidInput("a repayment is after the maturity", field=f"schedule[{place}].date")
        if not part or part > left:
            raise InvalidInput("a repayment is nothing, or more than is left", field=f"schedule[{place}].principal")
        earlier, left = day, left - part
    if left and terms.maturity_day is None:
        raise InvalidInput("without a maturity the schedule must repay the principal", field="schedule")
    irregular_flows(terms, actus_terms(terms))


def _canonical(actus: dict[str, Any]) -> dict[str, Any]:
    """Raw terms as they are kept and read again: JSON."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(actus, order="deterministic"))
    return found


def _check_actus(terms: ContractTerms) -> None:
    """The raw terms have flows: in the record's currency, on its side, under its id."""
    if not terms.actus:
        if terms.fixings:
            raise InvalidInput("fixings without ACTUS terms", field="fixings")
        return
    raw = actus_terms(terms)
    for name, own in (("contractID", terms.contract_id), ("currency", terms.currency)):
        given = str(raw.get(name) or own).strip()
        if given != own:
            raise InvalidInput(f"{name}: {given!r} is not the record's {own!r}", field=f"actus.{name}")
    sides = SIDE_BY_ROLE.get(str(raw["contractRole"]).strip().upper())
    if sides is not None and terms.side not in sides:
        raise InvalidInput(f"contractRole: not that of side {terms.side}", field="actus.contractRole")
    try:
        irregular_flows(terms, raw)
    except InvalidInput as error:
        term = error.facts.get("field", "")
        raise InvalidInput(f"contract {terms.contract_id}: {error}", field=f"actus.{term}") from error


def _number(text: str, code: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidInput(f"{text!r} is not a number", field=f"fixings.{code}")
    return value


def _one_of(value: str, allowed: "tuple[str, ...] | dict[str, int]", field: str) -> None:
    if value not in allowed:
        raise InvalidInput(f"{value!r} is not one of {', '.join(allowed)}", field=field)
