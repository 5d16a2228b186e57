"""Why a position or a gap moved, as the API sends it: parts that add up to the move that is shown (decision Q9).

Not for the split: `engines.explain_change` made it, exactly. Parts are rounded by largest remainder.
"""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from api.calculations.texts import decimal_text
from api.figures import Body, offset_vector
from api.ratio_changes import entry_keys
from api.services import Services
from engines.explain_change import Part
from engines.primitives.errors import InvalidInput, Unavailable
from engines.primitives.money import exponent
from engines.shown_parts import rounded, shown_parts
from streams import gap_changes, position_changes
from streams.amount_changes import ExplainedAmount, LineOf, WindowOf, explained_amounts
from streams.change_reader import SOURCES, ChangeReader, Figure
from streams.topics import FX_STATE, GAP, POSITION
from streams.views import Filters

#: Published figures whose source logs are a cut of these.
PUBLISHED = {"position": (POSITION, FX_STATE), "gap": (GAP, FX_STATE)}
Ends = tuple[str | None, datetime | None]  # an offset vector, or an instant


def reader(services: Services) -> ChangeReader:
    """Raises Unavailable."""
    if services.changes is None:
        raise Unavailable("an explanation needs the replay, and there is none here")
    return services.changes


def cut(services: Services, figure: Figure, end: Ends, name: str) -> dict[str, int] | None:
    """The offset vector asked for, of the logs that the figure is made of; None: nothing was asked for.

    Raises InvalidInput: both a vector and an instant.
    """
    text, instant = end
    if text is not None and instant is not None:
        raise InvalidInput("a cut is a vector or an instant, not both", field=f"{name}_time")
    if instant is not None:
        if instant.tzinfo is None:
            raise InvalidInput("an instant needs its offset from UTC, as Z", field=f"{name}_time")
        return reader(services).cut_at(figure, instant)
    vector = offset_vector(text, f"{name}_offsets")
    if vector is None:
        return None
    return {place: offset for place, offset in vector.items() if place.rpartition("/")[0] in SOURCES[figure]}


def explained(
    services: Services,
    figure: Figure,
    between: tuple[dict[str, int], dict[str, int]],
    filters: Filters,
    buckets: tuple[str | None, bool],
    entries_max: int,
) -> list[ExplainedAmount]:
    """Raises InvalidInput, NotFound, Unavailable."""
    line_of: LineOf = position_changes.line_of
    window_of: WindowOf = position_changes.window_of
    if figure == "gap":
        line_of, window_of = gap_changes.lines_of(buckets[0], cumulative=buckets[1]), gap_changes.window_of
    cuts = reader(services).cuts(figure, *between, filters)
    newest = max((day for days in cuts.days for day in days.values()), default=None)
    policy = services.ratio_policy
    reporting = None if policy is None or newest is None else policy.in_force(newest).reporting_currency
    return explained_amounts(cuts, window_of, line_of, reporting, entries_max)


def changes_row(found: ExplainedAmount) -> Body:
    """`change` is the difference of the two figures as shown, and the parts add up to it as shown."""
    explanation, currency = found.explanation, found.scope.currency
    digits = exponent(currency)
    before, after = (
        rounded(values.numerator / 10**digits, digits) for values in (explanation.before, explanation.after)
    )
    return {
        "figure": explanation.figure,
        "scope": found.scope.kind,
        "entity": found.scope.entity,
        "currency": currency,
        "as_of": found.as_of[1].isoformat(),
        "as_of_before": found.as_of[0].isoformat(),
        "before": decimal_text(before, digits),
        "after": decimal_text(after, digits),
        "change": decimal_text(after - before, digits),
        "residual": decimal_text(explanation.residual("numerator"), digits),
        "without_rate": list(found.missing),
        "parts": _parts(explanation.parts, after - before, digits),
    }


def _parts(parts: Sequence[Part], change: Fraction, digits: int) -> list[Body]:
    amounts = shown_parts([part.amount / 10**digits for part in parts], change, digits) if parts else []
    return [
        {
            "cause": part.cause,
            "line": part.line,
            **entry_keys(part.entry),
            "entries": part.pooled or int(part.entry is not None),
            "amount": decimal_text(amount, digits),
        }
        for part, amount in zip(parts, amounts, strict=True)
    ]
