"""A ledger as a page of its own that prints well: HTML without a script.

Page numbers come from the browser's page boxes (CSS Paged Media 3, 4.2); where a browser has none, it prints its own.
"""

from html import escape
from typing import BinaryIO

from infra.exports.cells import AMOUNTS, overlaid_columns, shown, title_of
from infra.exports.pdf_file import LANGUAGE, SIGNATURES
from infra.exports.stamp import Stamp, total_word
from projections.ledgers.table import LedgerTable

#: A page of its own for each language, since a page box cannot see the document's. A stylesheet of its own, since the
#: API lets no page run styles that stand in it.
STYLE = """
@page zh { size: A4 landscape; margin: 12mm 10mm 14mm;
  @bottom-right { content: "第 " counter(page) " 页 / 共 " counter(pages) " 页"; font-size: 8pt; } }
@page en { size: A4 landscape; margin: 12mm 10mm 14mm;
  @bottom-right { content: "Page " counter(page) " of " counter(pages); font-size: 8pt; } }
body { font: 9pt/1.35 "Noto Sans CJK SC", "Noto Sans SC", "Microsoft YaHei", "PingFang SC", sans-serif; margin: 1em;
  color: #111; }
body:lang(zh) { page: zh; } body:lang(en) { page: en; }
h1 { font-size: 15pt; margin: 0 0 .3em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1em; margin: 0 0 1em; }
dt { color: #555; } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: 7.5pt; }
thead { display: table-header-group; } tr { break-inside: avoid; }
th, td { border-bottom: .25pt solid #999; padding: 2pt 3pt; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }
th { background: #e8edf3; print-color-adjust: exact; overflow-wrap: normal; }
th.n { text-align: right; }
td.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.s { background: #fff3c4; print-color-adjust: exact; }
tbody.totals td { font-weight: bold; border-top: .5pt solid #111; }
footer { display: flex; gap: 2em; margin-top: 3em; break-inside: avoid; }
footer span { flex: 1; border-bottom: .5pt solid #111; padding-bottom: 2pt; }
@media print { body { margin: 0; } }
"""


def write_html(table: LedgerTable, stamp: Stamp, out: BinaryIO) -> None:
    """The whole page, UTF-8, with its style in it; every text from outside is escaped."""
    write_page(table, stamp, out, f"<style>{STYLE}</style>")


def write_page(table: LedgerTable, stamp: Stamp, out: BinaryIO, style: str) -> None:
    """The same; `style` is what stands in its head."""
    language = stamp.language
    numeric = [column.kind in AMOUNTS for column in table.columns]
    overlays = overlaid_columns(table)

    def line(texts: list[str], entered: frozenset[int] = frozenset()) -> bytes:
        cells = [
            f"<td{_classes(is_number, at in entered)}>{escape(text)}</td>"
            for at, (text, is_number) in enumerate(zip(texts, numeric, strict=True))
        ]
        return f"<tr>{''.join(cells)}</tr>\n".encode()

    title = escape(stamp.title)
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in stamp.lines())
    heads = "".join(
        f"<th scope=col{_classes(is_number, False)}>{escape(title_of(column, language))}</th>"
        for column, is_number in zip(table.columns, numeric, strict=True)
    )
    out.write(
        f'<!doctype html><html lang="{LANGUAGE[language]}"><head><meta charset="utf-8"><title>{title}</title>'
        f"{style}</head><body><h1>{title}</h1><dl>{facts}</dl>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>\n".encode()
    )
    for row in table.rows:
        texts = [shown(cell, column, language) for cell, column in zip(row, table.columns, strict=True)]
        out.write(line(texts, overlays(row)))
    out.write(b"</tbody><tbody class=totals>\n")
    for ccy in sorted(table.totals):
        sums = table.totals[ccy]
        texts = [shown(sums.get(column.name), column, language) for column in table.columns]
        texts[0] = f"{total_word(ccy, language)} {texts[0]}".strip()
        out.write(line(texts))
    signatures = "".join(f"<span>{escape(text)}</span>" for text in SIGNATURES[language])
    out.write(f"</tbody></table><footer>{signatures}</footer></body></html>\n".encode())


def _classes(is_number: bool, is_entered: bool) -> str:
    found = [name for name, holds in (("n", is_number), ("s", is_entered)) if holds]
    return f' class="{" ".join(found)}"' if found else ""
