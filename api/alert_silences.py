"""Silences as the alert centre knows them: which alerts were held back from delivery when they were raised.

The time of an alert is when Kafka took what raised it, since the view keeps nothing else; the notifier judges by when
Kafka took the alert, some hundred milliseconds later.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aggregates.envelope import Principal
from api.services import Services
from engines.primitives.errors import InvalidInput
from projections.alert_routing_facts import facts_of, raised_at
from projections.alert_routing_world import Silence, silence_of


def silences_of(ours: Services, reader: Principal) -> list[Silence]:
    """Those in force or past, as the reader may see them; one whose matcher is none binds nothing."""
    found = []
    for state in ours.assets.list_cases("AlertSilence", reader=reader):
        if state.get("in_force_at") is None:
            continue
        ended = state.get("ended_at")
        try:
            silence = silence_of(
                state["silence_no"],
                state,
                datetime.fromisoformat(state["in_force_at"]),
                None if ended is None else datetime.fromisoformat(ended),
            )
        except InvalidInput:
            continue
        found.append(silence)
    return found


def is_silenced(record: Mapping[str, Any], silences: Sequence[Silence]) -> bool:
    """Whether one of them covered this alert when it was raised."""
    at = raised_at(record)
    then = [one for one in silences if one.since <= at < one.until]
    return bool(then) and any(one.covers(record, facts_of(record), at) for one in then)
