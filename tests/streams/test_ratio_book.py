"""Ratios kept are ratios made anew: whatever comes, goes, is replaced or falls on another date, to the last digit."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.factor_tables import parse_factor_policy
from infra.policies import load_policy
from streams import schemas, topics
from streams.ratio_book import RatioBook
from streams.ratio_items import Items, items_by_member
from streams.ratio_parts import MEMBERS, Entry, Unit
from streams.ratio_policy import RatioPolicy
from streams.ratio_totals import WIDTH
from streams.views import CUT_KEY, SOURCE_TOPIC, RiskView
from streams.views_ratios import RatioFigure, Scope, liquid_assets, member_scopes, positions, ratio_figures, scopes
from streams.views_wire import Record

DAYS = ("2026-03-16", "2026-04-01", "2027-01-04")


def policy_of_two_years() -> RatioPolicy:
    """Mapping and both tables change at the end of 2026: a deposit's line, a factor, a cap."""
    mapping = load_policy("live_liquidity")
    later = msgspec.json.decode(msgspec.json.encode({"version": mapping["version"]}))["version"][-1]
    later |= {"name": "2027.1", "effective_from": date(2027, 1, 1)}
    later["deposit"] = [entry for entry in later["deposit"] if entry["customer_class"] != ["SME"]]
    mapping["version"].append(later)
    tables = {}
    for name in ("lcr", "nsfr"):
        data = load_policy(name)
        newest = msgspec.json.decode(msgspec.json.encode({"version": data["version"]}))["version"][-1]
        newest |= {"name": "2027", "effective_from": date(2027, 1, 1)}
        if name == "lcr":
            newest["parameters"]["level2b_share_cap"] = "0.10"
        next(item for item in newest["item"] if item.get("factor") == "0.50")["factor"] = "0.45"
        data["version"].append(newest)
        tables[name] = parse_factor_policy(name, data)
    return RatioPolicy.parse(mapping, tables["lcr"], tables["nsfr"], load_policy("limits"))


POLICY = policy_of_two_years()
money = st.integers(0, 10**14).map(lambda minor: f"{minor // 100}.{minor % 100:02d}")
orgs = st.sampled_from(["NORTH", "SOUTH"])
lines = st.sampled_from(["RETAIL-BANKING", "-"])
entities = st.sampled_from(["BANK", "LEASE"])
currencies = st.sampled_from(["CNY", "USD"])
TAGS = (
    "asset/performing/-/-/-/-/-/CORPORATE",
    "asset/non_performing/-/-/-/-/-/SME",
    "asset/performing/-/-/1/>=1y/-/BANK",
    "asset/performing/-/-/-/-/intragroup/BANK",
    "liability/performing/-/-/2A/-/-/BANK",
    "liability/performing/-/-/-/-/intragroup/BANK",
    "obs_in/performing/-/-/-/-/-/BANK",
    "obs_out/performing/-/-/-/-/-/MARTIAN",
)

deposits = st.fixed_dictionaries(
    {
        "entity": entities,
        "currency": currencies,
        "owner": st.sampled_from(["customer", "customer", "bank"]),
        "customer_class": st.sampled_from(["RETAIL", "SME", "GROUP", "-"]),
        "product": st.sampled_from(["SAVINGS", "SETTLEMENT", "NOSTRO"]),
        "organisation": orgs,
        "business_line": lines,
        "insured_whole": money,
        "insured_part": money,
        "uninsured": money,
        "overdrawn": money,
    }
)
flows = st.fixed_dictionaries(
    {
        "entity": entities,
        "organisation": orgs,
        "business_line": lines,
        "product": st.sampled_from(["LOAN", "INTEREST-RATE-SWAP", "MORTGAGE"]),
        "currency": currencies,
        "flow_date": st.sampled_from(["DEMAND", "UNDATED", "2026-03-20", "2026-04-20", "2026-12-01", "2028-01-01"]),
        "inflow": money,
        "outflow": money,
        "contracts": st.just(1),
        "liquidity_tag": st.sampled_from(TAGS),
        "principal_in": money,
        "principal_out": money,
    }
)
deal = st.builds(
    schemas.SecuredDeal,
    deal_id=st.just("R1"),
    direction=st.sampled_from(["given", "received"]),
    face=money,
    maturity_date=st.sampled_from(["2026-03-20", "2026-04-20", "2027-01-10"]),
    cash=st.just("0") | money,
)
holdings = st.fixed_dictionaries(
    {
        "entity": entities,
        "organisation": orgs,
        "business_line": lines,
        "security_id": st.sampled_from("AB"),
        "portfolio": st.just("-"),
        "currency": currencies,
        "issuer_type": st.sampled_from(["sovereign", "corporate", "bank"]),
        "hqla_level": st.sampled_from(["1", "2A", "2B", "none"]),
        "face": money,
        "encumbered_face": st.just("0") | money,
        "encumbrance": st.sampled_from(["-", "<6m", ">=1y"]),
        "maturity_date": st.none() | st.sampled_from(["2026-04-01", "2030-01-01"]),
        "deals": st.lists(deal, max_size=2),
    }
)
prices = st.fixed_dictionaries(
    {"security_id": st.sampled_from("AB"), "dirty_price": st.sampled_from(["99.1", "101.123456789"])}
)
rates = st.fixed_dictionaries({"mid": st.sampled_from(["7.1", "7.123456789"])})
reserves = st.fixed_dictionaries(
    {
        "entity": entities,
        "currency": currencies,
        "required": money,
        "vault_cash": money,
        "central_bank_balance": st.none() | money,
    }
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just(topics.DEPOSIT), deposits),
        st.tuples(st.just(topics.GAP), flows),
        st.tuples(st.just(topics.HOLDING_STATE), holdings),
        st.tuples(st.just(topics.PRICE_STATE), prices),
        st.tuples(st.just(topics.FX_STATE), rates),
        st.tuples(st.just(topics.RESERVE_TOTAL), reserves),
        st.tuples(st.just("date"), st.tuples(entities, st.sampled_from(DAYS))),
        st.tuples(st.just("reset"), st.sampled_from([topics.DEPOSIT, topics.GAP, topics.HOLDING_STATE])),
        st.tuples(st.just("ask"), st.sampled_from(["", *MEMBERS])),
    ),
    min_size=5,
    max_size=25,
)
KINDS: Mapping[str, tuple[type[msgspec.Struct], tuple[str, ...]]] = {
    topics.DEPOSIT: (
        schemas.Deposit,
        ("entity", "currency", "owner", "customer_class", "product", "organisation", "business_line"),
    ),
    topics.GAP: (schemas.GapFlow, ("entity", "organisation", "product", "currency", "liquidity_tag", "flow_date")),
    topics.HOLDING_STATE: (schemas.HoldingState, ("entity", "security_id")),
    topics.PRICE_STATE: (schemas.PriceState, ("security_id",)),
    topics.FX_STATE: (schemas.FxState, ()),
    topics.RESERVE_TOTAL: (schemas.ReserveTotal, ("entity", "currency")),
}


class Driver:
    """A view, told records as workers publish them."""

    def __init__(self) -> None:
        self.view = RiskView()
        self.logs: dict[str, int] = {}
        self.offset = 0
        for entity in ("BANK", "LEASE"):
            self.tell_date(entity, DAYS[0])

    def publish(self, topic: str, fields: dict[str, Any]) -> None:
        kind, key = KINDS[topic]
        more: dict[str, Any] = {topics.PRICE_STATE: {"event_time": ""}}.get(topic, {})
        if topic == topics.FX_STATE:
            more = {"base_currency": "USD", "quote_currency": "CNY", "event_time": ""}
        value = kind(**fields, **more, source=self.source(topic))
        self.apply(topic, "|".join(fields[name] for name in key).encode(), value)
        self.cut(topic)

    def reset(self, topic: str) -> None:
        """Another log takes the place of the one there was."""
        self.logs[topic] = self.logs.get(topic, 0) + 1
        self.cut(topic)

    def cut(self, topic: str) -> None:
        value = schemas.Cut(
            source=self.source(topic), from_offset=0, count=0, appended_at=None, business_time=None, statistics={}
        )
        self.apply(topic, CUT_KEY, value)

    def tell_date(self, entity: str, day: str) -> None:
        value = schemas.BusinessDate(entity_id=entity, business_date=day, event_time=f"{day}T00:00:00Z")
        self.offset += 1
        self.view.apply(Record(topics.BUSINESS_DATE, 0, self.offset, b"-", msgspec.json.encode(value)))

    def source(self, topic: str) -> schemas.Source:
        self.offset += 1
        log = f"cluster/topic-{self.logs.get(topic, 0)}"
        return schemas.Source(topic=SOURCE_TOPIC[topic], partition=0, offset=self.offset, log=log, fold=1)

    def apply(self, topic: str, key: bytes, value: msgspec.Struct) -> None:
        self.view.apply(Record(topic, 0, 0, key, msgspec.json.encode(value)))
        assert not self.view.undecodable, self.view.undecodable_last

    def step(self, what: str, told: Any) -> None:
        if what == "date":
            self.tell_date(*told)
        elif what == "reset":
            self.reset(told)
        elif what == "ask":
            self.kept(told)
        else:
            self.publish(what, told)

    @property
    def days(self) -> dict[str, date]:
        return dict(self.view.as_of(None).by_entity)

    def kept(self, by: str) -> dict[Unit, Items]:
        return self.view.ratio_books.items(POLICY, self.days, by)

    def anew(self, by: str) -> dict[Unit, Items]:
        return items_by_member(self.view, POLICY, self.days, by)

    def figures(self, items: dict[Unit, Items], by: str) -> list[RatioFigure]:
        rates = self.view.fx_rates()
        if by:
            found = list(member_scopes(by, items, rates, "CNY"))
        else:
            found = list(scopes({unit[:2]: one for unit, one in items.items()}, rates, "CNY", group=True))
        return [*ratio_figures("lcr", found, POLICY, self.days), *ratio_figures("nsfr", found, POLICY, self.days)]


def plain(items: Mapping[Unit, Items]) -> dict[Unit, Any]:
    """Order aside."""
    return {
        unit: (sorted(one.items), sorted(one.asides), sorted(one.liquid), sorted(one.undone), one.cash)
        for unit, one in items.items()
    }


@settings(max_examples=40)
@given(STEPS)
def test_any_sequence_of_updates_resets_and_dates_gives_what_making_all_anew_gives(steps: list[Any]) -> None:
    driver = Driver()
    for what, told in steps:
        driver.step(what, told)
    for by in ("", *MEMBERS):
        kept, anew = driver.kept(by), driver.anew(by)
        assert plain(kept) == plain(anew)
        for found, wanted in zip(driver.figures(kept, by), driver.figures(anew, by), strict=True):
            assert (found.scope, found.figure) == (wanted.scope, wanted.figure)
            assert (found.ratio, found.coverage, found.reason) == (wanted.ratio, wanted.coverage, wanted.reason)
            assert (found.unmapped, found.limits) == (wanted.unmapped, wanted.limits)
            assert (found.items, found.asides, found.result) == (wanted.items, wanted.asides, wanted.result)
        for unit, items in kept.items():
            scheme, totals = items.scheme, [0] * WIDTH
            assert scheme is not None
            for entry in items.entries:
                for place, amount in scheme.contribution(entry):
                    totals[place] += amount
            assert tuple(totals) == items.totals, unit
    assert liquid_rows(driver, driver.kept("")) == liquid_rows(driver, driver.anew(""))


def liquid_rows(driver: Driver, items: dict[Unit, Items]) -> list[Any]:
    by_pair = {unit[:2]: one for unit, one in items.items()}
    found = list(scopes(by_pair, driver.view.fx_rates(), "CNY", group=True))
    return [*liquid_assets(found, POLICY, driver.days), *positions(by_pair, POLICY, driver.days)]


@settings(max_examples=30)
@given(STEPS, st.sampled_from(MEMBERS))
def test_members_add_up_to_their_entity_before_the_caps(steps: list[Any], by: str) -> None:
    driver = Driver()
    for what, told in steps:
        driver.step(what, told)
    whole = {one.scope: one for one in driver.figures(driver.kept(""), "") if one.figure == "lcr"}
    funding = {one.scope: one for one in driver.figures(driver.kept(""), "") if one.figure == "nsfr"}
    members = driver.figures(driver.kept(by), by)
    for entity in {scope.entity for scope in whole if scope.kind == "entity"}:
        for figure, wholes in (("lcr", whole), ("nsfr", funding)):
            mine = [one for one in members if one.scope.entity == entity and one.figure == figure]
            (scope,) = {one.scope._replace(kind="entity", member="-") for one in mine}
            together = wholes[scope]
            assert together.unmapped == sum(one.unmapped for one in mine)
            if together.ratio is None or any(one.ratio is None for one in mine):
                continue
            if figure == "nsfr":
                for side in ("numerator", "denominator"):
                    assert getattr(together.ratio, side) == sum(getattr(one.ratio, side) for one in mine)
                continue
            for part in ("outflows", "inflows"):
                assert getattr(together.coverage.net, part) == sum(getattr(one.coverage.net, part) for one in mine)  # type: ignore[union-attr]
            for level in ("level1", "level2a", "level2b"):
                for stock in ("held", "adjusted"):
                    added = sum(getattr(getattr(one.coverage.stock, stock), level) for one in mine)  # type: ignore[union-attr]
                    assert getattr(getattr(together.coverage.stock, stock), level) == added  # type: ignore[union-attr]


def test_only_what_moved_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver()
    cell = {
        "entity": "BANK", "currency": "CNY", "owner": "customer", "customer_class": "RETAIL", "product": "SAVINGS",
        "organisation": "NORTH", "business_line": "-", "insured_whole": "1.00", "insured_part": "0",
        "uninsured": "0", "overdrawn": "0",
    }  # fmt: skip
    for product in ("SAVINGS", "CURRENT", "OTHER"):
        driver.publish(topics.DEPOSIT, cell | {"product": product})
    driver.kept("")
    made: list[Any] = []
    make, put = RatioBook._make_deposit, RatioBook._put

    def told(book: RatioBook, found: Any) -> None:
        made.append(found.group)
        make(book, found)

    def told_other(book: RatioBook, unit: Unit, key: Any, entry: Entry | None) -> None:
        made.append(key)
        put(book, unit, key, entry)

    monkeypatch.setattr(RatioBook, "_make_deposit", told)
    monkeypatch.setattr(RatioBook, "_put", told_other)
    driver.kept("")
    assert made == []
    driver.publish(topics.DEPOSIT, cell | {"insured_whole": "2.00"})
    driver.kept("")
    assert [key.product for key in made] == ["SAVINGS"]


def test_a_scope_is_told_by_its_member() -> None:
    assert Scope("currency", "BANK", "CNY") == ("currency", "BANK", "CNY", "-")
