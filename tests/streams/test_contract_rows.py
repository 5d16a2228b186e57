"""What a contract's record may say beyond plain loans: schedules, raw ACTUS terms, floating rates."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from engines.primitives.errors import InvalidInput
from streams.contract_rows import contract_terms
from streams.raw_batch import RawBatch
from streams.record_folders import ContractFolder
from streams.schemas import Contract

RECORD: dict[str, Any] = {
    "contract_id": "C1",
    "event_time": "2024-01-01T00:00:00Z",
    "entity_id": "E1",
    "side": "asset",
    "ccy": "CNY",
    "principal": "1000",
    "start_date": "2024-01-31",
    "maturity_date": "2025-01-31",
}
LOAN = {
    "contractType": "PAM",
    "initialExchangeDate": "2024-01-31",
    "maturityDate": "2024-12-31",
    "notionalPrincipal": 1_000,
}


def read(**changes: Any) -> Any:
    return contract_terms(msgspec.json.decode(json.dumps(RECORD | changes), type=Contract))


def part(date: str, principal: str) -> dict[str, str]:
    return {"date": date, "principal": principal}


def test_what_a_record_left_out_before_means_nothing_now() -> None:
    terms = read()
    assert (terms.schedule, terms.actus, terms.fixings) == ((), {}, {})
    written = msgspec.json.encode(msgspec.json.decode(json.dumps(RECORD), type=Contract))
    assert json.loads(written) == RECORD


def test_a_floating_rate_keeps_its_present_value() -> None:
    floating = {
        "rate": "0.0435",
        "rate_type": "float",
        "index": "LPR-1Y",
        "spread": "-0.001",
        "next_reprice_date": "2024-07-01",
        "reprice_freq": "6M",
    }
    assert read(**floating) == read(rate="0.0435")


def test_raw_terms_are_kept_as_told() -> None:
    assert read(actus=LOAN).actus == LOAN
    assert read(actus=LOAN, fixings={"X": "1.5"}).fixings == {"X": 1.5}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"spread": "1%"}, "spread"),
        ({"reprice_freq": "2W"}, "reprice_freq"),
        ({"next_reprice_date": "2024-02-30"}, "next_reprice_date"),
        ({"amort": "bullet", "schedule": [part("2024-03-01", "1")]}, "schedule"),
        ({"on_demand": True, "schedule": [part("2024-03-01", "1")]}, "schedule"),
        ({"actus": LOAN, "schedule": [part("2024-03-01", "1")]}, "schedule"),
        ({"schedule": [part("2024-03-01", "1"), part("2024-03-01", "1")]}, "schedule[1].date"),
        ({"schedule": [part("2024-01-31", "1")]}, "schedule[0].date"),
        ({"schedule": [part("2025-02-01", "1")]}, "schedule[0].date"),
        ({"schedule": [part("2024-02-30", "1")]}, "schedule[0].date"),
        ({"schedule": [part("2024-03-01", "0")]}, "schedule[0].principal"),
        ({"schedule": [part("2024-03-01", "999"), part("2024-04-01", "2")]}, "schedule[1].principal"),
        ({"schedule": [part("2024-03-01", "1.005")]}, "schedule[0].principal"),
        ({"schedule": [part("2024-03-01", "1")], "maturity_date": None}, "schedule"),
        ({"schedule": [part("2124-03-01", "1000")], "maturity_date": None}, "maturity_date"),
        ({"amort": "annuity", "rate": "5", "pay_freq": "1M", "maturity_date": "2034-01-31"}, "rate"),
        ({"fixings": {"X": "1"}}, "fixings"),
        ({"actus": LOAN, "fixings": {"X": "nan"}}, "fixings.X"),
        ({"actus": {"contractType": "LOAN"}}, "actus.contractType"),
        ({"actus": LOAN | {"colour": "blue"}}, "actus.colour"),
        ({"actus": LOAN | {"notionalPrincipal": "much"}}, "actus.notionalPrincipal"),
        ({"actus": LOAN | {"maturityDate": "2024-01-30"}}, "actus.maturityDate"),
        ({"actus": LOAN | {"nominalInterestRate": 0.05}}, "actus.dayCountConvention"),
        ({"actus": LOAN | {"contractID": "C2"}}, "actus.contractID"),
        ({"actus": LOAN | {"currency": "USD"}}, "actus.currency"),
        ({"actus": LOAN | {"contractRole": "RPL"}}, "actus.contractRole"),
        ({"side": "liability", "actus": LOAN | {"contractRole": "RPA"}}, "actus.contractRole"),
        ({"actus": LOAN | {"maturityDate": "2130-01-31"}}, "actus.maturityDate"),
        ({"actus": LOAN | {"notionalPrincipal": 1e17}}, "actus.notionalPrincipal"),
        ({"actus": {"contractType": "STK", "purchaseDate": "2024-03-01"}}, "actus.priceAtPurchaseDate"),
        (
            {"actus": LOAN | {"settlementCurrency": "USD"}},
            "actus.dataObserved",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_contract(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(**({"amort": "custom"} | changes))
    assert refused.value.facts == {"field": field, "contract_id": "C1"}


def test_bad_raw_terms_become_a_dead_letter_that_names_contract_term_and_rule() -> None:
    folder = ContractFolder()
    values = [json.dumps(RECORD | {"actus": LOAN | {"maturityDate": ""}}).encode(), json.dumps(RECORD).encode()]
    raw = RawBatch.of_values(0, 2, np.arange(2), values, np.zeros(2, np.int64))
    state = folder.empty()
    (refusal,) = folder.absorb(state, raw).refusals
    assert (refusal.offset, refusal.field) == (0, "actus.maturityDate")
    assert refusal.reason == "contract C1: maturityDate: required for PAM"
    assert state.contract("E1", "C1") is not None
