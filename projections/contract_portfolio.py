"""Flows of dated contracts, from columns of terms to columns of flows, by the vectorised ACTUS engine.

`contract_flows.actus_terms` in columns, handed to the engine as it holds them: reading them from a table of texts and
writing flows into another cost more than the flows, most of all for a few contracts at a time.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.actus.dates import DAY_SECONDS, show_day
from engines.actus.events import EventType
from engines.actus.observed import NOTHING
from engines.actus.portfolio_columns import ABSENT, CODES, DATES, DAY_MAX, DAY_MIN, NUMBERS, Columns
from engines.actus.portfolio_events import KINDS
from engines.actus.portfolio_kernel import flows
from engines.actus.portfolio_selection import Group, groups
from engines.actus.state_machine import Flow, evaluate
from engines.actus.terms import READINGS, read_terms
from engines.flow_frame import RATE_SCALE
from engines.primitives.errors import CorruptRecord, InvalidInput
from projections.contract_plan import NO_DAY_COUNT, PAM, Plan
from projections.contract_terms import ACTUS_DAY_COUNTS, Integers, Table, cycle
from projections.flow_booking import booked

TYPES = ("PAM", "LAM", "ANN")
Part = tuple[Integers, Integers, Integers, Integers]  # row, day, kind, amount of flows

EVENTS_MAX = 400_000  # worked on at once
_PRINCIPAL_EVENTS = (EventType.PR, EventType.MD)
_IS_PRINCIPAL = np.array([kind in _PRINCIPAL_EVENTS for kind in KINDS])

_FLOW = np.dtype([("row", np.int64), ("day", np.int64), ("principal", np.bool_), ("payoff", np.float64)])

Floats = NDArray[np.float64]
#: Payoffs of some contracts, in the currency: row, day, whether it is principal, payoff.
Payoffs = tuple[Integers, Integers, NDArray[np.bool_], Floats]


def scheduled(terms: Table, rows: Integers) -> list[Part]:
    """Booked flows of dated contracts that end after their start: row, day, kind, amount.

    Raises CorruptRecord where terms have no flows, which their check should have told.
    """
    if not len(rows):
        return []
    some = {name: column[rows] for name, column in terms.items()}
    scale: Floats = 10.0 ** some["exponent"].astype(np.float64)
    parts: list[Part] = []
    for row, day, principal, payoff in _Portfolio(some, scale).payoffs():
        minor = booked(row, payoff * scale[row], principal, some["principal_minor"])
        kept = np.flatnonzero(minor)
        parts.append((rows[row[kept]], day[kept], principal[kept].astype(np.int64), minor[kept]))
    return parts


class _Portfolio:
    """ACTUS terms under their dictionary names; all in the role of the holder of the contract's side.

    `texts` are places in a list whose place 0 is an absent term.
    """

    def __init__(self, terms: Table, scale: Floats) -> None:
        plan = Plan(terms)
        self.count = len(scale)
        bears, amortises = plan.day_count != NO_DAY_COUNT, plan.kind != PAM
        months, place = np.unique(terms["months"], return_inverse=True)
        cycles = [None, *(cycle(value) for value in months.tolist())]
        self.numbers: dict[str, Floats] = {
            "notionalPrincipal": terms["principal_minor"] / scale,
            "nominalInterestRate": np.where(bears, terms["rate_units"] / RATE_SCALE, np.nan),
            "nextPrincipalRedemptionPayment": np.where(amortises, plan.part_minor / scale, np.nan),
        }
        self.days: dict[str, Integers] = {
            "statusDate": terms["start_day"],
            "initialExchangeDate": terms["start_day"],
            "maturityDate": terms["maturity_day"],
        }
        same = np.ones(self.count, np.int64)
        self.texts: dict[str, tuple[Integers, list[str | None]]] = {
            "contractType": (plan.kind + 1, [None, *TYPES]),
            "contractRole": (same, [None, "RPA"]),
            "currency": (same, [None, "XXX"]),  # payoffs are told apart by row
            "dayCountConvention": (np.where(bears, plan.day_count + 1, 0), [None, *ACTUS_DAY_COUNTS]),
            "cycleOfInterestPayment": (np.where(plan.interest_cycle, place + 1, 0), cycles),
            "cycleOfPrincipalRedemption": (np.where(amortises, place + 1, 0), cycles),
        }

    def payoffs(self) -> Iterator[Payoffs]:
        """All payoffs that are not zero; all of a contract at once, in order."""
        columns = self._columns()
        found, left = groups(columns, np.arange(self.count))
        for group in found:
            for part in _parts(group):
                some = group.rows[part], group.maturity[part], group.steps[part]
                done = flows(columns, group.shape, *some, NOTHING, None)
                left = np.concatenate((left, done.undone))
                paid = done.written.payoff != 0.0
                row, instant, kind, payoff = (column[paid] for column in done.written[:4])
                yield row.astype(np.int64), instant // (DAY_SECONDS * 1_000), _IS_PRINCIPAL[kind], payoff
        if len(left):
            yield self._one_by_one(np.sort(left))

    def _columns(self) -> Columns:
        simple = np.ones(self.count, bool)
        for days in self.days.values():
            simple &= (days >= DAY_MIN) & (days <= DAY_MAX)
        for name, values in self.numbers.items():
            low, high = NUMBERS[name]
            simple &= np.isnan(values) | ((values >= low) & (values <= high))
        codes = dict.fromkeys(CODES, np.zeros(self.count, np.int64))
        values_of: dict[str, list[Any]] = {name: [None] for name in CODES}
        for name, (places, texts) in self.texts.items():
            read = [_read(name, text) for text in texts]
            unread = [value is None and text is not None for value, text in zip(read, texts, strict=True)]
            simple &= ~np.array(unread)[places]
            codes[name], values_of[name] = places, read
        return Columns(
            dict.fromkeys(NUMBERS, np.full(self.count, np.nan)) | self.numbers,
            dict.fromkeys(DATES, np.full(self.count, ABSENT)) | self.days,
            codes,
            values_of,
            simple,
        )

    def _one_by_one(self, rows: Integers) -> Payoffs:
        found = [
            (row, flow.event.instant // DAY_SECONDS, flow.event.kind in _PRINCIPAL_EVENTS, flow.payoff)
            for row in rows.tolist()
            for flow in _alone(self._raw(row))
            if flow.payoff
        ]
        table = np.array(found, _FLOW)
        return table["row"], table["day"], table["principal"], table["payoff"]

    def _raw(self, row: int) -> dict[str, Any]:
        numbers = {name: float(values[row]) for name, values in self.numbers.items()}
        texts = {name: texts[places[row]] for name, (places, texts) in self.texts.items()}
        given = {name: value for name, value in numbers.items() if not np.isnan(value)}
        return given | texts | {name: show_day(int(days[row])) for name, days in self.days.items()}


def _parts(group: Group) -> list[Integers]:
    """Places in a group, whose contracts with few events come first, so that memory is bounded by the part."""
    edges = np.flatnonzero(np.diff(np.cumsum(group.steps) // EVENTS_MAX)) + 1
    return np.split(np.arange(len(group.rows)), edges)


def _read(name: str, text: str | None) -> Any:
    """What the engine reads of a text; None: it cannot, and says so when the contract comes alone."""
    try:
        return None if text is None else READINGS[name][1].read(text)
    except ValueError:
        return None


def _alone(raw: Mapping[str, Any]) -> tuple[Flow, ...]:
    try:
        return evaluate(read_terms(raw), NOTHING).flows
    except InvalidInput as error:
        raise CorruptRecord(f"checked terms have no flows: {error}", **error.facts) from error
