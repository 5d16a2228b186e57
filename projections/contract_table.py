"""The checked terms of many contracts in columns: what `ContractTerms` says of one.

Readers that read thousands of records at once make it directly; nothing but the gap's fold takes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from projections.contract_terms import COLUMNS, ContractTerms, Integers, Table, more_text, values_of
from projections.dictionary import Key

VALUES = tuple(name for name in COLUMNS if name != "cell")  # the code of a cell is the state's to give


@dataclass(frozen=True, slots=True)
class ContractTable:
    """One element a contract.

    Attributes:
        keys: entity and contract id.
        cells: `ContractTerms.cell`.
        values: the columns of VALUES.
        more: `more_text` of those that have one, by place.
    """

    keys: Sequence[Key]
    cells: Sequence[Key]
    values: Table
    more: Mapping[int, str]

    @classmethod
    def of(cls, rows: Sequence[ContractTerms]) -> "ContractTable":
        table = np.array([values_of(row, 0) for row in rows], np.int64).reshape(len(rows), len(COLUMNS)).T
        values = dict(zip(COLUMNS, table, strict=True))
        return cls(
            [(row.entity, row.contract_id) for row in rows],
            [row.cell for row in rows],
            {name: values[name] for name in VALUES},
            {place: text for place, row in enumerate(rows) if (text := more_text(row))},
        )

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, places: Integers) -> "ContractTable":
        """Those at `places`, in that order."""
        listed = places.tolist()
        more = self.more and {at: self.more[place] for at, place in enumerate(listed) if place in self.more}
        return ContractTable(
            [self.keys[place] for place in listed],
            [self.cells[place] for place in listed],
            {name: column[places] for name, column in self.values.items()},
            more,
        )

    def latest(self, start: int) -> "ContractTable":
        """The last one of each contract among those from `start` on, in order of first appearance."""
        last = {key: place for place, key in enumerate(islice(self.keys, start, None), start)}
        if len(last) == len(self):
            return self
        return self.take(np.fromiter(last.values(), np.int64, len(last)))

    def followed_by(self, other: "ContractTable") -> "ContractTable":
        return ContractTable(
            [*self.keys, *other.keys],
            [*self.cells, *other.cells],
            {name: np.concatenate((column, other.values[name])) for name, column in self.values.items()},
            {**self.more, **{len(self) + place: text for place, text in other.more.items()}},
        )
