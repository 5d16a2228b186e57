"""A walk through RiskAsset and its write-off against a small model: balances, identities, refusals, replay.

The model knows sums only: what went into each bucket and what came out of it (spec/risk-assets.md 7.4, E17).
"""

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aggregates.claim import BOOK_BUCKETS, BUCKETS
from aggregates.risk_asset import CLASSES, RiskAsset
from engines.primitives.errors import TidemarkError
from engines.primitives.money import to_text
from tests.aggregates.world import LOAN, World, open_world

amounts = st.integers(1, 500_000)


class AssetMachine(RuleBasedStateMachine):
    world: World

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world = open_world(Path(self.folder.name))

    def teardown(self) -> None:
        self.world.store.close()
        self.folder.cleanup()

    @initialize(minor=st.fixed_dictionaries({bucket: st.integers(0, 400_000) for bucket in BUCKETS}))
    def admit(self, minor: dict[str, int]) -> None:
        money = {bucket: to_text(value, "CNY") for bucket, value in minor.items()}
        self.world.admit(day="2024-01-01", overdue_since="2023-11-01", **money)
        self.claim, self.memo = dict(minor), dict.fromkeys(BUCKETS, 0)
        self.lifecycle, self.grade, self.flows = "ACTIVE", "SPECIAL_MENTION", 0
        self.applied: dict[str, int] = {}
        self.cash_in = self.cash_out = self.written_off = self.memo_paid = self.memo_added = 0
        self.accrued_on = 0
        self.opening_book = sum(minor[bucket] for bucket in BOOK_BUCKETS)

    def attempt(self, expected: bool, act: Callable[[], Any]) -> Any:
        """The model says whether it works; a refusal must change nothing."""
        before = self.world.state(), self.world.log_length
        self.world.clock.now += timedelta(hours=7)
        if expected:
            return act().events
        with pytest.raises(TidemarkError):
            act()
        assert (self.world.state(), self.world.log_length) == before
        return None

    def do(self, expected: bool, role: str, name: str, **payload: object) -> Any:
        return self.attempt(expected, lambda: self.world.do(role, name, **payload))

    @rule(minor=amounts)
    def cost(self, minor: int) -> None:
        done = self.do(self.lifecycle != "CLOSED", "SY", "AdvanceCost", kind="FEE", amount=to_text(minor, "CNY"))
        if done:
            self.cash_out += minor
            (self.memo if self.lifecycle == "WRITTEN_OFF" else self.claim)["costs"] += minor
            self.memo_added += minor * (self.lifecycle == "WRITTEN_OFF")

    @rule(on=amounts, off=amounts, penalty=amounts, compound=amounts)
    def sync(self, on: int, off: int, penalty: int, compound: int) -> None:
        minor = {"interest_on": on, "interest_off": off, "penalty": penalty, "compound": compound}
        money = {bucket: to_text(value, "CNY") for bucket, value in minor.items()}
        self.world.clock.now += timedelta(hours=7)
        today = self.world.app.bank_day("BANK-A", self.world.clock.now).isoformat()
        if self.do(self.lifecycle == "ACTIVE", "CB", "SyncAccrual", as_of=today, **money):
            self.accrued_on += on - self.claim["interest_on"]
            self.claim.update(minor)

    @rule(to_class=st.sampled_from(CLASSES))
    def reclassify(self, to_class: str) -> None:
        worse = CLASSES.index(to_class) > CLASSES.index(self.grade)
        if self.do(self.lifecycle == "ACTIVE" and worse, "RM", "Reclassify", to_class=to_class):
            self.grade = to_class

    @rule(minor=amounts)
    def recover(self, minor: int) -> None:
        self.flows += 1
        flow = f"F{self.flows}"
        fits = self.lifecycle == "ACTIVE" and minor <= sum(self.claim.values())
        money = to_text(minor, "CNY")
        if done := self.do(fits, "SY", "ApplyRecovery", flow_id=flow, mode="CASH_GUARANTOR", amount=money):
            self.move(self.claim, done[0].payload["alloc"], -1, minor)
            self.cash_in += minor
            self.applied[flow] = minor

    @precondition(lambda self: bool(self.applied))
    @rule(data=st.data(), quarters=st.integers(1, 5))
    def reverse(self, data: st.DataObject, quarters: int) -> None:
        """A quarter of what is left, the whole, or more than that."""
        flow = data.draw(st.sampled_from(sorted(self.applied)))
        minor = self.applied[flow] * quarters // 4 + 1 * (quarters == 5) or 1
        fits = minor <= self.applied[flow]
        money = to_text(minor, "CNY")
        if done := self.do(fits, "SY", "ReverseRecovery", flow_id=flow, kind="ECONOMIC", amount=money):
            written_off = self.lifecycle == "WRITTEN_OFF"
            self.move(self.memo if written_off else self.claim, done[-1].payload["alloc"], 1, minor)
            self.cash_in -= minor
            self.applied[flow] -= minor
            self.memo_added += minor * written_off
            assert [event.type for event in done][:-1] == ["AssetReopened"] * (self.lifecycle == "CLOSED")
            self.lifecycle = "ACTIVE" if self.lifecycle == "CLOSED" else self.lifecycle

    @rule(minor=st.integers(1, 200_000))
    def recover_written_off(self, minor: int) -> None:
        self.flows += 1
        fits = self.lifecycle == "WRITTEN_OFF" and minor <= sum(self.memo.values())
        money = to_text(minor, "CNY")
        if done := self.do(fits, "SY", "RecoverWrittenOff", flow_id=f"F{self.flows}", amount=money):
            self.move(self.memo, done[0].payload["alloc"], -1, minor)
            self.cash_in += minor
            self.memo_paid += minor

    @rule()
    def close(self) -> None:
        empty = self.lifecycle == "ACTIVE" and not any(self.claim.values())
        if self.do(empty, "SY", "Close", closed_as="REPAID"):
            self.lifecycle = "CLOSED"

    @precondition(lambda self: self.lifecycle == "ACTIVE")
    @rule(closes=st.booleans())
    def repay_all(self, closes: bool) -> None:
        if total := sum(self.claim.values()):
            self.recover(total)
        if closes:
            self.close()

    @precondition(lambda self: self.lifecycle == "ACTIVE")
    @rule()
    def write_off(self) -> None:
        if self.grade != "LOSS":
            self.reclassify("LOSS")
        if not sum(self.claim[bucket] for bucket in BOOK_BUCKETS):
            return
        key = f"WO{self.flows}-{self.world.commands}"
        steps: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("AM", "Draft", {"asset_no": LOAN, "ground": "BANKRUPTCY"}),
            ("LG", "ReviewCompliance", {"outcome": "PASS"}),
            ("AM", "Submit", {}),
            ("HA", "Approve", {}),
            ("FN", "RequestPosting", {}),
            ("FC", "ConfirmInstruction", {}),
            ("CB", "MarkPosted", {"core_txn_no": "C-1"}),
        )
        for role, name, payload in steps:
            self.world.case(role, name, key=key, **payload)
        self.lifecycle = "WRITTEN_OFF"
        self.written_off = sum(self.claim.values())
        for bucket, value in self.claim.items():
            self.memo[bucket] += value
            self.claim[bucket] = 0

    @staticmethod
    def move(buckets: dict[str, int], alloc: dict[str, str], sign: int, amount: int) -> None:
        minor = {bucket: int(part.replace(".", "")) for bucket, part in alloc.items()}
        assert sum(minor.values()) == amount
        for bucket, value in minor.items():
            buckets[bucket] += sign * value

    @invariant()
    def balances_equal_the_model(self) -> None:
        asset = self.asset()
        assert asset.lifecycle == self.lifecycle
        assert asset.classification == self.grade
        assert asset.buckets_minor == self.claim  # ID1
        assert asset.memo_minor == self.memo
        assert min([*asset.buckets_minor.values(), *asset.memo_minor.values()]) >= 0
        assert self.written_off + self.memo_added - self.memo_paid == sum(self.memo.values())  # ID2
        assert asset.rec_cash_minor == self.cash_in
        assert asset.written_off_minor == self.written_off

    @invariant()
    def profit_and_loss_identity(self) -> None:
        asset = self.asset()
        book = sum(asset.buckets_minor[bucket] for bucket in BOOK_BUCKETS)
        flows = self.cash_out - self.cash_in
        assert book == self.opening_book + flows + asset.income_minor - asset.loss_minor  # ID3

    @invariant()
    def live_object_equals_the_replay(self) -> None:
        with self.world.app.model.current() as model:
            assert next(iter(model.of_kind("RiskAsset"))) == self.asset()

    def asset(self) -> RiskAsset:
        found = self.world.app.find("RiskAsset", LOAN)
        assert isinstance(found, RiskAsset)
        return found


TestAssetMachine = AssetMachine.TestCase
TestAssetMachine.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
