"""What a template may use of a case: nothing blank, nothing that the live state would say otherwise."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pytest

from aggregates.document_fields import document_fields, entered_fields
from aggregates.past_cases import past_case
from aggregates.rendering import state_of
from engines.primitives.errors import InvalidInput, NotFound
from tests.aggregates.world import LOAN, World, open_world
from tests.paper_world import AUDITOR, CASES, STRANGER, open_paper_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("cases")
    opened = open_world(folder)
    open_paper_world(opened, folder)
    yield opened
    opened.store.close()


def blanks(value: Any) -> Iterator[Any]:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for item in inner:
        if item in (None, "", "-", [], {}):
            yield item
        yield from blanks(item)


@pytest.mark.parametrize("case", [*CASES, ("RiskAsset", LOAN)])
def test_a_case_folded_to_now_is_the_live_one_and_gives_no_blank(world: World, case: tuple[str, str]) -> None:
    aggregate, key = case
    past = past_case(world.app, aggregate, key, reader=AUDITOR)
    live = world.app.find(aggregate, key)
    assert live is not None
    state = state_of(past.case)
    assert state == state_of(live) | {"version": state["version"]}
    fields = document_fields(past)
    assert fields
    assert list(blanks(fields)) == []


def test_sums_of_a_loan_note_and_what_events_say(world: World) -> None:
    note = past_case(world.app, "RiskAsset", LOAN, reader=AUDITOR)
    flow = past_case(world.app, "RecoveryFlow", "CT-1", reader=AUDITOR)
    fields = document_fields(flow, [note])
    assert (fields["asset_claim"], fields["asset_interest"]) == ("3700588.23", "1065279.53")
    assert [one["loan_no"] for one in fields["assets"]] == [LOAN]
    assert (fields["FlowReceived_amount"], fields["amount"]) == ("5000.00", "3000.00")
    assert fields["on_FlowReceived"] == "2024-09-05"
    assert fields["by_FlowReceived"] == "U-118"
    linked = document_fields(flow, linked=past_case(world.app, "LitigationCase", "SU1", reader=AUDITOR))
    assert linked["linked_cause"] == "LOAN_CONTRACT"


def test_what_counts_later_or_belongs_to_others_is_left_out(world: World) -> None:
    with pytest.raises(NotFound):
        past_case(world.app, "RiskAsset", LOAN, reader=AUDITOR, as_of=date(2024, 9, 4))
    with pytest.raises(NotFound):
        past_case(world.app, "RiskAsset", LOAN, reader=AUDITOR, known_at=date(2024, 9, 4))
    with pytest.raises(NotFound):
        past_case(world.app, "RiskAsset", LOAN, reader=STRANGER)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("known", "other"),
        ("document_on", "2024-01-01"),
        ("a b", "x"),
        ("__class__\n", "x"),
        ("x", 1),
        ("x", "\x00"),
        ("x", "y" * 2_001),
    ],
)
def test_what_cannot_be_entered(name: str, value: object) -> None:
    with pytest.raises(InvalidInput):
        entered_fields({name: value}, {"known": "this"})


def test_what_can_be_entered() -> None:
    known = {"known": "this"}
    assert entered_fields({"known": "this", "more": " text ", "none": "-"}, known) == {
        "known": "this",
        "more": "text",
    }
    with pytest.raises(InvalidInput):
        entered_fields({f"f{number}": "x" for number in range(101)}, {})
