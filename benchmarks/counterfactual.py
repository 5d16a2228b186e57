"""What it costs to play a past again: entries a second through both rule sets, and recorded cuts a second.

In one process, from memory: reading from Kafka comes on top (`benchmarks/throughput.py` has it bare). `whole_fold`
is the worker's own fold of the same batches, for comparison. Cuts are those of a small bank, all of whose scopes move
with every cut: the dearest case. CPU of the process; each part once warm.
"""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._machine import machine, write_result
from streams import topics
from streams.counterfactual import Question, counterfactual
from streams.counterfactual_alerts import large_flow_alerts
from streams.counterfactual_past import PastLogs, Period
from streams.counterfactual_rules import rule_pair
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.folders import TransactionFolder
from streams.producer import encode
from tests.live_bank import live_folders
from tests.recorded_bank import RecordedBank, batches_of, policies

DAY = date(2026, 3, 16)
CHANGES = {
    "unchanged": {},
    "thresholds_halved": {"large_flow.*.CNY.single": "15000000", "large_flow.*.CNY.rolling": "25000000"},
    "window_of_two_hours": {"large_flow.window_minutes": "120"},
}
CUT_CHANGES = {
    "limits": ("limits", {"limits.lcr-board.minimum": "1.20"}),
    "ratios": ("ratios", {"lcr.LCR.OF.RET.03.factor": "0.20"}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=20_000)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--cuts", type=int, default=400)
    parser.add_argument("--name", default="counterfactual", help="of the result file")
    chosen = parser.parse_args()
    started = machine()
    result = {"machine": started, "entries": chosen.entries, **_entries(chosen), **_cuts(chosen)}
    for name, value in result.items():
        if name != "machine":
            print(f"{name:32} {value:>14,}")
    write_result(chosen.name, result)


def _entries(chosen: Any) -> dict[str, int]:
    source = SimulatedBank(Simulation(3, DAY, min(chosen.entries, 2_000_000), chosen.customers))
    log = [encode(event.record) for event in islice(source.events(), chosen.entries) if event.topic == topics.TXN]
    held = {(topics.TXN, 0): log}
    raws = list(batches_of(held, chosen.batch)(topics.TXN, 0, 0, len(log)))
    place = (topics.TXN, 0)
    logs = PastLogs(
        lambda *_: iter(raws), lambda _: {place: (0, len(log))}, lambda *_: {}, lambda *_: None, horizon_days=45
    )
    period = Period({place: 0}, {place: len(log)})
    data = policies()
    found: dict[str, int] = {}

    def whole() -> None:
        folder = TransactionFolder(rule_pair(data, {}, {}).real.large_flow, 45)
        state = folder.empty()
        for raw in raws:
            folder.absorb(state, raw)

    found["whole_fold_entries_per_s"] = _rate(whole, len(log))
    for name, values in CHANGES.items():
        rules = rule_pair(data, {}, values)

        def play(rules: Any = rules) -> None:
            large_flow_alerts(logs, period, rules.real.large_flow, rules.branch.large_flow, lambda *_: None)

        found[f"alerts_{name}_entries_per_s"] = _rate(play, len(log))
    return found


def _cuts(chosen: Any) -> dict[str, int]:
    source = SimulatedBank(Simulation(3, DAY, 5_000, 500, treasury=True))
    events = islice(source.events(), source.opening_events + 10 * chosen.cuts)
    bank = RecordedBank().play(events, 10)
    logs, count = bank.logs(), len(bank.bank.logs[topics.CUT, 0])
    found = {"cuts": count}
    for name, (what, values) in CUT_CHANGES.items():
        question = Question(what=(what,), values=values)

        def play(question: Question = question) -> None:
            counterfactual(logs, live_folders, bank.data, question)

        found[f"{name}_cuts_per_s"] = _rate(play, count)
    return found


def _rate(work: Callable[[], None], count: int) -> int:
    """Per second of CPU; the better of two runs, since the first one compiles."""
    seconds = []
    for _ in range(2):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return round(count / min(seconds))


if __name__ == "__main__":
    main()
