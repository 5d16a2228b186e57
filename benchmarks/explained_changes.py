"""What an explanation of the LCR between two cuts costs, and one picture of who can break the limits.

In one process, without Kafka: the states at both cuts, the records between them from memory, the explanation and its
rows. CPU seconds, the best of some runs. `both_states_s` is the same with nothing between the cuts: it does not grow
with the records.
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

import numpy as np

from api.ratio_changes import changes_row
from streams import topics
from streams.feeds.simulated import SimulatedBank, Simulation
from streams.ratio_changes import explained
from streams.ratio_items import items_by_pair
from streams.reverse_stress_balances import DepositorNames, deposits_of
from streams.reverse_stress_live import breaking_sets
from streams.views_ratios import positions, ratio_figures, scopes
from tests.live_bank import LiveBank, live_policy, offsets, two_cuts_of
from tests.streams.test_reverse_stress_live import small_bank

POLICY = live_policy()
RUNS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000, help="between the two cuts")
    parser.add_argument("--depositors", type=int, default=0, help="also who can break a bank of so many")
    chosen = parser.parse_args()
    change(chosen.records)
    if chosen.depositors:
        reverse_stress(chosen.depositors)


def change(records: int) -> None:
    source = SimulatedBank(Simulation(7, date(2026, 3, 16), 100_000, 500, treasury=True))
    bank = LiveBank().feed(islice(source.events(), source.opening_events + 1_000))
    before = offsets(bank)
    bank.feed(islice(source.events(), source.opening_events + 1_000, source.opening_events + 1_000 + records))
    after = offsets(bank)

    def whole() -> None:
        found = explained("lcr", two_cuts_of(bank, before, after), POLICY, lambda one: one.kind == "group", 100)
        assert [changes_row(one, 100)["residual"] for one in found] == ["0.00"]

    told = {"explained_s": best(whole), "both_states_s": best(lambda: two_cuts_of(bank, before, before))}
    print({"records": sum(after[place] - before.get(place, 0) for place in after)} | told)


def reverse_stress(depositors: int) -> None:
    minors = np.exp(np.random.default_rng(1).normal(15, 1.5, depositors)).astype(int) + 100
    held = [(int(minor), f"C{at}", "RETAIL" if at % 10 else "CORPORATE") for at, minor in enumerate(minors)]
    bank = LiveBank().feed(small_bank(held, int(minors.sum() * 0.7), 0))
    states: list[Any] = [state for place, state in sorted(bank.states.items()) if place[0] == topics.TXN]
    known = [(state, DepositorNames()) for state in states]
    view, days = bank.view, bank.view.as_of(None).by_entity
    by_pair = items_by_pair(view, POLICY, days)
    of = tuple(scopes(by_pair, view.fx_rates(), "CNY", group=True))
    figures: tuple[Any, ...] = ("lcr", "nsfr")
    ratios = [one for figure in figures for one in ratio_figures(figure, of, POLICY, days)]
    own = positions(by_pair, POLICY, days)

    def sets() -> int:
        found = breaking_sets(deposits_of(known), ratios, own, POLICY, days, view.fx_rates(), named_max=20)
        return len(list(found))

    split = best(lambda: deposits_of(known))
    print({"depositors": depositors, "split_s": split, "picture_s": best(sets), "limits_and_scopes": sets()})


def best(run: Callable[[], Any]) -> float:
    taken = []
    for _ in range(RUNS):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return round(min(taken), 4)


if __name__ == "__main__":
    main()
