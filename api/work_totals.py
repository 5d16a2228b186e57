"""Totals of the home view as a reader sees them: stock, recovered and written off, completion of targets, rankings.

The sums come from `projections.work.totals`, ratios and ranks from `aggregates.targets_ranking` (spec 7.3); each
answer carries the position of the decision log that it stands at. Amounts are decimal strings.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from aggregates.targets_ranking import (
    Standing,
    completion,
    rank_by_amount,
    rank_by_completion,
    rank_customers,
    roll_up,
    time_progress,
)
from api.paging import PageAsked, page_after
from api.work import Json, View
from engines.primitives.errors import InvalidInput
from engines.primitives.money import to_text
from projections.work import totals
from projections.work.cases import CaseRow


def total_list(view: View, *, by: Iterable[str], moved_by: Iterable[str], start: date, end: date) -> Json:
    """The stock by dimensions, and what moved in a period by dimensions. Raises InvalidInput: unknown dimension."""
    stock_by = _dimensions(by, totals.STOCK_DIMENSIONS, "by")
    period_by = _dimensions(moved_by, totals.MOVED_DIMENSIONS, "moved_by")
    if end < start:
        raise InvalidInput("the period ends before it starts", field="end")
    seen = view.seen
    stock = [_stock(stock_by, row) for row in totals.stock(view.state, seen, stock_by)]
    moved = totals.moved(view.state, seen, start.isoformat(), end.isoformat(), period_by)
    rows = [_moved(period_by, row) for row in moved]
    period = {"start": start.isoformat(), "end": end.isoformat()}
    return view.stamped(period=period, stock=stock, moved=rows)


def plan_list(view: View, asked: PageAsked, *, kind: str | None = None) -> Json:
    """Each target in force with what counts for it, its completion, and its rank among targets of the same period,
    level, kind, campaign and currency (7.3); the whole of each such group."""
    state, seen = view.state, view.seen
    rows: list[tuple[int, Json]] = []
    groups: dict[tuple[str, ...], list[tuple[Json, Standing]]] = {}
    for target in state.of_kind("Target"):
        if target.stage not in ("ACTIVE", "CLOSED") or kind not in (None, target.facts.get("kind")):
            continue
        if seen.place(target.entity, str(target.facts.get("org", target.branch))):
            row, standing = _target(view, target)
            rows.append((target.made_at, row))
            names = ("entity", "ccy", "kind", "level", "campaign", "period_start", "period_end")
            groups.setdefault(tuple(str(row[name]) for name in names), []).append((row, standing))
    whole = [_group(found) for found in groups.values()]
    page, cursor = page_after(rows, asked, lambda row: row[:1])
    return view.stamped(rows=[row for _, row in page], groups=whole, cursor=cursor)


def ranking_list(view: View, asked: PageAsked, *, kind: str, start: date, end: date, with_memo: bool = False) -> Json:
    """Branches by completed amount in a period, and customers by the sum of their claims; each currency by itself."""
    if kind not in ("RECOVERY", "REDUCTION"):
        raise InvalidInput("want RECOVERY or REDUCTION", field="kind")
    found = totals.moved(view.state, view.seen, start.isoformat(), end.isoformat(), ("ccy", "org"))
    counted = {row.group: row.recovery if kind == "RECOVERY" else row.reduction for row in found}
    branches = []
    for ccy in sorted({ccy for ccy, _ in counted}):
        standings = {org: Standing(org, 0, minor) for (own, org), minor in counted.items() if own == ccy}
        order = rank_by_amount(standings.values())
        branches += [
            {"ccy": ccy, "rank": rank, "org": org, "amount": to_text(standings[org].actual_minor, ccy)}
            for rank, org in enumerate(order, 1)
        ]
    period = {"start": start.isoformat(), "end": end.isoformat()}
    customers = _customers(view, with_memo=with_memo)
    page, cursor = page_after(customers, asked, lambda row: (row["ccy"], row["rank"]))
    return view.stamped(kind=kind, period=period, branches=branches, customers=page, cursor=cursor)


def _customers(view: View, *, with_memo: bool) -> list[Json]:
    state, seen = view.state, view.seen
    claims = [c for c in state.claims.values() if seen.place(c.entity, state.cases["RiskAsset", c.loan_no].branch)]
    rows: list[Json] = []
    for ccy in sorted({claim.ccy for claim in claims}):
        own = [claim for claim in claims if claim.ccy == ccy]
        sums = rank_customers((c.customer_no, c.claim_minor + (c.memo_minor if with_memo else 0)) for c in own)
        counts = Counter(claim.customer_no for claim in own)
        rows += [
            {"ccy": ccy, "rank": rank, "customer_no": no, "claim": to_text(minor, ccy), "assets": counts[no]}
            for rank, (no, minor) in enumerate(sums, 1)
        ]
    return rows


def _target(view: View, target: CaseRow) -> tuple[Json, Standing]:
    facts, ccy = target.facts, target.ccy
    as_of = view.days[target.entity]
    amount = target.minor(str(facts.get("amount", "0")))
    actual = totals.actual(view.state, target, as_of.isoformat())
    start, end = date.fromisoformat(str(facts["period_start"])), date.fromisoformat(str(facts["period_end"]))
    done, over = completion(actual, amount), time_progress(min(max(as_of, start), end), start, end)
    over = over if as_of >= start else over * 0
    org = str(facts.get("org", target.branch))
    shown = {
        name: facts.get(name) for name in ("level", "kind", "campaign", "period_start", "period_end", "parent_no")
    }
    row = {
        "target_no": target.key,
        "entity": target.entity,
        "org": org,
        "ccy": ccy,
        "state": target.stage,
        **shown,
        "amount": to_text(amount, ccy),
        "actual": to_text(actual, ccy),
        "completion": _text(done),
        "time_progress": _text(over),
        "gap": None if done is None else _text(done - over),
        "nodes": [_node(view, target, node, as_of) for node in facts.get("nodes") or []],
        "rank": None,
    }
    return row, Standing(org, amount, actual)


def _node(view: View, target: CaseRow, node: Mapping[str, Any], as_of: date) -> Json:
    """Completion of a node counts from the period's start to the node's day (7.3)."""
    until = min(str(node["on"]), as_of.isoformat())
    actual = totals.actual(view.state, target, until)
    done = completion(actual, target.minor(str(node["amount"])))
    due = str(node["on"]) <= as_of.isoformat()
    return dict(node) | {"actual": to_text(actual, target.ccy), "completion": _text(done), "due": due}


def _group(found: list[tuple[Json, Standing]]) -> Json:
    """Ranks the targets of a group and gives its whole: sum over sum."""
    rank_by_org = {one.org: one.rank for one in rank_by_completion(standing for _, standing in found)}
    for row, standing in found:
        row["rank"] = rank_by_org[standing.org]
    first, ccy = found[0][0], str(found[0][0]["ccy"])
    names = ("entity", "ccy", "kind", "level", "campaign", "period_start", "period_end")
    return {name: first[name] for name in names} | {
        "targets": len(found),
        "amount": to_text(sum(standing.target_minor for _, standing in found), ccy),
        "actual": to_text(sum(standing.actual_minor for _, standing in found), ccy),
        "completion": _text(roll_up(standing for _, standing in found)),
    }


def _dimensions(asked: Iterable[str], known: tuple[str, ...], field: str) -> tuple[str, ...]:
    """As asked, with the currency always told apart."""
    names = tuple(dict.fromkeys(asked))
    for name in names:
        if name not in known:
            raise InvalidInput(f"no dimension {name!r:.40}; there are {', '.join(known)}", field=field)
    return names if "ccy" in names else (*names, "ccy")


def _stock(by: tuple[str, ...], row: totals.Stock) -> Json:
    named = dict(zip(by, row.group, strict=True))
    ccy = named["ccy"]
    amounts = {"claim": row.claim, "memo": row.memo, **row.buckets}
    return named | {"count": row.count} | {name: to_text(minor, ccy) for name, minor in amounts.items()}


def _moved(by: tuple[str, ...], row: totals.Moved) -> Json:
    named = dict(zip(by, row.group, strict=True))
    ccy = named["ccy"]
    names = ("amount", "recovery", "reduction", "written_off")
    return named | {"count": row.count} | {name: to_text(getattr(row, name), ccy) for name in names}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
