"""Each form opened again by another program than ours, and the same bytes whoever writes them where."""

import csv
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from io import BytesIO, StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import python_calamine
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.primitives.errors import InvalidInput
from infra.exports import FORMS, Language, stamp_of
from infra.exports.cells import FORMULA_STARTS, guarded
from infra.exports.font import PLACES, face
from infra.exports.pdf_file import ROWS_MAX
from infra.exports.stamp import body
from projections.ledgers.query_supplements import MARK
from projections.ledgers.table import Column, Kind, LedgerTable
from tests.export_tables import COLUMNS, KNOWN_AT, loans, table
from tests.infra.exports.pdf_text import Pdf, read_pdf

ROOT = Path(__file__).parents[3]
needs_font = pytest.mark.skipif(not any(Path(place).is_file() for place in PLACES), reason="no Noto Sans CJK here")
WHOLE = st.integers(-(10**18), 10**18)
BIG = Decimal("12345678901234567.89")


def written(form: str, made: LedgerTable, language: Language = "zh", asked: str = "org = B01") -> bytes:
    out = BytesIO()
    FORMS[form].write(made, stamp_of(made, user="u.zhang", language=language, asked=asked), out)
    return out.getvalue()


def sheet(made: LedgerTable) -> list[list[Any]]:
    return python_calamine.load_workbook(BytesIO(written("xlsx", made))).get_sheet_by_index(0).to_python()


# --- CSV, JSON, Parquet --------------------------------------------------------------------------------------------


def test_csv_has_its_stamp_and_a_body_that_the_digest_is_of() -> None:
    made = table(loans(12))
    data = written("csv", made)
    assert data.startswith(b"\xef\xbb\xbf")
    head, _, rest = data.partition(b"\r\n\r\n")
    stamp = stamp_of(made, user="u.zhang")
    assert sha256(rest).hexdigest() == stamp.digest
    facts = dict(csv.reader(StringIO(head.decode("utf-8-sig"))))
    assert facts == {
        "台账": "风险资产台账 (risk_asset)",
        "业务日期": "2026-11-20",
        "数据时点": "2026-11-20T06:30:15.250001Z",
        "末条事件号": "4711",
        "导出人": "u.zhang",
        "查询条件": "org = B01",
        "行数": "12",
        "正文 SHA-256": stamp.digest,
    }
    rows = list(csv.reader(StringIO(rest.decode(), newline="")))
    assert rows[0] == [column.title_zh for column in COLUMNS]
    assert rows[3][6] == "12345678901234567.89"
    assert [row[0] for row in rows[13:]] == ["合计 CNY", "合计 USD"]
    assert Decimal(rows[13][6]) == made.totals["CNY"]["principal"]


@given(st.text(max_size=20))
@settings(max_examples=30)
def test_no_text_is_a_formula_and_every_text_comes_back(text: str) -> None:
    columns = (Column("name", "Name", "名称"), Column("other", "Other", "其他", Kind.CODE))
    made = table([(text, text)], columns)
    lines = list(csv.reader(StringIO(b"".join(body(made, "en")).decode("utf-8", "surrogatepass"), newline="")))
    for cell in lines[1]:
        assert not cell.startswith(FORMULA_STARTS)
        assert (cell[1:] if cell.startswith("'") else cell) == text


def test_amounts_below_zero_are_no_formulas() -> None:
    assert guarded("-5") == "'-5"
    assert b",-500000.00," in written("csv", table(loans(1)))


def test_json_keeps_every_digit() -> None:
    made = table(loans(6))
    found = json.loads(written("json", made))
    assert (found["row_count"], found["position"], found["digest"]) == (
        6,
        4_711,
        stamp_of(made, user="u.zhang").digest,
    )
    assert found["rows"][2][6] == str(BIG)
    assert found["rows"][1][3] == "=cmd|' /C calc'!A0"  # as it is: no spreadsheet reads this
    assert [type(cell) for cell in found["rows"][0][8:]] == [str, int, str, str, bool]
    assert found["totals"]["CNY"]["principal"] == str(made.totals["CNY"]["principal"])


def test_parquet_has_exact_types_and_the_stamp_for_any_reader() -> None:
    made = table(loans(40))
    data = written("parquet", made)
    found = pl.read_parquet(BytesIO(data))
    assert found.columns == [column.name for column in COLUMNS]
    assert found.schema["principal"] == pl.Decimal(38, 2)
    assert found.schema["admitted_on"] == pl.Date()
    assert found.schema["known_from"] == pl.Datetime("us", "UTC")
    assert found.rows() == [tuple(row) for row in made.rows]
    assert pl.read_parquet_metadata(BytesIO(data))["tidemark.digest"] == stamp_of(made, user="u.zhang").digest
    assert pl.read_parquet(BytesIO(written("parquet", table([])))).height == 0


def test_parquet_refuses_what_38_digits_do_not_hold() -> None:
    columns = (Column("amount", "", "", Kind.MONEY),)
    with pytest.raises(InvalidInput, match="38 digits"):
        written("parquet", table([(Decimal("1e37"),), (Decimal("0.123"),)], columns))


# --- Spreadsheets ---


def test_a_spreadsheet_has_real_numbers_and_days_and_loses_no_digit() -> None:
    made = table(loans(12))
    rows = sheet(made)
    start = next(at for at, row in enumerate(rows) if row[0] == "借据号")
    assert dict(row[:2] for row in rows[: start - 1])["正文 SHA-256"] == stamp_of(made, user="u.zhang").digest
    first, third = rows[start + 1], rows[start + 3]
    assert (first[0], first[6], first[10]) == ("LN-000000", -500_000.0, date(2020, 1, 1))
    assert first[11].isoformat() == "2026-01-01T01:02:03"
    assert (first[5], first[12]) == ("次级", "是")
    assert third[6] == str(BIG)  # 19 digits: a double would end in .888
    assert third[9] == 2.0
    last = rows[-1]
    assert last[0] == "合计 USD"
    assert Decimal(str(last[6])) == made.totals["USD"]["principal"]


def test_a_spreadsheet_holds_no_formula_and_keeps_its_head_in_sight() -> None:
    with zipfile.ZipFile(BytesIO(written("xlsx", table(loans(12))))) as package:
        assert package.testzip() is None
        xml, styles = package.read("xl/worksheets/sheet1.xml").decode(), package.read("xl/styles.xml").decode()
        core = package.read("docProps/core.xml").decode()
        assert {entry.date_time for entry in package.infolist()} == {(2026, 11, 20, 6, 30, 14)}
    assert "<f>" not in xml
    assert 'state="frozen"' in xml
    assert "quotePrefix" in styles
    assert "2026-11-20T06:30:15Z" in core


def test_days_before_excel_believes_in_them_are_texts() -> None:
    columns = (Column("on", "On", "日", Kind.DATE),)
    rows = sheet(
        table([(date(1899, 12, 31),), (date(1900, 2, 28),), (date(1900, 3, 1),), (date(9999, 12, 31),)], columns)
    )
    assert [row[0] for row in rows[-4:]] == ["1899-12-31", "1900-02-28", date(1900, 3, 1), date(9999, 12, 31)]


@given(
    st.lists(st.builds(lambda digits, places: Decimal(digits).scaleb(-places), WHOLE, st.integers(0, 6)), max_size=40)
)
@settings(max_examples=5)
def test_every_amount_comes_back_from_a_spreadsheet_exactly(amounts: list[Decimal]) -> None:
    found = sheet(
        table([("k", amount) for amount in amounts], (Column("key", "", "键"), Column("a", "", "", Kind.MONEY)))
    )
    start = next(at for at, row in enumerate(found) if row[0] == "键")
    assert [Decimal(str(row[1])) for row in found[start + 1 :]] == amounts


def test_sixteen_digits_are_text_and_fifteen_a_number() -> None:
    amounts = (Decimal("9007199254740993"), Decimal("0.1234567890123456"), Decimal("999999999999.999"))
    rows = sheet(table([(amount,) for amount in amounts], (Column("amount", "", "", Kind.MONEY),)))
    assert [row[0] for row in rows[-3:]] == ["9007199254740993", "0.1234567890123456", 999_999_999_999.999]


def test_texts_that_a_cell_cannot_hold_are_refused() -> None:
    with pytest.raises(InvalidInput, match="32767") as refused:
        written("xlsx", table([("x" * 32_768,)], (Column("name", "", ""),)))
    assert refused.value.facts["field"] == "name"


# --- Paper ---


def paper(made: LedgerTable, language: Language = "zh") -> Pdf:
    return read_pdf(written("pdf", made, language))


@needs_font
def test_a_pdf_has_its_stamp_every_cell_totals_signatures_and_page_numbers() -> None:
    made = table(loans(90))
    found = paper(made)
    first, last = found.text(1), found.text(found.pages)
    assert found.pages > 2
    for text in (
        "风险资产台账",
        "数据时点: 2026-11-20T06:30:15.250001Z",
        "末条事件号: 4711",
        "导出人: u.zhang",
        "行数: 90",
    ):
        assert text in first
    assert f"正文 SHA-256: {stamp_of(made, user='u.zhang', asked='org = B01').digest}" in first
    for page in range(1, found.pages + 1):
        assert f"第 {page} 页 / 共 {found.pages} 页" in found.text(page)
        assert "借据号" in found.text(page)
    shown = [piece.text for piece in found.pieces]
    assert [text for text in shown if text.startswith("LN-")] == [str(row[0]) for row in made.rows]
    assert "12,345,678,901,234,567.89" in shown
    assert "华东机械制造（集团）股份有限公司" in shown
    assert {"合计 CNY", "合计 USD", "制表：", "复核：", "审批："} <= {*last.split("\n")}


@needs_font
@pytest.mark.parametrize("width", [6, 34])
def test_nothing_on_paper_stands_beyond_its_edge_or_on_its_neighbour(width: int) -> None:
    columns = [COLUMNS[at % 13] for at in range(width)]
    columns = [replace(column, name=f"c{at}", title_zh=f"{column.title_zh}{at}") for at, column in enumerate(columns)]
    long = "未断开的，很长、很长的客户名称。" * 9 + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" * 3
    rows = [tuple(row[at % 13] if at % 13 != 3 else long for at in range(width)) for row in loans(8)]
    found = paper(table(rows, columns))
    for piece in found.pieces:
        assert piece.x > 29
        assert piece.right < found.width - 20
        assert 20 < piece.y < found.height - 29
    lines: dict[tuple[int, float], list[tuple[float, float]]] = {}
    for piece in found.pieces:
        lines.setdefault((piece.page, piece.y), []).append((piece.x, piece.right))
    for line in lines.values():
        line.sort()
        assert all(left[1] <= right[0] for left, right in pairwise(line))
    assert "".join(piece.text for piece in found.pieces).count("未断开") >= 8
    for at, column in enumerate(columns):
        assert column.title_zh in "".join(piece.text for piece in found.pieces if piece.page), at


@needs_font
def test_a_letter_without_a_glyph_shows_the_typesetters_sign() -> None:
    assert face().glyphs("\U0001f600") == face().glyphs("〓")
    found = paper(table([("笑\U0001f600\x07",)], (Column("name", "Name", "名称"),)))
    assert "笑" in found.text(1)


@needs_font
def test_the_english_one_says_page_n_of_m() -> None:
    found = paper(table(loans(3)), "en")
    assert "Page 1 of 1" in found.text(1)
    assert "Prepared by:" in found.text(1)
    assert "SUBSTANDARD" in found.text(1)


def test_more_than_paper_takes_is_refused() -> None:
    with pytest.raises(InvalidInput, match="take xlsx"):
        written("pdf", table([("x",)] * (ROWS_MAX + 1), (Column("name", "", ""),)))


def test_the_print_view_escapes_and_marks() -> None:
    made = table(loans(6))
    overlaid = replace(made, columns=(*made.columns, MARK), rows=[(*row, "costs") for row in made.rows])
    page = written("html", overlaid).decode()
    assert "<b>&" not in page
    assert "Zhang San &lt;b&gt;&amp; Sons&lt;/b&gt;, Ltd." in page
    assert page.count('class="n s"') == 6
    assert "@page zh" in page
    assert "<script" not in page


# --- The same bytes ---

WRITER = """
import sys
from pathlib import Path
from infra.exports import FORMS, stamp_of
from tests.export_tables import loans, table
made = table(loans(60))
stamp = stamp_of(made, user="u.zhang", asked="org = B01")
for form in sys.argv[2:]:
    with (Path(sys.argv[1]) / form).open("w+b") as file:
        FORMS[form].write(made, stamp, file)
"""


@needs_font
def test_another_process_in_another_zone_writes_the_same_bytes(tmp_path: Path) -> None:
    """Beside this process: its zone is not Los Angeles, and its hash seed is another one."""
    environment = os.environ | {"PYTHONHASHSEED": "77", "TZ": "America/Los_Angeles", "LC_ALL": "C"}
    command = [sys.executable, "-c", WRITER, str(tmp_path), *sorted(FORMS)]
    subprocess.run(command, env=environment | {"PYTHONPATH": str(ROOT)}, cwd=tmp_path, check=True, timeout=200)
    for form in FORMS:
        assert (tmp_path / form).read_bytes() == written(form, table(loans(60))), form


def test_the_stamp_follows_rows_and_language_and_nothing_else() -> None:
    made = table(loans(5))
    digest = stamp_of(made, user="a").digest
    assert stamp_of(replace(made, known_at=KNOWN_AT.replace(year=2027), position=9), user="b").digest == digest
    assert stamp_of(made, user="a", language="en").digest != digest
    assert stamp_of(table(loans(4)), user="a").digest != digest
