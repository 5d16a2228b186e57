"""What a file is, told from its bytes; only what a bank's case needs is let in, nothing that runs.

An allow list, not a guess: a file that is none of these is refused, and so is one whose name says otherwise, since
the next program goes by the name.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from engines.primitives.errors import InvalidInput

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
OFD = "application/ofd"  # GB/T 33190-2016
PLAIN, CSV = "text/plain", "text/csv"

SUFFIXES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "application/pdf": (".pdf",),
        "image/png": (".png",),
        "image/jpeg": (".jpg", ".jpeg"),
        "image/tiff": (".tif", ".tiff"),
        DOCX: (".docx",),
        XLSX: (".xlsx",),
        OFD: (".ofd",),
        PLAIN: (".txt",),
        CSV: (".csv",),
    }
)
SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
PACKAGES = (("word/document.xml", DOCX), ("xl/workbook.xml", XLSX), ("OFD.xml", OFD))
RUNS = ("vbaProject.bin", ".exe", ".dll", ".js", ".vbs", ".class", ".jar")  # inside a package
ENTRIES_MAX = 10_000
UNPACKED_BYTES_MAX = 1_073_741_824
ENCODINGS = ("utf-8", "gb18030")
CHUNK_BYTES = 1_048_576


def media_type(path: Path, name: str) -> str:
    """Media type of the file at `path` that goes by `name`. Raises InvalidInput: not allowed, or named otherwise."""
    with path.open("rb") as file:
        head = file.read(64)
    found = next((kind for signature, kind in SIGNATURES if head.startswith(signature)), "")
    if not found and head.startswith(b"PK\x03\x04"):
        found = _package(path)
    suffix = PurePosixPath(name).suffix.lower()
    if not found and suffix in (".txt", ".csv") and _is_text(path):
        found = CSV if suffix == ".csv" else PLAIN
    if not found:
        allowed = ", ".join(sorted(suffix for suffixes in SUFFIXES.values() for suffix in suffixes))
        raise InvalidInput(f"this kind of file is not taken; want one of {allowed}", field="file", name=name)
    if suffix not in SUFFIXES[found]:
        raise InvalidInput(f"the name does not end as {found} does: {', '.join(SUFFIXES[found])}", field="name")
    return found


def _package(path: Path) -> str:
    """Which office package a zip file is, by its table of contents; empty if none."""
    try:
        with zipfile.ZipFile(path) as package:
            entries = package.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InvalidInput("this zip file cannot be read", field="file") from error
    names = {entry.filename for entry in entries}
    if len(entries) > ENTRIES_MAX or sum(entry.file_size for entry in entries) > UNPACKED_BYTES_MAX:
        raise InvalidInput("this file unpacks to too much", field="file")
    if any(name.endswith(RUNS) for name in names):
        raise InvalidInput("this file holds a program (a macro, or an embedded executable)", field="file")
    return next((kind for member, kind in PACKAGES if member in names), "")


def _is_text(path: Path) -> bool:
    return any(_decodes(path, encoding) for encoding in ENCODINGS)


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding, newline="") as file:
            while chunk := file.read(CHUNK_BYTES):
                if any(character < " " and character not in "\t\r\n" for character in chunk):
                    return False
    except UnicodeDecodeError:
        return False
    return True
