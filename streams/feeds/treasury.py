"""The treasury of the simulated bank: securities with prices that tick, exchange rates, reserves at the central bank.

Everything follows from the seed and the number of the day, as in the rest of the simulated bank. Sizes go with the
bank's: some thirty securities, most of them sovereign, a part of them pledged. Not for payments: those are entries.
"""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from engines.primitives.money import to_text
from streams import topics
from streams.feeds.event import Event
from streams.feeds.sheet import DAY_US, MINUTE_US
from streams.feeds.world import CNY_PER_UNIT, CURRENCIES, ENTITIES, World, minor_of_cny
from streams.schemas import Encumbrance, FxRate, Holding, HqlaLevel, MarketPrice, ReserveState

SOURCE_SYSTEM = "treasury"
CUSTOMERS_AS_SIZED = 20_000  # the faces below suit a bank of so many customers
REQUIRED_SHARE_BP = 750  # of customers' opening balances in yuan


class _Kind(NamedTuple):
    prefix: str
    securities: int
    issuer_type: str
    hqla_level: HqlaLevel
    currency: str
    face_cny: float  # median of each
    price: float
    pledged_share: float  # how many of them are pledged in part


_KINDS = (
    _Kind("CGB", 10, "sovereign", "1", "CNY", 1.6e9, 101.2, 0.3),
    _Kind("PBC", 3, "central_bank", "1", "CNY", 8e8, 99.6, 0.0),
    _Kind("UST", 3, "sovereign", "1", "USD", 6e8, 98.4, 0.3),
    _Kind("PFB", 5, "policy_bank", "2A", "CNY", 7e8, 100.4, 0.4),
    _Kind("CORP", 6, "corporate", "2A", "CNY", 2.5e8, 99.1, 0.2),
    _Kind("CRED", 4, "corporate", "2B", "CNY", 2e8, 97.3, 0.0),
    _Kind("NCD", 4, "bank", "none", "CNY", 3e8, 99.2, 0.0),
)


class TreasuryStep(NamedTuple):
    """Something the treasury or the market tells `at` microseconds after midnight: of which kind, about which one."""

    at: int
    what: str  # price, fx, holding
    which: int
    move: float  # a draw from the standard normal distribution


class _Security(NamedTuple):
    security_id: str
    kind: _Kind
    face_minor: int
    pledged_minor: int
    encumbrance: Encumbrance
    days_left: int


class Treasury:
    """Of one world: what it holds, and what each day tells about it."""

    def __init__(self, world: World) -> None:
        self._world = world
        rng = np.random.default_rng([world.seed, 0x7E])
        self._securities: list[_Security] = []
        scale = len(set(world.customer)) / CUSTOMERS_AS_SIZED
        for kind in _KINDS:
            for number in range(kind.securities):
                face = kind.face_cny * scale * float(np.exp(0.4 * rng.standard_normal()))
                minor = int(minor_of_cny(np.array([face]), np.array([CURRENCIES.index(kind.currency)]))[0])
                minor -= minor % 100_000_00 if minor > 100_000_00 else 0  # faces come in lots of 100,000
                pledged = minor // 100_00 // 3 * 100_00 if rng.random() < kind.pledged_share else 0
                terms: tuple[Encumbrance, ...] = ("<6m", "6m-<1y", ">=1y")
                term = terms[int(rng.integers(3))] if pledged else "-"
                self._securities.append(
                    _Security(f"{kind.prefix}-{number:02d}", kind, minor, pledged, term, int(rng.integers(20, 2_000)))
                )

    @property
    def openings(self) -> int:
        return 2 * len(self._securities) + len(CURRENCIES) - 1 + len(ENTITIES)

    def opening_events(self, day: date, at: str) -> list[Event]:
        """What there is before the first day: rates, prices, holdings, reserves."""
        found = [self.event(TreasuryStep(0, "fx", which, 0.0), day, at) for which in range(1, len(CURRENCIES))]
        for what in ("price", "holding"):
            found += [
                self.event(TreasuryStep(0, what, which, 0.0), day, at) for which in range(len(self._securities))
            ]
        return found + [self._reserve(entity, at) for entity in ENTITIES]

    def steps(self, day_number: int, events: int) -> list[TreasuryStep]:
        """What a day of so many events tells: prices mostly, rates, now and then a pledge."""
        rng = np.random.default_rng([self._world.seed, 0x7E, day_number + 1])
        steps = []
        for what, count, pool in (
            ("price", max(events // 500, 8), len(self._securities)),
            ("fx", max(events // 2_500, 4), len(CURRENCIES) - 1),
            ("holding", max(events // 25_000, 2), len(self._securities)),
        ):
            at = rng.integers(9 * 60 * MINUTE_US, 17 * 60 * MINUTE_US, size=count)
            which = rng.integers(0, pool, size=count) + (what == "fx")
            moves = rng.standard_normal(count)
            steps += [
                TreasuryStep(int(a) % DAY_US, what, int(w), float(m))
                for a, w, m in zip(at, which, moves, strict=True)
            ]
        return sorted(steps)

    def event(self, step: TreasuryStep, day: date, at: str) -> Event:
        if step.what == "fx":
            base = CURRENCIES[step.which]
            mid = CNY_PER_UNIT[step.which] * (1 + 0.002 * step.move)
            rate = FxRate(base_ccy=base, quote_ccy="CNY", event_time=at, mid=f"{mid:.6f}", source_system="market")
            return Event(topics.FX, f"{base}/CNY".encode(), rate)
        security = self._securities[step.which]
        if step.what == "price":
            price = max(security.kind.price * (1 + 0.003 * step.move), 0.0001)
            record = MarketPrice(
                security_id=security.security_id, event_time=at, dirty_price=f"{price:.4f}", source_system="market"
            )
            return Event(topics.PRICE, security.security_id.encode(), record)
        return self._holding(security, step.move, day, at)

    def _holding(self, security: _Security, move: float, day: date, at: str) -> Event:
        """As it was opened for a move of 0; later more or less of it is pledged."""
        currency = security.kind.currency
        pledged, term = security.pledged_minor, security.encumbrance
        if move:
            share = min(max(0.2 + 0.3 * move, 0.0), 0.9)
            pledged = int(security.face_minor * share) // 100_00 * 100_00
            term = ("<6m" if term == "-" else term) if pledged else "-"
        record = Holding(
            entity_id=ENTITIES[0],
            security_id=security.security_id,
            event_time=at,
            ccy=currency,
            face=to_text(security.face_minor, currency),
            encumbered_face=to_text(pledged, currency),
            encumbrance=term,
            hqla_level=security.kind.hqla_level,
            issuer_type=security.kind.issuer_type,
            maturity_date=(day + timedelta(days=security.days_left)).isoformat(),
            portfolio_id="LIQUIDITY",
            org_id=f"{ENTITIES[0]}-HO",
            line_id="FINANCIAL-MARKETS",
            source_system=SOURCE_SYSTEM,
        )
        return Event(topics.HOLDING, f"{ENTITIES[0]}|{security.security_id}".encode(), record)

    def _reserve(self, entity: str, at: str) -> Event:
        """A share of what customers hold in yuan; the accounts at the central bank tell their own balance."""
        world = self._world
        deposits = sum(
            minor
            for minor, of, customer, currency in zip(
                world.opening_minor.tolist(), world.entity, world.customer, world.currency, strict=True
            )
            if of == entity and customer != "-" and currency == "CNY"
        )
        record = ReserveState(
            entity_id=entity,
            ccy="CNY",
            event_time=at,
            required=to_text(deposits * REQUIRED_SHARE_BP // 10_000, "CNY"),
            vault_cash=to_text(deposits // 200, "CNY"),
            source_system=SOURCE_SYSTEM,
        )
        return Event(topics.RESERVE, f"{entity}|CNY".encode(), record)
