"""The quick watch says what the watch says, to the byte."""

from hypothesis import given, settings
from hypothesis import strategies as st

from projections.counterfactual_watch import QuickWatch
from projections.limit_cuts import RecordedCut
from projections.limit_watch import LimitWatchState, fold
from tests.projections.test_limit_watch import logs, policy


@settings(max_examples=50)
@given(logs(), st.sampled_from([0, 2]), st.data())
def test_the_same_alerts_and_the_same_bytes(cuts: list[RecordedCut], arming_s: int, data: st.DataObject) -> None:
    watched = policy(arming_s=arming_s, clear_interval_s=1)
    plain, quick = LimitWatchState(watched), QuickWatch(watched)
    at = data.draw(st.integers(0, len(cuts)))
    alerts, found = (fold(state, cuts[:at], 0, at) for state in (plain, quick))
    assert found == alerts
    quick = QuickWatch.load(quick.dump(), watched)  # begun at a stored state
    alerts, found = (fold(state, cuts[at:], at, len(cuts)) for state in (plain, quick))
    assert found == alerts
    assert quick.canonical_bytes() == plain.canonical_bytes()
