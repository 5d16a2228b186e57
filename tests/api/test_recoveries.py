"""Recovery cash over HTTP and in the terminal: what answers hold, who sees what, past cuts, the gap, the stress."""

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from api import models, recovery_models
from api.calculations.registry import find
from api.main import app
from api.services import Replayed
from engines.primitives.errors import InvalidInput
from infra.recovery_policies import recovery_policy
from streams.topics import AUDIT, GAP
from streams.views import RiskView
from streams.views_live import LiveView
from streams.views_wire import Record
from tests.api.cli_api import CannedApi, canned_api
from tests.api_doubles import client_of, fill, services
from tests.projections.recovery_logs import decision, value_of

PLACE = f"{AUDIT}/0"
LOG = [
    decision(1, "DebtReduction", "RD1", "ReductionDrafted", asset_ids=["L1"], repay_amount="600.00", entity="NORTH"),
    decision(2, "DebtReduction", "RD1", "ReductionApproved", on="2026-10-01", repay_by="2026-12-01", entity="NORTH"),
    decision(3, "DebtReduction", "RD1", "ProceedsAllocated", flow_id="F", amount="100.00", entity="NORTH"),
    decision(4, "DebtTransfer", "TR1", "TransferDrafted", asset_ids=["L2"], reserve="80.00", entity="SOUTH"),
    decision(5, "DebtTransfer", "TR1", "TransferApproved", on="2026-11-01", entity="SOUTH"),
    decision(6, "DisposalPlan", "PL1", "PlanDrafted", asset_ids=["L1"], est_recovery="500.00", entity="NORTH"),
    decision(7, "DisposalPlan", "PL1", "PlanApproved", on="2026-10-02", est_done_on="2026-10-20", entity="NORTH"),
    decision(8, "DebtReduction", "RD1", "ReductionStatusChanged", to_status="TERMINATED", entity="NORTH"),
]


def records(count: int = len(LOG)) -> list[Record]:
    return [Record(AUDIT, 0, offset, b"", value_of(found)) for offset, found in enumerate(LOG[:count])]


def live_with(count: int = 7) -> LiveView:
    live = LiveView()
    fill(live)
    live.feed(records(count))
    live.set_status(ready=True)
    return live


def replay(offsets: Mapping[str, int]) -> Replayed:
    view = RiskView()
    for record in records(offsets.get(PLACE, 0)):
        view.apply(record)
    return Replayed(view, None)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with client_of(services(live_with(), recovery_policy=recovery_policy(), replay=replay)) as found:
        yield found


def get(client: httpx.Client, path: str, **parameters: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_each_open_disposal_with_its_promise_its_cash_and_what_is_expected(client: httpx.Client) -> None:
    answer = get(client, "/recoveries")
    rows = {row["case"]: row for row in answer["rows"]}
    assert answer["offsets"] == {PLACE: 7, "tm.in.core.business-date.v1/0": 2}
    paid = rows["RD1"]
    assert (paid["promised"], paid["received"], paid["outstanding"]) == ("600.00", "100.00", "500.00")
    assert (paid["probability"], paid["expected"], paid["expected_exact"]) == ("0.750000", "375.00", "37500/1")
    assert paid["inflows"] == [{"on": "2026-12-01", "amount": "375.00"}]
    assert (paid["days_late"], paid["overdue"], paid["missed"]) == (0, "0.00", None)
    plan = rows["PL1"]  # the settlement counts for the loan note; the plan is late beside it
    assert (plan["counted"], plan["covered_by"], plan["expected"]) == ("0/1", ["DebtReduction/RD1"], "0.00")
    assert (plan["days_late"], plan["overdue"]) == (33, "500.00")
    assert answer["policy"] == {
        "versions": ["example 2018"],
        "in_force": True,
        "digest": recovery_policy().digest,
    }


def test_pages_are_parts_of_one_list(client: httpx.Client) -> None:
    whole = get(client, "/recoveries")
    pages = [get(client, "/recoveries", limit=1)]
    while pages[-1]["cursor"] is not None:
        pages.append(get(client, "/recoveries", limit=1, cursor=pages[-1]["cursor"]))
    assert [page["rows"][0] for page in pages] == whole["rows"]
    assert get(client, "/recoveries", by="kind", limit=1)["cursor"] is None
    assert {page["total"] for page in pages} == {len(whole["rows"])}
    assert len({page["provenance"]["result_id"] for page in pages}) == len(pages)


@pytest.mark.parametrize("by", ["kind", "organisation", "entity"])
def test_sums_are_those_of_the_rows(client: httpx.Client, by: str) -> None:
    rows, sums = get(client, "/recoveries")["rows"], get(client, "/recoveries", by=by)["rows"]
    for row in sums:
        mine = [one for one in rows if all(one[name] == row[name] for name in ("entity", "currency", by))]
        assert row["disposals"] == len(mine) > 0
        for name in ("promised", "received", "outstanding", "overdue", "expected"):
            assert Fraction(row[name]) == sum(Fraction(one[name]) for one in mine)
    assert sum(row["disposals"] for row in sums) == len(rows)


@pytest.mark.parametrize(
    ("path", "parameters", "model"),
    [
        ("/recoveries", {}, recovery_models.Recoveries),
        ("/recoveries", {"by": "kind", "severity": "mild"}, recovery_models.Recoveries),
        ("/recoveries/stress", {}, recovery_models.StressInputs),
        ("/recoveries/changes", {"from_offsets": "{}"}, recovery_models.RecoveryChanges),
        ("/gap", {"view": "behavioural"}, models.Gap),
        ("/gap", {"view": "stressed", "severity": "severe"}, models.Gap),
        ("/gap", {}, models.Gap),
    ],
)
def test_every_answer_is_what_its_model_says(
    client: httpx.Client, path: str, parameters: dict[str, str], model: type[models.Answer]
) -> None:
    answer = get(client, path, **parameters)
    assert model.model_validate(answer).model_dump(mode="json", exclude_unset=True) == answer
    assert answer["provenance"]["result_id"] == get(client, path, **parameters)["provenance"]["result_id"]


def test_a_reader_of_one_entity_sees_its_disposals_only() -> None:
    with client_of(services(live_with(), recovery_policy=recovery_policy()), "north") as client:
        assert {row["entity"] for row in get(client, "/recoveries")["rows"]} == {"NORTH"}
        assert {row["entity"] for row in get(client, "/recoveries/stress")["rows"]} == {"NORTH"}
        changes = get(client, "/recoveries/changes", from_offsets="{}")
        assert {row["entity"] for row in changes["rows"]} == {"NORTH"}
        assert {row["entity"] for row in get(client, "/gap", view="behavioural")["rows"]} == {"NORTH"}


def test_the_behavioural_gap_shows_of_which_recoveries_and_the_contractual_one_stays(client: httpx.Client) -> None:
    plain = get(client, "/gap")
    assert all("recoveries" not in row for row in plain["rows"])
    behavioural = get(client, "/gap", view="behavioural")
    assert (behavioural["view"], behavioural["severity"]) == ("behavioural", None)
    assert PLACE in behavioural["offsets"]
    assert f"{GAP}/0" not in behavioural["offsets"]
    rows = {(row["entity"], row["currency"], row["bucket"]): row for row in behavioural["rows"]}
    assert rows["NORTH", "CNY", "D8_30"]["recoveries"] == "375.00"
    assert rows["NORTH", "CNY", "D8_30"]["inflow"] == "375.00"
    for row in plain["rows"]:
        same = rows[row["entity"], row["currency"], row["bucket"]]
        assert Fraction(same["inflow"]) - Fraction(same["recoveries"]) == Fraction(row["inflow"])
    stressed = get(client, "/gap", view="stressed", severity="mild")
    assert {row["bucket"] for row in stressed["rows"] if row["recoveries"] == "300.00"} == {"D31_90"}
    assert client.get("/api/v1/gap", params={"view": "stressed"}).status_code == 422
    assert client.get("/api/v1/gap", params={"severity": "mild"}).status_code == 422


def test_a_past_cut_knows_what_was_known_then(client: httpx.Client) -> None:
    cut = json.dumps({PLACE: 3})
    answer = get(client, "/recoveries", at_offsets=cut, as_of="2026-11-22")
    assert [row["case"] for row in answer["rows"]] == ["RD1"]
    assert answer["offsets"] == {PLACE: 3}


def test_closing_is_explained_with_the_event_and_what_counts_in_its_place() -> None:
    with client_of(services(live_with(8), recovery_policy=recovery_policy())) as client:
        (row,) = get(client, "/recoveries/changes", from_offsets=json.dumps({PLACE: 7}), entity="NORTH")["rows"]
        assert (row["before"], row["after"], row["residual"]) == ("375.00", "125.00", "0/1")
        parts = {part["disposal"]: part for part in row["parts"]}
        closed = parts["DebtReduction/RD1"]
        assert (closed["difference"], closed["closes"], closed["event"]["type"]) == (
            "-375.00",
            True,
            "ReductionStatusChanged",
        )
        # 25% of the plan's 500.00, which no more certain disposal covers any longer.
        assert (parts["DisposalPlan/PL1"]["expected"], parts["DisposalPlan/PL1"]["closes"]) == ("125.00", False)
        (shown,) = get(client, "/recoveries", case="RD1")["rows"]
        assert (shown["stage"], shown["expected"], shown["missed"]) == ("TERMINATED", "0.00", "500.00")
        refused = client.get("/api/v1/recoveries/changes", params={"from_offsets": json.dumps({PLACE: 99})})
        assert refused.status_code == 422


def test_a_new_business_date_is_a_cause_of_its_own(client: httpx.Client) -> None:
    cut = json.dumps({PLACE: 7})
    asked = {"from_offsets": cut, "from_as_of": "2026-11-22", "as_of": "2026-12-20", "entity": "NORTH"}
    (row,) = get(client, "/recoveries/changes", **asked)["rows"]
    assert [(part["cause"], part["event"], part["expected"]) for part in row["parts"]] == [("ROLL", None, "-187.50")]


def test_the_stress_test_takes_the_recoveries_of_its_severity(client: httpx.Client) -> None:
    rows = [row for row in get(client, "/recoveries/stress")["rows"] if row["entity"] == "NORTH"]
    by_run = {(row["horizon_days"], row["severity"]): row["amount"] for row in rows}
    assert (by_run[30, None], by_run[7, None], by_run[30, "mild"]) == ("375.00", "0.00", "0.00")
    given = [{name: row[name] for name in ("horizon_days", "severity", "amount")} for row in rows]
    given = [row | {"amount": "7"} if row["severity"] == "severe" else row for row in given]
    book = {"cash_and_excess": "500", "securities": "0", "flows": [{"horizon_days": 30, "other_outflows": "400"}]}
    without = {run["run_id"]: run["net"] for run in find("stress").compute(book)["runs"]}
    found = {run["run_id"]: run["net"] for run in find("stress").compute(book | {"recoveries": given})["runs"]}
    moved = {name: Fraction(found[name]) - Fraction(net) for name, net in without.items()}
    assert moved == {"30d-mild": 0, "30d-moderate": 0, "30d-severe": 7}
    with pytest.raises(InvalidInput, match="stand once"):
        find("stress").compute(book | {"recoveries": given * 2})


def test_without_the_policy_nothing_is_expected() -> None:
    with client_of(services(live_with())) as client:
        assert client.get("/api/v1/recoveries").status_code == 503
        assert client.get("/api/v1/gap", params={"view": "behavioural"}).status_code == 503
        assert client.get("/api/v1/gap").status_code == 200


# -- the terminal ---------------------------------------------------------------------------------------------


@pytest.fixture
def canned(client: httpx.Client) -> Iterator[CannedApi]:
    answers = {
        "/recoveries": get(client, "/recoveries"),
        "/recoveries/stress": get(client, "/recoveries/stress"),
        "/recoveries/changes": get(client, "/recoveries/changes", from_offsets="{}"),
        "/gap": get(client, "/gap", view="behavioural"),
    }
    with canned_api() as found:
        found.answers |= answers
        yield found


def run(canned: CannedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setenv("TIDEMARK_API", canned.address)
    monkeypatch.setenv("TIDEMARK_TOKEN", "signed-token")
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*arguments, "--data-dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_terminal_shows_disposals_sums_causes_and_the_gap(
    canned: CannedApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = run(canned, tmp_path, monkeypatch, "recoveries")
    assert "DebtReduction" in shown
    assert "375.00" in shown
    assert "example 2018" in shown
    run(canned, tmp_path, monkeypatch, "recoveries", "--by", "org", "--severity", "mild", "--closed")
    asked = canned.last().query
    assert (asked["by"], asked["severity"], asked["closed"]) == ("organisation", "mild", "true")
    canned.answers["/recoveries"]["cursor"] = "7"
    assert "more: --cursor 7" in run(canned, tmp_path, monkeypatch, "recoveries", "--cursor", "3")
    assert canned.last().query["cursor"] == "3"
    assert "horizon days" in run(canned, tmp_path, monkeypatch, "recoveries", "--stress")
    assert "ReductionApproved" in run(canned, tmp_path, monkeypatch, "recoveries", "--explain", "{}")
    assert canned.last().query["from_offsets"] == "{}"
    assert "recoveries" in run(canned, tmp_path, monkeypatch, "gap", "--view", "behavioural")
    assert canned.last().query["view"] == "behavioural"
    assert json.loads(run(canned, tmp_path, monkeypatch, "recoveries", "--json")) == canned.answers["/recoveries"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("recoveries", "--by", "customer"),
        ("recoveries", "--stress", "--explain", "{}"),
        ("recoveries", "--at-offsets", "[]"),
        ("gap", "--view", "behavioural", "--follow"),
        ("gap", "--view", "behavioural", "--contracts"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TIDEMARK_API", "http://127.0.0.1:9")
    monkeypatch.setenv("TIDEMARK_TOKEN", "signed-token")
    done = CliRunner().invoke(app, [*arguments, "--data-dir", str(tmp_path)])
    assert done.exit_code == 2
