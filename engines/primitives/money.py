"""Money: integer minor units inside, decimal strings with a currency outside. Never a float.

Exponents are ISO 4217's (list one, "minor unit" column). Not for rates or ratios.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from engines.primitives.errors import InvalidInput

_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL "
    "HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP "
    "MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD "
    "SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS "
    "VES WST XCD YER ZAR ZMW ZWG"
)
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
EXPONENT_BY_CURRENCY: Mapping[str, int] = MappingProxyType(
    {code: 2 for code in _TWO.split()}
    | dict.fromkeys(_NONE.split(), 0)
    | dict.fromkeys(_THREE.split(), 3)
    | dict.fromkeys(_FOUR.split(), 4)
)

#: Largest amount of one entry, in minor units (decision S23): sums of 400 of them still fit an int64.
AMOUNT_MINOR_MAX = 10**16

_AMOUNT = re.compile(r"-?[0-9]{1,16}(?:\.[0-9]{1,4})?")


def exponent(currency: str) -> int:
    """Digits after the point of `currency`. Raises InvalidInput for a code ISO 4217 does not list."""
    try:
        return EXPONENT_BY_CURRENCY[currency]
    except KeyError:
        raise InvalidInput(f"currency {currency!r} is not an ISO 4217 code", field="ccy") from None


def to_minor(text: str, currency: str) -> int:
    """Minor units of a decimal string: `to_minor("12.5", "CZK") == 1250`.

    Form (decision S9): `-?\\d{1,16}(\\.\\d{1,n})?` with n the currency's exponent, padded to n.
    Raises InvalidInput for any other form, or above `AMOUNT_MINOR_MAX`.
    """
    digits = exponent(currency)
    if not isinstance(text, str) or not _AMOUNT.fullmatch(text):
        raise InvalidInput(f"amount {text!r} is not a decimal string", field="amount")
    whole, _, fraction = text.partition(".")
    if len(fraction) > digits:
        raise InvalidInput(f"amount {text!r} has more than {digits} decimals", field="amount")
    minor = int(whole + fraction.ljust(digits, "0"))
    if abs(minor) > AMOUNT_MINOR_MAX:
        raise InvalidInput(f"amount {text!r} is above {AMOUNT_MINOR_MAX} minor units", field="amount")
    return minor


def to_text(minor: int, currency: str) -> str:
    """Decimal string of minor units with all digits of the currency: `to_text(-5, "CZK") == "-0.05"`."""
    digits = exponent(currency)
    sign, units = ("-", -minor) if minor < 0 else ("", minor)
    if digits == 0:
        return f"{sign}{units}"
    return f"{sign}{units // 10**digits}.{units % 10**digits:0{digits}d}"
