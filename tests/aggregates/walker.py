"""Walks the table of an aggregate: finds every stage that commands can lead to, and a way to it.

Each stage is reached by real commands, so that what a posting or a reversal needs elsewhere is there too; only what
follows from another aggregate (partner rows) is stored as a fixture. A missing field is filled with a sample of its
kind: the table itself says what is wanted.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from aggregates.assets import Assets
from aggregates.commands import SCENARIO_POLICY, Command, Work
from aggregates.envelope import Principal
from aggregates.registry import KINDS
from aggregates.steps.case import Case
from aggregates.steps.fields import FieldSpec
from aggregates.steps.rows import Row
from aggregates.steps.step import Step
from engines.primitives.errors import InvalidInput, TidemarkError
from infra.event_store import open_event_store

ENTITY, BRANCH = "BANK-A", "3301"
LOAN, FORECLOSED = "LN", "FA"  # before the key of a case: its loan note, its foreclosed asset
FILLS_MAX = 30  # fields that a command may miss
OF_ONE_PERSON = frozenset(("VoteCast", "ReportDefined", "ReportShared", "ReportRetired"))
OF_THE_KEY = frozenset(("HomeLayoutSaved",))  # done by the person whose it is
State = tuple[str, tuple[tuple[str, str], ...]]  # stage, stages of side processes
Way = tuple[tuple[Row, Mapping[str, Any]], ...]

ALLOC = {"principal": "40.00"}
SAMPLES: Mapping[str, Any] = {
    "I": "X-1",
    "S": "text",
    "E": "SAMPLE",
    "D": "2024-01-02",
    "N": 1,
    "B": True,
    "M": "40.00",
    "G": "40.00",
    "A": ALLOC,
    "P": "50",
    "R": "3.5",
    "L": ["X-1"],
    "T": ["text"],
    "J": {},
    "O": [],
}

#: Payloads by event; several for a command that leads to several stages. `{key}` is the key of the case.
PAYLOADS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "AssetAdmitted": ({"classification": "SUBSTANDARD", "principal": "100.00", "interest_on": "10.00"},),
    "AccrualSynced": ({"interest_on": "10.00", "interest_off": "5.00", "penalty": "3.00", "compound": "2.00"},),
    "AssetReclassified": ({"to_class": "LOSS"},),
    "AssetClosed": ({"closed_as": "UPGRADED"},),
    "RecoveryReversed": ({"flow_id": "F-1"},),
    "WriteOffRecoveryReversed": ({"flow_id": "F-1"},),
    "DocumentRevised": ({"sha256": "another"},),
    "RecoveryApplied": ({"flow_id": "F-1", "mode": "CASH_VOLUNTARY", "amount": "1.00"},),
    "WriteOffRecoveryApplied": ({"flow_id": "F-2", "amount": "1.00"},),
    "InterestMovedOffBalance": ({"interest": "1.00"},),
    "CaseProposalDrafted": ({"claim_amount": "80.00"},),
    "CommitteeOutcomeRecorded": ({"outcome": "PASSED"}, {"outcome": "REJECTED"}),
    "ComplianceReviewed": ({"outcome": "PASS"}, {"outcome": "FAIL"}),
    "DeterminationReviewed": ({"outcome": "PASS"}, {"outcome": "BACK"}),
    "InspectionReviewed": ({"outcome": "PASS"}, {"outcome": "BACK"}),
    "InspectionScheduled": ({"kind": "AD_HOC", "due_on": "2024-01-01"},),
    "TargetAssessed": ({}, {"node_on": "2024-01-01"}),
    "TargetDrafted": ({"period_start": "2023-01-01", "period_end": "2024-01-31"},),
    "FlowTagged": ({"splits": [{"split_no": 1, "mode": "CASH_VOLUNTARY", "amount": "40.00"}]},),
    "FlowRetagged": ({"splits": [{"split_no": 1, "mode": "OUTSOURCED", "amount": "40.00"}]},),
    "FlowReversedByCore": ({}, {"amount": "1.00"}),
    "ReductionDrafted": ({"repay_amount": "40.00", "repay_by": "2024-01-31", "waive": {"penalty": "3.00"}},),
    "ReductionStatusChanged": ({"to_status": "SUSPENDED"}, {"to_status": "RESUMED"}, {"to_status": "TERMINATED"}),
    "ReductionBreached": ({},),
    "ProceedsAllocated": ({"flow_id": "F-1", "amount": "40.00", "alloc": ALLOC},),
    "RepaymentReversed": ({"flow_id": "F-1"},),
    "FaDisposalDrafted": ({"fa_no": f"{FORECLOSED}{{key}}", "kind": "SALE"},),
    "FormActivated": ({},),
    "PlanDrafted": ({"strategy": "MIXED"},),
    "PackageFormed": ({"reserve": "40.00", "pool_no": "POOL{key}"},),
    "PoolOpened": ({},),
    "AssetPooled": ({"asset_no": f"{LOAN}{{key}}"},),
    "AssetUnpooled": ({"asset_no": f"{LOAN}{{key}}"},),
    "DiligenceRecorded": ({"asset_no": f"{LOAN}{{key}}"},),
    "ProjectDrafted": ({"method": "BATCH_TRANSFER"},),
    "PackageItemFailed": ({"asset_no": f"{LOAN}{{key}}"},),
    "PackagePriceReceived": ({"amount": "100.00"},),
    "BidRecorded": ({"amount": "40.00"},),
    "BidWon": ({"amc_no": "X-1"},),
    "TransferPriceReceived": ({"amount": "40.00"},),
    "TransferContractSigned": ({"instalments": [{"on": "2024-01-31"}]},),
    "ForeclosureDrafted": ({"settlement_amount": "40.00"},),
    "DisposalReserved": ({"fa_disposal_no": "FD-1"},),
    "DisposalUnreserved": ({"fa_disposal_no": "FD-0"},),
    "ImpairmentReversed": ({"amount": "0.00"},),
    "AuctionFailed": ({"appraised": "40.00", "reserve": "40.00"},),
    "AppealFiled": ({},),
    "RestructuringDrafted": ({"kind": "EXTENSION"},),
    "WarningCleared": ({"warning_id": "W1"},),
    "TagRemoved": ({"tag": "text"},),
    "MeetingConvened": ({"members": ["U-1"], "rule_set": "RULES{key}"},),
    "MeetingOpened": ({"present": ["U-1"]},),
    "RecusalDeclared": ({"member": "U-2"},),
    "DisposalHoldPlaced": ({"kind": "TRANSFER"},),
    "DisposalHoldReleased": ({"kind": "TRANSFER", "case_no": "X-0"},),
    "InstructionPrepared": ({"entries": []},),
    "DeadlineOpened": ({"raw_last_day": "2024-01-01"},),
    "DeadlineRestarted": ({"raw_last_day": "2024-01-01"},),
    "PlanSuperseded": ({"by_no": "none"},),
    "WriteOffBatchItemRemoved": ({"case_no": "X-1"},),
    "WriteOffBatchItemPosted": ({"case_no": "X-1"},),
    "WriteOffBatchItemFailed": ({"case_no": "X-1"},),
    "ErasureRequested": ({"subject_kind": "CUSTOMER", "subject_no": f"{LOAN}{{key}}", "why": "text"},),
    "SupplementEntered": ({"dataset": "risk_asset", "field": "costs", "period": "2024", "evidence": "0" * 64},),
}
#: What must have happened, without another stage being reached, before an event can.
FIRST: dict[str, tuple[tuple[str, Mapping[str, Any]], ...]] = {
    "AssetClosed": (("RecoveryApplied", {"flow_id": "F-0", "mode": "CASH_VOLUNTARY", "amount": "110.00"}),),
    "RecoveryReversed": (("RecoveryApplied", {"flow_id": "F-1", "mode": "CASH_VOLUNTARY", "amount": "1.00"}),),
    "WriteOffRecoveryReversed": (("WriteOffRecoveryApplied", {"flow_id": "F-1", "amount": "1.00"}),),
    "DisposalHoldReleased": (("DisposalHoldPlaced", {"kind": "TRANSFER", "case_no": "X-0"}),),
    "TagRemoved": (("TagAdded", {"tag": "text"}),),
    "WarningCleared": (("WarningRaised", {"warning_id": "W1", "kind": "SUIT", "level": "HIGH"}),),
    "DisposalUnreserved": (("DisposalReserved", {"fa_disposal_no": "FD-0"}),),
}
_ITEM = ("AgendaItemAdded", {"item_no": 1, "case_kind": "PLAN", "case_no": "P-1"})
_RESOLUTION = ("ResolutionAdopted", {"item_no": 1})
FIRST |= {"MeetingOpened": (_ITEM,), "AgendaItemRemoved": (_ITEM,)}
FIRST |= {"ItemVetoed": (("VoteCast", {"item_no": 1, "vote": "FOR"}), _RESOLUTION)}
FIRST |= {"MinutesSigned": (_RESOLUTION,), "MeetingClosed": (_RESOLUTION,)}
_POOLED = ("AssetPooled", {"asset_no": f"{LOAN}{{key}}"})
FIRST |= dict.fromkeys(("AssetUnpooled", "PoolFrozen", "DiligenceRecorded"), (_POOLED,))
FIRST |= {"TransferPostingRequested": (("TransferPriceReceived", {"flow_id": "F-1", "amount": "40.00"}),)}
FIRST |= {"PackagePosted": (("PackageItemFailed", {"asset_no": f"{LOAN}{{key}}", "error_code": "CLOSED"}),)}
FIRST |= {"PackagePostingRequested": (("PackagePriceReceived", {"flow_id": "F-1", "amount": "40.00"}),)}
#: Values of fields that many tables have.
FIELDS: dict[str, Any] = {"kind": "ECONOMIC", "asset_no": f"{LOAN}{{key}}", "loan_no": f"{LOAN}{{key}}"}
FIELDS |= {"asset_ids": [f"{LOAN}{{key}}"], "loan_nos": [f"{LOAN}{{key}}"], "price": "40.00"}


@dataclass
class Walker:
    """One store for many cases: each gets a key, a loan note and, if it needs one, a foreclosed asset of its own."""

    folder: Path
    now: datetime = datetime(2024, 1, 2, 4, tzinfo=UTC)
    numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.store = open_event_store("sqlite", self.folder, clock=lambda: self.now)
        self.app = Assets(self.store.factory, policy=SCENARIO_POLICY)

    # --- One command ---------------------------------------------------------------------------------------

    def command(self, kind: type[Case], row: Row, key: str, payload: Mapping[str, Any], role: str = "") -> Command:
        self.now += timedelta(seconds=1)
        number = next(self.numbers)
        role = role or row.roles[0]
        # Somebody else for each command: segregation of duties has tests of its own.
        actor = "U-1" if row.event in OF_ONE_PERSON else f"U-{role}-{row.command}-{number}"
        actor = key if row.event in OF_THE_KEY else actor
        return Command(
            cmd_id=f"walk-{number}",
            aggregate=kind.NAME,
            key=key,
            command=row.event if len({one.event for one in kind.rows_of(row.command)}) > 1 else row.command,
            payload=payload,
            principal=Principal(actor, (role,), BRANCH, (ENTITY,)),
            at=self.now,
        )

    def attempt(self, kind: type[Case], row: Row, key: str, payload: Mapping[str, Any]) -> Work:
        """What the command would store: judged like any other, never saved."""
        command = self.command(kind, row, key, payload)
        app = self.app
        work = Work(command, row.roles[0], app, app.model, app.policy, app.bank_day, KINDS)
        Step(work, kind, row, key).perform()
        return work

    def completed(self, kind: type[Case], row: Row, key: str, variant: Mapping[str, Any]) -> dict[str, Any]:
        """The variant, with a sample for every field that the command turns out to miss."""
        payload = {name: _with_key(value, key) for name, value in variant.items()}
        specs = {spec.name: spec for spec in row.fields}
        for _ in range(FILLS_MAX):
            try:
                self.attempt(kind, row, key, payload)
            except InvalidInput as refusal:
                name = str(refusal.facts.get("field"))
                wanted = re.search(r"want (?:one of )?([A-Z0-9_]+)(?:,| or )", str(refusal))
                if wanted and payload.get(name) != wanted[1]:
                    payload[name] = wanted[1]
                elif name in specs and name not in payload:
                    payload[name] = _with_key(FIELDS.get(name, _sample(specs[name])), key)
                else:
                    raise
            else:
                break
        return payload

    def fixture(self, aggregate: str, key: str, event: str, **payload: Any) -> None:
        kind = KINDS[aggregate]
        row = kind.rows_of(event)[0]
        self.app.store_fixture(self.command(kind, row, key, payload))

    # --- Ways ----------------------------------------------------------------------------------------------

    def prepare(self, kind: type[Case], key: str) -> None:
        """What the case is about: a lost loan note, and a foreclosed asset for its disposal."""
        buckets = {"principal": "100.00", "interest_on": "10.00", "interest_off": "5.00", "penalty": "3.00"}
        payload = {"entity_id": ENTITY, "customer_no": f"C{key}", "classification": "LOSS", "costs": "1.00"}
        loan = key if kind.NAME == "RiskAsset" else f"{LOAN}{key}"
        if kind.NAME != "RiskAsset":
            self.fixture("RiskAsset", loan, "AssetAdmitted", **payload, **buckets, branch=BRANCH)
        if kind.NAME == "FaDisposal":
            self._book(f"{FORECLOSED}{key}", loan)
        if kind.NAME == "NoRecourseDetermination":
            alloc = {"principal": "100.00"}
            values = {"write_off_no": "W", "book_amount": "100.00", "memo_interest": "0.00", "alloc": alloc}
            self.fixture("RiskAsset", loan, "AssetWrittenOff", **values)
        if kind.NAME == "CommitteeMeeting":
            rules = {"quorum": "2/3", "pass_ratio": "2/3", "base": "PRESENT", "ballot": "OPEN", "veto": True}
            self.fixture("MeetingRuleSet", f"RULES{key}", "RuleSetPublished", version=1, min_notice_days=3, **rules)
        if kind.NAME == "AssetPackage":
            self.fixture("RiskAsset", loan, "DisposalHoldPlaced", kind="BATCH", case_no="POOL")

    def _book(self, fa_no: str, loan: str) -> None:
        self.fixture("ForeclosedAsset", fa_no, "ForeclosedAssetBooked", asset_ids=[loan], **BOOKED)

    def take(self, kind: type[Case], way: Way) -> str:
        """A new case, brought along a way; returns its key."""
        key = f"{next(self.numbers)}"
        self.prepare(kind, key)
        for row, payload in way:
            values = {name: _with_key(value, key) for name, value in payload.items()}
            if row.partner:
                self.fixture(kind.NAME, key, row.event, **values)
            else:
                self.app.execute(self.command(kind, row, key, values))
        return key

    def state(self, kind: type[Case], key: str) -> State | None:
        case = self.app.find(kind.NAME, key)
        return None if case is None else (case.stage, tuple(sorted(case.tracks.items())))

    def ways(self, kind: type[Case]) -> dict[State | None, Way]:
        """The shortest way found to each state of an aggregate; None is the state before it exists."""
        found: dict[State | None, Way] = {None: ()}
        waiting: list[State | None] = [None]
        while waiting:
            state = waiting.pop(0)
            way = found[state]
            key = self.take(kind, way)
            for row in kind.ROWS:
                tried, before = self.unlocked(kind, row, way, key)
                for step in self._steps(kind, row, tried):
                    case = self._after(kind, row, tried, step)
                    if case is None:
                        continue
                    after = (case.stage, tuple(sorted(case.tracks.items())))
                    if after not in found:
                        found[after] = (*way, *before, (row, _without_key(step, tried)))
                        waiting.append(after)
        return found

    def unlocked(self, kind: type[Case], row: Row, way: Way, key: str) -> tuple[str, Way]:
        """A case that stands where the row can be given, and what was done to it after the way to `key`."""
        before = tuple((kind.rows_of(event)[0], payload) for event, payload in FIRST.get(row.event, ()))
        if before and _is_open_to(row, self.app.find(kind.NAME, key)):
            with suppress(TidemarkError):
                return self.take(kind, (*way, *before)), before
        return key, ()

    def _steps(self, kind: type[Case], row: Row, key: str) -> Iterator[dict[str, Any]]:
        for variant in PAYLOADS.get(row.event, ({},)):
            if row.partner:
                for payload in PARTNERS.get(row.event, ()):
                    yield {name: _with_key(value, key) for name, value in payload.items()}
                continue
            try:
                yield self.completed(kind, row, key, variant)
            except TidemarkError:
                continue

    def _after(self, kind: type[Case], row: Row, key: str, payload: Mapping[str, Any]) -> Case | None:
        if not row.partner:
            return self.attempt(kind, row, key, payload).find(kind.NAME, key)
        if not _is_open_to(row, self.app.find(kind.NAME, key)):
            return None
        command = self.command(kind, row, key, payload)
        app = self.app
        work = Work(command, row.roles[0], app, app.model, app.policy, app.bank_day, KINDS)
        Step(work, kind, row, key).fixture()
        return work.find(kind.NAME, key)


BOOKED: dict[str, Any] = {
    "foreclosure_no": "FC",
    "fa_kind": "IMMOVABLE",
    "quantity": 1,
    "settlement": "40.00",
    "costs_capitalised": "0.00",
    "taxes": "0.00",
    "book_value": "40.00",
    "acquired_on": "2024-01-02",
    "dispose_by": "2026-01-02",
}
_DISPOSAL = {"fa_disposal_no": "FD-0", "portion": "100", "carrying": "40.00"}
_SOLD = _DISPOSAL | {"proceeds": "40.00", "selling_costs": "0.00", "interest_recognised": "0.00", "result": "0.00"}
#: Partner rows that lead to a stage of their own, and what the fixture holds.
PARTNERS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "AssetWrittenOff": ({"write_off_no": "W-1", "book_amount": "40.00", "memo_interest": "0.00", "alloc": ALLOC},),
    "ForeclosedAssetBooked": (BOOKED | {"asset_ids": [f"{LOAN}{{key}}"]},),
    "AssetSold": (_SOLD, _SOLD | {"portion": "50"}),
    "ConvertedToFixedAsset": (_DISPOSAL | {"fixed_asset_no": "FX"},),
    "LossListed": (_DISPOSAL | {"compensation": "0.00", "result": "-40.00"},),
    "ForeclosedAssetVoided": ({"foreclosure_no": "FC"},),
}


def _is_open_to(row: Row, case: Case | None) -> bool:
    if row.makes:
        return case is None
    return case is not None and (row.any_stage or case.stage_of(row) in row.stages)


def _sample(spec: FieldSpec) -> Any:
    if not spec.items:
        return SAMPLES[spec.kind]
    record = {item.name: _sample(item) for item in spec.items if not item.optional}
    return [record] if spec.kind == "L" else record


def _with_key(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return value.replace("{key}", key)
    return [_with_key(item, key) for item in value] if isinstance(value, list) else value


def _without_key(payload: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The payload of a way serves other keys too: ids that contain this one are written with `{key}` again."""
    marks = tuple(f"{prefix}{key}" for prefix in (LOAN, FORECLOSED, "POOL", "RULES"))

    def back(value: Any) -> Any:
        if isinstance(value, list):
            return [back(item) for item in value]
        return value.replace(key, "{key}") if value in marks else value

    return {name: back(value) for name, value in payload.items()}
