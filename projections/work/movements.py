"""What reduced the stock of risk assets and what was recovered: one dated movement for every event that did, counted
for the recovery and the reduction target of an organisation as 7.1 and 7.3 say; reversals negative on their own day.

Mode, organisation and campaign of a cash flow are those of its newest tag, since a flow may be retagged after it was
applied. Integer minor units; currencies are never summed together. Source: spec/risk-assets.md 7.1, 7.3.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from projections.work.cases import CaseRow, Event
from projections.work.claims import ClaimRow

CASH_MODES = (
    "CASH_VOLUNTARY",
    "CASH_GUARANTOR",
    "COLLATERAL_SELF_SALE",
    "OUTSOURCED",
    "LITIGATION_ENFORCEMENT",
    "REDUCTION_CASH",
    "TRANSFER_SINGLE",
    "TRANSFER_BATCH",
    "SECURITISATION",
    "INCOME_RIGHT",
    "POST_WRITE_OFF_CASH",
    "SALE_PROCEEDS",
)
RECOVERY, REDUCTION = "RECOVERY", "REDUCTION"  # kinds of targets


@dataclass(frozen=True, slots=True)
class Movement:
    """`amount`: what moved, whole; `recovery`, `reduction`: what counts for each kind of target; `written_off`: the
    claim moved to memo. `about`: flow and split, or the case."""

    position: int
    valid_on: str
    entity: str
    org: str
    ccy: str
    mode: str
    loan_no: str
    about: str
    split_no: int
    event: str
    amount: int
    recovery: int = 0
    reduction: int = 0
    written_off: int = 0
    campaign: str = "-"

    @property
    def is_cash(self) -> bool:
        return self.mode in CASH_MODES

    def told(self, *, mode: str, org: str, campaign: str) -> "Movement":
        """The same movement under a newer tag."""
        return replace(self, mode=mode, org=org, campaign=campaign)

    def counted(self, kind: str) -> int:
        return self.recovery if kind == RECOVERY else self.reduction


@dataclass(slots=True)
class Origin:
    """What a reversal takes back: the mode and book amount of what it reverses."""

    mode: str
    book: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a loan note, read: what the counting rules ask of it. Minor units."""

    claim: ClaimRow
    payload: Mapping[str, Any]
    about: str
    origin: Origin | None
    principal: int
    whole: int
    amount: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Mode, signed amount, what counts for each kind of target, and the claim that went to memo."""

    mode: str
    amount: int
    recovery: int = 0
    reduction: int = 0
    written_off: int = 0
    book: int = 0  # that a later reversal takes back


def of_claim(claim: ClaimRow, branch: str, event: Event, origins: dict[str, Origin]) -> Movement | None:
    """The movement of one event of a loan note, if it moved the stock; `claim` as it is after the event."""
    kind, payload = event["type"], event["payload"]
    if (count := _COUNT.get(kind)) is None:
        return None
    about = str(payload.get("flow_id") or payload.get(_CASE_FIELD.get(kind, "case_no"), "-"))
    split_no = int(payload.get("split_no", 0))
    origin = f"{claim.loan_no}/{about}/{split_no}"
    alloc = claim.alloc(payload.get("alloc"))
    whole = sum(alloc.values())
    amount = claim.minor(payload["amount"]) if "amount" in payload else whole
    told = Told(claim, payload, about, origins.get(origin), alloc.get("principal", 0), whole, amount)
    found = count(told)
    if kind in _ORIGINS:
        origins[origin] = Origin(found.mode, found.book, found.amount)
    place = (event["position"], event["valid_on"], claim.entity, branch, claim.ccy)
    counts = (found.amount, found.recovery, found.reduction, found.written_off)
    return Movement(*place, found.mode, claim.loan_no, about, split_no, kind, *counts)


def _applied(told: Told) -> Counted:
    return Counted(str(told.payload["mode"]), told.amount, told.amount, told.principal)


def _reversed(told: Told) -> Counted:
    mode = "CASH_VOLUNTARY" if told.origin is None else told.origin.mode
    return Counted(mode, -told.amount, -told.amount, -told.principal)


def _sold(told: Told) -> Counted:
    """What left the stock with a write-off does not leave it a second time with its sale."""
    claim = told.claim
    single = "TRANSFER_BATCH" if claim.hold_kind == "BATCH" else "TRANSFER_SINGLE"
    mode = "SECURITISATION" if claim.closed_as == "SECURITISED" else single
    price = claim.minor(told.payload["price"])
    from_memo = claim.sold_from.get(told.about) == "WRITTEN_OFF"
    book = 0 if from_memo else claim.minor(told.payload["book_amount"])
    return Counted(mode, price, price, book, book=book)


def _unwound(told: Told) -> Counted:
    sold = told.origin or Origin("TRANSFER_SINGLE")
    returned = told.claim.minor(told.payload["price_returned"])
    return Counted(sold.mode, -returned, -returned, -sold.book)


def _without_cash(mode: str, sign: int) -> Callable[[Told], Counted]:
    return lambda told: Counted(mode, sign * told.amount, 0, sign * told.principal)


def _written_off(sign: int) -> Callable[[Told], Counted]:
    return lambda told: Counted(
        "WRITE_OFF", sign * told.whole, 0, sign * told.principal, written_off=sign * told.whole
    )


def _after_write_off(sign: int) -> Callable[[Told], Counted]:
    """Recovered in full, and no reduction: the claim left the stock when it was written off."""
    return lambda told: Counted("POST_WRITE_OFF_CASH", sign * told.amount, sign * told.amount)


_COUNT: Mapping[str, Callable[[Told], Counted]] = {
    "RecoveryApplied": _applied,
    "RecoveryReversed": _reversed,
    "WriteOffRecoveryApplied": _after_write_off(1),
    "WriteOffRecoveryReversed": _after_write_off(-1),
    "InKindSettled": _without_cash("FORECLOSURE_IN_KIND", 1),
    "InKindReversed": _without_cash("FORECLOSURE_IN_KIND", -1),
    "DebtReduced": _without_cash("REDUCTION_WAIVER", 1),
    "DebtReductionReversed": _without_cash("REDUCTION_WAIVER", -1),
    "AssetWrittenOff": _written_off(1),
    "AssetWriteOffReversed": _written_off(-1),
    "AssetTransferred": _sold,
    "TransferUnwound": _unwound,
}
_ORIGINS = ("RecoveryApplied", "WriteOffRecoveryApplied", "AssetTransferred")
_CASE_FIELD = {
    "InKindSettled": "foreclosure_no",
    "InKindReversed": "foreclosure_no",
    "DebtReduced": "reduction_no",
    "DebtReductionReversed": "reduction_no",
    "AssetWrittenOff": "write_off_no",
    "AssetWriteOffReversed": "write_off_no",
}


def of_foreclosed(case: CaseRow, event: Event, origins: dict[str, Origin]) -> Movement | None:
    """Proceeds of a foreclosed asset, net of costs: they count as recovered when it is sold (7.1)."""
    payload, kind = event["payload"], event["type"]
    about = str(payload.get("fa_disposal_no", "-"))
    if kind == "AssetSold":
        net = case.minor(payload["proceeds"]) - case.minor(payload.get("selling_costs", "0"))
        origins[f"{case.key}/{about}"] = Origin("SALE_PROCEEDS", amount=net)
    elif kind == "DisposalUndone" and f"{case.key}/{about}" in origins:
        net = -origins.pop(f"{case.key}/{about}").amount
    else:
        return None
    loan_no = next(iter(case.asset_nos), "-")
    place = (event["position"], event["valid_on"], case.entity, case.branch, case.ccy)
    return Movement(*place, "SALE_PROCEEDS", loan_no, about, 0, kind, net, recovery=net)


def of_observation(case: CaseRow, event: Event, claims: Mapping[str, ClaimRow], branch_of: Any) -> Iterator[Movement]:
    """A restructured loan counts as reduced once its observation is passed, by the principal then left."""
    for loan_no in case.asset_nos:
        if (claim := claims.get(loan_no)) is not None:
            left = claim.left["principal"]
            place = (event["position"], event["valid_on"], claim.entity, branch_of(loan_no), claim.ccy)
            yield Movement(*place, "RESTRUCTURE", loan_no, case.key, 0, event["type"], left, reduction=left)


def within(movements: Iterable[Movement], start: str, end: str) -> Iterator[Movement]:
    """Those that count on a day from `start` to `end`, both included; ISO days."""
    return (movement for movement in movements if start <= movement.valid_on <= end)
