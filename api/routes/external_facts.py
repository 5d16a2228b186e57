"""What neighbour systems told of a customer: credit line, collateral, suits, warnings, core's balances."""

from typing import Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.auth import Ours, Reader
from api.routes.figures import json_response
from engines.primitives.errors import Unavailable

router = APIRouter(tags=["risk assets"])


class ExternalFacts(BaseModel):
    """The newest record of each kind and number; `record` is the sender's own (`/asyncapi.json`)."""

    customer_no: str
    facts: list[dict[str, Any]]


@router.get("/customers/{customer_no}/external-facts", responses={200: {"model": ExternalFacts}})
async def external_facts(reader: Reader, ours: Ours, customer_no: str) -> Response:
    """Facts from outside about one customer and his loans, of the entities that the reader may see."""
    if ours.external_facts is None:
        raise Unavailable("this server has no store of external facts")
    found = await anyio.to_thread.run_sync(ours.external_facts, reader, customer_no)
    return json_response(msgspec.json.encode({"customer_no": customer_no, "facts": found}))
