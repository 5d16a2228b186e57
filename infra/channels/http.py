"""One POST to somebody else's server: guarded address, no redirect, no proxy, a bounded answer."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

import httpcore

from engines.primitives.errors import InvalidInput
from infra.channels.addresses import AddressGuard, AddressRefused, GuardedBackend
from infra.channels.outcome import Outcome, Result, failed, retry
from infra.deliveries_backoff import retry_after

ANSWER_BYTES_MAX = 65_536
URL_LENGTH_MAX = 2_048
KEEPALIVE_S = 15.0
CONNECTIONS_MAX = 1_000  # the sender limits what is under way
PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes  # the first of it


class HttpCaller:
    """Keeps connections to receivers open for a while. `timeout_s` is of each step; whoever calls limits the
    whole."""

    def __init__(self, guard: AddressGuard, *, timeout_s: float, allow_http: bool = False) -> None:
        """`allow_http`: plain http to networks that the policy allows; a public receiver is always asked by TLS."""
        self._guards = {"https": guard} | ({"http": replace(guard, public=False)} if allow_http else {})
        self._timeout_s = timeout_s
        self._pools: dict[str, httpcore.AsyncConnectionPool] = {}

    def origin(self, url: str) -> str:
        """Scheme, host and port. Raises InvalidInput: not a URL we call."""
        if len(url) > URL_LENGTH_MAX or not url.isascii() or not url.isprintable() or " " in url:
            raise InvalidInput("want a URL of printable ASCII, without blanks", field="target")
        try:
            parts = urlsplit(url)
            port = parts.port or PORTS.get(parts.scheme, 0)
        except ValueError as error:
            raise InvalidInput("want a URL", field="target") from error
        if parts.scheme not in self._guards:
            raise InvalidInput(f"want a URL by {' or '.join(self._guards)}", field="target")
        if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment:
            raise InvalidInput("want a URL with a host, without user, password and fragment", field="target")
        return f"{parts.scheme}://{parts.hostname}:{port}"

    async def send(
        self, url: str, headers: Mapping[str, str], body: bytes, *, method: str = "POST"
    ) -> Answer | Outcome:
        """The answer, or the outcome of an attempt that got none."""
        try:
            scheme = self.origin(url).partition(":")[0]
        except InvalidInput as error:
            return failed(str(error))
        extensions = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_s)}
        content = [(name.encode(), value.encode()) for name, value in headers.items()]
        pool = self._pool(scheme)
        try:
            async with pool.stream(method, url, headers=content, content=body, extensions=extensions) as answer:
                return Answer(answer.status, _headers(answer), await _first_bytes(answer))
        except AddressRefused as error:
            return failed(f"{error}: not public, and no network that the policy allows")
        except httpcore.TimeoutException:
            return retry(f"no answer within {self._timeout_s:g} s")
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            return retry(f"the connection failed: {type(error).__name__}")

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()
        self._pools.clear()

    def _pool(self, scheme: str) -> httpcore.AsyncConnectionPool:
        if scheme not in self._pools:
            self._pools[scheme] = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(),
                max_connections=CONNECTIONS_MAX,
                keepalive_expiry=KEEPALIVE_S,
                network_backend=GuardedBackend(self._guards[scheme]),
            )
        return self._pools[scheme]


def outcome_of(answer: Answer, now: datetime) -> Outcome:
    """2xx is delivered. 410 ends it; everything else may be right later, a redirect too: it is never followed."""
    status = answer.status
    if 200 <= status < 300:
        return Outcome(Result.DELIVERED, status)
    if status == 410:
        return Outcome(Result.GONE, status, "410 Gone: the receiver wants no more", blames_lane=False)
    if 300 <= status < 400:
        return retry(f"{status}: redirects are not followed; name the new address in the subscription", status)
    wanted = retry_after(answer.headers.get("retry-after"), now) if status in (429, 503) else None
    # A receiver that is well and refuses this message (4xx) is not away.
    blames = status >= 500 or status in (408, 425, 429)
    return Outcome(Result.RETRY, status, f"the receiver answered {status}", wanted, blames)


def _headers(answer: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}


async def _first_bytes(answer: httpcore.Response) -> bytes:
    found = b""
    async for part in answer.aiter_stream():
        found += part
        if len(found) >= ANSWER_BYTES_MAX:
            break
    return found[:ANSWER_BYTES_MAX]
