"""The alert centre: alerts with what was done about them, and acts on one or many."""

from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request, Response

from aggregates.alert import alert_key
from aggregates.process_managers.wanted import SYSTEM
from api import alert_centre as centre
from api import alert_centre_models as models
from api.alert_centre_acts import ALERT, act, act_on_many, find_alert
from api.alert_silences import silences_of
from api.auth import Ours, Reader, permitted
from api.case_commands import answer
from api.decision_models import CommandAnswer
from api.paging import Cursor, paged
from api.routes.figures import Slow, require_ready
from api.services import Services
from engines.primitives.errors import NotFound, Unavailable

router = APIRouter(prefix="/alert-centre", tags=["alerts"])

AlertId = Annotated[str, Path(min_length=1, max_length=64)]
Entity = Annotated[str | None, Query(max_length=200)]


def centre_of(ours: Services) -> centre.AlertCentre:
    """Raises Unavailable."""
    if ours.alert_centre is None:
        raise Unavailable("there is no alert centre here")
    require_ready(ours)
    return ours.alert_centre


@router.get("", responses={200: {"model": models.CentrePage}})
async def alert_centre(
    *,
    request: Request,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    state: Annotated[list[models.State] | None, Query()] = None,
    severity: Annotated[list[models.SeverityName] | None, Query()] = None,
    rule: Annotated[str | None, Query(max_length=64)] = None,
    entity: Entity = None,
    mine: Annotated[bool, Query(description="only what you subscribed to, alone or in a team")] = False,
    silenced: Annotated[
        bool | None, Query(description="true: only what a silence held back from delivery; false: only the others")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Cursor = None,
) -> Response:
    """Alerts, newest first. A page may be short where a filter is rare: go on while there is a cursor."""

    def work() -> Any:
        own = centre_of(ours)
        wanted = centre.Wanted(
            permitted(reader, entity),
            None if state is None else frozenset(state),
            None if severity is None else frozenset(severity),
            rule,
            centre.own_predicates(ours, reader) if mine else None,
            silenced,
        )
        lives = centre.lives_now(ours.live, own, ours.clock(), silences_of(ours, SYSTEM))
        return centre.page(ours.live, lives, wanted, limit=limit, cursor=cursor)

    return paged(request, await anyio.to_thread.run_sync(work, limiter=slow))


@router.get("/figures", responses={200: {"model": models.CentreFigures}})
async def figures(
    reader: Reader,
    ours: Ours,
    slow: Slow,
    entity: Entity = None,
    days: Annotated[int, Query(ge=1, le=366)] = 7,
) -> Response:
    """Open alerts by severity and state, and how long it took to acknowledge the others."""

    def work() -> Any:
        return centre.figures(ours.live, centre_of(ours), ours.clock(), permitted(reader, entity), days)

    return answer(await anyio.to_thread.run_sync(work, limiter=slow))


@router.get("/{alert_id}", responses={200: {"model": models.CentreAlert}})
async def one(reader: Reader, ours: Ours, alert_id: AlertId) -> Response:
    """One alert with all that was done about it, oldest first."""

    def work() -> Any:
        own = centre_of(ours)
        alert = find_alert(ours, reader, alert_id)
        life = centre.lives_now(ours.live, own, ours.clock(), silences_of(ours, SYSTEM)).of(
            alert, centre.record_of(alert)
        )
        key = alert_key(alert_id, alert.entity)
        try:
            case = ours.assets.state(ALERT, key, reader=reader)
            events = [event.to_json() for event in ours.assets.history(ALERT, key, reader=reader)]
        except NotFound:
            case, events = None, []
        return {"alert": alert, "life": life, "case": case, "history": events}

    return answer(await anyio.to_thread.run_sync(work))


@router.post("/acts", responses={200: {"model": models.ActsAnswer}})
async def acts(reader: Reader, ours: Ours, body: models.AlertActs) -> Response:
    """The same act on up to 200 alerts, each by itself: what is refused says why and leaves the others."""

    def work() -> Any:
        centre_of(ours)
        return act_on_many(ours, reader, body.alert_ids, body.act, body.cmd_id, body.given(), body.role)

    return answer(await anyio.to_thread.run_sync(work))


@router.post("/{alert_id}/{act_name}", responses={200: {"model": CommandAnswer}})
async def act_on_one(
    reader: Reader, ours: Ours, alert_id: AlertId, act_name: models.ActName, body: models.AlertAct
) -> Response:
    """acknowledge, resolve, comment or reopen. The same `cmd_id`: the same events again."""

    def work() -> Any:
        centre_of(ours)
        return act(ours, reader, alert_id, act_name, body.cmd_id, body.given(), body.role)

    return answer(await anyio.to_thread.run_sync(work))
