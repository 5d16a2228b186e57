"""Marks what is personal and stored in clear, as it is shown: events from before there were keys (decision E8).

The store is not rewritten, and state stays as it is stored. What is shown becomes a token like any other, in clear
inside, so that the lens over every answer masks it by role.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID

from aggregates.event_view import Json
from aggregates.personal import OF_THE_BANK, class_of, personal_fields
from aggregates.personal_sealing import BLANK, Subject, sealed_fields
from aggregates.personal_tokens import AS_JSON, CLEAR_JSON, CLEAR_TEXT, Personal, is_sealed, marked
from aggregates.steps.case import Case, CaseEvent
from aggregates.steps.fields import FieldSpec

_NOBODY = Subject("nobody")
_NO_EVENT = UUID(int=0)


def mark_event(event: CaseEvent) -> None:
    """Change a decoded event, which nobody else holds, for showing."""
    kind, attributes = type(event), vars(event)
    who = event.who
    if who.reason not in BLANK and not is_sealed(who.reason) and event.CASE.NAME not in OF_THE_BANK:
        attributes["who"] = replace(who, reason=marked(who.reason, Personal.NOTE, CLEAR_TEXT, "reason"))
    if any(_is_clear(attributes.get(path.partition(".")[0])) for path in personal_fields(kind)):
        attributes.update(_marked(event.CASE.NAME, attributes, event.ROW.fields))


def marked_state(kind: type[Case], state: Json) -> Json:
    """The state of an aggregate as JSON, for showing."""
    specs = _personal_specs(kind)
    if not any(_is_clear(state.get(spec.name)) for spec in specs):
        return state
    return _marked(kind.NAME, state, specs)


@cache
def _personal_specs(kind: type[Case]) -> tuple[FieldSpec, ...]:
    """The fields of all events of a kind that are personal or hold such."""
    specs = {spec.name: spec for event in kind.EVENTS.values() for spec in event.ROW.fields}
    return tuple(spec for spec in specs.values() if spec.items or class_of(kind.NAME, spec) is not None)


def _marked(aggregate: str, values: Mapping[str, Any], specs: tuple[FieldSpec, ...]) -> dict[str, Any]:
    return sealed_fields(values, specs, aggregate, _NO_EVENT, _NOBODY, _Marker())


def _is_clear(value: Any) -> bool:
    """Whether a text or a number in it is not sealed."""
    if isinstance(value, Mapping):
        return any(_is_clear(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_is_clear(item) for item in value)
    return value is not None and not isinstance(value, bool) and value not in BLANK and not is_sealed(value)


class _Marker:
    """Stands where a keeper of keys would: what it is given it marks."""

    def seal(self, _subject: Subject, _event_id: UUID, field: str, plain: str, kind: Personal, form: str) -> str:
        return marked(plain, kind, CLEAR_JSON if form == AS_JSON else CLEAR_TEXT, field)

    def reseal(self, _subject: Subject, _event_id: UUID, _field: str, token: str) -> str:
        return token
