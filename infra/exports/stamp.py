"""What every export says about itself: which ledger, of which instants, for whom, and the digest of its body.

The body is the CSV of the rows and totals in the export's language, whatever the form, so that a printed page and a
spreadsheet of the same question carry the same SHA-256, and anybody with the CSV can work it out again. Nothing here
comes from a clock: the same table, user and language give the same stamp (decision E10).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from infra.exports.cells import TEXTS, Language, exact, guarded, instant, title_of
from projections.ledgers.table import LedgerTable

END = "\r\n"  # RFC 4180
SPECIAL = frozenset('",\r\n')
LABELS = {
    "ledger": ("Ledger", "台账"),
    "as_of": ("As of (valid day)", "业务日期"),
    "known_at": ("Known at", "数据时点"),
    "position": ("Last notification id", "末条事件号"),
    "user": ("User", "导出人"),
    "asked": ("Query", "查询条件"),
    "row_count": ("Rows", "行数"),
    "digest": ("SHA-256 of the body", "正文 SHA-256"),
}


@dataclass(frozen=True, slots=True)
class Stamp:
    """`digest`: hexadecimal SHA-256 of the body; `asked`: the filters and columns, as the reader wrote them."""

    name: str
    title: str
    as_of: str
    known_at: datetime
    position: int
    user: str
    row_count: int
    digest: str
    language: Language = "zh"
    asked: str = ""

    def lines(self) -> list[tuple[str, str]]:
        """(label, value) in the order in which each form shows them."""
        values = {
            "ledger": f"{self.title} ({self.name})",
            "as_of": self.as_of,
            "known_at": instant(self.known_at),
            "position": str(self.position),
            "user": self.user,
            "asked": self.asked,
            "row_count": str(self.row_count),
            "digest": self.digest,
        }
        index = 1 if self.language == "zh" else 0
        return [(LABELS[name][index], value) for name, value in values.items() if value or name != "asked"]


def stamp_of(table: LedgerTable, *, user: str, language: Language = "zh", asked: str = "") -> Stamp:
    """The stamp of a table as `user` takes it; goes once over all rows."""
    digest = sha256()
    for line in body(table, language):
        digest.update(line)
    title = table.title_zh if language == "zh" else table.title
    return Stamp(
        table.name,
        title,
        table.as_of.isoformat(),
        table.known_at,
        table.position,
        user,
        len(table.rows),
        digest.hexdigest(),
        language,
        asked,
    )


def body(table: LedgerTable, language: Language) -> Iterator[bytes]:
    """The lines of the CSV body: titles, rows, one line of totals per currency. UTF-8, CRLF, guarded."""
    texts = [column.kind in TEXTS for column in table.columns]
    yield csv_line([guarded(title_of(column, language)) for column in table.columns])
    for row in table.rows:
        cells = [exact(cell) for cell in row]
        yield csv_line([guarded(cell) if text else cell for cell, text in zip(cells, texts, strict=True)])
    for line in totals_rows(table, language):
        yield csv_line([guarded(cell) if at == 0 else cell for at, cell in enumerate(line)])


def totals_rows(table: LedgerTable, language: Language) -> list[list[str]]:
    """One row per currency, by its code: `Total CNY` in the first column, the sums in theirs, plain decimals."""
    found = []
    for ccy in sorted(table.totals):
        sums = table.totals[ccy]
        line = [exact(sums.get(column.name)) for column in table.columns]
        word = total_word(ccy, language)
        line[0] = f"{word} {line[0]}".strip()
        found.append(line)
    return found


def total_word(ccy: str, language: Language) -> str:
    return f"{'合计' if language == 'zh' else 'Total'} {ccy}".strip()


def csv_line(cells: Sequence[str]) -> bytes:
    """One line; a cell is quoted where RFC 4180 wants it, and where its blanks at the ends would be lost."""
    return (",".join(_quoted(cell) for cell in cells) + END).encode()


def _quoted(cell: str) -> str:
    if SPECIAL.isdisjoint(cell) and cell == cell.strip():
        return cell
    return '"' + cell.replace('"', '""') + '"'
