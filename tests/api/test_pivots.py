"""Pivots, kept ones, schedules and dashboards over HTTP, on a real store, a live view and an archive."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pivot_schedules import due
from tests.infra.exports.pdf_text import read_pdf
from tests.infra.exports.test_forms import needs_font
from tests.pivot_world import V1, World, pivot_world
from tests.risk_records import business_date

BY_CURRENCY: dict[str, Any] = {
    "source": "positions",
    "rows": ["currency", "organisation"],
    "measures": ["sum(position)"],
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pivot_world(tmp_path_factory.mktemp("pivots")) as found:
        yield found


def shown(body: Any) -> dict[tuple[str, ...], Any]:
    return {tuple(row["members"]): row["cells"][-1][0] for row in body["table"]}


def test_a_pivot_of_live_positions_says_what_positions_say_and_names_its_cut(world: World) -> None:
    body = world.run(**BY_CURRENCY)
    rows = world.get("/positions", by="organisation,currency")["rows"]
    found = shown(body)
    for row in rows:
        if row["entity"] == "NORTH":
            others = [r for r in rows if (r["organisation"], r["currency"]) == (row["organisation"], row["currency"])]
            total = sum(Decimal(r["position"]) for r in others)
            assert Decimal(found[row["currency"], row["organisation"]]) == total
    assert found[()] is None  # yen and euro
    assert body["cut"]["offsets"] == {"tm.in.core.txn.v1/0": 7, "tm.in.core.txn.v1/1": 4} | {
        place: end for place, end in body["cut"]["offsets"].items() if "business-date" in place
    }
    assert world.run(**BY_CURRENCY) == body
    assert shown(world.run("branch", **BY_CURRENCY))["EUR",] == "128.45"
    assert found["EUR",] == "129.44"


def test_an_answer_is_drilled_to_its_entries_and_taken_as_a_file_twice_alike(world: World) -> None:
    asked: dict[str, Any] = {
        "source": "entries",
        "rows": ["entity"],
        "columns": ["direction"],
        "measures": ["sum(amount)", "count()"],
    }
    body = world.run(**asked | {"where": ["currency = CNY"]})
    assert shown(body) == {("NORTH",): "6.00", (): "6.00"}
    behind = world.post("/pivots/drill", definition=asked, row=["CNY", "NORTH"], column=["in"], limit=2).json()
    assert (behind["row_count"], len(behind["rows"])) == (3, 2)
    assert behind["rows"][0]["place"] == "tm.in.core.txn.v1/0/0"
    assert world.ask("/entries/" + behind["rows"][0]["place"]).status_code in (200, 404)
    for form in ("csv", "xlsx", "json", "parquet"):
        one, two = (world.post("/pivots/export", definition=asked, form=form).content for _ in range(2))
        assert one == two
        assert len(one) > 100


@needs_font
def test_a_pivot_typeset_in_chinese_has_its_heads_and_the_totals_of_the_answer(world: World) -> None:
    body = world.run(**BY_CURRENCY)
    asked = {"definition": BY_CURRENCY, "form": "pdf", "language": "zh", "title": "各币种头寸"}
    # The first use of the typeface takes its time on a busy machine.
    made = world.http.post(f"{V1}/pivots/export", json=asked, headers={"Authorization": "Bearer maker"}, timeout=120)
    assert made.status_code == 200, made.text
    pdf = read_pdf(made.content)
    text = "\n".join(pdf.text(page) for page in range(1, pdf.pages + 1))
    heads = [one["title_zh"] for one in body["rows"]] + [one["titles"][1] for one in body["measures"]]
    assert all(re.search("[一-鿿]", head) for head in heads), heads
    for wanted in ("各币种头寸", *heads):
        assert wanted in text.replace("\n", "") or wanted in text, wanted
    figures = [piece.text.replace(",", "") for piece in pdf.pieces]
    for row in body["table"]:
        (cell,) = row["cells"][-1]
        if cell is not None:  # amounts of two currencies are never one sum
            assert cell in figures, row
    assert all(piece.right <= pdf.width for piece in pdf.pieces)


def test_who_sees_masked_values_only_neither_groups_nor_asks_by_them(world: World) -> None:
    asked: dict[str, Any] = {
        "source": "entries",
        "rows": ["account"],
        "measures": ["count()"],
        "where": ["direction = in"],
    }
    assert ("622200012340001",) in shown(world.run(**asked))
    masked = shown(world.run("operator", **asked))
    assert set(masked) == {("****0001",), ("****0002",), ("****0003",), ()}
    probing: dict[str, Any] = asked | {"where": ["account = 622200012340001"]}
    assert shown(world.run("operator", **probing)) == {(): None}
    behind = world.post("/pivots/drill", "operator", definition=asked, row=["****0001"]).json()
    assert "622200012340001" not in json.dumps(behind)


def test_a_ledger_is_asked_by_its_own_rows_and_rates_are_never_added(world: World) -> None:
    body = world.run(source="ledger.risk_asset", rows=["classification"], measures=["sum(claim)", "count()"])
    table = world.get("/ledgers/risk_asset")
    assert Decimal(shown(body)[table["rows"][0]["ccy"],]) == sum(Decimal(row["claim"]) for row in table["rows"])
    assert body["cut"]["position"] == table["position"]
    sources = {one["name"]: one for one in world.get("/pivots/sources")["sources"]}
    assert {"positions", "accounts", "gap", "entries", "ledger.risk_asset", "ledger.write_off"} <= set(sources)
    assert next(one for one in sources["entries"]["fields"] if one["name"] == "customer")["personal"]
    rates = [
        (name, one["name"]) for name, source in sources.items() for one in source["fields"] if one["kind"] == "rate"
    ]
    source, rate = rates[0]
    answer = world.post("/pivots/run", status=422, definition={"source": source, "measures": [f"sum({rate})"]})
    assert "never added up" in answer.json()["detail"]


def test_a_pivot_is_kept_changed_shared_and_retired_by_its_maker(world: World) -> None:
    keep: dict[str, Any] = {"pivot_no": "P-1", "title": "头寸", "definition": BY_CURRENCY, "entity": "NORTH"}
    world.post("/pivots", cmd_id="k1", **keep)
    world.post("/pivots", cmd_id="k2", **keep | {"definition": BY_CURRENCY | {"sort": "-sum(position)"}})
    found = world.get("/pivots/P-1")
    assert (found["revision"], [one["revision"] for one in found["revisions"]]) == (2, [2, 1])
    assert world.ask("/pivots/P-1", "colleague").status_code == 404
    world.post("/pivots/P-1/share", cmd_id="k3", roles=["RM"])
    assert "P-1" in [one["pivot_no"] for one in world.get("/pivots", "branch")["pivots"]]
    assert shown(world.get("/pivots/P-1/run", "branch"))["EUR",] == "128.45"
    assert world.ask("/pivots/P-1/export?form=csv", "branch").content.startswith(b"\xef\xbb\xbf")
    world.post("/pivots/P-1/share", "colleague", 409, cmd_id="k4", roles=[])
    wrong: dict[str, Any] = {
        "pivot_no": "P-2",
        "title": "x",
        "definition": {"source": "positions", "measures": ["sum(nothing)"]},
    }
    world.post("/pivots", status=422, cmd_id="k5", **wrong)
    world.post("/pivots/P-1/retire", cmd_id="k6")
    assert world.ask("/pivots/P-1").status_code == 404


def test_a_schedule_runs_once_after_the_business_date_closes_and_keeps_the_newest(world: World) -> None:
    world.post("/pivots", cmd_id="s1", pivot_no="S-1", title="日报", definition=BY_CURRENCY, entity="NORTH")
    world.post("/pivots/S-1/schedule", cmd_id="s2", every="DAILY", form="CSV", keep=1)
    assert world.run_due() == 0  # the day on which it was scheduled is still open
    world.live.feed([business_date(2, "NORTH", "2026-11-25")])
    assert world.run_due() == 0  # SOUTH still works on it
    world.live.feed([business_date(3, "SOUTH", "2026-11-25")])
    assert (world.run_due(), world.run_due()) == (1, 0)
    (first,) = world.get("/pivots/S-1/deliveries")["deliveries"]
    assert (first["business_date"], first["of_revision"]) == ("2026-11-24", 1)
    file = world.ask(first["file"].removeprefix(V1))
    assert first["digest"].encode() in file.content
    assert [(one.pivot_no, one.owner, str(one.business_date)) for one in world.told] == [("S-1", "U-1", "2026-11-24")]
    world.live.feed([business_date(4, "NORTH", "2026-12-01"), business_date(5, "SOUTH", "2026-12-01")])
    assert (world.run_due(), world.run_due()) == (1, 0)  # three days were missed: caught up once
    assert [one["business_date"] for one in world.get("/pivots/S-1/deliveries")["deliveries"]] == ["2026-11-30"]
    world.post("/pivots/S-1/share", cmd_id="s3", roles=["RM"])
    link = "/pivots/S-1/deliveries/2026-11-30/file"
    assert [world.ask(link, who).status_code for who in ("maker", "colleague", "branch")] == [200, 200, 404]
    world.post("/pivots/S-1/unschedule", cmd_id="s4")
    world.live.feed([business_date(6, "NORTH", "2026-12-09"), business_date(7, "SOUTH", "2026-12-09")])
    assert world.run_due() == 0


def test_dashboards_are_arranged_shared_and_refused_where_tiles_overlap(world: World) -> None:
    tile: dict[str, Any] = {"kind": "PIVOT", "ref": "P-1", "x": 0, "y": 0, "width": 6, "height": 4}
    board: dict[str, Any] = {"dashboard_no": "D-1", "title": "晨会", "entity": "NORTH"}
    world.post("/dashboards", cmd_id="d1", **board, tiles=[tile, tile | {"x": 6, "kind": "ALERTS"}])
    assert world.ask("/dashboards/D-1", "colleague").status_code == 404
    world.post("/dashboards/D-1/share", cmd_id="d2", roles=[])
    assert [one["kind"] for one in world.get("/dashboards/D-1", "colleague")["tiles"]] == ["PIVOT", "ALERTS"]
    assert [one["dashboard_no"] for one in world.get("/dashboards")["dashboards"]] == ["D-1"]
    for wrong in ([tile, tile], [tile | {"x": 8}], [tile | {"kind": "SCRIPT"}], [tile | {"height": 0}]):
        world.post("/dashboards", status=422, cmd_id=f"d-{wrong}"[:60], **board, tiles=wrong)
    world.post("/dashboards", "colleague", 409, cmd_id="d3", **board, tiles=[tile])
    world.post("/dashboards/D-1/retire", cmd_id="d4")
    assert world.get("/dashboards")["dashboards"] == []


START = date(2026, 1, 5)


@given(
    every=st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]),
    steps=st.lists(st.integers(0, 40), max_size=25),
    holidays=st.frozensets(st.integers(0, 300).map(lambda day: START + timedelta(day)), max_size=60),
)
def test_over_any_clock_a_day_runs_once_late_ones_once_and_open_ones_never(
    every: str, steps: list[int], holidays: frozenset[date]
) -> None:
    def is_workday(day: date) -> bool:
        return day.weekday() < 5 and day not in holidays

    def closes(day: date) -> bool:
        """Whether the next working day is of another period: all of this one's are behind it."""
        after = next(d for d in (day + timedelta(n) for n in range(1, 400)) if is_workday(d))
        of: dict[str, Any] = {
            "DAILY": lambda d: d,
            "WEEKLY": lambda d: d.isocalendar()[:2],
            "MONTHLY": lambda d: (d.year, d.month),
        }
        return is_workday(day) and of[every](day) != of[every](after)

    current, last = START, None
    ran: list[date] = []
    for step in steps:
        current += timedelta(step)
        wanted = [START + timedelta(n) for n in range((current - START).days) if closes(START + timedelta(n))]
        newest = [day for day in wanted if last is None or day > last]
        found = due(every, current, last, START, is_workday)
        assert found == (newest[-1] if newest else None)
        if found is not None:
            ran.append(found)
            last = found
            assert due(every, current, last, START, is_workday) is None
    assert ran == sorted(set(ran))
    assert all(day < current for day in ran)
