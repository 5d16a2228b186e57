"""What moved between two cuts, as input of `tidemark calc explain_change`: entries, moves, customers under a rule."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from pydantic import Field

from api.calculations.fields import Count, Exact, Inputs, Name, NonNegative
from engines.explain_entries import (
    BalanceEntry,
    CellRule,
    Customer,
    FacilityUse,
    InsuredDeposit,
    NetPosition,
    movements,
)
from engines.explain_lines import Entry, Flag, Movement
from engines.primitives.errors import InvalidInput

FLAGS: tuple[Flag, ...] = ("late", "correction", "reversal")


class EntryInput(Inputs):
    """A record of the log between the cuts: on a cell, or on a balance of a customer under a rule."""

    entry_id: Name
    partition: Count = 0
    offset: Count
    amount: Exact
    cell: Name | None = None
    customer: Name | None = None
    balance: Literal["claims", "debts", "undrawn", "debt_due"] | None = Field(
        default=None, description="which of a customer's two balances"
    )
    late: bool = False
    correction: bool = False
    reversal: bool = False

    def entry(self) -> Entry:
        return Entry(
            self.entry_id, self.partition, self.offset, frozenset(flag for flag in FLAGS if getattr(self, flag))
        )


class MoveInput(Inputs):
    """A change of quantity that no entry made: a roll, another tag of a part, another table."""

    cell: Name
    amount: Exact
    cause: Literal["ROLL", "TAG", "FACTOR"]


class Depositor(Inputs):
    """A depositor's whole balance, split at the insurance limit; a limit of 0: not covered."""

    customer: Name
    balance_before: Exact
    insurance_limit: NonNegative
    insurance_limit_after: NonNegative | None = Field(default=None, description="default: unchanged")
    insured_cell: Name
    uninsured_cell: Name
    overdrawn_cell: Name | None = None

    def rules(self) -> tuple[CellRule, CellRule | None]:
        cells = (self.insured_cell, self.uninsured_cell)
        after = self.insurance_limit_after
        return InsuredDeposit(*cells, self.insurance_limit, self.overdrawn_cell), (
            None if after is None else InsuredDeposit(*cells, after, self.overdrawn_cell)
        )

    def balances(self) -> tuple[Fraction, ...]:
        return (self.balance_before,)

    def place(self, balance: str | None) -> int | None:
        return 0 if balance is None else None


class NettedCounterparty(Inputs):
    """Claims and debts, of which only the net counts."""

    customer: Name
    claims_before: Exact
    debts_before: Exact
    claim_cell: Name
    debt_cell: Name

    def rules(self) -> tuple[CellRule, CellRule | None]:
        return NetPosition(self.claim_cell, self.debt_cell), None

    def balances(self) -> tuple[Fraction, ...]:
        return self.claims_before, self.debts_before

    def place(self, balance: str | None) -> int | None:
        return {"claims": 0, "debts": 1}.get(balance or "")


class Facility(Inputs):
    """An undrawn line; the part that backs debt due within the horizon is a liquidity facility."""

    customer: Name
    undrawn_before: NonNegative
    debt_due_before: NonNegative
    liquidity_cell: Name
    credit_cell: Name

    def rules(self) -> tuple[CellRule, CellRule | None]:
        return FacilityUse(self.liquidity_cell, self.credit_cell), None

    def balances(self) -> tuple[Fraction, ...]:
        return self.undrawn_before, self.debt_due_before

    def place(self, balance: str | None) -> int | None:
        return {"undrawn": 0, "debt_due": 1}.get(balance or "")


CustomerInput = Depositor | NettedCounterparty | Facility


class Between(Inputs):
    """What happened between the cuts. Without `entries` what no other cause explains is one line without a name."""

    entries: list[EntryInput] | None = None
    moves: list[MoveInput] = Field(default=[])
    depositors: list[Depositor] = Field(default=[])
    netted: list[NettedCounterparty] = Field(default=[])
    facilities: list[Facility] = Field(default=[])
    amount_digits: Count = Field(default=2, le=12, description="decimals of the amounts shown")

    def movements(self) -> list[Movement] | None:
        """None where entries are not known.

        Raises:
            InvalidInput: entries are missing beside what needs them, or name both or neither of cell and customer,
                an unknown customer or balance; a customer stands twice; as `explain_entries.movements`.
        """
        customers: list[CustomerInput] = [*self.depositors, *self.netted, *self.facilities]
        if self.entries is None:
            if self.moves or customers:
                raise InvalidInput("moves and customers need entries, if only an empty list", field="entries")
            return None
        known = {one.customer: one for one in customers}
        if len(known) < len(customers):
            raise InvalidInput("a customer stands twice", field="customer")
        booked: dict[str, list[BalanceEntry]] = {name: [] for name in known}
        found = [Movement(one.cell, one.amount, one.cause) for one in self.moves]
        for at, one in enumerate(self.entries):
            owner, place = _target(one, known, f"entries[{at}]")
            if owner is None:
                found.append(Movement(one.cell or "", one.amount, "ENTRY", one.entry()))
            else:
                booked[owner.customer].append(BalanceEntry(one.entry(), one.amount, place))
        return found + movements(
            Customer(name, one.rules()[0], one.balances(), booked[name], one.rules()[1])
            for name, one in known.items()
        )


def _target(one: EntryInput, known: Mapping[str, CustomerInput], record: str) -> tuple[CustomerInput | None, int]:
    """The customer and which of its balances; None: the entry is on a cell."""
    if (one.cell is None) is (one.customer is None):
        raise InvalidInput("want a cell or a customer", field=f"{record}.cell", record=record)
    if one.customer is None:
        if one.balance is not None:
            raise InvalidInput("a cell has no balance", field=f"{record}.balance", record=record)
        return None, 0
    owner = known.get(one.customer)
    if owner is None:
        raise InvalidInput(f"no customer {one.customer!r} is given", field=f"{record}.customer", record=record)
    place = owner.place(one.balance)
    if place is None:
        message = f"{one.balance!r} is not a balance of customer {owner.customer!r}"
        raise InvalidInput(message, field=f"{record}.balance", record=record)
    return owner, place
