"""How an indicator is shown: per cent, exact fraction, and whether it keeps its target; null where it has no value.

Not for amounts, which `texts` writes, nor for what a ratio means: its engine says that.
"""

from fractions import Fraction
from typing import Any

from api.calculations.texts import decimal_text, exact_text, not_computable, percent_text
from engines.indicators import Ratio

AVERAGE_DIGITS = 6  # of amounts that come from a division


def ratio_keys(name: str, ratio: Ratio) -> dict[str, Any]:
    return {f"{name}_pct": percent_text(ratio.value), f"{name}_exact": exact_text(ratio.value)}


def ratio_keys_or_reason(name: str, ratio: Ratio, denominator: str) -> dict[str, Any]:
    """The two keys and, where the denominator is 0, `status` and a `reason` that names it (decision Q5)."""
    return ratio_keys(name, ratio) | not_computable([] if ratio.denominator else [f"{denominator} are 0"])


def minimum_keys(ratio: Ratio, minimum_pct: Fraction) -> dict[str, Any]:
    return {"minimum_pct": decimal_text(minimum_pct, 6), "meets_minimum": ratio.is_at_least(minimum_pct / 100)}
