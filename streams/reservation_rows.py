"""From reservation records on the wire to the checked terms that outstanding withdrawals are folded from."""

from engines.primitives.errors import InvalidInput
from projections.reservations import OUTSTANDING, ReservationTerms
from streams.contract_rows import amount_minor, day_number
from streams.schemas import Reservation

STATES = OUTSTANDING | {"draft", "submitted", "executed", "rejected", "cancelled", "expired"}


def reservation_terms(record: Reservation) -> ReservationTerms:
    """The terms of a decoded record: outstanding is amount - executed_amount if approved or partial, else 0.

    Raises InvalidInput with the fact `field`, and `res_id`, for an unknown currency or status, a bad or
    negative amount and a bad date. More executed than reserved is not an error: nothing is outstanding
    then.
    """
    try:
        if not record.res_id:
            raise InvalidInput("the reservation has no id", field="res_id")
        if record.status not in STATES:
            raise InvalidInput(f"{record.status!r} is no status of a reservation", field="status")
        amount = amount_minor(record.amount, record.ccy, "amount")
        executed = amount_minor(record.executed_amount, record.ccy, "executed_amount")
        value_day = day_number(record.value_date, "value_date")
    except InvalidInput as error:
        raise InvalidInput(str(error), **(error.facts | {"res_id": record.res_id})) from error
    return ReservationTerms(
        res_id=record.res_id,
        entity=record.entity_id,
        organisation=record.org_id,
        currency=record.ccy,
        value_day=value_day,
        outstanding_minor=max(0, amount - executed) if record.status in OUTSTANDING else 0,
    )
