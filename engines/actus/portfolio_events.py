"""The events of many contracts of one shape, in order: schedules merged by sorting one integer an event.

The integer of an event holds, from its highest bits, the day it happens, its place among events of one instant
(`events.ORDER`) and how far its schedule lies from it. So one sort per contract is the order of the standard, and
nothing but the integers is carried along. What is past, terminated or beyond the horizon is 0 and sorts first:
the last events of all contracts stand side by side.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.actus.events import ORDER, EventType
from engines.actus.portfolio_columns import ABSENT, DAY_MIN, Days
from engines.actus.portfolio_maturities import first_redemption, redemption_cycle
from engines.actus.portfolio_schedules import (
    Conventions,
    Flags,
    Times,
    after,
    last_until,
    times,
)
from engines.actus.portfolio_shapes import Rows, Shape

E = EventType
KINDS = tuple(EventType)

_DAY_SHIFT, _ORDER_SHIFT, _OFF = 12, 4, 8  # bits of the order and of the offset; offsets are -8..7 days
_FIXED_AT_START = ORDER[E.IED] + 1  # a PRF between the initial exchange and a redemption of the same day

_KIND_OF_ORDER = (np.arange(256) // 10).astype(np.uint8)
_KIND_OF_ORDER[_FIXED_AT_START] = KINDS.index(E.PRF)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some contracts of one shape: their rows and the terms that schedules read."""

    shape: Shape
    conventions: Conventions
    rows: Rows
    days: dict[str, Days]
    numbers: dict[str, NDArray[np.float64]]
    sign: NDArray[np.float64]
    maturity: Days

    def has(self, number: str) -> Flags:
        return ~np.isnan(self.numbers[number])


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the events of a batch were made from, and the events.

    Attributes:
        interest_before: the last scheduled interest payment up to the status date, ABSENT where there is none.
        redemptions: t^PR, before the maturity.
        keys: one integer an event, rows in order of time, 0 for no event; shape (contracts, events).
    """

    interest_before: Days
    redemptions: Times
    keys: Days


def schedule(batch: Batch, horizon: int | None) -> Schedule:
    """All events after the status date, up to the termination and the horizon (a day, inclusive)."""
    shape, days = batch.shape, batch.days
    start, status = days["initialExchangeDate"], days["statusDate"]
    maturity = batch.maturity
    eom = shape.end_of_month
    pays = batch.has("nominalInterestRate")
    redemptions = times(
        days["cycleAnchorDateOfPrincipalRedemption"],
        start,
        shape.redemption_cycle,
        maturity,
        status,
        end_of_month=eom,
    )
    interest = _interest_times(batch, redemptions)
    resets = times(days["cycleAnchorDateOfRateReset"], start, shape.reset_cycle, maturity, status, end_of_month=eom)
    parts = _Parts(batch)
    parts.single(E.IED, start)
    parts.single(E.MD, maturity)
    parts.single(E.PRD, days["purchaseDate"])
    parts.single(E.TD, days["terminationDate"])
    for found in interest:
        parts.interest(found.days, found.valid & pays[:, None], days["capitalizationEndDate"])
    parts.interest(maturity[:, None], pays[:, None], days["capitalizationEndDate"])
    parts.capitalisation_end(days["capitalizationEndDate"], pays)
    if shape.contract_type != "PAM":
        parts.cyclic(ORDER[E.PR], redemptions.days, redemptions.valid)
    if shape.reset_cycle is not None:
        parts.resets(resets, batch.has("nextResetRate"))
    if shape.contract_type == "ANN":
        parts.fixing(first_redemption(shape, days["cycleAnchorDateOfPrincipalRedemption"], start))
    before = np.full(len(batch.rows), ABSENT)
    for found in interest:
        before = np.maximum(before, last_until(found, status))
    interest_before = np.where(maturity <= status, maturity, before)
    return Schedule(interest_before, redemptions, parts.merged(horizon))


def _interest_times(batch: Batch, redemptions: Times) -> tuple[Times, ...]:
    """Scheduled interest payments but for the one at maturity (`pam.interest_times`, `nam.interest_times`)."""
    shape, days = batch.shape, batch.days
    start, status = days["initialExchangeDate"], days["statusDate"]
    anchor, cycle, eom = days["cycleAnchorDateOfInterestPayment"], shape.interest_cycle, shape.end_of_month
    if shape.contract_type in ("PAM", "LAM"):
        return (times(anchor, start, cycle, batch.maturity, status, end_of_month=eom),)
    if cycle is None:
        return (redemptions,)
    first = first_redemption(shape, days["cycleAnchorDateOfPrincipalRedemption"], start)
    end = after(first, redemption_cycle(shape), -1, end_of_month=eom)
    own_start = np.where(anchor != ABSENT, anchor, after(start, cycle, 1, end_of_month=eom))
    reached = own_start <= end
    before = times(anchor, start, cycle, end, status, end_of_month=eom)
    before = Times(before.days, before.valid & reached[:, None])
    return before, Times(end[:, None], reached[:, None]), redemptions


def happens(batch: Batch, scheduled: Days) -> Days:
    """When cyclic events of shape (contracts, times) happen: `Context.event`.

    They move to a business day, but not the one at maturity, and not out of the contract's life.
    """
    if batch.conventions.convention == "NOS":
        return scheduled
    start, maturity = batch.days["initialExchangeDate"][:, None], batch.maturity[:, None]
    moved = np.minimum(batch.conventions.shift(scheduled), maturity)
    moved = np.where(scheduled >= start, np.maximum(moved, start), moved)
    return np.where(scheduled == maturity, scheduled, moved)


class _Parts:
    """Collects the integers of events, block by block; `keys` are those integers."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.blocks: list[Days] = []

    def single(self, kind: EventType, day: Days) -> None:
        """One event a contract, which no business day convention moves."""
        given = day != ABSENT
        if given.any():
            self.blocks.append(np.where(given, _key(day, day, ORDER[kind]), 0)[:, None])

    def cyclic(self, order: int | Days, scheduled: Days, valid: Flags) -> None:
        """Times of a schedule: moved to a business day, but not the one at maturity, and never past it."""
        if not valid.size:
            return
        self.blocks.append(_key(happens(self.batch, scheduled), scheduled, order) * valid)

    def interest(self, scheduled: Days, valid: Flags, capitalised_until: Days) -> None:
        """IP after the capitalisation end date, IPCI before it; the one on it is `capitalisation_end`."""
        until = capitalised_until[:, None]
        if (capitalised_until == ABSENT).all():
            self.cyclic(ORDER[E.IP], scheduled, valid)
            return
        order = np.where(scheduled < until, ORDER[E.IPCI], ORDER[E.IP])
        self.cyclic(order, scheduled, valid & (scheduled != until))

    def capitalisation_end(self, day: Days, valid: Flags) -> None:
        """Capitalises whether or not it is in the cycle."""
        given = valid & (day != ABSENT)
        if given.any():
            self.cyclic(ORDER[E.IPCI], np.where(given, day, self.batch.maturity)[:, None], given[:, None])

    def resets(self, found: Times, known: Flags) -> None:
        """RR; RRF for the first after the status date where its rate is known; PRF as `ann.fixing_events`."""
        order = np.full(found.days.shape, ORDER[E.RR])
        if known.any():
            status = self.batch.days["statusDate"][:, None]
            coming = found.valid & (happens(self.batch, found.days) > status)
            first = coming & (np.cumsum(coming, axis=1) == 1) & known[:, None]
            order = np.where(first, ORDER[E.RRF], order)
        self.cyclic(order, found.days, found.valid)
        if self.batch.shape.contract_type == "ANN":
            fixed = found.valid & ~self.batch.has("nextPrincipalRedemptionPayment")[:, None]
            self.cyclic(ORDER[E.PRF], found.days, fixed)

    def fixing(self, first: Days) -> None:
        """PRF a day before the first redemption where no instalment is given (`ann.fixing_events`)."""
        start = self.batch.days["initialExchangeDate"]
        wanted = ~self.batch.has("nextPrincipalRedemptionPayment") & (start < first) & (first < self.batch.maturity)
        at_start = first - 1 <= start
        day = np.where(at_start, start, first - 1)
        key = _key(day, day, np.where(at_start, _FIXED_AT_START, ORDER[E.PRF]))
        self.blocks.append((key * wanted)[:, None])

    def merged(self, horizon: int | None) -> Days:
        """All events in order, without those that are past, terminated or beyond the horizon."""
        keys = np.concatenate(self.blocks, axis=1)
        after_status = keys_after(self.batch.days["statusDate"])
        keys = np.where(keys >= after_status[:, None], keys, 0)
        terminated = self.batch.days["terminationDate"]
        if (terminated != ABSENT).any():
            last = np.where(terminated != ABSENT, _key(terminated, 0, ORDER[E.TD], offset=15), np.iinfo(np.int32).max)
            keys = np.where(keys <= last[:, None], keys, 0)
        if horizon is not None:
            keys = np.where(keys < int(keys_after(np.array(horizon))), keys, 0)
        keys.sort(axis=1)
        width = int(np.count_nonzero(keys, axis=1).max(initial=0))
        return keys[:, keys.shape[1] - width :]


def _key(day: Days, scheduled: Days | int, order: int | Days, *, offset: int | None = None) -> Days:
    # Events of one type and day keep the order of their schedule: the offset rises with the scheduled day.
    away = scheduled - day + _OFF if offset is None else offset
    key: Days = ((day - DAY_MIN) << _DAY_SHIFT) + (order << _ORDER_SHIFT) + away
    return key


def event_days(keys: Days) -> Days:
    """The day of each event."""
    days: Days = (keys >> _DAY_SHIFT) + DAY_MIN
    return days


def event_kinds(keys: Days) -> NDArray[np.uint8]:
    """The place in KINDS of each event's type; len(KINDS) for no event."""
    kinds: NDArray[np.uint8] = _KIND_OF_ORDER[(keys >> _ORDER_SHIFT) & 0xFF]
    kinds[keys == 0] = len(KINDS)
    return kinds


def scheduled_days(keys: Days) -> Days:
    """The day for which each event was scheduled."""
    return event_days(keys) + (keys & 0xF) - _OFF


def redemption_keys(batch: Batch, scheduled: Days) -> Days:
    """The integers of redemptions, without their offsets: less than any later event's, not less than an earlier's."""
    return _key(happens(batch, scheduled), 0, ORDER[E.PR], offset=0)


def keys_after(day: Days) -> Days:
    """What is greater than all events up to a day and not greater than any event of a later day."""
    return _key(day + 1, 0, 0, offset=0)


def purchase_key(purchased: Days) -> Days:
    """What the flows of a bought contract must not be below; 0 where it was not bought."""
    return np.where(purchased == ABSENT, 0, _key(purchased, 0, ORDER[E.PRD], offset=0))
