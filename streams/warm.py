"""Compile, or load, what numba compiles, before the first record or the first question waits for it."""

from collections.abc import Callable, Iterator
from threading import Thread, main_thread

import numpy as np
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from engines.actus import portfolio
from projections.deposit_insurance import DepositInsurance
from projections.depositor_balances import DepositorBalances
from projections.digest_index import DigestIndex
from projections.digests import of_integers
from streams.decode import decode
from streams.raw_batch import RawBatch
from streams.record_walk import spans_of


def warm(*, explains: bool = False) -> None:
    """Some seconds after an installation, a fraction of one afterwards. `explains`: also what only replays run that
    explain a change, first, since a person waits for it."""
    for _ in _steps(explains):
        pass


def _steps(explains: bool) -> Iterator[None]:
    depositors = DepositorBalances(DepositInsurance())
    # Two of each: of one row a strided column passes for one in one piece, which is another type to the compiler.
    two = np.arange(2)
    depositors.learn([("-",) * 9] * 2, two)
    if explains:
        depositors.add_told(two, two)
        yield
    depositors.add(two, two)
    yield
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 16)
    builder.append(0, timestamp=0, key=None, value=b"{}", headers=[])
    spans = spans_of(memoryview(builder.build()))
    decode(RawBatch(0, 1, spans.offsets, *spans[1:], np.zeros(1, np.int64)))
    yield
    index, digests = DigestIndex(), of_integers(two)
    index.add(digests)
    index.find(digests)
    index.keep(np.ones(2, np.bool_))
    yield
    portfolio.warm()


def and_warm(start: Callable[[], None]) -> Callable[[], None]:
    """`start`, then `warm` for explanations in a thread beside: for a process that answers while it warms."""

    def warmed() -> None:
        for _ in _steps(explains=True):
            if not main_thread().is_alive():
                return  # the process ends, and waits for this thread

    def started() -> None:
        start()
        # No daemon: the interpreter may not be taken down under the compiler.
        Thread(target=warmed, name="warm").start()

    return started
