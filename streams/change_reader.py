"""Two cuts of a position or a gap, read from the logs; and the cut of an instant.

What the API asks where somebody wants to know why a figure moved. Not for the split: `streams.amount_changes`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from confluent_kafka import Consumer, KafkaException, TopicPartition

from engines.primitives.errors import Unavailable
from streams import gap_changes, position_changes
from streams.amount_changes import AmountCuts
from streams.past_figures import Logs
from streams.ratio_movements import Batches
from streams.stored_states import READ_TIMEOUT_S, Replay
from streams.topics import BUSINESS_DATE, CONTRACT, FX, TXN
from streams.views import Filters

Figure = Literal["position", "gap"]
Place = tuple[str, int]
#: The next offset of each place at an instant, in milliseconds since 1970: that of the first record not older.
OffsetsAt = Callable[[Sequence[Place], int], Mapping[Place, int]]

SOURCES: Mapping[Figure, tuple[str, ...]] = {
    "position": (TXN, FX, BUSINESS_DATE),
    "gap": (CONTRACT, FX, BUSINESS_DATE),
}


@dataclass(frozen=True, slots=True)
class ChangeReader:
    replay: Replay
    logs: Logs
    batches: Batches
    offsets_at: OffsetsAt

    def cuts(
        self, figure: Figure, before: Mapping[str, int], after: Mapping[str, int], filters: Filters
    ) -> AmountCuts:
        """Raises InvalidInput, NotFound: as `amount_changes.read_between`."""
        read = position_changes.position_cuts if figure == "position" else gap_changes.gap_cuts
        return read(self.replay, self.logs, self.batches, before, after, filters)

    def cut_at(self, figure: Figure, instant: datetime) -> dict[str, int]:
        """What the logs held when Kafka's clock showed `instant`: records are dated as Kafka keeps them.

        Raises Unavailable: Kafka does not answer.
        """
        places = [place for place in sorted(self.logs.all()) if place[0] in SOURCES[figure]]
        places.append((BUSINESS_DATE, 0))
        found = self.offsets_at(places, round(instant.timestamp() * 1_000))
        return {f"{topic}/{partition}": offset for (topic, partition), offset in found.items()}


def offsets_from_kafka(kafka: Mapping[str, Any]) -> OffsetsAt:
    """By a consumer of one call."""

    def read(places: Sequence[Place], milliseconds: int) -> dict[Place, int]:
        consumer = Consumer(dict(kafka))
        try:
            asked = [TopicPartition(topic, partition, milliseconds) for topic, partition in places]
            found = consumer.offsets_for_times(asked, timeout=READ_TIMEOUT_S)
            return {
                (one.topic, one.partition): one.offset if one.offset >= 0 else _end(consumer, one) for one in found
            }
        except KafkaException as error:
            raise Unavailable(f"the log does not answer: {error}") from error
        finally:
            consumer.close()

    return read


def _end(consumer: Consumer, place: TopicPartition) -> int:
    """Every record is older than the instant."""
    end: int = consumer.get_watermark_offsets(TopicPartition(place.topic, place.partition), timeout=READ_TIMEOUT_S)[1]
    return end
