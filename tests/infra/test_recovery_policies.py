"""The shipped estimates cover every stage that a disposal can be open in; a wrong file is refused."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from aggregates.registry import KINDS as REGISTERED
from engines.primitives.errors import InvalidInput
from infra.recovery_policies import recovery_policy
from projections.recovery_stages import CLOSED_STAGES, KINDS

SHIPPED = Path(__file__).parents[2] / "infra" / "policies" / "recovery_cash.toml"


@pytest.mark.parametrize("aggregate", KINDS)
def test_every_open_stage_has_a_rate(aggregate: str) -> None:
    table, _ = recovery_policy().in_force(date(2026, 1, 1))
    rows = [row for row in REGISTERED[aggregate].ROWS if "InSuit" not in row.event]
    stages = {stage for row in rows for stage in row.stages} - CLOSED_STAGES
    assert stages
    for stage in stages:
        rate = table.rate(aggregate, stage, "CLAIM")
        assert rate.probability <= Fraction(95, 100)
        if stage in {"DRAFT", "RETURNED", "SUBMITTED"}:
            assert rate.probability == 0  # nobody has decided


def test_a_stress_is_the_harder_the_more_severe() -> None:
    table, in_force = recovery_policy().in_force(date(2017, 1, 1))
    assert not in_force
    steps = [table.severities[name] for name in ("mild", "moderate", "severe")]
    assert steps == sorted(steps, key=lambda step: (-step.probability, step.delay_days))
    assert all(step.probability < 1 for step in steps)


def test_the_digest_names_the_content(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    (tmp_path / "recovery_cash.toml").write_text(text, encoding="utf-8")
    assert recovery_policy(tmp_path) == recovery_policy()
    changed = text.replace('probability = "0.95"', 'probability = "0.94"', 1)
    (tmp_path / "recovery_cash.toml").write_text(changed, encoding="utf-8")
    assert recovery_policy(tmp_path).digest != recovery_policy().digest
    assert recovery_policy(tmp_path / "absent").digest == recovery_policy().digest


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('probability = "0.95"', 'probability = "1.95"', "probability"),
        ('probability = "0.95"', 'probability = "often"', "probability"),
        ("delay_days = 60", "delay_days = -60", "delay_days"),
        ("[version.severity]\nmild", "[version.severity]\nmildest", "severity"),
        ('precedence = ["FaDisposal", ', "precedence = [", "precedence"),
        ('parts = ["FaDisposal"', 'parts = ["Gift"', "parts"),
    ],
)
def test_a_wrong_file_is_refused_with_its_field(tmp_path: Path, old: str, new: str, field: str) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "recovery_cash.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        recovery_policy(tmp_path)
    assert caught.value.facts["field"] == field
