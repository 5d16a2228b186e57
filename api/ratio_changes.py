"""Why a liquidity ratio moved, as the API sends it: parts that add up, the largest entries by name (decision Q9).

Not for the split: `engines.explain_change` made it, exactly. Parts are rounded by largest remainder, so that what is
shown adds up to the move that is shown.
"""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from heapq import nlargest
from typing import Any, NamedTuple

from api.calculations.texts import decimal_text, exact_text, percent_text
from api.figures import Body
from api.ratios import amount_text
from engines.explain_change import Explanation, Part
from engines.explain_lines import Entry
from engines.primitives.money import exponent
from engines.shown_parts import rounded, shown_parts
from streams.ratio_changes import ExplainedRatio

RATIO_DIGITS = 6  # of per cent


class _Shown(NamedTuple):
    """A part, or the smaller entries of one line together: `entries` tells how many."""

    cause: str
    line: str
    side: str
    entry: Entry | None
    entries: int
    amount: Fraction
    ratio_share: Fraction | None


def changes_row(found: ExplainedRatio, entries_max: int) -> Body:
    explanation, currency = found.explanation, found.scope.currency
    parts = _largest(explanation.parts, entries_max)
    return {
        "figure": explanation.figure,
        "scope": found.scope.kind,
        "entity": found.scope.entity,
        "currency": currency,
        "as_of": found.as_of[1].isoformat(),
        "as_of_before": found.as_of[0].isoformat(),
        "before_pct": percent_text(explanation.before.ratio),
        "after_pct": percent_text(explanation.after.ratio),
        "change_pct": percent_text(explanation.ratio_change),
        "change_exact": exact_text(explanation.ratio_change),
        "numerator_change": amount_text(explanation.change("numerator"), currency),
        "denominator_change": amount_text(explanation.change("denominator"), currency),
        "residual": amount_text(explanation.residual("numerator") + explanation.residual("denominator"), currency),
        "parts": _rows(parts, explanation, currency),
    }


def _largest(parts: Sequence[Part], entries_max: int) -> list[_Shown]:
    """All parts without an entry, the largest with one; the entries left of a line are one part."""
    named = [part for part in parts if part.entry is not None]
    # Floats only order them: comparing a hundred thousand fractions takes seconds.
    kept = set(map(id, nlargest(entries_max, named, key=lambda part: abs(float(part.amount)))))
    shown: list[_Shown] = []
    others: dict[tuple[str, str, str], list[Part]] = defaultdict(list)
    for part in parts:
        if part.entry is None or id(part) in kept:
            entries = part.pooled or int(part.entry is not None)
            shown.append(_Shown(part.cause, part.line, part.side, part.entry, entries, part.amount, part.ratio_share))
        else:
            others[part.cause, part.line, part.side].append(part)
    for (cause, line, side), left in others.items():
        amount = sum((part.amount for part in left), Fraction(0))
        # All amounts of a side weigh alike in the ratio: one product in place of thousands of long fractions.
        first = left[0]
        share = None if first.ratio_share is None else amount * (first.ratio_share / first.amount)
        shown.append(_Shown(cause, line, side, None, len(left), amount, share))
    return shown


def _rows(parts: Sequence[_Shown], explanation: Explanation, currency: str) -> list[Body]:
    digits = exponent(currency)
    scale = 10**digits
    amounts: dict[int, Fraction] = {}
    for side in ("numerator", "denominator"):
        places = [at for at, part in enumerate(parts) if part.side == side]
        values = [parts[at].amount / scale for at in places]
        total = rounded(sum(values, Fraction(0)), digits)
        amounts |= dict(zip(places, shown_parts(values, total, digits), strict=True))
    shares: list[Fraction | None] = [None] * len(parts)
    if explanation.ratio_change is not None:
        exact = [(part.ratio_share or Fraction(0)) * 100 for part in parts]
        shares = list(shown_parts(exact, rounded(explanation.ratio_change * 100, RATIO_DIGITS), RATIO_DIGITS))
    return [
        {
            "cause": part.cause,
            "line": part.line,
            "side": part.side,
            **entry_keys(part.entry),
            "entries": part.entries,
            "amount": decimal_text(amounts[at], digits),
            "ratio_share_pct": None if share is None else decimal_text(share, RATIO_DIGITS),
        }
        for at, (part, share) in enumerate(zip(parts, shares, strict=True))
    ]


def entry_keys(entry: Entry | None) -> dict[str, Any]:
    """Where an entry stands in its log; nulls for a part that is no single entry's."""
    if entry is None:
        return {"entry": None, "place": None, "offset": None, "flags": []}
    topic, _, identity = entry.entry_id.partition(" ")
    return {
        "entry": identity,
        "place": f"{topic}/{entry.partition}",
        "offset": entry.offset,
        "flags": sorted(entry.flags),
    }
