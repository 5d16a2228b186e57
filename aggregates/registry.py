"""The aggregates of the house, and the names under which events are stored and shown (decision E3).

Stored topics are computed from the tables (`write-off.write-off-posted`); a test compares them with the list
written out in `tests/golden/event-topics.txt`, since a renamed row must not rename history: never remove a line.
"""

from collections.abc import Mapping
from types import MappingProxyType

from aggregates.alert import Alert
from aggregates.alert_rule import AlertRule
from aggregates.alert_silence import AlertSilence
from aggregates.alert_subscription import AlertSubscription
from aggregates.alert_team import AlertTeam
from aggregates.asset_package import AssetPackage
from aggregates.batch_disposal import AssetPool, BatchDisposalProject
from aggregates.committee import CommitteeMeeting, MeetingRuleSet
from aggregates.contingency_plan import ContingencyPlan
from aggregates.customer import CustomerFile, RiskCustomer
from aggregates.daily import (
    CollectionTask,
    DisposalPlan,
    Inspection,
    InterestTrial,
    LiabilityDetermination,
    OutsourcingEngagement,
    Target,
)
from aggregates.dashboard import Dashboard
from aggregates.deadline import Deadline
from aggregates.debt_reduction import DebtReduction
from aggregates.debt_transfer import DebtTransfer
from aggregates.dispatch_proposal import DispatchProposal
from aggregates.evolution import evolve
from aggregates.expense import AccountingInstruction, Expense
from aggregates.fa_disposal import FaDisposal
from aggregates.foreclosed_asset import ForeclosedAsset
from aggregates.foreclosure import Foreclosure
from aggregates.ledger_supplement import LedgerSupplement
from aggregates.limit_breach import LimitBreach
from aggregates.liquidity_governance import LiquidityPolicy, RiskFactor, StressScenario
from aggregates.litigation import CounselEngagement, LegalDocument, LitigationCase
from aggregates.no_recourse import NoRecourseDetermination
from aggregates.personal_erasure import ErasureRequest
from aggregates.platform import PLATFORM
from aggregates.recovery_flow import RecoveryFlow
from aggregates.report_definition import PivotDefinition
from aggregates.restructuring import Mandate, Restructuring
from aggregates.risk_asset import RiskAsset
from aggregates.steps.case import Case
from aggregates.withdrawal_reservation import WithdrawalReservation
from aggregates.write_off import WriteOff
from aggregates.write_off_batch import WriteOffBatch

#: In the order of spec/risk-assets.md section 3; then those of liquidity.
KINDS: Mapping[str, type[Case]] = MappingProxyType(
    {
        kind.NAME: kind
        for kind in (
            RiskAsset,
            RiskCustomer,
            Target,
            Inspection,
            CustomerFile,
            CollectionTask,
            OutsourcingEngagement,
            RecoveryFlow,
            LiabilityDetermination,
            DisposalPlan,
            InterestTrial,
            MeetingRuleSet,
            CommitteeMeeting,
            Deadline,
            LitigationCase,
            CounselEngagement,
            LegalDocument,
            WriteOff,
            WriteOffBatch,
            NoRecourseDetermination,
            DebtReduction,
            DebtTransfer,
            BatchDisposalProject,
            AssetPool,
            AssetPackage,
            Foreclosure,
            ForeclosedAsset,
            FaDisposal,
            Restructuring,
            Mandate,
            Expense,
            AccountingInstruction,
            *PLATFORM,
            ErasureRequest,
            ContingencyPlan,
            LimitBreach,
            RiskFactor,
            StressScenario,
            LiquidityPolicy,
            LedgerSupplement,
            Alert,
            AlertSubscription,
            AlertTeam,
            AlertSilence,
            AlertRule,
            PivotDefinition,
            Dashboard,
            WithdrawalReservation,
            DispatchProposal,
        )
    }
)

#: Event classes by topics of the past: what is stored under them is read as what they are called today.
FORMER_TOPICS = evolve(KINDS)

TYPE_BY_TOPIC: Mapping[str, str] = MappingProxyType(
    {event.TOPIC: name for kind in KINDS.values() for name, event in sorted(kind.EVENTS.items())}
    | {topic: event.ROW.event for topic, event in FORMER_TOPICS.items()}
)

_KIND_BY_TOPIC = {event.TOPIC: kind for kind in KINDS.values() for event in kind.EVENTS.values()} | {
    topic: event.CASE for topic, event in FORMER_TOPICS.items()
}


def kind_of(topic: str) -> type[Case]:
    """The aggregate of a stored topic: `kind_of("write-off.write-off-posted") is WriteOff`."""
    return _KIND_BY_TOPIC[topic]
