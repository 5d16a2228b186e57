"""Entries of statements to records: account by the operator's mapping, ids that are the same however often it comes.

An entry is identified by its account, the account servicer's reference, sign and amount: so a notification, a report
and the statement that tell the same entry are one entry, pending and then settled. Without a reference it is its
content and its statement that count. Equal entries of one statement are numbered in its order.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import date

from engines.primitives.money import to_text
from infra.statements.amounts import midnight
from infra.statements.checks import Finding, check_statement
from infra.statements.records import Item, Part, Refused, Statement, StatementBalance, StatementEntry
from streams import topics
from streams.feeds.account_mapping import Account, AccountMapping
from streams.feeds.event import Event, instant_text
from streams.feeds.file_report import FileReport
from streams.nostro_records import NostroEntry, NostroStatement, StatementFinding
from streams.schemas import OPENING, Txn

ENTRIES_KEPT = 20_000  # a record of the statement topic stays below its size limit
_REFERENCE_SHOWN = 40


def statement_events(items: Iterable[Item], mapping: AccountMapping, report: FileReport) -> Iterator[Event]:
    """Records of what a reader yields; what it refused, or the mapping does not know, goes to the report.

    A batch is one record, with `split` one a payment. A statement follows its entries. Notifications and reports
    without the account servicer's reference are skipped unless the mapping wants all: the statement will tell them.
    """
    told = _Told(mapping, report)
    for item in items:
        if isinstance(item, StatementEntry):
            yield from told.entry(item)
        elif isinstance(item, Statement):
            yield from told.statement(item)
        else:
            report.refuse(item)


class _Told:
    def __init__(self, mapping: AccountMapping, report: FileReport) -> None:
        self._mapping, self._report = mapping, report
        self._entries: list[NostroEntry] = []
        self._left_out = 0
        self._seen: set[bytes] = set()
        self._repeats: dict[bytes, int] = {}
        self._days: dict[date, tuple[str, str]] = {}
        self._lost = 0  # entries of this statement that no account of ours takes

    def entry(self, entry: StatementEntry) -> Iterator[Event]:
        account = self._mapping.find(entry.account, entry.currency)
        if account is None:
            self._lost += 1
            reason = "this account is not in the mapping" if entry.account else "the statement names no account"
            self._report.refuse(Refused(entry.place, "account", reason, entry.account))
            return
        fleeting = entry.kind in {"report", "notification"} and not entry.reference
        if fleeting and self._mapping.notifications == "referenced":
            self._report.skipped += 1
            return
        entry_id = self._id(entry)
        booked, instant = self._day(entry.booking_date)
        value_date, _ = self._day(entry.value_date)
        self._keep(entry, entry_id, booked, value_date)
        self._report.accept(entry.currency, entry.amount_minor, pending=entry.pending)
        if not account.entries:
            return
        pending = entry.pending and not (entry.kind == "payment" and self._mapping.payments == "settled")
        key = topics.record_key(account.entity_id, account.customer_id, account.account_id)
        parts = entry.parts if self._mapping.split else (_whole(entry),)
        for at, part in enumerate(parts):
            txn_id = entry_id if len(parts) == 1 else f"{entry_id}/{at + 1}"
            yield Event(topics.TXN, key, self._txn(entry, part, account, (txn_id, value_date, instant), pending))

    def statement(self, statement: Statement) -> Iterator[Event]:
        findings = list(check_statement(statement))
        self._report.statement(statement, findings)
        account = self._mapping.find(statement.account, statement.currency) if statement.account else None
        closing = statement.closing
        if account is not None and closing is not None and statement.kind == "statement":
            yield from self._opening(statement, account)
            record = self._record(statement, closing, account, findings)
            yield Event(topics.NOSTRO_STATEMENT, f"{account.entity_id}|{account.account_id}".encode(), record)
        self._entries, self._left_out, self._seen, self._repeats, self._lost = [], 0, set(), {}, 0

    def _opening(self, statement: Statement, account: Account) -> Iterator[Event]:
        """What was on the account before the first statement, once: the mapping says which day's that is."""
        opening, closing = statement.opening, statement.closing
        days = {balance.date for balance in (opening, closing) if balance is not None}
        if opening is None or opening.intermediate or not account.entries or account.opening_on not in days:
            return
        on, instant = self._day(account.opening_on or opening.date)
        record = Txn(
            txn_id=f"opening:{statement.account}:{opening.currency}",
            source_system=self._mapping.source_system,
            event_time=instant,
            value_date=on,
            entity_id=account.entity_id,
            account_id=account.account_id,
            ccy=opening.currency,
            direction="in" if opening.amount_minor >= 0 else "out",
            amount=to_text(abs(opening.amount_minor), opening.currency),
            customer_id=account.customer_id,
            org_id=account.org_id,
            line_id=account.line_id,
            product_id=account.product_id,
            customer_class=account.customer_class,
            txn_type=OPENING,
            channel=account.channel,
        )
        key = topics.record_key(account.entity_id, account.customer_id, account.account_id)
        yield Event(topics.TXN, key, record)

    def _record(
        self, statement: Statement, closing: StatementBalance, account: Account, findings: list[Finding]
    ) -> NostroStatement:
        opening = statement.opening
        closed, instant = self._day(closing.date)
        return NostroStatement(
            entity_id=account.entity_id,
            account_id=account.account_id,
            ccy=closing.currency,
            statement_id=statement.statement_id or "-",
            event_time=instant,
            closing_date=closed,
            closing=to_text(closing.amount_minor, closing.currency),
            opening=None if opening is None else to_text(opening.amount_minor, opening.currency),
            sequence=statement.sequence or 0,
            page=statement.page,
            credits=to_text(statement.credits_minor, closing.currency),
            debits=to_text(statement.debits_minor, closing.currency),
            refused=statement.refused + self._lost,
            entries_told=bool(account.entries),
            entries=self._entries,
            entries_left_out=self._left_out,
            findings=[_finding(finding) for finding in findings],
            file=self._report.file,
            file_sha256=self._report.digest,
            source_system=self._mapping.source_system,
        )

    def _txn(
        self, entry: StatementEntry, part: Part, account: Account, told: tuple[str, str, str], pending: bool
    ) -> Txn:
        txn_id, value_date, instant = told
        return Txn(
            txn_id=txn_id,
            source_system=self._mapping.source_system,
            event_time=instant,
            value_date=value_date,
            entity_id=account.entity_id,
            account_id=account.account_id,
            ccy=entry.currency,
            direction="in" if part.amount_minor >= 0 else "out",
            amount=to_text(abs(part.amount_minor), entry.currency),
            customer_id=account.customer_id,
            org_id=account.org_id,
            line_id=account.line_id,
            product_id=account.product_id,
            customer_class=account.customer_class,
            txn_type="REVERSAL" if entry.reversal else "CHARGE" if part.charge else entry.code or "-",
            channel=account.channel,
            cpty_bank_id=part.counterparty_bank or "-",
            status="pending" if pending else "settled",
            payment_ref=part.end_to_end or part.reference or entry.reference or "-",
        )

    def _keep(self, entry: StatementEntry, entry_id: str, booked: str, value_date: str) -> None:
        if len(self._entries) == ENTRIES_KEPT:
            self._left_out += 1
            return
        amount = to_text(entry.amount_minor, entry.currency)
        reference = entry.end_to_end or entry.reference or entry.entry_reference or "-"
        self._entries.append(
            NostroEntry(
                entry_id=entry_id,
                amount=amount,
                booking_date=booked,
                value_date=value_date,
                reference=reference,
                pending=entry.pending,
            )
        )

    def _id(self, entry: StatementEntry) -> str:
        identity = [entry.account, entry.currency, str(entry.amount_minor), entry.reference]
        if not entry.reference:
            part = entry.parts[0]
            identity += [
                entry.statement_id,
                entry.booking_date.isoformat(),
                entry.value_date.isoformat(),
                entry.entry_reference,
                entry.code,
                part.end_to_end,
                part.text,
            ]
        digest = hashlib.blake2b("\x1f".join(identity).encode(), digest_size=12)
        content = digest.digest()
        number = 0
        if content in self._seen:
            number = self._repeats[content] = self._repeats.get(content, 0) + 1
        self._seen.add(content)
        shown = entry.reference[:_REFERENCE_SHOWN] or "content"
        return f"{shown}:{content.hex()}" + (f".{number}" if number else "")

    def _day(self, day: date) -> tuple[str, str]:
        """A date and its first instant as text: statements have few of them."""
        known = self._days.get(day)
        if known is None:
            known = self._days[day] = day.isoformat(), instant_text(midnight(day))
        return known


def _whole(entry: StatementEntry) -> Part:
    """All payments of an entry as one; who stands behind it only where that is one."""
    return entry.parts[0] if len(entry.parts) == 1 else Part(entry.amount_minor)


def _finding(finding: Finding) -> StatementFinding:
    money = finding.check in {"balance", "sum", "opening"}
    show: Callable[[int], str] = (lambda minor: to_text(minor, finding.currency)) if money else str
    return StatementFinding(
        check=finding.check, expected=show(finding.expected), found=show(finding.found), message=finding.message
    )
