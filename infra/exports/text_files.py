"""CSV for spreadsheets and JSON for programs, written line by line.

CSV: UTF-8 with BOM, the stamp's lines, an empty line, the body whose digest the stamp carries. So
`sed '1,/^\\r$/d' FILE | sha256sum` shows the digest again.
"""

import json
from typing import BinaryIO

from infra.exports.cells import exact, guarded
from infra.exports.stamp import END, Stamp, body, csv_line
from projections.ledgers.table import Cell, LedgerTable

BOM = b"\xef\xbb\xbf"
SCHEMA = "tidemark/ledger-export/1"


def write_csv(table: LedgerTable, stamp: Stamp, out: BinaryIO) -> None:
    """The whole file; text cells that begin like a formula carry an apostrophe."""
    out.write(BOM)
    for label, value in stamp.lines():
        out.write(csv_line([label, guarded(value)]))
    out.write(END.encode())
    for line in body(table, stamp.language):
        out.write(line)


def write_json(table: LedgerTable, stamp: Stamp, out: BinaryIO) -> None:
    """One object: the stamp, columns, rows as lists, totals. Decimals, days and instants are strings."""
    head = {
        "schema": SCHEMA,
        "name": stamp.name,
        "title": table.title,
        "title_zh": table.title_zh,
        "as_of": stamp.as_of,
        "known_at": exact(stamp.known_at),
        "position": stamp.position,
        "user": stamp.user,
        "asked": stamp.asked,
        "row_count": stamp.row_count,
        "digest": stamp.digest,
        "language": stamp.language,
        "columns": [
            {"name": column.name, "title": column.title, "title_zh": column.title_zh, "kind": column.kind.value}
            for column in table.columns
        ],
        "totals": {
            ccy: {name: exact(amount) for name, amount in sorted(sums.items())}
            for ccy, sums in sorted(table.totals.items())
        },
    }
    out.write(_json(head)[:-1] + b',"rows":[')
    for number, row in enumerate(table.rows):
        out.write(b",\n" if number else b"\n")
        out.write(_json([_plain(cell) for cell in row]))
    out.write(b"\n]}\n")


def _plain(cell: Cell) -> str | int | bool | None:
    return cell if cell is None or isinstance(cell, str | int) else exact(cell)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
