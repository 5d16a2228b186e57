"""The simulated bank: deterministic, resumable anywhere, and plausible."""

from collections import Counter, defaultdict
from datetime import date, datetime
from itertools import islice

import pytest

from engines.primitives.errors import InvalidInput
from engines.primitives.money import EXPONENT_BY_CURRENCY, to_minor
from streams import topics
from streams.contract_rows import contract_terms
from streams.feeds.cursor import Anchor
from streams.feeds.event import Event, add_months
from streams.feeds.simulated import SimulatedBank, Simulation, simulated_bank
from streams.feeds.world import branches
from streams.producer import encode
from streams.schemas import BusinessDate, Contract, Reservation, Txn

SEED, DAY, PER_DAY, CUSTOMERS = (
    11,
    date(2026, 4, 14),
    6_000,
    1_500,
)  # a Tuesday; the 15th pays salaries and taxes


@pytest.fixture(scope="module")
def bank() -> SimulatedBank:
    return SimulatedBank(Simulation(SEED, DAY, PER_DAY, CUSTOMERS))


@pytest.fixture(scope="module")
def events(bank: SimulatedBank) -> list[Event]:
    """Openings and two days."""
    return list(islice(bank.events(), bank.opening_events + 2 * PER_DAY))


@pytest.fixture(scope="module")
def entries(events: list[Event]) -> list[Txn]:
    return [event.record for event in events if isinstance(event.record, Txn)]


def told(events: list[Event]) -> list[tuple[str, bytes, bytes]]:
    return [(event.topic, event.key, encode(event.record)) for event in events]


def test_the_same_seed_gives_the_same_bytes(events: list[Event]) -> None:
    again = simulated_bank(SEED, DAY, events_per_day=PER_DAY, customers=CUSTOMERS)
    assert told(list(islice(again, len(events)))) == told(events)
    other = simulated_bank(SEED + 1, DAY, events_per_day=PER_DAY, customers=CUSTOMERS)
    assert told(list(islice(other, len(events)))) != told(events)


@pytest.mark.parametrize("where", ["openings", "first day", "day's end", "second day"])
def test_a_stream_can_begin_anywhere(bank: SimulatedBank, events: list[Event], where: str) -> None:
    opening = bank.opening_events
    index = {
        "openings": 5,
        "first day": opening + 4_321,
        "day's end": opening + PER_DAY,
        "second day": opening + 7_777,
    }[where]
    stop = min(index + 400, len(events))
    assert told(list(islice(bank.events(index), stop - index))) == told(events[index:stop])


def test_the_business_date_comes_first_and_rolls_over_weekends(bank: SimulatedBank, events: list[Event]) -> None:
    first = [event.record for event in events[:3]]
    next_day = [event.record for event in events[bank.opening_events + PER_DAY :][:3]]
    for records, day in ((first, "2026-04-14"), (next_day, "2026-04-15")):
        assert all(isinstance(record, BusinessDate) for record in records)
        assert {record.entity_id for record in records} == {"BANK", "LEASE", "CF"}  # type: ignore[union-attr]
        assert {record.business_date for record in records} == {day}  # type: ignore[union-attr]
    assert sum(isinstance(event.record, BusinessDate) for event in events) == 6
    friday = Simulation(1, date(2026, 4, 17))
    assert [friday.day(i).isoformat() for i in range(3)] == ["2026-04-17", "2026-04-20", "2026-04-21"]
    sunday = Simulation(1, date(2026, 4, 19))
    assert [sunday.day(i).isoformat() for i in range(2)] == ["2026-04-19", "2026-04-20"]


def test_each_account_opens_once_before_all_else(
    bank: SimulatedBank, events: list[Event], entries: list[Txn]
) -> None:
    opened = [entry.account_id for entry in entries if entry.txn_type == "OPENING"]
    assert len(opened) == len(set(opened)) == bank.world.accounts
    assert {entry.account_id for entry in entries} == set(opened)
    assert not [
        event for event in events[bank.opening_events :] if getattr(event.record, "txn_type", "") == "OPENING"
    ]


def test_every_record_is_keyed_by_customer_or_own_account(events: list[Event]) -> None:
    for event in events:
        record = event.record
        if isinstance(record, BusinessDate):
            assert event.key == record.entity_id.encode()
        else:
            assert isinstance(record, Txn | Contract | Reservation)
            assert event.key == topics.record_key(record.entity_id, record.customer_id, record.account_id)
    own = {event.key for event in events if isinstance(event.record, Txn) and event.record.customer_id == "-"}
    assert b"BANK|BANK-SETTLE-USD" in own


def test_amounts_are_what_their_currency_allows(events: list[Event]) -> None:
    currencies = set()
    for event in events:
        record = event.record
        if isinstance(record, BusinessDate):
            continue
        assert isinstance(record, Txn | Contract | Reservation)
        amount = record.principal if isinstance(record, Contract) else record.amount
        assert to_minor(amount, record.ccy) > 0
        assert len(amount.partition(".")[2]) == EXPONENT_BY_CURRENCY[record.ccy]
        currencies.add(record.ccy)
    assert currencies == {"CNY", "USD", "EUR", "JPY", "HKD"}


def test_every_kind_of_event_occurs(events: list[Event], entries: list[Txn]) -> None:
    types = Counter(entry.txn_type for entry in entries)
    assert types.keys() >= {
        "OPENING", "CARD_PAYMENT", "ONLINE_PAYMENT", "ON_US_TRANSFER", "REMITTANCE_IN", "REMITTANCE_OUT",
        "CASH_WITHDRAWAL", "CASH_DEPOSIT", "SUPPLIER_PAYMENT", "CUSTOMER_RECEIPT", "LARGE_PAYMENT",
        "INTERBANK_SETTLEMENT", "SALARY", "PAYROLL", "TAX", "FEE", "LOAN_REPAYMENT", "REVERSAL",
    }  # fmt: skip
    assert {entry.status for entry in entries} == {"pending", "settled", "rejected"}
    contracts = [event.record for event in events if isinstance(event.record, Contract)]
    assert {contract.side for contract in contracts} == {"asset", "liability", "obs_in", "obs_out"}
    assert {contract.amort for contract in contracts} == {"bullet", "equal_principal", "annuity", "zero", "custom"}
    raw = [contract for contract in contracts if contract.actus]
    assert {contract.actus["contractType"] for contract in raw} == {"NAM", "SWPPV"}
    assert all(contract_terms(contract).actus for contract in raw)
    assert any(contract.closed for contract in contracts)
    assert any(contract.on_demand and contract.maturity_date is None for contract in contracts)
    assert max(Counter(contract.contract_id for contract in contracts).values()) > 1, "some are amended or closed"
    states = {event.record.status for event in events if isinstance(event.record, Reservation)}
    assert states >= {"submitted", "approved", "rejected", "executed"}


def test_organisations_are_leaves_or_heads_of_the_tree(entries: list[Txn]) -> None:
    tree = {branch.org_id: branch for branch in branches()}
    assert 38 <= len(tree) <= 45
    assert all(branch.parent == "-" or branch.parent in tree for branch in tree.values())
    assert all(tree[entry.org_id].entity_id == entry.entity_id for entry in entries)


def test_pay_day_and_tax_day(bank: SimulatedBank, events: list[Event]) -> None:
    days = [Counter[str](), Counter[str]()]
    for number, counts in enumerate(days):
        first = bank.opening_events + number * PER_DAY
        counts.update(getattr(event.record, "txn_type", "-") for event in events[first : first + PER_DAY])
    assert days[1]["SALARY"] > 10 * days[0]["SALARY"]
    assert (days[0]["TAX"] > 0, days[1]["TAX"] > 0) == (False, True)
    hours = Counter(
        (int(event.record.event_time[11:13]) + 8) % 24
        for event in events
        if isinstance(event.record, Txn) and event.record.txn_type == "PAYROLL"
    )
    assert hours
    assert set(hours) <= set(range(6, 12)), "payroll is morning work"


def test_a_payroll_debit_is_the_sum_of_its_salaries(entries: list[Txn]) -> None:
    paid: dict[str, int] = defaultdict(int)
    debits = {}
    seen = set()
    for entry in entries:
        if entry.txn_id in seen:
            continue
        seen.add(entry.txn_id)
        if entry.txn_type == "SALARY":
            paid[entry.payment_ref] += to_minor(entry.amount, entry.ccy)
        elif entry.txn_type == "PAYROLL":
            debits[entry.payment_ref] = to_minor(entry.amount, entry.ccy)
    assert paid
    assert all(debits[reference] == total for reference, total in paid.items())


def test_on_us_legs_cancel(entries: list[Txn]) -> None:
    legs: dict[str, dict[str, Txn]] = defaultdict(dict)
    for entry in entries:
        if entry.intragroup:
            legs[entry.payment_ref][entry.txn_id] = entry
    assert len(legs) > 500
    for pair in legs.values():
        out, into = sorted(pair.values(), key=lambda leg: leg.direction, reverse=True)
        assert (out.direction, into.direction) == ("out", "in")
        assert (out.amount, out.ccy, out.entity_id) == (into.amount, into.ccy, into.entity_id)
        assert out.account_id != into.account_id


def test_one_id_is_one_body_and_statuses_only_move_forward(entries: list[Txn]) -> None:
    last: dict[str, Txn] = {}
    repeats = changes = 0
    for entry in entries:
        before = last.get(entry.txn_id)
        if before is not None:
            body = {
                **{field: getattr(entry, field) for field in Txn.__struct_fields__},
                "status": before.status,
            }
            assert Txn(**body) == before
            if before.status == entry.status:
                repeats += 1
            else:
                assert before.status == "pending"
                changes += 1
        last[entry.txn_id] = entry
    assert repeats == 2 * (PER_DAY // 200)
    assert changes > 50
    assert not [entry for entry in last.values() if entry.status == "pending"], "all are resolved by the day's end"


def test_reversals_name_an_earlier_opposite_entry(entries: list[Txn]) -> None:
    seen: dict[str, Txn] = {}
    reversals = 0
    for entry in entries:
        if entry.reversal_of != "-":
            original = seen[entry.reversal_of]
            assert (original.account_id, original.amount) == (entry.account_id, entry.amount)
            assert {original.direction, entry.direction} == {"in", "out"}
            reversals += 1
        seen[entry.txn_id] = entry
    assert reversals >= 2 * (PER_DAY // 400)


def test_some_entries_come_late_and_the_rest_in_order(bank: SimulatedBank, entries: list[Txn]) -> None:
    newest, late, yesterday = "", 0, 0
    seen = set()
    for entry in entries:
        if entry.txn_id in seen:
            continue
        seen.add(entry.txn_id)
        if entry.event_time < newest:
            late += 1
        newest = max(newest, entry.event_time)
        yesterday += entry.value_date == "2026-04-14" and entry.txn_id.startswith(f"S{SEED}-20260415-0001-")
    assert 0 < late <= 2 * (PER_DAY // 250)
    assert 0 < yesterday <= PER_DAY // 250


def test_alert_material_single_and_rolling(entries: list[Txn]) -> None:
    large: dict[str, dict[str, tuple[datetime, int]]] = defaultdict(dict)
    for entry in entries:
        if entry.direction == "out" and entry.ccy == "CNY" and entry.status == "settled":
            at = datetime.fromisoformat(entry.event_time)
            large[entry.customer_id][entry.txn_id] = (at, to_minor(entry.amount, "CNY"))
    single, structured = 3_000_000_000, 0
    for payments in large.values():
        below = sorted((at, amount) for at, amount in payments.values() if amount < single)
        structured += any(
            sum(amount for at, amount in below if 0 <= (end - at).total_seconds() < 3_600) >= 5_000_000_000
            for end, _ in below
        )
    assert structured >= 4


def test_maturities_fall_in_every_bucket(events: list[Event]) -> None:
    edges = (1, 7, 30, 90, 180, 365, 730, 1_095, 1_825, 20_000)
    buckets = set()
    for event in events:
        if isinstance(event.record, Contract) and event.record.maturity_date:
            days = (date.fromisoformat(event.record.maturity_date) - DAY).days
            if days >= 0:
                buckets.add(next(i for i, edge in enumerate(edges) if days <= edge))
    assert buckets == set(range(len(edges)))


def test_instalments_have_whole_periods(events: list[Event]) -> None:
    for event in events:
        record = event.record
        if isinstance(record, Contract) and record.pay_freq != "-":
            assert record.maturity_date is not None
            months = 12 if record.pay_freq == "1Y" else int(record.pay_freq[:-1])
            start, end = date.fromisoformat(record.start_date), date.fromisoformat(record.maturity_date)
            between = (end.year - start.year) * 12 + end.month - start.month
            assert between > 0
            assert between % months == 0
            assert add_months(start, between) == end


def test_a_closed_contract_stays_closed() -> None:
    bank = SimulatedBank(Simulation(3, DAY, 5_000, 500))
    closed = set()
    for event in islice(bank.events(), bank.opening_events + 30 * 5_000):
        if isinstance(event.record, Contract):
            assert event.record.closed or event.record.contract_id not in closed
            if event.record.closed:
                closed.add(event.record.contract_id)
    assert len(closed) >= 60


def test_live_event_times_run_at_the_rate_from_the_anchor(bank: SimulatedBank) -> None:
    first = bank.opening_events
    start_us = 1_790_000_000_000_000
    live = list(islice(bank.events(first, [Anchor(first, start_us, 100.0)]), 1_000))
    plain = list(islice(bank.events(first), 1_000))
    assert [event.topic for event in live] == [event.topic for event in plain]
    start = datetime.fromisoformat("2026-09-21T14:13:20Z")
    on_time = 0
    for i, event in enumerate(live):
        elapsed = (datetime.fromisoformat(event.record.event_time) - start).total_seconds()  # type: ignore[union-attr]
        on_time += elapsed == pytest.approx(i / 100.0)
        assert elapsed <= i / 100.0 + 1e-6, "nothing comes from the future"
    assert on_time > 950, "all but the late ones, the repeats and the changes of status"


def test_a_new_anchor_changes_nothing_before_it(bank: SimulatedBank) -> None:
    first = bank.opening_events
    one = [Anchor(first, 1_790_000_000_000_000, 100.0)]
    two = [*one, Anchor(first + 500, 1_800_000_000_000_000, 50.0)]
    before, after = (list(islice(bank.events(first, anchors), 1_000)) for anchors in (one, two))
    assert told(before[:500]) == told(after[:500])
    assert told(before[500:]) != told(after[500:])
    assert told(list(islice(bank.events(first + 300, two), 400))) == told(after[300:700])
    assert told(list(islice(bank.events(0, two), first))) == told(list(islice(bank.events(), first)))


@pytest.mark.parametrize(
    "arguments", [{"events_per_day": 4_999}, {"events_per_day": 2_000_001}, {"customers": 499}, {"seed": -1}]
)
def test_impossible_banks_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        SimulatedBank(Simulation(**{"seed": 1, **arguments}, business_date=DAY))


@pytest.mark.parametrize(
    ("day", "months", "want"),
    [("2026-01-31", 1, "2026-02-28"), ("2024-01-31", 1, "2024-02-29"), ("2026-12-31", 12, "2027-12-31"),
     ("2026-03-30", -1, "2026-02-28"), ("2026-11-15", 1, "2026-12-15"), ("1999-12-01", 1, "2000-01-01")],
)  # fmt: skip
def test_months_are_added_by_the_calendar(day: str, months: int, want: str) -> None:
    assert add_months(date.fromisoformat(day), months).isoformat() == want
