"""Every event as one row of columns: the ledger of decisions, and what an explanation says of an event.

Columns are int64 arrays. Positions and recorded times rise together, so an instant is a position.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from projections.ledgers.grammar import Event
from projections.ledgers.names import Names

Ints = NDArray[np.int64]
COLUMNS = (
    "position", "recorded_us", "valid_on", "version", "aggregate", "key", "type", "actor", "role", "org", "entity",
    "loan_no", "reason",
)  # fmt: skip
TEXTS = frozenset(COLUMNS[4:])


class Told(NamedTuple):
    """One event as a line of an explanation."""

    position: int
    recorded_us: int
    valid_on: int
    version: int
    aggregate: str
    key: str
    type: str
    actor: str
    role: str
    org: str
    entity: str
    loan_no: str
    reason: str


class EventLog:
    """`names` holds the texts behind the codes."""

    def __init__(self, names: Names, columns: "dict[str, Ints] | None" = None) -> None:
        self._names = names
        self._tail: list[tuple[int, ...]] = []
        self._columns = np.zeros((len(COLUMNS), 0), np.int64)
        if columns is not None:
            self._columns = np.array([columns[name] for name in COLUMNS], np.int64)
        self.last_position = int(self._columns[0, -1]) if self._columns.shape[1] else 0

    def __len__(self) -> int:
        return self._columns.shape[1] + len(self._tail)

    def append(self, event: Event) -> None:
        code, payload = self._names.code, event["payload"]
        loan_no = (
            event["key"] if event["aggregate"] == "RiskAsset" else payload.get("loan_no") or payload.get("asset_no")
        )
        entity = payload.get("entity_id") or event["entity"]
        self._tail.append((
            event["position"], event["recorded_us"], event["valid_on"], event["version"], code(event["aggregate"]),
            code(event["key"]), code(event["type"]), code(event["actor"]), code(event["role"]), code(event["org"]),
            code(entity), code(str(loan_no or "-")), code(event.get("reason") or ""),
        ))  # fmt: skip
        self.last_position = event["position"]

    def _settled(self) -> Ints:
        if self._tail:
            self._columns = np.concatenate([self._columns, np.array(self._tail, np.int64).T], axis=1)
            self._tail.clear()
        return self._columns

    def column(self, name: str) -> Ints:
        found: Ints = self._settled()[COLUMNS.index(name)]
        return found

    @property
    def newest_us(self) -> int:
        """When the last event was recorded; 0 if there is none."""
        return int(self.column("recorded_us")[-1]) if len(self) else 0

    def arrays(self) -> dict[str, Ints]:
        return {name: self.column(name) for name in COLUMNS}

    def position_at(self, recorded_us: int) -> int:
        """The last position recorded at or before an instant; 0 if none."""
        at = int(np.searchsorted(self.column("recorded_us"), recorded_us, side="right"))
        return int(self.column("position")[at - 1]) if at else 0

    def recorded_at(self, positions: Ints) -> Ints:
        """When these positions were recorded, in microseconds."""
        return self.column("recorded_us")[np.searchsorted(self.column("position"), positions)]

    def told(self, position: int) -> Told:
        """The event at a position that exists."""
        at = int(np.searchsorted(self.column("position"), position))
        values: list[Any] = self._settled()[:, at].tolist()
        texts = self._names.texts
        return Told(*(texts[v] if name in TEXTS else v for name, v in zip(COLUMNS, values, strict=True)))
