"""Rules that compare a data set with other data: reference lists, the general ledger, yesterday (LIQ-54)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.data_quality import tie_out
from engines.data_rules import Outcome, Record, Value, judged, number

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Reference:
    """The field's value is one of a list kept elsewhere."""

    field: str
    known: Collection[Value]

    def apply(self, records: Sequence[Record]) -> Outcome:
        return judged(records, (self.field,), lambda record: record[self.field] in self.known)


@dataclass(frozen=True, slots=True)
class LedgerTieOut:
    """The records' sum agrees with the general ledger, group by group; what is checked are groups, not records.

    A group that only one side has counts with 0 on the other. A record whose amount is no number makes its group
    fail, since its sum is not known.
    """

    field: str
    group_field: str | None  # None: one group, named ""
    general_ledger: Mapping[str, Fraction]
    tolerance: Fraction

    def apply(self, records: Sequence[Record]) -> Outcome:
        sums: dict[str, Fraction] = {}
        unknown: set[str] = set()
        for record in records:
            group = "" if self.group_field is None else str(record.get(self.group_field) or "")
            amount = number(record.get(self.field))
            if amount is None:
                unknown.add(group)
            sums[group] = sums.get(group, ZERO) + (amount or ZERO)
        groups = sorted(sums.keys() | self.general_ledger.keys())
        failed = [
            group
            for group in groups
            if group in unknown
            or not tie_out(sums.get(group, ZERO), self.general_ledger.get(group, ZERO), self.tolerance).passes
        ]
        return Outcome(len(groups), tuple(failed))


@dataclass(frozen=True, slots=True)
class Plausibility:
    """The number moved by at most a share of yesterday's; records that yesterday had not are not looked at."""

    key_fields: Sequence[str]
    field: str
    yesterday: Mapping[tuple[str, ...], Fraction]
    tolerance: Fraction

    def apply(self, records: Sequence[Record]) -> Outcome:
        checked, failed = 0, []
        for place, record in enumerate(records):
            before = self.yesterday.get(record_key(record, self.key_fields))
            if before is None or record.get(self.field) in (None, ""):
                continue
            checked += 1
            now = number(record[self.field])
            if now is None or abs(now - before) > self.tolerance * abs(before):
                failed.append(str(place))
        return Outcome(checked, tuple(failed))


def record_key(record: Record, fields: Sequence[str]) -> tuple[str, ...]:
    """What tells a record from others, as text, so that 7 and "7" of two sources are one key."""
    return tuple(str(record.get(name) or "") for name in fields)
