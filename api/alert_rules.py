"""Alert rules as the API asks and answers them: previews as jobs, what rules in force have done, vocabularies.

A preview of a draft is told to its aggregate by the system once it is done; that is what enabling asks for. Not for
the preview itself: `streams.alert_rules_preview`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Any, Protocol
from uuid import uuid4

import msgspec

from aggregates.commands import Command
from aggregates.process_managers import SYSTEM
from api.counterfactual import past_logs
from api.counterfactual_jobs import Counterfactuals, Job, Run, in_process
from engines.primitives.errors import InvalidInput
from infra.settings import Settings
from infra.snapshots import LogPartition, SnapshotStore
from projections.alert_rules import SEVERITIES, Rule, check_rule
from projections.limit_policy import METRICS, SCOPES
from projections.rule_cut_watch import CutWatchState
from projections.rule_incidents import subject_of
from projections.rule_vocabulary import SUBJECTS
from streams.alert_rules_preview import Answer, PreviewQuestion, Told, preview, problems_of
from streams.folders import Folder
from streams.instants import instant_text
from streams.stored_states import StoredStates

Body = dict[str, Any]
Entities = frozenset[str] | None
ALERT_RULE = "AlertRule"
OPEN_SHOWN = 200
SELECTORS = {
    "totals": ("metrics", "scopes", "entities", "currencies"),
    "flow": ("entities", "currencies"),
    "reservation": ("entities", "currencies"),
    "deadline": ("kinds", "entities", "currencies"),
    "decision": ("kinds", "entities", "currencies"),
}


class Executes(Protocol):
    """Of `aggregates.assets.Assets`."""

    def execute(self, command: Command) -> Any: ...


@dataclass(frozen=True, slots=True)
class AlertRules:
    """What the routes need. `at_work` gives what each rule in force has done, of the entities a reader may see."""

    previews: Counterfactuals[PreviewQuestion]
    at_work: Callable[[Entities], Mapping[str, Body]]


def alert_rules_of(
    settings: Settings,
    assets: Executes,
    clock: Callable[[], datetime],
    folder: Folder,
    store: SnapshotStore,
    where: Callable[[], Sequence[LogPartition]],
) -> AlertRules:
    """Over the logs and the stored states of these settings; `where` tells the log of cuts as it is now."""
    run = telling(in_process(previewed, settings), assets, clock)
    return AlertRules(
        Counterfactuals(run, check=lambda asked: check_rule(asked.rule)), RulesAtWork(folder, store, where)
    )


def previewed(settings: Settings, question: PreviewQuestion, told: Told) -> Answer:
    """Here and now, over the logs of these settings. Raises InvalidInput, Unavailable."""
    return preview(past_logs(settings), question, told)


def telling(run: Run[PreviewQuestion], assets: Executes, clock: Callable[[], datetime]) -> Run[PreviewQuestion]:
    """Once a preview of a draft is done, its aggregate knows. Raises what the aggregate refuses: it was redrafted."""

    def told_to_the_draft(question: PreviewQuestion, told: Told, is_cancelled: Event) -> Answer:
        answer = run(question, told, is_cancelled)
        if question.rule_no:
            payload = {
                "content_digest": question.content_digest,
                "asked_by": question.asked_by,
                "first_cut": answer["first_cut"],
                "end_cut": answer["end_cut"],
                "fired": answer["fired"],
                "problems": answer["problems"]["count"],
                "answer_digest": answer["digest"],
            }
            assets.execute(
                Command(
                    cmd_id=str(uuid4()), aggregate=ALERT_RULE, key=question.rule_no, command="Preview",
                    payload=payload, principal=SYSTEM, at=clock(), role="SY", reason="tried on stored cuts",
                )
            )  # fmt: skip
        return answer

    return told_to_the_draft


class RulesAtWork:
    """Reads the fold's newest stored state: a few seconds old, and the same on every replica."""

    def __init__(self, folder: Folder, store: SnapshotStore, where: Callable[[], Sequence[LogPartition]]) -> None:
        self._states, self._where = StoredStates(folder, store), where

    def __call__(self, entities: Entities) -> Mapping[str, Body]:
        found: dict[str, Body] = {}
        for _, state, _ in self._states.read(list(self._where())):
            found |= at_work(state, entities)
        return found


def at_work(state: CutWatchState, entities: Entities) -> dict[str, Body]:
    """By rule: what it raised and cleared, what it could not evaluate, what is open."""
    watch = state.rules
    found: dict[str, Body] = {}
    for rule in watch.rules.rules:
        tally = watch.tallies.get(rule.rule_id)
        found[rule.rule_id] = {
            "version": rule.version,
            "raised": 0 if tally is None else tally.raised,
            "cleared": 0 if tally is None else tally.cleared,
            "newest_cut": None if tally is None else tally.newest_offset,
            "problems": problems_of(state, rule.rule_id),
            "open": [],
        }
    for rule_id, key, incident, opened_us in watch.open_incidents():
        rows = found[rule_id]["open"]
        if len(rows) < OPEN_SHOWN and (entities is None or key.entity in entities):
            rows.append({"subject": subject_of(key), "incident": incident, "opened_at": instant_text(opened_us)})
    return found


def rule_from(fields: Mapping[str, Any], *, rule_no: str = "preview", version: int = 0) -> Rule:
    """Raises InvalidInput: a field that a rule has not, or of another type."""
    known = {name: value for name, value in fields.items() if value is not None and name not in _NOT_OF_THE_RULE}
    try:
        return msgspec.convert(
            {"severity": "WARNING", "about": "totals", "name": "-"}
            | known
            | {"rule_id": rule_no, "version": version},
            Rule,
        )
    except msgspec.ValidationError as error:
        field = str(error).rpartition("$.")[2].rstrip("`") if "$." in str(error) else "rule"
        raise InvalidInput(str(error), field=field) from error


_NOT_OF_THE_RULE = frozenset({"rule_version", "why", "entity_id", "ccy", "rule_no", "expected_version"})


def shown_preview(job: Job[PreviewQuestion], entities: Entities, rows_max: int) -> Body:
    """A job as a reader of these entities may see it; sums are of all."""
    error = job.error
    body: Body = {
        "id": job.job_id,
        "state": job.state,
        "asked_by": job.asked_by,
        "asked_at": job.asked_at.isoformat().replace("+00:00", "Z"),
        "rule_no": job.question.rule_no or None,
        "progress": {"phase": job.phase, "done": job.done, "whole": job.whole},
        "error": None
        if error is None
        else {"code": error.code, "message": str(error) if error.code != "internal" else "", "facts": error.facts},
        "answer": None,
    }
    if job.answer is not None:
        seen = [row for row in job.answer["incidents"] if entities is None or row["entity"] in entities]
        hidden = job.answer["left_off"] if entities is None else 0
        left_off = max(0, len(seen) - rows_max) + hidden
        counts = job.answer["by_entity"]
        mine = {name: count for name, count in counts.items() if entities is None or name in entities}
        body["answer"] = job.answer | {"incidents": seen[:rows_max], "left_off": left_off, "by_entity": mine}
    return body


def vocabularies() -> Body:
    """Everything that an editor needs to complete and explain an expression."""
    return {
        "vocabularies": [
            {
                "about": one.about,
                "text": one.text,
                "text_zh": one.text_zh,
                "is_level": one.is_level,
                "facts": [
                    {"name": fact.name, "type": fact.type.value, "text": fact.text, "text_zh": fact.text_zh}
                    for fact in one.facts
                ],
                "selectors": list(SELECTORS[one.about]),
                "examples": [
                    {"expression": expression, "text": text, "text_zh": text_zh}
                    for expression, text, text_zh in one.examples
                ],
            }
            for one in SUBJECTS
        ],
        "metrics": list(METRICS),
        "scopes": list(SCOPES),
        "severities": list(SEVERITIES),
        "functions": [
            {
                "expression": 'money("1234.50")',
                "text": "an amount in the currency of the figure at hand",
                "text_zh": "以该指标币种计的金额",
            }
        ],
    }
