"""RiskAsset: one loan note at risk, and the only place where a claim balance changes (spec/risk-assets.md
3.2).

A command checks every guard, then triggers one event; an `@event` method only assigns, since it runs again at
every replay. Guards of roles and entities are the application's, as they need no state. Money is integer
minor units of `ccy`. Not here yet: settlement in kind, reduction, transfer, restructuring and their
reversals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import Aggregate, event

from aggregates import claim
from aggregates.claim import Alloc, Effect
from aggregates.envelope import Envelope
from aggregates.refusals import not_found, unless, unless_field, unless_state

CLASSES = ("NORMAL", "SPECIAL_MENTION", "SUBSTANDARD", "DOUBTFUL", "LOSS")
HOLD_KINDS = ("FORECLOSURE", "WRITE_OFF", "REDUCTION", "TRANSFER", "BATCH", "RESTRUCTURING")
MEMO_HOLD_KINDS = ("TRANSFER", "BATCH")  # a written-off claim can still be sold
CLOSED_BY_COMMAND = (
    "REPAID",
    "SETTLED_IN_KIND",
    "SETTLED_WITH_REDUCTION",
)  # the others come with their own case
REVERSAL_KINDS = ("CORRECTION", "ECONOMIC")

ACTIVE, WRITTEN_OFF, CLOSED = "ACTIVE", "WRITTEN_OFF", "CLOSED"


@dataclass(frozen=True, slots=True)
class Applied:
    """What is left of one applied flow split: its unreversed parts, and which event applied it."""

    alloc_minor: Alloc
    valid_on: date
    version: int
    from_memo: bool


@dataclass(frozen=True, slots=True)
class Sync:
    """Absolute balances of the accruing buckets at the end of one day."""

    as_of: date
    interest_on_minor: int
    interest_off_minor: int
    penalty_minor: int
    compound_minor: int
    engine_diff_minor: int = 0

    def balances(self) -> Alloc:
        return {
            "interest_on": self.interest_on_minor,
            "interest_off": self.interest_off_minor,
            "penalty": self.penalty_minor,
            "compound": self.compound_minor,
        }


def split_key(flow_id: str, split_no: int) -> str:
    return f"{flow_id}/{split_no}"


class RiskAsset(Aggregate):
    """Lifecycle ACTIVE, WRITTEN_OFF or CLOSED; claim buckets, memo claim after a write-off, one exclusive
    hold."""

    TOPIC = "risk-asset"  # stored names: the code may move, history may not

    class Created(Aggregate.Created):
        TOPIC = "risk-asset.created"  # inherited and unused, yet the library wants it named

    @staticmethod
    def create_id(loan_no: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/tm/RiskAsset/{loan_no}")

    # --- Admission -----------------------------------------------------------------------------------------

    @classmethod
    def admit(
        cls,
        who: Envelope,
        at: datetime,
        *,
        loan_no: str,
        ccy: str,
        customer_no: str,
        branch: str,
        product: str,
        segment: str,
        buckets_minor: Mapping[str, int],
        classification: str,
        overdue_since: date | None,
        maturity: date | None,
        rate_terms: Mapping[str, Any],
        collateral_ids: Sequence[str],
        guarantor_nos: Sequence[str],
    ) -> Self:
        """Take a loan note into the risk stock; that `loan_no` is unknown is checked by the application."""
        unless_field(classification in CLASSES, "classification", f"unknown class {classification!r}")
        unless_field(min(buckets_minor.values()) >= 0, "principal", "a claim bucket is never negative")
        unless(classification != "NORMAL", "RiskAsset.Admit.2", "the class must be SPECIAL_MENTION or worse")
        return cls(
            who=who,
            loan_no=loan_no,
            entity_id=who.entity,
            ccy=ccy,
            customer_no=customer_no,
            branch=branch,
            product=product,
            segment=segment,
            principal_minor=buckets_minor["principal"],
            interest_on_minor=buckets_minor["interest_on"],
            interest_off_minor=buckets_minor["interest_off"],
            penalty_minor=buckets_minor["penalty"],
            compound_minor=buckets_minor["compound"],
            costs_minor=buckets_minor["costs"],
            classification=classification,
            overdue_since=overdue_since,
            maturity=maturity,
            rate_terms=dict(rate_terms),
            collateral_ids=list(collateral_ids),
            guarantor_nos=list(guarantor_nos),
            timestamp=at,
        )

    @event("AssetAdmitted", topic="risk-asset.asset-admitted")
    def __init__(
        self,
        *,
        who: Envelope,
        loan_no: str,
        entity_id: str,
        ccy: str,
        customer_no: str,
        branch: str,
        product: str,
        segment: str,
        principal_minor: int,
        interest_on_minor: int,
        interest_off_minor: int,
        penalty_minor: int,
        compound_minor: int,
        costs_minor: int,
        classification: str,
        overdue_since: date | None,
        maturity: date | None,
        rate_terms: dict[str, Any],
        collateral_ids: list[str],
        guarantor_nos: list[str],
        timestamp: datetime,
    ) -> None:
        self.loan_no, self.entity_id, self.ccy = loan_no, entity_id, ccy
        self.customer_no, self.branch, self.product, self.segment = customer_no, branch, product, segment
        self.maturity, self.rate_terms = maturity, rate_terms
        self.collateral_ids, self.guarantor_nos = collateral_ids, guarantor_nos
        self.lifecycle, self.closed_as = ACTIVE, ""
        self.classification, self.overdue_since = classification, overdue_since
        self.buckets_minor = {
            "costs": costs_minor,
            "principal": principal_minor,
            "interest_on": interest_on_minor,
            "interest_off": interest_off_minor,
            "penalty": penalty_minor,
            "compound": compound_minor,
        }
        self.memo_minor = dict.fromkeys(claim.BUCKETS, 0)
        self.hold_kind, self.hold_case_no = "", ""
        self.effects = [Effect(who.valid_on, True, dict(self.buckets_minor))]
        self.synced_on: list[date] = []
        self.written_off_on: date | None = None
        self.applied: dict[str, Applied] = {}
        self.rec_cash_minor = self.rec_kind_minor = self.waived_minor = 0
        self.written_off_minor = self.income_minor = self.loss_minor = 0

    # --- Accrual and classification ------------------------------------------------------------------------

    def sync_accrual(self, who: Envelope, at: datetime, syncs: Sequence[Sync], *, basis: str) -> None:
        """Set the accrued buckets as core banking has them. With basis RESYNC an earlier day may be set, if
        every later recorded day is set again after it, in order (E15)."""
        unless_field(bool(syncs), "syncs", "nothing to sync")
        for sync in syncs:
            unless_field(min(sync.balances().values()) >= 0, "as_of", "a claim bucket is never negative")
        days = [sync.as_of for sync in syncs]
        unless_field(days == sorted(set(days)), "syncs", "days must rise")
        unless_field(len(syncs) == 1 or basis == "RESYNC", "basis", "several days need basis RESYNC")
        unless_state(self.lifecycle, (ACTIVE,), "SyncAccrual", "RiskAsset.SyncAccrual.1")
        last = max(self.synced_on, default=self.effects[0].valid_on)
        if days[0] < last:
            later = [day for day in self.synced_on if day >= days[0]]
            complete = basis == "RESYNC" and set(later) <= set(days) and days[-1] == last
            unless(complete, "RiskAsset.SyncAccrual.2", "an earlier day needs a re-sync of every later one")
        for sync in syncs:
            self._accrual_synced(
                who=who.on(sync.as_of),
                as_of=sync.as_of,
                ccy=self.ccy,
                interest_on_minor=sync.interest_on_minor,
                interest_off_minor=sync.interest_off_minor,
                penalty_minor=sync.penalty_minor,
                compound_minor=sync.compound_minor,
                engine_diff_minor=sync.engine_diff_minor,
                basis=basis,
                timestamp=at,
            )

    @event("AccrualSynced", topic="risk-asset.accrual-synced")
    def _accrual_synced(
        self,
        *,
        who: Envelope,
        as_of: date,
        ccy: str,
        interest_on_minor: int,
        interest_off_minor: int,
        penalty_minor: int,
        compound_minor: int,
        engine_diff_minor: int,
        basis: str,
        timestamp: datetime,
    ) -> None:
        balances = {
            "interest_on": interest_on_minor,
            "interest_off": interest_off_minor,
            "penalty": penalty_minor,
            "compound": compound_minor,
        }
        self.income_minor += interest_on_minor - self.buckets_minor["interest_on"]
        self.buckets_minor.update(balances)
        self.effects.append(Effect(who.valid_on, True, balances))
        if as_of not in self.synced_on:
            self.synced_on.append(as_of)

    def reclassify(
        self,
        who: Envelope,
        at: datetime,
        *,
        from_class: str,
        to_class: str,
        days_overdue: int | None,
        basis: str,
    ) -> None:
        """Move to a worse class. An upgrade needs an approval, whose case is not built yet: always
        refused."""
        derived = self.overdue_days(who.valid_on)
        unless_field(to_class in CLASSES, "to_class", f"unknown class {to_class!r}")
        unless_field(from_class in CLASSES, "from_class", f"unknown class {from_class!r}")
        unless_field(from_class != to_class, "to_class", "the class does not change")
        unless_field(days_overdue in (None, derived), "days_overdue", f"{derived} days are overdue")
        unless_state(self.lifecycle, (ACTIVE,), "Reclassify")
        unless(from_class == self.classification, "RiskAsset.Reclassify.1", f"the class is {self.classification}")
        worse = CLASSES.index(to_class) > CLASSES.index(from_class)
        unless(worse, "RiskAsset.Reclassify.2", "an upgrade needs an approval")
        self._reclassified(
            who=who,
            from_class=from_class,
            to_class=to_class,
            days_overdue=derived,
            basis=basis,
            timestamp=at,
        )

    @event("AssetReclassified", topic="risk-asset.asset-reclassified")
    def _reclassified(
        self,
        *,
        who: Envelope,
        from_class: str,
        to_class: str,
        days_overdue: int,
        basis: str,
        timestamp: datetime,
    ) -> None:
        self.classification = to_class

    def move_interest_off(self, who: Envelope, at: datetime, *, interest_minor: int) -> None:
        unless_field(interest_minor > 0, "interest", "the amount must be positive")
        unless_state(self.lifecycle, (ACTIVE,), "MoveInterestOff")
        enough = interest_minor <= self.buckets_minor["interest_on"]
        unless(enough, "RiskAsset.MoveInterestOff.1", "more than the interest on the balance sheet")
        worse = self.is_at_least("SUBSTANDARD")
        unless(worse, "RiskAsset.MoveInterestOff.2", "the class must be SUBSTANDARD or worse")
        self._interest_moved(who=who, interest_minor=interest_minor, ccy=self.ccy, timestamp=at)

    @event("InterestMovedOffBalance", topic="risk-asset.interest-moved-off-balance")
    def _interest_moved(self, *, who: Envelope, interest_minor: int, ccy: str, timestamp: datetime) -> None:
        self._add({"interest_on": -interest_minor, "interest_off": interest_minor}, who.valid_on)
        self.income_minor -= interest_minor

    def advance_cost(self, who: Envelope, at: datetime, *, expense_id: str, kind: str, amount_minor: int) -> None:
        """A recoverable expense joins the claim; on a written-off asset it joins the memo and is a loss
        (E16)."""
        unless_state(self.lifecycle, (ACTIVE, WRITTEN_OFF), "AdvanceCost")
        unless(amount_minor > 0, "RiskAsset.AdvanceCost.1", "a cost must be positive")
        self._cost_advanced(
            who=who,
            expense_id=expense_id,
            kind=kind,
            amount_minor=amount_minor,
            ccy=self.ccy,
            timestamp=at,
        )

    @event("CostAdvanced", topic="risk-asset.cost-advanced")
    def _cost_advanced(
        self,
        *,
        who: Envelope,
        expense_id: str,
        kind: str,
        amount_minor: int,
        ccy: str,
        timestamp: datetime,
    ) -> None:
        if self.lifecycle == WRITTEN_OFF:
            self.memo_minor["costs"] += amount_minor
            self.loss_minor += amount_minor
        else:
            self._add({"costs": amount_minor}, who.valid_on)

    # --- Recovery ------------------------------------------------------------------------------------------

    def apply_recovery(
        self,
        who: Envelope,
        at: datetime,
        *,
        flow_id: str,
        split_no: int,
        mode: str,
        amount_minor: int,
        alloc_minor: Alloc | None,
        order: str | None,
        overdue_since: date | None,
    ) -> None:
        """Lay money received on the claim in the order of its mode (7.1). A part fits its bucket on its value
        date and on every later day (E15); what fits nowhere is surplus and refuses the whole (suspense is
        PM1's).

        `alloc_minor` and `order` may be left out; given, they must be those of the mode, except that a
        judgment may set the order of LITIGATION_ENFORCEMENT. `overdue_since` is the due day of the oldest
        bill left.
        """
        unless_field(mode in claim.CASH_MODES, "mode", f"{mode!r} is not applied by itself")
        unless_field(amount_minor > 0, "amount", "a recovery must be positive")
        unless_field(overdue_since is None or overdue_since <= who.valid_on, "overdue_since", "after the value date")
        by_mode = claim.order_of(mode, self.overdue_days(who.valid_on))
        order = order or by_mode
        free = mode == "LITIGATION_ENFORCEMENT" and order in ("INTEREST_FIRST", "PRINCIPAL_FIRST")
        unless_field(order == by_mode or free, "order", f"{mode} is allocated {by_mode}")
        self._check_alloc(alloc_minor, amount_minor)
        unless_state(self.lifecycle, (ACTIVE,), "ApplyRecovery", "RiskAsset.ApplyRecovery.1")
        fresh = split_key(flow_id, split_no) not in self.applied
        unless(fresh, "RiskAsset.ApplyRecovery.2", "this split is already applied", flow_id=flow_id)
        lowest = claim.lowest_from(self.effects, who.valid_on)
        capacity = {bucket: max(0, min(lowest[bucket], self.buckets_minor[bucket])) for bucket in claim.BUCKETS}
        derived, surplus = claim.allocate(amount_minor, claim.ORDERS[order], capacity)
        for bucket, part in (alloc_minor or {}).items():
            unless(part <= capacity[bucket], "RiskAsset.ApplyRecovery.3", f"more than the {bucket} left")
        unless(not surplus, "RiskAsset.ApplyRecovery.4", "more than the claim: the surplus goes to suspense")
        unless_field(alloc_minor in (None, derived), "alloc", f"not allocated {order}")
        self._recovery_applied(
            who=who,
            flow_id=flow_id,
            split_no=split_no,
            mode=mode,
            amount_minor=amount_minor,
            alloc_minor=derived,
            ccy=self.ccy,
            order=order,
            overdue_since=overdue_since,
            timestamp=at,
        )

    @event("RecoveryApplied", topic="risk-asset.recovery-applied")
    def _recovery_applied(
        self,
        *,
        who: Envelope,
        flow_id: str,
        split_no: int,
        mode: str,
        amount_minor: int,
        alloc_minor: dict[str, int],
        ccy: str,
        order: str,
        overdue_since: date | None,
        timestamp: datetime,
    ) -> None:
        self._add({bucket: -part for bucket, part in alloc_minor.items()}, who.valid_on)
        self.overdue_since = overdue_since
        self.rec_cash_minor += amount_minor
        self.income_minor += claim.memo_interest_of(alloc_minor)
        key = split_key(flow_id, split_no)
        self.applied[key] = Applied(dict(alloc_minor), who.valid_on, self.version + 1, from_memo=False)

    def reverse_recovery(
        self,
        who: Envelope,
        at: datetime,
        *,
        flow_id: str,
        split_no: int,
        kind: str,
        amount_minor: int,
        alloc_minor: Alloc | None,
        reverses: str | None,
    ) -> None:
        """Undo a recovery wholly or in part, last bucket first. On a written-off asset the parts enter the
        memo; a closed one is reopened in the same save (E16). `who.valid_on` is the original's for a
        CORRECTION."""
        unless_field(kind in REVERSAL_KINDS, "kind", f"unknown kind {kind!r}")
        unless_field(amount_minor > 0, "amount", "a reversal must be positive")
        self._check_alloc(alloc_minor, amount_minor)
        unless_state(self.lifecycle, (ACTIVE, WRITTEN_OFF, CLOSED), "ReverseRecovery")
        by_command = self.lifecycle != CLOSED or self.closed_as in CLOSED_BY_COMMAND
        unless(
            by_command,
            "STATE",
            "the claim has left the bank: the reversal goes to suspense",
            state=self.closed_as,
        )
        original = self.applied.get(split_key(flow_id, split_no))
        left = sum(original.alloc_minor.values()) if original and not original.from_memo else 0
        unless(left >= amount_minor, "RiskAsset.ReverseRecovery.1", "less than that is left unreversed")
        if original is None:  # only for the type checker: nothing is left of what is not there
            raise not_found("recovery", split_key(flow_id, split_no))
        derived = claim.undo(amount_minor, original.alloc_minor)
        unless_field(alloc_minor in (None, derived), "alloc", "a reversal undoes the last bucket first")
        undone = str(event_id(self.id, original.version))
        unless_field(reverses in (None, undone), "reverses", f"that split was applied by event {undone}")
        valid_on = original.valid_on
        unless_field(
            kind != "CORRECTION" or who.valid_on == valid_on, "valid_on", f"a correction counts on {valid_on}"
        )
        unless_field(who.valid_on >= valid_on, "valid_on", "before the recovery that it reverses")
        if self.lifecycle == CLOSED:
            self._reopened(who=who, cause="RECOVERY_REVERSED", timestamp=at)
        self._recovery_reversed(
            who=who,
            flow_id=flow_id,
            split_no=split_no,
            kind=kind,
            amount_minor=amount_minor,
            alloc_minor=derived,
            ccy=self.ccy,
            reverses=undone,
            timestamp=at,
        )

    @event("RecoveryReversed", topic="risk-asset.recovery-reversed")
    def _recovery_reversed(
        self,
        *,
        who: Envelope,
        flow_id: str,
        split_no: int,
        kind: str,
        amount_minor: int,
        alloc_minor: dict[str, int],
        ccy: str,
        reverses: str,
        timestamp: datetime,
    ) -> None:
        if self.lifecycle == WRITTEN_OFF:
            for bucket, part in alloc_minor.items():
                self.memo_minor[bucket] += part
            self.loss_minor += claim.book_of(alloc_minor)
        else:
            self._add(alloc_minor, who.valid_on)
        self.rec_cash_minor -= amount_minor
        self.income_minor -= claim.memo_interest_of(alloc_minor)
        self._take_back(split_key(flow_id, split_no), alloc_minor)

    # --- Hold ----------------------------------------------------------------------------------------------

    def place_hold(self, who: Envelope, at: datetime, *, kind: str, case_no: str) -> None:
        unless_field(kind in HOLD_KINDS, "kind", f"unknown kind {kind!r}")
        unless(
            not self.hold_kind,
            "RiskAsset.PlaceHold.1",
            "another case holds the asset",
            case_no=self.hold_case_no,
        )
        fits = self.lifecycle == ACTIVE or (self.lifecycle == WRITTEN_OFF and kind in MEMO_HOLD_KINDS)
        unless(fits, "RiskAsset.PlaceHold.2", f"no {kind} of an asset that is {self.lifecycle}")
        self._hold_placed(who=who, kind=kind, case_no=case_no, timestamp=at)

    @event("DisposalHoldPlaced", topic="risk-asset.disposal-hold-placed")
    def _hold_placed(self, *, who: Envelope, kind: str, case_no: str, timestamp: datetime) -> None:
        self.hold_kind, self.hold_case_no = kind, case_no

    def release_hold(self, who: Envelope, at: datetime, *, kind: str, case_no: str, reason: str) -> None:
        unless(self.is_held_by(kind, case_no), "RiskAsset.ReleaseHold.1", "that case does not hold the asset")
        self._hold_released(who=who, kind=kind, case_no=case_no, reason=reason, timestamp=at)

    @event("DisposalHoldReleased", topic="risk-asset.disposal-hold-released")
    def _hold_released(self, *, who: Envelope, kind: str, case_no: str, reason: str, timestamp: datetime) -> None:
        self.hold_kind, self.hold_case_no = "", ""

    # --- Write-off -----------------------------------------------------------------------------------------

    def check_write_off(self, *, write_off_no: str, book_alloc_minor: Alloc, class_min: str) -> None:
        """The guards of WriteOff, also asked before an instruction is sent: core must not post what we
        refuse."""
        unless_state(self.lifecycle, (ACTIVE,), "WriteOff")
        unless(
            self.is_held_by("WRITE_OFF", write_off_no),
            "RiskAsset.WriteOff.1",
            "no WRITE_OFF hold of this case",
        )
        same = book_alloc_minor == claim.non_zero(self.buckets_minor, claim.BOOK_BUCKETS)
        unless(same, "RiskAsset.WriteOff.2", "the instruction does not hold every book bucket as it stands")
        unless(self.is_at_least(class_min), "RiskAsset.WriteOff.3", f"the class must be {class_min}")

    def write_off(
        self,
        who: Envelope,
        at: datetime,
        *,
        write_off_no: str,
        book_alloc_minor: Alloc,
        class_min: str,
    ) -> None:
        """Move the whole claim to the memo, after core posted the book buckets; memo interest is read now
        (E17)."""
        self.check_write_off(write_off_no=write_off_no, book_alloc_minor=book_alloc_minor, class_min=class_min)
        self._written_off(
            who=who,
            write_off_no=write_off_no,
            book_amount_minor=claim.book_of(self.buckets_minor),
            memo_interest_minor=claim.memo_interest_of(self.buckets_minor),
            alloc_minor=claim.non_zero(self.buckets_minor),
            ccy=self.ccy,
            timestamp=at,
        )

    @event("AssetWrittenOff", topic="risk-asset.asset-written-off")
    def _written_off(
        self,
        *,
        who: Envelope,
        write_off_no: str,
        book_amount_minor: int,
        memo_interest_minor: int,
        alloc_minor: dict[str, int],
        ccy: str,
        timestamp: datetime,
    ) -> None:
        self.lifecycle, self.written_off_on = WRITTEN_OFF, who.valid_on
        for bucket, part in alloc_minor.items():
            self.memo_minor[bucket] += part
        self._add({bucket: -part for bucket, part in alloc_minor.items()}, who.valid_on)
        self.written_off_minor += book_amount_minor + memo_interest_minor
        self.loss_minor += book_amount_minor

    def recover_written_off(
        self,
        who: Envelope,
        at: datetime,
        *,
        flow_id: str,
        split_no: int,
        amount_minor: int,
        alloc_minor: Alloc | None,
    ) -> None:
        """Money received after the write-off, laid on the memo claim: costs, principal, interest, penalty,
        compound."""
        unless_field(amount_minor > 0, "amount", "a recovery must be positive")
        self._check_alloc(alloc_minor, amount_minor)
        command = "RiskAsset.RecoverWrittenOff"
        unless_state(self.lifecycle, (WRITTEN_OFF,), "RecoverWrittenOff", f"{command}.1")
        since = self.written_off_on or who.valid_on
        unless_field(who.valid_on >= since, "valid_on", "before the write-off")
        fresh = split_key(flow_id, split_no) not in self.applied
        unless(fresh, "STATE", "this split is already applied", flow_id=flow_id)
        derived, surplus = claim.allocate(amount_minor, claim.POST_WRITE_OFF_ORDER, self.memo_minor)
        fits = all(part <= self.memo_minor[bucket] for bucket, part in (alloc_minor or {}).items())
        unless(fits and not surplus, f"{command}.2", "more than the memo claim")
        unless_field(alloc_minor in (None, derived), "alloc", "not in the order of recoveries after a write-off")
        self._write_off_recovery_applied(
            who=who,
            flow_id=flow_id,
            split_no=split_no,
            amount_minor=amount_minor,
            alloc_minor=derived,
            ccy=self.ccy,
            timestamp=at,
        )

    @event("WriteOffRecoveryApplied", topic="risk-asset.write-off-recovery-applied")
    def _write_off_recovery_applied(
        self,
        *,
        who: Envelope,
        flow_id: str,
        split_no: int,
        amount_minor: int,
        alloc_minor: dict[str, int],
        ccy: str,
        timestamp: datetime,
    ) -> None:
        for bucket, part in alloc_minor.items():
            self.memo_minor[bucket] -= part
        self.rec_cash_minor += amount_minor
        self.loss_minor -= claim.book_of(alloc_minor)
        self.income_minor += claim.memo_interest_of(alloc_minor)
        key = split_key(flow_id, split_no)
        self.applied[key] = Applied(dict(alloc_minor), who.valid_on, self.version + 1, from_memo=True)

    # --- Closing -------------------------------------------------------------------------------------------

    def close(self, who: Envelope, at: datetime, *, closed_as: str) -> None:
        unless_field(closed_as in CLOSED_BY_COMMAND, "closed_as", f"{closed_as!r} comes with its own case")
        unless_state(self.lifecycle, (ACTIVE,), "Close")
        unless(not any(self.buckets_minor.values()), "RiskAsset.Close.1", "a claim is left")
        self._closed(who=who, closed_as=closed_as, timestamp=at)

    @event("AssetClosed", topic="risk-asset.asset-closed")
    def _closed(self, *, who: Envelope, closed_as: str, timestamp: datetime) -> None:
        self.lifecycle, self.closed_as = CLOSED, closed_as

    @event("AssetReopened", topic="risk-asset.asset-reopened")
    def _reopened(self, *, who: Envelope, cause: str, timestamp: datetime) -> None:
        self.lifecycle, self.closed_as = ACTIVE, ""

    # --- Questions -----------------------------------------------------------------------------------------

    def is_held_by(self, kind: str, case_no: str) -> bool:
        return (self.hold_kind, self.hold_case_no) == (kind, case_no)

    def is_at_least(self, classification: str) -> bool:
        return CLASSES.index(self.classification) >= CLASSES.index(classification)

    def overdue_days(self, day: date) -> int:
        return 0 if self.overdue_since is None else max(0, (day - self.overdue_since).days)

    # --- Helpers -------------------------------------------------------------------------------------------

    def _add(self, minor_by_bucket: Mapping[str, int], valid_on: date) -> None:
        for bucket, minor in minor_by_bucket.items():
            self.buckets_minor[bucket] += minor
        self.effects.append(Effect(valid_on, False, dict(minor_by_bucket)))

    def _take_back(self, key: str, alloc_minor: Mapping[str, int]) -> None:
        original = self.applied[key]
        left = claim.without(original.alloc_minor, alloc_minor)
        self.applied[key] = Applied(left, original.valid_on, original.version, original.from_memo)

    @staticmethod
    def _check_alloc(alloc_minor: Alloc | None, amount_minor: int) -> None:
        if alloc_minor is not None:
            unless_field(sum(alloc_minor.values()) == amount_minor, "alloc", "its parts do not sum to the amount")


def event_id(stream_id: UUID, version: int) -> UUID:
    """Identity of one stored event: derived, so that every replay and every publisher names it alike."""
    return uuid5(stream_id, str(version))
