"""Whose data a step writes down: the customer behind the case, a member of staff, or a case about several."""

from typing import TYPE_CHECKING, Any

from aggregates.personal_sealing import Subject

if TYPE_CHECKING:
    from aggregates.steps.step import Step

#: Aggregates whose key is the customer: their streams stand under a random token (decision E8).
OF_CUSTOMERS = frozenset(("RiskCustomer", "CustomerFile"))
_STAFF = {"User": "user_no", "UserPreference": "user_no", "UserSession": "user"}
#: Fields that name a loan note or a customer, whichever it is.
_NAMING = ("subject_no", "subject", "obligor_no", "counterparty_no", "buyer_no")


def stream_subject(aggregate: str, key: str) -> Subject | None:
    """The subject whose token stands in the id of a stream; None: the id follows from the key itself."""
    return Subject.customer(key) if aggregate in OF_CUSTOMERS else None


def subject_of(step: "Step", values: Any) -> Subject:
    """The subject of what a step stores. The choice decides which key erases it, never whether it is sealed."""
    aggregate = step.kind.NAME
    if aggregate in OF_CUSTOMERS:
        return Subject.customer(step.key)
    known = step.case.facts if step.exists else {}
    if aggregate == "ErasureRequest":  # why a subject was erased stays readable
        return Subject.case(aggregate, step.key)
    if (field := _STAFF.get(aggregate)) is not None:
        return Subject.staff(str(values.get(field) or known.get(field) or step.key))
    if customer := values.get("customer_no") or known.get("customer_no"):
        return Subject.customer(str(customer))
    return _of_many(step, _customers(step, values, known))


def _of_many(step: "Step", customers: set[str]) -> Subject:
    if len(customers) == 1:
        return Subject.customer(customers.pop())
    if not customers and step.cause is not None:
        return subject_of(step.cause, step.cause.fields)
    return Subject.case(step.kind.NAME, step.key, customers)


def _customers(step: "Step", values: Any, known: Any) -> set[str]:
    """Those whose loan notes the case is about, else the one that a field names."""
    customers = {no for loan_no in step.asset_ids if (no := _customer_of(step, loan_no))}
    for name in _NAMING:
        if not customers and (named := values.get(name) or known.get(name)):
            customers |= {no for no in (_customer_of(step, str(named)),) if no}
    return customers


def _customer_of(step: "Step", name: str) -> str | None:
    asset = step.find("RiskAsset", name)
    if asset is not None:
        customer = asset.facts.get("customer_no")
        return None if customer is None else str(customer)
    return name if step.find("RiskCustomer", name) is not None else None
