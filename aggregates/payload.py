"""Reads the fields of a command's payload into domain values; whatever is wrong is InvalidInput naming the
field.

Money comes as decimal strings, days as ISO 8601. Free-form objects are limited, since they are stored for
ever: no floats, no keys starting with `_` (the transcoder would take `_type_` for one of its own), a bounded
size.
"""

import re
from collections.abc import Collection, Mapping
from datetime import date

from aggregates.claim import BUCKETS, Alloc
from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_minor

ID = re.compile(r"[^\s/\x00-\x1f\x7f]{1,64}")
CODE = re.compile(r"[A-Z0-9][A-Z0-9_]{0,39}|-")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
TEXT_LENGTH_MAX = 2_000
LIST_LENGTH_MAX = 200
OBJECT_DEPTH_MAX = 4
OBJECT_ITEMS_MAX = 200


def wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", guard="FIELD", field=field)


def check_id(value: object, field: str) -> str:
    """A business id: up to 64 characters, none of them white space or a slash."""
    if not isinstance(value, str) or not ID.fullmatch(value) or not value.isprintable():
        raise wrong(field, "want an id of 1 to 64 characters without blanks and slashes")
    return value


def check_text(value: object, field: str) -> str:
    # A lone surrogate or a NUL would be refused by the store much later, and for ever.
    if not isinstance(value, str) or len(value) > TEXT_LENGTH_MAX or not value.replace("\n", "").isprintable():
        raise wrong(field, f"want printable text of at most {TEXT_LENGTH_MAX} characters")
    return value


def check_day(value: object, field: str) -> date:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise wrong(field, "want a day like 2024-09-28")


class Fields:
    """One payload. Every field that is asked for counts as known; `finish` refuses the others."""

    def __init__(self, payload: Mapping[str, object], path: str = "") -> None:
        """`path` comes before the names in errors: `splits[1].` for a record in a list."""
        self._payload = payload
        self.path = path
        self._known: set[str] = set()

    def finish(self) -> None:
        for field in self._payload:
            if field not in self._known:
                # What looks like no name of a field may be a value that slipped: it is not repeated.
                shown = field if NAME.fullmatch(field) else "?"
                raise wrong(f"{self.path}{shown}", "no such field in this command")

    def given(self, field: str) -> bool:
        """Whether the field is there and not null; it counts as known from now on."""
        return self._given(field)

    def value(self, field: str) -> object:
        """As it came; raises InvalidInput if it is missing."""
        return self._take(field, None)

    def flag(self, field: str) -> bool:
        value = self._take(field, None)
        if not isinstance(value, bool):
            raise wrong(field, "want true or false")
        return value

    def id(self, field: str, default: str | None = None) -> str:
        value = self._take(field, default)
        return "-" if value == "-" and default == "-" else check_id(value, field)

    def optional_id(self, field: str) -> str | None:
        return self.id(field) if self._given(field) else None

    def code(self, field: str, default: str | None = None) -> str:
        """An upper-case code."""
        value = self._take(field, default)
        if not isinstance(value, str) or not CODE.fullmatch(value):
            raise wrong(field, "want an upper-case code")
        return value

    def optional_code(self, field: str) -> str | None:
        return self.code(field) if self._given(field) else None

    def text(self, field: str, default: str | None = None) -> str:
        return check_text(self._take(field, default), field)

    def day(self, field: str, default: date | None = None) -> date:
        if default is not None and not self._given(field):
            return default
        return check_day(self._take(field, None), field)

    def optional_day(self, field: str) -> date | None:
        return self.day(field) if self._given(field) else None

    def integer(self, field: str, default: int | None = None) -> int:
        value = self._take(field, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**9:
            raise wrong(field, "want an integer from 0 to 1,000,000,000")
        return value

    def optional_integer(self, field: str) -> int | None:
        return self.integer(field) if self._given(field) else None

    def money(self, field: str, ccy: str, default: str | None = None, *, signed: bool = False) -> int:
        """Minor units of a decimal string; negative ones only if `signed`."""
        return _minor(self._take(field, default), ccy, field, signed=signed)

    def optional_money(self, field: str, ccy: str) -> int | None:
        return self.money(field, ccy) if self._given(field) else None

    def alloc(self, field: str, ccy: str) -> Alloc | None:
        """Split over claim buckets, parts of zero left out; None if it is not given."""
        if not self._given(field):
            return None
        value = self._take(field, None)
        if not isinstance(value, Mapping):
            raise wrong(field, "want an object of amounts by claim bucket")
        for bucket in value:
            if bucket not in BUCKETS:
                raise wrong(field, "holds something that is no claim bucket")
        parts = {bucket: _minor(part, ccy, field) for bucket, part in value.items()}
        return {bucket: part for bucket, part in parts.items() if part}

    def ids(self, field: str) -> list[str]:
        value = self._take(field, [])
        if not isinstance(value, list | tuple) or len(value) > LIST_LENGTH_MAX:
            raise wrong(field, f"want a list of at most {LIST_LENGTH_MAX} ids")
        return [check_id(item, field) for item in value]

    def flags(self, field: str) -> dict[str, bool]:
        found = self.json_object(field)
        flags = {name: flag for name, flag in found.items() if isinstance(flag, bool)}
        if len(flags) != len(found):
            raise wrong(field, "want an object of booleans")
        return flags

    def json_object(self, field: str) -> dict[str, object]:
        value = self._take(field, {})
        if not isinstance(value, Mapping):
            raise wrong(field, "want an object")
        _check_object(value, field, OBJECT_DEPTH_MAX)
        return dict(value)

    def json_objects(self, field: str) -> list[Mapping[str, object]] | None:
        """A list of objects, to be read by Fields of their own; None if it is not given."""
        if not self._given(field):
            return None
        value = self._take(field, None)
        if not isinstance(value, list | tuple) or len(value) > LIST_LENGTH_MAX:
            raise wrong(field, f"want a list of at most {LIST_LENGTH_MAX} objects")
        items = [item for item in value if isinstance(item, Mapping)]
        if len(items) != len(value):
            raise wrong(field, "want a list of objects")
        return items

    def _given(self, field: str) -> bool:
        self._known.add(field)
        return self._payload.get(field) is not None

    def _take(self, field: str, default: object) -> object:
        if self._given(field):
            return self._payload[field]
        if default is None:
            raise wrong(field, "is missing")
        return default


def _minor(value: object, ccy: str, field: str, *, signed: bool = False) -> int:
    if not isinstance(value, str):
        raise wrong(field, "want a decimal string")
    try:
        minor = to_minor(value, ccy)
    except InvalidInput as error:
        raise wrong(field, str(error)) from None
    if minor < 0 and not signed:
        raise wrong(field, "must not be negative")
    return minor


def _check_object(value: object, field: str, depth: int) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int) and abs(value) < 2**53:
        return
    if isinstance(value, str):
        check_text(value, field)
        return
    if not isinstance(value, Mapping | list | tuple) or depth == 0 or len(value) > OBJECT_ITEMS_MAX:
        raise wrong(field, "holds a float, or is too deep or too large: numbers go as decimal strings")
    keys: Collection[object] = value if isinstance(value, Mapping) else ()
    for key in keys:
        if check_text(key, field).startswith("_"):
            raise wrong(field, "a key must not start with an underscore")
    for item in value.values() if isinstance(value, Mapping) else value:
        _check_object(item, field, depth - 1)
