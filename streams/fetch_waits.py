"""How long a broker may hold a fetch of ours open: long where that delays nothing, short elsewhere.

aiokafka has one request under way to a broker. If it asks for every partition we read there, the broker answers with
the first record of any of them, so that waiting long costs no latency and an idle worker next to nothing. If it asks
for some only, because records of the others are still being read, those others wait for its end: then it has to be
short. Not for librdkafka, which asks for all of a broker's partitions each time.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

PARTIAL_MS = 8
WHOLE_MS = 250  # also how long a partition that was just assigned, or sought, may wait for its first request


def set_fetch_waits(fetcher: Any) -> None:
    """Of one aiokafka fetcher, before it starts: a method of its own, so that other consumers stay as they are."""
    actions: Callable[[Any], tuple[Any, ...]] = fetcher._get_actions_per_node

    def with_waits(assignment: Any) -> tuple[Any, ...]:
        requests, *others = actions(assignment)
        if requests:
            ours = Counter(fetcher._select_read_replica(place) for place in assignment.tps)
            for node, request in requests:
                asked = sum(len(partitions) for _, partitions in request.topics)
                request._max_wait_ms = WHOLE_MS if asked == ours[node] else PARTIAL_MS
        return requests, *others

    fetcher._get_actions_per_node = with_waits
