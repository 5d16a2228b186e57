"""The work lists' view of a log against the aggregates themselves, row by row."""

from typing import Any

from aggregates.assets import Assets
from aggregates.registry import KINDS
from infra.decision_views import DecisionViews
from projections.work.claims import BUCKETS, COMING, GOING, MEMO_COMING, MEMO_GOING, ClaimRow
from projections.work.state import WorkState


def of_case(case: Any) -> dict[str, Any]:
    return {
        "stage": case.stage,
        "tracks": dict(case.tracks),
        "people": case.people,
        "branch": case.branch,
        "entity": case.entity_id,
        "ccy": case.ccy,
        "asset_nos": case.asset_ids,
        "version": case.version,
    }


def of_row(row: Any) -> dict[str, Any]:
    names = ("stage", "tracks", "people", "branch", "entity", "ccy", "asset_nos", "version")
    return {name: getattr(row, name) for name in names}


def of_asset(asset: Any) -> tuple[Any, ...]:
    held = (asset.hold_kind, asset.hold_case_no, asset.manager, asset.overdue_since and str(asset.overdue_since))
    return (asset.buckets_minor, asset.memo_minor, asset.lifecycle, asset.classification, asset.closed_as, *held)


def of_claim(claim: ClaimRow) -> tuple[Any, ...]:
    held = (claim.hold_kind, claim.hold_case_no, claim.manager, claim.overdue_since)
    return (claim.left, claim.memo, claim.lifecycle, claim.classification, claim.closed_as, *held)


def assert_as_the_aggregates(app: Assets) -> WorkState:
    """Row by row, and every yuan of every claim in one place."""
    with DecisionViews(app.published_after, app.bank_day).current() as state, app.model.current() as model:
        count = 0
        for name in KINDS:
            for case in model.of_kind(name):
                row = state.case(name, case.key)
                assert row is not None
                assert of_row(row) == of_case(case), (name, case.key)
                count += 1
                if name == "RiskAsset":
                    claim = state.claims[case.key]
                    assert of_claim(claim) == of_asset(case), case.key
                    assert_every_yuan_has_a_place(claim)
                    assert claim.total("cash") == case.rec_cash_minor
        assert count == len(state.cases)
        return state


def assert_every_yuan_has_a_place(claim: ClaimRow) -> None:
    both = ((claim.places, COMING, GOING, claim.left), (claim.memo_places, MEMO_COMING, MEMO_GOING, claim.memo))
    for places, coming, going, left in both:
        assert {place for place, _ in places} <= {*coming, *going}
        for bucket in BUCKETS:
            came, went = (sum(places[place, bucket] for place in side) for side in (coming, going))
            assert came - went == left[bucket]
