"""Signed heads and command rows against the leaves that were walked, and heads kept outside against the stored ones.

Every head's root is computed again and every seal; signatures are verified of the newest head, of those that two keys
signed, and of all outside heads, since the seals bind all the others to them. If the newest fails, each is verified,
to find where it began.
"""

from collections.abc import Iterable, Sequence

from infra.checkpoint import Checkpoint, Vkey
from infra.event_store_base import BaseDecisionRecorder
from infra.event_store_heads import NO_HEAD, SIGNER_BYTES, CommandRow, Head, seal_after
from infra.event_store_walk import Fault, Part
from infra.merkle import Frontier


class HeadChecks:
    def __init__(
        self,
        recorder: BaseDecisionRecorder,
        trusted: Sequence[Vkey],
        outside: Sequence[Checkpoint],
        witnesses: Sequence[Vkey],
        newest: Head | None,
    ) -> None:
        """`newest`: the last head, read before the end of the log was."""
        self._newest = newest
        self._recorder, self._outside, self._witnesses = recorder, list(outside), list(witnesses)
        self.faults: list[Fault] = []
        self.notes: list[str] = []
        self.heads = self.commands = 0
        self.signed_by: list[str] = []
        self._known = list(_vkeys(recorder.head_keys(), self.faults))
        self._trusted = list(trusted) or list(self._known)
        if not trusted and self._known:
            self.notes.append("no key was given: signatures are held against the key that the store itself names")
        self._rows = list(recorder.select_commands())
        self._next = 0  # of the command rows
        self._last = NO_HEAD
        self._root_failed = False
        self._several: list[Head] = []
        self._roots: dict[int, bytes] = {}
        self._frontier = Frontier()

    @property
    def probes(self) -> list[int]:
        """Sizes at which the root is wanted though no head need stand there."""
        return [one.size for one in self._outside]

    def part(self, part: Part, frontier: Frontier) -> None:
        """Heads of the next part; `frontier` is the tree before it."""
        for size, root in part.probes.items():
            self._roots[frontier.size + size] = frontier.root_with(root)
        for head, leaves, root in part.heads:
            size = frontier.size + leaves
            self._roots[size] = found = frontier.root_with(root) if leaves else frontier.root()
            try:
                self._head(head, size, found)
            except Exception:  # whatever someone wrote into these columns
                self.faults.append(Fault(self._last.position, "a head's row holds what the store never writes"))

    def _head(self, head: Head, size: int, root: bytes) -> None:
        last, self._last = self._last, head
        self.heads += 1
        first = last.position + 1
        rows = self._commands_to(head.position)
        if (head.size, head.root) != (size, root) and not self._root_failed:
            self._root_failed = True
            among = f"of positions {first} to {head.position} one was changed together with its chain"
            what = f"the head of size {head.size} is not that of the leaves: {among}, or the head itself"
            self.faults.append(Fault(first, what, until=head.position))
        if seal_after(last, head.size, head.position, head.root, rows) != head.seal:
            what = (
                f"the seal of the head of size {head.size} does not hold: this head, the one before, or a command row"
            )
            named = f" ({', '.join(row.cmd_id for row in rows)})" if 0 < len(rows) <= 3 else ""
            self.faults.append(Fault(first, f"{what} of positions {first} to {head.position}{named} was changed"))
        if len(head.signatures) != SIGNER_BYTES:
            self._several.append(head)

    def _commands_to(self, position: int) -> list[CommandRow]:
        start = self._next
        try:
            while self._next < len(self._rows) and self._rows[self._next].last_position <= position:
                self._next += 1
        except TypeError:
            self.faults.append(Fault(position, "a command row holds what the store never writes"))
        self.commands += self._next - start
        return self._rows[start : self._next]

    def finish(self, size: int, position: int, root: bytes, *, every: bool, lost: bool) -> None:
        """After the last part: `size`, `position` and `root` are the whole log's."""
        self._roots[size] = root
        if self.heads == 0:
            if size and lost:
                self.faults.append(Fault(1, "all heads are missing, yet this host's key has signed some"))
            elif size:
                self.notes.append("no head is signed yet: the next append signs one over everything")
        else:
            newest = self._newest
            if newest is not None and newest.size > self._last.size:
                what = f"a head of size {newest.size} stands, and the log ends before it: the end is cut off"
                self.faults.append(Fault(self._last.position + 1, what))
            elif self._last.position != position or self._last.size != size:
                first = self._last.position + 1
                self.faults.append(Fault(first, f"events beyond the newest head, of size {self._last.size}"))
            else:
                self._frontier_row()
            for row in self._rows[self._next :]:
                if self._is_newer(row, position):
                    continue
                self.faults.append(Fault(self._last.position + 1, f"command row {row.cmd_id!r:.80} is of no head"))
            self._signatures(every=every)
        self._outside_heads(size)
        self._cosignatures()

    def _is_newer(self, row: CommandRow, end: int) -> bool:
        """Of a command that was stored since the end of the log was read: then its leaf stands there."""
        try:
            return row.last_position > end and bool(
                self._recorder.select_leaves(row.last_position, row.last_position)
            )
        except Exception:  # whatever someone wrote there
            return False

    def _frontier_row(self) -> None:
        stored = self._recorder.stored_frontier()
        try:
            peaks = [] if stored is None else [stored[1][at : at + 32] for at in range(0, len(stored[1]), 32)]
            size = 0 if stored is None else stored[0]
            # It may be that of an append since.
            head = self._recorder.head_of_size(size) if size > self._last.size else self._last
            is_right = head is not None and (size, Frontier(size, peaks).root()) == (head.size, head.root)
        except Exception:  # whatever someone wrote there
            is_right = False
        if not is_right:
            self.faults.append(Fault(self._last.position, "the stored frontier is not that of the newest head"))

    def _signatures(self, *, every: bool) -> None:
        self._widen_trust()
        if not self._is_signed(self._last):
            every = True
        wanted = self._recorder.select_heads(1, self._last.position) if every else [*self._several, self._last]
        bad = [head for head in wanted if not self._is_signed(head)]
        if bad:
            more = f", and of {len(bad) - 1} more" if len(bad) > 1 else ""
            what = f"no trusted key's signature of the head of size {bad[0].size} verifies{more}"
            before = max((one.position for one in wanted if one.size < bad[0].size), default=0)
            self.faults.append(Fault(before + 1, what))
        else:
            ids = self._last.signers()
            self.signed_by = [str(key) for key in self._trusted if key.key_id in ids]

    def _is_signed(self, head: Head) -> bool:
        """By at least one trusted key; a line of a trusted key that does not verify makes it no."""
        ids = head.signers()
        found = [key for key in self._trusted if key.key_id in ids]
        return bool(found) and all(head.verifies(key) for key in found)

    def _widen_trust(self) -> None:
        """A key vouches for another by signing the same head with it (rotation)."""
        grown = True
        while grown:
            grown = False
            for head in self._several:
                if not self._is_signed(head):
                    continue
                for key in self._known:
                    if key not in self._trusted and key.key_id in head.signers() and head.verifies(key):
                        self._trusted.append(key)
                        grown = True

    def _outside_heads(self, size: int) -> None:
        for one in self._outside:
            signers = [key for key in self._trusted if one.is_signed_by(key)]
            if not signers:
                self.faults.append(Fault(0, f"the given head of size {one.size} is not signed by a trusted key"))
                continue
            if one.size > size:
                what = f"the end is cut off: a head of size {one.size} is known, and the store ends at {size}"
                self.faults.append(Fault(self._last.position + 1, what))
                continue
            if one.size and self._roots.get(one.size) != one.root:
                what = f"the log is not the one of the given head of size {one.size}: it was rewritten before that"
                self.faults.append(Fault(self._place(one.size), what))
                continue
            stored = self._recorder.head_of_size(one.size)
            seals = {seal for key in signers if (seal := one.seal_by(key)) is not None}
            if stored is not None and seals and stored.seal not in seals:
                what = (
                    f"the head of size {one.size} carries another seal outside: command rows or heads were rewritten"
                )
                self.faults.append(Fault(stored.position, what))

    def _place(self, size: int) -> int:
        head = self._recorder.head_of_size(size)
        return head.position if head is not None else self._last.position

    def _cosignatures(self) -> None:
        if not self._witnesses or self.heads == 0:
            return
        head = self._recorder.cosigned_head(1)
        if head is None:
            self.notes.append("no head is cosigned by a witness")
            return
        # Older heads' lines prove nothing that the newest one's do not.
        checkpoint = cosigned(self._recorder, head, self._last_name())
        if not any(checkpoint.is_signed_by(key) for key in self._witnesses):
            self.faults.append(
                Fault(head.position, f"no known witness's line under the head of size {head.size} holds")
            )
        else:
            self.notes.append(f"cosigned by a witness up to the head of size {head.size}")

    def _last_name(self) -> str:
        return self._trusted[0].name if self._trusted else ""

    def complete(self, size: int) -> str:
        """Up to where heads kept outside prove that nothing is missing."""
        signed = [one.size for one in self._outside if any(one.is_signed_by(key) for key in self._trusted)]
        known = max((one for one in signed if one <= size), default=None)
        if signed and max(signed) > size:
            return f"no: {max(signed) - size} leaves of the head of size {max(signed)} are missing"
        if known is None:
            return f"unknown beyond head {self._last.size}"
        return "yes" if known == size else f"up to head {known}, unknown beyond it"


def cosigned(recorder: BaseDecisionRecorder, head: Head, origin: str) -> Checkpoint:
    """A stored head as a checkpoint, with the lines of its witnesses."""
    text = str(head.checkpoint(origin)) + "".join(f"{line}\n" for line in recorder.cosignatures(head.size))
    return Checkpoint.parse(text)


def _vkeys(texts: Iterable[str], faults: list[Fault]) -> Iterable[Vkey]:
    for text in texts:
        try:
            yield Vkey.parse(text)
        except Exception:  # whatever someone wrote there
            faults.append(Fault(0, "a verifier key in the store is none"))
