"""Which contracts of a portfolio can be computed side by side, and in which groups.

The rules of `term_rules` are asked here in their positive form only: a contract that breaks one, or has what the
vectors do not cover (NTL, fees, scaling, prepayment, a settlement currency, times of day, anchors without a cycle),
stays with the one-contract path.
"""

from dataclasses import dataclass

import numpy as np

from engines.actus.portfolio_columns import ABSENT, DAY_MAX, Columns, Days
from engines.actus.portfolio_maturities import first_redemption, maturities
from engines.actus.portfolio_schedules import Flags
from engines.actus.portfolio_shapes import Rows, Shape, by_shape
from engines.actus.terms import ROLE_SIGN

TYPES = ("PAM", "LAM", "NAM", "ANN")
STEPS_MAX = 5_000  # events of a contract; more are left to the one-contract path


@dataclass(frozen=True, slots=True)
class Group:
    """Contracts of one shape, those with few events first.

    Attributes:
        maturity: Md(t0), as a day.
        steps: a bound of how many events each contract has.
    """

    shape: Shape
    rows: Rows
    maturity: Days
    steps: Rows


def groups(columns: Columns, rows: Rows) -> tuple[list[Group], Rows]:
    """The groups of the contracts in `rows`, and the rows that are left to the one-contract path."""
    vectorised = np.zeros(len(columns.simple), bool)
    found: list[Group] = []
    for shape, candidates in by_shape(columns, rows[columns.simple[rows]]):
        members = candidates[_fit(columns, shape, candidates)]
        if not len(members):
            continue  # and what follows may rely on what `_fit` demands
        maturity, known = maturities(columns, shape, members)
        steps = _steps(columns, shape, members, maturity)
        known &= (steps <= STEPS_MAX) & _ends_in_order(columns, shape, members, maturity)
        members, maturity, steps = members[known], maturity[known], steps[known]
        order = np.lexsort((members, steps))
        found.append(Group(shape, members[order], maturity[order], steps[order]))
        vectorised[members] = True
    return found, rows[~vectorised[rows]]


def _fit(columns: Columns, shape: Shape, rows: Rows) -> Flags:
    """Which contracts keep every rule of their type and need nothing that the vectors lack."""
    days = {name: values[rows] for name, values in columns.days.items()}
    number = {name: values[rows] for name, values in columns.numbers.items()}
    given = {name: values != ABSENT for name, values in days.items()}
    has = {name: ~np.isnan(values) for name, values in number.items()}
    start, end = days["initialExchangeDate"], days["maturityDate"]
    has_rate = has["nominalInterestRate"]
    fit: Flags = given["statusDate"] & given["initialExchangeDate"] & has["notionalPrincipal"]
    fit &= _supported(shape, given)
    fit &= _in(columns, rows, "contractRole", tuple(ROLE_SIGN)) & _own_currency(columns, rows)
    fit &= ~has_rate | (shape.day_count is not None)
    fit &= (~given["maturityDate"] | (end > start)) & (
        ~given["amortizationDate"] | (days["amortizationDate"] > start)
    )
    for name in ("cycleAnchorDateOfPrincipalRedemption", "cycleAnchorDateOfRateReset", "capitalizationEndDate"):
        fit &= ~given[name] | (days[name] >= start)
    for name in ("purchaseDate", "terminationDate"):
        fit &= ~given[name] | (given["maturityDate"] & (days[name] <= end))
    fit &= ~given["purchaseDate"] | has["priceAtPurchaseDate"]
    fit &= ~given["terminationDate"] | has["priceAtTerminationDate"]
    both = given["purchaseDate"] & given["terminationDate"]
    fit &= ~both | (days["terminationDate"] >= days["purchaseDate"])
    fit &= ~(has["lifeCap"] & has["lifeFloor"]) | (number["lifeCap"] >= number["lifeFloor"])
    if shape.reset_cycle is not None:
        fit &= has_rate & (shape.reset_code != "")
    fit &= ~(has["feeRate"] & (number["feeRate"] != 0.0))
    paying = has["nextPrincipalRedemptionPayment"] & (number["nextPrincipalRedemptionPayment"] > 0.0)
    match shape.contract_type:
        case "PAM":
            fit &= given["maturityDate"]
        case "LAM":
            fit &= given["maturityDate"] | paying
        case "NAM":
            fit &= has["nextPrincipalRedemptionPayment"] & has_rate & (given["maturityDate"] | paying)
        case _:
            fit &= has_rate & (given["maturityDate"] | given["amortizationDate"] | paying)
            fit &= ~(given["maturityDate"] & given["amortizationDate"])
    return fit


def _supported(shape: Shape, given: dict[str, Flags]) -> Flags:
    """No anchor without its cycle, no cycle of months and days, known type."""
    known = np.full(len(given["statusDate"]), shape.contract_type in TYPES)
    cycles = {
        "cycleAnchorDateOfInterestPayment": shape.interest_cycle,
        "cycleAnchorDateOfPrincipalRedemption": shape.redemption_cycle,
        "cycleAnchorDateOfRateReset": shape.reset_cycle,
    }
    for anchor, cycle in cycles.items():
        if cycle is None:
            known &= ~given[anchor] | ((shape.contract_type == "PAM") & ("Redemption" in anchor))
        elif cycle.months and cycle.days:
            known[:] = False
    if shape.contract_type != "PAM" and shape.redemption_cycle is None:
        known[:] = False
    return known


def _in(columns: Columns, rows: Rows, name: str, allowed: tuple[str, ...]) -> Flags:
    table = np.array([value in allowed for value in columns.values[name]])
    found: Flags = table[columns.codes[name][rows]]
    return found


def _own_currency(columns: Columns, rows: Rows) -> Flags:
    """A currency is given, and payoffs are in it."""
    own = np.array([value or "" for value in columns.values["currency"]])[columns.codes["currency"][rows]]
    settled = np.array([value or "" for value in columns.values["settlementCurrency"]])
    settled = settled[columns.codes["settlementCurrency"][rows]]
    fit: Flags = (own != "") & ((settled == "") | (settled == own))
    return fit


def _ends_in_order(columns: Columns, shape: Shape, rows: Rows, maturity: Days) -> Flags:
    """The maturity is in the tables, after the start, not before the first redemption or the capitalisation's end."""
    start, capitalised = columns.days["initialExchangeDate"][rows], columns.days["capitalizationEndDate"][rows]
    ordered: Flags = (maturity <= DAY_MAX) & (maturity > start) & (capitalised <= maturity)
    if shape.contract_type != "PAM":
        anchor = columns.days["cycleAnchorDateOfPrincipalRedemption"][rows]
        ordered &= first_redemption(shape, anchor, start) <= maturity
    return ordered


def _steps(columns: Columns, shape: Shape, rows: Rows, maturity: Days) -> Rows:
    """A bound of how many events a contract has, from its days and cycles."""
    status, start = columns.days["statusDate"][rows], columns.days["initialExchangeDate"][rows]
    life = np.maximum(maturity - np.maximum(status, start), 0)
    steps = np.full(len(rows), 8)
    redeems = 1 if shape.contract_type == "LAM" else 2  # NAM and ANN pay interest with each redemption
    resets = 2 if shape.contract_type == "ANN" else 1  # an annuity fixes its instalment with each reset
    cycles = ((shape.interest_cycle, 1), (shape.redemption_cycle, redeems), (shape.reset_cycle, resets))
    for cycle, events in cycles:
        if cycle is not None:
            steps = steps + events * (life // max(cycle.months * 30 + cycle.days, 1) + 2)
    return steps
