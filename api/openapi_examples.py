"""One body for each operation that takes JSON, as a client would send it: shown in the document, tried by its tests.

`BY_COMMAND` is for what all cases take alike. Not for calculations: `GET /calculations/{name}` has theirs.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

Json = dict[str, Any]

_FUNDING: Json = {
    "shortfall": "900.00",
    "day": 3,
    "securities": [{"name": "bonds", "market_value": "250.00"}],
    "sources": [
        {"name": "repo", "gate": 2, "rate": "0.022", "limit": "500.00"},
        {"name": "bond sale", "gate": 3, "rate": "0.030", "lead_days": 2, "securities": "bonds", "use": "sale"},
        {"name": "certificates", "gate": 3, "rate": "0.025", "limit": "400.00", "lead_days": 5},
    ],
}
_CLASSIFY: Json = {
    "cmd_id": "reclassify-LN-7001-2026-11",
    "aggregate": "RiskAsset",
    "key": "LN-7001",
    "command": "Reclassify",
    "payload": {"to_class": "DOUBTFUL"},
    "reason": "overdue for 190 days",
}
_PAPER: Json = {"template": "litigation-complaint", "key": "LT-2026-7", "fields": {"court": "区人民法院"}}
_PIVOT: Json = {"source": "positions", "rows": ["currency"], "measures": ["sum(position)"]}
_MAIL: Json = {"channel": "email", "target": "desk@bank.example"}
_TOLD: Json = {"filter": 'rule == "limit"', "entities": ["NORTH"], "severity": "WARNING", "channels": [_MAIL]}
_RULE: Json = {"expression": 'amount < money("450.00")', "severity": "CRITICAL", "name": "low cash"}
_BREACH: Json = {
    "entity_id": "NORTH",
    "limit_id": "LIM-LDR",
    "metric": "loan_to_deposit",
    "value": "0.77",
    "maximum": "0.75",
    "policy_ref": "POL-2026-3",
    "owner": "U-701",
    "deadline": "2026-12-01",
}
_SILENCE: Json = {
    "matcher": 'rule == "large-flow-single"',
    "entities": ["NORTH"],
    "comment": "a planned run",
    "starts_at": "2026-11-22T11:00:00Z",
    "ends_at": "2026-11-24T13:00:00Z",
}
_TEAM: Json = {
    "entity_id": "NORTH",
    "members": [{"person": "U-701", **_MAIL}],
    "levels": [{"after_minutes": 15, "persons": ["U-701"]}],
}
_WITHDRAWAL: Json = {
    "entity_id": "NORTH",
    "customer_no": "C-1",
    "account_id": "A-C-1",
    "amount": "200000.00",
    "value_date": "2026-12-01",
    "organisation": "N1",
}
_TILE: Json = {"kind": "PIVOT", "ref": "P-1", "x": 0, "y": 0, "width": 6, "height": 4}

#: By method and address below the version.
BY_PLACE: Mapping[tuple[str, str], Json] = MappingProxyType(
    {
        ("post", "/commands"): _CLASSIFY,
        ("post", "/commands/batch"): {"mode": "each", "commands": [_CLASSIFY]},
        ("post", "/plans"): {
            "cmd_id": "propose-CFP-1",
            "plan_no": "CFP-1",
            "payload": {
                "entity_id": "NORTH",
                "trigger": "STRESS_FAILURE",
                "trigger_reason": "the combined stress breaks the limit on day 3",
                "trigger_figures": {"survival_days": 2},
                "funding": _FUNDING,
            },
        },
        ("post", "/plans/preview"): {"funding": _FUNDING, "ccy": "CNY", "as_of": "2026-11-23"},
        ("post", "/breaches"): {"cmd_id": "open-LB-1", "breach_no": "LB-1", "payload": _BREACH},
        ("post", "/documents/render"): _PAPER,
        ("post", "/documents"): {"cmd_id": "complaint-LT-2026-7", **_PAPER},
        ("post", "/ledger-views"): {
            "cmd_id": "save-LV-1",
            "view_no": "LV-1",
            "ledger": "risk_asset",
            "title": "Large claims",
            "entity": "NORTH",
            "where": ["claim >= 1000"],
            "sort": ["-claim"],
        },
        ("post", "/ledger-views/{view_no}/share"): {"cmd_id": "share-LV-1", "roles": ["RM"]},
        ("post", "/ledger-views/{view_no}/retire"): {"cmd_id": "retire-LV-1"},
        ("post", "/counterfactuals"): {"from": "2026-11-01", "set": {"large_flow.*.CNY.rolling": "9000000"}},
        ("post", "/alert-centre/acts"): {
            "cmd_id": "night-shift-1",
            "act": "acknowledge",
            "alert_ids": ["limit-5", "limit-6"],
        },
        ("post", "/alert-centre/{alert_id}/{act_name}"): {
            "cmd_id": "resolve-limit-5",
            "how": "FIXED",
            "comment": "bonds were sold",
        },
        ("post", "/alert-deliveries/replay"): {
            "since": "2026-11-22T16:00:00Z",
            "states": ["failed"],
            "channel": "webhook",
        },
        ("post", "/alert-subscriptions/{subscription_no}/test"): {"channel": "email"},
        ("post", "/alert-subscriptions/{subscription_no}/resume"): {
            "cmd_id": "resume-S-1",
            "comment": "the receiver is back",
        },
        ("post", "/alert-subscriptions"): {"cmd_id": "subscribe-S-1", "subscription_no": "S-1", "payload": _TOLD},
        ("post", "/alert-subscriptions/preview"): {"content": _TOLD, "days": 7},
        ("post", "/alert-silences"): {"cmd_id": "silence-Q-1", "key": "Q-1", "payload": _SILENCE},
        ("post", "/alert-teams"): {"cmd_id": "found-T-1", "key": "T-1", "payload": _TEAM},
        ("post", "/alert-rules"): {
            "cmd_id": "draft-low-cash",
            "rule_no": "low-cash",
            "payload": {**_RULE, "entity_id": "NORTH", "why": "the desk asked for it"},
        },
        ("post", "/alert-rules/preview"): {"rule": _RULE, "from": "2026-11-01"},
        ("post", "/alert-rules/{rule_no}/preview"): {"from": "2026-11-01"},
        ("post", "/past/replay"): {"cuts": [17, 18]},
        ("post", "/pivots/run"): {"definition": _PIVOT},
        ("post", "/pivots/drill"): {"definition": _PIVOT, "row": ["CNY"]},
        ("post", "/pivots/export"): {"definition": _PIVOT, "form": "xlsx"},
        ("post", "/pivots"): {"cmd_id": "save-P-1", "pivot_no": "P-1", "title": "By currency", "definition": _PIVOT},
        ("post", "/pivots/{pivot_no}/share"): {"cmd_id": "share-P-1", "roles": []},
        ("post", "/pivots/{pivot_no}/schedule"): {"cmd_id": "schedule-P-1", "every": "DAILY", "form": "PDF"},
        ("post", "/pivots/{pivot_no}/unschedule"): {"cmd_id": "unschedule-P-1"},
        ("post", "/pivots/{pivot_no}/retire"): {"cmd_id": "retire-P-1"},
        ("post", "/dashboards"): {"cmd_id": "save-D-1", "dashboard_no": "D-1", "title": "Morning", "tiles": [_TILE]},
        ("post", "/dashboards/{dashboard_no}/share"): {"cmd_id": "share-D-1", "roles": []},
        ("post", "/dashboards/{dashboard_no}/retire"): {"cmd_id": "retire-D-1"},
        ("post", "/privacy/erasures"): {
            "cmd_id": "erase-E-1",
            "erasure_no": "E-1",
            "payload": {"entity_id": "NORTH", "subject_kind": "CUSTOMER", "subject_no": "C-1", "why": "by letter"},
        },
        ("put", "/me/layout"): {"widgets": [{"widget": "positions", "size": "wide", "hidden": False}]},
        ("post", "/withdrawal-desk"): {
            "cmd_id": "announce-WR-1",
            "reservation_no": "WR-1",
            "payload": _WITHDRAWAL,
            "submit": True,
        },
        ("post", "/withdrawal-desk/dispatch"): {"cmd_id": "dispatch-1", "entity": "NORTH", "ccy": "CNY"},
        ("post", "/withdrawal-desk/{reservation_no}/{command}"): {"cmd_id": "approve-WR-1", "seen": "3"},
    }
)
#: A command on a case: plans, breaches, rules, silences and so on.
BY_COMMAND: Json = {"cmd_id": "9d2c6f0e", "expected_version": 2, "reason": "as agreed", "payload": {}}


def show(method: str, path: str, operation: Json) -> None:
    """The example of what an operation takes as JSON. `path`: below the version."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is not None:
        is_case = content.get("schema", {}).get("$ref", "").endswith("/CaseCommand")
        example = BY_PLACE.get((method, path), BY_COMMAND if is_case else None)
        if example is not None:
            content["example"] = example
