"""Rows of a spreadsheet or CSV file in, the same rows with their results out.

Nothing that leaves here is read as a formula by a spreadsheet: in .xlsx every cell is stored as text, in CSV what
begins like a formula gets an apostrophe, which reading takes away again.
"""

import csv
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO, StringIO

import python_calamine
import xlsxwriter

from api.batch_columns import DECIMAL, Cell, Sheet, is_empty
from engines.primitives.errors import InvalidInput
from infra.documents.packages import repacked

ROWS_MAX, COLUMNS_MAX, CELL_LENGTH_MAX = 5_000, 200, 8_000
UNPACKED_BYTES_MAX = 268_435_456
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
APOSTROPHE = "'"
XLSX, CSV = "xlsx", "csv"
ADDED = ("result", "column", "reason")
UNREADABLE = (
    python_calamine.CalamineError,
    python_calamine.PasswordError,
    python_calamine.XmlError,
    python_calamine.ZipError,
)


@dataclass(frozen=True, slots=True)
class Table:
    """The first sheet: its header and rows, each with its number in the file, the header's being 1."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]
    form: str


def read_table(data: bytes) -> Table:
    """Rows that hold anything. Raises InvalidInput: neither .xlsx nor CSV, too large, a header that repeats."""
    form = XLSX if data.startswith(b"PK") else CSV
    lines = _xlsx(data) if form == XLSX else _csv(data)
    if not lines:
        raise InvalidInput("the file has no header", field="file")
    header = tuple("" if cell is None else str(cell).strip() for cell in lines[0])
    while header and not header[-1]:
        header = header[:-1]
    if not header or "" in header or len(set(header)) != len(header) or len(header) > COLUMNS_MAX:
        raise InvalidInput(f"want 1 to {COLUMNS_MAX} column names, each once", field="header")
    rows = [(number, tuple(line)) for number, line in enumerate(lines[1:], 2) if not all(map(is_empty, line))]
    if len(rows) > ROWS_MAX:
        raise InvalidInput(f"want at most {ROWS_MAX} rows, got {len(rows)}", field="file")
    for number, line in rows:
        if any(not is_empty(cell) for cell in line[len(header) :]):
            raise InvalidInput(f"row {number} has a cell beyond the header", field="file", row=number)
        if any(isinstance(cell, str) and len(cell) > CELL_LENGTH_MAX for cell in line):
            raise InvalidInput(f"row {number} has a cell of over {CELL_LENGTH_MAX} letters", field="file", row=number)
    return Table(header, tuple(rows), form)


def with_results(table: Table, results: Iterable[Sequence[str]], at: datetime) -> bytes:
    """The rows with the columns of `ADDED`, in the form they came in."""
    lines: list[Sequence[Cell]] = [(*table.header, *ADDED)]
    for (_, cells), added in zip(table.rows, results, strict=True):
        whole = [*cells[: len(table.header)], *[None] * (len(table.header) - len(cells))]
        lines.append((*whole, *added))
    return _write(table.form, lines, at)


def blank(sheet: Sheet, form: str, at: datetime) -> bytes:
    """An empty file with the columns of a command; in .xlsx a second sheet says what each may hold."""
    notes = [("column", "required", "what it holds")]
    notes += [(column.name, "yes" if column.required else "", column.meaning) for column in sheet.columns]
    return _write(form, [[column.name for column in sheet.columns]], at, notes)


def _write(form: str, lines: Sequence[Sequence[Cell]], at: datetime, notes: Sequence[Sequence[str]] = ()) -> bytes:
    if form == CSV:
        made = StringIO(newline="")
        csv.writer(made).writerows([[_guarded(_shown(cell)) for cell in line] for line in lines])
        return made.getvalue().encode("utf-8-sig")  # the mark tells a spreadsheet that it is UTF-8
    if form != XLSX:
        raise InvalidInput("want xlsx or csv", field="format")
    packed = BytesIO()
    as_text = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(packed, {"in_memory": True, **as_text}) as book:
        book.set_properties({"created": at.replace(tzinfo=None), "author": "Tidemark"})
        text = book.add_format({"num_format": "@"})
        for name, listed in (("rows", lines), ("fields", notes)):
            if not listed:
                continue
            page = book.add_worksheet(name)
            page.set_column(0, len(listed[0]) - 1, 18, text)  # what is typed stays text, with all its digits
            for number, line in enumerate(listed):
                for place, cell in enumerate(line):
                    page.write_string(number, place, _shown(cell), text)
    return repacked(packed.getvalue(), at)


def _shown(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime) and cell.timetuple()[3:6] == (0, 0, 0):
        return cell.date().isoformat()
    if isinstance(cell, date | datetime):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _guarded(text: str) -> str:
    return APOSTROPHE + text if text.startswith(FORMULA_STARTS) and not DECIMAL.fullmatch(text) else text


def _unguarded(text: str) -> str:
    return text[1:] if text.startswith(APOSTROPHE) and text[1:].startswith(FORMULA_STARTS) else text


def _csv(data: bytes) -> list[list[Cell]]:
    for encoding in ("utf-8-sig", "gb18030"):  # what spreadsheets of Chinese systems write
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        try:
            return [
                [_unguarded(cell) for cell in line] for line in csv.reader(StringIO(text, newline=""), strict=True)
            ]
        except csv.Error as error:
            raise InvalidInput(f"this CSV cannot be read: {error}", field="file") from error
    raise InvalidInput("want a CSV in UTF-8 or GB18030, or an .xlsx", field="file")


def _xlsx(data: bytes) -> list[list[Cell]]:
    try:
        with zipfile.ZipFile(BytesIO(data)) as package:
            size = sum(entry.file_size for entry in package.infolist())
        if size > UNPACKED_BYTES_MAX:
            raise InvalidInput("this spreadsheet unpacks to too much", field="file")
        with python_calamine.load_workbook(BytesIO(data)) as book:
            sheet = book.get_sheet_by_index(0)
            if sheet.height > ROWS_MAX * 2 or sheet.width > COLUMNS_MAX * 2:
                raise InvalidInput(f"want at most {ROWS_MAX} rows and {COLUMNS_MAX} columns", field="file")
            lines = sheet.to_python(skip_empty_area=False)
    except (zipfile.BadZipFile, *UNREADABLE) as error:
        raise InvalidInput(f"this spreadsheet cannot be read: {error}", field="file") from error
    return [[_cell(cell) for cell in line] for line in lines]


def _cell(cell: object) -> Cell:
    """Durations and times of day have no field to go to: their text will say what is wrong."""
    return cell if isinstance(cell, str | bool | int | float | date | datetime) else str(cell)
