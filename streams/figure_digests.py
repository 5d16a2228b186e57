"""The digest of a published figure: equal rows, equal digest, in whatever order the records came (issue 7, item 1).

SHA-256 over a canonical form: of each group of rows every row as JSON with sorted names, the rows sorted by their
bytes. Integers, booleans, null and text only: an amount is decimal text, and a float has no one spelling. Left out is
what names a tick and no fact: `source`, and customers told as back below their threshold, whom no state remembers.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from engines.primitives.errors import InvalidInput

FORMAT = b"tidemark figure digest 1\n"
#: Names whose values say which row it is; the others say how much. For naming a row that differs.
IDENTITY = (
    "figure", "metric", "scope", "entity", "organisation", "business_line", "product", "currency", "member",
    "customer", "account", "bucket", "value_date", "asset", "line", "hqla_level", "limit_id", "alert_id",
    "contract_id",
)  # fmt: skip
_LEFT_OUT = frozenset({"source"})
_DEPTH_MAX = 20

Groups = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first row, in the order of the canonical form, that two figures do not share."""

    group: str
    row: Mapping[str, Any]  # its identity
    field: str | None  # None: one side lacks the row
    published: Any
    replayed: Any


def row_groups(body: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of an answer by their name in it: every list of objects, and nothing else."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for name, value in body.items():
        plain = msgspec.to_builtins(value) if isinstance(value, list | tuple) else None
        if isinstance(plain, list) and all(isinstance(row, dict) for row in plain):
            groups[name] = plain
    return groups


def figure_digest(as_of: str | None, groups: Groups) -> str:
    """Hexadecimal SHA-256 of `canonical`. Raises InvalidInput as it does."""
    return hashlib.sha256(canonical(as_of, groups)).hexdigest()


def body_digest(body: Mapping[str, Any]) -> str:
    """Of an answer as the API sends it, before or after its way through JSON; with its date where no row says one."""
    groups = row_groups(body)
    dated = any("as_of" in row for rows in groups.values() for row in rows)
    return figure_digest(None if dated else body.get("as_of"), groups)


def canonical(as_of: str | None, groups: Groups) -> bytes:
    """The bytes that are hashed. A group without rows counts as none.

    Raises InvalidInput: a value has no one spelling (a float), or rows are nested beyond reason.
    """
    parts = [FORMAT, b"as_of " + msgspec.json.encode(as_of) + b"\n"]
    for name in sorted(groups):
        lines = sorted(map(row_bytes, _counted(groups[name])))
        if lines:
            parts += [b"group " + name.encode() + b" %d\n" % len(lines), *(line + b"\n" for line in lines)]
    return b"".join(parts)


def row_bytes(row: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(_plain(row, 0), order="deterministic")


def first_difference(published: Groups, replayed: Groups) -> Difference | None:
    """None: the rows are the same, however they are ordered."""
    for name in sorted(published.keys() | replayed.keys()):
        ours, theirs = (_by_bytes(groups.get(name, ())) for groups in (published, replayed))
        only = [(line, row) for line, row in ours.items() if line not in theirs]
        other = [(line, row) for line, row in theirs.items() if line not in ours]
        if only or other:
            return _named(name, sorted(only), sorted(other))
    return None


def _named(group: str, only: list[tuple[bytes, Any]], other: list[tuple[bytes, Any]]) -> Difference:
    partner_of = {_identity_bytes(row): row for _, row in reversed(other)}
    for _, row in only:
        partner = partner_of.get(_identity_bytes(row))
        if partner is not None:
            # Spelled out: a name without a value is not a name left out, and 1 is not true.
            names = sorted(row.keys() | partner.keys())
            field = next(name for name in names if _spelled(row, name) != _spelled(partner, name))
            return Difference(group, _identity(row), field, row.get(field), partner.get(field))
    row, published, replayed = (only[0][1], only[0][1], None) if only else (other[0][1], None, other[0][1])
    return Difference(group, _identity(row), None, published, replayed)


def _spelled(row: Mapping[str, Any], name: str) -> bytes | None:
    return msgspec.json.encode(row[name], order="deterministic") if name in row else None


def _by_bytes(rows: Iterable[Mapping[str, Any]]) -> dict[bytes, Any]:
    found: dict[bytes, Any] = {}
    for row in _counted(rows):
        line, number = row_bytes(row), 0
        while (key := line + b" %d" % number) in found:  # the same row twice is not the row once
            number += 1
        found[key] = _plain(row, 0)
    return found


def _identity(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in IDENTITY if name in row}


def _identity_bytes(row: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(_identity(row), order="deterministic")


def _counted(rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        if not ("rolling" in row and row.get("above") is False):
            yield row


def _plain(value: Any, depth: int) -> Any:
    if depth > _DEPTH_MAX:
        raise InvalidInput("rows are nested too deep", field="rows")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(one, depth + 1) for name, one in value.items() if name not in _LEFT_OUT}
    if isinstance(value, list | tuple):
        return [_plain(one, depth + 1) for one in value]
    raise InvalidInput(f"{type(value).__name__} has no one spelling", field="rows")
