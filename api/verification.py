"""One verification of the event store, for the command line and for HTTP alike: from settings to a JSON report."""

import os
import time
from collections.abc import Sequence
from typing import Any

from aggregates.assets import Assets
from engines.primitives.errors import InvalidInput
from infra.checkpoint import Checkpoint, Vkey
from infra.checkpoint_settings import head_key, open_store, witnesses
from infra.event_store import EventStore
from infra.event_store_verify import Options, Progress, Verification, described, verify
from infra.settings import Settings

FAULTS_SHOWN = 100


def run_verification(
    settings: Settings,
    *,
    start: int | None = None,
    stop: int | None = None,
    heads: Sequence[Checkpoint] = (),
    keys: Sequence[Vkey] = (),
    jobs: int | None = None,
    snapshots: bool = True,
    every_signature: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Raises Unavailable (the store does not answer), InvalidInput (positions the wrong way round)."""
    if start is not None and stop is not None and start > stop:
        raise InvalidInput("--from stands after --to", field="--from")
    with open_store(settings) as store:
        own = trusted_key(settings, store)
        options = Options(
            trusted=tuple(keys) or own,
            outside=tuple(heads),
            witnesses=tuple(one.vkey for one in witnesses(settings)),
            start=start,
            stop=stop,
            jobs=jobs or max(1, len(os.sched_getaffinity(0))),
            snapshots=snapshots,
            every_signature=every_signature,
            signed_before=bool(own) and head_key(settings).has_signed,
        )
        began = time.perf_counter()
        found = verify(store, options, progress)
        seconds = time.perf_counter() - began
        assets = Assets(store.factory)
        report = report_of(assets, found, seconds)
        assets.close()
    return report


def trusted_key(settings: Settings, store: EventStore) -> tuple[Vkey, ...]:
    """The key of this host, under the name that the store gives the log; none where there is no key file."""
    key = head_key(settings)
    if not key.exists:
        return ()
    if (named := store.recorder.head_keys()) and settings.audit_origin is None:
        key.adopt(named[0].partition("+")[0])
    return (key.vkey(),)


def report_of(assets: Assets, found: Verification, seconds: float) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "complete": found.complete,
        "events": found.events,
        "aggregates": found.aggregates,
        "heads": found.heads,
        "commands": found.commands,
        "snapshots": found.snapshots,
        "size": found.size,
        "position": found.position,
        "root": found.root.hex(),
        "signed_by": found.signed_by,
        "notes": found.notes,
        "faults": [described(assets, fault) for fault in found.faults[:FAULTS_SHOWN]],
        "faults_more": max(0, len(found.faults) - FAULTS_SHOWN) + found.left_out,
        "seconds": round(seconds, 3),
        "events_per_s": round(found.events / seconds) if seconds else 0,
    }
