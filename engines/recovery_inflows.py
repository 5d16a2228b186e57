"""What disposals of risk assets are expected to bring in: promises, weighed and dated by policy (LIQ-13, LIQ-33).

A promise counts with the probability of its stage, no earlier than it is due and later by the policy's delay. Amounts
stay exact rationals of minor units until they are shown. Not for what was promised and paid: that is
`projections.recovery_cash`. Not for the contractual gap, which never holds a recovery.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from engines.primitives.errors import InvalidInput

ZERO = Fraction(0)
NOTHING = "NONE"  # basis of a disposal that promises no cash


@dataclass(frozen=True, slots=True)
class Rate:
    """How likely a promise at some stages is kept, and when."""

    kind: str
    stages: frozenset[str]
    bases: frozenset[str]  # where the promise comes from; empty: wherever
    probability: Fraction  # 0..1
    due_after_days: int  # after the stage was reached, for a promise without a day
    delay_days: int  # cash comes so much later than it is due


@dataclass(frozen=True, slots=True)
class Severity:
    """How a stress scales a recovery."""

    probability: Fraction  # 0..1, a factor
    delay_days: int


UNSTRESSED = Severity(Fraction(1), 0)


@dataclass(frozen=True, slots=True)
class RecoveryTable:
    """One version of the policy. `precedence`: kinds, the most certain first: one loan note pays once."""

    version: str
    effective_from: date
    rates: tuple[Rate, ...]
    precedence: tuple[str, ...]
    parts: frozenset[str]  # kinds that bring a part of the claim and leave the rest to others
    late_probability: Fraction  # a factor, for a promise whose expected day has passed unpaid
    late_after_days: int  # it is expected so many days from today, every day anew
    failed_round_factor: Fraction  # for each auction or bidding that brought nothing
    severities: Mapping[str, Severity]

    def rate(self, kind: str, stage: str, basis: str) -> Rate:
        """The first rate that fits. Raises InvalidInput: the table says nothing of this stage."""
        for rate in self.rates:
            if rate.kind == kind and stage in rate.stages and (not rate.bases or basis in rate.bases):
                return rate
        raise InvalidInput(f"no rate for {kind} {stage} {basis}", field="rate", record=self.version)


@dataclass(frozen=True, slots=True)
class OpenDisposal:
    """What is still to come of one disposal, minor units; days are proleptic ordinals."""

    id: tuple[str, str]  # kind, key
    stage: str
    basis: str
    stage_day: int
    loans: tuple[str, ...]
    failed_rounds: int
    outstanding: tuple[tuple[int | None, int], ...]  # day due, amount > 0


@dataclass(frozen=True, slots=True)
class Inflow:
    day: int
    amount: Fraction  # minor units, probability applied, > 0


@dataclass(frozen=True, slots=True)
class Expected:
    """What one disposal adds to the gap."""

    id: tuple[str, str]
    probability: Fraction  # of its next promise, lateness and failed rounds included; before coverage
    counted: Fraction  # share of its loan notes that no more certain disposal counts
    covered_by: tuple[tuple[str, str], ...]
    inflows: tuple[Inflow, ...]
    days_late: int  # of the earliest promise that is not kept, as it was due

    @property
    def amount(self) -> Fraction:
        return sum((inflow.amount for inflow in self.inflows), ZERO)


def expected_inflows(
    disposals: Sequence[OpenDisposal], as_of_day: int, table: RecoveryTable, severity: Severity = UNSTRESSED
) -> list[Expected]:
    """What each disposal is expected to bring from `as_of_day` on.

    Disposals of the same loan note do not add up: the kind that stands first in `table.precedence` counts, another
    one only with the share of its loan notes that is left, and after a kind of `table.parts` only what goes beyond
    it, its last promises cut first. Among equals the one given first counts.

    Args:
        disposals: of one entity; open ones.
        as_of_day: proleptic ordinal.
        severity: a stress; by default none.
    Returns:
        One an item of `disposals`, in their order. Inflows sorted by day, none before `as_of_day`.
    Raises:
        InvalidInput: a kind or stage is not in the table.
    Source: issue "recovery cash flows back into liquidity"; spec/risk-assets.md 7.1.
    """
    order = sorted(range(len(disposals)), key=lambda at: (_rank(disposals[at].id[0], table), at))
    counted_by: dict[str, tuple[str, str]] = {}
    parts: dict[str, int] = {}  # by loan note, promised by kinds that leave the rest to others
    found: dict[int, Expected] = {}
    rates: dict[tuple[str, str, str], Rate] = {}  # few, asked for by every disposal of a bank
    for at in order:
        one = disposals[at]
        covering = [counted_by[loan] for loan in one.loans if loan in counted_by]
        share = Fraction(len(one.loans) - len(covering), len(one.loans)) if one.loans else Fraction(1)
        asked = one.id[0], one.stage, one.basis
        rate = rates[asked] if asked in rates else rates.setdefault(asked, table.rate(*asked))
        counts = rate.probability > 0 and share > 0 and one.basis != NOTHING
        left = one.outstanding
        if counts and one.id[0] in table.parts:
            if one.loans:
                parts[one.loans[0]] = parts.get(one.loans[0], 0) + sum(amount for _, amount in left)
        elif counts:
            left = _without(left, sum(parts.pop(loan, 0) for loan in one.loans))
            # Also when all of it is paid: the claim is on its way out, another disposal does not come back for it.
            counted_by |= {loan: one.id for loan in one.loans if loan not in counted_by}
        found[at] = _expected(one, left, share, tuple(dict.fromkeys(covering)), rate, as_of_day, table, severity)
    return [found[at] for at in range(len(disposals))]


def _without(outstanding: Sequence[tuple[int | None, int]], part: int) -> tuple[tuple[int | None, int], ...]:
    """The promises less a part, which the last ones bear."""
    left = []
    for due, amount in reversed(outstanding):
        kept = max(0, amount - part)
        part -= amount - kept
        if kept:
            left.append((due, kept))
    return tuple(reversed(left))


def _rank(kind: str, table: RecoveryTable) -> int:
    if kind not in table.precedence:
        raise InvalidInput(f"no precedence for {kind}", field="precedence", record=table.version)
    return table.precedence.index(kind)


def _expected(
    one: OpenDisposal,
    outstanding: Sequence[tuple[int | None, int]],
    share: Fraction,
    covered_by: tuple[tuple[str, str], ...],
    rate: Rate,
    as_of_day: int,
    table: RecoveryTable,
    severity: Severity,
) -> Expected:
    likely = rate.probability * severity.probability
    if one.failed_rounds:
        likely *= table.failed_round_factor**one.failed_rounds
    shown: Fraction | None = None
    days_late = 0
    sums: dict[int, Fraction] = {}
    for due, amount_minor in outstanding:
        due_day = one.stage_day + rate.due_after_days if due is None else due
        day, chance = due_day + rate.delay_days + severity.delay_days, likely
        if day < as_of_day:
            day, chance = as_of_day + table.late_after_days, likely * table.late_probability
        days_late = max(days_late, as_of_day - due_day)
        shown = chance if shown is None else shown
        if chance and share:
            sums[day] = sums.get(day, ZERO) + chance * share * amount_minor
    inflows = tuple(Inflow(day, amount) for day, amount in sorted(sums.items()))
    return Expected(one.id, likely if shown is None else shown, share, covered_by, inflows, days_late)
