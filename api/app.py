"""The HTTP application: routes, errors, headers and the live stream, wired from what `Services` hands down.

Nothing global, nothing opened at import. Not for listening: `api.server` does that.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread
from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.access import TellAccess
from api.alert_centre_metrics import AlertCentreCollector
from api.compressed import CompressText
from api.conditional import TagAnswers
from api.masking import MaskAnswers
from api.metrics import MeasureRequests, Metrics
from api.openapi import ContractApp
from api.openapi_operations import Operations
from api.rate_limits import LimitRates
from api.request_edges import RequestEdges
from api.routes import (
    access_log,
    alert_centre,
    alert_deliveries,
    alert_rules,
    alert_subscriptions,
    alerts,
    allowed,
    archive,
    assets,
    attachments,
    audit_proofs,
    batch_upload,
    breaches,
    calculations,
    changes,
    contracts,
    counterfactual,
    documents,
    external_facts,
    figures,
    histories,
    home_layout,
    ledger_views,
    ledgers,
    limits,
    lineage,
    past,
    pivots,
    plans,
    privacy,
    ratios,
    recoveries,
    reports,
    reverse_stress,
    session,
    statements,
    stream,
    system,
    trust,
    withdrawal_desk,
    work,
)
from api.services import Services
from api.sparse_fields import SparseFields
from api.sse import Hub

PREFIX = "/api/v1"

#: Scripts, styles and data from here only; not in anyone's frame; no type guessing.
SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        b"frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def create_app(services: Services) -> ContractApp:
    metrics = Metrics(services.live)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.hub = hub = Hub(services, metrics)
        hub.start()
        await anyio.to_thread.run_sync(operations.at, "/")  # every request is looked up in them
        await anyio.to_thread.run_sync(services.on_start)
        try:
            yield
        finally:
            await hub.close()
            await anyio.to_thread.run_sync(services.on_stop)

    app = ContractApp(
        title="Tidemark",
        version=services.engine_version,
        summary="Live positions, gaps, alerts and decisions, each with the log offsets it stands on.",
        description="Amounts are decimal strings, instants RFC 3339 UTC, errors RFC 9457 problem documents.",
        lifespan=lifespan,
        docs_url=None,  # both load scripts from elsewhere
        redoc_url=None,
    )
    app.state.services = services
    app.state.metrics = metrics
    app.state.slow_threads = anyio.CapacityLimiter(2)
    problems.install(app)
    operations = Operations(app)  # from the innermost to the outermost
    app.add_middleware(SparseFields, operations=operations)
    app.add_middleware(TagAnswers)
    app.add_middleware(RequestEdges, operations=operations)
    if services.quotas is not None:
        app.add_middleware(LimitRates, quotas=services.quotas)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(MeasureRequests, metrics=metrics)
    if services.alert_centre is not None:
        metrics.registry.register(AlertCentreCollector(services.live, services.alert_centre, services.clock))
    if services.access is not None:
        metrics.registry.register(services.access.log.registry)
        app.add_middleware(TellAccess, access=services.access)

    app.add_middleware(MaskAnswers, masking=services.masking)
    app.add_middleware(CompressText)  # outside of what must read the text

    v1 = APIRouter()
    parts = (session, figures, ratios, reports, contracts, alerts, stream, assets, plans, breaches, calculations)
    for part in (
        *parts,
        documents,
        attachments,
        batch_upload,
        allowed,
        recoveries,
        work,
        changes,
        external_facts,
        reverse_stress,
        limits,
        ledger_views,
        ledgers,
        counterfactual,
        access_log,
        alert_centre,
        alert_deliveries,  # before the next: its `/test` is no command
        alert_subscriptions,
        alert_rules,
        audit_proofs,
        archive,
        past,
        histories,
        pivots,
        lineage,
        privacy,
        statements,
        trust,
        home_layout,
        withdrawal_desk,
    ):
        v1.include_router(part.router)
    v1.include_router(session.pages, include_in_schema=False)
    # The prefix is given here: without one FastAPI lays out all routes once more, to see that no path is empty.
    app.include_router(v1, prefix=PREFIX)
    app.include_router(session.pages)
    app.include_router(system.router)
    system.mount_page(app, services.page_dir)
    return app


class SecurityHeaders:
    """ASGI middleware; a plain one, since Starlette's base class would buffer the live stream."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *SECURITY_HEADERS]
            await send(message)

        await self._app(scope, receive, guarded if scope["type"] == "http" else send)
