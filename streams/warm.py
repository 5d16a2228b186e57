"""Compile, or load, what numba compiles, before the first record waits for it."""

import numpy as np
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from engines.actus import portfolio
from projections.deposit_insurance import DepositInsurance
from projections.depositor_balances import DepositorBalances
from projections.digest_index import DigestIndex
from streams.decode import decode
from streams.raw_batch import RawBatch
from streams.record_walk import spans_of


def warm() -> None:
    """Some seconds after an installation, a fraction of one afterwards."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 16)
    builder.append(0, timestamp=0, key=None, value=b"{}", headers=[])
    spans = spans_of(memoryview(builder.build()))
    batch = decode(RawBatch(0, 1, spans.offsets, *spans[1:], np.zeros(1, np.int64))).batch
    index = DigestIndex()
    index.add(batch.position)
    index.find(batch.position)
    index.keep(np.zeros(0, np.bool_))
    depositors = DepositorBalances(DepositInsurance())
    depositors.learn([("-",) * 9], np.zeros(1, np.int64))
    depositors.add(np.zeros(1, np.int64), np.ones(1, np.int64))
    portfolio.warm()
