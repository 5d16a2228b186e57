"""What becomes of neighbours' records: commands, facts, waiting, dead letters; told again, late and out of order."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError

from engines.primitives.errors import Unavailable
from streams.integrations import names
from streams.integrations.inbound import REFUSED, WAITING
from tests.aggregates.world import swap
from tests.streams.integration_world import CUSTOMER, LOAN, Neighbourhood, neighbourhood

BALANCES = {
    "principal": "1000.00",
    "interest_on": "20.00",
    "interest_off": "5.00",
    "penalty": "3.00",
    "compound": "1.00",
    "costs": "2.00",
}


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Neighbourhood]:
    found = neighbourhood(tmp_path)
    found.world.clock.now = datetime(2024, 9, 25, 4, tzinfo=UTC)
    yield found
    found.world.store.close()


@pytest.fixture
def admitted(bank: Neighbourhood) -> Neighbourhood:
    assert bank.send(names.HANDOVER).dead_letter is None
    return bank


def claim(bank: Neighbourhood) -> dict[str, Any]:
    return bank.world.state()


def test_a_hand_over_admits_the_asset_and_registers_its_customer(admitted: Neighbourhood) -> None:
    state = claim(admitted)
    assert (state["principal"], state["interest_off"], state["costs"]) == ("1000.00", "5.00", "2.00")
    assert (state["classification"], state["branch"], state["customer_no"]) == ("SUBSTANDARD", "3301", CUSTOMER)
    customer = admitted.world.state("RiskCustomer", CUSTOMER)
    assert (customer["state"], customer["name_ref"], customer["branch"]) == ("AT_RISK", "NAME-77", "3301")
    admitted.send(names.HANDOVER, loan_no="LN-2")
    assert admitted.types("RiskCustomer", CUSTOMER) == ["CustomerRegistered"]


@pytest.mark.parametrize("topic", names.INBOUND)
def test_a_record_told_again_stores_nothing_again(admitted: Neighbourhood, topic: str) -> None:
    admitted.world.do("AM", "RequestCollection", aggregate="CollectionTask", key="T-1", asset_ids=[LOAN])
    message = {"method": "SMS", "to": "U-77", "template": "T"}
    admitted.world.do("SY", "Queue", aggregate="Notification", key="M-1", **message)
    value = admitted.value(topic, **({"loan_no": "LN-5"} if topic == names.HANDOVER else {}))
    first = admitted.take(topic, value)
    after, kept = admitted.length, admitted.facts("WARNING")
    again = admitted.take(topic, value)
    assert admitted.length == after
    assert again.dead_letter == first.dead_letter
    assert admitted.facts("WARNING") == kept


def test_a_record_number_does_not_stand_for_two_contents(admitted: Neighbourhood) -> None:
    flow = {"record_id": "SAME", "core_txn_no": "CT-1"}
    assert admitted.send(names.FLOW, **flow).dead_letter is None
    letter = admitted.send(names.FLOW, **flow, amount="101.00", core_alloc=...).dead_letter
    assert letter is not None
    assert (letter.code, letter.field) == ("conflict", "cmd_id")
    assert "record SAME" in letter.reason


def test_a_refusal_names_its_guard_and_stores_nothing(admitted: Neighbourhood) -> None:
    before = admitted.length
    letter = admitted.send(names.HANDOVER).dead_letter
    assert letter is not None
    assert (letter.guard, admitted.length) == ("RiskAsset.Admit.1", before)
    letter = admitted.send(names.HANDOVER, loan_no="LN-3", classification="NORMAL").dead_letter
    assert letter is not None
    assert letter.guard == "RiskAsset.Admit.2"


def test_another_entity_touches_nothing_of_ours(admitted: Neighbourhood) -> None:
    admitted.send(names.ASSET_SNAPSHOT, entity_id="BANK-B", classification="LOSS")
    admitted.send(names.BALANCE_EOD, entity_id="BANK-B")
    assert admitted.send(names.FLOW, entity_id="BANK-B").waits_for == f"RiskAsset/{LOAN}"
    admitted.handler.sweep()
    assert admitted.types("RiskAsset", LOAN) == ["AssetAdmitted"]


def test_money_waits_for_its_loan_and_a_return_for_its_money(bank: Neighbourhood) -> None:
    back = {"core_txn_no": "CT-2", "reverses": "CT-1", "core_alloc": ...}
    assert bank.send(names.FLOW, **back).waits_for == "RecoveryFlow/CT-1"
    assert bank.send(names.FLOW).waits_for == f"RiskAsset/{LOAN}"
    assert (bank.handler.sweep(), bank.length) == (0, 0)
    bank.send(names.HANDOVER)
    assert bank.handler.sweep() + bank.handler.sweep() == 2
    assert bank.types("RecoveryFlow", "CT-1") == ["FlowReceived", "FlowReversedByCore"]
    assert bank.facts(WAITING) == []


def test_what_is_refused_after_waiting_stays_to_be_seen(bank: Neighbourhood) -> None:
    bank.send(names.FLOW, ccy="EUR")
    bank.send(names.HANDOVER)
    assert bank.handler.sweep() == 1
    assert "kept in CNY" in bank.facts(REFUSED)[0]["reason"]
    assert bank.facts(WAITING) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_accruals_in_any_order_end_the_same(admitted: Neighbourhood, order: tuple[int, ...]) -> None:
    days = [("2024-09-20", "21.00"), ("2024-09-21", "22.00"), ("2024-09-22", "23.00")]
    for number in order:
        as_of, interest = days[number]
        occurred_at = f"{as_of}T16:00:00Z"
        taken = admitted.send(names.ACCRUAL, as_of=as_of, interest_on=interest, occurred_at=occurred_at)
        assert taken.dead_letter is None, taken.dead_letter
    assert claim(admitted)["interest_on"] == "23.00"
    asset: Any = admitted.app.find("RiskAsset", LOAN)
    by_day = {effect.valid_on.isoformat(): effect.minor_by_bucket["interest_on"] for effect in asset.effects}
    assert [by_day[day] for day, _ in days] == [2_100, 2_200, 2_300]


def test_an_accrual_that_is_older_says_nothing_new(admitted: Neighbourhood) -> None:
    assert admitted.send(names.ACCRUAL, as_of="2024-09-01").passed_over
    admitted.send(names.ACCRUAL, interest_on="30.00", occurred_at="2024-09-20T10:00:00Z")
    assert admitted.send(names.ACCRUAL, interest_on="29.00", occurred_at="2024-09-20T09:00:00Z").passed_over
    assert claim(admitted)["interest_on"] == "30.00"


def test_only_a_worse_class_is_taken_over(admitted: Neighbourhood) -> None:
    for as_of, name in (("2024-09-21", "DOUBTFUL"), ("2024-09-20", "LOSS"), ("2024-09-22", "SUBSTANDARD")):
        assert admitted.send(names.ASSET_SNAPSHOT, as_of=as_of, classification=name).dead_letter is None
    assert claim(admitted)["classification"] == "DOUBTFUL"
    assert admitted.facts("ASSET_SNAPSHOT")[0]["classification"] == "SUBSTANDARD"


def test_a_difference_to_cores_balances_stops_postings_until_it_is_gone(bank: Neighbourhood) -> None:
    world = bank.world
    world.lost()
    world.to_stage("APPROVED")
    agreed = {
        "principal": "2632708.70",
        "interest_on": "0",
        "interest_off": "55279.53",
        "penalty": "1000000.00",
        "compound": "10000.00",
        "costs": "2600.00",
    }
    bank.send(names.BALANCE_EOD, as_of="2024-09-25", balances=agreed | {"penalty": "999999.99"})
    assert bank.facts("BALANCE_EOD")[0]["differences"] == {"penalty": {"ours": "1000000.00", "core": "999999.99"}}
    world.refused("STATE", lambda: world.case("FN", "RequestPosting", day="2024-09-25"))
    late = bank.send(names.BALANCE_EOD, as_of="2024-09-24", balances=agreed)
    assert late.passed_over
    bank.send(names.BALANCE_EOD, as_of="2024-09-26", balances=agreed)
    world.case("FN", "RequestPosting", day="2024-09-26")
    assert [name for name in bank.types("RiskAsset", LOAN) if name == "AssetTagged"] == ["AssetTagged"] * 2


def test_a_collection_task_lives_by_its_actions_in_any_order(admitted: Neighbourhood) -> None:
    world = admitted.world
    world.do("AM", "RequestCollection", aggregate="CollectionTask", key="T-1", asset_ids=[LOAN])
    admitted.send(names.COLLECTION_ACTION)  # the action overtook the acceptance
    admitted.send(names.COLLECTION_ACTION, step="ACCEPTED", action_no=...)
    admitted.send(names.COLLECTION_ACTION, step="CLOSED", outcome="PAID", action_no=...)
    late = admitted.send(names.COLLECTION_ACTION, action_no="A-2")
    assert (late.kept, late.passed_over) == (True, "the task is closed")
    assert admitted.types("CollectionTask", "T-1")[1:] == [
        "CollectionAccepted",
        "CollectionActionLogged",
        "CollectionClosed",
    ]
    letter = admitted.send(names.COLLECTION_ACTION, task_no="T-404").dead_letter
    assert letter is not None
    assert letter.code == "not-found"


def test_a_decision_moves_the_case_in_the_approvers_name(bank: Neighbourhood) -> None:
    bank.world.lost()
    bank.world.to_stage("SUBMITTED")
    digest = bank.world.state("WriteOff", "WO1")["snapshot_hash"]
    bank.world.clock.now += timedelta(days=1)
    decided = {"snapshot_hash": digest, "decided_on": "2024-09-25"}
    own = bank.send(names.DECISION, **decided, approver="U-118").dead_letter
    assert own is not None
    assert own.guard == "SD1"
    stale = bank.send(names.DECISION, **decided | {"snapshot_hash": "0" * 64}).dead_letter
    assert stale is not None
    assert stale.guard == "WriteOff.Decide.2"
    assert bank.send(names.DECISION, **decided, final=False).kept
    assert bank.send(names.DECISION, **decided).dead_letter is None
    state = bank.world.state("WriteOff", "WO1")
    assert (state["state"], state["approvers"]) == ("APPROVED", ["U-301"])


def test_relations_wait_for_the_customer_and_an_older_graph_changes_nothing(bank: Neighbourhood) -> None:
    assert bank.send(names.GRAPH, as_of="2024-09-20").waits_for == f"RiskCustomer/{CUSTOMER}"
    bank.send(names.HANDOVER)
    assert bank.handler.sweep() == 1
    assert bank.send(names.GRAPH, as_of="2024-09-19", edges=[]).passed_over
    assert bank.send(names.GRAPH, as_of="2024-09-21", error_code="BUSY").passed_over
    assert bank.world.state("RiskCustomer", CUSTOMER)["parties"][0]["target"] == "P-1"


def test_a_warning_about_a_customer_at_risk_is_an_event_and_always_a_fact(admitted: Neighbourhood) -> None:
    admitted.send(names.WARNING)
    admitted.send(names.WARNING, customer_no="C-404", signal_no="W-2")
    assert admitted.types("RiskCustomer", CUSTOMER)[-1] == "WarningRaised"
    assert [fact["signal_no"] for fact in admitted.facts("WARNING")] == ["W-1", "W-2"]


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        (names.EXTERNAL_FACT, "LITIGATION"),
        (names.CREDIT_LINE, "CREDIT_LINE"),
        (names.COLLATERAL, "COLLATERAL"),
        (names.CUSTOMER, "CUSTOMER"),
    ],
)
def test_the_newest_fact_of_a_customer_stays(bank: Neighbourhood, topic: str, kind: str) -> None:
    for as_of in ("2024-09-02", "2024-09-03", "2024-09-01"):
        bank.send(topic, as_of=as_of)
    assert [fact["as_of"] for fact in bank.facts(kind)] == ["2024-09-03"]
    assert [fact.kind for fact in bank.reference.of_subject(CUSTOMER)] == [kind]


def test_master_data_follow_the_newest_record(bank: Neighbourhood) -> None:
    for hour, change in ((9, {"name": "East"}), (11, {"name": "East branch"}), (10, {"name": "old"})):
        bank.send(names.ORG_MASTER, occurred_at=f"2024-09-20T{hour:02}:00:00Z", **change)
    assert bank.world.state("OrgUnit", "3302")["name"] == "East branch"
    bank.send(names.ORG_MASTER, occurred_at="2024-09-21T09:00:00Z", disabled=True)
    assert bank.world.state("OrgUnit", "3302")["state"] == "DISABLED"
    user = {"kind": "User", "master_no": "U-900", "name": "NAME-3", "org_no": "3302", "roles": ["AM"]}
    bank.send(names.ORG_MASTER, **user, parent_no=..., org_level=...)
    assert bank.world.state("User", "U-900")["roles"] == ["AM"]


def test_a_receipt_that_comes_late_does_not_undo_a_delivery(admitted: Neighbourhood) -> None:
    message = {"method": "SMS", "to": "U-77", "template": "T"}
    admitted.world.do("SY", "Queue", aggregate="Notification", key="M-1", **message)
    admitted.send(names.RECEIPT)
    admitted.send(names.RECEIPT, outcome="DELIVERED")
    assert admitted.send(names.RECEIPT).passed_over
    assert admitted.types("Notification", "M-1") == ["MessageQueued", "MessageFailed", "MessageDelivered"]


def test_a_store_that_is_away_is_no_dead_letter(admitted: Neighbourhood) -> None:
    def gone(*_: Any, **__: Any) -> Any:
        raise OperationalError("away")

    value = admitted.value(names.FLOW)
    swap(admitted.world.store.recorder, "insert_events", gone)
    with pytest.raises(Unavailable):
        admitted.take(names.FLOW, value)
