"""Text is sent compressed to who takes it so. Not live streams, and not files: those resume by their bytes."""

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.openapi_names import PREFIX

SIZE_MIN = 1_024
LEVEL = 4  # a tenth of the time of 9, for a few percent more bytes
#: Answers that are files, or that last.
AS_THEY_ARE = tuple(
    f"{PREFIX}/{first}" for first in ("stream", "ws", "archive", "ledger-exports", "attachments", "audit/checkpoint")
)


class CompressText:
    """ASGI middleware. Starlette's own does it, for what may be compressed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressing = GZipMiddleware(app, minimum_size=SIZE_MIN, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        may = scope["type"] == "http" and path.startswith(PREFIX) and not path.startswith(AS_THEY_ARE)
        await (self._compressing if may else self._app)(scope, receive, send)
