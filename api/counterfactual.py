"""A past played again, as the API asks and answers it: what is read, by whom, and what a reader may see of it.

`past_logs` is the whole of what a branch is handed: consumers that commit nothing, an admin client asked for bounds,
the reading halves of the snapshot store and of the archive. Not for the comparison: `streams.counterfactual`.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from confluent_kafka.admin import AdminClient

from api.archive_wiring import archive_reader
from api.counterfactual_jobs import Counterfactuals, Job, in_process
from engines.primitives.errors import InvalidInput
from infra.kafka.admin import log_bounds
from infra.kafka.clients import client_config, cluster_and_topic_ids, consumer_config, resolve_bootstrap
from infra.settings import Settings
from infra.snapshots import LocalSnapshotStore, LogPartition, StoredSnapshot
from streams import topics
from streams.archive_reader import ArchiveReader
from streams.change_reader import offsets_from_kafka
from streams.counterfactual import Answer, Question, checked, counterfactual
from streams.counterfactual_alerts import Told
from streams.counterfactual_compare import first_difference, summary
from streams.counterfactual_past import End, PastLogs, Place
from streams.counterfactual_rules import policies_of
from streams.folded import folders
from streams.ratio_movements import from_log
from streams.stored_states import LogReader

Body = dict[str, Any]
Entities = frozenset[str] | None


def counterfactuals_of(settings: Settings) -> Counterfactuals:
    """Jobs over the logs of these settings."""
    return Counterfactuals(in_process(answered, settings), check=lambda question: _checked(settings, question))


def _checked(settings: Settings, question: Question) -> None:
    checked(question, policies_of(settings))


def answered(settings: Settings, question: Question, told: Told) -> Answer:
    """One question over the logs of these settings, here and now. Raises InvalidInput, NotFound, Unavailable."""
    return counterfactual(past_logs(settings), lambda: folders(settings), policies_of(settings), question, told)


def past_logs(settings: Settings) -> PastLogs:
    """Connects when asked."""
    bootstrap = resolve_bootstrap(settings)
    consumer = consumer_config(settings, bootstrap)
    admin = AdminClient(client_config(settings, bootstrap))
    archive = archive_reader(settings)
    store, folded = LocalSnapshotStore(settings.snapshots), folders(settings)
    counts = topics.folded_partitions(settings.kafka_partitions) | {topics.CUT: 1}
    known: dict[str, tuple[str, str]] = {}  # cluster and topic id

    def bounds(names: Iterable[str]) -> Mapping[Place, tuple[int, int]]:
        found = log_bounds(admin, names)
        return {place: (_archived_from(archive, place, first), end) for place, (first, end) in found.items()}

    def snapshot(place: Place, offset: int) -> StoredSnapshot | None:
        topic, partition = place
        if topic not in known:
            ids = cluster_and_topic_ids(admin, [topic])
            known[topic] = ids.cluster_id, ids.topic_ids[topic]
        cluster_id, topic_id = known[topic]
        where = LogPartition(cluster_id, topic, topic_id, partition, counts[topic])
        return store.newest_at_or_below(where, folded[topic].state_name, offset)

    return PastLogs(
        from_log(lambda: LogReader(consumer, archive)), bounds, offsets_from_kafka(consumer), snapshot,
        settings.dedup_horizon_days,
    )  # fmt: skip


def _archived_from(archive: ArchiveReader, place: Place, first: int) -> int:
    """Where what can be read begins: before the log does, if the archive joins on."""
    held = archive.bounds(*place) if first else None
    return min(first, held[0]) if held is not None and first <= held[1] else first


def end_of(given: str | Mapping[str, int] | None, field: str) -> End:
    """An instant with its offset from UTC, a date, or an offset vector. Raises InvalidInput."""
    if given is None or isinstance(given, Mapping):
        return given
    try:
        if len(given) == len("2026-01-01"):
            return date.fromisoformat(given)
        found = datetime.fromisoformat(given)
    except ValueError as error:
        raise InvalidInput(f"{given!r} is neither an instant nor a date", field=field) from error
    if found.tzinfo is None:
        raise InvalidInput(f"{given!r} needs its offset from UTC, as Z", field=field)
    return found


def shown_job(job: Job, entities: Entities, rows_max: int | None) -> Body:
    """`rows_max` None: without the answer."""
    question, error = job.question, job.error
    body: Body = {
        "id": job.job_id,
        "state": job.state,
        "asked_by": job.asked_by,
        "asked_at": job.asked_at.isoformat().replace("+00:00", "Z"),
        "question": {
            "from": _shown_end(question.start),
            "to": _shown_end(question.end),
            "what": list(question.what),
            "set": dict(question.values),
            "policies": sorted(question.files),
            "step": question.step,
            "from_snapshot": question.from_snapshot,
        },
        "progress": {"phase": job.phase, "done": job.done, "whole": job.whole},
        "error": None
        if error is None
        else {"code": error.code, "message": str(error) if error.code != "internal" else "", "facts": error.facts},
    }
    if rows_max is not None:
        body["answer"] = None if job.answer is None else visible(job.answer, entities, rows_max)
    return body


def visible(answer: Answer, entities: Entities, rows_max: int) -> Body:
    """What a reader of these entities may see, counted anew; `digest` is that of the whole answer.

    Args:
        entities: None: all, and the group. rows_max: of each list; `left_off` says how many more there are.
    """
    shown = dict(answer)
    for name in ("alerts", "limits"):
        if answer[name] is not None:
            shown[name] = _part(answer[name], entities, rows_max)
    if answer["ratios"] is not None:
        found = answer["ratios"]
        paths = _permitted(found["paths"], entities)
        shown["ratios"] = found | {"paths": paths, "control": _control(found["control"], entities)}
    return shown


def _part(part: Mapping[str, Any], entities: Entities, rows_max: int) -> Body:
    rows = _permitted(part["rows"], entities)
    shown = dict(part) | {
        "control": _control(part["control"], entities),
        "summary": summary(rows),
        "first_difference": first_difference(rows),
        "rows": rows[:rows_max],
        "left_off": max(0, len(rows) - rows_max),
    }
    for name in ("incidents", "actions"):
        if name in part:
            found = _permitted(part[name], entities)
            shown[name], shown[f"{name}_summary"] = found[:rows_max], summary(found)
    return shown


def _control(control: Mapping[str, Any], entities: Entities) -> Body:
    first = control["first"]
    is_theirs = first is not None and (entities is None or first["entity"] in entities)
    return dict(control) | {"first": first if is_theirs else None}


def _permitted(rows: Iterable[Mapping[str, Any]], entities: Entities) -> list[Body]:
    return [dict(row) for row in rows if entities is None or row["entity"] in entities]


def _shown_end(end: End) -> Any:
    return end if end is None or isinstance(end, Mapping) else end.isoformat().replace("+00:00", "Z")
