"""Raw values of `tm.in.core.txn.v1` to columns: the hot path's decoder, and the one that knows why.

Two decoders, one meaning (decision S9; a property test holds them equal). Whole batches are parsed by polars;
what it refuses is halved until the records that broke it stand alone, and those are read one by one. Values that
are empty, hold a raw newline or any escape are read one by one from the start, since there the two differ. Both
give the same text columns; every check of content comes after, once, on columns.

Text columns are categorical because polars then refuses a JSON number where text is due, instead of writing the
number out; their codes live inside one batch (decision S1). Where a key is written twice, the first counts.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engines.primitives.money import AMOUNT_MINOR_MAX, EXPONENT_BY_CURRENCY
from projections.digests import Digest, combine, of_integers, of_strings, of_texts
from projections.entry_batch import PENDING, REJECTED, SETTLED, EntryBatch, Refusal
from streams.schemas import OPENING

_TEXT = (
    "txn_id",
    "source_system",
    "event_time",
    "value_date",
    "entity_id",
    "account_id",
    "ccy",
    "direction",
    "amount",
    "customer_id",
    "org_id",
    "line_id",
    "product_id",
    "customer_class",
    "txn_type",
    "status",
    "reversal_of",
)
_REQUIRED = _TEXT[:9]
_POSITION = (
    "entity_id",
    "org_id",
    "line_id",
    "product_id",
    "ccy",
    "customer_id",
    "account_id",
    "customer_class",
)
_BYTES_MAX = 128  # of an id or a dimension
_STATUS = {"pending": PENDING, "settled": SETTLED, "rejected": REJECTED}
_AMOUNT = r"^[0-9]{1,16}(\.[0-9]{1,4})?$"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EVENT_AHEAD_US = 86_400_000_000  # an event cannot be a day later than Kafka's own clock when it took the record
_VALUE_AHEAD_DAYS = 370
_MICROSECONDS_A_DAY = 86_400_000_000
_POWERS = np.array([1, 10, 100, 1_000, 10_000], np.int64)


@dataclass(slots=True)
class RawBatch:
    """Records of one partition as fetched: the range they cover, and for each its offset and Kafka's time."""

    from_offset: int
    to_offset: int
    offsets: NDArray[np.int64]
    values: list[bytes | None]
    appended_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def size_bytes(self) -> int:
        return sum(len(value) for value in self.values if value)


@dataclass(slots=True)
class Decoded:
    """The good entries as columns, and a reason for each of the others."""

    batch: EntryBatch
    refusals: list[Refusal] = field(default_factory=list)


def decode(raw: RawBatch) -> Decoded:
    """Every record becomes a row or a refusal; none is lost."""
    categories = {name: pl.Categorical(pl.Categories.random()) for name in _TEXT}
    schema: dict[str, Any] = {**categories, "intragroup": pl.Boolean}
    refusals: list[Refusal] = []
    rows, frame = _frame(raw, schema, refusals, frozenset())
    columns = _Columns(frame, raw.offsets[rows], raw.appended_us[rows])
    leaked = {row for row in rows[columns.multiline()].tolist() if b"\\" not in (raw.values[row] or b"")}
    if leaked:
        # polars writes a number beyond 64 bits out as text after all, as `Static(\n U128(…`. No honest text
        # holds a newline here: one that comes from an escape was read one by one.
        refusals = []
        rows, frame = _frame(raw, schema, refusals, frozenset(leaked))
        columns = _Columns(frame, raw.offsets[rows], raw.appended_us[rows])
    batch = columns.checked(refusals)
    refusals.sort(key=lambda refusal: refusal.offset)
    return Decoded(batch, refusals)


# -- JSON to text columns --------------------------------------------------------------------------------------


def _frame(
    raw: RawBatch, schema: dict[str, Any], refusals: list[Refusal], leaked: frozenset[int]
) -> tuple[NDArray[np.int64], pl.DataFrame]:
    """Rows of `raw` that could be read, in order, and their text columns."""
    values = raw.values
    frame = None if leaked else _parse_whole(values, schema)
    if frame is not None:
        return np.arange(len(values)), frame
    alone = [
        row for row, value in enumerate(values) if not value or b"\\" in value or b"\n" in value or row in leaked
    ]
    apart = set(alone)
    together = [row for row in range(len(values)) if row not in apart]
    parts: list[tuple[list[int], pl.DataFrame]] = []
    _parse_halving(values, together, schema, parts, alone)
    read = [(row, texts) for row in alone if (texts := _read_alone(raw, row, refusals)) is not None]
    if read:
        parts.append(([row for row, _ in read], _frame_of([texts for _, texts in read], schema)))
    if not parts:
        return np.zeros(0, np.int64), pl.DataFrame(schema=schema)
    if len(parts) == 1 and not read:
        return np.array(parts[0][0], np.int64), parts[0][1]
    rows = np.concatenate([np.array(part, np.int64) for part, _ in parts])
    order = np.argsort(rows)
    return rows[order], pl.concat([frame for _, frame in parts])[order]


def _parse_whole(values: list[bytes | None], schema: dict[str, Any]) -> pl.DataFrame | None:
    """All values in one go, which is nearly always possible; None where some must be looked at apart."""
    if not values or not all(values):
        return None
    joined = b"\n".join(values)  # type: ignore[arg-type]  # none is None
    if b"\\" in joined or joined.count(b"\n") != len(values) - 1:
        return None
    return _parse(joined, len(values), schema)


def _parse(joined: bytes, count: int, schema: dict[str, Any]) -> pl.DataFrame | None:
    try:
        frame = pl.read_ndjson(joined, schema=schema)
    except pl.exceptions.PolarsError:
        return None
    return frame if len(frame) == count else None


def _parse_halving(
    values: Sequence[bytes | None],
    rows: list[int],
    schema: dict[str, Any],
    parts: list[tuple[list[int], pl.DataFrame]],
    alone: list[int],
) -> None:
    if not rows:
        return
    frame = _parse(b"\n".join([values[row] or b"" for row in rows]), len(rows), schema)
    if frame is not None:
        parts.append((rows, frame))
    elif len(rows) <= 4:
        alone += rows
    else:
        middle = len(rows) // 2
        _parse_halving(values, rows[:middle], schema, parts, alone)
        _parse_halving(values, rows[middle:], schema, parts, alone)


def _first_counts(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(reversed(pairs))


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _read_alone(raw: RawBatch, row: int, refusals: list[Refusal]) -> dict[str, Any] | None:
    """One record's texts, or None with the reason added to the refusals."""
    offset, value = int(raw.offsets[row]), raw.values[row]

    def refuse(field_name: str, reason: str) -> dict[str, Any] | None:
        refusals.append(Refusal(offset, field_name, reason))
        return None

    if value is None:
        return refuse("", "the record has no value (a tombstone)")
    if not value.strip(b" \t\r\n"):
        return refuse("", "the record is empty")
    try:
        record = json.loads(value.decode(), object_pairs_hook=_first_counts, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        return refuse("", f"not UTF-8 at byte {error.start}")
    except (ValueError, RecursionError) as error:
        return refuse("", f"not JSON: {error}")
    if not isinstance(record, dict):
        return refuse("", f"a JSON {type(record).__name__} where an object is due")
    texts: dict[str, Any] = {}
    for name in _TEXT:
        text = record.get(name)
        if text is not None and not isinstance(text, str):
            return refuse(name, f"want text, got {type(text).__name__} {str(text)[:40]}")
        if text is not None and ("\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text)):
            return refuse(name, "holds a character that is no text")
        texts[name] = text
    flag = record.get("intragroup")
    if flag is not None and not isinstance(flag, bool):
        return refuse("intragroup", f"want true or false, got {str(flag)[:40]}")
    return {**texts, "intragroup": flag}


def _frame_of(rows: list[dict[str, Any]], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        {name: pl.Series(name, [row[name] for row in rows], dtype=kind) for name, kind in schema.items()}
    )


# -- text columns to checked columns ---------------------------------------------------------------------------


_NONE = pl.Series(["-"], dtype=pl.String)
#: Below this many rows a call into polars costs more than the rows do, and Python's own lists and dicts are used.
_FEW_ROWS = 4_000


class _Coded:
    """A text column as codes into its distinct texts; a missing or empty text has the last code, `-`."""

    __slots__ = ("code", "texts")

    def __init__(self, texts: pl.Series | list[str], code: NDArray[np.int64]) -> None:
        self.texts, self.code = texts, code

    @classmethod
    def of_few(cls, texts: list[str | None]) -> "_Coded":
        known: dict[str, int] = {}
        code = np.array([known.setdefault(text, len(known)) if text else -1 for text in texts], np.int64)
        code[code < 0] = len(known)
        return cls([*known, "-"], code)

    @classmethod
    def of_column(cls, column: pl.Series) -> "_Coded":
        physical = column.to_physical()
        nulls = physical.null_count()
        count = int(physical.max() or 0) + 1 if nulls < len(physical) else 0  # type: ignore[arg-type]
        code = (physical.fill_null(count) if nulls else physical).to_numpy().astype(np.int64)
        if count * 2 > len(code):  # hardly any comes twice: finding the distinct ones costs more than it saves
            each = column.cast(pl.String).fill_null("")
            missing = (each == "").to_numpy()
            return cls(pl.concat([each, _NONE], rechunk=True), np.where(missing, len(code), np.arange(len(code))))
        # A code's text is that of any row with the code; a code without rows was a record set aside.
        some_row = np.full(count + 1, -1, np.int64)
        some_row[code] = np.arange(len(code))
        known = np.flatnonzero(some_row[:count] >= 0)
        texts = column.gather(some_row[known]).cast(pl.String)
        dense = np.full(count + 1, len(known), np.int64)
        dense[known] = np.arange(len(known))
        blank = (texts == "").to_numpy()
        if blank.any():  # an empty dimension is `-`, however it is written
            dense[known[blank]] = len(known)
        return cls(pl.concat([texts, _NONE], rechunk=True), dense[code])

    @property
    def series(self) -> pl.Series:
        return pl.Series(self.texts, dtype=pl.String) if isinstance(self.texts, list) else self.texts

    @property
    def missing(self) -> NDArray[np.bool_]:
        none: NDArray[np.bool_] = self.code == len(self.texts) - 1
        return none

    def equals(self, wanted: str) -> NDArray[np.bool_]:
        """Which rows say `wanted`."""
        texts = self.texts
        same = [text == wanted for text in texts] if isinstance(texts, list) else (texts == wanted).to_numpy()
        rows: NDArray[np.bool_] = np.asarray(same, np.bool_)[self.code]
        return rows

    def longer_than(self, bytes_max: int) -> NDArray[np.bool_]:
        """Which distinct texts are."""
        if isinstance(self.texts, list):
            return np.array([len(text) * 4 > bytes_max and len(text.encode()) > bytes_max for text in self.texts])
        long: NDArray[np.bool_] = self.texts.str.len_bytes().to_numpy() > bytes_max
        return long

    def chosen(self, rows: NDArray[np.int64]) -> list[str]:
        if isinstance(self.texts, list):
            return [self.texts[code] for code in self.code[rows].tolist()]
        return self.texts.gather(self.code[rows]).to_list()


def _digests(columns: dict[str, _Coded]) -> dict[str, Digest]:
    """The digest of each row's text, by column; few texts are digested all together."""
    if not all(isinstance(column.texts, list) for column in columns.values()):
        return {name: of_strings(column.series).take(column.code) for name, column in columns.items()}
    together = of_texts([text for column in columns.values() for text in column.texts])
    found, start = {}, 0
    for name, column in columns.items():
        found[name] = together.take(column.code + start)
        start += len(column.texts)
    return found


class _Columns:
    """The content checks: whatever passes is a fact the folds may count on."""

    def __init__(self, frame: pl.DataFrame, offset: NDArray[np.int64], appended_us: NDArray[np.int64]) -> None:
        self.offset, self.appended_us = offset, appended_us
        if len(frame) < _FEW_ROWS:
            texts = frame.select(pl.col(_TEXT).cast(pl.String)).to_dict(as_series=False)
            self.text = {name: _Coded.of_few(texts[name]) for name in _TEXT}
        else:
            self.text = {name: _Coded.of_column(frame[name]) for name in _TEXT}
        self.intragroup = frame["intragroup"].fill_null(value=False).to_numpy()
        self.good = np.ones(len(offset), np.bool_)

    def multiline(self) -> NDArray[np.bool_]:
        """Which rows have a newline in some text."""
        rows = np.zeros(len(self.offset), np.bool_)
        columns = list(self.text.values())
        lists = [column.texts for column in columns if isinstance(column.texts, list)]
        series = [column.texts for column in columns if isinstance(column.texts, pl.Series)]
        if any("\n" in text for texts in lists for text in texts) or (
            series and pl.concat(series).str.contains("\n", literal=True).any()
        ):
            for column in columns:
                rows |= column.series.str.contains("\n", literal=True).to_numpy()[column.code]
        return rows

    def checked(self, refusals: list[Refusal]) -> EntryBatch:
        self._refuse_missing(refusals)
        status = self._choice("status", _STATUS | {"-": SETTLED}, refusals)
        outgoing = self._choice("direction", {"in": 0, "out": 1}, refusals) == 1
        exponents = self._choice("ccy", EXPONENT_BY_CURRENCY, refusals)
        amount = self._amounts(exponents, refusals)
        value_day = self._days("value_date", refusals)
        event_us = self._instants(refusals)
        ahead = event_us > self.appended_us + _EVENT_AHEAD_US
        self._refuse("event_time", ahead, "more than a day later than Kafka's clock when it took it", refusals)
        ahead = value_day > event_us // _MICROSECONDS_A_DAY + _VALUE_AHEAD_DAYS
        self._refuse("value_date", ahead, f"more than {_VALUE_AHEAD_DAYS} days after its event time", refusals)
        return self._batch(self.good, status, outgoing, amount, value_day, event_us)

    def _batch(
        self,
        good: NDArray[np.bool_],
        status: NDArray[np.int64],
        outgoing: NDArray[np.bool_],
        amount: NDArray[np.int64],
        value_day: NDArray[np.int64],
        event_us: NDArray[np.int64],
    ) -> EntryBatch:
        whole = bool(good.all())
        rows = np.arange(len(good)) if whole else np.flatnonzero(good)
        text, flag = self.text, self.intragroup[rows]
        reversal = text["reversal_of"]
        is_reversal = (~reversal.missing & ~reversal.equals("-"))[rows]
        named = {"source_system", "txn_id", *_POSITION, *(["reversal_of"] if is_reversal.any() else [])}
        digests = _digests({name: text[name] for name in _TEXT if name in named})
        source = combine(digests["entity_id"], digests["source_system"])
        identity = combine(source, digests["txn_id"]).take(rows)
        reverses = combine(source, digests["reversal_of"]).take(rows) if is_reversal.any() else identity
        position = combine(
            *(digests[name] for name in _POSITION), of_integers(self.intragroup.astype(np.int64))
        ).take(rows)
        ids = text["txn_id"]
        return EntryBatch(
            self.offset[rows],
            self.appended_us[rows],
            event_us[rows],
            value_day[rows],
            amount[rows],
            outgoing[rows],
            status[rows],
            text["txn_type"].equals(OPENING)[rows],
            identity,
            Digest(np.where(is_reversal, reverses.low, 0), np.where(is_reversal, reverses.high, 0)),
            is_reversal,
            position,
            _LazyKeys([text[name] for name in _POSITION], rows, flag),
            _LazyTexts(ids.texts, ids.code[rows]),
        )

    def _refuse(self, name: str, bad: NDArray[np.bool_], reason: str, refusals: list[Refusal]) -> None:
        """Refuse rows still good; a record gets one reason, that of the first check it fails."""
        bad = bad & self.good
        if bad.any():
            shown = self.text[name]
            for row in np.flatnonzero(bad).tolist():
                got = shown.texts[int(shown.code[row])]
                refusals.append(Refusal(int(self.offset[row]), name, f"{reason}: {got!r:.60}"))
            self.good &= ~bad

    def _refuse_missing(self, refusals: list[Refusal]) -> None:
        for name in _REQUIRED:
            self._refuse(name, self.text[name].missing, "required and missing", refusals)
        for name in ("txn_id", "source_system", "reversal_of", *_POSITION):
            column = self.text[name]
            too_long = column.longer_than(_BYTES_MAX)
            if too_long.any():
                self._refuse(name, too_long[column.code], f"longer than {_BYTES_MAX} bytes", refusals)

    def _choice(self, name: str, choices: Any, refusals: list[Refusal]) -> NDArray[np.int64]:
        column = self.text[name]
        known = np.array([choices.get(text, -1) for text in column.texts], np.int64)
        values: NDArray[np.int64] = known[column.code]
        reason = "not an ISO 4217 currency" if name == "ccy" else f"not one of {', '.join(sorted(choices))}"
        self._refuse(name, values < 0, reason, refusals)
        return values

    def _amounts(self, exponents: NDArray[np.int64], refusals: list[Refusal]) -> NDArray[np.int64]:
        column = self.text["amount"]
        parsed = pl.DataFrame({"text": column.series}).select(
            shape=pl.col("text").str.contains(_AMOUNT),
            negative=pl.col("text").str.contains(r"^-[0-9]{1,16}(\.[0-9]{1,4})?$"),
            point=pl.col("text").str.find(".", literal=True),
            length=pl.col("text").str.len_bytes(),
            digits=pl.col("text").str.replace(".", "", literal=True).cast(pl.Int64, strict=False).fill_null(2**62),
        )
        decimals = (parsed["length"].cast(pl.Int64) - parsed["point"].cast(pl.Int64) - 1).fill_null(0).to_numpy()
        negative, shape = parsed["negative"].to_numpy()[column.code], parsed["shape"].to_numpy()[column.code]
        self._refuse("amount", negative, "negative: the direction says which way money goes", refusals)
        self._refuse("amount", ~shape, "not a decimal string such as 12.50", refusals)
        decimals, digits = decimals[column.code], parsed["digits"].to_numpy()[column.code]
        self._refuse("amount", decimals > exponents, "more decimals than its currency has", refusals)
        power = _POWERS[np.clip(exponents - decimals, 0, 4)]
        self._refuse("amount", digits > AMOUNT_MINOR_MAX // power, "above 10^16 minor units", refusals)
        amounts: NDArray[np.int64] = np.where(self.good, digits, 0) * power
        return amounts

    def _days(self, name: str, refusals: list[Refusal]) -> NDArray[np.int64]:
        column = self.text[name]
        days = np.array([_day_number(text) for text in column.texts], np.int64)[column.code]
        self._refuse(name, days == _NO_DAY, "not a date such as 2026-01-31", refusals)
        return np.where(self.good, days, 0)

    def _instants(self, refusals: list[Refusal]) -> NDArray[np.int64]:
        column = self.text["event_time"]
        instants, valid = parse_instants(column.texts)
        self._refuse(
            "event_time",
            ~valid[column.code],
            "not an instant in UTC such as 2026-01-31T09:30:00.5Z",
            refusals,
        )
        return np.where(self.good, instants[column.code], 0)


class _LazyTexts(Sequence[str]):
    """Texts behind codes, looked up when asked: only alerts ask."""

    __slots__ = ("_code", "_texts")

    def __init__(self, texts: pl.Series | list[str], code: NDArray[np.int64]) -> None:
        self._texts, self._code = texts, code

    def __len__(self) -> int:
        return len(self._code)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return _LazyTexts(self._texts, self._code[row])
        return self._texts[int(self._code[row])]


class _LazyKeys:
    """Position keys of rows, put together when asked: only new positions ask."""

    __slots__ = ("_columns", "_flag", "_rows")

    def __init__(self, columns: list[_Coded], rows: NDArray[np.int64], flag: NDArray[np.bool_]) -> None:
        self._columns, self._rows, self._flag = columns, rows, flag

    def rows_from(self, start: int) -> "_LazyKeys":
        return _LazyKeys(self._columns, self._rows[start:], self._flag[start:])

    def many(self, rows: NDArray[np.int64]) -> list[tuple[str, ...]]:
        at = self._rows[rows]
        texts = [column.chosen(at) for column in self._columns]
        flags = ["true" if flag else "false" for flag in self._flag[rows].tolist()]
        entity, organisation, line, product, currency, customer, account, customer_class = texts
        keys = (entity, organisation, line, product, currency, customer, account, customer_class, flags)
        return list(zip(*keys, strict=True))


_NO_DAY = -(2**40)
_EPOCH = date(1970, 1, 1)


def _day_number(text: str) -> int:
    if not _DAY.fullmatch(text):
        return _NO_DAY
    try:
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError:
        return _NO_DAY


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
