"""What alert rules cost a recorded cut, by how many of its figures moved (aim: 50 ms, 200 rules on 500 figures).

    python -m benchmarks.alert_rules [--rules 200] [--figures 500] [--cuts 200]

Every rule binds every figure, which is the worst a set can be; a tenth of them speak of changes over time, which are
looked at again as a minute ends. The fold is the worker's; decoding and publishing are not in it; times are of the
processor. Also what a preview of one rule takes, cut by cut, and the size of the state.
"""

import argparse
import random
import statistics
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from projections.alert_rules import Rule, rule_set
from projections.limit_cuts import RecordedCut, Total
from projections.limit_policy import TotalKey, WatchPolicy
from projections.rule_cut_watch import CutWatchState, fold

NOBODY = WatchPolicy("none", (), ())


def rules(count: int) -> list[Rule]:
    found = []
    for at in range(count):
        expression = f'metric == "position" && amount < {at * 50} && amount_change > -1000000 && scope == "currency"'
        if at % 10 == 0:
            expression = f"readings >= 10 && (z > {5 + at}.0 || amount_change_15m < -{10_000_000 + at})"
        found.append(
            Rule(rule_id=f"r{at:03}", version=1, severity="INFO", about="totals", name="-", expression=expression,
                 clear_readings=3)
        )  # fmt: skip
    return found


def keys(count: int) -> list[TotalKey]:
    return [TotalKey("position", "currency", f"E{at:03}", "CNY") for at in range(count)]


def cut(offset: int, second: float, totals: dict[TotalKey, Total], **fields: Any) -> RecordedCut:
    return RecordedCut(
        offset=offset, epoch=1, taken_us=int(second * 1e6), taken_at=str(offset), event_time=None, whole=False,
        totals=totals, **fields,
    )  # fmt: skip


def measure(count: int, figures: Sequence[TotalKey], moved: int, cuts: int, spacing_s: float) -> list[float]:
    """Milliseconds of each cut, the first ones (compiling, filling) left out."""
    rng, state, second, taken = random.Random(1), CutWatchState(NOBODY), 1e6, []
    value = {key: rng.randint(100, 50_000) for key in figures}
    for offset in range(cuts + 5):
        named = figures if offset == 0 else rng.sample(list(figures), moved)
        for key in named:
            value[key] += rng.randint(-300, 300)
        totals = {key: Total("2026-11-22", f"{value[key]}.00") for key in named}
        fields: dict[str, Any] = {"rules": rule_set(rules(count))} if offset == 0 else {}
        one = cut(offset, second, totals, **fields)
        started = time.thread_time()
        fold(state, [one], offset, offset + 1)
        taken.append((time.thread_time() - started) * 1e3)
        second += spacing_s
    if moved == len(figures):
        print(f"  state {len(state.dump()) / 1e6:.2f} MB, open incidents {len(list(state.rules.open_incidents())):,}")
    return taken[5:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rules", type=int, default=200)
    parser.add_argument("--figures", type=int, default=500)
    parser.add_argument("--cuts", type=int, default=200)
    asked = parser.parse_args()
    figures = keys(asked.figures)
    print(f"{asked.rules} rules, each on {asked.figures} figures; milliseconds of processor a cut")
    for moved in (0, 5, 20, 50, 100, asked.figures):
        found = sorted(measure(asked.rules, figures, moved, asked.cuts if moved <= 100 else 20, 0.25))
        print(f"  {moved:4} moved: p50 {statistics.median(found):7.2f}  p99 {found[int(len(found) * 0.99) - 1]:7.2f}")
    found = measure(asked.rules, figures, 20, 20, 60)
    print(f"  a minute ends at each cut (20 moved): p50 {statistics.median(found):.2f}")
    alone = measure(1, figures, 20, asked.cuts, 0.25)
    print(f"preview of one rule, 20 moved: {statistics.mean(alone):.2f} ms a cut")
    print(f"rule set in a cut: {len(msgspec.json.encode(rule_set(rules(asked.rules)))) / 1e3:.1f} kB")


if __name__ == "__main__":
    main()
