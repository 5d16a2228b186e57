"""Facts from neighbour systems that no aggregate holds: the newest value of each, beside the event store.

Latest value only, so it may be told again, late or out of order and ends the same: the record with the highest
(as_of, record_id) stays. Not a log and no place for decisions: those are events.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

from aggregates.personal_sealing import Subject
from infra.event_store import EventStore
from infra.store_tables import StoreTables
from infra.subject_keys import SubjectKeys

SEALED = "sealed:"  # no JSON begins so
_COLUMNS = "kind, entity, key, subject, as_of, record_id, body"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS {reference} (kind TEXT NOT NULL, entity TEXT NOT NULL, key TEXT NOT NULL, "
    "subject TEXT NOT NULL, as_of TEXT NOT NULL, record_id TEXT NOT NULL, body TEXT NOT NULL, "
    "PRIMARY KEY (kind, entity, key))"
)
CREATION_LOCK = 0x7469_6466  # advisory lock: "tide" + 1; that is the event store's own
_INDEX = "CREATE INDEX IF NOT EXISTS tidemark_reference_subject ON {reference} (subject)"


@dataclass(frozen=True, slots=True)
class Fact:
    """`subject` is whom the fact is about (a customer), `as_of` sorts as text within its kind, `body` is JSON."""

    kind: str
    entity: str
    key: str
    subject: str
    as_of: str
    record_id: str
    body: str


class ReferenceStore:
    def __init__(self, store: EventStore, keys: SubjectKeys | None = None) -> None:
        """Makes its table where it is missing. With `keys` bodies are kept sealed, each for its subject; those of an
        erased one are no longer there. Raises Unavailable."""
        self._keys = keys
        self._tables = StoreTables(store, ("reference",), CREATION_LOCK, (_TABLE, _INDEX))

    def put(self, fact: Fact) -> bool:
        """Keep a fact unless a newer one of its kind, entity and key is known; says whether it is the newest now."""
        newer = "(excluded.as_of, excluded.record_id) >= (r.as_of, r.record_id)"
        changes = ", ".join(f"{name} = excluded.{name}" for name in ("subject", "as_of", "record_id", "body"))
        self._tables.run(
            f"INSERT INTO {{reference}} AS r ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) "  # noqa: S608 - our own words
            f"ON CONFLICT (kind, entity, key) DO UPDATE SET {changes} WHERE {newer}",
            astuple(self._sealed(fact)),
        )
        kept = self.get(fact.kind, fact.entity, fact.key)
        return kept is not None and (kept.as_of, kept.record_id) == (fact.as_of, fact.record_id)

    def get(self, kind: str, entity: str, key: str) -> Fact | None:
        found = self._select("kind = ? AND entity = ? AND key = ?", (kind, entity, key))
        return found[0] if found else None

    def of_subject(self, subject: str) -> list[Fact]:
        """Everything known of one subject, by kind and key."""
        return self._select("subject = ?", (subject,))

    def of_kind(self, kind: str) -> list[Fact]:
        return self._select("kind = ?", (kind,))

    def remove(self, fact: Fact) -> None:
        place = (fact.kind, fact.entity, fact.key)
        self._tables.run("DELETE FROM {reference} WHERE kind = ? AND entity = ? AND key = ?", place)

    def _select(self, where: str, values: Sequence[str]) -> list[Fact]:
        order = "ORDER BY kind, entity, key"
        statement = f"SELECT {_COLUMNS} FROM {{reference}} WHERE {where} {order}"  # noqa: S608 - our own words
        rows = self._tables.run(statement, values)
        found = [Fact(*(row[name] for name in _COLUMNS.split(", "))) for row in rows]
        return [opened for fact in found if (opened := self._opened(fact)) is not None]

    def _sealed(self, fact: Fact) -> Fact:
        if self._keys is None:
            return fact
        sealed = self._keys.seal_bytes(Subject.customer(fact.subject), _place(fact), fact.body.encode())
        return replace(fact, body=SEALED + b64encode(sealed).decode())

    def _opened(self, fact: Fact) -> Fact | None:
        """None: its subject was erased, or its keys are elsewhere. What is older than the keys is in clear."""
        if not fact.body.startswith(SEALED):
            return fact
        if self._keys is None:
            return None
        try:
            body = self._keys.open_bytes(_place(fact), b64decode(fact.body.removeprefix(SEALED)))
        except ValueError:
            return None
        return None if body is None else replace(fact, body=body.decode())


def _place(fact: Fact) -> bytes:
    """What a sealed body is bound to; times and record ids are its own row's."""
    return "\x1f".join((fact.kind, fact.entity, fact.key)).encode()
