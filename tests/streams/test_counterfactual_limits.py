"""Limits and ratios of a past under other rules, held against a bank that really had those rules.

The same events are played through a second bank in memory whose policies are the changed ones: what it published is
what the branch of the first one must have found.
"""

from copy import deepcopy
from datetime import date
from fractions import Fraction
from functools import cache
from itertools import islice
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.limit_policy import RATIOS
from streams import topics
from streams.counterfactual import Question, counterfactual
from streams.counterfactual_ratios import Point, thinned
from streams.counterfactual_roller import divided
from streams.cut_records import decode
from streams.feeds.event import Event
from streams.feeds.simulated import SimulatedBank, Simulation
from tests.live_bank import live_folders
from tests.recorded_bank import RecordedBank, batches_of, policies

pytestmark = pytest.mark.timeout(180)

LIMITS: dict[str, Any] = {
    "name": "test",
    "watch": {"margin": "0.0005", "clear_readings": 1, "arming_s": 0, "deadline_days": 5},
    "limit": [
        {"limit_id": "lcr", "metric": "lcr", "minimum": "1.345", "amber_headroom": "0.005", "plan": True},
        {"limit_id": "nsfr", "metric": "nsfr", "minimum": "1.1340", "amber_headroom": "0.002"},
        {"limit_id": "cash", "metric": "position", "currency": "CNY", "minimum": "0", "amber_headroom": "1000000"},
    ],
    "large_withdrawal": [{"rule_id": "withdrawal", "share": "0.000000001", "plan": True}],
}
FACTOR = {"lcr.LCR.OF.NFC.01.factor": "0.60"}


@cache
def events() -> list[Event]:
    source = SimulatedBank(Simulation(3, date(2026, 3, 16), 5_000, 500, treasury=True))
    return list(islice(source.events(), source.opening_events + 1_500))


def data(**limits: Any) -> dict[str, dict[str, Any]]:
    found = deepcopy(LIMITS)
    for name, minimum in limits.items():
        next(one for one in found["limit"] if one["limit_id"] == name)["minimum"] = minimum
    return policies(limits=found)


@cache
def played(lcr: str = "1.345", nsfr: str = "1.1340", factor: str = "") -> RecordedBank:
    rules = data(lcr=lcr, nsfr=nsfr)
    if factor:
        for item in rules["lcr"]["version"][0]["item"]:
            if item["code"] == "LCR.OF.NFC.01":
                item["factor"] = factor
    return RecordedBank(rules).play(events(), 100)


def ask(bank: RecordedBank, **given: Any) -> dict[str, Any]:
    size = given.pop("size", 700)
    return counterfactual(bank.logs(size), live_folders, data(), Question(**given))


def published(bank: RecordedBank) -> list[dict[str, Any]]:
    """Alerts on limits, in their order."""
    log = bank.bank.logs[topics.ALERT, 0]
    alerts = [msgspec.json.decode(value) for value in log if b"alert_id" in value]
    return [one for one in alerts if one["source"]["topic"] == topics.CUT]


def shown(alert: dict[str, Any]) -> tuple[Any, ...]:
    facts = alert["limit"]
    return (facts["cut"], facts["limit_id"], facts["scope"], alert["entity"], alert["currency"], alert["kind"],
            facts["light"], facts["value"], alert["amount"], alert["threshold"], alert["alert_id"])  # fmt: skip


def row_shown(row: dict[str, Any], side: str) -> tuple[Any, ...]:
    of = row[side]
    return (row["offset"], row["limit_id"], row["scope"], row["entity"], row["currency"], row["kind"],
            of["light"], of["value"], of["amount"], of["threshold"], of["alert_id"])  # fmt: skip


# -- nothing changed -------------------------------------------------------------------------------------------------


def test_unchanged_rules_give_alerts_incidents_and_ratios_again() -> None:
    answer = ask(played())
    limits, ratios = answer["limits"], answer["ratios"]
    assert limits["control"]["reproduces"]
    assert limits["summary"] == {"both": len(published(played())), "only_real": 0, "only_branch": 0, "changed": 0}
    assert limits["summary"]["both"] > 5
    assert ratios["control"] == {
        "reproduces": True,
        "compared": ratios["control"]["compared"],
        "differing": 0,
        "first": None,
    }
    assert ratios["digests"]["real"] == ratios["digests"]["branch"]
    assert ratios["worked_out"] == ratios["cuts"] == len(played().bank.logs[topics.CUT, 0])
    assert {row["where"] for row in (*limits["incidents"], *limits["actions"])} == {"both"}
    assert {row["command"] for row in limits["actions"]} >= {"Open", "Propose", "Restore"}
    assert not any(row["differs"] for row in limits["incidents"])


@given(st.sampled_from([37, 250, 1_000]), st.integers(0, 12))
@settings(max_examples=1)
def test_any_split_and_any_later_start_give_the_same_story(size: int, first: int) -> None:
    """Of a later start: the alerts from there on, and the incidents that were open."""
    start, end = played().period(first, len(played().vectors) - 1)
    answer = ask(played(), start=start, end=end, what=("limits", "ratios"), size=size, values=FACTOR)
    other = ask(played(), start=start, end=end, what=("limits", "ratios"), values=FACTOR)
    assert answer == other
    assert answer["ratios"]["control"]["reproduces"]
    assert answer["limits"]["control"]["reproduces"]


# -- a bank that really had the changed rules -----------------------------------------------------------------------


@pytest.mark.parametrize("minimum", ["1.352"])
def test_other_limits_raise_what_a_bank_with_those_limits_published(minimum: str) -> None:
    answer = ask(played(), what=("limits",), values={"limits.lcr.minimum": minimum})
    rows = answer["limits"]["rows"]
    real, branch = published(played()), published(played(lcr=minimum))
    assert [row_shown(row, "real") for row in rows if row["real"]] == sorted_by_cut(real)
    assert [row_shown(row, "branch") for row in rows if row["branch"]] == sorted_by_cut(branch)
    assert {row["where"] for row in rows} >= {"both", "only_real"}
    assert answer["limits"]["control"]["reproduces"]


def sorted_by_cut(alerts: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    keyed = sorted(
        alerts,
        key=lambda one: (one["source"]["offset"], one["rule"], one["limit"]["limit_id"], one["entity"],
                         one["currency"], one["sequence"]),
    )  # fmt: skip
    return [shown(one) for one in keyed]


def test_another_factor_gives_the_path_and_the_crossings_of_a_bank_with_that_factor() -> None:
    answer = ask(played(), values=FACTOR)
    branch = published(played(factor="0.60"))
    assert answer["what"] == ["ratios"]
    assert [row_shown(row, "branch") for row in answer["limits"]["rows"] if row["branch"]] == sorted_by_cut(branch)
    assert answer["ratios"]["control"]["reproduces"]
    paths = {
        (path["metric"], path["scope"], path["entity"], path["currency"]): {
            point["cut"]: (point["real"], point["branch"]) for point in path["points"]
        }
        for path in answer["ratios"]["paths"]
    }
    ours, theirs = path_of(played()), path_of(played(factor="0.60"))
    for key, points in paths.items():
        for cut, values in points.items():
            assert values == (ours[cut].get(key), theirs[cut].get(key))
    moved = [path for path in answer["ratios"]["paths"] if path["differs_from"]]
    assert {path["metric"] for path in moved} == {"lcr"}
    (bank,) = (path for path in moved if path["scope"] == "entity" and path["entity"] == "BANK")
    both = [(point["real"], point["branch"]) for point in bank["points"] if point["real"] and point["branch"]]
    assert all(Fraction(branch) < Fraction(real) for real, branch in both)


def path_of(bank: RecordedBank) -> dict[int, dict[tuple[str, str, str, str], str | None]]:
    """Every published ratio at every cut."""
    found = {}
    held: dict[tuple[str, str, str, str], str | None] = {}
    for offset, value in enumerate(bank.bank.logs[topics.CUT, 0]):
        cut = decode(value)
        for one in cut.totals:
            if one.metric in RATIOS:
                held[one.metric, one.scope, one.entity, one.currency] = one.value
        for one in cut.gone:
            held.pop((one.metric, one.scope, one.entity, one.currency), None)
        found[offset] = dict(held)
    return found


def test_factors_and_limits_may_change_together() -> None:
    answer = ask(played(), values=FACTOR | {"limits.lcr.minimum": "1.31"})
    assert answer["rules"]["changed"] == ["limits", "lcr"]
    branch = published(played(lcr="1.31", factor="0.60"))
    assert [row_shown(row, "branch") for row in answer["limits"]["rows"] if row["branch"]] == sorted_by_cut(branch)


def test_a_sampled_path_still_locates_every_turn_of_a_light() -> None:
    whole, sampled = (ask(played(), values=FACTOR, step=step) for step in (1, 7))
    assert sampled["ratios"]["worked_out"] < whole["ratios"]["worked_out"]
    # A light that turns and turns back between two samples is not seen: those of the first turn of each stay.
    firsts = [
        {(row["limit_id"], row["entity"], row["scope"]): row["offset"] for row in answer["limits"]["rows"][::-1]
         if row["branch"] and row["metric"] == "lcr" and row["kind"] == "raised"}
        for answer in (whole, sampled)
    ]  # fmt: skip
    assert firsts[0] == firsts[1]
    assert firsts[0]


def test_a_cut_whose_vector_lies_behind_is_told_and_left_out() -> None:
    bank = played()
    logs = dict(bank.bank.logs)
    cuts = list(logs[topics.CUT, 0])
    late = msgspec.json.decode(cuts[12])
    cuts[20] = msgspec.json.encode(msgspec.json.decode(cuts[20]) | {"offsets": late["offsets"]})
    logs[topics.CUT, 0] = cuts
    past = bank.logs()
    held = batches_of(logs, 500)
    answer = counterfactual(
        type(past)(held, past.bounds, past.offsets_at, past.snapshot, past.horizon_days),
        live_folders, data(), Question(what=("ratios",)),
    )  # fmt: skip
    assert answer["ratios"]["behind"] == [20]
    assert answer["ratios"]["worked_out"] == answer["ratios"]["cuts"] - 1


# -- parts ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=5), max_size=9), st.integers(0, 9))
@settings(max_examples=30)
def test_a_batch_divided_is_the_same_records(values: list[bytes], at: int) -> None:
    at = min(at, len(values))
    if not values:
        return
    (raw,) = batches_of({("t", 0): values}, 100)("t", 0, 0, len(values))
    left, right = divided(raw, at)
    assert (left.values, right.values) == (values[:at], values[at:])
    assert (left.from_offset, left.to_offset, right.to_offset) == (0, at, len(values))
    assert [*left.offsets, *right.offsets] == list(range(len(values)))


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1, max_size=80), st.integers(8, 30))
@settings(max_examples=30)
def test_a_thinned_path_keeps_its_ends_and_its_extremes(values: list[int | None], points_max: int) -> None:
    path = [Point(at, "-", None if one is None else str(one), None) for at, one in enumerate(values)]
    kept = thinned(path, points_max)
    assert kept[0] == path[0]
    assert kept[-1] == path[-1]
    assert len(kept) <= points_max + 6
    known = [one for one in values if one is not None]
    if known:
        assert {str(min(known)), str(max(known))} <= {point.real for point in kept}
