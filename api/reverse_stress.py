"""Who can break us now, as the API sends it: for each limit the fewest depositors whose leaving breaks it (LIQ-34).

Deposits and ratios are of one cut. Not for finding the set: `streams.reverse_stress_live` does.
"""

from dataclasses import dataclass

from api.calculations.texts import percent_text
from api.figures import Body, Query
from api.ratios import Worked, amount_text, worked
from api.services import Services
from engines.primitives.errors import Unavailable
from streams.fx_rates import FxRates
from streams.ratio_items import Figure
from streams.reverse_stress_live import AVAILABLE, Breaking, breaking_sets
from streams.topics import DEPOSIT
from streams.views import RATIO_TOPICS, RiskView
from streams.views_ratios import PositionsRow, RatioFigure, positions, ratio_figures

FIGURES: tuple[Figure, ...] = ("lcr", "nsfr")


@dataclass(frozen=True, slots=True)
class _Picture:
    """What is read of the view under its lock; the sets are worked out when others may read again."""

    work: Worked
    ratios: list[RatioFigure]
    held: list[PositionsRow]
    rates: FxRates
    body: Body


def who_can_break(services: Services, query: Query, named_max: int) -> Body:
    """Raises Unavailable: there is no mapping here, or there are no states of depositors to read."""
    if services.depositors is None:
        raise Unavailable("the states of depositors are needed, and none can be read here")

    def seen(view: RiskView) -> _Picture:
        work = worked(view, services, query)
        ratios = [found for figure in FIGURES for found in ratio_figures(figure, work.scopes, work.policy, work.days)]
        newest = max(work.days.values(), default=None)
        body: Body = {
            "as_of": newest and newest.isoformat(),
            "offsets": view.offsets(*RATIO_TOPICS),
            "log": view.logs(*RATIO_TOPICS),
            "last_event_time": view.last_event_time(DEPOSIT),
        }
        return _Picture(work, ratios, positions(work.by_pair, work.policy, work.days), view.fx_rates(), body)

    found, deposits = services.depositors.with_view(services.live, seen)
    sets = breaking_sets(
        deposits, found.ratios, found.held, found.work.policy, found.work.days, found.rates, named_max=named_max
    )
    return found.body | {"rows": [breaking_row(one) for one in sets]}


def breaking_row(found: Breaking) -> Body:
    """`minimum` and `value` are per cent, of the available position amounts."""
    currency, is_amount = found.scope.currency, found.figure == AVAILABLE
    values = [
        None if one is None else amount_text(one, currency) if is_amount else percent_text(one)
        for one in (found.minimum, found.value)
    ]
    share = found.minor / found.deposits_minor if found.deposits_minor and found.count is not None else None
    return {
        "figure": found.figure,
        "limit_id": found.limit_id,
        "scope": found.scope.kind,
        "entity": found.scope.entity,
        "currency": currency,
        "as_of": found.as_of.isoformat(),
        "minimum": values[0],
        "value": values[1],
        "status": _status(found),
        "reason": found.reason,
        "count": found.count,
        "amount": None if found.count is None else amount_text(found.minor, currency),
        "deposits": amount_text(found.deposits_minor, currency),
        "share_pct": percent_text(share),
        "depositors": [
            {"entity": one.entity, "customer": one.customer, "amount": amount_text(one.minor, currency)}
            for one in found.leavers
        ],
    }


def _status(found: Breaking) -> str:
    if found.count is None:
        return "not_computable" if found.value is None else "unbreakable"
    return "breakable" if found.count else "broken"
