"""Past moments: the whole page as it was, and whether a figure that was shown is what the log gives."""

from collections.abc import Mapping
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field

from aggregates.envelope import EVERY_ENTITY, Principal
from api import figures, past, past_models, past_replay
from api.auth import Ours, Reader
from api.routes.figures import At, AtOffsets, Member, Slow, json_response, member_filters
from api.services import Services
from engines.primitives.errors import Forbidden, InvalidInput

router = APIRouter(tags=["past"])


class Replay(BaseModel):
    """One of three: an answer that was given; a figure by name and cut; recorded cuts by their offsets."""

    model_config = ConfigDict(extra="forbid", strict=True)

    answer: dict[str, Any] | None = Field(None, description="an answer of this API, with its provenance")
    asked: dict[str, Any] | None = Field(None, description="a query as provenance.asked has it, with at_offsets")
    at_offsets: dict[str, int] | None = None
    cuts: list[int] | None = Field(None, max_length=past_replay.CUTS_AT_ONCE)
    from_start: bool = Field(False, description="fold from the log's start and trust no snapshot")


@router.get("/past", responses={200: {"model": past_models.PastPage}})
async def page(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    entity: Member = None,
    at_offsets: AtOffsets = None,
    at: At = None,
) -> Response:
    """The whole page as it was: positions, gap, ratios, withdrawals, alerts and limits, all of one offset vector."""
    query = figures.Query((), None, member_filters(reader, entity), figures.offset_vector(at_offsets), at)
    if not query.is_past:
        raise InvalidInput("say which moment: at or at_offsets", field="at")

    def work() -> bytes:
        return msgspec.json.encode(past.page(ours, query))

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))


@router.post("/past/replay", responses={200: {"model": past_models.Replayed}})
async def replay(reader: Reader, ours: Ours, slow: Slow, wish: Annotated[Replay, Body()]) -> Response:
    """Make a past figure again from the log and say whether it is what was shown; if not, the first row and why."""

    def work() -> bytes:
        return msgspec.json.encode(_replayed(ours, reader, wish))

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))


def _replayed(ours: Services, reader: Principal, wish: Replay) -> Mapping[str, Any]:
    if wish.cuts is not None:
        if EVERY_ENTITY not in reader.entities:
            raise Forbidden("recorded cuts are of all entities", guard="ROLE")
        return {"cuts": past_replay.replay_cuts(ours, wish.cuts, from_start=wish.from_start)}
    answer = wish.answer
    if answer is None:
        answer = _published(ours, wish)
        _unless_permitted(reader, answer)
        # There is nothing to compare with but the snapshots: the log from its start has to say the same.
        return past_replay.replay_answer(ours, answer, from_start=True) | {"answer": answer}
    _unless_permitted(reader, answer)
    return past_replay.replay_answer(ours, answer, from_start=wish.from_start)


def _published(ours: Services, wish: Replay) -> dict[str, Any]:
    """The answer that a request at this cut gets."""
    if wish.asked is None or wish.at_offsets is None:
        raise InvalidInput("want an answer, or asked with at_offsets, or cuts", field="answer")
    asked = {"by": ["entity", "currency"], "as_of": None, "filters": {}} | wish.asked
    return past.answer(ours, asked, wish.at_offsets)


def _unless_permitted(reader: Principal, answer: Mapping[str, Any]) -> None:
    """Whoever may not see an entity may not have it folded again either."""
    if EVERY_ENTITY in reader.entities:
        return
    stated = answer.get("provenance")
    asked = stated.get("asked") if isinstance(stated, Mapping) else None
    entities = past.entities_of(asked) if isinstance(asked, Mapping) else None
    if entities is None or not set(entities) <= set(reader.entities):
        raise Forbidden("the answer is of entities that you may not see", guard="ROLE")
