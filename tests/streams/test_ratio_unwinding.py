"""Deals that enter or leave the 30 days move the LCR by their caps alone: told as a line, with nothing left."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import topics
from streams.feeds.event import Event
from streams.ratio_changes import ExplainedRatio, TwoCuts, explained
from streams.ratio_items import items_by_pair
from streams.schemas import BusinessDate, FxRate, Holding, MarketPrice, ReserveState, SecuredDeal, Txn
from streams.views_ratios import RatioFigure, Scope, ratio_figures, scopes
from tests.live_bank import LiveBank, live_folders, live_policy, offsets, two_cuts_of

NOON = "2026-03-16T12:00:00Z"
POLICY = live_policy()
FOLDERS = live_folders()
ENTITIES, CURRENCIES = ("BANK", "SUB"), ("CNY", "USD")


def on(day: str, entity: str = "BANK") -> Event:
    return Event(topics.BUSINESS_DATE, b"-", BusinessDate(entity_id=entity, business_date=day, event_time=NOON))


def money(number: int, amount: str, entity: str = "BANK", currency: str = "CNY") -> Event:
    record = Txn(
        txn_id=f"T{number}", source_system="core", event_time=NOON, value_date="2026-03-16", entity_id=entity,
        account_id=f"A{entity}{currency}", customer_id=f"C{currency}", customer_class="CORPORATE",
        product_id="CURRENT", ccy=currency, direction="in", amount=amount,
    )  # fmt: skip
    return Event(topics.TXN, str(number).encode(), record)


def reserve(balance: str) -> Event:
    record = ReserveState(entity_id="BANK", ccy="CNY", event_time=NOON, required="0.00", cb_balance=balance)
    return Event(topics.RESERVE, b"BANK|CNY", record)


def security(name: str, face: str, level: str, entity: str = "BANK", currency: str = "CNY", **more: Any) -> Event:
    issuer = {"1": "sovereign", "2A": "policy_bank", "2B": "corporate", "none": "bank"}[level]
    facts: dict[str, Any] = {"hqla_level": level, "issuer_type": issuer} | more
    record = Holding(
        entity_id=entity, security_id=f"{entity}{currency}{name}", event_time=NOON, ccy=currency, face=face, **facts
    )
    return Event(topics.HOLDING, f"{entity}|{currency}{name}".encode(), record)


def price(name: str, text: str, entity: str = "BANK", currency: str = "CNY") -> Event:
    record = MarketPrice(security_id=f"{entity}{currency}{name}", event_time=NOON, dirty_price=text)
    return Event(topics.PRICE, record.security_id.encode(), record)


def deal(face: str, cash: str, due: str, direction: Any = "given") -> SecuredDeal:
    return SecuredDeal(deal_id="D", direction=direction, face=face, cash=cash, maturity_date=due)


def rate(mid: str) -> Event:
    return Event(topics.FX, b"USD/CNY", FxRate(base_ccy="USD", quote_ccy="CNY", event_time=NOON, mid=mid))


def cuts_of(first: list[Event], then: list[Event]) -> TwoCuts:
    bank = LiveBank(partitions=1, folders=FOLDERS).feed(first)
    before = offsets(bank)
    bank.feed(then)
    return two_cuts_of(bank, before, offsets(bank))


def parts_of(found: ExplainedRatio) -> dict[tuple[str, str], Fraction]:
    return {(part.cause, part.line): part.amount for part in found.explanation.parts}


def of_currency(found: TwoCuts) -> ExplainedRatio:
    (one,) = explained("lcr", found, POLICY, lambda scope: scope.kind == "currency")
    return one


#: Golden case LCR-005: undone, the repo leaves 575 of Level 1 beside 935 of Level 2A, and the 40% cap binds.
PLEDGED = {"encumbered_face": "500.00", "encumbrance": "<6m"}
BOOK = [
    money(1, "5000.00"),
    reserve("900.00"),
    security("GOV", "100.00", "1"),
    price("GOV", "100"),
    price("PB", "100"),
]
CAP = Fraction(165_500, 3)


def test_a_repo_that_falls_due_within_the_horizon_moves_the_ratio_by_its_cap_alone() -> None:
    repo = security("PB", "1100.00", "2A", deals=[deal("500.00", "425.00", "2026-04-16")], **PLEDGED)
    found = cuts_of([on("2026-03-16"), *BOOK, repo], [on("2026-03-17")])
    assert parts_of(of_currency(found)) == {("CAP", "cap40"): -CAP}


def test_a_repo_that_matures_gives_back_what_the_cap_took() -> None:
    repo = security("PB", "1100.00", "2A", deals=[deal("500.00", "425.00", "2026-03-16")], **PLEDGED)
    found = cuts_of([on("2026-03-16"), *BOOK, repo], [on("2026-03-17")])
    assert parts_of(of_currency(found)) == {("CAP", "cap40"): CAP}


def test_a_price_moves_what_is_held_by_name_and_what_was_given_by_the_cap() -> None:
    repo = security("PB", "1100.00", "2A", deals=[deal("500.00", "425.00", "2026-03-20")], **PLEDGED)
    found = cuts_of([on("2026-03-16"), *BOOK, repo], [price("PB", "102")])
    # 600.00 are held, 1,100.00 are there once the repo is undone; at 85% each, and the cap takes all of the latter.
    assert parts_of(of_currency(found)) == {
        ("PRICE", "LCR.HQ2A.01"): 1_200 * Fraction(85, 100),
        ("CAP", "cap40"): -2_200 * Fraction(85, 100),
    }


days = st.sampled_from(["2026-03-16", "2026-03-17", "2026-03-21"])
faces = st.sampled_from(["0.00", "60.00", "700.00", "2500.00"])
legs = st.builds(
    deal,
    st.sampled_from(["40.00", "900.00"]),
    st.sampled_from(["0", "35.00", "850.00"]),
    st.sampled_from(["2026-03-16", "2026-03-20", "2026-04-15", "2026-04-16", "2026-04-20"]),
    st.sampled_from(["given", "received"]),
)
holdings = st.builds(
    lambda name, face, level, where, deals: security(name, face, level, *where, deals=deals),
    st.sampled_from("PQ"),
    faces,
    st.sampled_from(["1", "2A", "2B", "none"]),
    st.tuples(st.sampled_from(ENTITIES), st.sampled_from(CURRENCIES)),
    st.lists(legs, max_size=2),
)
moves = st.one_of(
    holdings,
    holdings,
    st.builds(
        lambda name, text, where: price(name, text, *where),
        st.sampled_from("PQ"),
        st.sampled_from(["97", "104.5"]),
        st.tuples(st.sampled_from(ENTITIES), st.sampled_from(CURRENCIES)),
    ),
    st.builds(on, days, st.sampled_from(ENTITIES)),
    st.builds(rate, st.sampled_from(["6.9", "7.3"])),
)


def start() -> list[Event]:
    """Every entity and currency with deposits and some Level 1, so that a scope is of one currency at both cuts."""
    wheres = [(entity, currency) for entity in ENTITIES for currency in CURRENCIES]
    found = [rate("7.1"), *(on("2026-03-16", entity) for entity in ENTITIES)]
    for number, where in enumerate(wheres):
        found += [
            money(number, "3000.00", *where),
            security("GOV", "500.00", "1", *where),
            price("GOV", "100", *where),
        ]
        found += [price(name, "100", *where) for name in "PQ"]
    return found


@settings(max_examples=30)
@given(st.lists(holdings, max_size=6), st.lists(moves, min_size=1, max_size=6))
def test_the_parts_are_the_move_of_the_live_figures_and_turn_round(first: list[Event], then: list[Event]) -> None:
    found = cuts_of([*start(), *first], then)
    forth = explained("lcr", found, POLICY, lambda _: True)
    back = explained("lcr", TwoCuts(found.after, found.before, found.moved.negated()), POLICY, lambda _: True)
    ends = (live(found, 0), live(found, 1))
    assert [one.scope for one in forth] == list(ends[0]) == list(ends[1])
    for one, reverse in zip(forth, back, strict=True):
        explanation = one.explanation
        assert explanation.residual("numerator") == explanation.residual("denominator") == 0
        assert explanation.ratio_residual in (0, None)
        for values, figure in zip((explanation.before, explanation.after), ends, strict=True):
            ratio = figure[one.scope].ratio
            assert ratio is not None
            assert (values.numerator, values.denominator) == (ratio.numerator, ratio.denominator)
        assert keyed(one) == {key: -amount for key, amount in keyed(reverse).items()}


def live(found: TwoCuts, at: int) -> dict[Scope, RatioFigure]:
    view = (found.before, found.after)[at]
    days: dict[str, date] = dict(view.as_of(None).by_entity)
    of = scopes(items_by_pair(view, POLICY, days), view.fx_rates(), "CNY", group=True)
    return {one.scope: one for one in ratio_figures("lcr", of, POLICY, days)}


def keyed(found: ExplainedRatio) -> dict[tuple[Any, ...], Fraction]:
    return {(part.cause, part.line, part.side, part.entry): part.amount for part in found.explanation.parts}


@pytest.mark.parametrize("kind", ["entity", "group"])
def test_a_deal_in_dollars_is_undone_at_the_rate_of_each_cut(kind: str) -> None:
    bonds = security("PB", "900.00", "2A", "BANK", "USD", deals=[deal("800.00", "0", "2026-03-20", "received")])
    first = [rate("7.1"), on("2026-03-16"), money(1, "3000.00"), money(2, "10.00", currency="USD"), bonds]
    found = cuts_of([*first, price("PB", "100", currency="USD")], [rate("7.3")])
    (one,) = explained("lcr", found, POLICY, lambda scope: scope.kind == kind)
    # Without any Level 1 the 40% cap takes what is left once 800.00 have gone back: 100.00 at 85% in yuan.
    held, left = (amount * Fraction(85, 100) * Fraction(2, 10) for amount in (90_000, 10_000))
    parts = parts_of(one)
    assert (parts["FX", "LCR.HQ2A.01"], parts["CAP", "cap40"]) == (held, -left)
    assert one.explanation.residual("numerator") == 0
