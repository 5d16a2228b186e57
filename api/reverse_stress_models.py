"""The answer of `/reverse-stress`."""

from datetime import date
from typing import Literal

from api.models import Amount, Answer, Offsets, Provenance


class LeavingDepositor(Answer):
    entity: str
    customer: str
    amount: Amount  # all deposits of the scope, in its currency


class BreakingRow(Answer):
    """`minimum` and `value` are per cent; of the available position they are amounts."""

    figure: Literal["lcr", "nsfr", "available_position"]
    limit_id: str
    scope: Literal["currency", "entity", "group"]
    entity: str
    currency: str
    as_of: date
    minimum: str
    value: str | None
    status: Literal["broken", "breakable", "unbreakable", "not_computable"]
    reason: str
    count: int | None  # fewest depositors whose leaving breaks the limit; 0: it is broken
    amount: Amount | None  # all that they take along
    deposits: Amount  # of all depositors
    share_pct: str | None
    depositors: list[LeavingDepositor]  # the largest losses first, at most `limit`


class ReverseStress(Answer):
    as_of: date | None
    offsets: Offsets
    log: dict[str, str]
    rows: list[BreakingRow]
    last_event_time: str | None
    provenance: Provenance
