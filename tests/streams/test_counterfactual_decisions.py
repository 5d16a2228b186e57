"""Decisions on large outflows of a past: those the live view gave at the time, and other ones under another floor."""

from copy import deepcopy
from datetime import date
from itertools import islice
from typing import Any

import pytest

from streams import topics
from streams.counterfactual import Question, counterfactual
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.views_ratios import positions
from streams.withdrawal_decision import decided, outflow_of, standings
from tests.live_bank import live_folders
from tests.recorded_bank import RecordedBank, policies

pytestmark = pytest.mark.timeout(120)


def test_decisions_are_those_of_the_live_view_at_the_cut_and_another_floor_decides_otherwise() -> None:
    data = policies()
    for rule in data["large_flow"]["version"][0]["rule"]:
        if rule["currency"] == "CNY":
            rule["rolling"] = "6000000"
    source = SimulatedBank(Simulation(3, date(2026, 3, 16), 5_000, 500, treasury=True))
    events = list(islice(source.events(), source.opening_events + 1_500))
    bank, seen = RecordedBank(data), {}
    for start in range(0, len(events), 300):
        bank.step(events[start : start + 300])
        view = bank.bank.view
        days = dict(view.as_of(None).by_entity)
        by_pair = {unit[:2]: items for unit, items in view.ratio_books.items(bank.ratios, days).items()}
        known = standings(positions(by_pair, bank.ratios, days))
        for row in view.withdrawals({}):
            if row.above:
                one = decided(outflow_of(row), known)
                seen[len(bank.bank.logs[topics.CUT, 0]) - 1, row.entity, row.customer, row.currency] = one
    answer = counterfactual(bank.logs(), live_folders, data, Question(what=("alerts",)))
    rows = [
        row for row in answer["alerts"]["rows"] if row["rule"] == "large-flow-rolling" and row["kind"] == "raised"
    ]
    assert rows
    for row in rows:
        found = row["real"]["decision"]
        live = seen[found["cut"], row["entity"], row["customer"], row["currency"]]
        assert found["decision"] == (live.verdict and live.verdict.decision)
        assert found["reason"] == live.reason
        assert row["branch"]["decision"] == found

    # The floor is the minimum operating balance of the mapping: a high one would have asked for funds.
    mapping: dict[str, Any] = deepcopy(data["live_liquidity"])
    entities = sorted({row["entity"] for row in rows})
    mapping["version"][-1]["reserve_limit"] = [
        {"entity": entity, "currency": "CNY", "amount": "900000000000.00"} for entity in entities
    ]
    question = Question(what=("alerts",), files={"live_liquidity": mapping})
    rows = counterfactual(bank.logs(), live_folders, data, question)["alerts"]["rows"]
    changed = [row for row in rows if "decision" in row["differs"]]
    assert changed
    assert {action for row in changed for action in row["branch"]["decision"]["actions"]} == {
        "RELEASE", "DISPATCH", "ESCALATE",
    }  # fmt: skip
    assert {tuple(row["real"]["decision"]["actions"]) for row in changed} == {("RELEASE",)}
