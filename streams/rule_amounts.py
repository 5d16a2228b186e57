"""The amount that an event or a case names, if it is money."""

from collections.abc import Mapping
from typing import Any

from engines.primitives.money import exponent


def amount_of(facts: Mapping[str, Any], currency: str) -> str | None:
    """In units of the currency, as it is written."""
    amount = facts.get("amount")
    is_money = isinstance(amount, str) and amount.lstrip("-").replace(".", "", 1).isdecimal()
    return amount if is_money and exponent(currency) >= 0 else None
