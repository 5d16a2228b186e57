"""The view's law: whatever workers publish between kills, in whatever order partitions are read, figures are one."""

from collections import Counter
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.buckets import BUCKETS
from streams import schemas, views_wire
from streams.topics import ALERT, GAP, POSITION, RESERVATION_TOTAL, WITHDRAWAL
from streams.views import AsOf, RiskView
from streams.views_wire import Record, sum_minor
from tests.risk_records import (
    LOG,
    Worker,
    alert,
    business_date,
    cut,
    gap_flow,
    position,
    reservation,
    view_of,
    withdrawal,
)

DAY = date(2026, 11, 22)
PAIR = ("entity", "currency")


def settled(view: RiskView, by: tuple[str, ...] = PAIR, day: date | None = DAY) -> dict[tuple[str, ...], int]:
    return {row.members: row.settled_minor for row in view.positions(by, view.as_of(day), {})}


@st.composite
def workers(draw: st.DrawFn) -> Worker:
    """A worker of one partition with some kills in its life; its last run reaches the end of its log."""
    entries = draw(
        st.lists(st.tuples(st.integers(0, 3), st.integers(-500, 500), st.booleans()), min_size=1, max_size=25)
    )
    worker = Worker(draw(st.integers(0, 2)), entries)
    acked = 0
    for _ in range(draw(st.integers(0, 3))):
        cuts = (
            sorted(draw(st.sets(st.integers(acked + 1, len(entries)), min_size=1, max_size=4)))
            if acked < len(entries)
            else []
        )
        if not cuts:
            break
        broken_after = draw(st.one_of(st.none(), st.integers(0, 4)))
        worker.run(acked, cuts, broken_after)
        whole = cuts if broken_after is None else cuts[:-1]
        acked = draw(st.sampled_from([acked, *whole]))  # the snapshot may be older than what got out
    rest = sorted(draw(st.sets(st.integers(acked, len(entries)), max_size=4)) | {len(entries)})
    worker.run(acked, [end for end in rest if end > acked] or [len(entries)])
    return worker


@st.composite
def readings(draw: st.DrawFn) -> tuple[list[Worker], list[Record]]:
    """Workers of distinct partitions, and their records interleaved by topic-partition in some order."""
    lives = draw(st.lists(workers(), min_size=1, max_size=3, unique_by=lambda worker: worker.partition))
    queues = [
        [item for item in worker.published if item.topic == topic] for worker in lives for topic in (POSITION, ALERT)
    ]
    read: list[Record] = []
    while any(queues):
        queue = draw(st.sampled_from([queue for queue in queues if queue]))
        some = draw(st.integers(1, len(queue)))
        read += queue[:some]
        del queue[:some]
    return lives, read


@given(readings())
@settings(max_examples=50)
def test_any_interleaving_repetition_and_kill_end_in_the_same_figures(
    case: tuple[list[Worker], list[Record]],
) -> None:
    lives, read = case
    view = view_of(read)
    expected: Counter[tuple[str, ...]] = Counter()
    for worker in lives:
        for cell, amount_minor, _ in worker.entries:
            expected["NORTH", f"B{cell}", "EUR"] += amount_minor
    assert settled(view, ("entity", "organisation", "currency")) == dict(expected)
    assert settled(view) == {("NORTH", "EUR"): sum(expected.values())}
    assert view.offsets(POSITION) == {
        f"tm.in.core.txn.v1/{worker.partition}": len(worker.entries)
        for worker in sorted(lives, key=lambda worker: worker.partition)
    }


@given(readings(), st.data())
@settings(max_examples=50)
def test_no_alert_twice_none_missing_and_any_vector_resumes_with_exactly_the_rest(
    case: tuple[list[Worker], list[Record]], data: st.DataObject
) -> None:
    lives, read = case
    view = RiskView()
    told: list[tuple[int, int]] = []
    for item in read:
        view.apply(item)
        told += [(a.source.partition, a.sequence) for a in view.take_changes().alerts]
    wanted = {(w.partition, n) for w in lives for n in range(sum(raises for _, _, raises in w.entries))}
    assert sorted(told) == sorted(wanted)
    assert view.alert_book.missing() == {}

    counts = Counter(partition for partition, _ in wanted)
    vector = {
        partition: data.draw(st.integers(0, count - 1))
        for partition, count in counts.items()
        if data.draw(st.booleans())
    }
    got: list[tuple[int, int]] = []
    cursor = dict(vector)
    while some := view.alert_book.after(cursor, data.draw(st.integers(1, 5))):
        for found in some:
            assert found.sequence == cursor.get(found.source.partition, -1) + 1
            cursor[found.source.partition] = found.sequence
            got.append((found.source.partition, found.sequence))
    assert sorted(got) == sorted((p, n) for p, n in wanted if n > vector.get(p, -1))


def test_half_a_tick_shows_nothing_and_waits_for_a_cut_at_or_above_it() -> None:
    view = view_of([position(10, 100), cut(POSITION, 10), position(20, 999)])
    assert settled(view) == {("NORTH", "EUR"): 100}
    view.apply(position(15, 150))
    view.apply(cut(POSITION, 15))
    assert settled(view) == {("NORTH", "EUR"): 150}
    view.apply(cut(POSITION, 20))
    assert settled(view) == {("NORTH", "EUR"): 999}


def test_a_cell_whose_records_all_wait_has_no_row() -> None:
    view = view_of([position(10, 100, organisation="NEW")])
    assert view.positions(("entity", "organisation", "currency"), view.as_of(DAY), {}) == []
    assert view.offsets(POSITION) == {}


def test_an_older_cut_never_turns_figures_back() -> None:
    view = view_of([position(20, 200), cut(POSITION, 20), position(10, 100), cut(POSITION, 10)])
    assert settled(view) == {("NORTH", "EUR"): 200}
    assert view.offsets(POSITION) == {"tm.in.core.txn.v1/0": 20}


def test_another_log_replaces_the_partition_at_its_cut_and_the_old_one_never_returns() -> None:
    view = view_of([position(20, 200), position(20, 7, organisation="GONE"), cut(POSITION, 20)])
    view.apply(position(5, 50, log="cluster/topic-2"))
    assert settled(view) == {("NORTH", "EUR"): 207}
    view.apply(cut(POSITION, 5, log="cluster/topic-2"))
    assert settled(view, ("entity", "organisation", "currency")) == {("NORTH", "HQ", "EUR"): 50}
    assert settled(view) == {("NORTH", "EUR"): 50}
    assert view.logs(POSITION) == {"tm.in.core.txn.v1/0": "cluster/topic-2"}
    assert view.take_changes().reset
    view.apply(position(30, 300, log=LOG))
    view.apply(cut(POSITION, 30, log=LOG))
    assert settled(view) == {("NORTH", "EUR"): 50}
    assert view.stale == 2


def test_a_higher_fold_version_replaces_and_a_lower_one_is_ignored() -> None:
    view = view_of([position(20, 200), cut(POSITION, 20)])
    view.apply(position(3, 30, fold=2))
    view.apply(cut(POSITION, 3, fold=2))
    assert settled(view) == {("NORTH", "EUR"): 30}
    view.apply(position(40, 400))
    view.apply(cut(POSITION, 40))
    assert settled(view) == {("NORTH", "EUR"): 30}


def test_another_log_starts_its_own_alerts_and_a_higher_fold_version_repeats_them() -> None:
    view = view_of([alert(1, 0), alert(2, 1), cut(ALERT, 2)])
    view.apply(alert(1, 0, fold=2))
    view.apply(cut(ALERT, 1, fold=2))
    assert view.alert_book.vector() == {0: 1}
    assert (view.alert_book.repeats, view.alert_book.conflicts) == (1, 0)
    view.apply(alert(1, 0, log="other", alert_id="fresh"))
    view.apply(cut(ALERT, 1, log="other"))
    assert view.alert_book.vector() == {0: 0}
    assert list(view.alert_book.by_id) == ["fresh"]


def test_a_hole_in_the_sequence_is_counted_until_it_is_filled() -> None:
    view = view_of([alert(1, 0), alert(9, 3), cut(ALERT, 9)])
    assert view.alert_book.missing() == {0: 2}
    view.apply(alert(4, 1))
    view.apply(alert(5, 2))
    view.apply(cut(ALERT, 9))
    assert view.alert_book.missing() == {}


def test_another_alert_under_a_known_sequence_is_a_conflict() -> None:
    view = view_of([alert(1, 0), cut(ALERT, 1), alert(1, 0, alert_id="other"), cut(ALERT, 1)])
    assert view.alert_book.conflicts == 1
    assert [a.alert_id for a in view.alert_book.after({}, 9)] == ["alert-0-0"]


def test_position_is_settled_up_to_the_date_and_projection_has_its_parts() -> None:
    # LIQ-01: opening 1,200; settled in 350, out 480; pending in 40, out 90; reserved 150.
    view = view_of(
        [
            position(5, 107_000, pending_in_minor=4_000, pending_out_minor=9_000),
            position(5, 999, value_date="2026-11-23"),
            cut(POSITION, 5),
            reservation(2, 15_000),
            reservation(2, 77, value_date="2026-11-24"),
            cut(RESERVATION_TOTAL, 2),
        ]
    )
    row, *others = view.positions(PAIR, view.as_of(DAY), {})
    assert not others
    assert (row.settled_minor, row.pending_in_minor, row.pending_out_minor) == (107_000, 4_000, 9_000)
    assert row.reserved_minor == 15_000
    (later,) = view.positions(PAIR, view.as_of(date(2026, 11, 23)), {})
    assert later.settled_minor == 107_999
    (by_line,) = view.positions(("entity", "business_line", "currency"), view.as_of(DAY), {})
    assert by_line.reserved_minor is None


def test_on_us_legs_move_organisations_and_leave_the_bank_alone() -> None:
    view = view_of(
        [
            position(9, 1_000, organisation="A"),
            position(9, -2_500, organisation="A", intragroup=True),
            position(9, 2_600, organisation="B", intragroup=True),
            cut(POSITION, 9),
        ]
    )
    assert settled(view) == {("NORTH", "EUR"): 1_000}
    assert settled(view, ("entity", "product", "currency")) == {("NORTH", "current", "EUR"): 1_000}
    assert settled(view, ("entity", "organisation", "currency")) == {
        ("NORTH", "A", "EUR"): -1_500,
        ("NORTH", "B", "EUR"): 2_600,
    }
    only_a = view.positions(PAIR, view.as_of(DAY), {"organisation": frozenset({"A"})})
    assert [row.settled_minor for row in only_a] == [-1_500]


def test_each_entity_is_shown_at_its_own_business_date_else_at_its_newest_value_date() -> None:
    view = view_of(
        [
            position(9, 100, entity="NORTH", value_date="2026-11-20"),
            position(9, 900, entity="NORTH", value_date="2026-11-25"),
            position(9, 11, entity="SOUTH", value_date="2026-11-24"),
            position(9, 22, entity="SOUTH", value_date="2026-11-25"),
            cut(POSITION, 9),
            business_date(0, "NORTH", "2026-11-19"),
            business_date(1, "NORTH", "2026-11-20"),
        ]
    )
    rows = view.positions(PAIR, view.as_of(None), {})
    assert [(row.members, row.as_of, row.settled_minor) for row in rows] == [
        (("NORTH", "EUR"), date(2026, 11, 20), 100),
        (("SOUTH", "EUR"), date(2026, 11, 25), 33),
    ]
    assert view.offsets(POSITION, "tm.in.core.business-date.v1") == {
        "tm.in.core.txn.v1/0": 9,
        "tm.in.core.business-date.v1/0": 2,
    }
    view.apply(business_date(0, "NORTH", "2026-11-25"))  # read again: older than what is known
    assert view.business_dates["NORTH"] == date(2026, 11, 20)


def test_closing_positions_by_date_with_and_without_an_organisation() -> None:
    view = view_of(
        [
            position(9, 100, value_date="2026-11-20"),
            position(9, -30, value_date="2026-11-22", partition=1),
            position(9, 5, value_date="2026-11-22", organisation="B"),
            cut(POSITION, 9),
            cut(POSITION, 9, partition=1),
        ]
    )
    whole = [(row.value_date.day, row.movement_minor, row.position_minor) for row in view.positions_by_date({})]
    assert whole == [(20, 100, 100), (22, -25, 75)]
    one = view.positions_by_date({"organisation": frozenset({"HQ"})})
    assert [(row.value_date.day, row.position_minor) for row in one] == [(20, 100), (22, 70)]


def test_sums_beyond_int64_stay_exact() -> None:
    big = 4 * 10**18
    records = [position(1, big, partition=p, organisation=f"O{p}", currency="JPY") for p in range(5)]
    view = view_of(records + [cut(POSITION, 1, partition=p) for p in range(5)])
    assert settled(view) == {("NORTH", "JPY"): 5 * big}
    assert settled(view, ("entity", "product", "currency")) == {("NORTH", "current", "JPY"): 5 * big}


def test_gap_buckets_follow_the_date_asked_for() -> None:
    # LIQ-08: gaps ON 200, D2_7 60, D8_30 -120; cumulative 200, 260, 140.
    view = view_of(
        [
            gap_flow(3, "2026-11-23", 15_000, 0),
            gap_flow(3, "DEMAND", 5_000, 0),
            gap_flow(3, "2026-11-29", 0, 4_000),
            gap_flow(3, "2026-11-24", 10_000, 0, contracts=2),
            gap_flow(3, "2026-12-22", 0, 12_000),
            gap_flow(3, "UNDATED", 0, 700),
            gap_flow(3, "2026-11-21", 100, 0),
            cut(GAP, 3),
        ]
    )
    rows = view.gap(PAIR, view.as_of(DAY), {})
    assert [row.bucket for row in rows] == list(BUCKETS)
    gaps = {row.bucket: (row.inflow_minor - row.outflow_minor, row.cumulative_minor) for row in rows}
    assert gaps["ON"] == (20_000, 20_000)
    assert gaps["D2_7"] == (6_000, 26_000)
    assert gaps["D8_30"] == (-12_000, 14_000)
    assert gaps["Y5P"] == (0, 14_000)
    assert gaps["OVERDUE"] == (0, None)  # what is past counts as paid (ADR 0004)
    assert gaps["UNDATED"] == (-700, None)
    assert {row.bucket: row.contracts for row in rows}["D2_7"] == 3
    tomorrow = {row.bucket: row.inflow_minor for row in view.gap(PAIR, AsOf(date(2026, 11, 23), {}), {})}
    assert tomorrow["ON"] == 30_000
    # With no business date and no position an entity's gap is shown as of its newest event.
    assert view.as_of(None).of("NORTH") == DAY


def test_withdrawals_keep_the_newest_record_per_customer() -> None:
    view = view_of(
        [
            withdrawal(5, "40.00"),
            withdrawal(9, "60.00"),
            withdrawal(9, "45.00", customer="C2"),
            cut(WITHDRAWAL, 9),
        ]
    )
    view.apply(withdrawal(7, "41.00"))
    view.apply(cut(WITHDRAWAL, 9))
    assert [(row.customer, row.rolling, row.above) for row in view.withdrawals({})] == [
        ("C1", "60.00", True),
        ("C2", "45.00", False),
    ]
    assert view.withdrawals({"entity": frozenset({"SOUTH"})}) == []


@pytest.mark.parametrize(
    "bad",
    [
        Record(POSITION, 0, 7, b"k", b"not json"),
        position(1, 1, partition=1)._replace(partition=0),
        Record(POSITION, 0, 7, b"cut", b"{}"),
        position(1, 1)._replace(value=position(1, 1).value.replace(b'"0.01"', b'"0.001"')),
    ],
)
def test_an_unreadable_record_is_counted_and_stops_nothing(bad: Record) -> None:
    view = view_of([bad, position(2, 5), cut(POSITION, 2)])
    assert view.undecodable == 1
    assert settled(view) == {("NORTH", "EUR"): 5}


@pytest.mark.parametrize(
    "name",
    [
        "Position",
        "ReservationTotal",
        "GapFlow",
        "Withdrawal",
        "Alert",
        "AlertEntry",
        "Cut",
        "Source",
        "Deposit",
        "HoldingState",
        "PriceState",
        "FxState",
        "ReserveTotal",
    ],
)
def test_the_lean_structs_have_the_fields_of_the_wire(name: str) -> None:
    def fields(struct: type[msgspec.Struct]) -> list[tuple[str, object, bool]]:
        return [(f.encode_name, f.default, f.required) for f in msgspec.structs.fields(struct)]

    assert fields(getattr(views_wire, name)) == fields(getattr(schemas, name))


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("-0.05", "CZK", -5), ("12.5", "CZK", 1250), ("7", "JPY", 7), ("-1.234", "KWD", -1234)],
)
def test_published_sums_are_read_as_minor_units(text: str, currency: str, minor: int) -> None:
    assert sum_minor(text, currency) == minor


def test_a_cut_below_all_that_waits_shows_nothing_yet() -> None:
    view = view_of([position(20, 999), cut(POSITION, 15)])
    assert view.positions(("entity", "organisation", "currency"), view.as_of(DAY), {}) == []
    assert settled(view) == {}
    assert view.offsets(POSITION) == {"tm.in.core.txn.v1/0": 15}


def test_an_alert_waits_for_a_cut_at_or_above_its_entry_and_is_told_once() -> None:
    view = view_of([alert(20, 0), cut(ALERT, 15)])
    assert view.take_changes().alerts == []
    view.apply(cut(ALERT, 20))
    assert [found.sequence for found in view.take_changes().alerts] == [0]
    for item in (alert(20, 0), cut(ALERT, 20)):
        view.apply(item)
    assert view.take_changes().alerts == []
