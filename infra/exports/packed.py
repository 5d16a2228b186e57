"""Office packages packed small and alike to the byte on every machine.

Like `infra/documents/packages.py`, but compressed: a ledger of 50,000 rows would be some 80 MB stored. The standard
library's deflate follows whatever zlib Python was built with; cramjam's is in the wheel that the lock file pins.
Not for packages of 4 GiB: those are refused.
"""

import struct
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import cramjam

from engines.primitives.errors import InvalidInput
from infra.documents.packages import FIRST_ZIP_YEAR

CHUNK_BYTES = 1_048_576
BYTES_MAX = 2**32 - 1
LEVEL = 6
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
DEFLATED, VERSION, UNIX, UTF8 = 8, 20, 3, 0x800
MODE = 0o600 << 16


def repack(source: Path, out: BinaryIO, moment: datetime) -> None:
    """Write the entries of the package `source` to `out`, in their order, each dated `moment`. `out` can seek."""
    at = moment.astimezone(UTC)
    day = (max(at.year, FIRST_ZIP_YEAR) - FIRST_ZIP_YEAR) << 9 | at.month << 5 | at.day
    time = at.hour << 11 | at.minute << 5 | at.second // 2
    directory: list[bytes] = []
    with zipfile.ZipFile(source) as package:
        for entry in package.infolist():
            name, start = entry.filename.encode(), out.tell()
            out.write(_local(name, time, day, 0, 0, 0))
            check, size, packed = 0, 0, 0
            for chunk, raw in _deflated(package, entry):
                check, size, packed = crc32(raw, check), size + len(raw), packed + len(chunk)
                out.write(chunk)
            end = out.tell()
            if max(size, end) > BYTES_MAX:
                raise InvalidInput(
                    "the file would be over 4 GiB; narrow the query or take another form", field="form"
                )
            out.seek(start)
            out.write(_local(name, time, day, check, packed, size))
            out.seek(end)
            fields = (UNIX << 8 | VERSION, VERSION, UTF8, DEFLATED, time, day, check, packed, size)
            directory.append(CENTRAL + struct.pack("<6H3L5H2L", *fields, len(name), 0, 0, 0, 0, MODE, start) + name)
    start = out.tell()
    out.write(b"".join(directory))
    length = out.tell() - start
    out.write(END + struct.pack("<4H2LH", 0, 0, len(directory), len(directory), length, start, 0))


def _local(name: bytes, time: int, day: int, check: int, packed: int, size: int) -> bytes:
    return (
        LOCAL + struct.pack("<5H3L2H", VERSION, UTF8, DEFLATED, time, day, check, packed, size, len(name), 0) + name
    )


def _deflated(package: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[tuple[bytes, bytes]]:
    """(compressed, raw) chunk by chunk; either may be empty."""
    compressor = cramjam.deflate.Compressor(LEVEL)
    with package.open(entry) as file:
        while raw := file.read(CHUNK_BYTES):
            compressor.compress(raw)
            yield bytes(compressor.flush()), raw
    yield bytes(compressor.finish()), b""
