"""Why a position moved: entry by entry and by the new date, exact, whichever way round and however the log is cut."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from streams import topics
from streams.amount_changes import AmountCuts, ExplainedAmount, explained_amounts
from streams.feeds.event import Event
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.position_changes import line_of, position_cuts, window_of
from streams.schemas import BusinessDate, FxRate, Txn
from streams.views import Filters, PositionRow
from tests.live_bank import LiveBank
from tests.memory_replay import MemoryReplay, vector

NOON = "2026-03-16T12:00:00Z"
NONE: Filters = {}
FILTERS: list[Filters] = [
    NONE,
    {"currency": frozenset({"CNY"})},
    {"organisation": frozenset({"BANK-NORTH-05", "BANK-EAST-04", "LEASE-01"})},
    {"product": frozenset({"SAVINGS", "CURRENT"})},
]


class Moved(NamedTuple):
    bank: LiveBank
    cuts: tuple[dict[str, int], dict[str, int]]
    rows: tuple[list[list[PositionRow]], list[list[PositionRow]]]  # by filter


def rows_of(bank: LiveBank) -> list[list[PositionRow]]:
    return [bank.view.positions(("entity", "currency"), bank.view.as_of(None), filters) for filters in FILTERS]


@pytest.fixture(scope="module")
def moved() -> Moved:
    """A simulated bank around the turn of a day."""
    source = SimulatedBank(Simulation(7, date(2026, 3, 16), 5_000, 500, treasury=True))
    events = list(islice(source.events(), source.opening_events + 7_000))
    bank = LiveBank().feed(events[: source.opening_events + 4_300])
    before, first = vector(bank), rows_of(bank)
    bank.feed(events[source.opening_events + 4_300 :])
    return Moved(bank, (before, vector(bank)), (first, rows_of(bank)))


def cuts_of(
    bank: LiveBank, before: dict[str, int], after: dict[str, int], filters: Filters = NONE, size: int = 700
) -> AmountCuts:
    replay: Any = MemoryReplay(bank, size)
    return position_cuts(replay, replay, replay.batches, before, after, filters)


def explained(cuts: AmountCuts, named: int | None = None) -> list[ExplainedAmount]:
    return explained_amounts(cuts, window_of, line_of, "CNY", named)


def parts(found: ExplainedAmount) -> dict[tuple[str, str, str | None], Fraction]:
    return {
        (part.cause, part.line, None if part.entry is None else part.entry.entry_id.split(" ")[1]): part.amount
        for part in found.explanation.parts
    }


@pytest.mark.parametrize("at", range(len(FILTERS)))
def test_both_ends_are_the_live_figures_and_nothing_is_left_over(moved: Moved, at: int) -> None:
    found = explained(cuts_of(moved.bank, *moved.cuts, FILTERS[at]))
    for rows, end in zip(moved.rows, ("before", "after"), strict=True):
        live = {row.members: row.settled_minor for row in rows[at]}
        told = {
            (one.scope.entity, one.scope.currency): getattr(one.explanation, end).numerator
            for one in found
            if one.scope.kind == "currency"
        }
        assert told == {key: live.get(key, 0) for key in told}
        assert {key for key, amount in live.items() if amount} <= told.keys()
    assert any(one.explanation.parts for one in found)
    for one in found:
        assert one.explanation.residual("numerator") == 0
        assert sum(part.amount for part in one.explanation.parts) == one.explanation.change("numerator")
    if at == 0:
        group = found[-1]
        assert group.scope.kind == "group"
        assert {"ENTRY", "ROLL", "FX"} <= {part.cause for part in group.explanation.parts}


def test_the_cut_of_the_log_into_batches_does_not_matter(moved: Moved) -> None:
    one, other = (explained(cuts_of(moved.bank, *moved.cuts, {}, size)) for size in (97, 5_000))
    assert one == other


def test_the_other_way_round_each_part_is_negated(moved: Moved) -> None:
    forth, back = (explained(cuts_of(moved.bank, *cut)) for cut in (moved.cuts, moved.cuts[::-1]))
    for one, other in zip(forth, back, strict=True):
        assert parts(one) == {key: -amount for key, amount in parts(other).items()}
        assert (one.explanation.before, one.explanation.after) == (other.explanation.after, other.explanation.before)


def test_the_smaller_entries_are_one_part(moved: Moved) -> None:
    whole, short = (explained(cuts_of(moved.bank, *moved.cuts), named)[-1].explanation for named in (None, 5))
    named = [part for part in whole.parts if part.entry is not None]
    told = [part for part in short.parts if part.entry is not None]
    assert len(told) == 5
    assert sum(part.pooled for part in short.parts) == len(named) - 5
    assert min(abs(part.amount) for part in told) >= sorted(abs(part.amount) for part in named)[-5]
    assert short.residual("numerator") == 0


def entry(number: int, amount: str, *, inward: bool = True, **more: Any) -> Event:
    given: dict[str, Any] = {
        "event_time": NOON, "value_date": "2026-03-16", "entity_id": "BANK", "account_id": "A1",
        "customer_id": "C1", "customer_class": "RETAIL", "product_id": "SAVINGS", "ccy": "CNY",
    }  # fmt: skip
    record = Txn(
        txn_id=f"T{number}",
        source_system="core",
        direction="in" if inward else "out",
        amount=amount,
        **(given | more),
    )
    return Event(topics.TXN, f"BANK|{record.customer_id}".encode(), record)


def on(day: str) -> Event:
    return Event(topics.BUSINESS_DATE, b"BANK", BusinessDate(entity_id="BANK", business_date=day, event_time=NOON))


def rate(mid: str) -> Event:
    return Event(topics.FX, b"USD/CNY", FxRate(base_ccy="USD", quote_ccy="CNY", event_time=NOON, mid=mid))


def told(first: Sequence[Event], then: Sequence[Event], filters: Filters = NONE) -> list[ExplainedAmount]:
    bank = LiveBank(partitions=1).feed(first)
    before = vector(bank)
    bank.feed(then)
    return explained(cuts_of(bank, before, vector(bank), filters))


START = [on("2026-03-16"), entry(1, "100.00"), entry(2, "7.00", value_date="2026-03-18")]


def test_an_entry_of_a_later_value_date_comes_with_the_date() -> None:
    (found,) = told(
        START, [entry(3, "5.00", inward=False), entry(4, "1.00", value_date="2026-03-20"), on("2026-03-18")]
    )
    # The 7.00 rolled in; the entry of the 20th counts on neither date.
    assert parts(found) == {("ENTRY", "position", "T3"): -500, ("ROLL", "position", None): 700}
    assert found.as_of == (date(2026, 3, 16), date(2026, 3, 18))


def test_what_is_new_and_came_with_the_date_is_shared_by_both() -> None:
    (found,) = told(START, [entry(3, "5.00", value_date="2026-03-17"), on("2026-03-17")])
    assert parts(found) == {("ENTRY", "position", "T3"): 250, ("ROLL", "position", None): 250}


def test_late_entries_reversals_pending_and_repeated_ones() -> None:
    pending = entry(5, "9.00", status="pending")
    (found,) = told(
        START,
        [
            entry(3, "5.00", event_time="2026-03-16T11:00:00Z"),
            entry(4, "5.00", inward=False, reversal_of="T3"),
            pending,
            entry(1, "100.00"),
            entry(5, "9.00", status="settled"),
        ],
    )
    assert parts(found) == {
        ("ENTRY", "position", "T3"): 500,
        ("ENTRY", "position", "T4"): -500,
        ("ENTRY", "position", "T5"): 900,
    }
    flags = {part.entry.offset: part.entry.flags for part in found.explanation.parts if part.entry}
    assert flags == {2: {"late"}, 3: {"reversal"}, 6: set()}


def test_one_account_and_one_customer() -> None:
    other = entry(3, "3.00", account_id="A2")
    stranger = entry(4, "4.00", customer_id="C2", account_id="A3")
    for filters, amount in (
        ({"account": frozenset({"A2"})}, 300),
        ({"customer": frozenset({"C1"})}, 300),
        ({"customer": frozenset({"C2"})}, 400),
    ):
        (found,) = told(START, [other, stranger], filters)
        assert found.explanation.change("numerator") == amount
        assert len(found.explanation.parts) == 1


def test_a_rate_moves_the_converted_total_only() -> None:
    dollars = entry(3, "10.00", ccy="USD")
    *pairs, group = told([*START, dollars, rate("7.1")], [rate("7.3"), entry(4, "1.00", ccy="USD")])
    assert [one.scope.currency for one in pairs] == ["CNY", "USD"]
    # 10.00 dollars by 0.2, and half of 1.00 by 0.2; the new dollar at the mean of both rates.
    assert parts(group) == {
        ("FX", "position", None): Fraction(1_050) * Fraction(2, 10),
        ("ENTRY", "position", "T4"): Fraction(100) * Fraction(72, 10),
    }
    *_, without = told([*START, dollars], [entry(4, "1.00", ccy="USD")])
    assert (without.missing, without.explanation.parts) == (("USD",), ())


def test_cuts_of_which_neither_is_the_later_are_refused() -> None:
    bank = LiveBank(partitions=1).feed(START)
    end = vector(bank)
    crossed = {place: offset - 1 for place, offset in end.items()}
    with pytest.raises(InvalidInput) as caught:
        cuts_of(bank, crossed | {"tm.in.core.business-date.v1/0": 1}, end | {"tm.in.core.business-date.v1/0": 0})
    assert caught.value.facts["field"] == "from_offsets"


@settings(max_examples=40)
@given(st.data())
def test_any_two_cuts_of_any_log(data: st.DataObject) -> None:
    """Against sums over the records themselves."""
    days = [f"2026-03-{day}" for day in range(16, 20)]
    drawn = data.draw(
        st.lists(
            st.tuples(st.integers(-5_00, 5_00), st.sampled_from(days), st.sampled_from(["A1", "A2"]), st.booleans()),
            max_size=8,
        )
    )
    events = [on("2026-03-16")]
    for number, (cents, day, account, turns) in enumerate(drawn):
        amount = f"{abs(cents) / 100:.2f}"
        events.append(entry(number, amount, inward=cents > 0, value_date=day, account_id=account))
        events += [on(day)] * turns
    bank = LiveBank(partitions=1)
    cut = data.draw(st.integers(1, len(events)))
    bank.feed(events[:cut])
    before = vector(bank)
    bank.feed(events[cut:])
    found = {one.scope.currency: one for one in explained(cuts_of(bank, before, vector(bank)))}

    def position(some: Sequence[Event]) -> int:
        today = [one.record.business_date for one in some if isinstance(one.record, BusinessDate)][-1]
        return sum(
            int(Decimal(one.record.amount) * 100) * (1 if one.record.direction == "in" else -1)
            for one in some
            if isinstance(one.record, Txn) and one.record.value_date <= today
        )

    if found:
        values = found["CNY"].explanation
        assert (values.before.numerator, values.after.numerator) == (position(events[:cut]), position(events))
        assert sum(part.amount for part in values.parts) == position(events) - position(events[:cut])
    else:
        assert not any(isinstance(one.record, Txn) for one in events)
