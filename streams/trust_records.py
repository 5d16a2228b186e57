"""Reads just enough of an inbound record to say whose it is: entity, system, event time, number. A lean copy.

What cannot be read is nobody's sighting: the worker writes a dead letter for it, and that tells. Not for figures.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from projections.trust import Letter, Sighting
from projections.trust_policy import Input
from streams.deadletters import RETRY_OF, DeadLetter

MEMBER_CHARS_MAX = 64  # a refused record may hold anything


class _Told(msgspec.Struct):
    """The fields of all inbound records that say whose they are; a cut says when it was taken."""

    entity_id: str = "-"
    source_system: str = "-"
    event_time: str | None = None
    taken_at: str | None = None
    source_seq: int = 0


_DECODER = msgspec.json.Decoder(_Told)


def sighting(of: Input, value: bytes | None, appended_ms: int, headers: Mapping[str, bytes]) -> Sighting | None:
    """Whose record this is, by its own word; None: it cannot be read."""
    try:
        told = _DECODER.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    retry = headers.get(RETRY_OF)
    return Sighting(
        of.key(told.entity_id, told.source_system),
        told.event_time or told.taken_at,
        datetime.fromtimestamp(appended_ms / 1_000, UTC),
        told.source_seq if told.source_system in of.numbered else None,
        None if retry is None else retry.decode(errors="replace"),
    )


def letter_of(letter: DeadLetter, inputs: Mapping[str, Input]) -> Letter | None:
    """Whose dead letter it is, as far as its bytes tell; None: of no source of figures."""
    of = inputs.get(letter.topic)
    if of is None:
        return None
    try:
        told = _DECODER.decode(letter.value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        told = _Told()
    entity, system = (
        part if part.isprintable() and len(part) <= MEMBER_CHARS_MAX else "-"
        for part in (told.entity_id, told.source_system)
    )
    return Letter(letter.id, of.key(entity, system), letter.reported_at)
