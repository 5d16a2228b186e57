"""The shipped tables of shocks: the deck's figures, every family usable, dates, and what a wrong file says."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from engines.primitives.errors import InvalidInput
from engines.shock_families import SEVERITIES
from infra.policies import load_policy
from infra.stress_policies import shock_families, stress_responses, stress_runs

#: q, s, d, b and the rise of the reserve ratio, in tenths of a per cent, as the deck has them (LIQ-33).
DECK = {
    (7, "mild"): (0, 10, 20, 50, 0),
    (7, "moderate"): (0, 30, 40, 100, 5),
    (7, "severe"): (0, 50, 60, 150, 10),
    (30, "mild"): (40, 30, 40, 50, 0),
    (30, "moderate"): (70, 50, 60, 100, 5),
    (30, "severe"): (100, 80, 80, 150, 10),
}
NAMES = ("loan_default", "security_haircut", "retail_run_off", "interbank_run_off", "reserve_ratio_rise")


def test_the_six_runs_are_those_of_the_deck() -> None:
    found = {}
    for run in stress_runs().runs:
        assert run.shocks["retail_run_off"] == run.shocks["corporate_run_off"]
        found[run.horizon_days, run.severity] = tuple(int(run.shocks.get(name, Fraction(0)) * 1000) for name in NAMES)
    assert found == DECK


def test_the_fourteen_families_shock_something_and_worsen_with_severity() -> None:
    for family in shock_families().families:
        mild, moderate, severe = (family.sizes[severity] for severity in SEVERITIES)
        assert mild.keys() == moderate.keys() == severe.keys() != set()
        assert all(mild[name] <= moderate[name] <= severe[name] for name in mild)
        assert any(severe[name] > mild[name] for name in mild)


def test_each_table_is_in_force_from_a_day() -> None:
    for table in (shock_families, stress_runs):
        first = table().effective_from
        assert table(as_of=first) == table()
        with pytest.raises(InvalidInput) as caught:
            table(as_of=date(2000, 1, 1))
        assert caught.value.facts["field"] == "as_of"


def test_every_response_says_what_it_needs() -> None:
    known = {"needs", "falls", "pays", "moves", "adds", "spreads"}
    for name, response in stress_responses().items():
        assert response["needs"], name
        assert set(response) <= known, name


@pytest.mark.parametrize(("size", "severity"), [("1.5", "mild"), ("0.1", "terrible")])
def test_a_wrong_run_is_refused(tmp_path: Path, size: str, severity: str) -> None:
    run = f'run_id = "x"\nhorizon_days = 7\nseverity = "{severity}"\nshocks = {{ line_loss = "{size}" }}\n'
    head = '[[version]]\nname = "x"\neffective_from = 2020-01-01\n[[version.run]]\n'
    (tmp_path / "stress_runs.toml").write_text(head + run, encoding="utf-8")
    assert load_policy("stress_runs", tmp_path)["version"][0]["run"][0]["run_id"] == "x"
    with pytest.raises(InvalidInput):
        stress_runs(directory=tmp_path)
