"""Entries of the common shape straight from bytes to columns, by compiled code (ADR 0008).

One pass over the letters of each record, without an object and without the interpreter's lock. A record is either
read exactly as `streams/entry_care.py` reads it or left to that: escapes, nested values, numbers where text is due
and anything wrong at all are not for this file. A property test holds the two together.

numba wants plain loops and integers of one width; that is why this reads like C.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.primitives.compiled import compiled
from engines.primitives.money import AMOUNT_MINOR_MAX, EXPONENT_BY_CURRENCY
from projections import digests
from projections.digests import Digest
from projections.entry_batch import PENDING, REJECTED, SETTLED
from streams import entry_care
from streams.raw_batch import RawBatch
from streams.schemas import OPENING

LEFT, READ, READ_IF_UTF8 = 0, 1, 2  # verdicts


class Scanned(NamedTuple):
    """Columns over all records of a batch; rows whose verdict is LEFT mean nothing."""

    verdict: NDArray[np.uint8]
    event_us: NDArray[np.int64]
    value_day: NDArray[np.int64]
    amount_minor: NDArray[np.int64]
    outgoing: NDArray[np.bool_]
    status: NDArray[np.int64]
    opening: NDArray[np.bool_]
    identity: Digest
    is_reversal: NDArray[np.bool_]
    reverses: Digest
    position: Digest


def scan(raw: RawBatch) -> Scanned:
    """Every record of a batch, read or left."""
    count = len(raw)
    lanes = np.zeros((6, count), np.uint64)
    numbers = np.zeros((4, count), np.int64)
    flags = np.zeros((3, count), np.bool_)
    verdict = np.zeros(count, np.uint8)
    _scan(raw.letters, raw.starts, raw.lengths, raw.appended_us, verdict, numbers, flags, lanes)
    if (verdict == READ_IF_UTF8).any():
        _leave_what_is_not_utf8(raw, verdict)
    return Scanned(
        verdict,
        numbers[0],
        numbers[1],
        numbers[2],
        flags[0],
        numbers[3],
        flags[1],
        Digest(lanes[0], lanes[1]),
        flags[2],
        Digest(lanes[2], lanes[3]),
        Digest(lanes[4], lanes[5]),
    )


def _leave_what_is_not_utf8(raw: RawBatch, verdict: NDArray[np.uint8]) -> None:
    for row in np.flatnonzero(verdict == READ_IF_UTF8).tolist():
        try:
            (raw.value(row) or b"").decode()
        except UnicodeDecodeError:
            verdict[row] = LEFT


# -- what compiled code knows ------------------------------------------------------------------------------------

_NAMES = entry_care.EntryTexts.__struct_fields__
_FIELDS = len(_NAMES)
_REQUIRED = len(entry_care.REQUIRED)  # the first ones
_TXN_ID, _SOURCE, _EVENT_TIME, _VALUE_DATE, _ENTITY, _ACCOUNT, _CCY, _DIRECTION, _AMOUNT = range(9)
_TXN_TYPE, _STATUS, _REVERSAL_OF, _INTRAGROUP = (
    _NAMES.index(name) for name in ("txn_type", "status", "reversal_of", "intragroup")
)
_POSITION = np.array([_NAMES.index(name) for name in entry_care.POSITION], np.int64)
_UNBOUNDED = (
    _TXN_TYPE,
    _STATUS,
    *(_NAMES.index(name) for name in ("event_time", "value_date", "direction", "amount")),
)
_BYTES_MAX = entry_care.BYTES_MAX
_SEPARATOR = np.uint8(ord(entry_care.SEPARATOR))
_KEY_BYTES_MAX = (len(entry_care.POSITION) + 1) * (_BYTES_MAX + 1)
_NO_FIELD = -1

_NAME_LETTERS = np.frombuffer("".join(_NAMES).encode(), np.uint8).copy()
_NAME_ENDS = np.cumsum([len(name) for name in _NAMES])
_NAME_STARTS = _NAME_ENDS - np.array([len(name) for name in _NAMES])


def _table_of_names() -> tuple[int, int, NDArray[np.int64]]:
    """Two factors, and a table in which each name has a place of its own by its length, first and last letter."""
    for first in range(1, 200):
        for last in range(1, 200):
            places = [(len(name) + ord(name[0]) * first + ord(name[-1]) * last) % 64 for name in _NAMES]
            if len(set(places)) == len(places):
                table = np.full(64, _NO_FIELD, np.int64)
                table[places] = np.arange(len(places))
                return first, last, table
    raise AssertionError("no two factors tell the names apart: look at another letter as well")


_BY_FIRST, _BY_LAST, _NAME_AT = _table_of_names()


def _letters_of(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8).copy()


_PENDING_TEXT, _SETTLED_TEXT, _REJECTED_TEXT = (_letters_of(text) for text in entry_care.STATUS)
_OPENING_TEXT, _IN_TEXT, _OUT_TEXT = _letters_of(OPENING), _letters_of("in"), _letters_of("out")
_NULL, _TRUE, _FALSE = _letters_of("null"), _letters_of("true"), _letters_of("false")

_EXPONENTS = np.full(26**3, -1, np.int8)
for _code, _places in EXPONENT_BY_CURRENCY.items():
    _a, _b, _c = (ord(letter) - 65 for letter in _code)
    _EXPONENTS[(_a * 26 + _b) * 26 + _c] = _places

_POWERS = np.array([1, 10, 100, 1_000, 10_000], np.int64)
_AMOUNT_MAX = AMOUNT_MINOR_MAX
_DIGITS_MAX = 18  # of an amount: more could pass an int64, and above 10^16 minor units it is refused anyway
_MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_EVENT_AHEAD_US, _VALUE_AHEAD_DAYS = entry_care.EVENT_AHEAD_US, entry_care.VALUE_AHEAD_DAYS
_DAY_US = entry_care.MICROSECONDS_A_DAY
_NONE = -(2**62)
_PENDING, _SETTLED, _REJECTED = PENDING, SETTLED, REJECTED
_FIRST_LOW, _FIRST_HIGH = digests.FIRST
_FACTOR_LOW, _FACTOR_HIGH = digests.FACTOR
_SHIFT = np.uint64(32)

_QUOTE, _BACKSLASH, _COLON, _COMMA, _OPEN, _CLOSE = (np.uint8(ord(letter)) for letter in '"\\:,{}')
_MINUS, _POINT, _ZERO, _NINE = (np.uint8(ord(letter)) for letter in "-.09")


#: An index that is known not to be negative: compiled code need not ask each time whether to count from the end.
_at: Any = np.uint64
#: A letter or a table's number as the integer that sums are made of.
_signed: Any = np.int64


@compiled
def _after_blanks(letters: NDArray[np.uint8], at: int, end: int) -> int:
    while at < end and (
        letters[_at(at)] == 32 or letters[_at(at)] == 10 or letters[_at(at)] == 13 or letters[_at(at)] == 9
    ):
        at += 1
    return at


@compiled
def _word(letters: NDArray[np.uint8], at: int) -> np.uint64:
    """Eight letters from `at` on as one number, the first lowest; LLVM makes one load of it."""
    return (
        np.uint64(letters[_at(at)])
        | np.uint64(letters[_at(at + 1)]) << np.uint64(8)
        | np.uint64(letters[_at(at + 2)]) << np.uint64(16)
        | np.uint64(letters[_at(at + 3)]) << np.uint64(24)
        | np.uint64(letters[_at(at + 4)]) << np.uint64(32)
        | np.uint64(letters[_at(at + 5)]) << np.uint64(40)
        | np.uint64(letters[_at(at + 6)]) << np.uint64(48)
        | np.uint64(letters[_at(at + 7)]) << np.uint64(56)
    )


_ONES, _HIGHS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_QUOTES, _BACKSLASHES, _BLANKS = (np.uint64(letter) * _ONES for letter in (ord('"'), ord("\\"), 0x20))


@compiled
def _string_end(letters: NDArray[np.uint8], at: int, end: int) -> tuple[int, bool]:
    """Place of the closing quote (-1: none, or letters that need care), and whether all letters are ASCII.

    Eight letters at a time: `(x - 0x01..) & ~x & 0x80..` marks the bytes of x that are 0, and what it may mark
    wrongly lies above the first one (H. S. Warren, Hacker's Delight, 6-1).
    """
    high = np.uint64(0)
    while at + 8 <= end:
        word = _word(letters, at)
        quote, backslash = word ^ _QUOTES, word ^ _BACKSLASHES
        stops = (quote - _ONES) & ~quote | (backslash - _ONES) & ~backslash | (word - _BLANKS) & ~word
        stops &= _HIGHS
        if stops != np.uint64(0):
            below = (stops & (~stops + np.uint64(1))) - np.uint64(1)
            at += _signed(((below & _ONES) * _ONES) >> np.uint64(56)) - 1
            high |= word & below
            return (at if letters[_at(at)] == _QUOTE else -1), high & _HIGHS == np.uint64(0)
        high |= word
        at += 8
    while at < end:
        letter = letters[_at(at)]
        if letter == _QUOTE:
            return at, high & _HIGHS == np.uint64(0)
        if letter == _BACKSLASH or letter < 0x20:
            return -1, False
        high |= np.uint64(letter)
        at += 1
    return -1, False


@compiled
def _is_here(letters: NDArray[np.uint8], at: int, end: int, text: NDArray[np.uint8]) -> bool:
    """Whether `text` stands at `at`, and not beyond `end`."""
    if at + len(text) > end:
        return False
    for place in range(len(text)):
        if letters[_at(at + place)] != text[_at(place)]:
            return False
    return True


@compiled
def _field_named(letters: NDArray[np.uint8], start: int, length: int) -> int:
    """The field whose name these letters are; _NO_FIELD for a name that is none of ours."""
    if length == 0:
        return _NO_FIELD
    by_ends = _signed(letters[_at(start)]) * _BY_FIRST + _signed(letters[_at(start + length - 1)]) * _BY_LAST
    field: int = _NAME_AT[_at((length + by_ends) % 64)]
    if field == _NO_FIELD or _NAME_ENDS[_at(field)] - _NAME_STARTS[_at(field)] != length:
        return _NO_FIELD
    first = _NAME_STARTS[_at(field)]
    for place in range(length):
        if letters[_at(start + place)] != _NAME_LETTERS[_at(first + place)]:
            return _NO_FIELD
    return field


@compiled
def _digits_end(letters: NDArray[np.uint8], at: int, end: int) -> int:
    while at < end and _ZERO <= letters[_at(at)] <= _NINE:
        at += 1
    return at


@compiled
def _number_end(letters: NDArray[np.uint8], at: int, end: int) -> int:
    """Place behind a JSON number without exponent; -1 for any other."""
    if at < end and letters[_at(at)] == _MINUS:
        at += 1
    behind = _digits_end(letters, at, end)
    if behind == at or (letters[_at(at)] == _ZERO and behind > at + 1):
        return -1
    if behind < end and letters[_at(behind)] == _POINT:
        first = behind + 1
        behind = _digits_end(letters, first, end)
        if behind == first:
            return -1
    if behind < end and (letters[_at(behind)] == 69 or letters[_at(behind)] == 101):
        return -1
    return behind


@compiled
def _fields(
    letters: NDArray[np.uint8],
    at: int,
    end: int,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> int:
    """Where each field's text lies; `starts` is -1 where a field says nothing, 1 or 0 for `intragroup`.

    Absent, null, empty and a dash all say nothing.
    """
    starts[:] = -1
    ascii_only = True
    at = _after_blanks(letters, at, end)
    if at >= end or letters[_at(at)] != _OPEN:
        return LEFT
    at = _after_blanks(letters, at + 1, end)
    while True:
        if at >= end or letters[_at(at)] != _QUOTE:
            return LEFT
        first = at + 1
        at, plain = _string_end(letters, first, end)
        if at < 0 or not plain:
            return LEFT
        length = at - first
        field = _field_named(letters, first, length)
        at = _after_blanks(letters, at + 1, end)
        if at >= end or letters[_at(at)] != _COLON:
            return LEFT
        at = _after_blanks(letters, at + 1, end)
        if at >= end:
            return LEFT
        letter = letters[_at(at)]
        if letter == _QUOTE:
            first = at + 1
            at, plain = _string_end(letters, first, end)
            if at < 0 or field == _INTRAGROUP:
                return LEFT
            ascii_only &= plain
            if field != _NO_FIELD:
                if at - first > _BYTES_MAX and field not in _UNBOUNDED:
                    return LEFT
                is_said = at > first + 1 or (at == first + 1 and letters[_at(first)] != _MINUS)
                starts[field], ends[field] = first if is_said else -1, at
            at += 1
        elif _is_here(letters, at, end, _NULL):
            if 0 <= field < _REQUIRED:
                return LEFT
            if field != _NO_FIELD:
                starts[field] = -1
            at += 4
        elif _is_here(letters, at, end, _TRUE):
            if field != _INTRAGROUP and field != _NO_FIELD:
                return LEFT
            if field == _INTRAGROUP:
                starts[field] = 1
            at += 4
        elif _is_here(letters, at, end, _FALSE):
            if field != _INTRAGROUP and field != _NO_FIELD:
                return LEFT
            if field == _INTRAGROUP:
                starts[field] = 0
            at += 5
        else:
            at = _number_end(letters, at, end)
            if at < 0 or field != _NO_FIELD:
                return LEFT
        at = _after_blanks(letters, at, end)
        if at >= end:
            return LEFT
        if letters[_at(at)] == _CLOSE:
            break
        if letters[_at(at)] != _COMMA:
            return LEFT
        at = _after_blanks(letters, at + 1, end)
    if _after_blanks(letters, at + 1, end) != end:
        return LEFT
    for name in range(_REQUIRED):
        if starts[_at(name)] < 0:
            return LEFT
    return READ if ascii_only else READ_IF_UTF8


@compiled
def _two(letters: NDArray[np.uint8], at: int) -> int:
    """Two digits as a number; -1000 where they are none, so that no sum with it is a date."""
    tens, ones = _signed(letters[_at(at)]) - 48, _signed(letters[_at(at + 1)]) - 48
    if tens < 0 or tens > 9 or ones < 0 or ones > 9:
        return -1_000
    both: int = tens * 10 + ones
    return both


@compiled
def _day(letters: NDArray[np.uint8], at: int) -> int:
    """Days since the epoch of the ten letters YYYY-MM-DD; _NONE where they are no date."""
    if letters[_at(at + 4)] != _MINUS or letters[_at(at + 7)] != _MINUS:
        return _NONE
    century, years, month, day = (
        _two(letters, at),
        _two(letters, at + 2),
        _two(letters, at + 5),
        _two(letters, at + 8),
    )
    if century < 0 or years < 0 or month < 1 or month > 12 or day < 1:
        return _NONE
    year = century * 100 + years
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if year < 1 or day > _MONTH_DAYS[month - 1] + (1 if leap and month == 2 else 0):
        return _NONE
    # Civil days, counted in eras of 400 years from 1 March.
    shifted = year - 1 if month <= 2 else year
    era, of_era = shifted // 400, shifted % 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


@compiled
def _instant(letters: NDArray[np.uint8], at: int, end: int) -> int:
    """Microseconds since the epoch; _NONE where the text is no instant of ours."""
    length = end - at
    if length < 20 or length > 30 or length == 21 or letters[_at(end - 1)] != 90:
        return _NONE
    if letters[_at(at + 10)] != 84 or letters[_at(at + 13)] != _COLON or letters[_at(at + 16)] != _COLON:
        return _NONE
    day = _day(letters, at)
    hour, minute, second = _two(letters, at + 11), _two(letters, at + 14), _two(letters, at + 17)
    if day < _DAY_MIN or hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return _NONE
    fraction = 0
    if length > 20:
        if letters[_at(at + 19)] != _POINT or _digits_end(letters, at + 20, end) != end - 1:
            return _NONE
        for place in range(6):
            fraction *= 10
            if at + 20 + place < end - 1:
                fraction += _signed(letters[_at(at + 20 + place)]) - 48
    return ((day * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + fraction


_DAY_MIN = -25_567  # 1900-01-01


@compiled
def _amount(letters: NDArray[np.uint8], at: int, end: int, exponent: int) -> int:
    """Minor units; -1 where the text is no amount, or more than an amount may be."""
    behind = _digits_end(letters, at, end)
    whole = behind - at
    decimals = 0
    if behind < end:
        decimals = end - behind - 1
        if letters[_at(behind)] != _POINT or decimals == 0 or _digits_end(letters, behind + 1, end) != end:
            return -1
    if whole < 1 or whole > 16 or decimals > exponent or whole + decimals > _DIGITS_MAX:
        return -1
    digits = _signed(0)
    for place in range(at, end):
        if place != behind:
            digits = digits * 10 + (_signed(letters[_at(place)]) - 48)
    power = _POWERS[exponent - decimals]
    return digits * power if digits <= _AMOUNT_MAX // power else -1


@compiled
def _mixed(state: np.uint64, word: np.uint64, factor: np.uint64) -> np.uint64:
    state = (state ^ word) * factor
    return state ^ (state >> _SHIFT)


@compiled
def _digest(letters: NDArray[np.uint8], at: int, end: int) -> tuple[np.uint64, np.uint64]:
    """`projections.digests.of_texts` of one text."""
    length = np.uint64(end - at)
    low, high = length * _FIRST_LOW, length * _FIRST_HIGH
    while at + 8 <= end:
        word = _word(letters, at)
        low, high = _mixed(low, word, _FACTOR_LOW), _mixed(high, word, _FACTOR_HIGH)
        at += 8
    if at < end:
        word = _BLANKS
        shift = np.uint64(0)
        while at < end:
            word ^= (np.uint64(letters[_at(at)]) ^ np.uint64(32)) << shift
            shift += np.uint64(8)
            at += 1
        low, high = _mixed(low, word, _FACTOR_LOW), _mixed(high, word, _FACTOR_HIGH)
    return low, high


@compiled
def _combined(first: tuple[np.uint64, np.uint64], second: tuple[np.uint64, np.uint64]) -> tuple[np.uint64, np.uint64]:
    """`projections.digests.combine` of two digests."""
    low = _mixed(_mixed(_FIRST_LOW, first[0], _FACTOR_LOW), second[0], _FACTOR_LOW)
    high = _mixed(_mixed(_FIRST_HIGH, first[1], _FACTOR_HIGH), second[1], _FACTOR_HIGH)
    return low, high


@compiled
def _is(letters: NDArray[np.uint8], start: int, end: int, text: NDArray[np.uint8]) -> bool:
    return end - start == len(text) and _is_here(letters, start, end, text)


@compiled
def _position(
    letters: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], key: NDArray[np.uint8]
) -> tuple[np.uint64, np.uint64]:
    """The digest of the position's dimensions, joined in `key`."""
    used = 0
    for number in range(len(_POSITION)):
        name = _POSITION[number]
        if starts[name] < 0:
            key[_at(used)] = _MINUS
            used += 1
        else:
            for place in range(starts[name], ends[name]):
                key[_at(used)] = letters[_at(place)]
                used += 1
        key[_at(used)] = _SEPARATOR
        used += 1
    flag = _TRUE if starts[_INTRAGROUP] == 1 else _FALSE
    for place in range(len(flag)):
        key[_at(used)] = flag[place]
        used += 1
    return _digest(key, 0, used)


@compiled
def _exponent(letters: NDArray[np.uint8], at: int) -> int:
    code = 0
    for place in range(3):
        letter = _signed(letters[_at(at + place)]) - 65
        if letter < 0 or letter > 25:
            return -1
        code = code * 26 + letter
    found: int = _signed(_EXPONENTS[code])
    return found


@compiled
def _status(letters: NDArray[np.uint8], start: int, end: int) -> int:
    if start < 0 or _is(letters, start, end, _SETTLED_TEXT):
        return _SETTLED
    if _is(letters, start, end, _PENDING_TEXT):
        return _PENDING
    return _REJECTED if _is(letters, start, end, _REJECTED_TEXT) else -1


@compiled
def _scan(
    letters: NDArray[np.uint8],
    record_starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    appended_us: NDArray[np.int64],
    verdict: NDArray[np.uint8],
    numbers: NDArray[np.int64],
    flags: NDArray[np.bool_],
    lanes: NDArray[np.uint64],
) -> None:
    starts, ends = np.zeros(_FIELDS, np.int64), np.zeros(_FIELDS, np.int64)
    key = np.zeros(_KEY_BYTES_MAX, np.uint8)
    for row in range(len(record_starts)):
        if lengths[row] <= 0:
            continue
        first = record_starts[row]
        kind = _fields(letters, first, first + lengths[row], starts, ends)
        if kind == LEFT or ends[_CCY] - starts[_CCY] != 3 or ends[_VALUE_DATE] - starts[_VALUE_DATE] != 10:
            continue
        exponent = _exponent(letters, starts[_CCY])
        if exponent < 0:
            continue
        amount = _amount(letters, starts[_AMOUNT], ends[_AMOUNT], exponent)
        event_us = _instant(letters, starts[_EVENT_TIME], ends[_EVENT_TIME])
        value_day = _day(letters, starts[_VALUE_DATE])
        status = _status(letters, starts[_STATUS], ends[_STATUS])
        outgoing = _is(letters, starts[_DIRECTION], ends[_DIRECTION], _OUT_TEXT)
        known = outgoing or _is(letters, starts[_DIRECTION], ends[_DIRECTION], _IN_TEXT)
        if amount < 0 or event_us == _NONE or value_day == _NONE or status < 0 or not known:
            continue
        if event_us > appended_us[row] + _EVENT_AHEAD_US or value_day > event_us // _DAY_US + _VALUE_AHEAD_DAYS:
            continue
        source = _combined(
            _digest(letters, starts[_ENTITY], ends[_ENTITY]), _digest(letters, starts[_SOURCE], ends[_SOURCE])
        )
        lanes[0, row], lanes[1, row] = _combined(source, _digest(letters, starts[_TXN_ID], ends[_TXN_ID]))
        flags[2, row] = starts[_REVERSAL_OF] >= 0
        if flags[2, row]:
            lanes[2, row], lanes[3, row] = _combined(
                source, _digest(letters, starts[_REVERSAL_OF], ends[_REVERSAL_OF])
            )
        lanes[4, row], lanes[5, row] = _position(letters, starts, ends, key)
        numbers[0, row], numbers[1, row], numbers[2, row], numbers[3, row] = event_us, value_day, amount, status
        flags[0, row] = outgoing
        flags[1, row] = starts[_TXN_TYPE] >= 0 and _is(letters, starts[_TXN_TYPE], ends[_TXN_TYPE], _OPENING_TEXT)
        verdict[row] = kind
