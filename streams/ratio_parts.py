"""The words of the live liquidity ratios: items in lines, asides in none, and what one class of amounts comes to.

Plain data, exact, before factors. Not for how an amount finds its line: that is `streams.ratio_entries`.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, NamedTuple

Figure = Literal["lcr", "nsfr"]
Amount = int | Fraction  # minor units of the item's currency, >= 0

INWARD = frozenset({"asset", "obs_in"})
MEMBERS = ("organisation", "business_line")

Pair = tuple[str, str]  # entity, currency


class Unit(NamedTuple):
    """What amounts are added up for; `member`: an organisation or business line, `-`: the entity as a whole."""

    entity: str
    currency: str
    member: str = "-"


class Item(NamedTuple):
    """An amount in a line; `of` says what it is an amount of."""

    figure: str
    code: str
    amount: Amount
    of: str
    intragroup: bool = False


class Aside(NamedTuple):
    """An amount in no line, and why. `mapped` is False where the policy has no entry for it: someone should look."""

    figure: str
    amount: Amount
    of: str
    reason: str
    mapped: bool = True


class LiquidAsset(NamedTuple):
    """A class of liquid assets at market value, minor units (LIQ-17)."""

    asset_class: str
    level: str
    code: str  # of the LCR; `-`: in no line
    market_value: Amount
    unencumbered: Amount


class Undone(NamedTuple):
    """A leg of a secured deal that matures within the horizon: its undoing sizes the caps (BCBS 238 Annex 1)."""

    is_given: bool  # the securities come back and `cash` goes, else the reverse
    code: str  # of the line the securities stand in; without one of the three levels nothing is undone
    value: Amount  # market value, minor units
    cash: Amount  # 0: of a collateral swap


@dataclass(slots=True)
class Cash:
    """Own money of one entity and currency, minor units; None: no reserve record."""

    central_bank: int = 0
    due_from_banks: int = 0
    overdrawn: int = 0
    required: int | None = None
    vault_cash: int = 0

    @property
    def excess(self) -> int:
        return max(0, self.central_bank - (self.required or 0))


@dataclass(slots=True)
class Entry:
    """What one class of amounts comes to."""

    items: list[Item] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    liquid: list[LiquidAsset] = field(default_factory=list)
    undone: list[Undone] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.items or self.asides or self.liquid or self.undone)
