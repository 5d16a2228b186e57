"""Facts of what happens once: large flows and decisions, as a cut tells them."""

from projections.expressions import Fact
from projections.limit_cuts import Decision, LargeFlow
from projections.rule_dues import with_amount


def flow_facts(flow: LargeFlow) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        "entity": flow.entity,
        "currency": flow.currency,
        "rolling": flow.window_minutes > 0,
        "window_minutes": flow.window_minutes,
        "organisation": flow.organisation,
        "customer_class": flow.customer_class,
        "account": flow.account,
        "txn_id": flow.txn_id,
    }
    return with_amount(facts, flow.amount, flow.currency)


def decision_facts(one: Decision) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        "entity": one.entity,
        "currency": one.currency,
        "event": one.type,
        "aggregate": one.aggregate,
        "key": one.key,
        "branch": one.branch,
        "role": one.role,
        "valid_on": one.valid_on,
        "has_amount": one.amount is not None,
    }
    return with_amount(facts, one.amount, one.currency)
