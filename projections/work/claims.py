"""Every yuan of a claim in one place: what came in, where it went, what is left, by bucket.

A second count beside the aggregate `RiskAsset`, folded from the events' own amounts; it judges nothing. Integer minor
units. For each bucket: opening + accrued + advanced + moved = cash + in kind + capitalised + waived + transferred +
written off + left; and for the memo claim after a write-off likewise. Source: spec/risk-assets.md 3.2, 7.4.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engines.primitives.money import to_minor
from projections.work.cases import Event

BUCKETS = ("costs", "principal", "interest_on", "interest_off", "penalty", "compound")
BOOK_BUCKETS = ("costs", "principal", "interest_on")
ACCRUED_BUCKETS = ("interest_on", "interest_off", "penalty", "compound")
COMING, GOING = (
    ("opening", "accrued", "advanced", "moved"),
    (
        "cash",
        "in_kind",
        "capitalised",
        "waived",
        "transferred",
        "written_off",
    ),
)
MEMO_COMING, MEMO_GOING = ("written_off", "advanced", "restored"), ("cash", "reversed", "transferred", "no_recourse")

Alloc = Mapping[str, int]


@dataclass(slots=True)
class ClaimRow:
    """`places`, `memo_places`: minor units by (place, bucket); `left`, `memo`: what is left by bucket."""

    loan_no: str
    entity: str
    ccy: str
    customer_no: str
    classification: str = ""
    overdue_since: str | None = None
    maturity: str | None = None
    closed_as: str = ""
    hold_kind: str = ""
    hold_case_no: str = ""
    manager: str = ""
    lifecycle: str = "ACTIVE"
    places: Counter[tuple[str, str]] = field(default_factory=Counter)
    memo_places: Counter[tuple[str, str]] = field(default_factory=Counter)
    left: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BUCKETS, 0))
    memo: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BUCKETS, 0))
    sold_from: dict[str, str] = field(default_factory=dict)  # lifecycle before a transfer, by case

    @property
    def claim_minor(self) -> int:
        return sum(self.left.values())

    @property
    def memo_minor(self) -> int:
        return sum(self.memo.values())

    def total(self, place: str) -> int:
        """Of one place over all buckets, taken from the claim and from the memo claim."""
        both = (self.places, self.memo_places)
        return sum(minor for places in both for (name, _), minor in places.items() if name == place)

    def put(self, place: str, alloc: Alloc, sign: int = 1) -> None:
        """Money that came to the claim (`COMING`) or left it (`GOING`); `sign` -1 takes it back."""
        direction = sign if place in COMING else -sign
        for bucket, minor in alloc.items():
            self.places[place, bucket] += sign * minor
            self.left[bucket] += direction * minor

    def put_memo(self, place: str, alloc: Alloc, sign: int = 1) -> None:
        direction = sign if place in MEMO_COMING else -sign
        for bucket, minor in alloc.items():
            self.memo_places[place, bucket] += sign * minor
            self.memo[bucket] += direction * minor

    def minor(self, text: str) -> int:
        return to_minor(text, self.ccy)

    def alloc(self, texts: Mapping[str, str] | None) -> Alloc:
        return {bucket: to_minor(text, self.ccy) for bucket, text in (texts or {}).items()}


def admitted(event: Event) -> ClaimRow:
    payload = event["payload"]
    claim = ClaimRow(
        event["key"],
        payload.get("entity_id") or event["entity"],
        payload.get("ccy") or "CNY",
        str(payload.get("customer_no", "-")),
    )
    claim.classification, claim.overdue_since = payload.get("classification", ""), payload.get("overdue_since")
    claim.maturity = payload.get("maturity")
    claim.put("opening", {bucket: claim.minor(payload[bucket]) for bucket in BUCKETS if payload.get(bucket)})
    return claim


def fold(claim: ClaimRow, event: Event) -> None:
    """One further event of the loan note."""
    if (effect := EFFECTS.get(event["type"])) is not None:
        effect(claim, event["payload"])


# --- Single events -------------------------------------------------------------------------------------------------

Payload = Mapping[str, Any]


def _accrued(claim: ClaimRow, payload: Payload) -> None:
    claim.put("accrued", {b: claim.minor(payload[b]) - claim.left[b] for b in ACCRUED_BUCKETS if b in payload})


def _reclassified(claim: ClaimRow, payload: Payload) -> None:
    claim.classification = payload["to_class"]


def _moved_off(claim: ClaimRow, payload: Payload) -> None:
    interest = claim.minor(payload["interest"])
    claim.put("moved", {"interest_on": -interest, "interest_off": interest})


def _cost_advanced(claim: ClaimRow, payload: Payload) -> None:
    put = claim.put_memo if claim.lifecycle == "WRITTEN_OFF" else claim.put
    put("advanced", {"costs": claim.minor(payload["amount"])})


def _recovered(claim: ClaimRow, payload: Payload) -> None:
    claim.put("cash", claim.alloc(payload.get("alloc")))
    claim.overdue_since = payload.get("overdue_since", claim.overdue_since)


def _recovery_reversed(claim: ClaimRow, payload: Payload) -> None:
    alloc = claim.alloc(payload.get("alloc"))
    if claim.lifecycle == "WRITTEN_OFF":  # decision E16: what comes back of a written-off claim is memo claim
        claim.put("cash", alloc, -1)
        claim.put("written_off", alloc)
        claim.put_memo("restored", alloc)
    else:
        claim.put("cash", alloc, -1)


def _held(claim: ClaimRow, payload: Payload) -> None:
    claim.hold_kind, claim.hold_case_no = payload["kind"], payload["case_no"]


def _released(claim: ClaimRow, _payload: Payload) -> None:
    claim.hold_kind, claim.hold_case_no = "", ""


def _in_kind(sign: int) -> Callable[[ClaimRow, Payload], None]:
    def effect(claim: ClaimRow, payload: Payload) -> None:
        claim.put("in_kind", claim.alloc(payload.get("alloc")), sign)
        if capitalised := payload.get("costs_capitalised"):
            claim.put("capitalised", {"costs": claim.minor(capitalised)}, sign)

    return effect


def _transferred(claim: ClaimRow, payload: Payload) -> None:
    claim.sold_from[payload["case_no"]] = claim.lifecycle
    put = claim.put_memo if claim.lifecycle == "WRITTEN_OFF" else claim.put
    put("transferred", claim.alloc(payload.get("alloc")))
    claim.closed_as, claim.lifecycle = payload.get("closed_as", "TRANSFERRED"), "CLOSED"


def _unwound(claim: ClaimRow, payload: Payload) -> None:
    claim.lifecycle = claim.sold_from.pop(payload["case_no"], "ACTIVE")
    put = claim.put_memo if claim.lifecycle == "WRITTEN_OFF" else claim.put
    put("transferred", claim.alloc(payload.get("alloc")), -1)
    claim.closed_as = ""


def _written_off(claim: ClaimRow, payload: Payload) -> None:
    alloc = claim.alloc(payload.get("alloc"))
    claim.put("written_off", alloc)
    claim.put_memo("written_off", alloc)
    claim.lifecycle = "WRITTEN_OFF"


def _write_off_reversed(claim: ClaimRow, payload: Payload) -> None:
    alloc = claim.alloc(payload.get("alloc"))
    claim.put("written_off", alloc, -1)
    claim.put_memo("reversed", alloc)
    claim.lifecycle = "ACTIVE"


def _no_recourse(claim: ClaimRow, _payload: Payload) -> None:
    claim.put_memo("no_recourse", dict(claim.memo))
    claim.closed_as, claim.lifecycle = "NO_RECOURSE", "CLOSED"


def _closed(claim: ClaimRow, payload: Payload) -> None:
    claim.closed_as, claim.lifecycle = payload["closed_as"], "CLOSED"


def _reopened(claim: ClaimRow, _payload: Payload) -> None:
    claim.closed_as, claim.lifecycle = "", "ACTIVE"


def _managed(claim: ClaimRow, payload: Payload) -> None:
    claim.manager = payload["manager"]


EFFECTS: Mapping[str, Callable[[ClaimRow, Payload], None]] = {
    "AccrualSynced": _accrued,
    "AssetReclassified": _reclassified,
    "InterestMovedOffBalance": _moved_off,
    "CostAdvanced": _cost_advanced,
    "RecoveryApplied": _recovered,
    "RecoveryReversed": _recovery_reversed,
    "WriteOffRecoveryApplied": lambda claim, p: claim.put_memo("cash", claim.alloc(p.get("alloc"))),
    "WriteOffRecoveryReversed": lambda claim, p: claim.put_memo("cash", claim.alloc(p.get("alloc")), -1),
    "DisposalHoldPlaced": _held,
    "DisposalHoldReleased": _released,
    "InKindSettled": _in_kind(1),
    "InKindReversed": _in_kind(-1),
    "DebtReduced": lambda claim, p: claim.put("waived", claim.alloc(p.get("alloc"))),
    "DebtReductionReversed": lambda claim, p: claim.put("waived", claim.alloc(p.get("alloc")), -1),
    "AssetTransferred": _transferred,
    "TransferUnwound": _unwound,
    "AssetWrittenOff": _written_off,
    "AssetWriteOffReversed": _write_off_reversed,
    "NoRecourseMarked": _no_recourse,
    "ManagerAssigned": _managed,
    "AssetClosed": _closed,
    "AssetReopened": _reopened,
}
