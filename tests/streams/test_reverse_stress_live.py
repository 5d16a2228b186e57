"""Who can break us now: every subset of a small bank really leaves, and the whole ratio is worked out again."""

from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from itertools import combinations, islice
from typing import Any, Literal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.depositor_balances import PARTS
from streams import topics
from streams.feeds.event import Event
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.ratio_items import items_by_pair
from streams.reverse_stress_balances import DepositorNames, Deposits, deposits_of
from streams.reverse_stress_live import AVAILABLE, Breaking, breaking_sets
from streams.reverse_stress_states import LiveDepositors
from streams.schemas import BusinessDate, Contract, FxRate, ReserveState, Txn
from streams.views_live import LiveView
from streams.views_ratios import positions, ratio_figures, scopes
from tests.live_bank import LiveBank, live_folders, live_policy
from tests.memory_replay import MemoryReplay, vector

POLICY, FOLDERS = live_policy(), live_folders()
NOON = "2026-03-16T12:00:00Z"
FIGURES: tuple[Any, ...] = ("lcr", "nsfr")


def states_of(bank: LiveBank) -> Deposits:
    states = [state for place, state in sorted(bank.states.items()) if place[0] == topics.TXN]
    return deposits_of([(state, DepositorNames()) for state in states])


def broken(bank: LiveBank, named: int = 10) -> list[Breaking]:
    view = bank.view
    days = view.as_of(None).by_entity
    by_pair = items_by_pair(view, POLICY, days)
    of = tuple(scopes(by_pair, view.fx_rates(), "CNY", group=True))
    ratios = [one for figure in FIGURES for one in ratio_figures(figure, of, POLICY, days)]
    held = positions(by_pair, POLICY, days)
    return list(breaking_sets(states_of(bank), ratios, held, POLICY, days, view.fx_rates(), named_max=named))


def simulated() -> LiveBank:
    source = SimulatedBank(Simulation(7, date(2026, 3, 16), 5_000, 500, treasury=True))
    return LiveBank().feed(islice(source.events(), source.opening_events + 2_000))


def test_the_split_is_the_folds_and_every_depositor_has_a_name() -> None:
    bank = simulated()
    deposits = states_of(bank)
    sums: dict[tuple[Any, ...], int] = {}
    for cell, part, minor in zip(*(column.tolist() for column in deposits[1:4]), strict=True):
        key = (*deposits.cells[cell], PARTS[part])
        sums[key] = sums.get(key, 0) + minor
    folded: dict[tuple[Any, ...], int] = {}
    for place, state in bank.states.items():
        if place[0] == topics.TXN:
            for code, row in enumerate(state.depositors.rows()):
                for part in PARTS[:3] if row.owner == "customer" else ():
                    key = (*state.depositors.cells[code], part)
                    folded[key] = folded.get(key, 0) + getattr(row, part)
    assert sums == {key: minor for key, minor in folded.items() if minor}
    names = {deposits.name(code) for code in deposits.depositor.tolist()}
    assert len(names) == len(set(deposits.depositor.tolist())) > 300
    assert all(customer != "-" for _, customer in names)
    assert (np.diff(deposits.depositor) >= 0).all()


def test_every_scope_of_a_simulated_bank_has_an_answer() -> None:
    found = broken(simulated(), named=3)
    kinds = {(one.figure, one.scope.kind) for one in found}
    assert {(figure, kind) for figure in FIGURES for kind in ("currency", "entity", "group")} <= kinds
    assert (AVAILABLE, "currency") in kinds
    assert any(one.count for one in found)
    for one in found:
        assert len(one.leavers) == min(3, one.count or 0)
        assert (one.minor > 0) == bool(one.count)
        assert one.minor <= one.deposits_minor
        if one.count is not None and 0 < one.count <= 3:
            assert sum(leaver.minor for leaver in one.leavers) == one.minor


def entry(number: int, customer: str, minor: int, *, inward: bool = True, **more: str) -> Event:
    given: dict[str, Any] = {
        "customer_class": "RETAIL", "product_id": "SAVINGS", "ccy": "CNY", "account_id": f"A-{customer}"
    }  # fmt: skip
    record = Txn(
        txn_id=f"T{number}", source_system="core", event_time=NOON, value_date="2026-03-16", entity_id="BANK",
        customer_id=customer, direction="in" if inward else "out",
        amount=f"{minor // 100}.{minor % 100:02d}", **(given | more),
    )  # fmt: skip
    return Event(topics.TXN, f"BANK|{customer}".encode(), record)


def own(number: int, minor: int, *, inward: bool = True, currency: str = "CNY") -> Event:
    more = {"customer_class": "-", "product_id": "SETTLEMENT", "account_id": f"OWN-{currency}", "ccy": currency}
    return entry(number, "-", minor, inward=inward, **more)


def contract(name: str, side: Literal["asset", "liability"], minor: int, due: str, kind: str, product: str) -> Event:
    record = Contract(
        contract_id=name, event_time=NOON, entity_id="BANK", side=side, ccy="CNY", start_date="2026-03-01",
        principal=f"{minor // 100}.{minor % 100:02d}", maturity_date=due, cpty_type=kind, product_id=product,
    )  # fmt: skip
    return Event(topics.CONTRACT, b"BANK|X", record)


def small_bank(held: Sequence[tuple[int, str, str]], borrowed: int, spare: int) -> list[Event]:
    """A bank whose reserves cover every deposit, so that what leaves is there; `spare` above that."""
    total = sum(minor for minor, _, _ in held)
    reserve = ReserveState(entity_id="BANK", ccy="CNY", event_time=NOON, required="10.00", vault_cash="0.00")
    date_told = BusinessDate(entity_id="BANK", business_date="2026-03-16", event_time=NOON)
    rate = FxRate(base_ccy="USD", quote_ccy="CNY", event_time=NOON, mid="7.0")
    events = [
        Event(topics.BUSINESS_DATE, b"BANK", date_told),
        Event(topics.FX, b"USD/CNY", rate),
        Event(topics.RESERVE, b"BANK|CNY", reserve),
        own(900, total + spare + 1_000),
        contract("B1", "liability", borrowed, "2026-03-30", "BANK", "INTERBANK-BORROWING"),
        contract("L1", "asset", 2 * total + spare, "2030-03-30", "CORPORATE", "CORPORATE-LOAN"),
    ]  # fmt: skip
    events += [
        entry(
            number, customer, minor, customer_class=kind, product_id="CURRENT" if kind == "CORPORATE" else "SAVINGS"
        )
        for number, (minor, customer, kind) in enumerate(held, 1)
    ]
    return events


def without(events: Iterable[Event], held: Sequence[tuple[int, str, str]], leavers: Sequence[str]) -> LiveBank:
    out = []
    for number, (minor, customer, kind) in enumerate(held, 1):
        if customer in leavers:
            product = "CURRENT" if kind == "CORPORATE" else "SAVINGS"
            out.append(entry(1_000 + number, customer, minor, inward=False, customer_class=kind, product_id=product))
            out.append(own(2_000 + number, minor, inward=False))
    return LiveBank(1, folders=FOLDERS).feed([*events, *out])


balances = st.tuples(
    st.integers(1_00, 900_000_00), st.sampled_from(["C1", "C2", "C3"]), st.sampled_from(["RETAIL", "CORPORATE"])
)


@settings(max_examples=8)
@given(st.lists(balances, min_size=1, max_size=5), st.integers(0, 2_000_000_00), st.integers(0, 500_000_00))
def test_those_who_are_named_break_it_and_fewer_never_do(
    held: list[tuple[int, str, str]], borrowed: int, spare: int
) -> None:
    events = small_bank(held, borrowed, spare)
    answers = {
        (one.figure, one.limit_id): one
        for one in broken(LiveBank(1, folders=FOLDERS).feed(events))
        if one.scope.kind == "entity"
    }
    people = sorted({customer for _, customer, _ in held})
    after = {
        leavers: {
            (one.figure, one.limit_id): one
            for one in broken(without(events, held, leavers))
            if one.scope.kind == "entity"
        }
        for size in range(len(people) + 1)
        for leavers in combinations(people, size)
    }
    assert len(answers) == 3  # two limits on the LCR, one on the NSFR
    for key, one in answers.items():
        sizes = [len(leavers) for leavers, found in after.items() if is_below(found[key])]
        if one.value is None:
            continue  # without net outflows there is no ratio to break
        assert one.count == min(sizes, default=None)
        if one.count:
            assert is_below(after[tuple(sorted(leaver.customer for leaver in one.leavers))][key])


def is_below(one: Breaking) -> bool:
    return one.value is not None and one.value < one.minimum


def test_a_depositor_of_two_currencies_is_one_of_the_entity_and_two_of_its_currencies() -> None:
    held = [(100_000_00, "C1", "RETAIL"), (60_000_00, "C2", "RETAIL"), (60_000_00, "C3", "RETAIL")]
    events = small_bank(held, 150_000_00, 0)
    events += [entry(50, "C2", 20_000_00, ccy="USD"), own(51, 20_000_00, currency="USD")]
    found = broken(LiveBank(1, folders=FOLDERS).feed(events))
    by_scope = {one.scope.kind: one for one in found if one.limit_id == "lcr-board" and one.scope.currency == "CNY"}
    # In yuan C1 is the largest; with its dollars, 140,000 yuan, C2 is.
    assert by_scope["currency"].leavers[0].customer == "C1"
    assert by_scope["entity"].leavers[0].customer == "C2"
    assert by_scope["entity"].leavers[0].minor == 60_000_00 + 20_000_00 * 7


def test_the_available_position_breaks_with_the_cash() -> None:
    held = [(100_00, "C1", "RETAIL"), (60_00, "C2", "RETAIL"), (50_00, "C3", "RETAIL")]
    events = [*small_bank(held, 0, 0), own(60, 60_00, inward=False)]
    (one,) = [one for one in broken(LiveBank(1, folders=FOLDERS).feed(events)) if one.figure == AVAILABLE]
    # 150.00 are above the requirement: C1 and C2 take 160.00.
    assert (one.value, one.count, one.minor) == (Fraction(150_00), 2, Fraction(160_00))
    assert [leaver.customer for leaver in one.leavers] == ["C1", "C2"]
    assert one.deposits_minor == 210_00


def test_deposits_are_kept_at_the_cut_of_the_view() -> None:
    bank = LiveBank()
    live, replay = LiveView(), MemoryReplay(bank)
    asked: Any = replay
    kept = LiveDepositors(bank.folders[topics.TXN], asked, asked, replay.batches)
    source = SimulatedBank(Simulation(7, date(2026, 3, 16), 5_000, 500))
    events = source.events()
    told = 0
    for count in (source.opening_events, 800, 0, 700):
        bank.feed(islice(events, count))
        live.feed(bank.published[told:])
        told = len(bank.published)
        seen, deposits = kept.with_view(live, lambda view: view.offsets(topics.DEPOSIT))
        assert seen == {place: end for place, end in vector(bank).items() if place.startswith(topics.TXN)}
        fresh = states_of(bank)
        for one, other in zip(deposits[:4], fresh[:4], strict=True):
            assert np.array_equal(one, other)
        assert deposits.cells == fresh.cells
        codes = deposits.depositor.tolist()
        assert [deposits.name(code) for code in codes] == [fresh.name(code) for code in codes]
    assert Fraction(int(deposits.minor.sum())) > 0
