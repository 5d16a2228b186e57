"""The sheet on which a simulated day is drawn: its columns, the kinds of rows, the hours in which they fall.

Not for what a day holds: that is `streams/feeds/day.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streams.feeds.world import Indices, World, minor_of_cny

MINUTE_US = 60_000_000
DAY_US = 24 * 60 * MINUTE_US

SETTLED, PENDING, REJECTED = range(3)

ROW = np.dtype(
    [
        ("at", "i8"),  # when it is told, after midnight
        ("late", "i8"),  # how much earlier it happened
        ("origin", "i8"),  # row that first told of it: itself, unless this is a repeat or a change of status
        ("account", "i8"),
        ("kind", "i2"),
        ("status", "i2"),
        ("out", "?"),
        ("intragroup", "?"),
        ("amount", "i8"),  # minor units
        ("reverses", "i8"),  # row it takes back, or -1
        ("reference", "i8"),  # shared by the legs of one payment, or -1
        ("bank", "i2"),  # counterparty bank, or -1
        ("value_day", "i2"),  # business days after the day's date
        ("extra", "i8"),  # number of the contract, reservation or command event, or -1
    ]
)
Rows = NDArray[np.void]
ReservationStatus = Literal["submitted", "approved", "rejected", "cancelled", "expired", "partial", "executed"]

# (txn_type, channel) of each kind; what is not an entry comes last.
ENTRY_KINDS = (
    ("CARD_PAYMENT", "POS"),
    ("ONLINE_PAYMENT", "MOBILE"),
    ("ON_US_TRANSFER", "MOBILE"),
    ("REMITTANCE_IN", "CLEARING"),
    ("REMITTANCE_OUT", "MOBILE"),
    ("CASH_WITHDRAWAL", "ATM"),
    ("CASH_DEPOSIT", "BRANCH"),
    ("SUPPLIER_PAYMENT", "NETBANK"),
    ("CUSTOMER_RECEIPT", "CLEARING"),
    ("LARGE_PAYMENT", "NETBANK"),
    ("INTERBANK_SETTLEMENT", "CLEARING"),
    ("SALARY", "PAYROLL"),
    ("PAYROLL", "PAYROLL"),
    ("TAX", "NETBANK"),
    ("FEE", "INTERNAL"),
    ("LOAN_REPAYMENT", "INTERNAL"),
    ("REVERSAL", "INTERNAL"),
)
(
    CARD, ONLINE, ON_US, REMIT_IN, REMIT_OUT, CASH_OUT, CASH_IN, SUPPLIER, RECEIPT, LARGE, INTERBANK, SALARY,
    PAYROLL, TAX, FEE, REPAYMENT, REVERSAL, CONTRACT, RESERVATION, BUSINESS_DATE, COMMAND, TREASURY,
) = range(len(ENTRY_KINDS) + 5)  # fmt: skip

# How activity falls over the 24 hours of the bank's day.
_PROFILES = {
    "card": (1, 1, 0, 0, 0, 1, 3, 8, 10, 9, 10, 20, 30, 18, 10, 9, 10, 18, 30, 32, 24, 14, 7, 3),
    "people": (1, 1, 0, 0, 1, 2, 5, 10, 16, 18, 17, 15, 14, 13, 14, 15, 15, 15, 14, 13, 12, 9, 5, 2),
    "firms": (0, 0, 0, 0, 0, 0, 0, 1, 10, 22, 24, 17, 8, 14, 20, 22, 16, 5, 1, 0, 0, 0, 0, 0),
    "morning": (0, 0, 0, 0, 0, 0, 2, 12, 30, 22, 6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    "tax": (0, 0, 0, 0, 0, 0, 0, 0, 2, 12, 20, 14, 4, 12, 20, 18, 6, 0, 0, 0, 0, 0, 0, 0),
    "clearing": (0, 0, 0, 0, 0, 0, 0, 0, 3, 8, 10, 12, 6, 8, 10, 12, 20, 16, 3, 0, 0, 0, 0, 0),
    "evening": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 8, 4, 1),
}
_SHARE = {name: np.array(hours) / sum(hours) for name, hours in _PROFILES.items()}


@dataclass(frozen=True, slots=True)
class ReservationStep:
    """One state of one announced withdrawal; amounts are those of its cash row."""

    reference: int
    account: int
    amount_minor: int
    executed_minor: int
    value_day: int
    status: ReservationStatus


@dataclass(frozen=True, slots=True)
class ContractStep:
    """`what` happens to contract `serial`: opened, amended or closed."""

    serial: int
    what: Literal["opened", "amended", "closed"]
    principal_factor_bp: int = 10_000


@dataclass(frozen=True, slots=True)
class CommandStep:
    """What whoever has `role` asks of an aggregate, `at` microseconds after midnight."""

    at: int
    role: str
    aggregate: str
    key: str
    command: str
    payload: Mapping[str, object]


class Sheet:
    """Rows being drawn, in parts; row numbers and reference numbers run through all of them."""

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self.world = world
        self.rng = rng
        self.parts: list[Rows] = []
        self.rows = 0
        self.references = 0

    def times(self, count: int, profile: str) -> Indices:
        hours = self.rng.choice(24, size=count, p=_SHARE[profile])
        at: Indices = hours * 60 * MINUTE_US + self.rng.integers(1, 60 * MINUTE_US, size=count)
        return at

    def pick(self, pool: Indices, count: int, skew: float = 1.5) -> Indices:
        """Accounts of `pool`, the first ones oftener: a few customers do most of the business."""
        picked: Indices = pool[(len(pool) * self.rng.random(count) ** skew).astype(np.int64)]
        return picked

    def blank(self, at: Indices, account: Indices, kind: int) -> Rows:
        part: Rows = np.zeros(len(at), ROW)
        part["at"], part["account"], part["kind"] = at, account, kind
        part["origin"] = self.rows + np.arange(len(at))
        part["reverses"] = part["reference"] = part["bank"] = part["extra"] = -1
        return part

    def add(self, part: Rows) -> Rows:
        self.parts.append(part)
        self.rows += len(part)
        return part

    def amounts(self, account: Indices, median_cny: float, sigma: float, cap_cny: float) -> Indices:
        drawn = np.minimum(median_cny * np.exp(sigma * self.rng.standard_normal(len(account))), cap_cny)
        return minor_of_cny(drawn, self.world.currency_code[account])

    def entries(
        self,
        count: int,
        kind: int,
        pool: Indices,
        profile: str,
        size: tuple[float, float, float],  # CNY: median, sigma of the logarithm, cap
        *,
        out: bool,
        external: bool = False,
        skew: float = 1.5,
    ) -> Rows:
        account = self.pick(pool, count, skew)
        part = self.blank(self.times(count, profile), account, kind)
        part["out"] = out
        part["amount"] = self.amounts(account, *size)
        if external:
            part["bank"] = self.rng.integers(0, len(self.world.bank_names), size=count)
        return self.add(part)

    def new_references(self, count: int) -> Indices:
        self.references += count
        return np.arange(self.references - count, self.references)
