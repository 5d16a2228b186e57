"""`tidemark ratios` at the terminal: what is asked of the API, what is printed, what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.main import app
from tests.api.cli_api import CannedApi, canned_api

ROW: dict[str, Any] = {
    "figure": "lcr",
    "scope": "currency",
    "entity": "BANK",
    "currency": "CNY",
    "as_of": "2026-03-16",
    "ratio_pct": "123.456789",
    "numerator": "1234567.80",
    "denominator": "1000000.00",
    "minimum_pct": "100.000000",
    "unmapped": "0.00",
    "limits": [{"limit_id": "a", "light": "green"}, {"limit_id": "b", "light": "amber"}],
}
LINE = {
    "code": "LCR.HQ1.03",
    "name": "Securities",
    "amount": "1000.00",
    "factor": "1",
    "weighted": "1000.00",
    "of": [],
}
ANSWER = {"as_of": "2026-03-16", "offsets": {"tm.in.core.txn.v1/0": 7}, "log": {}, "rows": [ROW]}


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


def test_all_ratios_show_value_and_worst_light(run: Any, canned: CannedApi) -> None:
    missing = ROW | {"entity": "CF", "ratio_pct": None, "reason": "net cash outflows are 0", "unmapped": "5.00"}
    canned.answers["/ratios"] = ANSWER | {"rows": [ROW, missing]}
    shown = run("ratios").stdout
    for text in (
        "123.456789%",
        "1,234,567.80",
        "amber",
        "not computable",
        "net cash outflows are 0",
        "5.00 in no line",
    ):
        assert text in shown


def test_one_ratio_is_shown_line_by_line_and_every_option_reaches_the_api(run: Any, canned: CannedApi) -> None:
    canned.answers["/ratios/lcr"] = ANSWER | {"rows": [ROW | {"lines": {"hqla": [LINE]}}]}
    result = run(
        "ratios", "lcr", "--entity", "BANK", "--currency", "CNY", "--as-of", "2026-03-31",
        "--at-offsets", '{"tm.in.core.txn.v1/0": 7}',
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "LCR.HQ1.03" in result.stdout
    assert canned.last().query == {
        "entity": "BANK",
        "currency": "CNY",
        "as_of": "2026-03-31",
        "at_offsets": '{"tm.in.core.txn.v1/0":7}',
    }


def test_an_explanation_names_entries_and_moves(run: Any, canned: CannedApi) -> None:
    part = {
        "cause": "ENTRY",
        "line": "LCR.OF.RET.02",
        "entry": "T77",
        "amount": "-12.50",
        "ratio_share_pct": "0.001000",
    }
    move = ROW | {"before_pct": "120.000000", "after_pct": None, "parts": [part]}
    canned.answers["/ratios/lcr/changes"] = ANSWER | {"rows": [move]}
    result = run("ratios", "lcr", "--explain", '{"tm.in.core.txn.v1/0": 3}')
    assert result.exit_code == 0, result.stderr
    assert "120.000000% -> not computable" in result.stdout
    assert "T77" in result.stdout
    assert canned.last().query == {"from_offsets": '{"tm.in.core.txn.v1/0":3}'}


def test_json_is_the_answer_of_the_api(run: Any, canned: CannedApi) -> None:
    canned.answers["/ratios/nsfr"] = ANSWER
    assert json.loads(run("ratios", "nsfr", "--json").stdout) == ANSWER


@pytest.mark.parametrize(
    "arguments",
    [("eve",), ("--explain", "{}"), ("lcr", "--explain", "[]"), ("lcr", "--at-offsets", "no"), ("--as-of", "today")],
)
def test_what_cannot_be_meant_is_refused(run: Any, arguments: tuple[str, ...]) -> None:
    assert run("ratios", *arguments).exit_code == 2


def test_by_organisation_shows_members_and_the_entity_as_a_whole(run: Any, canned: CannedApi) -> None:
    member = ROW | {"scope": "organisation", "member": "BANK-NORTH-01", "limits": []}
    whole = {
        "figure": "lcr", "entity": "BANK", "currency": "CNY", "ratio_pct": "130.000000", "numerator": "9.00",
        "caps_on_numerator": "-1.00", "denominator": "7.00", "caps_on_denominator": "0.00",
    }  # fmt: skip
    canned.answers["/ratios"] = ANSWER | {"rows": [member], "together": [whole]}
    shown = run("ratios", "--by", "organisation").stdout
    for text in ("BANK-NORTH-01", "130.000000%", "caps on numerator", "-1.00"):
        assert text in shown
    refused = run("ratios", "--by", "moon")
    assert refused.exit_code == 2
