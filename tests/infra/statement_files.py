"""Statements for tests: what readers yield, and writers of camt and MT940 of our own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import NamedTuple

from infra.statements.iso20022 import read_iso20022
from infra.statements.mt940_reader import read_mt940
from infra.statements.records import Items, Refused, Statement, StatementEntry


@dataclass
class Read:
    entries: list[StatementEntry]
    statements: list[Statement]
    refused: list[Refused]


def gathered(items: Items) -> Read:
    found = Read([], [], [])
    for item in items:
        if isinstance(item, StatementEntry):
            found.entries.append(item)
        elif isinstance(item, Statement):
            found.statements.append(item)
        else:
            found.refused.append(item)
    return found


def camt(text: str | bytes, file: str = "file.xml") -> Read:
    return gathered(read_iso20022(BytesIO(text.encode() if isinstance(text, str) else text), file))


def mt940(text: str | bytes, file: str = "file.sta", encoding: str | None = None) -> Read:
    return gathered(read_mt940(BytesIO(text.encode() if isinstance(text, str) else text), file, encoding))


class Line(NamedTuple):
    """One entry to write; `minor` in cents, signed."""

    minor: int
    booked: date
    valued: date
    reference: str = ""
    reversal: bool = False
    text: str = ""


def money(minor: int, mark: str = ".") -> str:
    return f"{Decimal(abs(minor)).scaleb(-2):.2f}".replace(".", mark)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def side(minor: int) -> str:
    return "CRDT" if minor >= 0 else "DBIT"


def balance_xml(code: str, minor: int, day: date, currency: str = "EUR") -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='{currency}'>{money(minor)}</Amt>"
        f"<CdtDbtInd>{side(minor)}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def entry_xml(line: Line, inner: str = "", status: str = "BOOK") -> str:
    reference = f"<AcctSvcrRef>{escaped(line.reference)}</AcctSvcrRef>" if line.reference else ""
    reversal = "<RvslInd>true</RvslInd>" if line.reversal else ""
    details = f"<NtryDtls>{inner}</NtryDtls>" if inner else ""
    return (
        f"<Ntry><Amt Ccy='EUR'>{money(line.minor)}</Amt><CdtDbtInd>{side(line.minor)}</CdtDbtInd>{reversal}"
        f"<Sts>{status}</Sts><BookgDt><Dt>{line.booked}</Dt></BookgDt><ValDt><Dt>{line.valued}</Dt></ValDt>"
        f"{reference}{details}<AddtlNtryInf>{escaped(line.text)}</AddtlNtryInf></Ntry>\n"
    )


def camt_xml(
    lines: Sequence[Line | str],
    opening: int = 0,
    *,
    day: date = date(2026, 3, 2),
    number: int = 1,
    account: str = "DE89370400440532013000",
    version: str = "053.001.08",
    closing: int | None = None,
) -> str:
    """A camt.053 that adds up unless told otherwise; a line given as text is put in as it is."""
    sums = sum(line.minor for line in lines if isinstance(line, Line))
    entries = "".join(line if isinstance(line, str) else entry_xml(line) for line in lines)
    closing = opening + sums if closing is None else closing
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{version}">'
        f"<BkToCstmrStmt><GrpHdr><MsgId>M{number}</MsgId></GrpHdr><Stmt><Id>S{number}</Id>"
        f"<ElctrncSeqNb>{number}</ElctrncSeqNb><Acct><Id><IBAN>{account}</IBAN></Id></Acct>"
        f"{balance_xml('OPBD', opening, day)}{balance_xml('CLBD', closing, day)}\n"
        f"{entries}</Stmt></BkToCstmrStmt></Document>"
    )


def mt940_text(
    lines: Sequence[Line],
    opening: int = 0,
    *,
    day: date = date(2026, 3, 2),
    number: int = 1,
    page: int = 1,
    last: bool = True,
    account: str = "DE89370400440532013000",
) -> str:
    marks = {(True, False): "C", (False, False): "D", (True, True): "RD", (False, True): "RC"}
    fields = [
        f":20:S{number}",
        f":25:{account}",
        f":28C:{number}/{page}",
        f":60{'F' if page == 1 else 'M'}:{'C' if opening >= 0 else 'D'}{day:%y%m%d}EUR{money(opening, ',')}",
    ]
    for line in lines:
        mark = marks[line.minor >= 0, line.reversal]
        bank = f"//{line.reference}" if line.reference else ""
        fields.append(f":61:{line.valued:%y%m%d}{line.booked:%m%d}{mark}{money(line.minor, ',')}NTRFNONREF{bank}")
        if line.text:
            fields.append(f":86:{line.text}")
    closing = opening + sum(line.minor for line in lines)
    fields.append(f":62{'F' if last else 'M'}:{'C' if closing >= 0 else 'D'}{day:%y%m%d}EUR{money(closing, ',')}")
    return "\r\n".join(fields) + "\r\n-\r\n"
