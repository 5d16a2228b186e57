"""Figures of a past moment: which cut was meant, the view of it, every figure by its name, the whole page.

`picture` makes an answer again from what its provenance says was asked; live answers, past ones and replays go
through the same functions of the view. Not for comparing: `api.past_replay`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec

from api import alert_bodies, figures, ratios, recoveries, withdrawal_decisions
from api.figures import Body, Query
from api.services import Replayed, Services
from engines.primitives.errors import InvalidInput, Unavailable
from streams import topics
from streams.past_figures import Accounts
from streams.past_views import AlertsFrom, Moment, PastReader
from streams.views import RATIO_TOPICS, SOURCE_TOPIC, Filters, RiskView

FIGURES = (
    "positions",
    "positions-by-date",
    "gap",
    "withdrawals",
    "ratios",
    "ratios/lcr",
    "ratios/nsfr",
    "liquid-assets",
    "alerts",
    "limits",
)
OF_RATIOS = tuple(SOURCE_TOPIC.get(topic, topic) for topic in RATIO_TOPICS)
ALERTED = frozenset({"alerts", "limits"})
DATES = topics.BUSINESS_DATE
WHOLE_PAGE = tuple(dict.fromkeys((*topics.FOLDED, DATES, topics.AUDIT, topics.CUT)))
ALERTS_ON_PAGE = 50


def sources(name: str) -> tuple[str, ...]:
    """The source topics of a figure: what an instant is turned into offsets of."""
    plain = name.partition("/")[0]
    if plain in {"ratios", "liquid-assets"}:
        return OF_RATIOS
    if plain == "gap":
        return (topics.CONTRACT, DATES, *((topics.AUDIT,) if name != plain else ()))
    found = {
        "positions": (topics.TXN, topics.RESERVATION, DATES),
        "positions-by-date": (topics.TXN,),
        "withdrawals": (*OF_RATIOS, topics.RESERVATION),
        "alerts": (topics.TXN, topics.CUT),
        "limits": (topics.CUT,),
    }.get(plain)
    if found is None:
        raise InvalidInput(f"no figure {name!r}; one of {', '.join(FIGURES)}", field="figure")
    return found


def risk_topics(name: str) -> frozenset[str]:
    """What a figure is read from, its dates apart: those an answer says itself."""
    plain = name.partition("/")[0]
    found = {
        "positions": (topics.POSITION, topics.RESERVATION_TOTAL),
        "positions-by-date": (topics.POSITION,),
        "gap": (topics.GAP,),
        "withdrawals": (*RATIO_TOPICS, *withdrawal_decisions.TOPICS),
        "alerts": (),
        "limits": (),
    }
    return frozenset(found.get(plain, RATIO_TOPICS))


def reader(services: Services) -> PastReader:
    if services.past is None:
        raise Unavailable("figures of a past moment need the replay, and there is none here")
    return services.past


def moment(services: Services, query: Query, name: str) -> Moment:
    """The cut that was asked for, by vector or instant. Raises InvalidInput: both, or an instant without its zone."""
    if query.at is None:
        return Moment(query.at_offsets or {})
    if query.at_offsets is not None:
        raise InvalidInput("a cut is a vector or an instant, not both", field="at")
    past, asked = reader(services), sources(name)
    found = past.vector_at(query.at, asked)
    if DATES in asked and not found.get(f"{DATES}/0"):
        # Without a business date the newest value date stands for it, as on the live page.
        found |= past.vector_at(query.at, (topics.TXN, topics.RESERVATION))
    return Moment(found)


def replayed(services: Services, query: Query, name: str) -> Replayed:
    """The view, and the accounts behind it, at the cut that a query names. Raises Unavailable: no replay here."""
    if services.past is None and services.replay is not None and query.at is None:
        return services.replay(query.at_offsets or {})
    past = reader(services)
    alerts: AlertsFrom = "topic" if name in ALERTED else "nowhere"
    view, accounts = past.view(moment(services, query, name), alerts=alerts, wanted=() if name in ALERTED else None)
    return Replayed(view, accounts)


def picture(view: RiskView, services: Services, accounts: Accounts | None, asked: Mapping[str, Any]) -> Body:
    """The answer to `asked`, the canonical query that provenance keeps, without its provenance.

    Raises InvalidInput: no such figure.
    """
    name, query, scopes = str(asked.get("figure")), query_of(asked), asked.get("scopes")
    plain, _, rest = name.partition("/")
    if plain == "gap" and rest:
        kind = rest.partition("/")[0]
        stressed = kind != "behavioural"
        return recoveries.gap(view, services, query, "stressed" if stressed else kind, kind if stressed else None)()
    page = alert_bodies.AlertPage(int(asked.get("limit") or 100), asked.get("before"), asked.get("after"))
    pictures: dict[str, Callable[[], Body]] = {
        "positions": lambda: figures.positions(view, services, query, accounts),
        "positions-by-date": lambda: figures.positions_by_date(view, query.filters),
        "gap": lambda: figures.gap(view, query),
        "withdrawals": lambda: withdrawal_decisions.withdrawals(view, services, query),
        "ratios": lambda: ratios.summary(view, services, query, scopes),
        "ratios/lcr": lambda: ratios.detail("lcr", view, services, query, scopes),
        "ratios/nsfr": lambda: ratios.detail("nsfr", view, services, query, scopes),
        "liquid-assets": lambda: ratios.liquid(view, services, query, scopes),
        "alerts": lambda: alert_bodies.alerts(view, query, page),
        "limits": lambda: alert_bodies.limits(view, query),
    }
    if name not in pictures:
        raise InvalidInput(f"no figure {name!r}; one of {', '.join(FIGURES)}", field="figure")
    return pictures[name]()


def query_of(asked: Mapping[str, Any]) -> Query:
    """What `Query.canonical` wrote. Raises InvalidInput."""
    try:
        filters: Filters = {str(name): frozenset(map(str, members)) for name, members in asked["filters"].items()}
        day = asked.get("as_of")
        return Query(tuple(map(str, asked["by"])), day and date.fromisoformat(day), filters)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"this is no query of an answer: {error}", field="asked") from error


def answer(services: Services, asked: Body, offsets: Mapping[str, int]) -> Body:
    """What a request at this cut gets, from the newest snapshots below it."""
    name = str(asked.get("figure"))
    sources(name)
    view, accounts = reader(services).view(Moment(dict(offsets)), alerts="topic" if name in ALERTED else "nowhere")
    body = picture(view, services, accounts, asked)
    body = figures.with_provenance(body, services, asked, figures.made_of(view, query_of(asked)))
    plain: Body = msgspec.to_builtins(body)
    return plain


def page_queries(filters: Filters) -> list[Body]:
    """What the page shows: each figure as its own request asks for it."""
    pair = Query(figures.PAIR, None, filters)
    entities = {name: members for name, members in filters.items() if name == "entity"}
    alone = replace(pair, by=(), filters=entities)
    return [
        pair.canonical("positions"),
        pair.canonical("gap"),
        pair.canonical("ratios") | {"scopes": None},
        replace(alone, by=("entity",)).canonical("withdrawals"),
        alone.canonical("alerts") | alert_bodies.AlertPage(ALERTS_ON_PAGE).canonical(),
        alone.canonical("limits"),
    ]


def page(services: Services, query: Query, which: AlertsFrom = "topic") -> Body:
    """The whole page at one offset vector: every figure with its provenance, as its own request would answer."""
    past = reader(services)
    at = Moment(past.vector_at(query.at, WHOLE_PAGE)) if query.at is not None else Moment(query.at_offsets or {})
    view, accounts = past.view(at, alerts=which)
    found: Body = {
        "at": query.at and query.at.isoformat(),
        "offsets": dict(at.offsets),
        "log": view.logs(*SOURCE_TOPIC),
    }
    for asked in page_queries(query.filters):
        body = _or_reason(view, services, accounts, asked)
        found[str(asked["figure"])] = body
    return found


def _or_reason(view: RiskView, services: Services, accounts: Accounts, asked: Body) -> Body:
    """One figure that cannot be had (no mapping, none in force) does not take the others along."""
    try:
        body = picture(view, services, accounts, asked)
    except (InvalidInput, Unavailable) as error:
        return {"status": "NOT_COMPUTABLE", "reason": str(error), "rows": []}
    return figures.with_provenance(body, services, asked, figures.made_of(view, query_of(asked)))


def entities_of(asked: Mapping[str, Any]) -> Sequence[str] | None:
    """The entities an answer was narrowed to; None: all."""
    found = asked.get("filters", {}).get("entity") if isinstance(asked.get("filters"), Mapping) else None
    return None if found is None else [str(one) for one in found]
