"""What neighbour systems told of a customer and no aggregate holds, as the workbench shows it."""

from typing import Any

import msgspec

from aggregates.assets import Assets
from aggregates.envelope import ROLES, Principal
from aggregates.payload import check_id
from aggregates.refusals import unless_role
from infra.reference_store import Fact, ReferenceStore


def facts_of_customer(
    app: Assets, reference: ReferenceStore, customer_no: str, *, reader: Principal
) -> list[dict[str, Any]]:
    """The newest facts of a customer and of his loans, by kind and key, as far as the reader may see their entity.

    Raises: InvalidInput (no customer number), Forbidden (no role), Unavailable.
    """
    check_id(customer_no, "customer_no")
    unless_role(any(role in ROLES for role in reader.roles), f"{reader.actor} holds no role")
    with app.model.current() as model:
        loans = [one.key for one in model.of_kind("RiskAsset") if one.facts.get("customer_no") == customer_no]
    found = [fact for subject in (customer_no, *loans) for fact in reference.of_subject(subject)]
    seen = [_shown(fact) for fact in found if reader.may_act_for(fact.entity)]
    return sorted(seen, key=lambda one: (one["kind"], one["key"], one["entity"]))


def _shown(fact: Fact) -> dict[str, Any]:
    return {
        "kind": fact.kind,
        "key": fact.key,
        "entity": fact.entity,
        "subject": fact.subject,
        "record_id": fact.record_id,
        "record": msgspec.json.decode(fact.body),
    }
