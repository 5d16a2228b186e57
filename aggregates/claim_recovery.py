"""Money that comes in on a claim and goes back: what a recovery and its reversal derive, and must fit (7.1)."""

from datetime import date
from typing import Any

from aggregates import claim
from aggregates.claim_state import CLOSED, split_key
from aggregates.refusals import unless_field
from aggregates.steps.case import event_id
from aggregates.steps.rows import Facts
from aggregates.steps.step import Step

REVERSAL_KINDS = ("CORRECTION", "ECONOMIC")
MODES_OF_CASES = ("REDUCTION_CASH",)  # applied by the case itself (decision E14)


def _order(step: Step) -> str:
    """Order of the mode; a judgment may set another for LITIGATION_ENFORCEMENT, a plan's stands in its allocation."""
    mode = step["mode"]
    if mode in MODES_OF_CASES:
        return "PLAN"
    by_mode = claim.order_of(mode, step.case.overdue_days(step.day))
    order = step.get("order") or by_mode
    free = mode == "LITIGATION_ENFORCEMENT" and order in ("INTEREST_FIRST", "PRINCIPAL_FIRST")
    unless_field(order == by_mode or free, "order", f"{mode} is allocated {by_mode}")
    return str(order)


def recovery_values(step: Step) -> Facts:
    mode, amount = step.get("mode"), step.get("amount")
    known = mode in claim.CASH_MODES or (mode in MODES_OF_CASES and step.cause is not None)
    unless_field(known, "mode", f"{mode!r} is not applied by itself")
    unless_field(bool(amount), "amount", "a recovery must be positive")
    since = step.get("overdue_since")
    unless_field(since is None or since <= step.day, "overdue_since", "after the value date")
    order = _order(step)
    if order == "PLAN":
        return {"order": order}
    derived, surplus = claim.allocate(step["amount"], claim.ORDERS[order], step.case.capacity_minor(step.day))
    given = step.get("alloc")
    # What fits no bucket is refused by the guard's last clause, a given part above its bucket by the third.
    fits = given is None or all(part <= step.case.capacity_minor(step.day)[bucket] for bucket, part in given.items())
    return {"order": order} | ({"alloc": derived} if not surplus and fits else {})


def recovery_defaults(step: Step) -> Facts:
    found: dict[str, Any] = {"split_no": 1}
    if step.case.overdue_since is not None:
        found["overdue_since"] = step.case.overdue_since
    return found


def is_fresh_split(step: Step) -> bool:
    return split_key(step["flow_id"], step["split_no"]) not in step.case.applied


def fits_buckets(step: Step) -> bool:
    capacity = step.case.capacity_minor(step.day)
    return all(part <= capacity[bucket] for bucket, part in (step.get("alloc") or {}).items())


def leaves_no_surplus(step: Step) -> bool:
    return step.get("alloc") is not None


def memo_recovery_values(step: Step) -> Facts:
    unless_field(step.get("mode") in (None, "POST_WRITE_OFF_CASH"), "mode", "only POST_WRITE_OFF_CASH here")
    unless_field(bool(step.get("amount")), "amount", "a recovery must be positive")
    since = step.case.written_off_on
    unless_field(since is None or step.day >= since, "valid_on", "before the write-off")
    memo = step.case.memo_minor
    given = step.get("alloc")
    derived, surplus = claim.allocate(step["amount"], claim.POST_WRITE_OFF_ORDER, memo)
    fits = given is None or all(part <= memo[bucket] for bucket, part in given.items())
    return {"alloc": derived} if not surplus and fits else {}


def fits_memo(step: Step) -> bool:
    return step.get("alloc") is not None and all(
        part <= step.case.memo_minor[bucket] for bucket, part in step["alloc"].items()
    )


def reversal_values(*, from_memo: bool) -> Any:
    def derive(step: Step) -> Facts:
        unless_field(step.get("kind") in REVERSAL_KINDS, "kind", "unknown kind of reversal")
        unless_field(step.get("amount") != 0, "amount", "a reversal must be positive")
        original = _original(step)
        if original is None or original.from_memo is not from_memo:
            return {}
        left = sum(original.alloc_minor.values())
        amount = step.get("amount", left)
        if not 0 < amount <= left:
            return {}
        if step["kind"] != "CORRECTION":
            unless_field(step.day >= original.valid_on, "valid_on", "before the recovery that it reverses")
        return {
            "amount": amount,
            "alloc": claim.undo(amount, original.alloc_minor),
            "reverses": str(event_id(step.case.id, original.version)),
        }

    return derive


def _original(step: Step) -> Any:
    return step.case.applied.get(split_key(step.get("flow_id", ""), step.get("split_no", 1)))


def is_unreversed(step: Step) -> bool:
    return step.get("reverses") is not None and step.get("alloc") is not None


def original_day(step: Step) -> date | None:
    """A correction counts on the day of what it undoes."""
    original = _original(step)
    return original.valid_on if original is not None and step.get("kind") == "CORRECTION" else None


def reopen_first(step: Step) -> None:
    """A reversal that restores a claim reopens a closed asset in the same save (E16)."""
    if step.case.stage == CLOSED:
        step.also("RiskAsset", step.case.key, "AssetReopened", {"cause": step.row.event.upper()}, system=True)
