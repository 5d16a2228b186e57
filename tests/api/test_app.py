"""The HTTP contract: figures, filters, errors, sessions. The live stream is in test_stream.py."""

from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest
from httpx import Client, Response
from pydantic import BaseModel

from api import models
from api.services import Replayed
from streams.past_figures import AccountSums as AccountRow
from streams.topics import POSITION
from streams.views import AsOf, Filters
from streams.views_live import LiveView
from tests.api_doubles import AssetsDouble, client_of, services
from tests.risk_records import cut, position, view_of

V1 = "/api/v1"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Of one server for all tests that only read."""
    with client_of(services()) as found:
        yield found


def get(client: Client, path: str, who: str = "all", **parameters: str | int) -> Any:
    answer = client.get(V1 + path, params=parameters, headers={"Authorization": f"Bearer {who}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def assert_problem(answer: Response, status: int, code: str, **facts: str | int) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["title"], body["type"]) == (status, code, f"/problems/{code}")
    shown = body.get("facts", {})
    assert {name: shown.get(name) for name in facts} == facts


# -- figures ----------------------------------------------------------------------------------------------


def test_positions_by_default_along_entity_organisation_currency(client: Client) -> None:
    body = get(client, "/positions")
    assert body["by"] == ["entity", "organisation", "currency"]
    assert [(r["entity"], r["organisation"], r["currency"], r["position"]) for r in body["rows"]] == [
        ("NORTH", "B2", "EUR", "5.00"),
        ("NORTH", "B2", "JPY", "-45"),
        ("NORTH", "HQ", "EUR", "123.45"),
        ("SOUTH", "HQ", "EUR", "0.99"),
    ]
    assert body["as_of"] == "2026-11-22"
    assert body["last_event_time"] == "2026-11-22T12:00:00Z"


def test_positions_by_entity_leave_on_us_legs_out_and_project_the_end_of_day(client: Client) -> None:
    rows = get(client, "/positions", by="currency", entity="NORTH")["rows"]
    assert rows[0] == {
        "entity": "NORTH",
        "currency": "EUR",
        "position": "123.45",
        "pending_in": "10.00",
        "pending_out": "0.00",
        "reserved": "3.45",
        "projected_eod": "130.00",
        "as_of": "2026-11-22",
    }


def test_every_figure_names_its_cut_and_where_it_comes_from(client: Client) -> None:
    body = get(client, "/positions", by="entity")
    assert body["offsets"] == {
        "tm.in.channel.reservation.v1/0": 2,
        "tm.in.core.business-date.v1/0": 2,
        "tm.in.core.txn.v1/0": 7,
        "tm.in.core.txn.v1/1": 4,
    }
    assert body["log"]["tm.in.core.txn.v1/0"] == "cluster/topic-1"
    provenance = body["provenance"]
    assert (provenance["engine_version"], provenance["config_version"]) == ("1.2.3", "7")
    assert provenance["scenario_id"] is None
    assert len(provenance["input_digest"]) == 64
    assert get(client, "/positions", by="entity")["provenance"] == provenance
    assert get(client, "/positions", by="product")["provenance"]["result_id"] != provenance["result_id"]
    narrowed = get(client, "/positions", "north", by="entity")["provenance"]
    assert narrowed["result_id"] != provenance["result_id"]


def test_an_earlier_date_shows_what_had_been_settled_by_then(client: Client) -> None:
    rows = get(client, "/positions", as_of="2026-11-21", by="entity")["rows"]
    assert {row["position"] for row in rows} == {"0.00", "0"}


def test_lines_and_products_have_no_reservations(client: Client) -> None:
    for by in ("business_line", "product"):
        (row, *_) = get(client, "/positions", by=by)["rows"]
        assert "reserved" not in row
        assert "projected_eod" not in row


def test_positions_by_date(client: Client) -> None:
    body = get(client, "/positions/by-date", entity="SOUTH")
    assert body["rows"] == [
        {
            "entity": "SOUTH",
            "currency": "EUR",
            "value_date": "2026-11-22",
            "movement": "0.99",
            "position": "0.99",
        }
    ]


def test_gap_has_every_bucket_and_cumulates_from_overnight(client: Client) -> None:
    body = get(client, "/gap", entity="NORTH")
    assert len(body["buckets"]) == 12
    assert [row["bucket"] for row in body["rows"]] == body["buckets"]
    by_bucket = {row["bucket"]: row for row in body["rows"]}
    assert by_bucket["ON"] | {"contracts": 1} == by_bucket["ON"]
    assert by_bucket["ON"]["gap"] == by_bucket["Y5P"]["cumulative"] == "75.00"
    assert by_bucket["UNDATED"]["cumulative"] is None


def test_withdrawals_are_rows_of_the_topic(client: Client) -> None:
    rows = get(client, "/withdrawals")["rows"]
    assert [(row["customer"], row["above"], row["rolling"]) for row in rows] == [
        ("C1", True, "60.00"),
        ("C9", False, "45.00"),
    ]


def account(name: str, settled_minor: int, **changed: Any) -> AccountRow:
    row: dict[str, Any] = {
        "entity": "NORTH",
        "organisation": "HQ",
        "business_line": "retail",
        "product": "current",
        "currency": "EUR",
        "customer": "C1",
        "account": name,
        "intragroup": False,
        "settled_minor": settled_minor,
        "pending_in_minor": 0,
        "pending_out_minor": 0,
    }
    return cast("AccountRow", row | changed)


def test_accounts_come_from_the_snapshots_with_their_own_offsets() -> None:
    asked: list[tuple[AsOf, Filters]] = []

    def source(as_of: AsOf, filters: Filters) -> tuple[dict[str, int], list[AccountRow]]:
        asked.append((as_of, filters))
        return {"tm.in.core.txn.v1/0": 5}, [
            account("A1", 100),
            account("A1", 23, product="savings"),
            account("A2", -5, intragroup=True),
            account("S1", 7, entity="SOUTH"),
        ]

    with client_of(services(account_source=source)) as client:
        body = get(client, "/positions", "north", by="account")
        assert body["offsets"] == {"tm.in.core.txn.v1/0": 5, "tm.in.core.business-date.v1/0": 2}
        assert body["by"] == ["entity", "organisation", "currency", "account"]
        assert [(row["account"], row["organisation"], row["position"]) for row in body["rows"]] == [
            ("A1", "HQ", "1.23"),
            ("A2", "HQ", "-0.05"),
        ]
        assert "reserved" not in body["rows"][0]
        as_of, filters = asked[0]
        assert str(as_of.of("NORTH")) == "2026-11-22"
        assert filters == {"entity": frozenset({"NORTH"})}
        by_customer = get(client, "/positions", by="customer", entity="NORTH")["rows"]
        assert [(row["customer"], row["position"]) for row in by_customer] == [("C1", "1.18")]


def test_a_past_cut_is_replayed() -> None:
    asked: list[Any] = []

    def replay(offsets: Any) -> Replayed:
        asked.append(offsets)
        return Replayed(view_of([position(3, 50), cut(POSITION, 3)]), None)

    with client_of(services(replay=replay)) as client:
        body = get(client, "/positions", at_offsets='{"tm.in.core.txn.v1/0":3}')
        assert asked == [{"tm.in.core.txn.v1/0": 3}]
        assert [row["position"] for row in body["rows"]] == ["0.50"]
        assert body["offsets"] == {"tm.in.core.txn.v1/0": 3}
        assert body["as_of"] == "2026-11-22"


def test_without_snapshots_or_replay_the_answer_is_unavailable(client: Client) -> None:
    assert_problem(client.get(V1 + "/positions?by=account"), 503, "unavailable")
    assert_problem(client.get(V1 + "/positions?at_offsets={}"), 503, "unavailable")


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/positions", models.Positions),
        ("/positions/by-date", models.PositionsByDate),
        ("/gap", models.Gap),
        ("/withdrawals", models.Withdrawals),
        ("/alerts", models.Alerts),
        ("/alerts/alert-0-1", models.AlertDetail),
        ("/entries/tm.in.core.txn.v1/0/4", models.Entry),
        ("/me", models.Me),
    ],
)
def test_answers_are_what_openapi_says_and_hold_no_float(client: Client, path: str, model: type[BaseModel]) -> None:
    text = client.get(V1 + path).text
    model.model_validate_json(text)

    def floats(value: Any) -> list[float]:
        if isinstance(value, float):
            return [value]
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return [found for part in inner for found in floats(part)]

    assert floats(msgspec.json.decode(text)) == []


# -- who may see what -------------------------------------------------------------------------------------

READABLE = (
    "/me",
    "/positions",
    "/positions/by-date",
    "/gap",
    "/withdrawals",
    "/alerts",
    "/alerts/alert-0-0",
    "/entries/tm.in.core.txn.v1/0/4",
    "/stream",
    "/risk-assets",
    "/risk-assets/LN-1",
    "/risk-assets/LN-1/history",
    "/aggregates/WriteOff/W-1/history",
)


@pytest.mark.parametrize("path", READABLE)
def test_reading_needs_a_valid_token_and_a_role(client: Client, path: str) -> None:
    nobody = client.get(V1 + path, headers={"Authorization": ""})
    assert_problem(nobody, 401, "unauthenticated")
    assert nobody.headers["www-authenticate"] == "Bearer"
    assert_problem(client.get(V1 + path, headers={"Authorization": "Bearer forged"}), 401, "unauthenticated")
    assert_problem(client.get(V1 + path, headers={"Authorization": "Bearer nobody"}), 403, "forbidden")


@pytest.mark.parametrize(
    "path", ["/positions", "/positions?by=product", "/positions/by-date", "/gap", "/withdrawals"]
)
def test_rows_of_other_entities_are_left_out(client: Client, path: str) -> None:
    body = get(client, path, "north")
    assert {row["entity"] for row in body["rows"]} == {"NORTH"}
    glue = "&" if "?" in path else "?"
    asked = client.get(f"{V1}{path}{glue}entity=SOUTH", headers={"Authorization": "Bearer north"})
    assert asked.json()["rows"] == []


def test_alerts_and_entries_of_other_entities_are_not_there(client: Client) -> None:
    north = {"Authorization": "Bearer north"}
    assert {a["entity"] for a in get(client, "/alerts", "north")["alerts"]} == {"NORTH"}
    assert get(client, "/alerts", "north", entity="SOUTH")["alerts"] == []
    assert_problem(client.get(V1 + "/alerts/alert-1-0", headers=north), 404, "not-found")
    assert_problem(client.get(V1 + "/entries/tm.in.core.txn.v1/0/5", headers=north), 404, "not-found")
    assert get(client, "/entries/tm.in.core.txn.v1/0/5")["record"]["txn_id"] == "T5"
    assert_problem(client.get(V1 + "/risk-assets/SOUTH-1", headers=north), 404, "not-found")
    assert get(client, "/risk-assets", "north")["rows"] == [
        {"loan_no": "NORTH-1", "entity": "NORTH", "lifecycle": "ACTIVE"}
    ]


# -- alerts -----------------------------------------------------------------------------------------------


def test_alerts_page_back_from_the_newest_without_repeat_or_hole(client: Client) -> None:
    seen: list[str] = []
    page = get(client, "/alerts", limit=2)
    assert page["vector"] == "0:3,1:0"
    while True:
        seen += [alert["alert_id"] for alert in page["alerts"]]
        if page["cursor"] is None:
            break
        page = get(client, "/alerts", limit=2, before=page["cursor"])
    assert seen == ["alert-0-3", "alert-0-2", "alert-1-0", "alert-0-1", "alert-0-0"]


def test_alerts_after_a_vector(client: Client) -> None:
    found = get(client, "/alerts", after="0:2")["alerts"]
    assert [alert["alert_id"] for alert in found] == ["alert-0-3", "alert-1-0"]
    assert_problem(client.get(V1 + "/alerts?after=0-2"), 422, "invalid-input", field="after")


def test_an_alert_brings_its_entries(client: Client) -> None:
    body = get(client, "/alerts/alert-0-0")
    (entry,) = body["entries"]
    assert (entry["offset"], entry["key"], entry["amount"]) == (0, "NORTH|C1", "1000.00")
    assert entry["record"]["txn_id"] == "T0"


# -- decisions --------------------------------------------------------------------------------------------


def command(**changed: Any) -> dict[str, Any]:
    return {
        "cmd_id": "c1",
        "aggregate": "RiskAsset",
        "key": "LN-1",
        "command": "Classify",
        "payload": {},
    } | changed


def test_a_command_acts_as_the_token_says_and_once() -> None:
    assets = AssetsDouble()
    with client_of(services(assets=assets), "north") as client:
        first = client.post(V1 + "/commands", json=command(valid_on="2026-11-20")).json()
        assert (first["state"]["loan_no"], first["events"], first["repeated"]) == ("LN-1", [], False)
        assert client.post(V1 + "/commands", json=command(valid_on="2026-11-20")).json()["repeated"]
        done = assets.executed["c1"]
        assert (done.principal.actor, str(done.valid_on)) == ("north-reader", "2026-11-20")
        assert_problem(client.post(V1 + "/commands", json=command(key="LN-2")), 409, "conflict", cmd_id="c1")
        refused = client.post(V1 + "/commands", json=command(cmd_id="c2", command="Refuse"))
        assert_problem(refused, 409, "rejected", guard="STATE")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"cmd_id": 7}, "cmd_id"),
        ({"payload": []}, "payload"),
        ({"actor": "someone else"}, "actor"),
        ({"valid_on": "yesterday"}, "valid_on"),
    ],
)
def test_a_malformed_command_is_refused_by_its_field(client: Client, changed: dict[str, Any], field: str) -> None:
    assert_problem(client.post(V1 + "/commands", json=command(**changed)), 422, "invalid-input", field=field)


def test_a_cookie_does_not_carry_commands_from_another_origin(client: Client) -> None:
    ours = {"Authorization": "", "Cookie": "tidemark_session=all"}
    assert (
        client.post(V1 + "/commands", json=command(), headers=ours | {"Origin": str(client.base_url)}).status_code
        == 200
    )
    foreign = client.post(V1 + "/commands", json=command(), headers=ours | {"Origin": "http://127.0.0.1:9"})
    assert_problem(foreign, 403, "forbidden")


# -- sessions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/login", "/api/v1/login"])
def test_a_login_link_works_once_and_sets_a_cookie_no_script_can_read(path: str) -> None:
    with client_of(services(), "") as client:
        answer = client.get(path, params={"code": "once"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert client.get(V1 + "/me").json() == {
            "actor": "treasurer",
            "roles": ["RM"],
            "entities": ["*"],
            "organisation": "-",
        }
        client.get("/logout")
        assert client.get(V1 + "/me").status_code == 401
        assert_problem(client.get(path, params={"code": "once"}), 401, "unauthenticated")


# -- the rest ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/positions?by=planet", "by"),
        ("/positions?as_of=soon", "as_of"),
        ("/positions?at_offsets=[]", "at_offsets"),
        ('/positions?at_offsets={"a/0":-1}', "at_offsets"),
        ("/gap?by=account", "by"),
        ("/alerts?limit=0", "limit"),
        ("/alerts?before=x", "before"),
        ("/entries/tm.in.core.txn.v1/0/-1", "offset"),
        ("/stream?last_event_id=x", "last_event_id"),
    ],
)
def test_bad_input_is_a_problem_that_names_its_field(client: Client, path: str, field: str) -> None:
    assert_problem(client.get(V1 + path), 422, "invalid-input", field=field)


def test_unknown_paths_methods_and_records_are_problems(client: Client) -> None:
    assert_problem(client.get(V1 + "/planets"), 404, "not-found")
    assert_problem(client.get("/nothing-here"), 404, "not-found")
    assert_problem(client.delete(V1 + "/positions"), 405, "method-not-allowed")
    assert_problem(client.get(V1 + "/alerts/unknown"), 404, "not-found")
    assert_problem(client.get(V1 + "/entries/tm.in.core.txn.v1/0/100"), 404, "not-found")
    assert_problem(client.get(V1 + "/ws"), 426, "upgrade-required")


def test_a_crash_tells_nothing_of_our_insides() -> None:
    def crash(topic: str, partition: int, offset: int) -> Any:
        raise RuntimeError("the password is swordfish")

    with client_of(services(read_entry=crash)) as client:
        answer = client.get(V1 + "/entries/tm.x/0/0", headers={"Authorization": "Bearer all"})
        assert_problem(answer, 500, "internal")
        assert "swordfish" not in answer.text


def test_readiness_says_what_is_awaited_and_figures_wait_with_it() -> None:
    live = LiveView()
    live.set_status(ready=False, reason="12 records to go", records_behind=12)
    with client_of(services(live)) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["reason"]) == (503, "12 records to go")
        assert_problem(client.get(V1 + "/positions"), 503, "unavailable", records_behind=12)
        live.set_status(ready=True)
        live.warn("Kafka has not answered for 9 s")
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["warnings"]) == (200, ["Kafka has not answered for 9 s"])
        assert get(client, "/positions")["rows"] == []


def test_metrics_count_by_route_and_show_the_view() -> None:
    with client_of(services()) as client:
        client.get(V1 + "/alerts/alert-0-0")
        client.get(V1 + "/planets")
        text = client.get("/metrics").text
    counted = 'tidemark_http_requests_total{method="GET",route="/alerts/{alert_id}",status="200"} 1.0'
    assert counted in text
    assert 'route="other",status="404"' in text
    assert "tidemark_view_alerts_total 5.0" in text
    assert "tidemark_view_ready 1.0" in text
    assert "tidemark_alert_sequence_gaps 0.0" in text
    assert "C1" not in text


def test_lag_counts_entries_beyond_the_figures() -> None:
    ours = services()
    ours.live.note_source_ends({"tm.in.core.txn.v1/0": 10, "tm.in.core.txn.v1/1": 4, "tm.in.core.txn.v1/2": 1})
    with client_of(ours) as client:
        assert get(client, "/positions")["lag_records"] == 4


def test_headers_guard_the_browser(client: Client) -> None:
    for path in ("/", V1 + "/positions", V1 + "/planets"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
    assert client.get(V1 + "/positions").headers["cache-control"] == "no-store"


def test_the_page_is_served_or_says_how_to_build_it(client: Client, tmp_path: Any) -> None:
    assert "make page" in client.get("/").text
    (tmp_path / "index.html").write_text("<title>page</title>")
    with client_of(services(page_dir=tmp_path)) as built:
        assert "<title>page</title>" in built.get("/").text
        assert_problem(built.get("/absent.js"), 404, "not-found")


def test_both_contracts_are_served(client: Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {V1 + "/positions", V1 + "/stream", V1 + "/commands", "/readyz"} <= paths.keys()
    assert client.get("/asyncapi.json").json()["asyncapi"] == "3.0.0"
