"""The one typeface of printed ledgers, and as much of it as a file needs.

Chinese needs a font of some 65,000 glyphs; a file embeds the few hundred it shows, so that it looks the same on every
screen and printer and stays small. Not for choosing typefaces: Noto Sans CJK SC covers Latin and Chinese alike.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fontTools import subset, ttLib  # type: ignore[import-untyped]

from engines.primitives.errors import Unavailable

NAME = "NotoSansCJKsc-Regular"
#: Where Debian, Fedora and Arch put it.
PLACES = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
)
MISSING = "〓"  # the typesetter's sign for a sort that the case lacks
POSTSCRIPT_NAME = 6

logging.getLogger("fontTools").setLevel(logging.ERROR)  # it tells of every table that it leaves out


@dataclass(frozen=True, slots=True)
class Face:
    """`glyph_by_letter`: glyph id (CID) by code point; `width_by_glyph` in thousandths of the size."""

    path: str
    number: int
    version: str
    glyph_by_letter: dict[int, int]
    width_by_glyph: dict[int, int]
    ascent: int
    descent: int
    box: tuple[int, int, int, int]

    def glyphs(self, text: str) -> list[int]:
        """Glyph ids of a text; a letter that the typeface lacks shows as 〓, and control characters as a blank."""
        by_letter, missing, blank = self.glyph_by_letter, self.glyph_by_letter[ord(MISSING)], self.glyph_by_letter[32]
        return [by_letter.get(ord(letter), missing if letter >= " " else blank) for letter in text]

    def width(self, text: str) -> int:
        """Thousandths of the size."""
        widths = self.width_by_glyph
        return sum(widths[glyph] for glyph in self.glyphs(text))

    def cut(self, glyphs: Iterable[int]) -> bytes:
        """A bare CFF font with these glyphs alone, under their ids."""
        font = ttLib.TTFont(self.path, fontNumber=self.number, lazy=True)
        options = subset.Options(
            layout_features=[], hinting=False, notdef_outline=True, drop_tables=["*"], glyph_names=False
        )
        cutter = subset.Subsetter(options)
        cutter.populate(glyphs=[f"cid{glyph:05d}" for glyph in sorted({0, *glyphs}) if glyph])
        cutter.subset(font)
        compiled: bytes = font["CFF "].compile(font)
        return compiled


def subset_tag(data: bytes) -> str:
    """Six capital letters that say which glyphs were taken (ISO 32000-1, 9.6.4)."""
    return "".join(chr(ord("A") + byte % 26) for byte in sha256(data).digest()[:6])


def face() -> Face:
    """The typeface of this host. Raises Unavailable where it is not installed, with the remedy."""
    for place in PLACES:
        if Path(place).is_file():
            return _read(place)
    raise Unavailable("PDF needs the typeface Noto Sans CJK; on Debian: apt-get install fonts-noto-cjk")


@lru_cache(maxsize=2)
def _read(path: str) -> Face:
    collection = ttLib.TTCollection(path, lazy=True)
    for number, font in enumerate(collection.fonts):
        if font["name"].getDebugName(POSTSCRIPT_NAME) == NAME:
            return _face(path, number, font)
    raise Unavailable(f"{path} has no {NAME}")


def _face(path: str, number: int, font: Any) -> Face:
    scale = 1_000 / font["head"].unitsPerEm
    glyph_by_letter = {letter: int(name[3:]) for letter, name in font.getBestCmap().items()}
    widths = font["hmtx"].metrics
    head, lines = font["head"], font["hhea"]
    return Face(
        path,
        number,
        str(font["name"].getDebugName(5)),
        glyph_by_letter,
        {int(name[3:]): round(width * scale) for name, (width, _) in widths.items() if name.startswith("cid")},
        round(lines.ascent * scale),
        round(lines.descent * scale),
        (head.xMin, head.yMin, head.xMax, head.yMax),
    )
