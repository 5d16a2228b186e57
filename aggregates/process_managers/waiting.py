"""PM1, the part that waits: splits confirmed while a posting was open on their asset, laid on the claim afterwards.

What is applied already is seen in the claim itself, so it does not matter by which event the split comes here.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from aggregates import claim
from aggregates.assets import Assets
from aggregates.claim_state import split_key
from aggregates.process_managers.money import POSTING_KINDS, application, is_posting_open
from aggregates.process_managers.wanted import Rule, Wanted
from aggregates.recovery_flow import MEMO_MODE
from aggregates.registry import KINDS
from aggregates.rendering import EventView
from engines.primitives.money import to_text

ENDS = ("MarkPosted", "MarkRejected", "CancelPosting")


def apply_what_waited(app: Assets, event: EventView) -> Iterator[Wanted]:
    """Core has answered about a case: the money that came in meanwhile is laid on its assets, oldest flow first."""
    case = app.find(event.aggregate, event.key)
    for loan_no in [] if case is None else case.asset_ids:
        if not is_posting_open(app, loan_no):
            yield from _waiting(app, loan_no)


def _waiting(app: Assets, loan_no: str) -> Iterator[Wanted]:
    asset: Any = app.find("RiskAsset", loan_no)
    if asset is None:
        return
    with app.model.current() as model:
        flows = [flow for flow in model.of_kind("RecoveryFlow") if loan_no in _assets_of(flow)]
    for flow in sorted(flows, key=lambda one: (one.days["FlowTagConfirmed"], one.key)):
        for split in flow.facts.get("splits", []):
            if split["split_no"] not in flow.confirmed or split.get("asset_no") != loan_no:
                continue
            key = split_key(flow.key, split["split_no"])
            if key in asset.applied or flow.reversed_minor or split["mode"] not in (*claim.CASH_MODES, MEMO_MODE):
                continue
            amount = to_text(split["amount"], flow.ccy)
            payload = {"flow_id": flow.key, "split_no": split["split_no"], "amount": amount}
            mode, day = _mode_now(split["mode"], asset.stage), flow.days["FlowTagConfirmed"]
            if mode == MEMO_MODE and asset.written_off_on is not None:
                day = max(day, asset.written_off_on)  # E15: not before the write-off
            yield application(loan_no, mode, payload, day, tag=key)


def _mode_now(mode: str, stage: str) -> str:
    """Cash that waited for a write-off to be posted is a recovery after the write-off."""
    return MEMO_MODE if stage == "WRITTEN_OFF" and mode in claim.CASH_MODES else mode


def _assets_of(flow: Any) -> set[str]:
    if "FlowTagConfirmed" not in flow.seen:
        return set()
    return {split.get("asset_no", "") for split in flow.facts.get("splits", [])}


RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        event: (apply_what_waited,)
        for name in POSTING_KINDS
        for event in sorted({row.event for row in KINDS[name].ROWS if row.command in ENDS})
    }
)
