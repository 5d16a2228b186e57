"""Flows of contracts by the ACTUS engine, booked in minor units: what the gap and its drill-down are made of.

How a contract's terms are said in ACTUS (decision Q17, docs/adr/0009), once for one contract (`actus_terms`, which a
reader may hand to `tidemark calc cashflows`) and once in columns (`flows_minor`); tests hold the two together. Not
for raw ACTUS terms and irregular schedules, which go one by one: `projections.irregular_flows`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from engines.actus.dates import DAY_SECONDS, add_months, show_day
from engines.actus.events import EventType
from engines.actus.portfolio import cash_flows
from engines.flow_frame import DEMAND_DAY, KINDS, OWN, PRINCIPAL, RATE_SCALE, UNDATED_DAY, FlowColumns
from engines.primitives.errors import CorruptRecord
from engines.primitives.money import exponent
from projections.contract_terms import (
    ACTUS_DAY_COUNTS,
    AMORTISATIONS,
    DAY_COUNTS,
    ContractTerms,
    Integers,
    Table,
    cycle,
)
from projections.flow_booking import booked, half_up
from projections.instalment_periods import level_periods
from projections.irregular_flows import irregular_flows, raw_terms, schedule_terms

PAM, LAM, ANN = range(3)
_TYPES = pl.Series(["PAM", "LAM", "ANN"])
_DAY_COUNTS = pl.Series([*ACTUS_DAY_COUNTS, None])
_NO_DAY_COUNT = len(ACTUS_DAY_COUNTS)

BULLET, EQUAL_PRINCIPAL, ANNUITY, ZERO, CUSTOM = range(len(AMORTISATIONS))
Part = tuple[Integers, Integers, Integers, Integers]  # row, day, kind, amount of flows

_PRINCIPAL = KINDS.index(PRINCIPAL)
_IS_PRINCIPAL = np.array([kind in (EventType.PR, EventType.MD) for kind in EventType])

MORE_FLOWS = 1_000  # how many flows a contract with a text may have, for bounds of memory only


def actus_terms(terms: ContractTerms) -> dict[str, Any]:
    """One contract as ACTUS terms under their dictionary names: numbers, texts and ISO dates.

    bullet is PAM, equal_principal LAM, annuity ANN, zero PAM without interest, custom with its schedule LAX, a
    contract without any date CLM (on demand) or UMP. Raw ACTUS terms are given back with what the record says of
    itself: id, role, currency, status date. The status date is the start, so that the exchange of the principal is
    past; amortising parts are fixed in minor units, as a bank books them. A floating rate is held at its present
    value: the terms have no rate reset.

    Args:
        terms: checked; a maturity on the start gives terms that begin a day earlier and bear no interest.
    """
    if terms.actus:
        return raw_terms(terms)
    inward = terms.side in ("asset", "obs_in")
    scale = 10 ** exponent(terms.currency)
    start, end = terms.start_day, terms.maturity_day
    found: dict[str, Any] = {
        "contractType": "PAM",
        "contractID": terms.contract_id,
        "contractRole": "RPA" if inward else "RPL",
        "currency": terms.currency,
        "statusDate": show_day(start),
        "initialExchangeDate": show_day(start),
        "notionalPrincipal": terms.principal_minor / scale,
    }
    if terms.schedule:
        return found | schedule_terms(terms)
    if terms.on_demand or end is None or terms.amortisation == "custom":
        return found | {"contractType": "CLM" if terms.on_demand else "UMP"}
    if end == start:
        before = show_day(start - 1)
        return found | {"statusDate": before, "initialExchangeDate": before, "maturityDate": show_day(end)}
    plan = _Plan.of_one(terms)
    found["maturityDate"] = show_day(end)
    if plan.day_count[0] != _NO_DAY_COUNT:
        found["nominalInterestRate"] = terms.rate_units / RATE_SCALE
        found["dayCountConvention"] = ACTUS_DAY_COUNTS[int(plan.day_count[0])]
    found["contractType"] = _TYPES[int(plan.kind[0])]
    if plan.interest_cycle[0]:
        found["cycleOfInterestPayment"] = cycle(terms.months)
    if plan.kind[0] != PAM:
        found["cycleOfPrincipalRedemption"] = cycle(terms.months)
        found["nextPrincipalRedemptionPayment"] = int(plan.part_minor[0]) / scale
    return found


def flows_minor(terms: Table, irregular: Mapping[int, ContractTerms]) -> FlowColumns:
    """Booked flows of contracts, of all types, from columns.

    Each flow is rounded HALF_UP to minor units, the last principal flow of a contract takes the difference (Q17), so
    that what is repaid is the principal, exactly.

    Args:
        terms: the columns of `contract_terms.COLUMNS`; closed contracts have no flows.
        irregular: those with a schedule or raw ACTUS terms, by row.
    Raises:
        CorruptRecord: terms have no flows, which their check should have told.
        InvalidInput: so for `irregular`.
    Source: LIQ-11; decisions Q17, S29; docs/adr/0009.
    """
    live = terms["open"] == 1
    live[list(irregular)] = False
    dated = (terms["dated"] == 1) & (terms["on_demand"] == 0) & (terms["amortisation"] != CUSTOM)
    at_start = dated & (terms["maturity_day"] == terms["start_day"])
    lump = np.flatnonzero(live & (~dated | at_start) & (terms["principal_minor"] != 0))
    day = np.where(terms["on_demand"] == 1, DEMAND_DAY, np.where(at_start, terms["maturity_day"], UNDATED_DAY))
    parts: list[Part] = [(lump, day[lump], np.full(len(lump), _PRINCIPAL), terms["principal_minor"][lump])]
    parts += _scheduled(terms, np.flatnonzero(live & dated & ~at_start))
    regular = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
    others = [
        (row, *flow)
        for row, one in sorted(irregular.items())
        if not one.closed
        for flow in irregular_flows(one, actus_terms(one))
    ]
    return _joined(regular, others)


def flows_at_most(terms: Table, more: list[str]) -> Integers:
    """A bound of how many flows each contract has."""
    days, months = terms["maturity_day"] - terms["start_day"], terms["months"]
    bound: Integers = np.where(months > 0, 2 * (days // (28 * np.maximum(months, 1)) + 2), 2)
    return bound + MORE_FLOWS * np.array([bool(text) for text in more], np.int64)


class _Plan:
    """What the terms of dated contracts come to, one element a contract.

    Attributes:
        kind: PAM, LAM or ANN.
        day_count: place in ACTUS_DAY_COUNTS; _NO_DAY_COUNT: no interest.
        interest_cycle: whether interest is paid before the maturity on a cycle of its own.
        part_minor: the redemption (LAM) or instalment (ANN); 0 for a PAM.
    """

    def __init__(self, terms: Table) -> None:
        start, end, months = terms["start_day"], terms["maturity_day"], terms["months"]
        amortisation = terms["amortisation"]
        single = (months == 0) | (add_months(start, months) >= end) | (amortisation == ZERO)
        self.kind = np.where(amortisation == EQUAL_PRINCIPAL, LAM, np.where(amortisation == ANNUITY, ANN, PAM))
        self.kind[single] = PAM
        # ANN wants a rate, also one of nothing.
        bears = ((terms["rate_units"] != 0) | (self.kind == ANN)) & (amortisation != ZERO)
        self.day_count = np.where(bears, terms["day_count"], _NO_DAY_COUNT)
        self.interest_cycle = bears & ~single & (self.kind != ANN)
        self.part_minor = np.zeros_like(start)
        for kind, amount in ((LAM, _equal_part), (ANN, _instalment)):
            rows = np.flatnonzero(self.kind == kind)
            if len(rows):
                some = {name: terms[name][rows] for name in _SCHEDULE}
                self.part_minor[rows] = amount(some, _payments(some))

    @classmethod
    def of_one(cls, terms: ContractTerms) -> "_Plan":
        values = {
            "amortisation": AMORTISATIONS.index(terms.amortisation),
            "day_count": DAY_COUNTS.index(terms.day_count),
            "principal_minor": terms.principal_minor,
            "rate_units": terms.rate_units,
            "start_day": terms.start_day,
            "maturity_day": terms.maturity_day or 0,
            "months": terms.months,
        }
        return cls({name: np.array([value], np.int64) for name, value in values.items()})


_SCHEDULE = ("principal_minor", "rate_units", "day_count", "start_day", "maturity_day", "months")


def _payments(terms: Table) -> Integers:
    """How many payments there are, the one at maturity included; at least one cycle lies before the maturity."""
    start, end, months = terms["start_day"], terms["maturity_day"], terms["months"]
    first, last = (day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) for day in (start, end))
    whole = np.maximum((last - first) // months, 1)
    before: Integers = whole - (add_months(start, whole * months) >= end)
    return before + 1


def _equal_part(terms: Table, payments: Integers) -> Integers:
    part: Integers = (2 * terms["principal_minor"] + payments) // (2 * payments)
    return part


def _instalment(terms: Table, payments: Integers) -> Integers:
    """The level instalment that repays the principal at the end, by the days of each period, HALF_UP."""
    order = np.argsort(-payments, kind="stable")
    some = {name: column[order] for name, column in terms.items()}
    count = payments[order]
    first = np.cumsum(count) - count
    rate = np.repeat(some["rate_units"] / RATE_SCALE, count)
    growth = 1.0 + level_periods(some, count) * rate
    present, total = np.ones(len(order)), np.zeros(len(order))
    with np.errstate(all="ignore"):  # a rate near -100% can divide by nothing: judged below
        for step in range(int(count[0])):  # over time; the contracts that still pay go side by side
            live = int(np.searchsorted(-count, -step, side="left"))
            present[:live] /= growth[first[:live] + step]
            total[:live] += present[:live]
        amount = some["principal_minor"] / total
    found = np.empty_like(payments)
    found[order] = half_up(np.where(np.isfinite(amount) & (total > 0), amount, some["principal_minor"] / count))
    return found


def _scheduled(terms: Table, rows: Integers) -> list[Part]:
    """Flows of dated contracts: row, day, kind, amount."""
    if not len(rows):
        return []
    some = {name: column[rows] for name, column in terms.items()}
    scale: NDArray[np.float64] = 10.0 ** some["exponent"].astype(np.float64)
    flows = cash_flows(_portfolio(some, scale), threads=1)
    parts: list[Part] = []
    for frame in flows:
        paid = frame.filter(frame["payoff"] != 0.0)
        event = paid["event_type"].to_physical().to_numpy()
        principal = _IS_PRINCIPAL[event]
        row = paid["contract_row"].to_numpy().astype(np.int64)
        minor = booked(row, paid["payoff"].to_numpy() * scale[row], principal, some["principal_minor"])
        kept = np.flatnonzero(minor)
        day = paid["instant"].dt.epoch("s").to_numpy() // DAY_SECONDS
        parts.append((rows[row[kept]], day[kept], principal[kept].astype(np.int64), minor[kept]))
    if flows.errors:
        error = flows.errors[0]
        raise CorruptRecord(f"checked terms have no flows: {error.rule}", rows=len(flows.errors))
    return parts


def _portfolio(terms: Table, scale: NDArray[np.float64]) -> pl.DataFrame:
    """`actus_terms` in columns; all in the role of the holder of the contract's side."""
    plan = _Plan(terms)
    count = len(plan.kind)
    start = pl.Series(terms["start_day"].astype("datetime64[D]"))
    months = np.unique(terms["months"])
    cycles = pl.Series([cycle(int(value)) for value in months] + [None], dtype=pl.String)
    place, none = np.searchsorted(months, terms["months"]), len(months)
    rate = pl.Series(terms["rate_units"] / RATE_SCALE)
    part = pl.Series(plan.part_minor / scale)
    amortises, bears = pl.Series(plan.kind != PAM), pl.Series(plan.day_count != _NO_DAY_COUNT)
    return pl.DataFrame(
        {
            "contractType": _TYPES.gather(plan.kind),
            "contractRole": pl.Series(["RPA"]).gather(np.zeros(count, np.int64)),
            "currency": pl.Series(["XXX"]).gather(np.zeros(count, np.int64)),  # payoffs are told apart by row
            "statusDate": start,
            "initialExchangeDate": start,
            "maturityDate": pl.Series(terms["maturity_day"].astype("datetime64[D]")),
            "notionalPrincipal": pl.Series(terms["principal_minor"] / scale),
            "nominalInterestRate": pl.select(pl.when(bears).then(rate)).to_series(),
            "dayCountConvention": _DAY_COUNTS.gather(plan.day_count),
            "cycleOfInterestPayment": cycles.gather(np.where(plan.interest_cycle, place, none)),
            "cycleOfPrincipalRedemption": cycles.gather(np.where(plan.kind != PAM, place, none)),
            "nextPrincipalRedemptionPayment": pl.select(pl.when(amortises).then(part)).to_series(),
        }
    )


def _joined(regular: list[Integers], others: list[tuple[int, int, int, int, str]]) -> FlowColumns:
    """Columns of all flows; those of `others` are row, day, kind, amount and the currency, empty for the own."""
    currencies = tuple(sorted({flow[4] for flow in others} - {""}))
    place = {"": OWN} | {currency: code for code, currency in enumerate(currencies)}
    table = np.array([(*flow[:4], place[flow[4]]) for flow in others], np.int64).reshape(len(others), 5).T
    own = np.full(len(regular[0]), OWN)
    row, day, kind, amount, currency = (
        np.concatenate(pair) if others else pair[0] for pair in zip([*regular, own], table, strict=True)
    )
    return FlowColumns(row, day, kind, amount, currency, currencies)
