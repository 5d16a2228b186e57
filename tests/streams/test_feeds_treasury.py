"""The simulated treasury: as deterministic and resumable as the bank, records that fit, days of the right size."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from itertools import islice
from typing import Any

import msgspec
import pytest

from engines.primitives.money import to_minor
from projections.dictionary import Key
from streams import topics
from streams.feeds.event import Event
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.producer import encode
from streams.ratio_items import Figure, items_by_pair
from streams.schemas import FxRate, Holding, MarketPrice, ReserveState
from streams.treasury_rows import fx_key, holding_key, price_key, reserve_key
from streams.views_ratios import ratio_figures, scopes
from tests.live_bank import LiveBank, live_policy

SIMULATION = Simulation(11, date(2026, 4, 14), 5_000, 500, treasury=True)
TREASURY = {topics.HOLDING, topics.PRICE, topics.FX, topics.RESERVE}


@pytest.fixture(scope="module")
def bank() -> SimulatedBank:
    return SimulatedBank(SIMULATION)


@pytest.fixture(scope="module")
def events(bank: SimulatedBank) -> list[Event]:
    return list(islice(bank.events(), bank.opening_events + 2 * SIMULATION.events_per_day))


def told(events: list[Event]) -> list[tuple[str, bytes, bytes]]:
    return [(event.topic, event.key, encode(event.record)) for event in events]


def test_the_stream_can_begin_anywhere_and_is_the_same(bank: SimulatedBank, events: list[Event]) -> None:
    opening = bank.opening_events
    for index in (opening - 20, opening + 17, opening + SIMULATION.events_per_day + 3):
        again = list(islice(SimulatedBank(SIMULATION).events(index), 200))
        assert told(again) == told(events[index : index + 200])


def test_openings_tell_everything_before_the_first_day(bank: SimulatedBank, events: list[Event]) -> None:
    first = [event.record for event in events[: bank.opening_events]]
    priced = {record.security_id for record in first if isinstance(record, MarketPrice)}
    held = {record.security_id for record in first if isinstance(record, Holding)}
    assert len(held) > 20
    assert held == priced
    assert {record.base_ccy for record in first if isinstance(record, FxRate)} == {"USD", "EUR", "JPY", "HKD"}
    assert {record.entity_id for record in first if isinstance(record, ReserveState)} == {"BANK", "LEASE", "CF"}


def test_each_day_has_its_ticks_and_no_event_more(bank: SimulatedBank, events: list[Event]) -> None:
    for day in range(2):
        start = bank.opening_events + day * SIMULATION.events_per_day
        kinds = Counter(event.topic for event in events[start : start + SIMULATION.events_per_day])
        assert kinds[topics.PRICE] >= 8
        assert kinds[topics.FX] >= 4
        assert kinds[topics.HOLDING] >= 2
        assert sum(kinds.values()) == SIMULATION.events_per_day


def test_every_record_is_one_that_is_taken(events: list[Event]) -> None:
    checks: dict[str, Callable[[Any], Key]] = {
        topics.HOLDING: holding_key,
        topics.PRICE: price_key,
        topics.FX: fx_key,
        topics.RESERVE: reserve_key,
    }
    for event in events:
        if event.topic in TREASURY:
            checks[event.topic](event.record)
            assert msgspec.json.decode(encode(event.record), type=type(event.record)) == event.record
            if isinstance(event.record, Holding):
                pledged = to_minor(event.record.encumbered_face, event.record.ccy)
                assert (pledged == 0) == (event.record.encumbrance == "-")


def test_without_a_treasury_the_stream_is_what_it_was() -> None:
    plain = SimulatedBank(Simulation(11, date(2026, 4, 14), 5_000, 500))
    events = list(islice(plain.events(), plain.opening_events + 5_000))
    assert not TREASURY & {event.topic for event in events}


@pytest.mark.parametrize(("seed", "customers"), [(1, 500), (11, 800), (5, 3_000)])
def test_the_bank_opens_with_the_ratios_of_a_bank(seed: int, customers: int) -> None:
    source = SimulatedBank(Simulation(seed, date(2026, 3, 16), 5_000, customers, treasury=True))
    bank = LiveBank().feed(islice(source.events(), source.opening_events))
    assert not bank.refusals
    policy, days = live_policy(), bank.view.as_of(None).by_entity
    found = list(scopes(items_by_pair(bank.view, policy, days), bank.view.fx_rates(), "CNY", group=True))
    bounds: dict[Figure, tuple[float, float]] = {"lcr": (1.2, 1.6), "nsfr": (1.05, 1.3)}
    for figure, (low, high) in bounds.items():
        for one in ratio_figures(figure, found, policy, days):
            if one.scope[:2] in (("entity", "BANK"), ("group", "-")):
                assert one.ratio is not None
                assert low < (one.ratio.value or 0) < high, (figure, one.scope, float(one.ratio.value or 0))
                if one.coverage is not None:  # two repos and a reverse repo are undone
                    assert one.coverage.stock.adjusted != one.coverage.stock.held
