"""Arithmetic of a claim against its laws."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aggregates.claim import BUCKETS, ORDERS, Effect, allocate, lowest_from, order_of, undo, without

amounts = st.integers(0, 10**12)
capacities = st.fixed_dictionaries({bucket: amounts for bucket in BUCKETS})
orders = st.sampled_from(sorted(ORDERS))


@given(amounts, orders, capacities)
def test_allocation_is_exact_fits_and_follows_the_order(amount: int, order: str, capacity: dict[str, int]) -> None:
    alloc, surplus = allocate(amount, ORDERS[order], capacity)
    assert sum(alloc.values()) + surplus == amount
    assert all(0 < part <= capacity[bucket] for bucket, part in alloc.items())
    # A bucket gets something only when all before it are full; surplus only when all are.
    for position, bucket in enumerate(ORDERS[order]):
        if alloc.get(bucket, 0) < capacity[bucket]:
            assert not any(alloc.get(later) for later in ORDERS[order][position + 1 :])
            assert surplus == 0


@given(st.data(), amounts, orders, capacities)
def test_undoing_takes_the_last_bucket_first_and_never_too_much(
    data: st.DataObject, amount: int, order: str, capacity: dict[str, int]
) -> None:
    alloc, _ = allocate(amount, ORDERS[order], capacity)
    taken = data.draw(st.integers(0, sum(alloc.values())))
    undone = undo(taken, alloc)
    assert sum(undone.values()) == taken
    # What is left is what the smaller amount would have been allocated.
    assert without(alloc, undone) == allocate(sum(alloc.values()) - taken, ORDERS[order], capacity)[0]


def test_the_order_changes_after_ninety_days() -> None:
    assert [order_of("CASH_VOLUNTARY", days) for days in (0, 90, 91)] == [
        "INTEREST_FIRST",
        "INTEREST_FIRST",
        "PRINCIPAL_FIRST",
    ]
    assert order_of("LITIGATION_ENFORCEMENT", 0) == "PRINCIPAL_FIRST"


DAY = date(2024, 1, 1)
effects = st.lists(
    st.builds(
        Effect,
        st.integers(0, 6).map(lambda n: DAY + timedelta(days=n)),
        st.booleans(),
        st.dictionaries(st.sampled_from(BUCKETS), st.integers(-50, 100), max_size=3),
    ),
    max_size=8,
)


@given(effects, st.integers(-1, 7).map(lambda n: DAY + timedelta(days=n)))
def test_lowest_balance_equals_a_day_by_day_walk(listed: list[Effect], day: date) -> None:
    ends = []
    for offset in range((DAY + timedelta(days=8) - day).days):
        today = day + timedelta(days=offset)
        balance = dict.fromkeys(BUCKETS, 0)
        for effect in sorted((e for e in listed if e.valid_on <= today), key=lambda e: e.valid_on):
            for bucket, minor in effect.minor_by_bucket.items():
                balance[bucket] = minor if effect.absolute else balance[bucket] + minor
        ends.append(balance)
    assert lowest_from(listed, day) == {bucket: min(end[bucket] for end in ends) for bucket in BUCKETS}
