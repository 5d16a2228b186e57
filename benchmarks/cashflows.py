"""Flows per second of a million ACTUS contracts, beside the one-contract loop and QuantLib's legs. `--help`.

The portfolio path runs first, in a process of its own, so that its memory is its own; its machine code is compiled
or loaded before the clock starts. The loop is the same engine, contract by contract, over a sample of the same
portfolio; its payoffs must be those of the portfolio path to the last bit. QuantLib builds legs for bullets and
annuities at fixed rates, which both compute; there the sums must agree.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import polars as pl

from benchmarks._loans import YEARS, observations, portfolio
from benchmarks._machine import machine, write_result
from engines.actus.portfolio import cash_flows, warm
from engines.actus.portfolio_columns import row_terms
from engines.actus.state_machine import evaluate
from engines.actus.terms import read_terms

HERE = Path(__file__).resolve().parent
QUANTLIB = HERE.parent / ".venv-quantlib"
AIMS = {"seconds": 20.0, "peak_rss_mib": 1_024, "times_the_loop": 20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contracts", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loop-contracts", type=int, default=1_000, help="sample of the one-contract loop")
    parser.add_argument("--quantlib-contracts", type=int, default=5_000)
    parser.add_argument("--skip", nargs="*", default=[], choices=["loop", "quantlib"])
    parser.add_argument("--no-write", action="store_true", help="leave results/ as it is")
    parser.add_argument("--portfolio-only", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.portfolio_only:
        print("RESULT", json.dumps(_portfolio(chosen.contracts, chosen.threads)))
        return
    result: dict[str, Any] = {"machine": machine(), "contracts": chosen.contracts, "years": YEARS}
    result["portfolio"] = _in_a_process(chosen.contracts, chosen.threads)
    if "loop" not in chosen.skip:
        result["loop"] = _loop(chosen.contracts, chosen.loop_contracts)
    if "quantlib" not in chosen.skip:
        result["quantlib"] = _quantlib(chosen.quantlib_contracts, chosen.threads)
    result["aims"] = _aims(result)
    _print(result)
    if not chosen.no_write:
        print(f"written to benchmarks/results/{write_result('cashflows', result).name}")


# -- contenders ------------------------------------------------------------------------------------------------


def _in_a_process(contracts: int, threads: int) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).resolve()), "--portfolio-only"]
    command += ["--contracts", str(contracts), "--threads", str(threads)]
    return _answer(subprocess.run(command, capture_output=True, text=True, check=False))


def _portfolio(contracts: int, threads: int) -> dict[str, Any]:
    terms, observed = portfolio(contracts), observations()
    warm()
    resident = _peak_rss_mib()
    started, cpu = time.perf_counter(), time.process_time()
    flows, frames, payoff = 0, 0, 0.0
    result = cash_flows(terms, observed, threads=threads)
    for frame in result:
        flows, frames, payoff = flows + len(frame), frames + 1, payoff + float(frame["payoff"].sum())
    seconds = time.perf_counter() - started
    return {
        "flows": flows,
        "frames": frames,
        "threads": threads,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "flows_per_second": round(flows / seconds),
        "contracts_per_second": round(contracts / seconds),
        "peak_rss_mib": _peak_rss_mib(),
        "peak_rss_mib_before": resident,
        "side_by_side": result.vectorised,
        "one_by_one": result.alone,
        "errors": len(result.errors),
        "payoff_sum": payoff,
    }


def _loop(contracts: int, sample: int) -> dict[str, Any]:
    """The same engine, contract by contract, over contracts spread evenly through the same portfolio."""
    terms, observed = portfolio(contracts), observations()
    chosen = terms.gather_every(max(1, contracts // sample)).head(sample)
    rows = [row_terms(chosen, row) for row in range(len(chosen))]
    started, cpu = time.perf_counter(), time.process_time()
    evaluations = [evaluate(read_terms(row), observed) for row in rows]
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    payoffs = [[flow.payoff for flow in one.flows] for one in evaluations]
    together = pl.concat([*cash_flows(chosen, observed)]).sort("contract_row", maintain_order=True)
    same = together.group_by("contract_row", maintain_order=True).agg("payoff")["payoff"].to_list() == payoffs
    assert same, "the loop and the portfolio path differ"
    flows = sum(map(len, payoffs))
    return {
        "contracts": len(rows),
        "flows": flows,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu_seconds, 3),
        "flows_per_second": round(flows / seconds),
        "contracts_per_second": round(len(rows) / seconds),
        "extrapolated_seconds": round(contracts * seconds / len(rows)),
        "payoffs_equal_to_the_bit": same,
    }


def _quantlib(contracts: int, threads: int) -> dict[str, Any]:
    terms, observed = portfolio(contracts, fixed=True), observations()
    warm()
    started, cpu = time.perf_counter(), time.process_time()
    frame = pl.concat([*cash_flows(terms, observed, threads=threads)])
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    is_interest = frame["event_type"].cast(pl.String) == "IP"
    interest = float(frame.filter(is_interest)["payoff"].sum())
    principal = float(frame.filter(~is_interest)["payoff"].sum())
    paid = len(frame.filter(pl.col("payoff") != 0.0))
    columns = {
        "kind": "contractType",
        "start": "initialExchangeDate",
        "end": "maturityDate",
        "notional": "notionalPrincipal",
        "rate": "nominalInterestRate",
        "days": "dayCountConvention",
    }
    lines = terms.select(**columns).with_columns(pl.col("start", "end").cast(pl.String)).write_ndjson()
    command = [_quantlib_python(), str(HERE / "_quantlib_legs.py"), str(YEARS)]
    theirs = _answer(subprocess.run(command, input=lines, capture_output=True, text=True, check=False))
    scale = float(terms["notionalPrincipal"].sum())
    for name, ours in (("interest", interest), ("principal", principal)):
        assert abs(ours - theirs[name]) <= 1e-9 * scale, f"{name}: {ours} here, {theirs[name]} in QuantLib"
    return {
        "contracts": contracts,
        "version": theirs["version"],
        "interest_difference_of_notional": (interest - theirs["interest"]) / scale,
        "principal_difference_of_notional": (principal - theirs["principal"]) / scale,
        "quantlib": {
            "payments": theirs["flows"],
            "seconds": round(theirs["seconds"], 3),
            "cpu_seconds": round(theirs["cpu_seconds"], 3),
            "contracts_per_second": round(contracts / theirs["seconds"]),
        },
        "tidemark": {
            "payments": paid,
            "seconds": round(seconds, 3),
            "cpu_seconds": round(cpu_seconds, 3),
            "contracts_per_second": round(contracts / seconds),
        },
    }


def _quantlib_python() -> str:
    """The Python of .venv-quantlib, made from requirements-quantlib.lock where it is missing."""
    python = QUANTLIB / "bin" / "python"
    if not python.exists():
        uv = str(HERE.parent / ".venv" / "bin" / "uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(QUANTLIB)], check=True)
        lock = str(HERE / "requirements-quantlib.lock")
        install = [uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", lock]
        subprocess.run(install, check=True)
    return str(python)


def _answer(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, f"ended with {done.returncode}: {done.stdout[-1_000:]}{done.stderr[-3_000:]}"
    found: dict[str, Any] = json.loads(lines[0].removeprefix("RESULT "))
    return found


def _peak_rss_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024


# -- the report ------------------------------------------------------------------------------------------------


def _aims(result: dict[str, Any]) -> dict[str, Any]:
    ours = result["portfolio"]
    reached = {"seconds": ours["seconds"], "peak_rss_mib": ours["peak_rss_mib"]}
    if "loop" in result:
        times = ours["contracts_per_second"] / result["loop"]["contracts_per_second"]
        reached["times_the_loop"] = round(times, 1)
    return {name: {"aim": AIMS[name], "reached": value} for name, value in reached.items()}


def _print(result: dict[str, Any]) -> None:
    where = result["machine"]
    print(f"{where['cores']} cores, {where['processor']}, load average at start {where['load_average_at_start']}")
    print(f"{'contender':28} {'contracts':>10} {'flows':>12} {'seconds':>9} {'CPU s':>9} {'contracts/s':>12}")
    rows = [("portfolio", result["contracts"], result["portfolio"])]
    if "loop" in result:
        rows.append(("one-contract loop", result["loop"]["contracts"], result["loop"]))
    if "quantlib" in result:
        beside = result["quantlib"]
        for name in ("tidemark", "quantlib"):
            rows.append((f"fixed rates, {name}", beside["contracts"], beside[name]))
    for name, contracts, one in rows:
        count = one.get("flows", one.get("payments"))
        print(
            f"{name:28} {contracts:10,} {count:12,} {one['seconds']:9.2f} {one['cpu_seconds']:9.2f} "
            f"{one['contracts_per_second']:12,}"
        )
    for name, one in result["aims"].items():
        print(f"{name}: {one['reached']:,} (aim {one['aim']:,})")


if __name__ == "__main__":
    main()
