"""Random histories of one to three assets with every kind of case that moves money (spec 7.4; decisions E13 to E17).

Cases are driven along their usual way, with detours: any row of any table at any time, sums of any size, facts that
arrive late. After each command the identities hold, no bucket is negative, a refusal has stored nothing, a claim has
moved only by an event of its own asset, and the replay equals the live object.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from aggregates.assets import Assets
from aggregates.claim import BUCKETS
from aggregates.commands import Policy
from aggregates.identities import FOLDS, identities
from aggregates.registry import KINDS
from aggregates.steps.rows import Row
from engines.primitives.errors import TidemarkError
from engines.primitives.money import to_text
from tests.aggregates.walker import PAYLOADS, Walker

#: The usual way of each kind, and back again.
WAYS: Mapping[str, str] = {
    "WriteOff": "WriteOffDrafted ComplianceReviewed WriteOffSubmitted WriteOffApproved WriteOffPostingRequested "
    "WriteOffPosted WriteOffReversalRequested WriteOffReversed",
    "DebtReduction": "ReductionDrafted ReductionSubmitted ReductionApproved ProceedsAllocated "
    "ReductionPostingRequested ReductionPosted ReductionReversalRequested ReductionReversed RepaymentReversed",
    "DebtTransfer": "TransferDrafted TransferSubmitted TransferApproved BuyerConfirmed TransferPriceReceived "
    "TransferPostingRequested TransferPosted TransferReversalRequested TransferReversed",
    "Foreclosure": "ForeclosureDrafted ForeclosureSubmitted ForeclosureApproved InstrumentEffective "
    "ForeclosurePostingRequested ForeclosurePosted ForeclosureReversalRequested ForeclosureReversed",
    "FaDisposal": "FaDisposalDrafted FaDisposalSubmitted FaDisposalApproved FaDisposalPostingRequested "
    "FaDisposalPosted FaDisposalReversalRequested FaDisposalReversed",
    "AssetPool": "PoolOpened AssetPooled AssetPooled DiligenceRecorded DiligenceRecorded PoolFrozen",
    "AssetPackage": "PackageFormed BidNoticeRegistered BidRecorded BidWon PackagePriceReceived "
    "PackagePostingRequested PackagePosted PackageReversalRequested PackageReversed",
    "Restructuring": "RestructuringDrafted RestructuringSubmitted RestructuringApproved "
    "RestructuringPostingRequested RestructuringPosted",
    "NoRecourseDetermination": "NoRecourseDrafted NoRecourseSubmitted NoRecourseApproved",
}
OWN = "AccrualSynced CostAdvanced RecoveryApplied RecoveryReversed WriteOffRecoveryApplied WriteOffRecoveryReversed "
OWN += "InterestMovedOffBalance AssetReclassified AssetClosed AssetReopened NoRecourseMarked DisposalHoldPlaced"
HELD = "CustodyIncomeRecorded CustodyExpenseRecorded ImpairmentRecognised ImpairmentReversed"
FORECLOSED = "FA-1"

amounts = st.one_of(st.integers(1, 20_000), st.sampled_from([1, 99_99, 100_00, 500_00]))
Draw = Any


class CasesMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.walker = Walker(Path(self.folder.name))
        policy = Policy(confirm_postings=False, needs_reasons=False)
        self.app = self.walker.app = Assets(self.walker.store.factory, policy=policy)
        self.cases: dict[str, list[str]] = {kind: [] for kind in WAYS}
        self.steps: dict[str, int] = {}
        self.flows = 0
        self.loans: list[str] = []

    def teardown(self) -> None:
        self.app.close()
        self.walker.store.close()
        self.folder.cleanup()

    @initialize(
        claims=st.lists(
            st.lists(st.integers(0, 50_000).map(lambda minor: minor or 100_00), min_size=6, max_size=6),
            min_size=1,
            max_size=3,
        )
    )
    def admit(self, claims: list[list[int]]) -> None:
        for number, minor in enumerate(claims, 1):
            money = {bucket: to_text(part, "CNY") for bucket, part in zip(BUCKETS, minor, strict=True)}
            payload = {"customer_no": f"C-{number}", "classification": "LOSS", "overdue_since": "2023-06-01"}
            self.give("RiskAsset", f"LN-{number}", "AssetAdmitted", {**payload, **money, "branch": "3301"})
            self.loans.append(f"LN-{number}")

    # --- Giving commands -----------------------------------------------------------------------------------

    def give(self, aggregate: str, key: str, event: str, payload: Mapping[str, Any]) -> bool:
        """Whether it was stored; if not, nothing was."""
        kind = KINDS[aggregate]
        row = kind.rows_of(event)[0]
        before = self.claims()
        length = self.walker.store.recorder.max_notification_id() or 0
        try:
            completed = self.walker.completed(kind, row, key, payload)
            outcome = self.app.execute(self.walker.command(kind, row, key, completed))
        except TidemarkError:
            assert (self.walker.store.recorder.max_notification_id() or 0) == length
            assert self.claims() == before
            return False
        moved = {view.key for view in outcome.events if view.aggregate == "RiskAsset" and view.type in FOLDS}
        after = self.claims()
        assert {loan for loan in after if after[loan] != before.get(loan)} <= moved
        return True

    def claims(self) -> dict[str, Any]:
        with self.app.model.current() as model:
            return {one.key: (dict(one.buckets_minor), dict(one.memo_minor)) for one in model.of_kind("RiskAsset")}

    def payload(self, row: Row, draw: Draw) -> dict[str, Any]:
        """A variant of the event's samples about some of the assets, its sums drawn for a part of the time."""
        found = dict(draw(st.sampled_from(PAYLOADS.get(row.event, ({},)))))
        names = {spec.name for spec in (*row.fields, *row.extra)}
        loan = draw(st.sampled_from(self.loans))
        for name in names & {"asset_no", "loan_no"}:
            found[name] = loan
        for name in names & {"asset_ids", "loan_nos"}:
            found[name] = draw(st.sampled_from([[loan], [loan], self.loans]))
        for name in names & {"fa_no"}:
            found[name] = FORECLOSED
        if draw(st.integers(0, 7)) == 7:
            for spec in row.fields:
                if spec.kind in ("M", "G") and (spec.name in found or draw(st.booleans())):
                    found[spec.name] = to_text(draw(amounts), "CNY")
        if "flow_id" in names:
            self.flows += row.event in ("RecoveryApplied", "WriteOffRecoveryApplied", "ProceedsAllocated")
            found["flow_id"] = f"F-{draw(st.integers(max(1, self.flows - 2), max(1, self.flows)))}"
        if "kind" in names and "Revers" in row.event:
            found["kind"] = draw(st.sampled_from(["CORRECTION", "ECONOMIC"]))
        found.pop("alloc", None)
        return found

    # --- Rules ---------------------------------------------------------------------------------------------

    @rule(
        data=st.data(),
        kind=st.sampled_from(sorted(WAYS)),
        fresh=st.booleans(),
        steps=st.sampled_from([9, 6, 3, 7, 8]),
    )
    def advance(self, data: st.DataObject, kind: str, fresh: bool, steps: int) -> None:
        """Drive the newest case of a kind on its way; a refused step is tried again, or left out."""
        if not self.cases[kind] or (fresh and self.steps.get(self.cases[kind][-1], 0) == len(WAYS[kind].split())):
            self.cases[kind].append(f"{kind}-{len(self.cases[kind]) + 1}")
        key = self.cases[kind][-1]
        way = WAYS[kind].split()
        for _ in range(steps):
            at = self.steps.get(key, 0)
            if at == len(way):
                break
            row = KINDS[kind].rows_of(way[at])[0]
            payload = self.payload(row, data.draw)
            if kind == "AssetPackage" and at == 0:
                payload["pool_no"] = (self.cases["AssetPool"] or ["-"])[-1]
            if not self.give(kind, key, way[at], payload) and not data.draw(st.booleans()):
                break
            self.steps[key] = at + 1

    @rule(data=st.data(), event=st.sampled_from(OWN.split()))
    def of_its_own(self, data: st.DataObject, event: str) -> None:
        row = KINDS["RiskAsset"].rows_of(event)[0]
        self.give("RiskAsset", data.draw(st.sampled_from(self.loans)), event, self.payload(row, data.draw))

    @rule(data=st.data(), event=st.sampled_from(HELD.split()))
    def of_what_was_taken(self, data: st.DataObject, event: str) -> None:
        row = KINDS["ForeclosedAsset"].rows_of(event)[0]
        self.give("ForeclosedAsset", FORECLOSED, event, self.payload(row, data.draw))

    @rule(data=st.data(), kind=st.sampled_from(sorted(WAYS)))
    def detour(self, data: st.DataObject, kind: str) -> None:
        """Any row of a kind's table, on any of its cases."""
        row = data.draw(st.sampled_from([row for row in KINDS[kind].ROWS if not row.makes]))
        key = data.draw(st.sampled_from(self.cases[kind] or ["none"]))
        self.give(kind, key, row.event, self.payload(row, data.draw))

    # --- What always holds ---------------------------------------------------------------------------------

    def assets(self) -> Iterator[Any]:
        with self.app.model.current() as model:
            yield from list(model.of_kind("RiskAsset"))

    @invariant()
    def identities_hold_and_nothing_is_negative(self) -> None:
        with self.app.model.current() as model:
            foreclosed = list(model.of_kind("ForeclosedAsset"))
        for asset in self.assets():
            stored = self.app.decisions.select_recorded(originator_id=asset.id)
            events = [self.app.decode(event) for event in stored]
            taken = [one for one in foreclosed if one.asset_ids[:1] == [asset.key]]
            assert [found for found in identities(asset, events, taken) if not found.holds] == []
            assert min([*asset.buckets_minor.values(), *asset.memo_minor.values(), *self._carried(taken)]) >= 0

    @staticmethod
    def _carried(taken: list[Any]) -> Iterator[int]:
        return (one.carrying_minor for one in taken)

    @invariant()
    def one_case_holds_an_asset_at_a_time(self) -> None:
        for asset in self.assets():
            holder = None
            for stored in self.app.decisions.select_recorded(originator_id=asset.id):
                event = self.app.decode(stored)
                if type(event).__name__ == "DisposalHoldPlaced":
                    assert holder is None
                    holder = (event.kind, event.case_no)
                elif type(event).__name__ == "DisposalHoldReleased":
                    assert holder == (event.kind, event.case_no)
                    holder = None
            assert (holder or ("", "")) == (asset.hold_kind, asset.hold_case_no)

    @invariant()
    def the_replay_equals_the_live_object(self) -> None:
        for asset in self.assets():
            assert vars(self.app.find("RiskAsset", asset.key)) == vars(asset)


TestCasesMachine = CasesMachine.TestCase
HISTORIES = int(os.environ.get("HISTORIES", "12"))  # `make histories` wants ten thousand
TestCasesMachine.settings = settings(max_examples=HISTORIES, stateful_step_count=20, deadline=None)
