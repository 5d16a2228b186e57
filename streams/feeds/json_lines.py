"""Records in our own form, one JSON object a line: bare, or with the topic beside as `{"topic", "record"}`."""

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from engines.primitives.money import to_minor
from infra.statements.records import Place, Unreadable
from streams.feeds.checked_record import STRUCT_BY_TOPIC, record_event
from streams.feeds.event import Event
from streams.feeds.file_report import FileReport
from streams.schemas import Txn

LINE_MAX = 12 * 1024 * 1024  # what a topic takes


def json_line_events(stream: BinaryIO, report: FileReport, topic: str) -> Iterator[Event]:
    """Events of one file; empty lines are passed over, every other line is an event or a reject.

    Args:
        topic: of lines that name none.
    """
    for number, line in enumerate(iter(lambda: stream.readline(LINE_MAX + 1), b""), start=1):
        place = Place(report.file, number)
        if not line.strip():
            continue
        try:
            event = _event(line, place, topic)
        except Unreadable as error:
            report.refuse(error.refused())
            continue
        accept(report, event)
        yield event


def accept(report: FileReport, event: Event) -> None:
    """Count an event; entries with their amounts."""
    record = event.record
    if isinstance(record, Txn):
        minor = to_minor(record.amount, record.ccy)
        sign = 1 if record.direction == "in" else -1
        report.accept(record.ccy, sign * minor, pending=record.status == "pending")
    else:
        report.accepted += 1


def _event(line: bytes, place: Place, topic: str) -> Event:
    if len(line) > LINE_MAX:
        raise Unreadable(place, "record", f"a line of more than {LINE_MAX} bytes")
    try:
        fields = msgspec.json.decode(line, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(
            place, "record", f"not a JSON object: {error}", line[:80].decode(errors="replace")
        ) from error
    if fields.keys() == {"topic", "record"}:
        named, record = fields["topic"], fields["record"]
        if not isinstance(record, dict):
            raise Unreadable(place, "record", "not an object")
        topic, fields = str(named), record
    if topic not in STRUCT_BY_TOPIC:
        raise Unreadable(place, "topic", f"none of {', '.join(STRUCT_BY_TOPIC)}", topic)
    return record_event(topic, fields, place)
