"""Which topics are folded, by what, under which policy: the one place that worker, API and replay ask."""

import hashlib
from typing import Any

import msgspec

from engines.factor_tables import parse_factor_policy
from infra.policies import load_policy
from infra.settings import Settings
from projections.deposit_insurance import DepositInsurance
from projections.large_flow_policy import LargeFlowPolicy
from projections.limit_policy import WatchPolicy
from streams.cut_folder import CutFolder
from streams.folders import Folder, TransactionFolder
from streams.ratio_limits import parse_limits
from streams.ratio_policy import RatioPolicy
from streams.record_folders import ContractFolder, ReservationFolder
from streams.treasury_folders import treasury_folders


def folders(settings: Settings) -> dict[str, Folder]:
    """A folder for each folded topic, by topic."""
    policy = LargeFlowPolicy.parse(load_policy("large_flow", settings.policy_dir))
    insurance = DepositInsurance.parse(load_policy("live_liquidity", settings.policy_dir))
    known: list[Folder] = [
        TransactionFolder(policy, settings.dedup_horizon_days, insurance),
        ContractFolder(),
        ReservationFolder(),
        *treasury_folders(),
        CutFolder(watch_policy(settings)),
    ]
    return {folder.topic: folder for folder in known}


def ratio_policy(settings: Settings) -> RatioPolicy:
    """Mapping, factor tables and limits of the live liquidity ratios."""
    data = {name: load_policy(name, settings.policy_dir) for name in ("live_liquidity", "lcr", "nsfr", "limits")}
    tables = {name: parse_factor_policy(name, data[name]) for name in ("lcr", "nsfr")}
    return RatioPolicy.parse(data["live_liquidity"], tables["lcr"], tables["nsfr"], data["limits"])


def watch_policy(settings: Settings) -> WatchPolicy:
    """Which limits raise alerts, and how."""
    data = load_policy("limits", settings.policy_dir)
    return WatchPolicy.parse(data, *parse_limits(data))


def config_version(settings: Settings) -> str:
    """Names the policies behind the figures: their newest versions and a digest of all that they say."""
    large_flow = load_policy("large_flow", settings.policy_dir)
    ratios = {name: load_policy(name, settings.policy_dir) for name in ("live_liquidity", "lcr", "nsfr", "limits")}
    newest = ratio_policy(settings).versions[-1].name
    return (
        f"large-flow {LargeFlowPolicy.parse(large_flow).versions[-1].name} ({_digest(large_flow)}), "
        f"live-liquidity {newest} ({_digest(ratios)})"
    )


def _digest(policy: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(policy, order="sorted")).hexdigest()[:12]
