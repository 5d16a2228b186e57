"""Does a statement add up, and does it follow on the one before? Exact, in minor units.

A finding refuses nothing: it says by how much a statement disagrees with itself or with its neighbours.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise
from typing import Literal, NamedTuple

from infra.statements.records import Place, Statement

Check = Literal["balance", "currency", "count", "sum", "sequence", "opening"]


class Finding(NamedTuple):
    """`difference` is found less expected: minor units, or a number of entries or of statements."""

    place: Place
    account: str
    statement_id: str
    check: Check
    expected: int
    found: int
    currency: str
    message: str

    @property
    def difference(self) -> int:
        return self.found - self.expected


class End(NamedTuple):
    """What the next statement of an account follows on; minor units, None where there was no balance."""

    account: str
    closed_on: str
    sequence: int
    page: int
    statement_id: str
    currency: str
    opening_minor: int | None
    closing_minor: int | None


def check_statement(statement: Statement) -> Iterator[Finding]:
    """Opening and booked entries make the closing balance; numbers and sums are those the statement tells."""
    opening, closing = statement.opening, statement.closing
    if opening and closing and opening.currency != closing.currency:
        message = f"it opens in {opening.currency} and closes in {closing.currency}"
        yield _finding(statement, "currency", 0, 1, message)
    elif opening and closing:
        expected = closing.amount_minor
        found = opening.amount_minor + statement.booked_minor
        if found != expected:
            yield _finding(
                statement, "balance", expected, found, "opening and entries do not make the closing balance"
            )
    if statement.other_currency:
        message = f"entries in another currency than the balances' {statement.currency}"
        yield _finding(statement, "currency", 0, statement.other_currency, message)
    read = statement.entries + statement.refused
    if statement.told_entries is not None and statement.told_entries != read:
        yield _finding(statement, "count", statement.told_entries, read, "another number of entries than it tells")
    for told, found, name in (
        (statement.told_credits_minor, statement.credits_minor, "credits"),
        (statement.told_debits_minor, statement.debits_minor, "debits"),
    ):
        if told is not None and told != found:
            yield _finding(statement, "sum", told, found, f"another sum of {name} than it tells")


def end_of(statement: Statement) -> End | None:
    """None for reports, notifications and payments, which follow on nothing."""
    closing, opening = statement.closing, statement.opening
    if statement.kind != "statement" or not statement.account or closing is None:
        return None
    return End(
        statement.account,
        closing.date.isoformat(),
        statement.sequence or 0,
        statement.page,
        statement.statement_id,
        closing.currency,
        opening.amount_minor if opening else None,
        closing.amount_minor,
    )


def check_sequence(ends: Iterable[End], file: str) -> Iterator[Finding]:
    """Neighbours by closing date and number: no number is missing, each opens as the one before closed.

    The order in which statements were read does not matter. A number that begins anew with a new year, or with 1 or
    0, is no gap; one that is 0 throughout is none at all.
    """
    by_account: dict[tuple[str, str], set[End]] = {}
    for end in ends:
        by_account.setdefault((end.account, end.currency), set()).add(end)
    for _, known in sorted(by_account.items()):
        for before, after in pairwise(sorted(known, key=_order)):
            yield from _neighbours(before, after, file)


def _order(end: End) -> tuple[str, int, int, str]:
    return end.closed_on, end.sequence, end.page, end.statement_id


def _neighbours(before: End, after: End, file: str) -> Iterator[Finding]:
    follows = (after.sequence, after.page) in {(before.sequence + 1, 1), (before.sequence, before.page + 1)}
    numbered = before.sequence > 0 and after.sequence > 0
    begins_anew = after.sequence == 1 or date.fromisoformat(after.closed_on).year > _year(before)
    if numbered and not follows and not (begins_anew and after.sequence <= before.sequence):
        missing = after.sequence - before.sequence - 1
        message = (
            f"{missing} between {before.sequence} and {after.sequence}: missing"
            if missing > 0
            else f"number {after.sequence}/{after.page} stands after {before.sequence}/{before.page}"
        )
        yield Finding(
            Place(file, 0, after.statement_id),
            after.account,
            after.statement_id,
            "sequence",
            before.sequence + 1,
            after.sequence,
            after.currency,
            message,
        )
    if before.closing_minor is not None and after.opening_minor not in {None, before.closing_minor}:
        yield Finding(
            Place(file, 0, after.statement_id),
            after.account,
            after.statement_id,
            "opening",
            before.closing_minor,
            after.opening_minor or 0,
            after.currency,
            f"it does not open as {before.statement_id} of {before.closed_on} closed",
        )


def _year(end: End) -> int:
    return date.fromisoformat(end.closed_on).year


def _finding(statement: Statement, check: Check, expected: int, found: int, message: str) -> Finding:
    return Finding(
        statement.place,
        statement.account,
        statement.statement_id,
        check,
        expected,
        found,
        statement.currency,
        message,
    )
