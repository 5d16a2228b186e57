"""The state machine for many contracts of one shape, step by step in the order of events.

A step is one vector over contracts. Step s holds the events that are s places before each contract's last one, so
that contracts of one shape mostly have the same event type in a step; where they do not, each type takes its part of
the vector. Every number comes from `formulas`, in the order in which the one-contract path asks for it (Q18).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.actus import formulas as f
from engines.actus.dates import DAY_SECONDS
from engines.actus.events import EventType
from engines.actus.observed import Observed, Series
from engines.actus.portfolio_columns import ABSENT, Columns, Days, narrow
from engines.actus.portfolio_events import (
    KINDS,
    Batch,
    Schedule,
    event_days,
    event_kinds,
    keys_after,
    purchase_key,
    redemption_keys,
    schedule,
    scheduled_days,
)
from engines.actus.portfolio_maturities import first_redemption
from engines.actus.portfolio_schedules import Conventions, Flags
from engines.actus.portfolio_shapes import Rows, Shape
from engines.actus.terms import ROLE_SIGN

E = EventType
PLACE = {kind: place for place, kind in enumerate(KINDS)}

Floats = NDArray[np.float64]
Part = slice | NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Flows:
    """Flat columns, one element an event; contracts one after another, each in order of events.

    Attributes:
        rows, counts: the contracts, and how many events each has.
        day: days since 1970-01-01. kind: places in KINDS.
        payoff, notional, rate, accrued: the payoff and the states after the event.
        undone: rows that the one-contract path must compute: a missing observation, a number out of range.
    """

    rows: Rows
    counts: Rows
    day: Days
    kind: NDArray[np.uint8]
    payoff: Floats
    notional: Floats
    rate: Floats
    accrued: Floats
    undone: Rows


def make_batch(columns: Columns, shape: Shape, rows: Rows, maturity: Days) -> Batch:
    role = np.array([ROLE_SIGN.get(value or "", 0.0) for value in columns.values["contractRole"]])
    return Batch(
        shape,
        Conventions(shape.end_of_month, shape.convention, shape.day_count),
        rows,
        {name: narrow(values[rows]) for name, values in columns.days.items()},
        {name: values[rows] for name, values in columns.numbers.items()},
        role[columns.codes["contractRole"][rows]],
        narrow(maturity),
    )


def flows(batch: Batch, observed: Observed, horizon: int | None) -> Flows:
    """All events of a batch with payoffs and states.

    Args:
        horizon: a day, inclusive; None: to the end of the contracts.
    """
    with np.errstate(all="ignore"):  # a number out of range is found afterwards, and named by the one-contract path
        plan = schedule(batch, horizon)
        machine = _Machine(batch, plan, observed.series.get(batch.shape.reset_code))
        machine.run()
    return machine.result()


class _Machine:
    """States of all contracts of a batch, and what each step leaves; arrays are (steps, contracts)."""

    def __init__(self, batch: Batch, plan: Schedule, fixings: Series | None) -> None:
        self.batch, self.plan = batch, plan
        self.keys = np.ascontiguousarray(plan.keys.T)
        self.steps, self.count = self.keys.shape
        self.kind = event_kinds(self.keys)
        self.scheduled = np.where(self.keys == 0, 0, scheduled_days(self.keys))
        self.counted = batch.conventions.counted(self.scheduled)
        self.maturity_day = batch.conventions.counted(batch.maturity)
        self.status_day = batch.conventions.counted(batch.days["statusDate"])
        self.fraction = self._fractions()
        self.one, self.zero = np.ones(self.count), np.zeros(self.count)  # X, and multipliers of no scaling
        self.fixings = _Fixings(fixings)
        self.missing = np.zeros(self.count, bool)
        self.instalments: _Instalments | None = None
        shape = (self.steps, self.count)
        self.payoff, self.notional_after = np.zeros(shape), np.empty(shape)
        self.rate_after, self.accrued_after = np.empty(shape), np.empty(shape)
        self._start()

    def _fractions(self) -> Floats:
        """Y(Sd, t) of each step: every event moves Sd, so it is the step from the event before, or from t0."""
        conventions = self.batch.conventions
        ends = conventions.axis_end(self.counted, self.maturity_day)
        starts = np.empty_like(ends)
        starts[1:] = conventions.axis(self.counted[:-1])
        before = conventions.axis(self.status_day)
        starts[0:1] = before
        first = self.keys != 0
        first[1:] &= self.keys[:-1] == 0
        starts = np.where(first, before, starts)
        fractions: Floats = (ends - starts) / conventions.denominator
        return fractions

    def _between(self, start: Days, end: Days) -> Floats:
        conventions = self.batch.conventions
        places = conventions.axis_end(end, self.maturity_day) - conventions.axis(start)
        found: Floats = places / conventions.denominator
        return found

    def _start(self) -> None:
        """`initial_states` of the four types."""
        batch, number = self.batch, self.batch.numbers
        status, start = batch.days["statusDate"], batch.days["initialExchangeDate"]
        self.nominal_rate = np.where(batch.has("nominalInterestRate"), number["nominalInterestRate"], 0.0)
        self.full = f.signed_amount(batch.sign, number["notionalPrincipal"])
        exchanged = start <= status
        self.notional = np.where(exchanged, self.full, 0.0)
        self.rate = np.where(exchanged, self.nominal_rate, 0.0)
        since = self.plan.interest_before
        fraction = self._between(batch.conventions.counted(np.where(since == ABSENT, status, since)), self.status_day)
        running = np.where(since == ABSENT, 0.0, f.accrued_interest(self.zero, fraction, self.rate, self.notional))
        self.given = f.signed_amount(batch.sign, number["accruedInterest"])
        accrued = np.where(batch.has("accruedInterest"), self.given, running)
        self.accrued = np.where(batch.has("nominalInterestRate"), accrued, 0.0)
        self.payment = self._first_payment()

    def _first_payment(self) -> Floats:
        """Prnxt at t0: without a sign for LAM, with it for NAM and ANN."""
        batch, given = self.batch, self.batch.numbers["nextPrincipalRedemptionPayment"]
        has, kind = batch.has("nextPrincipalRedemptionPayment"), batch.shape.contract_type
        if kind == "PAM":
            return np.zeros(self.count)
        if kind == "LAM":
            redemptions = self.plan.redemptions
            coming = redemptions.valid & (redemptions.days > batch.days["statusDate"][:, None])
            return np.where(has, given, batch.numbers["notionalPrincipal"] / (coming.sum(axis=1) + 1))
        payment = f.signed_amount(batch.sign, np.where(has, given, 0.0))
        open_ended = np.flatnonzero(~has & (self.notional != 0.0))
        status = batch.days["statusDate"][open_ended]
        if kind == "ANN" and len(open_ended):
            payment[open_ended] = self._instalment(
                open_ended, keys_after(status) - 1, self.status_day[open_ended], payment[open_ended]
            )
        return payment

    def run(self) -> None:
        lowest, highest = self.kind.min(axis=1), self.kind.max(axis=1)
        for step in range(self.steps):
            if lowest[step] == highest[step]:
                self._apply(step, KINDS[lowest[step]], slice(None))
            else:
                here = self.kind[step]
                for place in np.flatnonzero(np.bincount(here, minlength=len(KINDS) + 1)[:-1]).tolist():
                    self._apply(step, KINDS[place], np.flatnonzero(here == place))
            self.notional_after[step], self.rate_after[step] = self.notional, self.rate
            self.accrued_after[step] = self.accrued

    def _apply(self, step: int, kind: EventType, part: Part) -> None:
        _EVENTS[kind](self, step, part)

    # Events: payoff and transition

    def initial_exchange(self, step: int, part: Part) -> None:
        batch, number, start = self.batch, self.batch.numbers, self.batch.days["initialExchangeDate"][part]
        premium = number["premiumDiscountAtIED"][part]
        premium = np.where(np.isnan(premium), 0.0, premium)
        self.payoff[step][part] = f.initial_exchange_payoff(
            self.one[part], batch.sign[part], number["notionalPrincipal"][part], premium
        )
        notional, rate = self.full[part], self.nominal_rate[part]
        anchor = batch.days["cycleAnchorDateOfInterestPayment"][part]
        late = (anchor != ABSENT) & (anchor < start)
        counted = batch.conventions.counted
        conventions = batch.conventions
        places = conventions.axis_end(counted(start), self.maturity_day[part])
        elapsed = (places - conventions.axis(counted(np.where(late, anchor, start)))) / conventions.denominator
        running = np.where(late, f.accrued_interest(self.zero[part], elapsed, rate, notional), 0.0)
        self.accrued[part] = np.where(batch.has("accruedInterest")[part], self.given[part], running)
        self.notional[part], self.rate[part] = notional, rate
        if batch.shape.contract_type == "ANN":
            anchor = batch.days["cycleAnchorDateOfPrincipalRedemption"]
            at_once = first_redemption(batch.shape, anchor, batch.days["initialExchangeDate"])[part] <= start
            self._fix(step, part, at_once & ~batch.has("nextPrincipalRedemptionPayment")[part])

    def interest(self, step: int, part: Part) -> None:
        self.payoff[step][part] = f.interest_payoff(
            self.one[part],
            self.one[part],
            self.accrued[part],
            self.fraction[step][part],
            self.rate[part],
            self.notional[part],
        )
        self.accrued[part] = 0.0

    def capitalisation(self, step: int, part: Part) -> None:
        notional = self.notional[part]
        self.notional[part] = f.capitalised_notional(
            notional, self.accrued[part], self.fraction[step][part], self.rate[part], notional
        )
        self.accrued[part] = 0.0

    def redemption(self, step: int, part: Part) -> None:
        self._accrue(step, part)
        notional, sign = self.notional[part], self.batch.sign[part]
        if self.batch.shape.contract_type == "LAM":
            redeemed = f.linear_redemption(sign, self.payment[part], notional)
        else:
            redeemed = f.annuity_redemption(sign, self.payment[part], self.accrued[part], notional)
        self.payoff[step][part] = f.redemption_payoff(self.one[part], self.one[part], redeemed)
        self.notional[part] = f.notional_after(notional, redeemed)

    def maturity(self, step: int, part: Part) -> None:
        one = self.one[part]
        self.payoff[step][part] = f.maturity_payoff(
            one, one, self.notional[part], one, self.accrued[part], self.zero[part]
        )
        self.notional[part], self.accrued[part] = 0.0, 0.0

    def reset(self, step: int, part: Part) -> None:
        self._accrue(step, part)
        number = self.batch.numbers
        observed, missing = self.fixings.observed(self.scheduled[step][part])
        self.missing[part] |= missing
        fall = number["periodFloor"][part]
        self.rate[part] = f.reset_rate(
            observed,
            _given_or(number["rateMultiplier"][part], 1.0),
            _given_or(number["rateSpread"][part], 0.0),
            self.rate[part],
            -np.abs(_given_or(fall, np.inf)),
            _given_or(number["periodCap"][part], np.inf),
            _given_or(number["lifeFloor"][part], -np.inf),
            _given_or(number["lifeCap"][part], np.inf),
        )
        self._fix_given(step, part)

    def known_reset(self, step: int, part: Part) -> None:
        self._accrue(step, part)
        self.rate[part] = self.batch.numbers["nextResetRate"][part]
        self._fix_given(step, part)

    def payment_fixing(self, step: int, part: Part) -> None:
        self._accrue(step, part)
        self._fix(step, part, np.ones(len(self.one[part]), bool))

    def _fix_given(self, step: int, part: Part) -> None:
        """An annuity whose instalment is given has no PRF: its resets compute it anew (`ann.fixed_with`)."""
        if self.batch.shape.contract_type == "ANN":
            self._fix(step, part, self.batch.has("nextPrincipalRedemptionPayment")[part])

    def _fix(self, step: int, part: Part, wanted: Flags) -> None:
        """Prnxt of those contracts of a step that want it."""
        contracts = np.arange(self.count)[part][wanted]
        if len(contracts):
            self.payment[contracts] = self._instalment(
                contracts, self.keys[step][contracts], self.counted[step][contracts], self.payment[contracts]
            )

    def purchase(self, step: int, part: Part) -> None:
        self.payoff[step][part] = self._price(f.purchase_payoff, "priceAtPurchaseDate", step, part)
        self._accrue(step, part)

    def termination(self, step: int, part: Part) -> None:
        self.payoff[step][part] = self._price(f.termination_payoff, "priceAtTerminationDate", step, part)
        self.notional[part], self.accrued[part] = 0.0, 0.0

    def _price(self, payoff: Callable[..., Floats], price: str, step: int, part: Part) -> Floats:
        return payoff(
            self.one[part],
            self.batch.sign[part],
            self.batch.numbers[price][part],
            self.accrued[part],
            self.fraction[step][part],
            self.rate[part],
            self.notional[part],
        )

    def _accrue(self, step: int, part: Part) -> None:
        self.accrued[part] = f.accrued_interest(
            self.accrued[part], self.fraction[step][part], self.rate[part], self.notional[part]
        )

    def _instalment(self, contracts: Rows, key: Days, day: Days, otherwise: Floats) -> Floats:
        """`ann.instalment` of some contracts at an event of a key, counted for a day; `otherwise` at the maturity."""
        if self.instalments is None:
            self.instalments = _Instalments(self.batch, self.plan, self.maturity_day)
        plan, conventions = self.instalments, self.batch.conventions
        coming = plan.keys[:, contracts] > key
        days, fractions, rate = plan.days[:, contracts], plan.fractions[:, contracts], self.rate[contracts]
        product, total = self.one[contracts], self.one[contracts]
        for place in np.flatnonzero(coming.any(axis=1)).tolist():
            period = f.growth(rate, fractions[place])
            # A period before the first redemption leaves both as they are: 1 x 1 and 1 + 0 x 1.
            product = f.annuity_product(product, np.where(coming[place], period, 1.0))
            total = f.annuity_sum(total, np.where(coming[place], period, 0.0))
        first = days[coming.shape[0] - coming.sum(axis=0), np.arange(len(contracts))]
        places = conventions.axis_end(first, self.maturity_day[contracts]) - conventions.axis(day)
        amount = f.annuity_amount(
            self.notional[contracts], self.accrued[contracts], places / conventions.denominator, rate, product, total
        )
        return np.where(keys_after(self.batch.maturity[contracts] - 1) > key, amount, otherwise)

    def result(self) -> Flows:
        """Contract after contract, without purchases' pasts and without contracts that are undone."""
        finite = np.ones(self.count, bool)
        for values in (self.payoff, self.notional_after, self.accrued_after):
            finite &= np.isfinite(values.sum(axis=0))  # one number out of range makes the sum so
        done = finite & ~self.missing
        shown = self.plan.keys != 0
        purchased = self.batch.days["purchaseDate"]
        if (purchased != ABSENT).any():
            shown &= self.plan.keys >= purchase_key(purchased)[:, None]
        if not done.all():
            shown &= done[:, None]
        return Flows(
            self.batch.rows,
            np.count_nonzero(shown, axis=1),
            _flat(event_days(self.plan.keys), shown),
            _flat(event_kinds(self.plan.keys), shown),
            _flat(self.payoff.T, shown),
            _flat(self.notional_after.T, shown),
            _flat(self.rate_after.T, shown),
            _flat(self.accrued_after.T, shown),
            self.batch.rows[~done],
        )


class _Instalments:
    """All redemptions of annuities, last ones side by side, and the maturity behind them; (redemptions, contracts).

    Attributes:
        keys: of the redemptions, 0 where there is none.
        days: for which year fractions count them, and the maturity; one more row than `keys`.
        fractions: Y from each to the next.
    """

    def __init__(self, batch: Batch, plan: Schedule, maturity_day: Days) -> None:
        conventions, found = batch.conventions, plan.redemptions
        scheduled = np.where(found.valid, found.days, ABSENT)
        scheduled.sort(axis=1)
        exists = scheduled != ABSENT
        scheduled = np.where(exists, scheduled, batch.maturity[:, None])
        self.keys = np.ascontiguousarray((redemption_keys(batch, scheduled) * exists).T)
        self.days = np.vstack((conventions.counted(scheduled).T, maturity_day))
        places = conventions.axis_end(self.days[1:], maturity_day) - conventions.axis(self.days[:-1])
        self.fractions: Floats = places / conventions.denominator


class _Fixings:
    """A market series as arrays."""

    def __init__(self, series: Series | None) -> None:
        self.instants = np.array(series.instants if series else (), np.int64)
        self.values = np.array(series.values if series else (), np.float64)

    def observed(self, days: Days) -> tuple[Floats, Flags]:
        """The last observation up to the beginning of each day, and where there is none."""
        place = np.searchsorted(self.instants, days.astype(np.int64) * DAY_SECONDS, side="right")
        missing = place == 0
        if not len(self.values):
            return np.zeros(len(days)), missing
        return self.values[np.maximum(place - 1, 0)], missing


def _given_or(values: Floats, default: float) -> Floats:
    return np.where(np.isnan(values), default, values)


def _flat(values: NDArray[np.generic], shown: Flags) -> NDArray:  # type: ignore[type-arg]
    """Contract after contract, only what is shown."""
    return values.ravel() if shown.all() else values[shown]


_EVENTS: Mapping[EventType, Callable[[_Machine, int, Part], None]] = {
    E.IED: _Machine.initial_exchange,
    E.IP: _Machine.interest,
    E.IPCI: _Machine.capitalisation,
    E.PR: _Machine.redemption,
    E.MD: _Machine.maturity,
    E.RR: _Machine.reset,
    E.RRF: _Machine.known_reset,
    E.PRF: _Machine.payment_fixing,
    E.PRD: _Machine.purchase,
    E.TD: _Machine.termination,
}
