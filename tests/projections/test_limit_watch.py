"""Crossings of limits folded from cuts: the laws of a fold, the hysteresis, and who may write."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.limits import Light, Limit
from engines.primitives.errors import CorruptRecord, InvalidInput
from projections.limit_cuts import LargeFlow, LimitAlert, LiquidAsset, RecordedCut, Total
from projections.limit_policy import TotalKey, WatchPolicy
from projections.limit_watch import LimitWatchState, fold

SECOND = 1_000_000
LCR = TotalKey("lcr", "entity", "BANK", "CNY")
POSITION = TotalKey("position", "currency", "BANK", "CNY")
LIMITS = [
    Limit("lcr-hard", "lcr", Fraction(1), amber_headroom=Fraction("0.05")),
    Limit("cash", "position", Fraction(-100), Fraction(100), Fraction("0.1")),
]


def policy(**watch: Any) -> WatchPolicy:
    data = {
        "name": "test",
        "watch": {"margin": "0.01", "clear_readings": 2, "owner": "U-1", "policy_ref": "P-1"} | watch,
        "limit": [{"limit_id": "lcr-hard", "plan": True}, {"limit_id": "cash"}],
        "large_withdrawal": [{"rule_id": "fifth", "share": "0.2", "plan": True}],
    }
    return WatchPolicy.parse(data, LIMITS, {"lcr-hard": {}, "cash": {"currency": "CNY"}})


def cut(offset: int, value: str | None = None, *, second: float | None = None, **fields: Any) -> RecordedCut:
    """One LCR; `value` None: the cut tells nothing new."""
    totals = {} if value is None else {LCR: Total("2026-11-20", value, "90", "100")}
    at = offset if second is None else second
    given: dict[str, Any] = {
        "epoch": 1,
        "whole": False,
        "totals": totals,
        "taken_at": f"2026-11-20T00:00:{offset:02d}Z",
    }
    return RecordedCut(
        offset=offset, taken_us=int(at * SECOND), event_time=None, **(given | fields)
    )  # fmt: skip


def run(cuts: Sequence[RecordedCut], state: LimitWatchState | None = None) -> list[LimitAlert]:
    state = state or LimitWatchState(policy())
    return fold(state, cuts, state.next_offset, cuts[-1].offset + 1)


def told(alerts: Sequence[LimitAlert]) -> list[tuple[int, str, str]]:
    return [(one.cut.offset, one.kind, one.light.name) for one in alerts]


# -- the laws -------------------------------------------------------------------------------------------------------

VALUES = st.sampled_from(["0.98", "1", "1.009", "1.02", "1.0501", "1.2", None, "gone"])
FLOWS = st.sampled_from(["0", "10", "30"])


@st.composite
def logs(draw: st.DrawFn) -> list[RecordedCut]:
    cuts, second, epoch = [], 0.0, 1
    for offset in range(draw(st.integers(1, 14))):
        value = draw(VALUES)
        second += draw(st.sampled_from([0.0, 0.5, 3.0]))
        epoch = max(1, epoch + draw(st.sampled_from([0, 0, 0, 1, -1])))
        fields: dict[str, Any] = {"epoch": epoch, "whole": draw(st.booleans())}
        if value == "gone":
            fields["gone"] = [LCR]
        if draw(st.booleans()):
            flow = LargeFlow(f"a{offset}", "BANK", "CNY", draw(FLOWS), draw(st.sampled_from("xy")))
            asset = LiquidAsset("bond", "1", "100", "100", "100")
            fields |= {"flows": [flow], "assets": {("currency", "BANK", "CNY"): (asset,)}}
        cuts.append(cut(offset, None if value == "gone" else value, second=second, **fields))
    return cuts


@given(logs(), st.data())
def test_any_split_and_any_repetition_end_in_the_same_bytes_and_alerts(
    cuts: list[RecordedCut], data: st.DataObject
) -> None:
    watched = policy(clear_interval_s=1, arming_s=2)
    whole = LimitWatchState(watched)
    alerts = fold(whole, cuts, 0, len(cuts))
    at = data.draw(st.integers(0, len(cuts)))
    again = data.draw(st.integers(0, at))
    parts = LimitWatchState(watched)
    found = fold(parts, cuts[:at], 0, at)
    parts = LimitWatchState.load(parts.dump(), watched)  # a restart in between
    found += fold(parts, cuts[again:], again, len(cuts))
    assert found == alerts
    assert parts.canonical_bytes() == whole.canonical_bytes()
    assert [one.sequence for one in alerts] == list(range(len(alerts)))
    assert len({one.alert_id for one in alerts}) == len(alerts)


@given(logs())
def test_lights_of_one_limit_are_one_story(cuts: list[RecordedCut]) -> None:
    """Each alert starts where the one before it ended, an incident runs from green to green."""
    light, incident = Light.GREEN, ""
    for alert in run(cuts):
        if alert.rule != "limit":
            continue
        assert alert.light_before is light
        assert alert.light is not light
        assert (alert.incident == alert.alert_id) == (light is Light.GREEN)
        assert light is Light.GREEN or alert.incident == incident
        light, incident = alert.light, alert.incident


def test_a_hole_and_a_broken_dump_stop_it() -> None:
    with pytest.raises(CorruptRecord):
        fold(LimitWatchState(policy()), [cut(1, "1")], 1, 2)
    with pytest.raises(CorruptRecord):
        LimitWatchState.load(b"\xc1", policy())


# -- hysteresis -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1.2", "1.2"], []),
        (["1.2", "1.05"], []),  # the edge of amber is green
        (["1.2", "1.0499"], [(1, "raised", "AMBER")]),
        (["1.2", "1"], [(1, "raised", "AMBER")]),  # a limit is inclusive
        (["1.2", "299999999999999999/300000000000000000"], [(1, "raised", "RED")]),
        (["1.2", "1.04", "0.99"], [(1, "raised", "AMBER"), (2, "raised", "RED")]),
        # It hovers at its limit: one incident.
        (["1.2", "0.99", "1.005", "0.99", "1.005", "0.99"], [(1, "raised", "RED")]),
        # Readings that clear by the margin, but not in a row.
        (["1.2", "0.99", "1.02", "0.995", "1.02"], [(1, "raised", "RED")]),
        # One step at a time, each after two clear readings.
        (
            ["1.2", "0.99", "1.3", "1.3", "1.3", "1.3", "1.3"],
            [(1, "raised", "RED"), (3, "eased", "AMBER"), (5, "cleared", "GREEN")],
        ),
        (["1.2", "1.04", "1.3", "1.3"], [(1, "raised", "AMBER"), (3, "cleared", "GREEN")]),
        # The cuts in which nothing moves are readings too.
        (["1.2", "1.04", "1.3", None], [(1, "raised", "AMBER"), (3, "cleared", "GREEN")]),
        (
            ["1.2", "0.9", "1.3", "1.3", "0.9"],
            [(1, "raised", "RED"), (3, "eased", "AMBER"), (4, "raised", "RED")],
        ),
    ],
)
def test_up_at_once_down_by_steps(values: list[str | None], expected: list[tuple[int, str, str]]) -> None:
    alerts = run([cut(offset, value) for offset, value in enumerate(values)])
    assert told(alerts) == expected
    assert len({one.incident for one in alerts}) == (1 if expected else 0)


def test_clear_readings_count_once_an_interval() -> None:
    state = LimitWatchState(policy(clear_interval_s=10))
    seconds = [0, 1, 2, 3, 11, 11.9]
    cuts = [cut(at, "1.2" if at == 0 else "1.04" if at == 1 else "1.3", second=s) for at, s in enumerate(seconds)]
    assert told(run(cuts, state)) == [(1, "raised", "AMBER")]
    assert told(run([cut(6, "1.3", second=12)], state)) == [(6, "cleared", "GREEN")]


def test_a_figure_that_is_bad_from_the_start_is_loading_for_a_while() -> None:
    state = LimitWatchState(policy(arming_s=30))
    assert run([cut(0, "0.1"), cut(1, "0.5", second=29.9)], state) == []
    assert state.lights() == {}
    assert told(run([cut(2, second=30)], state)) == [(2, "raised", "RED")]
    # Once it has been seen green it is judged at once.
    other = LimitWatchState(policy(arming_s=30))
    assert told(run([cut(0, "0.1"), cut(1, "1.3"), cut(2, "0.9")], other)) == [(2, "raised", "RED")]


def test_what_is_not_computable_neither_raises_nor_clears() -> None:
    lost: dict[str, Any] = {"totals": {LCR: Total("2026-11-20", None)}}
    alerts = run([cut(0, "1.2"), cut(1, "0.9"), cut(2, **lost), cut(3, **lost), cut(4, **lost), cut(5, "0.9")])
    assert told(alerts) == [(1, "raised", "RED")]


def test_a_range_tells_which_side() -> None:
    values = ["0", "100.01", "0", "0", "0", "0"]
    cuts = [cut(at, totals={POSITION: Total("2026-11-20", value)}) for at, value in enumerate(values)]
    (raised, eased, cleared) = run(cuts)
    assert (raised.room and raised.room.side, raised.maximum, raised.value) == (
        "maximum", Fraction(100), Fraction("100.01"),
    )  # fmt: skip
    assert (eased.kind, cleared.kind) == ("eased", "cleared")


def test_a_limit_holds_between_its_dates_and_where_it_binds() -> None:
    data = {"watch": {}, "limit": [{"limit_id": "lcr-hard", "valid_from": date(2026, 11, 20)}]}
    watched = WatchPolicy.parse(data, LIMITS[:1], {"lcr-hard": {"entity": "BANK"}})

    def raised(key: TotalKey, day: str) -> bool:
        totals = {key: Total(day, "0.5")}
        return bool(run([cut(0, totals={key: Total(day, "2")}), cut(1, totals=totals)], LimitWatchState(watched)))

    assert raised(LCR, "2026-11-20")
    assert not raised(LCR, "2026-11-19")
    assert not raised(LCR._replace(entity="OTHER"), "2026-11-20")
    assert not raised(LCR._replace(scope="currency"), "2026-11-20")


# -- who writes, and what is no more -----------------------------------------------------------------------------


def test_a_sequencer_that_was_relieved_counts_nothing() -> None:
    state = LimitWatchState(policy())
    alerts = run([cut(0, "1.2", epoch=1), cut(1, "1.2", epoch=2, whole=True), cut(2, "0.5", epoch=1)], state)
    assert (alerts, state.fenced) == ([], 1)


def test_a_whole_cut_forgets_what_it_does_not_name() -> None:
    state = LimitWatchState(policy())
    run([cut(0, "1.2"), cut(1, epoch=2, whole=True)], state)
    assert state.totals == {}
    run([cut(2, "1.2"), cut(3, gone=[LCR])], state)
    assert state.totals == {}


# -- withdrawals -------------------------------------------------------------------------------------------------


def withdrawal(offset: int, amount: str, *, value: str = "60", txn: str = "t1", alert: str = "a1") -> RecordedCut:
    assets = tuple(LiquidAsset(name, "1", value, value, value) for name in ("bond", "cash"))
    flow = LargeFlow(alert, "BANK", "CNY", amount, txn)
    return cut(offset, flows=[flow], assets={("currency", "BANK", "CNY"): assets})


def test_a_withdrawal_counts_from_its_share_of_the_liquidity_there_is() -> None:
    assert run([withdrawal(0, "23.99")]) == []
    (alert,) = run([withdrawal(0, "24")])
    assert (alert.rule, alert.rule_id, alert.value, alert.maximum, alert.plan) == (
        "large-withdrawal", "fifth", Fraction(24), Fraction(24), True,
    )  # fmt: skip
    assert alert.flow is not None
    assert alert.flow.alert_id == "a1"


def test_one_entry_is_one_withdrawal_and_unknown_liquidity_is_none() -> None:
    assert len(run([withdrawal(0, "50"), withdrawal(1, "55", alert="a2")])) == 1
    assert len(run([withdrawal(0, "50"), withdrawal(1, "55", txn="t2", alert="a2")])) == 2
    nothing = cut(0, flows=[LargeFlow("a1", "BANK", "CNY", "50", "t1")])
    assert run([nothing]) == []
    assert len(run([withdrawal(0, "1", value="0")])) == 1  # nothing left: any large outflow is too large


# -- the policy --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"scopes": ["branch"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"margin": "-1"}, "margin"),
        ({"clear_readings": 0}, "margin"),
        ({"margin": "much"}, "margin"),
    ],
)
def test_a_policy_that_cannot_be_says_where(entry: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        WatchPolicy.parse({"limit": [{}, entry]}, [LIMITS[0], LIMITS[0]], {"lcr-hard": {}})
    assert (caught.value.facts["field"], caught.value.facts["record"]) == (field, "limit[1]")


def test_an_amount_names_its_currency_and_a_metric_is_known() -> None:
    for limit, place, field in (
        (LIMITS[1], {}, "currency"),
        (Limit("x", "luck", Fraction(1)), {"currency": "CNY"}, "metric"),
    ):
        with pytest.raises(InvalidInput) as caught:
            WatchPolicy.parse({"limit": [{}]}, [limit], {limit.limit_id: place})
        assert caught.value.facts["field"] == field
    for entry in ({"rule_id": "x"}, {"share": "0.1"}, {"rule_id": "x", "share": "0"}, {"rule_id": "x", "share": "?"}):
        with pytest.raises(InvalidInput):
            WatchPolicy.parse({"large_withdrawal": [entry]}, [], {})


def test_a_limit_can_be_a_light_without_alerts() -> None:
    watched = WatchPolicy.parse({"limit": [{"alert": False}]}, LIMITS[:1], {"lcr-hard": {}})
    assert watched.limits == ()
