"""What a scenario can do to a bank: parameters of the stress engine, and the 14 families of shocks (LIQ-32).

A family is a story (a rating downgrade); a parameter is a number an engine takes (margin calls). Families are data,
read by infra; parameters are fixed here because `engines.stress` gives each its meaning. Not for the stress itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Literal, get_args

from engines.primitives.errors import InvalidInput

Rule = Literal["COMPOUND", "ADD", "MAX"]
DEFAULT_RULE: Rule = "COMPOUND"
Severity = Literal["mild", "moderate", "severe"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
FAMILIES = 14

#: Shares from 0 to 1 of the amount that a parameter acts on.
SHARES = (
    "security_haircut",
    "price_impact",
    "retail_run_off",
    "corporate_run_off",
    "interbank_run_off",
    "rollover_loss",
    "line_loss",
    "central_bank_line_loss",
    "commitment_drawdown",
    "margin_call",
    "group_support",
    "foreign_currency_loss",
    "loan_default",
    "counterparty_default",
)
#: Additions to a level: percentage points (as a fraction), basis points a year, hours.
ADDITIONS = ("reserve_ratio_rise", "funding_spread_bp", "outage_hours")
UNBOUNDED = ("funding_spread_bp", "outage_hours")
PARAMETERS = (*SHARES, *ADDITIONS)

Shocks = Mapping[str, Fraction]  # by parameter; what is not there is not shocked


@dataclass(frozen=True, slots=True)
class Family:
    """`sizes`: by severity, what a scenario that names the family alone is given, by parameter."""

    number: int
    name_en: str
    name_zh: str
    sizes: Mapping[str, Shocks]
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class FamilyTable:
    version: str
    effective_from: date
    families: tuple[Family, ...]  # number 1 first

    def family(self, number: int) -> Family:
        """Raises InvalidInput: there is no such family."""
        if not 1 <= number <= len(self.families):
            raise InvalidInput(f"want a family from 1 to {len(self.families)}, got {number}", field="family")
        return self.families[number - 1]


def combine(sizes: Sequence[Fraction], parameter: str, rule: Rule = DEFAULT_RULE) -> Fraction:
    """What several shocks on one parameter come to.

    Of shares COMPOUND is `1 - (1-a)(1-b)`: the second shock takes its part of what the first one left. ADD is a + b,
    at most 1, since no more than everything can go. MAX is the largest. Additions (basis points, hours) leave no
    rest that could be shocked again, so COMPOUND adds them.

    Raises:
        InvalidInput: as `check_shocks`.
    Source: LIQ-32.
    """
    for size in sizes:
        check_shocks({parameter: size})
    if rule == "MAX":
        return max(sizes, default=Fraction(0))
    if rule == "ADD" or parameter in ADDITIONS:
        together = sum(sizes, Fraction(0))
        return together if parameter in UNBOUNDED else min(Fraction(1), together)
    left = Fraction(1)
    for size in sizes:
        left *= 1 - size
    return 1 - left


def check_shocks(shocks: Shocks, field: str = "shocks") -> None:
    """Raises InvalidInput: an unknown parameter, a size below 0, a share or a rise of the reserve ratio above 1."""
    for parameter, size in shocks.items():
        if parameter not in PARAMETERS:
            message = f"{parameter!r} is no parameter: there are {', '.join(PARAMETERS)}"
            raise InvalidInput(message, field=f"{field}.{parameter}")
        if size < 0:
            raise InvalidInput(f"{parameter} may not be negative", field=f"{field}.{parameter}")
        if size > 1 and parameter not in UNBOUNDED:
            raise InvalidInput(f"{parameter} is at most 1", field=f"{field}.{parameter}")


def scaled(shocks: Shocks, multiple: Fraction) -> dict[str, Fraction]:
    """Every shock times `multiple` >= 0; what has 1 for its largest value stays there."""
    return {
        name: size * multiple if name in UNBOUNDED else min(Fraction(1), size * multiple)
        for name, size in shocks.items()
    }


def parse_families(data: Mapping[str, Any]) -> tuple[FamilyTable, ...]:
    """The versions of a policy file's content, oldest first: arrays `version` with `family` and its `sizes`.

    Raises:
        InvalidInput: `record` is the entry, as `version[0].family[3]`: not 14 families in order, an unknown
            severity, or as `check_shocks`.
    """
    versions = [_version(entry, f"version[{at}]") for at, entry in enumerate(data["version"])]
    return tuple(sorted(versions, key=lambda one: one.effective_from))


def _version(entry: Mapping[str, Any], record: str) -> FamilyTable:
    families = tuple(_family(row, f"{record}.family[{at}]") for at, row in enumerate(entry["family"]))
    if [family.number for family in families] != list(range(1, FAMILIES + 1)):
        raise InvalidInput(f"want the families 1 to {FAMILIES} in order", field="family", record=record)
    return FamilyTable(entry["name"], entry["effective_from"], families)


def _family(row: Mapping[str, Any], record: str) -> Family:
    if set(row["sizes"]) != set(SEVERITIES):
        raise InvalidInput(f"want sizes for {', '.join(SEVERITIES)}", field="sizes", record=record)
    sizes = {
        severity: {parameter: Fraction(size) for parameter, size in shocks.items()}
        for severity, shocks in row["sizes"].items()
    }
    for severity, shocks in sizes.items():
        check_shocks(shocks, f"{record}.sizes.{severity}")
    return Family(row["number"], row["name_en"], row["name_zh"], sizes, row["source"], row["status"])
