"""Saved views of ledgers: columns, conditions and order that somebody keeps under a name, and shares by role (RA-33).

A view holds a question and no answer: whoever runs it sees what the own rights allow at that moment. Kept as
ReportDefinition, so that who defined, shared and retired it is told like every decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from aggregates.commands import Command, Outcome
from aggregates.envelope import Principal
from api.ledger_desk import Assets
from engines.primitives.errors import InvalidInput, NotFound
from projections.ledgers.query import Query
from projections.ledgers.query_formula import shown

KIND = "ReportDefinition"
EVERYONE: tuple[str, ...] = ()
NAME_MAX = 64


@dataclass(frozen=True, slots=True)
class SavedView:
    """`roles`: those it is shared with; None: with nobody, empty: with everyone who may read ledgers."""

    view_no: str
    ledger: str
    title: str
    query: Query
    maker: str
    entity: str
    is_retired: bool
    roles: tuple[str, ...] | None
    with_supplements: bool = False

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self | None:
        """None for a report that is not a view of a ledger."""
        layout = state.get("layout") or {}
        if not isinstance(layout.get("ledger"), str):
            return None
        where = (state.get("filters") or {}).get("where") or []
        parts = {name: layout.get(name) or [] for name in ("joins", "group_by", "columns")}
        try:
            query = Query.from_json(parts | {"where": where, "sort": state.get("sort") or []})
        except InvalidInput:
            return None
        makers, shared = state.get("makers") or ["-"], state.get("with_roles")
        return cls(
            str(state["report_no"]),
            layout["ledger"],
            str(layout.get("title") or state["report_no"]),
            query,
            str(makers[0]),
            str(state["entity"]),
            state["state"] == "RETIRED",
            None if shared is None else tuple(shared),
            bool(layout.get("with_supplements")),
        )

    def is_for(self, reader: Principal) -> bool:
        if self.maker == reader.actor:
            return True
        return self.roles is not None and (not self.roles or not set(self.roles).isdisjoint(reader.roles))

    def to_json(self) -> dict[str, Any]:
        return {
            "view_no": self.view_no,
            "ledger": self.ledger,
            "title": self.title,
            "query": self.query.to_json(),
            "with_supplements": self.with_supplements,
            "maker": self.maker,
            "entity": self.entity,
            "shared_with": None if self.roles is None else list(self.roles),
            "state": "RETIRED" if self.is_retired else "DEFINED",
        }


class SavedViews:
    """What readers find and change; the rules of changing are the aggregate's."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets

    def listed(self, reader: Principal) -> list[SavedView]:
        """The reader's own and those shared with one of the reader's roles, by number; retired ones left out."""
        states = self._assets.list_cases(KIND, reader=reader, stage="DEFINED")
        found = [view for state in states if (view := SavedView.of(state)) is not None]
        return sorted((view for view in found if view.is_for(reader)), key=lambda view: view.view_no)

    def find(self, view_no: str, reader: Principal) -> SavedView:
        """Raises NotFound: there is none, it is retired, or it is somebody else's and not shared with the reader."""
        view = SavedView.of(self._assets.state(KIND, view_no, reader=reader))
        if view is None or view.is_retired or not view.is_for(reader):
            raise NotFound(f"no view {view_no!r:.{NAME_MAX}}", field="view_no")
        return view

    def save(
        self,
        view_no: str,
        ledger: str,
        query: Query,
        reader: Principal,
        at: datetime,
        *,
        cmd_id: str,
        title: str = "",
        with_supplements: bool = False,
        entity: str | None = None,
    ) -> Outcome:
        """Define the view, or define it anew; the query has been tried before. Raises what the aggregate raises."""
        layout = {name: list(getattr(query, name)) for name in ("joins", "group_by", "columns")}
        names = [shown(text).name[:NAME_MAX] for text in query.columns] or ["*"]
        payload: dict[str, object] = {
            "fields": names,
            "filters": {"where": list(query.where)},
            "sort": list(query.sort),
            "layout": layout | {"ledger": ledger, "title": title, "with_supplements": with_supplements},
        }
        if entity is not None:
            payload["entity_id"] = entity
        return self._execute("Define", view_no, payload, reader, at, cmd_id)

    def share(self, view_no: str, roles: tuple[str, ...], reader: Principal, at: datetime, *, cmd_id: str) -> Outcome:
        """Share it with these roles, and with no others any more; none named: with everyone."""
        return self._execute("Share", view_no, {"with_roles": list(roles)}, reader, at, cmd_id)

    def retire(self, view_no: str, reader: Principal, at: datetime, *, cmd_id: str) -> Outcome:
        return self._execute("Retire", view_no, {}, reader, at, cmd_id)

    def _execute(
        self, name: str, view_no: str, payload: Mapping[str, object], reader: Principal, at: datetime, cmd_id: str
    ) -> Outcome:
        return self._assets.execute(Command(cmd_id, KIND, view_no, name, payload, reader, at))
