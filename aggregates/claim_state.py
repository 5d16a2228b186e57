"""The state of one claim: six buckets, what was moved to memo, what came in, and how each event changes them.

`ClaimState` is what `RiskAsset` lives by; its methods are effects, run again at every replay, and never judge. Money
is integer minor units. Source: spec/risk-assets.md 3.2, 7.4; decisions E15 to E17, E21.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from aggregates import claim
from aggregates.claim import Alloc, Effect
from aggregates.envelope import Envelope
from aggregates.steps.case import Case
from aggregates.steps.rows import Facts

ACTIVE, WRITTEN_OFF, CLOSED = "ACTIVE", "WRITTEN_OFF", "CLOSED"
CLASSES = ("NORMAL", "SPECIAL_MENTION", "SUBSTANDARD", "DOUBTFUL", "LOSS")


@dataclass(frozen=True, slots=True)
class Applied:
    """What is left of one applied flow split: its unreversed parts, and which event applied it."""

    alloc_minor: Alloc
    valid_on: date
    version: int
    from_memo: bool


@dataclass(frozen=True, slots=True)
class Left:
    """What a case took from the claim and may give back: in kind, waived, written off or sold."""

    alloc_minor: Alloc
    valid_on: date
    version: int
    stage: str  # of the asset before
    costs_capitalised_minor: int = 0
    book_minor: int = 0
    price_minor: int = 0


def split_key(flow_id: str, split_no: int) -> str:
    return f"{flow_id}/{split_no}"


class ClaimState(Case):
    """Stage ACTIVE, WRITTEN_OFF or CLOSED; claim buckets, memo claim after a write-off, one exclusive hold."""

    def start(self) -> None:
        self.closed_as = ""
        self.classification = ""
        self.overdue_since: date | None = None
        self.buckets_minor = dict.fromkeys(claim.BUCKETS, 0)
        self.memo_minor = dict.fromkeys(claim.BUCKETS, 0)
        self.hold_kind, self.hold_case_no = "", ""
        self.effects: list[Effect] = []
        self.synced_on: list[date] = []
        self.written_off_on: date | None = None
        self.applied: dict[str, Applied] = {}
        self.taken: dict[str, Left] = {}  # by the number of the case that took it
        self.tags: list[str] = []
        self.manager = ""
        self.rec_cash_minor = self.rec_kind_minor = self.waived_minor = 0
        self.written_off_minor = self.income_minor = self.loss_minor = 0

    # --- Questions -----------------------------------------------------------------------------------------

    @property
    def lifecycle(self) -> str:
        return self.stage

    @property
    def loan_no(self) -> str:
        return self.key

    @property
    def claim_minor(self) -> int:
        return sum(self.buckets_minor.values())

    def is_held_by(self, kind: str, case_no: str) -> bool:
        return (self.hold_kind, self.hold_case_no) == (kind, case_no)

    def is_at_least(self, classification: str) -> bool:
        return CLASSES.index(self.classification) >= CLASSES.index(classification)

    def overdue_days(self, day: date) -> int:
        return 0 if self.overdue_since is None else max(0, (day - self.overdue_since).days)

    def capacity_minor(self, day: date) -> Alloc:
        """What may be taken from each bucket on a day, so that it and every later one stay >= 0 (E15)."""
        lowest = claim.lowest_from(self.effects, day)
        return {bucket: max(0, min(lowest[bucket], self.buckets_minor[bucket])) for bucket in claim.BUCKETS}

    def whole_claim(self) -> Alloc:
        """Every bucket of the claim; of a written-off asset, of the memo."""
        return claim.non_zero(self.memo_minor if self.stage == WRITTEN_OFF else self.buckets_minor)

    # --- Effects -------------------------------------------------------------------------------------------

    def admitted(self, facts: Facts, who: Envelope) -> None:
        self.buckets_minor = {bucket: facts.get(bucket, 0) for bucket in claim.BUCKETS}
        self.classification, self.overdue_since = facts["classification"], facts.get("overdue_since")
        self.effects = [Effect(who.valid_on, True, dict(self.buckets_minor))]

    def accrued(self, facts: Facts, who: Envelope) -> None:
        balances = {bucket: facts[bucket] for bucket in claim.ACCRUED_BUCKETS}
        self.income_minor += balances["interest_on"] - self.buckets_minor["interest_on"]
        self.buckets_minor.update(balances)
        self.effects.append(Effect(who.valid_on, True, balances))
        if facts["as_of"] not in self.synced_on:
            self.synced_on.append(facts["as_of"])

    def reclassified(self, facts: Facts, _who: Envelope) -> None:
        self.classification = facts["to_class"]

    def moved_off(self, facts: Facts, who: Envelope) -> None:
        self._add({"interest_on": -facts["interest"], "interest_off": facts["interest"]}, who)
        self.income_minor -= facts["interest"]

    def cost_advanced(self, facts: Facts, who: Envelope) -> None:
        if self.stage == WRITTEN_OFF:
            self.memo_minor["costs"] += facts["amount"]
            self.loss_minor += facts["amount"]
        else:
            self._add({"costs": facts["amount"]}, who)

    def recovered(self, facts: Facts, who: Envelope) -> None:
        alloc = facts["alloc"]
        self._take(alloc, who)
        self.overdue_since = facts.get("overdue_since", self.overdue_since)
        self.rec_cash_minor += facts["amount"]
        self.income_minor += claim.memo_interest_of(alloc)
        key = split_key(facts["flow_id"], facts["split_no"])
        self.applied[key] = Applied(dict(alloc), who.valid_on, self.next_version, from_memo=False)

    def recovery_reversed(self, facts: Facts, who: Envelope) -> None:
        alloc = facts["alloc"]
        if self.stage == WRITTEN_OFF:
            self._add_to_memo(alloc)
            self.loss_minor += claim.book_of(alloc)
        else:
            self._add(alloc, who)
        self.rec_cash_minor -= facts["amount"]
        self.income_minor -= claim.memo_interest_of(alloc)
        self._unapply(facts)

    def recovered_from_memo(self, facts: Facts, who: Envelope) -> None:
        alloc = facts["alloc"]
        self._take_from_memo(alloc)
        self.rec_cash_minor += facts["amount"]
        self.loss_minor -= claim.book_of(alloc)
        self.income_minor += claim.memo_interest_of(alloc)
        key = split_key(facts["flow_id"], facts["split_no"])
        self.applied[key] = Applied(dict(alloc), who.valid_on, self.next_version, from_memo=True)

    def memo_recovery_reversed(self, facts: Facts, _who: Envelope) -> None:
        alloc = facts["alloc"]
        self._add_to_memo(alloc)
        self.rec_cash_minor -= facts["amount"]
        self.loss_minor += claim.book_of(alloc)
        self.income_minor -= claim.memo_interest_of(alloc)
        self._unapply(facts)

    def hold_placed(self, facts: Facts, _who: Envelope) -> None:
        self.hold_kind, self.hold_case_no = facts["kind"], facts["case_no"]

    def hold_released(self, _facts: Facts, _who: Envelope) -> None:
        self.hold_kind, self.hold_case_no = "", ""

    def settled_in_kind(self, facts: Facts, who: Envelope) -> None:
        capitalised = facts.get("costs_capitalised", 0)
        self._remember(facts["foreclosure_no"], facts["alloc"], who, costs_capitalised_minor=capitalised)
        self._take(facts["alloc"], who)
        if capitalised:
            self._take({"costs": capitalised}, who)
        self.rec_kind_minor += facts["amount"]

    def in_kind_reversed(self, facts: Facts, who: Envelope) -> None:
        self._add(facts["alloc"], who)
        if facts.get("costs_capitalised"):
            self._add({"costs": facts["costs_capitalised"]}, who)
        self.rec_kind_minor -= facts["amount"]
        del self.taken[facts["foreclosure_no"]]

    def reduced(self, facts: Facts, who: Envelope) -> None:
        self._remember(facts["reduction_no"], facts["alloc"], who)
        self._take(facts["alloc"], who)
        self.waived_minor += facts["amount"]
        self.loss_minor += claim.book_of(facts["alloc"])

    def reduction_reversed(self, facts: Facts, who: Envelope) -> None:
        self._add(facts["alloc"], who)
        self.waived_minor -= facts["amount"]
        self.loss_minor -= claim.book_of(facts["alloc"])
        del self.taken[facts["reduction_no"]]

    def transferred(self, facts: Facts, who: Envelope) -> None:
        alloc = facts["alloc"]
        book = facts["book_amount"]
        self._remember(facts["case_no"], alloc, who, book_minor=book, price_minor=facts["price"])
        if self.stage == WRITTEN_OFF:
            self._take_from_memo(alloc)
        else:
            self._take(alloc, who)
        self.loss_minor += facts["loss"]
        self.closed_as = facts.get("closed_as", "TRANSFERRED")

    def transfer_unwound(self, facts: Facts, who: Envelope) -> None:
        sold = self.taken.pop(facts["case_no"])
        if sold.stage == WRITTEN_OFF:
            self._add_to_memo(facts["alloc"])
        else:
            self._add(facts["alloc"], who)
        self.loss_minor -= sold.book_minor - facts["price_returned"]
        self.closed_as = ""
        self.stage = sold.stage

    def written_off(self, facts: Facts, who: Envelope) -> None:
        alloc = facts["alloc"]
        self._remember(facts["write_off_no"], alloc, who)
        self.written_off_on = who.valid_on
        self._add_to_memo(alloc)
        self._take(alloc, who)
        self.written_off_minor += facts["book_amount"] + facts["memo_interest"]
        self.loss_minor += facts["book_amount"]

    def write_off_reversed(self, facts: Facts, who: Envelope) -> None:
        alloc = facts["alloc"]
        self._take_from_memo(alloc)
        self._add(alloc, who)
        self.written_off_minor -= sum(alloc.values())
        self.loss_minor -= claim.book_of(alloc)
        self.written_off_on = None
        self.taken.pop(facts["write_off_no"], None)

    def no_recourse(self, _facts: Facts, _who: Envelope) -> None:
        self.memo_minor = dict.fromkeys(claim.BUCKETS, 0)
        self.closed_as = "NO_RECOURSE"

    def restructured(self, facts: Facts, _who: Envelope) -> None:
        self.facts["rate_terms"] = facts["new_terms"]

    def tagged(self, facts: Facts, _who: Envelope) -> None:
        tag = facts["tag"]
        if facts["on"] and tag not in self.tags:
            self.tags.append(tag)
        elif not facts["on"] and tag in self.tags:
            self.tags.remove(tag)

    def manager_assigned(self, facts: Facts, _who: Envelope) -> None:
        self.manager = facts["manager"]

    def moved(self, facts: Facts, _who: Envelope) -> None:
        self.branch = facts["to_branch"]

    def closed(self, facts: Facts, _who: Envelope) -> None:
        self.closed_as = facts["closed_as"]

    def reopened(self, _facts: Facts, _who: Envelope) -> None:
        self.closed_as = ""

    # --- Helpers -------------------------------------------------------------------------------------------

    @property
    def next_version(self) -> int:
        """Version of the event that is being applied."""
        return self.version + 1

    def _add(self, minor_by_bucket: Alloc, who: Envelope) -> None:
        for bucket, minor in minor_by_bucket.items():
            self.buckets_minor[bucket] += minor
        self.effects.append(Effect(who.valid_on, False, dict(minor_by_bucket)))

    def _take(self, minor_by_bucket: Alloc, who: Envelope) -> None:
        self._add({bucket: -minor for bucket, minor in minor_by_bucket.items()}, who)

    def _add_to_memo(self, minor_by_bucket: Alloc) -> None:
        for bucket, minor in minor_by_bucket.items():
            self.memo_minor[bucket] += minor

    def _take_from_memo(self, minor_by_bucket: Alloc) -> None:
        self._add_to_memo({bucket: -minor for bucket, minor in minor_by_bucket.items()})

    def _remember(self, case_no: str, alloc_minor: Alloc, who: Envelope, **more: Any) -> None:
        self.taken[case_no] = Left(dict(alloc_minor), who.valid_on, self.next_version, self.stage, **more)

    def _unapply(self, facts: Facts) -> None:
        key = split_key(facts["flow_id"], facts["split_no"])
        original = self.applied[key]
        left = claim.without(original.alloc_minor, facts["alloc"])
        self.applied[key] = Applied(left, original.valid_on, original.version, original.from_memo)
