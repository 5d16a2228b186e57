"""Pasts played again over HTTP and on the command line: jobs, who may see what, and a process of their own."""

import contextlib
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from api.counterfactual import visible
from api.counterfactual_jobs import Cancelled, Counterfactuals, child, followed, in_process
from api.counterfactual_models import Compare, JobAnswered, Jobs
from api.main import app
from engines.primitives.errors import InvalidInput, TidemarkError, Unavailable
from streams.counterfactual import Answer, Question, checked, counterfactual
from streams.counterfactual_alerts import Told
from tests.api_doubles import client_of, running, services
from tests.live_bank import live_folders
from tests.recorded_bank import policies, simulated_day
from tests.waiting import until

pytestmark = pytest.mark.timeout(120)


class Past:
    """Works questions out here, once it is let."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, question: Question, told: Told, is_cancelled: threading.Event) -> Answer:
        told("alerts", 1, 2)
        while not self.gate.wait(0.01):
            if is_cancelled.is_set():
                raise Cancelled
        return counterfactual(simulated_day().logs(), live_folders, policies(), question, told)


def _check(question: Question) -> None:
    checked(question, policies())


@pytest.fixture
def past() -> Past:
    return Past()


@pytest.fixture
def jobs(past: Past) -> Counterfactuals:
    return Counterfactuals(past, check=_check, waiting_max=2, kept_max=3)


@pytest.fixture
def client(jobs: Counterfactuals) -> Iterator[httpx.Client]:
    with client_of(services(counterfactuals=jobs)) as found:
        yield found


def finished(client: httpx.Client, job_id: str, **parameters: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def over() -> bool:
        found.update(client.get(f"/api/v1/counterfactuals/{job_id}", params=parameters).json())
        return found["state"] not in ("waiting", "running")

    until(over)
    return found


CHANGE = {"set": {"large_flow.*.CNY.rolling": "9000000"}}


def test_a_job_from_the_question_to_the_answer(client: httpx.Client) -> None:
    started = client.post("/api/v1/counterfactuals", json=CHANGE)
    assert started.status_code == 202
    assert client.get(started.headers["location"]).json()["id"] == started.json()["id"]
    body = finished(client, started.json()["id"])
    JobAnswered.model_validate(body)
    assert (body["state"], body["asked_by"], body["question"]["set"]) == ("done", "treasurer", CHANGE["set"])
    assert body["answer"]["alerts"]["summary"]["only_branch"] > 0
    assert body["answer"]["alerts"]["control"]["reproduces"]
    again = finished(client, client.post("/api/v1/counterfactuals", json=CHANGE).json()["id"])
    assert again["answer"] == body["answer"]
    listed = client.get("/api/v1/counterfactuals").json()
    Jobs.model_validate(listed)
    assert [job["id"] for job in listed["jobs"]] == [again["id"], body["id"]]


def test_everything_at_once_fits_its_model(client: httpx.Client) -> None:
    body = finished(client, client.post("/api/v1/counterfactuals", json={"set": {"lcr.LCR.OF.RET.03.factor": "0.9"},
                                                                         "what": ["alerts", "limits", "ratios"]})
                    .json()["id"])  # fmt: skip
    Compare.model_validate(body["answer"])
    assert body["answer"]["ratios"]["control"]["reproduces"]


def test_rows_beyond_the_number_asked_for_are_counted(client: httpx.Client) -> None:
    body = finished(client, client.post("/api/v1/counterfactuals", json=CHANGE).json()["id"], rows_max=1)
    part = body["answer"]["alerts"]
    assert len(part["rows"]) == 1
    assert part["left_off"] == sum(part["summary"][name] for name in ("both", "only_real", "only_branch")) - 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"set": {"large_flow.*.CNY.rolling": "x"}}, "amount"),
        ({"from": "2026-03-16T00:00:00"}, "from"),
        ({"to": "yesterday"}, "to"),
        ({"policies": {"limits": "= no"}}, "limits"),
    ],
)
def test_what_cannot_be_is_refused_at_once(client: httpx.Client, body: dict[str, Any], field: str) -> None:
    answer = client.post("/api/v1/counterfactuals", json=body)
    assert answer.status_code == 422
    assert answer.json()["facts"]["field"] == field
    assert client.get("/api/v1/counterfactuals").json() == {"jobs": []}


def test_a_period_that_does_not_fit_fails_the_job_with_the_place(client: httpx.Client) -> None:
    body = {"from": {"tm.in.core.txn.v1/0": 10**9}}
    failed = finished(client, client.post("/api/v1/counterfactuals", json=body).json()["id"])
    assert failed["state"] == "failed"
    assert failed["error"]["facts"] == {"field": "from", "record": "tm.in.core.txn.v1/0"}


def test_few_run_some_wait_more_are_refused_and_one_may_be_cancelled(client: httpx.Client, past: Past) -> None:
    past.gate.clear()
    first, second, third = (client.post("/api/v1/counterfactuals", json=CHANGE).json()["id"] for _ in range(3))
    until(lambda: client.get(f"/api/v1/counterfactuals/{first}").json()["progress"]["phase"] == "alerts")
    states = {job["id"]: job["state"] for job in client.get("/api/v1/counterfactuals").json()["jobs"]}
    assert states == {first: "running", second: "waiting", third: "waiting"}
    assert client.post("/api/v1/counterfactuals", json=CHANGE).status_code == 503
    assert client.get("/api/v1/positions").status_code == 200  # nobody else waits
    assert client.post(f"/api/v1/counterfactuals/{second}/cancel").json()["state"] == "cancelled"
    assert client.post(f"/api/v1/counterfactuals/{second}/cancel").status_code == 409
    client.post(f"/api/v1/counterfactuals/{first}/cancel")
    assert finished(client, first)["state"] == "cancelled"
    past.gate.set()
    assert finished(client, third)["state"] == "done"
    assert client.get("/api/v1/counterfactuals/no-such").status_code == 404


def test_only_who_asked_may_cancel(jobs: Counterfactuals, past: Past) -> None:
    past.gate.clear()
    with running(services(counterfactuals=jobs)) as server:

        def call(who: str, method: str, path: str, **given: Any) -> httpx.Response:
            return httpx.request(method, f"{server.address}/api/v1/counterfactuals{path}", trust_env=False,
                                 headers={"Authorization": f"Bearer {who}"}, **given)  # fmt: skip

        job_id = call("all", "POST", "", json=CHANGE).json()["id"]
        assert call("north", "POST", f"/{job_id}/cancel").status_code == 409
        assert call("nobody", "POST", "", json=CHANGE).status_code == 403
        past.gate.set()


def test_a_reader_sees_the_entities_it_may(jobs: Counterfactuals) -> None:
    question = Question(values={"large_flow.*.CNY.rolling": "9000000"}, what=("alerts", "limits", "ratios"))
    answer = counterfactual(simulated_day().logs(), live_folders, policies(), question)
    all_of_it, some = visible(answer, None, 10**6), visible(answer, frozenset({"BANK"}), 10**6)
    assert all_of_it["alerts"]["rows"] == answer["alerts"]["rows"]
    assert {path["entity"] for path in some["ratios"]["paths"]} == {"BANK"}
    none = visible(answer, frozenset({"NORTH"}), 10**6)
    assert none["alerts"]["summary"] == {"both": 0, "only_real": 0, "only_branch": 0, "changed": 0}
    assert none["alerts"]["first_difference"] is None
    text = json.dumps(none)
    assert not any(f'"{name}"' in text for name in ("BANK", "CF", "LEASE"))
    assert none["digest"] == answer["digest"]


def test_without_logs_it_is_not_available() -> None:
    with client_of(services()) as client:
        assert client.post("/api/v1/counterfactuals", json={}).status_code == 503


# -- a process of its own --------------------------------------------------------------------------------------------


def echoed(parts: str, question: Question, told: Told) -> Answer:
    """Runs in the child."""
    told("alerts", 3, 4)
    if parts == "fail":
        raise InvalidInput("no", field="from", record="x")
    if parts == "crash":
        raise ValueError("a bug of ours")
    while parts == "hang":
        time.sleep(0.05)
    return {"digest": parts, "start": str(question.start)}


def test_a_process_tells_and_is_ended_when_it_is_cancelled() -> None:
    heard: list[Any] = []
    cancelled = threading.Event()

    def told(*progress: Any) -> None:
        heard.append(progress)
        cancelled.set()

    with pytest.raises(Cancelled):
        in_process(echoed, "hang", method="fork")(Question(), told, cancelled)
    assert heard == [("alerts", 3, 4)]
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("parts", "error", "facts"),
    [("fail", InvalidInput, {"field": "from", "record": "x"}), ("crash", Unavailable, {})],
)
def test_what_ends_a_branch_is_told_by_its_kind(
    parts: str, error: type[TidemarkError], facts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "nice", lambda _niceness: 0)
    ours, theirs = multiprocessing.Pipe(duplex=False)
    with contextlib.suppress(ValueError):  # a process that crashes says so on its own stderr
        child(theirs, echoed, parts, Question())
    with pytest.raises(error) as ended:
        followed(ours, lambda *_: None, threading.Event())
    assert ended.value.facts == facts
    ours.close()


def test_a_bug_in_a_branch_fails_its_job_and_no_other() -> None:
    def broken(question: Question, told: Told, is_cancelled: threading.Event) -> Answer:
        if question.step == 1:
            raise ValueError("a bug of ours")
        return {"digest": "-"}

    found = Counterfactuals(broken)
    first, second = found.ask(Question(), "one"), found.ask(Question(step=2), "one")
    until(lambda: second.is_over)
    assert (first.state, second.state) == ("failed", "done")
    assert isinstance(first.error, TidemarkError)
    assert "bug" not in str(first.error)


# -- the command line ------------------------------------------------------------------------------------------------


def test_the_terminal_compares(jobs: Counterfactuals, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    policy = tmp_path / "limits.toml"
    policy.write_text('name = "strict"\n[[limit]]\nlimit_id = "l"\nmetric = "lcr"\nminimum = "9"\n')
    with running(services(counterfactuals=jobs)) as server:
        monkeypatch.setenv("TIDEMARK_API", server.address)
        monkeypatch.setenv("TIDEMARK_TOKEN", "all")
        runner = CliRunner()

        def ran(*arguments: str) -> Any:
            return runner.invoke(app, ["counterfactual", *arguments])

        shown = ran("--set", "large_flow.*.CNY.rolling=9000000")
        assert shown.exit_code == 0, shown.output
        assert "branch only" in shown.output
        assert "the control gives the published alerts again" in shown.output
        answer = json.loads(ran("--policy", str(policy), "--what", "limits", "--json").output)
        assert answer["rules"]["changed"] == ["limits"]
        shown = ran("--set", "lcr.LCR.OF.RET.03.factor=0.5", "--to", '{"tm.risk.cut.v1/0": 5}')
        assert shown.exit_code == 0, shown.output
        assert "lowest to highest" in shown.output
        assert ran("--set", "limits.watch.margin").exit_code == 2
        assert ran("--policy", "absent.toml").exit_code == 2
        assert ran("--from", '{"tm.in.core.txn.v1/0": 99999999}').exit_code == 2
