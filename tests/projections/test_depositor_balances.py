"""Deposits split at the limit of insurance: the compiled fold against the plainest count, however the log is cut."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.lcr_lines import split_insured_deposit
from engines.primitives.errors import InvalidInput
from projections.deposit_insurance import DepositInsurance
from projections.depositor_balances import DepositorBalances, DepositRow
from projections.transactions import TransactionState, fold
from streams.decode import decode
from streams.schemas import Txn
from tests.projections.entries import HORIZON_DAYS, POLICY, encoded, raw, txn

INSURANCE = DepositInsurance.parse(
    {
        "insurance": [
            {"currency": "CNY", "limit": "5.00", "cover": "1", "customer_class": ["RETAIL", "SME"]},
            {"currency": "USD", "limit": "2.00", "cover": "0.9"},
        ]
    }
)
LIMIT_MINOR = {("CNY", "RETAIL"): 500, ("CNY", "SME"): 500}
Cell = tuple[str, ...]
Sums = dict[Cell, tuple[int, int, int, int]]


def naive(entries: list[Txn]) -> Sums:
    """Balances added up one by one, each depositor split anew at the end; none of the fold's own words."""
    balances: dict[Cell, dict[Cell, int]] = defaultdict(dict)
    for entry in entries:
        own = entry.customer_id == "-"
        holder = entry.account_id if own else entry.customer_id
        owner = "bank" if own else "customer"
        cell: Cell = (
            entry.entity_id, entry.ccy, owner, entry.customer_class, entry.product_id, entry.org_id, entry.line_id,
        )  # fmt: skip
        held = balances[entry.entity_id, holder, entry.ccy]
        whole, _, cents = entry.amount.partition(".")
        minor = int(whole + cents) * (1 if entry.direction == "in" else -1)
        held[cell] = held.get(cell, 0) + (minor if entry.status == "settled" else 0)
    sums: dict[Cell, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for held in balances.values():
        first = next(iter(held))
        limit = LIMIT_MINOR.get((first[1], first[3]), 0) if first[2] == "customer" else 0
        is_whole = sum(max(minor, 0) for minor in held.values()) <= limit
        for cell, minor in held.items():
            insured = min(max(minor, 0), limit)
            limit -= insured
            for part, share in enumerate(
                (insured * is_whole, insured * (not is_whole), max(minor, 0) - insured, max(-minor, 0))
            ):
                sums[cell][part] += share
    return {cell: (parts[0], parts[1], parts[2], parts[3]) for cell, parts in sums.items() if any(parts)}


def sums_of(rows: list[DepositRow]) -> Sums:
    found: Sums = {}
    for row in rows:
        parts = (row.insured_whole_minor, row.insured_part_minor, row.uninsured_minor, row.overdrawn_minor)
        if any(parts):
            cell = (row.entity, row.currency, row.owner, row.customer_class, row.product)
            found[*cell, row.organisation, row.business_line] = parts
    return found


@st.composite
def logs(draw: st.DrawFn) -> list[Txn]:
    entries = []
    for number in range(draw(st.integers(1, 30))):
        customer = draw(st.sampled_from(["C1", "C2", "C3", "-"]))
        fields: dict[str, Any] = {
            "entity_id": draw(st.sampled_from(["BANK", "LEASE"])),
            "customer_id": customer,
            "account_id": draw(st.sampled_from(["A1", "A2"])),
            "ccy": draw(st.sampled_from(["CNY", "USD"])),
            "customer_class": "-" if customer == "-" else draw(st.sampled_from(["RETAIL", "CORPORATE"])),
            "product_id": draw(st.sampled_from(["SAVINGS", "CURRENT"])),
            "org_id": draw(st.sampled_from(["NORTH", "SOUTH"])),
            "line_id": draw(st.sampled_from(["RETAIL-BANKING", "-"])),
            "direction": draw(st.sampled_from(["in", "out"])),
            "amount": f"{draw(st.integers(0, 9))}.{draw(st.integers(0, 99)):02d}",
            "status": draw(st.sampled_from(["settled", "settled", "pending", "rejected"])),
            "intragroup": draw(st.booleans()),
        }
        entries.append(txn(number, number, **fields))
    return entries


def folded(entries: list[Txn], cuts: list[int], state: TransactionState | None = None) -> TransactionState:
    state = state or TransactionState(POLICY, HORIZON_DAYS, INSURANCE)
    values = encoded(entries)
    for start, end in zip([0, *cuts], [*cuts, len(values)], strict=True):
        batch = raw(values[start:end], start)
        fold(state, decode(batch).batch, batch.from_offset, batch.to_offset)
    return state


@given(logs(), st.data())
def test_any_cut_of_the_log_gives_what_counting_by_hand_gives(entries: list[Txn], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(entries)), max_size=4)))
    state = folded(entries, cuts)
    assert sums_of(state.depositors.rows()) == naive(entries)
    assert state.canonical_bytes() == folded(entries, []).canonical_bytes()


@given(logs(), st.data())
def test_a_snapshot_and_its_deltas_are_the_state_and_tell_only_what_changed(
    entries: list[Txn], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(entries)))
    state = folded(entries[:at], [])
    base = state.dump()
    state.take_changed_deposits()
    values = encoded(entries)[at:]
    batch = raw(values, at)
    fold(state, decode(batch).batch, batch.from_offset, batch.to_offset)
    restored = TransactionState.load(base, POLICY, HORIZON_DAYS, INSURANCE)
    assert restored.take_changed_deposits() == []
    restored.apply_delta(state.dump_delta())
    assert restored.depositors.rows() == state.depositors.rows()
    assert restored.canonical_bytes() == state.canonical_bytes()
    whole = {row: None for row in state.depositors.rows()}
    assert set(state.take_changed_deposits()) <= set(whole)


@given(logs())
def test_one_entry_after_another_tells_what_each_did(entries: list[Txn]) -> None:
    settled = [entry for entry in entries if entry.status == "settled"]
    state = folded(entries, [])
    balances = DepositorBalances(INSURANCE)
    balances.learn(state.positions.keys, state.flows.owners())
    rows = {key: row for row, key in enumerate(state.positions.keys)}
    total: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(4, np.int64))
    for entry in settled:
        key = (
            entry.entity_id, entry.org_id, entry.line_id, entry.product_id, entry.ccy, entry.customer_id,
            entry.account_id, entry.customer_class, "true" if entry.intragroup else "false",
        )  # fmt: skip
        minor = int(Decimal(entry.amount) * 100) * (1 if entry.direction == "in" else -1)
        for cell, change in balances.add_one(rows[key], minor):
            total[cell] += np.array(change)
    told = {balances.cells[cell]: tuple(change.tolist()) for cell, change in total.items() if change.any()}
    assert told == naive(entries)  # pending ones move nothing, but stand for who was first


def test_cover_below_the_whole_insures_nobody_and_a_class_may_have_no_insurance() -> None:
    assert INSURANCE.limit_minor("BANK", "CNY", "RETAIL") == 500
    assert INSURANCE.limit_minor("BANK", "CNY", "CORPORATE") == 0
    assert INSURANCE.limit_minor("BANK", "USD", "RETAIL") == 0


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"limit": "1", "cover": "1"}, "currency"),
        ({"currency": "CNY", "limit": "1.234", "cover": "1"}, "limit"),
        ({"currency": "CNY", "limit": "1", "cover": "1.1"}, "limit"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(entry: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        DepositInsurance.parse({"insurance": [entry]})
    assert caught.value.facts == {"field": field, "record": "insurance[0]"}


@given(st.lists(st.integers(-2_000, 2_000), min_size=1, max_size=30), st.integers(0, 1_000))
def test_depositors_of_one_product_are_split_as_the_engine_splits_them(balances: list[int], limit: int) -> None:
    text = f"{limit // 100}.{limit % 100:02d}"
    insurance = DepositInsurance.parse({"insurance": [{"currency": "CNY", "limit": text, "cover": "1"}]})
    found = DepositorBalances(insurance)
    keys = [
        ("BANK", "-", "-", "SAVINGS", "CNY", f"C{at}", f"A{at}", "RETAIL", "false") for at in range(len(balances))
    ]
    found.learn(keys, np.arange(len(balances)))
    found.add(np.arange(len(balances)), np.array(balances, np.int64))
    (row,) = found.rows()
    split = partial(split_insured_deposit, cover_ratio=Fraction(1), relationship_or_transactional=True)
    splits = [split(max(balance, 0), limit) for balance in balances]
    assert row.insured_whole_minor + row.insured_part_minor == sum(one.stable for one in splits)
    assert row.uninsured_minor == sum(one.less_stable for one in splits)
    assert row.overdrawn_minor == -sum(min(balance, 0) for balance in balances)


def test_branches_share_one_limit_of_insurance_in_order_of_first_appearance() -> None:
    known = {"customer_class": "RETAIL", "product_id": "SAVINGS", "direction": "in"}
    paid_in = [("NORTH", "3.00"), ("SOUTH", "4.00"), ("NORTH", "1.00")]
    entries = [txn(at, at, org_id=org, amount=amount, **known) for at, (org, amount) in enumerate(paid_in)]
    rows = {row.organisation: row for row in folded(entries, []).depositors.rows()}
    assert (rows["NORTH"].insured_part_minor, rows["NORTH"].uninsured_minor) == (400, 0)
    assert (rows["SOUTH"].insured_part_minor, rows["SOUTH"].uninsured_minor) == (100, 300)
