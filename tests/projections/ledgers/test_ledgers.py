"""Ledgers over small histories: the table of spec 8.2, late events, reversals of both kinds, any cut of the log,
explanations that add up, differences that name their events, conditions and order."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.commands import end_of_day
from aggregates.event_view import EventView
from aggregates.registry import KINDS
from engines.primitives.errors import InvalidInput, NotFound
from infra.ledger_store import LedgerStore, packed, unpacked
from infra.ledger_views import LedgerViews, lean, microseconds
from projections.ledgers.book import LedgerBook
from projections.ledgers.effects import NOTHING, PLAIN, Cell, Effects
from projections.ledgers.explanation import differences, explain
from projections.ledgers.frame import fields_of, frame
from projections.ledgers.grammar import actions
from projections.ledgers.registry import LEDGERS, ledger_of
from projections.ledgers.selection import Selection, select
from projections.ledgers.table import Kind, LedgerTable
from tests.aggregates.scenarios import FOLDER, Played, figures_of, lines_of, play
from tests.aggregates.world import LOAN, World, open_world
from tests.ledger_tables import PAGE, page

D = Decimal
KNOWN = datetime(2030, 1, 1, tzinfo=UTC)
SHANGHAI = timedelta(hours=8)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    found = play(lines_of(FOLDER / "one-asset.jsonl"), tmp_path_factory.mktemp("played"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def events(played: Played) -> list[EventView]:
    return played.app.published_after(0, 10_000)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    yield opened
    opened.store.close()


def book_of(events: Sequence[EventView]) -> LedgerBook:
    book = LedgerBook()
    book.fold(map(lean, events))
    return book


def table(book: LedgerBook, name: str, as_of: str, position: int | None = None, **asked: Any) -> LedgerTable:
    found = frame(book, ledger_of(name), date.fromisoformat(as_of).toordinal(), position or book.position)
    return select(book, found, Selection(**asked), KNOWN)


def rows(book: LedgerBook, name: str, as_of: str, position: int | None = None, **asked: Any) -> list[dict[str, Any]]:
    found = table(book, name, as_of, position, **asked)
    return [dict(zip([column.name for column in found.columns], row, strict=True)) for row in found.rows]


def note(world: World, as_of: str, *names: str, loan: str = LOAN) -> list[Any]:
    """Cells of one loan note today."""
    found = rows(book_of(world.app.published_after(0, 10_000)), "risk_asset", as_of, where=(f"loan_no = {loan}",))
    return [found[0][name] for name in names]


# --- Spec 8.2 ------------------------------------------------------------------------------------------------------


def test_point_in_time_figures_of_the_specification(events: list[EventView]) -> None:
    """Spec 8.2, over the history of 8.1, to the last figure."""
    book = book_of(events)
    points = figures_of(FOLDER / "one-asset.points.txt")
    assert len(points) == 14
    for point in points:
        known = (
            end_of_day(date.fromisoformat(point["known_at"]), datetime.now().astimezone(UTC).tzinfo or UTC) - SHANGHAI
        )
        (row,) = rows(book, "risk_asset", point["as_of"], book.log.position_at(microseconds(known)))
        figures = {name: str(row[name]) for name in point if name not in ("as_of", "known_at")}
        assert figures == {name: point[name] for name in figures}, point


def test_a_ledger_of_a_time_before_the_log_is_empty(events: list[EventView]) -> None:
    book = book_of(events)
    for name in LEDGERS:
        assert table(book, name, "2000-01-01").row_count == 0
        assert table(book, name, "2030-01-01", position=-1).rows == []


# --- Late events and reversals -------------------------------------------------------------------------------------


def test_a_late_event_changes_a_past_day_as_known_later_and_not_as_known_then(world: World) -> None:
    world.admit(day="2022-03-11")
    world.do("CB", "SyncAccrual", day="2022-06-09", as_of="2022-06-09", interest_on="200000.00", interest_off="0",
             penalty="0", compound="0")  # fmt: skip
    before = world.log_length
    world.do("SY", "AdvanceCost", day="2022-07-01", on="2022-04-01", kind="COURT_FEE", amount="100.00")
    book = book_of(world.app.published_after(0, 100))
    assert [rows(book, "risk_asset", day)[0]["costs"] for day in ("2022-03-31", "2022-04-01")] == [
        D("0.00"),
        D("100.00"),
    ]
    assert rows(book, "risk_asset", "2022-05-01", before)[0]["costs"] == D("0.00")


@pytest.mark.parametrize(("kind", "since"), [("CORRECTION", "2022-04-01"), ("ECONOMIC", "2022-05-01")])
def test_a_correction_acts_from_the_original_day_on_and_an_economic_reversal_from_its_own(
    world: World, kind: str, since: str
) -> None:
    """Spec 4.2, rule 5."""
    world.admit(day="2022-03-11")
    flow: dict[str, Any] = {"flow_id": "F-1", "split_no": 1}
    world.do("SY", "ApplyRecovery", day="2022-04-01", mode="CASH_VOLUNTARY", amount="1000.00", **flow)
    world.do("SY", "ReverseRecovery", day="2022-05-01", kind=kind, **flow)
    eve = str(date.fromisoformat(since) - timedelta(days=1))
    paid = D("1000.00") if kind == "ECONOMIC" else D("0.00")
    assert note(world, eve, "rec_cash", "lifecycle") == [paid, "ACTIVE"]
    assert note(world, since, "rec_cash", "claim") == [D("0.00"), D("8198313.45")]


@pytest.mark.parametrize("kind", ["CORRECTION", "ECONOMIC"])
def test_what_comes_back_to_a_written_off_claim_is_memo_claim_from_the_write_off_on(world: World, kind: str) -> None:
    """Decision E16: never on a day on which nothing was written off; no bucket is below zero on any day."""
    world.lost(day="2024-09-05")
    flow: dict[str, Any] = {"flow_id": "F-1", "split_no": 1}
    world.do(
        "SY", "RecoveryApplied", day="2024-09-10", mode="CASH_VOLUNTARY", amount="5000.00", **flow
    )  # costs first
    world.to_stage("POSTED")
    world.do("SY", "RecoveryReversed", day="2024-10-01", kind=kind, **flow)
    correction = kind == "CORRECTION"
    names = ("costs", "principal", "memo", "rec_cash", "loss")
    assert note(world, "2024-09-09", *names) == [D("2600.00"), D("2632708.70"), D("0.00"), D("0.00"), D("0.00")]
    between = [D("2600.00"), D("2632708.70")] if correction else [D("0.00"), D("2630308.70")]
    cash = D("0.00") if correction else D("5000.00")
    assert note(world, "2024-09-24", *names) == [*between, D("0.00"), cash, D("0.00")]
    memo = D("3700588.23") - (0 if correction else 5000)
    loss = D("2635308.70") - (0 if correction else 5000)
    assert note(world, "2024-09-25", *names) == [D("0.00"), D("0.00"), memo, cash, loss]
    assert note(world, "2024-10-01", *names) == [D("0.00"), D("0.00"), D("3700588.23"), D("0.00"), D("2635308.70")]
    book = book_of(world.app.published_after(0, 100))
    assert rows(book, "write_off", "2024-10-01")[0]["memo_left"] == D("3700588.23")


def test_a_voided_receipt_is_gone_from_its_own_day_if_it_was_wrong(world: World) -> None:
    """Booking and impairment of a foreclosed asset taken back by a correction, each on its own day (rule 5)."""
    common = {"version": 1, "actor": "U", "role": "CB", "org": "3301", "entity": "B", "reason": ""}

    def event(position: int, aggregate: str, key: str, type_: str, day: str, **payload: Any) -> dict[str, Any]:
        place = {"position": position, "recorded_us": position, "aggregate": aggregate, "key": key, "type": type_}
        return {**common, **place, "valid_on": date.fromisoformat(day).toordinal(), "payload": payload}

    booked = {
        "foreclosure_no": "FC",
        "asset_ids": ["L"],
        "fa_kind": "IMMOVABLE",
        "quantity": 1,
        "settlement": "90.00",
    }
    booked |= {"costs_capitalised": "0.00", "taxes": "10.00", "book_value": "100.00", "book_offset": "90.00"}
    booked |= {"acquired_on": "2024-01-10", "dispose_by": "2026-01-10"}
    money = dict.fromkeys(("interest_on", "interest_off", "penalty", "compound", "costs"), "0.00")
    log = [
        event(1, "RiskAsset", "L", "AssetAdmitted", "2024-01-01", principal="90.00", customer_no="C", **money),
        event(2, "ForeclosedAsset", "FA", "ForeclosedAssetBooked", "2024-01-10", **booked),
        event(3, "ForeclosedAsset", "FA", "ImpairmentRecognised", "2024-02-01", recoverable="60.00", amount="40.00"),
        event(4, "Foreclosure", "FC", "ForeclosureReversed", "2024-03-01", core_txn_no="X", kind="CORRECTION"),
        event(5, "ForeclosedAsset", "FA", "ForeclosedAssetVoided", "2024-03-01", foreclosure_no="FC"),
    ]
    book = LedgerBook()
    book.fold(log)
    for day in ("2024-01-10", "2024-02-01", "2024-03-01"):
        (row,) = rows(book, "risk_asset", day)
        assert (row["fa"], row["loss"]) == (D("0.00"), D("10.00")), day  # the taxes are spent
        (asset,) = rows(book, "fa_detail", day)
        assert (asset["carrying"], asset["impairment"], asset["status"]) == (D("0.00"), D("0.00"), "VOID")
    assert rows(book, "risk_asset", "2024-02-01", 4)[0]["fa"] == D("60.00")


# --- Cuts and stores -----------------------------------------------------------------------------------------------


def everything(book: LedgerBook) -> list[Any]:
    points = [("2022-03-15", 5), ("2023-03-15", 40), ("2023-07-18", book.position), ("2026-01-01", book.position)]
    return [table(book, name, day, position) for name in LEDGERS for day, position in points]


def test_however_the_log_is_cut_and_whatever_comes_twice_the_ledgers_are_the_same(events: list[EventView]) -> None:
    log = [lean(event) for event in events]
    whole = everything(book_of(events))
    chance = random.Random(3)
    for _ in range(2):
        book, at = LedgerBook(), 0
        while at < len(log):
            ahead = chance.randrange(1, 12)
            book.fold(log[max(0, at - chance.randrange(4)) : at + ahead])
            table(book, chance.choice(sorted(LEDGERS)), "2024-01-01")  # reading in between changes nothing
            at += ahead
        assert everything(book) == whole
    assert everything(book_of(events[:-1])) != whole


def test_a_stored_book_goes_on_where_it_was(events: list[EventView], tmp_path: Path) -> None:
    store = LedgerStore(tmp_path)
    pulled: list[int] = []

    def pull(position: int, limit: int) -> list[EventView]:
        pulled.append(position)
        return [event for event in events if event.position > position][:limit]

    with LedgerViews(
        lambda position, limit: pull(position, 1_000)[: max(0, 40 - position)], store, 1
    ).current() as book:
        assert book.position == 40
    pulled.clear()
    with LedgerViews(pull, store, 1).current() as book:
        assert everything(book) == everything(book_of(events))
    assert pulled[:2] == [39, 40]  # the last event it holds is looked at, then it goes on
    with LedgerViews(pull, store, 1).current() as book:
        assert packed(book) == packed(unpacked(packed(book)) or LedgerBook())


@pytest.mark.parametrize("damage", ["torn", "flipped", "empty", "another log"])
def test_a_stored_book_that_does_not_fit_is_thrown_away(events: list[EventView], tmp_path: Path, damage: str) -> None:
    store = LedgerStore(tmp_path)
    store.save(book_of(events))
    (path,) = tmp_path.glob("book-*")
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    path.write_bytes(bytes({"torn": data[:-9], "flipped": data, "empty": b""}.get(damage, data)))
    later = timedelta(seconds=damage == "another log")
    log = [replace(event, recorded_at=event.recorded_at + later) for event in events]
    with LedgerViews(lambda at, limit: [one for one in log if one.position > at][:limit], store).current() as book:
        assert everything(book) == everything(book_of(log))


# --- Effects -------------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 6), st.integers(-9, 9), st.booleans(), st.booleans()), max_size=40
    ),
    st.integers(0, 7),
    st.integers(0, 41),
)
def test_a_fold_takes_the_last_setting_and_what_was_added_after_it(
    drawn: list[tuple[int, int, int, bool, bool]], day: int, position: int
) -> None:
    effects = Effects()
    for number, (cell, when, value, sets, settle) in enumerate(drawn, 1):
        effects.add(Cell(0, cell, PLAIN), when, number, value, sets=sets)
        if settle:
            effects.fold(9, 99)
    found = effects.fold(day, position)
    ours = dict(zip(found.key.tolist(), found.value.tolist(), strict=True))
    wanted: dict[int, int] = {}
    order = sorted((when, number, cell, value, sets) for number, (cell, when, value, sets, _) in enumerate(drawn, 1))
    for when, number, cell, value, sets in order:
        if when <= day and number <= position:
            wanted[cell] = value if sets else wanted.get(cell, 0) + value
    assert ours == wanted
    assert Effects.of(effects.arrays()).fold(day, position).value.tolist() == found.value.tolist()


def test_a_cell_set_to_nothing_holds_nothing_until_something_is_added() -> None:
    effects = Effects()
    effects.add(Cell(0, 0, PLAIN), 1, 1, 5, sets=True)
    effects.add(Cell(0, 0, PLAIN), 2, 2, NOTHING, sets=True)
    effects.add(Cell(0, 0, PLAIN), 3, 3, 7, sets=False)
    assert [effects.fold(day, 9).value.tolist() for day in (1, 2, 3)] == [[5], [NOTHING], [7]]


# --- Explanations and differences ----------------------------------------------------------------------------------


def test_the_changes_of_a_row_add_up_to_it_exactly(events: list[EventView]) -> None:
    book = book_of(events)
    for name in ("risk_asset", "write_off", "recovery", "fa_detail", "litigation", "expense"):
        ledger, day = ledger_of(name), date(2026, 1, 1).toordinal()
        for row in rows(book, name, "2026-01-01"):
            key = book.names.find("|".join(str(row[part]) for part in ledger.key))
            steps = explain(book, ledger, key, day, book.position)
            order = [(change.counts_on, step.event.position) for step in steps for change in step.changes]
            assert order == sorted(order)
            for field in fields_of(ledger):
                if field.column.kind is Kind.MONEY and field.name in ledger.numbers:
                    changes = [c for step in steps for c in step.changes if c.column == field.name]
                    total = sum(((c.after or 0) - (c.before or 0) for c in changes), D(0))  # type: ignore[operator]
                    assert total == (row[field.name] or 0), (name, field.name)


def test_the_audit_of_a_correction_names_what_made_the_difference(events: list[EventView]) -> None:
    """Spec 8.1, lines 19 to 25: 420000 booked on 13 March, corrected to 402000 on the 20th, for 10 March."""
    book, ledger = book_of(events), ledger_of("risk_asset")
    known = [book.log.position_at(microseconds(datetime(2023, 3, day, 15, 59, tzinfo=UTC))) for day in (15, 20)]
    sides = [frame(book, ledger, date(2023, 3, 15).toordinal(), position) for position in known]
    (found,) = list(differences(book, sides[0], sides[1]))
    assert found.kind == "CHANGED"
    cells = {name: (before, after) for name, before, after in found.cells}
    assert cells["principal"] == (D("7654708.70"), D("7672708.70"))
    assert cells["rec_cash"] == (D("570000.00"), D("552000.00"))
    assert [event.type for event in found.events] == ["RecoveryReversed", "RecoveryApplied"]
    assert list(differences(book, sides[0], sides[0])) == []


def test_a_row_that_one_report_has_and_the_other_has_not(events: list[EventView]) -> None:
    book, ledger = book_of(events), ledger_of("write_off")
    early, late = (frame(book, ledger, date(y, 1, 1).toordinal(), book.position) for y in (2024, 2025))
    assert [one.kind for one in differences(book, early, late)] == ["NEW"]
    assert [one.kind for one in differences(book, late, early)] == ["GONE"]


# --- Conditions, order, pages --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def three() -> LedgerBook:
    """Three notes in two currencies."""
    book = LedgerBook()
    zero = dict.fromkeys(("interest_on", "interest_off", "penalty", "compound", "costs"), "0")
    notes = [
        ("A", "CNY", "100.50", "甲"),
        ("B", "JPY", "700", "乙"),
        ("C", "CNY", "9.99", "甲"),
        ("D", "CNY", "9.99", ""),
    ]
    book.fold(
        {
            "position": at, "recorded_us": at, "aggregate": "RiskAsset", "key": key, "version": 1,
            "type": "AssetAdmitted", "valid_on": 738_000, "actor": "U", "role": "EX", "org": "3301", "entity": "B",
            "reason": "",
            "payload": {"ccy": ccy, "customer_no": "C", "principal": principal, "product": product, **zero}
            | ({"overdue_since": "2021-01-01"} if key == "A" else {}),
        }
        for at, (key, ccy, principal, product) in enumerate(notes, 1)
    )  # fmt: skip
    return book


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        ("claim > 9.99", "AB"),
        ("claim >= 9.990", "ABCD"),
        ("claim < 9.991", "CD"),
        ("claim = 700", "B"),
        ("ccy = CNY", "ACD"),
        ("ccy != CNY", "B"),
        ("product contains 甲", "AC"),
        ("product is null", "D"),
        ("product is not null", "ABC"),
        ("product != 甲", "BD"),
        ("loan_no in A, C", "AC"),
        ("overdue_since < 2021-01-02", "A"),
        ("days_overdue > 100", "A"),
        ("days_overdue is null", "BCD"),
        ("known_from >= 1970-01-01T00:00:00.000003+00:00", "CD"),
        ("claim < 99999999999999999999999", "ABCD"),
    ],
)
def test_conditions(three: LedgerBook, where: str, keys: str) -> None:
    found = rows(three, "risk_asset", "2022-01-01", where=(where,), sort="loan_no")
    assert "".join(row["loan_no"] for row in found) == keys


def test_order_is_stable_with_the_key_last_and_nothing_at_the_end(three: LedgerBook) -> None:
    def order(sort: str) -> str:
        return "".join(row["loan_no"] for row in rows(three, "risk_asset", "2022-01-01", sort=sort))

    assert order("principal") == "CDAB"  # amounts compare in their own currency's unit: 9.99 < 100.50 < 700
    assert order("-product") == order("product:desc") == "ACBD"
    assert order("product,claim:desc") == "BACD"


def test_totals_are_of_all_rows_that_meet_the_conditions_and_never_of_two_currencies(three: LedgerBook) -> None:
    found = table(three, "risk_asset", "2022-01-01", where=("claim < 200",), limit=1, sort="loan_no")
    assert (found.row_count, len(found.rows)) == (3, 1)
    assert found.totals["CNY"]["claim"] == D("120.48")
    assert "JPY" not in found.totals
    assert table(three, "risk_asset", "2022-01-01").totals["JPY"]["claim"] == D("700")


@pytest.mark.parametrize(
    "asked", [{"where": ("nothing = 1",)}, {"where": ("claim ~ 1",)}, {"where": ("claim = x",)}, {"sort": "claim:up"},
              {"where": ("overdue_since = today",)}, {"columns": ("nothing",)}, {"where": ("claim contains 1",)}]
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(three: LedgerBook, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        table(three, "risk_asset", "2022-01-01", **asked)


def test_a_ledger_that_does_not_exist() -> None:
    with pytest.raises(NotFound):
        ledger_of("nothing")


# --- The tables ----------------------------------------------------------------------------------------------------


def test_every_event_that_a_table_names_exists_and_every_field_too() -> None:
    for ledger in LEDGERS.values():
        for rule in ledger.rules:
            assert rule.event in KINDS[rule.aggregate].EVENTS, (ledger.name, rule.aggregate, rule.event)


def test_the_page_says_what_the_tables_say() -> None:
    """Write it again with `python -m tests.ledger_tables`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_all_18_ledgers_stand_in_order() -> None:
    ids = [ledger.id for ledger in LEDGERS.values() if ledger.id != "-"]
    assert ids == [f"LG-{number:02}" for number in range(1, 19)]


@pytest.mark.parametrize("text", ["a b", "x ? y", "= y", "a = @nobody"])
def test_a_text_that_is_no_action_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no"):
        actions(text)
