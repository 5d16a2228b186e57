"""How many requests a reader may make: by token or session and by class of route, told in `RateLimit` headers.

Each class is a bucket that fills evenly (the generic cell rate algorithm): a reader may spend a minute's worth at
once and then as much as flows in. What a token asks counts for the token once the token was good; until then, and
when none is shown, it counts for the sender's address, so that made-up tokens neither go free nor fill the memory.
A live stream counts once, when it is opened. Each process counts for itself.
Source of the headers: draft-ietf-httpapi-ratelimit-headers-10; of 429 and Retry-After: RFC 6585, RFC 9110.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from math import ceil
from time import monotonic
from typing import Literal, NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.openapi_names import PREFIX
from infra.settings import Settings

WINDOW_S = 60.0
KEYS_MAX = 20_000
COOKIE = "tidemark_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
#: First parts of addresses whose answers take a core for seconds: replays, files, whole logs.
HEAVY = frozenset(
    {"past", "reports", "ledger-exports", "archive", "counterfactuals", "lineage", "audit", "calculations"}
)
HEAVY_ENDS = ("/export", "/print", "/query", "/run", "/changes", "/difference")

Class = Literal["read", "heavy", "command", "stream", "anonymous"]


@dataclass(frozen=True, slots=True)
class Quotas:
    """Requests a minute of one reader, by class; 0: without a limit."""

    read: int = 6_000
    heavy: int = 600
    command: int = 1_200
    stream: int = 20_000
    anonymous: int = 1_200


def quotas_of(settings: Settings) -> Quotas:
    """`TIDEMARK_RATE_LIMIT_*`."""
    return Quotas(**{field.name: getattr(settings, f"rate_limit_{field.name}") for field in fields(Quotas)})


class Spent(NamedTuple):
    """What a request found: whether it may go on, how many more may now, and in how many seconds one more may."""

    is_allowed: bool
    remaining: int
    wait_s: float


class Buckets:
    """When each key's bucket would be full again, for the newest keys; a forgotten key begins with a full one."""

    def __init__(self, keys_max: int = KEYS_MAX, clock: Callable[[], float] = monotonic) -> None:
        self._full_at: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._keys_max, self._clock = keys_max, clock

    def __len__(self) -> int:
        return len(self._full_at)

    def spend(self, name: str, key: str, quota: int, window_s: float = WINDOW_S) -> Spent:
        """Take one of `quota` from the bucket `name` of `key`, where one is left."""
        now, step = self._clock(), window_s / quota
        full_at = max(self._full_at.get((name, key), now), now)
        is_allowed = full_at + step - now <= window_s + step / 1_000
        if is_allowed:
            full_at += step
            self._full_at[name, key] = full_at
            self._full_at.move_to_end((name, key))
            while len(self._full_at) > self._keys_max:
                self._full_at.popitem(last=False)
        left = (window_s - (full_at - now)) / step + 1e-3
        return Spent(is_allowed, max(0, int(left)), max(0.0, full_at + step - now - window_s))


class Known:
    """Tokens that were good when last shown, newest kept, as digests."""

    def __init__(self, keys_max: int = KEYS_MAX) -> None:
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._keys_max = keys_max

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def saw(self, key: str, *, is_good: bool) -> None:
        if not is_good:
            self._keys.pop(key, None)
            return
        self._keys[key] = None
        self._keys.move_to_end(key)
        while len(self._keys) > self._keys_max:
            self._keys.popitem(last=False)


class LimitRates:
    """ASGI middleware. Addresses outside the API, as health and the page, are not counted, save the login."""

    def __init__(self, app: ASGIApp, quotas: Quotas, clock: Callable[[], float] = monotonic) -> None:
        self._app = app
        self._quotas: Mapping[str, int] = {field.name: getattr(quotas, field.name) for field in fields(quotas)}
        self.buckets, self.known = Buckets(clock=clock), Known()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] not in ("http", "websocket") or not path.startswith((PREFIX + "/", "/login")):
            await self._app(scope, receive, send)
            return
        token = token_digest(Headers(scope=scope))
        is_known = token is not None and token in self.known
        name = class_of(scope.get("method", "GET"), path) if is_known else "anonymous"
        quota = self._quotas[name]
        key = token if is_known and token is not None else (scope.get("client") or ("-",))[0]
        spent = self.buckets.spend(name, key, quota) if quota else None
        if spent is not None and not spent.is_allowed:
            await _refuse(scope, receive, send, name, quota, spent)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                if token is not None:
                    self.known.saw(token, is_good=message["status"] != 401)
                if spent is not None:
                    message = {**message, "headers": [*message["headers"]]}
                    headers = MutableHeaders(raw=message["headers"])
                    headers.update(limit_headers(name, quota, spent))
            await send(message)

        await self._app(scope, receive, told if scope["type"] == "http" else send)


def class_of(method: str, path: str) -> Class:
    """The class of a route, by its address alone: it is judged before it is looked for."""
    first, _, rest = path.removeprefix(PREFIX + "/").partition("/")
    if first in ("stream", "ws"):
        return "stream"
    if first in HEAVY or path.endswith(HEAVY_ENDS):
        return "heavy"
    return "read" if method in SAFE_METHODS or rest == "preview" else "command"


def token_digest(headers: Headers) -> str | None:
    """A short digest of the bearer token, else of the session cookie; None: neither was sent."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        token = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    return hashlib.blake2b(token.strip().encode(), digest_size=16).hexdigest() if token else None


def limit_headers(name: str, quota: int, spent: Spent) -> dict[str, str]:
    wait = ceil(spent.wait_s) if spent.remaining == 0 else ceil(WINDOW_S / quota)
    return {
        "RateLimit-Policy": f'"{name}";q={quota};w={int(WINDOW_S)}',
        "RateLimit": f'"{name}";r={spent.remaining};t={wait}',
    }


async def _refuse(scope: Scope, receive: Receive, send: Send, name: str, quota: int, spent: Spent) -> None:
    wait = max(1, ceil(spent.wait_s))
    if scope["type"] == "websocket":
        await receive()  # the handshake: a socket is refused by closing it before it is accepted
        await send({"type": "websocket.close", "code": 4_429, "reason": "too-many-requests"})
        return
    answer = problems.document(
        429, "too-many-requests", f"wait {wait} s: {quota} requests a minute are for `{name}`", {"class": name}
    )
    answer.headers.update({**limit_headers(name, quota, spent), "Retry-After": str(wait)})
    await answer(scope, receive, send)
