"""The policy of recovery cash (infra/policies/recovery_cash.toml), read into what the engine takes.

Not for the formulas: `engines.recovery_inflows`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from engines.primitives.errors import InvalidInput
from engines.recovery_inflows import Rate, RecoveryTable, Severity
from engines.shock_families import SEVERITIES
from infra.policies import load_policy

POLICY = "recovery_cash"


@dataclass(frozen=True, slots=True)
class RecoveryPolicy:
    """All versions, oldest first, and a digest of all that they say."""

    tables: tuple[RecoveryTable, ...]
    digest: str

    def in_force(self, as_of: date) -> tuple[RecoveryTable, bool]:
        """The table of a day; before the first one the first, and False."""
        found = [table for table in self.tables if table.effective_from <= as_of]
        return (found[-1], True) if found else (self.tables[0], False)


def recovery_policy(directory: Path | None = None) -> RecoveryPolicy:
    """Raises InvalidInput: a rate is not a share, a severity is missing, a version has no rates."""
    own = directory is not None and (directory / f"{POLICY}.toml").is_file()
    read = load_policy(POLICY, directory if own else None)
    tables = tuple(_table(entry, f"version[{at}]") for at, entry in enumerate(read["version"]))
    if not tables:
        raise InvalidInput("want at least one version", field="version", record=POLICY)
    digest = hashlib.sha256(msgspec.json.encode(read, order="sorted")).hexdigest()[:12]
    return RecoveryPolicy(tuple(sorted(tables, key=lambda table: table.effective_from)), digest)


def _table(entry: Mapping[str, Any], record: str) -> RecoveryTable:
    rates = tuple(_rate(row, f"{record}.rate[{at}]") for at, row in enumerate(entry["rate"]))
    missing = [name for name in SEVERITIES if name not in entry["severity"]]
    if missing:
        raise InvalidInput(f"no severity {missing[0]}", field="severity", record=record)
    severities: dict[str, Severity] = {
        name: Severity(
            _share(entry["severity"][name], "probability", f"{record}.severity.{name}"),
            _days(entry["severity"][name], "delay_days", f"{record}.severity.{name}"),
        )
        for name in SEVERITIES
    }
    kinds = {rate.kind for rate in rates}
    if kinds != set(entry["precedence"]):
        raise InvalidInput("want every kind of the rates once", field="precedence", record=record)
    late, parts = entry["late"], frozenset(entry["parts"])
    if not parts <= kinds:
        raise InvalidInput("want kinds of the rates", field="parts", record=record)
    return RecoveryTable(
        version=entry["name"],
        effective_from=entry["effective_from"],
        rates=rates,
        precedence=tuple(entry["precedence"]),
        parts=parts,
        late_probability=_share(late, "probability", f"{record}.late"),
        late_after_days=_days(late, "after_days", f"{record}.late"),
        failed_round_factor=_share(entry, "failed_round_factor", record),
        severities=severities,
    )


def _rate(row: Mapping[str, Any], record: str) -> Rate:
    return Rate(
        row["kind"],
        frozenset(row["stages"]),
        frozenset(row.get("bases", ())),
        _share(row, "probability", record),
        _days(row, "due_after_days", record),
        _days(row, "delay_days", record),
    )


def _share(row: Mapping[str, Any], name: str, record: str) -> Fraction:
    try:
        found = Fraction(str(row[name]))
    except (KeyError, ValueError) as error:
        raise InvalidInput("want a share as decimal text", field=name, record=record) from error
    if not 0 <= found <= 1:
        raise InvalidInput("want a share from 0 to 1", field=name, record=record)
    return found


def _days(row: Mapping[str, Any], name: str, record: str) -> int:
    found = row.get(name)
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise InvalidInput("want a number of days", field=name, record=record)
    return found
