"""What differs between what happened and what would have: alerts, matched by what triggered them.

Everything is compared by figures and triggers, never by ids alone, which carry the name of the policy. Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Literal

from streams.schemas import Alert

Where = Literal["both", "only_real", "only_branch"]
Row = dict[str, Any]

#: What an alert says of its figures; `alert_id`, `sequence` and the texts follow from these and the policy's name.
FIGURES = ("amount", "threshold", "rolling", "window_minutes", "late")
LIMIT_FIGURES = ("value", "light", "light_before", "minimum", "maximum", "headroom", "numerator", "denominator")


def compared_alerts(real: Iterable[Alert], branch: Iterable[Alert]) -> list[Row]:
    """One row a trigger, in the order of the log."""
    return [
        _placed(one if one is not None else other)
        | {"where": where, "real": _figures(one), "branch": _figures(other), "differs": _differs(one, other)}
        for where, one, other in matched(real, branch, trigger_of, order_of)
    ]


def summary(rows: Sequence[Row]) -> dict[str, int]:
    """How many rows are where; `changed` are those on both sides with other figures."""
    counts = Counter(row["where"] for row in rows)
    changed = sum(bool(row.get("differs")) for row in rows if row["where"] == "both")
    return {name: counts[name] for name in ("both", "only_real", "only_branch")} | {"changed": changed}


def first_difference(rows: Iterable[Row]) -> Row | None:
    """The first row by the log's clock that is not the same on both sides."""
    differing = [row for row in rows if row["where"] != "both" or row.get("differs")]
    return min(differing, key=lambda row: (row["at"], row["place"], row["offset"]), default=None)


# -- alerts ------------------------------------------------------------------------------------------------------


def trigger_of(alert: Alert) -> Hashable:
    facts = alert.limit
    if facts is None:
        place = (alert.source.topic, alert.source.partition, alert.source.offset)
        mine = alert.rule_facts
        of_rule = () if mine is None else (mine.rule_id, mine.version, mine.subject)
        return (*place, alert.kind, alert.rule, *of_rule)
    return (facts.cut, alert.rule, facts.limit_id, facts.metric, facts.scope, alert.entity, alert.currency,
            alert.kind, facts.light, facts.cause)  # fmt: skip


def order_of(alert: Alert) -> tuple[Any, ...]:
    limit_id = "" if alert.limit is None else alert.limit.limit_id
    source = alert.source
    return (source.topic, source.partition, source.offset, alert.rule, limit_id, alert.entity, alert.currency,
            alert.sequence)  # fmt: skip


def _placed(alert: Alert) -> Row:
    facts = alert.limit
    return {
        "at": alert.appended_at or alert.event_time,
        "event_time": alert.event_time,
        "place": f"{alert.source.topic}/{alert.source.partition}",
        "offset": alert.source.offset - 1,
        "kind": alert.kind,
        "rule": alert.rule,
        "entity": alert.entity,
        "organisation": alert.organisation,
        "customer": alert.customer,
        "currency": alert.currency,
        "txn_id": alert.txn_id,
        "limit_id": None if facts is None else facts.limit_id,
        "metric": None if facts is None else facts.metric,
        "scope": None if facts is None else facts.scope,
    }


def _figures(alert: Alert | None) -> Row | None:
    if alert is None:
        return None
    found: Row = {"alert_id": alert.alert_id, "sequence": alert.sequence}
    found |= {name: getattr(alert, name) for name in FIGURES}
    if alert.limit is not None:
        found |= {name: getattr(alert.limit, name) for name in LIMIT_FIGURES} | {"incident": alert.limit.incident}
    return found | {"reason": alert.reason, "entries": len(alert.entries)}


def _differs(one: Alert | None, other: Alert | None) -> list[str]:
    """Names of the figures that are not the same on both sides."""
    if one is None or other is None:
        return []
    names = [name for name in FIGURES if getattr(one, name) != getattr(other, name)]
    if one.limit is not None and other.limit is not None:
        names += [name for name in LIMIT_FIGURES if getattr(one.limit, name) != getattr(other.limit, name)]
    return names


def matched(
    real: Iterable[Any], branch: Iterable[Any], trigger: Callable[[Any], Hashable], order: Callable[[Any], Any]
) -> list[tuple[Where, Any, Any]]:
    """Both sides by trigger; equal triggers, if there are any, one by one in their order."""
    ours, theirs = _by(real, trigger), _by(branch, trigger)
    found: list[tuple[Where, Any, Any]] = []
    for key in dict.fromkeys((*ours, *theirs)):
        mine, other = ours.get(key, []), theirs.get(key, [])
        for at in range(max(len(mine), len(other))):
            one, two = mine[at] if at < len(mine) else None, other[at] if at < len(other) else None
            found.append(("only_branch" if one is None else "only_real" if two is None else "both", one, two))
    return sorted(found, key=lambda each: order(each[1] if each[1] is not None else each[2]))


def _by(rows: Iterable[Any], key: Callable[[Any], Hashable]) -> dict[Hashable, list[Any]]:
    found: dict[Hashable, list[Any]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found
