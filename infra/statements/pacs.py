"""pacs.008 and pacs.009: credit transfers between banks, as entries of those of their accounts that are ours.

The debtor's account pays out, the creditor's takes in; with both of them ours it is two entries. Where neither is,
the payment is refused: a settlement account alone does not say on whose side we stand.
"""

from collections.abc import Callable, Iterator
from datetime import date

from engines.primitives.errors import InvalidInput
from infra.statements.amounts import iso_date, minor_units
from infra.statements.records import Item, Part, Place, Statement, StatementEntry, Unreadable
from infra.statements.xml_stream import Closed, Node, Opened, Whole

_MESSAGES = {"FIToFICstmrCdtTrf", "FICdtTrf", "FinInstnCdtTrf"}
PACS_CONTAINERS = frozenset({"Document", *_MESSAGES, "pacs.008.001.01", "pacs.009.001.01"})


class PacsReader:
    """Takes the events of one document. Its message is told as a statement without balances, with its own totals."""

    def __init__(self, file: str, is_ours: Callable[[str], bool]) -> None:
        self._file, self._is_ours = file, is_ours
        self._message: Statement | None = None
        self._path = ""
        self._payments = 0
        self._settled_on: date | None = None

    def opened(self, event: Opened) -> None:
        if len(event.path) > 1 and self._message is None:
            self._path = "/" + "/".join(event.path)
            self._message = Statement(Place(self._file, event.line, self._path), "payment", "")

    def closed(self, event: Closed) -> Iterator[Item]:
        if self._message is not None and "/" + "/".join(event.path) == self._path:
            yield self._message
            self._message = None

    def broken_off(self, error: Unreadable) -> Iterator[Item]:
        if self._message is not None:
            self._message.refused += 1
            yield self._message

    def whole(self, event: Whole) -> Iterator[Item]:
        message, node = self._message, event.node
        if message is None:
            return
        try:
            if node.tag == "GrpHdr":
                self._header(message, node)
            elif node.tag == "CdtTrfTxInf":
                self._payments += 1
                place = Place(self._file, node.line, f"{self._path}/CdtTrfTxInf[{self._payments}]")
                message.entries += 1
                yield from self._entries(message, node, place)
        except Unreadable as error:
            message.refused += node.tag == "CdtTrfTxInf"
            message.entries -= node.tag == "CdtTrfTxInf"
            yield error.refused()

    def _header(self, message: Statement, node: Node) -> None:
        place = Place(self._file, node.line, f"{self._path}/GrpHdr")
        message.statement_id = node.says("MsgId")
        told = node.says("NbOfTxs")
        message.told_entries = int(told) if told.isdecimal() else None
        total = node.child("TtlIntrBkSttlmAmt")
        if total is not None:
            message.currency = total.attributes.get("Ccy", "")
            message.told_credits_minor = _minor(total, place.at(f"{place.path}/TtlIntrBkSttlmAmt"))
        self._settled_on = _date(node.says("IntrBkSttlmDt"), place.at(f"{place.path}/IntrBkSttlmDt"))

    def _entries(self, message: Statement, node: Node, place: Place) -> Iterator[Item]:
        amount = node.child("IntrBkSttlmAmt")
        if amount is None:
            raise Unreadable(place, "IntrBkSttlmAmt", "there is no settlement amount")
        minor = _minor(amount, place.at(f"{place.path}/IntrBkSttlmAmt"))
        day_path = f"{place.path}/IntrBkSttlmDt"
        day = _date(node.says("IntrBkSttlmDt"), place.at(day_path)) or self._settled_on
        if day is None:
            raise Unreadable(place.at(day_path), "IntrBkSttlmDt", "there is no settlement date")
        payer, payee = _account(node.child("DbtrAcct")), _account(node.child("CdtrAcct"))
        sides = [(payer, -1, "Cdtr", payee), (payee, 1, "Dbtr", payer)]
        ours = [side for side in sides if side[0] and self._is_ours(side[0])]
        if not ours:
            raise Unreadable(place, "DbtrAcct", "neither account is one of ours", f"{payer} -> {payee}")
        message.credits_minor += minor
        identity = node.child("PmtId")
        for account, sign, other, other_account in ours:
            says = identity.says if identity is not None else (lambda *_: "")
            yield StatementEntry(
                place=place,
                kind="payment",
                account=account,
                currency=amount.attributes.get("Ccy", ""),
                amount_minor=sign * minor,
                pending=True,
                reversal=False,
                booking_date=day,
                value_date=day,
                reference=says("UETR") or says("TxId"),
                entry_reference=says("InstrId"),
                code="PMNT",
                statement_id=message.statement_id,
                parts=(
                    Part(
                        sign * minor,
                        reference=says("TxId"),
                        end_to_end=says("EndToEndId").replace("NOTPROVIDED", ""),
                        counterparty_bank=_bank(node, other),
                        counterparty_account=other_account,
                        text=node.says("RmtInf", "Ustrd"),
                    ),
                ),
            )


def _account(node: Node | None) -> str:
    found = "" if node is None else node.says("Id", "IBAN") or node.says("Id", "Othr", "Id")
    return "".join(found.split()).upper()


def _bank(node: Node, other: str) -> str:
    for path in ((f"{other}Agt", "FinInstnId"), (other, "FinInstnId")):
        found = node.find(*path)
        if found is not None:
            return found.says("BICFI") or found.says("BIC")
    return ""


def _minor(node: Node, place: Place) -> int:
    try:
        return minor_units(node.text.strip(), node.attributes.get("Ccy", ""))
    except InvalidInput as error:
        raise Unreadable(place, place.path.rpartition("/")[2], str(error), node.text.strip()) from error


def _date(text: str, place: Place) -> date | None:
    try:
        return iso_date(text) if text else None
    except ValueError as error:
        raise Unreadable(place, place.path.rpartition("/")[2], "not a date", text) from error
