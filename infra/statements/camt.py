"""camt.052, 053 and 054: statements, reports and notifications, entry by entry. See `iso20022` for the door.

`CdtDbtInd` is what an entry does to the balance, also of a reversal (`RvslInd`). A batch whose payments with their
charges do not add up to the entry is refused.
"""

from collections.abc import Iterator
from datetime import date

from engines.primitives.errors import InvalidInput
from infra.statements.amounts import iso_date, minor_units
from infra.statements.records import (
    Item,
    Kind,
    Part,
    Place,
    Refused,
    Statement,
    StatementBalance,
    StatementEntry,
    Unreadable,
)
from infra.statements.xml_stream import Closed, Node, Opened, Whole

_STATEMENTS = frozenset({"Stmt", "Rpt", "Ntfctn"})
_MESSAGES = {"BkToCstmrStmt", "BkToCstmrAcctRpt", "BkToCstmrDbtCdtNtfctn"}
#: The first versions end their message's element with a version.
CAMT_CONTAINERS = frozenset(
    {"Document", *_STATEMENTS, *_MESSAGES} | {f"{name}V0{version}" for name in _MESSAGES for version in range(1, 4)}
)
_BALANCES = frozenset({"OPBD", "PRCD", "CLBD", "ITBD", "OPAV", "CLAV"})
_PENDING = frozenset({"PDNG", "FUTR"})
_ACCOUNTS = (("IBAN",), ("Othr", "Id"), ("BBAN",), ("UPIC",), ("PrtryAcct", "Id"))
_SIGN = {"CRDT": 1, "DBIT": -1}


class CamtReader:
    """Takes the events of one document."""

    def __init__(self, file: str, kind: Kind) -> None:
        self._file, self._kind = file, kind
        self._statement: Statement | None = None
        self._statements = self._nodes = 0
        self._path = ""
        self._created: date | None = None
        self._balances: dict[str, list[StatementBalance]] = {}

    def opened(self, event: Opened) -> None:
        if event.path[-1] in _STATEMENTS:
            self._statements += 1
            self._nodes = 0
            self._path = f"/{'/'.join(event.path)}[{self._statements}]"
            self._statement = Statement(Place(self._file, event.line, self._path), self._kind, "")
            self._created, self._balances = None, {}

    def closed(self, event: Closed) -> Iterator[Item]:
        if event.path[-1] in _STATEMENTS and self._statement is not None:
            self._choose_balances(self._statement)
            yield self._statement
            self._statement = None
        elif event.path[-1] == "Document" and not self._statements:
            yield Refused(Place(self._file, event.line, "/Document"), "Stmt", "there is no statement in it")

    def broken_off(self, error: Unreadable) -> Iterator[Item]:
        """The statement in which the document broke off, as far as it came."""
        if self._statement is not None:
            self._statement.refused += 1
            yield self._statement
            self._statement = None

    def whole(self, event: Whole) -> Iterator[Item]:
        statement, node = self._statement, event.node
        if statement is None:
            return
        path = self._path
        if node.tag == "Ntry":
            self._nodes += 1
            path = f"{self._path}/Ntry[{self._nodes}]"
        try:
            if node.tag == "Ntry":
                if self._nodes == 1:
                    self._choose_balances(statement)
                entry = self._entry(statement, node, Place(self._file, node.line, path))
                statement.add(entry)
                yield entry
            elif node.tag == "Bal":
                self._balance(statement, node)
            else:
                self._header(statement, node)
        except Unreadable as error:
            statement.refused += node.tag == "Ntry"
            yield error.refused()

    def _header(self, statement: Statement, node: Node) -> None:
        text = node.text.strip()
        match node.tag:
            case "Id":
                statement.statement_id = text
            case "ElctrncSeqNb":
                statement.sequence = self._number(node)
            case "LglSeqNb" if statement.sequence is None:
                statement.sequence = self._number(node)
            case "StmtPgntn" | "RptPgntn" | "NtfctnPgntn":
                page = node.child("PgNb")
                statement.page = (self._number(page) or 1) if page is not None else 1
            case "CreDtTm":
                self._created = self._date(node, "CreDtTm")
            case "Acct":
                identity = node.child("Id")
                names = (identity.says(*path) for path in _ACCOUNTS) if identity is not None else ()
                statement.account = "".join(next((name for name in names if name), "").split()).upper()
                statement.currency = node.says("Ccy")
            case "TxsSummry":
                self._summary(statement, node)

    def _summary(self, statement: Statement, node: Node) -> None:
        total = node.find("TtlNtries", "NbOfNtries")
        statement.told_entries = self._number(total) if total is not None else None
        currency = next((held[0].currency for held in self._balances.values()), statement.currency)
        for name, tag in (("told_credits_minor", "TtlCdtNtries"), ("told_debits_minor", "TtlDbtNtries")):
            told = node.find(tag, "Sum")
            if told is not None and told.text.strip() and currency:
                setattr(statement, name, self._minor(told, currency, f"{tag}/Sum"))

    def _balance(self, statement: Statement, node: Node) -> None:
        code = node.says("Tp", "CdOrPrtry", "Cd") or node.says("Tp", "Cd")
        if code not in _BALANCES:
            return
        day = node.find("Dt", "Dt") or node.find("Dt", "DtTm")
        if day is None:
            raise self._wrong(node, "Bal/Dt", "a balance without a date")
        currency, minor = self._signed(node, "Bal")
        intermediate = code == "ITBD" or node.says("Tp", "SubTp", "Cd") == "INTM"
        balance = StatementBalance(currency, minor, self._date(day, "Bal/Dt"), intermediate)
        self._balances.setdefault(code, []).append(balance)

    def _choose_balances(self, statement: Statement) -> None:
        """Booked balances, of a page the intermediate ones; available ones only where there are no others."""
        held = self._balances
        between = held.get("ITBD", [])
        opening = [*held.get("OPBD", []), *held.get("PRCD", []), *(between[:1] if len(between) > 1 else [])]
        closing = [*held.get("CLBD", []), *between[-1:]]
        if not opening and not closing:
            opening, closing = held.get("OPAV", []), held.get("CLAV", [])
        statement.opening = opening[0] if opening else None
        statement.closing = closing[0] if closing else None
        told = statement.closing or statement.opening
        if told is not None:
            statement.currency = told.currency

    def _entry(self, statement: Statement, node: Node, place: Place) -> StatementEntry:
        currency, minor = self._signed(node, place.path)
        status = node.says("Sts", "Cd") or node.says("Sts")
        if status not in {"BOOK", *_PENDING, ""}:
            raise Unreadable(place, "Sts", "only for information: no entry of the account", status)
        booked, valued = self._day(node, "BookgDt"), self._day(node, "ValDt")
        fallback = statement.closing.date if statement.closing else self._created
        booking_date = booked or valued or fallback
        if booking_date is None:
            raise Unreadable(place, "BookgDt", "neither a booking nor a value date, and the statement has none")
        details = [detail for group in node.all("NtryDtls") for detail in group.all("TxDtls")] or node.all("TxDtls")
        return StatementEntry(
            place=place,
            kind=statement.kind,
            account=statement.account,
            currency=currency,
            amount_minor=minor,
            pending=status in _PENDING,
            reversal=node.says("RvslInd") in {"true", "1"},
            booking_date=booking_date,
            value_date=valued or booking_date,
            reference=node.says("AcctSvcrRef"),
            entry_reference=node.says("NtryRef"),
            code=_code(node),
            statement_id=statement.statement_id,
            parts=self._parts(node, details, currency, minor, place),
        )

    def _parts(self, node: Node, details: list[Node], currency: str, minor: int, place: Place) -> tuple[Part, ...]:
        text = node.says("AddtlNtryInf")
        if not details:
            return (Part(minor, text=text),)
        if len(details) == 1:
            return (self._part(details[0], minor, text),)
        amounts = [self._detail_minor(detail, currency, minor) for detail in details]
        told = [amount for amount in amounts if amount is not None]
        if len(told) < len(details):
            return (self._part(details[0], minor, text),) if not told else self._unsplit(place, told)
        charges = self._charges([node, *details], currency)
        rest = minor - sum(told)
        if rest not in {0, -charges}:
            reason = f"its {len(details)} payments add up to {sum(told)} minor units, the entry is {minor}"
            raise Unreadable(place.at(f"{place.path}/NtryDtls"), "TxDtls", reason)
        parts = [self._part(detail, amount, text) for detail, amount in zip(details, told, strict=True)]
        return (*parts, Part(rest, text="charges", charge=True)) if rest else tuple(parts)

    def _unsplit(self, place: Place, told: list[int]) -> tuple[Part, ...]:
        reason = f"only {len(told)} of its payments give an amount in the entry's currency"
        raise Unreadable(place.at(f"{place.path}/NtryDtls"), "TxDtls", reason)

    def _part(self, detail: Node, minor: int, text: str) -> Part:
        # The other side of a credit is its debtor.
        other = "Dbtr" if minor >= 0 else "Cdtr"
        institution = detail.find("RltdAgts", f"{other}Agt", "FinInstnId")
        account = detail.find("RltdPties", f"{other}Acct", "Id")
        references = detail.child("Refs")
        return Part(
            minor,
            reference=_first(references, "AcctSvcrRef", "TxId", "InstrId"),
            end_to_end=_first(references, "EndToEndId", "UETR"),
            counterparty_bank=_first(institution, "BICFI", "BIC"),
            counterparty_account=next((a for p in _ACCOUNTS if account and (a := account.says(*p))), ""),
            text=detail.says("RmtInf", "Ustrd") or detail.says("AddtlTxInf") or text,
        )

    def _detail_minor(self, detail: Node, currency: str, entry_minor: int) -> int | None:
        """Signed; None where it gives none in the entry's currency."""
        amount = detail.child("Amt") or detail.find("AmtDtls", "TxAmt", "Amt")
        if amount is None or amount.attributes.get("Ccy", currency) != currency:
            return None
        sign = _SIGN.get(detail.says("CdtDbtInd"), 1 if entry_minor >= 0 else -1)
        return sign * self._minor(amount, currency, "TxDtls/Amt")

    def _charges(self, nodes: list[Node], currency: str) -> int:
        """What was charged, in minor units, > 0 for money out."""
        total = 0
        for node in nodes:
            for charges in node.all("Chrgs"):
                for record in charges.all("Rcrd") or [charges]:
                    amount = record.child("Amt") or record.child("TtlChrgsAndTaxAmt")
                    if amount is not None and amount.attributes.get("Ccy") == currency:
                        sign = -_SIGN.get(record.says("CdtDbtInd"), -1)
                        total += sign * self._minor(amount, currency, "Chrgs/Amt")
        return total

    def _signed(self, node: Node, path: str) -> tuple[str, int]:
        amount, indicator = node.child("Amt"), node.says("CdtDbtInd")
        if amount is None:
            raise self._wrong(node, f"{path}/Amt", "there is no amount")
        if indicator not in _SIGN:
            raise self._wrong(node, f"{path}/CdtDbtInd", "neither CRDT nor DBIT", indicator)
        currency = amount.attributes.get("Ccy", "")
        return currency, _SIGN[indicator] * self._minor(amount, currency, f"{path}/Amt")

    def _minor(self, node: Node, currency: str, path: str) -> int:
        try:
            return minor_units(node.text.strip(), currency)
        except InvalidInput as error:
            raise self._wrong(node, path, str(error), node.text.strip()) from error

    def _day(self, node: Node, tag: str) -> date | None:
        day = node.find(tag, "Dt") or node.find(tag, "DtTm")
        return None if day is None else self._date(day, tag)

    def _date(self, node: Node, path: str) -> date:
        try:
            return iso_date(node.text.strip())
        except ValueError as error:
            raise self._wrong(node, path, "not a date", node.text.strip()) from error

    def _number(self, node: Node) -> int | None:
        text = node.text.strip()
        return int(text) if text.isdecimal() and len(text) <= 18 else None

    def _wrong(self, node: Node, path: str, reason: str, value: str = "") -> Unreadable:
        where = path if path.startswith("/") else f"{self._path}/{path}"
        return Unreadable(Place(self._file, node.line, where), path.rpartition("/")[2], reason, value)


def _first(node: Node | None, *tags: str) -> str:
    """The first of the texts under `tags` that is not empty, nor a word for nothing."""
    for tag in tags:
        text = node.says(tag) if node is not None else ""
        if text and text != "NOTPROVIDED":
            return text
    return ""


def _code(node: Node) -> str:
    """`PMNT/RCDT/ESCT`, or the bank's own code."""
    domain = node.find("BkTxCd", "Domn")
    if domain is not None:
        return "/".join((domain.says("Cd"), domain.says("Fmly", "Cd"), domain.says("Fmly", "SubFmlyCd")))
    return node.says("BkTxCd", "Prtry", "Cd")
