"""What parameters mean that many operations share, in one place: a route describes those that are its own.

A route's own words stay. Not for what an operation takes in its body.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

Json = dict[str, Any]

#: By name. A path names one thing by the number under which it is listed.
BY_NAME: Mapping[str, str] = MappingProxyType(
    {
        "account": "only this account of the bank, by its number",
        "act_name": "what is done about the alert",
        "actor": "only what this person or process did",
        "aggregate": "kind of case as `RiskAsset`, `WriteOff`, `LimitBreach`",
        "alert_id": "`alert_id` of an alert",
        "asset_no": "only cases about this loan note",
        "breach_no": "number of the breach, unique",
        "business_date": "the business date of the file, as 2026-01-31",
        "business_line": "only this business line",
        "channel": "only by this channel",
        "code": "the one-time code of the link",
        "columns": "columns wanted, each a name or a computed column; default: all of the ledger",
        "command": "what is to be done with it",
        "contract_id": "number of the contract in its source system",
        "currency": "only this currency, as CNY (ISO 4217)",
        "customer": "only this customer, by number",
        "customer_no": "number of the customer",
        "dashboard_no": "number of the dashboard, unique",
        "days": "how many days back",
        "delivery_id": "`delivery_id` of a delivery",
        "doc_id": "`doc_id` of a paper",
        "end": "last day of the period; default: `as_of`, else today",
        "entity": "only this legal entity; default: all that the token names",
        "erasure_no": "number of the request to erase, unique",
        "everyone": "also what waits for others than this reader",
        "form": "the kind of file",
        "group_by": "columns whose equal values make one row",
        "job_id": "id of the job, as the answer that began it says",
        "job_no": "number of the job, as the answer that began it says",
        "key": "business key of the case, as a loan or write-off number",
        "kind": "only this kind",
        "last_event_id": "id of the last event received: what came since is sent first",
        "Last-Event-ID": "as `last_event_id`, and before it; browsers send it by themselves",
        "lifecycle": "only in this state, as ACTIVE, WRITTEN_OFF, CLOSED",
        "limit": "rows at most",
        "limit_id": "only of this limit",
        "loan_no": "number of the loan note",
        "mine": "only what this reader made or has to do",
        "mode": "LIVE, or DRILL for exercises",
        "name": "by the name that its list tells",
        "offset": "place of the record in its partition",
        "organisation": "only this organisation (branch), without those below it",
        "partition": "partition of the topic",
        "pivot_no": "number of the saved pivot, unique",
        "plan_no": "number of the plan, unique",
        "position": "place of the event in the log of decisions",
        "product": "only this product",
        "proposal_no": "number of the proposal, unique",
        "reservation_no": "number of the reservation, unique",
        "rule": "only of this rule",
        "rule_no": "number of the rule, unique",
        "segment_id": "`segment_id` of an archived file",
        "severity": "only of these severities",
        "silence_no": "number of the silence, unique",
        "sort": "columns to sort by, the first counts most; `-claim`: falling",
        "stage": "only in this stage of its life, as its `stage` says",
        "start": "first day of the period; default: the first of the year",
        "state": "only in these states",
        "subscription": "only of this subscription, by its number",
        "subscription_no": "number of the subscription, unique",
        "team_no": "number of the team, unique",
        "topic": "topic of Kafka, as tm.in.core.txn.v1",
        "txn": "id of the entry in its source system",
        "version": "by its version; default: the newest",
        "view_no": "number of the saved view, unique",
        "where": "conditions as `claim >= 1000`; all must hold",
    }
)
#: Where the same name means something of its own: by address below the version, and name.
BY_PLACE: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("/stream", "events"): "only these kinds, by commas: alert, positions, gap, ratios, trust; default: all",
        ("/worklists/deadlines", "colour"): "only LAPSED, RED, AMBER, GREEN or PAUSED",
        ("/worklists/deadlines", "rule"): "only of this rule of deadlines, by its code",
        ("/worklists/todos", "kind"): "only this kind of to-do, as DECIDE",
        ("/worklists/todos", "mine"): "without what is assigned to others",
        ("/worklists/todos", "everyone"): "also what waits for roles that this reader has not",
        ("/worklists/messages", "everyone"): "also what was sent to roles that this reader has not",
        ("/worklists/plan", "kind"): "only targets of this kind: RECOVERY or REDUCTION",
        ("/worklists/rankings", "kind"): "what is counted: RECOVERY or REDUCTION",
        ("/worklists/rankings", "with_memo"): "customers by their claims with what is off balance",
        ("/worklists/search", "aggregate"): "only this kind of case, as `LitigationCase`",
        ("/worklists/search", "classification"): "only loan notes of this class, as LOSS",
        ("/worklists/search", "customer_no"): "only about this customer",
        ("/worklists/search", "tag"): "only what carries this tag",
        ("/worklists/search", "open"): "true: only what is not over; false: only what is",
    }
)


def describe(path: str, parameters: list[Json]) -> None:
    """The description of each parameter of an operation that has none. `path`: below the version."""
    for parameter in parameters:
        if not parameter.get("description"):
            text = BY_PLACE.get((path, parameter["name"]), BY_NAME.get(parameter["name"]))
            if text is not None:
                parameter["description"] = text
