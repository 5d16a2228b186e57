"""Contract records, the states folded from them, and the live view that the same states are published to."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from infra.snapshots import LogPartition
from projections.gap import GapState
from streams import outputs
from streams.folders import source_of
from streams.raw_batch import RawBatch
from streams.record_folders import ContractFolder
from streams.schemas import Contract
from streams.topics import CONTRACT, GAP
from streams.views_wire import Record

LOG = LogPartition("cluster", CONTRACT, "topic-1", 0, 2)
FOLDER = ContractFolder()


def contract(contract_id: str, **changes: Any) -> Contract:
    """A loan of 1,200.00 EUR at 5 % over a year from 2026-06-30, repaid in monthly equal parts."""
    fields: dict[str, Any] = {
        "contract_id": contract_id,
        "event_time": "2026-11-22T08:00:00Z",
        "entity_id": "NORTH",
        "org_id": "HQ",
        "line_id": "retail",
        "product_id": "loan",
        "ccy": "EUR",
        "side": "asset",
        "principal": "1200.00",
        "rate": "0.05",
        "start_date": "2026-06-30",
        "maturity_date": "2027-06-30",
        "amort": "equal_principal",
        "pay_freq": "1M",
    }
    return Contract(**fields | changes)


def raw(records: Sequence[Contract | bytes], start: int = 0) -> RawBatch:
    values = [one if isinstance(one, bytes) else msgspec.json.encode(one) for one in records]
    offsets = np.arange(start, start + len(values), dtype=np.int64)
    return RawBatch.of_values(start, start + len(values), offsets, values, np.zeros(len(values), np.int64))


def folded(records: Sequence[Contract | bytes]) -> GapState:
    state = FOLDER.empty()
    FOLDER.absorb(state, raw(records))
    return state


def published(state: GapState, partition: int = 0) -> list[Record]:
    """The rows of a state and their cut, as a worker sends them."""
    source = source_of(FOLDER, state, partition, f"{LOG.cluster_id}/{LOG.topic_id}")
    rows = FOLDER.take_all(state, source)
    cut = outputs.cut(source, 0, len(rows), None, None, FOLDER.statistics(state))
    records = [Record(row.topic, partition, 0, row.key, row.value) for row in rows]
    return [*records, Record(GAP, partition, 0, b"cut", cut)]
