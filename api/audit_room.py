"""What the API offers an auditor beyond histories: checkpoints, proofs, and verification as a job.

A verification runs in a thread and its parts in processes of their own, so that neither the event loop nor a request
waits; one at a time, and the last report stays until the next. Reports live with the process: the finding is in the
store, and `tidemark audit verify` makes it again.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from aggregates.envelope import Principal
from aggregates.event_view import instant
from aggregates.rendering import EventView
from api.services import Assets
from api.verification import run_verification
from engines.primitives.errors import Conflict, InvalidInput, NotFound, TidemarkError
from infra.checkpoint_settings import head_key, witnesses
from infra.event_store import EventStore
from infra.event_store_head_checks import cosigned
from infra.event_store_proofs import LogTree, event_proof, signed_head
from infra.settings import Settings

log = structlog.get_logger()
EVENTS_MAX = 10_000  # of one proof


class AuditRoom:
    def __init__(self, settings: Settings, store: EventStore, assets: Assets, clock: Callable[[], datetime]) -> None:
        self._settings, self._recorder, self._assets, self._clock = settings, store.recorder, assets, clock
        self._tree = LogTree(store.recorder)
        self._lock = threading.Lock()
        self._state: dict[str, Any] = {"state": "none"}

    def checkpoint(self) -> str:
        """The newest head that may be shown, as a C2SP checkpoint. Raises NotFound, Unavailable."""
        head = signed_head(self._recorder, self._settings.witness_required)
        return str(cosigned(self._recorder, head, self._recorder.head_keys()[0].partition("+")[0]))

    def status(self) -> dict[str, Any]:
        """Sizes and keys: what was signed, and what witnesses have seen."""
        newest = self._recorder.last_head()
        seen = self._recorder.cosigned_head(1)
        return {
            "size": 0 if newest is None else newest.size,
            "position": 0 if newest is None else newest.position,
            "keys": list(self._recorder.head_keys()),
            "own_key_signs": head_key(self._settings).exists,
            "witnesses": [one.vkey.name for one in witnesses(self._settings)],
            "witnesses_required": self._settings.witness_required,
            "cosigned_size": 0 if seen is None else seen.size,
            "verification": self.verification(),
        }

    def proof(
        self,
        aggregate: str,
        key: str,
        *,
        reader: Principal,
        version: int | None = None,
        position: int | None = None,
        known_sizes: Sequence[int] = (),
    ) -> dict[str, Any]:
        """A self-contained proof of an aggregate's events, or of one. What may be read decides `history`.

        Raises NotFound (no such aggregate, event, or no head), InvalidInput (too many), Unavailable (not cosigned).
        """
        found: list[EventView] = [
            event
            for event in self._assets.history(aggregate, key, reader=reader)
            if version in (None, event.version) and position in (None, event.position)
        ]
        if not found:
            raise NotFound(f"{aggregate} {key} has no such event", aggregate=aggregate, key=key)
        if len(found) > EVENTS_MAX:
            raise InvalidInput(f"more than {EVENTS_MAX} events: ask for one version", field="version")
        stream = found[0].stream_id
        wanted = {event.position for event in found}
        recorded = [
            event for event in self._recorder.select_recorded(originator_id=stream) if event.position in wanted
        ]
        subject = {"aggregate": aggregate, "key": key, "stream_id": str(stream)}
        return event_proof(
            self._recorder,
            self._tree,
            recorded,
            [event.to_json() for event in found],
            subject,
            required=self._settings.witness_required,
            known_sizes=known_sizes,
        )

    # --- Verification as a job -------------------------------------------------------------------------------

    def verification(self) -> dict[str, Any]:
        """The running verification, or the last one's report; `state` is none, running, done or failed."""
        with self._lock:
            return dict(self._state)

    def start_verification(self, by: str) -> dict[str, Any]:
        """Start one, unless one is running. Raises Conflict then."""
        with self._lock:
            if self._state["state"] == "running":
                raise Conflict("a verification is running already", started_at=self._state["started_at"])
            self._state = {"state": "running", "started_at": instant(self._clock()), "by": by, "done": 0, "total": 0}
        threading.Thread(target=self._verify, name="audit-verification", daemon=True).start()
        return self.verification()

    def _verify(self) -> None:
        try:
            report = run_verification(self._settings, progress=self._progress)
            end: dict[str, Any] = {"state": "done", "report": report}
            log.info("audit_verified", ok=report["ok"], events=report["events"], seconds=report["seconds"])
        except TidemarkError as error:
            end = {"state": "failed", "error": str(error)}
        except Exception as error:
            log.error("audit_verification_failed", kind=type(error).__name__)
            end = {"state": "failed", "error": "the verification ended unexpectedly"}
        with self._lock:
            self._state = self._state | end | {"ended_at": instant(self._clock())}

    def _progress(self, done: int, total: int) -> None:
        with self._lock:
            self._state = self._state | {"done": done, "total": total}
