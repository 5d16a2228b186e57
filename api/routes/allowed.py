"""What the reader may do next with one aggregate: the page draws its buttons and forms from this."""

from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from api.auth import Ours, Reader
from api.routes.figures import json_response
from engines.primitives.errors import Unavailable

router = APIRouter(tags=["risk assets"])


class Allowed(BaseModel):
    """`commands` are open to this reader now; `refused` of one says which rule would say no all the same."""

    aggregate: str
    key: str
    version: int
    state: str | None
    commands: list[dict[str, Any]]
    others: list[dict[str, Any]]


@router.get("/aggregates/{aggregate}/{key}/allowed", responses={200: {"model": Allowed}})
async def allowed_commands(
    reader: Reader,
    ours: Ours,
    aggregate: str,
    key: str,
    asset_no: Annotated[
        str | None, Query(max_length=64, description="the loan note of a case yet to be made")
    ] = None,
) -> Response:
    """The commands that this actor may give to an aggregate as it is now, with fields, values and rules.

    One that does not exist offers what would make it. `others` waits for somebody in another role.
    """
    if ours.allowed is None:
        raise Unavailable("this server does not offer commands")
    found = await anyio.to_thread.run_sync(ours.allowed, reader, aggregate, key, asset_no)
    return json_response(msgspec.json.encode(found))
