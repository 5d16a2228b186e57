"""Change events of Debezium on a table of entries (`op` c, u, d, r, tombstones) to entries, each counted once.

What a row was last told as is kept (`row_states`), so that a snapshot read (`r`) is state, not flow: one that says
what is known says nothing new. A change that is not later than the row's last is a repeat. An update of anything but
a pending entry's status takes the old entry back and tells a new one; a deletion takes it back.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from infra.statements.records import Place, Unreadable
from infra.statements.row_states import RowState, RowStates
from streams import topics
from streams.feeds.checked_record import entry_event
from streams.feeds.event import Event
from streams.feeds.file_report import FileReport
from streams.feeds.json_lines import accept
from streams.feeds.row_mapping import RowMapping
from streams.schemas import Txn

_OPERATIONS = frozenset({"c", "u", "d", "r"})
_DECIMAL = "org.apache.kafka.connect.data.Decimal"
#: What names a source's position in its log, by connector; those of one connector compare as they stand.
_POSITIONS = ("lsn", "change_lsn", "commit_lsn", "scn", "pos", "ord")


class Change(NamedTuple):
    """One envelope, unwrapped. `position` sorts as the source's log does."""

    operation: str
    before: dict[str, str] | None
    after: dict[str, str] | None
    source: str
    position: str
    transaction: str
    order: int | None


class DebeziumTable:
    """Turns the changes of one table into entries; keeps what rows were told as in `states`."""

    def __init__(self, mapping: RowMapping, states: RowStates, report: FileReport) -> None:
        self._mapping, self._states, self._report = mapping, states, report
        self._order: tuple[str, int] | None = None  # transaction and how many of its changes came

    def events(self, value: bytes | None, place: Place) -> Iterator[Event]:
        """Entries of one message; repeats and tombstones are skipped, what cannot be read is a reject.

        A row's new state is remembered when the caller asks for what follows its last event, hence not before that
        event was handed on: whoever stops in between is told it again.
        """
        if value is None or not value.strip() or value.strip() == b"null":
            self._report.skipped += 1
            return
        try:
            change = _change(value, place)
            self._look_for_gap(change, place)
            yield from self._of_row(change, place)
        except Unreadable as error:
            self._report.refuse(error.refused())

    def _of_row(self, change: Change, place: Place) -> Iterator[Event]:
        row = change.after if change.after is not None else change.before
        if row is None:
            raise Unreadable(place, "after", "neither before nor after holds a row")
        key = self._key(row, place)
        known = self._states.get(change.source, key)
        if known is not None and change.position <= known.position:
            self._report.skipped += 1
            return
        if change.operation == "d":
            yield from self._deleted(change, key, known, place)
            return
        if change.after is None:
            raise Unreadable(place, "after", f"operation {change.operation} without the row after it")
        event, record = entry_event(self._fields(change.after, key, place), place)
        if change.operation == "u" and known is None:
            self._tell_gap(place, key, "an update of a row that was never told: earlier changes are missing")
        told = None if known is None or known.deleted else msgspec.json.decode(known.record, type=Txn)
        if told is None:
            record = record if known is None else _renamed(record, change)
            yield from self._tell(event._replace(record=record))
        elif _same(told, record):
            self._report.skipped += 1
            record = told
        else:
            if change.operation == "r":
                self._tell_gap(place, key, "a snapshot says otherwise than was told: changes were missed")
            if _settles(told, record):
                record = msgspec.structs.replace(record, txn_id=told.txn_id)
                yield from self._tell(event._replace(record=record))
            else:
                yield from self._tell(event._replace(record=_taken_back(told, change)))
                record = _renamed(record, change)
                yield from self._tell(event._replace(record=record))
        self._states.put(change.source, key, RowState(change.position, msgspec.json.encode(record), deleted=False))

    def _deleted(self, change: Change, key: str, known: RowState | None, place: Place) -> Iterator[Event]:
        if known is None:
            self._tell_gap(place, key, "a deletion of a row that was never told: earlier changes are missing")
            return
        if not known.deleted:
            told = msgspec.json.decode(known.record, type=Txn)
            reversal = _taken_back(told, change)
            routing = topics.record_key(told.entity_id, told.customer_id, told.account_id)
            yield from self._tell(Event(topics.TXN, routing, reversal))
        self._states.put(change.source, key, RowState(change.position, known.record, deleted=True))

    def _tell(self, event: Event) -> Iterator[Event]:
        accept(self._report, event)
        yield event

    def _fields(self, row: Mapping[str, str], key: str, place: Place) -> dict[str, Any]:
        fields = self._mapping.fields(row, place)
        fields.setdefault("txn_id", key)
        return fields

    def _key(self, row: Mapping[str, str], place: Place) -> str:
        columns = self._mapping.file.key
        if not columns:
            raise Unreadable(place, "key", "the mapping names no key columns")
        missing = [name for name in columns if not row.get(name)]
        if missing:
            raise Unreadable(place.at(missing[0]), missing[0], "a column of the primary key is empty")
        return "|".join(row[name] for name in columns)

    def _look_for_gap(self, change: Change, place: Place) -> None:
        """Changes of one transaction are counted by Debezium from 1; rows by the table itself, where it does."""
        if change.order is not None:
            before = self._order
            if before is not None and before[0] == change.transaction and change.order > before[1] + 1:
                missing = f"changes {before[1] + 1} to {change.order - 1} are missing"
                self._tell_gap(place, change.transaction, missing)
            self._order = change.transaction, change.order
        column, row = self._mapping.file.sequence, change.after
        if column and change.operation == "c" and row is not None and row.get(column, "").isdecimal():
            number, last = int(row[column]), self._states.sequence(change.source)
            if last is not None and number > last + 1:
                self._tell_gap(place, column, f"numbers {last + 1} to {number - 1} are missing")
            self._states.set_sequence(change.source, max(number, last or 0))

    def _tell_gap(self, place: Place, key: str, message: str) -> None:
        self._report.gaps.append({"file": place.file, "line": place.line, "key": key, "message": message})


def _change(value: bytes, place: Place) -> Change:
    """The envelope, with or without its schema. Raises Unreadable."""
    try:
        message = msgspec.json.decode(value, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(
            place, "value", f"not a JSON object: {error}", value[:80].decode(errors="replace")
        ) from error
    payload = message.get("payload", message)
    if not isinstance(payload, dict) or payload.get("op") not in _OPERATIONS:
        shown = str(payload.get("op")) if isinstance(payload, dict) else ""
        raise Unreadable(place, "op", f"none of {', '.join(sorted(_OPERATIONS))}", shown)
    source = payload.get("source")
    if not isinstance(source, dict):
        raise Unreadable(place, "source", "there is no source block")
    transaction = payload.get("transaction")
    order = transaction.get("data_collection_order") if isinstance(transaction, dict) else None
    scales = _scales(message.get("schema"))
    names = [str(source[name]) for name in ("name", "db", "schema", "table") if source.get(name) is not None]
    identity = transaction.get("id") if isinstance(transaction, dict) else source.get("txId") or source.get("gtid")
    return Change(
        operation=payload["op"],
        before=_row(payload.get("before"), scales, place),
        after=_row(payload.get("after"), scales, place),
        source=".".join(names),
        position=_position(source, payload, place),
        transaction=str(identity or ""),
        order=order if isinstance(order, int) else None,
    )


def _position(source: Mapping[str, Any], payload: Mapping[str, Any], place: Place) -> str:
    """Sortable text. MySQL counts within binary log files; Oracle's and SQL Server's are texts or numbers."""
    file = str(source.get("file") or "")
    numbers = [source[name] for name in (*_POSITIONS, "row") if source.get(name) is not None]
    if not numbers:
        if payload["op"] == "r" and isinstance(source.get("ts_ms"), int):
            return f"{'':>10}{source['ts_ms']:020}"  # a snapshot without a position comes before all changes
        raise Unreadable(place, "source", "there is no position: lsn, pos, scn or change_lsn")
    parts = [f"{number:020}" if isinstance(number, int) else str(number).zfill(20) for number in numbers]
    digits = "".join(letter for letter in file if letter.isdecimal())
    return "/".join([f"{int(digits or 0):010}", *parts])


def _row(row: Any, scales: Mapping[str, int], place: Place) -> dict[str, str] | None:
    if row is None:
        return None
    if not isinstance(row, dict):
        raise Unreadable(place, "after", "not an object of columns")
    return {name: _text(name, value, scales, place) for name, value in row.items()}


def _text(name: str, value: Any, scales: Mapping[str, int], place: Place) -> str:
    """A column's value as text; a float is refused where it would stand for an amount: set decimals to `string`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        raise Unreadable(place.at(name), name, "a float: set decimal.handling.mode to string or precise", str(value))
    if name in scales and isinstance(value, str):
        try:
            unscaled = int.from_bytes(base64.b64decode(value, validate=True), signed=True)
        except ValueError as error:
            raise Unreadable(place.at(name), name, "not the bytes of a decimal", value) from error
        scale, sign = scales[name], "-" if unscaled < 0 else ""
        digits = str(abs(unscaled)).zfill(scale + 1)
        return f"{sign}{digits[:-scale]}.{digits[-scale:]}" if scale else f"{sign}{digits}"
    return str(value)


def _scales(schema: Any) -> dict[str, int]:
    """Decimal digits by column, of columns that travel as bytes (`decimal.handling.mode` precise)."""
    found: dict[str, int] = {}
    for row in schema.get("fields", []) if isinstance(schema, dict) else []:
        for column in row.get("fields") or [] if row.get("field") in {"before", "after"} else []:
            if column.get("name") == _DECIMAL:
                found[column["field"]] = int(column.get("parameters", {}).get("scale", 0))
    return found


def _same(told: Txn, record: Txn) -> bool:
    """Equal but for the id, which a correction changes, and the instant, which an update may touch."""
    return _body(told) == _body(record) and told.status == record.status


def _settles(told: Txn, record: Txn) -> bool:
    return told.status == "pending" and record.status != "pending" and _body(told) == _body(record)


def _body(record: Txn) -> Txn:
    return msgspec.structs.replace(record, txn_id="", event_time="", status="settled", source_seq=0)


def _renamed(record: Txn, change: Change) -> Txn:
    return msgspec.structs.replace(record, txn_id=f"{record.txn_id}@{_short(change)}")


def _taken_back(told: Txn, change: Change) -> Txn:
    """The opposite of what was told; of a pending entry its rejection."""
    if told.status == "pending":
        return msgspec.structs.replace(told, status="rejected")
    return msgspec.structs.replace(
        told,
        txn_id=f"{told.txn_id}@{_short(change)}/back",
        direction="out" if told.direction == "in" else "in",
        reversal_of=told.txn_id,
    )


def _short(change: Change) -> str:
    return hashlib.blake2b(f"{change.source}{change.position}".encode(), digest_size=6).hexdigest()
