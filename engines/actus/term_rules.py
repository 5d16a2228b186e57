"""Which terms a loan cannot do without, and which contradict each other. Each error names the term and the rule.

Source: dictionary, applicability; techspec 7.1 to 7.6.
"""

from engines.actus.context import Context
from engines.actus.terms import Terms


def require(terms: Terms, *names: str) -> None:
    """InvalidInput for the first of these terms (snake_case) that is absent."""
    for name in names:
        if getattr(terms, name) in (None, "", ()):
            raise terms.invalid(name, f"required for {terms.contract_type}")


def check_loan(context: Context) -> None:
    """The rules that PAM, LAM, NAM and ANN share; CLM, UMP and LAX may call it too."""
    terms = context.terms
    require(terms, "contract_role", "currency", "initial_exchange_date", "notional_principal")
    if terms.nominal_interest_rate is not None or terms.fee_basis == "N":
        require(terms, "day_count_convention")
    _check_dates(terms)
    _check_rate_reset(terms)
    _check_fees(terms)
    _check_scaling(terms)
    for term in ("cycle_point_of_interest_payment", "cycle_point_of_rate_reset"):
        if getattr(terms, term) != ("E" if term.endswith("payment") else "B"):
            raise terms.invalid(term, "the technical specification 1.1 defines the default only")


def check_amortising(context: Context) -> None:
    """The rules that LAM, NAM and ANN add."""
    check_loan(context)
    terms = context.terms
    if terms.cycle_anchor_date_of_principal_redemption is None:
        require(terms, "cycle_of_principal_redemption")
    if terms.interest_calculation_base == "NTL" and terms.cycle_of_interest_calculation_base is None:
        require(terms, "cycle_anchor_date_of_interest_calculation_base")


def _check_dates(terms: Terms) -> None:
    start = terms.initial_exchange_date
    if start is None:
        return
    for name in ("maturity_date", "amortization_date"):
        date = getattr(terms, name)
        if date is not None and date <= start:
            raise terms.invalid(name, "must be after initialExchangeDate")
    if terms.capitalization_end_date is not None and terms.capitalization_end_date < start:
        raise terms.invalid("capitalization_end_date", "must not be before initialExchangeDate")
    bought, sold = terms.purchase_date, terms.termination_date
    if bought is not None and sold is not None and sold < bought:
        raise terms.invalid("termination_date", "must not be before purchaseDate")
    for date, price in ((bought, "price_at_purchase_date"), (sold, "price_at_termination_date")):
        if date is not None and getattr(terms, price) is None:
            raise terms.invalid(price, "required where its date is given")


def _check_rate_reset(terms: Terms) -> None:
    resets = terms.cycle_of_rate_reset is not None or terms.cycle_anchor_date_of_rate_reset is not None
    if resets:
        require(terms, "nominal_interest_rate")
        if terms.next_reset_rate is None or terms.cycle_of_rate_reset is not None:
            require(terms, "market_object_code_of_rate_reset")
    if terms.life_cap is not None and terms.life_floor is not None and terms.life_cap < terms.life_floor:
        raise terms.invalid("life_cap", "must not be below lifeFloor")
    if terms.penalty_type == "I" and terms.prepayment_effect != "N":
        require(terms, "market_object_code_of_rate_reset")


def _check_fees(terms: Terms) -> None:
    if terms.fee_rate:
        require(terms, "fee_basis")


def _check_scaling(terms: Terms) -> None:
    if terms.scaling_effect == "000":
        return
    require(terms, "market_object_code_of_scaling_index", "scaling_index_at_contract_deal_date")
    if terms.scaling_index_at_contract_deal_date == 0:
        raise terms.invalid("scaling_index_at_contract_deal_date", "must not be 0: the index is divided by it")
    if terms.cycle_of_scaling_index is None and terms.cycle_anchor_date_of_scaling_index is None:
        raise terms.invalid("cycle_of_scaling_index", f"required for scalingEffect {terms.scaling_effect}")
