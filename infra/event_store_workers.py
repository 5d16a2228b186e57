"""What a process does that verifies parts of the log for another one.

It reads and hashes, and decodes nothing: whatever this module imports each process imports anew, and the domain
takes a second and a half of that, as long as a hundred thousand events.
"""

import gc
from pathlib import Path

from infra.event_store import EventStore, open_event_store
from infra.event_store_base import BaseDecisionRecorder
from infra.event_store_sound import Sample, Shape, sound_part
from infra.event_store_walk import Part, Wanted, leaves_part

Found = tuple[Part, dict[Shape, Sample]] | None
"""As `sound_part` has it."""

_STORE: list[EventStore] = []  # of this process


def opened(setting: str, data_dir: Path) -> None:
    gc.freeze()
    _STORE.append(open_event_store(setting, data_dir))


def work(wanted: Wanted) -> Found:
    return read_part(_STORE[0].recorder, wanted)


def read_part(recorder: BaseDecisionRecorder, wanted: Wanted) -> Found:
    return sound_part(recorder, wanted) if wanted.events else (leaves_part(recorder, wanted), {})
