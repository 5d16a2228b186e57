"""Foreclosure: receipt of an asset in settlement of a debt (spec/risk-assets.md 3.17, 7.5; decision E19).

The offset reduces the claim and books the foreclosed assets in one save; interest on the offset part stops on the day
of acquisition.
"""

from datetime import date
from typing import Any

from aggregates import claim
from aggregates.calendar import add_years
from aggregates.proration import prorate
from aggregates.refusals import unless_field
from aggregates.steps.approval import BRANCH_DECIDERS, Approval, approval, release_hold
from aggregates.steps.case import Case
from aggregates.steps.posting import PostedCase, Posting, posting
from aggregates.steps.rows import Facts, clause, in_stage, row
from aggregates.steps.step import Step

METHODS = ("AGREEMENT", "COURT_RULING", "ARBITRATION")
DRAFT = (
    "asset_ids:L, claim_snapshot:A?, method:E, "
    "items:L{fa_no:I, fa_kind:E, quantity:N?, collateral_id:I?, settlement:M}?, "
    "appraised:M?, settlement_amount:M, alloc:A"
)
YEARS_BY_KIND = {"MOVABLE": 1}  # TL17: immovables, equity and other rights 2 years
YEARS_OTHERWISE = 2


def _draft_defaults(step: Step) -> Facts:
    asset = step.asset()
    items = step.get("items") or []
    found: dict[str, Any] = {"asset_ids": step.asset_ids, "claim_snapshot": claim.non_zero(asset.buckets_minor)}
    amount = step.get("settlement_amount") or sum(item["settlement"] for item in items) or None
    if amount is not None:
        found["settlement_amount"] = amount
        alloc, _ = claim.allocate(amount, claim.ORDERS["IN_KIND"], asset.capacity_minor(step.day))
        found["alloc"] = alloc
    return found


def _draft(step: Step) -> Facts:
    unless_field(step.get("method", METHODS[0]) in METHODS, "method", f"want one of {', '.join(METHODS)}")
    items, amount = step.get("items"), step.get("settlement_amount")
    if items and amount is not None:
        whole = sum(item["settlement"] for item in items)
        unless_field(whole == amount, "settlement_amount", "is not the sum of the items")
    alloc = step.get("alloc")
    fits = alloc is None or amount is None or sum(alloc.values()) <= amount
    unless_field(fits, "alloc", "its parts sum to more than the settlement")
    return {}


def _is_within_claim(step: Step) -> bool:
    return bool(step["settlement_amount"] <= step.asset().claim_minor)


def _instrument(step: Step) -> Facts:
    acquired_on = step.get("acquired_on", step.day)
    items = step.case.facts.get("items") or [{}]
    years = YEARS_BY_KIND.get(items[0].get("fa_kind", ""), YEARS_OTHERWISE)
    return {"doc_no": "-", "acquired_on": acquired_on, "dispose_by": add_years(acquired_on, years)}


def _content(step: Step) -> Facts:
    facts = step.case.facts
    amount = facts.get("settlement_amount", step.get("amount"))
    drafted = facts.get("alloc") or step.get("alloc")
    if drafted is None and amount is not None:
        drafted, _ = claim.allocate(amount, claim.ORDERS["IN_KIND"], step.asset().capacity_minor(step.day))
    return {"amount": amount, "alloc": dict(step.get("alloc") or drafted or {})}


def _fits(step: Step) -> bool:
    capacity = step.asset().capacity_minor(step.get("value_date", step.day))
    return all(part <= capacity[bucket] for bucket, part in step["alloc"].items())


def _value_date(step: Step) -> date:
    return step.case.facts.get("acquired_on", step.day)  # type: ignore[no-any-return]


def _items(step: Step) -> list[dict[str, Any]]:
    """What is received: as drafted, or the one asset that the posting names."""
    drafted = step.case.facts.get("items")
    if drafted:
        return list(drafted)
    one = {"fa_no": step.get("fa_no", f"{step.key}.1"), "fa_kind": step.get("fa_kind", "IMMOVABLE")}
    return [one | {"quantity": step.get("quantity", 1), "settlement": step.case.instruction["amount"]}]


def _book_value(step: Step, alloc: claim.Alloc, settlement: int, part: dict[str, int]) -> int:
    """MOF_2005: what leaves the balance sheet plus costs and taxes, less money received, plus money paid;
    CAS12_2019: the fair value of the claim given up, which is the settlement, plus taxes (7.5)."""
    boot = part["boot_paid"] - part["boot_received"]
    if step.policy.fa_booking_policy == "CAS12_2019":
        value = settlement + part["taxes"] + boot
    else:
        value = (
            alloc.get("principal", 0) + alloc.get("interest_on", 0) + part["costs_capitalised"] + part["taxes"] + boot
        )
    # Money received above what the asset stands for is cash of the claim, not a price below zero.
    unless_field(value >= 0, "boot_received", "is more than the asset would be booked at")
    return value


def _dispose_by(step: Step, item: dict[str, Any], items: list[dict[str, Any]]) -> date:
    """The instrument's day is for the first item; an item of another kind has the term of its kind (TL17)."""
    facts = step.case.facts
    if item["fa_kind"] == items[0]["fa_kind"] and "dispose_by" in facts:
        return facts["dispose_by"]  # type: ignore[no-any-return]
    return add_years(facts.get("acquired_on", step.day), YEARS_BY_KIND.get(item["fa_kind"], YEARS_OTHERWISE))


def _posted(step: Step) -> None:
    instruction, facts = step.case.instruction, step.case.facts
    costs = step.get("costs_capitalised", 0)
    settled = {
        "foreclosure_no": step.key,
        "amount": instruction["amount"],
        "alloc": dict(instruction["alloc"]),
        "costs_capitalised": costs,
    }
    step.also("RiskAsset", step.asset_ids[0], "InKindSettled", settled)
    items = _items(step)
    weights = {item["fa_no"]: item["settlement"] for item in items}
    shared = {
        name: prorate(step.get(name, 0), weights)
        for name in ("costs_capitalised", "taxes", "boot_received", "boot_paid")
    }
    alloc_by_item = {bucket: prorate(part, weights) for bucket, part in instruction["alloc"].items()}
    for item in items:
        fa_no = item["fa_no"]
        alloc = {bucket: parts[fa_no] for bucket, parts in alloc_by_item.items()}
        part = {name: parts[fa_no] for name, parts in shared.items()}
        booked = {
            "foreclosure_no": step.key,
            "asset_ids": step.asset_ids,
            "fa_kind": item["fa_kind"],
            "quantity": item.get("quantity", 1),
            "settlement": item["settlement"],
            "book_value": _book_value(step, alloc, item["settlement"], part),
            "interest_offset": claim.memo_interest_of(alloc),
            "book_offset": claim.book_of(alloc) + part["costs_capitalised"],
            "acquired_on": facts.get("acquired_on", step.day),
            "dispose_by": _dispose_by(step, item, items),
            **part,
        }
        step.also("ForeclosedAsset", fa_no, "ForeclosedAssetBooked", booked)


def _reversed(step: Step) -> None:
    values = {"foreclosure_no": step.key, "kind": step["kind"]}
    step.also("RiskAsset", step.asset_ids[0], "InKindReversed", values)
    for fa_no in _received(step):
        step.also("ForeclosedAsset", fa_no, "ForeclosedAssetVoided", {"foreclosure_no": step.key})


def _received(step: Step) -> list[str]:
    return step.work.keys_where("ForeclosedAsset", foreclosure_no=step.key)


def _is_undisposed(step: Step) -> bool:
    assets = [step.find("ForeclosedAsset", fa_no) for fa_no in _received(step)]
    return all(asset is None or asset.is_whole for asset in assets)


ROWS = (
    *approval(
        Approval(
            "Foreclosure",
            DRAFT,
            deciders=BRANCH_DECIDERS,
            amount=lambda step: step.case.facts.get("settlement_amount"),
            defaults=_draft_defaults,
            derive=_draft,
            own=(
                clause("AP.1", "collateral or other property in collmgmt"),
                clause("AP.2", "appraisal not older than `appraisal_max_age`"),
                clause("AP.3", "`settlement_amount <= claim`", _is_within_claim),
                clause("AP.4", "alloc proposal", lambda step: bool(step["alloc"])),
            ),
            approved="settlement_amount:M?, method:E?",
            hold="FORECLOSURE",
            waits_in="APPROVED EFFECTIVE POSTING_FAILED",
        )
    ),
    row(
        "RecordInstrument",
        "InstrumentEffective",
        "AM LG",
        "doc_no:S, acquired_on:D, dispose_by:D",
        stages="APPROVED",
        next="EFFECTIVE",
        clauses=(clause("RecordInstrument.1", "agreement or ruling effective"),),
        default=_instrument,
    ),
    row("TransferTitle", "TitleTransferred", "AM", "registry_no:S, on:D", stages="EFFECTIVE POSTED"),
    *posting(
        Posting(
            "Foreclosure",
            kind="FORECLOSE",
            content=_content,
            ready="EFFECTIVE",
            state_guard="PP.1",
            limit=lambda step: step.case.facts.get("settlement_amount"),
            hold="FORECLOSURE",
            value_date=_value_date,
            own=(
                clause("PP.2", "alloc valid", _fits),
                clause(
                    "PP.3",
                    "`valid_on = acquired_on`",
                    lambda step: step["value_date"] == step.case.facts.get("acquired_on", step["value_date"]),
                ),
            ),
            posted_fields=(
                "fa_no:I?, fa_kind:E?, quantity:N?, costs_capitalised:M?, taxes:M?, boot_received:M?, boot_paid:M?"
            ),
            posted=_posted,
            reverse=_reversed,
            reversal_content=lambda step: {
                "amount": step.case.instruction.get("amount"),
                "alloc": dict(step.case.instruction.get("alloc", {})),
            },
            reversal_own=(
                clause("Reverse.1", "ruling revoked"),
                clause("Reverse.2", "asset undisposed", _is_undisposed),
            ),
        )
    ),
    row(
        "Cancel",
        "ForeclosureCancelled",
        "AM BR",
        "why:S",
        stages="DRAFT RETURNED SUBMITTED APPROVED EFFECTIVE POSTING_FAILED",
        next="CANCELLED",
        clauses=(in_stage("Cancel.1"),),
        default=lambda step: {"why": step.who.reason or "-"},
        then=lambda step: release_hold(step, "FORECLOSURE", "CANCELLED"),
    ),
)


class Foreclosure(PostedCase, Case):
    """Approved, effective by agreement or ruling, posted; cancelled or reversed where it falls through."""

    NAME = "Foreclosure"
    KEY = "foreclosure_no"
    ROWS = ROWS
