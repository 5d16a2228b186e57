"""What the two credit enhancements share: the contracts they cover, the exposure, the credit event that triggers.

Serves CEG and CEC. Covered contracts are references of the role COVE, covering ones (collateral) of the role COVI.
Source: techspec 7.17 CEG, 7.18 CEC; dictionary, guaranteedExposure, creditEventTypeCovered.
"""

from engines.actus.arithmetic import Numbers
from engines.actus.composite import (
    child_identifier,
    child_market_object,
    child_terms,
    last_instant,
    references,
    role_of,
    states_at,
    states_now,
)
from engines.actus.context import Context
from engines.actus.formula import formula
from engines.actus.term_rules import require
from engines.actus.terms import ContractReference, Terms


@formula("{sum} + {notional}", "STF_PRD_CEG: Σ n_i, CEGE = NO")
def exposure_nominal(sum: Numbers, notional: Numbers) -> Numbers:
    return sum + notional


@formula("{sum} + ({notional} + {accrued})", "STF_PRD_CEG: Σ n_i, CEGE = NI")
def exposure_with_interest(sum: Numbers, notional: Numbers, accrued: Numbers) -> Numbers:
    return sum + (notional + accrued)


@formula("{sum} + {market_value}", "STF_PRD_CEG: Σ n_i, CEGE = MV")
def exposure_at_market(sum: Numbers, market_value: Numbers) -> Numbers:
    return sum + market_value


@formula("{coverage} × {sign} × {exposure}", "techspec 7.17: Nt")
def covered_amount(coverage: Numbers, sign: Numbers, exposure: Numbers) -> Numbers:
    return coverage * sign * exposure


def check_enhancement(context: Context) -> None:
    terms = context.terms
    require(terms, "contract_role", "currency", "contract_structure")
    if not references(terms, "COVE"):
        raise terms.invalid("contract_structure", "names no covered contract (COVE)")
    if terms.coverage_of_credit_enhancement > 1.0:
        raise terms.invalid("coverage_of_credit_enhancement", "must not be above 1")
    if terms.exercise_date is not None and terms.exercise_date <= terms.status_date and terms.exercise_amount is None:
        raise terms.invalid("exercise_amount", "required where exerciseDate is not after statusDate")
    covered_contracts(terms)
    if terms.maturity_date is None and not covered_contracts(terms):
        raise terms.invalid("maturity_date", "required where no covered contract (CNT) implies one")


def covered_contracts(terms: Terms) -> list[Terms]:
    """The terms of those covered contracts that are given in full (CNT)."""
    return [covered(terms, each) for each in references(terms, "COVE") if each.reference_type == "CNT"]


def covered(terms: Terms, reference: ContractReference) -> Terms:
    """A covered contract's terms; its own role where it has one, else an asset of the creator."""
    role = reference.object.get("contractRole") or role_of(reference, 1.0)
    return child_terms(terms, reference, {"contractRole": role})


def maturity(context: Context) -> int:
    """Md(t0): MD, else the last event of the covered contracts."""
    terms = context.terms
    if terms.maturity_date is not None:
        return terms.maturity_date
    return max(last_instant(context, child) for child in covered_contracts(terms))


def credit_event(context: Context) -> int | None:
    """t^XD: Xd where given, else the first credit event of a covered contract, of a type covered, up to Md.

    A contract that has failed by the status date triggers nothing any more: what it triggered then is `exerciseDate`.
    """
    terms = context.terms
    if terms.exercise_date is not None:
        return terms.exercise_date
    names = {child_identifier(reference) for reference in references(terms, "COVE")}
    times = [
        seen.instant
        for seen in context.observed.events
        if seen.kind == "CE"
        and seen.contract_id in names
        and str(seen.states.get("contractPerformance", "")).strip() in terms.credit_event_type_covered
        and terms.status_date < seen.instant <= (context.maturity or 0)
    ]
    return min(times, default=None)


def is_priced(context: Context) -> bool:
    """Whether the exposure is known at the status date: at market value it wants prices by then."""
    terms = context.terms
    if terms.guaranteed_exposure != "MV":
        return True
    codes = [child_market_object(terms, reference) for reference in references(terms, "COVE")]
    series = [context.observed.series.get(code) for code in codes]
    return all(each is not None and each.instants and each.instants[0] <= terms.status_date for each in series)


def exposure(context: Context, instant: int | None) -> float:
    """Σ n_i of the covered contracts, without role sign and coverage; `instant` None: at the status date."""
    terms, total = context.terms, 0.0
    for reference in references(terms, "COVE"):
        if terms.guaranteed_exposure == "MV":
            code = child_market_object(terms, reference)
            value = context.risk_factor(code, terms.status_date if instant is None else instant)
            total = context.use("Σ n_i", exposure_at_market, total, value)
            continue
        child = covered(terms, reference)
        states = states_now(context, child) if instant is None else states_at(context, child, instant)
        if terms.guaranteed_exposure == "NI":
            owed = states.notional_principal, states.accrued_interest
            total = context.use("Σ n_i", exposure_with_interest, total, *owed)
        else:
            total = context.use("Σ n_i", exposure_nominal, total, states.notional_principal)
    return total


def covered_exposure(context: Context, amount: float) -> float:
    """CECV × R × an exposure."""
    terms = context.terms
    return context.use("Nt", covered_amount, terms.coverage_of_credit_enhancement, terms.sign, amount)
