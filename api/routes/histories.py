"""The timeline of a case: every event with what it changed, as of a day and as it was known at an instant."""

from datetime import datetime
from typing import Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Response

from aggregates.case_timelines import timeline
from aggregates.event_view import instant
from api import decision_models
from api.auth import Ours, Reader
from api.moments import AsOf, KnownAt, moment
from api.routes.figures import json_response

router = APIRouter(tags=["past"])


@router.get("/histories/{aggregate}/{key}", responses={200: {"model": decision_models.Timeline}})
async def history(
    reader: Reader, ours: Ours, aggregate: str, key: str, as_of: AsOf = None, known_at: KnownAt = None
) -> Response:
    """Every event in recorded order with who, when it counts, when it was recorded, its place in the log and the
    fields of the state that it changed; and the state that these events make.

    Events that count later than `as_of` are left out, and counted; so are those recorded after `known_at`, of which
    nothing was known.
    """

    def work() -> Any:
        day, known = moment(as_of, "as_of"), moment(known_at, "known_at")
        if isinstance(day, datetime):
            first = ours.assets.history(aggregate, key, reader=reader)[0]
            day = ours.assets.bank_day(first.envelope.entity, day)
        found = timeline(ours.assets, aggregate, key, reader=reader, known_at=known, as_of=day)
        return {
            "aggregate": aggregate,
            "key": key,
            "as_of": day and day.isoformat(),
            "known_at": instant(known) if isinstance(known, datetime) else known and known.isoformat(),
            "position": found.position,
            "events": [step.to_json() for step in found.steps],
            "events_that_count_later": found.left_out,
            "state": found.state,
        }

    return json_response(msgspec.json.encode(await anyio.to_thread.run_sync(work)))
