"""The mapping to lines: the shipped one leads to lines that fit, a broken one names what is wrong."""

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from engines.factor_tables import parse_factor_policy
from engines.limits import Light
from engines.primitives.errors import InvalidInput
from infra.policies import load_policy
from infra.settings import Settings
from streams.folded import config_version, ratio_policy
from streams.ratio_limits import lights, parse_limits
from streams.ratio_policy import NOWHERE, RatioPolicy, table_on

TABLES = {name: parse_factor_policy(name, load_policy(name)) for name in ("lcr", "nsfr")}
POLICY = RatioPolicy.parse(load_policy("live_liquidity"), TABLES["lcr"], TABLES["nsfr"], load_policy("limits"))
ASSETS = ("asset", "obs_in")


def category(figure: str, code: str) -> str:
    return TABLES[figure].versions[-1].item(code).category


def test_every_shipped_line_is_of_the_side_that_its_amounts_are_on() -> None:
    (version,) = POLICY.versions
    for rule in version.rules["deposit"]:
        for (figure, part), code in rule.lines.items():
            if code != NOWHERE:
                wanted = {"lcr": "outflow", "nsfr": "RSF" if part == "overdrawn" else "ASF"}[figure]
                assert category(figure, code) == wanted
    for rule in version.rules["holding"]:
        for (figure, part), code in rule.lines.items():
            assert category(figure, code).startswith(
                {"free": "HQLA", "due": "inflow"}[part] if figure == "lcr" else "RSF"
            )
    for rule in version.rules["contract"]:
        (side, *_) = rule.conditions["side"]
        for (figure, _), code in rule.lines.items():
            if code != NOWHERE:
                wanted = {
                    "lcr": "inflow" if side in ASSETS else "outflow",
                    "nsfr": "RSF" if side in (*ASSETS, "obs_out") else "ASF",
                }[figure]
                assert category(figure, code).startswith(wanted)


def test_every_factor_that_the_shipped_mapping_needs_is_there() -> None:
    (version,) = POLICY.versions
    rules = [version.cash, *(rule for kind in version.rules.values() for rule in kind)]
    codes = {(figure, code) for rule in rules for (figure, _), code in rule.lines.items() if code != NOWHERE}
    codes |= {("nsfr", code) for code in version.encumbered.values()}
    codes |= {("lcr", code) for rule in rules for code in rule.net or ()}
    assert len(codes) > 50
    for figure, code in codes:
        assert TABLES[figure].versions[-1].item(code).factor is not None


def broken(change: Callable[[dict[str, Any]], None]) -> InvalidInput:
    data = load_policy("live_liquidity")
    change(data)
    with pytest.raises(InvalidInput) as caught:
        RatioPolicy.parse(data, TABLES["lcr"], TABLES["nsfr"])
    return caught.value


@pytest.mark.parametrize(
    ("change", "record", "field"),
    [
        (lambda data: data["version"].clear(), "live_liquidity", "version"),
        (lambda data: data["version"][0].pop("reporting_currency"), "version[0]", "reporting_currency"),
        (lambda data: data["version"][0].update(effective_from="2026"), "version[0]", "effective_from"),
        (
            lambda data: data["version"][0]["deposit"][1]["lcr"].update(uninsured="LCR.X"),
            "version[0].deposit[1]",
            "lcr",
        ),
        (
            lambda data: data["version"][0]["contract"][1]["lcr"].update(soon="-"),
            "version[0].contract[1]",
            "lcr.soon",
        ),
        (lambda data: data["version"][0]["own_account"][0].update(role="vault"), "version[0].own_account[0]", "role"),
    ],
)
def test_a_broken_mapping_names_the_entry(change: Callable[[dict[str, Any]], None], record: str, field: str) -> None:
    error = broken(change)
    assert error.facts["field"] == field
    assert error.facts["record"] == record


def test_later_stands_for_the_windows_not_named() -> None:
    rule = POLICY.versions[0].find("contract", {"side": "liability", "counterparty": "RETAIL", "insured": "-"})
    assert rule is not None
    assert {rule.code("lcr", name) for name in ("under_6_months", "under_1_year", "from_1_year")} == {"LCR.OF.RET.04"}


def test_before_the_first_table_the_first_one_is_used() -> None:
    assert table_on(TABLES["nsfr"], date(1995, 1, 1)).version == "BCBS 295"
    assert POLICY.in_force(date(1995, 1, 1)).name == "2026.1"


def test_limits_bind_where_they_say_and_light_up() -> None:
    found, scopes = parse_limits(
        {
            "limit": [
                {"limit_id": "all", "metric": "lcr", "minimum": "1.00"},
                {"limit_id": "usd", "metric": "lcr", "minimum": "0.50", "currency": "USD", "amber_headroom": "0.20"},
            ]
        }
    )
    shown = lights(found, scopes, "lcr", "BANK", "USD", Fraction(55, 100))
    assert [(limit.limit_id, room and room.light(limit.amber_headroom)) for limit, room in shown] == [
        ("all", Light.RED),
        ("usd", Light.AMBER),
    ]
    assert [limit.limit_id for limit, _ in lights(found, scopes, "lcr", "BANK", "CNY", None)] == ["all"]
    assert lights(found, scopes, "nsfr", "BANK", "CNY", Fraction(1)) == []
    with pytest.raises(InvalidInput) as caught:
        parse_limits({"limit": [{"limit_id": "x"}]})
    assert caught.value.facts == {"field": "metric", "record": "limit[0]"}


def test_the_policies_behind_the_figures_are_named() -> None:
    settings = Settings()
    assert ratio_policy(settings).versions == POLICY.versions
    assert "live-liquidity 2026.1 (" in config_version(settings)
