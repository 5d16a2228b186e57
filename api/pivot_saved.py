"""Pivots and dashboards that people keep: who finds, changes, shares, schedules and retires them.

The rules of changing are the aggregates'; here is what a reader finds. A kept question holds no answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from aggregates.commands import Command, Outcome
from aggregates.envelope import Principal
from api.ledger_desk import Assets
from api.pivots import source_of
from engines.primitives.errors import InvalidInput, NotFound
from infra.pivot_definition import Definition, check

PIVOT, DASHBOARD = "PivotDefinition", "Dashboard"
NUMBER = {PIVOT: "pivot_no", DASHBOARD: "dashboard_no"}
NEVER = "NEVER"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """`roles`: those it is shared with; None: nobody, empty: everyone who may read."""

    kind: str
    key: str
    title: str
    maker: str
    entity: str
    is_retired: bool
    roles: tuple[str, ...] | None
    state: Mapping[str, Any]

    @classmethod
    def of(cls, kind: str, state: Mapping[str, Any]) -> Self:
        makers, shared = state.get("makers") or ["-"], state.get("with_roles")
        return cls(
            kind,
            str(state[NUMBER[kind]]),
            str(state.get("title", "")),
            str(makers[0]),
            str(state["entity"]),
            state["state"] == "RETIRED",
            None if shared is None else tuple(shared),
            state,
        )

    def is_for(self, reader: Principal) -> bool:
        if self.maker == reader.actor:
            return True
        return self.roles is not None and (not self.roles or not set(self.roles).isdisjoint(reader.roles))

    @property
    def definition(self) -> Definition:
        return Definition.of(self.state["definition"])

    def to_json(self, reader: Principal) -> Json:
        found: Json = {
            NUMBER[self.kind]: self.key,
            "title": self.title,
            "maker": self.maker,
            "entity": self.entity,
            "shared_with": None if self.roles is None else list(self.roles),
            "is_own": self.maker == reader.actor,
        }
        if self.kind == DASHBOARD:
            return found | {"tiles": self.state.get("tiles", [])}
        every = self.state.get("every", NEVER)
        schedule = {name: self.state.get(name) for name in ("every", "form", "language", "keep")}
        return found | {
            "definition": self.state["definition"],
            "revision": self.state.get("revision"),
            "schedule": None if every == NEVER else schedule,
            "delivered": self.state.get("business_date"),
        }


class SavedReports:
    """What readers find, and the commands they give."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets

    def listed(self, kind: str, reader: Principal) -> list[Kept]:
        """The reader's own and those shared with one of the reader's roles, by number; retired ones left out."""
        found = [Kept.of(kind, state) for state in self._assets.list_cases(kind, reader=reader)]
        return sorted((one for one in found if one.is_for(reader) and not one.is_retired), key=lambda one: one.key)

    def find(self, kind: str, key: str, reader: Principal) -> Kept:
        """Raises NotFound: there is none, it is retired, or it is not shared with the reader."""
        found = Kept.of(kind, self._assets.state(kind, key, reader=reader))
        if found.is_retired or not found.is_for(reader):
            raise NotFound(f"no {kind} {key!r:.60}", field=NUMBER[kind])
        return found

    def revisions(self, key: str, reader: Principal) -> list[Json]:
        """Every definition that a pivot had, newest first, and who defined it."""
        self.find(PIVOT, key, reader)
        events = [one for one in self._assets.history(PIVOT, key, reader=reader) if one.type == "PivotDefined"]
        return [
            {
                "revision": one.payload["revision"],
                "title": one.payload["title"],
                "definition": one.payload["definition"],
                "by": one.envelope.actor,
                "recorded_at": one.to_json()["recorded_at"],
            }
            for one in reversed(events)
        ]

    def save(
        self,
        key: str,
        title: str,
        definition: Definition,
        reader: Principal,
        at: datetime,
        cmd_id: str,
        entity: str | None,
    ) -> Outcome:
        """Define, or define anew as the next revision. Raises what the aggregate raises, and InvalidInput."""
        check(definition, source_of(definition.source))
        if definition.moment.at_offsets is not None:
            raise InvalidInput("a kept question is asked anew at each cut: leave at_offsets out", field="at_offsets")
        payload: Json = {"title": title, "definition": definition.to_json()}
        return self.execute(PIVOT, "Define", key, self._home(PIVOT, key, payload, entity, reader), reader, at, cmd_id)

    def arrange(
        self,
        key: str,
        title: str,
        tiles: list[Json],
        reader: Principal,
        at: datetime,
        cmd_id: str,
        entity: str | None,
    ) -> Outcome:
        payload = self._home(DASHBOARD, key, {"title": title, "tiles": tiles}, entity, reader)
        return self.execute(DASHBOARD, "Arrange", key, payload, reader, at, cmd_id)

    def execute(
        self,
        kind: str,
        command: str,
        key: str,
        payload: Mapping[str, object],
        reader: Principal,
        at: datetime,
        cmd_id: str,
    ) -> Outcome:
        return self._assets.execute(Command(cmd_id, kind, key, command, payload, reader, at))

    def _home(self, kind: str, key: str, payload: Json, entity: str | None, reader: Principal) -> Json:
        """With the entity where it is kept, which is said once: when it is made."""
        if entity is None:
            return payload
        try:
            self._assets.state(kind, key, reader=reader)
        except NotFound:
            return payload | {"entity_id": entity}
        return payload
