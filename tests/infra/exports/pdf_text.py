"""Reads back what our PDFs hold: a small reader of its own, which knows nothing of the writer."""

import re
import zlib
from typing import NamedTuple

OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj\n", re.DOTALL)
STREAM = re.compile(rb"/Length (\d+) >>\nstream\n", re.DOTALL)
SHOWN = re.compile(r"/F ([\d.]+) Tf ([-\d.]+) ([-\d.]+) Td <([0-9A-F]*)> Tj")


class Piece(NamedTuple):
    page: int
    x: float
    y: float
    right: float
    text: str


class Pdf(NamedTuple):
    pages: int
    width: float
    height: float
    pieces: list[Piece]

    def text(self, page: int) -> str:
        return "\n".join(piece.text for piece in self.pieces if piece.page == page)


def read_pdf(data: bytes) -> Pdf:
    assert data.startswith(b"%PDF-1.7")
    start = int(data[data.rindex(b"startxref") + 10 :].split()[0])
    assert data[start : start + 4] == b"xref"
    places = [int(line[:10]) for line in data[start:].split(b"\n")[3:] if line.endswith(b"n ")]
    for number, place in enumerate(places, 1):
        assert data[place:].startswith(f"{number} 0 obj".encode())
    objects: dict[int, bytes] = {int(number): body for number, body in OBJECT.findall(data)}
    assert len(objects) == len(places)
    streams = {number: _inflated(body) for number, body in objects.items() if b"stream\n" in body}
    (unicode_object,) = [body for body in streams.values() if b"begincmap" in body]
    letters = {
        int(glyph, 16): bytes.fromhex(code.decode()).decode("utf-16-be")
        for glyph, code in re.findall(
            rb"<([0-9A-F]{4})> <([0-9A-F]+)>\n", unicode_object.split(b"endcodespacerange")[1]
        )
    }
    (widths,) = [
        {int(glyph): int(width) for glyph, width in re.findall(rb"(\d+) \[(\d+)\]", body)}
        for body in objects.values()
        if b"/W [" in body
    ]
    pages = [body for body in objects.values() if b"/Type /Page " in body]
    (box,) = {tuple(map(float, re.findall(rb"[\d.]+", body.split(b"MediaBox")[1].split(b"]")[0]))) for body in pages}
    pieces = []
    for number, body in enumerate(pages, 1):
        for layer in re.findall(rb"(\d+) 0 R", body.split(b"/Contents")[1]):
            for size, x, y, codes in SHOWN.findall(streams[int(layer)].decode()):
                glyphs = [int(codes[at : at + 4], 16) for at in range(0, len(codes), 4)]
                right = float(x) + sum(widths[glyph] for glyph in glyphs) * float(size) / 1_000
                pieces.append(Piece(number, float(x), float(y), right, "".join(letters[glyph] for glyph in glyphs)))
    return Pdf(len(pages), box[2], box[3], pieces)


def _inflated(body: bytes) -> bytes:
    match = STREAM.search(body)
    assert match is not None
    data = zlib.decompress(body[match.end() : match.end() + int(match[1])])
    assert body[match.end() + int(match[1]) :] == b"\nendstream"
    return data
