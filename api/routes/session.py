"""Who am I, and the browser's session: a one-time link sets a cookie no script can read (decision S31)."""

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api import access, models
from api.auth import COOKIE, Ours, Reader

router = APIRouter(tags=["session"])
pages = APIRouter(tags=["session"])


@router.get("/me")
async def me(reader: Reader) -> models.Me:
    """The actor of this token."""
    return models.Me(
        actor=reader.actor,
        roles=list(reader.roles),
        entities=list(reader.entities),
        organisation=reader.organisation,
    )


@pages.get("/login", status_code=303, response_class=RedirectResponse, responses={401: {}, 429: {}})
async def login(request: Request, ours: Ours, code: Annotated[str, Query(max_length=200)]) -> Response:
    """Trades a one-time code for the session cookie."""
    token = await anyio.to_thread.run_sync(ours.login_codes.redeem, code, ours.clock())
    await anyio.to_thread.run_sync(access.identify, ours.verify_token, token, ours.clock())
    answer = RedirectResponse("/", 303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure, path="/")
    return answer


@pages.get("/logout", status_code=303, response_class=RedirectResponse)
async def logout(request: Request, ours: Ours) -> Response:
    """Forgets the session cookie. The token behind it stays valid until it expires."""
    if token := request.cookies.get(COOKIE):
        await anyio.to_thread.run_sync(access.identify, ours.verify_token, token, ours.clock())
    answer = RedirectResponse("/", 303, headers={"Cache-Control": "no-store"})
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer
