"""What an entry does to the cells of a ratio when a rule stands between a customer's account and the ratio.

The insured split, netting and the split of a facility are piecewise linear in a customer's balances, so that the
effect of an entry depends on those before it. The entries of a customer share one partition: their effects telescope
in the order of offsets, each the cells after it less the cells before it, and add up to the whole (decision Q9).
Not for the worth of a cell in a ratio: `engines.explain_lines`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from engines.explain_lines import Entry, Movement, Moving
from engines.factor_lines import Amount
from engines.primitives.errors import InvalidInput

Balances = tuple[Amount, ...]


class CellRule(Protocol):
    """How the balances of one customer become quantities of cells."""

    @property
    def balances(self) -> int:
        """How many there are."""

    def cells(self, balances: Balances) -> Mapping[str, Amount]: ...


@dataclass(frozen=True, slots=True)
class InsuredDeposit:
    """One balance, split at the limit of deposit insurance; below zero it is a loan and no deposit.

    A depositor whose deposits are not covered in full has the limit 0. Source: BCBS 238 paragraphs 75-79.
    """

    insured_cell: str
    uninsured_cell: str
    limit: Amount
    overdrawn_cell: str | None = None  # None: overdrafts count nowhere here
    balances = 1

    def cells(self, balances: Balances) -> Mapping[str, Amount]:
        deposit = max(balances[0], 0)
        insured = min(deposit, self.limit)
        found = {self.insured_cell: insured, self.uninsured_cell: deposit - insured}
        if self.overdrawn_cell is not None:
            found[self.overdrawn_cell] = max(-balances[0], 0)
        return found


@dataclass(frozen=True, slots=True)
class NetPosition:
    """Claims on a counterparty and debts to it: what is left after netting is one or the other, never both."""

    claim_cell: str
    debt_cell: str
    balances = 2  # claims, debts

    def cells(self, balances: Balances) -> Mapping[str, Amount]:
        net = balances[0] - balances[1]
        return {self.claim_cell: max(net, 0), self.debt_cell: max(-net, 0)}


@dataclass(frozen=True, slots=True)
class FacilityUse:
    """An undrawn line and the client's debt due that it backs. Source: BCBS 238 paragraph 128."""

    liquidity_cell: str
    credit_cell: str
    balances = 2  # undrawn, debt due within the horizon

    def cells(self, balances: Balances) -> Mapping[str, Amount]:
        backing = min(balances)
        return {self.liquidity_cell: backing, self.credit_cell: balances[0] - backing}


@dataclass(frozen=True, slots=True)
class BalanceEntry:
    """An entry on one balance of a customer, `place` counted from 0."""

    entry: Entry
    amount: Amount
    place: int = 0


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer's side of a rule, between two cuts; `rule_after` if the rule itself changed (another limit)."""

    customer: str
    rule: CellRule
    balances_before: Balances
    entries: Sequence[BalanceEntry]
    rule_after: CellRule | None = None


def movements(customers: Iterable[Customer]) -> list[Movement]:
    """Movements of cells by the entries of customers, each telescoped in the order of offsets.

    Where the rule changed, the entries are valued under both rules and the change of the rule on the balances before
    and after them, each counted by half: what a Shapley value of the two gives, and the same backwards in time. The
    change of the rule is a FACTOR movement.

    Returns:
        No movement of 0; of a customer in the order of offsets, whatever the order given.
    Raises:
        InvalidInput: `record` is the customer: entries of two partitions, two at one offset, a balance the rule does
            not have.
    Source: decision Q9, step 1.
    """
    return [one for customer in customers for one in _of_customer(customer)]


def reversed_movements(found: Iterable[Movement]) -> list[Movement]:
    """The same movements for the two cuts in the other order."""
    return [Movement(one.cell, -one.quantity, one.cause, one.entry) for one in found]


def _of_customer(customer: Customer) -> list[Movement]:
    rules = [customer.rule] if customer.rule_after is None else [customer.rule, customer.rule_after]
    found: list[Movement] = []
    balances = customer.balances_before
    for one in _in_order(customer):
        later = _booked(balances, one)
        found += _mean_moves([(rule.cells(balances), rule.cells(later)) for rule in rules], "ENTRY", one.entry)
        balances = later
    if len(rules) > 1:
        ends = (customer.balances_before, balances)
        found += _mean_moves([(rules[0].cells(held), rules[1].cells(held)) for held in ends], "FACTOR", None)
    return found


def _mean_moves(
    steps: Sequence[tuple[Mapping[str, Amount], Mapping[str, Amount]]], cause: Moving, entry: Entry | None
) -> list[Movement]:
    names = dict.fromkeys(name for step in steps for cells in step for name in cells)
    changes = {name: sum(after.get(name, 0) - before.get(name, 0) for before, after in steps) for name in names}
    share = 1 if len(steps) == 1 else Fraction(1, len(steps))  # integers stay integers
    return [Movement(name, change * share, cause, entry) for name, change in changes.items() if change]


def _booked(balances: Balances, one: BalanceEntry) -> Balances:
    return (*balances[: one.place], balances[one.place] + one.amount, *balances[one.place + 1 :])


def _in_order(customer: Customer) -> list[BalanceEntry]:
    ordered = sorted(customer.entries, key=lambda one: one.entry.offset)
    count = customer.rule.balances
    message = None
    if len({one.entry.partition for one in ordered}) > 1:
        message = "the entries of a customer share one partition"
    elif len({one.entry.offset for one in ordered}) < len(ordered):
        message = "two entries stand at one offset"
    elif len(customer.balances_before) != count or any(not 0 <= one.place < count for one in ordered):
        message = f"the rule has {count} balances"
    if message is not None:
        raise InvalidInput(f"customer {customer.customer!r}: {message}", field="entries", record=customer.customer)
    return ordered
