"""Which topics are folded, by what, under which policy: the one place that worker, API and replay ask."""

import hashlib

import msgspec

from infra.policies import load_policy
from infra.settings import Settings
from projections.large_flow_policy import LargeFlowPolicy
from streams.folders import Folder, TransactionFolder
from streams.record_folders import ContractFolder, ReservationFolder


def folders(settings: Settings) -> dict[str, Folder]:
    """A folder for each folded topic, by topic."""
    policy = LargeFlowPolicy.parse(load_policy("large_flow", settings.policy_dir))
    known: list[Folder] = [
        TransactionFolder(policy, settings.dedup_horizon_days),
        ContractFolder(),
        ReservationFolder(),
    ]
    return {folder.topic: folder for folder in known}


def config_version(settings: Settings) -> str:
    """Names the policies behind the figures: their newest versions and a digest of all that they say."""
    policy = load_policy("large_flow", settings.policy_dir)
    newest = LargeFlowPolicy.parse(policy).versions[-1].name
    digest = hashlib.sha256(msgspec.json.encode(policy, order="sorted")).hexdigest()[:12]
    return f"large-flow {newest} ({digest})"
