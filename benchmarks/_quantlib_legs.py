"""QuantLib's fixed rate legs for the bullets and annuities of benchmarks/cashflows.py. Runs in .venv-quantlib.

Reads one JSON line a contract, then builds schedule and leg and reads each date and amount, as a bank would.
"""

import json
import sys
import time

import QuantLib as ql

DAY_COUNTS = {"30E360": ql.Thirty360(ql.Thirty360.European), "A360": ql.Actual360()}
NO_HOLIDAYS = ql.NullCalendar()
MONTH = ql.Period(1, ql.Months)


def legs(contract: dict[str, object], years: int) -> tuple[int, float, float]:
    """How many flows a contract has, its interest and its principal."""
    start, end = (ql.DateParser.parseISO(str(contract[name])) for name in ("start", "end"))
    rate, notional = float(str(contract["rate"])), float(str(contract["notional"]))
    schedule = ql.Schedule(
        start, end, MONTH, NO_HOLIDAYS, ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Forward, False
    )
    notionals = [notional]
    if contract["kind"] == "ANN":
        notionals = list(ql.sinkingNotionals(ql.Period(years, ql.Years), ql.Monthly, rate, notional))
    outstanding = notionals[:-1] if len(notionals) > 1 else notionals
    leg = ql.FixedRateLeg(schedule, DAY_COUNTS[str(contract["days"])], outstanding, [rate])
    paid = [(flow.date(), flow.amount()) for flow in leg]
    repaid = [before - after for before, after in zip(notionals, [*notionals[1:], 0.0], strict=True)]
    repaid = [amount for amount in repaid if amount]
    return len(paid) + len(repaid) + 1, sum(amount for _, amount in paid), sum(repaid) - notional


def main() -> None:
    years = int(sys.argv[1])
    contracts = [json.loads(line) for line in sys.stdin]
    started, cpu = time.perf_counter(), time.process_time()
    flows, interest, principal = 0, 0.0, 0.0
    for contract in contracts:
        found = legs(contract, years)
        flows, interest, principal = flows + found[0], interest + found[1], principal + found[2]
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    result = {"flows": flows, "interest": interest, "principal": principal}
    print("RESULT", json.dumps(result | {"seconds": seconds, "cpu_seconds": cpu_seconds, "version": ql.__version__}))


if __name__ == "__main__":
    main()
