"""Many contracts of one shape: their events laid in order, then walked through.

Both are machine code (`portfolio_events`, `portfolio_walk`) and run without the interpreter's lock.
"""

from dataclasses import dataclass

import numpy as np

from engines.actus.observed import Observed
from engines.actus.portfolio_batch import MONTHS, Floats, calendar_of, contracts_of, fixings_of, rules_of
from engines.actus.portfolio_columns import DAY_MAX, Columns, Days
from engines.actus.portfolio_events import layer
from engines.actus.portfolio_shapes import Rows, Shape
from engines.actus.portfolio_walk import Written, walker

_ROOM = 128  # for past times of a contract, which are dropped


@dataclass(frozen=True, slots=True)
class Flows:
    """Flat columns, one element an event; contracts one after another, each in order of events.

    Attributes:
        written: of each event the contract's row, the instant (milliseconds since 1970-01-01), the type (place in
            KINDS), the payoff, the currency (place among the values of the term), and the states after the event.
        undone: rows that the one-contract path must compute: a missing observation, a number out of range.
    """

    written: Written
    undone: Rows


def flows(
    columns: Columns, shape: Shape, rows: Rows, maturity: Days, steps: Rows, observed: Observed, horizon: int | None
) -> Flows:
    """All events of contracts of one shape with payoffs and states.

    Args:
        maturity: Md(t0) of each, as a day.
        steps: a bound of how many events each has.
        horizon: a day, inclusive; None: to the end of the contracts.
    """
    rules, calendar = rules_of(shape), calendar_of(shape.convention, shape.day_count)
    row, currency, dates, numbers = contracts_of(columns, rows, maturity)
    last = DAY_MAX + 31 if horizon is None else min(horizon, DAY_MAX + 31)
    keys, redemptions = np.empty((2, int(steps.sum()) + _ROOM), np.int64)
    ends, redemption_ends, interest_before = np.empty((3, len(rows)), np.int64)
    done = np.ones(len(rows), bool)
    laid = keys, ends, redemptions, redemption_ends, interest_before, done
    layer()(rules, calendar, MONTHS, dates, numbers, last, *laid)
    written = _room(int(ends[-1]))
    fixings = fixings_of(observed.series.get(shape.reset_code))
    end = walker()(rules, calendar, row, currency, dates, numbers, *fixings, *laid, written)
    return Flows(Written._make(column[:end] for column in written), rows[~done])


def _room(events: int) -> Written:
    def number() -> Floats:
        return np.empty(events, np.float64)

    return Written(
        row=np.empty(events, np.uint32),
        instant=np.empty(events, np.int64),
        kind=np.empty(events, np.uint8),
        payoff=number(),
        currency=np.empty(events, np.uint32),
        notional=number(),
        rate=number(),
        accrued=number(),
    )
