"""A past played again under other rules. Thin: check, hand to the jobs, show. Nothing is stored or changed."""

from typing import Annotated

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Body, Query, Response

from api import counterfactual_models as models
from api.auth import Ours, Reader, permitted
from api.counterfactual import end_of, shown_job
from api.counterfactual_jobs import Counterfactuals, Job
from api.openapi_names import PREFIX
from api.routes.figures import accepted, json_response
from api.services import Services
from engines.primitives.errors import Unavailable
from streams.counterfactual import Question

router = APIRouter(prefix="/counterfactuals", tags=["counterfactuals"])

Rows = Annotated[int, Query(ge=0, le=100_000, description="of each list; `left_off` says how many more there are")]


@router.post("", status_code=202, responses={202: {"model": models.JobShown}})
async def ask(reader: Reader, ours: Ours, asked: Annotated[models.Ask, Body()]) -> Response:
    """Play a past period again under changed rules, beside what really happened. A job: see `GET …/{id}`.

    The change is validated by the parsers of the policies before anything is read; an error names `field` and
    `record`. Unchanged rules are folded along, and must give what was published: `control`.
    """
    question = Question(
        start=end_of(asked.start, "from"),
        end=end_of(asked.end, "to"),
        what=tuple(asked.what),
        values=asked.values,
        files=asked.policies,
        step=asked.step,
        from_snapshot=asked.from_snapshot,
    )
    jobs = _jobs(ours)
    job = await anyio.to_thread.run_sync(jobs.ask, question, reader.actor)
    return accepted(msgspec.json.encode(shown_job(job, frozenset(), None)), f"{PREFIX}/counterfactuals/{job.job_id}")


@router.get("", responses={200: {"model": models.Jobs}})
async def newest(reader: Reader, ours: Ours) -> Response:
    """Counterfactuals that wait, run or are kept, newest first, without their answers."""
    jobs = [shown_job(job, frozenset(), None) for job in _jobs(ours).newest_first()]
    return json_response(msgspec.json.encode({"jobs": jobs}))


@router.get("/{job_id}", responses={200: {"model": models.JobAnswered}})
async def one(reader: Reader, ours: Ours, job_id: str, rows_max: Rows = 1_000) -> Response:
    """State and progress, and once it is done the comparison, of the entities that the reader may see."""
    entities = permitted(reader, None)
    return await _shown(_jobs(ours).get(job_id), entities, rows_max)


@router.post("/{job_id}/cancel", responses={200: {"model": models.JobShown}})
async def cancel(reader: Reader, ours: Ours, job_id: str) -> Response:
    """End it. Only who asked it may."""
    return await _shown(_jobs(ours).cancel(job_id, reader.actor), frozenset(), None)


async def _shown(job: Job, entities: frozenset[str] | None, rows_max: int | None) -> Response:
    content = await anyio.to_thread.run_sync(lambda: msgspec.json.encode(shown_job(job, entities, rows_max)))
    return json_response(content)


def _jobs(ours: Services) -> Counterfactuals:
    if ours.counterfactuals is None:
        raise Unavailable("no past is played again here")
    return ours.counterfactuals
