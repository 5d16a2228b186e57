"""Folders of the treasury and market topics (LIQ-17, LIQ-10): few records, each replacing the one before it.

All four have one shape: records are read one by one, checked, and the latest of each key is published as it came
with where it was folded from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from engines.primitives.errors import InvalidInput
from projections.dictionary import Key
from projections.treasury_latest import LatestRecordsState
from streams import schemas, topics
from streams.folders import Absorbed
from streams.outputs import Output, encode
from streams.raw_batch import RawBatch
from streams.record_folders import RecordReader
from streams.schemas import Source
from streams.treasury_rows import fx_key, holding_key, price_key, reserve_key


@dataclass(frozen=True, slots=True)
class Kind:
    """What tells one treasury topic from another."""

    topic: str
    state_name: str
    output_topic: str
    record: type[msgspec.Struct]
    key_of: Callable[[Any], Key]  # checks the record; raises InvalidInput
    published: type[msgspec.Struct]  # by the outward names of docs/names.md
    outward: tuple[tuple[str, str], ...]  # (outward name, name in the record), without the source


HOLDINGS = Kind(
    topics.HOLDING,
    "holding",
    topics.HOLDING_STATE,
    schemas.Holding,
    holding_key,
    schemas.HoldingState,
    (
        ("entity", "entity_id"),
        ("organisation", "org_id"),
        ("security_id", "security_id"),
        ("portfolio", "portfolio_id"),
        ("currency", "ccy"),
        ("issuer_type", "issuer_type"),
        ("hqla_level", "hqla_level"),
        ("face", "face"),
        ("encumbered_face", "encumbered_face"),
        ("encumbrance", "encumbrance"),
        ("maturity_date", "maturity_date"),
        ("business_line", "line_id"),
        ("deals", "deals"),
    ),
)
PRICES = Kind(
    topics.PRICE,
    "price",
    topics.PRICE_STATE,
    schemas.MarketPrice,
    price_key,
    schemas.PriceState,
    (("security_id", "security_id"), ("dirty_price", "dirty_price"), ("event_time", "event_time")),
)
FX_RATES = Kind(
    topics.FX,
    "fx",
    topics.FX_STATE,
    schemas.FxRate,
    fx_key,
    schemas.FxState,
    (
        ("base_currency", "base_ccy"),
        ("quote_currency", "quote_ccy"),
        ("mid", "mid"),
        ("event_time", "event_time"),
    ),
)
RESERVES = Kind(
    topics.RESERVE,
    "reserve",
    topics.RESERVE_TOTAL,
    schemas.ReserveState,
    reserve_key,
    schemas.ReserveTotal,
    (
        ("entity", "entity_id"),
        ("currency", "ccy"),
        ("required", "required"),
        ("vault_cash", "vault_cash"),
        ("central_bank_balance", "cb_balance"),
    ),
)


class TreasuryFolder:
    """One topic of the four; the same class for all."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.topic, self.state_name = kind.topic, kind.state_name
        self.output_topics: tuple[str, ...] = (kind.output_topic,)
        self._reader: RecordReader[Any, tuple[Key, bytes]] = RecordReader(kind.record, self._checked)
        self._again = msgspec.json.Decoder(kind.record)

    @property
    def fold_version(self) -> int:
        return LatestRecordsState.FOLD_VERSION

    def empty(self) -> LatestRecordsState:
        return LatestRecordsState()

    def load(self, base: bytes, deltas: tuple[bytes, ...] = ()) -> LatestRecordsState:
        state = LatestRecordsState.load(base)
        for delta in deltas:
            state.apply_delta(delta)
        return state

    def absorb(self, state: LatestRecordsState, raw: RawBatch) -> Absorbed:
        known = state.next_offset
        offsets, records, refusals = self._reader.read(raw)
        state.fold(np.array(offsets, np.int64), records, raw.from_offset, raw.to_offset)
        return Absorbed([refusal for refusal in refusals if refusal.offset >= known])

    def publish_at_once(self, absorbed: Absorbed, source: Source) -> list[Output]:
        return []

    def take_changes(self, state: LatestRecordsState, source: Source) -> list[Output]:
        return self._outputs(state.take_changed(), source)

    def take_all(self, state: LatestRecordsState, source: Source) -> list[Output]:
        return self._outputs(state.records(), source)

    def needs_base(self, state: LatestRecordsState) -> bool:
        return False

    def statistics(self, state: LatestRecordsState) -> dict[str, int]:
        return {"received": state.next_offset}

    def newest_event_us(self, state: LatestRecordsState) -> int | None:
        return None

    @staticmethod
    def _same(record: msgspec.Struct) -> bytes:
        """Equal bytes for equal records, whatever the order of fields on the wire."""
        return msgspec.json.encode(record, order="deterministic")

    def _checked(self, record: Any) -> tuple[Key, bytes]:
        try:
            return self._kind.key_of(record), self._same(record)
        except InvalidInput as error:
            named = {"field": str(error.facts.get("field", ""))}
            raise InvalidInput(str(error), **named) from error

    def _outputs(self, records: list[bytes], source: Source) -> list[Output]:
        found = []
        for raw in records:
            record = self._again.decode(raw)
            values = {outward: getattr(record, inward) for outward, inward in self._kind.outward}
            value = encode(self._kind.published(**values, source=source))
            found.append(Output(self._kind.output_topic, "|".join(self._kind.key_of(record)).encode(), value))
        return found


def treasury_folders() -> list[TreasuryFolder]:
    return [TreasuryFolder(kind) for kind in (HOLDINGS, PRICES, FX_RATES, RESERVES)]
