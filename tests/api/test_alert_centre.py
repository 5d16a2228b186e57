"""The alert centre over HTTP: lives of alerts, acts by those who may, subscriptions, silences, teams, preview."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import msgspec
import pytest
from prometheus_client import CollectorRegistry

from aggregates.alert import alert_key
from aggregates.assets import Assets
from aggregates.commands import Command
from aggregates.envelope import Principal
from api.alert_centre import AlertCentre, Lives, record_of
from api.alert_centre_metrics import AlertCentreCollector
from infra.event_store import open_event_store
from infra.security import Unauthenticated
from streams.views_live import LiveView
from streams.views_wire import Alert
from tests.api.test_limits import end_of_tick, limit_alert
from tests.api_doubles import NOW, fill, running, services
from tests.projections.alert_world import CALENDAR, START, alert, silence

V1 = "/api/v1"
PEOPLE = {
    "ann": Principal("ann", ("RM",), "-", ("*",)),
    "ben": Principal("ben", ("TR",), "-", ("NORTH",)),
    "dan": Principal("dan", ("TR",), "-", ("NORTH",)),
    "cas": Principal("cas", ("TR",), "-", ("SOUTH",)),
    "eve": Principal("eve", ("IA",), "-", ("*",)),
}
MAIL = [{"channel": "email", "target": "desk@example.org"}]
CONTENT: dict[str, Any] = {"filter": "true", "entities": ["NORTH"], "channels": MAIL}
CRITICAL, OF_SOUTH, LARGE = "limit-0", "limit-1", "alert-0-0"


class Client:
    def __init__(self, address: str, centre: AlertCentre, live: LiveView, app: Assets) -> None:
        self.http = httpx.Client(base_url=f"{address}{V1}", trust_env=False)
        self.centre, self.live, self.app, self._numbers = centre, live, app, count()

    def get(self, who: str, path: str, **parameters: Any) -> Any:
        answer = self.http.get(path, params=parameters, headers={"Authorization": f"Bearer {who}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, who: str, path: str, status: int = 200, **body: Any) -> Any:
        body = {"cmd_id": f"c-{next(self._numbers)}"} | body
        if path.endswith("/preview"):
            del body["cmd_id"]
        answer = self.http.post(path, json=body, headers={"Authorization": f"Bearer {who}"})
        assert answer.status_code == status, answer.text
        return answer.json()

    def ids(self, who: str, **parameters: Any) -> list[str]:
        return [row["alert"]["alert_id"] for row in self.get(who, "/alert-centre", **parameters)["rows"]]

    def life(self, alert_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get("ann", f"/alert-centre/{alert_id}")["life"]
        return found

    def subscribe(self, who: str, number: str, status: int = 200, **content: Any) -> Any:
        return self.post(who, "/alert-subscriptions", status, subscription_no=number, payload=CONTENT | content)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One server for all; each test has alerts and numbers of its own."""

    def verify(token: str, _now: object) -> Principal:
        if token not in PEOPLE:
            raise Unauthenticated("this token is not valid")
        return PEOPLE[token]

    live = LiveView()
    fill(live)
    facts: list[tuple[str, dict[str, Any]]] = [(f"limit-{number}", {}) for number in range(7)]
    changes: list[dict[str, Any]] = [
        {},
        {"entity": "SOUTH", "light": "amber"},
        {"limit_id": "nsfr", "incident": "limit-2"},
        {"limit_id": "nsfr", "kind": "cleared", "light": "green", "light_before": "red", "incident": "limit-2"},
        {"limit_id": "third", "incident": "limit-4"},
        {"limit_id": "fourth", "incident": "limit-5"},
        {"limit_id": "fifth", "incident": "limit-6", "light": "amber"},
    ]
    live.feed([*(limit_alert(number, **changes[number]) for number, _ in enumerate(facts)), end_of_tick(99)])
    live.set_status(ready=True)
    with open_event_store("sqlite", tmp_path_factory.mktemp("store"), clock=lambda: NOW) as store:
        app = Assets(store.factory)
        centre = AlertCentre(app.decisions, app.decode, CALENDAR)
        with running(services(live, assets=app, verify_token=verify, alert_centre=centre)) as server:
            made = Client(server.address, centre, live, app)
            yield made
            made.http.close()
        app.close()


# --- Alerts and acts -----------------------------------------------------------------------------------------------


def test_alerts_come_with_what_was_done_about_them(client: Client) -> None:
    assert client.life(CRITICAL) == {
        "state": "RAISED", "severity": "CRITICAL", "version": 0, "acknowledged_by": None, "acknowledged_at": None,
        "resolved_by": None, "resolved_at": None, "how": None, "comments": 0, "level": 0, "delivery_failures": 0,
        "silenced": False,
    }  # fmt: skip
    done = client.post("ben", f"/alert-centre/{CRITICAL}/acknowledge", comment="looking", cmd_id="once")
    assert done["state"]["state"] == "ACKNOWLEDGED"
    assert client.post("ben", f"/alert-centre/{CRITICAL}/acknowledge", comment="looking", cmd_id="once")["repeated"]
    life = client.life(CRITICAL)
    assert (life["state"], life["acknowledged_by"], life["comments"]) == ("ACKNOWLEDGED", "ben", 1)
    client.post("ben", f"/alert-centre/{CRITICAL}/comment", comment="a late booking")
    client.post("ann", f"/alert-centre/{CRITICAL}/resolve", how="FIXED")
    client.post("ann", f"/alert-centre/{CRITICAL}/reopen", 422)
    client.post("ann", f"/alert-centre/{CRITICAL}/reopen", comment="again")
    found = client.get("ann", f"/alert-centre/{CRITICAL}")
    assert [event["type"] for event in found["history"]] == [
        "AlertAcknowledged", "AlertCommented", "AlertResolved", "AlertReopened",
    ]  # fmt: skip
    assert found["case"]["comments"][1] | {"at": ""} == {
        "by": "ben",
        "at": "",
        "act": "Comment",
        "comment": "a late booking",
    }
    assert (found["life"]["state"], found["life"]["version"]) == ("RAISED", 4)


def test_what_its_incident_cleared_is_resolved_though_nobody_acted(client: Client) -> None:
    life = client.life("limit-2")
    assert (life["state"], life["resolved_by"], life["how"], life["version"]) == ("RESOLVED", "system", "CLEARED", 0)
    assert client.life("limit-3")["state"] == "RESOLVED"


def test_filters_rights_and_pages(client: Client) -> None:
    assert client.ids("ben", entity="SOUTH") == []
    assert set(client.ids("cas")) == {OF_SOUTH, "alert-1-0"}
    assert client.ids("ann", severity=["WARNING"], rule="limit") == ["limit-6", OF_SOUTH]
    assert set(client.ids("ann", state=["RESOLVED"])) >= {"limit-2", "limit-3"}
    everything = client.ids("ann", limit=1_000)
    assert len(everything) == 12
    pages, cursor = [], None
    while True:
        page = client.get("ann", "/alert-centre", limit=5, **({} if cursor is None else {"cursor": cursor}))
        pages += [row["alert"]["alert_id"] for row in page["rows"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert pages == everything


def test_nobody_acts_on_what_he_may_not_see(client: Client) -> None:
    client.post("cas", f"/alert-centre/{LARGE}/acknowledge", 404)
    assert client.http.get(f"/alert-centre/{LARGE}", headers={"Authorization": "Bearer cas"}).status_code == 404
    client.post("eve", f"/alert-centre/{LARGE}/acknowledge", 403)
    client.post("ben", "/alert-centre/nothing/acknowledge", 404)
    client.post("ben", f"/alert-centre/{LARGE}/expire", 422)
    assert client.life(LARGE)["version"] == 0


def test_many_at_once_each_by_itself(client: Client) -> None:
    ids = ["alert-0-1", "alert-0-2", "alert-1-0", "alert-0-1"]
    found = client.post("ben", "/alert-centre/acts", act="acknowledge", alert_ids=ids, cmd_id="many")
    assert (found["stored"], found["refused"]) == (2, 1)
    refused = found["items"][2]
    assert (refused["alert_id"], refused["result"], refused["problem"]["title"]) == (
        "alert-1-0",
        "refused",
        "not-found",
    )
    again = client.post("ben", "/alert-centre/acts", act="acknowledge", alert_ids=ids, cmd_id="many")
    assert (again["stored"], again["repeated"]) == (0, 2)
    client.post("ben", "/alert-centre/acts", 422, act="acknowledge", alert_ids=["x"] * 201)


def test_figures_and_metrics_count_what_is_open(client: Client) -> None:
    client.post("ann", "/alert-centre/limit-4/acknowledge")
    found = client.get("ann", "/alert-centre/figures")
    assert found["open"]["CRITICAL"]["ACKNOWLEDGED"] >= 1
    assert found["acknowledged"]["CRITICAL"]["count"] >= 1
    assert found["acknowledged"]["CRITICAL"]["median_s"] == 0.0  # raised and acknowledged at the clock of the test
    registry = CollectorRegistry()
    registry.register(AlertCentreCollector(client.live, client.centre, lambda: NOW))
    labels = {"severity": "CRITICAL", "state": "ACKNOWLEDGED"}
    assert registry.get_sample_value("tidemark_alerts_open", labels) == found["open"]["CRITICAL"]["ACKNOWLEDGED"]
    assert client.get("cas", "/alert-centre/figures")["open"]["CRITICAL"] == {"RAISED": 0, "ACKNOWLEDGED": 0}


def test_an_act_of_the_system_shows(client: Client) -> None:
    key = alert_key("limit-5", "NORTH")
    system = Principal("system", ("SY",), "-", ("*",))
    payload = {"alert_id": "limit-5", "entity_id": "NORTH", "subscription": "S1", "level": 2, "to": ["ann"]}
    client.app.execute(Command("esc", "Alert", key, "Escalate", payload, system, NOW))
    assert (client.life("limit-5")["level"], client.life("limit-5")["state"]) == (2, "RAISED")


# --- Subscriptions, silences, teams --------------------------------------------------------------------------------


def test_a_subscription_is_made_changed_and_ended(client: Client) -> None:
    state = client.subscribe("dan", "S1", digest="DAILY", digest_at="08:00")["state"]
    assert (state["subscriber"], state["entity"], state["digest_at"]) == ("dan", "NORTH", "08:00")
    assert [row["subscription_no"] for row in client.get("dan", "/alert-subscriptions", mine=True)["rows"]] == ["S1"]
    client.post("dan", "/alert-subscriptions/S1/change", payload=CONTENT | {"filter": 'rule == "limit"'})
    assert client.get("dan", "/alert-subscriptions/S1").get("digest_at") is None
    mine = client.ids("dan", mine=True)
    assert CRITICAL in mine
    assert LARGE not in mine
    client.post("dan", "/alert-subscriptions/S1/end")
    assert client.ids("dan", mine=True) == []
    assert len(client.get("dan", "/alert-subscriptions/S1/history")["events"]) == 3


def test_a_filter_is_checked_before_anything_is_stored(client: Client) -> None:
    problem = client.subscribe("ben", "S2", 422, filter="amuont > 1")
    assert problem["facts"]["field"] == "expression"
    assert "amuont" in problem["detail"]
    client.subscribe("ben", "S2", 422, entities=["SOUTH"])
    client.subscribe("ben", "S2")
    client.post("ben", "/alert-subscriptions/S2/change", 422, payload=CONTENT | {"filter": "1 +"})
    client.post("cas", "/alert-subscriptions/S2/end", 404)


def test_a_team_is_founded_and_its_members_subscribe_for_it(client: Client) -> None:
    members = [{"person": "ann", "channel": "sms", "target": "10086"}, {"person": "ben", **MAIL[0]}]
    levels = [{"after_minutes": 15, "persons": ["ann"]}]
    payload = {"members": members, "levels": levels, "entity_id": "NORTH"}
    client.post("ann", "/alert-teams", key="T1", payload=payload)
    client.subscribe("ben", "S3", team="T1", filter='limit_id == "fifth"')
    assert client.ids("ann", mine=True) == ["limit-6"]
    client.post("ann", "/alert-teams/T1/change", payload={"members": members, "levels": []})
    assert client.get("ben", "/alert-teams/T1")["levels"] == []
    assert [row["team_no"] for row in client.get("ben", "/alert-teams", stage="FOUNDED")["rows"]] == ["T1"]


def test_a_silence_waits_for_another_person_where_it_has_to(client: Client) -> None:
    payload = {
        "matcher": 'rule == "large-flow-single"', "entities": ["NORTH"], "comment": "a planned run",
        "starts_at": "2026-11-22T11:00:00Z", "ends_at": "2026-11-24T13:00:00Z",
    }  # fmt: skip
    client.post("ben", "/alert-silences", 422, key="Q1", payload=payload | {"matcher": "rule"})
    assert client.post("ben", "/alert-silences", key="Q1", payload=payload)["state"]["state"] == "PROPOSED"
    client.post("ben", "/alert-silences/Q1/approve", 403)
    assert client.post("ann", "/alert-silences/Q1/approve")["state"]["state"] == "IN_FORCE"
    assert [row["silence_no"] for row in client.get("ben", "/alert-silences")["rows"]] == ["Q1"]
    # A silence hides nothing from the centre.
    assert LARGE in client.ids("ben")
    # The centre says what it held back: large flows of this moment, but nothing on limits, nothing of others.
    assert LARGE in client.ids("ben", silenced="true")
    assert LARGE not in client.ids("ben", silenced="false")
    assert CRITICAL in client.ids("ben", silenced="false")
    assert client.ids("cas", silenced="true") == []
    client.post("ben", "/alert-silences/Q1/end")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"appended_at": "2026-11-22T03:59:59.999Z"}, False),  # before it
        ({"appended_at": "2026-11-22T05:00:00Z"}, False),  # as it ends
        ({"entity": "SOUTH"}, False),
        ({"rule": "limit"}, False),
        ({"severity": "CRITICAL"}, False),  # not covered
    ],
)
def test_the_centre_says_what_a_silence_held_back(changed: dict[str, Any], expected: bool) -> None:
    quiet = silence(matcher='rule == "large-flow-single"', entities=["NORTH"])
    source = {"topic": "t", "partition": 0, "offset": 2, "log": "l", "fold": 1}
    record = alert(1, source=source) | {"appended_at": "2026-11-22T04:00:00Z"} | changed
    told = msgspec.convert(record, Alert)
    assert Lives([], {}, START, [quiet]).of(told, record_of(told)).silenced is expected
    assert Lives([], {}, START).of(told, record_of(told)).silenced is False


def test_a_preview_says_what_would_have_been_sent_and_stores_nothing(client: Client) -> None:
    length = client.app.recorder.max_notification_id()
    found = client.post("ben", "/alert-subscriptions/preview", content=CONTENT | {"entities": ["*"]})
    # Of NORTH alone, which is what ben may see; the fill's alerts carry no instant but their event's.
    assert (found["alerts"], found["by_entity"], found["truncated"]) == (10, {"NORTH": 10}, False)
    assert found["notifications"] == 10
    grouped = CONTENT | {"group_by": ["rule"], "group_minutes": 60, "severity": "CRITICAL"}
    found = client.post("ann", "/alert-subscriptions/preview", content=grouped, days=1)
    assert (found["alerts"], found["notifications"]) == (5, 2)  # four raised, and one that cleared
    assert {one["purpose"] for one in found["shown"]} == {"alert", "resolved"}
    client.post("cas", "/alert-subscriptions/preview", 422, content=CONTENT)
    client.post("ann", "/alert-subscriptions/preview", 422, content=CONTENT | {"time_zone": "Mars/Olympus"})
    client.post("ann", "/alert-subscriptions/preview", 422, content=CONTENT | {"filter": "amuont > 1"})
    assert client.app.recorder.max_notification_id() == length


def test_alerts_are_as_the_stream_tells_them(client: Client) -> None:
    """The row holds the alert itself, as `/alerts` does."""
    shown = client.get("ann", f"/alert-centre/{LARGE}")["alert"]
    book = client.live.read(lambda view: view.alert_book.by_id[LARGE])
    assert shown == msgspec.to_builtins(book)
