"""The T+1 extract: one closed business date for the bank's planning and big-data platforms (LIQ-51, IN-12).

A business date is closed when every entity that worked on it has gone on to a later one; the instant at which the
last of them did cuts every log: what Kafka took before belongs to the extract, in which the same question always gets
the same answer. Every entry is in one extract: with its value date if it came in time, else in the supplement of the
date in which it came.

All of it is read from the archive: an extract never says more than what is archived and proved.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from aggregates.event_view import EventView
from engines.primitives.errors import InvalidInput, Unavailable
from engines.primitives.money import exponent
from infra import archive_files as files
from infra.archive_packages import Table
from infra.event_store_chain import microseconds
from infra.snapshot_files import LogPartition
from projections.gap import GapState
from projections.transactions import TransactionState
from streams import topics
from streams.archive_columns import AMOUNT
from streams.archive_reader import ArchiveReader
from streams.folders import Folder, source_of
from streams.instants import day_number
from streams.schemas import BusinessDate

Place = tuple[str, int]
MONEY = pl.Decimal(38, 4)
ENTRY_COLUMNS = (
    *("txn_id", "source_system", "event_time", "value_date", "entity_id", "account_id", "customer_id", "org_id"),
    *("line_id", "product_id", "customer_class", "ccy", "direction", "amount", "status", "txn_type", "channel"),
    *("cpty_bank_id", "reversal_of", "intragroup", "payment_ref"),
)


@dataclass(frozen=True, slots=True)
class Day:
    """A closed business date and when it ended; the one before it, and when that did (None and 0: there was none)."""

    business_date: date
    closed_us: int
    previous: date | None
    previous_us: int
    entities: tuple[str, ...]


def closed_day(told: Iterable[tuple[int, BusinessDate]], wanted: date) -> Day:
    """From all records of `tm.in.core.business-date.v1` with Kafka's time of each.

    Raises InvalidInput where nobody worked on that date, or somebody still does.
    """
    ends: dict[str, dict[str, int]] = {}  # by entity and its date, when it went on to a later one
    present: dict[str, str] = {}
    for appended_us, record in told:
        entity, new = record.entity_id, record.business_date
        if new <= present.get(entity, ""):
            continue  # told again, or set back: a date that was closed stays closed
        if entity in present:
            ends.setdefault(entity, {})[present[entity]] = appended_us
        present[entity] = new
    wanted_text = wanted.isoformat()

    def closed(day: str) -> tuple[int, tuple[str, ...]]:
        worked = sorted(e for e in present if day == present[e] or day in ends.get(e, {}))
        late = [entity for entity in worked if day not in ends.get(entity, {})]
        if late:
            raise InvalidInput(f"{late[0]} still works on {day}", field="--date", entity=late[0])
        return max(ends[entity][day] for entity in worked), tuple(worked)

    known = sorted({day for days in ends.values() for day in days} | set(present.values()))
    if wanted_text not in known:
        raise InvalidInput(f"{wanted_text} is no business date of any entity", field="--date")
    closed_us, entities = closed(wanted_text)
    before = known.index(wanted_text)
    if not before:
        return Day(wanted, closed_us, None, 0, entities)
    previous = known[before - 1]
    return Day(wanted, closed_us, date.fromisoformat(previous), closed(previous)[0], entities)


def offset_at(archive: ArchiveReader, where: LogPartition, instant_us: int, *, is_complete: bool) -> int:
    """The offset after the last record that Kafka took before an instant; where there was none, where the log begins.

    `is_complete`: the archive holds all that the log holds now, after that instant. Raises Unavailable where it
    neither does nor reaches the instant: what is not archived might be earlier.
    """
    manifest = archive.store.manifest(where)
    segments = manifest.segments if manifest is not None else ()
    if not is_complete and not any(segment.last_us >= instant_us for segment in segments):
        raise Unavailable(
            f"the archive of {where.topic}/{where.partition} does not reach that far: `tidemark archive run --once`",
            topic=where.topic,
            partition=where.partition,
        )
    for segment in reversed(segments):
        if segment.first_us < instant_us:
            rows = files.scan(archive.store.file(segment)).filter(pl.col("timestamp_us") < instant_us)
            return int(rows.select(pl.col("offset").max()).collect().item()) + 1
    return segments[0].from_offset if segments else 0


def entries(archive: ArchiveReader, ends: Mapping[Place, tuple[int, int]], day: Day) -> tuple[Table, Table]:
    """The day's entries, and those of earlier value dates that came while it was open.

    `ends`: by place, the offsets at which the day before and this day ended.
    """
    after = day.previous or day.business_date - timedelta(days=1)
    late, on_day = pl.col("value_date") <= after, pl.col("value_date").is_between(after, day.business_date, "right")
    timely: list[pl.DataFrame] = []
    supplement: list[pl.DataFrame] = []
    for (topic, partition), (opened, ended) in sorted(ends.items()):
        for path in archive.paths(topic, partition, 0, ended):
            rows = files.scan(path).filter(pl.col("offset") < ended)
            timely.append(_entry_rows(rows.filter(on_day), partition))
            supplement.append(_entry_rows(rows.filter(late & (pl.col("offset") >= opened)), partition))
    empty = pl.DataFrame(schema=_entry_schema())
    about = "records as they came, repeats and changes of status included; positions count each entry once"
    return (
        Table(
            "transactions",
            pl.concat([empty, *timely]),
            ("amount",),
            "ccy",
            f"value date {day.business_date}: {about}",
        ),
        Table("transactions-supplement", pl.concat([empty, *supplement]), ("amount",), "ccy", f"earlier: {about}"),
    )


def _entry_rows(rows: pl.LazyFrame, partition: int) -> pl.DataFrame:
    picked = rows.select(pl.lit(partition, pl.Int32).alias("partition"), "offset", *ENTRY_COLUMNS)
    return picked.collect().cast(_entry_schema())  # type: ignore[arg-type]  # polars' own schema type


def _entry_schema() -> dict[str, Any]:
    kinds: dict[str, Any] = dict.fromkeys(ENTRY_COLUMNS, pl.String)
    dates = {
        "event_time": pl.Datetime("us", "UTC"),
        "value_date": pl.Date,
        "amount": AMOUNT,
        "intragroup": pl.Boolean,
    }
    return {"partition": pl.Int32, "offset": pl.Int64} | kinds | dates


def positions(states: Iterable[TransactionState], day: date) -> Table:
    """Positions by account at the end of the day: value date on or before it, from the account's own side."""
    schema: dict[str, Any] = dict.fromkeys(
        ("entity", "organisation", "business_line", "product", "currency", "customer", "account", "customer_class"),
        pl.String,
    )
    schema |= {"intragroup": pl.Boolean} | dict.fromkeys(("settled", "pending_in", "pending_out"), MONEY)
    rows = [
        (*key[:8], key[8] == "true", *(_amount(minor, key[4]) for minor in sums))
        for state in states
        for key, *sums in state.positions.accounts(lambda _entity: day_number(day))
    ]
    frame = pl.DataFrame(sorted(rows, key=lambda row: row[:9]), schema=schema, orient="row")
    return Table("positions", frame, ("settled", "pending_in", "pending_out"), about="by account, minor units exact")


def gap_flows(folder: Folder, states: Iterable[tuple[int, GapState]]) -> Table:
    """Contractual flows by cell and flow date: `DEMAND`, `UNDATED` or a date; buckets are the reader's (S13)."""
    names = ("entity", "organisation", "business_line", "product", "currency", "flow_date", "liquidity_tag")
    amounts = ("inflow", "outflow", "principal_in", "principal_out")
    sums: dict[tuple[str, ...], list[Decimal]] = {}
    for partition, state in states:
        for output in folder.take_all(state, source_of(folder, state, partition, "-")):
            flow = msgspec.json.decode(output.value)
            cell = sums.setdefault(tuple(flow[name] for name in names), [Decimal(0)] * len(amounts))
            cell[:] = [held + Decimal(flow[name]) for held, name in zip(cell, amounts, strict=True)]
    schema: dict[str, Any] = dict.fromkeys(names, pl.String) | dict.fromkeys(amounts, MONEY)
    rows = [(*key, *sums[key]) for key in sorted(sums)]
    return Table("gap-flows", pl.DataFrame(rows, schema=schema, orient="row"), amounts)


def alerts(archive: ArchiveReader, places: Sequence[Place], window: Callable[[Place], tuple[int, int]]) -> Table:
    """Alerts whose triggering record came while the day was open, each once, in the order of their sequence.

    `window`: of a source log, the offsets between which the day lies.
    """
    names = ("alert_id", "kind", "rule", "rule_version", "entity", "organisation", "customer", "account")
    texts = (*names, "currency", "event_time", "txn_id", "reason", "source_topic")
    found: dict[str, tuple[Any, ...]] = {}
    for topic, partition in places:
        held = archive.bounds(topic, partition)
        for records in archive.records(topic, partition, *held) if held is not None else ():
            for key, value in zip(records.keys, records.values, strict=True):
                if key == b"cut" or value is None:
                    continue
                alert = msgspec.json.decode(value)
                source = alert["source"]
                opened, ended = window((source["topic"], source["partition"]))
                if opened < source["offset"] <= ended:
                    amounts = [Decimal(alert[name]) for name in ("amount", "threshold")]
                    place = (source["topic"], source["partition"], alert["sequence"])
                    shown = (*(alert.get(name, "-") for name in texts[:-1]), source["topic"])
                    row = (*shown, source["partition"], source["offset"], alert["sequence"], *amounts)
                    found.setdefault(f"{place}", row)  # a repeat is equal by its place (S16)
    schema: dict[str, Any] = dict.fromkeys(texts, pl.String)
    schema |= dict.fromkeys(("source_partition", "source_offset", "sequence"), pl.Int64)
    schema |= {"amount": MONEY, "threshold": MONEY}
    rows = sorted(found.values(), key=lambda row: (row[12], row[13], row[15]))
    return Table("alerts", pl.DataFrame(rows, schema=schema, orient="row"), ("amount",))


def decisions(events: Iterable[EventView], opened_us: int, closed_us: int) -> Table:
    """Decisions recorded while the day was open, ready for ledgers; `payload` is JSON, sealed values stay sealed."""
    texts = ("id", "recorded_at", "valid_on", "entity", "org", "aggregate", "key", "type", "actor", "role", "reason")
    rows = []
    for event in events:
        at_us = microseconds(event.recorded_at)
        if opened_us <= at_us < closed_us:
            told = event.to_json()
            payload = told["payload"]
            amount = payload.get("amount")
            money = Decimal(amount) if isinstance(amount, str) and _is_decimal(amount) else None
            body = msgspec.json.encode(payload, order="sorted").decode()
            shown = (str(told[name]) for name in texts)
            rows.append((event.position, *shown, event.version, str(payload.get("ccy") or "-"), money, body))
    schema: dict[str, Any] = {"position": pl.Int64} | dict.fromkeys(texts, pl.String)
    schema |= {"version": pl.Int64, "currency": pl.String, "amount": MONEY, "payload": pl.String}
    return Table("decisions", pl.DataFrame(rows, schema=schema, orient="row"), ("amount",))


def told_dates(archive: ArchiveReader) -> Iterator[tuple[int, BusinessDate]]:
    """Every archived record of the business dates."""
    held = archive.bounds(topics.BUSINESS_DATE, 0)
    for records in archive.records(topics.BUSINESS_DATE, 0, *held) if held is not None else ():
        for appended_us, value in zip(records.timestamps_us, records.values, strict=True):
            try:
                yield appended_us, msgspec.json.decode(value or b"", type=BusinessDate)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # a dead letter


def _amount(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-exponent(currency))


def _is_decimal(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit()
