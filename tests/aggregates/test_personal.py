"""What is personal is declared, sealed before it is hashed, and gone once its keys are (decision E8)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregates.commands import Policy
from aggregates.personal import NOT_PERSONAL, PERSONAL, class_of, is_declared, personal_fields
from aggregates.personal_erasure import erased_subject
from aggregates.personal_sealing import Subject
from aggregates.personal_tokens import BEGIN, ERASED, TOKEN, Personal, holds_sealed
from aggregates.registry import KINDS
from aggregates.steps.fields import FieldSpec
from engines.primitives.errors import Conflict, Forbidden, Rejected
from infra.event_store import open_event_store
from infra.masking import ALL, NONE, Lens, Rights
from infra.subject_keys import DAMAGED
from tests.aggregates.world import LOAN, Clock
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

DOCS = Path(__file__).parents[2] / "docs" / "privacy.md"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PrivacyWorld]:
    clock = Clock()
    keys = subject_keys(tmp_path)
    with open_event_store("sqlite", tmp_path, clock=clock) as store:
        yield PrivacyWorld(store, clock, keys)
    keys.close()


def clear_bytes(folder: Path) -> list[str]:
    """Files that hold one of the planted values in clear."""
    wanted = [text.encode() for text in (PLANTED, PHONE, ID_NUMBER, ACCOUNT)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(one in path.read_bytes() for one in wanted)]


# --- The inventory -------------------------------------------------------------------------------------------------


def test_every_field_of_every_event_is_declared() -> None:
    for kind in KINDS.values():
        for event in kind.EVENTS.values():
            undeclared = [spec.name for spec in _all(event.ROW.fields) if not is_declared(kind.NAME, spec)]
            assert undeclared == [], f"{kind.NAME}.{event.__name__}: see aggregates/personal.py"
    assert not PERSONAL.keys() & NOT_PERSONAL


def test_a_text_that_nobody_declared_is_sealed() -> None:
    field = FieldSpec("mothers_maiden_name", "S")
    assert not is_declared("RiskCustomer", field)
    assert class_of("RiskCustomer", field) is Personal.NOTE


def test_the_page_lists_what_the_code_seals() -> None:
    """docs/privacy.md holds a row for every aggregate with personal fields, naming all of them."""
    rows = dict(re.findall(r"^\| (\w+) \| (`[^|]+`) \|", DOCS.read_text(), re.MULTILINE))
    wanted = {}
    for kind in KINDS.values():
        fields = {name for event in kind.EVENTS.values() for name in personal_fields(event)}
        if fields:
            wanted[kind.NAME] = fields
    assert {name: set(re.findall(r"`([\w.]+)`", row)) for name, row in rows.items() if name in KINDS} == wanted


# --- Sealing -------------------------------------------------------------------------------------------------------


def test_nothing_planted_lies_in_clear_and_all_of_it_is_read_again(world: PrivacyWorld, tmp_path: Path) -> None:
    world.plant()
    assert clear_bytes(tmp_path) == []
    for aggregate, key, _role, _name, payload in PERSONAL_COMMANDS:
        told = [event["payload"] for event in world.history(aggregate, key)]
        for field, value in payload.items():
            assert any(one.get(field) == value for one in told if field in one) or field not in told[-1], field
    profile = world.history("RiskCustomer", CUSTOMER)[1]["payload"]["facts"]
    assert profile["name"] == PLANTED
    assert profile["children"] == 2  # a number is a number again
    assert profile["employed"] is True
    assert world.store.verify_chain().ok


def test_state_and_snapshots_hold_ciphertext(world: PrivacyWorld, tmp_path: Path) -> None:
    world.plant()
    for number in range(210):  # beyond the place where a snapshot is taken
        world.do("AM", "AddTag", aggregate="RiskCustomer", key=CUSTOMER, tag=f"T{number}")
    assert world.app.snapshots is not None
    customer = world.app.find("RiskCustomer", CUSTOMER)
    assert customer is not None
    assert holds_sealed(customer.facts["name_ref"])
    assert list(world.app.snapshots.get(customer.id)) != []
    assert clear_bytes(tmp_path) == []


def test_the_reason_is_sealed_and_guards_see_it_in_the_command(world: PrivacyWorld) -> None:
    world.admit(customer_no=CUSTOMER)
    command = world.command("AM", "AssetTagged", tag="T")
    world.app.execute(type(command)(**{n: getattr(command, n) for n in command.__slots__} | {"reason": PLANTED}))
    found = world.app.history("RiskAsset", LOAN, reader=command.principal)[-1]
    assert BEGIN in found.envelope.reason
    assert Lens(world.keys, ALL).text(found.envelope.reason) == PLANTED


def test_a_replay_meets_the_same_tokens_and_nonces_differ(world: PrivacyWorld) -> None:
    world.plant()
    first = world.app.history("RiskCustomer", CUSTOMER, reader=world.command("IA", "-").principal)
    again = world.app.history("RiskCustomer", CUSTOMER, reader=world.command("IA", "-").principal)
    assert first == again
    facts = first[1].payload["facts"]
    assert facts["name"] != first[0].payload["name_ref"]


def test_a_token_moved_to_another_field_is_damaged(world: PrivacyWorld) -> None:
    world.plant()
    found = world.app.history("RiskCustomer", CUSTOMER, reader=world.command("IA", "-").principal)
    token = found[0].payload["name_ref"]
    parts = TOKEN.fullmatch(token)
    assert parts is not None
    moved = token.replace(f".{parts[4]}", ".payee")
    assert Lens(world.keys, ALL).text(moved) == DAMAGED


def test_a_value_carried_on_is_sealed_again_for_its_new_event(world: PrivacyWorld) -> None:
    """`why` of the draft stands in the case; every token of an event names that event."""
    world.plant()
    for event in world.app.published_after(0, 1_000):
        for token in TOKEN.finditer(str(event.payload) + event.envelope.reason):
            assert event.id.bytes.hex() in _event_of(token[3]), event.type


def test_streams_of_customers_stand_under_a_random_token(world: PrivacyWorld) -> None:
    world.plant()
    found = world.app.find("RiskCustomer", CUSTOMER)
    assert found is not None
    assert found.id != KINDS["RiskCustomer"].stream_id(CUSTOMER)
    assert world.app.stream_id("RiskCustomer", CUSTOMER) == found.id
    token = world.keys.stream_token(Subject.customer(CUSTOMER), create=False)
    assert token is not None
    assert found.id == KINDS["RiskCustomer"].stream_id(token)


def test_a_store_from_before_goes_on(tmp_path: Path) -> None:
    """Events in clear load, their streams stay where they are, a repeated command is still known."""
    clock = Clock()
    keys = subject_keys(tmp_path)
    with open_event_store("sqlite", tmp_path, clock=clock) as store:
        before = PrivacyWorld(store, clock, keys)
        before.app.protection = None
        registered = before.command(
            "EX", "Register", aggregate="RiskCustomer", key="C-1", name_ref="Old Name", entity_id="BANK-A"
        )
        before.app.execute(registered)
        now = PrivacyWorld(store, clock, keys)
        now.commands = before.commands
        assert now.app.execute(registered).repeated
        now.do("EX", "SyncProfile", aggregate="RiskCustomer", key="C-1", source="S", facts={"name": PLANTED})
        found = now.app.find("RiskCustomer", "C-1")
        assert found is not None
        assert (found.version, found.id) == (2, KINDS["RiskCustomer"].stream_id("C-1"))
        assert now.history("RiskCustomer", "C-1")[0]["payload"]["name_ref"] == "Old Name"
        assert holds_sealed(found.facts["facts"]["name"])
        assert found.facts["name_ref"] == "Old Name"  # state is as it was stored, what is shown is masked
        shown = now.app.state("RiskCustomer", "C-1", reader=registered.principal)
        listed = now.app.list_cases("RiskCustomer", reader=registered.principal)[0]
        for token in (shown["name_ref"], listed["name_ref"]):
            assert "Old Name" not in token
            assert (Lens(keys, NONE).text(token), Lens(keys, ALL).text(token)) == ("O**", "Old Name")
    keys.close()


def test_digests_of_commands_are_keyed(world: PrivacyWorld) -> None:
    world.admit(customer_no=CUSTOMER)
    command = world.command("EX", "Register", aggregate="RiskCustomer", key=CUSTOMER, name_ref=PLANTED)
    world.app.execute(command)
    stored = world.store.recorder.stored_command(command.cmd_id)
    assert stored is not None
    assert stored.digest not in (command.digest("Register"), command.digest("CustomerRegistered"))
    assert world.app.execute(command).repeated
    other = world.command("EX", "Register", aggregate="RiskCustomer", key=CUSTOMER, name_ref="x")
    changed = type(command)(**{n: getattr(other, n) for n in other.__slots__} | {"cmd_id": command.cmd_id})
    with pytest.raises(Conflict):
        world.app.execute(changed)


# --- Erasure -------------------------------------------------------------------------------------------------------


def test_after_erasure_all_of_it_reads_as_erased_and_the_chain_verifies(world: PrivacyWorld, tmp_path: Path) -> None:
    world.plant()
    head = world.store.verify_chain().head
    assert world.keys.subjects_named(PLANTED) == [f"customer:{CUSTOMER}"]
    assert world.keys.erase(Subject.customer(CUSTOMER)) == 1
    assert world.keys.subjects_named(PLANTED) == []
    for rights in (ALL, Rights(False, True), NONE):
        for aggregate, key in {(a, k) for a, k, *_ in PERSONAL_COMMANDS}:
            text = str(world.history(aggregate, key, Lens(world.keys, rights)))
            assert PLANTED not in text
            assert ERASED in text or aggregate == "Inspection", aggregate
    assert clear_bytes(tmp_path) == []
    report = world.store.verify_chain()
    assert report.ok
    assert report.head == head
    # The case goes on: nothing that judges it reads what is gone.
    world.do("AM", "AddTag", aggregate="RiskCustomer", key=CUSTOMER, tag="LATER")
    assert world.history("RiskCustomer", CUSTOMER)[0]["payload"]["name_ref"] == ERASED


def test_a_text_about_several_customers_goes_with_the_first_of_them(world: PrivacyWorld) -> None:
    world.admit(key="LN-1", customer_no="C-1")
    world.admit(key="LN-2", customer_no="C-2")
    draft = {"asset_ids": ["LN-1", "LN-2"], "claim_amount": "5.00", "claim_principal": "5.00"}
    draft |= {"claim_interest": "0.00", "route": "LAWSUIT", "why": PLANTED}
    world.do("AM", "CaseProposalDrafted", aggregate="LitigationCase", key="SU9", **draft)
    assert world.history("LitigationCase", "SU9")[0]["payload"]["why"] == PLANTED
    world.keys.erase(Subject.customer("C-2"))
    assert world.history("LitigationCase", "SU9")[0]["payload"]["why"] == ERASED


def _request(world: PrivacyWorld, subject: str = CUSTOMER) -> None:
    world.do(
        "SA", "Request", aggregate="ErasureRequest", key="ER-1", actor="A-1",
        subject_no=subject, why="asked for", entity_id="BANK-A",
    )  # fmt: skip


def test_one_administrator_alone_erases_nobody(world: PrivacyWorld) -> None:
    _request(world)
    with pytest.raises(Forbidden) as caught:
        world.do("SA", "Approve", aggregate="ErasureRequest", key="ER-1", actor="A-1")
    assert caught.value.facts["guard"] == "SD8"
    with pytest.raises(Forbidden):
        world.do("AM", "Approve", aggregate="ErasureRequest", key="ER-1", actor="U-1")


def test_an_open_claim_is_a_legal_hold_and_retention_is_named(world: PrivacyWorld) -> None:
    world.plant()
    _request(world)
    with pytest.raises(Rejected) as held:
        world.do("SA", "Approve", aggregate="ErasureRequest", key="ER-1", actor="A-2")
    assert held.value.facts["guard"] == "ErasureRequest.Approve.1"


def test_retention_counts_from_the_last_event(world: PrivacyWorld) -> None:
    register = {"name_ref": PLANTED, "entity_id": "BANK-A"}
    world.do("EX", "Register", aggregate="RiskCustomer", key="C-20", day="2022-03-11", **register)
    _request(world, "C-20")
    with pytest.raises(Rejected) as kept:
        world.do("SA", "Approve", aggregate="ErasureRequest", key="ER-1", actor="A-2", day="2032-03-10")
    assert kept.value.facts["guard"] == "ErasureRequest.Approve.2"
    world.do("SA", "Approve", aggregate="ErasureRequest", key="ER-1", actor="A-2", day="2032-03-11")
    assert world.state("ErasureRequest", "ER-1")["state"] == "APPROVED"
    assert Policy().retention_years == 10
    assert erased_subject("STAFF", "U-1") == Subject.staff("U-1")


def _all(specs: tuple[FieldSpec, ...]) -> list[FieldSpec]:
    return [found for spec in specs for found in (spec, *_all(spec.items))]


def _event_of(sealed: str) -> str:
    from base64 import urlsafe_b64decode

    return urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))[16:32].hex()
