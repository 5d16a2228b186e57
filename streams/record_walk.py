"""Where the values lie in a Kafka record batch of format 2, found by compiled code: no object a record (ADR 0008).

The caller has checked the CRC, and knows whether the batch is to be read at all.
Source: Kafka protocol, "Record Batch" and "Record"; lengths are zigzag varints.
"""

import struct
from typing import NamedTuple

import numpy as np
from aiokafka import codec
from numpy.typing import NDArray

from engines.primitives.compiled import compiled
from engines.primitives.errors import CorruptRecord

#: base offset, length, leader epoch, magic, CRC, attributes, last offset delta, first and last time, producer id
#: and epoch, base sequence, count.
_HEADER = struct.Struct(">qiibIhiqqqhii")
_CODECS = {1: codec.gzip_decode, 2: codec.snappy_decode, 3: codec.lz4_decode, 4: codec.zstd_decode}
_CODEC_MASK = 0x07
FORMAT_2 = 2


class Spans(NamedTuple):
    """The records of one batch: their offsets, and where each value lies in `letters`."""

    offsets: NDArray[np.int64]
    letters: NDArray[np.uint8]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def from_offset(self, offset: int) -> "Spans":
        """Without the records before `offset`."""
        if not len(self.offsets) or self.offsets[0] >= offset:
            return self
        first = int(np.searchsorted(self.offsets, offset))
        return Spans(self.offsets[first:], self.letters, self.starts[first:], self.lengths[first:])


def magic_of(batch: memoryview) -> int:
    """The format of a batch; older ones have other headers, but all have this byte."""
    return batch[16]


def spans_of(batch: memoryview) -> Spans:
    """Raises CorruptRecord where the batch does not hold the records that its header promises."""
    base, *_, attributes, _last_delta, _first, _newest, _producer, _epoch, _sequence, count = _HEADER.unpack_from(
        batch
    )
    body: bytes | memoryview = batch[_HEADER.size :]
    kind = attributes & _CODEC_MASK
    if kind:
        decompress = _CODECS.get(kind)
        if decompress is None:
            raise CorruptRecord("unknown compression of a record batch", kind=kind, base_offset=base)
        body = decompress(body)
    letters = np.frombuffer(body, np.uint8).copy()  # compiled code is made for arrays that may be written
    if not 0 <= count <= len(letters):
        raise CorruptRecord("a record batch with an impossible count", count=count, base_offset=base)
    deltas, starts, lengths = (np.empty(count, np.int64) for _ in range(3))
    if not _walk(letters, deltas, starts, lengths):
        raise CorruptRecord("a record batch is shorter than its records", count=count, base_offset=base)
    return Spans(deltas + base, letters, starts, lengths)


@compiled
def _varint(letters: NDArray[np.uint8], at: int) -> tuple[int, int]:
    """(value, place behind it); the place is -1 where there is none."""
    raw = np.uint64(0)
    shift = np.uint64(0)
    while at < len(letters) and shift < np.uint64(64):
        letter = np.uint64(letters[at])
        at += 1
        raw |= (letter & np.uint64(0x7F)) << shift
        if letter < np.uint64(0x80):
            return int(np.int64(raw >> np.uint64(1)) ^ -np.int64(raw & np.uint64(1))), at
        shift += np.uint64(7)
    return 0, -1


@compiled
def _walk(
    letters: NDArray[np.uint8], deltas: NDArray[np.int64], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> bool:
    at = 0
    for record in range(len(deltas)):
        size, at = _varint(letters, at)
        end = at + size
        if at < 0 or size < 0 or end > len(letters):
            return False
        at += 1  # attributes, unused
        _, at = _varint(letters, at)  # time delta
        if at < 0:
            return False
        deltas[record], at = _varint(letters, at)
        if at < 0:
            return False
        key, at = _varint(letters, at)
        if at < 0:
            return False
        at += max(key, 0)
        length, at = _varint(letters, at)
        if at < 0 or at + max(length, 0) > end:
            return False
        starts[record], lengths[record] = at, max(length, -1)
        at = end  # headers are not for folds
    return True
