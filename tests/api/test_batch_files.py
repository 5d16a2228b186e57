"""Cells in and out: what a spreadsheet says about a field, and that nothing that leaves is read as a formula."""

import zipfile
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import pytest
import python_calamine
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from aggregates.registry import KINDS
from api.batch_columns import Column, cell_value, payload_of, sheet_names, sheet_of
from api.batch_files import ADDED, CSV, XLSX, Table, blank, read_table, with_results
from engines.primitives.errors import InvalidInput

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def spreadsheet(*lines: tuple[Any, ...]) -> bytes:
    """As a person's spreadsheet program writes it: numbers as numbers, days as days, formulas with their values."""
    made = BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        page, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        for row, line in enumerate(lines):
            for column, cell in enumerate(line):
                if isinstance(cell, date):
                    page.write_datetime(row, column, datetime(cell.year, cell.month, cell.day), day)  # noqa: DTZ001
                elif cell is not None:
                    page.write(row, column, cell)
    return made.getvalue()


def test_a_spreadsheet_and_a_csv_of_the_same_rows_say_the_same() -> None:
    header = ("loan_no", "principal", "maturity", "collateral_ids", "rate_terms", "customer_no")
    sheet = sheet_of("RiskAsset.Admit")
    book = spreadsheet(header, ("LN-1", 8000000.1, date(2024, 12, 20), "K1; K2", '{"index":"LPR"}', 1001))
    text = "loan_no,principal,maturity,collateral_ids,rate_terms,customer_no\n"
    lines = [text + 'LN-1,"8,000,000.1",2024-12-20,K1；K2,"{""index"":""LPR""}",1001\n']
    tables = [
        read_table(data) for data in (book, *(line.encode(code) for line in lines for code in ("utf-8", "gb18030")))
    ]
    payloads = [payload_of(sheet, dict(zip(table.header, table.rows[0][1], strict=True))) for table in tables]
    assert payloads[0] == payloads[1] == payloads[2]
    assert payloads[0] == {
        "principal": "8000000.1",
        "maturity": "2024-12-20",
        "collateral_ids": ["K1", "K2"],
        "rate_terms": {"index": "LPR"},
        "customer_no": "1001",
    }


def test_every_command_has_a_sheet_and_parts_of_a_split_have_columns_of_their_own() -> None:
    names = sheet_names()
    assert len(names) == len(set(names)) > 300
    assert {name.partition(".")[0] for name in names} == set(KINDS)
    for name in names:
        columns = [column.name for column in sheet_of(name).columns]
        assert len(columns) == len(set(columns))
        assert columns[0] == sheet_of(name).key
    reduction = (
        sheet_of("DebtReduction.Draft")
        if "DebtReduction.Draft" in names
        else sheet_of("DebtReduction.ReductionDrafted")
    )
    payload = payload_of(reduction, {"waive.penalty": "5", "waive.compound": 1.5, "waive.principal": None})
    assert payload == {"waive": {"penalty": "5", "compound": "1.5"}}
    release = payload_of(sheet_of("RiskAsset.ReleaseHold"), {"loan_no": "L", "kind": "BATCH", "reason": "DONE"})
    assert release == {"kind": "BATCH", "reason": "DONE"}  # here it is a field of the command too


@pytest.mark.parametrize("name", ["", "RiskAsset", "RiskAsset.None", "None.Admit", "RiskAsset.WriteOff"])
def test_no_such_sheet(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        sheet_of(name)
    assert caught.value.facts["field"] == "kind"


@pytest.mark.parametrize(
    ("kind", "cell", "wanted"),
    [
        ("M", 0.1, "0.1"),
        ("M", 1e15 / 10, "100000000000000"),
        ("M", 12345678901.23, "12345678901.23"),
        ("M", 3, "3"),
        ("N", 7.0, 7),
        ("I", 20240001.0, "20240001"),
        ("D", datetime(2024, 5, 6), "2024-05-06"),  # noqa: DTZ001 - as a spreadsheet gives it
        ("B", 1.0, True),
        ("B", "否", False),
        ("T", "a b;c", ["a b", "c"]),
        ("O", '[{"a": 1}]', [{"a": 1}]),
    ],
)
def test_what_a_cell_becomes(kind: str, cell: Any, wanted: Any) -> None:
    assert cell_value(Column("x", kind, True, ""), cell) == wanted


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("M", 110.00000000000001),
        ("M", float("nan")),
        ("M", "1e5"),
        ("M", "12 yuan"),
        ("M", True),
        ("N", 1.5),
        ("I", 1.5),
        ("I", False),
        ("D", datetime(2024, 5, 6, 1)),  # noqa: DTZ001
        ("D", 45000.0),
        ("B", "maybe"),
        ("J", "[1]"),
        ("O", "{}"),
        ("K", "{"),
    ],
)
def test_what_a_cell_cannot_be(kind: str, cell: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        cell_value(Column("x", kind, True, ""), cell)
    assert caught.value.facts["field"] == "x"


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2))
def test_an_amount_of_fifteen_digits_survives_the_spreadsheet(amount: Any) -> None:
    text = cell_value(Column("x", "M", True, ""), float(amount))
    assert type(amount)(text) == amount


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"a,a\n1,2",
        b"a,,b\n1,2,3",
        b"a,b\n1,2,3",
        b"a\n" + b"x" * 9_000,
        b"a\n" + b"x\n" * 5_001,
        b'a\n"x',
        b"\xff\xfe\xff",
        b"PK\x03\x04 junk",
        spreadsheet(),
    ],
)
def test_files_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_table(data)


def test_a_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.batch_files.UNPACKED_BYTES_MAX", 100)
    with pytest.raises(InvalidInput, match="unpacks"):
        read_table(spreadsheet(("a",), (1,)))


EVIL = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"]


def test_nothing_leaves_as_a_formula_and_plain_numbers_stay() -> None:
    rows = tuple((number, (cell, "-12.50")) for number, cell in enumerate(EVIL, 2))
    results = [("refused", "x", "=HYPERLINK(1)")] * len(rows)
    text = with_results(Table(("a", "b"), rows, CSV), results, AT).decode("utf-8-sig")
    back = read_table(text.encode())
    assert [cells[0] for _, cells in back.rows] == EVIL  # reading takes the apostrophe away again
    for line in text.split("\r\n")[1:-1]:
        assert line.startswith(("'", "\"'")), line
    assert ",-12.50," in text
    assert "'=HYPERLINK(1)" in text
    packed = with_results(Table(("a", "b"), rows, XLSX), results, AT)
    with zipfile.ZipFile(BytesIO(packed)) as package:
        assert b"<f>" not in package.read("xl/worksheets/sheet1.xml")
    sheet = python_calamine.load_workbook(BytesIO(packed)).get_sheet_by_index(0).to_python()
    assert sheet[0] == ["a", "b", *ADDED]
    assert [row[0] for row in sheet[1:5]] == EVIL[:4]


def test_files_come_out_alike_to_the_byte_and_read_back() -> None:
    table = read_table(spreadsheet(("a", "b"), ("x", 1.0), (None, None), (date(2024, 5, 6), 2.5)))
    assert [number for number, _ in table.rows] == [2, 4]
    results = [("stored", "", ""), ("refused", "b", "why")]
    packed = with_results(table, results, AT)
    assert packed == with_results(table, results, AT)
    back = read_table(packed)
    assert back.header == ("a", "b", *ADDED)
    assert [tuple(cells) for _, cells in back.rows] == [
        ("x", "1", "stored", "", ""),
        ("2024-05-06", "2.5", "refused", "b", "why"),
    ]


def test_an_empty_file_has_the_columns_and_says_what_they_hold() -> None:
    sheet = sheet_of("RecoveryFlow.Receive")
    for form in (CSV, XLSX):
        assert read_table(blank(sheet, form, AT)).header == tuple(column.name for column in sheet.columns)
    notes = python_calamine.load_workbook(BytesIO(blank(sheet, XLSX, AT))).get_sheet_by_name("fields").to_python()
    assert notes[1] == ["core_txn_no", "yes", "key of the aggregate"]
    with pytest.raises(InvalidInput):
        blank(sheet, "ods", AT)
