"""The Berka feed: bad rows are named; of the real files, everything arrives and adds up to the haler."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engines.primitives.errors import InvalidInput, NotFound
from streams import topics
from streams.feeds.berka import (
    berka_bank,
    berka_count,
    berka_events,
    classify,
    last_transaction_date,
)
from streams.feeds.berka_files import BerkaFiles, read_berka
from streams.feeds.event import Event, add_months
from streams.producer import encode
from streams.schemas import BusinessDate, Contract, Txn, WorkflowCommand

SMALL = {
    "account.asc": '"account_id";"district_id";"frequency";"date"\n1;18;"MESICNE";930103\n2;5;"X";930501\n',
    "disp.asc": (
        '"disp_id";"client_id";"account_id";"type"\n1;71;1;"OWNER"\n2;72;1;"DISPONENT"\n3;73;2;"OWNER"\n'
    ),
    "trans.asc": (
        '"trans_id";"account_id";"date";"type";"operation";"amount";"balance";"k_symbol";"bank";"account"\n'
        '11;1;930104;"PRIJEM";"VKLAD";700.00;700.00;"";;\n'
        '12;1;930104;"VYBER";"VYBER";0.50;699.50;" ";;\n'
        '13;1;930131;"PRIJEM";"";1.90;701.40;"UROK";;\n'
        '14;2;930601;"VYDAJ";"PREVOD NA UCET";12.3;1.00;"SIPO";"YZ";"0000123"\n'
    ),
    "order.asc": (
        '"order_id";"account_id";"bank_to";"account_to";"amount";"k_symbol"\n21;2;"YZ";"1";2452.10;"SIPO"\n'
    ),
    "loan.asc": (
        '"loan_id";"account_id";"date";"amount";"duration";"payments";"status"\n'
        '31;1;930705;1200;12;100.00;"A"\n32;1;930705;1200;12;100.00;"B"\n'
        '33;1;980705;1200;12;100.00;"C"\n34;1;980705;1200;12;100.00;"D"\n'
    ),
}  # fmt: skip
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(**changed: str | bytes) -> Path:
        for name, text in SMALL.items():
            content = changed.get(name.partition(".")[0], text)
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return write


def records(events: list[Event], kind: type) -> list[object]:
    return [event.record for event in events if isinstance(event.record, kind)]


def test_entries_say_what_the_file_says(write: Write) -> None:
    events = list(berka_bank(write(), None, "token"))
    first, second, third, fourth = (e for e in events if isinstance(e.record, Txn))
    assert first == Event(
        topics.TXN,
        b"BERKA|71",
        Txn(
            txn_id="11",
            source_system="berka",
            event_time="1993-01-04T12:00:00.000000Z",
            value_date="1993-01-04",
            entity_id="BERKA",
            account_id="1",
            ccy="CZK",
            direction="in",
            amount="700.00",
            customer_id="71",
            org_id="18",
            line_id="RETAIL-BANKING",
            product_id="CURRENT",
            customer_class="RETAIL",
            txn_type="CASH_DEPOSIT",
            channel="CASH",
        ),
    )
    assert isinstance(second.record, Txn)
    assert (second.record.direction, second.record.amount) == ("out", "0.50")
    assert second.record.event_time == "1993-01-04T12:00:00.000001Z"
    assert isinstance(third.record, Txn)
    assert third.record.txn_type == "INTEREST_CREDIT"
    assert isinstance(fourth.record, Txn)
    assert (fourth.record.amount, fourth.record.cpty_bank_id, fourth.key) == ("12.30", "YZ", b"BERKA|73")
    assert fourth.record.txn_type == "HOUSEHOLD_PAYMENT"


def test_each_date_begins_with_its_business_date(write: Write) -> None:
    events = list(berka_bank(write(), None, "token"))
    today = ""
    for event in events:
        if isinstance(event.record, BusinessDate):
            assert event.record.business_date > today
            today = event.record.business_date
        elif isinstance(event.record, Txn):
            assert event.record.value_date == today
        elif isinstance(event.record, Contract):
            assert event.record.event_time.startswith(today)
        elif isinstance(event.record, WorkflowCommand):
            assert event.record.valid_on == today


def test_loans_are_told_when_granted_and_when_their_status_is_reached(write: Write) -> None:
    events = list(berka_bank(write(), None, "secret-token"))
    loans: dict[str, list[Contract]] = defaultdict(list)
    for event in events:
        if isinstance(event.record, Contract) and event.record.side == "asset":
            loans[event.record.contract_id].append(event.record)
    told = {
        name: [(r.event_time[:10], r.closed, r.loan_class, r.overdue_days) for r in history]
        for name, history in loans.items()
    }
    assert told == {
        "BERKA-31": [("1993-07-05", False, "NORMAL", 0), ("1994-07-05", True, "NORMAL", 0)],
        "BERKA-32": [("1993-07-05", False, "NORMAL", 0), ("1994-07-05", True, "DOUBTFUL", 334)],
        "BERKA-33": [("1998-07-05", False, "NORMAL", 0), ("1998-12-31", False, "NORMAL", 0)],
        "BERKA-34": [("1998-07-05", False, "NORMAL", 0), ("1998-12-31", False, "SPECIAL_MENTION", 26)],
    }
    loan = loans["BERKA-31"][0]
    assert (loan.principal, loan.amort, loan.pay_freq, loan.rate) == ("1200.00", "equal_principal", "1M", "0")
    assert (loan.start_date, loan.maturity_date) == ("1993-07-05", "1994-07-05")

    unpaid, in_debt = (event for event in events if isinstance(event.record, WorkflowCommand))
    assert isinstance(unpaid.record, WorkflowCommand)
    assert isinstance(in_debt.record, WorkflowCommand)
    assert (unpaid.topic, unpaid.key) == (topics.COMMAND, b"RiskAsset/BERKA-32")
    assert unpaid.record.token == "secret-token"
    assert unpaid.record.payload == {
        "loan_no": "BERKA-32", "entity_id": "BERKA", "ccy": "CZK", "customer_no": "71", "branch": "18",
        "product": "LOAN", "segment": "RETAIL", "principal": "1200.00", "interest_on": "0.00",
        "interest_off": "0.00", "penalty": "0.00", "compound": "0.00", "costs": "0.00",
        "classification": "DOUBTFUL", "overdue_since": "1993-08-05", "maturity": "1994-07-05",
        "rate_terms": {}, "collateral_ids": [], "guarantor_nos": [],
    }  # fmt: skip
    # Five payments were due by the end of 1998, four are taken as paid.
    assert (in_debt.record.payload["principal"], in_debt.record.payload["overdue_since"]) == (
        "800.00",
        "1998-12-05",
    )
    assert unpaid.record.cmd_id != in_debt.record.cmd_id
    again = [e.record for e in berka_bank(write(), None, "other") if isinstance(e.record, WorkflowCommand)]
    assert [r.cmd_id for r in again] == [unpaid.record.cmd_id, in_debt.record.cmd_id]


def test_an_order_is_always_known_a_year_ahead(write: Write) -> None:
    orders = [
        r
        for r in records(list(berka_bank(write(), None, "t")), Contract)
        if isinstance(r, Contract) and r.side == "obs_out"
    ]
    assert [r.start_date for r in orders] == [f"{year}-05-01" for year in range(1993, 1999)]
    assert [r.maturity_date for r in orders] == [f"{year}-05-01" for year in range(1995, 2001)]
    assert {r.principal for r in orders} == {"58850.40"}  # 24 times 2,452.10
    assert {r.contract_id for r in orders} == {"BERKA-ORDER-21"}
    assert all("opening day" in r.assumption for r in orders)


def test_until_cuts_and_changes_nothing(write: Write) -> None:
    files = read_berka(write())
    assert last_transaction_date(files) == date(1993, 6, 1)
    everything = list(berka_events(files, None, "t"))
    for until in (date(1992, 1, 1), date(1993, 1, 4), date(1994, 7, 5), date(1998, 12, 31)):
        part = list(berka_events(files, until, "t"))
        assert part == everything[: len(part)]
        assert berka_count(files, until) == len(part)
        assert all(r.business_date <= until.isoformat() for r in records(part, BusinessDate))  # type: ignore[attr-defined]
    assert part == everything


@pytest.mark.parametrize(
    ("file", "edit", "line", "field"),
    [
        ("trans", ("930104;", "930230;"), 2, "date"),
        ("trans", ("930131", "930103"), 4, "date"),
        ("trans", ("700.00;700", "700.005;700"), 2, "amount"),
        ("trans", ("700.00;700", "7e2;700"), 2, "amount"),
        ("trans", ("700.00;700", "-700.00;700"), 2, "amount"),
        ("trans", ("700.00;700", "0.00;700"), 2, "amount"),
        ("trans", ('"PRIJEM"', '"PRIJMY"'), 2, "type"),
        ("trans", ('"VKLAD"', '"VKLADY"'), 2, "operation"),
        ("trans", ('"UROK"', '"UROKY"'), 4, "k_symbol"),
        ("trans", ("11;1;", "11;9;"), 2, "account_id"),
        ("trans", ("12;1;", "11;1;"), 3, "trans_id"),
        ("trans", ("12;1;", "x;1;"), 3, "trans_id"),
        ("trans", (';"YZ";"0000123"', ';"YZ"'), 5, "-"),
        ("account", ("18", "Praha"), 2, "district_id"),
        ("account", ("2;5;", "1;5;"), 3, "account_id"),
        ("account", ("930501", "991301"), 3, "date"),
        ("account", ("frequency", "often"), 1, "-"),
        ("disp", ('3;73;2;"OWNER"', '3;73;2;"DISPONENT"'), 3, "account_id"),
        ("disp", ('"DISPONENT"', '"BOSS"'), 3, "type"),
        ("order", ("2452.10", ""), 2, "amount"),
        ("loan", ('100.00;"A"', '100.01;"A"'), 2, "payments"),
        ("loan", ("1200;12;", "0;0;"), 2, "amount"),
        ("loan", ('"D"', '"E"'), 5, "status"),
        ("loan", ("33;1;", "31;1;"), 4, "loan_id"),
        ("loan", ('"A"', '"A'), 2, "-"),
    ],
)
def test_a_bad_row_is_named(write: Write, file: str, edit: tuple[str, str], line: int, field: str) -> None:
    (old, new), text = edit, SMALL[f"{file}.asc"]
    assert old in text
    with pytest.raises(InvalidInput) as refused:
        read_berka(write(**{file: text.replace(old, new, 1)}))
    facts = refused.value.facts
    named = "account.asc" if file == "disp" and field == "account_id" else f"{file}.asc"
    assert (facts["file"], facts["field"]) == (named, field)
    if not (file == "loan" and new == '"A'):  # an open quote is only found where the file ends
        assert facts["line"] == line
        assert f"line {line}" in str(refused.value)


def test_another_encoding_is_named(write: Write) -> None:
    text = SMALL["trans.asc"].replace('"VYBER";"VYBER"', '"VÝBĚR";"VYBER"')
    with pytest.raises(InvalidInput, match=r"trans\.asc line 3: not ASCII"):
        read_berka(write(trans=text.encode("cp1250")))


def test_a_missing_file_is_named(write: Write) -> None:
    directory = write()
    (directory / "loan.asc").unlink()
    with pytest.raises(NotFound, match=r"loan\.asc"):
        berka_bank(directory, None, "t")


def test_grades_follow_days_overdue() -> None:
    assert [classify(days) for days in (0, 90)] == ["SPECIAL_MENTION"] * 2
    assert [classify(days) for days in (91, 270)] == ["SUBSTANDARD"] * 2
    assert [classify(days) for days in (271, 360)] == ["DOUBTFUL"] * 2
    assert classify(361) == "LOSS"


@pytest.fixture(scope="module")
def directory(reference: Path) -> Path:
    path = reference / "data" / "berka"
    if not path.is_dir():
        pytest.skip(f"no Berka data at {path}: set TIDEMARK_REFERENCE")
    return path


@pytest.fixture(scope="module")
def files(directory: Path) -> BerkaFiles:
    return read_berka(directory)


@pytest.fixture(scope="module")
def everything(files: BerkaFiles) -> list[Event]:
    return list(berka_events(files, None, "token"))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


@pytest.mark.berka
def test_everything_of_the_files_is_fed(everything: list[Event]) -> None:
    entries = [e.record for e in everything if isinstance(e.record, Txn)]
    assert len(entries) == len({r.txn_id for r in entries}) == 28_205
    names = Counter(e.record.side for e in everything if isinstance(e.record, Contract))
    assert set(names) == {"asset", "obs_out"}
    for side, count in (("asset", 682), ("obs_out", 6_471)):
        ids = {e.record.contract_id for e in everything if isinstance(e.record, Contract) and e.record.side == side}
        assert len(ids) == count
    commands = [e.record for e in everything if isinstance(e.record, WorkflowCommand)]
    assert len(commands) == len({r.cmd_id for r in commands}) == 31 + 45  # status B and D


@pytest.mark.berka
def test_totals_equal_an_independent_sum_of_the_file(directory: Path, everything: list[Event]) -> None:
    want: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    districts = {row["account_id"]: row["district_id"] for row in rows(directory / "account.asc")}
    for row in rows(directory / "trans.asc"):
        sign = 1 if row["type"] == "PRIJEM" else -1
        want[districts[row["account_id"]], row["account_id"]] += sign * Decimal(row["amount"])
    got: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for event in everything:
        if isinstance(event.record, Txn):
            sign = 1 if event.record.direction == "in" else -1
            got[event.record.org_id, event.record.account_id] += sign * Decimal(event.record.amount)
    assert got == want


@pytest.mark.berka
def test_keys_are_the_owners(directory: Path, everything: list[Event]) -> None:
    owners = {row["account_id"]: row["client_id"] for row in rows(directory / "disp.asc") if row["type"] == "OWNER"}
    for event in everything:
        if isinstance(event.record, Txn | Contract):
            assert event.key == f"BERKA|{owners[event.record.account_id]}".encode()


@pytest.mark.berka
def test_orders_and_loans_add_up(directory: Path, everything: list[Event]) -> None:
    latest = {e.record.contract_id: e.record for e in everything if isinstance(e.record, Contract)}
    orders = sum(Decimal(r.principal) for r in latest.values() if r.side == "obs_out")
    assert orders == 24 * sum(Decimal(row["amount"]) for row in rows(directory / "order.asc"))
    loans = sum(Decimal(r.principal) for r in latest.values() if r.side == "asset")
    assert loans == sum(Decimal(row["amount"]) for row in rows(directory / "loan.asc"))
    closed = sum(r.closed for r in latest.values())
    assert closed == 203 + 31  # status A and B
    for record in latest.values():
        if record.side == "obs_out" and record.maturity_date:
            assert date.fromisoformat(record.maturity_date) > add_months(date(1998, 12, 31), 12)


@pytest.mark.berka
def test_events_are_in_order_and_the_same_each_time(files: BerkaFiles, everything: list[Event]) -> None:
    times = [e.record.event_time for e in everything if not isinstance(e.record, WorkflowCommand)]  # type: ignore[union-attr]
    assert times == sorted(times)
    again = berka_events(files, None, "token")
    assert all(encode(a.record) == encode(b.record) for a, b in zip(again, everything, strict=True))
    until = last_transaction_date(files)
    assert until == date(1993, 12, 31)
    year = list(berka_events(files, until, "token"))
    assert year == everything[: len(year)]
    assert sum(isinstance(e.record, Txn) for e in year) == 28_205
