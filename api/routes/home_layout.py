"""How each person arranged the home view: read, and saved as an event of their own preference (HomeLayoutSaved)."""

from typing import Any
from uuid import uuid4

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Response

from aggregates.commands import Command
from aggregates.envelope import EVERY_ENTITY, Principal
from api import trust_models
from api.auth import Ours, Reader
from api.routes.figures import json_response
from api.services import Services
from engines.primitives.errors import NotFound

router = APIRouter(prefix="/me", tags=["session"])
PREFERENCE = "UserPreference"
SIZES = frozenset({"small", "wide", "full"})
HIDDEN = "hidden"
NO_ENTITY = "-"


@router.get("/layout", responses={200: {"model": trust_models.Layout}})
async def layout(reader: Reader, ours: Ours) -> Response:
    """The widgets of this person's home view in their order; null where nothing was saved."""
    return _answer(await anyio.to_thread.run_sync(_saved, ours, reader))


@router.put("/layout", responses={200: {"model": trust_models.Layout}})
async def save_layout(reader: Reader, ours: Ours, wanted: trust_models.WantedLayout) -> Response:
    """Saves the whole arrangement. Shortcuts that stand beside it are kept."""

    def work() -> Any:
        held = _preference(ours, reader)
        cmd_id = wanted.cmd_id or f"layout-{uuid4()}"
        payload = (_home(reader) if held is None or _made_it(ours, cmd_id) else {}) | {
            # A stored list holds names: each widget is one, as `limits:wide:shown`.
            "widgets": [f"{one.widget}:{one.size}:{HIDDEN if one.hidden else 'shown'}" for one in wanted.widgets],
            "shortcuts": list((held or {}).get("shortcuts") or ()),
        }
        ours.assets.execute(
            Command(
                cmd_id=cmd_id,
                aggregate=PREFERENCE,
                key=reader.actor,
                command="SaveLayout",
                payload=payload,
                principal=reader,
                at=ours.clock(),
            )
        )
        return _saved(ours, reader)

    return _answer(await anyio.to_thread.run_sync(work))


def _home(reader: Principal) -> dict[str, Any]:
    """Where the first arrangement is kept: who sees several entities, or all, has no single one that goes without
    saying."""
    own = [entity for entity in reader.entities if entity != EVERY_ENTITY]
    return {} if list(reader.entities) == own[:1] else {"entity_id": next(iter(own), NO_ENTITY)}


def _made_it(ours: Services, cmd_id: str) -> bool:
    """Whether this command is the first arrangement, sent again: it has to say the same once more."""
    known = ours.assets.decisions.stored_command(cmd_id)
    if known is None:
        return False
    (event,) = ours.assets.decisions.select_recorded(start=known.first_position, stop=known.first_position)
    return event.originator_version == 1


def _saved(ours: Services, reader: Principal) -> list[Any] | None:
    held = _preference(ours, reader)
    return None if held is None else [_widget(text) for text in held.get("widgets") or ()]


def _preference(ours: Services, reader: Principal) -> Any:
    try:
        return ours.assets.state(PREFERENCE, reader.actor, reader=reader)
    except NotFound:
        return None


def _widget(text: Any) -> dict[str, Any]:
    """One saved widget; a name alone is what another client may have saved."""
    name, _, rest = str(text).partition(":")
    size, _, shown = rest.partition(":")
    return {"widget": name, "size": size if size in SIZES else "small", "hidden": shown == HIDDEN}


def _answer(widgets: list[Any] | None) -> Response:
    return json_response(msgspec.json.encode({"widgets": widgets}))
