"""One entry of `tm.in.core.txn.v1` read with care: what it says as numbers, or the field that is wrong and why.

This is what a record means. `streams/entry_scan.py` is its compiled twin for records of the common shape and reads
the same or nothing. A key written twice counts as its last writing; a JSON number where text is due is refused,
since an amount that passed through a float is no amount (decision S9, ADR 0005).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import NamedTuple

import msgspec

from engines.primitives.money import AMOUNT_MINOR_MAX, EXPONENT_BY_CURRENCY
from projections.digests import Digest, combine, of_texts
from projections.entry_batch import PENDING, REJECTED, SETTLED
from streams.schemas import OPENING

BYTES_MAX = 128  # of an id or a dimension
EVENT_AHEAD_US = 86_400_000_000  # an event cannot be a day later than Kafka's own clock when it took the record
VALUE_AHEAD_DAYS = 370
MICROSECONDS_A_DAY = 86_400_000_000
STATUS = {"pending": PENDING, "settled": SETTLED, "rejected": REJECTED}
POSITION = ("entity_id", "org_id", "line_id", "product_id", "ccy", "customer_id", "account_id", "customer_class")
#: Between the parts of a key that is digested as one text: no JSON text of ours needs it.
SEPARATOR = "\x1f"

Fault = tuple[str, str]  # field, reason
_position_of = attrgetter(*POSITION)


class EntryTexts(msgspec.Struct, gc=False):
    """The fields that folds need, unchecked but for being text."""

    txn_id: str
    source_system: str
    event_time: str
    value_date: str
    entity_id: str
    account_id: str
    ccy: str
    direction: str
    amount: str
    customer_id: str | None = None
    org_id: str | None = None
    line_id: str | None = None
    product_id: str | None = None
    customer_class: str | None = None
    txn_type: str | None = None
    status: str | None = None
    reversal_of: str | None = None
    intragroup: bool | None = None


REQUIRED = frozenset(EntryTexts.__struct_fields__[:9])
read_texts = msgspec.json.Decoder(EntryTexts).decode


class CarefulEntry(NamedTuple):
    """One entry, checked."""

    event_us: int
    value_day: int
    amount_minor: int
    outgoing: bool
    status: int
    opening: bool
    texts: EntryTexts


@dataclass(slots=True)
class EntryFault(Exception):
    """The field that is wrong, and why."""

    field: str
    reason: str


@dataclass(slots=True)
class Digests:
    """What identifies entries, as columns."""

    identity: Digest
    reverses: Digest  # meaningless where nothing is reversed
    position: Digest


def read(value: bytes | None, appended_us: int) -> CarefulEntry:
    """Raises EntryFault with the first thing that is wrong."""
    try:
        if value is None:
            raise EntryFault("", "the record has no value (a tombstone)")
        texts = read_texts(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise EntryFault(*_why(value or b"", error)) from error
    value_day = _checked_value_day(texts)
    amount_minor = _amount_minor(texts.amount, EXPONENT_BY_CURRENCY[texts.ccy])
    event_us = instant_us(texts.event_time)
    if event_us is None:
        raise _fault("event_time", "not an instant in UTC such as 2026-01-31T09:30:00.5Z", texts.event_time)
    if event_us > appended_us + EVENT_AHEAD_US:
        raise _fault("event_time", "more than a day later than Kafka's clock when it took it", texts.event_time)
    if value_day > event_us // MICROSECONDS_A_DAY + VALUE_AHEAD_DAYS:
        raise _fault("value_date", f"more than {VALUE_AHEAD_DAYS} days after its event time", texts.value_date)
    return CarefulEntry(
        event_us,
        value_day,
        amount_minor,
        texts.direction == "out",
        STATUS.get(texts.status or "", SETTLED),
        texts.txn_type == OPENING,
        texts,
    )


def position_key(texts: EntryTexts) -> tuple[str, ...]:
    """POSITION_DIMENSIONS of an entry: `-` where it says nothing."""
    dimensions = [text or "-" for text in _position_of(texts)]
    return (*dimensions, "true" if texts.intragroup is True else "false")


def digests(entries: Iterable[EntryTexts]) -> Digests:
    """Of entries that were checked."""
    entries = list(entries)
    sources = combine(_column(entries, "entity_id"), _column(entries, "source_system"))
    return Digests(
        combine(sources, _column(entries, "txn_id")),
        combine(sources, _column(entries, "reversal_of")),
        of_texts([SEPARATOR.join(position_key(entry)) for entry in entries]),
    )


def reverses(texts: EntryTexts) -> bool:
    return texts.reversal_of not in {None, "", "-"}


def _column(entries: list[EntryTexts], name: str) -> Digest:
    return of_texts([getattr(entry, name) or "-" for entry in entries])


# -- what can be wrong -------------------------------------------------------------------------------------------

_MISSING_FIELD = re.compile(r"missing required field `(\w+)`")
_FIELD = re.compile(r"at `\$\.(\w+)")
_AMOUNT = re.compile(r"(-?)([0-9]{1,16})(?:\.([0-9]{1,4}))?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z")
_EPOCH, _EPOCH_INSTANT = date(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_MIN = 1900


def _why(value: bytes, error: Exception) -> Fault:
    """Field and reason of a record that could not be read."""
    if not value.strip(b" \t\r\n"):
        return "", "the record is empty"
    if isinstance(error, UnicodeDecodeError):
        return "", f"not UTF-8 at byte {error.start}"
    missing = _MISSING_FIELD.search(str(error))
    if missing:
        return missing[1], "required and missing"
    named = _FIELD.search(str(error))
    if named:
        return named[1], str(error)
    return "", str(error) if isinstance(error, msgspec.ValidationError) else f"not JSON: {error}"


def _fault(name: str, reason: str, got: str) -> EntryFault:
    return EntryFault(name, f"{reason}: {got!r:.60}")


def _checked_value_day(texts: EntryTexts) -> int:
    """Presence, length and vocabulary of the texts, in the order in which faults are reported."""
    for name in (*POSITION, "source_system", "value_date", "direction", "txn_id"):
        text = getattr(texts, name)
        if name in REQUIRED and text in {"", "-"}:
            raise EntryFault(name, "required and missing")
    for name in (*POSITION, "source_system", "txn_id", "reversal_of"):
        text = getattr(texts, name) or ""
        if len(text) * 4 > BYTES_MAX and len(text.encode()) > BYTES_MAX:
            raise _fault(name, f"longer than {BYTES_MAX} bytes", text)
    if texts.ccy not in EXPONENT_BY_CURRENCY:
        raise _fault("ccy", "not an ISO 4217 currency", texts.ccy)
    value_day = _day_number(texts.value_date)
    if value_day is None:
        raise _fault("value_date", "not a date such as 2026-01-31", texts.value_date)
    if texts.direction not in {"in", "out"}:
        raise _fault("direction", "not one of in, out", texts.direction)
    if texts.status not in {None, "", "-", *STATUS}:
        raise _fault("status", f"not one of {', '.join(STATUS)}", str(texts.status))
    return value_day


def _amount_minor(text: str, exponent: int) -> int:
    parts = _AMOUNT.fullmatch(text)
    if parts is None:
        raise _fault("amount", "not a decimal string such as 12.50", text)
    minus, whole, decimals = parts[1], parts[2], parts[3] or ""
    if minus:
        raise _fault("amount", "negative: the direction says which way money goes", text)
    if len(decimals) > exponent:
        raise _fault("amount", "more decimals than its currency has", text)
    amount_minor: int = int(whole + decimals) * 10 ** (exponent - len(decimals))
    if amount_minor > AMOUNT_MINOR_MAX:
        raise _fault("amount", "above 10^16 minor units", text)
    return amount_minor


def _day_number(text: str) -> int | None:
    if not _DAY.fullmatch(text):
        return None
    try:
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError:
        return None


def instant_us(text: str) -> int | None:
    """Microseconds since the epoch of `YYYY-MM-DDTHH:MM:SS[.f{1,9}]Z`; None for any other text.

    Digits beyond microseconds are cut. A leap second (:60) has no place in our clock and is refused.
    """
    parts = _INSTANT.fullmatch(text)
    if parts is None:
        return None
    try:
        moment = datetime.fromisoformat(parts[1] + "+00:00")
    except ValueError:
        return None
    if moment.year < _YEAR_MIN:
        return None
    since = moment - _EPOCH_INSTANT
    return (since.days * 86_400 + since.seconds) * 1_000_000 + int((parts[2] or "")[:6].ljust(6, "0"))
