"""Commands on liquidity cases over HTTP: one body for all, one way in; the rules are the aggregates'.

The body and the answer are those of `/commands`, and so are idempotency, status codes and four eyes.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import Header, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from aggregates.commands import Command
from aggregates.envelope import Principal
from api.conditional import tagged, version_tag
from api.moments import IsoDay
from api.routes.figures import json_response
from api.services import Services
from engines.primitives.errors import NotFound

IfNoneMatch = Annotated[str | None, Header(description="the ETag of an earlier answer: 304 if it still holds")]


class CaseCommand(BaseModel):
    """A command on one case. The actor and the role come from the token."""

    model_config = ConfigDict(extra="forbid", strict=True)

    cmd_id: str = Field(min_length=1, max_length=200, description="idempotency key, chosen by the caller")
    expected_version: int | None = Field(None, ge=1, description="of the case that you decided on; else 409")
    payload: dict[str, Any] = Field(default_factory=dict, description="the command's fields")
    valid_on: IsoDay | None = Field(None, description="when it is true in the business")
    role: str | None = Field(None, max_length=10, description="one of the token's; default: the first fitting")
    reason: str = Field("", max_length=2_000, description="why, kept with the event")
    docs: list[str] = Field(default_factory=list, max_length=100, description="documents it stands on")


def told(commands: Iterable[str]) -> Any:
    """The last part of an address, with the commands there are: another one is not found, as `named` says."""
    return Path(json_schema_extra={"enum": [*commands]})


def named(commands: Mapping[str, str], slug: str) -> str:
    """The command behind the last part of an address. Raises NotFound."""
    if slug not in commands:
        raise NotFound(f"no command {slug!r:.40}; there are {', '.join(sorted(commands))}", field="command")
    return commands[slug]


async def execute(
    ours: Services, reader: Principal, aggregate: str, key: str, name: str, body: CaseCommand
) -> Response:
    expected = {} if body.expected_version is None else {"expected_version": body.expected_version}
    wish = Command(
        cmd_id=body.cmd_id,
        aggregate=aggregate,
        key=key,
        command=name,
        payload=body.payload | expected,
        principal=reader,
        at=ours.clock(),  # a server refuses a client's time (decision E18)
        valid_on=body.valid_on,
        role=body.role,
        reason=body.reason,
        docs=tuple(body.docs),
    )

    def work() -> Any:
        return ours.assets.execute(wish).to_json() | {"state": ours.assets.state(aggregate, key, reader=reader)}

    done = await anyio.to_thread.run_sync(work)
    return tagged(answer(done), version_tag(done["state"]))


async def state_of(
    ours: Services, reader: Principal, aggregate: str, key: str, if_none_match: str | None
) -> Response:
    """A case as it is now. Its version is the ETag: given back as `If-Match`, a command is refused on another one."""
    state = await anyio.to_thread.run_sync(lambda: ours.assets.state(aggregate, key, reader=reader))
    return tagged(answer(state), version_tag(state), if_none_match)


def answer(body: Any) -> Response:
    return json_response(msgspec.json.encode(body))
