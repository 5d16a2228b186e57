"""Why a gap moved: contracts by name, where they were moved to, and flows that a new date brought nearer."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from itertools import islice
from typing import Any

import pytest

from engines.primitives.errors import InvalidInput
from streams import topics
from streams.amount_changes import AmountCuts, ExplainedAmount, explained_amounts
from streams.feeds.event import Event
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.gap_changes import gap_cuts, lines_of, window_of
from streams.schemas import BusinessDate, Contract
from streams.views import Filters
from tests.live_bank import LiveBank
from tests.memory_replay import MemoryReplay, vector

NOON = "2026-03-16T12:00:00Z"
NONE: Filters = {}
Parts = dict[tuple[str, str, str | None], Fraction]


def cuts_of(
    bank: LiveBank, before: dict[str, int], after: dict[str, int], filters: Filters = NONE, size: int = 700
) -> AmountCuts:
    replay: Any = MemoryReplay(bank, size)
    return gap_cuts(replay, replay, replay.batches, before, after, filters)


def explained(cuts: AmountCuts, bucket: str | None = None, *, cumulative: bool = False) -> list[ExplainedAmount]:
    return explained_amounts(cuts, window_of, lines_of(bucket, cumulative=cumulative), "CNY")


def parts(found: ExplainedAmount) -> Parts:
    return {
        (part.cause, part.line, None if part.entry is None else part.entry.entry_id.split(" ")[1]): part.amount
        for part in found.explanation.parts
    }


@pytest.fixture(scope="module")
def bank() -> LiveBank:
    """A simulated bank with its contracts, around the turn of a day."""
    source = SimulatedBank(Simulation(7, date(2026, 3, 16), 5_000, 500, treasury=True))
    return LiveBank().feed(islice(source.events(), source.opening_events + 7_000))


def test_every_bucket_of_both_cuts_is_the_live_gap(bank: LiveBank) -> None:
    earlier = LiveBank(bank.partitions)
    after = vector(bank)
    before = after | {f"{topics.BUSINESS_DATE}/0": 3}
    before |= {place: end - 6 for place, end in after.items() if place.startswith(topics.CONTRACT)}
    for place, end in before.items():
        topic, _, partition = place.rpartition("/")
        earlier.logs[topic, int(partition)] = bank.logs[topic, int(partition)][:end]
    earlier.feed([])
    cuts = cuts_of(bank, before, after)
    causes = set()
    for bucket in ("ON", "D2_7", "D8_30", "D31_90", "Y5P", "UNDATED"):
        found = explained(cuts, bucket)
        for view, end in ((earlier.view, "before"), (bank.view, "after")):
            rows = view.gap(("entity", "currency"), view.as_of(None), NONE)
            live = {row.members: row.inflow_minor - row.outflow_minor for row in rows if row.bucket == bucket}
            told = {
                (one.scope.entity, one.scope.currency): getattr(one.explanation, end).numerator
                for one in found
                if one.scope.kind == "currency"
            }
            assert told == {pair: live.get(pair, 0) for pair in told}
        assert all(one.explanation.residual("numerator") == 0 for one in found)
        causes |= {part.cause for one in found for part in one.explanation.parts}
    assert {"ENTRY", "ROLL"} <= causes
    back = explained(cuts_of(bank, after, before), "D8_30", cumulative=True)
    for one, other in zip(explained(cuts, "D8_30", cumulative=True), back, strict=True):
        assert parts(one) == {key: -amount for key, amount in parts(other).items()}
    assert explained(cuts_of(bank, before, after, size=5)) == explained(cuts)


def loan(principal: str, due: str = "2026-03-20", name: str = "K1", **more: Any) -> Event:
    given: dict[str, Any] = {
        "event_time": NOON, "entity_id": "BANK", "side": "asset", "ccy": "CNY", "start_date": "2026-03-01",
        "cpty_type": "CORPORATE", "product_id": "CORPORATE-LOAN", "org_id": "NORTH",
    }  # fmt: skip
    record = Contract(contract_id=name, principal=principal, maturity_date=due, **(given | more))
    return Event(topics.CONTRACT, b"BANK|C1", record)


def on(day: str) -> Event:
    return Event(topics.BUSINESS_DATE, b"BANK", BusinessDate(entity_id="BANK", business_date=day, event_time=NOON))


START = [on("2026-03-16"), loan("100.00"), loan("40.00", "2026-06-30", "K2", side="liability")]


def told(then: Sequence[Event], filters: Filters = NONE, first: Sequence[Event] = START) -> ExplainedAmount:
    one = LiveBank(partitions=1).feed(first)
    before = vector(one)
    one.feed(then)
    (found,) = explained(cuts_of(one, before, vector(one), filters))
    return found


def test_an_amended_contract_a_new_one_and_one_that_closed() -> None:
    found = told([loan("130.00"), loan("5.00", "2026-03-16", "K3"), loan("40.00", "2026-06-30", "K2", closed=True)])
    assert parts(found) == {
        ("ENTRY", "D2_7", "K1"): 3_000,
        ("ENTRY", "ON", "K3"): 500,
        ("ENTRY", "D91_180", "K2"): 4_000,
    }
    assert {part.entry.offset for part in found.explanation.parts if part.entry} == {2, 3, 4}


def test_records_of_one_contract_tell_what_each_of_them_did() -> None:
    one = LiveBank(partitions=1).feed(START)
    before = vector(one)
    one.feed([loan("130.00"), loan("90.00", "2026-03-30"), loan("90.00", "2026-03-30")])
    for size in (1, 2, 100):
        (found,) = explained(cuts_of(one, before, vector(one), size=size))
        amounts = {
            (part.line, part.entry.offset if part.entry else None): part.amount for part in found.explanation.parts
        }
        assert amounts == {("D2_7", 2): 3_000, ("D2_7", 3): -13_000, ("D8_30", 3): 9_000}


def test_a_new_date_moves_flows_between_buckets_and_out() -> None:
    assert parts(told([on("2026-03-19")])) == {("ROLL", "D2_7", None): -10_000, ("ROLL", "ON", None): 10_000}
    assert parts(told([on("2026-03-23")])) == {("ROLL", "D2_7", None): -10_000}


def test_a_contract_that_moved_and_changed_did_two_things() -> None:
    north: Filters = {"organisation": frozenset({"NORTH"})}
    moved = [loan("100.00", org_id="SOUTH")]
    assert parts(told(moved)) == {}
    assert parts(told(moved, north)) == {("TAG", "D2_7", None): -10_000}
    both = [loan("130.00", org_id="SOUTH")]
    assert parts(told(both)) == {("ENTRY", "D2_7", "K1"): 3_000}
    # Moved first it takes 100 along, changed first 130: 115 on the mean; the change was here in one order of two.
    assert parts(told(both, north)) == {("TAG", "D2_7", None): -11_500, ("ENTRY", "D2_7", "K1"): 1_500}
    south: Filters = {"organisation": frozenset({"SOUTH"})}
    assert parts(told(both, south)) == {("TAG", "D2_7", None): 11_500, ("ENTRY", "D2_7", "K1"): 1_500}


def test_a_bucket_that_is_none() -> None:
    with pytest.raises(InvalidInput) as caught:
        lines_of("D9", cumulative=False)
    assert caught.value.facts["field"] == "bucket"
    with pytest.raises(InvalidInput):
        lines_of("UNDATED", cumulative=True)
