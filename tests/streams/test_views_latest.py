"""Newest records in the view: only whole ticks count, an older record never returns, another log takes all along."""

from fractions import Fraction
from typing import Any

import msgspec

from streams import schemas
from streams.topics import DEPOSIT, HOLDING, HOLDING_STATE, PRICE, PRICE_STATE, TXN
from streams.views import CUT_KEY, SOURCE_TOPIC, RiskView
from streams.views_wire import Record

LOG = "cluster/topic-1"


def source(topic: str, offset: int, log: str = LOG, fold: int = 1) -> schemas.Source:
    return schemas.Source(topic=topic, partition=0, offset=offset, log=log, fold=fold)


def record(topic: str, key: bytes, value: msgspec.Struct) -> Record:
    return Record(topic, 0, 0, key, msgspec.json.encode(value))


def deposit(offset: int, amount: str, **of: Any) -> Record:
    value = schemas.Deposit(
        entity="BANK", currency="CNY", owner="customer", customer_class="RETAIL", product="SAVINGS",
        insured_whole=amount, insured_part="0.00", uninsured="0.00", overdrawn="0.00",
        source=source(TXN, offset, **of),
    )  # fmt: skip
    return record(DEPOSIT, b"BANK|CNY|customer|RETAIL|SAVINGS", value)


def holding(offset: int, face: str, **of: Any) -> Record:
    value = schemas.HoldingState(
        entity="BANK", organisation="-", security_id="CGB", portfolio="-", currency="CNY", issuer_type="sovereign",
        hqla_level="1", face=face, encumbered_face="0", encumbrance="-", maturity_date=None,
        source=source(HOLDING, offset, **of),
    )  # fmt: skip
    return record(HOLDING_STATE, b"BANK|CGB|-", value)


def price(offset: int, text: str, **of: Any) -> Record:
    value = schemas.PriceState(security_id="CGB", dirty_price=text, event_time="", source=source(PRICE, offset, **of))
    return record(PRICE_STATE, b"CGB", value)


def cut(topic: str, offset: int, **of: Any) -> Record:
    value = schemas.Cut(
        source=source(SOURCE_TOPIC[topic], offset, **of),
        from_offset=0,
        count=0,
        appended_at=None,
        business_time=None,
        statistics={},
    )
    return record(topic, CUT_KEY, value)


def feed(view: RiskView, *records: Record) -> RiskView:
    for one in records:
        view.apply(one)
    assert view.undecodable == 0, view.undecodable_last
    return view


def insured(view: RiskView) -> list[str]:
    return [row.insured_whole for row in view.deposit_rows()]


def values(view: RiskView) -> list[Fraction]:
    return [value.free for _, value in view.securities.values()]


def test_half_a_tick_is_not_seen_and_an_older_record_never_returns() -> None:
    view = feed(RiskView(), deposit(5, "5.00"))
    assert insured(view) == []
    feed(view, cut(DEPOSIT, 5))
    assert insured(view) == ["5.00"]
    feed(view, deposit(9, "9.00"), cut(DEPOSIT, 7))
    assert insured(view) == ["5.00"]
    feed(view, cut(DEPOSIT, 9), deposit(6, "6.00"), cut(DEPOSIT, 9))
    assert insured(view) == ["9.00"]
    assert view.offsets(DEPOSIT) == {f"{TXN}/0": 9}


def test_a_higher_fold_version_and_another_log_take_everything_along() -> None:
    view = feed(RiskView(), holding(1, "100.00"), cut(HOLDING_STATE, 1), price(1, "50"), cut(PRICE_STATE, 1))
    assert values(view) == [5_000]
    feed(view, holding(1, "70.00", fold=2), cut(HOLDING_STATE, 1, fold=2))
    assert values(view) == [3_500]
    feed(view, cut(HOLDING_STATE, 0, log="cluster/topic-2"))
    assert values(view) == []
    feed(view, holding(3, "10.00", log="cluster/topic-2"), cut(HOLDING_STATE, 3, log="cluster/topic-2"))
    assert values(view) == [500]
    feed(view, holding(9, "999.00"), cut(HOLDING_STATE, 9))  # a zombie of the old log
    assert values(view) == [500]


def test_a_price_before_its_holding_and_a_price_that_goes() -> None:
    view = feed(RiskView(), price(1, "101.25"), cut(PRICE_STATE, 1), holding(1, "8.00"), cut(HOLDING_STATE, 1))
    assert values(view) == [810]
    feed(view, cut(PRICE_STATE, 0, log="cluster/topic-2"))
    assert values(view) == []
    (group,) = view.securities.classes()
    assert view.securities.unpriced_of(group) == [("CGB", 800)]
