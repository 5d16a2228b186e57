"""A template's text turned into a Word file whose places docxtpl fills; a bank may go on with it in Word.

The text has one paragraph a line: `# ` the title, `## ` a heading, `= ` centred, `> ` to the right (signature, date),
`- ` without indent, `| a | b |` a row of a table, anything else body text. A line that is only `{% … %}` repeats or
drops the paragraphs, in a table the rows, between it and its end.
"""

import re
from functools import lru_cache
from io import BytesIO
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from engines.primitives.errors import InvalidInput

BODY_FONT, HEAD_FONT = "FangSong", "SimHei"  # 仿宋, 黑体: GB/T 9704-2012, 5.2.2
BODY_SIZE, TITLE_SIZE = Pt(16), Pt(22)
TABLE_SIZE = Pt(12)
STYLES = frozenset({"Normal", "Default Paragraph Font", "Normal Table", "No List", "Table Grid"})
UNUSED_PARTS = ("stylesWithEffects", "customXml", "thumbnail", "numbering")  # of the library's own empty document
TAG = re.compile(r"\{%\s*(.+?)\s*%\}")
ROW, ROW_TAG = "|", "|%"


@lru_cache(maxsize=64)  # the same few texts again and again, and each takes a while
def composed(text: str, *, template: str) -> bytes:
    """The .docx of a template's text, with its places unfilled."""
    document = Document()
    _page(document)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    at = 0
    while at < len(lines):
        if not lines[at].startswith(ROW):
            _paragraph(document, lines[at])
            at += 1
            continue
        end = at
        while end < len(lines) and lines[end].startswith(ROW):
            end += 1
        _table(document, lines[at:end], template)
        at = end
    _strip(document)
    made = BytesIO()
    document.save(made)
    return made.getvalue()


def _page(document: Any) -> None:
    """A4 and the margins of an official paper (GB/T 9704-2012, 5.1, 5.2.1)."""
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.top_margin, section.bottom_margin = Cm(3.7), Cm(3.5)
    section.left_margin, section.right_margin = Cm(2.8), Cm(2.6)
    style = document.styles["Normal"]
    _set_font(style, BODY_FONT, BODY_SIZE)
    style.paragraph_format.space_after = Pt(0)
    style.paragraph_format.line_spacing = Pt(28)


def _strip(document: Any) -> None:
    """Leave out what the library's empty document brings along: 800 kB of styles for nothing."""
    styles = document.styles.element
    for style in list(styles.style_lst):
        if style.name_val not in STYLES:
            styles.remove(style)
    for relations in (document.part.rels, document.part.package.rels):
        for number, relation in list(relations.items()):
            if any(relation.reltype.endswith(part) for part in UNUSED_PARTS):
                del relations[number]


def _paragraph(document: Any, line: str) -> None:
    tag = TAG.fullmatch(line)
    if tag:
        document.add_paragraph("{%p " + tag[1] + " %}")
        return
    mark, _, rest = line.partition(" ")
    made = document.add_paragraph()
    if mark == "#":
        made.alignment = WD_ALIGN_PARAGRAPH.CENTER
        made.paragraph_format.space_after = Pt(16)
        _set_font(made.add_run(rest), HEAD_FONT, TITLE_SIZE)
    elif mark == "##":
        _set_font(made.add_run(rest), HEAD_FONT, BODY_SIZE)
    elif mark in ("=", ">"):
        made.alignment = WD_ALIGN_PARAGRAPH.CENTER if mark == "=" else WD_ALIGN_PARAGRAPH.RIGHT
        made.add_run(rest)
    elif mark == "-":
        made.add_run(rest)
    else:
        made.paragraph_format.first_line_indent = BODY_SIZE * 2  # two characters
        made.add_run(line)


def _table(document: Any, lines: list[str], template: str) -> None:
    rows = [_cells(line) for line in lines if not line.startswith(ROW_TAG)]
    columns = len(rows[0]) if rows else 0
    if not columns or any(len(row) != columns for row in rows):
        raise InvalidInput("the rows of a table differ in length", template=template, field="body")
    table = document.add_table(rows=0, cols=columns)
    table.style = "Table Grid"
    for line in lines:
        cells = table.add_row().cells
        if line.startswith(ROW_TAG):
            texts = ["{%tr " + line.removeprefix(ROW_TAG).removesuffix("%|").strip() + " %}"]
        else:
            texts = _cells(line)
        for cell, text in zip(cells, texts, strict=False):
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.line_spacing = 1.0
            _set_font(paragraph.add_run(text), BODY_FONT, TABLE_SIZE)


def _cells(line: str) -> list[str]:
    """A bar between blanks parts two cells; one without is a filter inside a place."""
    return [cell.strip() for cell in line.removeprefix(ROW).removesuffix(ROW).split(f" {ROW} ")]


def _set_font(of: Any, name: str, size: Any) -> None:
    """Both for Latin and for Chinese letters, which Word keeps apart."""
    of.font.name, of.font.size = name, size
    of.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), name)
