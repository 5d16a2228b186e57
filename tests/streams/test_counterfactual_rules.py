"""A change laid over the policies: what it changes, what is refused and where the error points; and what names it."""

from typing import Any

import pytest

from engines.primitives.errors import InvalidInput
from infra.policies import load_policy
from streams.counterfactual import Question, checked
from streams.counterfactual_rules import rule_pair
from tests.recorded_bank import policies

NEW_LIMITS = """
name = "another"
[[limit]]
limit_id = "lcr-hard"
metric = "lcr"
minimum = "1.25"
valid_from = 2026-01-01
"""


def thresholds(values: dict[str, str], *who: str) -> tuple[int, int]:
    """(single, rolling), minor units."""
    return rule_pair(policies(), {}, values).branch.large_flow.versions[0].thresholds(*who)


def test_nothing_changed_asks_about_everything() -> None:
    pair = rule_pair(policies(), {}, {})
    assert pair.changed == ()
    assert pair.real == pair.branch
    assert pair.asked == ("alerts", "limits", "ratios")


def test_a_value_that_is_what_it_was_changes_nothing() -> None:
    assert rule_pair(policies(), {}, {"large_flow.BERKA.CZK.rolling": "80000.00"}).changed == ()
    assert rule_pair(policies(), {"lcr": load_policy("lcr")}, {}).changed == ()


def test_thresholds_of_an_entity_a_currency_an_organisation_and_a_class() -> None:
    berka = ("BERKA", "CZK", "B1", "RETAIL")
    assert thresholds({}, *berka) == (5_000_000, 8_000_000)
    assert thresholds({"large_flow.BERKA.CZK.rolling": "500000"}, *berka) == (5_000_000, 50_000_000)
    assert thresholds({"large_flow.*.CZK.single": "1"}, *berka) == (
        5_000_000,
        8_000_000,
    )  # the more specific rule holds
    assert thresholds({"large_flow.*.CZK.single": "1"}, "OTHER", "CZK", "-", "-") == (100, 15_000_000_000)
    # A new rule takes what it does not say from the rule that held.
    of_class = {"large_flow.BERKA.CZK.*.RETAIL.single": "40000"}
    assert thresholds(of_class, *berka) == (4_000_000, 8_000_000)
    assert thresholds(of_class, "BERKA", "CZK", "B1", "CORPORATE") == (5_000_000, 8_000_000)
    pair = rule_pair(policies(), {}, {"large_flow.window_minutes": "30"})
    assert pair.branch.large_flow.versions[0].window_us == 30 * 60_000_000
    assert pair.asked == ("alerts",)


def test_limits_withdrawals_and_factors() -> None:
    values = {
        "limits.lcr-board.minimum": "1.20",
        "limits.lcr-board.plan": "false",
        "limits.watch.clear_readings": "1",
        "limits.withdrawal-of-a-fifth.share": "0.10",
        "lcr.LCR.OF.RET.03.factor": "0.20",
        "lcr.parameters.inflow_cap": "0.60",
        "nsfr.NSFR.ASF.50.01.factor": "0.40",
    }
    pair = rule_pair(policies(), {}, values)
    assert pair.changed == ("limits", "lcr", "nsfr")
    assert pair.asked == ("limits", "ratios")
    board = next(one for one in pair.branch.watch.limits if one.limit.limit_id == "lcr-board")
    assert (str(board.limit.minimum), board.plan, board.bands.clear_readings) == ("6/5", False, 1)
    assert str(pair.branch.watch.withdrawals[0].share) == "1/10"
    assert str(pair.branch.ratios.lcr.in_force().factor("LCR.OF.RET.03")) == "1/5"
    assert str(pair.branch.ratios.lcr.in_force().parameter("inflow_cap")) == "3/5"
    assert str(pair.real.ratios.lcr.in_force().factor("LCR.OF.RET.03")) == "1/10"  # the real one is left alone


@pytest.mark.parametrize("given", [NEW_LIMITS, {
    "name": "another",
    "limit": [{"limit_id": "lcr-hard", "metric": "lcr", "minimum": "1.25", "valid_from": "2026-01-01"}],
}])  # fmt: skip
def test_a_whole_policy_as_toml_or_as_an_object_of_json(given: Any) -> None:
    pair = rule_pair(policies(), {"limits": given}, {"limits.lcr-hard.minimum": "1.30"})
    (limit,) = pair.branch.watch.limits
    assert (pair.branch.watch.name, str(limit.limit.minimum), limit.valid_from.year) == ("another", "13/10", 2026)


@pytest.mark.parametrize(
    ("files", "values", "field", "record"),
    [
        ({}, {"large_flow.BERKA.CZK.rolling": "1.001"}, "amount", "large_flow"),
        ({}, {"large_flow.*.XYZ.rolling": "5"}, "large_flow.*.XYZ.rolling", None),
        ({}, {"large_flow.BERKA.rolling": "5"}, "large_flow.BERKA.rolling", None),
        ({}, {"large_flow.window_minutes": "-1"}, "large_flow.window_minutes", None),
        ({}, {"limits.lcr-board.minimum": "abc"}, "minimum", "limit[1]"),
        ({}, {"limits.no-such.minimum": "1"}, "limits.no-such.minimum", None),
        ({}, {"limits.lcr-board.colour": "red"}, "limits.lcr-board.colour", None),
        ({}, {"limits.watch.clear_readings": "0"}, "margin", "limit[0]"),
        ({}, {"lcr.LCR.OF.RET.03.factor": "1.2"}, "factor", "version[0].item[13]"),
        ({}, {"lcr.NO.SUCH.factor": "1"}, "lcr.NO.SUCH.factor", None),
        ({}, {"lcr.parameters.no_such": "1"}, "lcr.parameters.no_such", None),
        ({}, {"recovery_cash.x.y": "1"}, "recovery_cash.x.y", None),
        ({}, {"live_liquidity.x": "1"}, "live_liquidity.x", None),
        ({"limits": "not = [toml"}, {}, "limits", "limits"),
        ({"large_flow": {"version": []}}, {}, "version", "large_flow"),
        ({"large_flow": {"version": "x"}}, {}, "large_flow", "large_flow"),
        ({"live_liquidity": load_policy("live_liquidity") | {"insurance": []}}, {}, "insurance", "live_liquidity"),
        ({"deadline_rules": ""}, {}, "deadline_rules", None),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_record(
    files: dict[str, Any], values: dict[str, str], field: str, record: str | None
) -> None:
    with pytest.raises(InvalidInput) as refused:
        rule_pair(policies(), files, values)
    assert (refused.value.facts["field"], refused.value.facts.get("record")) == (field, record)


def test_a_digest_names_what_a_policy_says() -> None:
    first, second = (rule_pair(policies(), {}, {"limits.lcr-board.minimum": text}) for text in ("1.20", "1.21"))
    assert first.real.digests == second.real.digests
    assert first.branch.digests["limits"] != second.branch.digests["limits"]
    assert first.branch.digests["lcr"] == first.real.digests["lcr"]


@pytest.mark.parametrize(
    ("question", "field"), [(Question(what=("everything",)), "what"), (Question(step=0), "step")]
)
def test_a_question_that_cannot_be_is_refused(question: Question, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(question, policies())
    assert refused.value.facts["field"] == field
