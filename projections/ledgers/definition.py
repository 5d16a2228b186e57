"""What a ledger is: key, columns, order, and which event of which aggregate does what to which of its rows.

Everything is data: the same tables make the effects, the documentation and the list of ledgers.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product
from typing import Any

from projections.ledgers.grammar import Action, Event, Recall, Source, actions, source
from projections.ledgers.table import Column, Kind

#: Between the parts of a row's key: `WO1|LN-7001`.
SEPARATOR = "|"
BUCKETS = ("costs", "principal", "interest_on", "interest_off", "penalty", "compound")
BOOK_BUCKETS = ("costs", "principal", "interest_on")


class Gather(StrEnum):
    """How a column that holds several values for a row shows them."""

    ONE = "one"
    MEMBERS = "members"  # their names, sorted
    EARLIEST = "earliest"  # the smallest of their values


@dataclass(frozen=True, slots=True)
class Field:
    """One column and how its cell comes about: from effects; from other columns (`derived`); from the row of another
    ledger (`joined`, through the column `through`).

    `derived` is written as `"principal + costs"`, `"days since overdue_since"`, `"days until dispose_by"`,
    `"months from overdue_since to posted_on"`, `"written_off - recovered_after"`. `exact`: the number is a decimal.
    """

    column: Column
    gather: Gather = Gather.ONE
    derived: str = ""
    joined: str = ""
    through: str = ""
    default: str = ""
    exact: bool = False

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def is_text(self) -> bool:
        """Whether the cell's integer is the code of a text."""
        return self.column.kind in (Kind.TEXT, Kind.CODE, Kind.PER_CENT) or self.exact


def text(name: str, title: str, title_zh: str, **more: Any) -> Field:
    return _made(name, title, title_zh, Kind.TEXT, more)


def code(name: str, title: str, title_zh: str, **more: Any) -> Field:
    return _made(name, title, title_zh, Kind.CODE, more)


def money(name: str, title: str, title_zh: str, **more: Any) -> Field:
    return _made(name, title, title_zh, Kind.MONEY, {"summed": True} | more)


def day(name: str, title: str, title_zh: str, **more: Any) -> Field:
    return _made(name, title, title_zh, Kind.DATE, more)


def number(name: str, title: str, title_zh: str, **more: Any) -> Field:
    return _made(name, title, title_zh, Kind.NUMBER, more)


def per_cent(name: str, title: str, title_zh: str, **more: Any) -> Field:
    return _made(name, title, title_zh, Kind.PER_CENT, more)


def instant(name: str, title: str, title_zh: str, **more: Any) -> Field:
    return _made(name, title, title_zh, Kind.INSTANT, more)


def yes_no(name: str, title: str, title_zh: str, **more: Any) -> Field:
    return _made(name, title, title_zh, Kind.YES_NO, more)


def _made(name: str, title: str, title_zh: str, kind: Kind, more: dict[str, Any]) -> Field:
    shape = {part: more.pop(part) for part in ("personal", "summed") if part in more}
    return Field(Column(name, title, title_zh, kind, **shape), **more)


Emit = Callable[..., None]  # (column, how, value, day of the effect: by default the event's)
Special = Callable[[Event, Recall, Emit, tuple[str, ...]], None]  # also the key of the row


@dataclass(frozen=True, slots=True)
class Rule:
    """What one event of one aggregate does.

    `rows`: parts of the keys of the rows it touches; a part that is a list touches a row for each of its items. A
    part may also hold a whole key. `makes`: the rows exist from then on. `corrects`: the remembered day on which a
    CORRECTION counts, where the event itself does not carry the day of what it takes back (rule 5). `when`: only if
    this field has this value. `special`: what the texts cannot say, with its own documentation.
    """

    aggregate: str
    event: str
    actions: tuple[Action, ...]
    rows: str
    parts: tuple[Source, ...]
    makes: bool = False
    corrects: str = ""
    when: tuple[str, Any] | None = None
    special: Special | None = None

    def keys(self, event: Event, recall: Recall) -> list[tuple[str, ...]]:
        """Keys of the rows that an event touches."""
        found: list[list[str]] = []
        for part in self.parts:
            value = part(event, recall)
            if value is None:
                return []
            found.append([str(one) for one in value] if isinstance(value, list | tuple) else [str(value)])
        return [tuple(SEPARATOR.join(parts).split(SEPARATOR)) for parts in product(*found)]


def on(aggregate: str, events: str, does: str = "", *, rows: str = "@key", **more: Any) -> tuple[Rule, ...]:
    """Rules of one aggregate: `on("RiskAsset", "AssetAdmitted", "product, segment", makes=True)`.

    Several events, separated by blanks, do the same.
    """
    made, parts = actions(does), tuple(source(part.strip()) for part in rows.split(","))
    return tuple(Rule(aggregate, event, made, rows, parts, **more) for event in events.split())


def each(pattern: str, buckets: Iterable[str] = BUCKETS) -> str:
    """The pattern for every bucket: `each("{0} -= alloc.{0}")`."""
    return ", ".join(pattern.format(bucket) for bucket in buckets)


@dataclass(frozen=True, slots=True)
class Ledger:
    """`id` as in the specification (LG-01); `key`: columns that name a row; `sort`: default order, `-` for falling.

    `where`: rows are shown only where this column has this value. `loan`: the column that names the loan note behind
    a row, from which branch, customer and manager come."""

    name: str
    id: str
    title: str
    title_zh: str
    key: tuple[str, ...]
    sort: str
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...]
    loan: str = "loan_no"
    where: tuple[str, str] | None = None
    fed_by: str = ""
    numbers: dict[str, int] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        own = [one.name for one in self.fields if not one.derived and not one.joined]
        self.numbers.update({name: number for number, name in enumerate((*BASE, *own))})
        for rule in self.rules:
            for action in rule.actions:
                if action.column not in self.numbers:
                    raise ValueError(f"{self.name}: no column {action.column!r}")

    def field_of(self, name: str) -> Field | None:
        return next((one for one in self.fields if one.name == name), None)


#: What every row holds beside its own columns: that it exists, and where it belongs.
BASE = ("exists", "entity", "org", "branch", "ccy")
