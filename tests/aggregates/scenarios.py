"""Plays scenario files in this process, on a store in a folder: the same player that `tidemark scenario run` uses."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aggregates.assets import Assets
from aggregates.commands import SCENARIO_POLICY
from aggregates.scenario import Player, SetClock
from infra.event_store import EventStore, open_event_store

FOLDER = Path(__file__).parent.parent / "golden" / "scenarios"
FILES = sorted(FOLDER.glob("*.jsonl"))

Line = dict[str, Any]
Answer = Mapping[str, Any]


@dataclass(slots=True)
class Played:
    lines: list[Line]
    answers: list[Answer]
    app: Assets
    store: EventStore

    def close(self) -> None:
        self.app.close()
        self.store.close()


def lines_of(file: Path) -> list[Line]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def play(lines: Iterable[Line], folder: Path, *, auto: bool = False) -> Played:
    """Every line, refused ones too. The caller closes what it gets."""
    clock = SetClock()
    store = open_event_store("sqlite", folder, clock=clock)
    app = Assets(store.factory, policy=SCENARIO_POLICY)
    player = Player(app, clock, auto=auto)
    listed = list(lines)
    answers: list[Answer] = [player.play(line, number, "scenario") for number, line in enumerate(listed, 1)]
    return Played(listed, answers, app, store)


def figures_of(file: Path) -> list[dict[str, str]]:
    """A table of the specification: names in the first line, separated by bars."""
    head, *rows = file.read_text(encoding="utf-8").splitlines()
    return [dict(zip(head.split("|"), row.split("|"), strict=True)) for row in rows]
