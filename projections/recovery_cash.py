"""Expected and received cash of every disposal, folded from decision events (`tm.audit.event.v1`).

Facts only: what was promised, for when, what came in, at which stage the disposal stands. What is expected of it on
a day is policy on top (`engines.recovery_inflows`), as buckets are. Every change is kept with the event that caused
it, so that a reader can say which decision moved the gap, and can go back to any earlier offset. Not for claims and
write-offs: those are the aggregates'.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Self

import msgspec
from msgspec.structs import replace

from engines.primitives.errors import CorruptRecord
from projections.recovery_promises import after_event
from projections.recovery_records import CashMove, Decision, Disposal, DisposalId, money_of
from projections.recovery_stages import KINDS, OPENING, next_stage
from projections.state import check_contiguous

__all__ = ["RecoveryCashState", "disposals_at", "fold"]

#: Recovery modes that answer a debtor's promise to pay (spec/risk-assets.md 7.1).
VOLUNTARY = frozenset(("CASH_VOLUNTARY", "CASH_GUARANTOR", "COLLATERAL_SELF_SALE", "OUTSOURCED"))
ENFORCED = "LITIGATION_ENFORCEMENT"
ENFORCEABLE = frozenset(("EFFECTIVE", "ENFORCING", "SUSPENDED"))
#: Cash on the loan note itself: the event, and the field that says how much.
APPLIED = {"RecoveryApplied": "amount", "WriteOffRecoveryApplied": "amount", "AssetTransferred": "price"}
UNDONE = {
    "RecoveryReversed": "amount",
    "WriteOffRecoveryReversed": "amount",
    "TransferUnwound": "price_returned",
}
PLAN = "DisposalPlan"

Credit = tuple[str, str, str]  # loan note, flow or case, split


class _Dump(msgspec.Struct, array_like=True):
    version: int
    next_offset: int
    position: int
    moves: list[CashMove]
    credits: list[tuple[Credit, list[DisposalId]]]


class RecoveryCashState:
    """The disposals of one log of decisions, in the order in which they began."""

    FOLD_VERSION: ClassVar[int] = 1

    def __init__(self) -> None:
        self.next_offset = 0
        self.position = 0  # of the newest decision: the log repeats some, and a repeated one counts nothing
        self.moves: list[CashMove] = []
        self._disposals: dict[DisposalId, Disposal] = {}
        self._by_loan: dict[str, list[DisposalId]] = {}
        self._credits: dict[Credit, list[DisposalId]] = {}

    @property
    def disposals(self) -> Mapping[DisposalId, Disposal]:
        return self._disposals

    def at(self, offset: int) -> dict[DisposalId, Disposal]:
        """The disposals as they were when only records below `offset` had been read."""
        return disposals_at(self.moves, offset)

    def take(self, decision: Decision, offset: int) -> None:
        """One decision event; one that is known changes nothing."""
        if decision.position <= self.position:
            return
        self.position = decision.position
        before = self._disposals
        changed = [one for one in self._after(decision) if before.get(one.id) != one]
        if not changed:
            return
        for one in changed:
            self._put(one)
        self.moves.append(
            CashMove(
                offset=offset,
                position=decision.position,
                event_id=decision.id,
                type=decision.type,
                aggregate=decision.aggregate,
                key=decision.key,
                valid_on=decision.valid_on,
                recorded_at=decision.recorded_at,
                changed=tuple(changed),
            )
        )

    # -- bytes ---------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        known = sorted(self._credits.items())
        return msgspec.msgpack.encode(_Dump(self.FOLD_VERSION, self.next_offset, self.position, self.moves, known))

    @classmethod
    def load(cls, dump: bytes) -> Self:
        """Raises CorruptRecord: not a dump of this version."""
        try:
            found = msgspec.msgpack.decode(dump, type=_Dump)
        except msgspec.MsgspecError as error:
            raise CorruptRecord(f"not a dump of recovery cash: {error}") from error
        if found.version != cls.FOLD_VERSION:
            raise CorruptRecord("another fold version", expected=cls.FOLD_VERSION, got=found.version)
        state = cls()
        state.next_offset, state.position, state.moves = found.next_offset, found.position, found.moves
        state._credits = dict(found.credits)
        for move in found.moves:
            for one in move.changed:
                state._put(one)
        return state

    def canonical_bytes(self) -> bytes:
        """The state's meaning: the same however the log was cut, and where its publisher repeated records."""
        moves = [replace(move, offset=0) for move in self.moves]
        return msgspec.msgpack.encode(
            _Dump(self.FOLD_VERSION, 0, self.position, moves, sorted(self._credits.items()))
        )

    # -- one decision --------------------------------------------------------------------------------------

    def _put(self, disposal: Disposal) -> None:
        if disposal.id not in self._disposals:
            self._disposals[disposal.id] = disposal
        old = self._disposals[disposal.id]
        for loan in disposal.loans:
            known = self._by_loan.setdefault(loan, [])
            if disposal.id not in known:
                known.append(disposal.id)
        for loan in set(old.loans) - set(disposal.loans):
            self._by_loan[loan].remove(disposal.id)
        self._disposals[disposal.id] = disposal

    def _after(self, decision: Decision) -> list[Disposal]:
        if decision.aggregate == "RiskAsset":
            return self._on_loan(decision)
        if decision.aggregate not in KINDS:
            return []
        found = self._disposals.get((decision.aggregate, decision.key))
        if found is None:
            if OPENING.get(decision.type) != decision.aggregate:
                return []  # an event of a sub-process, or of a case whose draft was not in the log
            found = _opened(decision)
        payload = decision.payload
        moved = _amended(found, decision)
        moved = after_event(moved, decision.type, payload, decision.valid_on)
        moved = next_stage(moved, decision.type, payload, decision.valid_on)
        if decision.aggregate != "FaDisposal" or moved.received_minor == found.received_minor:
            return [moved]
        # What a foreclosed asset brings is no event of the loan note: the plans hear of it here.
        came_in = moved.received_minor - found.received_minor
        key = ("", decision.key, "")
        if came_in > 0:
            plans = self._open_on(moved.loans, PLAN)
            self._credits[key] = [plan.id for plan in plans]
        else:
            plans = [self._disposals[one] for one in self._credits.get(key, [])]
        return [moved, *(_credited(plan, came_in) for plan in plans)]

    def _on_loan(self, decision: Decision) -> list[Disposal]:
        """Cash applied to a loan note, or taken off it again, counts for the disposals that were to bring it."""
        loan, payload = decision.key, decision.payload
        flow = str(payload.get("flow_id") or payload.get("case_no") or "")
        credit = loan, flow, str(payload.get("split_no", ""))
        if name := APPLIED.get(decision.type):
            found = self._earners(decision.type, loan, str(payload.get("mode", "")))
            self._credits[credit] = [one.id for one in found]
            sign = 1
        elif name := UNDONE.get(decision.type):
            found = [self._disposals[one] for one in self._credits.get(credit, [])]
            sign = -1
        else:
            return []
        return [_credited(one, sign * (money_of(payload, name, one.currency) or 0)) for one in found]

    def _earners(self, event: str, loan: str, mode: str) -> list[Disposal]:
        """Every open plan on the loan note, and the case this cash comes from, if that has no event of its own."""
        found = self._open_on((loan,), PLAN)
        own: list[Disposal] = []
        if mode == ENFORCED:
            own = self._open_on((loan,), "LitigationCase")
        elif event == "WriteOffRecoveryApplied":
            own = [one for one in self._open_on((loan,), "LitigationCase") if one.stage in ENFORCEABLE]
            own = self._open_on((loan,), "CollectionTask") + own
        elif mode in VOLUNTARY:
            own = self._open_on((loan,), "CollectionTask")
        return found + own[-1:]

    def _open_on(self, loans: Sequence[str], aggregate: str) -> list[Disposal]:
        ids = dict.fromkeys(one for loan in loans for one in self._by_loan.get(loan, ()) if one[0] == aggregate)
        return [self._disposals[one] for one in ids if not self._disposals[one].is_closed]


def fold(
    state: RecoveryCashState, decisions: Iterable[tuple[int, Decision]], from_offset: int, to_offset: int
) -> RecoveryCashState:
    """Fold the decisions of [from_offset, to_offset), each with its offset, rising.

    Raises:
        CorruptRecord: records are missing before `from_offset`.
    Source: decision S23; issue "recovery cash flows back into liquidity".
    """
    check_contiguous(state.next_offset, from_offset, to_offset)
    for offset, decision in decisions:
        if offset >= state.next_offset:
            state.take(decision, offset)
    state.next_offset = max(state.next_offset, to_offset)
    return state


def disposals_at(moves: Sequence[CashMove], offset: int) -> dict[DisposalId, Disposal]:
    """What the moves below `offset` left, in the order in which the disposals began."""
    found: dict[DisposalId, Disposal] = {}
    for move in moves:
        if move.offset >= offset:
            break
        found.update((one.id, one) for one in move.changed)
    return found


def _opened(decision: Decision) -> Disposal:
    payload, branch = decision.payload, decision.payload.get("branch")
    return Disposal(
        aggregate=decision.aggregate,
        key=decision.key,
        entity=decision.entity,
        organisation=str(branch if branch not in (None, "", "-") else decision.org),
        currency=str(payload.get("ccy", "CNY")),
        loans=(),
        opened_on=decision.valid_on,
        stage="",
        stage_on=decision.valid_on,
    )


def _amended(disposal: Disposal, decision: Decision) -> Disposal:
    """The loan notes as drafted or amended."""
    for name in ("asset_ids", "loan_nos"):
        loans = decision.payload.get(name)
        if (
            decision.type.endswith(("Drafted", "Amended", "Formed", "Requested"))
            and isinstance(loans, list)
            and loans
        ):
            return replace(disposal, loans=tuple(dict.fromkeys(str(loan) for loan in loans)))
    return disposal


def _credited(disposal: Disposal, amount_minor: int) -> Disposal:
    return replace(disposal, received_minor=disposal.received_minor + amount_minor)
