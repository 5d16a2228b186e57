"""Deliveries over HTTP and on the command line: who sees what, dead letters, sending again, trying out."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from aggregates.commands import Command
from aggregates.envelope import Principal
from api.main import app
from api.notifier_desk import Deliveries
from engines.primitives.errors import Rejected
from infra.channels.outcome import Outcome, Result, retry
from infra.channels.signatures import key_of, new_secret, signed_headers
from infra.deliveries import DeliveryStore, Ended, Suspension
from infra.deliveries_reading import counts, notification
from infra.event_store import open_event_store
from infra.security import Unauthenticated
from tests.api_doubles import NOW, AssetsDouble, running, services
from tests.infra.delivery_world import START, note
from tests.infra.test_deliveries import emptied

V1 = "/api/v1"
PEOPLE = {
    "engineer": Principal("U-700", ("OP",), "-", ("*",)),
    "treasurer": Principal("U-501", ("RM",), "-", ("NORTH",)),
    "owner": Principal("U-118", ("AM",), "N1", ("NORTH",)),
    "other": Principal("U-119", ("AM",), "N1", ("NORTH",)),
    "member": Principal("U-121", ("AM",), "N1", ("NORTH",)),
    "south": Principal("U-120", ("AM",), "S1", ("SOUTH",)),
}


class Subscriptions(AssetsDouble):
    """`SUB-1` belongs to team T1, `SUB-3` to one that is no more."""

    def __init__(self) -> None:
        self.given: dict[str, Command] = {}
        self.unsaid = {"SUB-8"}  # know of no suspended target

    def execute(self, command: Command) -> Any:
        if command.command == "SuspendTarget":
            self.unsaid.discard(command.key)
        if command.command == "ResumeTarget" and command.key in self.unsaid:
            raise Rejected("no target is suspended", guard="AlertSubscription.ResumeTarget.2")
        self.given.setdefault(command.cmd_id, command)

    def state(self, aggregate: str, key: str, *, reader: Principal) -> Mapping[str, Any]:
        if aggregate == "AlertTeam":
            members = [{"person": "U-121", "channel": "sms", "target": "10086"}]
            return {"state": "FOUNDED" if key == "T1" else "DISBANDED", "members": members}
        assert aggregate == "AlertSubscription"
        return {
            "team": {"SUB-1": "T1", "SUB-3": "T3"}.get(key),
            "state": "ENDED" if key == "SUB-9" else "ACTIVE",
            "subscriber": "U-118",
            "entities": ["NORTH"],
            "language": "zh",
            "channels": [
                {"channel": "webhook", "target": "https://receiver.example/hook?token=verysecret"},
                {"channel": "sms", "target": "+8613912345678"},
            ],
        }


def verify_token(token: str, now: object) -> Principal:
    if token not in PEOPLE:
        raise Unauthenticated("this token is not valid")
    return PEOPLE[token]


class Served:
    def __init__(self, deliveries: DeliveryStore, http: httpx.Client, assets: Subscriptions) -> None:
        self.deliveries, self.http, self.assets, self.given = deliveries, http, assets, assets.given

    def ask(self, who: str, method: str, path: str, **more: Any) -> Any:
        answer = self.http.request(method, V1 + path, headers={"Authorization": f"Bearer {who}"}, **more)
        return answer.json() if answer.status_code == 200 else answer.status_code

    def end_all(self, outcome: Outcome) -> None:
        rule = Suspension(failures=10**6)
        found = self.deliveries.due(NOW, 99, holder="x", lease=NOW - NOW)
        self.deliveries.record([Ended(claimed, outcome, NOW, None) for claimed in found], rule)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with open_event_store("sqlite", tmp_path_factory.mktemp("desk")) as store:
        deliveries = DeliveryStore(store)
        assets = Subscriptions()
        ours = services(assets=assets, verify_token=verify_token, deliveries=Deliveries(deliveries))
        with running(ours) as found, httpx.Client(base_url=found.address, timeout=20, trust_env=False) as http:
            yield Served(deliveries, http, assets)


@pytest.fixture
def served(server: Served) -> Served:
    emptied(server.deliveries)
    server.assets.unsaid = {"SUB-8"}
    server.deliveries.put([note("a"), note("b", alerts=[{"alert_id": "b", "entity": "SOUTH"}]), note("c")])
    return server


def test_readers_see_deliveries_of_their_entities_page_by_page(served: Served) -> None:
    page = served.ask("owner", "GET", "/alert-deliveries", params={"limit": 1})
    assert [row["alert_id"] for row in page["rows"]] == ["c"]
    page = served.ask("owner", "GET", "/alert-deliveries", params={"limit": 1, "cursor": page["cursor"]})
    assert ([row["alert_id"] for row in page["rows"]], page["cursor"]) == (["a"], None)
    assert [row["alert_id"] for row in served.ask("south", "GET", "/alert-deliveries")["rows"]] == ["b"]
    assert served.ask("owner", "GET", "/alert-deliveries", params={"alert_id": "b"})["rows"] == []
    row = page["rows"][0]
    assert (row["target"], row["state"], row["due_at"]) == (
        "https://receiver.example/…",
        "waiting",
        "2026-11-22T12:00:00.000Z",
    )


def test_one_delivery_with_its_attempts(served: Served) -> None:
    served.end_all(retry("the receiver answered 500", 500))
    path = f"/alert-deliveries/{note('a').notification_id}"
    found = served.ask("owner", "GET", path)
    assert (found["state"], found["alert_ids"], found["attempts_made"][0]["status"]) == ("failed", ["a"], 500)
    assert (served.ask("south", "GET", path), served.ask("owner", "GET", "/alert-deliveries/none")) == (404, 404)


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"},
        {"cursor": "9" * 20},
        {"state": "lost"},
        {"channel": "pigeon"},
        {"limit": 0},
        {"alert_id": "\x00"},
    ],
)
def test_what_cannot_be_asked(served: Served, query: dict[str, Any]) -> None:
    assert served.ask("owner", "GET", "/alert-deliveries", params=query) == 422


def test_dead_letters_are_listed_and_sent_again_under_their_ids(served: Served) -> None:
    served.end_all(retry("away"))
    assert len(served.ask("engineer", "GET", "/alert-deliveries", params={"state": "failed"})["rows"]) == 3
    body = {"ids": [note("a").notification_id]}
    assert served.ask("engineer", "POST", "/alert-deliveries/replay", json=body) == {"replayed": 1}
    assert served.ask("engineer", "POST", "/alert-deliveries/replay", json={"since": "2026-11-22T00:00:00Z"}) == {
        "replayed": 2
    }
    assert counts(served.deliveries)["waiting"] == 3
    assert served.deliveries.due(NOW, 1, holder="x", lease=NOW - NOW)[0].notification == note("a")


def test_who_may_send_again(served: Served) -> None:
    served.end_all(Outcome(Result.GONE, 410, "gone"))
    own = {"subscription": "SUB-1"}
    assert served.ask("other", "POST", "/alert-deliveries/replay", json=own) == 403
    assert served.ask("owner", "POST", "/alert-deliveries/replay", json={"ids": ["x"]}) == 403
    assert served.ask("owner", "POST", "/alert-deliveries/replay", json=own) == {"replayed": 2}  # b is of SOUTH
    assert served.ask("treasurer", "POST", "/alert-deliveries/replay", json=own) == {"replayed": 0}
    lost = {"subscription": "SUB-3"}
    assert served.ask("member", "POST", "/alert-deliveries/replay", json=own) == {"replayed": 0}
    assert served.ask("member", "POST", "/alert-deliveries/replay", json=lost) == 403
    assert served.ask("engineer", "POST", "/alert-deliveries/replay", json={}) == 422
    assert served.ask("engineer", "POST", "/alert-deliveries/replay", json={"all": True}) == 422


def test_a_replay_with_a_key_is_one(served: Served) -> None:
    served.end_all(retry("away"))
    body = {"subscription": "SUB-1", "channel": "webhook", "cmd_id": "r-1"}
    assert served.ask("member", "POST", "/alert-deliveries/replay", json=body) == {"replayed": 2}
    served.end_all(retry("away"))
    assert served.ask("member", "POST", "/alert-deliveries/replay", json=body) == {"replayed": 2}
    assert counts(served.deliveries)["waiting"] == 0
    assert served.ask("member", "POST", "/alert-deliveries/replay", json=body | {"channel": "sms"}) == 409
    other = served.ask("owner", "POST", "/alert-deliveries/replay", json=body | {"channel": "sms"})
    assert other == {"replayed": 0}  # keys are each actor's own


def test_a_replay_of_a_suspended_target_says_so_on_the_subscription(served: Served) -> None:
    served.end_all(Outcome(Result.GONE, 410, "gone"))
    served.given.clear()
    body = {"ids": [note("a").notification_id], "cmd_id": "r-2"}
    assert served.ask("engineer", "POST", "/alert-deliveries/replay", json=body) == {"replayed": 1}
    (command,) = served.given.values()
    assert (command.command, command.key, command.payload) == ("ResumeTarget", "SUB-1", {"channel": "webhook"})
    assert command.principal.actor == "U-700"


def test_who_may_resume_a_target(served: Served) -> None:
    served.end_all(Outcome(Result.GONE, 410, "gone"))
    served.deliveries.put([note("d")])
    served.given.clear()
    path, body = "/alert-subscriptions/SUB-1/resume", {"cmd_id": "m-1", "channel": "webhook", "comment": "moved"}
    assert served.ask("other", "POST", path, json=body) == 403
    assert served.given == {}  # nothing is stored of what is refused
    resumed = served.ask("member", "POST", path, json=body)
    assert (resumed["replayed"], resumed["state"]["subscriber"]) == (1, "U-118")
    assert served.given["m-1"].payload == {"channel": "webhook", "comment": "moved"}
    assert served.ask("engineer", "GET", "/alert-deliveries/status")["suspended"] == []
    served.end_all(Outcome(Result.GONE, 410, "gone"))
    assert served.ask("member", "POST", path, json=body)["replayed"] == 1  # as before: nothing is lifted
    assert len(served.ask("engineer", "GET", "/alert-deliveries/status")["suspended"]) == 1
    assert served.ask("owner", "POST", "/alert-subscriptions/SUB-8/resume", json={"cmd_id": "m-2"}) == 409
    assert served.ask("owner", "POST", path, json={}) == 422


def test_a_target_that_was_suspended_before_its_subscription_said_so_is_resumed(served: Served) -> None:
    served.deliveries.put([note("d", subscription="SUB-8"), note("e", subscription="SUB-8:1:U-7")])
    served.end_all(Outcome(Result.GONE, 410, "gone"))
    served.given.clear()
    path, body = "/alert-subscriptions/SUB-8/resume", {"cmd_id": "m-8", "channel": "webhook"}
    assert served.ask("owner", "POST", path, json=body | {"channel": "sms"}) == 409  # that one is not suspended
    served.deliveries.put([note("f", subscription="SUB-8")])
    assert served.ask("owner", "POST", path, json=body)["replayed"] == 1
    *said, resumed = served.given.values()
    assert [(one.command, one.payload["delivered_as"], one.role) for one in said] == [
        ("SuspendTarget", "SUB-8", "SY"),
        ("SuspendTarget", "SUB-8:1:U-7", "SY"),
    ]
    assert (resumed.command, resumed.principal.actor) == ("ResumeTarget", "U-118")
    suspended = served.ask("engineer", "GET", "/alert-deliveries/status")["suspended"]
    assert {row["subscription"] for row in suspended} == {"SUB-1"}


def test_status_is_for_those_who_look_after_deliveries(served: Served) -> None:
    served.end_all(Outcome(Result.GONE, 410, "gone"))
    found = served.ask("engineer", "GET", "/alert-deliveries/status")
    assert found["states"]["failed"] == 3
    assert found["suspended"][0]["reason"] == "the receiver wants no more (410)"
    assert served.ask("owner", "GET", "/alert-deliveries/status") == 403


def test_a_subscription_is_tried_out_once_for_each_command(served: Served) -> None:
    tested = served.ask("owner", "POST", "/alert-subscriptions/SUB-1/test", json={"cmd_id": "c-1"})
    assert (tested["alert_id"], len(tested["delivery_ids"])) == ("test-c-1", 2)
    told = notification(served.deliveries, tested["delivery_ids"][1])
    assert (told.target, told.language, told.alerts[0]["kind"]) == ("+8613912345678", "zh", "test")
    again = served.ask("owner", "POST", "/alert-subscriptions/SUB-1/test", json={"cmd_id": "c-1"})
    assert again["delivery_ids"] == []
    assert len(served.ask("member", "POST", "/alert-subscriptions/SUB-1/test", json={})["delivery_ids"]) == 2
    only = served.ask("engineer", "POST", "/alert-subscriptions/SUB-1/test", json={"channel": "sms"})
    assert len(only["delivery_ids"]) == 1
    shown = json.dumps(served.ask("engineer", "GET", "/alert-deliveries"))
    assert "verysecret" not in shown
    assert "13912345678" not in shown


@pytest.mark.parametrize(
    ("who", "key", "body", "status"),
    [
        ("other", "SUB-1", {}, 403),
        ("owner", "SUB-9", {}, 409),
        ("owner", "SUB-1", {"channel": "kafka"}, 422),
        ("member", "SUB-3", {}, 403),
        ("nobody", "SUB-1", {}, 401),
    ],
)
def test_a_trial_that_is_refused(served: Served, who: str, key: str, body: dict[str, str], status: int) -> None:
    assert served.ask(who, "POST", f"/alert-subscriptions/{key}/test", json=body) == status


# --- Command line --------------------------------------------------------------------------------------------------


def test_the_command_line_lists_replays_and_tries_out(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_API", str(served.http.base_url))
    monkeypatch.setenv("TIDEMARK_TOKEN", "engineer")
    served.end_all(retry("away"))
    runner = CliRunner()
    listed = runner.invoke(app, ["deliveries", "list", "--state", "failed", "--json"])
    assert [row["alert_id"] for row in json.loads(listed.stdout)["rows"]] == ["c", "b", "a"]
    newest = runner.invoke(app, ["deliveries", "list", "--limit", "1"])
    cursor = newest.stderr.strip().removeprefix("more: --cursor ")
    older = runner.invoke(app, ["deliveries", "list", "--limit", "1", "--cursor", cursor, "--json"])
    assert [row["alert_id"] for row in json.loads(older.stdout)["rows"]] == ["b"]
    replayed = runner.invoke(app, ["deliveries", "replay", "--subscription", "SUB-1"])
    assert replayed.stdout == "3 messages are due again\n"
    again = runner.invoke(app, ["deliveries", "resume", "SUB-1", "--channel", "sms", "-m", "a new number"])
    assert again.stdout == "SUB-1: 0 messages are due again\n"
    tested = runner.invoke(app, ["deliveries", "test", "SUB-1", "--channel", "sms", "--json"])
    assert len(json.loads(tested.stdout)["delivery_ids"]) == 1


def test_a_received_webhook_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, body = new_secret(), tmp_path / "body"
    body.write_bytes('{"a": "大额"}'.encode())
    headers = signed_headers("m-1", int(START.timestamp()), body.read_bytes(), [key_of(secret)])
    given = ["webhook", "verify", "--body", str(body), "--id", "m-1", "--timestamp", headers["webhook-timestamp"]]
    given += ["--signature", headers["webhook-signature"]]
    runner = CliRunner()
    assert runner.invoke(app, given).exit_code == 2  # no secret
    monkeypatch.setenv("TIDEMARK_WEBHOOK_SECRET", f"{new_secret()} {secret}")
    assert runner.invoke(app, [*given, "--any-age"]).stdout == "verified m-1\n"
    body.write_bytes(b"{}")
    refused = runner.invoke(app, [*given, "--any-age", "--json"])
    assert (refused.exit_code, json.loads(refused.stderr)["code"]) == (1, "webhook-not-verified")
    assert secret not in refused.output


def test_a_secret_is_shown_to_whoever_asks_on_the_host(tmp_path: Path) -> None:
    runner, given = CliRunner(), ["webhook", "secret", "SUB-1", "--data-dir", str(tmp_path)]
    first = runner.invoke(app, [*given, "--show"]).stdout.strip()
    assert first.startswith("whsec_")
    rotated = runner.invoke(app, [*given, "--rotate"]).stdout
    assert rotated.startswith("2 in force: ")
    assert "whsec_" not in rotated
    assert runner.invoke(app, [*given, "--retire", "--show"]).stdout.strip() != first
