"""Event types, the order of events at one instant, and an event of a schedule.

Source: techspec 2.5 Contract Events, 2.9 Event Sequence; dictionary, event types. Order follows the dictionary's
sequence, with three places where the reference results settle what it leaves open: PRF comes after RR and RRF
(an annuity is fixed at the new rate), PI stands beside PR, IPFX and IPFL beside IP.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """Declared in the order in which events of one instant are evaluated."""

    IED = "IED"  # initial exchange
    FP = "FP"  # fee payment
    PR = "PR"  # principal redemption
    PD = "PD"  # principal drawing
    PI = "PI"  # principal increase
    PY = "PY"  # penalty payment
    PP = "PP"  # principal prepayment
    IP = "IP"  # interest payment
    IPFX = "IPFX"  # interest payment, fixed leg
    IPFL = "IPFL"  # interest payment, floating leg
    IPCI = "IPCI"  # interest capitalisation
    CE = "CE"  # credit event
    RRF = "RRF"  # rate reset with known rate
    RR = "RR"  # rate reset
    PRF = "PRF"  # principal payment amount fixing
    DV = "DV"  # dividend payment
    PRD = "PRD"  # purchase
    MR = "MR"  # margin call
    TD = "TD"  # termination
    SC = "SC"  # scaling index fixing
    IPCB = "IPCB"  # interest calculation base fixing
    MD = "MD"  # maturity
    XD = "XD"  # exercise
    STD = "STD"  # settlement
    AD = "AD"  # monitoring


ORDER = {kind: 10 * place for place, kind in enumerate(EventType)}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a contract's schedule.

    Attributes:
        instant: when it happens, after any business day shift; seconds since 1970-01-01.
        scheduled: when it was scheduled: risk factors are observed for this instant.
        day: the day for which year fractions count it (calculate/shift or shift/calculate).
        order: its place among events of one instant.
        value: what an observed event brings with it; None: nothing.
        trigger: the instant that counts against the horizon in place of `instant` (a settlement is reported after
            the horizon when its exercise lies before it); None: `instant`.
        currency: of the payoff; None: the contract's settlement currency, else its currency.
        facts: what else a contract type's own functions want to find again.
    """

    kind: EventType
    instant: int
    scheduled: int
    day: int
    order: int
    value: float | None = None
    trigger: int | None = None
    currency: str | None = None
    facts: Any = field(default=None, compare=False)

    @property
    def place(self) -> tuple[int, int]:
        """What events are sorted by."""
        return self.instant, self.order
