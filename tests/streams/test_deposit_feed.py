"""A book fed in one process is the book that follows the published records."""

from datetime import date
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks._deposit_feed import DepositFeed
from infra.policies import load_policy
from projections.deposit_insurance import DepositInsurance
from projections.depositor_balances import DepositorBalances
from streams import outputs, schemas, topics
from streams.ratio_book import RatioBook
from streams.ratio_items import MEMBERS, Items, items_by_member
from streams.ratio_parts import Unit
from streams.views import CUT_KEY, SOURCE_TOPIC, RiskView
from streams.views_wire import Record
from tests.streams.test_ratio_cases import POLICY

DAYS = {"BANK": date(2026, 3, 16)}
INSURANCE = DepositInsurance.parse(load_policy("live_liquidity"))
keys = st.tuples(
    st.sampled_from(["NORTH", "SOUTH"]),
    st.sampled_from(["SAVINGS", "CURRENT"]),
    st.sampled_from(["CNY", "USD"]),
    st.sampled_from(["RETAIL", "CORPORATE", "-"]),  # `-`: an own account
)
batches = st.lists(
    st.tuples(
        st.lists(keys, max_size=4),
        st.lists(st.tuples(st.integers(0, 10**6), st.integers(-(10**8), 10**8)), max_size=6),
    ),
    min_size=1,
    max_size=6,
)


def plain(items: dict[Unit, Items]) -> dict[Unit, Any]:
    return {unit: (sorted(one.items), sorted(one.asides), one.cash) for unit, one in items.items()}


@settings(max_examples=30)
@given(batches, st.sampled_from(["", *MEMBERS]))
def test_a_fed_book_is_the_book_of_the_published_rows(told: list[Any], by: str) -> None:
    balances, positions = DepositorBalances(INSURANCE), 0
    book = RatioBook(RiskView(), POLICY, DAYS, by)
    feed = DepositFeed(balances, book.class_changed, by)
    for fresh, entries in told:
        for organisation, product, currency, kind in fresh:
            customer = "-" if kind == "-" else f"C{positions}"
            account = f"A{positions}"
            key = ("BANK", organisation, "-", product, currency, customer, account, kind, "false")
            balances.learn([key], np.array([positions]))
            positions += 1
        if positions:
            row, minor = np.array(entries or [(0, 0)]).T
            balances.add(row % positions, minor)
        feed.hand_on()
        view = RiskView()
        source = schemas.Source(topic=SOURCE_TOPIC[topics.DEPOSIT], partition=0, offset=1, log="a/b", fold=1)
        for output in outputs.deposits(balances.rows(), source):
            view.apply(Record(output.topic, 0, 0, output.key, output.value))
        view.apply(Record(topics.DEPOSIT, 0, 0, CUT_KEY, outputs.cut(source, 0, 0, None, None, {})))
        assert plain(book.items()) == plain(items_by_member(view, POLICY, DAYS, by))
        for unit, items in RatioBook(view, POLICY, DAYS, by).items().items():
            assert book.items()[unit].totals == items.totals


def test_a_class_that_did_not_move_is_not_told() -> None:
    balances, told = DepositorBalances(INSURANCE), list[Any]()
    feed = DepositFeed(balances, lambda group, change, rows: told.append((group.product, change, rows)))
    feed.hand_on()
    of = [("BANK", "-", "-", product, "CNY", "C", product, "RETAIL", "false") for product in ("SAVINGS", "CURRENT")]
    balances.learn(of, np.array([0, 0]))
    balances.add(np.array([0]), np.array([500]))
    feed.hand_on()
    assert sorted(told) == [("CURRENT", (0, 0, 0, 0), 1), ("SAVINGS", (500, 0, 0, 0), 1)]
    told.clear()
    feed.hand_on()
    assert told == []
    balances.add(np.array([1]), np.array([7]))
    feed.hand_on()
    assert told == [("CURRENT", (7, 0, 0, 0), 0)]
