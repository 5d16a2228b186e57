"""What became of one file: how much was read, accepted and refused, its totals, what does not add up.

Rejects go to a file of their own, one JSON object a line, as they are met. Accepted and refused items add up to
those read (PLT-12).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec

from engines.primitives.money import to_text
from infra.statements.checks import End, Finding, end_of
from infra.statements.records import Refused, Statement

#: Shown in answers; the rejects file holds all.
REFUSED_SHOWN = 20


@dataclass(slots=True)
class Totals:
    """Of accepted entries, minor units; pending ones apart."""

    entries: int = 0
    credits_minor: int = 0
    debits_minor: int = 0
    pending: int = 0


@dataclass(slots=True)
class FileReport:
    file: str
    digest: str
    rejects: Path | None = None
    accepted: int = 0
    refused: int = 0
    skipped: int = 0  # told before, or nothing to tell
    statements: int = 0
    agreeing: int = 0  # of the statements with both balances, those that add up
    balanced: int = 0  # statements with both balances
    totals: dict[str, Totals] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    shown: list[Refused] = field(default_factory=list)
    gaps: list[dict[str, str | int]] = field(default_factory=list)  # changes of a table that never came
    _stream: IO[bytes] | None = None

    def accept(self, currency: str, amount_minor: int, *, pending: bool = False) -> None:
        self.accepted += 1
        totals = self.totals.get(currency)
        if totals is None:
            totals = self.totals[currency] = Totals()
        totals.entries += 1
        totals.pending += pending
        if amount_minor >= 0:
            totals.credits_minor += amount_minor
        else:
            totals.debits_minor -= amount_minor

    def refuse(self, refused: Refused) -> None:
        self.refused += 1
        if len(self.shown) < REFUSED_SHOWN:
            self.shown.append(refused)
        if self.rejects is None:
            return
        if self._stream is None:
            self.rejects.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self.rejects.open("wb")
        self._stream.write(msgspec.json.encode(refused_row(refused) | {"sha256": self.digest}) + b"\n")

    def statement(self, statement: Statement, findings: list[Finding]) -> None:
        self.statements += 1
        if statement.opening is not None and statement.closing is not None:
            self.balanced += 1
            self.agreeing += not any(finding.check in {"balance", "currency"} for finding in findings)
        self.findings += findings
        end = end_of(statement)
        if end is not None:
            self.ends.append(end)

    def close(self) -> None:
        """The rejects file of an earlier run goes where there is nothing to reject any more."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        elif self.rejects is not None and not self.refused:
            self.rejects.unlink(missing_ok=True)

    def as_dict(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "sha256": self.digest,
            "accepted": self.accepted,
            "refused": self.refused,
            "skipped": self.skipped,
            "statements": self.statements,
            "statements_with_balances": self.balanced,
            "statements_agreeing": self.agreeing,
            "totals": {currency: totals_row(currency, totals) for currency, totals in sorted(self.totals.items())},
            "findings": [finding_row(finding) for finding in self.findings],
            "gaps": self.gaps,
            "rejects": [refused_row(refused) for refused in self.shown],
            "rejects_file": str(self.rejects) if self.rejects is not None and self.refused else None,
        }


def refused_row(refused: Refused) -> dict[str, str | int]:
    place = refused.place
    return {
        "file": place.file,
        "line": place.line,
        "path": place.path,
        "field": refused.field,
        "reason": refused.reason,
        "value": refused.value,
    }


def totals_row(currency: str, totals: Totals) -> dict[str, str | int]:
    return {
        "entries": totals.entries,
        "pending": totals.pending,
        "credits": to_text(totals.credits_minor, currency),
        "debits": to_text(totals.debits_minor, currency),
        "net": to_text(totals.credits_minor - totals.debits_minor, currency),
    }


def finding_row(finding: Finding) -> dict[str, str | int]:
    money = finding.check in {"balance", "sum", "opening"}
    shown = {
        name: to_text(value, finding.currency) if money else str(value)
        for name, value in (
            ("expected", finding.expected),
            ("found", finding.found),
            ("difference", finding.difference),
        )
    }
    return {
        "file": finding.place.file,
        "line": finding.place.line,
        "account": finding.account,
        "statement": finding.statement_id,
        "check": finding.check,
        "currency": finding.currency,
        "message": finding.message,
        **shown,
    }
