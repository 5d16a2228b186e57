"""A past period played again under other rules, beside what really happened (issue 7, item 4).

An isolated branch: it is handed reading functions and nothing else, folds what they give by the worker's folds, and
keeps what comes out for the answer. The unchanged rules are folded along: they must give what was published, and the
answer says whether they did. The same question over the same logs gives the same bytes; `digest` names them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from engines.primitives.errors import InvalidInput
from projections.limit_policy import TotalKey
from streams.counterfactual_alerts import Told, large_flow_alerts
from streams.counterfactual_compare import Row, compared_alerts, first_difference, summary
from streams.counterfactual_decisions import add_decisions
from streams.counterfactual_incidents import compared_actions, compared_incidents
from streams.counterfactual_limits import PLACE, Rewrite, TwoWatches, watched_limits
from streams.counterfactual_past import End, PastLogs, Period, period_of
from streams.counterfactual_ratios import Point, RatioBranch, thinned, turns
from streams.counterfactual_real import published_alerts
from streams.counterfactual_roller import Roller
from streams.counterfactual_rules import Data, RulePair, digest_of, rule_pair
from streams.folders import Folder
from streams.schemas import Alert
from streams.topics import CUT, TXN
from streams.views import RiskView

WHAT = ("alerts", "limits", "ratios")
POINTS_MAX = 400
Answer = dict[str, Any]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to ask of the past.

    `start` and `end`: see `counterfactual_past.period_of`. `what`: of WHAT; empty: what the change is about. `step`:
    of ratios, work out every so many cuts, and every one where a light turns.
    """

    start: End = None
    end: End = None
    what: tuple[str, ...] = ()
    values: Mapping[str, str] = {}
    files: Mapping[str, str | Mapping[str, Any]] = {}
    step: int = 1
    from_snapshot: bool = False


def checked(question: Question, data: Data) -> tuple[RulePair, tuple[str, ...]]:
    """The two rule sets, and what is asked. Raises InvalidInput, before anything is read."""
    unknown = sorted(set(question.what) - set(WHAT))
    if unknown:
        raise InvalidInput(f"no such part: {unknown[0]}; want some of {', '.join(WHAT)}", field="what")
    if question.step < 1:
        raise InvalidInput("the step is at least 1", field="step")
    rules = rule_pair(data, question.files, question.values)
    return rules, tuple(name for name in WHAT if name in (question.what or rules.asked))


def counterfactual(
    logs: PastLogs,
    folders: Callable[[], Mapping[str, Folder]],
    data: Data,
    question: Question,
    told: Told = lambda _phase, _done, _whole: None,
) -> Answer:
    """What would have happened.

    Args:
        folders: makes the worker's folders of the sources of ratios. data: the policy files in force.
        told: hears of the progress; what it raises ends the branch.
    Raises:
        InvalidInput: `field` and `record` say where. Unavailable: the log does not answer.
    """
    rules, asked = checked(question, data)
    period = period_of(logs, question.start, question.end)
    first, last = period.vectors()
    answer: Answer = {
        "what": list(asked),
        "period": {
            "from_offsets": first,
            "to_offsets": last,
            "entries": period.records(TXN),
            "cuts": period.records(CUT),
        },
        "rules": {
            "changed": list(rules.changed),
            "real": dict(rules.real.digests),
            "branch": dict(rules.branch.digests),
        },
        "alerts": None,
        "limits": None,
        "ratios": None,
    }
    if "alerts" in asked:
        answer["alerts"] = _alerts(logs, period, rules, question, told)
    if "ratios" in asked:
        answer["ratios"], answer["limits"] = _ratios(logs, folders, period, rules, question, told)
    elif "limits" in asked:
        answer["limits"] = _limits(
            logs, period, watched_limits(logs, period, rules.real.watch, rules.branch.watch, told)
        )
    return answer | {"digest": digest_of(answer)}


def _alerts(logs: PastLogs, period: Period, rules: RulePair, question: Question, told: Told) -> Answer:
    real = published_alerts(logs, period)[TXN]
    stories = large_flow_alerts(
        logs, period, rules.real.large_flow, rules.branch.large_flow, told, from_snapshot=question.from_snapshot
    )
    rows = compared_alerts(real, stories.branch)
    add_decisions(logs, rows, period, rules.real.watch, rules.real.ratios, rules.branch.ratios)
    return {
        "folded_from": stories.folded_from,
        "control": control_of(real, stories.control),
        "summary": summary(rows),
        "first_difference": first_difference(rows),
        "rows": rows,
    }


def _limits(logs: PastLogs, period: Period, watches: TwoWatches) -> Answer:
    start, end = period.start[PLACE], period.end[PLACE]
    # Of before the period too: an incident that was open when it began was opened then.
    earlier = Period({**period.start, PLACE: watches.folded_from}, period.end)
    real = published_alerts(logs, earlier)[CUT]
    inside, control, branch = (
        [alert for alert in alerts if period.holds(PLACE, alert.source.offset - 1)]
        for alerts in (real, watches.control, watches.branch)
    )
    rows = compared_alerts(inside, branch)
    return {
        "folded_from": {f"{CUT}/0": watches.folded_from},
        "control": control_of(inside, control),
        "summary": summary(rows),
        "first_difference": first_difference(rows),
        "rows": rows,
        "incidents": compared_incidents(real, watches.branch, start, end),
        "actions": compared_actions(real, watches.branch, start),
    }


def _ratios(
    logs: PastLogs,
    folders: Callable[[], Mapping[str, Folder]],
    period: Period,
    rules: RulePair,
    question: Question,
    told: Told,
) -> tuple[Answer, Answer]:
    begun, step = period.start[PLACE], question.step

    def played(wanted: Callable[[int], bool], name: str) -> tuple[RatioBranch, TwoWatches]:
        views = RiskView(), RiskView()
        roller = Roller(logs, folders(), rules.real.insurance, views)
        branch = RatioBranch(roller, views, rules.real.ratios, rules.branch.ratios, wanted)
        branch.tell = lambda cuts: told(name, cuts, period.records(CUT))
        rewrite: Rewrite = branch.rewrite
        watches = watched_limits(logs, period, rules.real.watch, rules.branch.watch, _quiet, rewrite)
        return branch, watches

    branch, watches = played(lambda cut: (cut - begun) % step == 0, "ratios")
    if step > 1:
        day = max((date.fromisoformat(total.as_of) for total in branch.totals.values()), default=date.min)
        near = {
            cut for turn in turns(branch.paths, rules.branch.watch, day) for cut in range(turn - step + 1, turn + 1)
        }
        if near:
            branch, watches = played(lambda cut: (cut - begun) % step == 0 or cut in near, "crossings")
    real_digest, branch_digest = branch.digests()
    differing = branch.differing[0] if branch.differing else None
    answer = {
        "cuts": branch.cuts,
        "worked_out": branch.worked_out,
        "behind": branch.behind,
        "records": branch.roller.records,
        "control": {
            "reproduces": not branch.differing,
            "compared": branch.compared,
            "differing": len(branch.differing),
            "first": None if differing is None else _key(differing[1]) | {"cut": differing[0]},
        },
        "digests": {"real": real_digest, "branch": branch_digest},
        "paths": [_path(key, path) for key, path in sorted(branch.paths.items())],
    }
    return answer, _limits(logs, period, watches)


def control_of(published: Sequence[Alert], refolded: Sequence[Alert]) -> Answer:
    """Whether the rules as they are give again what was published: ids, sequences and every figure."""
    ours, theirs = ({_lane(alert): alert for alert in alerts} for alerts in (published, refolded))
    known = sorted(ours.keys() | theirs.keys())
    differ = [lane for lane in known if _bare(ours.get(lane)) != _bare(theirs.get(lane))]
    one = None if not differ else ours.get(differ[0]) or theirs[differ[0]]
    names = ("entity", "alert_id", "sequence", "event_time")
    return {
        "reproduces": not differ,
        "published": len(ours),
        "refolded": len(theirs),
        "differing": len(differ),
        "first": None if one is None else {name: getattr(one, name) for name in names},
    }


def _lane(alert: Alert) -> tuple[str, int, int]:
    return alert.source.topic, alert.source.partition, alert.sequence


def _bare(alert: Alert | None) -> Alert | None:
    """Without the id of the log, which a replay of another copy does not share, nor the severity, which alerts
    of before there were rules do not say."""
    if alert is None:
        return None
    source = msgspec.structs.replace(alert.source, log="-", fold=0)
    return msgspec.structs.replace(alert, source=source, severity=None)


def _path(key: TotalKey, path: list[Point]) -> Row:
    return _key(key) | {
        "changes": len(path),
        "differs_from": next((point.taken_at for point in path if point.real != point.branch), None),
        "points": [
            {"cut": point.cut, "taken_at": point.taken_at, "real": point.real, "branch": point.branch}
            for point in thinned(path, POINTS_MAX)
        ],
    }


def _key(key: TotalKey) -> Row:
    return {"metric": key.metric, "scope": key.scope, "entity": key.entity, "currency": key.currency}


def _quiet(_phase: str, _done: int, _whole: int) -> None:
    """The rewriter tells of every cut itself."""
