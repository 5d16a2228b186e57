"""The interest trial as JSON: bad input by its place, a trial that goes on, the sheet (RA-36)."""

from copy import deepcopy
from typing import Any

import pytest

from api.calculations.registry import find
from engines.primitives.errors import InvalidInput
from tests.api.golden_cases import cases

TRIAL = find("interest_trial")
INPUTS: dict[str, Any] = cases("ra-36")[0]["inputs"]
PAYMENT: dict[str, Any] = INPUTS["events"][0]


@pytest.mark.parametrize(
    ("events", "field"),
    [
        ([PAYMENT, PAYMENT, PAYMENT, PAYMENT | {"amount": "9000000.00"}], "events[3].amount"),
        ([PAYMENT | {"amount": "0.001"}], "events[0].amount"),
        ([PAYMENT | {"amount": 150000.5}], "events[0].amount"),
        ([PAYMENT, PAYMENT | {"day": "2022-03-14"}], "events[1].day"),
        ([PAYMENT | {"order": "CHEAPEST_FIRST"}], "events[0].order"),
        ([PAYMENT | {"kind": "gift"}], "events[0].kind"),
        (
            [{name: PAYMENT[name] for name in ("kind", "day", "amount")} | {"alloc": {"costs": "1"}}],
            "events[0].alloc",
        ),
    ],
)
def test_a_bad_event_is_named(events: list[dict[str, Any]], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        TRIAL.compute(INPUTS | {"events": events})
    assert refused.value.facts == {"field": field, "record": field.partition(".")[0]}


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("params", "rates"), [{"from_day": "2022-01-01", "rate_pct": "5.10"}], "params.rates[0].from_day"),
        (("params", "rates"), [{"from_day": "2021-01-01", "rate_pct": "-1"}], "params.rates[0].rate_pct"),
        (("params", "day_count"), "ACT_ACT", "params.day_count"),
        (("params", "settle_day"), 0, "params.settle_day"),
        (("opening", "day"), "2022-07-01", "as_of"),
        (("opening", "running"), {"interest": "1/0"}, "opening.running.interest"),
        (("opening", "principal"), "1.00", "opening.principal"),
    ],
)
def test_a_bad_opening_or_parameter_is_named(path: tuple[str, str], value: Any, field: str) -> None:
    given = deepcopy(INPUTS) | {"events": []}
    given[path[0]][path[1]] = value
    with pytest.raises(InvalidInput) as refused:
        TRIAL.compute(given)
    assert refused.value.facts["field"] == field


def test_maturity_is_asked_for() -> None:
    """A loan whose maturity was forgotten would bear no penalty at all; null says that there is none."""
    given = deepcopy(INPUTS)
    del given["params"]["maturity"]
    with pytest.raises(InvalidInput) as refused:
        TRIAL.compute(given)
    assert refused.value.facts["field"] == "params.maturity"


@pytest.mark.parametrize("looked", ["2022-01-05", "2022-03-10", "2022-03-12", "2022-05-01"])
def test_what_is_carried_opens_a_later_trial(looked: str) -> None:
    carried = TRIAL.compute(INPUTS | {"as_of": looked})["carried"]
    later = [event for event in INPUTS["events"] if event["day"] > looked]
    through = TRIAL.compute(INPUTS | {"opening": carried, "events": later})
    direct = TRIAL.compute(INPUTS)
    assert (through["totals"], through["carried"]) == (direct["totals"], direct["carried"])


def test_the_rules_that_were_applied_are_told_with_their_source() -> None:
    given = deepcopy(INPUTS)
    given["params"] |= {"compound_base": "NONE", "day_count": "ACT_365", "stop_on": "2022-06-01"}
    given["delayed_performance"] = [{"from_day": "2022-06-15", "unpaid": "1000.00"}]
    given["events"] = [PAYMENT, PAYMENT | {"kind": "in_kind", "order": None}]
    told = {rule["source"]: rule["rule"] for rule in TRIAL.compute(given)["rules"]}
    assert "1 + 50%" in told["PBC Yin Fa [2003] 251"]
    assert "costs, compound, penalty, interest, principal" in told["Civil Code, article 561"]
    assert "principal, interest, penalty, compound" in told["terms of the settlement in kind"]
    assert "0.000175" in told["SPC Fa Shi [2014] 8, articles 1 to 4"]
    text = " ".join(told.values())
    assert "2022-06-01" in " ".join(rule["rule"] for rule in TRIAL.compute(given)["rules"])
    assert "Compound interest runs" not in text


def test_delayed_performance_stands_beside_the_claim() -> None:
    debt = [{"from_day": "2022-06-01", "unpaid": "1000.00"}]
    found, plain = TRIAL.compute(INPUTS | {"delayed_performance": debt}), TRIAL.compute(INPUTS)
    assert found["totals"] == plain["totals"]
    assert (found["delayed_performance"], found["sum_with_delayed_performance"]) == ("5.08", "8238441.52")
    alone = TRIAL.compute({"delayed_performance": debt, "as_of": "2022-06-30"})
    assert alone["delayed_performance"] == "5.08"
    assert alone["rows"][0]["formula"] == "1000.00 × 0.000175 × 29"


def test_the_sheet_holds_every_row_total_and_rule() -> None:
    assert TRIAL.sheets is not None
    result = TRIAL.compute(INPUTS)
    trial, totals, rules = TRIAL.sheets(result)
    assert (len(trial.rows), len(totals.rows), len(rules.rows)) == (14, 6, len(result["rules"]))
    assert [sheet.title for sheet in TRIAL.sheets(TRIAL.compute(cases("ra-36")[-1]["inputs"]))][1] == "Totals"
