"""The tables of the aggregates as data, and the stage that an event leads to; for views that know no aggregates.

A `Move` is one row of a table without its judgement: who may give which command where, and where it leads. Most rows
name their next stage. Those whose next stage depends on what happened before are `DERIVED` here once more, from
events alone; tests hold them equal to the aggregates over every transition of every table.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from projections.work.cases import CaseRow, Event

#: `Move.next` of a row whose next stage is derived.
BY_HISTORY = "?"
#: What an outcome may be called that ends a review well.
ACCEPTED = ("PASS", "ACCEPTED", "CLOSED")


@dataclass(frozen=True, slots=True)
class Move:
    """`next`: stage afterwards, "" keeps it, `?` see `DERIVED`. `partner`: follows from another case, nobody asks for
    it. `any_stage`: needs none. `remember`: the part that its actor plays from then on."""

    aggregate: str
    command: str
    event: str
    name: str  # that a command carries to mean this row
    roles: tuple[str, ...]
    stages: tuple[str, ...]
    next: str
    track: str = ""
    remember: str = ""
    makes: bool = False
    partner: bool = False
    any_stage: bool = False


@dataclass(frozen=True, slots=True)
class StageTable:
    """All moves of all aggregates. `end_stages`: in which nothing more happens by itself."""

    moves: tuple[Move, ...]
    end_stages: frozenset[str]
    first: Mapping[tuple[str, str], Move]  # by aggregate and event
    by_aggregate: Mapping[str, tuple[Move, ...]]

    @classmethod
    def of(cls, moves: Iterable[Move], end_stages: Iterable[str]) -> "StageTable":
        listed = tuple(moves)
        first: dict[tuple[str, str], Move] = {}
        by_aggregate: dict[str, list[Move]] = {}
        for move in listed:
            first.setdefault((move.aggregate, move.event), move)
            by_aggregate.setdefault(move.aggregate, []).append(move)
        return cls(listed, frozenset(end_stages), first, {name: tuple(found) for name, found in by_aggregate.items()})

    def open_moves(self, case: CaseRow) -> list[Move]:
        """Moves that may be asked for where a case stands; those that need no stage are left out."""
        return [
            move
            for move in self.by_aggregate.get(case.aggregate, ())
            if not move.partner and not move.makes and not move.any_stage and case.stage_of(move.track) in move.stages
        ]


def advance(table: StageTable, case: CaseRow, event: Event) -> None:
    """Moves a case whose facts hold the event's payload already."""
    move = table.first.get((case.aggregate, event["type"]))
    if move is None:
        return
    after = move.next
    if after == BY_HISTORY:
        after = derived(move)(case, event["payload"])
    _remember_way_back(move, case)
    if move.track:
        stood = case.tracks.get(move.track)
        case.tracks[move.track] = after or stood or "-"
        if after and after != stood:
            case.since, case.since_at = event["valid_on"], event["recorded_at"]
    elif after and after != case.stage:
        case.stage = after
        case.since, case.since_at = event["valid_on"], event["recorded_at"]
    if move.remember:
        played = case.people.setdefault(move.remember, [])
        actor = str(event["payload"].get("decided_by") or event["actor"])
        if actor not in played:
            played.append(actor)


def derived(move: Move) -> Callable[[CaseRow, Mapping[str, Any]], str]:
    """The rule of a row with a derived stage; KeyError where a table gained one that is not written here."""
    return DERIVED.get((move.aggregate, move.command)) or DERIVED["*", move.command]


def _remember_way_back(move: Move, case: CaseRow) -> None:
    if move.command in ("RequestPosting", "Retry"):
        if case.stage != "POSTING_FAILED":
            case.way_back["posting"] = case.stage
    elif move.command == "RequestReversal":
        case.way_back["reversal"] = case.stage
    elif move.event in ("CaseClosed", "EnforcementSuspended"):
        case.way_back["closing"] = case.stage
    elif move.event == "ReductionStatusChanged" and case.facts.get("to_status") == "SUSPENDED":
        case.way_back["suspension"] = case.stage
    elif move.event == "AssetTransferred":
        case.way_back["sale"] = case.stage


# --- Stages that depend on what happened before --------------------------------------------------------------------


def _assessed(case: CaseRow, payload: Mapping[str, Any]) -> str:
    nodes = case.facts.get("nodes") or []
    last = nodes[-1]["on"] if nodes else case.facts.get("period_end")
    return "CLOSED" if last is not None and payload["node_on"] >= last else "ACTIVE"


def _reviewed(case: CaseRow, payload: Mapping[str, Any]) -> str:
    return "CLOSED" if payload["outcome"] in ACCEPTED else "OPEN"


def _flow_confirmed(case: CaseRow, payload: Mapping[str, Any]) -> str:
    done = {*case.listed("confirmed"), payload["split_no"]}
    waiting = [split for split in case.facts.get("splits", []) if split["split_no"] not in done]
    return "TAGGED" if waiting else "CONFIRMED"


def _flow_reversed(case: CaseRow, payload: Mapping[str, Any]) -> str:
    whole = case.sums.get("received")
    back = case.sums.get("reversed", 0) + case.minor(payload["amount"])
    return "REVERSED" if whole is None or back >= whole else "PARTLY_REVERSED"


def _status_changed(case: CaseRow, payload: Mapping[str, Any]) -> str:
    wanted = str(payload["to_status"])
    return case.way_back.get("suspension", "") if wanted == "RESUMED" else wanted


def _portion_gone(stage: str) -> Callable[[CaseRow, Mapping[str, Any]], str]:
    def after(case: CaseRow, payload: Mapping[str, Any]) -> str:
        gone = sum((Decimal(portion) for portion in case.named.get("portions", {}).values()), Decimal(0))
        return stage if gone + Decimal(payload["portion"]) >= 100 else "PART_SOLD"

    return after


def _as_before(case: CaseRow, payload: Mapping[str, Any]) -> str:
    """Of an act that may be the first on an alert."""
    return case.stage or "RAISED"


#: What a channel calls the stages of an announced withdrawal.
RESERVATION_STAGES: Mapping[str, str] = {
    "DRAFT": "DRAFT",
    "SUBMITTED": "SUBMITTED",
    "APPROVED": "TREASURY_OK",
    "EXECUTED": "EXECUTED",
    "PARTIAL": "PARTIAL",
    "REJECTED": "REJECTED",
    "CANCELLED": "CANCELLED",
    "EXPIRED": "EXPIRED",
}


def _reservation_told(case: CaseRow, payload: Mapping[str, Any]) -> str:
    """What was approved here of an unchanged one stays."""
    stage = RESERVATION_STAGES.get(payload["status"], "DRAFT")
    is_approved = payload["revision"] == case.sums.get("revision") and bool(case.listed("approvals"))
    return "" if stage == "SUBMITTED" and is_approved else stage


def _reservation_approved(case: CaseRow, payload: Mapping[str, Any]) -> str:
    return "TREASURY_OK" if len(case.listed("approvals")) + 1 >= len(case.listed("levels")) else "BRANCH_OK"


def _reservation_executed(case: CaseRow, payload: Mapping[str, Any]) -> str:
    return "EXECUTED" if case.minor(payload["executed"]) >= case.minor(case.facts["amount"]) else "PARTIAL"


DERIVED: Mapping[tuple[str, str], Callable[[CaseRow, Mapping[str, Any]], str]] = {
    ("Target", "Assess"): _assessed,
    ("Inspection", "Review"): _reviewed,
    ("LiabilityDetermination", "Review"): _reviewed,
    ("RecoveryFlow", "ConfirmTag"): _flow_confirmed,
    ("RecoveryFlow", "ReverseByCore"): _flow_reversed,
    ("LitigationCase", "Reopen"): lambda case, payload: case.way_back.get("closing") or "FILED",
    ("WriteOff", "ReviewCompliance"): lambda case, payload: (
        "REVIEWED" if payload["outcome"] == "PASS" else "RETURNED"
    ),
    ("WriteOff", "RecordOutcome"): lambda case, payload: (
        "REJECTED" if payload["outcome"] == "REJECTED" else "SUBMITTED"
    ),
    ("DebtReduction", "ReverseRepayment"): lambda case, payload: "" if case.stage == "POSTED" else "PERFORMING",
    ("DebtReduction", "ChangeStatus"): _status_changed,
    ("AssetPackage", "MarkPosted"): lambda case, payload: "PARTLY_POSTED" if case.lists.get("failed") else "POSTED",
    ("ForeclosedAsset", "Sell"): _portion_gone("SOLD"),
    ("ForeclosedAsset", "Convert"): _portion_gone("CONVERTED"),
    ("ForeclosedAsset", "ListLoss"): _portion_gone("LOST"),
    ("LimitBreach", "Observe"): lambda case, payload: "OPEN" if case.stage == "RESTORED" else "",
    ("RiskAsset", "UnwindTransfer"): lambda case, payload: case.named.get("sold_from", {}).get(
        payload["case_no"], ""
    ),
    ("Alert", "Comment"): _as_before,
    ("Alert", "Escalate"): _as_before,
    ("Alert", "FailDelivery"): _as_before,
    ("AlertRule", "Disable"): lambda case, payload: "DISABLED" if case.stage == "ENABLED" else "",
    ("AlertRule", "Discard"): lambda case, payload: "ENABLED" if case.sums.get("in_force") else "DISCARDED",
    ("AlertSilence", "Silence"): lambda case, payload: "PROPOSED" if payload.get("needs_another") else "IN_FORCE",
    ("WithdrawalReservation", "TakeOver"): _reservation_told,
    ("WithdrawalReservation", "Follow"): _reservation_told,
    ("WithdrawalReservation", "ApproveAtBranch"): _reservation_approved,
    ("WithdrawalReservation", "ApproveAtTreasury"): _reservation_approved,
    ("WithdrawalReservation", "Amend"): lambda case, payload: "DRAFT" if case.stage == "DRAFT" else "SUBMITTED",
    ("WithdrawalReservation", "Execute"): _reservation_executed,
    ("*", "CancelPosting"): lambda case, payload: case.way_back.get("posting", ""),
    ("*", "MarkReversalRejected"): lambda case, payload: case.way_back.get("reversal", ""),
}
