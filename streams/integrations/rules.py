"""What each neighbour's record means for us (spec/risk-assets.md 9.1): one rule a topic.

A rule that no aggregate has a command for keeps the record as a fact of its customer, which the workbench shows.
"""

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import msgspec

from aggregates.claim_state import CLASSES
from streams.integrations import core_rules, names
from streams.integrations.inbound import PassOver, Rule, Taking

NORMAL = CLASSES[0]


def asset_snapshot(taking: Taking) -> None:
    """A worse class is taken over; a better one needs an approval, so it is shown to people only."""
    r = taking.record
    asset = taking.find("RiskAsset", r.loan_no)
    subject = r.loan_no if asset is None else str(asset.facts.get("customer_no", r.loan_no))
    if not taking.keep("ASSET_SNAPSHOT", r.loan_no, subject, f"{r.as_of} {taking.moment}"):
        raise PassOver("a newer snapshot is known")
    if asset is None or asset.stage != "ACTIVE":
        return
    if CLASSES.index(r.classification) > CLASSES.index(asset.classification):
        payload: dict[str, object] = {
            "from_class": asset.classification,
            "to_class": r.classification,
            "basis": "POSTLOAN",
        }
        taking.do("RiskAsset", r.loan_no, "Reclassify", payload, role="SY", valid_on=r.as_of, once=True)


def inspection_task(taking: Taking) -> None:
    r = taking.record
    subject = r.customer_no if r.subject_no == "-" else r.subject_no
    payload: dict[str, object] = {"kind": r.kind, "subject_no": subject, "due_on": r.due_on}
    if r.dimensions:
        payload["dimensions"] = r.dimensions
    taking.do("Inspection", r.inspection_no, "Schedule", payload, role="EX", org=r.branch)


def handover(taking: Taking) -> None:
    """The loan is admitted, its customer registered, or at risk again."""
    r = taking.record
    payload: dict[str, object] = {
        name: getattr(r, name)
        for name in (
            *("customer_no", "branch", "product", "segment", "classification", "ccy"),
            *("rate_terms", "collateral_ids", "guarantor_nos"),
        )
    }
    payload |= msgspec.to_builtins(r.balances) | {
        name: getattr(r, name) for name in ("overdue_since", "maturity") if getattr(r, name) is not None
    }
    taking.do("RiskAsset", r.loan_no, "Admit", payload, role="EX", valid_on=r.as_of)
    customer = taking.find("RiskCustomer", r.customer_no)
    if customer is None:
        about: dict[str, object] = {"kind": r.customer_kind, "name_ref": r.name_ref}
        key = r.customer_no
        taking.do("RiskCustomer", key, "Register", about, role="EX", org=r.branch, step="customer", once=True)
    elif customer.stage == "EXITED":
        taking.do("RiskCustomer", r.customer_no, "ReEnter", {}, role="SY", step="customer", once=True)


def external_fact(taking: Taking) -> None:
    r = taking.record
    if not taking.keep(r.kind, r.fact_no, r.customer_no, f"{r.as_of} {taking.moment}"):
        raise PassOver("a newer record of the fact is known")


def non_credit(taking: Taking) -> None:
    r = taking.record
    if not taking.keep("NON_CREDIT", r.ext_no, r.ext_no, taking.moment):
        raise PassOver("a newer state is known")
    known = taking.find("NonCreditAsset", r.ext_no)
    payload: dict[str, object] = {"kind": r.kind, "amount": r.amount}
    if r.org_no != "-":
        payload["org"] = r.org_no
    if known is None or taking.did("admit"):
        taking.do("NonCreditAsset", r.ext_no, "Admit", payload | {"ccy": r.ccy}, role="EX", step="admit", once=True)
    elif known.stage == "ACTIVE" and not r.closed:
        taking.do("NonCreditAsset", r.ext_no, "Update", payload, role="EX", step="update", once=True)
    if r.closed and (known is None or known.stage == "ACTIVE"):
        taking.do("NonCreditAsset", r.ext_no, "Close", {}, role="EX", step="close", once=True)


def customer(taking: Taking) -> None:
    """Master data of a customer at risk; of any other it is kept for the day when he is."""
    r = taking.record
    if not taking.keep("CUSTOMER", r.customer_no, r.customer_no, f"{r.as_of} {taking.moment}"):
        raise PassOver("newer master data are known")
    known = taking.find("RiskCustomer", r.customer_no)
    if known is not None:
        facts = {"kind": r.kind, "name_ref": r.name_ref, "addresses": r.addresses}
        payload: dict[str, object] = {"source": "CUSTCENTRE", "facts": facts, "as_of": r.as_of}
        taking.do("RiskCustomer", r.customer_no, "SyncProfile", payload, role="EX", once=True)


def relation_graph(taking: Taking) -> None:
    r = taking.record
    taking.wanted("RiskCustomer", r.customer_no)
    if r.error_code != "-":
        raise PassOver(f"the query was refused: {r.error_code}")
    if not taking.keep("GRAPH", r.customer_no, r.customer_no, f"{r.as_of} {taking.moment}"):
        raise PassOver("a newer graph is known")
    parties = [msgspec.to_builtins(edge) for edge in r.edges]
    drawn = msgspec.json.encode([sorted(r.nodes), sorted(tuple(p.values()) for p in parties)])
    payload: dict[str, object] = {"graph_hash": sha256(drawn).hexdigest(), "parties": parties}
    taking.do("RiskCustomer", r.customer_no, "SyncRelations", payload, role="EX", valid_on=r.as_of)


def collection_action(taking: Taking) -> None:
    """Whatever comes first tells that the task was accepted. An action of a closed task is kept for people."""
    r = taking.record
    task = taking.own("CollectionTask", r.task_no)
    if task.stage == "REQUESTED" and r.step in ("ACCEPTED", "ACTION"):
        taking.do("CollectionTask", r.task_no, "Accept", {"ext_no": r.ext_no}, role="EX", step="accept", once=True)
    if r.step == "ACTION":
        if task.stage == "CLOSED" and not taking.did("action"):
            taking.keep("COLLECTION_ACTION", f"{r.task_no}.{r.action_no}", _customer_of(taking, task), taking.moment)
            raise PassOver("the task is closed")
        taking.do("CollectionTask", r.task_no, "LogAction", _action(r), role="EX", step="action")
    elif r.step in ("CLOSED", "REFUSED") and task.stage != "CLOSED":
        outcome = "REFUSED" if r.step == "REFUSED" else r.outcome
        taking.do("CollectionTask", r.task_no, "Close", {"outcome": outcome}, role="EX", step="close", once=True)


def _action(record: Any) -> dict[str, object]:
    found: dict[str, object] = {"action_no": record.action_no, "method": record.method, "outcome": record.outcome}
    found["acted_at"] = record.acted_at or record.occurred_at
    for name in ("promise_amount", "promise_on"):
        if getattr(record, name) is not None:
            found[name] = getattr(record, name)
    return found | ({} if record.contact == "-" else {"contact": record.contact})


def _customer_of(taking: Taking, case: Any) -> str:
    asset = taking.find("RiskAsset", case.asset_ids[0]) if case.asset_ids else None
    return str(case.key if asset is None else asset.facts.get("customer_no", case.key))


def warning(taking: Taking) -> None:
    r = taking.record
    taking.keep("WARNING", r.signal_no, r.customer_no, taking.moment)
    known = taking.find("RiskCustomer", r.customer_no)
    if known is not None and known.stage == "AT_RISK":
        payload: dict[str, object] = {
            "warning_id": r.signal_no,
            "kind": r.kind,
            "level": r.level,
            "detail": r.detail,
        }
        taking.do("RiskCustomer", r.customer_no, "RaiseWarning", payload, role="EX")


def collateral(taking: Taking) -> None:
    r = taking.record
    if not taking.keep("COLLATERAL", r.collateral_id, r.customer_no, f"{r.as_of} {taking.moment}"):
        raise PassOver("a newer state is known")


def file_stored(taking: Taking) -> None:
    """The reference under which the archive keeps a file; a refusal leaves the request open."""
    r = taking.record
    if r.error_code != "-":
        raise PassOver(f"the archive refused the file: {r.error_code}")
    taking.keep("FILE", f"{r.doc_id}.{r.sha256}", r.customer_no, taking.moment)


def credit_line(taking: Taking) -> None:
    r = taking.record
    if not taking.keep("CREDIT_LINE", r.customer_no, r.customer_no, f"{r.as_of} {taking.moment}"):
        raise PassOver("a newer snapshot is known")


ORG_FIELDS = {
    "OrgUnit": ("name", "parent_no", "org_level"),
    "Post": ("name", "org_no"),
    "Role": ("name",),
    "User": ("org_no", "roles"),
}


def org_master(taking: Taking) -> None:
    r = taking.record
    if not taking.keep(f"ORG_{r.kind.upper()}", r.master_no, r.master_no, taking.moment):
        raise PassOver("newer master data are known")
    payload: dict[str, object] = {
        name: getattr(r, name) for name in ORG_FIELDS[r.kind] if getattr(r, name) not in (None, "-", [])
    }
    if r.kind == "User" and r.name != "-":
        payload["name_ref"] = r.name
    known = taking.find(r.kind, r.master_no)
    if known is None or taking.did("create"):
        taking.do(r.kind, r.master_no, "Create", payload, role="EX", step="create", once=True)
    elif known.stage == "ACTIVE" and not r.disabled:
        taking.do(r.kind, r.master_no, "Change", payload, role="EX", step="change", once=True)
    if r.disabled and (known is None or known.stage == "ACTIVE"):
        taking.do(r.kind, r.master_no, "Disable", {}, role="EX", step="disable", once=True)


def decision(taking: Taking) -> None:
    """A final decision moves the case in the approver's name; a step on the way is kept with the case."""
    r = taking.record
    if not r.final:
        taking.keep("DECISION", f"{r.wf_no}.{r.level}", r.case_no, taking.moment)
        return
    payload: dict[str, object] = {"decided_by": r.approver, "snapshot_hash": r.snapshot_hash}
    if r.outcome == "APPROVED":
        payload |= {name: getattr(r, name) for name in ("approval_no", "decided_on", "level", "conditions")}
        payload |= {} if r.valid_until is None else {"valid_until": r.valid_until}
    else:
        payload["comment"] = r.comment
    name = f"{r.noun}{r.outcome.title()}"
    taking.do(r.case_kind, r.case_no, name, payload, role="WF", valid_on=r.decided_on, reason=r.comment)


def receipt(taking: Taking) -> None:
    r = taking.record
    message = taking.own("Notification", r.message_id)
    if message.stage == "DELIVERED" or (message.stage == "FAILED" and r.outcome == "FAILED"):
        raise PassOver(f"the message is {message.stage} already")
    if r.outcome == "DELIVERED":
        taking.do("Notification", r.message_id, "Deliver", {}, role="EX", step="delivered", once=True)
    else:
        payload = {"error_code": r.error_code}
        taking.do("Notification", r.message_id, "Fail", payload, role="EX", step="failed", once=True)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        names.ASSET_SNAPSHOT: asset_snapshot,
        names.INSPECTION_TASK: inspection_task,
        names.HANDOVER: handover,
        names.EXTERNAL_FACT: external_fact,
        names.NON_CREDIT: non_credit,
        names.CUSTOMER: customer,
        names.GRAPH: relation_graph,
        names.COLLECTION_ACTION: collection_action,
        names.WARNING: warning,
        names.COLLATERAL: collateral,
        names.FILE_STORED: file_stored,
        names.CREDIT_LINE: credit_line,
        names.ORG_MASTER: org_master,
        names.DECISION: decision,
        names.FLOW: core_rules.flow,
        names.ACCRUAL: core_rules.accrual,
        names.BALANCE_EOD: core_rules.balance,
        names.RECEIPT: receipt,
    }
)
