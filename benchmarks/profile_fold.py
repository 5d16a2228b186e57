"""Where the time of decode and fold goes: the ladder of steps, and pyinstrument's view of one run. `--help`."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pyinstrument import Profiler

from benchmarks import _ladder
from benchmarks._entries import Totals, entries


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--batch", type=int, default=20_000, help="records folded in one go")
    parser.add_argument("--profile", action="store_true", help="print pyinstrument's tree as well")
    chosen = parser.parse_args()
    values = [value for _, value in entries(chosen.events, Totals())]
    log = _ladder.log_of(values)
    meter, state = _ladder.measure(log, len(values), chosen.batch)
    _ladder.print_table(_ladder.table(meter, len(values)))
    print(f"state {state.digest()[:16]}, {len(state.positions.keys)} positions, {state.flows.next_sequence} alerts")
    if chosen.profile:
        with Profiler(interval=0.0005) as profiler:
            _ladder.measure(log, len(values), chosen.batch)
        print(profiler.output_text(unicode=False, color=False))


if __name__ == "__main__":
    main()
