"""Scenarios as versioned records, the shocks they come to, and their results beside the base case (LIQ-32).

A scenario names shocks by parameter and size, or by family and severity, for which the table of families has sizes.
What the shocks do to a balance sheet is `engines.stress`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal

from engines.core_liabilities import months_from
from engines.primitives.errors import InvalidInput
from engines.shock_families import DEFAULT_RULE, SEVERITIES, FamilyTable, Rule, Severity, combine
from engines.stress import Stressed

Kind = Literal["base", "institution", "market", "combined"]
REVIEW_MONTHS = 3


@dataclass(frozen=True, slots=True)
class Shock:
    """A size of a parameter, or a family alone, which takes the sizes of the scenario's severity."""

    family: int | None = None
    parameter: str | None = None
    size: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    scenario_id: str
    version: int  # from 1
    kind: Kind
    horizon_days: int
    severity: Severity
    shocks: tuple[Shock, ...]
    rule: Rule = DEFAULT_RULE
    narrative: str = ""  # expert judgement, in words
    reviewed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A metric of a scenario beside the base case; `change` is null where one of the two has no value."""

    metric: str
    base: Fraction | None
    value: Fraction | None

    @property
    def change(self) -> Fraction | None:
        return None if self.base is None or self.value is None else self.value - self.base


def effective_shocks(scenario: Scenario, families: FamilyTable) -> dict[str, Fraction]:
    """Each shocked parameter with what all shocks on it come to, in the order of their first mention.

    Raises:
        InvalidInput: `record` as `shocks[1]`: neither parameter nor family, a size without its parameter or the
            reverse, an unknown family or parameter, a size out of range; a base scenario with shocks.
    Source: LIQ-32.
    """
    if scenario.kind == "base" and scenario.shocks:
        raise InvalidInput("a base scenario has no shocks", field="shocks")
    if scenario.severity not in SEVERITIES:
        raise InvalidInput(f"want one of {', '.join(SEVERITIES)}", field="severity")
    sizes: dict[str, list[Fraction]] = {}
    for at, shock in enumerate(scenario.shocks):
        for parameter, size in _sizes(shock, scenario.severity, families, f"shocks[{at}]").items():
            sizes.setdefault(parameter, []).append(size)
    return {parameter: combine(found, parameter, scenario.rule) for parameter, found in sizes.items()}


def check_library(scenarios: Sequence[Scenario]) -> None:
    """Raises InvalidInput: a version stands twice or is below 1; `record` as `scenarios[2]`."""
    seen = set()
    for at, scenario in enumerate(scenarios):
        key, record = (scenario.scenario_id, scenario.version), f"scenarios[{at}]"
        if scenario.version < 1 or key in seen:
            message = f"version {scenario.version} of {scenario.scenario_id!r} stands twice or is below 1"
            raise InvalidInput(message, field=f"{record}.version", record=record)
        seen.add(key)


def newest(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """The newest version of each scenario, in the order of first mention. Raises InvalidInput as `check_library`."""
    check_library(scenarios)
    found: dict[str, Scenario] = {}
    for scenario in scenarios:
        known = found.get(scenario.scenario_id)
        if known is None or known.version < scenario.version:
            found[scenario.scenario_id] = scenario
    return list(found.values())


def compare(base: Mapping[str, Fraction | None], shocked: Mapping[str, Fraction | None]) -> list[Change]:
    """Every metric of the base case beside the same one under the scenario; one that is not there is null."""
    return [Change(metric, value, shocked.get(metric)) for metric, value in base.items()]


def metrics(found: Stressed) -> dict[str, Fraction | None]:
    """The metrics of a stress result that a comparison shows; cover is null where nothing is needed."""
    return {"available": found.available, "need": found.need, "net": found.net, "cover": found.cover.value}


def review_due(reviewed_on: date) -> date:
    """The day by which a scenario must be run and reviewed again: "at least quarterly"."""
    return months_from(reviewed_on, REVIEW_MONTHS)


def _sizes(shock: Shock, severity: Severity, families: FamilyTable, record: str) -> Mapping[str, Fraction]:
    try:
        found = None if shock.family is None else families.family(shock.family)
    except InvalidInput as error:
        raise InvalidInput(str(error), field=f"{record}.family", record=record) from error
    if shock.parameter is None and shock.size is None and found is not None:
        return found.sizes[severity]
    if shock.parameter is None or shock.size is None:
        message = "want a parameter with its size, or a family alone"
        raise InvalidInput(message, field=f"{record}.{'size' if shock.parameter else 'parameter'}", record=record)
    try:
        return {shock.parameter: combine([shock.size], shock.parameter)}
    except InvalidInput as error:
        raise InvalidInput(str(error), field=f"{record}.size", record=record) from error
