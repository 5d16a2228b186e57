"""Answers of `/positions/changes` and `/gap/changes`."""

from datetime import date
from typing import Literal

from api.models import Amount, Answer, Offsets, Provenance


class AmountPart(Answer):
    """Of an entry or contract, of a cause without one, or of all smaller entries of a line together."""

    cause: Literal["ROLL", "TAG", "FX", "ENTRY"]
    line: str  # `position`, or the bucket of the gap
    entry: str | None
    place: str | None  # topic/partition
    offset: int | None
    flags: list[Literal["late", "correction", "reversal"]]
    entries: int
    amount: Amount


class AmountChangesRow(Answer):
    figure: Literal["position", "gap"]
    scope: Literal["currency", "entity", "group"]
    entity: str
    currency: str
    as_of: date
    as_of_before: date
    before: Amount
    after: Amount
    change: Amount
    residual: Amount  # always 0
    without_rate: list[str]  # currencies that a converted total leaves out
    parts: list[AmountPart]


class AmountChanges(Answer):
    as_of: date | None
    offsets: Offsets
    offsets_before: Offsets
    log: dict[str, str]
    rows: list[AmountChangesRow]
    provenance: Provenance
