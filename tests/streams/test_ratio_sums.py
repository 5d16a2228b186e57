"""What ratios are added up from: a tick changes the sums that moved, and they are what adding all up anew gives."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.money import to_text
from streams.feeds.event import add_months
from streams.topics import HOLDING, PRICE
from streams.views_cells import DEMAND_DAY, UNDATED_DAY, GapCells
from streams.views_securities import Securities, SecurityClass
from streams.views_windows import PAST, WINDOWS, FlowClass, FlowWindows, edges_of, window_of, windows_of
from streams.views_wire import HoldingState, PriceState, Source

TODAY = date(2026, 8, 31)


def source(topic: str) -> Source:
    return Source(topic, 0, 1, "cluster/topic", 1)


DAYS = {"E1": TODAY, "E2": TODAY + timedelta(days=3)}


def table_of() -> tuple[GapCells, FlowWindows]:
    table = GapCells()

    def class_of(group: int) -> FlowClass:
        entity, _, _, product, currency, tag = table.members[group]
        return FlowClass(entity, currency, product, tag)

    found = FlowWindows(class_of, {entity: edges_of(day) for entity, day in DAYS.items()})
    table.on_change, table.on_clear = found.change, found.forget
    return table, found


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["E1", "E2"]),
        st.sampled_from(["O1", "O2"]),
        st.sampled_from([DEMAND_DAY, UNDATED_DAY, *(TODAY.toordinal() + days for days in (-1, 0, 30, 31, 181, 400))]),
        st.tuples(*[st.integers(0, 10**17)] * 4),
    ),
    max_size=30,
)


@given(CHANGES, st.integers(0, 30), st.booleans())
def test_windows_kept_are_windows_added_up_anew(changes: list[Any], asked_at: int, cleared: bool) -> None:
    table, windows = table_of()
    for offset, (entity, organisation, day, sums) in enumerate(changes, 1):
        group = table.group((entity, organisation, "-", "LOAN", "CNY", "tag"))
        flat = table.waiting()
        table.hold(flat, (offset, group, day, sums[0], sums[1], 1, sums[2], sums[3]))
        table.settle(f"place/{organisation}", flat, offset)
        if offset == asked_at:
            windows.sums(table)
            windows.touched.clear()
            before = {found: [list(values) for values in sums] for found, sums in windows.sums(table).items()}
    if cleared:
        table.clear("place/O1", same_log=True)
    kept = {found: sums for found, sums in windows.sums(table).items() if any(map(any, sums))}
    anew = windows_of(table, windows.class_of, windows.edges)
    assert kept == {found: sums for found, sums in anew.items() if any(map(any, sums))}
    if 0 < asked_at <= len(changes):
        moved = {found for found in anew.keys() | before.keys() if anew.get(found) != before.get(found)}
        assert moved <= windows.touched


def test_windows_end_where_the_rules_say() -> None:
    edges = edges_of(TODAY)
    half, year = add_months(TODAY, 6), add_months(TODAY, 12)
    assert half == date(2027, 2, 28)  # clipped: there is no 31 February
    places = {
        TODAY - timedelta(days=1): PAST,
        TODAY: 1,
        TODAY + timedelta(days=30): 1,
        TODAY + timedelta(days=31): 2,
        half - timedelta(days=1): 2,
        half: 3,
        year - timedelta(days=1): 3,
        year: 4,
    }
    assert {day: window_of(day.toordinal(), edges) for day in places} == places
    assert WINDOWS[window_of(DEMAND_DAY, edges)] == "demand"
    assert WINDOWS[window_of(UNDATED_DAY, edges)] == "undated"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("price"), st.sampled_from("AB"), st.decimals("0.000000001", 999, places=9)),
        st.tuples(
            st.just("holding"),
            st.sampled_from("AB"),
            st.tuples(st.integers(0, 10**12), st.integers(0, 100), st.sampled_from(["1", "2A", "none"])),
        ),
        st.tuples(st.just("gone"), st.sampled_from("AB"), st.none()),
    ),
    max_size=25,
)


@given(STEPS)
def test_securities_kept_are_face_times_price_of_the_newest_records(steps: list[tuple[str, str, Any]]) -> None:
    securities = Securities()
    prices: dict[str, Fraction] = {}
    held: dict[str, tuple[int, int, str]] = {}
    for what, name, value in steps:
        key = ("place/0", f"BANK|{name}|-".encode())
        if what == "price":
            text = f"{value:f}"
            securities.set_price(("place/0", name.encode()), PriceState(name, text, "", source(PRICE)))
            prices[name] = Fraction(text)
        elif what == "gone":
            securities.set_holding(key, None)
            held.pop(name, None)
        else:
            face, percent, level = value
            pledged = face * percent // 100
            row = HoldingState(
                "BANK", "-", name, "-", "CNY", "sovereign", level, to_text(face, "CNY"), to_text(pledged, "CNY"),
                "<6m", "2030-01-01", source(HOLDING),
            )  # fmt: skip
            securities.set_holding(key, row)
            held[name] = (face, pledged, level)
    wanted: dict[SecurityClass, list[Fraction]] = {}
    for name, (face, pledged, level) in held.items():
        if name in prices:
            maturity = date(2030, 1, 1).toordinal() if level == "none" else 0
            sums = wanted.setdefault(
                SecurityClass("BANK", "CNY", "sovereign", level, "<6m", maturity), [Fraction(0), Fraction(0)]
            )
            sums[0] += (face - pledged) * prices[name] / 100
            sums[1] += pledged * prices[name] / 100
    found = {group: [value.free, value.encumbered] for group, value in securities.values()}
    assert found == {group: sums for group, sums in wanted.items() if any(sums)}
    assert {name for group in securities.classes() for name, _ in securities.unpriced_of(group)} == {
        name for name, (face, _, _) in held.items() if name not in prices and face
    }
