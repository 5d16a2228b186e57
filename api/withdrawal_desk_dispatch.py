"""Proposals of transfers between branches, made from the live projected positions and the policy's targets (LIQ-06).

A branch has what its projected end of day says, reservations taken off. The cheapest plan is `engines.dispatch`'s; a
person proposes, another approves, and core banking is told. Not for changing currencies or entities on the way.
"""

import math
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from aggregates.assets import BANK_ZONE
from aggregates.commands import Command
from aggregates.dispatch_proposal import DispatchProposal
from aggregates.envelope import Principal
from aggregates.rendering import instant
from api.auth import permitted
from api.calculations.texts import plain_text
from api.services import Services
from api.withdrawal_desk import Body, Cut, policy_on
from engines.dispatch import Node, Plan, Route, dispatch
from engines.primitives.errors import NotFound, Rejected
from engines.primitives.money import to_text
from infra.withdrawal_policies import WithdrawalPolicy

PROPOSAL = DispatchProposal.NAME
ACTS = {"approve": "Approve", "amend": "Amend", "reject": "Reject", "book": "Book"}
BASIS_POINTS = 10_000


def plan_of(cut: Cut, policy: WithdrawalPolicy, entity: str, currency: str, now: datetime) -> tuple[Plan, list[Node]]:
    """The cheapest plan of one entity and currency, and the branches that have a target."""
    nodes = []
    for (owner, organisation, of_currency), (projected, _) in sorted(cut.projected.items()):
        target = policy.target_minor(owner, organisation, of_currency)
        if (owner, of_currency) == (entity, currency) and target is not None:
            nodes.append(Node(organisation, Fraction(projected), Fraction(target), currency))
    rich = [node.node_id for node in nodes if node.surplus > 0]
    poor = [node.node_id for node in nodes if node.surplus < 0]
    routes = []
    for source in rich:
        for destination in poor:
            price = policy.route(source, destination, currency)
            if price is not None:
                routes.append(Route(source, destination, price.cost_bp, price.cut_off_second, currency))
    at = now.astimezone(ZoneInfo(BANK_ZONE))
    second = at.hour * 3_600 + at.minute * 60 + at.second
    found = dispatch(nodes, routes, second)
    return (found[0] if found else Plan(currency, (), {}, {})), nodes


def shown(plan: Plan, nodes: list[Node], entity: str) -> Body:
    """A plan that nobody proposed yet."""
    currency = plan.currency
    return {
        "entity": entity,
        "ccy": currency,
        "nodes": [_node(node, currency) for node in nodes if node.surplus],
        "transfers": _transfers(plan),
        "moved": to_text(int(sum(one.amount for one in plan.transfers)), currency),
        "uncovered": {name: to_text(int(amount), currency) for name, amount in sorted(plan.uncovered.items())},
        "cost": to_text(math.ceil(plan.cost_amount_bp / BASIS_POINTS), currency),
    }


def lacking(ours: Services, reader: Principal, cut: Cut, entity: str | None, currency: str | None) -> list[Body]:
    """A plan for each entity and currency in which a branch lacks money."""
    allowed = permitted(reader, entity)
    pairs = sorted({(members[0], members[2]) for members in cut.projected})
    found = []
    for owner, of_currency in pairs:
        if (allowed is not None and owner not in allowed) or currency not in (None, of_currency):
            continue
        plan, nodes = plan_of(cut, policy_on(ours, owner), owner, of_currency, ours.clock())
        if plan.transfers or plan.uncovered:
            found.append(shown(plan, nodes, owner))
    return found


def propose(ours: Services, reader: Principal, cut: Cut, entity: str, currency: str, cmd_id: str) -> Body:
    """Store the plan of the present cut; the same `cmd_id` again is the same proposal. Raises Rejected: nothing to
    move; NotFound: an entity that is not the reader's."""
    number = f"DP-{uuid5(NAMESPACE_URL, cmd_id).hex[:12].upper()}"
    allowed = permitted(reader, entity)
    if allowed is not None and entity not in allowed:
        raise NotFound(f"no entity {entity!r:.80}", field="entity")
    if ours.assets.decisions.stored_command(cmd_id) is not None:
        return {"proposal": ours.assets.state(PROPOSAL, number, reader=reader)}
    now, policy = ours.clock(), policy_on(ours, entity)
    plan, nodes = plan_of(cut, policy, entity, currency, now)
    if not plan.transfers:
        raise Rejected("no transfer helps: nobody lacks money, or nobody has any", guard="DispatchProposal.0")
    body = shown(plan, nodes, entity)
    payload = {
        "entity_id": entity,
        "ccy": currency,
        "made_at": instant(now),
        "valid_until": instant(now + timedelta(minutes=policy.proposal_minutes)),
        "basis": {"offsets": dict(cut.offsets), "log": dict(cut.log)},
        "policy_version": policy.name,
        **{name: body[name] for name in ("nodes", "transfers", "uncovered", "cost")},
    }
    ours.assets.execute(Command(cmd_id, PROPOSAL, number, "Propose", payload, reader, now))
    return {"proposal": ours.assets.state(PROPOSAL, number, reader=reader)}


def _node(node: Node, currency: str) -> Body:
    available, target = to_text(int(node.available), currency), to_text(int(node.target), currency)
    return {"node": node.node_id, "available": available, "target": target}


def _transfers(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "transfer_id": str(at),
            "source": one.source,
            "destination": one.destination,
            "amount": to_text(int(one.amount), plan.currency),
            "cost_bp": plain_text(one.cost_bp),
        }
        for at, one in enumerate(plan.transfers, 1)
    ]
