"""Core banking's records: cash, interest balances, end-of-day balances (IN-13; decisions E3, E15; PM10)."""

from datetime import date
from typing import Any

from aggregates import claim
from aggregates.claim import Alloc
from aggregates.steps.posting import RECONCILIATION_BREAK
from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_minor, to_text
from streams.integrations.inbound import PassOver, Taking


def flow(taking: Taking) -> None:
    """Money on a loan becomes a flow to be tagged; its return goes to the flow it names."""
    r = taking.record
    if r.reverses is not None:
        taking.wanted("RecoveryFlow", r.reverses)
        payload: dict[str, object] = {"core_rev_no": r.core_txn_no, "kind": r.reversal_kind, "amount": r.amount}
        taking.do("RecoveryFlow", r.reverses, "ReverseByCore", payload, role="CB", valid_on=r.value_date)
        return
    _unless_same_currency(taking, taking.wanted("RiskAsset", r.loan_no))
    payload = {"loan_no": r.loan_no, "amount": r.amount, "value_date": r.value_date}
    if r.payer_ref != "-":
        payload["payer_ref"] = r.payer_ref
    if r.core_alloc:
        payload["core_alloc"] = r.core_alloc
    taking.do("RecoveryFlow", r.core_txn_no, "Receive", payload, role="CB", valid_on=r.value_date)


def accrual(taking: Taking) -> None:
    """Interest balances of a day. One that comes late sets its day and, unchanged, every later one again (E15)."""
    r = taking.record
    asset = taking.wanted("RiskAsset", r.loan_no)
    _unless_same_currency(taking, asset)
    if not taking.keep("ACCRUAL", r.loan_no, r.loan_no, f"{r.as_of} {taking.moment}"):
        newest = taking.reference.get("ACCRUAL", r.entity_id, r.loan_no)
        if newest is not None and newest.as_of.startswith(r.as_of):
            raise PassOver("a newer record of the same day is known")
    if asset.stage != "ACTIVE":
        raise PassOver(f"the asset is {asset.stage}: no interest is booked on it any more")
    day = date.fromisoformat(r.as_of)
    if asset.effects and day < asset.effects[0].valid_on:
        raise PassOver("before the hand-over, whose balances hold it already")
    balances = {name: getattr(r, name) for name in claim.ACCRUED_BUCKETS}
    later = sorted(known for known in asset.synced_on if known > day)
    if not later:
        payload: dict[str, object] = {"as_of": r.as_of, **balances}
    else:
        again = [{"as_of": known.isoformat(), "balances": _synced(asset, known)} for known in later]
        payload = {"syncs": [{"as_of": r.as_of, "balances": balances}, *again], "basis": "RESYNC"}
    taking.do("RiskAsset", r.loan_no, "SyncAccrual", payload, role="CB", once=True)


def balance(taking: Taking) -> None:
    """PM10: core's balances of a day against ours. A difference stops new postings on the asset until a later file
    agrees or a person takes the tag away."""
    r = taking.record
    asset = taking.find("RiskAsset", r.loan_no)
    if asset is None:
        raise PassOver("no risk asset of ours")
    _unless_same_currency(taking, asset)
    ours = _balances_on(asset, date.fromisoformat(r.as_of))
    theirs = {name: to_minor(getattr(r.balances, name), r.ccy) for name in claim.BUCKETS}
    apart = {
        name: {"ours": to_text(ours[name], r.ccy), "core": to_text(theirs[name], r.ccy)}
        for name in claim.BUCKETS
        if asset.stage == "ACTIVE" and ours[name] != theirs[name]
    }
    customer = str(asset.facts.get("customer_no", r.loan_no))
    if not taking.keep("BALANCE_EOD", r.loan_no, customer, f"{r.as_of} {taking.moment}", differences=apart):
        raise PassOver("a newer file is known")
    is_broken = RECONCILIATION_BREAK in asset.tags
    if bool(apart) != is_broken:
        payload: dict[str, object] = {"tag": RECONCILIATION_BREAK, "on": not is_broken}
        reason = f"core's balances of {r.as_of} " + (f"differ in {', '.join(apart)}" if apart else "agree")
        taking.do("RiskAsset", r.loan_no, "Tag", payload, role="SY", once=True, reason=reason)


def _balances_on(asset: Any, day: date) -> Alloc:
    """The claim at the end of a day, folded in valid order as the ledger is (E15)."""
    found = dict.fromkeys(claim.BUCKETS, 0)
    for effect in sorted((one for one in asset.effects if one.valid_on <= day), key=lambda one: one.valid_on):
        for bucket, minor in effect.minor_by_bucket.items():
            found[bucket] = minor if effect.absolute else found[bucket] + minor
    return found


def _synced(asset: Any, day: date) -> dict[str, str]:
    """Interest balances as they were last set for a day."""
    wanted = set(claim.ACCRUED_BUCKETS)
    last = [e for e in asset.effects if e.absolute and e.valid_on == day and set(e.minor_by_bucket) == wanted][-1]
    return {bucket: to_text(minor, asset.ccy) for bucket, minor in last.minor_by_bucket.items()}


def _unless_same_currency(taking: Taking, asset: Any) -> None:
    if taking.record.ccy != asset.ccy:
        raise InvalidInput(f"{asset.key} is kept in {asset.ccy}, not {taking.record.ccy}", field="ccy")
