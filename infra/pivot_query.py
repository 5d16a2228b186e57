# ruff: noqa: S608 - statements are made of checked names and expressions that the code holds; values are parameters
"""The questions that a pivot puts to DuckDB: leaf sums, values by rank, the rows behind a cell.

SQL is put together from a checked definition and from expressions that the code holds; what readers write goes in as
parameters. The database is in memory, has a bound of memory and threads, spills to a folder of its own, reads only
the files it is handed, and its settings are locked before the first question. Amounts are decimals throughout.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb

from engines.primitives.errors import CorruptRecord, InvalidInput, Unavailable
from infra.pivot_definition import ORDERED, OTHERS, Condition, Definition, Function, Measure
from infra.pivot_fields import ON_US, Field, Grain, Kind, Source

SCALE = 6  # decimals of every figure while it is added up
UNIT = 10**SCALE
EXACT_TYPE = f"DECIMAL(38, {SCALE})"
GROUPS_MAX = 200_000
CONVERTED_SCALE = 4  # of an amount that is converted row by row


@dataclass(frozen=True, slots=True)
class Limits:
    """What one question may use."""

    memory_mb: int = 768
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Facts:
    """`files` are Parquet; `relation` is a SELECT over them by `getvariable('files')`, or over what `setup` makes.
    `entities`: those the reader may see, None: all."""

    source: Source
    files: tuple[Path, ...]
    relation: str
    setup: tuple[str, ...] = ()
    entities: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """What stands behind one combination of members, in one currency. Figures are in 10^-6 units, None: no row has
    one; `running`: also of rows before the first day asked for."""

    members: tuple[str, ...]
    currency: str
    on_us: bool
    count: int
    sums: tuple[int | None, ...]
    least: tuple[int | None, ...]
    most: tuple[int | None, ...]
    running: tuple[int | None, ...]


class Database:
    """One question's database. Not thread-safe."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, facts: Facts) -> None:
        self._connection, self.facts = connection, facts

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Raises InvalidInput: a number is too large to be exact, or the question too large for its memory."""
        try:
            return self._connection.execute(statement, list(values)).fetchall()
        except duckdb.OutOfMemoryException as error:
            raise Unavailable("the question takes more memory than it may; narrow it") from error
        except (duckdb.OutOfRangeException, duckdb.ConversionException) as error:
            raise InvalidInput("a figure is too large to be added up exactly", field="measures") from error
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise CorruptRecord(f"the facts cannot be read: {error}"[:300]) from error

    def described(self, statement: str, values: Sequence[object]) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names, and rows."""
        found = self.rows(statement, values)
        description = self._connection.description or ()
        return [str(column[0]) for column in description], found


@contextmanager
def opened(facts: Facts, limits: Limits | None = None) -> Iterator[Database]:
    """A database that holds nothing and reads these facts' files."""
    allowed = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="tidemark-pivot-") as folder:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{allowed.memory_mb}MB",
            "threads": str(allowed.threads),
            "temp_directory": folder,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "preserve_insertion_order": "false",
        }
        connection = duckdb.connect(":memory:", config=settings)
        try:
            connection.execute("SET allowed_paths = ?", [[str(path) for path in facts.files]])
            connection.execute("SET VARIABLE files = ?", [[str(path) for path in facts.files]])
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            database = Database(connection, facts)
            for statement in facts.setup:
                database.rows(statement)
            yield database
        finally:
            connection.close()


# --- Questions -----------------------------------------------------------------------------------------------------


def figures_of(asked: Definition) -> tuple[str, ...]:
    """Fields that are added up, each once, in the order of the measures."""
    return tuple(dict.fromkeys(name for one in asked.measures for name in one.fields))


_SUMMED = frozenset({Function.SUM, Function.PER_CENT, Function.SHARE, Function.CHANGE, *ORDERED})
_HELD = (("sum", _SUMMED), ("min", frozenset({Function.MIN})), ("max", frozenset({Function.MAX})))


def leaves(database: Database, asked: Definition) -> list[Leaf]:
    """Every combination of members with its sums. Raises InvalidInput: there are too many."""
    figures = figures_of(asked)
    inner, values = _facts(database, asked, figures)
    width = len(asked.dimensions)
    names = "".join(f"d{at}, " for at in range(width))
    parts = ["count(*) FILTER (live)"]
    for at, name in enumerate(figures):
        wanted = {one.function for one in asked.measures if name in one.fields}
        parts += [f"{function}(m{at}) FILTER (live)" if wanted & needs else "NULL" for function, needs in _HELD]
        parts.append(f"sum(m{at})" if Function.CLOSING in wanted else "NULL")
    statement = (
        f"WITH facts AS ({inner}) SELECT {names}ccy, on_us, {', '.join(parts)} FROM facts "
        f"GROUP BY {names}ccy, on_us ORDER BY {names}ccy, on_us LIMIT {GROUPS_MAX + 1}"
    )
    found = database.rows(statement, values)
    if len(found) > GROUPS_MAX:
        raise InvalidInput(f"over {GROUPS_MAX} groups; take fewer dimensions or a filter", field="rows")
    made = []
    for row in found:
        members, (currency, on_us, count), rest = row[:width], row[width : width + 3], row[width + 3 :]
        columns = [tuple(map(_scaled, rest[at::4])) for at in range(4)]
        made.append(Leaf(tuple(map(str, members)), str(currency), bool(on_us), count, *columns))
    return made


def ranked(
    database: Database,
    asked: Definition,
    measure: Measure,
    kept: Sequence[int],
    tops: frozenset[str] | None,
    factors: Mapping[str, Fraction] | None,
) -> dict[tuple[tuple[str, ...], str], int]:
    """The value of a rank within each combination of the dimensions at `kept`: {(members, currency): value}.

    From the rows themselves, never from parts (LIQ-60). With `factors`, by currency, each row is converted and
    rounded HALF_UP to the unit they lead to, and the currency is empty; else values are in 10^-6.
    """
    inner, values = _facts(database, asked, measure.fields)
    names = [f"d{at}" for at in kept]
    eliminated = "AND NOT on_us" if not shows_on_us(asked, [asked.dimensions[at] for at in kept]) else ""
    if asked.top is not None and tops is not None:
        place = f"d{asked.dimensions.index(asked.top.dimension)}"
        outer = f"CASE WHEN list_contains(?, {place}) THEN {place} ELSE '{OTHERS}' END"
        names = [outer + f" AS {name}" if name == place else name for name in names]
        eliminated += "" if asked.top.others else f" AND list_contains(?, {place})"
    money = database.facts.source.fields[measure.field].kind is Kind.MONEY
    value, currency = "m0", "ccy" if money else "''"
    before: list[object] = [sorted(tops or ())] if any("?" in name for name in names) else []
    after: list[object] = [sorted(tops or ())] if "?" in eliminated else []
    if factors is not None and money:
        value, currency = _converted(factors), "''"
    keys = ", ".join(f"k{at}" for at in range(len(kept))) or "1"
    picked = "".join(f"{name.partition(' AS ')[0]} AS k{at}, " for at, name in enumerate(names))
    rank = measure.quantile
    top, bottom = rank.as_integer_ratio()
    statement = (
        f"WITH facts AS ({inner}), one AS (SELECT {picked}{currency} AS c, {value} AS v FROM facts "
        f"WHERE live AND m0 IS NOT NULL {eliminated}), "
        f"placed AS (SELECT *, row_number() OVER (PARTITION BY {keys}, c ORDER BY v) AS nth, "
        f"count(*) OVER (PARTITION BY {keys}, c) AS n FROM one WHERE v IS NOT NULL) "
        f"SELECT * EXCLUDE (nth, n) FROM placed WHERE nth = (n * {top} + {bottom - 1}) // {bottom}"
    )
    found = database.rows(statement, [*values, *before, *after])
    width = len(kept)
    return {
        (tuple(map(str, row[:width])), str(row[width])): row[-1]
        if isinstance(row[-1], int)
        else _scaled(row[-1]) or 0
        for row in found
    }


def behind(
    database: Database, asked: Definition, members: Mapping[str, str], tops: frozenset[str], limit: int, offset: int
) -> tuple[list[str], list[tuple[Any, ...]], int]:
    """The facts behind a cell that `members` name: columns, rows of one page, and how many there are."""
    source = database.facts.source
    where, values = _where(database.facts, [*asked.where])
    for name, member in members.items():
        about = source.fields[name]
        if member == OTHERS and asked.top is not None and name == asked.top.dimension:
            where.append(f"NOT list_contains(?, {about.expression})")
            values.append(sorted(tops))
        else:
            where.append(f"{about.expression} = ?")
            values.append(member)
    if asked.top is not None and not asked.top.others:
        where.append(f"list_contains(?, {source.fields[asked.top.dimension].expression})")
        values.append(sorted(tops))
    if source.intragroup and not shows_on_us(asked, list(members)):
        where.append(f"NOT {source.intragroup}")
    clause = f"WHERE {' AND '.join(where)}" if where else ""
    order = f"ORDER BY {', '.join(source.key)}" if source.key else ""
    ((count,),) = database.rows(f"SELECT count(*) FROM ({database.facts.relation}) {clause}", values)
    statement = f"SELECT * FROM ({database.facts.relation}) {clause} {order} LIMIT ? OFFSET ?"
    columns, rows = database.described(statement, [*values, limit, offset])
    return columns, rows, int(count)


def shows_on_us(asked: Definition, kept: Sequence[str]) -> bool:
    """Whether on-us legs stand in a figure along these dimensions (decision S22)."""
    return not ON_US.isdisjoint([*kept, *(one.field for one in asked.where)])


# --- Parts of statements -------------------------------------------------------------------------------------------


def _facts(database: Database, asked: Definition, figures: Sequence[str]) -> tuple[str, list[object]]:
    """A SELECT of d0…, ccy, on_us, live and m0…: what every question begins with, and its parameters."""
    facts, source = database.facts, database.facts.source
    runs = any(one.function is Function.CLOSING for one in asked.measures)
    opening = [one for one in asked.where if runs and _is_opening(source, one)]
    where, values = _where(facts, [one for one in asked.where if one not in opening])
    lives, first = _where(Facts(source, (), ""), opening)
    live = " AND ".join(lives) or "true"
    parts: list[str] = []
    used: list[object] = []
    for at, name in enumerate(asked.dimensions):
        about = source.fields[name]
        shown = about.expression
        if opening and about.of == source.closing_date:
            shown = f"CASE WHEN {live} THEN {shown} ELSE '' END"
            used += first
        parts.append(f"{shown} AS d{at}")
    parts += [f"{source.currency or repr('')} AS ccy", f"{source.intragroup or 'false'} AS on_us", f"{live} AS live"]
    used += first
    parts += [f"CAST({source.fields[name].expression} AS {EXACT_TYPE}) AS m{at}" for at, name in enumerate(figures)]
    clause = f" WHERE {' AND '.join(where)}" if where else ""
    return f"SELECT {', '.join(parts)} FROM ({facts.relation}){clause}", [*used, *values]


def _is_opening(source: Source, one: Condition) -> bool:
    """A closing balance holds what came before the first day that is asked for. Raises InvalidInput: days are picked
    in a way that leaves gaps."""
    about = source.fields[one.field]
    if about.of != source.closing_date:
        return False
    if about.grain is not Grain.DAY or one.operator not in (">=", "<="):
        raise InvalidInput(f"a closing balance wants {about.of} >= or <= a day, got {one}"[:200], field="where")
    return one.operator == ">="


def _where(facts: Facts, conditions: Sequence[Condition]) -> tuple[list[str], list[object]]:
    parts: list[str] = []
    values: list[object] = []
    if facts.entities is not None:
        parts.append(f"list_contains(?, {facts.source.fields['entity'].expression})")
        values.append(sorted(facts.entities))
    for one in conditions:
        about = facts.source.fields[one.field]
        listed = [_value(about, value) for value in one.values]
        left = about.column or about.expression
        if "in" in one.operator:
            negated = "NOT " if one.operator.startswith("not") else ""
            parts.append(f"{negated}list_contains(?, {left})")
            values.append(listed)
        else:
            parts.append(f"{left} {'<>' if one.operator == '!=' else one.operator} ?")
            values += listed
    return parts, values


def _value(about: Field, text: str) -> object:
    if about.column:
        return date.fromisoformat(text)
    return text if about.kind is Kind.TEXT else Decimal(text)


def _converted(factors: Mapping[str, Fraction]) -> str:
    """m0 in minor units of the reporting currency, each row rounded HALF_UP; null without a rate.

    `factors`: minor units of the reporting currency for one whole unit of another. Currencies come from the rates,
    which are told by the log; anything that is no ISO code has no rate here.
    """
    whole = f"CAST(CAST(m0 AS DECIMAL(28, {CONVERTED_SCALE})) * {10**CONVERTED_SCALE} AS HUGEINT)"
    cases = []
    for currency, factor in sorted(factors.items()):
        if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
            continue
        over, under = (factor / 10**CONVERTED_SCALE).as_integer_ratio()
        # `//` cuts towards zero, so half is added away from it.
        cases.append(
            f"WHEN '{currency}' THEN ({whole} * CAST({2 * over} AS HUGEINT) "
            f"+ sign({whole}) * CAST({under} AS HUGEINT)) // CAST({2 * under} AS HUGEINT)"
        )
    return f"CASE ccy {' '.join(cases)} END" if cases else "CAST(NULL AS HUGEINT)"


def _scaled(value: Decimal | int | None) -> int | None:
    if value is None or isinstance(value, int):
        return None if value is None else value * UNIT
    sign, digits, power = value.as_tuple()
    whole: int = int("".join(map(str, digits))) * 10 ** (SCALE + int(power))
    return -whole if sign else whole
