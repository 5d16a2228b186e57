"""Cases in the stages in which papers are made of them, what a person enters, and a desk to write them at."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aggregates.assets import Assets
from aggregates.commands import Command
from aggregates.envelope import Principal
from api.batch_upload import Uploads
from api.papers import Papers
from infra.attachments import Attachments
from infra.documents.catalogue import Catalogue
from infra.documents.desk import Desk
from tests.aggregates.world import BRANCH, ENTITY, LOAN, World

BYTES_MAX = 2_000_000
WRITER = Principal("U-118", ("AM", "LG", "FN"), BRANCH, (ENTITY,))
STRANGER = Principal("U-9", ("AM",), "-", ("BANK-B",))
AUDITOR = Principal("U-601", ("IA",), "-", ("*",))

ALLOC = {"principal": "1000000.00", "interest_on": "53.30"}
POSTING = {"instruction_id": "I-1", "attempt": 1, "amount": "1000053.30", "alloc": ALLOC, "value_date": "2024-09-25"}
POSTED = {"instruction_id": "I-1", "core_txn_no": "C-2290", "value_date": "2024-09-25"}
APPROVED = {"approval_no": "A-7", "decided_on": "2024-09-24", "level": "HQ", "conditions": "-"}

#: The events that bring each case to its stage: aggregate, key, then event and payload.
CASES: Mapping[tuple[str, str], tuple[tuple[str, dict[str, Any]], ...]] = {
    ("LitigationCase", "SU1"): (
        (
            "CaseProposalDrafted",
            {
                "loan_nos": [LOAN],
                "asset_ids": [LOAN],
                "case_type": "CIVIL",
                "route": "LAWSUIT",
                "segment": "CORPORATE",
                "claim_amount": "3700588.23",
                "claim_principal": "2632708.70",
                "claim_interest": "1067879.53",
                "bank_role": "PLAINTIFF",
                "cause": "LOAN_CONTRACT",
                "why": "借款人停产<清算>&转移资产",
            },
        ),
    ),
    ("LitigationCase", "SU2"): (
        ("CaseProposalDrafted", {"loan_nos": [LOAN], "asset_ids": [LOAN], "cause": "LOAN_CONTRACT"}),
        (
            "CaseDocketed",
            {"court": "杭州市中级人民法院", "court_case_no": "(2024)浙01民初7号", "docketed_on": "2024-09-10"},
        ),
        (
            "JudgmentEffective",
            {"effective_on": "2024-09-20", "perform_by": "2024-09-22", "apply_enforcement_by": "2026-09-22"},
        ),
    ),
    ("CounselEngagement", "CE1"): (
        ("CounselSelectionDrafted", {"loan_nos": [LOAN], "case_no": "SU1", "firms": ["FIRM-1"], "quotes": []}),
        ("CounselEngaged", {"firm": "FIRM-1", "lawyer": "王律师", "fee_terms": {}}),
    ),
    ("RecoveryFlow", "CT-1"): (
        (
            "FlowReceived",
            {"core_txn_no": "CT-1", "loan_no": LOAN, "amount": "5000.00", "value_date": "2024-09-20"},
        ),
        (
            "FlowTagged",
            {
                "splits": [
                    {"split_no": 1, "asset_no": LOAN, "mode": "CASH_VOLUNTARY", "amount": "3000.00"},
                    {"split_no": 2, "asset_no": LOAN, "mode": "OUTSOURCED", "amount": "2000.00"},
                ]
            },
        ),
        ("FlowTagConfirmed", {"core_txn_no": "CT-1", "split_no": 1, "mode": "CASH_VOLUNTARY", "amount": "3000.00"}),
    ),
    ("DebtReduction", "RD1"): (
        (
            "ReductionDrafted",
            {
                "asset_ids": [LOAN],
                "obligor_kind": "BORROWER",
                "obligor_no": "C-9",
                "repay_amount": "500000.00",
                "repay_by": "2024-12-31",
                "waive": ALLOC,
            },
        ),
        ("ReductionApproved", APPROVED),
        ("ReductionPostingRequested", POSTING),
        ("ReductionPosted", POSTED),
    ),
    ("WriteOff", "WO1"): (
        (
            "WriteOffDrafted",
            {
                "asset_no": LOAN,
                "asset_ids": [LOAN],
                "write_off_kind": "BAD_DEBT",
                "book_amount": "1000053.30",
                "memo_interest": "0.00",
                "ground": "BANKRUPTCY",
                "claim_snapshot": ALLOC,
            },
        ),
    ),
    ("WriteOff", "WO2"): (
        ("WriteOffDrafted", {"asset_no": LOAN, "asset_ids": [LOAN], "write_off_kind": "BAD_DEBT", "ground": "DEATH"}),
        ("WriteOffApproved", APPROVED),
        ("WriteOffPostingRequested", POSTING),
        ("WriteOffPosted", POSTED),
    ),
    ("DebtTransfer", "TR1"): (
        ("TransferDrafted", {"asset_ids": [LOAN], "method": "AUCTION", "reserve": "600000.00"}),
        ("BuyerConfirmed", {"buyer_no": "AMC-3", "price": "650000.00"}),
        ("TransferContractSigned", {"contract_no": "TC-9"}),
        ("TransferPostingRequested", POSTING),
        ("TransferPosted", POSTED),
    ),
    ("Foreclosure", "FC1"): (
        ("ForeclosureDrafted", {"asset_ids": [LOAN], "method": "COURT_RULING", "settlement_amount": "1000053.30"}),
        ("ForeclosureApproved", APPROVED),
        (
            "InstrumentEffective",
            {"doc_no": "(2024)浙01执9号", "acquired_on": "2024-09-25", "dispose_by": "2026-09-25"},
        ),
        ("ForeclosurePostingRequested", POSTING),
        ("ForeclosurePosted", POSTED),
    ),
    ("CommitteeMeeting", "MT1"): (
        (
            "MeetingConvened",
            {"at": "2024-09-23T01:00:00+00:00", "rule_version": 0, "members": ["V1", "V2", "V3"], "mode": "ONSITE"},
        ),
        ("AgendaItemAdded", {"item_no": 1, "case_kind": "WRITE_OFF", "case_no": "WO1", "amount": "1000053.30"}),
        ("MeetingOpened", {"present": ["V1", "V2"]}),
        (
            "ResolutionAdopted",
            {
                "item_no": 1,
                "eligible": 3,
                "present": 2,
                "votes_for": 2,
                "votes_against": 0,
                "votes_abstain": 0,
                "result": "PASSED",
                "conditions": "补充财产线索",
            },
        ),
    ),
    ("LiabilityDetermination", "LD1"): (
        ("DeterminationOpened", {"asset_ids": [LOAN], "trigger": "WRITE_OFF"}),
        (
            "ResultRegistered",
            {
                "persons": [
                    {
                        "staff_no": "S-1",
                        "post": "客户经理",
                        "degree": "MAIN",
                        "sanction": "FINE",
                        "amount": "2000.00",
                    },
                    {"staff_no": "S-2", "degree": "EXEMPT"},
                ],
                "conclusion": "尽职免责情形已核实",
            },
        ),
    ),
    ("Expense", "EX1"): (
        (
            "ExpenseRegistered",
            {
                "case_kind": "LITIGATION",
                "case_no": "SU1",
                "kind": "COURT_FEE",
                "amount": "18000.05",
                "payee": "杭州市中级人民法院",
                "recoverable": True,
                "invoice_doc": "INV-3",
                "asset_no": LOAN,
            },
        ),
        ("ExpenseApproved", APPROVED),
    ),
}

#: Every template, and a case that it can be filled from.
KEY_BY_TEMPLATE: Mapping[str, str] = {
    "litigation-complaint": "SU1",
    "pre-suit-plan": "SU1",
    "preservation-application": "SU1",
    "enforcement-application": "SU2",
    "attorney-power": "CE1",
    "repayment-notice": "CT-1",
    "reduction-notice": "RD1",
    "write-off-notice": "WO2",
    "transfer-notice": "TR1",
    "foreclosure-notice": "FC1",
    "demand-letter": LOAN,
    "compliance-opinion": "WO1",
    "committee-minutes": "MT1",
    "committee-resolution": "MT1",
    "liability-determination": "LD1",
    "expense-voucher": "EX1",
}

#: What a person enters where a label alone will not do.
ENTERED = {
    "contract_on": "2021-03-01",
    "limitation_on": "2025-03-10",
    "estimated_cost": "36404.70",
    "preservation_amount": "3700588.23",
    "enforcement_amount": "3700588.23",
    "pay_by": "2024-10-31",
}


@dataclass(frozen=True, slots=True)
class PaperWorld:
    world: World
    papers: Papers

    @property
    def desk(self) -> Desk:
        return self.papers.desk

    def entered(self, template: str) -> dict[str, str]:
        """A value for every field that the state does not say: what the label says, or a day or amount."""
        header = next(one for one in self.desk.catalogue.headers() if one.name == template)
        case = self.world.app.find(header.aggregate, KEY_BY_TEMPLATE[template])
        assert case is not None
        known = {name for name, value in case.facts.items() if value != "-"}
        return {
            name: ENTERED.get(name, f"【{label}】") for name, label in header.entered.items() if name not in known
        }


def fixture(world: World, aggregate: str, key: str, event: str, payload: Mapping[str, Any]) -> None:
    world.commands += 1
    command = Command(f"fixture-{world.commands}", aggregate, key, event, dict(payload), WRITER, world.clock.now)
    world.app.store_fixture(command)


def open_paper_world(world: World, folder: Path, templates: Path | None = None) -> PaperWorld:
    """A lost loan note and every case of CASES on it."""
    world.lost(day="2024-09-05")
    for (aggregate, key), events in CASES.items():
        for event, payload in events:
            fixture(world, aggregate, key, event, payload)
    return PaperWorld(world, papers_of(world.app, world.clock, folder, templates))


def papers_of(app: Assets, clock: Any, folder: Path, templates: Path | None = None) -> Papers:
    attachments = Attachments(folder / "attachments", bytes_max=BYTES_MAX)
    return Papers(Desk(app, Catalogue(templates), attachments, clock), attachments, Uploads(app, attachments, clock))
