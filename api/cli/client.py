"""The API as the command line sees it: address, token, requests, problem documents turned into our errors.

Not for local work: what a command can do without the API (verify, tokens, doctor) does not come here.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, Self

import httpx

from engines.primitives.errors import (
    Conflict,
    CorruptRecord,
    Forbidden,
    InvalidInput,
    NotFound,
    Rejected,
    TidemarkError,
    Unavailable,
)
from infra.settings import Settings

KINDS = {kind.code: kind for kind in (InvalidInput, NotFound, Forbidden, Rejected, Conflict, Unavailable)}
KIND_BY_STATUS = {400: InvalidInput, 404: NotFound, 409: Conflict, 422: InvalidInput}
TIMEOUT_S = httpx.Timeout(30.0, connect=5.0)
REPLAY_TIMEOUT_S = httpx.Timeout(180.0, connect=5.0)  # a past cut is folded again for the answer


class Unauthorised(InvalidInput):
    """The token is missing, expired, or lacks the role or entity: get another with `tidemark token`."""

    code = "unauthenticated"


class Api:
    """One connection to the API under `/api/v1`, as the actor of the token. Close it, or use it in `with`."""

    def __init__(self, settings: Settings, *, transport: httpx.BaseTransport | None = None) -> None:
        self.address = find_address(settings)
        headers = {"Authorization": f"Bearer {find_token(settings, self.address)}"}
        self.http = httpx.Client(
            base_url=self.address + "/api/v1",
            headers=headers,
            timeout=TIMEOUT_S,
            transport=transport,
            trust_env=not _is_loopback(self.address),  # a proxy must not see, or break, a call to this host
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **parameters: str | int | None) -> dict[str, Any]:
        """The JSON object at `path`; parameters that are None are left out.

        Raises:
            TidemarkError: the kind that the API's problem document names; Unavailable: nobody answers.
        """
        given = {name: str(value) for name, value in parameters.items() if value is not None}
        replays = any("offsets" in name or name == "at" for name in given)
        return self._ask("GET", path, params=given, timeout=REPLAY_TIMEOUT_S if replays else TIMEOUT_S)

    def get_all(self, path: str, rows_name: str, /, **parameters: str | int | None) -> dict[str, Any]:
        """The same with the rows of all pages; what else it says is the last page's."""
        rows: list[Any] = []
        cursor = None
        while True:
            found = self.get(path, **parameters, cursor=cursor)
            rows += found[rows_name]
            cursor = found.get("cursor")
            if cursor is None:
                return found | {rows_name: rows}

    def post(self, path: str, body: dict[str, Any], *, replays: bool = False) -> dict[str, Any]:
        return self._ask("POST", path, json=body, timeout=REPLAY_TIMEOUT_S if replays else TIMEOUT_S)

    @contextmanager
    def lines(self, path: str, headers: dict[str, str]) -> Iterator[Iterator[str]]:
        """The lines of an event stream; no read time-out beyond four missed heartbeats."""
        with (
            self._translated(),
            self.http.stream(
                "GET",
                path,
                headers=headers | {"Accept": "text/event-stream"},
                timeout=httpx.Timeout(60.0, connect=5.0),
            ) as answer,
        ):
            if answer.status_code >= 400:
                answer.read()
                raise problem(answer)
            yield answer.iter_lines()

    def _ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        with self._translated():
            answer = self.http.request(method, path, **arguments)
        if answer.status_code >= 400:
            raise problem(answer)
        try:
            body = answer.json()
        except ValueError as error:
            raise Unavailable("this is not a Tidemark API: the answer is not JSON", address=self.address) from error
        if not isinstance(body, dict):
            raise Unavailable("this is not a Tidemark API: the answer is not an object", address=self.address)
        return body

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            what = "does not answer" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
            raise Unavailable(
                f"the API {what}: is `tidemark up` running?", address=self.address, cause=type(error).__name__
            ) from error


def problem(answer: httpx.Response) -> TidemarkError:
    """The error that an RFC 9457 document, or a bare status, stands for."""
    try:
        body = answer.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    code = str(body.get("title", ""))
    message = str(body.get("detail") or body.get("title") or f"HTTP {answer.status_code} {answer.reason_phrase}")
    told = body.get("facts")
    facts = {name: value if isinstance(value, int) else str(value) for name, value in (told or {}).items()}
    if answer.status_code == 401 or (answer.status_code == 403 and code not in KINDS):
        return Unauthorised(message, **facts)
    kind = KINDS.get(code) or KIND_BY_STATUS.get(answer.status_code)
    if kind is None:
        kind = Unavailable if answer.status_code >= 500 else InvalidInput
    error = kind(message, **facts)
    if code:
        error.code = code  # a specific error keeps the name the API gave it
    return error


def find_address(settings: Settings) -> str:
    """Where the API is: `TIDEMARK_API` if set, else as this data directory says, else the default."""
    if "api" not in settings.model_fields_set:
        try:
            told = json.loads((settings.data_dir / "run" / "api.json").read_bytes())
            return str(told["address"]).rstrip("/")
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorruptRecord("run/api.json cannot be read", record=str(settings.data_dir)) from error
    return settings.api.rstrip("/")


def find_token(settings: Settings, address: str) -> str:
    """`TIDEMARK_TOKEN`, or the token that `up` left; the latter never leaves this host."""
    if settings.token:
        return settings.token.get_secret_value()
    if not _is_loopback(address):
        raise Unauthorised("TIDEMARK_TOKEN is needed: the local token is not sent to another host", address=address)
    try:
        return (settings.data_dir / "token").read_text().strip()
    except OSError as error:
        raise Unauthorised(
            "no token: set TIDEMARK_TOKEN, or name the directory of a running `tidemark up` with --data-dir",
            data_dir=str(settings.data_dir),
        ) from error


def _is_loopback(address: str) -> bool:
    host = httpx.URL(address).host
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
