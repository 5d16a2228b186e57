"""From the bytes of a neighbour's record to its struct; whatever is wrong names the field and the record."""

import re
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from aggregates.payload import check_day
from engines.primitives.errors import InvalidInput
from streams.integrations.registry import INTEGRATIONS, Integration

_MISSING = re.compile(r"missing required field `(?P<field>[^`]+)`")
_PLACE = re.compile(r"at `\$\.?(?P<field>[^`]*)`")
_RECORD_ID = re.compile(rb'"record_id"\s*:\s*"([^"\\]{1,64})"')


def decode(topic: str, key: bytes | None, value: bytes | None) -> Any:
    """The record of an inbound topic.

    Raises:
        InvalidInput: empty, too large, not JSON, a field is missing or of another type, a day or an instant that does
            not exist, a key that is not the record's; `facts` name field and record.
    """
    row = INTEGRATIONS[topic]
    if not value:
        raise InvalidInput("the record is empty", field="value", record="-")
    if len(value) > row.bytes_max:
        raise _wrong("value", f"{len(value)} bytes are more than {row.bytes_max}", value)
    try:
        record = _decoder(topic).decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _wrong(_field(str(error)), str(error), value) from error
    _unless_dated(record)
    _unless_keyed(row, key, record)
    return record


@cache
def _decoder(topic: str) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(INTEGRATIONS[topic].struct)


def _unless_dated(record: Any) -> None:
    """Days and instants are text on the wire: here they must be of a calendar."""
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if not isinstance(value, str):
            continue
        try:
            if name.endswith("_at"):
                _instant(value, name)
            elif name in DAYS:
                check_day(value, name)
        except InvalidInput as refusal:
            raise InvalidInput(str(refusal), field=name, record=record.record_id) from None


DAYS = frozenset(
    {"as_of", "due_on", "value_date", "decided_on", "valid_until", "promise_on", "overdue_since", "maturity"}
)


def _instant(text: str, field: str) -> None:
    try:
        known = datetime.fromisoformat(text.removesuffix("Z") + "+00:00") if text.endswith("Z") else None
    except ValueError:
        known = None
    if known is None:
        raise InvalidInput(f"{field}: want an instant in UTC like 2026-11-22T09:00:00Z, got {text!r:.40}")


def _unless_keyed(row: Integration, key: bytes | None, record: Any) -> None:
    """Kafka keeps the order of records of one key only: a record under another key would overtake its own kind."""
    wanted = str(getattr(record, row.key))
    if key != wanted.encode():
        shown = "no key" if key is None else repr(key[:64])
        raise InvalidInput(f"the key must be {row.key} {wanted!r}, got {shown}", field="key", record=record.record_id)


def _field(message: str) -> str:
    missing, place = _MISSING.search(message), _PLACE.search(message)
    path = place["field"] if place else ""
    if missing:
        return f"{path}.{missing['field']}" if path else missing["field"]
    return path or "value"


def _wrong(field: str, message: str, value: bytes) -> InvalidInput:
    found = _RECORD_ID.search(value[:4_096])
    record = found[1].decode("utf-8", errors="replace") if found else "-"
    return InvalidInput(f"the record is not what it should be: {message}", field=field, record=record)
