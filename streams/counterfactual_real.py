"""What really happened: the alerts that were published for the records of a period, read from `tm.risk.alert.v1`.

An alert told again after a restart is one alert: it is known by its lane and sequence (decision S16).
"""

import msgspec

from streams.counterfactual_past import PastLogs, Period
from streams.schemas import Alert
from streams.topics import ALERT, CUT, TXN


def published_alerts(logs: PastLogs, period: Period) -> dict[str, list[Alert]]:
    """By source topic, entries or recorded cuts, the alerts whose record lies in the period, in order of the log."""
    decoder = msgspec.json.Decoder(Alert)
    found: dict[tuple[str, int, int], Alert] = {}
    for (topic, partition), (first, end) in sorted(logs.bounds((ALERT,)).items()):
        for raw in logs.batches(topic, partition, first, end):
            for value in raw.values:
                try:
                    alert = decoder.decode(value or b"")
                except msgspec.MsgspecError:
                    continue  # the end of a tick
                place = (alert.source.topic, alert.source.partition)
                if period.holds(place, alert.source.offset - 1):
                    found.setdefault((*place, alert.sequence), alert)
    by_topic: dict[str, list[Alert]] = {TXN: [], CUT: []}
    for (topic, _, _), alert in sorted(found.items()):
        by_topic[topic].append(alert)
    return by_topic
