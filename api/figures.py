"""Figures as the API sends them: rows with decimal strings, the offset vector, the provenance.

Not for adding up: `streams.views` does that in minor units. Every body here comes from one cut of the view.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from api import trust
from api.services import Services
from engines.buckets import BUCKETS
from engines.primitives.errors import InvalidInput, Unavailable
from engines.primitives.money import to_text
from streams.figure_digests import body_digest, row_groups
from streams.past_figures import Accounts
from streams.topics import BUSINESS_DATE, GAP, POSITION, RESERVATION_TOTAL
from streams.views import (
    ON_US_DIMENSIONS,
    RESERVED_DIMENSIONS,
    VIEW_TOPICS,
    AsOf,
    Filters,
    GapRow,
    MovementRow,
    PositionRow,
    RiskView,
)
from streams.views_ratios import GROUP

Body = dict[str, Any]
OFFSETS = msgspec.json.Decoder(dict[str, Annotated[int, msgspec.Meta(ge=0)]])

DIMENSIONS = ("entity", "organisation", "business_line", "product", "currency", "customer", "account")
ACCOUNT_DIMENSIONS = frozenset({"customer", "account"})
POSITIONS_BY = ("entity", "organisation", "currency")
PAIR = ("entity", "currency")


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked in full: dimensions in their fixed order, entities narrowed to those permitted."""

    by: tuple[str, ...]
    as_of: date | None = None
    filters: Filters = field(default_factory=dict)
    at_offsets: Mapping[str, int] | None = None
    at: datetime | None = None  # an instant in place of an offset vector

    @property
    def is_past(self) -> bool:
        return self.at_offsets is not None or self.at is not None

    @property
    def by_account(self) -> bool:
        return bool(ACCOUNT_DIMENSIONS & {*self.by, *self.filters})

    def canonical(self, name: str) -> Body:
        filters = {key: sorted(allowed) for key, allowed in sorted(self.filters.items())}
        day = self.as_of and self.as_of.isoformat()
        return {"figure": name, "by": self.by, "as_of": day, "filters": filters}


def dimensions(text: str | None, default: tuple[str, ...], allowed: tuple[str, ...] = DIMENSIONS) -> tuple[str, ...]:
    """`by` as asked, with entity and currency always there: amounts of two of them are never one sum.

    An account brings its organisation along. Raises InvalidInput naming an unknown dimension.
    """
    asked = [name.strip() for name in text.split(",") if name.strip()] if text else list(default)
    for name in asked:
        if name not in allowed:
            raise InvalidInput(f"unknown dimension {name!r}; one of {', '.join(allowed)}", field="by")
    wanted = {*asked, *PAIR} | ({"organisation"} if "account" in asked else set())
    return tuple(name for name in DIMENSIONS if name in wanted)


def offset_vector(text: str | None, name: str = "at_offsets") -> dict[str, int] | None:
    """A JSON object {"topic/partition": next offset}. Raises InvalidInput."""
    if text is None:
        return None
    try:
        return OFFSETS.decode(text)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f'want a JSON object {{"topic/partition": offset}}: {error}', field=name) from error


# -- bodies -----------------------------------------------------------------------------------------------


def positions(view: RiskView, services: Services, query: Query, accounts: Accounts | None) -> Body:
    """LIQ-01. Raises Unavailable: asked by customer or account, and there are no snapshots to read."""
    as_of = view.as_of(query.as_of)
    if not query.by_account:
        topics = [POSITION, BUSINESS_DATE]
        if {*query.by, *query.filters} <= RESERVED_DIMENSIONS:
            topics.append(RESERVATION_TOTAL)
        offsets, logs = view.offsets(*topics), view.logs(*topics)
        rows = view.positions(query.by, as_of, query.filters)
    else:
        if accounts is None:
            raise Unavailable("figures by customer or account need snapshots, and none can be read here")
        folded, found = accounts(as_of, query.filters)
        offsets = dict(folded) | view.offsets(BUSINESS_DATE)
        held = view.logs(POSITION)
        logs = {place: held[place] for place in offsets if place in held}
        rows = _account_positions(found, query, as_of)
    return {
        "as_of": _newest(row.as_of for row in rows) or (query.as_of and query.as_of.isoformat()),
        "offsets": offsets,
        "log": logs,
        "by": query.by,
        "rows": [position_row(query.by, row) for row in rows],
        "last_event_time": view.last_event_time(POSITION),
        "lag_records": services.live.lag_records_of(offsets),
    }


def positions_by_date(view: RiskView, filters: Filters) -> Body:
    return {
        "offsets": view.offsets(POSITION),
        "log": view.logs(POSITION),
        "rows": [movement_row(row) for row in view.positions_by_date(filters)],
    }


def gap(view: RiskView, query: Query) -> Body:
    """LIQ-08."""
    as_of = view.as_of(query.as_of)
    rows = view.gap(query.by, as_of, query.filters)
    days = (as_of.of(row.members[query.by.index("entity")]) for row in rows)
    return {
        "as_of": _newest(days) or (query.as_of and query.as_of.isoformat()),
        "offsets": view.offsets(GAP, BUSINESS_DATE),
        "log": view.logs(GAP),
        "by": query.by,
        "buckets": BUCKETS,
        "rows": [gap_row(query.by, row) for row in rows],
        "last_event_time": view.last_event_time(GAP),
    }


@dataclass(frozen=True, slots=True)
class MadeOf:
    """What a figure stands on besides its rows and offsets, read in the same cut of the view."""

    folds: Mapping[str, int]
    days: Mapping[str, date]
    apart: Mapping[str, Mapping[str, int]]  # risk topics that stood at other offsets than the answer names


def made_of(view: RiskView, query: Query, *topics: str) -> MadeOf:
    """`topics`: those of the figure, where several come from one source."""
    return MadeOf(view.folds(*VIEW_TOPICS), view.as_of(None).by_entity, view.stood_apart(*topics))


def with_provenance(body: Body, services: Services, name: Body, made: MadeOf | None = None) -> Body:
    """Adds what a figure was made from (spec/liquidity.md section 1): equal inputs, equal result_id.

    With `made` also what a replay needs to make it again, and the digest that it has to reproduce.
    """
    # The rows' own date is part of the input: a default as_of follows the business date.
    asked = name | {"cut": body["offsets"], "log": body["log"], "as_of_used": body.get("as_of")}
    digest = hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()
    result = f"/tm/Result/{digest}/{services.engine_version}/{services.config_version}"
    body["provenance"] = {
        "result_id": str(uuid5(NAMESPACE_URL, result)),
        "as_of": body.get("as_of"),
        "engine_version": services.engine_version,
        "config_version": services.config_version,
        "input_digest": digest,
        "scenario_id": None,
    }
    if made is not None:
        body["provenance"] |= replayable(body, name, made)
    marked = trust.compact(services, name, body["offsets"])
    if marked is not None:
        body["provenance"]["trust"] = marked
    return body


def replayable(body: Body, name: Body, made: MadeOf) -> Body:
    """`asked` and `days` say what was asked and of which dates, `folds` by which rules records became figures."""
    sources = {place.rpartition("/")[0] for place in body["offsets"]}
    entities = {row["entity"] for rows in row_groups(body).values() for row in rows if "entity" in row}
    # The group's date is the newest of all: with it every entity's date is an input.
    kept = made.days if GROUP in entities else {one: made.days.get(one) for one in entities}
    found: Body = {
        "digest": body_digest(body),
        "asked": name,
        "folds": {topic: version for topic, version in sorted(made.folds.items()) if topic in sources},
        "days": {entity: day.isoformat() for entity, day in sorted(kept.items()) if day is not None},
    }
    return found | ({"offsets_of": made.apart} if made.apart else {})


# -- rows -------------------------------------------------------------------------------------------------


def position_row(by: tuple[str, ...], row: PositionRow) -> Body:
    """`reserved` and `projected_eod` are absent where reservations are not known at this grain."""
    members = dict(zip(by, row.members, strict=True))
    currency = members["currency"]
    amounts = {
        "position": row.settled_minor,
        "pending_in": row.pending_in_minor,
        "pending_out": row.pending_out_minor,
    }
    if row.reserved_minor is not None:
        amounts["reserved"] = row.reserved_minor
        amounts["projected_eod"] = (
            row.settled_minor + row.pending_in_minor - row.pending_out_minor - row.reserved_minor
        )
    shown = {name: to_text(minor, currency) for name, minor in amounts.items()}
    return members | shown | {"as_of": row.as_of and row.as_of.isoformat()}


def movement_row(row: MovementRow) -> Body:
    return {
        "entity": row.entity,
        "currency": row.currency,
        "value_date": row.value_date.isoformat(),
        "movement": to_text(row.movement_minor, row.currency),
        "position": to_text(row.position_minor, row.currency),
    }


def gap_row(by: tuple[str, ...], row: GapRow) -> Body:
    members = dict(zip(by, row.members, strict=True))
    currency = members["currency"]
    return members | {
        "bucket": row.bucket,
        "inflow": to_text(row.inflow_minor, currency),
        "outflow": to_text(row.outflow_minor, currency),
        "gap": to_text(row.inflow_minor - row.outflow_minor, currency),
        "cumulative": None if row.cumulative_minor is None else to_text(row.cumulative_minor, currency),
        "contracts": row.contracts,
    }


def _account_positions(found: Iterable[Any], query: Query, as_of: AsOf) -> list[PositionRow]:
    """Account rows added up along `by`; filtered here too, whatever the source lets through."""
    on_us = bool(ON_US_DIMENSIONS & {*query.by, *query.filters})
    sums: dict[tuple[str, ...], list[int]] = {}
    for row in found:
        if any(row[name] not in allowed for name, allowed in query.filters.items()):
            continue
        if row["intragroup"] and not on_us:
            continue
        into = sums.setdefault(tuple(row[name] for name in query.by), [0, 0, 0])
        for index, name in enumerate(("settled_minor", "pending_in_minor", "pending_out_minor")):
            into[index] += row[name]
    at = query.by.index("entity")
    return [
        PositionRow(members, as_of.of(members[at]), columns[0], columns[1], columns[2], None)
        for members, columns in sorted(sums.items())
    ]


def _newest(days: Iterable[date | None]) -> str | None:
    known = [day for day in days if day is not None]
    return max(known).isoformat() if known else None
