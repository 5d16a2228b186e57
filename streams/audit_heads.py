"""Publishes the signed heads of the decision log: to `tm.audit.head.v1`, to a file, and to witnesses who cosign them.

A head proves something only against a copy that whoever can write the database cannot write too. Topic and file have
every head, in order and at least once; the same head is the same bytes each time. Witnesses are asked for the newest
one. A lease keeps one publisher active, as for events.
"""

from collections.abc import Mapping, Sequence
from threading import Event
from typing import NamedTuple, Protocol

import msgspec
import structlog

from aggregates.event_view import instant
from engines.primitives.errors import TidemarkError, Unavailable
from infra.checkpoint import SignatureLine, Vkey
from infra.checkpoint_files import HeadsFile
from infra.event_store import Clock, Cursor, EventStore
from infra.event_store_chain import instant as moment
from infra.event_store_heads import Head
from infra.event_store_proofs import LogTree
from infra.witness import Fork, add_checkpoint
from streams.audit_publisher import IDLE_S, LEASE_S, SOURCE, OutboundRecord, Send
from streams.schemas import Instant, cloud_event_headers
from streams.topics import HEAD

log = structlog.get_logger()

CURSOR_NAME = "head-publisher"
BATCH_POSITIONS = 2_000
RETRY_S = 5.0  # a witness that did not answer is left alone for so long


class AuditHead(msgspec.Struct, frozen=True, kw_only=True):
    """`tm.audit.head.v1`, and a line of the heads file: one signed head. Key: `origin`; id: `origin:size`.

    `checkpoint` is a C2SP checkpoint; `position` and `recorded_at` are those of its last event.
    """

    origin: str
    size: int
    checkpoint: str
    position: int
    recorded_at: Instant
    schema_version: int = 1


class Witness(Protocol):
    @property
    def url(self) -> str: ...

    @property
    def vkey(self) -> Vkey: ...


class Asked(NamedTuple):
    size: int  # the newest head that the witness has cosigned, as far as we know
    not_before_us: int  # it is not asked again before


class HeadPublisher:
    def __init__(
        self,
        store: EventStore,
        send: Send,
        file: HeadsFile,
        *,
        clock: Clock,
        holder: str,
        witnesses: Sequence[Witness] = (),
        required: int = 0,
        lease_s: float = LEASE_S,
    ) -> None:
        """`holder` names this publisher: another string for every process."""
        self._recorder, self._send, self._file = store.recorder, send, file
        self._witnesses, self._required, self._clock = witnesses, required, clock
        self._cursor = Cursor(store, CURSOR_NAME, holder, clock=clock, lease_s=lease_s)
        self._asked: Mapping[str, Asked] = {}
        self._tree = LogTree(store.recorder)

    def run_once(self) -> int:
        """Publish the next heads and ask witnesses about the newest; how many were published, 0 also while another
        holds the lease. Raises Unavailable, and whatever `send` raises: then nothing moved."""
        position = self._cursor.claim()
        if position is None:
            return 0
        first = self._recorder.head_covering(position + 1)
        heads = self._recorder.select_heads(first.position, first.position + BATCH_POSITIONS) if first else ()
        if heads:
            records = [(head, self._record(head)) for head in heads]
            self._send([_outbound(record) for _, record in records])
            written = self._file.last_size()
            lines = [msgspec.json.encode(record) for head, record in records if head.size > written]
            if lines:
                self._file.append(lines)
            if not self._cursor.move(heads[-1].position):
                log.warning("head_lease_lost", position=heads[-1].position)
                return 0
        self.ask_witnesses()
        return len(heads)

    def ask_witnesses(self) -> None:
        """Let every witness that has not cosigned the newest head do so. One that refuses or is away is told in the
        log and asked again later; what follows from missing lines is the store's (`witness_required`)."""
        head, now_us = self._recorder.last_head(), int(self._clock().timestamp() * 1_000_000)
        if head is None or not self._witnesses:
            return
        origin = self._origin()
        for witness in self._witnesses:
            asked = self._asked.get(witness.url, Asked(0, 0))
            if asked.size >= head.size or now_us < asked.not_before_us:
                continue
            try:
                line = self._cosigned(witness, head, origin, asked.size)
                self._recorder.put_cosignatures(
                    head.size, [(witness.vkey.name, str(line).rstrip("\n"))], self._required or 1
                )
                known = Asked(head.size, 0)
            except Fork as error:
                log.error("log_forked", witness=witness.vkey.name, size=head.size, reason=str(error))
                known = Asked(asked.size, now_us + int(RETRY_S * 1_000_000))
            except TidemarkError as error:
                log.warning("witness_unavailable", witness=witness.vkey.name, size=head.size, reason=str(error))
                known = Asked(asked.size, now_us + int(RETRY_S * 1_000_000))
            self._asked = {**self._asked, witness.url: known}

    def run(self, stop: Event, *, idle_s: float = IDLE_S) -> None:
        """Publish until `stop` is set, then end the lease; a store or file that is away is tried again."""
        while not stop.is_set():
            try:
                published = self.run_once()
            except Unavailable as error:
                log.warning("head_store_unavailable", error=str(error))
                published = 0
            if not published:
                stop.wait(idle_s)
        try:
            self._cursor.release()
        except Unavailable:
            log.warning("head_lease_left_to_expire")

    def _cosigned(self, witness: Witness, head: Head, origin: str, known: int) -> SignatureLine:
        return add_checkpoint(witness.url, witness.vkey, head.checkpoint(origin), known, self._tree.consistency)

    def _record(self, head: Head) -> AuditHead:
        leaf = self._recorder.select_leaves(head.position, head.position)[0]
        origin = self._origin()
        note = str(head.checkpoint(origin))
        at = instant(moment(leaf.recorded_us))
        return AuditHead(origin=origin, size=head.size, checkpoint=note, position=head.position, recorded_at=at)

    def _origin(self) -> str:
        return self._recorder.head_keys()[0].partition("+")[0]


def _outbound(record: AuditHead) -> OutboundRecord:
    headers = cloud_event_headers(HEAD, f"{record.origin}:{record.size}", SOURCE, record.recorded_at)
    return OutboundRecord(HEAD, record.origin.encode(), msgspec.json.encode(record), headers)
