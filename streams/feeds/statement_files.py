"""A statement file of either format, told by its first letters: XML is ISO 20022, the rest is MT940."""

from collections.abc import Iterator
from typing import BinaryIO

from infra.statements.iso20022 import read_iso20022
from infra.statements.mt940_reader import read_mt940
from streams.feeds.account_mapping import AccountMapping
from streams.feeds.event import Event
from streams.feeds.file_report import FileReport
from streams.feeds.statement_events import statement_events


def statement_file_events(stream: BinaryIO, report: FileReport, accounts: AccountMapping) -> Iterator[Event]:
    """As the feeds `iso20022` and `mt940` would tell it."""
    head = stream.read(64).lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00")
    stream.seek(0)
    if head.startswith(b"<"):
        items = read_iso20022(stream, report.file, accounts.is_ours)
    else:
        items = read_mt940(stream, report.file)
    return statement_events(items, accounts, report)
