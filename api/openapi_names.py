"""Names and first sentences of operations, derived from method and path, so that a renamed function breaks no client.

A generated client calls its functions by `operationId`: verb, then nouns, as `get_risk_asset_history`. What the rule
would name badly is named in `NAMED`. Not for routes themselves.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

PREFIX = "/api/v1"
VERBS = MappingProxyType({"get": "get", "post": "create", "put": "replace", "patch": "update", "delete": "delete"})
SUMMARY_LENGTH_MAX = 120

#: Last parts of addresses that are verbs themselves: `POST /counterfactuals/{job_id}/cancel`.
ACTIONS = frozenset({"preview", "render", "replay", "batch", "test"})

NAMED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("get", "/aggregates/{aggregate}"): "get_aggregates",
        ("get", "/aggregates/{aggregate}/{key}/allowed"): "get_allowed_commands",
        ("get", "/lineage/events/{aggregate}/{key}/{version}"): "get_lineage_event_of_aggregate",
        ("get", "/attachments/{doc_id}/verify"): "verify_attachment",
        ("get", "/ledgers/{name}/export"): "export_ledger",
        ("get", "/ledgers/{name}/print"): "print_ledger",
        ("get", "/ledger-views/{view_no}/export"): "export_ledger_view",
        ("get", "/ledger-views/{view_no}/print"): "print_ledger_view",
        ("get", "/ledger-views/{view_no}/run"): "run_ledger_view",
        ("get", "/past"): "get_past_page",
        ("post", "/commands"): "give_command",
        ("post", "/commands/batch"): "give_commands",
        ("post", "/calculations/{name}"): "run_calculation",
        ("post", "/audit/verification"): "start_audit_verification",
        ("post", "/ledger-views"): "save_ledger_view",
        ("post", "/documents"): "draft_document",
        ("post", "/attachments"): "add_attachment",
        ("get", "/alert-centre/{alert_id}"): "get_alert_of_centre",
        ("post", "/alert-centre/acts"): "act_on_alerts",
        ("post", "/alert-centre/{alert_id}/{act_name}"): "act_on_alert",
        ("post", "/alert-deliveries/replay"): "replay_alert_deliveries",
        ("post", "/alert-rules/{rule_no}/preview"): "preview_kept_alert_rule",
        ("post", "/dashboards"): "save_dashboard",
        ("post", "/pivots"): "save_pivot",
        ("post", "/pivots/run"): "run_pivot",
        ("post", "/pivots/drill"): "drill_pivot",
        ("post", "/pivots/export"): "export_pivot",
        ("get", "/pivots/{pivot_no}/run"): "run_kept_pivot",
        ("get", "/pivots/{pivot_no}/export"): "export_kept_pivot",
        ("post", "/withdrawal-desk"): "announce_withdrawal",
        ("get", "/withdrawal-desk/{reservation_no}"): "get_withdrawal_reservation",
        ("post", "/withdrawal-desk/{reservation_no}/{command}"): "give_withdrawal_command",
        ("post", "/withdrawal-desk/dispatch"): "propose_withdrawal_dispatch",
    }
)


def operation_id(method: str, path: str) -> str:
    """`get`, `/api/v1/risk-assets/{loan_no}/history` -> `get_risk_asset_history`."""
    short = path.removeprefix(PREFIX)
    if named := NAMED.get((method, re.sub(r":path\}", "}", short))):
        return named
    parts = [part for part in short.split("/") if part]
    if method == "post" and parts[-1] == "{command}":
        return f"give_{operation_id('get', '/'.join(parts[:-1])).removeprefix('get_')}_command"
    verb = VERBS.get(method, method)
    is_action = method == "post" and len(parts) > 1 and (parts[-1] in ACTIONS or parts[-2].startswith("{"))
    if is_action and not parts[-1].startswith("{"):
        verb = _word(parts.pop())
    nouns: list[str] = []
    for number, part in enumerate(parts):
        if not part.startswith("{"):
            followed = number + 1 < len(parts) and parts[number + 1].startswith("{")
            new = method == "post" and number == len(parts) - 1
            nouns.append(singular(_word(part)) if followed or new else _word(part))
    return "_".join([verb, *nouns])


def told_apart(method: str, path: str) -> str:
    """The name of an operation where another has the same: `preview_alert_rule_by_rule_no`."""
    named = operation_id(method, path)
    parameters = re.findall(r"\{([^}:]+)", path)
    return f"{named}_by_{_word(parameters[-1])}" if parameters else named


def summary(description: str) -> str:
    """The first sentence of a docstring, on one line."""
    text = " ".join(description.split("\n\n", maxsplit=1)[0].split())
    first = re.split(r"(?<=[^.][.!?])\s|[.]$|:\s|;\s", text, maxsplit=1)[0].rstrip(".")
    return first if len(first) <= SUMMARY_LENGTH_MAX else first[: SUMMARY_LENGTH_MAX - 1].rsplit(" ", 1)[0] + "…"


def singular(noun: str) -> str:
    for ending, one in (("ies", "y"), ("ches", "ch"), ("sses", "ss")):
        if noun.endswith(ending):
            return noun.removesuffix(ending) + one
    return noun[:-1] if noun.endswith("s") and not noun.endswith(("ss", "stress", "status")) else noun


def _word(part: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", part.lower()).strip("_")
