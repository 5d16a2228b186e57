"""No planted personal value reaches a role that may not see it: every GET route, errors, streams (E8, SD11)."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import run as run_process
from typing import Any

import anyio
import httpx
import pytest
from fastapi.routing import APIRoute
from typer.testing import CliRunner

from aggregates.envelope import Principal
from aggregates.personal_sealing import Subject
from aggregates.personal_tokens import BEGIN, ERASED, Personal
from api.app import create_app
from api.audit_room import AuditRoom
from api.ledger_exports import exports_of
from api.ledgers import Ledgers
from api.main import app as program
from api.masking import MaskAnswers, Masking, granted_roles
from api.papers import open_papers
from api.privacy import Privacy
from api.services import Services
from infra.attachment_sealing import document_subject
from infra.decision_views import DecisionViews
from infra.event_store import open_event_store
from infra.ledger_store import LedgerStore
from infra.ledger_views import LedgerViews
from infra.masking import masked, masked_accounts, masked_log, rights_of, sees_masked_only
from infra.security import Unauthenticated
from infra.settings import Settings
from infra.subject_keys import SubjectKeys
from projections.ledgers.registry import LEDGERS
from tests.aggregates.world import BRANCH, ENTITY, LOAN, Clock
from tests.api_doubles import running, services
from tests.privacy_world import (
    ACCOUNT,
    CUSTOMER,
    ID_NUMBER,
    PERSONAL_COMMANDS,
    PHONE,
    PLANTED,
    PrivacyWorld,
    subject_keys,
)

UNMASKED = frozenset({"AM"})
SECRETS = (PLANTED, PHONE, ID_NUMBER, ACCOUNT)
ROLES = {
    "manager": "AM",
    "finance": "FN",
    "operator": "OP",
    "admin": "SA",
    "admin-2": "SA",
    "auditor": "IA",
    "outside": "EX",
}
#: What stands for a parameter of a path.
PLACES = {"loan_no": LOAN, "customer_no": CUSTOMER, "aggregate": "RiskCustomer", "key": CUSTOMER, "case_no": "SU1"}


@dataclass
class Bank:
    world: PrivacyWorld
    ours: Services
    http: httpx.Client
    folder: Path

    def get(self, path: str, who: str = "operator", **more: Any) -> httpx.Response:
        return self.http.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {who}"}, **more)

    def post(self, path: str, body: dict[str, Any], who: str) -> httpx.Response:
        return self.http.post(f"/api/v1{path}", json=body, headers={"Authorization": f"Bearer {who}"})


def verify_token(token: str, _now: object) -> Principal:
    if token not in ROLES:
        raise Unauthenticated("no token")
    return Principal(token, (ROLES[token],), BRANCH, (ENTITY,))


@contextmanager
def opened(folder: Path) -> Iterator[Bank]:
    clock, keys = Clock(), subject_keys(folder)
    with open_event_store("sqlite", folder, clock=clock) as store:
        world = PrivacyWorld(store, clock, keys)
        world.plant()
        masking = Masking(keys, UNMASKED, granted_roles(world.app.model))
        views = LedgerViews(world.app.published_after, LedgerStore(folder / "ledgers"))
        ledgers = Ledgers(views, clock, world.app.bank_day)
        ours = services(
            assets=world.app,
            ledgers=ledgers,
            ledger_exports=exports_of(Settings(data_dir=folder), ledgers, world.app, masking),
            verify_token=verify_token,
            work=DecisionViews(world.app.published_after, world.app.bank_day),
            privacy=Privacy(world.app, keys, clock),
            masking=masking,
            audit=AuditRoom(Settings(data_dir=folder), store, world.app, clock),
            clock=clock,
        )
        with running(ours) as server, httpx.Client(base_url=server.address, timeout=20, trust_env=False) as http:
            yield Bank(world, ours, http, folder)
    keys.close()


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """For tests that change nothing."""
    with opened(tmp_path_factory.mktemp("bank")) as found:
        yield found


@pytest.fixture
def own_bank(tmp_path: Path) -> Iterator[Bank]:
    with opened(tmp_path) as found:
        yield found


def leaked(text: str) -> list[str]:
    return [secret for secret in (*SECRETS, BEGIN, "\\ue000") if secret in text]


def addresses(ours: Services) -> list[str]:
    """Every GET address of the API, with something that exists in place of each parameter."""
    found = set()
    for path, methods in create_app(ours).openapi()["paths"].items():
        if "get" in methods and path.startswith("/api/v1"):
            place = path.removeprefix("/api/v1")
            for name in re.findall(r"{(\w+)", place):
                place = re.sub(rf"{{{name}[^}}]*}}", PLACES.get(name, "X-1"), place)
            found.add(place)
    return sorted(found)


def test_no_get_route_shows_a_planted_value_to_who_may_not_see_it(bank: Bank) -> None:
    places = [place for place in addresses(bank.ours) if "stream" not in place]
    places += [f"/ledgers/{name}" for name in LEDGERS]
    places += [f"/aggregates/{a}/{k}" for a, k, *_ in PERSONAL_COMMANDS]
    places += [f"/aggregates/{a}/{k}/history" for a, k, *_ in PERSONAL_COMMANDS]
    assert len(places) > 60
    shown, whole = 0, list(places)
    for who in ("operator", "admin", "finance"):
        for place in whole if who == "operator" else places:
            answer = bank.get(place, who)
            found = leaked(answer.text)
            if who == "operator" and "**" not in answer.text:
                places.remove(place)  # nothing personal there: the others need not ask
            if who == "finance" and found == [PLANTED] and answer.status_code == 200:
                # Free text is read by those who work on cases; only its identifiers are masked.
                assert f"{PLANTED} pays" in answer.text or PLANTED in str(answer.json()), place
                continue
            assert found == [], f"{who} {place}"
            shown += "甲**" in answer.text
    assert shown > 0  # the walk did meet names
    assert PLANTED in bank.get(f"/aggregates/RiskCustomer/{CUSTOMER}/history", "manager").text


def test_masks_by_role(bank: Bank) -> None:
    def facts(who: str) -> Any:
        events = bank.get(f"/aggregates/RiskCustomer/{CUSTOMER}/history", who).json()["events"]
        return events[1]["payload"]["facts"]

    assert facts("manager")["name"] == PLANTED
    assert facts("manager")["children"] == 2
    seen = facts("operator")
    assert (seen["name"], seen["phone"], seen["account"]) == ("甲**", "138****1234", "****0123")
    assert seen["id_no"] == "1****3"
    assert seen["told"] == ["***", {"deeper": "***"}]
    inspected = bank.get("/aggregates/Inspection/IN-1/history", "finance").json()["events"][1]["payload"]
    assert inspected["findings"] == [f"{PLANTED} moved", "138****1234"]


def test_a_granted_role_sees_and_a_revoked_one_does_not(own_bank: Bank) -> None:
    def name() -> str:
        return str(own_bank.get(f"/aggregates/RiskCustomer/{CUSTOMER}", "finance").json()["name_ref"])

    assert name() == "甲**"
    grant = {"role": "FN", "function": "UNMASK", "entity_id": ENTITY}
    command = own_bank.world.command("SA", "GrantFunction", aggregate="AccessGrant", key="G-1")
    own_bank.world.app.execute(replace(command, payload=grant))
    assert name() == PLANTED
    command = own_bank.world.command("SA", "RevokeFunction", aggregate="AccessGrant", key="G-1")
    own_bank.world.app.execute(replace(command, payload={"role": "FN", "function": "UNMASK"}))
    assert name() == "甲**"


def test_answers_with_personal_values_are_not_cached(bank: Bank) -> None:
    answer = bank.get(f"/aggregates/RiskCustomer/{CUSTOMER}", "manager")
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_an_error_repeats_no_value(bank: Bank) -> None:
    """Whatever is wrong with a command, its answer holds none of its values."""
    for field, value in {
        "valid_on": PLANTED,
        "reason": f"{PLANTED}\u0000",
        "payload": {"name_ref": [PLANTED]},
        "docs": [f"{PLANTED} /"],
    }.items():
        body = {"cmd_id": "c-1", "aggregate": "RiskCustomer", "key": "C-3", "command": "Register", field: value}
        answer = bank.post("/commands", body | {"payload": body.get("payload", {})}, "outside")
        assert answer.status_code == 422
        assert PLANTED not in answer.text, field
    for fields in (
        {"as_of": PLANTED},
        {"facts": PLANTED},
        {"facts": {"_k": PLANTED}},
        {PLANTED: 1},
        {"source": PLANTED},
    ):
        wrong = {"cmd_id": "c-2", "aggregate": "RiskCustomer", "key": CUSTOMER, "command": "SyncProfile"}
        answer = bank.post("/commands", wrong | {"payload": fields}, "outside")
        assert answer.status_code == 422
        assert PLANTED not in answer.text, fields


def test_erasure_by_two_administrators_over_http(own_bank: Bank) -> None:
    own_bank.world.do("EX", "Register", aggregate="RiskCustomer", key="C-20", name_ref=PLANTED, entity_id=ENTITY)
    found = own_bank.get("/privacy/customers", "manager", params={"name": PLANTED}).json()["rows"]
    assert {"customer_no": "C-20"} in found
    body = {
        "cmd_id": "e-1",
        "erasure_no": "ER-1",
        "payload": {"subject_no": "C-20", "why": "asked", "entity_id": ENTITY},
    }
    assert own_bank.post("/privacy/erasures", body, "manager").status_code == 403
    assert own_bank.post("/privacy/erasures", body, "admin").status_code == 200
    assert own_bank.post("/privacy/erasures/ER-1/approve", {"cmd_id": "e-2"}, "admin").status_code == 403
    kept = own_bank.post("/privacy/erasures/ER-1/approve", {"cmd_id": "e-3"}, "admin-2")
    assert kept.json()["facts"]["guard"] == "ErasureRequest.Approve.2"
    own_bank.world.clock.now = own_bank.world.clock.now.replace(year=2033)
    done = own_bank.post("/privacy/erasures/ER-1/approve", {"cmd_id": "e-4"}, "admin-2")
    assert done.json()["state"]["state"] == "COMPLETED"
    assert done.json()["state"]["keys_destroyed"] == 1
    assert own_bank.get("/aggregates/RiskCustomer/C-20", "manager").json()["name_ref"] == ERASED
    again = own_bank.get("/privacy/customers", "manager", params={"name": PLANTED}).json()["rows"]
    assert again == [{"customer_no": CUSTOMER}]
    assert own_bank.get("/privacy/status", "admin").json()["keys_destroyed"] == 1
    assert own_bank.world.store.verify_chain().ok


def test_what_a_restored_key_store_brings_back_is_erased_again(own_bank: Bank) -> None:
    world, privacy = own_bank.world, own_bank.ours.privacy
    assert privacy is not None
    world.do("EX", "Register", aggregate="RiskCustomer", key="C-20", name_ref=PLANTED, entity_id=ENTITY)
    copy = (own_bank.folder / "privacy" / "keys.db").read_bytes()
    world.clock.now = world.clock.now.replace(year=2033)
    request = {"subject_no": "C-20", "why": "asked", "entity_id": ENTITY}
    world.do("SA", "Request", aggregate="ErasureRequest", key="ER-1", actor="A-1", **request)
    world.do("SA", "Approve", aggregate="ErasureRequest", key="ER-1", actor="A-2")
    assert privacy.finish() == 1
    world.keys.close()
    (own_bank.folder / "privacy" / "keys.db").write_bytes(copy)
    restored = subject_keys(own_bank.folder)
    world.app.protection = restored
    # Keys of the test's clock: what was made before the erasure's instant.
    assert Privacy(world.app, _Dated(restored), world.clock).finish(restored=True) == 1
    assert restored.subjects_named(PLANTED) == [f"customer:{CUSTOMER}"]
    restored.close()
    world.keys = world.app.protection = subject_keys(own_bank.folder)


def test_a_proof_verifies_after_the_erasure_without_us(own_bank: Bank) -> None:
    """The same stored bytes, checked by the script that knows nothing of ours; what it shows is gone."""
    place = f"/audit/proofs/RiskCustomer/{CUSTOMER}"
    before = own_bank.get(place, "auditor").json()
    own_bank.world.keys.erase(Subject.customer(CUSTOMER))
    after = own_bank.get(place, "auditor").json()
    assert [item["state"] for item in after["items"]] == [item["state"] for item in before["items"]]
    assert after["items"][0]["shown"]["payload"]["name_ref"] == ERASED
    assert leaked(str(after)) == []
    (own_bank.folder / "proof.json").write_text(json.dumps(after), encoding="utf-8")
    (own_bank.folder / "check.py").write_bytes(own_bank.get("/audit/verifier", "auditor").content)
    command = [sys.executable, "-I", "-S", "check.py", "proof.json", "--key", after["logs"][0]["keys"][0]]
    done = run_process(command, cwd=own_bank.folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for file in ("proof.json", "check.py"):
        (own_bank.folder / file).unlink()
    wanted = [secret.encode() for secret in SECRETS]
    files = [path for path in own_bank.folder.rglob("*") if path.is_file()]
    assert [path.name for path in files if any(one in path.read_bytes() for one in wanted)] == []


class _Dated:
    """Keys were made by the real clock, in a world that has not come to its day: every one counts as older."""

    def __init__(self, keys: SubjectKeys) -> None:
        self._keys = keys

    def lives(self, subject: Any, _until: int) -> bool:
        return self._keys.lives(subject, 2**62)

    def erase(self, subject: Any, **_: Any) -> int:
        return self._keys.erase(subject)


# --- Streams -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100_000])
def test_a_token_cut_anywhere_in_a_stream_is_masked(bank: Bank, size: int) -> None:
    event = bank.world.app.history("RiskCustomer", CUSTOMER, reader=verify_token("auditor", None))[0]
    whole = f'data: {{"name":"{event.payload["name_ref"]}","x":"甲"}}\n\ndata: é\n\n'.encode()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for start in range(0, len(whole), size):
            await send({"type": "http.response.body", "body": whole[start : start + size], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    sent = bytearray()

    async def run() -> None:
        async def send(message: Any) -> None:
            sent.extend(message.get("body", b""))

        await MaskAnswers(app, bank.ours.masking)({"type": "http"}, _never, send)

    anyio.run(run)
    assert sent.decode() == 'data: {"name":"甲**","x":"甲"}\n\ndata: é\n\n'


async def _never() -> Any:
    raise AssertionError


# --- Forms and logs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        (Personal.NAME, "张三丰", "张**"),
        (Personal.PHONE, "13812341234", "138****1234"),
        (Personal.PHONE, "110", "***"),
        (Personal.ACCOUNT, "6222021234567890123", "****0123"),
        (Personal.ACCOUNT, "for rent of 张三", "***"),
        (Personal.ID_NUMBER, "11010119900307123X", "1****X"),
        (Personal.ADDRESS, "人民路1号", "***"),
        (Personal.NOTE, "anything", "***"),
        (Personal.NAME, "-", "-"),
    ],
)
def test_forms(kind: Personal, value: str, wanted: str) -> None:
    assert masked(value, kind) == wanted


def test_operators_and_administrators_are_never_granted_more() -> None:
    everyone = frozenset({"OP", "SA", "AM"})
    for role in ("OP", "SA"):
        rights = rights_of(Principal("U", (role,)), everyone)
        assert (rights.identifiers, rights.notes) == (False, False)
    assert rights_of(Principal("U", ("OP", "AM")), everyone).identifiers
    assert not rights_of(None, everyone).notes


def test_logs_hold_no_personal_value(bank: Bank) -> None:
    token = bank.world.app.history("RiskCustomer", CUSTOMER, reader=verify_token("auditor", None))[0]
    line = masked_log(
        None,
        "info",
        {
            "event": "told",
            "name_ref": PLANTED,
            "payload": {"x": PLANTED},
            "error": f"no {token.payload['name_ref']} with {PHONE} or {ID_NUMBER}",
            "offset": 13812341234,
            "records": 812,
        },
    )
    assert leaked(str({k: v for k, v in line.items() if k != "offset"})) == []
    assert line["records"] == 812


def test_every_route_of_the_walk_is_an_api_route(bank: Bank) -> None:
    """The walk reads the OpenAPI document: a GET route outside of it shows nothing of the domain."""
    hidden = [
        route.path
        for route in create_app(bank.ours).routes
        if isinstance(route, APIRoute) and not route.include_in_schema and "GET" in route.methods
    ]
    assert all("login" in path or "session" in path or path in ("/", "/metrics", "/healthz") for path in hidden), (
        hidden
    )


def test_papers_are_not_given_to_who_sees_masked_data_only(tmp_path: Path) -> None:
    clock, keys = Clock(), subject_keys(tmp_path)
    with open_event_store("sqlite", tmp_path, clock=clock) as store:
        world = PrivacyWorld(store, clock, keys)
        masking = Masking(keys, UNMASKED)
        papers = open_papers(Settings(data_dir=tmp_path), world.app, clock, masking)
        ours = services(verify_token=verify_token, papers=papers, masking=masking, clock=clock)
        writer = verify_token("manager", None)
        papers.attachments.add([b"text"], f"{PLANTED}.txt", writer=writer, entity=ENTITY, at=clock(), doc_id="D-1")
        with running(ours) as server, httpx.Client(base_url=server.address, timeout=20, trust_env=False) as http:
            bank = Bank(world, ours, http, tmp_path)
            assert bank.get("/attachments/D-1", "manager").json()["name"] == f"{PLANTED}.txt"
            assert bank.get("/attachments/D-1", "operator").json()["name"] == "***"
            assert bank.get("/attachments/D-1/content", "manager").content == b"text"
            refused = bank.get("/attachments/D-1/content", "operator")
            assert refused.json()["facts"]["guard"] == "SD11"
            keys.erase(document_subject("D-1"))
            for place in ("", "/content", "/verify"):
                gone = bank.get(f"/attachments/D-1{place}", "manager")
                assert (gone.status_code, gone.json()["title"]) == (404, "erased")
        assert papers.attachments.check() == (1, [])
    keys.close()


def test_account_numbers_of_figures_are_masked_for_operators(bank: Bank) -> None:
    whole = bank.get("/positions?by=account", "auditor")
    assert whole.headers["vary"] == "Authorization, Cookie"
    text = f'{{"account_id":"{ACCOUNT}","account": "-","x":["account_id"],"account_no":"12"}}'
    seen = masked_accounts(text)
    assert json.loads(seen) == {"account_id": "****0123", "account": "-", "x": ["account_id"], "account_no": "***"}
    assert sees_masked_only(verify_token("operator", None))
    assert not sees_masked_only(verify_token("finance", None))
    assert not sees_masked_only(None)


def test_the_command_line_shows_no_more_than_the_page_and_erases(
    own_bank: Bank, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIDEMARK_API", str(own_bank.http.base_url))
    monkeypatch.setenv("TIDEMARK_DATA_DIR", str(tmp_path / "cli"))

    def run(who: str, *arguments: str) -> str:
        monkeypatch.setenv("TIDEMARK_TOKEN", who)
        done = CliRunner(env={"COLUMNS": "250"}).invoke(program, list(arguments))
        return f"{done.exit_code}\n{done.stdout}{done.stderr}"

    for arguments in (
        ("work", "customer", CUSTOMER),
        ("work", "asset", LOAN),
        ("work", "customers"),
        ("work", "search", "PLANTED"),
        ("work", "todo"),
        ("ledger", "show", "customers"),
    ):
        for as_json in ((), ("--json",)):
            assert leaked(run("operator", *arguments, *as_json)) == [], arguments
    assert "甲**" in run("operator", "work", "customer", CUSTOMER, "--json")
    own_bank.world.do("EX", "Register", aggregate="RiskCustomer", key="C-20", name_ref="someone", entity_id=ENTITY)
    own_bank.world.clock.now = own_bank.world.clock.now.replace(year=2033)
    assert run("auditor", "privacy", "status")[0] != "0"
    erase = ("privacy", "erase", "C-20", "--reason", "asked", "--erasure-no", "ER-1", "--entity", ENTITY)
    assert run("admin", *erase) == "0\nER-1: REQUESTED\n"
    assert run("admin-2", "privacy", "approve", "ER-1").endswith("ER-1: COMPLETED\n")
    assert "customer:C-20" not in run("admin", "privacy", "subjects")
    assert f"customer:{CUSTOMER}" in run("admin", "privacy", "subjects")
    assert CUSTOMER in run("manager", "privacy", "find", PLANTED)
    assert "ER-1" in run("admin", "privacy", "status")
