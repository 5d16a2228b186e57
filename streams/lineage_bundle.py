"""Figure bundles: a figure, the raw records that it is made of, and the proof that they stand in a signed log (F3).

The document is that of docs/lineage.md, which a verifier that knows nothing of us recomputes. The amounts come from
the fold's state and the records from what it says each of them did: where the two disagree there is no bundle.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any, Protocol

import numpy as np

from engines.primitives.errors import CorruptRecord, InvalidInput, NotFound
from engines.primitives.money import to_text
from infra.lineage_log import PartitionLog, inclusion_paths
from infra.merkle import root
from infra.snapshots import LogPartition
from projections.entry_batch import POSITION_DIMENSIONS
from projections.transactions import TransactionState
from streams import told_entries
from streams.folders import Folder
from streams.instants import day_number
from streams.lineage_records import KeyedRecords
from streams.past_figures import account_rows, parse_place
from streams.topics import TXN
from streams.views import AsOf
from streams.views_wire import Alert

KIND, FORMAT, STATEMENT = "figure", 1, "tidemark-figure/v1"
FIELD_OF = {"account": "account_id", "customer": "customer_id", "organisation": "org_id"}
NEVER = -(10**9)  # a day before all others
ENTITY, CURRENCY = POSITION_DIMENSIONS.index("entity"), POSITION_DIMENSIONS.index("currency")


class Signer(Protocol):
    """The audit key of the installation."""

    @property
    def vkey(self) -> str: ...

    def head(self, where: LogPartition, next_offset: int, size: int, root: bytes) -> str:
        """A signed checkpoint of a partition's log."""

    def statement(self, lines: Sequence[str]) -> str:
        """These lines as a signed note."""


Scope = Mapping[str, str]  # account, customer, organisation: at least one of them


@dataclass
class ReadLog:
    """One partition up to the bundle's offset, its fold's state there, and the offsets that the figure stands on."""

    where: LogPartition
    end: int
    state: TransactionState
    log: PartitionLog = field(default_factory=PartitionLog)
    chosen: list[int] = field(default_factory=list)  # offsets
    records: dict[int, tuple[bytes | None, bytes | None]] = field(default_factory=dict)  # key and value, by offset
    sums: dict[tuple[str, str], int] = field(default_factory=dict)  # by entity and currency


def position_bundle(
    read: KeyedRecords,
    folder: Folder,
    logs: Mapping[tuple[str, int], LogPartition],
    offsets: Mapping[str, int],
    scope: Scope,
    as_of: AsOf,
    sign: Signer,
    *,
    whole: bool = False,
) -> dict[str, Any]:
    """The position (LIQ-01) of an account, a customer or an organisation at an offset vector, provable.

    Args:
        as_of: value dates up to this count, by entity.
        whole: also the digests of all other records, so that none under the same keys can have been left out.
    Raises:
        InvalidInput: no scope, no entries in the vector, or logs that no longer begin at 0.
        NotFound: no settled entry of that scope.
        CorruptRecord: what the records did is not what the state holds.
    """
    if not scope or not scope.keys() <= FIELD_OF.keys():
        raise InvalidInput(f"want at least one of {', '.join(FIELD_OF)}", field="scope")
    ends = {parse_place(place): end for place, end in offsets.items() if parse_place(place)[0] == TXN}
    if not ends:
        raise InvalidInput(f"the vector names no partition of {TXN}", field="at_offsets")
    filters = {name: frozenset({value}) for name, value in scope.items()}
    found: list[ReadLog] = []
    for place, end in sorted(ends.items()):
        where = logs.get(place)
        if where is None:
            raise NotFound(f"{place[0]}/{place[1]} is not a folded log", field="at_offsets")
        one = _read_log(read, folder, where, end, scope, as_of)
        held: dict[tuple[str, str], int] = {}
        for row in account_rows(one.state, as_of, filters):
            pair = row["entity"], row["currency"]
            held[pair] = held.get(pair, 0) + row["settled_minor"]
        if {pair: minor for pair, minor in held.items() if minor} != {p: m for p, m in one.sums.items() if m}:
            raise CorruptRecord("the entries do not add up to the state", partition=place[1])
        if one.chosen:
            found.append(one)
    if not found:
        raise NotFound("no settled entry of that scope up to these offsets", field="scope")
    sums: dict[tuple[str, str], int] = {}
    for one in found:
        for pair, minor in one.sums.items():
            sums[pair] = sums.get(pair, 0) + minor
    amounts = [
        {
            "entity_id": entity,
            "ccy": currency,
            "as_of": (day := as_of.of(entity)) and day.isoformat(),
            "amount": to_text(minor, currency),
        }
        for (entity, currency), minor in sorted(sums.items())
    ]
    named = {FIELD_OF[name]: value for name, value in sorted(scope.items())}
    figure = {"name": "position", "scope": named, "amounts": amounts}
    return _bundle("sum-of-settled", figure, found, sign, whole=whole)


def alert_bundle(
    read: KeyedRecords,
    folder: Folder,
    where: LogPartition,
    alert: Alert,
    sign: Signer,
    *,
    whole: bool = False,
) -> dict[str, Any]:
    """A large-flow alert with the entries behind it, up to the entry that raised it.

    Raises InvalidInput: an alert of another rule, or a correction.
    """
    if alert.kind != "raised" or alert.limit is not None or not alert.rule.startswith("large-flow"):
        raise InvalidInput("a bundle is of a large-flow alert that was raised", field="alert")
    end = alert.source.offset
    one = ReadLog(where, end, folder.empty())
    wanted = {entry.offset for entry in alert.entries} or {end - 1}
    _walk(read, one, lambda raw, keys: _keep(one, raw, keys, wanted))
    one.chosen = sorted(wanted)
    if set(one.records) != wanted:
        raise CorruptRecord("the log lacks entries of the alert", partition=where.partition)
    figure = {
        "name": "alert",
        "alert_id": alert.alert_id,
        "scope": {"entity_id": alert.entity, "customer_id": alert.customer, "ccy": alert.currency},
        "event_time": alert.event_time,
        "window_minutes": alert.window_minutes,
        "amount": alert.amount,
        "rolling": alert.rolling,
        "threshold": alert.threshold,
    }
    return _bundle("single" if alert.rolling is None else "window", figure, [one], sign, whole=whole)


def _read_log(
    read: KeyedRecords, folder: Folder, where: LogPartition, end: int, scope: Scope, as_of: AsOf
) -> ReadLog:
    one = ReadLog(where, end, folder.empty())
    at = {POSITION_DIMENSIONS.index(name): value for name, value in scope.items()}
    last_days: list[int] = []  # by position row: the last value date that counts; out of scope: none does

    def take(raw: Any, keys: Sequence[bytes | None]) -> None:
        told = told_entries.fold_told(one.state, raw)
        positions = one.state.positions.keys
        for key in positions[len(last_days) :]:
            wanted = all(key[place] == value for place, value in at.items())
            last_days.append(_last_day(as_of, key[ENTITY]) if wanted else NEVER)
        row = told.moves.position_row
        mine = (told.moves.settled_minor != 0) & (told.moves.value_day <= np.array(last_days, np.int64)[row])
        offsets = told.batch.offset[told.row[mine]].tolist()
        for position, minor in zip(row[mine].tolist(), told.moves.settled_minor[mine].tolist(), strict=True):
            pair = positions[position][ENTITY], positions[position][CURRENCY]
            one.sums[pair] = one.sums.get(pair, 0) + minor
        one.chosen += offsets
        _keep(one, raw, keys, set(offsets))

    _walk(read, one, take)
    return one


def _last_day(as_of: AsOf, entity: str) -> int:
    day = as_of.of(entity)
    return day_number(day or date.max)


def _walk(read: KeyedRecords, one: ReadLog, take: Callable[[Any, Sequence[bytes | None]], None]) -> None:
    for raw, keys in read(one.where.topic, one.where.partition, one.end):
        for offset, key, value in zip(raw.offsets.tolist(), keys, raw.values, strict=True):
            one.log.append(offset, key, value)
        take(raw, keys)


def _keep(one: ReadLog, raw: Any, keys: Sequence[bytes | None], wanted: set[int]) -> None:
    if not wanted:
        return
    for row, offset in enumerate(raw.offsets.tolist()):
        if offset in wanted:
            one.records[offset] = keys[row], raw.value(row)


def _bundle(
    rule: str, figure: Mapping[str, Any], found: Iterable[ReadLog], sign: Signer, *, whole: bool
) -> dict[str, Any]:
    bundle: dict[str, Any] = {
        "kind": KIND,
        "format": FORMAT,
        "rule": rule,
        "keys": [sign.vkey],
        "figure": dict(figure),
        "logs": [_log(one, sign, whole=whole) for one in found],
    }
    return bundle | {"statement": sign.statement(statement_lines(bundle))}


def statement_lines(bundle: Mapping[str, Any]) -> list[str]:
    """What the key signs: the digest of the whole document but for the statement itself."""
    text = json.dumps(bundle, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return [STATEMENT, sha256(text.encode("ascii")).hexdigest()]


def _log(one: ReadLog, sign: Signer, *, whole: bool) -> dict[str, Any]:
    log = one.log
    index = {offset: at for at, offset in enumerate(log.offsets)}
    places = [index[offset] for offset in one.chosen]
    paths = inclusion_paths(places, log.leaves)
    records = []
    for place, offset in zip(places, one.chosen, strict=True):
        key, value = one.records[offset]
        path = [node.hex() for node in paths[place]]
        records.append({"index": place, "offset": offset, "key": _text(key), "value": _text(value), "path": path})
    every = {"offsets": log.offsets, "keys": b"".join(log.keys).hex(), "values": b"".join(log.values).hex()}
    return {
        "place": f"{one.where.topic}/{one.where.partition}",
        "checkpoint": sign.head(one.where, one.end, len(log), root(log.leaves)),
        "next_offset": one.end,
        "records": records,
        "all": every if whole else None,
    }


def _text(part: bytes | None) -> str | None:
    return None if part is None else base64.b64encode(part).decode()
