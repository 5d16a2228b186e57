"""How an explanation is printed: figures, causes and lines that add up as shown, and the sheets of a waterfall."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from api.calculations.registry import Result, Sheet
from api.calculations.texts import decimal_or_null, decimal_text, exact_text, not_computable
from engines.explain_change import Explanation, Figure, Side, Values
from engines.explain_lines import CAUSES
from engines.shown_parts import rounded, shown_parts

RATIO_DIGITS = 6  # of per cent
SIDE_NAMES: Mapping[Figure, Mapping[Side, str]] = {
    "lcr": {"numerator": "hqla_stock", "denominator": "net_outflows"},
    "nsfr": {"numerator": "asf", "denominator": "rsf"},
    "position": {"numerator": "position"},
    "gap": {"numerator": "gap"},
}


def explanation_result(found: Explanation, digits: int = 2, unit: Fraction = Fraction(1)) -> Result:
    """The explanation as text. Lines are rounded so that those of a side add up to its change as shown (Q9).

    Args:
        digits: decimals of amounts. unit: what one unit of the explanation is worth in that of the result, as 1/100
            for minor units of a currency with two decimals.
    """
    names = SIDE_NAMES[found.figure]
    amounts: list[Fraction] = [Fraction(0)] * len(found.parts)
    for side in names:
        places = [at for at, part in enumerate(found.parts) if part.side == side]
        start, end = (rounded(getattr(cut, side) * unit, digits) for cut in (found.before, found.after))
        shown = shown_parts([found.parts[at].amount * unit for at in places], end - start, digits)
        for at, amount in zip(places, shown, strict=True):
            amounts[at] = amount
    shares = _shown_shares(found)
    lines = [
        {
            "cause": part.cause,
            "line": part.line,
            "side": names[part.side],
            "entry_id": part.entry and part.entry.entry_id,
            "partition": part.entry and part.entry.partition,
            "offset": part.entry and part.entry.offset,
            "flags": sorted(part.entry.flags) if part.entry else [],
            "amount": decimal_text(amount, digits),
            "amount_exact": exact_text(part.amount * unit),
            "ratio_share_pct": decimal_or_null(share, RATIO_DIGITS),
            "ratio_share_exact": exact_text(part.ratio_share),
        }
        for part, amount, share in zip(found.parts, amounts, shares, strict=True)
    ]
    return {
        "figure": found.figure,
        **_figures(found, digits, unit),
        "causes": _causes(found, amounts, shares, digits),
        "lines": lines,
    }


def sheets(result: Result) -> list[Sheet]:
    """The figure at both cuts, the causes, and the waterfall of lines."""
    names = SIDE_NAMES[result["figure"]]
    amounts = [*names.values(), *([f"{result['figure']}_pct"] if len(names) > 1 else [])]
    rows: list[dict[str, str | None]] = [
        {"figure": name.replace("_", " ")} | {at: result[_key(name, at)] for at in ("before", "after", "change")}
        for name in amounts
    ]
    found = [Sheet("Figures", ("figure", "before", "after", "change"), rows, ("before", "after", "change"))]
    if result["causes"]:
        columns = tuple(result["causes"][0])
        found.append(Sheet("Causes", columns, result["causes"], columns[1:]))
    if result["lines"]:
        columns = ("cause", "line", "entry", "flags", "side", "amount", "ratio_share_pct")
        waterfall = [
            {**{column: line.get(column) for column in columns}, "entry": line["entry_id"]}
            | {"flags": ", ".join(line["flags"]) or None}
            for line in result["lines"]
        ]
        found.append(Sheet("Waterfall", columns, waterfall, ("amount", "ratio_share_pct")))
    return found


def _key(name: str, at: str) -> str:
    return f"{name.removesuffix('_pct')}_{at}_pct" if name.endswith("_pct") else f"{name}_{at}"


def _figures(found: Explanation, digits: int, unit: Fraction) -> Result:
    result: dict[str, Any] = {}
    for side, name in SIDE_NAMES[found.figure].items():
        before, after = (getattr(cut, side) * unit for cut in (found.before, found.after))
        shown = rounded(after, digits) - rounded(before, digits)
        result |= {
            f"{name}_before": decimal_text(before, digits),
            f"{name}_after": decimal_text(after, digits),
            f"{name}_change": decimal_text(shown, digits),
            f"{name}_change_exact": exact_text(after - before),
        }
    if len(SIDE_NAMES[found.figure]) == 1:
        return result | {"residual_exact": exact_text(found.residual("numerator"))}
    for at, cut in (("before", found.before), ("after", found.after)):
        result[f"{found.figure}_{at}_pct"] = decimal_or_null(_shown_ratio(cut), RATIO_DIGITS)
        result[f"{found.figure}_{at}_exact"] = exact_text(cut.ratio)
    result[f"{found.figure}_change_pct"] = decimal_or_null(_shown_change(found), RATIO_DIGITS)
    result[f"{found.figure}_change_exact"] = exact_text(found.ratio_change)
    for side, name in SIDE_NAMES[found.figure].items():
        result[f"{name}_residual_exact"] = exact_text(found.residual(side))
    result["residual_exact"] = exact_text(found.ratio_residual)
    name = SIDE_NAMES[found.figure]["denominator"].replace("_", " ")
    zeros = [at for at, cut in (("before", found.before), ("after", found.after)) if not cut.denominator]
    return result | not_computable(f"{name} are 0 {at}" for at in zeros)


def _causes(
    found: Explanation, amounts: Sequence[Fraction], shares: Sequence[Fraction | None], digits: int
) -> list[dict[str, str | None]]:
    """Sums of the lines as shown, so that both tables agree."""
    names = SIDE_NAMES[found.figure]
    rows = []
    for cause in CAUSES:
        places = [at for at, part in enumerate(found.parts) if part.cause == cause]
        if places:
            sides = {
                name: sum((amounts[at] for at in places if found.parts[at].side == side), Fraction(0))
                for side, name in names.items()
            }
            row: dict[str, str | None] = {"cause": cause}
            row |= {name: decimal_text(amount, digits) for name, amount in sides.items()}
            known = [share for at in places if (share := shares[at]) is not None]
            total = sum(known, Fraction(0)) if len(known) == len(places) else None
            rows.append(row | {"ratio_share_pct": decimal_or_null(total, RATIO_DIGITS)})
    return rows


def _shown_shares(found: Explanation) -> Sequence[Fraction | None]:
    change = _shown_change(found)
    if change is None:
        return [None] * len(found.parts)
    return shown_parts([(part.ratio_share or Fraction(0)) * 100 for part in found.parts], change, RATIO_DIGITS)


def _shown_change(found: Explanation) -> Fraction | None:
    before, after = _shown_ratio(found.before), _shown_ratio(found.after)
    return None if before is None or after is None else after - before


def _shown_ratio(cut: Values) -> Fraction | None:
    return None if cut.ratio is None else rounded(cut.ratio * 100, RATIO_DIGITS)
