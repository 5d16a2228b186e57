"""The OpenAPI document as machines want it: valid, named, complete, and saying what every answer holds."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from api.app import create_app
from api.openapi import clean_names, json_schema_of
from api.openapi_names import PREFIX, operation_id, singular, summary
from tests.api.contract_watch import Checker, resolved
from tests.api_doubles import services

Json = dict[str, Any]

#: What clients were generated from: a renamed operation breaks them. Only added to.
KEPT = {
    "get_positions": "get /positions",
    "get_gap": "get /gap",
    "get_ratios": "get /ratios",
    "get_withdrawals": "get /withdrawals",
    "get_alerts": "get /alerts",
    "get_alert": "get /alerts/{alert_id}",
    "get_entry": "get /entries/{topic}/{partition}/{offset}",
    "get_risk_assets": "get /risk-assets",
    "get_risk_asset_history": "get /risk-assets/{loan_no}/history",
    "get_aggregates": "get /aggregates/{aggregate}",
    "get_aggregate": "get /aggregates/{aggregate}/{key}",
    "get_allowed_commands": "get /aggregates/{aggregate}/{key}/allowed",
    "give_command": "post /commands",
    "give_commands": "post /commands/batch",
    "create_plan": "post /plans",
    "give_plan_command": "post /plans/{plan_no}/{command}",
    "create_breach": "post /breaches",
    "run_calculation": "post /calculations/{name}",
    "get_ledger": "get /ledgers/{name}",
    "get_ledger_query": "get /ledgers/{name}/query",
    "save_ledger_view": "post /ledger-views",
    "create_counterfactual": "post /counterfactuals",
    "cancel_counterfactual": "post /counterfactuals/{job_id}/cancel",
    "replay_past": "post /past/replay",
    "get_audit_proof": "get /audit/proofs/{aggregate}/{key}",
    "get_worklists_search": "get /worklists/search",
    "approve_privacy_erasure": "post /privacy/erasures/{erasure_no}/approve",
    "get_alert_of_centre": "get /alert-centre/{alert_id}",
    "act_on_alert": "post /alert-centre/{alert_id}/{act_name}",
    "act_on_alerts": "post /alert-centre/acts",
    "run_pivot": "post /pivots/run",
    "save_pivot": "post /pivots",
    "export_kept_pivot": "get /pivots/{pivot_no}/export",
    "save_dashboard": "post /dashboards",
    "announce_withdrawal": "post /withdrawal-desk",
}


#: Lists that answer everything at once, and why that is bounded.
WHOLE = {
    "what became of one case, or stands behind one thing": (
        "/aggregates/{aggregate}/{key}/history",
        "/alert-centre/{alert_id}",
        "/alert-deliveries/{delivery_id}",
        "/alert-rules/{rule_no}/history",
        "/alert-subscriptions/{subscription_no}/history",
        "/alerts/{alert_id}",
        "/breaches/{breach_no}/history",
        "/contracts/{entity}/{contract_id}/flows",
        "/histories/{aggregate}/{key}",
        "/ledgers/{name}/{key}/explain",
        "/lineage/entries",
        "/lineage/events/{aggregate}/{key}/{version}",
        "/lineage/events/{position}",
        "/plans/{plan_no}/history",
        "/risk-assets/{loan_no}/history",
        "/withdrawal-desk/{reservation_no}",
        "/worklists/assets/{loan_no}",
        "/worklists/customers/{customer_no}",
    ),
    "as many as the configuration or this version names": (
        "/alert-rules/vocabulary",
        "/calculations",
        "/calculations/{name}",
        "/documents/templates",
        "/ledgers",
        "/limits",
        "/pivots/sources",
        "/trust",
    ),
    "figures of one cut, by the dimensions asked: a part of them would be another figure": (
        "/gap",
        "/ledgers/{name}/supplements",
        "/liquid-assets",
        "/pivots/{pivot_no}/run",
        "/positions",
        "/positions/by-date",
        "/ratios",
        "/ratios/lcr",
        "/ratios/nsfr",
        "/recoveries/changes",
        "/recoveries/stress",
        "/reports/daily",
        "/withdrawal-desk/dispatch",
        "/withdrawal-desk/forecast",
        "/withdrawals",
        "/worklists/home",
        "/worklists/totals",
    ),
    "the first `limit`, what is beyond them counted or asked for by day": (
        "/gap/changes",
        "/ledgers/{name}/difference",
        "/nostro/reconciliations",
        "/positions/changes",
        "/ratios/lcr/changes",
        "/ratios/nsfr/changes",
        "/reverse-stress",
    ),
    "kept for a while, or a few for each": (
        "/alert-deliveries/status",
        "/counterfactuals",
        "/dashboards/{dashboard_no}",
        "/ledger-exports",
        "/me/layout",
        "/pivots/{pivot_no}",
        "/pivots/{pivot_no}/deliveries",
    ),
}


def schemas_in(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part
        for value in part.values():
            yield from schemas_in(value)
    elif isinstance(part, list):
        for value in part:
            yield from schemas_in(value)


@pytest.fixture(scope="module")
def document() -> Json:
    """Made by the first test that asks: whoever only collects tests need not wait for it."""
    return create_app(services()).openapi()


def operations(document: Json) -> list[tuple[str, str, Json]]:
    return [(method, path, one) for path, found in document["paths"].items() for method, one in found.items()]


def test_every_reference_leads_somewhere(document: Json) -> None:
    assert document["openapi"].startswith("3.1")
    for reference in schemas_in(document):
        resolved(document, reference)


def test_every_schema_is_one_and_is_used(document: Json) -> None:
    for schema in Checker(document).definitions.values():
        jsonschema_rs.meta.validate(schema)
    used = {reference["$ref"].rsplit("/", 1)[1] for reference in schemas_in(document)}
    assert set(document["components"]["schemas"]) <= used


def test_schemas_have_names_that_classes_may_have(document: Json) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Z][A-Za-z0-9_]*", name), name
        assert schema["title"] == name
    assert clean_names(["Command", "api__models__Command", "Target-Output", "api__routes__plans__Preview"]) == {
        "Command": "Command",
        "api__models__Command": "Command2",
        "Target-Output": "TargetOutput",
        "api__routes__plans__Preview": "PlansPreview",
    }


def test_operations_have_one_name_each_and_keep_it(document: Json) -> None:
    names = Counter(operation["operationId"] for _, _, operation in operations(document))
    assert max(names.values()) == 1, names.most_common(3)
    assert all(re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", name) for name in names)
    places = {
        operation["operationId"]: f"{method} {path.removeprefix(PREFIX)}"
        for method, path, operation in operations(document)
    }
    assert {name: places.get(name) for name in KEPT} == KEPT


def test_an_operation_says_what_a_client_must_know(document: Json, subtests: pytest.Subtests) -> None:
    for method, path, operation in operations(document):
        with subtests.test(f"{method} {path}"):
            says_what_a_client_must_know(document, method, path, operation)


def says_what_a_client_must_know(document: Json, method: str, path: str, operation: Json) -> None:
    assert operation["tags"]
    assert 0 < len(operation["summary"]) <= 120
    assert operation["description"]
    answers = operation["responses"]
    good = {status: resolved(document, answer) for status, answer in answers.items() if status < "4"}
    assert good
    for status, answer in good.items():
        for kind, content in answer.get("content", {}).items():
            assert content.get("schema", {}).keys() - {"title"}, f"{status} as {kind} says nothing"
    for status, answer in answers.items():
        if status >= "4" and status != "416" and (path, status) != ("/readyz", "503"):
            assert list(resolved(document, answer)["content"]) == ["application/problem+json"]
    for parameter in operation.get("parameters", ()):
        assert parameter["schema"].keys() - {"title", "description"}, parameter["name"]
        assert parameter.get("description"), parameter["name"]
        if parameter["name"] == "command":
            assert parameter["schema"]["enum"]
        assert (parameter["in"] == "path") == (f"{{{parameter['name']}}}" in path)
    if path.startswith(PREFIX):
        assert {"401", "403", "422", "429", "503"} <= set(answers)
        assert {"RateLimit", "RateLimit-Policy"} <= set(next(iter(good.values()))["headers"])
    else:
        assert operation["security"] == []
    if "requestBody" in operation:
        assert {"400", "413", "415"} <= set(answers)
    if "202" in answers:
        assert "Location" in good["202"]["headers"]
    if method == "post" and path.startswith(PREFIX):
        assert "Idempotency-Key" in {parameter["name"] for parameter in operation["parameters"]}
        assert "409" in answers


def rows_of(document: Json, operation: Json) -> list[str]:
    """The lists of objects that an operation answers, by their names."""
    answer = json_schema_of(operation)
    if answer is None:
        return []
    forms = [answer, *answer.get("anyOf", ()), *answer.get("oneOf", ())]
    members = {name: part for form in forms for name, part in resolved(document, form).get("properties", {}).items()}
    return [name for name, part in members.items() if any(is_list_of_objects(document, one) for one in choices(part))]


def choices(schema: Json) -> list[Json]:
    return [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]


def is_list_of_objects(document: Json, schema: Json) -> bool:
    items = resolved(document, schema).get("items")
    return items is not None and any("properties" in resolved(document, one) for one in choices(items))


def test_lists_come_in_pages_or_have_their_bound(document: Json) -> None:
    whole = set()
    for method, path, operation in operations(document):
        if method == "get" and path.startswith(PREFIX) and rows_of(document, operation):
            names = {parameter["name"] for parameter in operation.get("parameters", ())}
            if not {"limit", "cursor"} <= names:
                whole.add(path.removeprefix(PREFIX))
            else:
                (good,) = [answer for status, answer in operation["responses"].items() if status == "200"]
                answer = json_schema_of(operation)
                assert answer is not None
                assert "cursor" in resolved(document, answer)["properties"], path
                assert "Link" in good["headers"], path
    assert sorted(whole) == sorted(path for paths in WHOLE.values() for path in paths)


def test_what_belongs_together_says_what_it_is(document: Json) -> None:
    assert [tag["name"] for tag in document["tags"] if tag["description"] == tag["name"]] == []


def test_security_is_the_token_or_the_session(document: Json) -> None:
    assert [list(one) for one in document["security"]] == [["bearer"], ["session"]]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "session"}


def test_what_is_deprecated_is_told(document: Json) -> None:
    told = {
        (operation["operationId"], parameter["name"])
        for _, _, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if parameter.get("deprecated")
    }
    assert {("get_alerts", "before"), ("get_cuts", "before"), ("get_gap_contracts", "start")} <= told


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("get", "/api/v1/positions/by-date", "get_positions_by_date"),
        ("get", "/api/v1/breaches/{breach_no}", "get_breach"),
        ("get", "/api/v1/contracts/{entity}/{contract_id:path}/flows", "get_contract_flows"),
        ("post", "/api/v1/alert-rules/{rule_no}/{command}", "give_alert_rule_command"),
        ("delete", "/api/v1/pivots/{pivot_no}", "delete_pivot"),
        ("post", "/api/v1/webhooks/{no}/test", "test_webhook"),
    ],
)
def test_names_follow_from_addresses(method: str, path: str, name: str) -> None:
    assert operation_id(method, path) == name


def test_words() -> None:
    assert [singular(word) for word in ("entries", "breaches", "plans", "reverse_stress", "status")] == [
        "entry", "breach", "plan", "reverse_stress", "status",
    ]  # fmt: skip
    assert summary("The position (LIQ-01): settled.\n\nMore.") == "The position (LIQ-01)"
    assert len(summary("word " * 60)) <= 120
