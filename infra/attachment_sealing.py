"""Files at rest as ciphertext: segments of a mebibyte, each sealed by the key of its document and bound to its place.

A segment cannot be left out, moved or cut off at the end: its number, whether it is the last, and the digest of the
whole content are part of what it is bound to. A document's key is its own, so that one paper can be erased by itself.
"""

from collections.abc import Iterator
from typing import BinaryIO

from aggregates.personal_sealing import Subject
from infra.subject_keys import SubjectKeys

MAGIC = b"tidemark sealed 1\n"
SEGMENT_BYTES = 1_048_576
LENGTH_BYTES = 4


def document_subject(doc_id: str) -> Subject:
    return Subject(f"document:{doc_id}")


def is_sealed(data: bytes) -> bool:
    return data.startswith(MAGIC)


def sealed_segments(keys: SubjectKeys, doc_id: str, place: bytes, source: BinaryIO) -> Iterator[bytes]:
    """A whole file, sealed: what is to be written, piece by piece."""
    subject, number = document_subject(doc_id), 0
    yield MAGIC
    segment = source.read(SEGMENT_BYTES)
    while True:
        following = source.read(SEGMENT_BYTES)
        sealed = keys.seal_bytes(subject, _bound(place, number, last=not following), segment)
        yield len(sealed).to_bytes(LENGTH_BYTES, "big") + sealed
        if not following:
            return
        segment, number = following, number + 1


def opened_bytes(keys: SubjectKeys | None, place: bytes, source: BinaryIO) -> bytes | None:
    """The content of a sealed file; None: it was erased. Raises ValueError: damaged, or the key is not known."""
    if keys is None:
        raise ValueError("the keys are elsewhere")
    if source.read(len(MAGIC)) != MAGIC:
        raise ValueError("is not sealed")
    found, number = bytearray(), 0
    length = source.read(LENGTH_BYTES)
    while length:
        sealed = source.read(int.from_bytes(length, "big"))
        length = source.read(LENGTH_BYTES)
        plain = keys.open_bytes(_bound(place, number, last=not length), sealed)
        if plain is None:
            return None
        found += plain
        number += 1
    if not number:
        raise ValueError("is cut off")
    return bytes(found)


def _bound(place: bytes, number: int, *, last: bool) -> bytes:
    return place + number.to_bytes(4, "big") + (b"last" if last else b"more")
