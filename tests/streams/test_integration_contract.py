"""The contract with each neighbour: examples stay as they are, unknown fields are passed over, and whatever is wrong
names field and record."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engines.primitives.errors import InvalidInput
from streams import topics
from streams.integrations import decode as decoding
from streams.integrations import names
from streams.integrations.decode import decode
from streams.integrations.registry import INTEGRATIONS, Integration
from streams.integrations.rules import RULES

GOLDEN = Path(__file__).parent.parent / "golden" / "integrations"
INBOUND = [row for row in INTEGRATIONS.values() if row.is_inbound]
ROWS = list(INTEGRATIONS.values())
each = partial(pytest.mark.parametrize, ids=lambda row: row.topic)


def example(topic: str) -> bytes:
    return (GOLDEN / f"{topic}.json").read_bytes()


def changed(topic: str, **changes: Any) -> bytes:
    return json.dumps(json.loads(example(topic)) | changes).encode()


def key_of(row: Integration) -> bytes:
    return str(json.loads(example(row.topic))[row.key]).encode()


def refused(row: Integration, value: bytes, key: bytes | None = None) -> dict[str, Any]:
    with pytest.raises(InvalidInput) as caught:
        decode(row.topic, key_of(row) if key is None else key, value)
    return caught.value.facts


def test_every_integration_of_the_specification_has_its_topics_declared() -> None:
    declared = {topic.name for topic in topics.topics()}
    assert {*names.INBOUND, *names.OUTBOUND} == set(INTEGRATIONS) <= declared
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(INTEGRATIONS)
    numbers = {row.number for row in ROWS}
    over_http, no_system = "IN-08", "IN-12"
    assert numbers == {f"IN-{n:02}" for n in range(1, 14)} - {over_http, no_system} | {"gateway"}
    assert set(RULES) == set(names.INBOUND)


@each("row", ROWS)
def test_the_example_is_read_and_written_to_the_byte(row: Integration) -> None:
    value = example(row.topic)
    record: Any = msgspec.json.decode(value, type=row.struct)
    assert msgspec.json.encode(record) == value
    assert isinstance(getattr(record, row.key), str)


@each("row", INBOUND)
def test_a_field_we_do_not_know_is_passed_over(row: Integration) -> None:
    known = decode(row.topic, key_of(row), example(row.topic))
    assert decode(row.topic, key_of(row), changed(row.topic, from_next_year={"a": 1})) == known


@each("row", INBOUND)
def test_a_missing_field_is_named(row: Integration) -> None:
    record = json.loads(example(row.topic))
    required = [field.encode_name for field in msgspec.structs.fields(row.struct) if field.required]
    assert {"record_id", "entity_id", "occurred_at"} <= set(required)
    for name in required:
        rest = {key: value for key, value in record.items() if key != name}
        facts = refused(row, json.dumps(rest).encode())
        assert facts == {"field": name, "record": "-" if name == "record_id" else "R-1"}


@each("row", INBOUND)
def test_a_wrong_type_is_named(row: Integration) -> None:
    record = json.loads(example(row.topic))
    for name in record:
        facts = refused(row, changed(row.topic, **{name: [[]]}))
        assert str(facts["field"]).startswith(name)
        assert facts["record"] == ("-" if name == "record_id" else "R-1")


@each("row", INBOUND)
def test_what_is_too_large_or_no_record_is_refused(row: Integration) -> None:
    huge = changed(row.topic, from_next_year="x" * row.bytes_max)
    assert refused(row, huge) == {"field": "value", "record": "R-1"}
    for value in (b"", b"[]", b"\xff", b"null", b"[" * 10_000, example(row.topic)[:-1]):
        assert refused(row, value)["field"] == "value"


@each("row", INBOUND)
def test_the_key_is_the_records_own(row: Integration) -> None:
    for key in (b"another", b""):
        assert refused(row, example(row.topic), key) == {"field": "key", "record": "R-1"}
    with pytest.raises(InvalidInput, match="no key"):
        decode(row.topic, None, example(row.topic))


@each("row", INBOUND)
def test_days_and_instants_must_exist(row: Integration) -> None:
    record = json.loads(example(row.topic))
    for name in record.keys() & decoding.DAYS:
        assert refused(row, changed(row.topic, **{name: "2024-02-30"}))["field"] == name
    for text in ("2024-09-20", "2024-09-20T25:00:00Z", "2024-09-20T01:00:00+08:00", "soon"):
        assert refused(row, changed(row.topic, occurred_at=text)) == {"field": "occurred_at", "record": "R-1"}


@each("row", ROWS)
def test_a_second_version_stands_beside_the_first(row: Integration) -> None:
    """IN-12: a `.v2` is another topic. A reader of `.v1` never sees it, and neither topic changes the other."""
    second = row.topic.removesuffix(".v1") + ".v2"
    assert row.topic.endswith(".v1")
    assert second not in INTEGRATIONS
    assert second not in {topic.name for topic in topics.topics()}
    renamed = json.loads(example(row.topic)) | {"schema_version": 2, "instead": 1}
    del renamed[row.key]
    with pytest.raises(msgspec.ValidationError, match=row.key):  # it could not be mistaken for a `.v1`
        msgspec.json.decode(json.dumps(renamed).encode(), type=row.struct)
