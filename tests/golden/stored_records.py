"""One record of every Kafka topic of ours and each version, as bytes; the neighbours' stand in `integrations/`.

`python -m tests.golden.stored_records` adds what has no entry yet and changes nothing that is there: records like
these lie in logs that never expire.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from streams.asyncapi import CHANNELS
from streams.integrations.registry import INTEGRATIONS

FILE = Path(__file__).parent / "stored-records.json"

Entry = dict[str, Any]


def structs() -> dict[tuple[str, str], type[msgspec.Struct]]:
    """By topic and name: what we write into or read from our own topics."""
    return {
        (topic, struct.__name__): struct
        for topic, channel in CHANNELS.items()
        if topic not in INTEGRATIONS
        for struct in channel.structs
    }


def version_of(struct: type[msgspec.Struct]) -> int:
    """The `schema_version` that a record of today states, or states by leaving it out."""
    found = {field.name: field.default for field in msgspec.structs.fields(struct)}.get("schema_version", 1)
    return found if isinstance(found, int) else 1


def frozen() -> dict[str, dict[str, dict[str, Entry]]]:
    """By topic, name and version: the record's bytes, and what they say once defaults are filled in."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def said(struct: type[msgspec.Struct], value: bytes) -> Any:
    """Every field of a record, defaults too."""
    record = msgspec.json.decode(value, type=struct)
    return json.loads(json.dumps(_plain(record)))


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def grow() -> None:
    from tests.streams.test_asyncapi import EXAMPLES

    corpus = frozen()
    for (topic, name), struct in structs().items():
        example = EXAMPLES[name]
        value = example if isinstance(example, bytes) else msgspec.json.encode(example)
        entry = {"value": value.decode(), "said": said(struct, value)}
        corpus.setdefault(topic, {}).setdefault(name, {}).setdefault(str(version_of(struct)), entry)
    FILE.write_text(json.dumps(corpus, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    grow()
