"""Amounts and dates as statements write them, to integers and dates; text all the way, no float."""

import re
from datetime import UTC, date, datetime

from engines.primitives.errors import InvalidInput
from engines.primitives.money import AMOUNT_MINOR_MAX, exponent

_AMOUNT = re.compile(r"([0-9]{1,18})(?:[.,]([0-9]{0,17}))?")
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2})?")


def minor_units(text: str, currency: str) -> int:
    """Minor units of an unsigned amount such as `12.5`, `12,` or `12.50000`: digits beyond the currency's are zeros.

    Raises InvalidInput (field `ccy` or `amount`) for any other form and above `AMOUNT_MINOR_MAX`.
    """
    digits = exponent(currency)
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise InvalidInput(f"{text[:40]!r} is not an amount", field="amount")
    fraction = found[2] or ""
    if fraction[digits:].strip("0"):
        raise InvalidInput(f"{text!r} has more than {digits} decimals", field="amount")
    minor = int(found[1] + fraction[:digits].ljust(digits, "0"))
    if minor > AMOUNT_MINOR_MAX:
        raise InvalidInput(f"{text!r} is above {AMOUNT_MINOR_MAX} minor units", field="amount")
    return minor


def iso_date(text: str) -> date:
    """The calendar date of an ISO 8601 date or date and time, as its sender wrote it: no time zone is applied.

    Raises ValueError.
    """
    found = _DAY.fullmatch(text)
    if found is not None:
        return date.fromisoformat(found[1])
    return datetime.fromisoformat(text).date()


def midnight(day: date) -> datetime:
    """The instant at which a day begins, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
