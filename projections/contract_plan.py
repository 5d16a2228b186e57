"""How dated contracts pay, before any flow is known: type, day count and the parts that are fixed in minor units.

The terms of decision Q17 and docs/adr/0009, for one contract or for many side by side. Not for flows: those are
`projections.contract_portfolio`.
"""

import numpy as np

from engines.actus.dates import add_months
from engines.flow_frame import RATE_SCALE
from projections.contract_terms import ACTUS_DAY_COUNTS, AMORTISATIONS, DAY_COUNTS, ContractTerms, Integers, Table
from projections.flow_booking import half_up
from projections.instalment_periods import level_periods

PAM, LAM, ANN = range(3)
NO_DAY_COUNT = len(ACTUS_DAY_COUNTS)

BULLET, EQUAL_PRINCIPAL, ANNUITY, ZERO, CUSTOM = range(len(AMORTISATIONS))


class Plan:
    """What the terms of dated contracts come to, one element a contract.

    Attributes:
        kind: PAM, LAM or ANN.
        day_count: place in ACTUS_DAY_COUNTS; NO_DAY_COUNT: no interest.
        interest_cycle: whether interest is paid before the maturity on a cycle of its own.
        part_minor: the redemption (LAM) or instalment (ANN); 0 for a PAM.
    """

    def __init__(self, terms: Table) -> None:
        start, end, months = terms["start_day"], terms["maturity_day"], terms["months"]
        amortisation = terms["amortisation"]
        single = (months == 0) | (amortisation == ZERO)
        several = np.flatnonzero(~single)
        single[several] = add_months(start[several], months[several]) >= end[several]
        self.kind = np.where(amortisation == EQUAL_PRINCIPAL, LAM, np.where(amortisation == ANNUITY, ANN, PAM))
        self.kind[single] = PAM
        # ANN wants a rate, also one of nothing.
        bears = ((terms["rate_units"] != 0) | (self.kind == ANN)) & (amortisation != ZERO)
        self.day_count = np.where(bears, terms["day_count"], NO_DAY_COUNT)
        self.interest_cycle = bears & ~single & (self.kind != ANN)
        self.part_minor = np.zeros_like(start)
        for kind, amount in ((LAM, _equal_part), (ANN, _instalment)):
            rows = np.flatnonzero(self.kind == kind)
            if len(rows):
                some = {name: terms[name][rows] for name in _SCHEDULE}
                self.part_minor[rows] = amount(some, _payments(some))

    @classmethod
    def of_one(cls, terms: ContractTerms) -> "Plan":
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
