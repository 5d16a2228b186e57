"""Disposals and their cash at one cut: the audit topic folded by the reader, the policy applied to it (decision S12).

The fold keeps promises by date and nothing of "today" (S13); here the business date and the policy in force on it say
what is expected. Not for the gap (`recovery_gap.py`) nor for why it moved (`recovery_changes.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from engines.primitives.errors import CorruptRecord
from engines.recovery_inflows import UNSTRESSED, Expected, OpenDisposal, RecoveryTable, Severity, expected_inflows
from infra.recovery_policies import RecoveryPolicy
from projections.recovery_cash import RecoveryCashState, fold
from projections.recovery_records import CashMove, Disposal, DisposalId, decode_decision
from streams.views_figures import AsOf, Filters
from streams.views_wire import Record

Disposals = Mapping[DisposalId, Disposal]


class RecoveryBook:
    """The folded audit topic. One partition, read from its beginning; not thread-safe."""

    def __init__(self) -> None:
        self.state = RecoveryCashState()
        self.changed = False

    @property
    def next_offset(self) -> int:
        return self.state.next_offset

    def apply(self, record: Record) -> None:
        """Raises msgspec.MsgspecError: not a decision event; it then counts as read, and the caller counts it."""
        if record.partition:
            raise CorruptRecord("decisions have one partition", partition=record.partition)
        if record.offset < self.state.next_offset:
            return
        moves = len(self.state.moves)
        try:
            found = [(record.offset, decode_decision(record.value))]
            # Records come in order; what lies between two of them is no record (a marker of a transaction).
            fold(self.state, found, self.state.next_offset, record.offset + 1)
        finally:
            self.state.next_offset = record.offset + 1
        self.changed |= len(self.state.moves) > moves

    def take_changed(self) -> bool:
        found, self.changed = self.changed, False
        return found

    def picture(self) -> "RecoveryPicture":
        """What a figure needs of it, which stays as it is while the log goes on: 20,000 disposals take a second to
        judge, and that is not a second in which the view may stand still."""
        return RecoveryPicture(dict(self.state.disposals), tuple(self.state.moves), self.next_offset)


class RecoveryPicture(NamedTuple):
    """The disposals at one cut, and how they came to be."""

    disposals: Disposals
    moves: Sequence[CashMove]
    next_offset: int

    def dated(self, as_of: AsOf) -> AsOf:
        """The same dates; an entity without one gets the newest day of its disposals."""
        newest: dict[str, date] = {}
        for one in self.disposals.values():
            newest[one.entity] = max(newest.get(one.entity, date.min), one.stage_on)
        return AsOf(as_of.explicit, newest | dict(as_of.by_entity))


class RecoveryRow(NamedTuple):
    """One disposal on a business date. `expected` is None once it is closed."""

    disposal: Disposal
    as_of: date
    expected: Expected | None
    table: RecoveryTable
    table_in_force: bool


def rows_of(
    disposals: Disposals, policy: RecoveryPolicy, as_of: AsOf, *, severity: str | None = None
) -> list[RecoveryRow]:
    """Every disposal of entities with a date, in the order in which they began.

    Args:
        severity: mild, moderate or severe; None: no stress.
    """
    by_entity: dict[str, list[Disposal]] = {}
    for one in disposals.values():
        by_entity.setdefault(one.entity, []).append(one)
    found: dict[DisposalId, RecoveryRow] = {}
    for entity, members in by_entity.items():
        day = as_of.of(entity)
        if day is None:
            continue
        table, in_force = policy.in_force(day)
        expected = expected_of(members, day, table, severity_of(table, severity))
        for one in members:
            found[one.id] = RecoveryRow(one, day, expected.get(one.id), table, in_force)
    return [found[one] for one in disposals if one in found]


def expected_of(
    disposals: Iterable[Disposal], as_of: date, table: RecoveryTable, severity: Severity = UNSTRESSED
) -> dict[DisposalId, Expected]:
    """What the open ones among disposals of one entity are expected to bring; which share a loan note, together."""
    opened = [_open(one) for one in disposals if not one.is_closed]
    return {one.id: one for one in expected_inflows(opened, as_of.toordinal(), table, severity)}


def severity_of(table: RecoveryTable, name: str | None) -> Severity:
    return UNSTRESSED if name is None else table.severities[name]


def passes(disposal: Disposal, filters: Filters) -> bool:
    """Filters by entity, organisation and currency, and by kind and key; others are not a disposal's."""
    members = {
        "entity": disposal.entity,
        "organisation": disposal.organisation,
        "currency": disposal.currency,
        "kind": disposal.aggregate,
        "case": disposal.key,
    }
    return all(members[name] in allowed for name, allowed in filters.items() if name in members)


def _open(disposal: Disposal) -> OpenDisposal:
    return OpenDisposal(
        id=disposal.id,
        stage=disposal.stage,
        basis=disposal.basis,
        stage_day=disposal.stage_on.toordinal(),
        loans=disposal.loans,
        failed_rounds=disposal.failed_rounds,
        outstanding=tuple(
            (None if one.due_on is None else one.due_on.toordinal(), one.amount_minor) for one in disposal.outstanding
        ),
    )
