"""CSV files of others to records, row by row, by a mapping; see `row_mapping` for what it may say."""

import codecs
import csv
import hashlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from engines.primitives.errors import InvalidInput
from infra.statements.records import Place, Refused, Unreadable
from streams import topics
from streams.feeds.checked_record import record_event
from streams.feeds.event import Event
from streams.feeds.file_report import FileReport
from streams.feeds.json_lines import accept
from streams.feeds.row_mapping import RowMapping

LINE_MAX = 1_000_000


def csv_events(stream: BinaryIO, report: FileReport, mapping: RowMapping) -> Iterator[Event]:
    """Events of one file; a row that cannot be used is a reject, the rest goes on.

    A column of the mapping that the file does not have refuses the whole file. An entry without `txn_id` has one of
    its content; equal rows are numbered in the order of the file.
    """
    rows = _rows(stream, report, mapping)
    header = mapping.file.header or next((row for _, row in rows), [])
    missing = mapping.wanted_columns - set(header)
    if missing:
        reason = f"the file has no column {', '.join(sorted(missing))}"
        report.refuse(Refused(Place(report.file, 1), sorted(missing)[0], reason, ",".join(header)[:80]))
        return
    repeats: dict[bytes, int] = {}
    for line, row in rows:
        place = Place(report.file, line)
        try:
            if len(row) != len(header):
                reason = f"{len(row)} columns where the file has {len(header)}"
                raise Unreadable(place, "row", reason, ",".join(row))
            fields = mapping.fields(dict(zip(header, row, strict=True)), place)
            if mapping.file.topic == topics.TXN and "txn_id" not in fields:
                fields["txn_id"] = _content_id(fields, repeats)
            event = record_event(mapping.file.topic, fields, place)
        except Unreadable as error:
            report.refuse(error.refused())
            continue
        accept(report, event)
        yield event


def _rows(stream: BinaryIO, report: FileReport, mapping: RowMapping) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells. Line by line unless the mapping says `multiline`: so a stray quote breaks one row."""
    file = mapping.file
    lines = _lines(stream, report, file.encoding, file.skip_lines)
    form: dict[str, Any] = {"delimiter": file.delimiter, "quotechar": file.quote or None, "strict": True}
    if not file.quote:
        form["quoting"] = csv.QUOTE_NONE
    if not file.multiline:
        for number, text in lines:
            try:
                for row in csv.reader([text], **form):
                    yield number, row
            except csv.Error as error:
                report.refuse(Refused(Place(report.file, number), "row", f"not CSV: {error}", text[:80]))
        return
    number = file.skip_lines
    texts = (text for number, text in lines)
    reader = csv.reader(texts, **form)
    while True:
        begun = reader.line_num + file.skip_lines + 1
        try:
            row = next(reader)
        except csv.Error as error:
            report.refuse(Refused(Place(report.file, begun), "row", f"not CSV: {error}"))
            continue
        except StopIteration:
            return
        if row:
            yield begun, row


def _lines(stream: BinaryIO, report: FileReport, encoding: str, skip: int) -> Iterator[tuple[int, str]]:
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise InvalidInput(f"there is no encoding {encoding!r}", field="encoding") from error
    for number, line in enumerate(iter(lambda: stream.readline(LINE_MAX), b""), start=1):
        if number <= skip:
            continue
        try:
            text = line.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            shown = line[:80].decode(encoding, errors="replace")
            report.refuse(Refused(Place(report.file, number), "row", f"not {encoding}: {error.reason}", shown))
            continue
        if text.strip():
            yield number, text


def _content_id(fields: dict[str, Any], repeats: dict[bytes, int]) -> str:
    told = "\x1f".join(f"{name}={fields[name]}" for name in sorted(fields))
    content = hashlib.blake2b(told.encode(), digest_size=12).digest()
    number = repeats[content] = repeats.get(content, -1) + 1
    return f"content:{content.hex()}" + (f".{number}" if number else "")
