"""Where values lie in record batches, as aiokafka's own reader finds them."""

from typing import Any

import numpy as np
import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from engines.primitives.errors import CorruptRecord
from streams.record_walk import magic_of, spans_of

RECORDS = st.lists(
    st.tuples(
        st.integers(0, 3),  # offsets left out before it
        st.integers(0, 2**40),  # time
        st.none() | st.binary(max_size=40),
        st.none() | st.binary(max_size=300),
        st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=9)), max_size=2),
    ),
    min_size=1,
    max_size=12,
)


def built(records: list[Any], compression: int) -> bytearray:
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 1 << 20)
    offset = 0
    for skipped, time, key, value, headers in records:
        offset += skipped
        builder.append(offset, timestamp=time, key=key, value=value, headers=headers)
        offset += 1
    letters = bytearray(builder.build())
    letters[:8] = (1_000).to_bytes(8, "big")  # base offset: the broker's to write, outside the CRC
    return letters


@given(RECORDS, st.sampled_from([0, 1, 2, 3, 4]))
def test_offsets_and_values_are_those_of_the_library(records: list[Any], compression: int) -> None:
    letters = built(records, compression)
    assert magic_of(memoryview(letters)) == 2
    spans = spans_of(memoryview(letters))
    expected = [(record.offset, record.value) for record in DefaultRecordBatch(bytes(letters))]
    found = [
        (int(offset), None if length < 0 else spans.letters[start : start + length].tobytes())
        for offset, start, length in zip(spans.offsets, spans.starts, spans.lengths, strict=True)
    ]
    assert found == expected
    first = int(spans.offsets[len(spans.offsets) // 2])
    assert spans.from_offset(first).offsets.tolist() == [offset for offset, _ in expected if offset >= first]
    assert len(spans.from_offset(0).starts) == len(expected)


@given(RECORDS, st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_body_is_refused_or_read_but_never_read_beyond(records: list[Any], at: int, letter: int) -> None:
    """The CRC is checked before; this is what stands behind it."""
    letters = built(records, 0)
    body = len(letters) - 61
    letters[61 + at % body] = letter
    try:
        spans = spans_of(memoryview(letters))
    except CorruptRecord:
        return
    assert (spans.starts + np.maximum(spans.lengths, 0) <= len(spans.letters)).all()


def test_a_count_that_is_not_there_is_refused() -> None:
    letters = built([(0, 0, None, b"x", [])], 0)
    for count in (2, 1 << 30):
        letters[57:61] = count.to_bytes(4, "big")
        with pytest.raises(CorruptRecord, match="record batch"):
            spans_of(memoryview(letters))
