"""Ledgers as files: one form a module, one stamp for all. Not for asking ledgers: a table comes in, bytes go out."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from infra.exports.cells import LANGUAGES, Language
from infra.exports.parquet_file import write_parquet
from infra.exports.pdf_file import write_pdf
from infra.exports.print_view import write_html
from infra.exports.stamp import Stamp, stamp_of
from infra.exports.text_files import write_csv, write_json
from infra.exports.xlsx_file import write_xlsx
from infra.media_types import XLSX
from projections.ledgers.table import LedgerTable

Write = Callable[[LedgerTable, Stamp, BinaryIO], None]


class Form(NamedTuple):
    """How a form is written, what it is to a browser, and how its file's name ends."""

    write: Write
    media_type: str
    suffix: str


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "csv": Form(write_csv, "text/csv; charset=utf-8", ".csv"),
        "xlsx": Form(write_xlsx, XLSX, ".xlsx"),
        "json": Form(write_json, "application/json", ".json"),
        "parquet": Form(write_parquet, "application/vnd.apache.parquet", ".parquet"),
        "pdf": Form(write_pdf, "application/pdf", ".pdf"),
        "html": Form(write_html, "text/html; charset=utf-8", ".html"),
    }
)

__all__ = ["FORMS", "LANGUAGES", "Form", "Language", "Stamp", "Write", "stamp_of"]
