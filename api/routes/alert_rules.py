"""Alert rules: drafted, tried on stored history, enabled by another person. The rules are the aggregate's."""

from collections.abc import Mapping
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Body, Query, Request, Response

from aggregates.envelope import Principal
from api import alert_rules_models as models
from api import decision_models
from api.alert_rules import ALERT_RULE, AlertRules, rule_from, shown_preview, vocabularies
from api.auth import Ours, Reader, permitted
from api.case_commands import CaseCommand, answer, execute, named, told
from api.counterfactual import end_of
from api.moments import KnownAt, moment
from api.openapi_names import PREFIX
from api.paging import LIMIT_MAX, Cursor, Limit, page_of, paged
from api.routes.figures import accepted
from api.services import Services
from engines.primitives.errors import Unavailable
from projections.alert_rules import check_rule
from streams.alert_rules_preview import PreviewQuestion
from streams.rule_sources import rule_of

router = APIRouter(prefix="/alert-rules", tags=["alert rules"])

#: The last part of an address, and the command that it gives.
COMMANDS = {"enable": "Enable", "disable": "Disable", "discard": "Discard"}
CommandName = Annotated[str, told(COMMANDS)]
Rows = Annotated[int, Query(ge=0, le=10_000, description="incidents; `left_off` says how many more there are")]


@router.get("", responses={200: {"model": models.Rules}})
async def alert_rules(
    request: Request,
    reader: Reader,
    ours: Ours,
    entity: Annotated[str | None, Query(max_length=200)] = None,
    stage: Annotated[str | None, Query(max_length=50, description="as DRAFT, PREVIEWED, ENABLED")] = None,
    limit: Limit = LIMIT_MAX,
    cursor: Cursor = None,
) -> Response:
    """The rules, newest first, each with what it did since it is in force (`at_work`)."""

    def work() -> Any:
        found = ours.assets.list_cases(ALERT_RULE, reader=reader, entity=entity, stage=stage)
        page = page_of(found, cursor, limit)
        at_work = _at_work(ours, reader)
        return page | {"rows": [_with(row, at_work) for row in page["rows"]]}

    return paged(request, await anyio.to_thread.run_sync(work))


@router.get("/vocabulary", responses={200: {"model": models.Vocabularies}})
async def vocabulary(reader: Reader) -> Response:
    """What expressions may speak of: facts with type and meaning, selectors, examples."""
    return answer(vocabularies())


@router.post("/preview", status_code=202, responses={202: {"model": models.Preview}})
async def preview(reader: Reader, ours: Ours, asked: Annotated[models.Try, Body()]) -> Response:
    """Try a rule on stored cuts without drafting it. A job: see `GET …/preview/{job_id}`.

    What is wrong with the expression is refused at once, with its place.
    """
    rule = rule_from(asked.rule.model_dump())
    return await _begin(ours, reader, _question(asked, rule=rule, asked_by=reader.actor))


@router.get("/preview/{job_id}", responses={200: {"model": models.Preview}})
async def get_preview(reader: Reader, ours: Ours, job_id: str, rows_max: Rows = 1_000) -> Response:
    """How far a preview is, and once it is done how often and where the rule would have fired."""
    job, entities = _rules(ours).previews.get(job_id), permitted(reader, None)
    return answer(await anyio.to_thread.run_sync(lambda: shown_preview(job, entities, rows_max)))


@router.post("/preview/{job_id}/cancel", responses={200: {"model": models.Preview}})
async def cancel_preview(reader: Reader, ours: Ours, job_id: str) -> Response:
    """End it. Only who asked it may."""
    return answer(shown_preview(_rules(ours).previews.cancel(job_id, reader.actor), frozenset(), 0))


@router.get("/{rule_no}", responses={200: {"model": models.RuleState}})
async def alert_rule(reader: Reader, ours: Ours, rule_no: str) -> Response:
    """One rule: its newest version, the one in force, its preview, and what it did since it is in force."""

    def work() -> Any:
        return _with(ours.assets.state(ALERT_RULE, rule_no, reader=reader), _at_work(ours, reader))

    return answer(await anyio.to_thread.run_sync(work))


@router.get("/{rule_no}/history", responses={200: {"model": decision_models.History}})
async def history(reader: Reader, ours: Ours, rule_no: str, known_at: KnownAt = None) -> Response:
    """All versions, previews and decisions, oldest first."""

    def work() -> Any:
        events = ours.assets.history(ALERT_RULE, rule_no, reader=reader, known_at=moment(known_at, "known_at"))
        return {"events": [event.to_json() for event in events]}

    return answer(await anyio.to_thread.run_sync(work))


@router.post("", responses={200: {"model": decision_models.CommandAnswer}})
async def draft(reader: Reader, ours: Ours, body: models.Draft) -> Response:
    """Draft a rule, or the next version of one; what is in force stays so until the new version is enabled.

    What is wrong with the expression is refused with its place.
    """
    check_rule(rule_from(body.payload, rule_no=body.rule_no))
    return await execute(ours, reader, ALERT_RULE, body.rule_no, "Draft", body)


@router.post("/{rule_no}/preview", status_code=202, responses={202: {"model": models.Preview}})
async def preview_draft(reader: Reader, ours: Ours, rule_no: str, asked: Annotated[models.Span, Body()]) -> Response:
    """Try the drafted version on stored cuts; once that is done it may be enabled. A job, as `POST …/preview`."""

    def work() -> PreviewQuestion:
        state = ours.assets.state(ALERT_RULE, rule_no, reader=reader)
        content = state["content"] | {"rule_version": state["rule_version"]}
        return _question(
            asked, rule=rule_of(rule_no, content), rule_no=rule_no, content_digest=state["content_digest"],
            asked_by=reader.actor,
        )  # fmt: skip

    return await _begin(ours, reader, await anyio.to_thread.run_sync(work))


@router.post("/{rule_no}/{command}", responses={200: {"model": decision_models.CommandAnswer}})
async def command(reader: Reader, ours: Ours, rule_no: str, command: CommandName, body: CaseCommand) -> Response:
    """enable, disable, discard; each with `why` in its payload. Enabling needs a preview, and another person."""
    return await execute(ours, reader, ALERT_RULE, rule_no, named(COMMANDS, command), body)


async def _begin(ours: Services, reader: Principal, question: PreviewQuestion) -> Response:
    previews = _rules(ours).previews
    job = await anyio.to_thread.run_sync(previews.ask, question, reader.actor)
    address = f"{PREFIX}/alert-rules/preview/{job.job_id}"
    return accepted(msgspec.json.encode(shown_preview(job, frozenset(), 0)), address)


def _question(asked: models.Span, **fields: Any) -> PreviewQuestion:
    return PreviewQuestion(start=end_of(asked.start, "from"), end=end_of(asked.end, "to"), **fields)


def _at_work(ours: Services, reader: Principal) -> Mapping[str, Any]:
    """Nothing where no stored state is read here."""
    return {} if ours.alert_rules is None else ours.alert_rules.at_work(permitted(reader, None))


def _with(state: Mapping[str, Any], at_work: Mapping[str, Any]) -> dict[str, Any]:
    in_force = state.get("in_force")
    found = at_work.get(str(state["rule_no"])) if in_force else None
    is_of_it = found is not None and in_force is not None and found["version"] == in_force["rule_version"]
    return {**state, "at_work": found if is_of_it else None}


def _rules(ours: Services) -> AlertRules:
    if ours.alert_rules is None:
        raise Unavailable("no rule is tried here")
    return ours.alert_rules
