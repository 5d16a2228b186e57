"""Cash flows of a portfolio: many contracts, terms in columns, flows in columns, bounded memory.

PAM, LAM, NAM and ANN with ordinary terms are computed by machine code, shape by shape (`portfolio_kernel`),
everything else contract by contract (`state_machine`); both give the same numbers, bit for bit (decision Q18). A
contract with bad terms becomes an entry of `errors` and leaves the others alone.
"""

from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from engines.actus.dates import DAY_SECONDS
from engines.actus.events import EventType
from engines.actus.observed import NOTHING, Observed
from engines.actus.portfolio_columns import Columns, read_columns, row_terms
from engines.actus.portfolio_kernel import Flows, flows
from engines.actus.portfolio_selection import Group, groups
from engines.actus.portfolio_shapes import Rows
from engines.actus.portfolio_walk import Written
from engines.actus.state_machine import Flow, evaluate
from engines.actus.terms import read_terms
from engines.primitives.errors import InvalidInput

EVENT_TYPES = pl.Enum([kind.value for kind in EventType])
CHUNK_EVENTS = 200_000
_ALONE = 256  # contracts of the one-contract path in a frame


@dataclass(frozen=True, slots=True)
class ContractError:
    """Why a contract has no flows: its row and identifier, the ACTUS term and the rule that it breaks."""

    contract_row: int
    contract_id: str
    term: str
    rule: str


@dataclass
class PortfolioFlows:
    """Iterate once: frames of flows. Then `errors` is complete, by row, and the counts are.

    Frames have one row an event: contract_row (uint32, the row in the portfolio), instant (Datetime, no zone),
    event_type (Enum), payoff (positive: to the creator of the contract), currency (of the payoff), and the states
    after the event: notional_principal, nominal_interest_rate, accrued_interest, with the sign of the contract role.
    All events of a contract are in one frame, in order; contracts of like terms follow each other.
    """

    portfolio: pl.DataFrame
    observed: Observed
    to: int | None
    rows: Rows
    chunk_events: int
    threads: int
    errors: list[ContractError] = field(default_factory=list)
    vectorised: int = 0
    alone: int = 0

    def __iter__(self) -> Iterator[pl.DataFrame]:
        columns = read_columns(self.portfolio)
        _exclude_observed(columns, self.portfolio, self.observed)
        found, left = groups(columns, self.rows)
        currencies = pl.Series([value or "" for value in columns.values["currency"]], dtype=pl.Categorical)
        self.vectorised = sum(len(group.rows) for group in found)
        for done in self._side_by_side(columns, found):
            left = np.concatenate((left, done.undone))
            self.vectorised -= len(done.undone)
            if len(done.written.row):
                yield _frame(done.written, currencies)
        self.alone = len(left)
        yield from self._alone(np.sort(left))

    def _side_by_side(self, columns: Columns, found: list[Group]) -> Iterator[Flows]:
        """Chunks in order, computed ahead by as many threads as there are, never more than two chunks each."""
        horizon = None if self.to is None else self.to // DAY_SECONDS

        def compute(group: Group, some: slice) -> Flows:
            rows, maturity, steps = group.rows[some], group.maturity[some], group.steps[some]
            return flows(columns, group.shape, rows, maturity, steps, self.observed, horizon)

        work = ((group, chunk) for group in found for chunk in _chunks(group, self.chunk_events))
        if self.threads == 1:
            yield from (compute(*item) for item in work)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            ahead: deque[Future[Flows]] = deque()
            for item in work:
                ahead.append(pool.submit(compute, *item))
                if len(ahead) > self.threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def _alone(self, rows: Rows) -> Iterator[pl.DataFrame]:
        collected: list[tuple[int, tuple[Flow, ...]]] = []
        for place, row in enumerate(rows.tolist(), start=1):
            raw = row_terms(self.portfolio, row)
            try:
                collected.append((row, evaluate(read_terms(raw), self.observed, to=self.to).flows))
            except InvalidInput as error:
                identifier = str(raw.get("contractID") or raw.get("contractIdentifier") or "")
                self.errors.append(ContractError(row, identifier, str(error.facts.get("field", "")), str(error)))
            if collected and (len(collected) == _ALONE or place == len(rows)):
                frame = _frame_of_evaluations(collected)
                if len(frame):
                    yield frame
                collected = []


def cash_flows(
    portfolio: pl.DataFrame,
    observed: Observed = NOTHING,
    *,
    to: int | None = None,
    only: Collection[str] | None = None,
    chunk_events: int = CHUNK_EVENTS,
    threads: int = 2,
) -> PortfolioFlows:
    """The flows of a portfolio after each contract's status date; nothing is computed before it is iterated.

    The flows of a contract depend on its own terms and on what is observed only: not on its place, the other
    contracts, the size of chunks or the number of threads.

    Args:
        portfolio: one row a contract, one column an ACTUS term under its dictionary name; a null is an absent term.
            Numbers and dates may be numbers and dates, or text as in `terms.read_terms`.
        to: the horizon, an instant, inclusive; None: to the end of the contracts.
        only: contract identifiers; None: all contracts.
        chunk_events: about how many events one frame holds, at most; bounds memory.
        threads: how many chunks are computed at a time.
    Raises:
        InvalidInput: a contract in `only` is not in the portfolio; a size below 1. What is wrong with one contract
            goes to `errors`.
    Source: ACTUS technical specification 1.1; decisions Q18, Q19.
    """
    if chunk_events < 1 or threads < 1:
        raise InvalidInput(
            "a chunk and a pool want at least one", field="chunk_events" if chunk_events < 1 else "threads"
        )
    rows = np.arange(len(portfolio)) if only is None else _rows_of(portfolio, only)
    return PortfolioFlows(portfolio, observed, to, rows, chunk_events, threads)


def warm() -> None:
    """Compiles, or loads, the machine code: some 15 s after an installation, a fraction of a second afterwards."""
    loan = {
        "contractType": "PAM",
        "contractRole": "RPA",
        "currency": "XXX",
        "statusDate": "2024-01-01",
        "initialExchangeDate": "2024-01-02",
        "maturityDate": "2024-01-03",
        "notionalPrincipal": 1.0,
    }
    deque(cash_flows(pl.DataFrame([loan]), threads=1), maxlen=0)


def _identifiers(portfolio: pl.DataFrame) -> pl.Series:
    for name in ("contractID", "contractIdentifier"):
        if name in portfolio.columns:
            return portfolio[name].cast(pl.String).str.strip_chars().fill_null("")
    return pl.Series("contractID", [""] * len(portfolio), pl.String)


def _rows_of(portfolio: pl.DataFrame, only: Collection[str]) -> Rows:
    identifiers = _identifiers(portfolio)
    wanted = pl.Series(sorted(set(only)), dtype=pl.String)
    unknown = wanted.filter(~wanted.is_in(identifiers.implode()))
    if len(unknown):
        raise InvalidInput("not in the portfolio", field="contractID", record=unknown[0])
    return identifiers.is_in(wanted.implode()).arg_true().to_numpy().astype(np.int64)


def _exclude_observed(columns: Columns, portfolio: pl.DataFrame, observed: Observed) -> None:
    """Contracts with events from outside go one by one."""
    names = {event.contract_id for event in observed.events}
    if "" in names:
        columns.simple[:] = False
    elif names:
        named = pl.Series(sorted(names), dtype=pl.String)
        columns.simple[_identifiers(portfolio).is_in(named.implode()).to_numpy()] = False


def _chunks(group: Group, events: int) -> Iterator[slice]:
    """Runs of contracts whose events fit into a chunk; within a group they rise."""
    start = 0
    while start < len(group.rows):
        size = max(1, events // int(group.steps[start]))
        while size > 1 and size * int(group.steps[min(start + size, len(group.rows)) - 1]) > events:
            size = max(1, min(size - 1, events // int(group.steps[min(start + size, len(group.rows)) - 1])))
        yield slice(start, start + size)
        start += size


def _frame(done: Written, currencies: pl.Series) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "contract_row": done.row,
            "instant": pl.Series(done.instant).cast(pl.Datetime("ms")),
            "event_type": pl.Series(done.kind).cat.to(EVENT_TYPES),
            "payoff": done.payoff,
            "currency": currencies.gather(pl.Series(done.currency)),
            "notional_principal": done.notional,
            "nominal_interest_rate": done.rate,
            "accrued_interest": done.accrued,
        }
    )


def _frame_of_evaluations(collected: list[tuple[int, tuple[Flow, ...]]]) -> pl.DataFrame:
    pairs = [(row, flow) for row, evaluated in collected for flow in evaluated]
    after = [flow.after for _, flow in pairs]
    instants = pl.Series([flow.event.instant * 1_000 for _, flow in pairs], dtype=pl.Int64)
    return pl.DataFrame(
        {
            "contract_row": pl.Series([row for row, _ in pairs], dtype=pl.UInt32),
            "instant": instants.cast(pl.Datetime("ms")),
            "event_type": pl.Series([flow.event.kind.value for _, flow in pairs], dtype=EVENT_TYPES),
            "payoff": pl.Series([flow.payoff for _, flow in pairs], dtype=pl.Float64),
            "currency": pl.Series([flow.currency for _, flow in pairs], dtype=pl.Categorical),
            "notional_principal": pl.Series([one.notional_principal for one in after], dtype=pl.Float64),
            "nominal_interest_rate": pl.Series([one.nominal_interest_rate for one in after], dtype=pl.Float64),
            "accrued_interest": pl.Series([one.accrued_interest for one in after], dtype=pl.Float64),
        }
    )
