"""Fields of MT940 and MT942, read by the patterns of the `mt-940` library and checked where those let things pass.

The library's patterns bound lengths but are not anchored, so that an amount too long for SWIFT would lose digits to
the field after it: what they leave over is looked at here. Amounts and dates are built here, not by its models.
"""

import re
from datetime import date, timedelta
from typing import Any, NamedTuple

import mt940
from mt940.processors import transaction_details_post_processor

from engines.primitives.errors import InvalidInput
from infra.statements.amounts import minor_units
from infra.statements.records import Place, StatementBalance, Unreadable

_LINES = tuple(kind() for kind in (mt940.tags.Statement, mt940.tags.StatementGLS, mt940.tags.StatementASNB))
_BALANCE = mt940.tags.OpeningBalance()
_SUM = mt940.tags.SumEntries()
_DETAILS, _NO_TRANSACTIONS = mt940.tags.TransactionDetails(), mt940.models.Transactions(options=mt940.Options.all())
#: Some banks fill amounts up with zeros beyond SWIFT's 15 characters.
_PADDING = re.compile(r"(?<=[A-Z]{3})0+(?=[0-9])")
_NONE = frozenset({"", "NONREF", "NOTPROVIDED"})
#: What a mark does to the balance: a reversed credit takes away. E is expected, not booked.
_SIGN = {"C": 1, "D": -1, "RC": -1, "RD": 1, "EC": 1, "ED": -1}
_HALF_YEAR = timedelta(days=183)


class StatementLine(NamedTuple):
    value_date: date
    booking_date: date
    amount_minor: int
    reversal: bool
    expected: bool
    code: str
    owner_reference: str
    bank_reference: str
    text: str


def statement_line(value: str, currency: str, place: Place) -> StatementLine:
    """A field `:61:`. Raises Unreadable naming the part that is wrong."""
    found = next((found for line in _LINES if (found := line.re.match(value))), None)
    if found is None:
        raise Unreadable(place, "61", "not a statement line", value)
    parts: dict[str, Any] = found.groupdict(default="")
    mark = parts["status"].upper()
    if mark not in _SIGN:
        raise Unreadable(place, "mark", f"none of {', '.join(_SIGN)}", parts["status"])
    if not parts["id"] and parts["customer_reference"][:1] in set("0123456789,"):
        raise Unreadable(place, "amount", "longer than 15 characters", value)
    minor = _SIGN[mark] * _amount(parts["amount"], currency, place)
    valued = _date(parts["year"], parts["month"], parts["day"], place, "value_date")
    return StatementLine(
        value_date=valued,
        booking_date=_entry_date(parts["entry_month"], parts["entry_day"], valued, place),
        amount_minor=minor,
        reversal=mark in {"RC", "RD"},
        expected=mark in {"EC", "ED"},
        code=parts["id"].strip(),
        owner_reference=reference(parts["customer_reference"]),
        bank_reference=reference(parts["bank_reference"]),
        text=(parts["extra_details"] or "").strip(),
    )


def balance(value: str, place: Place, *, intermediate: bool) -> StatementBalance:
    """A field `:60a:` or `:62a:`. Raises Unreadable."""
    value = _PADDING.sub("", value, count=1)
    found = _BALANCE.re.match(value)
    if found is None or value[found.end() :].strip():
        raise Unreadable(place, "balance", "not a balance such as C261122EUR100,00", value)
    currency = found["currency"].upper()
    minor = _SIGN[found["status"].upper()] * _amount(found["amount"], currency, place)
    day = _date(found["year"], found["month"], found["day"], place, "date")
    return StatementBalance(currency, minor, day, intermediate)


def sum_of_entries(value: str, place: Place) -> tuple[int | None, str, int]:
    """Number, currency and minor units of `:90D:` or `:90C:`. Raises Unreadable."""
    found = _SUM.re.match(value)
    if found is None or value[found.end() :].strip():
        raise Unreadable(place, "90", "not a sum such as 3EUR100,00", value)
    currency = found["currency"].upper()
    number = int(found["number"]) if found["number"] else None
    return number, currency, _amount(found["amount"], currency, place)


def structured_details(text: str) -> dict[str, str]:
    """Sub-fields of a structured `:86:` by the library's names; empty where it is free text."""
    if not re.match(r"\d{3}\?", text):
        return {}
    fields: dict[str, Any] = {"transaction_details": text}
    told = transaction_details_post_processor(_NO_TRANSACTIONS, _DETAILS, fields, dict(fields))
    return {name: str(value) for name, value in told.items() if value}


def reference(text: str) -> str:
    text = text.strip()
    return "" if text.upper() in _NONE else text


def _amount(text: str, currency: str, place: Place) -> int:
    try:
        return minor_units(text, currency)
    except InvalidInput as error:
        raise Unreadable(place, str(error.facts.get("field", "amount")), str(error), text) from error


def _date(year: str, month: str, day: str, place: Place, field: str) -> date:
    century = 1900 if int(year) >= 80 else 2000
    # Banks that count 30 days a month date interest on the 30th of February.
    number = 28 if int(month) == 2 and int(day) in {29, 30} and not _is_leap(century + int(year)) else int(day)
    if int(month) == 2 and number == 30:
        number = 29
    try:
        return date(century + int(year), int(month), number)
    except ValueError as error:
        raise Unreadable(place, field, "not a date YYMMDD", f"{year}{month}{day}") from error


def _entry_date(month: str, day: str, valued: date, place: Place) -> date:
    """The booking date nearest to the value date: its year is not written."""
    if not month.strip() or not day.strip():
        return valued
    booked = _date(f"{valued.year % 100:02}", month, day, place, "entry_date")
    if booked - valued > _HALF_YEAR:
        return _date(f"{(valued.year - 1) % 100:02}", month, day, place, "entry_date")
    if valued - booked > _HALF_YEAR:
        return _date(f"{(valued.year + 1) % 100:02}", month, day, place, "entry_date")
    return booked


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
