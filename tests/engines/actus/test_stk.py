"""STK, COM and CSH where the published cases do not go."""

from typing import Any

import pytest

from tests.engines.actus.running import flows, refused, run

SHARE: dict[str, Any] = {
    "contractType": "STK",
    "contractID": "share-1",
    "contractRole": "RPA",
    "currency": "USD",
    "statusDate": "2023-12-31",
    "quantity": 3,
    "purchaseDate": "2024-01-10",
    "priceAtPurchaseDate": 50,
}
DIVIDENDS = {"cycleAnchorDateOfDividend": "2024-03-01", "cycleOfDividend": "P3ML0"}


def test_techspec_7_9_the_price_of_a_stock_is_that_of_the_contract_whatever_its_quantity() -> None:
    assert flows(run(SHARE)) == flows(run(SHARE, quantity=1)) == [("24-01-10", "PRD", -50.0)]


def test_the_known_dividend_comes_first_and_observed_ones_after_it() -> None:
    series = {"share-1-DV": {"2024-03-01": 7.0, "2024-06-01": 2.0}}
    result = run(SHARE, series, to="2024-09-01", nextDividendPaymentAmount=1.5, **DIVIDENDS)
    assert flows(result) == [
        ("24-01-10", "PRD", -50.0),
        ("24-03-01", "DV", 1.5),
        ("24-06-01", "DV", 2.0),
        ("24-09-01", "DV", 2.0),
    ]


def test_one_dividend_without_a_cycle_needs_no_horizon_and_none_comes_after_the_sale() -> None:
    once = run(SHARE, cycleAnchorDateOfDividend="2024-03-01", nextDividendPaymentAmount=1)
    assert flows(once)[1:] == [("24-03-01", "DV", 1.0)]
    sold = run(
        SHARE,
        {"share-1-DV": {"2024-03-01": 1.0}},
        terminationDate="2024-06-01",
        priceAtTerminationDate=60,
        **DIVIDENDS,
    )
    assert flows(sold)[1:] == [("24-03-01", "DV", 1.0), ("24-06-01", "DV", 1.0), ("24-06-01", "TD", 60.0)]


def test_another_currency_settles_at_the_rate_of_the_day() -> None:
    result = run(SHARE, {"USD/EUR": {"2024-01-01": 0.5}}, settlementCurrency="EUR")
    assert flows(result) == [("24-01-10", "PRD", -25.0)]
    assert result.flows[0].currency == "EUR"


def test_a_missing_dividend_series_is_an_error_when_a_dividend_reads_it() -> None:
    refused("dataObserved", SHARE, to="2024-12-31", **DIVIDENDS)
    assert flows(run(SHARE, to="2024-02-01", **DIVIDENDS)) == [("24-01-10", "PRD", -50.0)]


@pytest.mark.parametrize(
    ("term", "change"),
    [
        ("cycleOfDividend", DIVIDENDS),
        ("cycleAnchorDateOfDividend", {"cycleOfDividend": "P1YL1"}),
        ("priceAtPurchaseDate", {"priceAtPurchaseDate": None}),
        ("priceAtTerminationDate", {"terminationDate": "2024-06-01"}),
        ("terminationDate", {"terminationDate": "2024-01-01", "priceAtTerminationDate": 1}),
        ("contractRole", {"contractRole": None}),
        ("currency", {"currency": ""}),
        ("quantity", {"quantity": -1}),
    ],
)
def test_bad_terms_are_named(term: str, change: dict[str, Any]) -> None:
    refused(term, SHARE | change)


def test_a_commodity_is_bought_and_sold_by_quantity() -> None:
    oil = SHARE | {
        "contractType": "COM",
        "unit": "BRL",
        "terminationDate": "2024-02-01",
        "priceAtTerminationDate": 70,
    }
    assert flows(run(oil)) == [("24-01-10", "PRD", -150.0), ("24-02-01", "TD", 210.0)]
    assert flows(run(oil, contractRole="RPL")) == [("24-01-10", "PRD", 150.0), ("24-02-01", "TD", -210.0)]


def test_cash_only_is() -> None:
    cash = {name: SHARE[name] for name in ("contractID", "contractRole", "currency", "statusDate")}
    cash |= {"contractType": "CSH", "notionalPrincipal": 9, "contractRole": "RPL"}
    watched = run(cash, events=[{"time": "2024-01-10", "type": "AD"}, {"time": "2023-01-10", "type": "AD"}])
    assert flows(watched) == [("24-01-10", "AD", 0.0)]
    assert watched.flows[0].after.notional_principal == watched.initial.notional_principal == -9.0
    refused("notionalPrincipal", cash | {"notionalPrincipal": None})
