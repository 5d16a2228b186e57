"""Past moments at the terminal: what is asked of the API, what is printed, and which exit code tells what."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.main import app
from tests.api.cli_api import POSITIONS, CannedApi, canned_api

AT = "2026-03-16T09:00Z"
VECTOR = '{"tm.in.core.txn.v1/0": 7}'
GOOD = {
    "figure": "positions",
    "same": True,
    "digest": "ab" * 32,
    "cause": None,
    "reason": "the same",
    "difference": None,
}
DIFFERENCE = {
    "group": "rows",
    "row": {"entity": "BANK", "currency": "CNY"},
    "field": "position",
    "published": "1.00",
    "replayed": "2.00",
}
BAD = GOOD | {"same": False, "cause": "RECORDS", "reason": "records are not those", "difference": DIFFERENCE}
HISTORY = {
    "aggregate": "RiskAsset",
    "key": "LN-1",
    "as_of": None,
    "known_at": "2026-03-16T09:00:00Z",
    "position": 2,
    "events_that_count_later": 3,
    "state": {"loan_no": "LN-1", "principal": "92.50"},
    "events": [
        {
            "version": 2,
            "type": "RecoveryApplied",
            "valid_on": "2026-03-12",
            "recorded_at": "2026-03-12T04:00:00.000000Z",
            "actor": "system",
            "role": "SY",
            "payload": {"amount": "7.50"},
            "changes": [{"field": "memo.principal", "before": "100.00", "after": "92.50"}],
        }
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


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (("positions",), POSITIONS),
        (("gap",), POSITIONS | {"rows": []}),
        (("withdrawals",), POSITIONS | {"rows": []}),
        (("alerts",), {"offsets": {}, "alerts": []}),
        (("limits",), {"offsets": {}, "rows": []}),
        (("ratios",), POSITIONS | {"rows": []}),
    ],
)
def test_every_figure_takes_a_past_moment(
    run: Any, canned: CannedApi, command: tuple[str, ...], answer: dict[str, Any]
) -> None:
    canned.answers[f"/{command[0]}"] = answer
    assert run(*command, "--at", AT).exit_code == 0
    assert canned.last().query["at"] == "2026-03-16T09:00:00+00:00"
    assert run(*command, "--at-offsets", VECTOR).exit_code == 0
    assert json.loads(canned.last().query["at_offsets"]) == json.loads(VECTOR)
    for wrong in (("--at", "2026-03-16T09:00"), ("--at", "yesterday"), ("--at-offsets", "7")):
        assert run(*command, *wrong).exit_code == 2
    assert run(*command, "--at", AT, "--at-offsets", VECTOR).exit_code == 2


def test_a_past_moment_does_not_follow(run: Any) -> None:
    for command in ("positions", "gap", "withdrawals", "alerts"):
        assert run(command, "--at", AT, "--follow").exit_code == 2


def test_a_replayed_answer_ends_well_or_with_the_row_and_the_cause(
    run: Any, canned: CannedApi, tmp_path: Path
) -> None:
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(POSITIONS))
    canned.answers["/past/replay"] = GOOD
    found = run("audit", "replay", str(file), "--from-start")
    assert found.exit_code == 0
    assert "reproduced: 1 of 1" in found.stdout
    assert canned.last().body == {"answer": POSITIONS, "from_start": True}
    canned.answers["/past/replay"] = BAD
    found = run("audit", "replay", str(file))
    assert found.exit_code == 1
    assert "RECORDS" in found.stdout
    assert "rows: entity BANK, currency CNY: position shown 1.00, replayed 2.00" in found.stdout
    assert json.loads(run("audit", "replay", str(file), "--json").stdout)["results"] == [BAD]


def test_an_answer_may_be_an_address_of_this_api_only(run: Any, canned: CannedApi) -> None:
    canned.answers["/positions"], canned.answers["/past/replay"] = POSITIONS, GOOD
    assert run("audit", "replay", f"{canned.address}/api/v1/positions?by=account").exit_code == 0
    assert canned.requests[-2].query == {"by": "account"}
    assert run("audit", "replay", "https://elsewhere.example/api/v1/positions").exit_code == 2
    assert run("audit", "replay", "no-such-file.json").exit_code == 2


def test_a_figure_at_a_vector_is_asked_by_name(run: Any, canned: CannedApi) -> None:
    canned.answers["/past/replay"] = GOOD | {"answer": POSITIONS}
    found = run(
        "audit", "replay", "--at-offsets", VECTOR, "--figure", "positions", "--by", "entity,currency", "--json"
    )
    assert found.exit_code == 0
    asked = {"figure": "positions", "by": ["entity", "currency"]}
    assert canned.last().body == {"asked": asked, "at_offsets": json.loads(VECTOR)}
    assert json.loads(found.stdout)["results"] == [GOOD]
    assert run("audit", "replay", "--at-offsets", VECTOR).exit_code == 2
    assert run("audit", "replay").exit_code == 2


def test_cuts_are_asked_few_at_a_time_and_a_sample_is_the_same_again(run: Any, canned: CannedApi) -> None:
    row = {"cut": 7, "same": True, "digest": "ab", "difference": None}
    canned.answers["/past/replay"] = {"cuts": [row]}
    assert run("audit", "replay", "--cuts", "0..44").exit_code == 0
    asked = [request.body["cuts"] for request in canned.requests]
    assert [len(part) for part in asked] == [20, 20, 5]
    assert [number for part in asked for number in part] == list(range(45))
    canned.requests.clear()
    for _ in range(2):
        assert run("audit", "replay", "--cuts", "0..1000", "--random", "6", "--seed", "3").exit_code == 0
    first, second = (request.body["cuts"] for request in canned.requests)
    assert first == second == sorted(first)
    assert len(first) == 6
    for wrong in ("5", "7..3", "a..b"):
        assert run("audit", "replay", "--cuts", wrong).exit_code == 2


def test_the_whole_page_as_it_was(run: Any, canned: CannedApi) -> None:
    gone = {"status": "NOT_COMPUTABLE", "reason": "no mapping", "rows": []}
    page: dict[str, Any] = {"offsets": {"tm.in.core.txn.v1/0": 7}, "positions": POSITIONS, "ratios": gone}
    page |= {"alerts": {"offsets": {}, "alerts": []}}
    page |= {name: {"offsets": {}, "rows": []} for name in ("gap", "withdrawals", "limits")}
    canned.answers["/past"] = page
    found = run("past", "--at", AT)
    assert found.exit_code == 0, found.output
    assert "1,234,567.80" in found.stdout
    assert "not computable: no mapping" in found.stdout
    assert json.loads(run("past", "--at-offsets", VECTOR, "--json").stdout) == page
    assert run("past").exit_code == 2


def test_a_history_shows_what_changed_as_of_and_as_known(run: Any, canned: CannedApi) -> None:
    canned.answers["/histories/RiskAsset/LN-1"] = HISTORY
    found = run("audit", "history", "LN-1", "--diff", "--as-of", "2026-03-12", "--known-at", AT)
    assert found.exit_code == 0, found.output
    assert canned.last().query == {"as_of": "2026-03-12", "known_at": "2026-03-16T09:00:00+00:00"}
    for text in (
        "RecoveryApplied by system as SY",
        "memo.principal",
        "100.00",
        "92.50",
        "3 known events count later",
    ):
        assert text in found.stdout
    plain = run("audit", "history", "risk-asset", "LN-1")
    assert "amount 7.50" in plain.stdout
    assert json.loads(run("audit", "history", "LN-1", "--json").stdout) == HISTORY
    assert run("audit", "history", "LN-1", "--as-of", "2026-02-30").exit_code == 2
