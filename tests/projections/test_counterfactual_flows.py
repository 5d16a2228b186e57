"""A branch that begins at a stored state: windows are taken over, who is above is judged again."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.counterfactual_flows import AlertState, DepositState
from projections.deposit_insurance import DepositInsurance
from projections.large_flow_policy import LargeFlowPolicy
from projections.transactions import TransactionState, fold
from streams.decode import decode
from streams.schemas import Txn
from tests.projections.entries import HORIZON_DAYS, POLICY, encoded, raw, txn
from tests.projections.test_transactions import entry_lists


def policy(rolling: str, single: str = "1000.00", minutes: int = 60) -> LargeFlowPolicy:
    version = {
        "name": "test.1", "effective_from": "1970-01-01T00:00:00Z", "window_minutes": minutes, "lateness_minutes": 30,
        "rule": [{"currency": "CNY", "single": single, "rolling": rolling}],
    }  # fmt: skip
    return LargeFlowPolicy.parse({"version": [version]})


def stored(entries: list[Txn], rules: LargeFlowPolicy = POLICY) -> bytes:
    state = TransactionState(rules, HORIZON_DAYS)
    feed(state, entries, 0)
    return state.dump()


def feed(state: Any, entries: list[Txn], start: int) -> list[Any]:
    batch = raw(encoded(entries), start)
    return fold(state, decode(batch).batch, batch.from_offset, batch.to_offset).alerts


def branch_of(
    before: list[Txn], after: list[Txn], changed: LargeFlowPolicy, rules: LargeFlowPolicy = POLICY
) -> list[str]:
    """The entries that the branch alerts on."""
    state = AlertState(rules, changed, HORIZON_DAYS)
    state.restore(stored(before, rules), ())
    feed(state, after, len(before))
    return [alert.txn_id for alert in state.branched.take_answers() if alert.kind == "raised"]


BEFORE = [txn(1, 0, amount="40.00")]
AFTER = [txn(2, 10, amount="5.00"), txn(3, 200, amount="1.00"), txn(4, 210, amount="60.00")]


@pytest.mark.parametrize(
    ("rolling", "alerted"),
    [
        # 40.00 had reached it before, when the branch would have told so: the next one is no step.
        ("38.00", ["T4"]),
        # 45.00 at the second entry is the step to it, with what was taken over from the stored window.
        ("45.00", ["T2", "T4"]),
        ("70.00", []),
    ],
)
def test_windows_are_facts_and_who_is_above_is_judged_again(rolling: str, alerted: list[str]) -> None:
    assert branch_of(BEFORE, AFTER, policy(rolling)) == alerted
    whole = AlertState(POLICY, policy(rolling), HORIZON_DAYS)
    feed(whole, [*BEFORE, *AFTER], 0)
    known = {"T2", "T3", "T4"}
    assert [
        one.txn_id for one in whole.branched.take_answers() if one.txn_id in known and one.rule[-7:] == "rolling"
    ] == alerted


def test_who_was_above_and_is_not_under_the_changed_rules_is_armed() -> None:
    before = [txn(1, 0, amount="55.00")]  # above 50.00
    assert branch_of(before, [txn(2, 5, amount="10.00")], policy("60.00")) == ["T2"]
    assert branch_of(before, [txn(2, 5, amount="10.00")], POLICY) == []


def test_a_customer_whose_outflows_were_let_go_keeps_the_total_it_was_judged_by() -> None:
    """Long quiet, above all the while: no entry has said otherwise."""
    before = [txn(1, 0, amount="55.00"), *(txn(f"X{at}", 600, customer_id="C2", account_id="A2") for at in range(1))]
    after = [txn(2, 601, amount="54.00")]
    assert branch_of(before, after, policy("52.00")) == []  # still above, as it is under the rules as they are
    assert branch_of(before, after, policy("56.00")) == []  # 54.00 does not reach it
    assert branch_of(before, [txn(2, 601, amount="57.00")], policy("56.00")) == ["T2"]


@settings(max_examples=25)
@given(entry_lists(), st.integers(0, 40))
def test_unchanged_rules_go_on_from_any_stored_state_as_if_nothing_had_been_stored(
    entries: list[Txn], at: int
) -> None:
    at = min(at, len(entries))
    whole = TransactionState(POLICY, HORIZON_DAYS)
    feed(whole, entries[:at], 0)
    expected = feed(whole, entries[at:], at)
    state = AlertState(POLICY, POLICY, HORIZON_DAYS)
    state.restore(stored(entries[:at]), ())
    assert feed(state, entries[at:], at) == expected
    assert state.branched.take_answers() == expected


@settings(max_examples=25)
@given(entry_lists())
def test_deposits_alone_are_the_deposits_of_the_whole_fold(entries: list[Txn]) -> None:
    insurance = DepositInsurance.parse({"insurance": [{"currency": "CNY", "limit": "20.00", "cover": "1"}]})
    whole, alone = TransactionState(POLICY, HORIZON_DAYS, insurance), DepositState(HORIZON_DAYS, insurance)
    feed(whole, entries, 0)
    feed(alone, entries, 0)
    assert alone.depositors.rows() == whole.depositors.rows()
