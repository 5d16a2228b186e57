"""The names under which events are stored, and the names under which the world sees them (decision E3).

TYPE_BY_TOPIC is written out, never computed, since a renamed class must not rename history; a test compares
it with the table generated from the classes. Never remove a line from it.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from eventsourcing.domain import Aggregate

from aggregates.risk_asset import RiskAsset
from aggregates.write_off import WriteOff

AGGREGATES: Mapping[str, type[Aggregate]] = MappingProxyType({"RiskAsset": RiskAsset, "WriteOff": WriteOff})

#: The attribute that holds an aggregate's business key.
KEY_FIELD: Mapping[str, str] = MappingProxyType({"RiskAsset": "loan_no", "WriteOff": "write_off_no"})

TYPE_BY_TOPIC: Mapping[str, str] = MappingProxyType(
    {
        "risk-asset.accrual-synced": "AccrualSynced",
        "risk-asset.asset-admitted": "AssetAdmitted",
        "risk-asset.asset-closed": "AssetClosed",
        "risk-asset.asset-reclassified": "AssetReclassified",
        "risk-asset.asset-reopened": "AssetReopened",
        "risk-asset.asset-written-off": "AssetWrittenOff",
        "risk-asset.cost-advanced": "CostAdvanced",
        "risk-asset.disposal-hold-placed": "DisposalHoldPlaced",
        "risk-asset.disposal-hold-released": "DisposalHoldReleased",
        "risk-asset.interest-moved-off-balance": "InterestMovedOffBalance",
        "risk-asset.recovery-applied": "RecoveryApplied",
        "risk-asset.recovery-reversed": "RecoveryReversed",
        "risk-asset.write-off-recovery-applied": "WriteOffRecoveryApplied",
        "write-off.compliance-reviewed": "ComplianceReviewed",
        "write-off.instruction-confirmed": "InstructionConfirmed",
        "write-off.write-off-amended": "WriteOffAmended",
        "write-off.write-off-approved": "WriteOffApproved",
        "write-off.write-off-discarded": "WriteOffDiscarded",
        "write-off.write-off-drafted": "WriteOffDrafted",
        "write-off.write-off-posted": "WriteOffPosted",
        "write-off.write-off-posting-rejected": "WriteOffPostingRejected",
        "write-off.write-off-posting-requested": "WriteOffPostingRequested",
        "write-off.write-off-rejected": "WriteOffRejected",
        "write-off.write-off-returned": "WriteOffReturned",
        "write-off.write-off-submitted": "WriteOffSubmitted",
    }
)

_AGGREGATE_BY_PREFIX = {str(vars(cls)["TOPIC"]): name for name, cls in AGGREGATES.items()}


def aggregate_of(topic: str) -> str:
    """CamelCase aggregate name of a stored topic: `aggregate_of("write-off.write-off-posted") ==
    "WriteOff"`."""
    return _AGGREGATE_BY_PREFIX[topic.partition(".")[0]]


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
