"""A PDF of text and lines in one typeface, written page by page; alike to the byte for the same calls.

What a ledger needs of ISO 32000-1 and no more: text, rules, filled boxes. Text can be searched and copied (9.10.3).
Not for layout: that is `pdf_file.py`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import BinaryIO

import cramjam

from infra.exports.font import NAME, Face, subset_tag

LEVEL = 6
CATALOGUE, PAGES, FONT, DESCENDANT, DESCRIPTOR, FILE, UNICODE, INFO, FIRST = range(1, 10)
RANGE_MAX = 100  # entries of one block of a CMap
CMAP = """/CIDInit /ProcSet findresource begin
12 dict begin begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
{blocks}endcmap CMapName currentdict /CMap defineresource pop end end"""


class Canvas:
    """One layer of a page: what is drawn, in points from the lower left corner."""

    def __init__(self, document: "Document") -> None:
        self._document, self._parts = document, list[str]()

    def text(self, x: float, y: float, text: str, size: float, *, bold: bool = False) -> None:
        if not text:
            return
        glyphs = self._document.coded(text)
        # Bold is the same outline with a thin stroke: one typeface less to embed.
        weight = f"2 Tr {size / 30:.2f} w" if bold else "0 Tr"
        self._parts.append(f"BT {weight} /F {size:g} Tf {x:.2f} {y:.2f} Td <{glyphs}> Tj ET")

    def line(self, x1: float, y1: float, x2: float, y2: float, width: float = 0.4) -> None:
        self._parts.append(f"{width:g} w {x1:.2f} {y1:.2f} m {x2:.2f} {y2:.2f} l S")

    def box(self, x: float, y: float, width: float, height: float, red_green_blue: str) -> None:
        self._parts.append(f"{red_green_blue} rg {x:.2f} {y:.2f} {width:.2f} {height:.2f} re f 0 g")

    def packed(self) -> bytes:
        return bytes(cramjam.zlib.compress("\n".join(self._parts).encode(), LEVEL))


class Document:
    """Pages of one size. A page has two layers, since what stands at its foot is known at the end alone."""

    def __init__(self, out: BinaryIO, face: Face, width: float, height: float) -> None:
        self._out, self._face, self._size = out, face, (width, height)
        self._letter_by_glyph: dict[int, int] = {}
        self._code_by_letter: dict[str, str] = {}
        self._place_by_object: dict[int, int] = {}
        self._next, self._position = FIRST, 0
        self._pages: list[int] = []  # object numbers of first layers
        self._write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")

    @property
    def pages(self) -> int:
        return len(self._pages)

    def coded(self, text: str) -> str:
        """Hexadecimal glyph codes, remembered for the typeface that is embedded at the end."""
        known = self._code_by_letter
        for letter in {*text} - known.keys():
            glyph = self._face.glyphs(letter)[0]
            self._letter_by_glyph.setdefault(glyph, ord(letter))
            known[letter] = f"{glyph:04X}"
        return "".join([known[letter] for letter in text])

    def page(self, layer: Canvas) -> None:
        self._pages.append(self._stream("", layer.packed()))

    def finish(
        self, feet: Sequence[Canvas], *, title: str, author: str, subject: str, moment: datetime, language: str
    ) -> None:
        """Write the second layers, the page tree, the typeface and the index. `moment` stands in its facts."""
        layers = [self._stream("", foot.packed()) for foot in feet]
        width, height = self._size
        kids = []
        for first, second in zip(self._pages, layers, strict=True):
            self._object(
                self._take(),
                f"<< /Type /Page /Parent {PAGES} 0 R /MediaBox [0 0 {width:g} {height:g}] "
                f"/Resources << /Font << /F {FONT} 0 R >> >> /Contents [{first} 0 R {second} 0 R] >>",
            )
            kids.append(self._next - 1)
        tree = " ".join(f"{kid} 0 R" for kid in kids)
        self._object(PAGES, f"<< /Type /Pages /Count {len(kids)} /Kids [{tree}] >>")
        self._object(
            CATALOGUE,
            f"<< /Type /Catalog /Pages {PAGES} 0 R /Lang ({language}) "
            "/ViewerPreferences << /DisplayDocTitle true >> >>",
        )
        self._typeface()
        at = f"(D:{moment.astimezone(UTC):%Y%m%d%H%M%S}Z)"
        facts = f"/Title {_text(title)} /Author {_text(author)} /Subject {_text(subject)}"
        producer = _text(f"Tidemark, {NAME} {self._face.version}")
        self._object(INFO, f"<< {facts} /Producer {producer} /CreationDate {at} /ModDate {at} >>")
        self._index(sha256(subject.encode()).hexdigest()[:32].upper())

    def _typeface(self) -> None:
        face, glyphs = self._face, sorted(self._letter_by_glyph)
        outlines = face.cut(glyphs)
        name = f"{subset_tag(outlines)}+{NAME}"
        widths = " ".join(f"{glyph} [{face.width_by_glyph[glyph]}]" for glyph in glyphs)
        self._object(
            FONT,
            f"<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H "
            f"/DescendantFonts [{DESCENDANT} 0 R] /ToUnicode {UNICODE} 0 R >>",
        )
        self._object(
            DESCENDANT,
            f"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /{name} /DW 1000 /W [{widths}] "
            f"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> "
            f"/FontDescriptor {DESCRIPTOR} 0 R >>",
        )
        box = " ".join(map(str, face.box))
        self._object(
            DESCRIPTOR,
            f"<< /Type /FontDescriptor /FontName /{name} /Flags 4 /FontBBox [{box}] /ItalicAngle 0 /StemV 80 "
            f"/Ascent {face.ascent} /Descent {face.descent} /CapHeight 733 /FontFile3 {FILE} 0 R >>",
        )
        self._stream("/Subtype /CIDFontType0C ", bytes(cramjam.zlib.compress(outlines, LEVEL)), FILE)
        self._stream("", bytes(cramjam.zlib.compress(self._unicode().encode(), LEVEL)), UNICODE)

    def _unicode(self) -> str:
        pairs = [f"<{glyph:04X}> <{_utf16(letter)}>\n" for glyph, letter in sorted(self._letter_by_glyph.items())]
        blocks = [pairs[at : at + RANGE_MAX] for at in range(0, len(pairs), RANGE_MAX)]
        return CMAP.format(blocks="".join(f"{len(one)} beginbfchar\n{''.join(one)}endbfchar\n" for one in blocks))

    def _take(self) -> int:
        self._next += 1
        return self._next - 1

    def _stream(self, facts: str, packed: bytes, number: int = 0) -> int:
        number = number or self._take()
        head = f"<< {facts}/Filter /FlateDecode /Length {len(packed)} >>\nstream\n".encode()
        self._object(number, head + packed + b"\nendstream")
        return number

    def _object(self, number: int, body: str | bytes) -> None:
        self._place_by_object[number] = self._position
        data = body.encode("ascii") if isinstance(body, str) else body
        self._write(f"{number} 0 obj\n".encode() + data + b"\nendobj\n")

    def _index(self, identity: str) -> None:
        start, count = self._position, self._next
        lines = [f"{self._place_by_object[number]:010d} 00000 n \n" for number in range(1, count)]
        self._write(f"xref\n0 {count}\n0000000000 65535 f \n{''.join(lines)}".encode())
        facts = f"/Size {count} /Root {CATALOGUE} 0 R /Info {INFO} 0 R /ID [<{identity}> <{identity}>]"
        self._write(f"trailer\n<< {facts} >>\nstartxref\n{start}\n%%EOF\n".encode())

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self._position += len(data)


def _text(text: str) -> str:
    """A text string of the document's facts: UTF-16 with its mark, in hexadecimal (7.9.2.2)."""
    return f"<FEFF{text.encode('utf-16-be').hex().upper()}>"


def _utf16(letter: int) -> str:
    return chr(letter).encode("utf-16-be").hex().upper()
