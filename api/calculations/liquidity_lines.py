"""What the liquidity ratios share at `calc`: lines with factors, the table in force, and how a ratio is printed.

Factor tables are those shipped with Tidemark; a line's own `factor` wins and is listed in `overrides` (decision Q8).
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from pydantic import Field

from api.calculations.fields import Day, Inputs, Name, NonNegative, Share
from api.calculations.registry import Result, Sheet
from api.calculations.texts import decimal_text, exact_text, not_computable, percent_text, plain_text
from engines.factor_lines import Line, Ratio, WeighedLine
from engines.factor_tables import FactorPolicy, FactorTable, parse_factor_policy
from infra.policies import load_policy

AMOUNT_DIGITS = 6
FACTOR_DIGITS_MIN = 2


class FactorLine(Inputs):
    code: Name
    amount: NonNegative
    factor: Share | None = Field(default=None, description="default: that of the factor table")

    def line(self) -> Line:
        return Line(self.code, self.amount, self.factor)


class Dated(Inputs):
    as_of: Day | None = Field(default=None, description="which version of the table; default: the newest")


class RatioInputs(Dated):
    minimum_pct: NonNegative | None = Field(default=None, description="default: the minimum in force on as_of")


class Overrides:
    """Inputs that were used in place of what the table says."""

    def __init__(self) -> None:
        self.found: list[dict[str, str | None]] = []

    def add(self, field: str, used: Fraction | None, table: Fraction | None, code: str | None = None) -> None:
        if used is not None and used != table:
            said = None if table is None else factor_text(table)
            self.found.append({"field": field, "code": code, "used": factor_text(used), "table": said})

    def add_lines(self, lines: Iterable[WeighedLine]) -> None:
        for line in lines:
            self.add(f"{line.record}.factor", line.factor, line.item.factor, line.item.code)


@cache
def policy(name: str) -> FactorPolicy:
    return parse_factor_policy(name, load_policy(name))


def in_force(name: str, inputs: Dated) -> FactorTable:
    return policy(name).in_force(inputs.as_of)


def minimum(name: str, inputs: RatioInputs, overrides: Overrides) -> Fraction | None:
    """The given minimum as a plain ratio, else that in force; None where none is."""
    found = policy(name).minimum(inputs.as_of)
    if inputs.minimum_pct is None:
        return found
    overrides.add("minimum_pct", inputs.minimum_pct, None if found is None else found * 100)
    return inputs.minimum_pct / 100


def chosen(
    overrides: Overrides, field: str, given: Fraction | None, table: Fraction, code: str | None = None
) -> Fraction:
    """What was given, noted where it differs, else what the table says."""
    overrides.add(field, given, table, code)
    return table if given is None else given


def factor_text(value: Fraction) -> str:
    """All the digits that came in, at least two: 0.05, 0.025, 1.00."""
    text = plain_text(value)
    digits = len(text.partition(".")[2])
    return text if digits >= FACTOR_DIGITS_MIN else decimal_text(value, FACTOR_DIGITS_MIN)


def amount_text(value: Fraction) -> str:
    return decimal_text(value, AMOUNT_DIGITS)


def ratio_result(name: str, ratio: Ratio, zero: str, flags: Mapping[str, bool] | None = None) -> Result:
    """The keys of a ratio; `zero`: the reason if there is nothing to divide by; `flags` stand before the verdict."""
    surplus = ratio.surplus
    return {
        f"{name}_pct": percent_text(ratio.value),
        f"{name}_exact": exact_text(ratio.value),
        **(flags or {}),
        "meets_minimum": ratio.meets_minimum,
        "minimum_pct": percent_text(ratio.minimum),
        "surplus": None if surplus is None else amount_text(surplus),
        "headroom_pct": percent_text(ratio.headroom),
    } | not_computable([] if ratio.denominator else [zero])


def provenance(table: FactorTable, overrides: Overrides, lines: Sequence[WeighedLine]) -> Result:
    """The table's version, what was used in its place, and each line with its factor and source."""
    return {**table_result(table, overrides), "lines": [_line_result(line) for line in lines]}


def table_result(table: FactorTable, overrides: Overrides) -> Result:
    version = {"name": table.policy, "version": table.version, "effective_from": table.effective_from.isoformat()}
    return {"factor_table": version, "overrides": overrides.found}


def sheets(result: Result) -> list[Sheet]:
    """Figures, overrides and lines, whichever the result has."""
    single = {key: value for key, value in result.items() if not isinstance(value, list | dict)}
    in_words = {key for key, value in single.items() if isinstance(value, bool) or key in _WORDS}
    in_words |= {key for key in single if key.endswith("_exact")}
    found = []
    for title, wanted in (("Figures", single.keys() - in_words), ("Verdict", in_words)):
        rows = [{"figure": key.replace("_", " "), "value": _cell(single[key])} for key in single if key in wanted]
        if rows:
            found.append(Sheet(title, ("figure", "value"), rows, ("value",) if title == "Figures" else ()))
    for title, key in (
        ("Deposits", "deposits"),
        ("Assets", "assets"),
        ("Overrides", "overrides"),
        ("Lines", "lines"),
    ):
        rows = [{column: _cell(value) for column, value in row.items()} for row in result.get(key, ())]
        if rows:
            amounts = tuple(column for column in rows[0] if column in _AMOUNTS)
            found.append(Sheet(title, tuple(rows[0]), rows, amounts))
    return found


_WORDS = frozenset({"meets_minimum", "status", "reason"})
_AMOUNTS = frozenset({"amount", "weighted", "stable", "less_stable", "outflow", "rsf"})


def _line_result(line: WeighedLine) -> dict[str, Any]:
    item = line.item
    return {
        "record": line.record,
        "code": item.code,
        "maturity_bucket": item.maturity_bucket,
        "name": item.name_en,
        "amount": plain_text(Fraction(line.amount)),
        "factor": factor_text(line.factor),
        "weighted": plain_text(line.weighted),
        "source": item.source,
        "status": item.status,
        "confidence": item.confidence,
    }


def _cell(value: Any) -> str | None:
    return None if value is None else "yes" if value is True else "no" if value is False else str(value)
