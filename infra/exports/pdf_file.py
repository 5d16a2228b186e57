"""A ledger on paper: stamp, running head, table with its head on every page, totals, signatures, page n of m.

A4 across; A3 where that spares dealing the columns out over several runs of pages. Each run repeats the ledger's key.
Given up: over 20,000 rows nobody prints, and the form says so.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import BinaryIO

from engines.primitives.errors import InvalidInput
from infra.exports.cells import AMOUNTS, overlaid_columns, shown, title_of
from infra.exports.font import Face, face
from infra.exports.pdf_document import Canvas, Document
from infra.exports.pdf_layout import PADDING, SIZE, Band, bands, natural, wrapped
from infra.exports.stamp import Stamp, total_word
from projections.ledgers.registry import LEDGERS
from projections.ledgers.table import LedgerTable

ROWS_MAX = 20_000
A4, A3 = (841.89, 595.28), (1190.55, 841.89)
MARGIN, FOOT = 30.0, 40.0
LEADING = 9.6
TITLE_SIZE, STAMP_SIZE, STAMP_LEADING = 15.0, 8.0, 12.0
HEAD, ENTERED = "0.91 0.93 0.95", "1 0.95 0.77"  # behind the head, and behind what was entered by hand
SIGNATURES = {
    "zh": ("制表：", "复核：", "审批：", "日期：    年    月    日"),
    "en": ("Prepared by:", "Checked by:", "Approved by:", "Date:"),
}
LANGUAGE = {"zh": "zh-CN", "en": "en"}
Lines = list[list[str]]


def write_pdf(table: LedgerTable, stamp: Stamp, out: BinaryIO) -> None:
    """Raises InvalidInput: over 20,000 rows. Raises Unavailable: the typeface is not installed on this host."""
    if len(table.rows) > ROWS_MAX:
        raise InvalidInput(f"paper takes {ROWS_MAX} rows; narrow the query or take xlsx", field="form")
    _Printer(table, stamp, out, face()).print()


def key_places(table: LedgerTable) -> tuple[int, ...]:
    """Places of the columns that name a row; the first, where a query left them out."""
    places = {column.name: at for at, column in enumerate(table.columns)}
    ledger = LEDGERS.get(table.name)
    key = tuple(places[name] for name in ledger.key if name in places) if ledger is not None else ()
    return key or (0,)


class _Printer:
    def __init__(self, table: LedgerTable, stamp: Stamp, out: BinaryIO, typeface: Face) -> None:
        self._table, self._stamp, self._face = table, stamp, typeface
        self._width_by_text: dict[str, float] = {}
        self._kept = key_places(table)
        widths = self._widths()
        paper = A4
        if len(self._banded(widths, A4)) > 1:
            paper = A3 if len(self._banded(widths, A3)) == 1 else A4
        self._width, self._height = paper
        self._bands = self._banded(widths, paper)
        self._document = Document(out, typeface, *paper)
        self._canvas = Canvas(self._document)
        self._y = self._height - MARGIN

    def _banded(self, widths: Sequence[float], paper: tuple[float, float]) -> list[Band]:
        return bands(widths, paper[0] - 2 * MARGIN, MARGIN, self._kept)

    def print(self) -> None:
        self._opening()
        for number, band in enumerate(self._bands):
            if number:
                self._turn(band)
            else:
                self._heading(band)
            overlays = overlaid_columns(self._table)
            for row in self._table.rows:
                texts = [shown(row[at], self._table.columns[at], self._stamp.language) for at in band.columns]
                self._row(band, texts, overlays(row))
            for ccy in sorted(self._table.totals):
                self._row(band, self._totals(band, ccy), bold=True)
        self._signatures()
        self._document.page(self._canvas)
        count = self._document.pages
        self._document.finish(
            [self._foot(number, count) for number in range(1, count + 1)],
            title=self._stamp.title,
            author=self._stamp.user,
            subject=f"sha256 {self._stamp.digest}",
            moment=self._stamp.known_at,
            language=LANGUAGE[self._stamp.language],
        )

    def _measure(self, text: str) -> float:
        known = self._width_by_text.get(text)
        if known is None:
            known = self._width_by_text[text] = self._face.width(text) * SIZE / 1_000
        return known

    def _widths(self) -> list[float]:
        found = []
        for at, column in enumerate(self._table.columns):
            texts = {shown(row[at], column, self._stamp.language) for row in self._table.rows}
            texts |= {
                shown(sums.get(column.name), column, self._stamp.language) for sums in self._table.totals.values()
            }
            longest = max(map(self._measure, texts), default=0.0)
            if not at:
                words = (self._measure(total_word(ccy, self._stamp.language)) for ccy in self._table.totals)
                longest = max(longest, *words, 0.0)
            found.append(natural(column.kind, title_of(column, self._stamp.language), longest, self._measure))
        return found

    def _totals(self, band: Band, ccy: str) -> list[str]:
        sums, columns = self._table.totals[ccy], self._table.columns
        found = [shown(sums.get(columns[at].name), columns[at], self._stamp.language) for at in band.columns]
        found[0] = f"{total_word(ccy, self._stamp.language)} {found[0]}".strip()
        return found

    # --- Parts of a page ---------------------------------------------------------------------------------------

    def _opening(self) -> None:
        self._y -= TITLE_SIZE
        self._canvas.text(MARGIN, self._y, self._stamp.title, TITLE_SIZE, bold=True)
        self._y -= 6
        for label, value in self._stamp.lines():
            for line in wrapped(f"{label}: {value}", (self._width - 2 * MARGIN) * SIZE / STAMP_SIZE, self._measure):
                self._y -= STAMP_LEADING
                self._canvas.text(MARGIN, self._y, line, STAMP_SIZE)
        self._y -= STAMP_LEADING

    def _turn(self, band: Band) -> None:
        """The next page, with the running head."""
        self._document.page(self._canvas)
        self._canvas = Canvas(self._document)
        self._y = self._height - MARGIN - SIZE
        stamp = self._stamp
        known = dict(zip(("known_at", "as_of"), (stamp.lines()[2][1], stamp.as_of), strict=True))
        self._canvas.text(MARGIN, self._y, stamp.title, SIZE, bold=True)
        right = f"{known['as_of']} · {known['known_at']}"
        self._canvas.text(self._width - MARGIN - self._measure(right), self._y, right, SIZE)
        self._y -= 5
        self._heading(band)

    def _heading(self, band: Band) -> None:
        columns = self._table.columns
        if len(self._bands) > 1:
            fresh = [at + 1 for at in band.columns if band is self._bands[0] or at not in self._kept]
            text = f"{fresh[0]}-{fresh[-1]} / {len(columns)}"
            self._canvas.text(self._width / 2 - self._measure(text) / 2, self._height - MARGIN - SIZE, text, SIZE)
        titles = [title_of(columns[at], self._stamp.language) for at in band.columns]
        lines = self._lines(band, titles)
        height = max(map(len, lines)) * LEADING + 2 * PADDING
        self._canvas.box(MARGIN, self._y - height, sum(band.widths), height, HEAD)
        self._draw(band, lines, height, bold=True)

    def _row(
        self, band: Band, texts: Sequence[str], entered: frozenset[int] = frozenset(), *, bold: bool = False
    ) -> None:
        lines = self._lines(band, texts)
        for part in self._pieces(lines):
            height = max(map(len, part)) * LEADING + 2 * PADDING
            if self._y - height < FOOT:
                self._turn(band)
            for at, left, width in zip(band.columns, band.lefts, band.widths, strict=True):
                if at in entered:
                    self._canvas.box(left, self._y - height, width, height, ENTERED)
            self._draw(band, part, height, bold=bold)

    def _pieces(self, lines: Lines) -> Iterator[Lines]:
        """A row taller than half a page in parts that fit; any other one whole."""
        most = max(1, int((self._height / 2) // LEADING))
        for start in range(0, max(map(len, lines)), most):
            yield [list(islice(one, start, start + most)) for one in lines]

    def _lines(self, band: Band, texts: Sequence[str]) -> Lines:
        return [
            wrapped(text, width - 2 * PADDING + 0.01, self._measure)
            for text, width in zip(texts, band.widths, strict=True)
        ]

    def _draw(self, band: Band, lines: Lines, height: float, *, bold: bool) -> None:
        canvas, top = self._canvas, self._y - PADDING - SIZE
        for at, left, width, texts in zip(band.columns, band.lefts, band.widths, lines, strict=True):
            is_right = self._table.columns[at].kind in AMOUNTS
            for number, text in enumerate(texts):
                x = left + width - PADDING - self._measure(text) if is_right else left + PADDING
                canvas.text(x, top - number * LEADING, text, SIZE, bold=bold)
        self._y -= height
        canvas.line(MARGIN, self._y, MARGIN + sum(band.widths), self._y, 0.5 if bold else 0.25)

    def _signatures(self) -> None:
        if self._y - 60 < FOOT:
            self._turn_plain()
        self._y -= 40
        step = (self._width - 2 * MARGIN) / 4
        for at, text in enumerate(SIGNATURES[self._stamp.language]):
            x = MARGIN + at * step
            self._canvas.text(x, self._y, text, 9)
            start = x + self._measure(text) * 9 / SIZE + 4
            if at < 3:  # the day has its own blanks
                self._canvas.line(start, self._y - 2, x + step - 16, self._y - 2)

    def _turn_plain(self) -> None:
        self._document.page(self._canvas)
        self._canvas = Canvas(self._document)
        self._y = self._height - MARGIN

    def _foot(self, number: int, count: int) -> Canvas:
        canvas, stamp = Canvas(self._document), self._stamp
        left = f"{stamp.name} · {stamp.user} · #{stamp.position} · sha256 {stamp.digest[:16]}…"
        right = f"第 {number} 页 / 共 {count} 页" if stamp.language == "zh" else f"Page {number} of {count}"
        canvas.line(MARGIN, FOOT - 8, self._width - MARGIN, FOOT - 8, 0.25)
        canvas.text(MARGIN, FOOT - 18, left, SIZE)
        canvas.text(self._width - MARGIN - self._measure(right), FOOT - 18, right, SIZE)
        return canvas
