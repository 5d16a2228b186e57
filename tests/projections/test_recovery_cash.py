"""Promised and received cash of disposals: laws of the fold, stages against the aggregates, what histories bring."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregates.registry import KINDS as REGISTERED
from engines.primitives.errors import CorruptRecord
from projections.recovery_cash import RecoveryCashState, fold
from projections.recovery_records import Decision, Disposal, Promise
from projections.recovery_stages import CLOSED_STAGES, KINDS
from tests.aggregates.scenarios import FOLDER, lines_of, play
from tests.aggregates.walker import Walker
from tests.projections.recovery_logs import decision, decisions, folded, published

HISTORIES = (
    "foreclosed-in-portions",
    "one-asset",
    "package-of-three",
    "reduction-suspended-and-breached",
    "written-off-transfer-unwound",
)


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Decision]]:
    """The decisions of scenario files, by name."""
    found = {}
    for name in HISTORIES:
        file = FOLDER / f"{name}.jsonl"
        played = play(lines_of(file), tmp_path_factory.mktemp("played"))
        found[name] = decisions(published(played.app))
        played.close()
    return found


# -- laws -----------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(data=st.data())
def test_any_cut_repetition_and_restart_ends_in_the_same_bytes(
    histories: dict[str, list[Decision]], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(histories)))
    rows = list(enumerate(histories[name]))
    whole = folded(histories[name])
    edges = sorted({0, len(rows), *data.draw(st.lists(st.integers(0, len(rows)), max_size=6))})
    state = RecoveryCashState()
    for first, last in pairwise(edges):
        again = data.draw(st.integers(0, first))  # a batch delivered a second time, in part or in whole
        state = fold(state, rows[again:last], again, last)
        if data.draw(st.booleans()):
            state = RecoveryCashState.load(state.dump())
    assert state.dump() == whole.dump()
    assert state.canonical_bytes() == whole.canonical_bytes()


def test_what_its_publisher_repeats_counts_once(histories: dict[str, list[Decision]]) -> None:
    for rows in histories.values():
        twice = [*rows[: len(rows) // 2], *rows[len(rows) // 4 :]]  # a publisher that died goes on from before
        assert folded(twice).canonical_bytes() == folded(rows).canonical_bytes()


def test_a_missing_range_and_a_foreign_dump_are_refused() -> None:
    with pytest.raises(CorruptRecord, match="missing"):
        fold(RecoveryCashState(), [], 3, 4)
    with pytest.raises(CorruptRecord, match="not a dump"):
        RecoveryCashState.load(b"\x00")
    state = RecoveryCashState()
    state.FOLD_VERSION = 99  # type: ignore[misc]
    with pytest.raises(CorruptRecord, match="another fold version"):
        RecoveryCashState.load(state.dump())


def test_an_earlier_offset_shows_what_was_known_then(histories: dict[str, list[Decision]]) -> None:
    rows = histories["one-asset"]
    state = folded(rows)
    for end in range(0, len(rows) + 1, 7):
        assert state.at(end) == dict(folded(rows[:end]).disposals)


# -- stages ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def walker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walker]:
    found = Walker(tmp_path_factory.mktemp("walk"))
    yield found
    found.app.close()
    found.store.close()


@pytest.mark.parametrize("aggregate", KINDS)
def test_every_reachable_stage_is_the_one_of_the_aggregate(
    walker: Walker, aggregate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A walk over the table of the aggregate; its side processes change no cash and are left out."""
    kind = REGISTERED[aggregate]
    monkeypatch.setattr(kind, "ROWS", tuple(row for row in kind.ROWS if "InSuit" not in row.event))
    walked = [walker.take(kind, way) for state, way in walker.ways(kind).items() if state is not None]
    assert len(walked) >= 3
    state = folded(decisions(published(walker.app)))
    reached = set()
    for key in walked:
        case = walker.app.find(aggregate, key)
        assert case is not None
        found = state.disposals[aggregate, key]
        # A package posted in part is posted: what failed is no part of its price.
        assert found.stage == case.stage.replace("PARTLY_POSTED", "POSTED"), key
        assert found.is_closed == (case.stage in CLOSED_STAGES)
        assert found.loans == tuple(case.asset_ids)
        reached.add(case.stage)
    assert reached & CLOSED_STAGES
    assert reached - CLOSED_STAGES


# -- promises and cash ----------------------------------------------------------------------------------------


def of(rows: list[Decision], aggregate: str, key: str) -> Disposal:
    return folded(rows).disposals[aggregate, key]


def test_a_settlement_breached_lacks_what_was_not_paid(histories: dict[str, list[Decision]]) -> None:
    """tests/golden/scenarios: 200,000 promised, 50,000 + 60,000 paid, 10,000 of it reversed: 100,000 short."""
    found = of(histories["reduction-suspended-and-breached"], "DebtReduction", "RD1")
    assert found.promises == (Promise(date(2024, 6, 30), 20_000_000),)
    assert (found.first_minor, found.received_minor, found.stage) == (20_000_000, 10_000_000, "BREACHED")
    assert found.closed_on == date(2024, 7, 1)
    assert found.outstanding == ()


def test_a_transfer_unwound_keeps_nothing_of_its_price(histories: dict[str, list[Decision]]) -> None:
    rows = histories["written-off-transfer-unwound"]
    sold = next(at for at, row in enumerate(rows) if row.type == "TransferPriceReceived")
    before = folded(rows[: sold + 1]).disposals["DebtTransfer", "TR1"]
    assert before.outstanding == (Promise(None, 1),)  # one cent of 60,000.00
    after = of(rows, "DebtTransfer", "TR1")
    assert (after.stage, after.received_minor) == ("REVERSED", 6_000_000 - 6_100_000)


def test_a_package_turns_its_reserve_into_the_price(histories: dict[str, list[Decision]]) -> None:
    found = of(histories["package-of-three"], "AssetPackage", "PK1")
    assert (found.first_minor, found.promised_minor, found.received_minor) == (280_000_000, 300_000_000, 300_000_000)
    assert (found.is_closed, found.loans) == (True, ("LN-1", "LN-2", "LN-3"))


def test_foreclosed_assets_bring_cash_when_sold_and_nothing_when_converted(
    histories: dict[str, list[Decision]],
) -> None:
    """spec/risk-assets.md 7.1: sale proceeds net; compensation of a loss; a conversion brings no cash."""
    rows = histories["foreclosed-in-portions"]
    posted = next(at for at, row in enumerate(rows) if row.type == "FaDisposalPosted")
    sold = folded(rows[: posted + 1]).disposals["FaDisposal", "FD1"]
    assert (sold.received_minor, sold.is_closed) == (190_000_000 - 2_000_000, True)
    state = folded(rows)
    received = {key: one.received_minor for (kind, key), one in state.disposals.items() if kind == "FaDisposal"}
    assert received["FD1"] == received["FD2"] == 0  # both reversed
    assert received["FD3"] == 0
    assert received["FD4"] == 100_000_000
    assert state.disposals["FaDisposal", "FD3"].promised_minor == 0


def test_the_plan_is_credited_with_all_cash_of_its_loan_note(histories: dict[str, list[Decision]]) -> None:
    rows = histories["one-asset"]
    plan = of(rows, "DisposalPlan", "PL1")
    approved = next(at for at, row in enumerate(rows) if row.type == "PlanApproved")
    signs = {
        "RecoveryApplied": 1,
        "WriteOffRecoveryApplied": 1,
        "RecoveryReversed": -1,
        "WriteOffRecoveryReversed": -1,
    }
    applied = {
        (row.payload["flow_id"], row.payload["split_no"]) for row in rows[approved:] if signs.get(row.type) == 1
    }
    cash = sum(
        signs[row.type] * minor(row.payload["amount"])
        for row in rows[approved:]
        if row.type in signs and (row.payload["flow_id"], row.payload["split_no"]) in applied
    )
    sold = sum(
        minor(row.payload["proceeds"]) - minor(row.payload["selling_costs"])
        for row in rows
        if row.type == "FaDisposalPosted" and "proceeds" in row.payload
    )
    assert plan.received_minor == cash + sold > 0


def minor(text: str) -> int:
    return int(Decimal(text) * 100)


def litigation(*more: tuple[str, dict[str, Any]]) -> Disposal:
    events: list[tuple[str, dict[str, Any]]] = [
        ("CaseProposalDrafted", {"asset_ids": ["L1"], "claim_amount": "100.00", "branch": "3302"}),
        ("CaseProposalSubmitted", {}),
        ("CaseProposalApproved", {"claim_amount": "90.00"}),
        ("CaseDocketed", {"docketed_on": "2024-02-01"}),
        *more,
    ]
    rows = [
        decision(at, "LitigationCase", "LC", event, **payload)
        if event not in {"RecoveryApplied", "RecoveryReversed", "WriteOffRecoveryApplied"}
        else decision(at, "RiskAsset", "L1", event, **payload)
        for at, (event, payload) in enumerate(events, 1)
    ]
    return folded(rows).disposals["LitigationCase", "LC"]


def test_an_amendment_and_the_award_replace_the_claim_and_a_lost_case_promises_nothing() -> None:
    assert litigation().promises == (Promise(None, 9_000),)
    assert litigation().first_minor == 10_000
    assert litigation().organisation == "3302"
    won = litigation(("JudgmentServed", {"outcome": "WON", "awarded": {"principal": "70.00", "interest": "5.00"}}))
    assert (won.basis, won.promised_minor) == ("AWARD", 7_500)
    unclear = litigation(("JudgmentServed", {"outcome": "WON", "awarded": {"principal": "70.00", "note": "x"}}))
    assert (unclear.basis, unclear.promised_minor) == ("CLAIM", 9_000)
    lost = litigation(("JudgmentServed", {"outcome": "LOST", "awarded": {}}))
    assert (lost.promised_minor, lost.is_closed) == (0, False)


def test_a_mediation_names_instalments_and_cash_pays_the_earliest_first() -> None:
    terms = {"amount": "60.00", "instalments": [{"on": "2024-06-01", "amount": "40.00"}]}
    terms["instalments"].insert(0, {"on": "2024-09-01", "amount": "20.00"})  # type: ignore[attr-defined]
    settled = ("MediationSigned", {"terms": terms, "perform_by": "2024-09-30"})
    enforced = {"flow_id": "F", "split_no": 1, "mode": "LITIGATION_ENFORCEMENT"}
    found = litigation(settled, ("RecoveryApplied", enforced | {"amount": "45.00"}))
    assert found.promises == (Promise(date(2024, 6, 1), 4_000), Promise(date(2024, 9, 1), 2_000))
    assert found.outstanding == (Promise(date(2024, 9, 1), 1_500),)
    undone = litigation(
        settled,
        ("RecoveryApplied", enforced | {"amount": "45.00"}),
        ("RecoveryReversed", {"flow_id": "F", "split_no": 1, "amount": "6.00"}),
    )
    assert undone.outstanding == (Promise(date(2024, 6, 1), 100), Promise(date(2024, 9, 1), 2_000))


def test_an_auction_promises_its_price_beside_what_came_in_and_no_more_than_the_claim() -> None:
    enforcing: tuple[tuple[str, dict[str, Any]], ...] = (
        ("JudgmentEffective", {"perform_by": "2024-03-01"}),
        ("EnforcementApplied", {}),
    )
    enforced = {"flow_id": "F", "split_no": 1, "mode": "LITIGATION_ENFORCEMENT", "amount": "30.00"}
    sold = litigation(*enforcing, ("RecoveryApplied", enforced), ("AuctionSold", {"price": "50.00"}))
    assert [one.amount_minor for one in sold.outstanding] == [5_000]
    again = litigation(
        *enforcing,
        ("RecoveryApplied", enforced),
        ("AuctionFailed", {"reserve": "60.00"}),
        ("AuctionSold", {"price": "50.00"}),
        ("AuctionSold", {"price": "50.00"}),
    )
    assert [one.amount_minor for one in again.outstanding] == [5_000, 2_000]  # the claim was 100.00
    assert again.failed_rounds == 1


def test_a_closed_and_reopened_case_expects_again_and_keeps_what_was_stated() -> None:
    closed = litigation(("CaseClosed", {"outcome": "PAID", "recovered": "10.00"}))
    assert (closed.is_closed, closed.outstanding, closed.stated_minor) == (True, (), 1_000)
    again = litigation(("CaseClosed", {"outcome": "PAID", "recovered": "10.00"}), ("CaseReopened", {"why": "x"}))
    assert (again.stage, again.is_closed, again.outstanding) == ("FILED", False, (Promise(None, 9_000),))


def test_a_debtors_newest_promise_takes_the_place_of_the_unpaid_one() -> None:
    rows = [
        decision(1, "CollectionTask", "T", "CollectionRequested", asset_ids=["L1"]),
        decision(2, "CollectionTask", "T", "CollectionAccepted"),
        decision(3, "CollectionTask", "T", "CollectionActionLogged", promise_amount="10.00", promise_on="2024-02-01"),
        decision(
            4, "RiskAsset", "L1", "RecoveryApplied", flow_id="F", split_no=1, mode="CASH_VOLUNTARY", amount="4.00"
        ),
        decision(5, "CollectionTask", "T", "CollectionActionLogged", promise_amount="7.00", promise_on="2024-03-01"),
    ]
    assert folded(rows[:4]).disposals["CollectionTask", "T"].outstanding == (Promise(date(2024, 2, 1), 600),)
    assert folded(rows).disposals["CollectionTask", "T"].outstanding == (Promise(date(2024, 3, 1), 700),)


def test_events_that_move_no_cash_leave_no_trace() -> None:
    rows = [
        decision(1, "Inspection", "I", "InspectionScheduled"),
        decision(2, "LitigationCase", "none", "HearingHeld", on="2024-01-03"),
        decision(3, "RiskAsset", "L1", "RecoveryApplied", flow_id="F", split_no=1, mode="X", amount="1.00"),
    ]
    state = folded(rows)
    assert (dict(state.disposals), state.moves, state.position) == ({}, [], 3)
