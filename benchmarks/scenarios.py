"""10,000 scenarios on 100,000 positions, by risk class (exact) and by position (non-linear); depositors. `--help`.

Each way runs in a process of its own, so that its memory is its own, beside a straightforward polars loop that takes
one scenario after the other. The loop runs on fewer scenarios and its time is scaled; on those its results must be
ours: to the last minor unit by class, within 1e-9 by position, where the order of float64 sums differs.

`depositors` keeps the smallest set that breaks the LCR current through 10,000 deposits and withdrawals, asked after
each hundred, beside a fresh ranking of all depositors; the two must name the same set.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import polars as pl

from benchmarks._machine import machine, write_result
from engines.lcr import Levels
from engines.reverse_stress_depositors import BreakingDepositors
from engines.reverse_stress_limits import DepositorLimit, lcr_limit
from engines.scenario_grid import FundingPositions, SecurityPositions, class_totals, shock_classes, shock_positions

CLASSES, FACTORS, BASIS_POINTS = 24, 4, 10_000
SEED = 20261122
DEPOSITORS, QUESTIONS, CHANGES_A_QUESTION = 100_000, 100, 100
TOLERANCE = 1e-9
AIMS = {"by_position_seconds": 10.0, "by_position_grown_mib": 300}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, default=10_000)
    parser.add_argument("--positions", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loop-scenarios", type=int, default=200, help="how many the polars loop takes")
    parser.add_argument("--no-write", action="store_true", help="leave results/ as it is")
    parser.add_argument("--only", choices=list(WAYS), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        print("RESULT", json.dumps(WAYS[chosen.only](chosen)))
        return
    result: dict[str, Any] = {"machine": machine(), "scenarios": chosen.scenarios, "positions": chosen.positions}
    for way in WAYS:
        result[way] = _in_a_process(way, chosen)
    by_position = result["by_position"]["tidemark"]
    result["aims"] = {
        "by_position_seconds": by_position["seconds"] < AIMS["by_position_seconds"],
        "by_position_grown_mib": by_position["peak_rss_grown_mib"] < AIMS["by_position_grown_mib"],
    }
    print(json.dumps(result, indent=2))
    if not chosen.no_write:
        print(f"written to benchmarks/results/{write_result('scenarios', result).name}")


# -- by risk class ---------------------------------------------------------------------------------------------


def _by_class(chosen: argparse.Namespace) -> dict[str, Any]:
    generator = np.random.default_rng(SEED)
    amounts = generator.integers(0, 10_000_000_000, chosen.positions)  # up to 100 million, in minor units
    classes = generator.integers(0, CLASSES, chosen.positions)
    shocks = generator.integers(0, 3_000, (chosen.scenarios, CLASSES))
    before, started, cpu = _peak_rss_mib(), time.perf_counter(), time.process_time()
    losses = shock_classes(class_totals(amounts, classes, CLASSES), shocks, BASIS_POINTS)
    ours = _measured(started, cpu, before)
    positions = pl.DataFrame({"class": classes, "amount": amounts})
    sample = min(chosen.loop_scenarios, chosen.scenarios)
    started, cpu = time.perf_counter(), time.process_time()
    found = [
        positions.join(pl.DataFrame({"class": np.arange(CLASSES), "shock": row}), on="class")
        .select((pl.col("amount") * pl.col("shock")).sum())
        .item()
        for row in shocks[:sample]
    ]
    loop = _scaled(started, cpu, sample, chosen.scenarios)
    assert found == [loss * BASIS_POINTS for loss in losses[:sample]], "the loop and the grid differ"
    return {"tidemark": ours, "polars_loop": loop, **_times(loop, ours), "equal": "exactly"}


# -- by position -----------------------------------------------------------------------------------------------


def _by_position(chosen: argparse.Namespace) -> dict[str, Any]:
    generator = np.random.default_rng(SEED)
    count = chosen.positions // 2
    funding = FundingPositions(
        generator.uniform(0, 1e6, count),
        generator.uniform(0, 0.1, count),
        generator.uniform(0, 0.1, (count, FACTORS)),
        np.full(count, 0.01),
        generator.uniform(0.2, 1, count),
    )
    securities = SecurityPositions(
        generator.uniform(0, 1e6, chosen.positions - count),
        generator.uniform(0, 0.1, chosen.positions - count),
        generator.uniform(0, 0.1, (chosen.positions - count, FACTORS)),
        generator.uniform(0, 0.05, chosen.positions - count),
    )
    factors = generator.normal(0, 1, (chosen.scenarios, FACTORS))
    selling = generator.uniform(0, 1, chosen.scenarios)
    compiling = time.perf_counter()
    shock_positions(funding, securities, factors[:1], selling[:1])
    compiling = time.perf_counter() - compiling
    before, started, cpu = _peak_rss_mib(), time.perf_counter(), time.process_time()
    grid = shock_positions(funding, securities, factors, selling, threads=chosen.threads)
    ours = _measured(started, cpu, before) | {"first_call_seconds": round(compiling, 2)}
    sample = min(chosen.loop_scenarios, chosen.scenarios)
    started, cpu = time.perf_counter(), time.process_time()
    found = _polars_loop(funding, securities, factors[:sample], selling[:sample])
    loop = _scaled(started, cpu, sample, chosen.scenarios)
    difference = max(
        float(np.max(np.abs(own[:sample] - theirs) / np.abs(theirs)))
        for own, theirs in zip((grid.outflow, grid.proceeds), found, strict=True)
    )
    assert difference <= TOLERANCE, f"the loop and the grid differ by {difference}"
    return {
        "tidemark": ours | {"threads": chosen.threads},
        "polars_loop": loop,
        **_times(loop, ours),
        "largest_relative_difference": difference,
    }


def _polars_loop(
    funding: FundingPositions, securities: SecurityPositions, factors: Any, selling: Any
) -> tuple[Any, Any]:
    """What one writes first: a frame of positions, and for each scenario one expression over all of its rows."""
    held = pl.DataFrame(
        {
            "balance": funding.balance,
            "run_off": funding.run_off,
            "floor": funding.floor,
            "cap": funding.cap,
            **{f"loading_{at}": funding.loadings[:, at] for at in range(FACTORS)},
        }
    )
    sold = pl.DataFrame(
        {
            "market_value": securities.market_value,
            "haircut": securities.haircut,
            "impact": securities.price_impact,
            **{f"loading_{at}": securities.loadings[:, at] for at in range(FACTORS)},
        }
    )
    outflow, proceeds = [], []
    for row, pressed in zip(factors, selling, strict=True):
        moved = sum((pl.col(f"loading_{at}") * float(row[at]) for at in range(FACTORS)), pl.lit(0.0))
        rate = (pl.col("run_off") + moved).clip(pl.col("floor"), pl.col("cap"))
        outflow.append(held.select((pl.col("balance") * rate).sum()).item())
        kept = 1 - (pl.col("haircut") + moved).clip(0.0, 1.0)
        sale = 1 - (pl.col("impact") * float(pressed)).clip(0.0, 1.0)
        proceeds.append(sold.select((pl.col("market_value") * kept * sale).sum()).item())
    return np.array(outflow), np.array(proceeds)


# -- depositors ------------------------------------------------------------------------------------------------


def _depositors(chosen: argparse.Namespace) -> dict[str, Any]:
    generator = random.Random(SEED)
    run_off = {"stable": Fraction(3, 100), "corporate": Fraction(40, 100), "bank": Fraction(1)}
    # Few large and many small, as deposits are: of a Pareto law the largest hundred hold a good part.
    held = {
        f"depositor {at}": {generator.choice(list(run_off)): int(generator.paretovariate(1.1) * 10**6)}
        for at in range(DEPOSITORS)
    }
    total = sum(sum(one.values()) for one in held.values())
    stock, other = Levels(Fraction(total, 2), Fraction(total, 5), Fraction(total, 20)), total // 100

    def limit(arrived: int) -> DepositorLimit:
        sums = [share * sum(one.get(name, 0) for one in held.values()) for name, share in run_off.items()]
        outflows = sum(sums, Fraction(0))
        levels = stock.plus("1", Fraction(arrived))
        return lcr_limit("lcr", levels, outflows + other, Fraction(total, 90), run_off, minimum=Fraction(1, 2))

    started = time.perf_counter()
    live = BreakingDepositors([limit(0)], held)
    building, live_seconds, arrived, names = time.perf_counter() - started, 0.0, 0, list(held)
    for _ in range(QUESTIONS):
        changes = []
        for _ in range(CHANGES_A_QUESTION):
            name, kind = generator.choice(names), generator.choice(list(run_off))
            amount = generator.randint(-held[name].get(kind, 0), 10**6)
            changes.append((name, kind, amount))
            held[name][kind] = held[name].get(kind, 0) + amount
            arrived += amount
        started = time.perf_counter()
        for name, kind, amount in changes:
            live.change(name, kind, amount)
        found = live.smallest("lcr")
        live_seconds += time.perf_counter() - started
    as_it_is = limit(arrived)
    started = time.perf_counter()
    fresh = BreakingDepositors([as_it_is], held).smallest("lcr")
    fresh_seconds = time.perf_counter() - started
    assert found == fresh, "the live answer is not that of a fresh ranking"
    changed = QUESTIONS * CHANGES_A_QUESTION
    return {
        "depositors": DEPOSITORS,
        "changes": changed,
        "questions": QUESTIONS,
        "set_size": found.count,
        "first_ranking_seconds": round(building, 2),
        "live_microseconds_a_change": round(live_seconds / changed * 1e6, 1),
        "live_milliseconds_a_question_with_its_changes": round(live_seconds / QUESTIONS * 1e3, 1),
        "fresh_milliseconds_a_question": round(fresh_seconds * 1e3, 1),
        "equal": "exactly",
    }


# -- measuring -------------------------------------------------------------------------------------------------


def _in_a_process(way: str, chosen: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).resolve()), "--only", way]
    for name in ("scenarios", "positions", "threads", "loop_scenarios"):
        command += [f"--{name.replace('_', '-')}", str(getattr(chosen, name))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        raise SystemExit(f"{way} failed:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(lines[0].removeprefix("RESULT "))
    return answer


def _measured(started: float, cpu: float, before: float) -> dict[str, Any]:
    seconds = time.perf_counter() - started
    return {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "peak_rss_mib": _peak_rss_mib(),
        "peak_rss_grown_mib": round(_peak_rss_mib() - before, 1),
    }


def _scaled(started: float, cpu: float, sample: int, scenarios: int) -> dict[str, Any]:
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return {
        "scenarios_measured": sample,
        "seconds_measured": round(seconds, 3),
        "seconds_scaled_to_all": round(seconds * scenarios / sample, 1),
        "cpu_seconds_scaled_to_all": round(cpu * scenarios / sample, 1),
    }


def _times(loop: dict[str, Any], ours: dict[str, Any]) -> dict[str, float]:
    return {
        f"times_less_{kind}": round(float(loop[f"{kind}_scaled_to_all"]) / max(float(ours[kind]), 1e-3), 1)
        for kind in ("seconds", "cpu_seconds")
    }


def _peak_rss_mib() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


WAYS = {"by_class": _by_class, "by_position": _by_position, "depositors": _depositors}

if __name__ == "__main__":
    main()
