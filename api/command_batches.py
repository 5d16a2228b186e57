"""Many commands in one request: each for itself, or all of them or none.

Each has its own `cmd_id`, so a batch that broke off is sent again as it was. Together, they are stored in one
transaction under the batch's own id, and judged all the same when one is refused: its sender hears of every refusal.
"""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aggregates.assets import Assets
from aggregates.batch_commands import execute_together
from aggregates.commands import Command, Outcome
from api import models
from api.problems import facts_of
from api.services import Assets as Commands
from engines.primitives.errors import TidemarkError, Unavailable

COMMANDS_MAX = 500
Item = dict[str, Any]


class Batch(BaseModel):
    """Commands in their order, and how they hang together."""

    model_config = ConfigDict(extra="forbid", strict=True)

    cmd_id: str = Field("", max_length=200, description="of the batch; needed for `all`, or `Idempotency-Key`")
    mode: Literal["each", "all"] = Field("each", description="each: what can be stored is; all: all or none")
    commands: list[models.Command] = Field(min_length=1, max_length=COMMANDS_MAX)


def one_by_one(assets: Commands, wishes: Sequence[Command]) -> list[Item]:
    """Each command for itself. What the store cannot take now ends the batch: the rest is `not-stored`."""
    items: list[Item] = []
    for number, wish in enumerate(wishes):
        try:
            items.append(_done(number, wish, assets.execute(wish)))
        except Unavailable as error:
            items.append(_refused(number, wish, error))
            items += [_left(later, wishes[later]) for later in range(number + 1, len(wishes))]
            break
        except TidemarkError as error:
            items.append(_refused(number, wish, error))
    return items


def together(assets: Assets, wishes: Sequence[Command], batch_id: str) -> list[Item]:
    """All commands or none, in one transaction. Raises Conflict, Unavailable: as `execute_together`."""
    judged = execute_together(assets, wishes, batch_id=batch_id)
    if not judged.refused:
        return [_done(*one) for one in zip(range(len(wishes)), wishes, judged.outcomes, strict=True)]
    return [
        _refused(number, wish, judged.refused[number]) if number in judged.refused else _left(number, wish)
        for number, wish in enumerate(wishes)
    ]


def answered(items: Sequence[Item]) -> dict[str, Any]:
    """The answer of a batch: counts, and what became of each."""
    results = [item["result"] for item in items]
    counts = {name.replace("-", "_"): results.count(name) for name in ("stored", "repeated", "refused", "not-stored")}
    return {**counts, "items": list(items)}


def _done(number: int, wish: Command, outcome: Outcome) -> Item:
    result = "repeated" if outcome.repeated else "stored"
    return {"number": number, "cmd_id": wish.cmd_id, "result": result, "outcome": outcome.to_json()}


def _refused(number: int, wish: Command, error: TidemarkError) -> Item:
    return {"number": number, "cmd_id": wish.cmd_id, "result": "refused", "problem": facts_of(error)}


def _left(number: int, wish: Command) -> Item:
    return {"number": number, "cmd_id": wish.cmd_id, "result": "not-stored"}
