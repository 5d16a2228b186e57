"""The records of one topic-partition as a Merkle log with a signed head, so that a figure can prove its entries.

Leaf data is 72 bytes: offset (8, big-endian), SHA-256 of the key, SHA-256 of the raw value; 32 zero bytes for one
that is not there. Digests rather than the bytes, so that all leaves can be handed out without the records of other
customers. Leaves stand in order of offset; offsets may have holes (transaction markers). Pure functions over records.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from infra.checkpoint import PLAIN, Checkpoint, SignatureLine, key_id, public_bytes
from infra.checkpoint_keys import HeadKey
from infra.merkle import leaf_hash, node_hash
from infra.snapshots import LogPartition

NOTHING = bytes(32)
NEXT_OFFSET = "next-offset"


def digest(part: bytes | None) -> bytes:
    return NOTHING if part is None else sha256(part).digest()


def record_leaf(offset: int, key_digest: bytes, value_digest: bytes) -> bytes:
    """The leaf hash of a record."""
    return leaf_hash(offset.to_bytes(8, "big") + key_digest + value_digest)


@dataclass(slots=True)
class PartitionLog:
    """Grows while a log is read from its start. One column each: offsets, digests, leaf hashes."""

    offsets: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)

    def append(self, offset: int, key: bytes | None, value: bytes | None) -> None:
        key_digest, value_digest = digest(key), digest(value)
        self.offsets.append(offset)
        self.keys.append(key_digest)
        self.values.append(value_digest)
        self.leaves.append(record_leaf(offset, key_digest, value_digest))

    def __len__(self) -> int:
        return len(self.offsets)


def inclusion_paths(indices: Sequence[int], leaves: Sequence[bytes]) -> dict[int, list[bytes]]:
    """The path of each leaf, as `infra.merkle.inclusion_path`, every level being hashed once for all of them."""
    at = {index: index for index in indices}
    paths: dict[int, list[bytes]] = {index: [] for index in indices}
    level = list(leaves)
    while len(level) > 1:
        for index, place in at.items():
            if place ^ 1 < len(level):
                paths[index].append(level[place ^ 1])
            at[index] = place >> 1
        odd = level[-1:] if len(level) & 1 else []
        level = [node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=False)] + odd
    return paths


def origin_of(name: str, place: str, cluster_id: str, topic_id: str) -> str:
    """What the head of a partition's log calls itself: another topic of the same name is another log."""
    return f"{name}/{place}/{cluster_id}/{topic_id}"


class AuditSigner:
    """Signs heads of partitions, and statements about figures, with the key that signs the heads of decisions."""

    def __init__(self, key: HeadKey) -> None:
        self._key = key

    def head(self, where: LogPartition, next_offset: int, size: int, root: bytes) -> str:
        """A C2SP checkpoint; its extension line names the next offset, which the signature covers."""
        origin = origin_of(self._key.origin(), f"{where.topic}/{where.partition}", where.cluster_id, where.topic_id)
        head = Checkpoint(origin, size, root, (), (f"{NEXT_OFFSET} {next_offset}",))
        return str(head.with_lines([self._line(head.text)]))

    def statement(self, lines: Sequence[str]) -> str:
        """A signed note of these lines (c2sp.org/signed-note)."""
        text = "".join(f"{line}\n" for line in lines)
        return f"{text}\n{self._line(text)}"

    @property
    def vkey(self) -> str:
        return str(self._key.vkey())

    def _line(self, text: str) -> SignatureLine:
        key, name = self._key.key(), self._key.origin()
        return SignatureLine(name, key_id(name, PLAIN, public_bytes(key)), key.sign(text.encode()))
