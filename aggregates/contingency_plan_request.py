"""What a contingency plan is drawn up from: a shortfall path, sources and free securities, read from a payload.

The keys of `funding` are those of the calculation `contingency_plan`; money is decimal text of the plan's currency,
and inside it is whole minor units. Used by the commands and by the preview, so that both compute the same.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from math import ceil
from typing import Any

from aggregates.payload import LIST_LENGTH_MAX, Fields, wrong
from engines.contingency_plan import (
    COST_ORDER,
    GATE_ORDER,
    YEAR_DAYS,
    Outlook,
    Ranked,
    Simulation,
    Strategy,
    compare,
)
from engines.funding_gates import INTERBANK_SHARE, STRESS_AVAILABILITY, Gate, Market, Order, Source, Use, check
from engines.primitives.errors import InvalidInput

UNIT = Fraction(1)  # whole minor units
DEFAULT_OWNER = "TR"  # the treasury; any role or person may own a step
_FRACTION = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,12})?")


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """`basis` is `funding` as it was given, kept with the plan so that anyone can compute it again."""

    ccy: str
    as_of: date
    outlook: Outlook
    sources: Sequence[Source]
    market: Market
    strategy: Strategy
    owner_by_source: Mapping[str, str]
    basis: Mapping[str, object]

    def ranked(self) -> tuple[Ranked, ...]:
        """All strategies, best first. Raises InvalidInput if there would be too many lines."""
        with _inside("funding"):
            return compare(self.outlook, self.sources, self.market)

    def chosen(self, ranked: Sequence[Ranked]) -> Simulation:
        return next(one.simulation for one in ranked if one.simulation.strategy == self.strategy)

    def on(self, day: int) -> date:
        """The date of a day of the outlook; day 0 is `as_of`. Calendar days: a deadline knows no weekend."""
        return self.as_of + timedelta(days=day)


def read_request(funding: Mapping[str, object], *, ccy: str, as_of: date) -> PlanRequest:
    """Raises InvalidInput naming the field, as `funding.sources[0].rate`."""
    with _inside("funding"):
        fields = Fields({name: value for name, value in funding.items() if name not in ("is_stressed", "surplus")})
        surplus = _surplus(fields, funding.get("surplus"), ccy)
        start_day, year_days = fields.integer("start_day", 0), fields.integer("year_days", YEAR_DAYS)
        assets = fields.optional_money("total_assets", ccy)
        share = read_fraction(fields, "interbank_share", INTERBANK_SHARE)
        is_stressed = funding.get("is_stressed", False)
        if not isinstance(is_stressed, bool):
            raise wrong("is_stressed", "want true or false")
        order = Order(_one_of(fields, "order", tuple(Order), Order.GATE))
        securities = _securities(fields, ccy)
        sources, owners = _sources(fields, ccy)
        fields.finish()
        market = Market(securities, None if assets is None else Fraction(assets), share, is_stressed)
        check(sources, market)
        outlook = Outlook(surplus, start_day, year_days, UNIT)
        outlook.check()
    strategy = COST_ORDER if order is Order.COST else GATE_ORDER
    return PlanRequest(ccy, as_of, outlook, sources, market, strategy, owners, dict(funding))


def content_of(
    request: PlanRequest, *, revision: int, trigger: str, reason: str, figures: Mapping[str, Any]
) -> dict[str, Any]:
    """The plan as it will be stored: all strategies simulated, the wanted one put into lines."""
    ranked = request.ranked()
    chosen = request.chosen(ranked)
    lines, planned, securities = [], {}, {}
    for step, line in enumerate(chosen.lines, 1):
        number, source = f"{revision}-{step}", line.draw.source
        lines.append(
            {
                "line": number,
                "action": source.action,
                "source": source.name,
                "gate": source.gate.value,
                "rate": decimal_text(source.rate),
                "order_by": request.on(line.order_by).isoformat(),
                "needed_on": request.on(line.needed_on).isoformat(),
                "securities": source.securities,
                "owner": request.owner_by_source[source.name],
            }
        )
        planned[number] = int(line.draw.amount)
        # Rounded up: a security that is pledged or sold in part is gone in whole units.
        securities[number] = ceil(line.draw.securities)
    first = request.outlook.first_shortfall_day
    return {
        "revision": revision,
        "trigger": trigger,
        "trigger_reason": reason,
        "trigger_figures": dict(figures),
        "as_of": request.as_of,
        "strategy": chosen.strategy.name,
        "shortfall": int(request.outlook.shortfall),
        "first_shortfall_on": request.on(first or 0),
        "need": int(chosen.need),
        "residual": int(chosen.residual),
        "cost": int(chosen.cost),
        "restored_on": None if chosen.restored_on is None else request.on(chosen.restored_on),
        "lines": lines,
        "planned": planned,
        "securities": securities,
        "ranking": [one.simulation.strategy.name for one in ranked],
        "uncovered": {one.simulation.strategy.name: int(one.simulation.uncovered) for one in ranked},
        "horizon_cost": {one.simulation.strategy.name: int(one.simulation.cost) for one in ranked},
        "simulation_digest": digest_of(ranked),
        "basis": dict(request.basis),
    }


def digest_of(ranked: Sequence[Ranked]) -> str:
    """SHA-256 over every line and every day of all strategies, in exact numbers: the same request gives the same."""
    parts = []
    for one in ranked:
        found = one.simulation
        parts.append(f"{one.rank} {found.strategy.name} {found.need} {found.raised} {found.cost}")
        parts += [
            f"{line.draw.source.name} {line.draw.amount} {line.draw.securities} {line.needed_on}"
            for line in found.lines
        ]
        parts += [f"{day.day} {day.before} {day.drawn} {day.repaid} {day.after}" for day in found.path]
    return sha256("\n".join(parts).encode()).hexdigest()


def _surplus(fields: Fields, surplus: object, ccy: str) -> list[Fraction]:
    """The surplus over the limit of day 1, 2, …, from one of three shapes: list, one shortfall, path of a stress."""
    path, shortfall = fields.json_objects("path"), fields.optional_money("shortfall", ccy)
    if sum(shape is not None for shape in (surplus, path, shortfall)) != 1:
        raise wrong("surplus", "want one of: surplus; shortfall and day; path")
    if shortfall is not None:
        day = fields.integer("day")
        if not 1 <= day <= LIST_LENGTH_MAX:
            raise wrong("day", f"want 1 to {LIST_LENGTH_MAX}")
        return [*[Fraction(0)] * (day - 1), Fraction(-shortfall)]
    limit = fields.money("limit", ccy, "0", signed=True)
    if path is not None:
        rows = path
        if any(row.get("day") != at for at, row in enumerate(rows, 1)):
            raise wrong("path", "want every day, from 1")
    elif isinstance(surplus, list | tuple) and len(surplus) <= LIST_LENGTH_MAX:
        rows = [{"surplus": amount} for amount in surplus]
    else:
        raise wrong("surplus", f"want a list of at most {LIST_LENGTH_MAX} amounts")
    found = []
    for at, row in enumerate(rows):
        with _inside(f"{'surplus' if path is None else 'path'}[{at}]"):
            found.append(Fraction(Fields(row).money("surplus", ccy, signed=True) - limit))
    return found


def _securities(fields: Fields, ccy: str) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for at, item in enumerate(fields.json_objects("securities") or ()):
        with _inside(f"securities[{at}]"):
            pool = Fields(item)
            name, value = pool.text("name"), pool.money("market_value", ccy)
            encumbered = pool.money("encumbered", ccy, "0")
            pool.finish()
            if name in found:
                raise wrong("name", "stands twice")
            if encumbered > value:
                raise wrong("encumbered", "more is encumbered than there is")
            found[name] = Fraction(value - encumbered)
    return found


def _sources(fields: Fields, ccy: str) -> tuple[list[Source], dict[str, str]]:
    sources, owners = [], {}
    for at, item in enumerate(fields.json_objects("sources") or ()):
        with _inside(f"sources[{at}]"):
            source, owner = _source(Fields(item), ccy)
        sources.append(source)
        owners[source.name] = owner
    return sources, owners


def _source(line: Fields, ccy: str) -> tuple[Source, str]:
    gate, tenor_days = line.integer("gate"), line.optional_integer("tenor_days")
    if gate not in tuple(Gate):
        raise wrong("gate", "want 1, 2 or 3")
    limit, depth = line.optional_money("limit", ccy), line.optional_money("market_depth", ccy)
    source = Source(
        name=line.text("name"),
        gate=Gate(gate),
        rate=read_fraction(line, "rate"),
        limit=None if limit is None else Fraction(limit),
        lead_days=line.integer("lead_days", 0),
        availability=read_fraction(line, "availability", Fraction(1)),
        stress_availability=read_fraction(line, "stress_availability", STRESS_AVAILABILITY),
        securities=line.text("securities", ""),
        use=Use(_one_of(line, "use", tuple(Use), Use.NONE)),
        haircut=read_fraction(line, "haircut", Fraction(0)),
        market_depth=None if depth is None else Fraction(depth),
        tenor_days=tenor_days,
    )
    owner = line.id("owner", DEFAULT_OWNER)
    line.finish()
    return source, owner


def decimal_text(value: Fraction) -> str:
    """A fraction that came in as decimal text, as text again."""
    return format(Decimal(value.numerator) / value.denominator, "f")


def read_fraction(fields: Fields, name: str, default: Fraction | None = None) -> Fraction:
    text = fields.text(name, None if default is None else "-")
    if default is not None and text == "-":
        return default
    if not _FRACTION.fullmatch(text):
        raise wrong(name, 'want a fraction of at most 12 decimals as text, as "0.0225"')
    return Fraction(text)


def _one_of(fields: Fields, name: str, allowed: Sequence[str], default: str) -> str:
    value = fields.text(name, default)
    if value not in allowed:
        raise wrong(name, f"want one of {', '.join(allowed)}")
    return value


@contextmanager
def _inside(place: str) -> Iterator[None]:
    """Errors of what stands at `place` name the whole path."""
    try:
        yield
    except InvalidInput as error:
        field = error.facts.get("field")
        message = str(error).removeprefix(f"{field}: ")
        raise wrong(f"{place}.{field}" if field else place, message) from None
