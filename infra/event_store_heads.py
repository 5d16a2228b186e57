"""Signed heads of the decision log: one for every append, written in its transaction (decisions E6, E7; ADR 0014).

    leaf data  = position ‖ recorded_at ‖ hₙ          48 bytes, a leaf of RFC 6962
    root       = Merkle root of RFC 6962 over all leaves up to and with the append
    sealₙ      = SHA256(sealₙ₋₁ ‖ SHA256(signaturesₙ₋₁) ‖ size ‖ position ‖ root ‖ command)
    command    = for each command row of the append: len ‖ cmd_id ‖ len ‖ digest ‖ first ‖ last position

The root covers events, the seal heads and commands; the key signs both. Integers are 8 bytes big-endian, lengths 4;
seal₀ is 32 zero bytes and has no signatures. Here is what to write; reading and writing it is the recorders'.
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from struct import Struct
from typing import NamedTuple, Protocol

from engines.primitives.errors import Unavailable
from infra.checkpoint import (
    HASH_BYTES,
    ID_BYTES,
    PLAIN,
    SIGNATURE_BYTES,
    Checkpoint,
    SignatureLine,
    Vkey,
    key_id,
)
from infra.checkpoint_keys import HeadKey
from infra.event_store_chain import GENESIS, Leaf
from infra.merkle import Frontier, leaf_hash

PLAIN_BYTES = ID_BYTES + SIGNATURE_BYTES
SIGNER_BYTES = PLAIN_BYTES + ID_BYTES + HASH_BYTES + SIGNATURE_BYTES
_PLACE = Struct(">QQ").pack
NO_SIGNATURES = sha256(b"").digest()


class CommandRow(NamedTuple):
    cmd_id: str
    digest: bytes
    first_position: int
    last_position: int


@dataclass(frozen=True, slots=True)
class Head:
    """`size` leaves, the last at `position`. `signatures`: 168 bytes for each key that signed, see `HeadKey.sign`."""

    size: int
    position: int
    root: bytes
    seal: bytes
    signatures: bytes

    def signers(self) -> list[bytes]:
        """Ids of the keys that are said to have signed."""
        return [self.signatures[at : at + ID_BYTES] for at in range(0, len(self.signatures), SIGNER_BYTES)]

    def checkpoint(self, origin: str) -> Checkpoint:
        lines = []
        for start in range(0, len(self.signatures), SIGNER_BYTES):
            plain = self.signatures[start : start + PLAIN_BYTES]
            sealed = self.signatures[start + PLAIN_BYTES : start + SIGNER_BYTES]
            lines += [SignatureLine(origin, raw[:ID_BYTES], raw[ID_BYTES:]) for raw in (plain, sealed)]
        return Checkpoint(origin, self.size, self.root, tuple(lines))

    def verifies(self, key: Vkey) -> bool:
        """Whether this key signed the checkpoint and the seal."""
        if not self.signatures or len(self.signatures) % SIGNER_BYTES:
            return False
        found = self.checkpoint(key.name)
        return found.is_signed_by(key) and found.seal_by(key) == self.seal


NO_HEAD = Head(0, 0, b"", GENESIS, b"")


class WitnessRule(NamedTuple):
    """No append while a head has waited longer than `lag_us` for `required` cosignatures; 0: no such rule."""

    required: int = 0
    lag_us: int = 60_000_000


class HeadRows(Protocol):
    """The rows of one open transaction that holds the write lock."""

    @abstractmethod
    def last_head(self) -> Head | None: ...

    @abstractmethod
    def peaks(self) -> tuple[int, bytes]:
        """Size and hashes of the stored frontier."""

    @abstractmethod
    def first_key(self) -> str | None:
        """Verifier key that signed the first head."""

    @abstractmethod
    def leaves_before(self, position: int) -> Iterable[Leaf]: ...

    @abstractmethod
    def commands_before(self, position: int) -> Iterable[CommandRow]:
        """By first position, then cmd_id; those whose last position is lower."""

    @abstractmethod
    def waiting_since_us(self) -> int | None:
        """When the oldest head was recorded that still waits for its witnesses."""

    @abstractmethod
    def put(self, head: Head, peaks: bytes, vkey: str | None) -> None:
        """Insert the head, replace the frontier, and add the key if it is new."""


class HeadWriter:
    """Signs the head after each append of one store. Remembers its last one: a head that it did not write itself is
    verified before anything is built upon it, since a frontier in the database may have been put there."""

    def __init__(self, key: HeadKey, rule: WitnessRule | None = None) -> None:
        self.key, self.rule = key, rule or WitnessRule()
        self._is_noted = False
        self._last: tuple[Head, Frontier, bytes] | None = None  # head, its frontier, and the key that signed it

    def append(
        self, rows: HeadRows, before: Leaf, leaves: Sequence[Leaf], command: CommandRow | None, *, now_us: int
    ) -> Head:
        """Write the head over `leaves`, which stand after `before`.

        Raises Unavailable: no key, the newest head or the frontier does not verify, or witnesses are late.
        """
        self._unless_late(rows, now_us)
        last = rows.last_head()
        commands = [] if command is None else [command]
        if last is None:
            frontier, commands = self._taken_over(rows, before, commands)
        else:
            frontier = self._frontier(rows, last, before)
        # As `leaf_hash(leaf_data(leaf))`, without the calls.
        frontier.extend([sha256(b"\x00" + _PLACE(leaf[0], leaf[1]) + leaf[2]).digest() for leaf in leaves])
        head = self.signed(last or NO_HEAD, frontier, leaves[-1].position, commands)
        vkey = str(self.key.vkey()) if last is None or head.signers()[-1] not in last.signers() else None
        rows.put(head, b"".join(frontier.peaks), vkey)
        self._last = (head, frontier, self.key.public)
        return head

    def committed(self) -> None:
        """To be called after the transaction of an append."""
        if not self._is_noted:
            self.key.note_signed()
            self._is_noted = True

    def signed(self, last: Head, frontier: Frontier, position: int, commands: Iterable[CommandRow]) -> Head:
        top = frontier.root()
        seal = seal_after(last, frontier.size, position, top, commands)
        return Head(frontier.size, position, top, seal, self.key.sign(frontier.size, top, seal))

    def _frontier(self, rows: HeadRows, last: Head, before: Leaf) -> Frontier:
        if last.position != before.position:
            raise Unavailable("leaves stand beyond the newest head: run `tidemark audit verify`", size=last.size)
        self.key.key()
        public = self.key.public
        if self._last is not None and self._last[0] == last and self._last[2] == public:
            return self._last[1].copy()
        if (text := rows.first_key()) is None:
            raise Unavailable("the store does not say who signed its heads", field="audit_key")
        self.key.adopt(Vkey.parse(text).name)
        if key_id(self.key.origin(), PLAIN, public) not in last.signers():
            raise Unavailable("another key signed this log: copy its file here, or rotate it", field="audit_key")
        size, peaks = rows.peaks()
        stored = [peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)]
        if size != last.size or len(stored) != size.bit_count() or not last.verifies(self.key.vkey()):
            raise Unavailable("the newest head does not verify: run `tidemark audit verify`", size=last.size)
        frontier = Frontier(size, stored)
        if frontier.root() != last.root:
            raise Unavailable("the frontier is not the newest head's: run `tidemark audit verify`", size=last.size)
        return frontier

    def _taken_over(
        self, rows: HeadRows, before: Leaf, commands: list[CommandRow]
    ) -> tuple[Frontier, list[CommandRow]]:
        """A first head, over all that was stored before there were heads."""
        frontier = Frontier()
        if before.position:
            if self.key.has_signed:
                raise Unavailable("this key has signed heads, and the store has none: run `tidemark audit verify`")
            frontier.extend([leaf_hash(leaf_data(leaf)) for leaf in rows.leaves_before(before.position + 1)])
            commands = [*rows.commands_before(before.position + 1), *commands]
        return frontier, commands

    def _unless_late(self, rows: HeadRows, now_us: int) -> None:
        since = rows.waiting_since_us() if self.rule.required else None
        if since is not None and now_us - since > self.rule.lag_us:
            raise Unavailable("witnesses have not cosigned the log's head in time", required=self.rule.required)


def rotated(head: Head, new: HeadKey) -> Head:
    """The newest head signed by both keys: the old one vouches for its successor."""
    return replace(head, signatures=head.signatures + new.sign(head.size, head.root, head.seal))


def leaf_data(leaf: Leaf) -> bytes:
    """48 bytes: what decision E6 calls the leaf."""
    return _PLACE(leaf.position, leaf.recorded_us) + leaf.chain


def seal_after(last: Head, size: int, position: int, root: bytes, commands: Iterable[CommandRow]) -> bytes:
    digest = sha256(last.seal + (sha256(last.signatures).digest() if last.size else NO_SIGNATURES))
    digest.update(size.to_bytes(8, "big") + position.to_bytes(8, "big") + root)
    for row in commands:
        name = row.cmd_id.encode()
        digest.update(len(name).to_bytes(4, "big") + name)
        digest.update(len(row.digest).to_bytes(4, "big") + row.digest)
        digest.update(row.first_position.to_bytes(8, "big") + row.last_position.to_bytes(8, "big"))
    return digest.digest()
