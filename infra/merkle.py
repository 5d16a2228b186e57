"""Merkle trees of RFC 6962, section 2.1, over any leaf bytes: roots, proofs, and a compact range that grows.

Used for the log of decisions and for archived partitions. Pure functions on bytes: what a leaf says, who signs a root
and where proofs are kept is the callers'. SHA-256; a leaf hash is prefixed with 0x00 and a node's with 0x01, so that
no node can be passed off as a leaf.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from engines.primitives.errors import InvalidInput

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the complete subtrees of a log, largest first: enough to append and to tell the root.

    `size` leaves have one subtree for each bit set in `size`; appending costs one hash on average.
    """

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """Raises InvalidInput if the number of peaks is not that of the size's bits."""
        self.size = size
        self.peaks = list(peaks)
        if size < 0 or len(self.peaks) != size.bit_count() or any(len(one) != HASH_BYTES for one in self.peaks):
            raise InvalidInput("a frontier has one hash for each bit of its size", field="peaks", size=size)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        peaks, size = self.peaks, self.size
        while size & 1:
            leaf = node_hash(peaks.pop(), leaf)
            size >>= 1
        peaks.append(leaf)
        self.size += 1

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add leaf hashes in order; whole subtrees at once, which costs a third of single appends."""
        position = 0
        while position < len(leaves):
            # The largest subtree that may start here, and that there are leaves for.
            width = 1 << ((len(leaves) - position).bit_length() - 1)
            if self.size:
                width = min(width, self.size & -self.size)
            self.append_subtree(root(leaves[position : position + width]), width)
            position += width

    def append_subtree(self, node: bytes, width: int) -> None:
        """Add a complete subtree of `width` leaves, a power of two that divides the present size."""
        if width.bit_count() != 1 or self.size % width:
            raise InvalidInput("a subtree must stand at a multiple of its width", width=width, size=self.size)
        level, size = width, self.size
        while size & level:
            node = node_hash(self.peaks.pop(), node)
            level <<= 1
        self.peaks.append(node)
        self.size += width

    def root(self) -> bytes:
        return self.root_with(None)

    def root_with(self, rest: bytes | None) -> bytes:
        """Root if the tree of root `rest`, of at most as many leaves as the smallest subtree, stood to the right."""
        found = rest
        for peak in reversed(self.peaks):
            found = peak if found is None else node_hash(peak, found)
        return EMPTY_ROOT if found is None else found

    def copy(self) -> "Frontier":
        return Frontier(self.size, self.peaks)


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """MTH of the leaves whose hashes are given; of none, the hash of nothing."""
    level = list(leaf_hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def inclusion_path(index: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """PATH(index, D[n]), from the leaf upwards (RFC 6962, 2.1.1). Raises InvalidInput if there is no such leaf."""
    if not 0 <= index < len(leaf_hashes):
        raise InvalidInput("the log has no such leaf", index=index, size=len(leaf_hashes))
    path: list[bytes] = []
    level = list(leaf_hashes)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level, index = _parents(level), index >> 1
    return path


def consistency_path(old_size: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """PROOF(old_size, D[n]) (RFC 6962, 2.1.2): that the tree of `old_size` leaves is a prefix of this one.

    Empty for equal sizes and for an empty old tree, which is a prefix of any. Raises InvalidInput out of range.
    """
    if not 0 <= old_size <= len(leaf_hashes):
        raise InvalidInput("the log was never of this size", old_size=old_size, size=len(leaf_hashes))
    if old_size in (0, len(leaf_hashes)):
        return []
    # The smallest complete subtree at the old tree's right edge, then its siblings on the way up.
    node, level, path = old_size - 1, list(leaf_hashes), list[bytes]()
    while node & 1:
        level, node = _parents(level), node >> 1
    if node:
        path.append(level[node])
    while len(level) > 1:
        if node ^ 1 < len(level):
            path.append(level[node ^ 1])
        level, node = _parents(level), node >> 1
    return path


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], wanted_root: bytes) -> bool:
    """Whether the leaf hash stands at `index` of the tree of `size` leaves with this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and found == wanted_root


def verify_consistency(old_size: int, size: int, path: Sequence[bytes], old_root: bytes, wanted_root: bytes) -> bool:
    """Whether the old tree is a prefix of the new one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old_size <= size:
        return False
    if old_size in (0, size):
        return not path and old_root == (EMPTY_ROOT if old_size == 0 else wanted_root)
    nodes = list(path)
    if old_size.bit_count() == 1:
        nodes.insert(0, old_root)
    if not nodes:
        return False
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_found = found = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_found, found = node_hash(sibling, old_found), node_hash(sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old_found == old_root and found == wanted_root


def _parents(level: Sequence[bytes]) -> list[bytes]:
    # An odd node goes up unchanged: this is the split at the largest power of two, seen from below.
    odd = level[-1:] if len(level) & 1 else ()
    node = iter(level)
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(node, node, strict=False)] + list(odd)
