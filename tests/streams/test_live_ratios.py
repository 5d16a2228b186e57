"""Live is batch: after a simulated day and after Berka's years, every live ratio is what the raw records give."""

import os
from datetime import date
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pytest

from streams import topics
from streams.feeds.berka import berka_events
from streams.feeds.berka_files import read_berka
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.ratio_items import Aside, Item, items_by_pair
from streams.views import RiskView
from streams.views_ratios import RatioFigure, Scope, liquid_assets, ratio_figures, scopes
from tests.live_bank import LiveBank, live_policy
from tests.ratio_log_oracle import ratios

DAY = date(2026, 3, 16)
POLICY = live_policy()


def figures_of(view: RiskView, day: date | None = None) -> dict[tuple[str, Scope], RatioFigure]:
    days = {entity: day or known for entity, known in view.as_of(None).by_entity.items()}
    found = list(scopes(items_by_pair(view, POLICY, days), view.fx_rates(), "CNY", group=True))
    return {
        (one.figure, one.scope): one
        for figure in ("lcr", "nsfr")
        for one in ratio_figures("lcr" if figure == "lcr" else "nsfr", found, POLICY, days)
    }


def raw(bank: LiveBank) -> dict[str, list[list[bytes]]]:
    by_topic: dict[str, list[list[bytes]]] = {}
    for (topic, _), log in sorted(bank.logs.items()):
        by_topic.setdefault(topic, []).append(log)
    return by_topic


def check(bank: LiveBank, day: date) -> dict[tuple[str, Scope], RatioFigure]:
    found = figures_of(bank.view, day)
    batch = ratios(raw(bank), day)
    live = {
        (figure, scope.entity, scope.currency): one
        for (figure, scope), one in found.items()
        if scope.kind == "currency"
    }
    for key, one in live.items():
        assert one.result is not None
        if key not in batch:
            assert not one.items, key
            continue
        assert one.result.ratio == batch[key], key
        assert not [aside for aside in one.asides if not aside.mapped]
    assert batch.keys() <= live.keys()
    return found


@pytest.fixture(scope="module")
def bank() -> LiveBank:
    """A simulated bank after a day, told in ticks of uneven size."""
    source = SimulatedBank(Simulation(11, DAY, 6_000, 800, treasury=True))
    events = list(islice(source.events(), source.opening_events + 6_000))
    found = LiveBank(partitions=3)
    for start, end in ((0, 100), (100, 2_500), (2_500, 2_600), (2_600, 7_000), (7_000, len(events))):
        found.feed(events[start:end])
    assert not found.refusals
    return found


@pytest.mark.parametrize("day", [DAY, date(2026, 4, 1), date(2026, 8, 31)])
def test_every_live_ratio_of_a_simulated_day_is_what_the_records_give(bank: LiveBank, day: date) -> None:
    found = check(bank, day)
    values = [one.ratio.value for one in found.values() if one.ratio is not None]
    assert len([value for value in values if value]) > 10


def test_consolidated_is_the_sum_of_its_currencies_at_the_rates_of_the_cut(bank: LiveBank) -> None:
    found = figures_of(bank.view)
    rates = bank.view.fx_rates()
    for (figure, scope), one in found.items():
        if scope.kind == "currency" or figure == "lcr":
            continue
        parts = [
            (part, rates.minor_factor(at.currency, scope.currency))
            for (kind, at), part in found.items()
            if kind == figure and at.kind == "currency" and scope.entity in ("-", at.entity)
        ]
        assert one.result is not None
        for side in ("numerator", "denominator"):
            total = sum(getattr(part.ratio, side) * (factor or 0) for part, factor in parts)
            assert getattr(one.ratio, side) == total


def test_whatever_the_ticks_the_ratios_are_the_same(bank: LiveBank) -> None:
    source = SimulatedBank(Simulation(11, DAY, 6_000, 800, treasury=True))
    at_once = LiveBank(partitions=3).feed(islice(source.events(), source.opening_events + 6_000))
    mine, others = figures_of(at_once.view), figures_of(bank.view)
    assert mine.keys() == others.keys()
    for key, one in mine.items():
        assert one.ratio == others[key].ratio
        assert one.items == others[key].items


def test_liquid_assets_add_up_to_the_stock_before_caps(bank: LiveBank) -> None:
    days = bank.view.as_of(None).by_entity
    found = list(scopes(items_by_pair(bank.view, POLICY, days), bank.view.fx_rates(), "CNY", group=True))
    rows = liquid_assets(found, POLICY, days)
    for (figure, scope), one in figures_of(bank.view).items():
        mine = [row for row in rows if row.scope == scope]
        if figure == "lcr" and mine:
            assert one.result is not None
            held = one.result.stock.held.total  # type: ignore[union-attr]
            assert sum((row.liquidity_value for row in mine), Fraction(0)) == held
            assert sum((row.share or 0 for row in mine), Fraction(0)) == (1 if held else 0)
            assert all(row.asset.unencumbered <= row.asset.market_value for row in mine)


def test_an_amount_that_no_entry_of_the_mapping_takes_is_told(bank: LiveBank) -> None:
    policy = live_policy(contract=[])
    days = bank.view.as_of(None).by_entity
    items = items_by_pair(bank.view, policy, days)
    whole = items_by_pair(bank.view, POLICY, days)
    told = sum(
        aside.amount
        for found in items.values()
        for aside in found.asides
        if not aside.mapped and aside.figure == "lcr" and "INTEREST-RATE-SWAP" not in aside.of
    )
    placed = sum(
        amount
        for found in whole.values()
        for amount in (
            *(one.amount for one in found.items if is_contract(one)),
            *(one.amount for one in found.asides if is_contract(one)),
        )
    )
    assert told == placed > 0


def is_contract(one: Item | Aside) -> bool:
    return one.figure == "lcr" and one.of.startswith("contract/") and "INTEREST-RATE-SWAP" not in one.of


def test_every_live_ratio_of_berka_is_what_the_records_give() -> None:
    root = os.environ.get("TIDEMARK_REFERENCE")
    directory = Path(root or "") / "data" / "berka"
    if not root or not directory.is_dir():
        pytest.skip("no Berka data: set TIDEMARK_REFERENCE to where the reference is")
    bank = LiveBank(partitions=2).feed(berka_events(read_berka(directory), date(1994, 12, 31), "token"))
    assert not bank.refusals
    day = bank.view.business_dates["BERKA"]
    found = check(bank, day)
    coverage = found["lcr", Scope("currency", "BERKA", "CZK")]
    assert coverage.ratio is not None
    assert coverage.ratio.value == 0  # nothing tells of liquid assets, and nothing is made up
    assert topics.HOLDING not in raw(bank)
