"""Calculation `stress`: the six standard runs over 7 and 30 days, or the bank's own, with pass and fail."""

from typing import Annotated, Any

from pydantic import Field

from api.calculations.fields import Day, Exact, Inputs, Name, NonNegative, PositiveCount
from api.calculations.nested_sheets import sheets
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.stress_inputs import BookInputs, Calculations, base_results, figures, line_rows, repeated
from api.calculations.texts import not_computable
from engines.primitives.errors import InvalidInput
from engines.shock_families import Severity, check_shocks
from engines.stress import StressRun
from infra.stress_policies import stress_runs

#: By parameter; the engine knows which there are and what their range is.
ShockSizes = Annotated[dict[Name, Exact], Field(description="size by parameter, as security_haircut")]


class Run(Inputs):
    run_id: Name
    horizon_days: PositiveCount
    severity: Severity
    shocks: ShockSizes


class Recoveries(Inputs):
    """A row of GET /api/v1/recoveries/stress, in the unit of the book."""

    horizon_days: PositiveCount
    severity: Severity | None = None
    amount: NonNegative


class StressTest(BookInputs, Calculations):
    """Runs of the table in force for the horizons whose flows are given, and rows of the bank's own beside them."""

    as_of: Day | None = Field(default=None, description="which version of the table; default: the newest")
    runs: list[Run] = Field(default=[], description="rows of one's own")
    standard_runs: bool = True
    recoveries: list[Recoveries] = Field(
        default=[], description="by horizon and severity; take the place of the flows' own in runs of that severity"
    )

    def of_run(self, horizon_days: int, severity: Severity) -> "StressTest":
        """The inputs with the recoveries of a run. Raises InvalidInput: they stand twice."""
        rows = [row for row in self.recoveries if (row.horizon_days, row.severity) == (horizon_days, severity)]
        if not rows:
            return self
        if len(rows) > 1:
            raise InvalidInput("recoveries of a horizon and a severity stand once", field="recoveries")
        flows = [
            flow.model_copy(update={"recoveries": rows[0].amount}) if flow.horizon_days == horizon_days else flow
            for flow in self.flows
        ]
        return self.model_copy(update={"flows": flows})


def _compute(inputs: StressTest) -> Result:
    table = stress_runs(inputs.as_of)
    horizons = {flow.horizon_days for flow in inputs.flows}
    runs = [run for run in table.runs if inputs.standard_runs and run.horizon_days in horizons]
    runs += [_own(run, f"runs[{at}]") for at, run in enumerate(inputs.runs)]
    seen = [run.run_id for run in runs]
    if len(set(seen)) < len(seen):
        raise InvalidInput("two runs have one run_id", field="runs")
    base = base_results(inputs.calculations)
    rows: list[dict[str, Any]] = []
    reasons = []
    for run in runs:
        given = inputs.of_run(run.horizon_days, run.severity)
        found = given.stressed(run.shocks, run.horizon_days)
        if not found.need:
            reasons.append(f"the need of {run.run_id} is 0")
        row = {"run_id": run.run_id, "horizon_days": run.horizon_days, "severity": run.severity, **figures(found)}
        row["lines"] = line_rows(found)
        if base:
            row["calculations"] = repeated(inputs.calculations, base, given, run.shocks, run.horizon_days)
        rows.append(row)
    failed = [row["run_id"] for row in rows if not row["passes"]]
    version = {"name": "stress_runs", "version": table.version, "effective_from": table.effective_from.isoformat()}
    return {"all_pass": not failed, "failed": failed, "runs": rows, "run_table": version, **not_computable(reasons)}


def _own(run: Run, record: str) -> StressRun:
    check_shocks(run.shocks, f"{record}.shocks")
    return StressRun(run.run_id, run.horizon_days, run.severity, run.shocks)


CALCULATION = Calculation(
    "stress",
    "7-day and 30-day stress test: six standard runs and own ones (LIQ-33).",
    (Variant("default", StressTest, _compute),),
    sheets,
)
