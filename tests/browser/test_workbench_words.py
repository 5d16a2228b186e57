"""The workbench names in Chinese all that the tables of risk assets hold: a new command or field asks for a name."""

import re
from pathlib import Path

from aggregates.registry import KINDS
from aggregates.steps.fields import FieldSpec

WORDS = Path(__file__).parents[2] / "api" / "page" / "src" / "workbench" / "words-zh.ts"
#: Administration and liquidity have no forms on the workbench.
FIRST, LAST = "RiskAsset", "Notification"


def _table(*names: str) -> dict[str, str]:
    text = WORDS.read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for name in names:
        match = re.search(rf"{name}\b[^`]*`([^`]*)`", text)
        assert match is not None, name
        found |= dict(pair.split() for pair in match[1].split(",") if pair.strip())
    return found


NAMES = _table("KINDS", "COMMANDS", "STAGES", "CODES", "FIELDS")
PARTS = _table("PARTS")
NAMED_KINDS = list(KINDS.values())[list(KINDS).index(FIRST) : list(KINDS).index(LAST) + 1]
ROWS = [row for kind in NAMED_KINDS for row in kind.ROWS]


def _fields(specs: tuple[FieldSpec, ...]) -> set[str]:
    return {spec.name for spec in specs}.union(*(_fields(spec.items) for spec in specs))


def _composes(event: str) -> bool:
    words = re.findall("[A-Z][a-z0-9]*", event)
    while words:
        run = next((end for end in range(len(words), 0, -1) if "".join(words[:end]) in PARTS), 0)
        if not run:
            return False
        words = words[run:]
    return True


def test_kinds_commands_and_stages_have_names() -> None:
    wanted = {kind.NAME for kind in NAMED_KINDS} | {row.command for row in ROWS if not row.partner}
    stages = {stage for row in ROWS for stage in (*row.stages, row.next) if isinstance(stage, str)}
    wanted |= {stage for stage in stages if re.fullmatch("[A-Z_]+", stage)}
    assert sorted(wanted - NAMES.keys()) == []


def test_fields_have_names() -> None:
    assert sorted(set().union(*(_fields((*row.fields, *row.extra)) for row in ROWS)) - NAMES.keys()) == []


def test_every_event_can_be_told() -> None:
    assert [row.event for row in ROWS if not _composes(row.event)] == []
