"""Live ratios in small: one case a rule of the mapping, with amounts one can add up in the head."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from engines.lcr import Levels
from engines.primitives.money import to_minor
from streams import topics
from streams.feeds.event import Event
from streams.ratio_items import NO_PRICE, NO_REQUIREMENT, STATED, Items, items_by_member, items_by_pair
from streams.schemas import BusinessDate, Contract, FxRate, Holding, MarketPrice, ReserveState, SecuredDeal, Txn
from streams.views_ratios import RatioFigure, Scope, liquid_assets, member_scopes, positions, ratio_figures, scopes
from tests.live_bank import LiveBank, live_policy

NOON = "2026-03-16T12:00:00Z"
DAY = date(2026, 3, 16)
POLICY = live_policy()


def on(*entities: str) -> list[Event]:
    return [
        Event(topics.BUSINESS_DATE, b"-", BusinessDate(entity_id=one, business_date="2026-03-16", event_time=NOON))
        for one in entities
    ]


def money(number: int, amount: str, **fields: Any) -> Event:
    known: dict[str, Any] = {
        "txn_id": f"T{number}",
        "source_system": "core",
        "event_time": NOON,
        "value_date": "2026-03-16",
        "entity_id": "BANK",
        "account_id": f"A{number}",
        "customer_id": f"C{number}",
        "customer_class": "CORPORATE",
        "product_id": "CURRENT",
        "ccy": "CNY",
        "direction": "in",
        "amount": amount,
    }
    return Event(topics.TXN, str(number).encode(), Txn(**(known | fields)))


def own(number: int, amount: str, **fields: Any) -> Event:
    return money(number, amount, customer_id="-", customer_class="-", product_id="SETTLEMENT", **fields)


def loan(number: int, **fields: Any) -> Event:
    known: dict[str, Any] = {
        "contract_id": f"K{number}",
        "event_time": NOON,
        "entity_id": "BANK",
        "side": "asset",
        "ccy": "CNY",
        "principal": "100.00",
        "start_date": "2026-03-01",
        "maturity_date": "2026-04-01",
        "cpty_type": "CORPORATE",
        "product_id": "CORPORATE-LOAN",
    }
    return Event(topics.CONTRACT, str(number).encode(), Contract(**(known | fields)))


def security(number: int, face: str, **fields: Any) -> Event:
    known: dict[str, Any] = {
        "entity_id": "BANK",
        "security_id": f"S{number}",
        "event_time": NOON,
        "ccy": "CNY",
        "face": face,
        "hqla_level": "1",
        "issuer_type": "sovereign",
    }
    return Event(topics.HOLDING, b"-", Holding(**(known | fields)))


def price(number: int, text: str) -> Event:
    return Event(topics.PRICE, b"-", MarketPrice(security_id=f"S{number}", event_time=NOON, dirty_price=text))


def reserve(required: str, **fields: Any) -> Event:
    record = ReserveState(entity_id="BANK", ccy="CNY", event_time=NOON, required=required, **fields)
    return Event(topics.RESERVE, b"-", record)


def items(*events: Event, ccy: str = "CNY") -> Items:
    bank = LiveBank(partitions=1).feed([*on("BANK"), *events])
    assert not bank.refusals
    return items_by_pair(bank.view, POLICY, {"BANK": DAY})["BANK", ccy]


def lines(found: Items, figure: str) -> dict[str, Fraction | int]:
    return {item.code: item.amount for item in found.items if item.figure == figure}


def figures(*events: Event, entities: tuple[str, ...] = ("BANK",)) -> dict[tuple[str, Scope], RatioFigure]:
    bank = LiveBank(partitions=1).feed([*on(*entities), *events])
    days = dict.fromkeys(entities, DAY)
    found = list(scopes(items_by_pair(bank.view, POLICY, days), bank.view.fx_rates(), "CNY", group=True))
    return {
        (one.figure, one.scope): one
        for figure in ("lcr", "nsfr")
        for one in ratio_figures("lcr" if figure == "lcr" else "nsfr", found, POLICY, days)
    }


def test_a_corporate_deposit_has_the_lower_rate_only_if_all_of_it_is_insured() -> None:
    found = items(money(1, "500000.00"), money(2, "500000.01"))
    amounts = [(item.code, item.amount) for item in found.items if item.figure == "lcr"]
    assert sorted(amounts) == [
        ("LCR.OF.NFC.01", 1),
        ("LCR.OF.NFC.01", 50_000_000),
        ("LCR.OF.NFC.02", 50_000_000),
    ]


def test_an_overdraft_is_a_loan_and_no_inflow() -> None:
    found = items(money(1, "7.00", direction="out", customer_class="RETAIL"))
    assert lines(found, "nsfr") == {"NSFR.RSF.50.05": 700}
    assert lines(found, "lcr") == {}
    assert [(aside.amount, aside.mapped) for aside in found.asides] == [(700, True)]


def test_reserves_count_above_the_requirement_and_not_without_one() -> None:
    unknown = items(own(1, "10.00"))
    assert not unknown.items
    assert {aside.reason for aside in unknown.asides} == {NO_REQUIREMENT}
    known = items(own(1, "10.00"), reserve("4.00", vault_cash="1.00"))
    assert lines(known, "lcr") == {"LCR.HQ1.01": 100, "LCR.HQ1.02": 600}
    short = items(own(1, "10.00"), reserve("40.00"))
    assert lines(short, "lcr") == {}
    stated = items(own(1, "10.00"), reserve("4.00", cb_balance="20.00"))
    assert lines(stated, "lcr") == {"LCR.HQ1.02": 1_600}
    assert {aside.reason for aside in stated.asides} >= {STATED}


def test_the_four_positions_are_those_of_the_specification() -> None:
    # LIQ-07: cb 1,620, required 1,200, vault 80, due from banks 300, limit 250 -> 500, 800, 550
    nostro = money(2, "300.00", customer_id="-", customer_class="-", product_id="NOSTRO")
    told = [own(1, "1620.00"), nostro, reserve("1200.00", vault_cash="80.00")]
    bank = LiveBank(partitions=1).feed([*on("BANK"), *told])
    policy = live_policy(reserve_limit=[{"entity": "BANK", "currency": "CNY", "amount": "250.00"}])
    (row,) = positions(items_by_pair(bank.view, policy, {"BANK": DAY}), policy, {"BANK": DAY})
    assert row.positions is not None
    found = row.positions
    assert [int(one) for one in (found.base, found.available, found.lendable)] == [50_000, 80_000, 55_000]
    (row,) = positions(items_by_pair(bank.view, POLICY, {"BANK": DAY}), POLICY, {"BANK": DAY})
    assert row.reserve_limit is None
    assert "no reserve limit" in row.reason


def test_liquid_assets_are_those_of_the_specification() -> None:
    # LIQ-17: cash 80, excess 420, sovereign 200 at 101.5, corporate 2A 150 face, 40 pledged, at 99.2 -> 795.752
    bank = LiveBank(partitions=1).feed(
        [
            *on("BANK"),
            own(1, "1620.00"),
            reserve("1200.00", vault_cash="80.00"),
            security(1, "200.00"),
            price(1, "101.5"),
            security(
                2, "150.00", encumbered_face="40.00", encumbrance="<6m", hqla_level="2A", issuer_type="corporate"
            ),
            price(2, "99.2"),
        ]
    )
    found = scopes(items_by_pair(bank.view, POLICY, {"BANK": DAY}), bank.view.fx_rates(), "CNY", group=False)
    rows = [row for row in liquid_assets(found, POLICY, {"BANK": DAY}) if row.scope.kind == "currency"]
    assert sum(row.liquidity_value for row in rows) == Fraction("79575.2")
    shares = {row.asset.asset_class: f"{float((row.share or 0) * 100):.2f}" for row in rows}
    assert shares == {
        "vault_cash": "10.05",
        "excess_reserves": "52.78",
        "security/1/sovereign": "25.51",
        "security/2A/corporate": "11.66",
    }


def test_what_is_pledged_is_no_stock_and_needs_the_heavier_funding() -> None:
    found = items(
        security(1, "100.00", encumbered_face="60.00", encumbrance=">=1y"), price(1, "50"),
    )  # fmt: skip
    assert lines(found, "lcr") == {"LCR.HQ1.03": 2_000}
    assert lines(found, "nsfr") == {"NSFR.RSF.5.01": 2_000, "NSFR.RSF.100.01": 3_000}
    half = items(
        security(1, "100.00", encumbered_face="60.00", encumbrance="6m-<1y", hqla_level="none", issuer_type="bank"),
        price(1, "100"),
    )
    # 85% of a security that is no HQLA is heavier than the 50% of the pledge.
    assert [(item.code, item.amount) for item in half.items if item.figure == "nsfr"] == [
        ("NSFR.RSF.85.03", 4_000),
        ("NSFR.RSF.85.03", 6_000),
    ]


def test_a_holding_without_a_price_is_told_and_counts_nothing() -> None:
    found = items(security(1, "100.00"))
    assert not found.items
    assert {(aside.reason, aside.amount, aside.mapped) for aside in found.asides} == {(NO_PRICE, 10_000, False)}


@pytest.mark.parametrize(
    ("fields", "lcr", "nsfr"),
    [
        ({}, {"LCR.IF.CPT.02": 10_000}, {"NSFR.RSF.50.05": 10_000}),
        ({"loan_class": "LOSS"}, {}, {"NSFR.RSF.100.04": 10_000}),
        ({"overdue_days": 5}, {}, {"NSFR.RSF.50.05": 10_000}),
        ({"overdue_days": 91}, {}, {"NSFR.RSF.100.04": 10_000}),
        ({"maturity_date": "2026-04-15"}, {"LCR.IF.CPT.02": 10_000}, {"NSFR.RSF.50.05": 10_000}),
        ({"maturity_date": "2026-04-16"}, {}, {"NSFR.RSF.50.05": 10_000}),
        ({"maturity_date": "2027-03-16"}, {}, {"NSFR.RSF.85.02": 10_000}),
        ({"maturity_date": "2026-03-10"}, {}, {}),
        ({"encumbrance": ">=1y"}, {"LCR.IF.CPT.02": 10_000}, {"NSFR.RSF.100.01": 10_000}),
        ({"secured_by": "1", "cpty_type": "BANK"}, {"LCR.IF.SEC.01": 10_000}, {"NSFR.RSF.10.01": 10_000}),
        (
            {"side": "liability", "product_id": "TERM-DEPOSIT", "cpty_type": "RETAIL", "insured": True},
            {"LCR.OF.RET.02": 10_000},
            {"NSFR.ASF.95.01": 10_000},
        ),
        (
            {
                "side": "liability",
                "cpty_type": "CORPORATE",
                "operational": True,
                "on_demand": True,
                "maturity_date": None,
            },
            {"LCR.OF.OPD.01": 10_000},
            {"NSFR.ASF.50.02": 10_000},
        ),
        (
            {"side": "liability", "product_id": "CAPITAL", "maturity_date": None},
            {},
            {"NSFR.ASF.100.01": 10_000},
        ),
        (
            {"side": "obs_out", "cpty_type": "SME", "maturity_date": "2030-01-01"},
            {"LCR.OF.FAC.01": 10_000},
            {"NSFR.OBS.01": 10_000},
        ),
    ],
)
def test_a_contract_stands_where_its_facts_say(fields: dict[str, Any], lcr: Any, nsfr: Any) -> None:
    found = items(money(1, "0.00"), loan(1, **fields))
    assert lines(found, "lcr") == lcr
    assert lines(found, "nsfr") == nsfr
    assert all(aside.mapped for aside in found.asides)


def test_an_unknown_counterparty_is_unmapped_not_dropped() -> None:
    found = items(loan(1, cpty_type="MARTIAN"))
    assert not found.items
    assert {(aside.figure, aside.amount, aside.mapped) for aside in found.asides} == {
        ("lcr", 10_000, False),
        ("nsfr", 10_000, False),
    }


def test_what_entities_owe_each_other_is_left_out_of_the_group_alone() -> None:
    events = [
        loan(1, entity_id="BANK", cpty_type="BANK", intragroup=True),
        loan(2, entity_id="LEASE", side="liability", cpty_type="BANK", intragroup=True),
        loan(3, entity_id="LEASE", side="liability", cpty_type="BANK", principal="40.00"),
    ]
    found = figures(*events, entities=("BANK", "LEASE"))
    outflows = {
        scope: sum(item.amount for item in one.items if item.code == "LCR.OF.OLE.01")
        for (figure, scope), one in found.items()
        if figure == "lcr"
    }
    assert outflows[Scope("entity", "LEASE", "CNY")] == 14_000
    assert outflows[Scope("group", "-", "CNY")] == 4_000


def test_without_a_rate_consolidated_figures_have_no_value_and_say_so() -> None:
    both = [money(1, "10.00"), money(2, "10.00", ccy="USD")]
    missing = figures(*both)["lcr", Scope("entity", "BANK", "CNY")]
    assert missing.result is None
    assert missing.reason == "no rate from USD to CNY"
    rate = Event(topics.FX, b"-", FxRate(base_ccy="CNY", quote_ccy="USD", event_time=NOON, mid="0.125"))
    found = figures(*both, rate)["lcr", Scope("entity", "BANK", "CNY")]
    assert found.ratio is not None
    assert sum(item.amount for item in found.items) == 1_000 + 8_000  # by the inverse


def test_a_denominator_of_nothing_has_no_ratio() -> None:
    found = figures(security(1, "100.00"), price(1, "100"))["lcr", Scope("currency", "BANK", "CNY")]
    assert found.ratio is not None
    assert found.ratio.value is None
    assert found.reason == "net cash outflows are 0"
    assert found.ratio.numerator == to_minor("100.00", "CNY")


def test_a_repo_within_the_horizon_is_undone_for_the_caps_as_in_golden_case_lcr_005() -> None:
    # Unwinding lowers adjusted Level 1 to 575 and raises 2A to 935: the 40% cap binds on a mix that is inside it.
    deals = [
        SecuredDeal(deal_id="S1", direction="given", face="500.00", cash="425.00", maturity_date="2026-03-28"),
        SecuredDeal(deal_id="S2", direction="given", face="60.00", cash="50.00", maturity_date="2026-04-30"),
    ]
    bonds = {"hqla_level": "2A", "issuer_type": "policy_bank", "encumbrance": "<6m"}
    events = [
        reserve("0.00", cb_balance="900.00"),
        security(1, "100.00"),
        price(1, "100"),
        security(2, "1160.00", encumbered_face="560.00", deals=deals, **bonds),
        price(2, "100"),
        loan(1, side="liability", principal="425.00", maturity_date="2026-03-28", secured_by="2A", cpty_type="BANK"),
        loan(2, side="liability", principal="1500.00", maturity_date=None, on_demand=True),
        loan(3, principal="90.00", cpty_type="BANK"),
    ]
    found = figures(*events)["lcr", Scope("currency", "BANK", "CNY")]
    assert found.coverage is not None
    assert found.ratio is not None
    stock = found.coverage.stock
    assert stock.adjusted == Levels(Fraction(57_500), Fraction(93_500))
    assert stock.cap40_adjustment == Fraction(165_500, 3)
    assert found.ratio.value == Fraction(2300, 1377)
    # On the 29th the deal has matured: nothing is undone, and the cap no longer binds.
    bank = LiveBank(partitions=1).feed([*on("BANK"), *events])
    later = {"BANK": date(2026, 3, 29)}
    of_pair = list(scopes(items_by_pair(bank.view, POLICY, later), bank.view.fx_rates(), "CNY", group=False))
    (after, *_) = ratio_figures("lcr", of_pair, POLICY, later)
    assert after.coverage is not None
    assert after.coverage.stock.cap40_adjustment == 0


def test_of_a_swap_each_security_tells_its_leg_and_a_deal_in_no_hqla_is_left_out() -> None:
    given = [SecuredDeal(deal_id="W", direction="given", face="40.00", maturity_date="2026-03-28")]
    received = [SecuredDeal(deal_id="W", direction="received", face="50.00", maturity_date="2026-03-28")]
    outside = [SecuredDeal(deal_id="X", direction="received", face="10.00", cash="9.00", maturity_date="2026-03-20")]
    found = figures(
        security(1, "100.00", encumbered_face="40.00", encumbrance="<6m", deals=given),
        security(2, "50.00", hqla_level="2A", issuer_type="corporate", deals=received),
        security(3, "10.00", hqla_level="none", issuer_type="bank", deals=outside),
        *(price(number, "100") for number in (1, 2, 3)),
    )["lcr", Scope("currency", "BANK", "CNY")]
    assert found.coverage is not None
    assert found.coverage.stock.held == Levels(Fraction(6_000), Fraction(4_250))
    assert found.coverage.stock.adjusted == Levels(Fraction(10_000), Fraction(0))


def test_a_branch_has_no_minimum_and_own_money_belongs_to_none() -> None:
    bank = LiveBank(partitions=1).feed(
        [
            *on("BANK"),
            money(1, "100.00", org_id="NORTH"),
            money(2, "300.00", org_id="SOUTH"),
            own(3, "50.00", org_id="HEAD"),
            reserve("20.00"),
        ]
    )
    items_of = items_by_member(bank.view, POLICY, {"BANK": DAY}, "organisation")
    found = member_scopes("organisation", items_of, bank.view.fx_rates(), "CNY")
    rows = {one.scope.member: one for one in ratio_figures("lcr", found, POLICY, {"BANK": DAY})}
    assert rows.keys() == {"-", "NORTH", "SOUTH"}
    assert {member: one.ratio and one.ratio.numerator for member, one in rows.items()} == {
        "-": 3_000,
        "NORTH": 0,
        "SOUTH": 0,
    }
    assert rows["SOUTH"].ratio is not None
    assert rows["SOUTH"].ratio.denominator == 30_000 * Fraction(20, 100)
    assert rows["SOUTH"].ratio.minimum is None
    assert not rows["SOUTH"].limits
