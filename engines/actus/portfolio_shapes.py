"""What contracts that are computed side by side have in common.

A shape is what the vectors of one group share: contract type, cycles and conventions. Dates, amounts, rates and
which optional terms are there may differ inside a group."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.actus.cycles import Cycle
from engines.actus.portfolio_columns import CODES, Columns

Rows = NDArray[np.int64]

_SHAPE_CODES = tuple(name for name in CODES if name not in ("contractRole", "currency", "settlementCurrency"))


@dataclass(frozen=True, slots=True)
class Shape:
    """`convention` is NOS where the calendar has no holidays; `reset_code` is the market object of rate resets."""

    contract_type: str
    interest_cycle: Cycle | None
    redemption_cycle: Cycle | None
    reset_cycle: Cycle | None
    end_of_month: bool
    convention: str
    day_count: str | None
    reset_code: str


def by_shape(columns: Columns, rows: Rows) -> list[tuple[Shape, Rows]]:
    """In an order that depends on values only, not on the order of rows or of text."""
    key = np.zeros(len(rows), np.int64)
    spans = [len(columns.values[name]) for name in _SHAPE_CODES]
    if np.prod(np.array(spans, np.float64)) >= 2.0**62:
        return []  # more combinations than a key holds: nothing is worth a vector
    for name, span in zip(_SHAPE_CODES, spans, strict=True):
        key = key * span + columns.codes[name][rows]
    members: dict[Shape, list[Rows]] = {}
    distinct, inverse = np.unique(key, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    ends = np.cumsum(np.bincount(inverse, minlength=len(distinct)))
    for place, end in enumerate(ends.tolist()):
        start = int(ends[place - 1]) if place else 0
        part = rows[order[start:end]]
        shape = _shape(columns, int(part[0]))
        members.setdefault(shape, []).append(part)
    return [(shape, np.sort(np.concatenate(parts))) for shape, parts in sorted(members.items(), key=_shape_order)]


def _shape_order(item: tuple[Shape, list[Rows]]) -> str:
    return repr(item[0])


def _shape(columns: Columns, row: int) -> Shape:
    value = {name: columns.values[name][columns.codes[name][row]] for name in _SHAPE_CODES}
    shifts = value["calendar"] == "MF" and value["businessDayConvention"] is not None
    loan = value["contractType"] or ""
    return Shape(
        contract_type=loan,
        interest_cycle=value["cycleOfInterestPayment"],
        redemption_cycle=None if loan == "PAM" else value["cycleOfPrincipalRedemption"],
        reset_cycle=value["cycleOfRateReset"],
        end_of_month=value["endOfMonthConvention"] == "EOM",
        convention=value["businessDayConvention"] if shifts else "NOS",
        day_count=value["dayCountConvention"],
        reset_code=(value["marketObjectCodeOfRateReset"] or "") if value["cycleOfRateReset"] else "",
    )
