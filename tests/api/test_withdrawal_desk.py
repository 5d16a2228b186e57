"""The withdrawal desk over HTTP: tasks with impact, approvals, stale and repeated ones, proof, channels, forecast."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from api.main import app
from api.withdrawal_desk_keeper import DeskKeeper
from streams import topics
from streams.core_transfers import booked
from streams.feeds.event import Event
from tests.api_doubles import client_of
from tests.desk_of_withdrawals import ENTITY, NOW, TODAY, TOMORROW, DeskBank, token_of

DESK = "/api/v1/withdrawal-desk"


class Phone:
    """Asks as a person; every tap has a key of its own unless it is given one."""

    def __init__(self, bank: DeskBank, http: httpx.Client) -> None:
        self.bank, self.http, self.taps = bank, http, 0

    def get(self, who: str, path: str = "", **parameters: Any) -> Any:
        answer = self.http.get(DESK + path, params=parameters, headers=bearer(who))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, who: str, path: str = "", token: str = "", **body: Any) -> httpx.Response:
        self.taps += 1
        headers = {"Authorization": f"Bearer {token}"} if token else bearer(who)
        return self.http.post(DESK + path, json={"cmd_id": f"tap-{self.taps}"} | body, headers=headers)

    def done(self, who: str, path: str = "", **body: Any) -> Any:
        answer = self.post(who, path, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def announce(self, number: str = "WR-1", amount: str = "200.00", **changed: Any) -> str:
        """Announced and submitted; the version that approvers see."""
        content = {"customer_no": "C-1", "account_id": "A-C-1", "amount": amount, "value_date": TODAY}
        payload = content | {"organisation": "N1"} | changed
        return str(self.done("clerk", reservation_no=number, payload=payload, submit=True)["task"]["seen"])

    def task(self, who: str = "branch", number: str = "WR-1") -> Any:
        return self.get(who, f"/{number}")["task"]


def bearer(who: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of(who)}"}


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    """One server for the module; each test has numbers and entries of its own."""
    bank = DeskBank.open(tmp_path_factory.mktemp("desk"))
    with client_of(bank.services(), who="") as http:
        yield Phone(bank, http)
    bank.store.close()


def problem(answer: httpx.Response, status: int, **facts: Any) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert answer.status_code == status, body
    assert {name: body["facts"].get(name) for name in facts} == facts
    return body


def test_a_task_shows_the_position_before_and_after_and_the_decision(phone: Phone) -> None:
    phone.bank.publish()  # what other tests approved is held back before we look
    phone.announce("I-1")
    found = phone.task(number="I-1")
    assert found["levels"] == ["BRANCH"]
    impact = found["impact"]
    # LIQ-02: available 800, floor 780; 200 leave 600, 180 are missing, and a reserved one is released all the same.
    assert (impact["available_before"], impact["available_after"], impact["floor"]) == ("800.00", "600.00", "780.00")
    assert (impact["shortfall"], impact["decision"], impact["actions"]) == (
        "180.00",
        "RELEASE",
        ["RELEASE", "DISPATCH"],
    )
    before = float(impact["projected_eod_before"])
    assert float(impact["projected_eod_after"]) == before - 200
    phone.done("branch", "/I-1/approve", seen=found["seen"])
    phone.bank.publish()
    impact = phone.task(number="I-1")["impact"]  # the figure holds it back now; before and after are what they were
    assert (float(impact["projected_eod_before"]), float(impact["projected_eod_after"])) == (before, before - 200)
    rows = phone.http.get("/api/v1/positions?by=entity,organisation,currency", headers=bearer("branch")).json()[
        "rows"
    ]
    (north,) = [row for row in rows if row["organisation"] == "N1"]
    assert float(north["projected_eod"]) == before - 200


def test_tasks_are_those_who_may_decide_them(phone: Phone) -> None:
    seen = phone.announce("M-1", "1000000.00")
    mine = {who: phone.task(who, "M-1")["mine"] for who in ("clerk", "branch", "treasurer")}
    assert mine == {"clerk": False, "branch": True, "treasurer": False}
    phone.done("branch", "/M-1/approve", seen=seen)
    mine = {who: phone.task(who, "M-1")["mine"] for who in ("clerk", "branch", "treasurer")}
    assert mine == {"clerk": False, "branch": False, "treasurer": True}
    assert "M-1" in {row["reservation_no"] for row in phone.get("treasurer", mine=True)["rows"]}
    assert "M-1" not in {row["reservation_no"] for row in phone.get("branch", mine=True)["rows"]}
    assert phone.get("stranger", state="all")["rows"] == []
    problem(phone.http.get(f"{DESK}/M-1", headers=bearer("stranger")), 404)


def test_a_stale_task_is_refused_and_a_double_tap_is_one_decision(phone: Phone) -> None:
    seen = phone.announce("S-1", "1000000.00")
    first = phone.done("branch", "/S-1/approve", cmd_id="same", seen=seen)
    again = phone.done("branch", "/S-1/approve", cmd_id="same", seen=seen)
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert [one["id"] for one in again["events"]] == [one["id"] for one in first["events"]]
    problem(phone.post("treasurer", "/S-1/approve", seen=seen), 409, seen=first["task"]["seen"])
    assert len(phone.task(number="S-1")["approvals"]) == 1
    problem(phone.post("treasurer", "/S-1/reject", cmd_id="same", seen=seen, payload={"comment": "no"}), 409)


def test_above_the_threshold_a_sign_in_of_long_ago_is_not_enough(phone: Phone) -> None:
    bank = phone.bank
    seen = phone.announce("P-1", "30000000.00")
    problem(phone.post("branch", "/P-1/approve", seen=seen), 403, guard="PROOF", minutes=15)
    old = token_of("branch", bank.now - timedelta(minutes=16))
    problem(phone.post("branch", "/P-1/approve", token=old, seen=seen), 403, guard="PROOF")
    fresh = token_of("branch", bank.now - timedelta(minutes=14))
    answer = phone.post("branch", "/P-1/approve", token=fresh, seen=seen)
    assert answer.status_code == 200, answer.text
    seen = answer.json()["task"]["seen"]
    bank.codes._token_by_code |= {"mine": token_of("treasurer"), "hers": token_of("second")}
    problem(phone.post("treasurer", "/P-1/approve", seen=seen, proof_code="hers"), 403, guard="PROOF")
    problem(phone.post("treasurer", "/P-1/approve", seen=seen, proof_code="guessed"), 401)
    tap = {"cmd_id": "tap-with-code", "seen": seen, "proof_code": "mine"}
    seen = phone.done("treasurer", "/P-1/approve", **tap)["task"]["seen"]
    assert phone.done("treasurer", "/P-1/approve", **tap)["repeated"]  # the code is void, the decision stands
    told = [one["type"] for one in phone.get("branch", "/P-1")["history"]]
    assert told.count("ApproverProved") == 2
    # By the other door the rule is the same: the aggregate's.
    body = {"cmd_id": "d-1", "aggregate": "WithdrawalReservation", "key": "P-1", "command": "ApproveAtTreasury"}
    direct = phone.http.post("/api/v1/commands", json=body | {"payload": {}}, headers=bearer("committee"))
    problem(direct, 409, guard="WithdrawalReservation.ApproveAtTreasury.4")


def test_a_channels_reservation_is_a_task_and_its_next_state_is_published(phone: Phone) -> None:
    bank = phone.bank
    bank.tells("CH-1", org_id="N8")
    found = phone.task(number="CH-1")
    assert (found["source"], found["channel"], found["mine"], found["state"]) == (
        "channel",
        "MOBILE",
        True,
        "SUBMITTED",
    )
    seen = found["seen"]
    bank.tells("CH-1", amount="80.00", org_id="N8")
    problem(phone.post("branch", "/CH-1/approve", seen=seen), 409)
    found = phone.task(number="CH-1")
    done = phone.done("branch", "/CH-1/approve", cmd_id="ch-tap", seen=found["seen"])
    assert (done["task"]["state"], done["task"]["outstanding"]) == ("TREASURY_OK", "80.00")
    assert phone.done("branch", "/CH-1/approve", cmd_id="ch-tap", seen=found["seen"])["repeated"]
    bank.publish()
    assert bank.reserved()[ENTITY, "N8", "CNY"] == 8_000
    record = bank.sent[-1]
    assert b'"status":"approved"' in record.value
    assert b'"channel":"MOBILE"' in record.value
    bank.tells("CH-1", org_id="N8", amount="80.00", status="executed", executed_amount="80.00")
    keeper(phone).run_once()
    assert phone.task(number="CH-1")["state"] == "EXECUTED"
    assert (ENTITY, "N8", "CNY") not in bank.reserved()


def keeper(phone: Phone) -> DeskKeeper:
    phone.bank.now += timedelta(minutes=1)  # the lease of the one before is over
    return DeskKeeper(phone.bank.services(), phone.bank.store, holder=str(phone.bank.now))


def test_delegating_rejecting_and_amending_say_why(phone: Phone) -> None:
    seen = phone.announce("D-1", "1000000.00")
    seen = phone.done("branch", "/D-1/approve", seen=seen)["task"]["seen"]
    problem(phone.post("treasurer", "/D-1/delegate", seen=seen, payload={"to": "second", "comment": ""}), 422)
    given = {"to": "second", "comment": "on leave"}
    seen = phone.done("treasurer", "/D-1/delegate", seen=seen, payload=given)["task"]["seen"]
    assert (phone.task("treasurer", "D-1")["mine"], phone.task("second", "D-1")["mine"]) == (False, True)
    problem(phone.post("treasurer", "/D-1/approve", seen=seen), 409)
    amended = phone.done("clerk", "/D-1/amend", seen=seen, payload={"amount": "100.00"})["task"]
    assert (amended["state"], amended["levels"], amended["approvals"]) == ("SUBMITTED", ["BRANCH"], [])
    done = phone.done("branch", "/D-1/reject", seen=amended["seen"], payload={"comment": "no such customer"})
    assert done["task"]["state"] == "REJECTED"
    (last,) = phone.get("branch", "/D-1")["history"][-1:]
    assert (last["type"], last["payload"]["comment"]) == ("ReservationRejected", "no such customer")


def test_money_that_left_is_matched_by_reference_then_by_account_and_the_rest_expires(phone: Phone) -> None:
    bank = phone.bank
    for number, customer, day in (("E-1", "C-E1", TODAY), ("E-2", "C-E2", TODAY), ("E-3", "C-E3", "2026-11-20")):
        amount = "40000000.00"
        fresh = token_of("branch", bank.now)
        seen = phone.announce(number, amount, customer_no=customer, account_id=f"A-{customer}", value_date=day)
        phone.post("branch", f"/{number}/approve", token=fresh, seen=seen)
        for who in ("treasurer", "committee"):
            seen = phone.task(number=number)["seen"]
            answer = phone.post(who, f"/{number}/approve", token=token_of(who, bank.now), seen=seen)
        assert answer.json()["task"]["state"] == "TREASURY_OK", answer.text
    bank.entry("T-E1", "out", "30000000.00", customer="C-E1", reference="E-1")
    bank.entry("T-E2", "out", "40000000.00", customer="C-E2")
    keeper(phone).run_once()
    keeper(phone).run_once()
    found = {number: phone.task(number=number) for number in ("E-1", "E-2", "E-3")}
    assert [(one["state"], one["executed"]) for one in found.values()] == [
        ("PARTIAL", "30000000.00"),
        ("EXECUTED", "40000000.00"),
        ("EXPIRED", "0.00"),  # the business date is beyond its day
    ]
    rate = next(one for one in phone.get("branch", "/forecast")["hit_rates"] if one["ccy"] == "CNY")
    assert float(rate["announced"]) >= 70_000_000


def test_the_forecast_over_http_is_of_live_reservations(phone: Phone) -> None:
    phone.announce("F-1", "500.00", value_date=TOMORROW, organisation="N7")
    days = phone.get("branch", "/forecast", currency="CNY")["days"]
    (found,) = [row for row in days if row["organisation"] == "N7"]
    assert (found["date"], found["reserved_expected"], found["reserved_open"]) == (TOMORROW, "300.00", "500.00")


def test_who_may_announce_change_and_withdraw_is_told_by_the_roles_and_the_stage(phone: Phone) -> None:
    seen = phone.announce("MAY-1")
    assert phone.task("clerk", "MAY-1")["may"] == ["amend", "cancel"]
    assert phone.task("committee", "MAY-1")["may"] == []
    assert phone.get("clerk")["may_announce"] is True
    assert phone.get("committee")["may_announce"] is False
    problem(phone.post("committee", "/MAY-1/cancel", seen=seen), 403, guard="ROLE")
    phone.done("clerk", "/MAY-1/cancel", seen=seen)
    assert phone.task("clerk", "MAY-1")["may"] == []
    draft = {"customer_no": "C-1", "amount": "5.00", "ccy": "CNY", "value_date": TODAY}
    phone.done("clerk", reservation_no="MAY-2", payload=draft)
    assert phone.task("clerk", "MAY-2")["may"] == ["submit", "amend", "cancel"]


def branches(phone: Phone) -> dict[str, Decimal]:
    """Positions of the branches in the desk's currency, exactly."""
    rows = phone.http.get(
        "/api/v1/positions", params={"by": "entity,organisation,currency"}, headers=bearer("treasurer")
    )
    assert rows.status_code == 200, rows.text
    return {one["organisation"]: Decimal(one["position"]) for one in rows.json()["rows"] if one["currency"] == "CNY"}


def test_branches_that_lack_money_are_shown_proposed_and_approved_by_another(phone: Phone) -> None:
    bank = phone.bank
    bank.entry("T-D1", "out", "560.00", customer="C-D", branch="N2")
    lacking = next(one for one in phone.get("treasurer", "/dispatch")["lacking"] if one["ccy"] == "CNY")
    assert any(one["destination"] == "N2" for one in lacking["transfers"]) or lacking["uncovered"]
    bank.entry("T-D2", "in", "90000000.00", customer="X-N1", branch="N1", kind="TRANSFER")
    body = {"cmd_id": "dp", "entity": ENTITY, "ccy": "CNY"}
    proposal = phone.done("treasurer", "/dispatch", **body)["proposal"]
    assert phone.done("treasurer", "/dispatch", **body)["proposal"] == proposal
    number = proposal["proposal_no"]
    problem(phone.post("treasurer", f"/dispatch/{number}/approve"), 403, guard="SD1")
    assert phone.done("committee", f"/dispatch/{number}/approve")["state"]["state"] == "APPROVED"
    bank.publish()
    instructions = [one for one in bank.sent if one.topic == "tm.out.core.transfer-instruction.v1"]
    assert len(instructions) == len(proposal["transfers"])
    before = branches(phone)
    for instruction in instructions:  # the simulated core books them
        assert instruction.value is not None
        for entry in booked(instruction.value):
            bank.feed(Event(topics.TXN, f"{ENTITY}|{entry.account_id}".encode(), entry))
    after = branches(phone)
    assert sum(after.values()) == sum(before.values())  # on-us: the bank has what it had
    for one in proposal["transfers"]:
        assert after[one["destination"]] > before[one["destination"]]
    assert bank.now >= NOW


def test_the_terminal_lists_shows_and_decides(phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMARK_API", str(phone.http.base_url))

    def run(who: str, *arguments: str) -> str:
        monkeypatch.setenv("TIDEMARK_TOKEN", token_of(who))
        asked = ["reservation", *arguments, "--data-dir", str(tmp_path)]
        done = CliRunner(env={"COLUMNS": "300"}).invoke(app, asked)
        return done.output if done.exit_code == 0 else f"exit {done.exit_code}: {done.output}"

    money = ("--customer", "C-T", "--amount", "1500000.00", "--day", TOMORROW, "--branch", "N1")
    assert "SUBMITTED" in run("clerk", "submit", "T-1", *money)
    assert "1,500,000.00" in run("branch", "list", "--mine")
    seen = phone.task(number="T-1")["seen"]
    assert "exit 1" in run("clerk", "approve", "T-1")
    assert "BRANCH_OK" in run("branch", "approve", "T-1", "--comment", "known customer")
    assert "exit 1" in run("treasurer", "approve", "T-1", "--seen", seen)
    shown = run("treasurer", "show", "T-1")
    assert "known customer" in shown
    assert "available before: 800.00" in shown
    assert "REJECTED" in run("treasurer", "reject", "T-1", "--comment", "no funds")
    assert "exit 1" in run("clerk", "cancel", "T-1")
