"""What the watch over limits takes and gives: recorded cuts, and the alerts that they lead to.

Numbers are exact text, a decimal or `n/d`: they come from a log and go into another. Not for deciding anything, which
is `projections.limit_watch`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import msgspec

from engines.limits import Headroom, Light
from projections.alert_rules import RuleSet
from projections.limit_policy import TotalKey

LIMIT, WITHDRAWAL = "limit", "large-withdrawal"


class Total(msgspec.Struct, array_like=True, frozen=True):
    """One figure in exact text, a decimal or `n/d`, amounts in units of the currency; no value: not computable."""

    as_of: str
    value: str | None
    numerator: str | None = None
    denominator: str | None = None


class LiquidAsset(msgspec.Struct, frozen=True):
    """A class of liquid assets in one scope, exact text in units of the currency (LIQ-17)."""

    asset: str
    hqla_level: str
    market_value: str
    unencumbered: str
    liquidity_value: str  # after the factor table's haircut


@dataclass(frozen=True, slots=True)
class LargeFlow:
    """A large outflow that was alerted since the cut before (LIQ-02)."""

    alert_id: str
    entity: str
    currency: str
    amount: str
    txn_id: str
    window_minutes: int = 0  # of the window that raised it; 0: one entry did
    organisation: str = "-"  # `-`: the cut does not tell
    customer_class: str = "-"
    account: str = "-"


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored event, as a cut tells it: enough to judge it, and the way to find it."""

    event_id: str
    type: str
    aggregate: str
    key: str
    entity: str
    branch: str
    role: str
    currency: str
    valid_on: str
    amount: str | None = None  # in units of the currency


class Due(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that has to be done by a day, as a cut tells it: the reservations of an organisation that are past
    their day and not used, or one term or date of a case that is near or over."""

    about: Literal["reservation", "deadline"]
    subject: str  # the organisation; `kind/key` of the case
    entity: str
    currency: str
    due_on: str  # the oldest value date; the legal last day
    act_by: str = ""  # of a deadline: the prudent day
    rule: str = ""  # of a deadline: TL01 …, LIMIT, APPROVAL
    stage: str = ""  # of the case
    amount: str | None = None  # in units of the currency; approved and not executed
    count: int = 0  # of reservations: value dates; of a deadline: reminders sent

    @property
    def key(self) -> TotalKey:
        """What it is watched under, beside figures; a case may have dates by several rules."""
        subject = f"{self.rule} {self.subject}" if self.rule else self.subject
        return TotalKey(self.about, subject, self.entity, self.currency)


AssetKey = tuple[str, str, str]  # scope, entity, currency


@dataclass(frozen=True, slots=True)
class RecordedCut:
    """One record of the log of cuts. `whole`: what it does not name is no more."""

    offset: int
    epoch: int  # of the sequencer that wrote it
    taken_us: int
    taken_at: str
    event_time: str | None
    whole: bool
    totals: Mapping[TotalKey, Total]
    gone: Sequence[TotalKey] = ()
    flows: Sequence[LargeFlow] = ()
    assets: Mapping[AssetKey, tuple[LiquidAsset, ...]] = field(default_factory=dict)
    offsets: Mapping[str, int] = field(default_factory=dict)
    position_offsets: Mapping[str, int] = field(default_factory=dict)
    appended_us: int = 0
    decisions: Sequence[Decision] = ()
    rules: RuleSet | None = None  # None: as they were
    dues: Sequence[Due] = ()  # those that changed; all of them where the cut is whole
    settled: Sequence[TotalKey] = ()  # those that are no more
    days: Mapping[str, str] = field(default_factory=dict)  # business dates that moved, by entity


@dataclass(frozen=True, slots=True)
class LimitAlert:
    """One change of a limit's light, or one withdrawal too large for what is there: complete, but for text forms."""

    alert_id: str
    kind: str  # raised, eased, cleared
    rule: str
    rule_id: str
    rule_version: str
    sequence: int
    incident: str  # the alert that opened it
    key: TotalKey
    total: Total
    value: Fraction
    minimum: Fraction | None
    maximum: Fraction | None
    room: Headroom | None
    light_before: Light
    light: Light
    policy_ref: str
    owner: str
    deadline_days: int
    plan: bool
    cut: RecordedCut
    assets: tuple[LiquidAsset, ...]
    flow: LargeFlow | None = None


def as_fraction(text: str | None) -> Fraction:
    """Of an exact text; zero where there is none."""
    return Fraction(text or 0)
