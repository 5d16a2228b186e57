"""Changes that somebody with the database's password makes behind the store's back, and who must notice.

Used on SQLite and PostgreSQL alike; not a test module by itself. Each mutation draws its place from a random
generator and says at which positions the first fault may be named; None where no event is at fault.
"""
# ruff: noqa: S608

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eventsourcing.persistence import StoredEvent

from aggregates.assets import Assets
from aggregates.ports import CommandRecord
from aggregates.risk_asset import RiskAsset
from aggregates.snapshots import CaseSnapshot
from benchmarks._decision_rows import loan, stored_events
from infra.checkpoint import Checkpoint
from infra.checkpoint_keys import HeadKey, read_key, signed
from infra.event_store import EventStore
from infra.event_store_chain import NO_LEAF, Leaf, next_leaf
from infra.event_store_heads import NO_HEAD, CommandRow, Head, leaf_data, seal_after
from infra.event_store_verify import Options, Verification, verify
from infra.merkle import Frontier, leaf_hash

LONG = 205  # events of the loan note that has a snapshot


class Database(ABC):
    """Rows behind the store's back. Statements are SQLite's; `?` is a value."""

    @abstractmethod
    def run(self, statement: str, *values: Any) -> None: ...

    @abstractmethod
    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]: ...

    @abstractmethod
    def name(self, stream: UUID) -> Any:
        """An originator id as the database has it."""

    # --- Of the untouched log

    def positions(self) -> list[int]:
        return [row[0] for row in self.rows("SELECT position FROM tidemark_leaf ORDER BY position")]

    def heads(self) -> list[Head]:
        found = self.rows("SELECT size, position, root, seal, signatures FROM tidemark_head ORDER BY size")
        return [Head(row[0], row[1], bytes(row[2]), bytes(row[3]), bytes(row[4])) for row in found]

    def span(self, position: int) -> set[int]:
        """Positions of the append that a position belongs to."""
        last = 0
        for head in self.heads():
            if position <= head.position:
                return set(range(last + 1, head.position + 1))
            last = head.position
        return {position}

    def event(self, position: int) -> StoredEvent:
        row = self.rows(
            "SELECT originator_id, originator_version, topic, state FROM stored_events WHERE rowid = ?", position
        )[0]
        return StoredEvent(UUID(str(row[0])), row[1], row[2], bytes(row[3]))

    def put_event(self, position: int, event: StoredEvent) -> None:
        self.run(
            "INSERT INTO stored_events (rowid, originator_id, originator_version, topic, state) VALUES (?,?,?,?,?)",
            position, self.name(UUID(str(event.originator_id))), event.originator_version, event.topic, event.state,
        )  # fmt: skip

    def put_leaf(self, leaf: Leaf) -> None:
        self.run("INSERT INTO tidemark_leaf VALUES (?, ?, ?, ?)", *leaf)

    def leaf(self, position: int) -> Leaf:
        found = self.rows("SELECT position, recorded_us, chain, head FROM tidemark_leaf WHERE position = ?", position)
        return Leaf(found[0][0], found[0][1], bytes(found[0][2]), bytes(found[0][3])) if found else NO_LEAF


def filled(store: EventStore) -> None:
    """Twelve loan notes, one with a snapshot; appends of one to ten events, most with a command."""
    app = Assets(store.factory)
    events = stored_events(app, 11, 8)
    rng, done = random.Random(7), 0
    while done < len(events):
        count = rng.randint(1, 6)
        command = CommandRecord(f"cmd-{done}", bytes([done] * 32)) if rng.random() < 0.7 else None
        store.recorder.insert_events(events[done : done + count], command=command)
        done += count
    asset = loan("LN-LONG", LONG - 1)
    recorded = app.save(asset)
    assert app.snapshots is not None
    chain = app.decisions.chain_at(recorded[199].notification.id)
    part = loan("LN-LONG", 199)
    part.collect_events()
    again: RiskAsset = app.repository.get(asset.id, version=200)
    app.snapshots.put([CaseSnapshot.of(again, chain)])
    app.close()


class Victim:
    """One store that is tampered with: its database, its key, and what auditors kept elsewhere."""

    def __init__(self, store: EventStore, database: Database, folder: Path) -> None:
        self.store, self.database, self.key = store, database, HeadKey(folder / "audit" / "key.pem")
        self.origin = store.recorder.head_writer.key.origin()
        self.key.adopt(self.origin)
        head = store.recorder.last_head()
        assert head is not None
        self.kept: Checkpoint = head.checkpoint(self.origin)
        self.last = store.recorder.max_leaf_position()

    def verified(self, *, outside: bool = False) -> Verification:
        kept = (self.kept,) if outside else ()
        return verify(self.store, Options(trusted=(self.key.vkey(),), outside=kept, signed_before=True))

    # --- Mutations: each gives the positions that may be named -----------------------------------------------

    def flip(self, rng: random.Random) -> set[int]:
        position = rng.randint(1, self.last)
        state = bytearray(self.database.event(position).state)
        state[rng.randrange(len(state))] ^= 1 << rng.randrange(8)
        self.database.run("UPDATE stored_events SET state = ? WHERE rowid = ?", bytes(state), position)
        return {position}

    def change_topic(self, rng: random.Random) -> set[int]:
        position = rng.randint(1, self.last)
        topic = self.database.event(position).topic
        other = "risk-asset.cost-advanced" if rng.random() < 0.5 else topic + "x"
        self.database.run("UPDATE stored_events SET topic = ? WHERE rowid = ?", other, position)
        return {position}

    def change_version(self, rng: random.Random) -> set[int]:
        position = rng.randint(1, self.last)
        version = rng.choice((0, -1, 1_000_000, 2**40))
        self.database.run("UPDATE stored_events SET originator_version = ? WHERE rowid = ?", version, position)
        return {position}

    def change_stream(self, rng: random.Random) -> set[int]:
        position = rng.randint(1, self.last)
        other = self.database.name(UUID(int=rng.getrandbits(128)))
        self.database.run("UPDATE stored_events SET originator_id = ? WHERE rowid = ?", other, position)
        return {position}

    def drop_event(self, rng: random.Random) -> set[int]:
        position = rng.randint(1, self.last)
        self.database.run("DELETE FROM stored_events WHERE rowid = ?", position)
        return {position}

    def drop_leaf(self, rng: random.Random) -> set[int]:
        position = rng.randint(1, self.last)
        self.database.run("DELETE FROM tidemark_leaf WHERE position = ?", position)
        return {position}

    def drop_both(self, rng: random.Random) -> set[int]:
        position = rng.randint(1, self.last)
        for table, column in (("stored_events", "rowid"), ("tidemark_leaf", "position")):
            self.database.run(f"DELETE FROM {table} WHERE {column} = ?", position)
        # What follows no longer continues; of the last one of an append, the head tells.
        return self.database.span(position) | {position + 1}

    def swap(self, rng: random.Random) -> set[int]:
        one = rng.randint(1, self.last - 1)
        other = rng.randint(one + 1, min(self.last, one + 5))
        events = {place: self.database.event(place) for place in (one, other)}
        for place in events:
            self.database.run("DELETE FROM stored_events WHERE rowid = ?", place)
        self.database.put_event(one, events[other])
        self.database.put_event(other, events[one])
        return {one}

    def insert_alone(self, rng: random.Random) -> set[int]:
        place = self.last + rng.randint(1, 5)
        self.database.put_event(place, StoredEvent(uuid4(), 1, "risk-asset.asset-admitted", b"{}"))
        return {place}

    def insert_chained(self, rng: random.Random) -> set[int]:
        event = self.database.event(rng.randint(1, self.last))
        forged = StoredEvent(event.originator_id, 5_000, event.topic, event.state)
        last = self.database.leaf(self.last)
        place = self.last + 1
        self.database.put_event(place, forged)
        self.database.put_leaf(next_leaf(last, forged, place, last.recorded_us + rng.randint(1, 10**9)))
        return {place}

    def truncate(self, rng: random.Random) -> set[int]:
        place = rng.randint(2, self.last)
        self.database.run("DELETE FROM stored_events WHERE rowid >= ?", place)
        self.database.run("DELETE FROM tidemark_leaf WHERE position >= ?", place)
        return self.database.span(place)

    def change_instant(self, rng: random.Random) -> set[int]:
        position = rng.randint(1, self.last)
        now = self.database.leaf(position).recorded_us
        taken = {row[0] for row in self.database.rows("SELECT recorded_us FROM tidemark_leaf")}
        steps = [step for step in (-(10**9), 1, 7, 10**9, 10**15) if now + step not in taken]
        changed = now + rng.choice(steps or [10**16])
        self.database.run("UPDATE tidemark_leaf SET recorded_us = ? WHERE position = ?", changed, position)
        return {position}

    def change_leaf(self, rng: random.Random) -> set[int]:
        position = rng.randint(1, self.last)
        column = rng.choice(("chain", "head"))
        value = rng.randbytes(rng.choice((32, 32, 31)))
        self.database.run(f"UPDATE tidemark_leaf SET {column} = ? WHERE position = ?", value, position)
        return {position}

    def change_head(self, rng: random.Random) -> set[int]:
        head = rng.choice(self.database.heads())
        column = rng.choice(("root", "seal", "signatures"))
        value = bytearray(getattr(head, column))
        value[rng.randrange(len(value))] ^= 1
        self.database.run(f"UPDATE tidemark_head SET {column} = ? WHERE size = ?", bytes(value), head.size)
        # A signature is bound by the seal of the next head.
        after = {head.position + 1} if column == "signatures" else set()
        return self.database.span(head.position) | after

    def drop_head(self, rng: random.Random) -> set[int]:
        head = rng.choice(self.database.heads())
        span = self.database.span(head.position)
        self.database.run("DELETE FROM tidemark_head WHERE size = ?", head.size)
        return span

    def drop_heads(self, _: random.Random) -> set[int]:
        self.database.run("DELETE FROM tidemark_head")
        self.database.run("DELETE FROM tidemark_head_key")
        return {1}

    def change_snapshot(self, rng: random.Random) -> set[int] | None:
        state = bytes(self.database.rows("SELECT state FROM stored_snapshots_1")[0][0])
        digits = [place for place, letter in enumerate(state) if letter in b"123456789"]
        place = rng.choice(digits)
        changed = state[:place] + bytes([state[place] ^ 1 if state[place] != 0x31 else 0x33]) + state[place + 1 :]
        self.database.run("UPDATE stored_snapshots_1 SET state = ?", changed)
        return {self.last - LONG + 200}

    def change_command(self, rng: random.Random) -> set[int]:
        found = self.database.rows("SELECT cmd_id, digest, first_position, last_position FROM tidemark_command")
        row = CommandRow(*sorted(found)[rng.randrange(len(found))])
        span = self.database.span(row.last_position)
        where = " WHERE cmd_id = ?"
        act = rng.randrange(4)
        if act == 0:
            self.database.run("UPDATE tidemark_command SET digest = ?" + where, rng.randbytes(32), row.cmd_id)
        elif act == 1:
            self.database.run("UPDATE tidemark_command SET cmd_id = ?" + where, row.cmd_id + "x", row.cmd_id)
        elif act == 2:
            self.database.run("UPDATE tidemark_command SET first_position = first_position - 1" + where, row.cmd_id)
        else:
            self.database.run("DELETE FROM tidemark_command" + where, row.cmd_id)
        return span

    def insert_command(self, rng: random.Random) -> set[int]:
        place = rng.randint(1, self.last)
        values = (f"forged-{place}", bytes(32), place, place)
        self.database.run("INSERT INTO tidemark_command VALUES (?, ?, ?, ?)", *values)
        return self.database.span(place)

    def change_frontier(self, _: random.Random) -> set[int]:
        peaks = bytearray(bytes(self.database.rows("SELECT peaks FROM tidemark_frontier")[0][0]))
        peaks[0] ^= 1
        self.database.run("UPDATE tidemark_frontier SET peaks = ?", bytes(peaks))
        return {self.last}

    def rewrite(self, rng: random.Random, *, key: Ed25519PrivateKey | None = None) -> set[int]:
        """One event changed and every hash after it made right; with a key the heads as well."""
        place = rng.randint(1, self.last)
        event = self.database.event(place)
        state = event.state.replace(b"15000", b"15001") if b"15000" in event.state else event.state + b" "
        self.database.run("UPDATE stored_events SET state = ? WHERE rowid = ?", state, place)
        last = self.database.leaf(place - 1)
        for position in range(place, self.last + 1):
            leaf = next_leaf(last, self.database.event(position), position, self.database.leaf(position).recorded_us)
            self.database.run(
                "UPDATE tidemark_leaf SET chain = ?, head = ? WHERE position = ?", leaf.chain, leaf.head, position
            )
            last = leaf
        span = self.database.span(place)
        if key is not None:
            self._sign_again(key, place)
        return span

    def rewrite_with_another_key(self, rng: random.Random) -> set[int]:
        return self.rewrite(rng, key=Ed25519PrivateKey.generate())

    def rewrite_with_the_key(self, rng: random.Random) -> None:
        self.rewrite(rng, key=read_key(self.key.path))
        self.database.run("DELETE FROM stored_snapshots_1")

    def cut_cleanly(self, rng: random.Random) -> None:
        """The end is cut off and everything made to fit, as an old copy of the database would be."""
        heads = self.database.heads()
        head = heads[rng.randrange(len(heads) - 1)]
        tables = {"stored_events": "rowid", "tidemark_leaf": "position", "tidemark_head": "position"}
        for table, column in (tables | {"tidemark_command": "last_position"}).items():
            self.database.run(f"DELETE FROM {table} WHERE {column} > ?", head.position)
        self.database.run("DELETE FROM stored_snapshots_1")
        self._frontier(head.size)

    def _frontier(self, size: int) -> Frontier:
        frontier = Frontier()
        frontier.extend([leaf_hash(leaf_data(self.database.leaf(at))) for at in self.database.positions()[:size]])
        peaks = b"".join(frontier.peaks)
        self.database.run("UPDATE tidemark_frontier SET size = ?, peaks = ?", frontier.size, peaks)
        return frontier

    def _sign_again(self, key: Ed25519PrivateKey, place: int) -> None:
        """Heads from that of `place` on."""
        rows = self.database.rows(
            "SELECT cmd_id, digest, first_position, last_position FROM tidemark_command ORDER BY last_position"
        )
        commands = [CommandRow(row[0], bytes(row[1]), row[2], row[3]) for row in rows]
        last = NO_HEAD
        for head in self.database.heads():
            if head.position < place:
                last = head
                continue
            own = [row for row in commands if last.position < row.last_position <= head.position]
            top = self._frontier(head.size).root()
            seal = seal_after(last, head.size, head.position, top, own)
            signatures = signed(key, self.origin, head.size, top, seal)
            self.database.run(
                "UPDATE tidemark_head SET root = ?, seal = ?, signatures = ? WHERE size = ?",
                top, seal, signatures, head.size,
            )  # fmt: skip
            last = Head(head.size, head.position, top, seal, signatures)


Mutation = Callable[[Victim, random.Random], set[int] | None]

#: Found from the store and the public key alone.
SEEN: Sequence[Mutation] = (
    Victim.flip, Victim.flip, Victim.change_topic, Victim.change_version, Victim.change_stream, Victim.drop_event,
    Victim.drop_leaf, Victim.drop_both, Victim.swap, Victim.insert_alone, Victim.insert_chained, Victim.truncate,
    Victim.change_instant, Victim.change_leaf, Victim.change_head, Victim.drop_head, Victim.drop_heads,
    Victim.change_snapshot, Victim.change_command, Victim.insert_command, Victim.change_frontier, Victim.rewrite,
    Victim.rewrite_with_another_key,
)  # fmt: skip
#: Found only with a head that was kept elsewhere (decision E7).
SEEN_OUTSIDE: Sequence[Mutation] = (Victim.rewrite_with_the_key, Victim.cut_cleanly)


def check(victim: Victim, seed: int) -> None:
    """One random mutation: found, and the right place named."""
    rng = random.Random(seed)
    mutation = (*SEEN, *SEEN_OUTSIDE)[seed % (len(SEEN) + len(SEEN_OUTSIDE))]
    expected = mutation(victim, rng)
    name = f"{mutation.__name__} with seed {seed}"
    report = victim.verified()
    if mutation in SEEN_OUTSIDE:
        assert report.ok, f"{name}: {report.faults[:3]}"
        assert report.complete.startswith("unknown beyond head")
        report = victim.verified(outside=True)
        assert not report.ok, name
        return
    assert not report.ok, f"{name} went unnoticed"
    assert expected is not None
    assert report.faults[0].position in expected, f"{name}: {report.faults[:3]}, want one of {sorted(expected)[:9]}"
