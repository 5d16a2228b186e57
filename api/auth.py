"""Who asks: the bearer token or the session cookie, turned into a Principal; and what that person may read.

Reading needs a role too, and every query is filtered by the permitted entities (decision S31). Not for
roles in decisions: the aggregates' own guards check those.
"""

from typing import Annotated
from urllib.parse import urlsplit

import anyio.to_thread
from fastapi import Depends
from starlette.requests import HTTPConnection

from aggregates.envelope import EVERY_ENTITY, Principal
from api.access import identified, showed_token
from api.masking import seen_by
from api.services import Services
from engines.primitives.errors import Forbidden
from infra.security import Unauthenticated

COOKIE = "tidemark_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def services(connection: HTTPConnection) -> Services:
    found = connection.app.state.services
    assert isinstance(found, Services)  # noqa: S101 - set once by create_app
    return found


async def authenticate(connection: HTTPConnection) -> Principal:
    """The actor behind this request, who has at least one role.

    Raises:
        Unauthenticated: no token, or one that is not valid now.
        Forbidden: no role; or a request that changes something came, by cookie, from another origin.
    """
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        token = connection.cookies.get(COOKIE, "")
        if token and connection.scope.get("method", "GET") not in SAFE_METHODS:
            same_origin(connection)
    if not token:
        raise Unauthenticated("a token is needed: Authorization: Bearer …, or the session cookie")
    showed_token()
    ours = services(connection)
    principal = await anyio.to_thread.run_sync(ours.verify_token, token.strip(), ours.clock())
    identified(principal)
    seen_by(principal)
    if not principal.roles:
        raise Forbidden("this token has no role", actor=principal.actor)
    return principal


def same_origin(connection: HTTPConnection) -> None:
    """Raises Forbidden if a browser says that a page of another origin asks."""
    # SameSite knows sites, not ports: another server on this host is the same site and could send our cookie.
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host"):
        raise Forbidden("this request came from another origin", origin=origin)


def permitted(principal: Principal, entity: str | None) -> frozenset[str] | None:
    """The entities a query may see, narrowed to `entity` if asked for; None: all of them."""
    if EVERY_ENTITY in principal.entities:
        return None if entity is None else frozenset({entity})
    allowed = frozenset(principal.entities)
    return allowed if entity is None else allowed & {entity}


Reader = Annotated[Principal, Depends(authenticate)]
Ours = Annotated[Services, Depends(services)]
