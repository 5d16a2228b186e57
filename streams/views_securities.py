"""Securities at market value, added up by what their line depends on; a price that ticks moves only its own holdings.

Values are exact: face in minor units times a price of nine decimals, in units of 1e-11 of a minor unit, as Python
integers. Not for lines or haircuts: those are policy, applied by `streams.ratio_entries`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from streams.views_wire import HoldingState, PriceState, sum_minor

PRICE_DECIMALS = 9
SCALE: int = 100 * 10**PRICE_DECIMALS  # prices are per cent of face

RowKey = tuple[str, bytes]


class SecurityClass(NamedTuple):
    """What decides the line of a security, beside its value."""

    entity: str
    currency: str
    issuer_type: str
    hqla_level: str
    encumbrance: str  # of the encumbered part
    maturity: int  # proleptic ordinal where the line depends on it, that is for no HQLA; 0: none
    organisation: str = "-"
    business_line: str = "-"


class Value(NamedTuple):
    """Market values of one class, in minor units of its currency."""

    free: Fraction
    encumbered: Fraction


class DealLeg(NamedTuple):
    """One security of a secured deal: what it gave or received, at market value, and the cash the other way."""

    is_given: bool
    value: Fraction  # minor units
    cash_minor: int
    maturity: int  # proleptic ordinal


@dataclass(slots=True)
class _Held:
    group: SecurityClass
    security_id: str
    free_minor: int  # face
    encumbered_minor: int
    deals: tuple[tuple[bool, int, int, int], ...]  # is given, face, cash, maturity


@dataclass(slots=True)
class Securities:
    """Holdings times prices; `on_change` is told each class of which something moved. Not thread-safe."""

    on_change: Callable[[SecurityClass], None] = lambda _group: None
    _held: dict[RowKey, _Held] = field(default_factory=dict)
    _keys_by_security: dict[str, set[RowKey]] = field(default_factory=lambda: defaultdict(set))
    _keys_by_group: dict[SecurityClass, set[RowKey]] = field(default_factory=lambda: defaultdict(set))
    _prices: dict[str, int] = field(default_factory=dict)
    _sums: dict[SecurityClass, list[int]] = field(default_factory=dict)

    def set_holding(self, key: RowKey, row: HoldingState | None) -> None:
        before = self._held.pop(key, None)
        if before is not None:
            self._count(before, -1)
            self._keys_by_security[before.security_id].discard(key)
            self._keys_by_group[before.group].discard(key)
            self.on_change(before.group)
        if row is None:
            return
        held = self._held[key] = _held(row)
        self._keys_by_security[row.security_id].add(key)
        self._keys_by_group[held.group].add(key)
        self._count(held, 1)
        self.on_change(held.group)

    def set_price(self, key: RowKey, row: PriceState | None) -> None:
        """`key` ends in the security's id, which is also the key of its record."""
        security_id = key[1].decode()
        holdings = [self._held[held] for held in self._keys_by_security.get(security_id, ())]
        for held in holdings:
            self._count(held, -1)
        if row is None:
            self._prices.pop(security_id, None)
        else:
            self._prices[security_id] = _units(row.dirty_price)
        for held in holdings:
            self._count(held, 1)
            self.on_change(held.group)

    def classes(self) -> list[SecurityClass]:
        """Every class of which something is held, sorted."""
        return sorted(group for group, keys in self._keys_by_group.items() if keys)

    def value(self, group: SecurityClass) -> Value:
        """Market value of one class; what has no price is in `unpriced_of` instead."""
        free, encumbered = self._sums.get(group, (0, 0))
        return Value(Fraction(free, SCALE), Fraction(encumbered, SCALE))

    def values(self) -> Iterator[tuple[SecurityClass, Value]]:
        """Market value of each class that has one, sorted."""
        return ((group, self.value(group)) for group, sums in sorted(self._sums.items()) if any(sums))

    def unpriced_of(self, group: SecurityClass) -> list[tuple[str, int]]:
        """(security, face in minor units) of holdings of one class without a price, sorted."""
        holdings = (self._held[key] for key in self._keys_by_group.get(group, ()))
        return sorted(
            (held.security_id, held.free_minor + held.encumbered_minor)
            for held in holdings
            if held.security_id not in self._prices and held.free_minor + held.encumbered_minor
        )

    def deals_of(self, group: SecurityClass) -> list[DealLeg]:
        """Legs of secured deals in securities of one class that have a price, sorted."""
        found = []
        for key in self._keys_by_group.get(group, ()):
            held = self._held[key]
            price = self._prices.get(held.security_id)
            for is_given, face, cash, maturity in held.deals if price is not None else ():
                found.append(DealLeg(is_given, Fraction(face * (price or 0), SCALE), cash, maturity))
        return sorted(found)

    def positions(self) -> Iterator[tuple[RowKey, SecurityClass, str, int, int, int | None]]:
        """(row, class, security, free face, encumbered face, price units or None) of every holding, sorted."""
        for key, held in sorted(self._held.items()):
            price = self._prices.get(held.security_id)
            yield key, held.group, held.security_id, held.free_minor, held.encumbered_minor, price

    def price_units(self, security_id: str) -> int | None:
        """Price in units of 1e-9 per cent of face; None: none came."""
        return self._prices.get(security_id)

    def _count(self, held: _Held, sign: int) -> None:
        price = self._prices.get(held.security_id)
        if price is None:
            return
        sums = self._sums.setdefault(held.group, [0, 0])
        sums[0] += sign * held.free_minor * price
        sums[1] += sign * held.encumbered_minor * price
        if not any(sums):
            del self._sums[held.group]  # or every maturity that ever was would stay


def _held(row: HoldingState) -> _Held:
    face, encumbered = sum_minor(row.face, row.currency), sum_minor(row.encumbered_face, row.currency)
    by_date = row.hqla_level == "none" and row.maturity_date is not None
    group = SecurityClass(
        row.entity,
        row.currency,
        row.issuer_type,
        row.hqla_level,
        row.encumbrance,
        _day(row.maturity_date) if by_date and row.maturity_date else 0,
        row.organisation,
        row.business_line,
    )
    deals = tuple(
        (
            deal.direction == "given",
            sum_minor(deal.face, row.currency),
            sum_minor(deal.cash, row.currency),
            _day(deal.maturity_date),
        )
        for deal in row.deals
    )
    return _Held(group, row.security_id, face - encumbered, encumbered, deals)


def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def _units(text: str) -> int:
    """A price in units of 1e-9, exact."""
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(PRICE_DECIMALS, "0"))
