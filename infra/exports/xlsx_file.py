"""A spreadsheet: real days and numbers, a header that stays in sight, the stamp above and the totals below.

Written row by row in constant memory. A number that a double cannot hold (over 15 digits) is kept as text, to the
last digit. Texts are stored as texts and marked so, a formula never arises: not on opening, and not when somebody
edits the cell.
"""

import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import xlsxwriter

from engines.primitives.errors import InvalidInput
from infra.exports.cells import AMOUNTS, FORMULA_STARTS, exact, overlaid_columns, shown, title_of
from infra.exports.packed import repack
from infra.exports.stamp import Stamp, total_word
from projections.ledgers.table import Cell, Column, Kind, LedgerTable

ROWS_MAX, TEXT_MAX = 1_048_576, 32_767
DIGITS_MAX = 15
FIRST_DAY = date(1900, 3, 1)  # Excel believes in 29 February 1900, so that its days before are ambiguous
WIDTHS = {Kind.TEXT: 18, Kind.CODE: 16, Kind.MONEY: 20, Kind.NUMBER: 10, Kind.PER_CENT: 12}
NAME_MAX = 31
ENTERED = "#FFF3C4"  # behind what was entered by hand
FORBIDDEN = "[]:*?/\\'"
Write = Callable[[int, int, Cell], None]


def write_xlsx(table: LedgerTable, stamp: Stamp, out: BinaryIO) -> None:
    """One sheet. `out` can seek. Raises InvalidInput: more rows than a sheet holds, a text over 32,767 letters."""
    lines = stamp.lines()
    if len(table.rows) + len(table.totals) + len(lines) + 2 > ROWS_MAX:
        raise InvalidInput(f"a sheet holds {ROWS_MAX} rows; take csv or parquet", field="form", rows=len(table.rows))
    with tempfile.TemporaryDirectory(prefix="tidemark-export-") as folder:
        path = Path(folder) / "ledger.xlsx"
        _fill(path, folder, table, stamp, lines)
        repack(path, out, stamp.known_at)


def _fill(path: Path, folder: str, table: LedgerTable, stamp: Stamp, lines: Sequence[tuple[str, str]]) -> None:
    book = xlsxwriter.Workbook(
        str(path), {"constant_memory": True, "tmpdir": folder, "strings_to_formulas": False, "strings_to_urls": False}
    )
    created = stamp.known_at.astimezone(UTC).replace(tzinfo=None)
    book.set_properties(
        {"title": stamp.title, "author": stamp.user, "comments": f"sha256 {stamp.digest}", "created": created}
    )
    sheet = book.add_worksheet("".join("_" if sign in FORBIDDEN else sign for sign in stamp.title)[:NAME_MAX])
    bold = book.add_format({"bold": True})
    head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E8EDF3", "text_wrap": True, "valign": "top"})
    header_row = len(lines) + 1
    for at, column in enumerate(table.columns):
        width = WIDTHS.get(column.kind, 13)
        sheet.set_column(at, at, max(width, min(30, 2 * len(title_of(column, stamp.language)) + 2)))
    sheet.freeze_panes(header_row + 1, 1)
    sheet.repeat_rows(header_row)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&P / &N")
    for number, (label, value) in enumerate(lines):
        sheet.write_string(number, 0, label, bold)
        sheet.write_string(number, 1, value)
    for at, column in enumerate(table.columns):
        sheet.write_string(header_row, at, title_of(column, stamp.language), head)
    writers = [_writer(book, sheet, column, stamp) for column in table.columns]
    of_entered = [_writer(book, sheet, column, stamp, bg_color=ENTERED) for column in table.columns]
    overlays = overlaid_columns(table)
    row = header_row
    for cells in table.rows:
        row += 1
        entered = overlays(cells)
        for at, cell in enumerate(cells):
            if cell is not None:
                (of_entered if at in entered else writers)[at](row, at, cell)
    sheet.autofilter(header_row, 0, row, len(table.columns) - 1)
    totalled = [_writer(book, sheet, column, stamp, bold=True) for column in table.columns]
    for ccy in sorted(table.totals):
        row += 1
        sums = table.totals[ccy]
        first = sums.get(table.columns[0].name)
        word = total_word(ccy, stamp.language)
        sheet.write_string(row, 0, word if first is None else f"{word} {exact(first)}", bold)
        for at, column in enumerate(table.columns[1:], 1):
            if column.name in sums:
                totalled[at](row, at, sums[column.name])
    book.close()


def _writer(book: Any, sheet: Any, column: Column, stamp: Stamp, **style: object) -> Write:
    """Writes one cell of the column; formats are made once, since each is a record of the file."""
    plain = book.add_format({**style, "num_format": "@"})
    quoted = book.add_format({**style, "num_format": "@", "quote_prefix": True})
    right = book.add_format({**style, "num_format": "@", "align": "right"})
    day = book.add_format({**style, "num_format": "yyyy-mm-dd"})
    moment = book.add_format({**style, "num_format": "yyyy-mm-dd hh:mm:ss"})
    numbers: dict[int, Any] = {}

    def number_format(places: int) -> Any:
        if places not in numbers:
            fraction = "." + "0" * places if places else ""
            group = "0" if column.kind is Kind.NUMBER else "#,##0"
            numbers[places] = book.add_format({**style, "num_format": group + fraction})
        return numbers[places]

    def text(row: int, at: int, value: str) -> None:
        if len(value) > TEXT_MAX:
            raise InvalidInput(f"{column.name} has a text of over {TEXT_MAX} letters; take csv", field=column.name)
        sheet.write_string(row, at, value, quoted if value.startswith(FORMULA_STARTS) else plain)

    def write(row: int, at: int, cell: Cell) -> None:
        if isinstance(cell, bool):
            text(row, at, shown(cell, column, stamp.language))
        elif isinstance(cell, Decimal | int):
            value = Decimal(cell)
            if digits(value) > DIGITS_MAX:
                sheet.write_string(row, at, exact(cell), right)
            else:
                # The one place where an amount becomes a double: a cell is one, and 15 digits survive it.
                sheet.write_number(row, at, float(value), number_format(max(0, -int(value.as_tuple().exponent))))
        elif isinstance(cell, datetime):
            naive = cell.astimezone(UTC).replace(tzinfo=None)
            sheet.write_datetime(row, at, naive, moment) if naive.date() >= FIRST_DAY else text(row, at, exact(cell))
        elif isinstance(cell, date):
            sheet.write_datetime(row, at, cell, day) if cell >= FIRST_DAY else text(row, at, exact(cell))
        elif cell is not None:
            text(row, at, shown(cell, column, stamp.language) if column.kind not in AMOUNTS else cell)

    return write


def digits(value: Decimal) -> int:
    """Significant digits as written, those after the point included: `digits(Decimal("1234.50")) == 6`."""
    return max(len(value.as_tuple().digits), -int(value.as_tuple().exponent))
