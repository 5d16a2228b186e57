"""`tidemark gap --contracts` and `tidemark explain contract`: what is asked, and what a person reads."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.main import app
from tests.api.cli_api import CannedApi, canned_api

CONTRACTS = {
    "as_of": "2026-11-22",
    "offsets": {"tm.in.core.contract.v1/0": 7},
    "totals": [
        {
            "entity": "BANK",
            "currency": "CNY",
            "inflow": "1234567.80",
            "outflow": "0.00",
            "gap": "1234567.80",
            "contracts": 3,
            "distinct_contracts": 2,
        }
    ],
    "rows": [
        {
            "contract_id": "LN/1",
            "entity": "BANK",
            "organisation": "HQ",
            "business_line": "retail",
            "product": "loan",
            "currency": "CNY",
            "inflow": "1234567.80",
            "outflow": "0.00",
            "gap": "1234567.80",
            "flow_dates": 3,
        }
    ],
    "next": 1,
}


def flow(day: str, kind: str, *, in_gap: bool, **more: Any) -> dict[str, Any]:
    return {
        "flow_date": day,
        "event_type": kind,
        "payoff": "3.4444",
        "currency": "CNY",
        "kind": "interest",
        "booked": "3.44",
        "rounding": "-0.0044",
        "bucket": "D8_30" if in_gap else None,
        "in_gap": in_gap,
        "explanation": {
            "source": f"section 7.1, event {kind} of {day}",
            "formulas": [
                {"target": "payoff", "formula": "Y × Nt", "numbers": "0.5 × 2", "result": "3.4444", "source": "POF"}
            ],
            "before": {"Sd": "2026-10-30"},
            "after": {"Sd": day},
        },
    } | more


FLOWS = {
    "entity": "BANK",
    "contract_id": "LN/1",
    "organisation": "HQ",
    "business_line": "retail",
    "product": "loan",
    "currency": "CNY",
    "side": "asset",
    "closed": False,
    "as_of": "2026-11-22",
    "offsets": {"tm.in.core.contract.v1/0": 7},
    "record": {"topic": "tm.in.core.contract.v1", "partition": 0, "offset": 4},
    "terms": {"contractType": "LAM"},
    "flows": [
        flow("2026-10-30", "IP", in_gap=False),
        flow("2026-11-30", "IP", in_gap=True),
        flow("2026-12-30", "IP", in_gap=True),
    ],
}


@pytest.fixture
def canned() -> Iterator[CannedApi]:
    with canned_api() as api:
        yield api


@pytest.fixture
def run(canned: CannedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TIDEMARK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TIDEMARK_API", canned.address)
    monkeypatch.setenv("TIDEMARK_TOKEN", "signed-token")

    def invoke(*arguments: str) -> Result:
        return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))

    return invoke


def test_gap_contracts_asks_with_every_filter_and_shows_the_sum(run: Any, canned: CannedApi) -> None:
    canned.answers["/gap/contracts"] = CONTRACTS
    result = run(
        "gap", "--contracts", "--entity", "BANK", "--organisation", "HQ", "--business-line", "retail",
        "--product", "loan", "--currency", "CNY", "--bucket", "D8_30", "--from", "2026-11-30",
        "--to", "2026-12-01", "--limit", "1", "--start", "2",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert canned.last().query == {
        "entity": "BANK",
        "organisation": "HQ",
        "business_line": "retail",
        "product": "loan",
        "currency": "CNY",
        "bucket": "D8_30",
        "from": "2026-11-30",
        "to": "2026-12-01",
        "limit": "1",
        "start": "2",
        "flows": "false",
    }
    assert "LN/1" in result.stdout
    assert result.stdout.count("1,234,567.80") == 4
    assert "There are more: --start 1" in result.stdout
    assert "7 records of 1 partitions" in result.stdout


def test_gap_contracts_as_json_is_the_answer_with_flows(run: Any, canned: CannedApi) -> None:
    canned.answers["/gap/contracts"] = CONTRACTS
    assert json.loads(run("gap", "--contracts", "--json").stdout) == CONTRACTS
    assert canned.last().query == {"limit": "50"}


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["gap", "--bucket", "ON"], "--bucket"),
        (["gap", "--from", "2026-11-30"], "--from"),
        (["gap", "--contracts", "--follow"], "--follow"),
        (["gap", "--contracts", "--by", "product"], "--by"),
        (["gap", "--contracts", "--to", "soon"], "--to"),
        (["explain", "contract", "BANK", "L1", "--as-of", "today"], "--as-of"),
    ],
)
def test_options_that_do_not_fit_are_named(run: Any, canned: CannedApi, arguments: list[str], field: str) -> None:
    result = run(*arguments, "--json")
    assert (result.exit_code, json.loads(result.stderr)["field"]) == (2, field)
    assert canned.requests == []


def test_explain_shows_all_flows_and_the_formulas_of_the_next_date(run: Any, canned: CannedApi) -> None:
    canned.answers["/contracts/BANK/LN%2F1/flows"] = FLOWS
    result = run("explain", "contract", "BANK", "LN/1")
    assert result.exit_code == 0, result.stderr
    assert canned.last().query == {"explain": "true"}
    assert "record tm.in.core.contract.v1/0 offset 4" in result.stdout
    assert [line.split()[-1] for line in result.stdout.splitlines() if " interest " in line] == [
        "paid",
        "D8_30",
        "D8_30",
    ]
    assert "event IP of 2026-11-30" in result.stdout
    assert "event IP of 2026-12-30" not in result.stdout
    assert "payoff = Y × Nt" in result.stdout
    assert "= 0.5 × 2 = 3.4444" in result.stdout
    assert "Sd: 2026-10-30 -> 2026-11-30" in result.stdout
    assert "3.44 CNY booked, payoff 3.4444, rounding -0.0044" in result.stdout


def test_explain_with_dates_explains_each_of_them(run: Any, canned: CannedApi) -> None:
    canned.answers["/contracts/BANK/LN%2F1/flows"] = FLOWS
    shown = run("explain", "contract", "BANK", "LN/1", "--from", "2026-10-01").stdout
    assert canned.last().query == {"explain": "true", "from": "2026-10-01"}
    assert all(f"event IP of 2026-{day}" in shown for day in ("10-30", "11-30", "12-30"))


def test_a_flow_without_an_event_says_so(run: Any, canned: CannedApi) -> None:
    bare = flow("DEMAND", "IP", in_gap=True, event_type=None, payoff=None, rounding=None)
    del bare["explanation"]
    record = {"topic": "tm.in.core.contract.v1", "partition": 1, "offset": None}
    canned.answers["/contracts/BANK/D/flows"] = FLOWS | {"flows": [bare], "record": record}
    shown = run("explain", "contract", "BANK", "D").stdout
    assert "no event of the standard" in shown
    assert "offset further back than was searched" in shown
