"""Raw values of `tm.in.core.txn.v1` to columns: the hot path's decoder.

Each record is read by msgspec into a struct of texts, the texts are coded into columns, and every check of content
happens once, on columns. One decoder for all: what a record means may not depend on the batch it came in. A key
written twice counts as its last writing; a JSON number where text is due is refused, since an amount that passed
through a float is no amount (decision S9, ADR 0005).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from engines.primitives.money import AMOUNT_MINOR_MAX, EXPONENT_BY_CURRENCY
from projections.columns import Columns
from projections.digests import Digest, combine, of_strings, of_texts
from projections.entry_batch import PENDING, REJECTED, SETTLED, EntryBatch, Refusal
from streams.schemas import OPENING


class _Entry(msgspec.Struct, gc=False):
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


_REQUIRED = frozenset(_Entry.__struct_fields__[:9])
_BYTES_MAX = 128  # of an id or a dimension
_STATUS = {"pending": PENDING, "settled": SETTLED, "rejected": REJECTED}
_AMOUNT = r"^[0-9]{1,16}(\.[0-9]{1,4})?$"
_AMOUNT_PARTS = re.compile(r"(-?)([0-9]{1,16})(?:\.([0-9]{1,4}))?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MISSING_FIELD = re.compile(r"missing required field `(\w+)`")
_FIELD = re.compile(r"at `\$\.(\w+)")
_EVENT_AHEAD_US = 86_400_000_000  # an event cannot be a day later than Kafka's own clock when it took the record
_VALUE_AHEAD_DAYS = 370
_MICROSECONDS_A_DAY = 86_400_000_000
_POWERS = np.array([1, 10, 100, 1_000, 10_000], np.int64)
_TOO_LARGE = 2**62
#: Below this many texts a call into polars costs more than they do.
_FEW = 512


@dataclass
class RawBatch:
    """Records of one partition as fetched: the range they cover, and for each its offset and Kafka's time."""

    from_offset: int
    to_offset: int
    offsets: NDArray[np.int64]
    values: list[bytes | None]
    appended_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def size_bytes(self) -> int:
        return sum(len(value) for value in self.values if value)


def merged(batches: list[RawBatch], records_max: int) -> list[RawBatch]:
    """Neighbouring batches put together, up to about `records_max` records each; the ranges covered are the same."""
    groups: list[list[RawBatch]] = []
    for batch in batches:
        last = groups[-1] if groups else []
        if last and last[-1].to_offset == batch.from_offset and sum(map(len, last)) + len(batch) <= records_max:
            last.append(batch)
        else:
            groups.append([batch])
    return [group[0] if len(group) == 1 else _one(group) for group in groups]


def _one(group: list[RawBatch]) -> RawBatch:
    return RawBatch(
        group[0].from_offset,
        group[-1].to_offset,
        np.concatenate([batch.offsets for batch in group]),
        [value for batch in group for value in batch.values],
        np.concatenate([batch.appended_us for batch in group]),
    )


@dataclass(slots=True)
class Decoded:
    """The good entries as columns, and a reason for each of the others."""

    batch: EntryBatch
    refusals: list[Refusal] = field(default_factory=list)


class EntryDecoder:
    """Decodes batches of one topic. What a combination of dimensions means is worked out once and remembered:
    accounts come back. What is remembered follows from the texts alone, so no result depends on it."""

    def __init__(self) -> None:
        self._positions, self._kinds = _Positions(), _Kinds()

    def decode(self, raw: RawBatch) -> Decoded:
        """Every record becomes a row or a refusal; none is lost."""
        refusals: list[Refusal] = []
        rows, entries = _read(raw, refusals)
        checks = _Checks(entries, raw.offsets[rows], raw.appended_us[rows], refusals)
        batch = checks.batch(self._positions, self._kinds)
        refusals.sort(key=lambda refusal: refusal.offset)
        return Decoded(batch, refusals)


def decode(raw: RawBatch) -> Decoded:
    """One batch by itself."""
    return EntryDecoder().decode(raw)


_decode_entry = msgspec.json.Decoder(_Entry).decode
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError)


def _read(raw: RawBatch, refusals: list[Refusal]) -> tuple[NDArray[np.int64] | slice, list[_Entry]]:
    """Rows of `raw` that could be read, in order, and what they say."""
    try:
        return slice(None), list(map(_decode_entry, raw.values))  # type: ignore[arg-type]  # None raises TypeError
    except _UNREADABLE:
        pass  # which one, the careful way finds out
    rows: list[int] = []
    entries: list[_Entry] = []
    for row, value in enumerate(raw.values):
        try:
            entries.append(_decode_entry(value or b""))
            rows.append(row)
        except _UNREADABLE as error:
            refusals.append(Refusal(int(raw.offsets[row]), *_why(value, error)))
    return np.array(rows, np.int64), entries


def _why(value: bytes | None, error: BaseException) -> tuple[str, str]:
    """Field and reason of a record that could not be read."""
    if value is None:
        return "", "the record has no value (a tombstone)"
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


# -- texts to columns ------------------------------------------------------------------------------------------

_POSITION = ("entity_id", "org_id", "line_id", "product_id", "ccy", "customer_id", "account_id", "customer_class")
_KIND = ("entity_id", "source_system", "value_date", "direction", "status", "txn_type", "reversal_of")
#: Between the parts of a key that is digested as one text: no JSON text of ours needs it.
_SEPARATOR = "\x1f"
_REMEMBERED_MAX = 2_000_000

Fault = tuple[str, str]  # field, reason


class _Remembered(dict[Any, int]):
    """Codes of combinations of fields, and the facts that follow from each; subclasses work the facts out."""

    def __init__(self, names: tuple[str, ...], **facts: Any) -> None:
        super().__init__()
        self._fields_of = attrgetter(*names)
        self._kinds_of_fact = facts
        self.facts = Columns(good=np.bool_, **facts)
        self.faults: dict[int, Fault] = {}
        self._fresh: list[Any] = []

    def __missing__(self, key: Any) -> int:
        code = self[key] = self.facts.rows + len(self._fresh)
        self._fresh.append(key)
        return code

    def codes(self, entries: list[_Entry]) -> NDArray[np.int64]:
        if self.facts.rows > _REMEMBERED_MAX:
            self.clear()
            self.facts, self.faults = Columns(good=np.bool_, **self._kinds_of_fact), {}
            self.forget()
        found = np.fromiter(map(self.__getitem__, map(self._fields_of, entries)), np.int64, len(entries))
        if self._fresh:
            fresh, self._fresh = self._fresh, []
            self.learn(fresh, self.facts.rows)
        return found

    def learn(self, fresh: list[Any], first: int) -> None:
        raise NotImplementedError

    def forget(self) -> None:
        """Codes start again."""


class _Positions(_Remembered):
    def __init__(self) -> None:
        super().__init__((*_POSITION, "intragroup"), low=np.uint64, high=np.uint64, exponent=np.int64)
        self.named: list[tuple[str, ...]] = []

    def forget(self) -> None:
        self.named = []

    def learn(self, fresh: list[Any], first: int) -> None:
        keys = [(*(text or "-" for text in texts[:-1]), "true" if texts[-1] is True else "false") for texts in fresh]
        exponents = [EXPONENT_BY_CURRENCY.get(key[4], 0) for key in keys]
        good = np.ones(len(keys), np.bool_)
        for number, key in enumerate(keys):
            fault = _fault_of_position(key)
            if fault:
                self.faults[first + number], good[number] = fault, False
        digest = _digest([_SEPARATOR.join(key) for key in keys])
        self.named += keys
        self.facts.extend(good=good, low=digest.low, high=digest.high, exponent=np.array(exponents, np.int64))


def _fault_of_position(key: tuple[str, ...]) -> Fault | None:
    for name, text in zip(_POSITION, key, strict=False):
        if text == "-" and name in _REQUIRED:
            return name, "required and missing"
        if len(text) * 4 > _BYTES_MAX and len(text.encode()) > _BYTES_MAX:
            return name, f"longer than {_BYTES_MAX} bytes: {text!r:.60}"
    if key[4] not in EXPONENT_BY_CURRENCY:
        return "ccy", f"not an ISO 4217 currency: {key[4]!r:.60}"
    return None


class _Kinds(_Remembered):
    def __init__(self) -> None:
        lanes = dict.fromkeys(("source_low", "source_high", "reverses_low", "reverses_high"), np.uint64)
        flags = dict.fromkeys(("outgoing", "opening", "is_reversal"), np.bool_)
        super().__init__(_KIND, **lanes, **flags, status=np.int64, value_day=np.int64)

    def learn(self, fresh: list[Any], first: int) -> None:
        columns = [[str(text or "-") for text in column] for column in zip(*fresh, strict=True)]
        entity, source, value_date, direction, status, txn_type, reversal_of = columns
        days = [_day_number(text) for text in value_date]
        good = np.ones(len(fresh), np.bool_)
        for number, day in enumerate(days):
            fault = _fault_of_kind(source[number], value_date[number], day, direction[number], status[number])
            if not fault and len(reversal_of[number].encode()) > _BYTES_MAX:
                fault = ("reversal_of", f"longer than {_BYTES_MAX} bytes")
            if fault:
                self.faults[first + number], good[number] = fault, False
        sources = combine(_digest(entity), _digest(source))
        is_reversal = np.array([text != "-" for text in reversal_of], np.bool_)
        reverses = combine(sources, _digest(reversal_of))
        self.facts.extend(
            good=good,
            source_low=sources.low,
            source_high=sources.high,
            reverses_low=np.where(is_reversal, reverses.low, 0),
            reverses_high=np.where(is_reversal, reverses.high, 0),
            outgoing=np.array([text == "out" for text in direction], np.bool_),
            opening=np.array([text == OPENING for text in txn_type], np.bool_),
            is_reversal=is_reversal,
            status=np.array([_STATUS.get(text, SETTLED) for text in status], np.int64),
            value_day=np.array(days, np.int64),
        )


def _fault_of_kind(source: str, value_date: str, day: int, direction: str, status: str) -> Fault | None:
    if source == "-":
        return "source_system", "required and missing"
    if len(source.encode()) > _BYTES_MAX:
        return "source_system", f"longer than {_BYTES_MAX} bytes: {source!r:.60}"
    if day == _NO_DAY:
        why = "required and missing" if value_date == "-" else f"not a date such as 2026-01-31: {value_date!r:.60}"
        return "value_date", why
    if direction not in {"in", "out"}:
        return "direction", "required and missing" if direction == "-" else f"not one of in, out: {direction!r:.60}"
    if status not in {*_STATUS, "-"}:
        return "status", f"not one of {', '.join(_STATUS)}: {status!r:.60}"
    return None


def _digest(texts: list[str]) -> Digest:
    return of_texts(texts) if len(texts) < _FEW else of_strings(pl.Series(texts, dtype=pl.String))


class _Checks:
    """The content checks of one batch: whatever passes is a fact the folds may count on."""

    def __init__(
        self,
        entries: list[_Entry],
        offset: NDArray[np.int64],
        appended_us: NDArray[np.int64],
        refusals: list[Refusal],
    ) -> None:
        self._entries, self._offset, self._appended_us, self._refusals = entries, offset, appended_us, refusals
        self._txn_id = [entry.txn_id for entry in entries]
        self._good = np.ones(len(offset), np.bool_)

    def batch(self, positions: _Positions, kinds: _Kinds) -> EntryBatch:
        place, kind = positions.codes(self._entries), kinds.codes(self._entries)
        self._refuse_known_faults(positions, place)
        self._refuse_known_faults(kinds, kind)
        self._refuse_bad_ids()
        amount = self._amounts(positions.facts["exponent"][place])
        event_us = self._instants()
        value_day = kinds.facts["value_day"][kind]
        ahead = event_us > self._appended_us + _EVENT_AHEAD_US
        self._refuse("event_time", ahead, "more than a day later than Kafka's clock when it took it")
        ahead = value_day > event_us // _MICROSECONDS_A_DAY + _VALUE_AHEAD_DAYS
        self._refuse("value_date", ahead, f"more than {_VALUE_AHEAD_DAYS} days after its event time")
        rows = np.flatnonzero(self._good)
        place, kind = place[rows], kind[rows]
        of_kind, of_place = kinds.facts, positions.facts
        source = Digest(of_kind["source_low"][kind], of_kind["source_high"][kind])
        return EntryBatch(
            self._offset[rows],
            self._appended_us[rows],
            event_us[rows],
            value_day[rows],
            amount[rows],
            of_kind["outgoing"][kind],
            of_kind["status"][kind],
            of_kind["opening"][kind],
            combine(source, _digest(self._txn_id).take(rows)),
            Digest(of_kind["reverses_low"][kind], of_kind["reverses_high"][kind]),
            of_kind["is_reversal"][kind],
            Digest(of_place["low"][place], of_place["high"][place]),
            _Keys(positions.named, place),
            _LazyTexts(self._txn_id, rows),
        )

    def _refuse_known_faults(self, known: _Remembered, code: NDArray[np.int64]) -> None:
        bad = ~known.facts["good"][code] & self._good
        for row in np.flatnonzero(bad).tolist():
            self._refusals.append(Refusal(int(self._offset[row]), *known.faults[int(code[row])]))
        self._good &= ~bad

    def _refuse_bad_ids(self) -> None:
        ids = self._txn_id
        if not all(ids) or "-" in ids:
            self._refuse("txn_id", np.array([text in {"", "-"} for text in ids], np.bool_), "required and missing")
        if max(map(len, ids), default=0) * 4 > _BYTES_MAX:
            long = np.array([len(text.encode()) > _BYTES_MAX for text in ids], np.bool_)
            self._refuse("txn_id", long, f"longer than {_BYTES_MAX} bytes")

    def _refuse(self, name: str, bad: NDArray[np.bool_], reason: str) -> None:
        """Refuse rows still good; a record gets one reason, that of the first check it fails."""
        bad = bad & self._good
        for row in np.flatnonzero(bad).tolist():
            got = getattr(self._entries[row], name)
            self._refusals.append(Refusal(int(self._offset[row]), name, f"{reason}: {got!r:.60}"))
        self._good &= ~bad

    def _amounts(self, exponents: NDArray[np.int64]) -> NDArray[np.int64]:
        decimals, digits, negative, shape = split_amounts([entry.amount for entry in self._entries])
        self._refuse("amount", negative, "negative: the direction says which way money goes")
        self._refuse("amount", ~shape, "not a decimal string such as 12.50")
        self._refuse("amount", decimals > exponents, "more decimals than its currency has")
        power = _POWERS[np.clip(exponents - decimals, 0, 4)]
        self._refuse("amount", digits > AMOUNT_MINOR_MAX // power, "above 10^16 minor units")
        amounts: NDArray[np.int64] = np.where(self._good, digits, 0) * power
        return amounts

    def _instants(self) -> NDArray[np.int64]:
        texts = [entry.event_time for entry in self._entries]
        instants, valid = parse_instants(texts if len(texts) < _FEW else pl.Series(texts, dtype=pl.String))
        self._refuse("event_time", ~valid, "not an instant in UTC such as 2026-01-31T09:30:00.5Z")
        return np.where(self._good, instants, 0)


class _LazyTexts(Sequence[str]):
    """Texts behind codes, looked up when asked: only alerts ask."""

    __slots__ = ("_code", "_texts")

    def __init__(self, texts: list[str], code: NDArray[np.int64]) -> None:
        self._texts, self._code = texts, code

    def __len__(self) -> int:
        return len(self._code)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return _LazyTexts(self._texts, self._code[row])
        return self._texts[int(self._code[row])]


class _Keys:
    """Position keys of rows, by code: only new positions ask."""

    __slots__ = ("_code", "_distinct")

    def __init__(self, distinct: list[tuple[str, ...]], code: NDArray[np.int64]) -> None:
        self._distinct, self._code = distinct, code

    def rows_from(self, start: int) -> "_Keys":
        return _Keys(self._distinct, self._code[start:])

    def many(self, rows: NDArray[np.int64]) -> list[tuple[str, ...]]:
        return [self._distinct[code] for code in self._code[rows].tolist()]


_NO_DAY = -(2**40)
_EPOCH = date(1970, 1, 1)


def _day_number(text: str) -> int:
    if not _DAY.fullmatch(text):
        return _NO_DAY
    try:
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError:
        return _NO_DAY


def split_amounts(
    texts: list[str],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each text: decimals, its digits as a number, whether it is a negative amount, whether it is an amount."""
    if len(texts) >= _FEW:
        return _split_many(texts)
    found = [_AMOUNT_PARTS.fullmatch(text) for text in texts]
    shape = np.array([part is not None and not part[1] for part in found], np.bool_)
    negative = np.array([part is not None and bool(part[1]) for part in found], np.bool_)
    decimals = np.array([len(part[3] or "") if part else 0 for part in found], np.int64)
    numbers = [min(int(part[2] + (part[3] or "")), _TOO_LARGE) if part else _TOO_LARGE for part in found]
    return decimals, np.array(numbers, np.int64), negative, shape


def _split_many(
    texts: list[str],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    text = pl.col("text")
    parsed = pl.DataFrame({"text": texts}, schema={"text": pl.String}).select(
        shape=text.str.contains(_AMOUNT),
        negative=text.str.contains(r"^-[0-9]{1,16}(\.[0-9]{1,4})?$"),
        point=text.str.find(".", literal=True),
        length=text.str.len_bytes(),
        digits=text.str.replace(".", "", literal=True).cast(pl.Int64, strict=False).fill_null(_TOO_LARGE),
    )
    decimals = (parsed["length"].cast(pl.Int64) - parsed["point"].cast(pl.Int64) - 1).fill_null(0)
    columns = (decimals, parsed["digits"], parsed["negative"], parsed["shape"])
    decimal, digits, negative, shape = (column.to_numpy() for column in columns)
    return decimal, digits, negative, shape


def parse_instants(texts: pl.Series | list[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Microseconds since the epoch of `YYYY-MM-DDTHH:MM:SS[.f{1,9}]Z`, and which texts have that form.

    Digits beyond microseconds are cut. A leap second (:60) has no place in our clock and is refused.
    """
    if isinstance(texts, list):
        # Longer than any instant is as good as too long; so is what ASCII cannot say.
        encoded = [text.encode()[: _INSTANT_BYTES_MAX + 1] if text.isascii() else b"" for text in texts]
        lengths = np.array([len(letters) for letters in encoded], np.int64)
    else:
        lengths = texts.str.len_bytes().to_numpy().astype(np.int64)
    valid = (lengths >= 20) & (lengths <= _INSTANT_BYTES_MAX) & (lengths != 21)
    # A row for each place, so that every step below runs over neighbouring bytes.
    if isinstance(texts, list):
        joined = b"".join([letters[:_INSTANT_BYTES_MAX].ljust(_INSTANT_BYTES_MAX) for letters in encoded])
        rows_of_letters = np.frombuffer(joined, np.uint8).reshape(len(texts), _INSTANT_BYTES_MAX)
    else:
        rows_of_letters = _letters(texts, lengths, valid)
    letters = np.ascontiguousarray(rows_of_letters.T)
    for at, letter in ((4, b"-"), (7, b"-"), (10, b"T"), (13, b":"), (16, b":")):
        valid &= letters[at] == letter[0]
    digit = letters - np.uint8(48)  # below 0 wraps to above 9
    for at in _DIGITS:
        valid &= digit[at] <= 9
    micro = np.zeros(len(texts), np.int32)
    ends = np.array([20]) if (lengths == 20).all() else np.unique(lengths[valid])
    for length in ends.tolist():  # a producer writes all of its instants at one length
        rows = slice(None) if len(ends) == 1 else np.flatnonzero(lengths == length)
        good = letters[length - 1, rows] == ord("Z")
        if length > 20:
            good &= letters[19, rows] == ord(".")
        part = np.zeros(len(micro[rows]), np.int32)
        for at in range(20, length - 1):
            good &= digit[at, rows] <= 9
            if at < 26:
                part += digit[at, rows] * np.int32(10 ** (25 - at))
        micro[rows] = part
        valid[rows] &= good
    two = digit[:-1] * np.uint8(10) + digit[1:]  # two neighbouring digits as a number, wherever they are digits
    year = two[0].astype(np.int32) * 100 + two[2]
    month, day, hour, minute, second = (two[at] for at in (5, 8, 11, 14, 17))
    valid &= (year >= 1900) & (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    month_start = np.where(valid, (year - 1970) * 12 + month - 1, 0)
    first = _MONTH_STARTS[month_start - _MONTHS_FROM]
    valid &= day <= _MONTH_STARTS[month_start - _MONTHS_FROM + 1] - first
    seconds = (hour.astype(np.int32) * 60 + minute) * 60 + second
    instants = (first + day - 1) * _MICROSECONDS_A_DAY + seconds * np.int64(1_000_000) + micro
    return np.where(valid, instants, 0), valid


def _letters(texts: pl.Series, lengths: NDArray[np.int64], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The texts as bytes, a row each; rows of texts that are not valid are, or become, meaningless."""
    count, width = len(texts), _INSTANT_BYTES_MAX
    length = int(lengths[0]) if count else 0
    if valid.all() and (lengths == length).all():
        same = np.frombuffer(texts.str.join("").item().encode(), np.uint8).reshape(count, length)
        return np.pad(same, ((0, 0), (0, width - length)))
    shown = texts.set(pl.Series(~valid), "")
    joined = shown.str.pad_end(width, " ").str.join("").item().encode()
    if len(joined) != count * width:
        ascii_only = np.array([text.isascii() for text in shown.to_list()])
        valid &= ascii_only
        joined = shown.set(pl.Series(~ascii_only), "").str.pad_end(width, " ").str.join("").item().encode()
    return np.frombuffer(joined, np.uint8).reshape(count, width)


_INSTANT_BYTES_MAX = 30
_MONTHS_FROM, _MONTHS_TO = (1900 - 1970) * 12, (10_000 - 1970) * 12
_MONTH_STARTS = (
    np.arange(_MONTHS_FROM, _MONTHS_TO + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
)
_DIGITS = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
