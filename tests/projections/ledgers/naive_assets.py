"""The naive ledgers' part for loan notes and foreclosed assets. See `naive.py`."""

from datetime import date
from decimal import Decimal
from typing import Any

from tests.projections.ledgers.naive import BOOK, BUCKETS, D, Naive

LG01, LG02, LG17 = "risk_asset", "recovery", "write_off"


def negative(parts: dict[str, Decimal]) -> dict[str, Decimal]:
    return {bucket: -part for bucket, part in parts.items()}


def book(parts: dict[str, Decimal]) -> Decimal:
    return sum((part for bucket, part in parts.items() if bucket in BOOK), D(0))


def risk_asset(n: Naive, own: dict[str, Any]) -> None:
    e, p, key, alloc = n.event, n.p, n.event.key, n.alloc
    whole, kind = sum(alloc.values(), D(0)), e.type
    if kind == "AssetAdmitted":
        own.update(life="ACTIVE", suits=[], agencies=[], mandates=[], splits={}, costs=[], sold={})
        zero = dict.fromkeys(("memo", "fa", "rec_cash", "rec_kind", "waived", "written_off", "loss"), D(0))
        n.put(
            LG01, key, there=True, lifecycle="ACTIVE", classification=p["classification"], branch=e.payload["branch"]
        )
        n.put(LG01, key, **n.days("overdue_since", "maturity"), **n.text("segment"))
        n.add(LG01, key, **zero, **{bucket: D(p[bucket]) for bucket in BUCKETS})
    elif kind == "AccrualSynced":
        n.put(LG01, key, **n.money("interest_on", "interest_off", "penalty", "compound"))
    elif kind == "AssetReclassified":
        n.put(LG01, key, classification=p["to_class"])
    elif kind == "InterestMovedOffBalance":
        n.add(LG01, key, interest_on=-D(p["interest"]), interest_off=D(p["interest"]))
    elif kind in ("DisposalHoldPlaced", "DisposalHoldReleased"):
        placed = kind == "DisposalHoldPlaced"
        n.put(LG01, key, hold=p["kind"] if placed else "NIL", hold_case=p["case_no"] if placed else "NIL")
    elif kind == "AssetTagged":
        n.note(LG01, key, "tags", "in" if p["on"] else "out", p["tag"])
        n.put("designated", f"{key}|{p['tag']}", there=bool(p["on"]))
        if p["on"]:
            n.put("designated", f"{key}|{p['tag']}", since=n.day)
    elif kind == "ManagerAssigned":
        n.put(LG01, key, manager=p["manager"])
    elif kind == "AssetMoved":
        n.put(LG01, key, branch=p["to_branch"])
    elif kind in ("AssetClosed", "NoRecourseMarked"):
        own["life"] = "CLOSED"
        n.put(LG01, key, lifecycle="CLOSED", closed_as=p.get("closed_as", "NO_RECOURSE"))
        if kind == "NoRecourseMarked":
            n.put(LG01, key, memo=D(0))
            n.put(LG17, f"{own['write_off_no']}|{key}", no_recourse=True, memo_left=D(0))
    elif kind == "AssetReopened":
        own["life"] = "ACTIVE"
        n.put(LG01, key, lifecycle="ACTIVE", closed_as="NIL")
    elif kind == "CostAdvanced":
        row = p["expense_id"] if p.get("expense_id", "-") != "-" else f"{key}#{e.position}"
        own["costs"].append([row, D(p["amount"]), D(0)])
        n.put("expense", row, there=True)
        n.add("expense", row, advanced=p["amount"], recovered=D(0))
        came_to_claim(n, own, {"costs": D(p["amount"])})
    elif kind in ("RecoveryApplied", "WriteOffRecoveryApplied"):
        applied(n, own, alloc)
    elif kind in ("RecoveryReversed", "WriteOffRecoveryReversed"):
        reversed_(n, own, alloc)
    elif kind in ("InKindSettled", "InKindReversed"):
        sign = 1 if kind == "InKindSettled" else -1
        capitalised = D(p.get("costs_capitalised") or 0)
        n.add(LG01, key, **{b: -sign * part for b, part in alloc.items()}, rec_kind=sign * D(p["amount"]))
        n.add(LG01, key, costs=-sign * capitalised)
        row = f"{p['foreclosure_no']}|{key}"
        taken(n, row, alloc, D(p["amount"]), "FORECLOSURE_IN_KIND", sign)
        repay(n, own, alloc.get("costs", D(0)) + capitalised, sign)
        n.case["Foreclosure", p["foreclosure_no"]]["alloc"] = alloc
        if sign < 0:
            for fa_no, part in n.case["Foreclosure", p["foreclosure_no"]].get("items", {}).items():
                n.put("fa_receipt", f"{p['foreclosure_no']}|{fa_no}", status="REVERSED")
                n.add("fa_receipt", f"{p['foreclosure_no']}|{fa_no}", reversed=part)
    elif kind in ("DebtReduced", "DebtReductionReversed"):
        sign = 1 if kind == "DebtReduced" else -1
        n.add(LG01, key, **{b: -sign * part for b, part in alloc.items()})
        n.add(LG01, key, waived=sign * D(p["amount"]), loss=sign * book(alloc))
        taken(n, f"{p['reduction_no']}|{key}", alloc, D(p["amount"]), "REDUCTION_WAIVER", sign)
        n.add("reduction", p["reduction_no"], waived=sign * D(p["amount"]))
    elif kind in ("AssetTransferred", "TransferUnwound"):
        sold(n, own, alloc, whole)
    elif kind == "AssetWrittenOff":
        own.update(life="WRITTEN_OFF", gone_on=n.day, write_off_no=p["write_off_no"])
        n.put(LG01, key, lifecycle="WRITTEN_OFF")
        n.add(LG01, key, **negative(alloc), memo=whole, loss=p["book_amount"])
        n.add(LG01, key, written_off=D(p["book_amount"]) + D(p["memo_interest"]))
        taken(n, f"{p['write_off_no']}|{key}", alloc, whole, "WRITE_OFF", 1)
        row = f"{p['write_off_no']}|{key}"
        n.put(LG17, row, there=True, no_recourse=False, reversed=False, **n.money("memo_interest"))
        n.add(LG17, row, memo_left=whole, written_off=whole)
        n.add(LG17, row, **{bucket: alloc.get(bucket, D(0)) for bucket in BOOK})
    elif kind == "AssetWriteOffReversed":
        own.update(life="ACTIVE", gone_on=None)
        n.put(LG01, key, lifecycle="ACTIVE")
        n.add(LG01, key, **alloc, memo=-whole, written_off=-whole, loss=-book(alloc))
        taken(n, f"{p['write_off_no']}|{key}", alloc, whole, "", -1)
        n.put(LG17, f"{p['write_off_no']}|{key}", reversed=True)
        n.add(LG17, f"{p['write_off_no']}|{key}", memo_left=-whole)
    elif kind == "AssetRestructured":
        n.put("restructuring", f"{p['case_no']}|{key}", there=True, **n.days("observe_until"))


def came_to_claim(n: Naive, own: dict[str, Any], parts: dict[str, Decimal]) -> None:
    """To the buckets; of a written-off claim to the memo, but not before the day of the write-off."""
    key = n.event.key
    if own.get("life") != "WRITTEN_OFF":
        n.add(LG01, key, **parts)
        return
    day = max(n.day, own["gone_on"])
    for bucket, part in parts.items():
        if n.day < own["gone_on"]:
            n.add(LG01, key, **{bucket: part})
            n.put(LG01, key, own["gone_on"], **{bucket: D(0)})
        n.add(LG01, key, day, memo=part, loss=part if bucket in BOOK else D(0))
    n.add(LG17, f"{own['write_off_no']}|{key}", day, memo_left=sum(parts.values()))


def taken(n: Naive, row: str, alloc: dict[str, Decimal], amount: Decimal, mode: str, sign: int) -> None:
    """A row of disposal and recovery, or what a reversal does to it."""
    if sign > 0:
        cash = mode not in ("FORECLOSURE_IN_KIND", "REDUCTION_WAIVER", "WRITE_OFF")
        n.put(LG02, row, there=True, mode=mode, amount=amount, cash=cash, value_date=n.day, loan_no=n.event.key)
        n.add(LG02, row, reversed=D(0), **alloc)
    else:
        n.add(LG02, row, reversed=amount, **negative(alloc))


def applied(n: Naive, own: dict[str, Any], alloc: dict[str, Decimal]) -> None:
    p, key, from_memo = n.p, n.event.key, n.event.type == "WriteOffRecoveryApplied"
    mode = "POST_WRITE_OFF_CASH" if from_memo else p["mode"]
    amount, whole = D(p["amount"]), sum(alloc.values(), D(0))
    n.add(LG01, key, rec_cash=amount)
    if from_memo:
        n.add(LG01, key, memo=-whole, loss=-book(alloc))
        n.add(LG17, f"{own['write_off_no']}|{key}", recovered_after=amount, memo_left=-whole)
    else:
        n.add(LG01, key, **negative(alloc))
        n.put(LG01, key, **n.days("overdue_since"))
    taken(n, f"{p['flow_id']}|{p.get('split_no', 1)}", alloc, amount, mode, 1)
    counts = {"litigation": own["suits"][-1:] if mode == "LITIGATION_ENFORCEMENT" else []}
    counts["outsourced"] = [f"{one}|{key}" for one in own["agencies"][-1:]] if mode == "OUTSOURCED" else []
    counts["mandate"] = [f"{one}|{key}" for one in own["mandates"]]
    own["splits"][p["flow_id"], p.get("split_no", 1)] = (counts, own.get("write_off_no"))
    count(n, counts, amount)
    repay(n, own, alloc.get("costs", D(0)), 1)


def count(n: Naive, counts: dict[str, list[str]], amount: Decimal) -> None:
    for ledger, rows in counts.items():
        for row in rows:
            n.add(ledger, row, **{"collected" if ledger == "mandate" else "recovered": amount})


def reversed_(n: Naive, own: dict[str, Any], alloc: dict[str, Decimal]) -> None:
    p, key = n.p, n.event.key
    amount, whole = D(p["amount"]), sum(alloc.values(), D(0))
    counts, write_off_no = own["splits"].get((p["flow_id"], p.get("split_no", 1)), ({}, None))
    n.add(LG01, key, rec_cash=-amount)
    if n.event.type == "WriteOffRecoveryReversed":
        n.add(LG01, key, memo=whole, loss=book(alloc))
        n.add(LG17, f"{write_off_no}|{key}", recovered_after=-amount, memo_left=whole)
    else:
        came_to_claim(n, own, alloc)
    taken(n, f"{p['flow_id']}|{p.get('split_no', 1)}", alloc, amount, "", -1)
    count(n, counts, -amount)
    repay(n, own, alloc.get("costs", D(0)), -1)


def repay(n: Naive, own: dict[str, Any], amount: Decimal, sign: int) -> None:
    """Costs that come back, oldest first; taken back newest first."""
    for cost in own["costs"] if sign > 0 else reversed(own["costs"]):
        part = min(amount, cost[1] - cost[2] if sign > 0 else cost[2])
        if part > 0:
            cost[2] += sign * part
            amount -= part
            n.add("expense", cost[0], recovered=sign * part)


def sold(n: Naive, own: dict[str, Any], alloc: dict[str, Decimal], whole: Decimal) -> None:
    p, key, case_no = n.p, n.event.key, n.p["case_no"]
    single = ("DebtTransfer", case_no) in n.case
    ledger, row = ("single_transfer" if single else "batch_transfer"), f"{case_no}|{key}"
    if n.event.type == "AssetTransferred":
        before = own["life"]
        own["sold"][case_no], own["life"] = (before, D(p["book_amount"])), "CLOSED"
        closed_as = p.get("closed_as", "TRANSFERRED")
        n.put(LG01, key, lifecycle="CLOSED", closed_as=closed_as)
        n.add(LG01, key, loss=p["loss"], **({"memo": -whole} if before == "WRITTEN_OFF" else negative(alloc)))
        mode = "TRANSFER_SINGLE" if single else "SECURITISATION" if closed_as == "SECURITISED" else "TRANSFER_BATCH"
        taken(n, row, alloc, D(p["price"]), mode, 1)
        n.put(ledger, row, there=True, claim=whole, book=D(p["book_amount"]), prorated_price=D(p["price"]))
        n.put(ledger, row, loss=D(p["loss"]), sold_on=n.day)
        sign = -1
    else:
        before, booked = own["sold"].pop(case_no, ("ACTIVE", D(0)))
        own["life"] = before
        n.put(LG01, key, lifecycle=before, closed_as="NIL")
        n.add(
            LG01, key, loss=D(p["price_returned"]) - booked, **({"memo": whole} if before == "WRITTEN_OFF" else alloc)
        )
        taken(n, row, alloc, D(p["price_returned"]), "", -1)
        n.put(ledger, row, unwound_on=n.day, reversed=True)
        sign = 1
    if before == "WRITTEN_OFF":
        n.add(LG17, f"{own['write_off_no']}|{key}", memo_left=sign * whole)


def foreclosed_asset(n: Naive, own: dict[str, Any]) -> None:
    e, p, key, kind = n.event, n.p, n.event.key, n.event.type
    note = (own.get("notes") or ["-"])[0]
    fa, amount = "fa_detail", D(p["amount"]) if "amount" in p else D(0)
    if kind == "ForeclosedAssetBooked":
        value = D(p["book_value"])
        outlay = D(p["taxes"]) + D(p.get("boot_paid") or 0) - D(p.get("boot_received") or 0)
        own.update(booked=n.day, value=value, offset=D(p.get("book_offset") or value), carrying=value, impaired=[])
        own.update(case=p["foreclosure_no"], gone={}, kind=p["fa_kind"])
        n.put(fa, key, there=True, status="BOOKED", book_value=value, quantity=p["quantity"])
        n.put(fa, key, **n.days("acquired_on", "dispose_by"))
        n.add(fa, key, carrying=value, impairment=D(0))
        n.add(LG01, note, fa=value, loss=own["offset"] + outlay - value)
        foreclosure = n.case["Foreclosure", p["foreclosure_no"]]
        foreclosure.setdefault("items", {})[key] = D(p["settlement"])
        row = f"{p['foreclosure_no']}|{key}"
        n.put("fa_receipt", row, there=True, status="RECEIVED", **n.days("acquired_on"))
        n.put("fa_receipt", row, **n.money("settlement", "taxes", "costs_capitalised", "book_value"))
        n.add("fa_receipt", row, reversed=D(0))
    elif kind in ("ImpairmentRecognised", "ImpairmentReversed"):
        change = amount if kind == "ImpairmentRecognised" else -amount
        own["carrying"] -= change
        own["impaired"].append((n.day, change))
        n.add(fa, key, carrying=-change, impairment=change)
        n.add(LG01, note, fa=-change, loss=change)
        n.put("idle", key, carrying=own["carrying"])
    elif kind in ("CustodyIncomeRecorded", "CustodyExpenseRecorded"):
        n.add(LG01, note, loss=amount if kind == "CustodyExpenseRecorded" else -amount)
    elif kind == "AssetDistributed":
        n.put(fa, key, keeper=p["manager"])
    elif kind == "DistributionAccepted":
        n.put(fa, key, keeper=e.envelope.actor, status="IN_CUSTODY")
    elif kind == "ValuationUpdated":
        n.put(fa, key, appraised=D(p["appraised"]))
    elif kind in ("AssetSold", "ConvertedToFixedAsset", "LossListed"):
        disposed(n, own, note)
    elif kind == "DisposalUndone":
        gone = own["gone"].pop(p["fa_disposal_no"])
        own["carrying"] += D(p["carrying"])
        n.add(fa, key, carrying=p["carrying"])
        n.put(fa, key, status="IN_CUSTODY")
        n.add(LG01, note, fa=p["carrying"], loss=D(gone.get("result", "0")))
        names = ("carrying", "proceeds", "selling_costs", "interest_recognised", "result", "compensation")
        n.add("disposal", p["fa_disposal_no"], **{name: -D(gone[name]) for name in names if name in gone})
        n.put("disposal", p["fa_disposal_no"], status="REVERSED", reversed=True)
        n.put("idle", key, carrying=own["carrying"])
        if "fixed_asset_no" in gone:
            n.put("idle", gone["fixed_asset_no"], there=False)
    elif kind == "IdleMarked":
        n.put("idle", key, there=True, carrying=own["carrying"], kind=own["kind"], **n.days("since"))
    elif kind == "IdleCleared":
        n.put("idle", key, there=False)
    elif kind == "ForeclosedAssetVoided":
        voided(n, own, note)


def disposed(n: Naive, own: dict[str, Any], note: str) -> None:
    p, key, kind = n.p, n.event.key, n.event.type
    own["gone"][p["fa_disposal_no"]] = p
    own["carrying"] -= D(p["carrying"])
    left = D(100) - sum(D(one["portion"]) for one in own["gone"].values())
    end = {"AssetSold": "SOLD", "ConvertedToFixedAsset": "CONVERTED", "LossListed": "LOST"}[kind]
    n.add("fa_detail", key, carrying=-D(p["carrying"]))
    n.put("fa_detail", key, status="PART_SOLD" if left > 0 else end)
    n.add(LG01, note, fa=-D(p["carrying"]), loss=-D(p.get("result", "0")))
    row = p["fa_disposal_no"]
    n.put("disposal", row, there=True, status="POSTED", posted_on=n.day, portion=D(p["portion"]))
    n.add("disposal", row, **n.money("carrying", "proceeds", "selling_costs", "interest_recognised", "result"))
    n.add("disposal", row, **n.money("compensation"))
    if kind == "ConvertedToFixedAsset":
        n.put("idle", p["fixed_asset_no"], there=True, kind="FIXED_ASSET", since=n.day)
        n.add("idle", p["fixed_asset_no"], carrying=p["carrying"])
    else:
        n.put("idle", key, carrying=own["carrying"])


def voided(n: Naive, own: dict[str, Any], note: str) -> None:
    key = n.event.key
    if n.case["Foreclosure", own["case"]].get("reversal") == "CORRECTION":
        changes: list[tuple[date, Decimal, Decimal]] = [(own["booked"], -own["value"], own["value"] - own["offset"])]
        changes += [(day, part, -part) for day, part in own["impaired"]]
        for day, part in own["impaired"]:
            n.add("fa_detail", key, day, impairment=-part)
        n.put("fa_detail", key, own["booked"], status="VOID")
    else:
        changes = [(n.day, -own["carrying"], own["carrying"] - own["offset"])]
    for day, carrying, loss in changes:
        n.add("fa_detail", key, day, carrying=carrying)
        n.add(LG01, note, day, fa=carrying, loss=loss)
    n.put("fa_detail", key, status="VOID")
