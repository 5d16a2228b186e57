"""Warming compiles what a first explanation runs, beside a process that has started already."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import current_thread
from threading import enumerate as threads

import pytest

from streams import warm

ROOT = Path(__file__).parents[2]
FIRST_EXPLANATION = """
import sys
from datetime import date
from itertools import islice
from engines.primitives import compiled
from numba.core.dispatcher import Dispatcher
from streams import warm

def signatures():
    known = {}
    for name, module in sorted(sys.modules.items()):
        if name.split(".")[0] in ("engines", "projections", "streams"):
            for label, value in vars(module).items():
                found = value if isinstance(value, Dispatcher) else getattr(value, "_loop", None)
                if isinstance(found, Dispatcher):
                    known[name, label] = found.signatures
    return known

warm.warm(explains=True)
from streams import told_contracts, told_entries, topics
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.producer import encode
from streams.raw_batch import RawBatch
from tests.live_bank import APPENDED_US, live_folders
import numpy as np

before, folders = signatures(), live_folders()
assert len(before) > 3, before
events = list(islice(SimulatedBank(Simulation(7, date(2026, 3, 16), 5_000, 500)).events(), 2_000))
for topic, fold_told in ((topics.TXN, told_entries.fold_told), (topics.CONTRACT, told_contracts.fold_told)):
    values = [encode(event.record) for event in events if event.topic == topic]
    offsets = np.arange(len(values))
    times = np.full(len(values), APPENDED_US)
    fold_told(folders[topic].empty(), RawBatch.of_values(0, len(values), offsets, values, times))
after = signatures()
late = {name: after[name][len(held):] for name, held in before.items() if after[name] != held}
assert not late, (late, [before[name] for name in late])
"""


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
def test_a_first_explanation_finds_all_compiled() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_EXPLANATION], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]


def test_a_start_does_not_wait_for_the_warming(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def steps(explains: bool) -> Iterator[None]:
        told.append(f"{current_thread().name} {explains}")
        yield

    monkeypatch.setattr(warm, "_steps", steps)
    warm.and_warm(lambda: told.append("started"))()
    for thread in threads():
        if thread.name == "warm":
            thread.join()
    assert told == ["started", "warm True"]
