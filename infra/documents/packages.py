"""Office packages (.docx, .xlsx) made alike to the byte: the same content and instant give the same file (E10)."""

from datetime import UTC, datetime
from io import BytesIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

FIRST_ZIP_YEAR = 1980


def repacked(data: bytes, moment: datetime) -> bytes:
    """The package with every entry dated `moment` (to two seconds, in UTC), in its own order.

    Stored, not compressed: what deflate makes of the same bytes differs between zlib builds, and a digest must not.
    """
    at = moment.astimezone(UTC)
    stamp = (max(at.year, FIRST_ZIP_YEAR), at.month, at.day, at.hour, at.minute, at.second // 2 * 2)
    made = BytesIO()
    with ZipFile(BytesIO(data)) as source, ZipFile(made, "w", ZIP_STORED) as target:
        for entry in source.infolist():
            info = ZipInfo(entry.filename, stamp)
            info.create_system, info.external_attr = 3, 0o600 << 16  # else it would tell on what system it was made
            target.writestr(info, source.read(entry))
    return made.getvalue()
