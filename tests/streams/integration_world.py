"""A bank with neighbours, in one process: their records come in as bytes, ours go out as bytes."""

import json
from pathlib import Path
from typing import Any

from infra.reference_store import ReferenceStore
from streams.integrations.inbound import IntegrationHandler, Taken
from streams.integrations.registry import INTEGRATIONS
from streams.integrations.rules import RULES
from tests.aggregates.world import ENTITY, LOAN, World, open_world

GOLDEN = Path(__file__).parent.parent / "golden" / "integrations"
CUSTOMER = "C-9"


class Neighbourhood:
    def __init__(self, world: World) -> None:
        self.world, self.app = world, world.app
        self.reference = ReferenceStore(world.store)
        self.handler = IntegrationHandler(world.app, self.reference, RULES)
        self.records = 0

    def send(self, topic: str, **changes: Any) -> Taken:
        """The example record of a topic with other values; a number of its own unless one is given."""
        return self.take(topic, self.value(topic, **changes))

    def value(self, topic: str, **changes: Any) -> bytes:
        self.records += 1
        record = json.loads((GOLDEN / f"{topic}.json").read_bytes()) | {"record_id": f"R-{self.records}"} | changes
        return json.dumps({name: value for name, value in record.items() if value is not ...}).encode()

    def take(self, topic: str, value: bytes) -> Taken:
        key = str(json.loads(value)[INTEGRATIONS[topic].key]).encode()
        return self.handler.handle(topic, key, value, self.world.clock.now)

    def facts(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(fact.body) for fact in self.reference.of_kind(kind)]

    def types(self, aggregate: str, key: str) -> list[str]:
        reader = self.world.command("IA", "-", entities=("*",)).principal
        return [event.type for event in self.app.history(aggregate, key, reader=reader)]

    @property
    def length(self) -> int:
        return self.world.log_length


def neighbourhood(folder: Path) -> Neighbourhood:
    return Neighbourhood(open_world(folder))


__all__ = ["CUSTOMER", "ENTITY", "LOAN", "Neighbourhood", "neighbourhood"]
