"""Records of every topic and version that lie in logs for good are always read, and say what they said."""

import msgspec
import numpy as np
import pytest

from streams import topics
from streams.raw_batch import RawBatch
from tests.golden.stored_records import frozen, said, structs, version_of
from tests.live_bank import live_folders

ENTRIES = [
    (topic, name, version) for topic, names in frozen().items() for name, found in names.items() for version in found
]
APPENDED_US = 1_800_000_000_000_000  # 2027: none of them is from the future
FOLDED = sorted({topic for topic, _, _ in ENTRIES} & set(topics.FOLDED))


def test_every_record_of_ours_has_an_entry_of_its_version() -> None:
    missing = [
        (topic, name, version_of(struct))
        for (topic, name), struct in structs().items()
        if str(version_of(struct)) not in frozen().get(topic, {}).get(name, {})
    ]
    assert not missing, "python -m tests.golden.stored_records adds them"


@pytest.mark.parametrize(("topic", "name", "version"), ENTRIES)
def test_a_record_says_what_it_said(topic: str, name: str, version: str) -> None:
    """A later release may fill in more defaults; what stood there stays."""
    entry = frozen()[topic][name][version]
    now = said(structs()[topic, name], entry["value"].encode())
    assert {field: now.get(field) for field in entry["said"]} == entry["said"]


@pytest.mark.parametrize(("topic", "name", "version"), ENTRIES)
def test_unknown_fields_of_a_newer_release_are_passed_over(topic: str, name: str, version: str) -> None:
    entry = frozen()[topic][name][version]
    value = msgspec.json.decode(entry["value"]) | {"a_field_of_tomorrow": 1}
    assert said(structs()[topic, name], msgspec.json.encode(value)) == said(
        structs()[topic, name], entry["value"].encode()
    )


@pytest.mark.parametrize("topic", FOLDED)
def test_a_folded_record_is_taken_by_its_fold(topic: str) -> None:
    values = [entry["value"].encode() for found in frozen()[topic].values() for entry in found.values()]
    folder = live_folders()[topic]
    offsets = np.arange(len(values), dtype=np.int64)
    times = np.full(len(values), APPENDED_US, np.int64)
    absorbed = folder.absorb(folder.empty(), RawBatch.of_values(0, len(values), offsets, values, times))
    assert not absorbed.refusals


def test_every_folded_topic_is_there() -> None:
    assert set(FOLDED) == set(topics.FOLDED)
