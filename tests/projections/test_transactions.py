"""The fold of core-banking entries: LIQ-01 and LIQ-02 examples, the three laws, and a plain oracle."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engines.primitives.errors import CorruptRecord
from projections.transactions import TransactionState
from streams.schemas import Txn
from tests.projections.entries import DAY, HORIZON_DAYS, POLICY, Oracle, Run, encoded, raw, txn

pytestmark = pytest.mark.timeout(120)


def entry_lists() -> st.SearchStrategy[list[Txn]]:
    """Few ids, accounts and amounts, so that repeats, contradictions, reversals and windows are common."""
    one = st.builds(
        lambda number, minute, day, account, direction, amount, status, reverses, on_us, far: txn(
            number,
            minute + 1440 * far,
            value_date=f"2026-11-{day:02d}",
            account_id=f"A{account}",
            customer_id=f"C{account // 2}",
            direction=direction,
            amount=amount,
            status=status,
            reversal_of=f"T{reverses}" if reverses is not None else "-",
            intragroup=on_us,
        ),
        st.integers(0, 12),
        st.integers(0, 180),
        st.sampled_from([20, 21, 22, 22, 22]),
        st.integers(0, 3),
        st.sampled_from(["in", "out", "out", "out"]),
        st.sampled_from(["5.00", "18.00", "17.00", "20.00", "30.00", "31.50", "0.01"]),
        st.sampled_from(["settled", "settled", "pending", "rejected"]),
        st.one_of(st.none(), st.none(), st.none(), st.integers(0, 12)),
        st.sampled_from([False, False, False, True]),
        st.sampled_from([0, 0, 0, 0, 0, 0, 3, 6]),
    )
    return st.lists(one, max_size=40)


def run(entries: list[Txn]) -> Run:
    return Run().feed(encoded(entries), 0)


@settings(max_examples=300)
@given(entry_lists())
@example([txn(1, 0, amount="30.00"), txn(2, 1, reversal_of="T1", direction="in", amount="30.00")])
def test_agrees_with_the_plain_oracle(entries: list[Txn]) -> None:
    oracle = Oracle()
    for offset, entry in enumerate(entries):
        oracle.feed(offset, entry)
    done = run(entries)
    for (entity, account, currency), (settled, into, out) in done.balances().items():
        assert settled == oracle.settled[entity, account, currency]
        assert into == oracle.pending[entity, account, currency, "in"]
        assert out == oracle.pending[entity, account, currency, "out"]
    assert [(alert.kind, alert.rule, alert.txn_id) for alert in done.alerts] == oracle.alerts
    assert [(refusal.offset, refusal.field) for refusal in done.refusals] == oracle.refused


@settings(max_examples=150)
@given(entry_lists(), st.lists(st.integers(0, 40), max_size=6), st.data())
def test_any_split_repetition_and_restart_gives_the_same_bytes(
    entries: list[Txn], cuts: list[int], data: st.DataObject
) -> None:
    whole = run(entries)
    values = encoded(entries)
    other = Run()
    start = 0
    for cut in [*sorted(min(cut, len(values)) for cut in cuts), len(values)]:
        again = data.draw(st.integers(0, start), label="delivered again from")
        other.feed(values[again:cut], again)
        start = max(start, cut)
        if data.draw(st.booleans(), label="restart here"):
            other.state = TransactionState.load(other.state.dump(), POLICY, HORIZON_DAYS)
    assert other.state.canonical_bytes() == whole.state.canonical_bytes()
    assert other.alerts == whole.alerts
    assert other.refusals == whole.refusals


@settings(max_examples=150)
@given(entry_lists(), st.lists(st.integers(0, 40), max_size=5))
def test_a_base_and_its_deltas_are_the_state(entries: list[Txn], cuts: list[int]) -> None:
    values, done, start = encoded(entries), Run(), 0
    base, deltas = done.state.dump(), []
    for cut in [*sorted(min(cut, len(values)) for cut in cuts), len(values)]:
        done.feed(values[start:cut], start)
        start = cut
        if done.state.needs_base:
            base, deltas = done.state.dump(), []
        else:
            deltas.append(done.state.dump_delta())
    restored = TransactionState.load(base, POLICY, HORIZON_DAYS)
    for delta in deltas:
        restored.apply_delta(delta)
    assert restored.canonical_bytes() == done.state.canonical_bytes()
    more = encoded([txn(90, 200, amount="29.00"), txn(91, 201, amount="29.00", reversal_of="T1")])
    live = done.feed(more, start)
    again = Run(restored).feed(more, start)
    assert again.state.canonical_bytes() == live.state.canonical_bytes()


def test_liq_01_opening_in_out_pending() -> None:
    """LIQ-01's worked example: opening 1,200, in 350, out 480, pending in 40 and out 90: position 1,070."""
    entries = [
        txn(1, 0, txn_type="OPENING", direction="in", amount="1200"),
        txn(2, 1, direction="in", amount="350"),
        txn(3, 2, direction="out", amount="480"),
        txn(4, 3, direction="in", amount="40", status="pending"),
        txn(5, 4, direction="out", amount="90", status="pending"),
    ]
    assert run(entries).balances() == {("BANK", "A1", "CNY"): (107_000, 4_000, 9_000)}


def test_liq_01_on_us_moves_organisations_and_not_the_bank() -> None:
    both = [
        txn(1, 0, account_id="A", org_id="A", direction="out", amount="25", intragroup=True),
        txn(2, 0, account_id="B", org_id="B", direction="in", amount="25", intragroup=True),
    ]
    cells = {row.key[1]: (row.settled_minor, row.key[8]) for row in run(both).state.positions.cells()}
    assert cells == {"A": (-2_500, "true"), "B": (2_500, "true")}


def test_liq_02_rolling_sums_alert_on_the_step_and_rearm() -> None:
    """LIQ-02's worked example: 18, 17, 20, 10 at 9:00, 9:20, 9:50, 10:05 give 18, 35, 55 (alert), 47."""
    entries = [
        txn(1, 60, amount="18"),
        txn(2, 80, amount="17"),
        txn(3, 110, amount="20"),
        txn(4, 125, amount="10"),
    ]
    done = run(entries)
    assert [(alert.rule, alert.txn_id, alert.rolling_minor) for alert in done.alerts] == [
        ("large-flow-rolling", "T3", 5_500)
    ]
    assert [(one.offset, one.amount_minor) for one in done.alerts[0].entries] == [(0, 1_800), (1, 1_700), (2, 2_000)]
    [window] = done.state.take_changed_windows()
    assert (window.rolling_minor, window.above) == (4_700, False)


def test_an_alert_keeps_its_identity_over_replays_and_sequences_have_no_gap() -> None:
    entries = [txn(number, number, amount="30") for number in range(5)]
    first, second = run(entries), Run()
    for number in range(5):
        second.feed(encoded(entries[number : number + 1]), number)
    assert [alert.alert_id for alert in first.alerts] == [alert.alert_id for alert in second.alerts]
    assert [alert.sequence for alert in first.alerts] == list(range(len(first.alerts)))
    assert len({alert.alert_id for alert in first.alerts}) == len(first.alerts)


def test_a_reversal_names_the_alert_it_answers() -> None:
    done = run([txn(1, 0, amount="30"), txn(2, 5, direction="in", amount="30", reversal_of="T1")])
    raised, corrected = done.alerts
    assert (corrected.kind, corrected.corrects, corrected.txn_id) == ("corrected", raised.alert_id, "T2")


def test_a_reversal_that_comes_before_its_original_takes_nothing_out() -> None:
    """However the log is cut: the original is not known yet when the reversal is judged."""
    back = txn(2, 1, direction="in", amount="29", reversal_of="T1")
    entries = [back, txn(1, 2, amount="29"), txn(3, 3, amount="29")]
    together, apart = run(entries), Run()
    for offset, entry in enumerate(entries):
        apart.feed(encoded([entry]), offset)
    assert [alert.txn_id for alert in together.alerts] == ["T3"]
    assert together.state.canonical_bytes() == apart.state.canonical_bytes()


@pytest.mark.parametrize(
    ("second", "field"),
    [
        ({"amount": "2.00"}, "txn_id"),
        ({"direction": "in"}, "txn_id"),
        ({"account_id": "A2"}, "txn_id"),
        ({"value_date": "2026-11-21"}, "txn_id"),
    ],
)
def test_another_body_under_a_known_id_is_refused(second: dict[str, Any], field: str) -> None:
    done = run([txn(1), txn(1, 1, **second)])
    assert [(refusal.offset, refusal.field) for refusal in done.refusals] == [(1, field)]
    assert done.balances()["BANK", "A1", "CNY"] == (-100, 0, 0)


def test_a_second_opening_balance_is_refused_and_a_repeated_one_is_not() -> None:
    first = txn(1, txn_type="OPENING", direction="in", amount="10")
    second = txn(2, txn_type="OPENING", direction="in", amount="11")
    done = run([first, first, second])
    assert [(refusal.offset, refusal.field) for refusal in done.refusals] == [(2, "txn_type")]
    assert done.balances()["BANK", "A1", "CNY"] == (1_000, 0, 0)


def test_missing_offsets_stop_the_partition() -> None:
    done = run([txn(1)])
    with pytest.raises(CorruptRecord, match="offsets are missing"):
        done.feed(encoded([txn(2)]), 5)


def test_ranges_may_have_holes() -> None:
    batch = raw(encoded([txn(1), txn(2)]))
    batch.offsets[1] = 7
    batch.to_offset = 9
    from projections.transactions import fold
    from streams.decode import decode

    state = TransactionState(POLICY, HORIZON_DAYS)
    fold(state, decode(batch).batch, 0, 9)
    assert state.next_offset == 9
    assert state.counts["received"] == 2


def test_a_sum_that_could_wrap_stops_loudly() -> None:
    big = "9" * 14 + ".00"
    entries = encoded([txn(number, account_id="A1", direction="in", amount=big) for number in range(500)])
    with pytest.raises(CorruptRecord, match="2\\*\\*62"):
        Run().feed(entries, 0)


def test_large_batches_forget_old_ids_and_outflows() -> None:
    """Compaction of ids and windows changes no meaning: a month of days, folded whole and day by day."""
    days = [
        encoded(
            [
                txn(
                    f"{day}-{number}",
                    1440 * day + number / 10,
                    value_date=str(DAY + timedelta(days=day)),
                    account_id=f"A{number % 50}",
                    customer_id=f"C{number % 50}",
                    amount="0.50",
                )
                for number in range(1_000)
            ]
        )
        for day in range(16)
    ]
    values = [value for day in days for value in day]
    whole = Run().feed(values, 0)
    parts = Run()
    for number, day in enumerate(days):
        parts.feed(day, number * 1_000)
    assert parts.state.canonical_bytes() == whole.state.canonical_bytes()
    assert len(parts.state.ids) < len(values)
