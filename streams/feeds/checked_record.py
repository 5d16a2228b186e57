"""Records made of rows by others: converted to our structs and checked as a worker will check them.

What a worker would set aside is refused here, where file and line are known.
"""

import time
from datetime import date
from typing import Any, cast

import msgspec

from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_minor
from infra.statements.records import Place, Unreadable
from streams import entry_care, topics
from streams.entry_care import EntryFault
from streams.feeds.event import Event
from streams.producer import encode
from streams.schemas import BusinessDate, Contract, FxRate, Holding, MarketPrice, Reservation, ReserveState, Txn

Row = Txn | Contract | Reservation | Holding | MarketPrice | FxRate | ReserveState | BusinessDate
STRUCT_BY_TOPIC: dict[str, type[Row]] = {
    topics.TXN: Txn,
    topics.CONTRACT: Contract,
    topics.RESERVATION: Reservation,
    topics.HOLDING: Holding,
    topics.PRICE: MarketPrice,
    topics.FX: FxRate,
    topics.RESERVE: ReserveState,
    topics.BUSINESS_DATE: BusinessDate,
}
_DAYS = ("value_date", "start_date", "maturity_date", "business_date", "next_reprice_date")
_AMOUNTS = ("amount", "principal", "executed_amount", "face", "encumbered_face", "required", "vault_cash", "accrued")
_FIELD = "`$."


def record_event(topic: str, fields: dict[str, Any], place: Place) -> Event:
    """The event of one row. Raises Unreadable naming the field that is wrong."""
    struct = STRUCT_BY_TOPIC[topic]
    unknown = fields.keys() - set(struct.__struct_fields__)
    if unknown:
        name = min(unknown)
        raise Unreadable(place, name, f"not a field of {topic}", str(fields[name]))
    try:
        record = msgspec.convert(fields, struct)
    except msgspec.ValidationError as error:
        raise Unreadable(place, _field(str(error)), str(error)) from error
    if isinstance(record, Txn):
        _check_entry(record, place)
    else:
        _check(record, place)
    return Event(topic, _key(record), record)


def entry_event(fields: dict[str, Any], place: Place) -> tuple[Event, Txn]:
    """As `record_event` of an entry, with the entry as such."""
    event = record_event(topics.TXN, fields, place)
    return event, cast(Txn, event.record)


def _check_entry(record: Txn, place: Place) -> None:
    try:
        entry_care.read(encode(record), time.time_ns() // 1_000)
    except EntryFault as fault:
        value = getattr(record, fault.field, "") if fault.field else ""
        raise Unreadable(place, fault.field or "record", fault.reason, str(value)) from fault


def _check(record: Row, place: Place) -> None:
    for name in _DAYS:
        value = getattr(record, name, None)
        if value is not None:
            try:
                date.fromisoformat(value)
            except ValueError as error:
                raise Unreadable(place, name, "not a date YYYY-MM-DD", value) from error
    currency = getattr(record, "ccy", "")
    for name in _AMOUNTS:
        value = getattr(record, name, None)
        if value is not None and currency:
            try:
                to_minor(value, currency)
            except InvalidInput as error:
                raise Unreadable(place, str(error.facts.get("field", name)), str(error), value) from error


def _key(record: Row) -> bytes:
    match record:
        case Txn() | Contract() | Reservation():
            return topics.record_key(record.entity_id, record.customer_id, record.account_id)
        case Holding():
            return f"{record.entity_id}|{record.security_id}".encode()
        case MarketPrice():
            return record.security_id.encode()
        case FxRate():
            return f"{record.base_ccy}/{record.quote_ccy}".encode()
        case ReserveState():
            return f"{record.entity_id}|{record.ccy}".encode()
        case BusinessDate():
            return record.entity_id.encode()


def _field(message: str) -> str:
    """`$.amount` of msgspec's message, or the missing field it names."""
    if _FIELD in message:
        return message.split(_FIELD, 1)[1].split("`", 1)[0]
    return message.split("`")[1] if "`" in message else "record"
