"""Recoveries in the gap: closing a disposal moves it by exactly realised less expected, and the explanation says so.

Histories are played through the scenario player, refused lines and all; the records are those of the audit topic.
"""

import tempfile
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.buckets import BUCKETS
from infra.recovery_policies import recovery_policy
from projections.recovery_cash import RecoveryCashState
from streams.past_figures import view_at
from streams.raw_batch import RawBatch
from streams.recovery_changes import DECISION, ROLL, recovery_move
from streams.recovery_gap import BehaviouralRow, behavioural_gap, bucketed, within
from streams.recovery_view import RecoveryBook, rows_of
from streams.topics import AUDIT, GAP
from streams.views import AsOf, Filters, RiskView
from streams.views_wire import Record
from tests.aggregates.scenarios import play
from tests.projections.recovery_logs import decision, decisions, folded, published, value_of
from tests.risk_records import cut, gap_flow
from tests.streams.recovery_histories import Line, histories, plan_alone

POLICY = recovery_policy()
TODAY = date(2024, 6, 1)
PAIR = ("entity", "currency")
ZERO = Fraction(0)


def state_of(lines: list[Line]) -> RecoveryCashState:
    with tempfile.TemporaryDirectory() as folder:
        played = play(lines, Path(folder))
        found = decisions(published(played.app))
        played.close()
    return folded(found)


def expected_at(state: RecoveryCashState, offset: int, as_of: date) -> dict[tuple[str, str], Fraction]:
    """What each disposal adds to the gap, all judged together: the reader's own way, beside the explanation's."""
    rows = rows_of(state.at(offset), POLICY, AsOf(as_of, {}))
    return {row.disposal.id: row.expected.amount for row in rows if row.expected is not None}


def closings(lines: list[Line], as_of: date) -> set[str]:
    """Holds every move of a history to the law; the kinds of disposals that were closed, after something was due."""
    state, dates = state_of(lines), (AsOf(as_of, {}), AsOf(as_of, {}))
    closed: set[str] = set()
    for move in state.moves:
        before, after = expected_at(state, move.offset, as_of), expected_at(state, move.offset + 1, as_of)
        was, now = state.at(move.offset), state.at(move.offset + 1)
        found = recovery_move(state.moves, POLICY, (move.offset, move.offset + 1), dates, {})
        # The gap moves by what the lines say, and each line is that disposal's own move.
        moved = sum((part.expected for part in found.lines), ZERO)
        assert sum(after.values(), ZERO) - sum(before.values(), ZERO) == moved
        assert sum(found.after.values(), ZERO) - sum(found.before.values(), ZERO) == moved
        for part in found.lines:
            name = part.disposal.id
            assert part.expected == after.get(name, ZERO) - before.get(name, ZERO)
            assert part.move is not None
            assert (part.cause, part.move.type, part.move.key) == (DECISION, move.type, move.key)
        for one in move.changed:
            if one.is_closed and one.id in was and not was[one.id].is_closed:
                expected = was[one.id].received_minor + before[one.id]  # in hand, and still to come
                realised = now[one.id].received_minor
                parts = [part.difference for part in found.lines if part.disposal.id == one.id]
                assert sum(parts, ZERO) == realised - expected
                assert one.id not in after  # nothing more is expected of it
                if before[one.id]:
                    closed.add(one.aggregate)
    return closed


def test_closing_a_disposal_moves_the_gap_by_exactly_realised_less_expected() -> None:
    seen = closings(plan_alone(), TODAY)

    @settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
    @given(lines=histories(), days=st.integers(-120, 400))
    def holds(lines: list[Line], days: int) -> None:
        seen.update(closings(lines, TODAY + timedelta(days=days)))

    holds()
    # The property is about something: disposals of every kind were closed while cash was expected of them.
    assert seen == {"DisposalPlan", "LitigationCase", "DebtReduction", "DebtTransfer"}


# -- one history by hand --------------------------------------------------------------------------------------

SUIT = [
    decision(1, "LitigationCase", "LC", "CaseProposalDrafted", asset_ids=["L1"], claim_amount="1000.00"),
    decision(2, "LitigationCase", "LC", "CaseProposalApproved", on="2024-01-10"),
    decision(3, "LitigationCase", "LC", "CaseDocketed", on="2024-02-01"),
    decision(4, "DisposalPlan", "PL", "PlanDrafted", asset_ids=["L1"], est_recovery="600.00"),
    decision(5, "DisposalPlan", "PL", "PlanApproved", on="2024-02-02"),
    decision(6, "DebtTransfer", "TR", "TransferDrafted", asset_ids=["L1"], reserve="300.00"),
    decision(7, "DebtTransfer", "TR", "TransferApproved", on="2024-05-01"),
    decision(8, "DebtTransfer", "TR", "BuyerConfirmed", on="2024-05-20", price="400.00"),
    decision(9, "DebtTransfer", "TR", "TransferPriceReceived", on="2024-05-21", flow_id="F", amount="100.00"),
    decision(10, "DebtTransfer", "TR", "TransferFailed", on="2024-05-22", cause="BUYER_LEFT"),
]


def view_of(count: int) -> RiskView:
    view = RiskView()
    for offset, found in enumerate(SUIT[:count]):
        view.apply(Record(AUDIT, 0, offset, b"", value_of(found)))
    assert view.undecodable == 0
    return view


def with_recoveries(
    view: RiskView, by: tuple[str, ...], as_of: AsOf, filters: Filters, severity: str | None = None
) -> list[BehaviouralRow]:
    contractual, picture = view.gap(by, as_of, filters), view.recoveries.picture()
    return behavioural_gap(contractual, picture, POLICY, by, as_of, filters, severity=severity)


def recoveries_in(view: RiskView, as_of: date = TODAY, severity: str | None = None) -> dict[str, int]:
    rows = with_recoveries(view, PAIR, AsOf(as_of, {}), {}, severity=severity)
    return {row.bucket: row.recoveries_minor for row in rows if row.recoveries_minor}


def test_the_gap_follows_the_decisions_step_by_step() -> None:
    """Amounts by the shipped estimates: 20% of a claim filed, 50% of a reserve, 95% of a price."""
    assert recoveries_in(view_of(1)) == {}  # a draft
    assert recoveries_in(view_of(5)) == {"Y1_2": 20_000}  # the plan is covered: 2024-02-01 and 540 days
    assert recoveries_in(view_of(7)) == {"D91_180": 15_000}
    assert recoveries_in(view_of(8)) == {"D8_30": 38_000}
    assert recoveries_in(view_of(9)) == {"D8_30": 28_500}
    assert recoveries_in(view_of(10)) == {"Y1_2": 20_000}  # the sale failed, the suit goes on


def test_the_explanation_names_the_event_and_what_counts_again() -> None:
    view = view_of(10)
    dates = AsOf(TODAY, {}), AsOf(TODAY + timedelta(days=400), {})
    found = recovery_move(view.recoveries.picture().moves, POLICY, (9, 10), (dates[0], dates[0]), {})
    told = {part.disposal.id: (part.received_minor, part.expected) for part in found.lines}
    assert told == {
        ("DebtTransfer", "TR"): (0, Fraction(-28_500)),
        ("LitigationCase", "LC"): (0, Fraction(20_000)),
    }
    assert {part.move.type for part in found.lines if part.move} == {"TransferFailed"}
    rolled = recovery_move(view.recoveries.picture().moves, POLICY, (10, 10), dates, {})
    assert [(part.cause, part.expected) for part in rolled.lines] == []
    late = (dates[0], AsOf(TODAY + timedelta(days=800), {}))
    rolled = recovery_move(view.recoveries.picture().moves, POLICY, (10, 10), late, {})
    assert [(part.cause, part.expected) for part in rolled.lines] == [(ROLL, Fraction(-10_000))]  # half as likely


def test_a_stress_expects_less_and_later() -> None:
    assert recoveries_in(view_of(8), severity="mild") == {"D31_90": 30_400}
    assert recoveries_in(view_of(8), severity="severe") == {"D181_365": 11_400}
    rows = {
        name: rows_of(view_of(8).recoveries.state.disposals, POLICY, AsOf(TODAY, {}), severity=name)
        for name in (None, "mild")
    }
    assert within(rows[None], 30) == {("BANK", "CNY"): Fraction(38_000)}
    assert within(rows[None], 7) == {("BANK", "CNY"): Fraction(0)}
    assert within(rows["mild"], 30) == {("BANK", "CNY"): Fraction(0)}


def test_recoveries_stand_beside_the_contractual_flows_which_they_leave_alone() -> None:
    view = view_of(8)
    for record in (gap_flow(3, "2024-06-20", 10_000, 2_500, entity="BANK", currency="CNY"), cut(GAP, 3)):
        view.apply(record)
    as_of = AsOf(TODAY, {})
    contractual = {row.bucket: row for row in view.gap(PAIR, as_of, {})}
    rows = with_recoveries(view, PAIR, as_of, {})
    assert [row.bucket for row in rows] == list(BUCKETS)
    running = 0
    for row in rows:
        base = contractual[row.bucket]
        assert row.inflow_minor - row.recoveries_minor == base.inflow_minor
        assert (row.outflow_minor, row.contracts) == (base.outflow_minor, base.contracts)
        if row.cumulative_minor is not None:
            running += row.inflow_minor - row.outflow_minor
            assert row.cumulative_minor == running
    by_product = with_recoveries(view, ("entity", "product", "currency"), as_of, {})
    assert {row.members[1]: row.recoveries_minor for row in by_product if row.bucket == "D8_30"}["RECOVERY"] == 38_000
    elsewhere = with_recoveries(view, PAIR, as_of, {"product": frozenset({"loan"})})
    assert sum(row.recoveries_minor for row in elsewhere) == 0
    assert with_recoveries(view, PAIR, as_of, {"entity": frozenset({"OTHER"})}) == []


def test_shown_buckets_add_up_to_the_shown_whole() -> None:
    third = [
        decision(
            1, "DebtReduction", "RD", "ReductionDrafted", asset_ids=["L1"], repay_amount="0.03", repay_by="2024-06-02"
        ),
        decision(2, "DebtReduction", "RD", "ReductionApproved"),
        decision(3, "DebtTransfer", "TR", "TransferDrafted", asset_ids=["L2"], reserve="0.01"),
        decision(4, "DebtTransfer", "TR", "TransferApproved", on="2024-06-01"),
    ]
    view = RiskView()
    for offset, found in enumerate(third):
        view.apply(Record(AUDIT, 0, offset, b"", value_of(found)))
    exact = bucketed(rows_of(view.recoveries.state.disposals, POLICY, AsOf(TODAY, {})), PAIR)["BANK", "CNY"]
    assert sum(exact) == Fraction(3 * 60, 100) + Fraction(50, 100)
    assert sum(recoveries_in(view).values()) == 2


def test_the_reader_goes_past_what_is_no_decision_and_repeats_nothing() -> None:
    view = view_of(3)
    view.apply(Record(AUDIT, 0, 3, b"", b"{}"))
    assert view.undecodable == 1
    view.apply(Record(AUDIT, 0, 0, b"", value_of(SUIT[0])))
    view.apply(Record(AUDIT, 0, 7, b"", value_of(SUIT[3])))  # between them stood no record
    assert view.recoveries.next_offset == 8
    assert view.offsets(AUDIT) == {f"{AUDIT}/0": 8}
    assert len(view.recoveries.state.moves) == 4
    assert view.take_changes().advanced == {AUDIT}
    assert not view.take_changes()
    with pytest.raises(Exception, match="one partition"):
        RecoveryBook().apply(Record(AUDIT, 1, 0, b"", b""))


def test_an_entity_without_a_business_date_gets_the_newest_day_of_its_disposals() -> None:
    dated = view_of(8).recoveries.picture().dated(AsOf(None, {"NORTH": TODAY}))
    assert (dated.of("BANK"), dated.of("NORTH")) == (date(2024, 5, 20), TODAY)


class DecisionLog:
    """What a replay reads of the audit topic; no other log is asked for."""

    def raw(self, topic: str, partition: int, end: int) -> Iterator[RawBatch]:
        assert (topic, partition) == (AUDIT, 0)
        values: list[bytes | None] = [value_of(found) for found in SUIT[:end]]
        yield RawBatch.of_values(0, end, np.arange(end), values, np.zeros(end, np.int64))

    def states(self, logs: Any, offsets: Mapping[tuple[str, int], int]) -> list[Any]:
        assert offsets == {}
        return []

    def all(self) -> dict[Any, Any]:
        return {}


def test_a_past_cut_is_the_log_up_to_it() -> None:
    log: Any = DecisionLog()
    view, _ = view_at(log, log, {f"{AUDIT}/0": 8})
    assert view.offsets(AUDIT) == {f"{AUDIT}/0": 8}
    assert recoveries_in(view) == recoveries_in(view_of(8))
