"""Seals the personal fields of an event before it is made, so that the chain, snapshots and proofs hold ciphertext.

A guard sees what the command says; state and events never hold it in clear (decision E8). Sealing happens once, when
the event is written: a replay meets the same tokens. Not for keys and ciphers: `Protection` is kept by
`infra.subject_keys`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from aggregates.personal import CLASS_BY_KEY, OF_THE_BANK, REFERENCE_KEYS, class_of, personal_fields
from aggregates.personal_tokens import AS_JSON, AS_TEXT, Personal, is_sealed
from aggregates.steps.fields import FieldSpec

if TYPE_CHECKING:
    from aggregates.envelope import Envelope
    from aggregates.steps.case import CaseEvent
    from aggregates.steps.rows import Facts

#: Nothing to protect: no value, and the house's placeholder.
BLANK = ("", "-")
CHANGES = "changes"  # fields of a draft under their own names, each with its own class


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data it is: `customer:C-1`, `staff:U-7`, or a case that is about several (`about` names them)."""

    name: str
    about: tuple[str, ...] = ()

    @classmethod
    def customer(cls, customer_no: str) -> "Subject":
        return cls(f"customer:{customer_no}")

    @classmethod
    def staff(cls, user_no: str) -> "Subject":
        return cls(f"staff:{user_no}")

    @classmethod
    def case(cls, aggregate: str, key: str, customers: Iterable[str] = ()) -> "Subject":
        return cls(f"case:{aggregate}/{key}", tuple(f"customer:{no}" for no in sorted(customers)))


class Sealer(Protocol):
    """Makes tokens."""

    def seal(self, subject: Subject, event_id: UUID, field: str, plain: str, kind: Personal, form: str) -> str:
        """A token; a fresh nonce each time."""

    def reseal(self, subject: Subject, event_id: UUID, field: str, token: str) -> str:
        """The same value for another event; a token that nothing opens any more stays as it is."""


class Protection(Sealer, Protocol):
    """What the applications ask of the keeper of keys."""

    def digest(self, content: bytes) -> bytes:
        """Keyed digest, 32 bytes: tells contents apart and tells nobody else what they were."""

    def stream_token(self, subject: Subject, *, create: bool) -> str | None:
        """The random token that stands for a subject in stream ids; None: it has none."""


def is_personal(event: "type[CaseEvent]", values: "Facts", who: "Envelope") -> bool:
    """Whether there is anything to seal: most commands move money and say nothing of anyone."""
    if who.reason not in BLANK and event.CASE.NAME not in OF_THE_BANK:
        return True
    return any(values.get(path.partition(".")[0]) not in (None, *BLANK) for path in personal_fields(event))


def sealed_facts(
    values: "Facts", event: "type[CaseEvent]", event_id: UUID, subject: Subject, keys: Protection
) -> "Facts":
    """The values of an event with the personal ones sealed."""
    if not personal_fields(event):
        return values
    return sealed_fields(values, event.ROW.fields, event.CASE.NAME, event_id, subject, keys)


def sealed_fields(
    values: Mapping[str, Any],
    specs: Sequence[FieldSpec],
    aggregate: str,
    event_id: UUID,
    subject: Subject,
    keys: Sealer,
) -> dict[str, Any]:
    """The same for fields of one aggregate."""
    return _fields(values, specs, "", _Sealing(aggregate, event_id, subject, keys))


def sealed_envelope(
    who: "Envelope", aggregate: str, event_id: UUID, subject: Subject, keys: Protection
) -> "Envelope":
    """The envelope with its reason sealed: people write there what they know of people."""
    if aggregate in OF_THE_BANK or who.reason in BLANK or is_sealed(who.reason):
        return who
    return replace(who, reason=keys.seal(subject, event_id, "reason", who.reason, Personal.NOTE, AS_TEXT))


@dataclass(slots=True)
class _Sealing:
    aggregate: str
    event_id: UUID
    subject: Subject
    keys: Sealer
    field: str = ""
    leaf: int = 0

    def leaves(self, value: Any, kind: Personal) -> Any:
        """Every text and every number inside a value, keys apart."""
        if isinstance(value, Mapping):
            return {
                key: item if key in REFERENCE_KEYS else self.leaves(item, CLASS_BY_KEY.get(key, kind))
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.leaves(item, kind) for item in value]
        if value is None or isinstance(value, bool) or value in BLANK:
            return value
        place = f"{self.field}.{self.leaf}" if self.leaf else self.field
        self.leaf += 1
        if isinstance(value, str):
            if is_sealed(value):
                return self.keys.reseal(self.subject, self.event_id, place, value)
            return self.keys.seal(self.subject, self.event_id, place, value, kind, AS_TEXT)
        return self.keys.seal(self.subject, self.event_id, place, json.dumps(value), kind, AS_JSON)

    def changes(self, changed: Mapping[str, Any], drafted: Sequence[FieldSpec]) -> dict[str, Any]:
        """What an amendment changes: fields of the draft keep their class, anything else is a note."""
        known = {spec.name: class_of(self.aggregate, spec) for spec in drafted}
        return {
            name: item
            if name in known and known[name] is None
            else self.leaves(item, known.get(name) or Personal.NOTE)
            for name, item in changed.items()
        }


def _fields(values: Mapping[str, Any], specs: Sequence[FieldSpec], path: str, sealer: _Sealing) -> dict[str, Any]:
    found = dict(values)
    for spec in specs:
        value = values.get(spec.name)
        if value is None:
            continue
        if spec.items:
            inner = f"{path}{spec.name}."
            if spec.kind == "L":
                # The number of the record is part of the place: two records may say the same.
                found[spec.name] = [
                    _fields(item, spec.items, f"{inner}{number}.", sealer) for number, item in enumerate(value)
                ]
            else:
                found[spec.name] = _fields(value, spec.items, inner, sealer)
        elif (kind := class_of(sealer.aggregate, spec)) is not None:
            sealer.field, sealer.leaf = f"{path}{spec.name}", 0
            if spec.name == CHANGES and len(specs) > 1 and isinstance(value, Mapping):
                found[spec.name] = sealer.changes(value, [other for other in specs if other.name != CHANGES])
            else:
                found[spec.name] = sealer.leaves(value, kind)
    return found
