"""The aggregates of the house, and the names under which events are stored and shown (decision E3).

Stored topics are computed from the tables (`write-off.write-off-posted`); a test compares them with the list
written out in `tests/golden/event-topics.txt`, since a renamed row must not rename history: never remove a line.
"""

from collections.abc import Mapping
from types import MappingProxyType

from aggregates.debt_reduction import DebtReduction
from aggregates.fa_disposal import FaDisposal
from aggregates.foreclosed_asset import ForeclosedAsset
from aggregates.foreclosure import Foreclosure
from aggregates.recovery_flow import RecoveryFlow
from aggregates.risk_asset import RiskAsset
from aggregates.steps.case import Case
from aggregates.write_off import WriteOff

KINDS: Mapping[str, type[Case]] = MappingProxyType(
    {
        kind.NAME: kind
        for kind in (RiskAsset, RecoveryFlow, WriteOff, DebtReduction, Foreclosure, ForeclosedAsset, FaDisposal)
    }
)

TYPE_BY_TOPIC: Mapping[str, str] = MappingProxyType(
    {event.TOPIC: name for kind in KINDS.values() for name, event in sorted(kind.EVENTS.items())}
)

_KIND_BY_TOPIC = {event.TOPIC: kind for kind in KINDS.values() for event in kind.EVENTS.values()}


def kind_of(topic: str) -> type[Case]:
    """The aggregate of a stored topic: `kind_of("write-off.write-off-posted") is WriteOff`."""
    return _KIND_BY_TOPIC[topic]
