"""Calculation `scenario`: scenarios made of shock families and sizes, each beside the base case."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from api.calculations.fields import Day, Exact, Inputs, Name, PositiveCount
from api.calculations.nested_sheets import sheets
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.stress_inputs import (
    DIGITS,
    BookInputs,
    Calculations,
    base_results,
    figures,
    line_rows,
    repeated,
)
from api.calculations.texts import decimal_or_null, not_computable, plain_text
from engines.primitives.errors import InvalidInput
from engines.scenario import Kind, Scenario, Shock, compare, effective_shocks, metrics, newest, review_due
from engines.shock_families import DEFAULT_RULE, FamilyTable, Rule, Severity
from infra.stress_policies import shock_families

SHOCKS_MAX = 50  # the digits of an exact compound grow with each


class ShockLine(Inputs):
    """A size of a parameter, with the family it tells of; or a family alone, for the sizes of the table."""

    family: PositiveCount | None = Field(default=None, description="1 to 14")
    parameter: Name | None = None
    size: Exact | None = None


class Shocks(Inputs):
    """Shocks only: what they come to."""

    shocks: list[ShockLine] = Field(max_length=SHOCKS_MAX)
    severity: Severity = "moderate"
    rule: Rule = DEFAULT_RULE
    as_of: Day | None = None


class ScenarioLine(Inputs):
    scenario_id: Name
    version: PositiveCount = 1
    kind: Kind
    horizon_days: PositiveCount
    severity: Severity
    shocks: list[ShockLine] = Field(max_length=SHOCKS_MAX)
    rule: Rule = DEFAULT_RULE
    narrative: str = Field(default="", max_length=10_000, description="expert judgement, in words")
    reviewed_on: Day | None = None

    def scenario(self) -> Scenario:
        return Scenario(
            self.scenario_id,
            self.version,
            self.kind,
            self.horizon_days,
            self.severity,
            _shocks(self.shocks),
            self.rule,
            self.narrative,
            self.reviewed_on,
        )


class Scenarios(BookInputs, Calculations):
    """A library of scenarios on one balance sheet: the newest version of each is run beside the base case."""

    scenarios: list[ScenarioLine] = Field(min_length=1)
    as_of: Day | None = Field(default=None, description="which table of families; and whether a review is overdue")


def _combined(inputs: Shocks) -> Result:
    families = shock_families(inputs.as_of)
    lone = Scenario("", 1, "combined", 1, inputs.severity, _shocks(inputs.shocks), inputs.rule)
    return {"rule": inputs.rule, "parameters": _parameters(lone, families), **_table(families)}


def _compared(inputs: Scenarios) -> Result:
    families = shock_families(inputs.as_of)
    chosen = newest([line.scenario() for line in inputs.scenarios])
    base_figures = base_results(inputs.calculations)
    rows: list[dict[str, Any]] = []
    table: list[dict[str, Any]] = []
    reasons: dict[str, None] = {}
    for scenario in chosen:
        shocks = _effective(scenario, families)
        base = inputs.stressed({}, scenario.horizon_days)
        found = inputs.stressed(shocks, scenario.horizon_days)
        if not base.need or not found.need:
            reasons[f"the need over {scenario.horizon_days} days is 0"] = None
        due = None if scenario.reviewed_on is None else review_due(scenario.reviewed_on)
        row: dict[str, Any] = {
            "scenario_id": scenario.scenario_id,
            "version": scenario.version,
            "kind": scenario.kind,
            "severity": scenario.severity,
            "horizon_days": scenario.horizon_days,
            **figures(found),
            "narrative": scenario.narrative,
            "review_due": None if due is None else due.isoformat(),
            "is_review_overdue": None if due is None or inputs.as_of is None else inputs.as_of > due,
            "rule": scenario.rule,
            "parameters": _parameters(scenario, families),
            "lines": line_rows(found),
        }
        table += [
            {
                "scenario_id": scenario.scenario_id,
                "metric": change.metric,
                "base": decimal_or_null(change.base, DIGITS),
                "value": decimal_or_null(change.value, DIGITS),
                "change": decimal_or_null(change.change, DIGITS),
            }
            for change in compare(metrics(base), metrics(found))
        ]
        if base_figures:
            again = repeated(inputs.calculations, base_figures, inputs, shocks, scenario.horizon_days)
            row["calculations"] = again
            table += _ratios(scenario.scenario_id, again)
        rows.append(row)
    return {"scenarios": rows, "comparison": table, **_table(families), **not_computable(reasons)}


def _ratios(scenario_id: str, again: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "scenario_id": scenario_id,
            "metric": f"{one['calculation']}: {figure['figure']}",
            "base": figure["base"],
            "value": figure["stressed"],
            "change": figure["change"],
        }
        for one in again
        for figure in one["figures"]
        if figure["figure"].endswith("_pct") and not figure["figure"].startswith(("minimum", "maximum"))
    ]


def _effective(scenario: Scenario, families: FamilyTable) -> dict[str, Any]:
    try:
        return dict(effective_shocks(scenario, families))
    except InvalidInput as error:
        where = f"scenario {scenario.scenario_id!r}" if scenario.scenario_id else "shocks"
        raise InvalidInput(f"{where}: {error}", **error.facts) from error


def _parameters(scenario: Scenario, families: FamilyTable) -> list[dict[str, Any]]:
    found = _effective(scenario, families)
    return [{"parameter": name, "size": plain_text(size)} for name, size in found.items()]


def _shocks(lines: Sequence[ShockLine]) -> tuple[Shock, ...]:
    return tuple(Shock(line.family, line.parameter, line.size) for line in lines)


def _table(families: FamilyTable) -> Result:
    version = {"name": "shock_families", "version": families.version}
    return {"family_table": version | {"effective_from": families.effective_from.isoformat()}}


CALCULATION = Calculation(
    "scenario",
    "Scenarios of shock families: combined parameters, results beside the base case, comparison (LIQ-32).",
    (Variant("shocks", Shocks, _combined), Variant("scenarios", Scenarios, _compared)),
    sheets,
)
