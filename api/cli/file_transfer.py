"""Files sent to the API and fetched from it, beside the JSON of `client.py`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from api.cli.client import Api, problem
from engines.primitives.errors import InvalidInput, Unavailable
from infra.files import write_atomically

#: A big upload is carried out before the answer comes.
TIMEOUT_S = httpx.Timeout(600.0, connect=5.0)


def send_file(api: Api, path: str, file: Path, fields: Mapping[str, str | None]) -> dict[str, Any]:
    """The JSON answer to a multipart form with one file; fields that are None are left out."""
    try:
        with file.open("rb") as opened:
            given = {name: value for name, value in fields.items() if value is not None}
            answer = _asked(api, "POST", path, files={"file": (file.name, opened)}, data=given)
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}", field="FILE") from error
    found = answer.json()
    assert isinstance(found, dict)  # noqa: S101 - our own API answers with objects
    return found


def fetch_file(api: Api, method: str, path: str, **arguments: Any) -> httpx.Response:
    """The answer with its bytes in `content`."""
    return _asked(api, method, path, **arguments)


def save(content: bytes, to: Path, *, force: bool) -> None:
    """Raises InvalidInput where a file of that name is there already."""
    if to.exists() and not force:
        raise InvalidInput(f"{to} is there already; --force replaces it", field="--out")
    write_atomically(to, content)


def _asked(api: Api, method: str, path: str, **arguments: Any) -> httpx.Response:
    try:
        answer = api.http.request(method, path, timeout=TIMEOUT_S, **arguments)
    except httpx.HTTPError as error:
        raise Unavailable("the API cannot be reached: is `tidemark up` running?", address=api.address) from error
    if answer.status_code >= 400:
        raise problem(answer)
    return answer
