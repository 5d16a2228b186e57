"""`tidemark calc` at the terminal: JSON in, JSON out, errors as JSON with exit code 2."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.main import app
from tests.api.golden_cases import cases

BOND = {"face": "100", "coupon_rate": "0.10", "yield": "0.10", "periods_per_year": 1, "periods": 3}


def calc(*arguments: str, stdin: str = "") -> Result:
    return CliRunner(env={"COLUMNS": "300"}).invoke(app, ["calc", *arguments], input=stdin)


def test_from_stdin_and_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "bond.json"
    path.write_text(json.dumps(BOND))
    from_stdin, from_file = calc("duration", stdin=json.dumps(BOND)), calc("duration", "--input", str(path))
    assert from_stdin.exit_code == from_file.exit_code == 0
    assert from_stdin.stdout == from_file.stdout
    assert json.loads(from_stdin.stdout)["macaulay_duration"] == "2.7355371901"
    assert next(iter(json.loads(from_stdin.stdout))) == "price"


def test_the_list_names_all() -> None:
    names = [line.split()[0] for line in calc("--list").stdout.splitlines()]
    assert {"duration", "duration_gap", "interest_trial"} <= set(names)


def test_a_schema() -> None:
    schema = json.loads(calc("--schema", "duration").stdout)
    assert schema["oneOf"][0]["title"] == "bullet_bond"


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "field", "record"),
    [
        (["duration"], json.dumps(BOND | {"face": 1.5}), "invalid-input", "face", None),
        (
            ["duration"],
            '{"as_of": "2021-01-01", "yield": "0", "flows": [{"date": "2020-01-01", "amount": "1"}]}',
            "invalid-input",
            "flows[0].date",
            "flows[0]",
        ),
        (["duration"], "{", "invalid-input", "input", None),
        (["nothing"], "{}", "not-found", "engine", None),
        (["--schema", "nothing"], "", "not-found", "engine", None),
        ([], "", "invalid-input", "engine", None),
        (["duration", "--input", "no-such-file.json"], "", "invalid-input", "input", None),
    ],
)
def test_wrong_input_is_one_json_object_on_stderr(
    arguments: list[str], stdin: str, code: str, field: str, record: str | None
) -> None:
    result = calc(*arguments, stdin=stdin)
    assert result.exit_code == 2
    assert result.stdout == ""
    error = json.loads(result.stderr)
    assert error.pop("message")
    assert error == {"code": code, "field": field, "record": record}


def test_what_cannot_be_computed_is_null_and_no_error() -> None:
    result = calc("duration-gap", stdin='{"assets": [], "liabilities": [], "yield": "0"}')
    assert result.exit_code == 0
    assert json.loads(result.stdout)["status"] == "NOT_COMPUTABLE"


def test_an_interest_trial_reads_as_a_table() -> None:
    case = cases("ra-36")[0]
    shown = calc("interest-trial", "--table", stdin=json.dumps(case["inputs"]))
    assert shown.exit_code == 0, shown.stderr
    for text in (
        "195386.67 × 7.65% × 5 / 360, 7.65% = 5.1% × (1 + 50%)",
        "77,066.666667",
        "89,826.67",
        "pays compound 1392.86, penalty 8500.00, interest 140107.14",
        "8,238,436.44",
        "Civil Code, article 561",
    ):
        assert text in shown.stdout


def test_help_imports_no_calculation() -> None:
    script = (
        "import sys; from typer.testing import CliRunner; from api.main import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
        "print([name for name in sys.modules if name.startswith(('api.calculations', 'numpy', 'polars'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
