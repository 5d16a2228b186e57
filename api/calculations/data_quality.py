"""Calculation `data_quality`: rules on records, the weighted score, and whether a figure may be published."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from api.calculations.data_quality_rules import Beside, Cell, RuleLine, engine_rule
from api.calculations.fields import Day, Exact, Inputs, Name, NonNegative, Share
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import exact_text, not_computable, percent_text, plain_text
from engines.data_quality import ZERO, Check, Severity, quality, tie_out

FAILURES_SHOWN = 100


class CheckLine(Inputs):
    rule_id: Name
    weight: Share
    pass_rate: Share | None = Field(description="null: the rule had nothing to look at")
    severity: Severity = "major"
    failures_allowed: Share = ZERO


class Checks(Inputs):
    """Pass rates that are known."""

    checks: list[CheckLine]


class Records(Inputs):
    records: list[dict[Name, Cell]]
    rules: list[RuleLine]
    as_of: Day | None = Field(default=None, description="for timeliness")
    references: dict[Name, list[Cell]] = Field(default={}, description="lists of known values, by name")
    yesterday: list[dict[Name, Cell]] | None = Field(default=None, description="records, for plausibility")


class Ledgers(Inputs):
    sub_ledger: Exact
    general_ledger: Exact
    tolerance: NonNegative = Field(description="share of the general ledger")


def _of_checks(inputs: Checks) -> Result:
    found = [
        Check(line.rule_id, line.severity, line.weight, line.pass_rate, line.failures_allowed)
        for line in inputs.checks
    ]
    return _verdict(found) | {"rules": [_of_check(check) for check in found]}


def _of_records(inputs: Records) -> Result:
    beside = Beside(inputs.as_of, inputs.references, inputs.yesterday)
    checks, rows, rejected = [], [], set[int]()
    for at, line in enumerate(inputs.rules):
        found = engine_rule(at, line, beside).apply(inputs.records)
        check = Check(line.rule_id, line.severity, line.weight, found.pass_rate, line.failures_allowed)
        checks.append(check)
        shown = {"kind": line.kind, "checked": found.checked, "failures": len(found.failed)}
        rows.append(_of_check(check) | shown | {"failed": list(found.failed[:FAILURES_SHOWN])})
        if line.severity == "critical" and line.kind != "tie_out":
            rejected |= {int(place) for place in found.failed}
    return {**_verdict(checks), "rejects": sorted(rejected), "rules": rows}


def _verdict(checks: Sequence[Check]) -> dict[str, Any]:
    found = quality(checks)
    untried = [f"rule {check.rule_id!r} had nothing to look at" for check in checks if check.pass_rate is None]
    return {
        "score_pct": percent_text(found.score),
        "score_exact": exact_text(found.score),
        "may_publish": found.may_publish,
        "blocked_by": list(found.blocked_by),
        "failed": list(found.failed),
    } | not_computable(untried if found.score is None else [])


def _of_check(check: Check) -> dict[str, Any]:
    return {
        "rule_id": check.rule_id,
        "severity": check.severity,
        "weight": plain_text(check.weight),
        "pass_rate_pct": percent_text(check.pass_rate),
        "passes": check.passes,
    }


def _of_ledgers(inputs: Ledgers) -> Result:
    found = tie_out(inputs.sub_ledger, inputs.general_ledger, inputs.tolerance)
    return {
        "difference": plain_text(found.difference),
        "allowed": plain_text(found.allowed),
        "passes": found.passes,
    }


CALCULATION = Calculation(
    "data_quality",
    "Data rules, quality score and blocked publication; sub-ledger against general ledger (LIQ-54).",
    (
        Variant("records", Records, _of_records),
        Variant("checks", Checks, _of_checks),
        Variant("tie_out", Ledgers, _of_ledgers),
    ),
    sheets_of("weight", "pass_rate_pct"),
)
