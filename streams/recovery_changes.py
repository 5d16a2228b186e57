"""Why the expected recoveries in the gap moved between two cuts of the decision log: event by event, exactly.

Each event is worth what it changed: the cash that came in, and the cash that is expected no more or anew, also of
other disposals of the same loan notes. A new business date is a cause of its own. The parts add up to the move: no
residual. Not for the contractual gap, which no decision moves.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from infra.recovery_policies import RecoveryPolicy
from projections.recovery_cash import disposals_at
from projections.recovery_records import CashMove, Disposal, DisposalId
from streams.recovery_view import expected_of
from streams.views_figures import AsOf, Filters

ZERO = Fraction(0)
DECISION, ROLL = "DECISION", "ROLL"


class RecoveryLine(NamedTuple):
    """What one cause did to one disposal, minor units of its currency.

    `received_minor + expected` is what realised and expected cash moved by together: at the event that closes a
    disposal it is what was realised less what was expected.
    """

    cause: str
    move: CashMove | None  # None: a new business date
    disposal: Disposal  # afterwards
    received_minor: int
    expected: Fraction  # change of the gap

    @property
    def difference(self) -> Fraction:
        return self.received_minor + self.expected


class RecoveryMove(NamedTuple):
    """The expected recoveries at both ends by (entity, currency), and the lines between them, in order of the log."""

    before: dict[tuple[str, str], Fraction]
    after: dict[tuple[str, str], Fraction]
    lines: list[RecoveryLine]


def recovery_move(
    moves: Sequence[CashMove],
    policy: RecoveryPolicy,
    offsets: tuple[int, int],
    dates: tuple[AsOf, AsOf],
    filters: Filters,
) -> RecoveryMove:
    """From the cut before `offsets[0]` to the one before `offsets[1]`.

    Args:
        moves: all of them, in order of the log.
        dates: the business dates of both cuts; the policy in force on the earlier one judges the events, the change
            of date and of policy comes last.
        filters: by entity and currency.
    """
    book = _Book(disposals_at(moves, offsets[0]), policy, dates[0])
    before = book.sums(filters)
    lines: list[RecoveryLine] = []
    for move in moves:
        if offsets[0] <= move.offset < offsets[1]:
            lines += book.take(move)
    rolled = _Book(book.disposals, policy, dates[1])
    for one in book.disposals.values():
        change = rolled.amount(one.id) - book.amount(one.id)
        if change:
            lines.append(RecoveryLine(ROLL, None, one, 0, change))
    return RecoveryMove(before, rolled.sums(filters), [line for line in lines if _shown(line.disposal, filters)])


class _Book:
    """Disposals and what each adds to the gap, kept as events come in."""

    def __init__(self, disposals: Mapping[DisposalId, Disposal], policy: RecoveryPolicy, as_of: AsOf) -> None:
        self.disposals = dict(disposals)
        self._policy, self._as_of = policy, as_of
        self._order: dict[DisposalId, int] = {}
        self._by_loan: dict[str, set[DisposalId]] = {}
        self._amounts: dict[DisposalId, Fraction] = {}
        for one in self.disposals.values():
            self._index(one)
        self._judge(self.disposals)

    def amount(self, one: DisposalId) -> Fraction:
        return self._amounts.get(one, ZERO)

    def sums(self, filters: Filters) -> dict[tuple[str, str], Fraction]:
        found: dict[tuple[str, str], Fraction] = {}
        for one in self.disposals.values():
            if _shown(one, filters):
                pair = one.entity, one.currency
                found[pair] = found.get(pair, ZERO) + self.amount(one.id)
        return found

    def take(self, move: CashMove) -> list[RecoveryLine]:
        known = [self.disposals[one.id] for one in move.changed if one.id in self.disposals]
        received = {one.id: one.received_minor for one in known}
        for one in move.changed:
            self._index(one)
            self.disposals[one.id] = one
        # Disposals of the same loan notes count for each other: those of connected notes are judged together.
        together = self._connected(one.id for one in move.changed)
        before = {each: self.amount(each) for each in together}
        self._judge(together)
        changed = {one.id for one in move.changed}
        lines = []
        for each in together:
            came_in = self.disposals[each].received_minor - received.get(each, 0) if each in changed else 0
            expected = self.amount(each) - before[each]
            if came_in or expected:
                lines.append(RecoveryLine(DECISION, move, self.disposals[each], came_in, expected))
        return lines

    def _index(self, disposal: Disposal) -> None:
        self._order.setdefault(disposal.id, len(self._order))
        for loan in disposal.loans:
            self._by_loan.setdefault(loan, set()).add(disposal.id)

    def _connected(self, first: Iterable[DisposalId]) -> list[DisposalId]:
        waiting, found = list(first), set[DisposalId]()
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += [other for loan in self.disposals[one].loans for other in self._by_loan[loan]]
        return sorted(found, key=self._order.__getitem__)

    def _judge(self, ids: Iterable[DisposalId]) -> None:
        by_entity: dict[str, list[Disposal]] = {}
        for one in ids:
            self._amounts[one] = ZERO
            by_entity.setdefault(self.disposals[one].entity, []).append(self.disposals[one])
        for entity, members in by_entity.items():
            day = self._as_of.of(entity)
            if day is None:
                continue
            table, _ = self._policy.in_force(day)
            self._amounts |= {one: found.amount for one, found in expected_of(members, day, table).items()}


def _shown(disposal: Disposal, filters: Filters) -> bool:
    members = {"entity": disposal.entity, "currency": disposal.currency}
    return all(members[name] in allowed for name, allowed in filters.items() if name in members)
