"""The treasury of the simulated bank: securities with prices that tick, exchange rates, reserves at the central bank.

Everything follows from the seed and the number of the day, as in the rest of the simulated bank. Some thirty
securities, most of them sovereign, a part of them pledged, some of these in repos; together with the bank's capital
they are of the size that its opening book asks for (`treasury_sizes`). Not for payments: those are entries.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engines.primitives.money import exponent, to_text
from streams import topics
from streams.feeds.event import Event
from streams.feeds.sheet import DAY_US, MINUTE_US
from streams.feeds.treasury_sizes import LCR_TARGET, NSFR_TARGET, Needs, needs_of
from streams.feeds.world import CNY_PER_UNIT, CURRENCIES, ENTITIES, World, minor_of_cny
from streams.schemas import (
    Contract,
    Encumbrance,
    FxRate,
    Holding,
    HqlaLevel,
    MarketPrice,
    ReserveState,
    SecuredDeal,
    Security,
    Side,
)

SOURCE_SYSTEM = "treasury"
PAYS = {"1": 1.0, "2A": 0.85, "2B": 0.50, "none": 0.0}  # what a security of a level counts for in the LCR
FUNDED = {"1": 0.05, "2A": 0.15, "2B": 0.50, "none": 0.85}  # and asks for in the NSFR
LEAST_SHARE = 0.10  # of net outflows, held in securities however high the reserves
REQUIRED_SHARE_BP = 750  # of customers' opening balances in yuan


class _Kind(NamedTuple):
    prefix: str
    securities: int
    issuer_type: str
    hqla_level: HqlaLevel
    currency: str
    face_cny: float  # median of each, beside the others
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


class _Deal(NamedTuple):
    """A repo or reverse repo in the first security of a kind, from before the first day until so many days after."""

    prefix: str
    side: Side
    secured_by: Security
    days_left: int
    share: float  # of the face


_DEALS = (
    _Deal("CGB", "liability", "1", 14, 0.30),
    _Deal("PFB", "liability", "2A", 28, 0.25),
    _Deal("CRED", "asset", "2B", 21, 0.20),
)


class _Security(NamedTuple):
    security_id: str
    kind: _Kind
    face_minor: int
    pledged_minor: int
    encumbrance: Encumbrance
    days_left: int
    deal: _Deal | None
    dealt_minor: int  # face


_SECURITIES = sum(kind.securities for kind in _KINDS)


class TreasuryStep(NamedTuple):
    """Something the treasury or the market tells `at` microseconds after midnight: of which kind, about which one."""

    at: int
    what: str  # price, fx, holding
    which: int
    move: float  # a draw from the standard normal distribution


class Treasury:
    """Of one world: what it holds, and what each day tells about it."""

    def __init__(self, world: World, book: Iterable[Contract], opened_on: date) -> None:
        """`book`: the contracts of the opening, which decide the treasury's size."""
        self._world, self._book, self._opened_on = world, book, opened_on

    @cached_property
    def _securities(self) -> list[_Security]:
        rng = np.random.default_rng([self._world.seed, 0x7E])
        drawn = [(kind, number, 0.4 * rng.standard_normal(3)) for kind in _KINDS for number in range(kind.securities)]
        pledged = {(kind, number): rng.random() < kind.pledged_share for kind, number, _ in drawn}
        faces = {(kind, number): kind.face_cny * float(np.exp(draw[0])) for kind, number, draw in drawn}
        free = {key: face * key[0].price / 100 * (2 / 3 if pledged[key] else 1) for key, face in faces.items()}
        needs = self._needs
        wanted = LCR_TARGET * needs.net_outflows - needs.excess_reserves
        wanted = max(wanted, LEAST_SHARE * needs.net_outflows)
        scale = wanted / sum(PAYS[kind.hqla_level] * value for (kind, _), value in free.items())
        return [
            self._security(kind, number, faces[kind, number] * scale, pledged[kind, number], draw)
            for kind, number, draw in drawn
        ]

    def _security(
        self, kind: _Kind, number: int, face_cny: float, is_pledged: bool, draw: NDArray[np.float64]
    ) -> _Security:
        face = _lots(face_cny, kind.currency)
        pledged = face // 100_00 // 3 * 100_00 if is_pledged else 0
        deal = next((deal for deal in _DEALS if deal.prefix == kind.prefix and not number), None)
        dealt = 0 if deal is None else int(face * deal.share) // 100_00 * 100_00
        if deal is not None and deal.side == "liability":
            pledged = max(pledged, dealt)
        terms: tuple[Encumbrance, ...] = ("<6m", "6m-<1y", ">=1y")
        term = "-" if not pledged else "<6m" if dealt else terms[int(abs(draw[1]) * 10) % 3]
        name = f"{kind.prefix}-{number:02d}"
        return _Security(name, kind, face, pledged, term, 20 + int(abs(draw[2]) * 2_000), deal, dealt)

    @cached_property
    def _needs(self) -> Needs:
        return needs_of(self._world, self._book, ENTITIES[0], self._opened_on, REQUIRED_SHARE_BP / 10_000)

    @property
    def openings(self) -> int:
        return 2 * _SECURITIES + len(CURRENCIES) - 1 + len(ENTITIES) + len(_DEALS) + 1

    @cached_property
    def _capital_cny(self) -> float:
        """What lifts stable funding to where a bank wants it."""
        needs = self._needs
        asked = sum(
            FUNDED[security.kind.hqla_level] * _cny(security.face_minor, security.kind.currency)
            for security in self._securities
        )
        required = needs.required_funding + asked
        return max(NSFR_TARGET * required - needs.stable_funding, 0.02 * required)

    def opening_events(self, at: str) -> list[Event]:
        """What there is before the first day: rates, prices, holdings, reserves."""
        found = [self.event(TreasuryStep(0, "fx", which, 0.0), at) for which in range(1, len(CURRENCIES))]
        for what in ("price", "holding"):
            found += [self.event(TreasuryStep(0, what, which, 0.0), at) for which in range(_SECURITIES)]
        found += [self._reserve(entity, at) for entity in ENTITIES]
        found += [self._deal(security, at) for security in self._securities if security.deal is not None]
        return [*found, self._capital(at)]

    def steps(self, day_number: int, events: int) -> list[TreasuryStep]:
        """What a day of so many events tells: prices mostly, rates, now and then a pledge."""
        rng = np.random.default_rng([self._world.seed, 0x7E, day_number + 1])
        steps = []
        for what, count, pool in (
            ("price", max(events // 500, 8), _SECURITIES),
            ("fx", max(events // 2_500, 4), len(CURRENCIES) - 1),
            ("holding", max(events // 25_000, 2), _SECURITIES),
        ):
            at = rng.integers(9 * 60 * MINUTE_US, 17 * 60 * MINUTE_US, size=count)
            which = rng.integers(0, pool, size=count) + (what == "fx")
            moves = rng.standard_normal(count)
            steps += [
                TreasuryStep(int(a) % DAY_US, what, int(w), float(m))
                for a, w, m in zip(at, which, moves, strict=True)
            ]
        return sorted(steps)

    def event(self, step: TreasuryStep, at: str) -> Event:
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
        return self._holding(security, step.move, at)

    def _holding(self, security: _Security, move: float, at: str) -> Event:
        """As it was opened for a move of 0; later more or less of it is pledged."""
        currency, deal = security.kind.currency, security.deal
        pledged, term = security.pledged_minor, security.encumbrance
        given = security.dealt_minor if deal is not None and deal.side == "liability" else 0
        if move:
            share = min(max(0.2 + 0.3 * move, 0.0), 0.9)
            pledged = max(int(security.face_minor * share) // 100_00 * 100_00, given)
            term = ("<6m" if term == "-" else term) if pledged else "-"
        deals = []
        if deal is not None:
            leg = SecuredDeal(
                deal_id=self._deal_id(deal),
                direction="given" if given else "received",
                face=to_text(security.dealt_minor, currency),
                maturity_date=self._on(deal.days_left),
                cash=to_text(_deal_cash(security), currency),
            )
            deals = [leg]
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
            maturity_date=self._on(security.days_left),
            portfolio_id="LIQUIDITY",
            org_id=f"{ENTITIES[0]}-HO",
            line_id="FINANCIAL-MARKETS",
            deals=deals,
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

    def _deal(self, security: _Security, at: str) -> Event:
        """The cash of a repo or reverse repo."""
        deal = security.deal
        assert deal is not None  # noqa: S101 - asked by the caller
        currency = security.kind.currency
        more = {"side": deal.side, "secured_by": deal.secured_by, "maturity_date": self._on(deal.days_left)}
        product = "REPO" if deal.side == "liability" else "REVERSE-REPO"
        return self._contract(at, self._deal_id(deal), product, to_text(_deal_cash(security), currency), more)

    def _capital(self, at: str) -> Event:
        minor = _lots(self._capital_cny, "CNY")
        more = {"side": "liability", "rate": "0"}
        return self._contract(at, f"S{self._world.seed}-CAPITAL", "CAPITAL", to_text(minor, "CNY"), more)

    def _contract(self, at: str, contract_id: str, product: str, principal: str, more: Mapping[str, str]) -> Event:
        known = {
            "contract_id": contract_id,
            "event_time": at,
            "entity_id": ENTITIES[0],
            "ccy": "CNY",
            "principal": principal,
            "start_date": self._on(-7),
            "rate": "0.0180",
            "account_id": f"{ENTITIES[0]}-TREASURY",
            "org_id": f"{ENTITIES[0]}-HO",
            "line_id": "FINANCIAL-MARKETS",
            "product_id": product,
            "cpty_type": "BANK",
            "source_system": SOURCE_SYSTEM,
        }
        record = msgspec.convert(known | dict(more), Contract)
        return Event(topics.CONTRACT, topics.record_key(record.entity_id, "-", record.account_id), record)

    def _deal_id(self, deal: _Deal) -> str:
        return f"S{self._world.seed}-{deal.prefix}-DEAL"

    def _on(self, days: int) -> str:
        return (self._opened_on + timedelta(days=days)).isoformat()


def _deal_cash(security: _Security) -> int:
    """A haircut of two per cent on what the securities were worth."""
    return int(security.dealt_minor * security.kind.price * 0.98 / 100) // 100_00 * 100_00


def _lots(face_cny: float, currency: str) -> int:
    """Minor units, in lots of 100,000."""
    minor = int(minor_of_cny(np.array([face_cny]), np.array([CURRENCIES.index(currency)]))[0])
    return minor - (minor % 100_000_00 if minor > 100_000_00 else 0)


def _cny(minor: int, currency: str) -> float:
    return minor / float(10 ** exponent(currency)) * CNY_PER_UNIT[CURRENCIES.index(currency)]
