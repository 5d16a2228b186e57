"""128-bit digests of strings, computed for a whole column at once.

Identities (entry ids, position keys) are kept as digests so that a state holds a few bytes for each. The digest
is part of stored snapshots: it may never change. It is not cryptographic; whoever can write core-banking entries
has easier ways to lie than a collision, and 2**64 entries are needed for one by chance.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

Lane = NDArray[np.uint64]

FIRST = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
FACTOR = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))
_SHIFT = np.uint64(32)


class Digest(NamedTuple):
    """Two lanes of 64 bits, one element a string."""

    low: Lane
    high: Lane

    def take(self, rows: NDArray[np.intp]) -> "Digest":
        return Digest(self.low[rows], self.high[rows])


def _mixed(state: Lane, word: Lane, factor: np.uint64) -> Lane:
    state = (state ^ word) * factor  # wraps by design
    return state ^ (state >> _SHIFT)


def combine(*parts: Digest) -> Digest:
    """The digest of several digests in order, element by element."""
    low = np.full(len(parts[0].low), FIRST[0], np.uint64)
    high = np.full(len(parts[0].low), FIRST[1], np.uint64)
    for part in parts:
        low, high = _mixed(low, part.low, FACTOR[0]), _mixed(high, part.high, FACTOR[1])
    return Digest(low, high)


def of_integers(*columns: NDArray[np.int64]) -> Digest:
    """The digest of tuples of integers, element by element."""
    words = [column.astype(np.uint64) for column in columns]
    return combine(*(Digest(word, word) for word in words))


def of_strings(strings: pl.Series) -> Digest:
    """The digest of each string of a Series without nulls."""
    count = len(strings)
    if count == 0:
        return Digest(np.zeros(0, np.uint64), np.zeros(0, np.uint64))
    length = strings.str.len_bytes().to_numpy()
    width = _width(length)
    return _of_words(_padded(strings, length, width), length)


def of_texts(texts: Sequence[str]) -> Digest:
    """The same of a list: for a few, where a call into polars would cost more than they do."""
    if not texts:
        return Digest(np.zeros(0, np.uint64), np.zeros(0, np.uint64))
    encoded = [text.encode() for text in texts]
    length = np.array([len(letters) for letters in encoded], np.uint32)
    width = _width(length)
    joined = b"".join([letters.ljust(width) for letters in encoded])
    return _of_words(np.frombuffer(joined, "<u8").reshape(len(texts), width // 8), length)


def _width(length: NDArray[np.uint32]) -> int:
    return max(8, (int(length.max()) + 7) // 8 * 8)


def _of_words(words: Lane, byte_length: NDArray[np.uint32]) -> Digest:
    # Trailing blanks are a string's own business and padding is not: the length tells them apart. Words beyond
    # a string's own length are left out, so that its digest does not depend on its neighbours.
    least = int(byte_length.min())
    length = byte_length.astype(np.uint64)
    low, high = length * FIRST[0], length * FIRST[1]
    for column in range(words.shape[1]):
        word = words[:, column]
        if column * 8 < least:
            low, high = _mixed(low, word, FACTOR[0]), _mixed(high, word, FACTOR[1])
        else:
            within = length > np.uint64(column * 8)
            low = np.where(within, _mixed(low, word, FACTOR[0]), low)
            high = np.where(within, _mixed(high, word, FACTOR[1]), high)
    return Digest(low, high)


def _padded(strings: pl.Series, length: NDArray[np.uint32], width: int) -> Lane:
    """The strings as rows of words of 8 bytes, filled up with blanks."""
    count, same = len(strings), int(length[0])
    if (length == same).all():  # as ids mostly are
        letters = np.full((count, width), ord(" "), np.uint8)
        letters[:, :same] = np.frombuffer(strings.str.join("").item().encode(), np.uint8).reshape(count, same)
        return letters.view("<u8")
    joined = strings.str.pad_end(width, " ").str.join("").item().encode()
    if len(joined) != count * width:  # pad_end counts characters: someone writes more than ASCII
        joined = b"".join(text.encode().ljust(width) for text in strings.to_list())
    return np.frombuffer(joined, "<u8").reshape(count, width // 8)
