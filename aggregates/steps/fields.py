"""The fields of an event, written as in the specification: `"asset_no:I, amount:M, alloc:A?, splits:L{split_no:N}"`.

A code a kind: I business id, S text, E upper-case code, D day, N integer, B boolean, M money, G signed money, A split
over claim buckets, K amounts by name, P percentage, R rate, V signed number, L list of ids, T list of texts,
J object, O list of objects, `L{…}` list of records, `J{…}` one record. A question mark: may be missing. Money is
integer minor units, stored under the name with `_minor` (decision E1).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from aggregates.payload import LIST_LENGTH_MAX, Fields, check_text, wrong

MONEY_KINDS = ("M", "G", "A", "K")
VALUE = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,12})?")
PERCENT_DIGITS_MAX = 12


@dataclass(frozen=True, slots=True)
class FieldSpec:
    name: str
    kind: str
    optional: bool = False
    items: tuple["FieldSpec", ...] = ()  # of the records in a list

    @property
    def attribute(self) -> str:
        """Name under which the value is stored."""
        return f"{self.name}_minor" if self.kind in MONEY_KINDS else self.name

    @property
    def notation(self) -> str:
        inner = "{" + ", ".join(item.notation for item in self.items) + "}" if self.items else ""
        return f"{self.name}:{self.kind}{inner}{'?' if self.optional else ''}"


def field_specs(notation: str) -> tuple[FieldSpec, ...]:
    """The fields of a notation such as `"loan_no:I, amount:M, alloc:A?"`, in its order."""
    return tuple(_spec(part) for part in _parts(notation))


def read(payload: Mapping[str, object], specs: Sequence[FieldSpec], ccy: str, path: str = "") -> dict[str, Any]:
    """Values by field name, those that were given. Raises InvalidInput naming an unknown or a bad field."""
    fields = Fields(payload, path)
    values: dict[str, Any] = {}
    for spec in specs:
        if fields.given(spec.name):
            values[spec.name] = _records(fields, spec, ccy) if spec.items else _READ[spec.kind](fields, spec, ccy)
    fields.finish()
    return values


def missing(values: Mapping[str, Any], specs: Sequence[FieldSpec]) -> str | None:
    """The first field that must be there and is not."""
    return next((spec.name for spec in specs if not spec.optional and values.get(spec.name) is None), None)


def stored(values: Mapping[str, Any], specs: Sequence[FieldSpec]) -> dict[str, Any]:
    """Event attributes of values: money under `…_minor`, also inside records."""
    found: dict[str, Any] = {}
    for spec in specs:
        if (value := values.get(spec.name)) is not None:
            found[spec.attribute] = _each(value, spec, stored)
    return found


def loaded(event: object, specs: Sequence[FieldSpec]) -> dict[str, Any]:
    """Values by field name of a stored event; what it does not have is left out."""
    attributes = event if isinstance(event, Mapping) else vars(event)
    found: dict[str, Any] = {}
    for spec in specs:
        if (value := attributes.get(spec.attribute)) is not None:
            found[spec.name] = _each(value, spec, loaded)
    return found


def holds_money(specs: Sequence[FieldSpec]) -> bool:
    return any(spec.kind in MONEY_KINDS or holds_money(spec.items) for spec in specs)


def _each(value: Any, spec: FieldSpec, change: Callable[[Any, Sequence[FieldSpec]], dict[str, Any]]) -> Any:
    if not spec.items:
        return value
    return [change(item, spec.items) for item in value] if spec.kind == "L" else change(value, spec.items)


def _parts(notation: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for at, character in enumerate(notation + ","):
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            parts.append(notation[start:at].strip())
            start = at + 1
    return [part for part in parts if part]


def _spec(part: str) -> FieldSpec:
    name, _, kind = part.partition(":")
    optional = kind.endswith("?")
    kind = kind.removesuffix("?")
    inner = ""
    if kind[1:2] == "{":
        kind, inner = kind[0], kind[2:-1]
    if kind not in _READ:
        raise ValueError(f"no field kind {kind!r} in {part!r}")
    return FieldSpec(name.strip(), kind, optional, field_specs(inner) if inner else ())


def _records(fields: Fields, spec: FieldSpec, ccy: str) -> Any:
    if spec.kind == "J":
        return _record(fields.json_object(spec.name), spec, ccy, f"{fields.path}{spec.name}.")
    found = fields.json_objects(spec.name) or ()
    return [_record(item, spec, ccy, f"{fields.path}{spec.name}[{at}].") for at, item in enumerate(found)]


def _record(item: Mapping[str, object], spec: FieldSpec, ccy: str, path: str) -> dict[str, Any]:
    values = read(item, spec.items, ccy, path)
    if (absent := missing(values, spec.items)) is not None:
        raise wrong(path + absent, "is missing")
    return values


def _percent(fields: Fields, spec: FieldSpec, _ccy: str) -> Decimal:
    text = fields.text(spec.name)
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise wrong(spec.name, "want a decimal number as text") from None
    if not value.is_finite() or value < 0 or len(value.as_tuple().digits) > PERCENT_DIGITS_MAX:
        raise wrong(spec.name, "want a decimal number, not negative, as text")
    if spec.kind == "P" and value > 100:
        raise wrong(spec.name, "is above 100 per cent")
    return value


def _number(fields: Fields, spec: FieldSpec, _ccy: str) -> Decimal:
    text = fields.text(spec.name)
    if not VALUE.fullmatch(text):
        raise wrong(spec.name, 'want decimal text of at most 12 decimals, as "0.732"')
    return Decimal(text)


def _amounts(fields: Fields, spec: FieldSpec, ccy: str) -> dict[str, int]:
    amounts = Fields(fields.json_object(spec.name), f"{fields.path}{spec.name}.")
    return {name: amounts.money(name, ccy) for name in fields.json_object(spec.name)}


def _texts(fields: Fields, spec: FieldSpec, _ccy: str) -> list[str]:
    value = fields.value(spec.name)
    if not isinstance(value, list | tuple) or len(value) > LIST_LENGTH_MAX:
        raise wrong(spec.name, f"want a list of at most {LIST_LENGTH_MAX} texts")
    return [check_text(item, spec.name) for item in value]


_READ: Mapping[str, Callable[[Fields, FieldSpec, str], Any]] = {
    "I": lambda fields, spec, ccy: fields.id(spec.name),
    "S": lambda fields, spec, ccy: fields.text(spec.name),
    "E": lambda fields, spec, ccy: fields.code(spec.name),
    "D": lambda fields, spec, ccy: fields.day(spec.name),
    "N": lambda fields, spec, ccy: fields.integer(spec.name),
    "B": lambda fields, spec, ccy: fields.flag(spec.name),
    "M": lambda fields, spec, ccy: fields.money(spec.name, ccy),
    "G": lambda fields, spec, ccy: fields.money(spec.name, ccy, signed=True),
    "A": lambda fields, spec, ccy: fields.alloc(spec.name, ccy),
    "K": _amounts,
    "P": _percent,
    "V": _number,
    "R": _percent,
    "L": lambda fields, spec, ccy: fields.ids(spec.name),
    "T": _texts,
    "J": lambda fields, spec, ccy: fields.json_object(spec.name),
    "O": lambda fields, spec, ccy: [dict(item) for item in fields.json_objects(spec.name) or ()],
}
