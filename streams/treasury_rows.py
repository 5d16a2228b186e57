"""From treasury and market records on the wire to the checked, published form of their latest state.

Each function checks one kind of record and names the key under which a later record replaces it. Not for values: the
reader multiplies face by price by rate.
"""

import re
from fractions import Fraction

from engines.primitives.errors import InvalidInput
from engines.primitives.money import exponent
from projections.dictionary import Key
from streams.contract_rows import amount_minor, day_number
from streams.schemas import ENCUMBRANCES, HQLA_LEVELS, FxRate, Holding, MarketPrice, ReserveState

_POSITIVE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def positive_decimal(text: str, field: str) -> Fraction:
    """A price or rate above zero, of at most nine digits on either side of the point. Raises InvalidInput."""
    if not isinstance(text, str) or _POSITIVE.fullmatch(text) is None:
        raise InvalidInput(f"{field} {text!r} is not a decimal of at most 9 places", field=field)
    value = Fraction(text)
    if value <= 0:
        raise InvalidInput(f"{field} must be above zero", field=field)
    return value


def holding_key(record: Holding) -> Key:
    """Raises InvalidInput with the fact `field`: no security, an unknown currency or level, a bad amount or date,
    more encumbered than held, or more given by secured deals than is encumbered."""
    _named(record.entity_id, "entity_id")
    _named(record.security_id, "security_id")
    face = amount_minor(record.face, record.ccy, "face")
    if amount_minor(record.encumbered_face, record.ccy, "encumbered_face") > face:
        raise InvalidInput("more is encumbered than is held", field="encumbered_face")
    if record.hqla_level not in HQLA_LEVELS:
        raise InvalidInput(f"{record.hqla_level!r} is no level", field="hqla_level")
    if record.encumbrance not in ENCUMBRANCES:
        raise InvalidInput(f"{record.encumbrance!r} is no term of encumbrance", field="encumbrance")
    if record.maturity_date is not None:
        day_number(record.maturity_date, "maturity_date")
    _check_deals(record)
    return record.entity_id, record.security_id, record.portfolio_id


def price_key(record: MarketPrice) -> Key:
    """Raises InvalidInput with the fact `field`."""
    _named(record.security_id, "security_id")
    positive_decimal(record.dirty_price, "dirty_price")
    return (record.security_id,)


def fx_key(record: FxRate) -> Key:
    """Raises InvalidInput with the fact `field`: a currency is unknown, both are one, or the rate is not above 0."""
    for field, currency in (("base_ccy", record.base_ccy), ("quote_ccy", record.quote_ccy)):
        try:
            exponent(currency)
        except InvalidInput as error:
            raise InvalidInput(str(error), field=field) from error
    if record.base_ccy == record.quote_ccy:
        raise InvalidInput("a currency has no rate against itself", field="quote_ccy")
    positive_decimal(record.mid, "mid")
    return record.base_ccy, record.quote_ccy


def reserve_key(record: ReserveState) -> Key:
    """Raises InvalidInput with the fact `field`."""
    _named(record.entity_id, "entity_id")
    for field in ("required", "vault_cash", "cb_balance"):
        text = getattr(record, field)
        if text is not None:
            amount_minor(text, record.ccy, field)
    return record.entity_id, record.ccy


def _check_deals(record: Holding) -> None:
    given = 0
    for at, deal in enumerate(record.deals):
        _named(deal.deal_id, f"deals[{at}].deal_id")
        day_number(deal.maturity_date, f"deals[{at}].maturity_date")
        amount_minor(deal.cash, record.ccy, f"deals[{at}].cash")
        if deal.direction not in ("given", "received"):
            raise InvalidInput(f"{deal.direction!r} is no direction of a deal", field=f"deals[{at}].direction")
        face = amount_minor(deal.face, record.ccy, f"deals[{at}].face")
        given += face if deal.direction == "given" else 0
    if given > amount_minor(record.encumbered_face, record.ccy, "encumbered_face"):
        raise InvalidInput("secured deals gave more than is encumbered", field="deals")


def _named(text: str, field: str) -> None:
    if not text:
        raise InvalidInput(f"the record has no {field}", field=field)
