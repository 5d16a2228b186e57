"""What cash a disposal promises, and what came in, event by event (spec/risk-assets.md 3.6, 3.9, 3.12 to 3.18).

Promises are facts of the events and nothing else: probabilities, haircuts and delays are policy and belong to the
reader. Not for cash that arrives on the loan note itself (RecoveryApplied): `recovery_cash.py` knows whose it is.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from msgspec.structs import replace

from projections.recovery_records import Disposal, Promise, moment_of, money_of

__all__ = ["after_event"]

Payload = Mapping[str, Any]

#: Outcomes of a judgment that award nothing.
LOST = frozenset(("LOST", "DISMISSED", "REJECTED"))


def after_event(disposal: Disposal, event: str, payload: Payload, valid_on: date) -> Disposal:
    """The disposal with the promises and the cash that its own event brings."""
    rule = _RULES.get(event)
    if rule is not None:
        disposal = rule(disposal, payload, valid_on)
    terms = _TERMS.get(event)
    if terms is not None:
        basis, amount, due = terms
        disposal = _promised(disposal, basis, money_of(payload, amount, disposal.currency), moment_of(payload, *due))
    if disposal.promises and not disposal.first_minor:
        first = disposal.promises[0].due_on if len(disposal.promises) == 1 else disposal.promises[-1].due_on
        disposal = replace(disposal, first_minor=disposal.promised_minor, first_due_on=first)
    return disposal


def _promised(disposal: Disposal, basis: str, amount_minor: int | None, due_on: date | None) -> Disposal:
    """One promise in the place of all; what is not said stays as it was, as in an amendment."""
    if amount_minor is None and due_on is None:
        return disposal
    if amount_minor is None:
        amount_minor = disposal.promised_minor
    if due_on is None and disposal.basis == basis and disposal.promises:
        due_on = disposal.promises[-1].due_on
    return replace(disposal, basis=basis, promises=(Promise(due_on, amount_minor),))


def _further(disposal: Disposal, basis: str, amount_minor: int, due_on: date | None) -> Disposal:
    """What came in so far, then new money: the promise of a lot or of a payment, not of the whole claim."""
    kept = disposal.promises if disposal.basis == basis else (Promise(None, disposal.received_minor),)
    promises = tuple(one for one in (*kept, Promise(due_on, amount_minor)) if one.amount_minor)
    return replace(disposal, basis=basis, promises=promises)


def _received(disposal: Disposal, amount_minor: int | None) -> Disposal:
    return replace(disposal, received_minor=disposal.received_minor + (amount_minor or 0))


def _instalments(disposal: Disposal, items: Any) -> tuple[Promise, ...]:
    """Instalments of a schedule, by day; none if the list does not say day and amount of each."""
    if not isinstance(items, list):
        return ()
    found = []
    for item in items:
        if not isinstance(item, dict):
            return ()
        amount, due = money_of(item, "amount", disposal.currency), moment_of(item, "on", "due_on", "date")
        if amount is None or due is None:
            return ()
        found.append(Promise(due, amount))
    return tuple(sorted(found, key=lambda one: (one.due_on or date.max, one.amount_minor)))


def _scheduled(disposal: Disposal, items: Any) -> Disposal:
    """A schedule replaces the one promise if it comes to the same amount."""
    instalments = _instalments(disposal, items)
    if not instalments or sum(one.amount_minor for one in instalments) != disposal.promised_minor:
        return disposal
    return replace(disposal, promises=instalments)


def _repayment(disposal: Disposal, payload: Payload, _on: date) -> Disposal:
    amount, due = money_of(payload, "repay_amount", disposal.currency), moment_of(payload, "repay_by")
    changed = amount is not None and amount != disposal.promised_minor
    last_due = disposal.promises[-1].due_on if disposal.promises else None
    if changed or (due is not None and due != last_due):
        disposal = _promised(disposal, "REPAYMENT", amount, due)
    return _scheduled(disposal, payload.get("schedule"))


def _judged(disposal: Disposal, payload: Payload, _on: date) -> Disposal:
    awarded = payload.get("awarded")
    if payload.get("outcome") in LOST:
        return replace(disposal, basis="AWARD", promises=())
    # `awarded` is an object with names of the court's: their sum counts if all of it is money, else the claim stays.
    names = list(awarded) if isinstance(awarded, dict) else []
    amounts = [money_of(awarded, name, disposal.currency) for name in names] if isinstance(awarded, dict) else []
    known = [amount for amount in amounts if amount is not None]
    if not known or len(known) < len(amounts):
        return disposal
    return _promised(disposal, "AWARD", sum(known), None)


def _mediated(disposal: Disposal, payload: Payload, _on: date) -> Disposal:
    terms, due = payload.get("terms"), moment_of(payload, "perform_by")
    terms = terms if isinstance(terms, dict) else {}
    amount = money_of(terms, "amount", disposal.currency)
    disposal = _promised(disposal, "MEDIATION", amount, due)
    return _scheduled(disposal, terms.get("instalments"))


def _effective(disposal: Disposal, payload: Payload, _on: date) -> Disposal:
    return _promised(disposal, disposal.basis, None, moment_of(payload, "perform_by"))


def _auctioned(disposal: Disposal, payload: Payload, on: date) -> Disposal:
    """Above the claim the price is the debtor's. A lot sold is paid soon, and says nothing of what else there is."""
    price = money_of(payload, "price", disposal.currency) or 0
    other = disposal.promised_minor if disposal.basis == "AUCTION" else disposal.received_minor
    return _further(disposal, "AUCTION", min(price, max(0, disposal.first_minor - other)), on)


def _round_failed(disposal: Disposal, _payload: Payload, _on: date) -> Disposal:
    return replace(disposal, failed_rounds=disposal.failed_rounds + 1)


def _bidding_failed(disposal: Disposal, payload: Payload, on: date) -> Disposal:
    return replace(_round_failed(disposal, payload, on), promises=(Promise(None, disposal.promised_minor),))


def _contract(disposal: Disposal, payload: Payload, _on: date) -> Disposal:
    return _scheduled(disposal, payload.get("instalments"))


def _price_returned(disposal: Disposal, payload: Payload, _on: date) -> Disposal:
    returned = money_of(payload, "price_returned", disposal.currency)
    return _received(disposal, -(disposal.received_minor if returned is None else returned))


def _cash(name: str, sign: int = 1) -> Callable[[Disposal, Payload, date], Disposal]:
    def rule(disposal: Disposal, payload: Payload, _on: date) -> Disposal:
        return _received(disposal, sign * (money_of(payload, name, disposal.currency) or 0))

    return rule


def _stated(name: str) -> Callable[[Disposal, Payload, date], Disposal]:
    def rule(disposal: Disposal, payload: Payload, _on: date) -> Disposal:
        return replace(disposal, stated_minor=money_of(payload, name, disposal.currency))

    return rule


def _fa_terms(disposal: Disposal, payload: Payload, _on: date) -> Disposal:
    """A conversion brings no cash, and what an insurer pays for a loss is known when it is booked."""
    kind = payload.get("kind") or ("SALE" if disposal.basis in {"RESERVE", "PRICE"} else "OTHER")
    if kind != "SALE":
        return replace(disposal, basis="NONE", promises=())
    reserve = money_of(payload, "reserve", disposal.currency)
    return _promised(replace(disposal, basis="RESERVE"), "RESERVE", reserve, None)


def _fa_approved(disposal: Disposal, payload: Payload, on: date) -> Disposal:
    return disposal if disposal.basis == "NONE" else _fa_terms(disposal, payload, on)


def _fa_posted(disposal: Disposal, payload: Payload, _on: date) -> Disposal:
    """Net of selling costs (spec/risk-assets.md 7.1: sale proceeds net)."""
    ccy = disposal.currency
    proceeds = money_of(payload, "proceeds", ccy)
    if proceeds is None and disposal.basis == "PRICE":
        proceeds = disposal.promised_minor
    net = (proceeds or 0) - (money_of(payload, "selling_costs", ccy) or 0)
    return _received(disposal, net + (money_of(payload, "compensation", ccy) or 0))


def _undone(disposal: Disposal, _payload: Payload, _on: date) -> Disposal:
    return replace(disposal, received_minor=0)


def _collection(disposal: Disposal, payload: Payload, _on: date) -> Disposal:
    """The newest promise of the debtor takes the place of an unpaid older one."""
    amount = money_of(payload, "promise_amount", disposal.currency)
    if amount is None:
        return disposal
    return _further(replace(disposal, basis="NONE"), "PROMISE", amount, moment_of(payload, "promise_on"))


#: Events whose promise is one field: basis, field of the amount, fields of the day.
_TERMS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    **{f"CaseProposal{end}": ("CLAIM", "claim_amount", ()) for end in ("Drafted", "Amended", "Approved")},
    **{f"Transfer{end}": ("RESERVE", "reserve", ()) for end in ("Drafted", "Amended", "Approved")},
    **{f"Plan{end}": ("ESTIMATE", "est_recovery", ("est_done_on",)) for end in ("Drafted", "Amended", "Approved")},
    "BuyerConfirmed": ("PRICE", "price", ()),
    "PackageFormed": ("RESERVE", "reserve", ()),
    "BidNoticeRegistered": ("RESERVE", "-", ("bid_on",)),
    "BidWon": ("PRICE", "price", ()),
    "FaBuyerConfirmed": ("PRICE", "price", ()),
}
_RULES: Mapping[str, Callable[[Disposal, Payload, date], Disposal]] = {
    "ReductionDrafted": _repayment,
    "ReductionAmended": _repayment,
    "ReductionApproved": _repayment,
    "ProceedsAllocated": _cash("amount"),
    "RepaymentReversed": _cash("amount", -1),
    "JudgmentServed": _judged,
    "JudgmentEffective": _effective,
    "MediationSigned": _mediated,
    "AuctionSold": _auctioned,
    "AuctionFailed": _round_failed,
    "CaseClosed": _stated("recovered"),
    "TransferContractSigned": _contract,
    "TransferPriceReceived": _cash("amount"),
    "TransferReversed": _price_returned,
    "BiddingFailed": _bidding_failed,
    "PackagePriceReceived": _cash("amount"),
    "PackageReversed": _price_returned,
    "AssetReplaced": _cash("price_diff"),
    "SecuritiesIssued": _cash("proceeds"),
    "IncomeRightTransferred": _cash("proceeds"),
    "FaDisposalDrafted": _fa_terms,
    "FaDisposalAmended": _fa_terms,
    "FaDisposalApproved": _fa_approved,
    "FaDisposalPosted": _fa_posted,
    "FaDisposalReversed": _undone,
    "CollectionActionLogged": _collection,
    "PlanClosed": _stated("actual_recovery"),
}
