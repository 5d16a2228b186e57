"""Contracts read many at once are those read one by one; what is unusual is left, whatever it is."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from projections.contract_table import ContractTable
from projections.contract_terms import ContractTerms
from streams.contract_rows import contract_terms
from streams.contract_scan import scan
from streams.raw_batch import RawBatch
from streams.record_folders import ContractFolder
from streams.schemas import Contract

RECORD: dict[str, Any] = {
    "contract_id": "C1",
    "event_time": "2024-01-01T00:00:00Z",
    "entity_id": "E1",
    "side": "asset",
    "ccy": "CNY",
    "principal": "1000.50",
    "start_date": "2024-01-31",
    "maturity_date": "2025-01-31",
    "rate": "0.0345",
    "amort": "annuity",
    "pay_freq": "1M",
    "org_id": "O1",
}
LOAN = {
    "contractType": "PAM",
    "initialExchangeDate": "2024-01-31",
    "maturityDate": "2024-12-31",
    "notionalPrincipal": 1_000,
}
#: What may stand in each field, the usual and the odd.
ODD: dict[str, list[Any]] = {
    "contract_id": ["C1", "C2", "合同", "", None, 7],
    "entity_id": ["E1", "总行"],
    "side": ["asset", "liability", "obs_in", "obs_out", "Asset", 1],
    "ccy": ["CNY", "JPY", "KWD", "XYZ", "", "cny"],
    "principal": [
        *("1000.50", "0", "0.01", "7", "12.", ".5", "-1", "+1", " 1", "1 ", "1\u0000", "1\n", "1e3", "1.2.3", "1,5"),
        *(
            "10.123",
            "10.1234",
            "10.12345",
            "99999999999999",
            "100000000000000",
            "9999999999999999",
            "9" * 17,
            "9" * 30,
        ),
        *("١٢", "0001000.50", "", "10000000000000.01", 5, None),
    ],
    "start_date": [
        "2024-01-31",
        "2024-02-30",
        "1899-12-31",
        "2024-W05-3",
        "20240131",
        "2025-01-31",
        "2025-02-01",
        None,
    ],
    "maturity_date": [
        "2025-01-31",
        "2124-01-31",
        "2124-02-01",
        "2123-12-31",
        "2024-01-31",
        "9999-12-31",
        None,
        "",
        5,
    ],
    "rate": ["0.0345", "0", "-0.5", "-1", "10", "10.000000001", "0.1234567891", "1e-2", ".5", ""],
    "amort": ["bullet", "equal_principal", "annuity", "zero", "custom", "other"],
    "pay_freq": ["-", "1M", "3M", "6M", "1Y", "2M"],
    "day_count": ["ACT/360", "ACT/365", "30/360", "ACT/ACT"],
    "on_demand": [True, False, "true"],
    "closed": [True, False],
    "spread": ["0", "-0.001", "-2", "11", "x"],
    "next_reprice_date": [None, "2024-07-01", "2024-13-01", "2024-W05-3"],
    "reprice_freq": ["-", "6M", "6W"],
    "schedule": [[], None, [{"date": "2024-09-30", "principal": "100"}]],
    "actus": [{}, None, LOAN],
    "fixings": [{}, {"LPR": "0.03"}, None],
    "accrued": ["0", "1.5", "x"],
    "overdue_days": [0, 3, 91, "3"],
    "loan_class": ["-", "NORMAL", "SPECIAL_MENTION", "LOSS", 5],
    "cpty_type": ["-", "RETAIL", "BANK/CENTRAL", None],
    "insured": [True, False, "yes"],
    "operational": [True, False],
    "secured_by": ["-", "1", "2A", "other", "gold"],
    "encumbrance": ["-", ">=1y", "long"],
    "intragroup": [True, False],
    "unknown": ["whatever"],
}

records = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in ODD.items()}).map(
    lambda changes: RECORD | changes
)


def told(value: bytes) -> ContractTerms | None:
    """Read with care; None: refused."""
    try:
        return contract_terms(msgspec.json.decode(value, type=Contract))
    except (InvalidInput, msgspec.MsgspecError):
        return None


def assert_same(table: ContractTable, terms: list[ContractTerms]) -> None:
    expected = ContractTable.of(terms)
    assert (list(table.keys), list(table.cells), table.more) == (expected.keys, expected.cells, expected.more)
    for name, column in expected.values.items():
        assert table.values[name].tolist() == column.tolist(), name


@given(st.lists(records, max_size=6))
def test_what_is_read_here_is_what_care_reads(book: list[dict[str, Any]]) -> None:
    values = [json.dumps(record).encode() for record in book]
    found = scan(values)
    terms = [told(values[row]) for row in found.rows.tolist()]
    assert sorted([*found.rows.tolist(), *found.left.tolist()]) == list(range(len(book)))
    assert_same(found.table, [one for one in terms if one is not None])
    assert None not in terms


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in ODD.items() for value in values], ids=str
)
def test_each_odd_value_means_the_same(name: str, value: Any) -> None:
    raw = json.dumps(RECORD | {name: value}).encode()
    found = scan([raw])
    if len(found.rows):
        terms = told(raw)
        assert terms is not None
        assert_same(found.table, [terms])


@pytest.mark.parametrize("principal", ["99999999999999", "10000000000000", "10000000000000.001", "9" * 19, "9" * 20])
def test_an_amount_above_all_amounts_is_left(principal: str) -> None:
    raw = json.dumps(RECORD | {"ccy": "KWD", "principal": principal, "amort": "zero"}).encode()
    assert len(scan([raw]).rows) == (told(raw) is not None)


def test_the_common_shape_is_read_here() -> None:
    usual = [
        RECORD,
        RECORD | {"amort": "bullet", "pay_freq": "-", "maturity_date": None, "on_demand": True},
        RECORD | {"ccy": "JPY", "principal": "12", "closed": True, "schedule": [], "actus": {}},
        RECORD | {"rate_type": "float", "spread": "-0.001", "next_reprice_date": "2024-07-01", "reprice_freq": "6M"},
    ]
    found = scan([json.dumps(record).encode() for record in usual])
    assert found.rows.tolist() == [0, 1, 2, 3]


def test_no_records_and_no_values() -> None:
    assert len(scan([]).table) == 0
    assert scan([None, b"", b"{", b"[]", b"\xff"]).left.tolist() == [0, 1, 2, 3, 4]


@given(st.lists(records, max_size=8), st.integers(1, 8))
def test_the_fold_is_the_same_however_the_log_is_cut(book: list[dict[str, Any]], size: int) -> None:
    values: list[bytes | None] = [json.dumps(record).encode() for record in book]
    folder = ContractFolder()
    whole, cut = folder.empty(), folder.empty()
    refused = folder.absorb(whole, batch(0, values)).refusals
    parts = [folder.absorb(cut, batch(start, values[start : start + size])) for start in range(0, len(book), size)]
    assert [one for part in parts for one in part.refusals] == refused
    assert cut.canonical_bytes() == whole.canonical_bytes()
    assert [one.offset for one in refused] == [row for row, value in enumerate(values) if told(value or b"") is None]


def batch(start: int, values: list[bytes | None]) -> RawBatch:
    end = start + len(values)
    return RawBatch.of_values(start, end, np.arange(start, end), values, np.zeros(len(values), np.int64))
