"""`tidemark scenario run`: over HTTP on its private server, with exit codes that scripts rely on (decision E18)."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.main import app

FILE = Path(__file__).parent.parent / "golden" / "scenarios" / "debt-reduction.jsonl"
ADMITTED = FILE.read_text(encoding="utf-8").splitlines()[0]


def run(file: Path, *options: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["scenario", "run", str(file), *options])


def written(folder: Path, *lines: str) -> Path:
    file = folder / "file.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_a_file_is_played_and_every_line_answered() -> None:
    result = run(FILE, "--json")
    assert result.exit_code == 0, result.output
    answers = [json.loads(line) for line in result.output.splitlines()]
    assert [answer["line"] for answer in answers] == list(range(1, 18))
    assert set(answers[0]) == {"line", "ok", "events", "state", "identities", "error"}
    assert answers[-1]["state"]["RiskAsset/LN-8003"]["principal"] == "250000.00"
    assert all(identity["holds"] for answer in answers for identity in answer["identities"])


@pytest.mark.parametrize("expect", ["ok", "RiskAsset.Close.2"])
def test_an_unmet_expectation_is_exit_code_1(tmp_path: Path, expect: str) -> None:
    closed = json.loads(ADMITTED) | {"role": "SY", "command": "AssetClosed", "payload": {"closed_as": "REPAID"}}
    result = run(written(tmp_path, ADMITTED, json.dumps(closed | {"expect": expect})))
    assert result.exit_code == 1
    assert "RiskAsset.Close.1" in result.output


@pytest.mark.parametrize(
    "line",
    ["not json", "[1]", json.dumps(json.loads(ADMITTED) | {"given": "AssetAdmitted"}), json.dumps({"at": "2024"})],
)
def test_a_malformed_file_is_exit_code_2_before_anything_is_played(tmp_path: Path, line: str) -> None:
    result = run(written(tmp_path, ADMITTED, line))
    assert result.exit_code == 2
    assert "AssetAdmitted:" not in result.output


def test_a_file_that_is_not_there_is_exit_code_2(tmp_path: Path) -> None:
    assert run(tmp_path / "none.jsonl").exit_code == 2
