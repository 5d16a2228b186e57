"""Plays one line of a scenario file against an application of its own (decisions E18 to E21).

It knows no files and no HTTP. A line is a command with the time, the person and the role in it; the answer shows the
events, the states and whether the money identities hold. Only a private store is played on: a normal server never
takes its time from a caller.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from aggregates.assets import Assets
from aggregates.commands import Command
from aggregates.envelope import ROLES, Principal
from aggregates.identities import identities
from aggregates.payload import check_day, wrong
from aggregates.process_managers.catch_up import CatchUp
from aggregates.rendering import EventView, Json, instant, state_of
from engines.deadlines import DeadlineBook
from engines.primitives.errors import InvalidInput, NotFound, TidemarkError
from engines.primitives.money import to_text
from engines.reminders import Ladder

ENTITY = "BANK"
KNOWN = frozenset(
    {
        "at",
        "valid_on",
        "actor",
        "role",
        "org",
        "aggregate",
        "key",
        "command",
        "given",
        "payload",
        "cmd_id",
        "docs",
        "reason",
        "expect",
        "entity_id",
        "comment",
    }
)
READER = Principal("scenario", ("IA",), "-", ("*",))


class SetClock:
    """The clock of a private store: a line sets it, and it never goes back."""

    def __init__(self) -> None:
        self.now = datetime(1970, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def set(self, text: object) -> None:
        try:
            moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        except ValueError:
            raise wrong("at", f"want an RFC 3339 instant, got {text!r:.40}") from None
        if moment.tzinfo is None:
            raise wrong("at", "want an instant with its offset from UTC")
        if moment < self.now:
            raise wrong("at", f"time does not go back: it is {instant(self.now)}")
        self.now = moment.astimezone(UTC)


class Player:
    def __init__(
        self,
        app: Assets,
        clock: SetClock,
        *,
        auto: bool = False,
        book: DeadlineBook | None = None,
        ladder: Ladder | None = None,
    ) -> None:
        """`app` has the scenario policy and an empty store whose clock is `clock`. `auto`: process managers and
        timers run after each line, deadlines by `book`, reminders by `ladder`."""
        self._app, self._clock, self._auto = app, clock, auto
        self._managers = CatchUp.of(app, book, ladder)
        self._touched: dict[tuple[str, str], None] = {}

    def play(self, line: Mapping[str, Any], number: int, name: str) -> Json:
        """Carry out one line; a refusal is an answer too. `name` of the file stands in the default `cmd_id`."""
        events: list[Json] = []
        error: Json | None = None
        try:
            outcome = self._carry_out(line, number, name)
            for view in outcome.events:
                self._touched[view.aggregate, view.key] = None
                events.append(_event(view.to_json()))
            if self._auto:
                events.extend(self._follow())
        except TidemarkError as refusal:
            error = _error(refusal)
        return {
            "line": number,
            "ok": error is None,
            "events": events,
            "state": self._states(),
            "identities": self._identities(),
            "error": error,
        }

    def _follow(self) -> Iterator[Json]:
        """What process managers do by themselves; what they are refused is for people, and no failure of the line."""
        for found in self._managers.run(self._clock.now):
            if isinstance(found, EventView):
                self._touched[found.aggregate, found.key] = None
                yield _event(found.to_json())

    def _carry_out(self, line: Mapping[str, Any], number: int, name: str) -> Any:
        for given in line:
            if given not in KNOWN:
                raise wrong(given, "no such field in a line")
        if "at" in line:
            self._clock.set(line["at"])
        aggregate, key = _text(line, "aggregate"), _text(line, "key")
        fixture = "given" in line
        role = str(line.get("role", "SY" if fixture else ""))
        if role not in ROLES:
            raise wrong("role", f"unknown role {role!r:.20}")
        valid_on = None if line.get("valid_on") is None else check_day(line["valid_on"], "valid_on")
        payload = line.get("payload", {})
        if not isinstance(payload, Mapping):
            raise wrong("payload", "want an object")
        entity = str(payload.get("entity_id", line.get("entity_id", ENTITY)))
        command = Command(
            cmd_id=str(line.get("cmd_id", f"{re.sub(r'[^A-Za-z0-9._-]', '-', name)[:50]}:{number}")),
            aggregate=aggregate,
            key=key,
            command=_text(line, "given" if fixture else "command"),
            payload=payload,
            principal=Principal(str(line.get("actor", "system")), (role,), str(line.get("org", "-")), (entity,)),
            at=self._clock.now,
            valid_on=valid_on,
            role=role,
            reason=str(line.get("reason", "")),
            docs=tuple(line.get("docs", ())),
        )
        carry_out: Callable[[Command], Any] = self._app.store_fixture if fixture else self._app.execute
        return carry_out(command)

    def _states(self) -> Json:
        found: Json = {}
        with self._app.model.current() as model:
            assets = list(model.of_kind("RiskAsset"))
            others = [key for key in self._touched if key[0] != "RiskAsset"]
        for asset in assets:
            found[f"RiskAsset/{asset.key}"] = state_of(asset) | self._with_foreclosed(asset)
        for aggregate, key in others:
            found[f"{aggregate}/{key}"] = self._app.state(aggregate, key, reader=READER)
        return found

    def _foreclosed(self, loan_no: str) -> list[Any]:
        """Assets taken for a claim; one taken for several stands with the first."""
        with self._app.model.current() as model:
            return [taken for taken in model.of_kind("ForeclosedAsset") if taken.asset_ids[:1] == [loan_no]]

    def _with_foreclosed(self, asset: Any) -> Json:
        taken = self._foreclosed(asset.key)
        ccy = asset.ccy
        return {
            "fa": to_text(sum(item.carrying_minor for item in taken), ccy),
            "income": to_text(asset.income_minor + sum(item.income_minor for item in taken), ccy),
            "loss": to_text(asset.loss_minor + sum(item.loss_minor for item in taken), ccy),
        }

    def _identities(self) -> list[Json]:
        found = []
        with self._app.model.current() as model:
            assets = list(model.of_kind("RiskAsset"))
        for asset in assets:
            events = [
                self._app.decode(stored) for stored in self._app.decisions.select_recorded(originator_id=asset.id)
            ]
            for identity in identities(asset, events, self._foreclosed(asset.key)):
                found.append(
                    {
                        "id": identity.id,
                        "of": identity.of,
                        "left": to_text(identity.left_minor, asset.ccy),
                        "right": to_text(identity.right_minor, asset.ccy),
                        "holds": identity.holds,
                    }
                )
        return found


def meets(line: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """Whether an answer is what the line expects: `ok` (the default), or the name of a guard."""
    expected = line.get("expect", "ok")
    if expected == "ok":
        return bool(answer["ok"])
    return not answer["ok"] and answer["error"]["guard"] == expected


def _event(view: Json) -> Json:
    shown = ("aggregate", "key", "version", "type", "valid_on", "recorded_at", "payload", "actor", "role", "id")
    return {name: view[name] for name in shown}


def _error(refusal: TidemarkError) -> Json:
    facts = refusal.facts
    guard = facts.get("guard")
    if guard is None:
        guard = "STATE" if isinstance(refusal, NotFound) else "FIELD" if isinstance(refusal, InvalidInput) else None
    return {"code": type(refusal).__name__, "guard": guard, "message": str(refusal), "field": facts.get("field")}


def _text(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name)
    if not isinstance(value, str) or not value:
        raise wrong(name, "is missing")
    return value
