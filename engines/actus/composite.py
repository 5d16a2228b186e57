"""Contracts made of others: who the children are, and what a parent observes of them.

U^ev, U^sv and U^ca of the standard: a child's events, its states at a time, its attributes. A child is a contract of
its own with terms in `contractStructure`; a parent may set some of them (the role of a swap's leg) and lends it its
status date, currency and settlement currency where it has none. Children hear of observed events that name them.
Source: techspec 4 Contract Composition, 6 Child Contract Observer; dictionary, contract reference.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engines.actus.context import Context
from engines.actus.observed import Observed, ObservedEvent
from engines.actus.state_machine import evaluate, prepare, remaining_events
from engines.actus.states import States
from engines.actus.terms import ContractReference, Terms, read_terms, term_name

LENT = ("status_date", "currency", "settlement_currency")
ROLES = {
    "SWAPS": ("RFL", "PFL"),
    "SWPPV": ("RF", "PF"),
    **dict.fromkeys(("CAPFL", "OPTNS", "FUTUR", "CEG", "CEC"), ("BUY", "SEL")),
}  # claim and obligation; all other types: RPA, RPL
OPEN_ENDED = ("UMP", "CLM", "STK")  # types that may want a horizon to end


def references(terms: Terms, role: str) -> list[ContractReference]:
    """The children of a role (FIL, SEL, UDL, COVE, COVI), in the order of the contract structure."""
    return [reference for reference in terms.contract_structure if reference.reference_role == role]


def only_reference(terms: Terms, role: str) -> ContractReference:
    """The child of a role. InvalidInput where there is none, or more than one."""
    found = references(terms, role)
    if len(found) != 1:
        raise terms.invalid("contract_structure", f"wants one reference of the role {role}, has {len(found)}")
    return found[0]


def child_identifier(reference: ContractReference) -> str:
    """How a child is named: its contractID, or the identifier of a reference that has no more (CID)."""
    named = reference.object
    return str(named.get("contractID") or named.get("contractIdentifier") or "").strip()


def child_market_object(terms: Terms, reference: ContractReference) -> str:
    """U^ca(i, MOC): the market object of a child; a reference by identifier alone is priced under that name."""
    code = str(reference.object.get("marketObjectCode") or "").strip() or child_identifier(reference)
    if not code:
        raise terms.invalid("contract_structure", "a reference names no marketObjectCode")
    return code


def underlying_market_object(terms: Terms) -> str:
    """The market object of the one underlying."""
    return child_market_object(terms, only_reference(terms, "UDL"))


def child_terms(
    parent: Terms, reference: ContractReference, settings: Mapping[str, Any], *, without: tuple[str, ...] = ()
) -> Terms:
    """A child's terms, with `settings` (dictionary names) in place of its own and without some of them.

    Raises:
        InvalidInput: the reference is no contract (CNT), or one that cannot be read; record names the child.
    """
    if reference.reference_type != "CNT":
        raise parent.invalid(
            "contract_structure", f"{reference.reference_role} wants a contract (CNT), not {reference.reference_type}"
        )
    lent = {term_name(name): parent.raw.get(term_name(name)) for name in LENT}
    own = {name: value for name, value in reference.object.items() if name not in without}
    raw = {**{name: value for name, value in lent.items() if value}, **own, **settings}
    raw.setdefault("contractID", f"{parent.contract_id}-{reference.reference_role}")
    return read_terms(raw, allow_unknown=True)


def observed_by(context: Context) -> Observed:
    """What a child observes: all risk factors, and events that name a contract; unnamed ones are the parent's."""
    events = tuple(seen for seen in context.observed.events if seen.contract_id)
    return replace(context.observed, events=events)


def role_of(reference: ContractReference, sign: float) -> str:
    """The contract role by which a child is a claim (1.0) or an obligation (-1.0) of the parent's creator."""
    kind = str(reference.object.get("contractType") or "").strip()
    return ROLES.get(kind, ("RPA", "RPL"))[0 if sign > 0.0 else 1]


def child_horizon(context: Context, child: Terms) -> int | None:
    """None: the child has an end of its own."""
    return context.horizon if child.contract_type in OPEN_ENDED else None


def states_at(context: Context, child: Terms, instant: int) -> States:
    """U^sv(i, t): a child's states at a time, after its events of that time, interest accrued up to it.

    The child is monitored (AD) at that time. Whether it was bought by then is no matter: its states are.
    """
    unsold = {name: value for name, value in child.raw.items() if name not in ("purchaseDate", "priceAtPurchaseDate")}
    terms = read_terms(unsold, allow_unknown=True)
    seen = observed_by(context)
    monitored = replace(seen, events=(*seen.events, ObservedEvent(instant, "AD", contract_id=terms.contract_id)))
    evaluation = evaluate(terms, monitored, to=instant)
    return evaluation.flows[-1].after if evaluation.flows else evaluation.initial


def states_now(context: Context, child: Terms) -> States:
    """U^sv(i, t0): a child's states at its status date."""
    started, kind = prepare(child, observed_by(context), to=child_horizon(context, child))
    return kind.initial_states(started)


def maturity_of(context: Context, child: Terms) -> int | None:
    """U^sv(i, t0, Md)."""
    started, _ = prepare(child, observed_by(context), to=child_horizon(context, child))
    return started.maturity


def last_instant(context: Context, child: Terms) -> int:
    """max τ(U^ev(i, t0)): the time of a child's last event; the status date where it has none to come."""
    started, kind = prepare(child, observed_by(context), to=child_horizon(context, child))
    return max((event.instant for event in remaining_events(started, kind)), default=child.status_date)
