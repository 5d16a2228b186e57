"""Large outflows over HTTP, each with its decision at the available position of the same cut (LIQ-02, LIQ-07)."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from api import models
from api.main import app
from tests.api.cli_api import canned_api
from tests.api.test_ratios import Bank, get
from tests.api_doubles import client_of, services
from tests.live_bank import live_policy

LIMITS = [{"entity": "BANK", "currency": "CNY", "amount": "3700000000.00"}]


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank()


@pytest.fixture(scope="module")
def client(bank: Bank) -> Iterator[httpx.Client]:
    with client_of(bank.services()) as found:
        yield found


def test_every_large_outflow_has_the_decision_of_its_numbers(client: httpx.Client) -> None:
    answer = get(client, "/withdrawals")
    models.Withdrawals.model_validate(answer)
    positions = {(row["entity"], row["currency"]): row for row in get(client, "/ratios")["positions"]}
    above = [row for row in answer["rows"] if row["above"]]
    assert above
    for row in above:
        standing = positions[row["entity"], row["currency"]]["available_position"]
        if standing is None:
            assert (row["decision"], row["decision_reason"]) == (None, "no-available-position")
            continue
        assert row["post"] == standing  # the money has left
        assert Fraction(row["available"]) == Fraction(standing) + Fraction(row["rolling"])
        assert (row["decision"], row["floor"], row["floor_is_set"]) == ("RELEASE", "0.00", False)
        assert row["decision_reason"] == "at-or-above-floor"
    assert all(row["decision_reason"] == "below-threshold" for row in answer["rows"] if not row["above"])
    assert set(get(client, "/ratios")["offsets"]) <= set(answer["offsets"])


def test_below_the_floor_a_customer_is_paid_and_funds_are_found(bank: Bank) -> None:
    with client_of(replace(bank.services(), ratio_policy=live_policy(reserve_limit=LIMITS))) as client:
        rows: list[dict[str, Any]] = get(client, "/withdrawals", entity="BANK")["rows"]
    found = [row for row in rows if row["above"] and row["currency"] == "CNY"]
    assert found
    for row in found:
        assert row["actions"] == ["RELEASE", "DISPATCH", "ESCALATE"]
        assert row["floor_is_set"] is True
        assert Fraction(row["shortfall"]) == Fraction("3700000000.00") - Fraction(row["post"]) > 0


def test_without_the_mapping_alerts_are_shown_and_nothing_is_decided() -> None:
    with client_of(services()) as client:
        answer = get(client, "/withdrawals")
    assert [(row["decision"], row["decision_reason"]) for row in answer["rows"]] == [
        (None, "no-mapping"),
        (None, "below-threshold"),
    ]
    assert [(row["amount"], row["decision_reason"]) for row in answer["reservations"]] == [("3.45", "no-mapping")]


def test_the_terminal_shows_decision_and_reason(
    client: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = get(client, "/withdrawals")
    reserved: dict[str, Any] = {
        "entity": "BANK",
        "organisation": "HQ",
        "currency": "CNY",
        "amount": "3.45",
        "decision": "RELEASE",
    }
    reserved |= {"actions": ["RELEASE", "DISPATCH"], "decision_reason": "reserved-below-floor"}
    monkeypatch.setenv("TIDEMARK_TOKEN", "signed-token")
    with canned_api() as canned:
        monkeypatch.setenv("TIDEMARK_API", canned.address)
        canned.answers["/withdrawals"] = answer | {"reservations": [reserved]}
        done = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["withdrawals", "--data-dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    for text in (
        "decision",
        "at-or-above-floor",
        "RELEASE + DISPATCH",
        "reserved-below-floor",
        "Approved reservations",
    ):
        assert text in done.stdout
