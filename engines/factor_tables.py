"""Factor tables of the liquidity ratios as dated versions. Data comes in parsed; files are infra's.

An item holds the factor of a code together with where it comes from and how far that was checked. An item
without a factor is left to the national supervisor: what needs it is refused until a factor is configured
(decision Q8). Not for arithmetic: `engines.factor_lines` weighs amounts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from engines.primitives.errors import InvalidInput

_DECIMAL = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")


@dataclass(frozen=True, slots=True)
class FactorItem:
    code: str
    maturity_bucket: str  # part of the key: a code may have one factor for each residual maturity
    category: str
    factor: Fraction | None  # share of the amount that counts, 0..1; None: to be configured
    name_en: str
    name_zh: str
    cap_rule: str  # empty: none
    source: str  # rule and paragraph
    status: str
    confidence: str  # high, medium, low
    note: str


@dataclass(frozen=True, slots=True)
class FactorTable:
    """One version: in force from `effective_from` until the next one."""

    policy: str
    version: str
    effective_from: date
    parameters: Mapping[str, Fraction]
    items: Mapping[tuple[str, str], FactorItem]  # by code and maturity bucket
    buckets_by_code: Mapping[str, tuple[str, ...]]

    def item(self, code: str, maturity_bucket: str | None = None) -> FactorItem:
        """The item of a code; the bucket may be left out where the code has one only.

        Raises:
            InvalidInput: `field` is code or maturity_bucket: unknown, or needed to tell factors apart.
        """
        buckets = self.buckets_by_code.get(code)
        if buckets is None:
            raise InvalidInput(f"{code!r} is not a code of the {self.policy} table", field="code")
        if maturity_bucket is None:
            if len(buckets) > 1:
                message = f"{code} has a factor for each maturity bucket: want one of {', '.join(buckets)}"
                raise InvalidInput(message, field="maturity_bucket")
            maturity_bucket = buckets[0]
        found = self.items.get((code, maturity_bucket))
        if found is None:
            message = f"{code} has no maturity bucket {maturity_bucket!r}: want one of {', '.join(buckets)}"
            raise InvalidInput(message, field="maturity_bucket")
        return found

    def factor(self, code: str) -> Fraction:
        """The factor of a code of one bucket. Raises InvalidInput if it is to be configured."""
        found = self.item(code).factor
        if found is None:
            raise InvalidInput(f"{code} has no factor in the {self.policy} table: configure one", field="factor")
        return found

    def parameter(self, name: str) -> Fraction:
        if name not in self.parameters:
            raise InvalidInput(f"version {self.version!r} of {self.policy} has no parameter {name!r}", field=name)
        return self.parameters[name]


@dataclass(frozen=True, slots=True)
class FactorPolicy:
    """All versions of one ratio's table, and its regulatory minimum over time."""

    name: str
    versions: tuple[FactorTable, ...]  # rising effective_from
    minimums: tuple[tuple[date, Fraction], ...]  # rising date; a plain ratio: 1 is 100%

    def in_force(self, as_of: date | None = None) -> FactorTable:
        """The version in force on `as_of`; without a date the newest. Raises InvalidInput before the first."""
        found = [one for one in self.versions if as_of is None or one.effective_from <= as_of]
        if not found:
            first = self.versions[0].effective_from
            raise InvalidInput(f"the {self.name} table is in force from {first} only", field="as_of")
        return found[-1]

    def minimum(self, as_of: date | None = None) -> Fraction | None:
        """The minimum in force on `as_of`, without a date the newest; None where none was in force yet."""
        found = [ratio for since, ratio in self.minimums if as_of is None or since <= as_of]
        return found[-1] if found else None


def parse_factor_policy(name: str, data: Mapping[str, Any]) -> FactorPolicy:
    """A policy file's content: arrays `version` (name, effective_from, parameters, item) and `minimum`.

    Raises:
        InvalidInput: `record` is the entry, as `version[0].item[3]`, `field` what is wrong there.
    """
    versions = [_version(name, entry, f"version[{at}]") for at, entry in enumerate(_list(data, "version", ""))]
    if not versions:
        raise InvalidInput(f"the {name} policy has no version", field="version", record=name)
    minimums = [
        (_day(entry, f"minimum[{at}]"), _number(entry, "ratio", f"minimum[{at}]"))
        for at, entry in enumerate(data.get("minimum", ()))
    ]
    versions.sort(key=lambda one: one.effective_from)
    minimums.sort()
    for record, days in (
        ("version", [one.effective_from for one in versions]),
        ("minimum", [day for day, _ in minimums]),
    ):
        if len(set(days)) < len(days):
            raise InvalidInput(f"two entries of {record} begin on one day", field="effective_from", record=record)
    return FactorPolicy(name, tuple(versions), tuple(minimums))


def _version(policy: str, entry: Mapping[str, Any], record: str) -> FactorTable:
    items: dict[tuple[str, str], FactorItem] = {}
    buckets: dict[str, tuple[str, ...]] = {}
    for at, row in enumerate(_list(entry, "item", record)):
        found = _item(row, f"{record}.item[{at}]")
        key = (found.code, found.maturity_bucket)
        if key in items:
            raise InvalidInput(f"{found.code} stands twice", field="code", record=f"{record}.item[{at}]")
        items[key] = found
        buckets[found.code] = (*buckets.get(found.code, ()), found.maturity_bucket)
    given = entry.get("parameters", {})
    parameters = {key: _number(given, key, f"{record}.parameters") for key in given}
    return FactorTable(policy, _text(entry, "name", record), _day(entry, record), parameters, items, buckets)


def _item(row: Mapping[str, Any], record: str) -> FactorItem:
    factor = _number(row, "factor", record) if row.get("factor", "") != "" else None
    if factor is not None and factor > 1:
        raise InvalidInput("a factor is a share from 0 to 1", field="factor", record=record)
    needed = ("code", "maturity_bucket", "category", "name_en", "source", "status", "confidence")
    texts = {key: _text(row, key, record) for key in needed}
    optional = {key: str(row.get(key, "")) for key in ("name_zh", "cap_rule", "note")}
    return FactorItem(factor=factor, **texts, **optional)


def _list(data: Mapping[str, Any], key: str, record: str) -> Sequence[Mapping[str, Any]]:
    found = _want(data, key, record, lambda value: isinstance(value, list), "a list of tables")
    return list(found)


def _text(data: Mapping[str, Any], key: str, record: str) -> str:
    return str(_want(data, key, record, lambda value: isinstance(value, str) and value != "", "text"))


def _number(data: Mapping[str, Any], key: str, record: str) -> Fraction:
    # As text only: a float of the file would already be another number.
    text = _want(
        data, key, record, lambda value: isinstance(value, str) and bool(_DECIMAL.fullmatch(value)), "decimal text"
    )
    return Fraction(text)


def _day(data: Mapping[str, Any], record: str) -> date:
    found: date = _want(data, "effective_from", record, lambda value: type(value) is date, "a date")
    return found


def _want(data: Mapping[str, Any], key: str, record: str, fits: Callable[[Any], bool], what: str) -> Any:
    if key not in data or not fits(data[key]):
        where = record or "the policy"
        raise InvalidInput(f"{where}: {key} must be {what}", field=key, record=where)
    return data[key]
