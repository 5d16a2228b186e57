"""Whether a past figure is what was shown: made again from the log, compared row by row, and why it differs.

A figure that differs is not yet a fraud: another fold, other rules or another log give other figures, and say so.
Only where all these are the same does a difference mean that records, or the answer itself, are not what they were.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from api import past
from api.figures import Body, made_of, replayable
from api.services import Services
from engines.primitives.errors import InvalidInput, Unavailable
from streams.cut_reader import PlacedCut
from streams.figure_digests import Difference, body_digest, canonical, first_difference, row_groups
from streams.past_cuts import Changed, CutReplay, CutReplayer
from streams.past_figures import parse_place
from streams.past_views import AlertsFrom, Moment

#: What a figure that is not reproduced comes from.
Cause = Literal["ANSWER", "LOG", "FOLD_VERSION", "RULES", "RECORDS", "UNKNOWN"]
CUTS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Verdict:
    same: bool
    cause: Cause | None
    reason: str
    difference: Difference | None = None
    changed: tuple[Changed, ...] = ()


def replay_answer(services: Services, answer: Mapping[str, Any], *, from_start: bool) -> Body:
    """An answer of the API, or a figure of the page's state, made again by what its provenance says.

    Raises InvalidInput: it lacks what a replay needs, or the logs do not reach back; Unavailable.
    """
    stated = _provenance(answer)
    asked = stated["asked"]
    if (log := _other_log(services, answer)) is not None:
        return _result(answer, None, Verdict(same=False, cause="LOG", reason=log))
    again = made_again(services, answer, from_start=from_start)
    verdict = judge(services, answer, again)
    return _result(answer, again, verdict) | {"figure": asked["figure"]}


def made_again(services: Services, answer: Mapping[str, Any], *, from_start: bool) -> Body:
    """The answer as the log gives it, with the digest and folds of its own."""
    stated = _provenance(answer)
    asked, name = stated["asked"], str(stated["asked"].get("figure"))
    past.sources(name)  # refuses what is no figure
    alerted = name in past.ALERTED
    raised: AlertsFrom = "folds" if from_start else "topic"
    at = Moment(dict(answer["offsets"]), stated.get("offsets_of") or {}, _days(stated))
    view, accounts = past.reader(services).view(
        at, alerts=raised if alerted else "nowhere", from_start=from_start, wanted=past.risk_topics(name)
    )
    body = past.picture(view, services, accounts, asked)
    made = replayable(body, dict(asked), made_of(view, past.query_of(asked)))
    return body | {"provenance": made | {"config_version": services.config_version}}


def judge(services: Services, answer: Mapping[str, Any], again: Mapping[str, Any]) -> Verdict:
    """Raises InvalidInput: a value of the answer has no one spelling."""
    stated, now = _provenance(answer), again["provenance"]
    published, replayed = row_groups(answer), row_groups(again)
    difference = first_difference(published, replayed)
    if stated["digest"] != body_digest(answer):
        if stated["digest"] == now["digest"]:
            reason = "the answer's rows were changed after it was published: its digest is the log's"
        else:
            reason = "the answer's rows do not give its digest: one of the two was changed after it was published"
        return Verdict(same=False, cause="ANSWER", reason=reason, difference=difference)
    if stated["digest"] == now["digest"] and difference is None:
        return Verdict(same=True, cause=None, reason="the log gives the same rows")
    folds = _folds_differ(stated.get("folds") or {}, now["folds"])
    if folds:
        return Verdict(same=False, cause="FOLD_VERSION", reason=folds, difference=difference)
    if stated.get("config_version") != services.config_version:
        reason = f"published under {stated.get('config_version')}, replayed under {services.config_version}"
        return Verdict(same=False, cause="RULES", reason=reason, difference=difference)
    return _by_records(services, answer, difference)


def replay_cuts(services: Services, numbers: list[int], *, from_start: bool) -> list[Body]:
    """Recorded cuts by their offsets, in the order of the log.

    Raises InvalidInput: too many at once. Unavailable: none are recorded here.
    """
    if len(numbers) > CUTS_AT_ONCE:
        raise InvalidInput(f"at most {CUTS_AT_ONCE} cuts at once", field="cuts")
    replayer = _cut_replayer(services)
    if replayer is None:
        raise Unavailable("no cuts are recorded here, or ratios have no mapping")
    rows = []
    for number in sorted(set(numbers)):
        found = replayer.cuts(number + 1, 1)
        if not found or found[0].offset != number:
            raise InvalidInput(f"no recorded cut at {number}", field="cuts", record=str(number))
        rows.append(_cut_row(services, found[0], replayer.replay(found[0], from_start=from_start)))
    return rows


def _by_records(services: Services, answer: Mapping[str, Any], difference: Difference | None) -> Verdict:
    replayer = _cut_replayer(services)
    changed = None if replayer is None else replayer.changed_records(answer["offsets"], services.config_version)
    if changed:
        where = ", ".join(f"{one.place} [{one.first}, {one.end})" for one in changed)
        reason = f"records are no longer those that were folded then, somewhere in {where}"
        return Verdict(same=False, cause="RECORDS", reason=reason, difference=difference, changed=tuple(changed))
    if changed is not None:
        reason = "no recorded cut is reproduced any more: the records are not those that were folded then"
        return Verdict(same=False, cause="RECORDS", reason=reason, difference=difference)
    reason = "folds and rules are the same, and the recorded cuts around it do not show changed records"
    return Verdict(same=False, cause="UNKNOWN", reason=reason, difference=difference)


def _cut_replayer(services: Services) -> CutReplayer | None:
    if services.recent_cuts is None or services.ratio_policy is None or services.past is None:
        return None
    return CutReplayer(services.past, services.ratio_policy, services.recent_cuts)


def _cut_row(services: Services, placed: PlacedCut, found: CutReplay) -> Body:
    cut, cause, reason = placed.cut, None, "the log gives the same totals"
    if not found.same:
        cause, reason = "RECORDS", "the log gives other totals under the same rules"
        if cut.config_version != services.config_version:
            cause, reason = "RULES", f"recorded under {cut.config_version}, replayed under {services.config_version}"
        elif found.same is None:
            cause, reason = "UNKNOWN", "the cut was recorded without a digest, and its totals are no longer known"
        elif services.past is not None:
            now = {topic: folder.fold_version for topic, folder in services.past.folders.items()}
            if folds := _folds_differ(cut.folds, {topic: now.get(topic) for topic in cut.folds}):
                cause, reason = "FOLD_VERSION", folds
    return {
        "cut": found.offset,
        "taken_at": found.taken_at,
        "same": found.same,
        "published_digest": found.published,
        "digest": found.replayed,
        "cause": cause,
        "reason": reason,
        "difference": _shown(found.difference),
    }


def _result(answer: Mapping[str, Any], again: Mapping[str, Any] | None, verdict: Verdict) -> Body:
    stated = _provenance(answer)
    bytes_same = again is not None and _bytes(answer) == _bytes(again)
    return {
        "figure": stated["asked"].get("figure"),
        "same": verdict.same,
        "published_digest": stated["digest"],
        "digest": None if again is None else again["provenance"]["digest"],
        "bytes_same": bytes_same,
        "cause": verdict.cause,
        "reason": verdict.reason,
        "difference": _shown(verdict.difference),
        "changed_records": [{"place": one.place, "first": one.first, "end": one.end} for one in verdict.changed],
        "offsets": dict(answer["offsets"]),
    }


def _bytes(body: Mapping[str, Any]) -> bytes:
    return canonical(None, row_groups(body))


def _shown(found: Difference | None) -> Body | None:
    if found is None:
        return None
    return {
        "group": found.group,
        "row": dict(found.row),
        "field": found.field,
        "published": found.published,
        "replayed": found.replayed,
    }


def _provenance(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    stated = answer.get("provenance")
    if not isinstance(stated, Mapping) or not isinstance(answer.get("offsets"), Mapping):
        raise InvalidInput("this is no answer with offsets and provenance", field="answer")
    if not stated.get("digest") or not isinstance(stated.get("asked"), Mapping):
        raise InvalidInput("the answer's provenance has no digest: it is of an earlier version", field="provenance")
    return stated


def _days(stated: Mapping[str, Any]) -> dict[str, date]:
    try:
        return {str(name): date.fromisoformat(day) for name, day in (stated.get("days") or {}).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidInput(f"the answer's days cannot be read: {error}", field="days") from error


def _other_log(services: Services, answer: Mapping[str, Any]) -> str | None:
    """An offset means nothing in another log (decision S5)."""
    known = past.reader(services).logs.all()
    for place, log in sorted((answer.get("log") or {}).items()):
        where = known.get(parse_place(place))
        if where is not None and f"{where.cluster_id}/{where.topic_id}" != log:
            return f"{place} was another log then: {log}, and is {where.cluster_id}/{where.topic_id} now"
    return None


def _folds_differ(published: Mapping[str, Any], replayed: Mapping[str, Any]) -> str:
    found = [
        f"{topic} was folded by version {version}, now by {replayed[topic]}"
        for topic, version in sorted(published.items())
        if topic in replayed and replayed[topic] != version
    ]
    return "; ".join(found)
