"""The daily report: every figure of one cut, and never another one than its own address gives."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.api.test_ratios import Bank, bank  # noqa: F401 - the module's fixture
from tests.api_doubles import client_of


@pytest.fixture
def http(bank: Bank) -> Iterator[httpx.Client]:  # noqa: F811
    with client_of(bank.services()) as client:
        yield client


def test_the_report_shows_what_each_address_shows(http: httpx.Client) -> None:
    report = http.get("/api/v1/reports/daily").json()
    assert report["ratios"] == http.get("/api/v1/ratios").json()["rows"]
    assert report["liquid_assets"] == http.get("/api/v1/liquid-assets").json()["rows"]
    assert report["gap"] == http.get("/api/v1/gap", params={"by": "entity,currency"}).json()["rows"]
    positions = http.get("/api/v1/positions", params={"by": "entity,currency"}).json()["rows"]
    assert [row["position"] for row in report["positions"]] == [row["position"] for row in positions]
    assert report["provenance"]["result_id"] == http.get("/api/v1/reports/daily").json()["provenance"]["result_id"]


def test_ratios_stand_beside_those_of_an_earlier_cut(bank: Bank, http: httpx.Client) -> None:  # noqa: F811
    before = http.get("/api/v1/ratios", params={"at_offsets": json.dumps(bank.morning)}).json()["rows"]
    report = http.get("/api/v1/reports/daily", params={"compared_with": json.dumps(bank.morning)}).json()
    was = {(row["figure"], row["scope"], row["entity"], row["currency"]): row["ratio_pct"] for row in before}
    assert report["moved"]
    for row in report["moved"]:
        assert row["before_pct"] == was[row["figure"], row["scope"], row["entity"], row["currency"]]
