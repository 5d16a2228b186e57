"""Quality of a data set: what its rules found, the weighted score, and whether a figure may be published (LIQ-54).

The rules themselves, record by record, are `engines.data_rules`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from engines.primitives.errors import InvalidInput

ZERO = Fraction(0)

Severity = Literal["critical", "major", "minor"]


@dataclass(frozen=True, slots=True)
class Check:
    """What one rule found. `pass_rate` None: it had nothing to look at.

    `failures_allowed` is the share of failures that the rule still accepts, itself included.
    """

    rule_id: str
    severity: Severity
    weight: Fraction
    pass_rate: Fraction | None
    failures_allowed: Fraction = ZERO

    @property
    def passes(self) -> bool | None:
        return None if self.pass_rate is None else 1 - self.pass_rate <= self.failures_allowed


@dataclass(frozen=True, slots=True)
class Quality:
    score: Fraction | None  # 0..1; None: a rule of any weight had nothing to look at
    failed: tuple[str, ...]  # rule ids, in the order given
    blocked_by: tuple[str, ...]  # critical rules that failed, or that could not be tried

    @property
    def may_publish(self) -> bool:
        return not self.blocked_by


def quality(checks: Sequence[Check]) -> Quality:
    """`score = sum of weight * pass rate`; a critical rule that does not pass blocks, whatever the score.

    Raises:
        InvalidInput: no check, a rule stands twice, a weight is negative, a rate outside 0..1, or weights that do not
            add up to exactly 1.
    Source: LIQ-54.
    """
    seen: set[str] = set()
    for at, check in enumerate(checks):
        rates = (check.failures_allowed, check.pass_rate or ZERO)
        wrong = "rule_id" if check.rule_id in seen else "weight" if check.weight < 0 else ""
        if not wrong and not all(0 <= rate <= 1 for rate in rates):
            wrong = "pass_rate"
        if wrong:
            message = "the rule stands twice" if wrong == "rule_id" else f"the {wrong} is out of range"
            raise InvalidInput(message, field=f"checks[{at}].{wrong}", record=f"checks[{at}]")
        seen.add(check.rule_id)
    if sum((check.weight for check in checks), ZERO) != 1:
        raise InvalidInput("the weights do not add up to 1", field="checks")
    weighed = [
        None if check.pass_rate is None else check.weight * check.pass_rate for check in checks if check.weight
    ]
    known = [part for part in weighed if part is not None]
    return Quality(
        score=sum(known, ZERO) if len(known) == len(weighed) else None,
        failed=tuple(check.rule_id for check in checks if check.passes is False),
        blocked_by=tuple(check.rule_id for check in checks if check.severity == "critical" and not check.passes),
    )


@dataclass(frozen=True, slots=True)
class TieOut:
    """Sub-ledger against general ledger, in one unit."""

    difference: Fraction  # sub-ledger less general ledger
    allowed: Fraction

    @property
    def passes(self) -> bool:
        return abs(self.difference) <= self.allowed


def tie_out(sub_ledger: Fraction, general_ledger: Fraction, tolerance: Fraction) -> TieOut:
    """Fails if `abs(sub - GL) > tolerance * abs(GL)`: at a general ledger of 0 any difference does.

    Args:
        tolerance: a share of the general ledger, >= 0.
    Raises:
        InvalidInput: a negative tolerance.
    Source: LIQ-54.
    """
    if tolerance < 0:
        raise InvalidInput("the tolerance is negative", field="tolerance")
    return TieOut(sub_ledger - general_ledger, tolerance * abs(general_ledger))
