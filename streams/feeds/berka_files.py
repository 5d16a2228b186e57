"""Reads the files of the Berka bank (PKDD'99 Discovery Challenge) into rows that can be trusted.

Everything is checked at the door: encoding, header, number of columns, form of each field, references between
files. Not for what the rows mean to us: that is `streams/feeds/berka.py`.
"""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, NoReturn

from engines.primitives.errors import InvalidInput, NotFound
from engines.primitives.money import to_minor
from infra.files import read_bytes

CURRENCY = "CZK"
LoanStatus = Literal["A", "B", "C", "D"]


@dataclass(frozen=True, slots=True)
class Account:
    account_id: str
    district_id: str
    opened_on: date
    owner_client_id: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """`amount_minor` > 0, in haler; `incoming` from the account's side."""

    trans_id: str
    account_id: str
    booked_on: date
    incoming: bool
    operation: str
    k_symbol: str
    amount_minor: int
    bank: str


@dataclass(frozen=True, slots=True)
class Order:
    """A standing order: `amount_minor` haler a month, going out."""

    order_id: str
    account_id: str
    amount_minor: int
    bank_to: str
    k_symbol: str


@dataclass(frozen=True, slots=True)
class Loan:
    """`payments` of `payment_minor` haler each, one a month: `amount_minor` together, so the file knows no
    interest.
    """

    loan_id: str
    account_id: str
    granted_on: date
    amount_minor: int
    payments: int
    payment_minor: int
    status: LoanStatus


@dataclass(frozen=True, slots=True)
class BerkaFiles:
    """All rows, transactions in the order of their file, which must be by date; `digest` names the very
    bytes.
    """

    accounts: dict[str, Account]
    transactions: list[Transaction]
    orders: list[Order]
    loans: list[Loan]
    digest: str


def read_berka(directory: Path) -> BerkaFiles:
    """Read account, disp, trans, order and loan files of `directory`.

    Raises:
        NotFound: the directory or one of the files is missing.
        InvalidInput: a row is not what the data set's description says; names file, line and field.
    """
    digest = hashlib.sha256()
    owners = {
        row.text("account_id"): row.text("client_id")
        for row in _rows(directory, "disp.asc", ("disp_id", "client_id", "account_id", "type"), digest.update)
        if row.one_of("type", ("OWNER", "DISPONENT")) == "OWNER"
    }
    accounts: dict[str, Account] = {}
    for row in _rows(directory, "account.asc", ("account_id", "district_id", "frequency", "date"), digest.update):
        account_id = row.unique("account_id", accounts)
        if account_id not in owners:
            row.refuse("account_id", "has no owner in disp.asc")
        accounts[account_id] = Account(account_id, row.number("district_id"), row.day("date"), owners[account_id])
    return BerkaFiles(
        accounts,
        list(_transactions(directory, accounts, digest.update)),
        list(_orders(directory, accounts, digest.update)),
        list(_loans(directory, accounts, digest.update)),
        digest.hexdigest(),
    )


_STATUSES: dict[str, LoanStatus] = {"A": "A", "B": "B", "C": "C", "D": "D"}
_TYPES = {"PRIJEM": True, "VYDAJ": False, "VYBER": False}  # income, expense, withdrawal
OPERATIONS = ("", "VKLAD", "VYBER", "PREVOD NA UCET", "PREVOD Z UCTU", "VYBER KARTOU")
K_SYMBOLS = ("", "UROK", "SANKC. UROK", "SLUZBY", "SIPO", "UVER", "DUCHOD", "POJISTNE", "LEASING")


def _transactions(
    directory: Path, accounts: dict[str, Account], digest: Callable[[bytes], None]
) -> Iterator[Transaction]:
    columns = (
        "trans_id", "account_id", "date", "type", "operation", "amount", "balance", "k_symbol", "bank",
        "account",
    )  # fmt: skip
    seen: set[str] = set()
    newest = date.min
    for row in _rows(directory, "trans.asc", columns, digest):
        trans_id = row.unique("trans_id", seen)
        seen.add(trans_id)
        booked_on = row.day("date")
        if booked_on < newest:
            row.refuse("date", "is before the date of the row above")
        newest = booked_on
        yield Transaction(
            trans_id,
            row.known("account_id", accounts),
            booked_on,
            _TYPES[row.one_of("type", tuple(_TYPES))],
            row.one_of("operation", OPERATIONS),
            row.one_of("k_symbol", K_SYMBOLS),
            row.amount("amount"),
            row.text("bank") or "-",
        )


def _orders(directory: Path, accounts: dict[str, Account], digest: Callable[[bytes], None]) -> Iterator[Order]:
    columns = ("order_id", "account_id", "bank_to", "account_to", "amount", "k_symbol")
    seen: set[str] = set()
    for row in _rows(directory, "order.asc", columns, digest):
        order_id = row.unique("order_id", seen)
        seen.add(order_id)
        yield Order(
            order_id,
            row.known("account_id", accounts),
            row.amount("amount"),
            row.text("bank_to") or "-",
            row.one_of("k_symbol", K_SYMBOLS),
        )


def _loans(directory: Path, accounts: dict[str, Account], digest: Callable[[bytes], None]) -> Iterator[Loan]:
    columns = ("loan_id", "account_id", "date", "amount", "duration", "payments", "status")
    seen: set[str] = set()
    for row in _rows(directory, "loan.asc", columns, digest):
        loan_id = row.unique("loan_id", seen)
        seen.add(loan_id)
        amount, months, payment = row.amount("amount"), int(row.number("duration")), row.amount("payments")
        if not 1 <= months <= 600:
            row.refuse("duration", "is not a number of months")
        if months * payment != amount:
            row.refuse("payments", "times duration is not the amount")
        yield Loan(
            loan_id,
            row.known("account_id", accounts),
            row.day("date"),
            amount,
            months,
            payment,
            _STATUSES[row.one_of("status", tuple(_STATUSES))],
        )


@dataclass(frozen=True, slots=True)
class _Row:
    file: str
    line: int
    fields: dict[str, str]

    def refuse(self, field: str, why: str) -> NoReturn:
        raise InvalidInput(
            f"{self.file} line {self.line}: {field} {self.fields[field]!r} {why}",
            file=self.file,
            line=self.line,
            field=field,
        )

    def text(self, field: str) -> str:
        return self.fields[field].strip()

    def number(self, field: str) -> str:
        """A natural number, as text without leading zeros."""
        text = self.text(field)
        if not re.fullmatch(r"[1-9][0-9]{0,11}", text):
            self.refuse(field, "is not a number above 0")
        return text

    def unique(self, field: str, seen: Container[str]) -> str:
        text = self.number(field)
        if text in seen:
            self.refuse(field, "stands in the file twice")
        return text

    def known(self, field: str, accounts: dict[str, Account]) -> str:
        text = self.number(field)
        if text not in accounts:
            self.refuse(field, "is not in account.asc")
        return text

    def one_of(self, field: str, allowed: tuple[str, ...]) -> str:
        text = self.text(field)
        if text not in allowed:
            self.refuse(field, f"is none of {', '.join(repr(value) for value in allowed)}")
        return text

    def day(self, field: str) -> date:
        """YYMMDD of the twentieth century."""
        text = self.text(field)
        if re.fullmatch(r"[0-9]{6}", text):
            try:
                return date(1900 + int(text[:2]), int(text[2:4]), int(text[4:]))
            except ValueError:
                pass
        self.refuse(field, "is not a date YYMMDD")

    def amount(self, field: str) -> int:
        """Haler, above 0. Text all the way: no float comes near it."""
        try:
            minor = to_minor(self.text(field), CURRENCY)
        except InvalidInput:
            minor = 0
        if minor <= 0:
            self.refuse(field, "is not an amount above 0 with at most two decimals")
        return minor


def _rows(directory: Path, file: str, columns: tuple[str, ...], digest: Callable[[bytes], None]) -> Iterator[_Row]:
    try:
        data = read_bytes(directory / file)
    except NotFound as error:
        raise NotFound(f"{directory} has no {file}: is it the Berka data?", file=file) from error
    digest(data)
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidInput(f"{file} line {line}: not ASCII", file=file, line=line, field="-") from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    try:
        header = tuple(next(reader, ()))
        if header != columns:
            raise InvalidInput(f"{file} line 1: want columns {';'.join(columns)}", file=file, line=1, field="-")
        for values in reader:
            if len(values) != len(columns):
                raise InvalidInput(
                    f"{file} line {reader.line_num}: {len(values)} fields where {len(columns)} are wanted",
                    file=file,
                    line=reader.line_num,
                    field="-",
                )
            yield _Row(file, reader.line_num, dict(zip(columns, values, strict=True)))
    except csv.Error as error:
        line = reader.line_num
        raise InvalidInput(f"{file} line {line}: {error}", file=file, line=line, field="-") from error
