"""What the API tells the access log: a middleware looks at each answer; refused commands are told where they are.

What a request learns about itself on the way (who asks, which case) stands in a `Visit`, found through a context
variable, so that threads see it too. Not for the log itself: `streams.access_log`.
"""

from collections.abc import Callable, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aggregates.assets import Assets
from aggregates.commands import Command, Outcome
from aggregates.envelope import Principal
from engines.primitives.errors import Forbidden, TidemarkError
from infra.security import Unauthenticated
from streams.access_log import AccessLog, Action, blame
from streams.access_reader import Search

PREFIX, LISTS = "/api/v1", "worklists"
LOGIN, LOGOUT = "/login", "/logout"

#: Papers and rows that leave or enter, by method and route.
PAPERS: dict[tuple[str, str], Action] = {
    ("POST", "/documents/render"): "document-rendered",
    ("POST", "/documents"): "document-drafted",
    ("GET", "/attachments/{doc_id}/content"): "attachment-read",
    ("POST", "/attachments"): "attachment-stored",
    ("POST", "/uploads"): "rows-uploaded",
    ("GET", "/reports/daily"): "report-read",
    ("GET", "/audit/proofs/{aggregate}/{key}"): "proof-exported",
    ("GET", "/ledgers/{name}/export"): "ledger-exported",
    ("GET", "/ledgers/{name}/print"): "ledger-printed",
    ("GET", "/ledger-views/{view_no}/export"): "ledger-exported",
    ("GET", "/ledger-views/{view_no}/print"): "ledger-printed",
    ("GET", "/ledger-exports/{job_no}/file"): "ledger-exported",
    ("GET", "/archive/segments"): "archive-read",
    ("GET", "/archive/segments/{segment_id}"): "archive-read",
    ("GET", "/archive/records"): "archive-read",
}
#: Routes that show cases: told where the reader's role is one of those watched.
CASES = (
    "/risk-assets",
    "/aggregates",
    "/plans",
    "/breaches",
    "/customers",
    "/ledgers",
    *(f"/{LISTS}/{name}" for name in ("customers", "assets")),
)
CASES_BESIDE = frozenset({"/attachments/{doc_id}", f"/{LISTS}/search"})
KIND_BY_PARAMETER = {
    "loan_no": "RiskAsset",
    "plan_no": "ContingencyPlan",
    "breach_no": "LimitBreach",
    "doc_id": "Attachment",
    "customer_no": "Customer",
}


class Access(NamedTuple):
    """`reads_of`: roles whose reads of cases are told; `search` answers who asks what is in the log."""

    log: AccessLog
    search: Search
    reads_of: frozenset[str] = frozenset({"IA"})


@dataclass(slots=True)
class Visit:
    """One request as far as it is known."""

    log: AccessLog
    address: str
    principal: Principal | None = None
    showed_token: bool = False
    told: bool = False  # its refusal already is in the log
    about: dict[str, str] = field(default_factory=dict)
    error: TidemarkError | None = None


_VISIT: ContextVar[Visit | None] = ContextVar("visit", default=None)


def showed_token() -> None:
    """A token came with this request, good or not."""
    if visit := _VISIT.get():
        visit.showed_token = True


def identified(principal: Principal) -> Principal:
    if visit := _VISIT.get():
        visit.principal = principal
    return principal


def identify(verify: Callable[[str, datetime], Principal], token: str, at: datetime) -> None:
    """Who signs in or out; nobody, if the token is not valid any more."""
    with suppress(Unauthenticated):
        identified(verify(token, at))


def about(aggregate: str, key: str) -> None:
    """What the request is about, where its path does not say."""
    if visit := _VISIT.get():
        visit.about = {"aggregate": aggregate, "key": key}


def failed(error: TidemarkError) -> None:
    """The error that became the answer."""
    if visit := _VISIT.get():
        visit.error = error


def refused(command: Command, error: TidemarkError) -> None:
    """Tell of a command that role or segregation of duties forbade; other errors are none of this log's."""
    visit = _VISIT.get()
    if visit is not None and isinstance(error, Forbidden):
        visit.told = True
        visit.log.refused(command, error, "http", address=visit.address)


class WatchedAssets(Assets):
    """The application as the API runs it: whoever executes a command for a request, its refusal is told."""

    def execute(self, command: Command) -> Outcome:
        try:
            return super().execute(command)
        except Forbidden as error:
            refused(command, error)
            raise


class TellAccess:
    """ASGI middleware. It tells right before the answer begins, into a queue in memory: what was answered was told,
    and no answer waits for the broker."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        visit = Visit(self._access.log, client[0] if client else "-")

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._tell(scope, visit, message["status"])
            await send(message)

        token = _VISIT.set(visit)
        try:
            await self._app(scope, receive, watched)
        finally:
            _VISIT.reset(token)

    def _tell(self, scope: MutableMapping[str, Any], visit: Visit, status: int) -> None:
        route = str(getattr(scope.get("route"), "path", "")).removeprefix(PREFIX)
        roles = visit.principal.roles if visit.principal is not None else ()
        action = action_of(
            scope["method"], route, status, visit, is_watched=not self._access.reads_of.isdisjoint(roles)
        )
        if action is None:
            return
        facts = {"address": visit.address, "route": f"{scope['method']} {route}", "status": status}
        facts |= blame(visit.error) if visit.error is not None else {}
        facts |= visit.about or named(scope.get("path_params", {}))
        visit.log.tell(action, visit.principal, "http", **facts)


def action_of(method: str, route: str, status: int, visit: Visit, *, is_watched: bool) -> Action | None:
    """What an answer means to the access log; None: nothing."""
    if status == 401:
        return "sign-in-refused" if route == LOGIN else "token-refused" if visit.showed_token else None
    if status == 403:
        return None if visit.told else "request-refused"
    if status >= 400:
        return None
    if route == LOGIN:
        return "signed-in"
    if route == LOGOUT:
        return "signed-out" if visit.principal is not None else None
    shows_cases = method == "GET" and (route in CASES_BESIDE or route.startswith(CASES))
    return PAPERS.get((method, route)) or ("case-read" if shows_cases and is_watched else None)


def named(parameters: MutableMapping[str, Any]) -> dict[str, str]:
    """Aggregate and key that a path names."""
    if "aggregate" in parameters:
        return {"aggregate": str(parameters["aggregate"]), "key": str(parameters.get("key", "-"))}
    return next(
        (
            {"aggregate": kind, "key": str(parameters[name])}
            for name, kind in KIND_BY_PARAMETER.items()
            if name in parameters
        ),
        {},
    )
