"""A bank for `live_lcr`: its positions, and the incremental side, in one process or with records as in the stream."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks._deposit_feed import DepositFeed
from engines.factor_tables import parse_factor_policy
from infra.policies import load_policy
from projections.deposit_insurance import DepositInsurance
from projections.depositor_balances import DepositorBalances
from streams import outputs, schemas, topics
from streams.fx_rates import FxRates
from streams.outputs import Output, encode
from streams.ratio_book import RatioBook
from streams.ratio_items import Items
from streams.ratio_parts import Unit
from streams.ratio_policy import NOWHERE, PARTS, RatioPolicy
from streams.views import CUT_KEY, SOURCE_TOPIC, RiskView
from streams.views_ratios import RatioFigure, Scope, ratio_figures, scopes
from streams.views_wire import Record

SEED = 20_261_122
DAY = date(2026, 3, 16)
ACCOUNT_SHARE = 0.9  # of positions; the others are flows of contracts and securities
ACCOUNTS_PER_DEPOSITOR = 1.5
CLASSES, PRODUCTS, CURRENCIES = ("RETAIL", "SME", "CORPORATE"), ("SAVINGS", "CURRENT"), ("CNY", "USD")
ORGANISATIONS = tuple(f"BANK-{at:02d}" for at in range(30))
USD_IN_CNY = "7.1"
TAG = "asset/performing/-/-/-/-/-/CORPORATE"

POLICY = RatioPolicy.parse(
    load_policy("live_liquidity"),
    parse_factor_policy("lcr", load_policy("lcr")),
    parse_factor_policy("nsfr", load_policy("nsfr")),
    load_policy("limits"),
)
INSURANCE = DepositInsurance.parse(load_policy("live_liquidity"))
TABLE, VERSION = POLICY.lcr.in_force(DAY), POLICY.in_force(DAY)
DEPOSIT_CODES = {
    (customer_class, part): rule.code("lcr", part)
    for customer_class in CLASSES
    for part in PARTS
    if (rule := VERSION.find("deposit", {"owner": "customer", "customer_class": customer_class})) is not None
}
MINIMUM = POLICY.lcr.minimum(DAY)

Integers = NDArray[np.int64]


class Book:
    """Positions: accounts of depositors in branches, contracts' flows, securities; amounts in minor units."""

    def __init__(self, positions: int) -> None:
        self._random = random = np.random.default_rng(SEED)
        self.accounts = int(positions * ACCOUNT_SHARE)
        self.depositors = int(self.accounts / ACCOUNTS_PER_DEPOSITOR)
        of = random.integers(0, self.depositors, self.accounts)
        _, first = np.unique(of, return_index=True)
        order = np.argsort(np.argsort(first))  # numbered in order of first appearance
        self.depositor = order[np.unique(of, return_inverse=True)[1]].astype(np.int64)
        self.depositors = int(self.depositor.max()) + 1
        by_depositor = random.random((2, self.depositors))
        self.currency = (by_depositor[0] < 0.1).astype(np.int64)[self.depositor]
        self.customer_class = np.searchsorted([0.9, 0.98], by_depositor[1])[self.depositor]
        self.product = random.integers(0, 2, self.accounts)
        self.organisation = (30 * random.random(self.accounts) ** 1.6).astype(np.int64)
        self.amount_minor = random.integers(0, 10**8, positions)
        others = positions - self.accounts
        self.is_security = random.random(others) < 0.1
        self.other_currency = (random.random(others) < 0.1).astype(np.int64)
        self.flow_day = random.integers(0, 400, others)
        self.frame = self._frame()

    def keys(self) -> list[tuple[str, ...]]:
        columns = (self.organisation, self.product, self.currency, self.depositor, self.customer_class)
        return [
            (
                "BANK",
                ORGANISATIONS[org],
                "-",
                PRODUCTS[product],
                CURRENCIES[ccy],
                f"C{of}",
                f"A{at}",
                CLASSES[kind],
                "false",
            )
            for at, (org, product, ccy, of, kind) in enumerate(zip(*(one.tolist() for one in columns), strict=True))
        ]

    def entries(self, count: int) -> tuple[Integers, Integers]:
        """Account and signed amount of each."""
        return self._random.integers(0, self.accounts, count), self._random.integers(-(10**6), 10**6, count)

    def book(self, position: Integers, signed_minor: Integers) -> None:
        np.add.at(self.amount_minor, position, signed_minor)

    def _frame(self) -> pl.DataFrame:
        accounts = pl.DataFrame(
            {
                "depositor": self.depositor,
                "currency": self.currency,
                "customer_class": self.customer_class,
                "product": self.product,
                "organisation": self.organisation,
                "limit_minor": [
                    INSURANCE.limit_minor("BANK", CURRENCIES[ccy], CLASSES[kind])
                    for ccy, kind in zip(self.currency.tolist(), self.customer_class.tolist(), strict=True)
                ],
                "code": pl.Series(["-"] * self.accounts, dtype=pl.Categorical),
            }
        )
        codes = np.where(self.is_security, "LCR.HQ1.03", np.where(self.flow_day <= 30, "LCR.IF.CPT.02", NOWHERE))
        others = pl.DataFrame(
            {
                "depositor": np.full(len(codes), -1),
                "currency": self.other_currency,
                "customer_class": np.full(len(codes), -1),
                "product": np.full(len(codes), -1),
                "organisation": np.full(len(codes), -1),
                "limit_minor": np.zeros(len(codes), np.int64),
                "code": pl.Series(codes.tolist(), dtype=pl.Categorical),
            }
        )
        return pl.concat([accounts, others])


def _lcr(items: Mapping[Unit, Items], rates: FxRates, days: Mapping[str, date]) -> dict[Scope, RatioFigure]:
    by_pair = {unit[:2]: one for unit, one in items.items()}
    found = ratio_figures("lcr", scopes(by_pair, rates, "CNY", group=True), POLICY, days)
    for one in found:
        assert one.ratio is not None  # worked out here: a figure makes it when asked
    return {one.scope: one for one in found}


class LiveBank:
    """The incremental side, as in the stream: the worker's fold, what a tick publishes, the view and its ratios."""

    def __init__(self, book: Book) -> None:
        self.balances = DepositorBalances(INSURANCE)
        self.balances.learn(book.keys(), book.depositor)
        self.view, self._offset = RiskView(), 0
        for record in self._openings(book):
            self.view.apply(record)
        self._fed = RatioBook(self.view, POLICY, {"BANK": DAY}, "")  # no deposits yet: the feed tells them
        self._feed = DepositFeed(self.balances, self._fed.class_changed)
        self._rates = self.view.fx_rates()
        self.fold(np.arange(book.accounts), book.amount_minor[: book.accounts])
        self.publish()
        assert not self.view.undecodable, self.view.undecodable_last

    def fold(self, position: Integers, signed_minor: Integers) -> None:
        """What the worker does with a batch."""
        self.balances.add(position, signed_minor)

    def hand_on(self) -> None:
        """In one process: the sums of classes that moved, without records."""
        self._feed.hand_on()

    def picture(self) -> dict[Scope, RatioFigure]:
        """In one process: the exact LCR of every scope."""
        return _lcr(self._fed.items(), self._rates, self._fed.days)

    def publish(self) -> int:
        """What a tick costs worker and view together: changed cells encoded, decoded, put in place."""
        self._offset += 1
        found = list(outputs.deposits(self.balances.take_changed(), self._source(topics.DEPOSIT)))
        for output in [*found, self._cut(topics.DEPOSIT)]:
            self.view.apply(Record(output.topic, 0, 0, output.key, output.value))
        return len(found)

    def read(self) -> dict[Scope, RatioFigure]:
        """The exact LCR of every scope, as the API asks its view."""
        days = self.view.as_of(None).by_entity
        return _lcr(self.view.ratio_books.items(POLICY, days), self.view.fx_rates(), days)

    def _openings(self, book: Book) -> list[Record]:
        date_of = schemas.BusinessDate(entity_id="BANK", business_date=DAY.isoformat(), event_time=f"{DAY}T00:00:00Z")
        rate = {"base_currency": "USD", "quote_currency": "CNY", "mid": USD_IN_CNY, "event_time": ""}
        found = [Record(topics.BUSINESS_DATE, 0, 0, b"-", encode(date_of))]
        found.append(
            self._record(topics.FX_STATE, b"-", schemas.FxState(**rate, source=self._source(topics.FX_STATE)))
        )
        others = zip(
            book.amount_minor[book.accounts :].tolist(),
            book.is_security.tolist(),
            book.other_currency.tolist(),
            book.flow_day.tolist(),
            strict=True,
        )
        for at, (minor, is_security, currency, day) in enumerate(others):
            amount = f"{minor // 100}.{minor % 100:02d}"
            found += self._security(at, amount, currency) if is_security else self._flow(at, amount, currency, day)
        cuts = (topics.FX_STATE, topics.HOLDING_STATE, topics.PRICE_STATE, topics.GAP)
        return [*found, *(Record(cut.topic, 0, 0, cut.key, cut.value) for cut in map(self._cut, cuts))]

    def _security(self, at: int, amount: str, currency: int) -> list[Record]:
        held = schemas.HoldingState(
            entity="BANK", organisation="-", security_id=f"S{at}", portfolio="-", currency=CURRENCIES[currency],
            issuer_type="sovereign", hqla_level="1", face=amount, encumbered_face="0", encumbrance="-",
            maturity_date=None, source=self._source(topics.HOLDING_STATE),
        )  # fmt: skip
        price = schemas.PriceState(
            security_id=f"S{at}", dirty_price="100", event_time="", source=self._source(topics.PRICE_STATE)
        )
        key = f"BANK|S{at}|-".encode()
        return [
            self._record(topics.HOLDING_STATE, key, held),
            self._record(topics.PRICE_STATE, f"S{at}".encode(), price),
        ]

    def _flow(self, at: int, amount: str, currency: int, day: int) -> list[Record]:
        flow = schemas.GapFlow(
            entity="BANK", organisation=f"O{at}", business_line="-", product="LOAN", currency=CURRENCIES[currency],
            flow_date=date.fromordinal(DAY.toordinal() + day).isoformat(), inflow=amount, outflow="0", contracts=1,
            liquidity_tag=TAG, source=self._source(topics.GAP),
        )  # fmt: skip
        return [self._record(topics.GAP, f"{at}".encode(), flow)]

    def _record(self, topic: str, key: bytes, value: Any) -> Record:
        return Record(topic, 0, 0, key, encode(value))

    def _cut(self, topic: str) -> Output:
        return Output(topic, CUT_KEY, outputs.cut(self._source(topic), 0, 0, None, None, {}))

    def _source(self, topic: str) -> schemas.Source:
        return schemas.Source(topic=SOURCE_TOPIC[topic], partition=0, offset=self._offset, log="a/b", fold=1)
