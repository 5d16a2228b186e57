"""MT940 and MT942 files: framing, with and without SWIFT envelopes; several messages, pages, reversals.

The framing is ours, line by line, so that memory is bounded and every fault has its line; what stands in a field is
`mt940_fields`. A message begins at `:20:`; a page (`:60M:`, `:62M:`) is a statement of its own that adds up.
"""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from infra.statements import mt940_fields
from infra.statements.mt940_fields import StatementLine
from infra.statements.records import Item, Items, Part, Place, Refused, Statement, StatementEntry, Unreadable

_TAG = re.compile(r"(?:\{4:\s*)?:([0-9]{2}[A-Z]?|NS):(.*)", re.DOTALL)
_END = re.compile(r"-\}?.{0,3}|-?\}.*|\{.*")
_STATEMENT_NUMBER = re.compile(r"([0-9]{1,9})(?:/([0-9]{1,5}))?.*")
_FLOOR = re.compile(r"([A-Z]{3})[DC ]?[0-9,]*")
#: Longest field that is held; SWIFT's longest is under 500 characters.
FIELD_MAX = 200_000


def read_mt940(stream: BinaryIO, file: str, encoding: str | None = None) -> Items:
    """Entries of each message, then the statement; what cannot be read comes as `Refused`, the rest goes on.

    Args:
        encoding: such as `gb18030`; without one UTF-8, and what is not as Latin-1.
    """
    reader = _Reader(file)
    try:
        for place, tag, value in _fields(stream, file, encoding):
            yield from reader.field(place, tag, value)
    except Unreadable as error:
        yield from reader.end()
        yield error.refused()
        return
    yield from reader.end()
    if not reader.messages:
        yield Refused(Place(file, 1, ":20:"), "20", "there is no message in it: no field :20:")


class _Reader:
    def __init__(self, file: str) -> None:
        self.messages = 0
        self._file = file
        self._statement: Statement | None = None
        self._line: tuple[Place, StatementLine] | None = None  # an entry whose :86: may follow
        self._details = ""

    def field(self, place: Place, tag: str, value: str) -> Iterator[Item]:
        if tag == "86" and self._line is not None:
            self._details = f"{self._details}\n{value}" if self._details else value
            return
        yield from self._entry()
        if tag == "20":
            yield from self.end()
            self.messages += 1
            self._statement = Statement(place, "statement", "", statement_id=mt940_fields.reference(value))
            return
        statement = self._statement
        if statement is None:
            if tag == "61":
                yield Refused(place, "61", "an entry before any :20:", value[:80])
            return
        try:
            self._take(statement, place, tag, value)
        except Unreadable as error:
            statement.refused += tag == "61"
            yield error.refused()

    def end(self) -> Iterator[Item]:
        """The message that is open, told."""
        yield from self._entry()
        if self._statement is not None:
            yield self._statement
            self._statement = None

    def _take(self, statement: Statement, place: Place, tag: str, value: str) -> None:
        match tag:
            case "25" | "25P" if not statement.account:
                statement.account = "".join(value.split("\n", 1)[0].split()).upper()
            case "28" | "28C":
                found = _STATEMENT_NUMBER.match(value.strip())
                if found is None:
                    raise Unreadable(place, "28C", "not a statement number", value)
                statement.sequence, statement.page = int(found[1]), int(found[2] or 1)
            case "60F" | "60M":
                statement.currency = value[7:10]  # also of a balance that cannot be read
                statement.opening = mt940_fields.balance(value, place, intermediate=tag == "60M")
                statement.currency = statement.opening.currency
            case "62F" | "62M":
                statement.closing = mt940_fields.balance(value, place, intermediate=tag == "62M")
            case "34F":
                found = _FLOOR.match(value)
                statement.kind = "report"
                if found is not None:
                    statement.currency = found[1]
            case "13D" | "13":
                statement.kind = "report"
            case "90C" | "90D":
                self._sum(statement, tag, *mt940_fields.sum_of_entries(value, place))
            case "61":
                self._line = place, mt940_fields.statement_line(value, statement.currency, place)

    def _sum(self, statement: Statement, tag: str, number: int | None, currency: str, minor: int) -> None:
        statement.kind = "report"
        statement.currency = statement.currency or currency
        if number is not None:
            statement.told_entries = (statement.told_entries or 0) + number
        if tag == "90C":
            statement.told_credits_minor = minor
        else:
            statement.told_debits_minor = minor

    def _entry(self) -> Iterator[Item]:
        """The entry that waited for its details."""
        if self._line is None or self._statement is None:
            return
        (place, line), statement = self._line, self._statement
        details = mt940_fields.structured_details(self._details.replace("\n", ""))
        text = details.get("purpose") or self._details or line.text
        self._line, self._details = None, ""
        entry = StatementEntry(
            place=place,
            kind=statement.kind,
            account=statement.account,
            currency=statement.currency,
            amount_minor=line.amount_minor,
            pending=line.expected,
            reversal=line.reversal,
            booking_date=line.booking_date,
            value_date=line.value_date,
            reference=line.bank_reference,
            entry_reference=line.owner_reference,
            code=line.code,
            statement_id=f"{statement.statement_id}/{statement.sequence or 0}/{statement.page}",
            parts=(
                Part(
                    line.amount_minor,
                    reference=line.owner_reference,
                    end_to_end=mt940_fields.reference(details.get("end_to_end_reference", "")),
                    counterparty_bank=details.get("applicant_bin", ""),
                    counterparty_account=details.get("applicant_iban", ""),
                    text=text,
                ),
            ),
        )
        statement.add(entry)
        yield entry


def _fields(stream: BinaryIO, file: str, encoding: str | None) -> Iterator[tuple[Place, str, str]]:
    """Each field with the line where it begins; lines between messages belong to none."""
    tag, value, size, begun = "", [""], 0, 0
    for number, line in _lines(stream, file, encoding):
        found = _TAG.match(line)
        if found is not None or (tag and _END.fullmatch(line)):
            if tag:
                yield Place(file, begun, f":{tag}:"), tag, "\n".join(value).rstrip()
            tag, value, begun = ("", [""], number) if found is None else (found[1], [found[2]], number)
            size = 0
        elif tag:
            size += len(line)
            if size > FIELD_MAX:
                raise Unreadable(Place(file, begun, f":{tag}:"), tag, f"a field of more than {FIELD_MAX} characters")
            value.append(line)
    if tag:
        yield Place(file, begun, f":{tag}:"), tag, "\n".join(value).rstrip()


def _lines(stream: BinaryIO, file: str, encoding: str | None) -> Iterator[tuple[int, str]]:
    number = 0
    while line := stream.readline(FIELD_MAX):
        number += 1
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        try:
            text = line.decode(encoding or "utf-8")
        except UnicodeDecodeError as error:
            if encoding is not None:
                raise Unreadable(Place(file, number), "encoding", f"not {encoding}: {error.reason}") from error
            text = line.decode("latin-1")
        yield number, text.rstrip("\r\n")
