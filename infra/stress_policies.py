"""Policies of scenarios and stress tests, read into what the engines take.

The files are infra/policies/shock_families.toml and stress_runs.toml. Not for the formulas.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from engines.primitives.errors import InvalidInput
from engines.shock_families import SEVERITIES, FamilyTable, check_shocks, parse_families
from engines.stress import StressRun
from infra.policies import load_policy


@dataclass(frozen=True, slots=True)
class RunTable:
    version: str
    effective_from: date
    runs: tuple[StressRun, ...]


Versioned = TypeVar("Versioned", FamilyTable, RunTable)


def shock_families(as_of: date | None = None, directory: Path | None = None) -> FamilyTable:
    """The table in force on `as_of`, without a day the newest. Raises InvalidInput before the first."""
    return _in_force(parse_families(load_policy("shock_families", directory)), as_of)


def stress_runs(as_of: date | None = None, directory: Path | None = None) -> RunTable:
    """The runs in force on `as_of`, without a day the newest. Raises InvalidInput before the first."""
    versions = load_policy("stress_runs", directory)["version"]
    tables = [
        RunTable(
            entry["name"],
            entry["effective_from"],
            tuple(_run(row, f"version[{at}].run[{place}]") for place, row in enumerate(entry["run"])),
        )
        for at, entry in enumerate(versions)
    ]
    return _in_force(tuple(sorted(tables, key=lambda one: one.effective_from)), as_of)


def stress_responses(directory: Path | None = None) -> Mapping[str, Mapping[str, Any]]:
    """By calculation, how its inputs follow from a stress: the content of stress_responses.toml."""
    responses: Mapping[str, Mapping[str, Any]] = load_policy("stress_responses", directory)["response"]
    return responses


def _in_force(tables: tuple[Versioned, ...], as_of: date | None) -> Versioned:
    found = [table for table in tables if as_of is None or table.effective_from <= as_of]
    if not found:
        raise InvalidInput(f"the table is in force from {tables[0].effective_from} only", field="as_of")
    return found[-1]


def _run(row: Mapping[str, Any], record: str) -> StressRun:
    if row["severity"] not in SEVERITIES:
        raise InvalidInput(f"want one of {', '.join(SEVERITIES)}", field="severity", record=record)
    shocks = {parameter: Fraction(size) for parameter, size in row["shocks"].items()}
    check_shocks(shocks, f"{record}.shocks")
    return StressRun(row["run_id"], row["horizon_days"], row["severity"], shocks)
