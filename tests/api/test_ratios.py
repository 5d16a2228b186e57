"""Live ratios over HTTP: the rows of one cut, for those who may see them, and why one of them moved."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from fractions import Fraction
from itertools import islice
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from api import ratio_models
from api.services import Replayed, Services
from streams import topics
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.past_figures import parse_place
from streams.views_live import LiveView
from tests.api_doubles import client_of, services
from tests.live_bank import LiveBank, live_policy, two_cuts_of

DAY = date(2026, 3, 16)


class Bank:
    """A simulated bank, and the offsets of its morning."""

    def __init__(self) -> None:
        source = SimulatedBank(Simulation(5, DAY, 5_000, 500, treasury=True))
        events = list(islice(source.events(), source.opening_events + 3_000))
        self.bank = LiveBank().feed(events[: source.opening_events + 1_000])
        self.morning, self.told_by_then = self.offsets(), len(self.bank.published)
        self.bank.feed(events[source.opening_events + 1_000 :])

    def offsets(self) -> dict[str, int]:
        left_out = (topics.RESERVATION, topics.COMMAND)
        return {f"{topic}/{part}": len(log) for (topic, part), log in self.bank.logs.items() if topic not in left_out}

    def services(self, live: LiveView | None = None) -> Services:
        if live is None:
            live = LiveView()
            live.feed(self.bank.published)
        live.set_status(ready=True)

        def placed(offsets: Mapping[str, int]) -> dict[tuple[str, int], int]:
            return {parse_place(place): end for place, end in offsets.items()}

        return services(
            live,
            ratio_policy=live_policy(),
            ratio_cuts=lambda before, after: two_cuts_of(self.bank, placed(before), placed(after)),
            replay=lambda offsets: Replayed(two_cuts_of(self.bank, {}, placed(offsets)).after, None),
        )


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank()


@pytest.fixture(scope="module")
def client(bank: Bank) -> Iterator[httpx.Client]:
    with client_of(bank.services()) as found:
        yield found


def get(client: httpx.Client, path: str, **parameters: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def added(texts: Iterable[str]) -> Fraction:
    return sum(map(Fraction, texts), Fraction(0))


def test_all_ratios_stand_on_one_cut_and_say_what_they_are_of(client: httpx.Client, bank: Bank) -> None:
    body = get(client, "/ratios")
    scopes = {(row["figure"], row["scope"], row["entity"], row["currency"]) for row in body["rows"]}
    assert {
        ("lcr", "group", "-", "CNY"),
        ("nsfr", "entity", "BANK", "CNY"),
        ("lcr", "currency", "BANK", "USD"),
    } <= scopes
    assert body["offsets"] == bank.offsets()
    assert body["provenance"]["config_version"] == "7"
    group = next(row for row in body["rows"] if (row["figure"], row["scope"]) == ("lcr", "group"))
    assert group["table_version"] == "BCBS 238"
    assert group["unmapped"] == "0.00"
    assert [limit["limit_id"] for limit in group["limits"]] == ["lcr-regulatory", "lcr-board"]
    value = Fraction(group["numerator"]) / Fraction(group["denominator"])
    assert abs(value * 100 - Fraction(group["ratio_pct"])) < Fraction(1, 10**6)
    assert {row["entity"] for row in body["positions"]} == {"BANK", "CF", "LEASE"}


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/ratios", ratio_models.Ratios),
        ("/ratios/lcr", ratio_models.RatioDetail),
        ("/ratios/nsfr", ratio_models.RatioDetail),
        ("/liquid-assets", ratio_models.LiquidAssets),
        ("/ratios/lcr/changes", ratio_models.RatioChanges),
        ("/ratios/nsfr/changes", ratio_models.RatioChanges),
    ],
)
def test_every_answer_is_what_its_model_says(
    client: httpx.Client, bank: Bank, path: str, model: type[BaseModel]
) -> None:
    parameters = {"from_offsets": json.dumps(bank.morning)} if path.endswith("changes") else {}
    answer = client.get(f"/api/v1{path}", params=parameters)
    model.model_validate_json(answer.text)
    schema = client.get("/openapi.json").json()["paths"][f"/api/v1{path}"]["get"]["responses"]["200"]
    assert model.__name__ in json.dumps(schema)


def test_lines_add_up_to_both_sides_of_the_ratio(client: httpx.Client) -> None:
    for row in get(client, "/ratios/lcr", entity="BANK", currency="CNY")["rows"]:
        lines = row["lines"]
        total = {name: added(line["weighted"] for line in lines[name]) for name in lines}
        assert abs(total["outflows"] - Fraction(row["outflows"])) < Fraction(1, 10)
        held = added(row[name] for name in ("level1", "level2a", "level2b"))
        assert abs(total["hqla"] - held) < Fraction(1, 10)
        for line in (line for name in lines for line in lines[name]):
            assert sum(Fraction(one["amount"]) for one in line["of"]) == pytest.approx(
                Fraction(line["amount"]), abs=0.1
            )
        assert row["not_counted"]
        assert not row["unmapped_amounts"]
    (row,) = get(client, "/ratios/nsfr", entity="CF", currency="CNY")["rows"]
    assert {"asf", "rsf"} == row["lines"].keys()


def test_liquid_assets_have_shares_that_add_up(client: httpx.Client) -> None:
    rows = get(client, "/liquid-assets", entity="BANK")["rows"]
    shares = [Fraction(row["share_pct"]) for row in rows if (row["scope"], row["currency"]) == ("currency", "CNY")]
    assert len(shares) > 4
    assert abs(sum(shares, Fraction(0)) - 100) < Fraction(1, 1000)
    assert {row["hqla_level"] for row in rows} == {"1", "2A", "2B"}


@pytest.mark.parametrize("by", ["organisation", "business_line"])
def test_members_stand_beside_their_entity_and_the_caps_effect_is_shown(client: httpx.Client, by: str) -> None:
    body = get(client, "/ratios", by=by, entity="BANK")
    rows = [row for row in body["rows"] if row["figure"] == "lcr"]
    assert {row["scope"] for row in rows} == {by}
    assert len({row["member"] for row in rows}) == len(rows) > 3
    (entity,) = get(client, "/ratios/lcr", by="entity", entity="BANK")["rows"]
    for part in ("level1", "level2a", "level2b", "outflows", "inflows"):
        assert abs(added(row[part] for row in rows) - Fraction(entity[part])) < Fraction(len(rows), 100)
    together = {row["figure"]: row for row in body["together"]}
    assert together["lcr"]["numerator"] == entity["numerator"]
    for row in together.values():
        for side in ("numerator", "denominator"):
            shown = Fraction(row[f"{side}_of_parts"]) + Fraction(row[f"caps_on_{side}"])
            assert abs(shown - Fraction(row[side])) <= Fraction(1, 100)
    assert together["nsfr"]["caps_on_numerator"] == together["nsfr"]["caps_on_denominator"] == "0.00"
    assert all(row["minimum_pct"] is None and not row["limits"] for row in rows)
    ratio_models.Ratios.model_validate_json(json.dumps(body))
    lines = client.get("/api/v1/ratios/lcr", params={"by": by})
    ratio_models.RatioDetail.model_validate_json(lines.text)
    assets = client.get("/api/v1/liquid-assets", params={"by": by})
    ratio_models.LiquidAssets.model_validate_json(assets.text)


def test_scopes_of_one_kind_are_those_of_the_whole_answer(client: httpx.Client) -> None:
    whole = get(client, "/ratios")["rows"]
    for kind in ("currency", "entity", "group"):
        assert get(client, "/ratios", by=kind)["rows"] == [row for row in whole if row["scope"] == kind]
    assert client.get("/api/v1/ratios", params={"by": "moon"}).status_code == 422


def test_who_may_see_one_entity_sees_no_group(bank: Bank) -> None:
    with client_of(bank.services(), "north") as client:
        body = get(client, "/ratios")
    assert {row["entity"] for row in body["rows"]} <= {"NORTH"}
    assert body["positions"] == []


def test_a_past_cut_gives_the_ratios_of_then(client: httpx.Client, bank: Bank) -> None:
    then = get(client, "/ratios/lcr", at_offsets=json.dumps(bank.morning))
    assert then["offsets"] == bank.morning
    now = get(client, "/ratios/lcr")
    assert get(client, "/ratios/lcr", at_offsets=json.dumps(bank.offsets()))["rows"] == now["rows"]
    assert then["rows"] != now["rows"]
    assert then["provenance"]["result_id"] != now["provenance"]["result_id"]


@pytest.mark.parametrize("figure", ["lcr", "nsfr"])
def test_a_change_between_cuts_joins_the_ratios_at_both(client: httpx.Client, bank: Bank, figure: str) -> None:
    parameters = {"from_offsets": json.dumps(bank.morning), "limit": 5}
    (row,) = get(client, f"/ratios/{figure}/changes", **parameters)["rows"]
    assert (row["scope"], row["residual"]) == ("group", "0.00")
    before = get(client, f"/ratios/{figure}", at_offsets=json.dumps(bank.morning))["rows"]
    after = get(client, f"/ratios/{figure}")["rows"]
    assert row["before_pct"] == next(one["ratio_pct"] for one in before if one["scope"] == "group")
    assert row["after_pct"] == next(one["ratio_pct"] for one in after if one["scope"] == "group")
    named = [part for part in row["parts"] if part["entry"]]
    assert len(named) == 5
    assert all(part["place"].startswith("tm.in.") for part in named)
    rows = get(client, f"/ratios/{figure}/changes", currency="CNY", **parameters)["rows"]
    assert {one["entity"] for one in rows} == {"BANK", "CF", "LEASE"}


def test_a_cut_that_is_none_is_refused(client: httpx.Client) -> None:
    answer = client.get("/api/v1/ratios/lcr/changes", params={"from_offsets": "[]"})
    assert answer.status_code == 422
    assert answer.json()["facts"]["field"] == "from_offsets"
    assert client.get("/api/v1/ratios/lcr/changes").status_code == 422


def test_without_the_mapping_there_is_no_ratio() -> None:
    with client_of(services()) as client:
        assert client.get("/api/v1/ratios").status_code == 503


def test_the_stream_carries_ratios_and_their_moves(bank: Bank) -> None:
    live = LiveView()
    live.feed(bank.bank.published[: bank.told_by_then])
    with client_of(bank.services(live)) as client, client.stream("GET", "/api/v1/stream") as answer:
        told = events_of(answer)
        state = next(data for name, data in told if name == "state")
        assert {row["figure"] for row in state["ratios"]["rows"]} == {"lcr", "nsfr"}
        assert "positions" not in state["ratios"]
        live.feed(bank.bank.published[bank.told_by_then :])
        held = {key(row): row for row in state["ratios"]["rows"]}
        for name, data in told:
            if name == "ratios":
                held |= {key(row): row for row in data["rows"]}
                if data["offsets"] == bank.offsets():
                    break
    with client_of(bank.services()) as client:
        assert held == {key(row): row for row in get(client, "/ratios")["rows"]}


def key(row: dict[str, Any]) -> tuple[str, ...]:
    return row["figure"], row["scope"], row["entity"], row["currency"]


def events_of(answer: httpx.Response) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
