# ruff: noqa: S608 - statements are made of what this module holds, of numbers, and of dates
"""Entries out of the archive as facts of pivots: each that counted, once, as the fold counts it.

The archive holds records as they came. Left out are those that the fold took nothing of: what could not be decoded,
repeats and what a later status replaced (decision S2), a second opening balance (S14), what came beyond the horizon.
So settled entries up to a value date add up to the live position of the same cut. Files are read by DuckDB in bounded
memory, as the manifest names them, each proved.
"""

from collections.abc import Mapping
from pathlib import Path

from engines.primitives.errors import Unavailable
from infra.pivot_fields import Kind, Source, dimension, fields, figure, periods
from infra.pivot_query import Facts
from streams.archive_reader import ArchiveReader
from streams.topics import TXN
from streams.views import AsOf

NAME = "entries"
CHUNK = 16_384  # offsets whose newest event time is found at once
US_A_DAY = 86_400_000_000
SETTLED = "status = 'settled'"
COLUMNS = (
    '"offset", partition, txn_id, source_system, event_time, value_date, entity_id, account_id, customer_id, org_id, '
    "line_id, product_id, customer_class, ccy, direction, amount, status, txn_type, channel, cpty_bank_id, "
    "reversal_of, intragroup"
)
BODY = (
    "entity_id, org_id, line_id, product_id, ccy, customer_id, account_id, customer_class, intragroup, direction, "
    "amount, value_date, reversal_of"
)
ID = "partition, entity_id, source_system, txn_id"

SOURCE = Source(
    NAME,
    "Entries (archive)",
    "分录（归档）",
    fields(
        [
            dimension("entity", "entity_id", "Entity", "法人"),
            dimension("organisation", "org_id", "Organisation", "机构"),
            dimension("business_line", "line_id", "Business line", "条线"),
            dimension("product", "product_id", "Product", "产品"),
            dimension("currency", "ccy", "Currency", "币种"),
            dimension("customer", "customer_id", "Customer", "客户", personal=True),
            dimension("account", "account_id", "Account", "账户", personal=True),
            dimension("customer_class", "customer_class", "Customer class", "客户类别"),
            dimension("direction", "direction", "Direction", "方向"),
            dimension("txn_type", "txn_type", "Type", "交易类型"),
            dimension("channel", "channel", "Channel", "渠道"),
            dimension("status", "status", "Status", "状态"),
            dimension("counterparty_bank", "cpty_bank_id", "Counterparty bank", "对手行"),
            dimension("source_system", "source_system", "Source system", "来源系统"),
            *periods("value_date", "value_date", "Value date", "起息日"),
            figure("amount", "CASE WHEN status <> 'rejected' THEN amount END", "Amount", "金额"),
            figure("inflow", f"CASE WHEN {SETTLED} AND direction = 'in' THEN amount END", "Inflow", "流入"),
            figure("outflow", f"CASE WHEN {SETTLED} AND direction = 'out' THEN amount END", "Outflow", "流出"),
            figure(
                "net",
                f"CASE WHEN {SETTLED} THEN CASE direction WHEN 'in' THEN amount ELSE -amount END END",
                "Net flow",
                "净流量",
            ),
            figure(
                "pending_in",
                "CASE WHEN status = 'pending' AND direction = 'in' THEN amount END",
                "Pending in",
                "在途流入",
            ),
            figure(
                "pending_out",
                "CASE WHEN status = 'pending' AND direction = 'out' THEN amount END",
                "Pending out",
                "在途流出",
            ),
            figure("entries", "1", "Entries", "分录数", Kind.NUMBER),
        ]
    ),
    currency="ccy",
    intragroup="intragroup",
    closing_date="value_date",
    key=("partition", '"offset"'),
)


def archived(archive: ArchiveReader, partitions: int, wanted: Mapping[str, int] | None) -> dict[str, int]:
    """The cut: {"topic/partition": next offset} of what is archived, or of what is `wanted` of it.

    Raises Unavailable: nothing is archived, or not as far as wanted.
    """
    held = {f"{TXN}/{number}": archive.bounds(TXN, number) for number in range(partitions)}
    ends = {place: bounds[1] for place, bounds in held.items() if bounds is not None}
    if not ends:
        raise Unavailable("no entry is archived yet: `tidemark archive run --once`")
    if wanted is None:
        return ends
    asked = {place: end for place, end in wanted.items() if place.startswith(f"{TXN}/")}
    for place, end in asked.items():
        if end > ends.get(place, 0):
            raise Unavailable(f"the archive of {place} does not reach {end}: `tidemark archive run --once`")
    return {place: asked.get(place, 0) for place in ends}


def entry_facts(
    archive: ArchiveReader, cut: Mapping[str, int], as_of: AsOf, entities: frozenset[str] | None, horizon_days: int
) -> Facts:
    """Entries below `cut` with value date up to each entity's date; `horizon_days` is the fold's own."""
    ends = {int(place.rpartition("/")[2]): end for place, end in cut.items() if end > 0}
    files = tuple(path for number, end in sorted(ends.items()) for path in archive.paths(TXN, number, 0, end))
    if not files:
        raise Unavailable("no entry is archived at this cut")
    return facts_from(files, ends, as_of, entities, horizon_days)


def facts_from(
    files: tuple[Path, ...],
    ends: Mapping[int, int],
    as_of: AsOf,
    entities: frozenset[str] | None,
    horizon_days: int,
) -> Facts:
    """The same of these files, each in its partition's folder; `ends`: next offset by partition."""
    below = " ".join(f"WHEN {number} THEN {end}" for number, end in sorted(ends.items()))
    base = (
        f'SELECT {COLUMNS}, "offset" // {CHUNK} AS chunk '
        "FROM read_parquet(getvariable('files'), hive_partitioning = true) "
        f'WHERE refused IS NULL AND "offset" < CASE partition {below} ELSE 0 END'
    )
    relation = (
        f'SELECT {COLUMNS} FROM ({base}) AS entry ANTI JOIN excluded USING (partition, "offset") '
        f"WHERE {_dated(as_of)}"
    )
    return Facts(SOURCE, files, relation, _excluded(base, horizon_days), entities)


def _dated(as_of: AsOf) -> str:
    if as_of.explicit is not None:
        return f"value_date <= DATE '{as_of.explicit.isoformat()}'"
    # Entities are told by the log: one with a quote in its name is compared as text all the same.
    cases = " ".join(
        f"WHEN '{entity.replace(chr(39), chr(39) * 2)}' THEN value_date <= DATE '{day.isoformat()}'"
        for entity, day in sorted(as_of.by_entity.items())
    )
    return f"CASE entity_id {cases} ELSE true END" if cases else "true"


def _excluded(base: str, horizon_days: int) -> tuple[str, ...]:
    """Statements that make the table of offsets that do not count.

    Only suspects are put in order: chunks whose oldest value date could be beyond the horizon, ids that come twice by
    a 64-bit digest. Of the rest, which is nearly all, no row is kept in memory.
    """
    newest_day = f"(epoch_us(newest) // {US_A_DAY} - {horizon_days})"
    return (
        "CREATE TEMP TABLE reach AS SELECT *, max(newest) OVER (PARTITION BY partition ORDER BY first) AS till, "
        "max(newest) OVER (PARTITION BY partition ORDER BY first ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) "
        'AS earlier FROM (SELECT partition, chunk, min("offset") AS first, max(event_time) AS newest, '
        f"min(value_date) AS oldest FROM ({base}) GROUP BY partition, chunk)",
        'CREATE TEMP TABLE excluded AS SELECT partition, "offset" FROM ('
        'SELECT b.partition, b."offset", b.value_date, '
        'greatest(max(b.event_time) OVER (PARTITION BY b.partition, b.chunk ORDER BY b."offset"), r.earlier) '
        "AS newest "
        f"FROM ({base}) AS b JOIN reach AS r USING (partition, chunk) "
        f"WHERE r.oldest - DATE '1970-01-01' < epoch_us(r.till) // {US_A_DAY} - {horizon_days}) "
        f"WHERE value_date - DATE '1970-01-01' < {newest_day}",
        'INSERT INTO excluded SELECT partition, "offset" FROM ('
        'SELECT partition, "offset", txn_id, first_value(txn_id) OVER '
        '(PARTITION BY partition, entity_id, account_id, ccy ORDER BY "offset") AS opened '
        f"FROM ({base}) AS entry ANTI JOIN excluded USING (partition, \"offset\") WHERE txn_type = 'OPENING') "
        "WHERE txn_id <> opened",
        f"CREATE TEMP TABLE twice AS SELECT digest FROM (SELECT hash({ID}) AS digest FROM ({base})) "
        "GROUP BY digest HAVING count(*) > 1",
        f"CREATE TEMP TABLE chains AS SELECT {ID}, \"offset\", status <> 'pending' AS is_final, "
        f'row({BODY}) = first_value(row({BODY})) OVER (PARTITION BY {ID} ORDER BY "offset") AS is_same '
        f'FROM (SELECT * FROM ({base}) AS entry ANTI JOIN excluded USING (partition, "offset")) '
        f"WHERE hash({ID}) IN (SELECT digest FROM twice)",
        # Of one body the first final record counts, else the first: a status that is reached does not change again.
        f'INSERT INTO excluded SELECT partition, "offset" FROM (SELECT *, row_number() OVER (PARTITION BY {ID} '
        'ORDER BY is_same DESC, is_final DESC, "offset") AS place FROM chains) WHERE NOT is_same OR place > 1',
    )
