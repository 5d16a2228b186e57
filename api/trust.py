"""What answers say of the sources that their figures stand on. Not for judging: `streams.trust_board`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from api.services import Services
from projections.trust_judgement import FIGURES, FigureTrust, Judgement, Verdict
from projections.trust_policy import SourceKey
from streams.trust_board import TrustBoard

Body = dict[str, Any]
Entities = frozenset[str] | None


def trust(board: TrustBoard, entities: Entities) -> Body:
    """Every source with its state, and every figure by entity, as a reader of these entities may know them."""
    found = board.judgement()
    return {
        "judged_at": _instant(found.at),
        "version": board.version,
        "policy_version": board.policy.version,
        "sources": [source(one, found) for one in found.verdicts.values() if _may_see(one.key, entities)],
        "figures": figures(found, entities),
    }


class Told:
    """The answer for each kind of reader, made once after a change: thousands of streams want the same."""

    def __init__(self, board: TrustBoard) -> None:
        self._board = board
        self._bodies: dict[Entities, Body] = {}

    @property
    def version(self) -> int:
        return self._board.version

    def body(self, entities: Entities) -> Body:
        found = self._bodies.get(entities)
        if found is None or found["version"] != self._board.version:
            found = self._bodies[entities] = trust(self._board, entities)
        return found


def source(of: Verdict, judged: Judgement) -> Body:
    return {
        "source": of.key.text,
        "name": of.key.name,
        "entity": _member(of.key.entity),
        "system": _member(of.key.system),
        "topic": judged.topics[of.key.name],
        "state": of.state.name,
        "reasons": of.reasons,
        "silence_s": round(of.silence_s, 1),
        "late_s": of.late_s,
        "silent_s": of.silent_s,
        "last_event_time": of.newest_event,
        "last_appended_at": _instant(of.newest_append),
        "lag_records": of.lag_records,
        "waiting_s": round(of.waiting_s, 1),
        "dead_letters": of.dead_letters,
        "missing_numbers": of.missing_numbers,
    }


def figures(judged: Judgement, entities: Entities) -> list[Body]:
    """Each figure over all that the reader may see (`entity` null), and entity by entity."""
    names = [one for one in judged.entities() if entities is None or one in entities]
    scopes: list[Entities] = [entities, *(frozenset({one}) for one in names)]
    rows = []
    for figure in FIGURES:
        for scope, entity in zip(scopes, (None, *names), strict=True):
            rows.append({"figure": figure, "entity": entity} | _standing(judged.of(figure, scope)))
    return rows


def compact(services: Services, asked: Body, offsets: dict[str, int], also: tuple[str, ...] = ()) -> Body | None:
    """The mark of one answer, which stands on the inputs `also` besides its figure's; None: of a past cut, of no
    figure of sources, or nobody looks at the logs here."""
    board = services.trust
    if board is None or not board.is_present(offsets):
        return None
    told = asked.get("filters", {}).get("entity")
    found = board.of(str(asked.get("figure", "")), None if told is None else frozenset(told), also)
    return None if found is None else _standing(found)  # no instant: an answer is tagged by its content


def _standing(found: FigureTrust) -> Body:
    return {"state": found.state.name, "sources": _texts(found.sources)}


def _texts(keys: Iterable[SourceKey]) -> list[str]:
    return [key.text for key in keys]


def _may_see(key: SourceKey, entities: Entities) -> bool:
    return entities is None or key.entity == "-" or key.entity in entities


def _member(text: str) -> str | None:
    return None if text == "-" else text


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
