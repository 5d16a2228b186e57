"""The terms of a contract, under their dictionary names in snake_case, read and checked.

A term that is absent, null or empty text has the default of the dictionary. Units: rates are fractions a year,
instants seconds since 1970-01-01, amounts in the contract's currency. What a contract type requires, and what
contradicts what, is checked in `term_rules`.
Source: ACTUS dictionary, terms.
"""

# ruff: noqa: RUF009  (real(), cycle() and the like are dataclasses.field, told how to read the term)

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engines.actus import calendars, day_counts
from engines.actus.cycles import Cycle, Period
from engines.actus.term_values import (
    RATE_MAX,
    Reading,
    choice,
    choices,
    cycle,
    cycles,
    instant,
    instants,
    parsed,
    period,
    real,
    reals,
    text,
)
from engines.primitives.errors import InvalidInput

ROLE_SIGN = {
    **dict.fromkeys(("RPA", "LG", "BUY", "RFL", "RF", "COL", "CNO", "OBL", "UDL", "UDLP"), 1.0),
    **dict.fromkeys(("RPL", "ST", "SEL", "PFL", "PF", "GUA", "UDLM"), -1.0),
}  # R(CNTRL), techspec 3.7

# Spellings of older dictionaries, as the older cycles (`1Q+`).
OLDER_CALENDARS = {"NOCALENDAR": "NC", "NO_CALENDAR": "NC", "MONDAYTOFRIDAY": "MF"}
OLDER_DAY_COUNTS = {
    "A/A": "AA",
    "A/AISDA": "AA",
    "A/360": "A360",
    "A/365": "A365",
    "30E/360": "30E360",
    "30E/360ISDA": "30E360ISDA",
    "28E/336": "28E336",
}

PERFORMANCES = ("PF", "DL", "DQ", "DF", "MA", "TE")


@dataclass(frozen=True, slots=True)
class ContractReference:
    """A child of a composed contract (techspec 4): `object` is its terms, or the mapping that names it."""

    object: Mapping[str, Any]
    reference_type: str
    reference_role: str


def _reference(raw: Any) -> ContractReference:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("object"), Mapping | str):
        raise ValueError("a reference wants object, referenceType and referenceRole")
    kind, role = (str(raw.get(name) or "").strip() for name in ("referenceType", "referenceRole"))
    if not kind or not role:
        raise ValueError("a reference wants object, referenceType and referenceRole")
    named = raw["object"]
    name = "marketObjectCode" if kind == "MOC" else "contractIdentifier"
    return ContractReference({name: named} if isinstance(named, str) else dict(named), kind, role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One contract's terms. `raw` is what it was read from: children of composed contracts are read from there."""

    contract_id: str = text()
    contract_type: str = text()
    contract_role: str | None = choice(*ROLE_SIGN)
    contract_structure: tuple[ContractReference, ...] = parsed(_reference, default=(), several=True)
    status_date: int = instant()
    contract_deal_date: int | None = instant()
    contract_performance: str = choice(*PERFORMANCES, default="PF")
    creator_id: str = text()
    counterparty_id: str = text()
    market_object_code: str = text()
    seniority: str | None = choice("S", "J")
    currency: str = text()
    currency2: str = text()
    settlement_currency: str = text()
    unit: str = text()
    quantity: float = real(default=1.0, positive=True)
    # calendar
    calendar: str = choice(*calendars.CALENDARS, default="NC", also=OLDER_CALENDARS)
    business_day_convention: str = choice(*calendars.CONVENTIONS, default="NOS", also={"NULL": "NOS"})
    end_of_month_convention: str = choice("SD", "EOM", default="SD")
    day_count_convention: str | None = choice(*day_counts.CONVENTIONS, also=OLDER_DAY_COUNTS)
    # notional principal
    initial_exchange_date: int | None = instant()
    maturity_date: int | None = instant()
    amortization_date: int | None = instant()
    notional_principal: float | None = real(positive=True)
    notional_principal2: float | None = real(positive=True)
    premium_discount_at_ied: float = real(default=0.0)
    cycle_anchor_date_of_principal_redemption: int | None = instant()
    cycle_of_principal_redemption: Cycle | None = cycle()
    next_principal_redemption_payment: float | None = real(positive=True)
    array_cycle_anchor_date_of_principal_redemption: tuple[int, ...] = instants()
    array_cycle_of_principal_redemption: tuple[Cycle, ...] = cycles()
    array_next_principal_redemption_payment: tuple[float, ...] = reals()
    array_increase_decrease: tuple[str, ...] = choices("INC", "DEC")
    purchase_date: int | None = instant()
    price_at_purchase_date: float | None = real()
    termination_date: int | None = instant()
    price_at_termination_date: float | None = real()
    x_day_notice: Period | None = period()
    market_value_observed: float | None = real()
    credit_line_amount: float | None = real(positive=True)
    # interest
    nominal_interest_rate: float | None = real(limit=RATE_MAX)
    nominal_interest_rate2: float | None = real(limit=RATE_MAX)
    accrued_interest: float | None = real()
    capitalization_end_date: int | None = instant()
    cycle_anchor_date_of_interest_payment: int | None = instant()
    cycle_of_interest_payment: Cycle | None = cycle()
    cycle_point_of_interest_payment: str = choice("B", "E", default="E")
    array_cycle_anchor_date_of_interest_payment: tuple[int, ...] = instants()
    array_cycle_of_interest_payment: tuple[Cycle, ...] = cycles()
    interest_calculation_base: str = choice("NT", "NTIED", "NTL", default="NT")
    interest_calculation_base_amount: float | None = real(positive=True)
    cycle_anchor_date_of_interest_calculation_base: int | None = instant()
    cycle_of_interest_calculation_base: Cycle | None = cycle()
    # rate reset
    cycle_anchor_date_of_rate_reset: int | None = instant()
    cycle_of_rate_reset: Cycle | None = cycle()
    cycle_point_of_rate_reset: str = choice("B", "E", default="B")
    array_cycle_anchor_date_of_rate_reset: tuple[int, ...] = instants()
    array_cycle_of_rate_reset: tuple[Cycle, ...] = cycles()
    array_rate: tuple[float, ...] = reals()
    array_fixed_variable: tuple[str, ...] = choices("F", "V", also={"FIX": "F", "VAR": "V"})
    market_object_code_of_rate_reset: str = text()
    next_reset_rate: float | None = real(limit=RATE_MAX)
    rate_multiplier: float = real(default=1.0, limit=RATE_MAX)
    rate_spread: float = real(default=0.0, limit=RATE_MAX)
    life_cap: float | None = real(limit=RATE_MAX)
    life_floor: float | None = real(limit=RATE_MAX)
    period_cap: float | None = real(positive=True, limit=RATE_MAX)
    period_floor: float | None = real(limit=RATE_MAX)
    fixing_period: Period | None = period()
    # fees
    fee_basis: str | None = choice("A", "N")
    fee_rate: float | None = real()
    fee_accrued: float | None = real()
    cycle_anchor_date_of_fee: int | None = instant()
    cycle_of_fee: Cycle | None = cycle()
    # scaling; the reference cases write the letter O for the figure 0
    scaling_effect: str = choice(
        "000", "I00", "0N0", "IN0", default="000", also={"OOO": "000", "IOO": "I00", "ONO": "0N0", "INO": "IN0"}
    )
    market_object_code_of_scaling_index: str = text()
    scaling_index_at_contract_deal_date: float | None = real()
    notional_scaling_multiplier: float = real(default=1.0)
    interest_scaling_multiplier: float = real(default=1.0)
    cycle_anchor_date_of_scaling_index: int | None = instant()
    cycle_of_scaling_index: Cycle | None = cycle()
    # optionality
    prepayment_effect: str = choice("N", "A", "M", default="N")
    prepayment_period: Period | None = period()
    cycle_anchor_date_of_optionality: int | None = instant()
    cycle_of_optionality: Cycle | None = cycle()
    penalty_type: str = choice("O", "N", "A", "R", "I", default="O")
    penalty_rate: float = real(default=0.0, positive=True)
    maximum_penalty_free_disbursement: float | None = real(positive=True)
    option_type: str | None = choice("C", "P", "CP")
    option_exercise_type: str | None = choice("E", "B", "A")
    option_exercise_end_date: int | None = instant()
    option_strike1: float | None = real(positive=True)
    option_strike2: float | None = real(positive=True)
    exercise_date: int | None = instant()
    exercise_amount: float | None = real()
    futures_price: float | None = real()
    boundary_value: float | None = real()
    boundary_direction: str | None = choice("INCR", "DECR")
    boundary_effect: str | None = choice("INFIL", "INSEL", "OUT")
    boundary_leg_initially_active: str | None = choice("FIL", "SEL", "NULL")
    boundary_crossed_flag: str = text()
    boundary_monitoring_anchor_date: int | None = instant()
    boundary_monitoring_cycle: Cycle | None = cycle()
    boundary_monitoring_end_date: int | None = instant()
    # dividends, settlement, credit, margining
    cycle_anchor_date_of_dividend: int | None = instant()
    cycle_of_dividend: Cycle | None = cycle()
    next_dividend_payment_amount: float | None = real(positive=True)
    ex_dividend_date: int | None = instant()
    market_object_code_of_dividends: str = text()
    delivery_settlement: str = choice("S", "D", default="D")
    settlement_period: Period | None = period()
    coverage_of_credit_enhancement: float = real(default=1.0, positive=True)
    credit_event_type_covered: tuple[str, ...] = choices("DL", "DQ", "DF", default=("DF",))
    guaranteed_exposure: str | None = choice("NO", "NI", "MV")
    grace_period: Period | None = period()
    delinquency_period: Period | None = period()
    delinquency_rate: float = real(default=0.0, positive=True)
    non_performing_date: int | None = instant()
    clearing_house: str | None = choice("Y", "N")
    initial_margin: float = real(default=0.0, positive=True)
    variation_margin: float | None = real(positive=True)
    maintenance_margin_lower_bound: float | None = real(positive=True)
    maintenance_margin_upper_bound: float | None = real(positive=True)
    cycle_anchor_date_of_margining: int | None = instant()
    cycle_of_margining: Cycle | None = cycle()
    raw: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    @property
    def sign(self) -> float:
        """R(CNTRL): 1.0 for a claim of the creator, -1.0 for an obligation (techspec 3.7)."""
        return ROLE_SIGN[self.contract_role or ""]

    def invalid(self, term: str, rule: str) -> InvalidInput:
        """The error that this contract's term (snake_case) breaks a rule."""
        return InvalidInput(f"{term_name(term)}: {rule}", field=term_name(term), record=self.contract_id)


_OWN_CASE = {
    "contract_id": "contractID",
    "creator_id": "creatorID",
    "counterparty_id": "counterpartyID",
    "premium_discount_at_ied": "premiumDiscountAtIED",
}


def term_name(attribute: str) -> str:
    """The dictionary's name of an attribute of `Terms`: `notional_principal` is `notionalPrincipal`."""
    return _OWN_CASE.get(attribute) or re.sub(r"_(\w)", lambda found: found.group(1).upper(), attribute)


READINGS: Mapping[str, tuple[str, Reading]] = {
    term_name(field.name): (field.name, field.metadata["reading"])
    for field in dataclasses.fields(Terms)
    if field.name != "raw"
}

# Spellings of the reference cases and of older dictionaries.
ALIASES = {
    "contractIdentifier": "contractID",
    "creatorId": "creatorID",
    "counterpartyId": "counterpartyID",
    "fixingDays": "fixingPeriod",
    "cycleAnchorDateOfDividendPayment": "cycleAnchorDateOfDividend",
    "cycleOfDividendPayment": "cycleOfDividend",
}


def read_terms(raw: Mapping[str, Any], *, allow_unknown: bool = False) -> Terms:
    """The terms of a contract from a mapping of dictionary names to text, numbers or lists.

    Reads each term alone; `term_rules.check` says whether they fit together.

    Args:
        allow_unknown: pass over names that the dictionary does not know; else they are errors.
    Raises:
        InvalidInput: field is the term, record the contract: not of its kind, not an allowed value, out of bounds,
            unknown, or given twice under two names.
    """
    if not isinstance(raw, Mapping):
        raise InvalidInput("a contract's terms are a mapping of names to values", field="terms")
    record = str(raw.get("contractID") or raw.get("contractIdentifier") or "").strip()
    values: dict[str, Any] = {"raw": raw}
    for given, value in raw.items():
        name = ALIASES.get(given, given)
        if name not in READINGS:
            if allow_unknown:
                continue
            raise InvalidInput(f"{given}: no term of the ACTUS dictionary", field=str(given), record=record)
        attribute, reading = READINGS[name]
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        if attribute in values:
            raise InvalidInput(f"{given}: given twice, under two names", field=name, record=record)
        try:
            values[attribute] = _read(reading, value)
        except ValueError as error:
            raise InvalidInput(f"{name}: {error}", field=name, record=record) from error
    for required in ("contract_type", "status_date"):
        if required not in values:
            name = term_name(required)
            raise InvalidInput(f"{name}: required for every contract", field=name, record=record)
    return Terms(**values)


def _read(reading: Reading, value: Any) -> Any:
    if not reading.several:
        return reading.read(value)
    return tuple(reading.read(item) for item in (value if isinstance(value, list | tuple) else [value]))
