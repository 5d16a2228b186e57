"""Treasury and market records: what is published of them, and what is refused with field and reason."""

from typing import Any

import msgspec
import numpy as np
import pytest

from streams import schemas, topics
from streams.raw_batch import RawBatch
from streams.schemas import FxRate, Holding, MarketPrice, ReserveState, SecuredDeal, Source
from streams.treasury_folders import FX_RATES, HOLDINGS, PRICES, RESERVES, Kind, TreasuryFolder

NOON = "2026-03-16T12:00:00Z"
HOLDING = Holding(entity_id="BANK", security_id="CGB", event_time=NOON, ccy="CNY", face="100.00")
PRICE = MarketPrice(security_id="CGB", event_time=NOON, dirty_price="101.25")
FX = FxRate(base_ccy="USD", quote_ccy="CNY", event_time=NOON, mid="7.1")
RESERVE = ReserveState(entity_id="BANK", ccy="CNY", event_time=NOON, required="10.00")


GIVEN = SecuredDeal(deal_id="R1", direction="given", face="10.00", maturity_date="2026-04-01", cash="9.80")


def in_deal(deal: SecuredDeal, **fields: str) -> Holding:
    deals = [msgspec.structs.replace(deal, **fields)]
    return msgspec.structs.replace(HOLDING, encumbered_face="10.00", encumbrance="<6m", deals=deals)


def raw(*values: bytes | None) -> RawBatch:
    count = len(values)
    return RawBatch.of_values(0, count, np.arange(count), list(values), np.zeros(count, np.int64))


def source(kind: Kind) -> Source:
    return Source(topic=kind.topic, partition=0, offset=1, log="cluster/topic", fold=1)


@pytest.mark.parametrize(
    ("kind", "record", "key", "shown"),
    [
        (
            HOLDINGS,
            HOLDING,
            b"BANK|CGB|-",
            {"entity": "BANK", "currency": "CNY", "face": "100.00", "hqla_level": "none"},
        ),
        (PRICES, PRICE, b"CGB", {"dirty_price": "101.25"}),
        (FX_RATES, FX, b"USD|CNY", {"base_currency": "USD", "mid": "7.1"}),
        (RESERVES, RESERVE, b"BANK|CNY", {"required": "10.00", "vault_cash": "0", "central_bank_balance": None}),
    ],
)
def test_a_record_is_published_by_its_outward_names(
    kind: Kind, record: msgspec.Struct, key: bytes, shown: dict[str, Any]
) -> None:
    folder = TreasuryFolder(kind)
    state = folder.empty()
    assert not folder.absorb(state, raw(msgspec.json.encode(record))).refusals
    (output,) = folder.take_changes(state, source(kind))
    assert (output.topic, output.key) == (kind.output_topic, key)
    value = msgspec.json.decode(output.value)
    assert shown.items() <= value.items()
    assert msgspec.json.decode(output.value, type=kind.published)
    assert folder.take_changes(state, source(kind)) == []
    assert folder.take_all(state, source(kind)) == [output]
    assert folder.load(state.dump()).canonical_bytes() == state.canonical_bytes()


@pytest.mark.parametrize(
    ("kind", "record", "field"),
    [
        (HOLDINGS, msgspec.structs.replace(HOLDING, security_id=""), "security_id"),
        (HOLDINGS, msgspec.structs.replace(HOLDING, ccy="XXX"), "ccy"),
        (HOLDINGS, msgspec.structs.replace(HOLDING, face="1.234"), "face"),
        (HOLDINGS, msgspec.structs.replace(HOLDING, face="-1.00"), "face"),
        (HOLDINGS, msgspec.structs.replace(HOLDING, encumbered_face="100.01"), "encumbered_face"),
        (HOLDINGS, msgspec.structs.replace(HOLDING, hqla_level="3"), "hqla_level"),
        (HOLDINGS, msgspec.structs.replace(HOLDING, encumbrance="always"), "encumbrance"),
        (HOLDINGS, msgspec.structs.replace(HOLDING, maturity_date="2026-02-30"), "maturity_date"),
        (HOLDINGS, msgspec.structs.replace(HOLDING, deals=[GIVEN]), "deals"),
        (HOLDINGS, in_deal(GIVEN, deal_id=""), "deals[0].deal_id"),
        (HOLDINGS, in_deal(GIVEN, face="-1.00"), "deals[0].face"),
        (HOLDINGS, in_deal(GIVEN, cash="x"), "deals[0].cash"),
        (HOLDINGS, in_deal(GIVEN, maturity_date="2026-02-30"), "deals[0].maturity_date"),
        (PRICES, msgspec.structs.replace(PRICE, dirty_price="0"), "dirty_price"),
        (PRICES, msgspec.structs.replace(PRICE, dirty_price="1e3"), "dirty_price"),
        (FX_RATES, msgspec.structs.replace(FX, quote_ccy="USD"), "quote_ccy"),
        (FX_RATES, msgspec.structs.replace(FX, base_ccy="USX"), "base_ccy"),
        (FX_RATES, msgspec.structs.replace(FX, mid="-7.1"), "mid"),
        (RESERVES, msgspec.structs.replace(RESERVE, required="-1.00"), "required"),
        (RESERVES, msgspec.structs.replace(RESERVE, cb_balance="x"), "cb_balance"),
    ],
)
def test_a_record_that_cannot_be_meant_is_refused_with_its_field(
    kind: Kind, record: msgspec.Struct, field: str
) -> None:
    folder = TreasuryFolder(kind)
    state = folder.empty()
    (refusal,) = folder.absorb(state, raw(msgspec.json.encode(record))).refusals
    assert (refusal.offset, refusal.field) == (0, field)
    assert refusal.reason
    assert state.records() == []
    assert state.next_offset == 1


def test_what_is_no_record_is_refused_and_the_rest_counts() -> None:
    folder = TreasuryFolder(PRICES)
    state = folder.empty()
    refusals = folder.absorb(state, raw(b"", None, b"{}", b"[1", msgspec.json.encode(PRICE))).refusals
    assert [refusal.offset for refusal in refusals] == [0, 1, 2, 3]
    assert len(state.records()) == 1


def test_the_topics_of_the_treasury_have_one_partition_and_are_folded() -> None:
    partitions = topics.folded_partitions(8)
    assert {topic for topic, count in partitions.items() if count == 1} == set(topics.SINGLE)
    assert partitions.keys() == set(topics.FOLDED)
    assert {kind.topic for kind in (HOLDINGS, PRICES, FX_RATES, RESERVES)} == set(topics.SINGLE)
    assert set(schemas.HQLA_LEVELS) == {"1", "2A", "2B", "none"}
