"""What each record did adds up to the figures, exactly."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from itertools import islice
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput, NotFound
from projections.gap import DEMAND_DAY, UNDATED_DAY
from streams import topics
from streams.feeds.event import Event
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.instants import day_number
from streams.lineage_effects import Effects, effects_of
from streams.past_figures import account_rows
from streams.schemas import Txn
from streams.views import AsOf
from tests.live_bank import LiveBank
from tests.memory_replay import MemoryReplay

ALWAYS = AsOf(date(2100, 1, 1), {})
COUNTED, REPEATED, REFUSED = "counted", "repeated", "refused"


def effects(bank: LiveBank, topic: str, partition: int, offset: int) -> Effects:
    replay: Any = MemoryReplay(bank)
    return effects_of(replay, replay, replay.batches, topic, partition, offset)


def all_effects(bank: LiveBank, topic: str) -> list[Effects]:
    return [
        effects(bank, topic, partition, offset)
        for (name, partition), log in sorted(bank.logs.items())
        if name == topic
        for offset in range(len(log))
    ]


def entry(number: int, account: str, amount: int, **more: Any) -> Event:
    record = Txn(
        txn_id=f"T{number}",
        source_system="core",
        event_time=f"2026-03-16T09:{number % 60:02}:00Z",
        value_date=more.pop("value_date", "2026-03-16"),
        entity_id="NORTH",
        account_id=account,
        customer_id=f"C-{account}",
        customer_class="RETAIL",
        product_id="CURRENT",
        ccy="CNY",
        direction="in" if amount > 0 else "out",
        amount=f"{abs(amount)}.00",
        **more,
    )
    return Event(topics.TXN, f"NORTH|C-{account}".encode(), record)


ENTRIES = st.lists(
    st.tuples(
        st.integers(0, 9),  # the number: some are repeated, or come with another status
        st.sampled_from(["A1", "A2"]),
        st.sampled_from([-31_000_000, -70, -5, 5, 40, 8_000_000]),
        st.sampled_from(["settled", "pending", "rejected"]),
        st.sampled_from(["2026-03-16", "2026-03-17"]),
    ),
    min_size=1,
    max_size=9,
)


@settings(max_examples=15)
@given(ENTRIES, st.booleans())
def test_the_effects_of_an_account_add_up_to_its_position(drawn: list[Any], reverse: bool) -> None:
    events = [
        entry(number, account, amount, status=status, value_date=day)
        for number, account, amount, status, day in drawn
    ]
    if reverse:
        number, account, amount, _, day = drawn[0]
        events.append(entry(77, account, -amount, reversal_of=f"T{number}", value_date=day))
    bank = LiveBank().feed(events)
    told = all_effects(bank, topics.TXN)
    sums: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for one in told:
        for move in one.positions:
            for at, minor in enumerate((move.settled_minor, move.pending_in_minor, move.pending_out_minor)):
                sums[move.key[0], move.key[5], move.key[6]][at] += minor
    states = [state for (topic, _), state in bank.states.items() if topic == topics.TXN]
    wanted = {
        (row["entity"], row["customer"], row["account"]): [
            row["settled_minor"],
            row["pending_in_minor"],
            row["pending_out_minor"],
        ]
        for state in states
        for row in account_rows(state, ALWAYS, {})
    }
    assert {key: values for key, values in sums.items() if any(values)} == {
        key: values for key, values in wanted.items() if any(values)
    }
    alerts = [alert["alert_id"] for one in told for alert in one.alerts]
    assert len(alerts) == len(set(alerts)) == sum(state.flows.next_sequence for state in states)
    deposits: dict[tuple[Any, ...], int] = defaultdict(int)
    for one in told:
        for part in one.deposits:
            deposits[(*part.cell, part.part)] += part.minor
    assert {key: minor for key, minor in deposits.items() if minor} == deposit_sums(states)


def deposit_sums(states: Sequence[Any]) -> dict[tuple[Any, ...], int]:
    found: dict[tuple[Any, ...], int] = defaultdict(int)
    parts = ("insured_whole", "insured_part", "uninsured", "overdrawn")
    for state in states:
        for row in state.depositors.rows():
            values = list(msgspec.structs.astuple(row))
            for name, minor in zip(parts, values[-4:], strict=True):
                found[(*values[:-4], name)] += minor
    return {key: minor for key, minor in found.items() if minor}


def test_a_repetition_and_a_refusal_do_nothing_and_say_why() -> None:
    bank = LiveBank(partitions=1).feed([entry(1, "A1", 5), entry(1, "A1", 5), entry(1, "A1", 6)])
    bank.logs[topics.TXN, 0].append(b"{no json")
    bank.feed([])
    found = [effects(bank, topics.TXN, 0, offset) for offset in range(4)]
    assert [one.verdict for one in found] == [COUNTED, REPEATED, REFUSED, REFUSED]
    assert not any(one.positions or one.published or one.alerts for one in found[1:])
    assert "another body" in found[2].reason
    assert found[3].reason


@pytest.fixture(scope="module")
def bank() -> LiveBank:
    source = SimulatedBank(Simulation(7, date(2026, 3, 16), 5_000, 500, treasury=True))
    events = islice(source.events(), source.opening_events + 300)
    told = [event for event in events if event.topic != topics.TXN]
    contracts = [event for event in told if event.topic == topics.CONTRACT][:25]
    again = [
        event._replace(record=msgspec.structs.replace(event.record, principal="5.00")) for event in contracts[:5]
    ]
    return LiveBank().feed([event for event in told if event.topic != topics.CONTRACT]).feed([*contracts, *again])


def test_the_effects_of_contracts_add_up_to_the_gap(bank: LiveBank) -> None:
    sums: dict[tuple[Any, ...], int] = defaultdict(int)
    for one in all_effects(bank, topics.CONTRACT):
        for flow in one.flows:
            sums[*flow.cell, flow.day] += flow.minor
    days = {"DEMAND": DEMAND_DAY, "UNDATED": UNDATED_DAY}
    wanted: dict[tuple[Any, ...], int] = defaultdict(int)
    for (topic, _), state in bank.states.items():
        for row in state.rows() if topic == topics.CONTRACT else ():
            day = days.get(row.flow_date)
            day = day_number(date.fromisoformat(row.flow_date)) if day is None else day
            cell = (row.entity, row.organisation, row.business_line, row.product, row.liquidity_tag, row.currency)
            wanted[*cell, day] += row.inflow_minor - row.outflow_minor
    assert sums
    assert {key: minor for key, minor in sums.items() if minor} == {k: minor for k, minor in wanted.items() if minor}


@pytest.mark.parametrize("topic", [topics.HOLDING, topics.RESERVE, topics.FX, topics.PRICE])
def test_other_records_show_their_row_before_and_after(bank: LiveBank, topic: str) -> None:
    log = bank.logs[topic, 0]
    bank.feed([])
    again = LiveBank(logs={(topic, 0): [*log, log[-1]]}).feed([])
    first, last = effects(again, topic, 0, 0), effects(again, topic, 0, len(log))
    ((_, before, after),) = first.published
    assert (before, first.verdict) == (None, COUNTED)
    assert after["source"]["offset"] == 1
    assert last.verdict == COUNTED
    for _, was, now in last.published:
        assert was is not None
        assert {k: v for k, v in was.items() if k != "source"} == {k: v for k, v in now.items() if k != "source"}


def test_places_that_are_none(bank: LiveBank) -> None:
    with pytest.raises(NotFound):
        effects(bank, "tm.in.core.none.v1", 0, 0)
    with pytest.raises(InvalidInput):
        effects(bank, topics.CONTRACT, 0, -1)
