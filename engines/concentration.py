"""Concentration of deposits and loans: the largest customers of a population and their share of it (LIQ-27)."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import nsmallest
from math import lcm

from engines.indicators import Ratio
from engines.primitives.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Balance:
    customer: str
    amount: Fraction  # >= 0
    group: str = ""  # connected customers count as one; empty: the customer stands alone


@dataclass(frozen=True, slots=True)
class Ranked:
    rank: int  # from 1
    customer: str  # the group where there is one
    amount: Fraction
    share: Ratio
    cumulative: Ratio  # of ranks 1 to this


def largest(balances: Sequence[Balance], top: int, total: Fraction | None = None) -> list[Ranked]:
    """The `top` largest customers, largest first; of equals the lower id first. Fewer where there are not so many.

    Args:
        top: how many, >= 1.
        total: of the same population, where `balances` holds its largest only; default: their sum.
    Raises:
        InvalidInput: a balance is negative, or they add up to more than the total.
    Source: LIQ-27.
    """
    scale = lcm(*{balance.amount.denominator for balance in balances})
    sums: dict[str, int] = {}  # whole units of 1/scale: as exact as fractions, and a million take seconds
    for at, balance in enumerate(balances):
        units = balance.amount.numerator * (scale // balance.amount.denominator)
        if units < 0:
            record = f"balances[{at}]"
            raise InvalidInput("a balance is negative", field=f"{record}.amount", record=record)
        name = balance.group or balance.customer
        sums[name] = sums.get(name, 0) + units
    held = Fraction(sum(sums.values()), scale)
    whole = held if total is None else total
    if held > whole:
        raise InvalidInput("the balances add up to more than the total", field="total")
    ranked, so_far = [], Fraction(0)
    for rank, (name, units) in enumerate(nsmallest(top, sums.items(), key=lambda item: (-item[1], item[0])), 1):
        amount = Fraction(units, scale)
        so_far += amount
        ranked.append(Ranked(rank, name, amount, Ratio(amount, whole), Ratio(so_far, whole)))
    return ranked
