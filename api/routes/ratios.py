"""Live liquidity ratios and liquid assets. Thin: parse, ask the view off the event loop, answer."""

from collections.abc import Callable
from typing import Annotated, Literal

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Response

from aggregates.envelope import Principal
from api import figures, past, ratio_models, ratios
from api.auth import Ours, Reader
from api.figures import Body
from api.ratio_changes import changes_row
from api.routes.figures import AsOf, At, AtOffsets, Member, Slow, json_response, member_filters, require_ready
from api.services import Services
from engines.primitives.errors import Unavailable
from streams.ratio_changes import explained
from streams.ratio_items import Figure
from streams.views import RATIO_TOPICS, Filters, RiskView
from streams.views_ratios import Scope

router = APIRouter(tags=["ratios"])
Ask = Callable[[RiskView, Services, figures.Query, str | None], Body]
ScopeKind = Literal["currency", "entity", "group", "organisation", "business_line"]
By = Annotated[
    ScopeKind | None, Query(description="scopes wanted; without it each currency, each entity and the group")
]
Cut = Annotated[str, Query(description='a past cut: {"topic/partition": next offset}', max_length=20_000)]
LaterCut = Annotated[str | None, Query(description="a later cut, of the same form", max_length=20_000)]
Limit = Annotated[int, Query(ge=0, le=1_000, description="entries told by name; the others of a line are one part")]


@router.get("/ratios", responses={200: {"model": ratio_models.Ratios}})
async def all_ratios(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    by: By = None,
    entity: Member = None,
    currency: Member = None,
    as_of: AsOf = None,
    at_offsets: AtOffsets = None,
    at: At = None,
) -> Response:
    """LCR and NSFR of every currency, entity and the group, and the four positions (LIQ-07, LIQ-19, LIQ-20).

    `as_of` moves the horizon of contracts; deposits, holdings and rates are those of the cut. By organisation or
    business line `together` shows how these add up to their entity, and what the caps do to the whole.
    """
    query = _query(reader, entity, currency, as_of, at_offsets, at)
    return await _answer(ours, query, "ratios", by, ratios.summary, slow)


@router.get("/ratios/lcr", responses={200: {"model": ratio_models.RatioDetail}})
async def liquidity_coverage(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    by: By = None,
    entity: Member = None,
    currency: Member = None,
    as_of: AsOf = None,
    at_offsets: AtOffsets = None,
    at: At = None,
) -> Response:
    """Liquidity coverage ratio, line by line (LIQ-19)."""
    query = _query(reader, entity, currency, as_of, at_offsets, at)
    return await _answer(ours, query, "ratios/lcr", by, _detail("lcr"), slow)


@router.get("/ratios/nsfr", responses={200: {"model": ratio_models.RatioDetail}})
async def net_stable_funding(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    by: By = None,
    entity: Member = None,
    currency: Member = None,
    as_of: AsOf = None,
    at_offsets: AtOffsets = None,
    at: At = None,
) -> Response:
    """Net stable funding ratio, line by line (LIQ-20)."""
    query = _query(reader, entity, currency, as_of, at_offsets, at)
    return await _answer(ours, query, "ratios/nsfr", by, _detail("nsfr"), slow)


@router.get("/liquid-assets", responses={200: {"model": ratio_models.LiquidAssets}})
async def liquid_assets(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    by: By = None,
    entity: Member = None,
    currency: Member = None,
    as_of: AsOf = None,
    at_offsets: AtOffsets = None,
    at: At = None,
) -> Response:
    """Liquid assets: market value, what is free, what it would bring after the haircut (LIQ-17)."""
    query = _query(reader, entity, currency, as_of, at_offsets, at)
    return await _answer(ours, query, "liquid-assets", by, ratios.liquid, slow)


@router.get("/ratios/lcr/changes", responses={200: {"model": ratio_models.RatioChanges}})
async def liquidity_coverage_changes(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    from_offsets: Cut,
    to_offsets: LaterCut = None,
    entity: Member = None,
    currency: Member = None,
    limit: Limit = 100,
) -> Response:
    """Why the LCR moved between two cuts; without `to_offsets` up to now. The parts add up to the move.

    With a currency each entity's ratio in it, with an entity that entity's in all currencies, else the group's.
    """
    return await _changes("lcr", ours, reader, slow, (entity, currency), (from_offsets, to_offsets), limit)


@router.get("/ratios/nsfr/changes", responses={200: {"model": ratio_models.RatioChanges}})
async def net_stable_funding_changes(
    *,
    reader: Reader,
    ours: Ours,
    slow: Slow,
    from_offsets: Cut,
    to_offsets: LaterCut = None,
    entity: Member = None,
    currency: Member = None,
    limit: Limit = 100,
) -> Response:
    """Why the NSFR moved between two cuts, as for the LCR."""
    return await _changes("nsfr", ours, reader, slow, (entity, currency), (from_offsets, to_offsets), limit)


async def _changes(
    figure: Figure,
    ours: Services,
    reader: Principal,
    slow: Slow,
    members: tuple[str | None, str | None],
    between: tuple[str, str | None],
    limit: int,
) -> Response:
    filters = member_filters(reader, members[0], currency=members[1])
    before = figures.offset_vector(between[0], "from_offsets") or {}
    after = figures.offset_vector(between[1], "to_offsets")

    def work() -> bytes:
        if ours.ratio_cuts is None or ours.ratio_policy is None:
            raise Unavailable("an explanation needs the replay and the mapping of ratios, and they are not here")
        if after is None:
            require_ready(ours)
        end = ours.live.read(lambda view: view.offsets(*RATIO_TOPICS)) if after is None else after
        found = explained(figure, ours.ratio_cuts(before, end), ours.ratio_policy, chosen(filters), limit)
        body: Body = {
            "as_of": max((one.as_of[1] for one in found), default=None),
            "offsets": end,
            "offsets_before": before,
            "log": ours.live.read(lambda view: view.logs(*RATIO_TOPICS)),
            "rows": [changes_row(one, limit) for one in found],
        }
        body["as_of"] = body["as_of"] and body["as_of"].isoformat()
        asked = figures.Query(figures.PAIR, None, filters).canonical(f"ratios/{figure}/changes")
        return msgspec.json.encode(figures.with_provenance(body, ours, asked | {"before": before}))

    return json_response(await anyio.to_thread.run_sync(work, limiter=slow))


def chosen(filters: Filters) -> Callable[[Scope], bool]:
    """Which scopes are explained: few, since each takes the whole of the records between the cuts."""

    def wanted(scope: Scope) -> bool:
        entities, currencies = filters.get("entity"), filters.get("currency")
        if currencies is not None:
            return scope.kind == "currency" and scope.currency in currencies and _is_in(scope.entity, entities)
        if entities is not None:
            return scope.kind == "entity" and scope.entity in entities
        return scope.kind == "group"

    return wanted


def _is_in(entity: str, entities: frozenset[str] | None) -> bool:
    return entities is None or entity in entities


def _detail(figure: Figure) -> Ask:
    return lambda view, services, query, by: ratios.detail(figure, view, services, query, by)


def _query(
    reader: Reader, entity: Member, currency: Member, as_of: AsOf, at_offsets: AtOffsets, at: At
) -> figures.Query:
    filters = member_filters(reader, entity, currency=currency)
    return figures.Query(figures.PAIR, as_of, filters, figures.offset_vector(at_offsets), at)


async def _answer(ours: Services, query: figures.Query, name: str, by: str | None, ask: Ask, slow: Slow) -> Response:
    def work() -> bytes:
        def both(view: RiskView) -> tuple[Body, figures.MadeOf]:
            return ask(view, ours, query, by), figures.made_of(view, query)

        if not query.is_past:
            require_ready(ours)
            body, made = ours.live.read(both)
        else:
            body, made = both(past.replayed(ours, query, name).view)
        return msgspec.json.encode(figures.with_provenance(body, ours, query.canonical(name) | {"scopes": by}, made))

    limiter = slow if query.is_past else None
    return json_response(await anyio.to_thread.run_sync(work, limiter=limiter))
