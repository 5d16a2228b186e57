"""`tidemark calc explain_change`: why LCR, NSFR, positions or a gap moved between two cuts (decision Q9)."""

from typing import Literal

from api.calculations.explain_between import Between
from api.calculations.explain_inputs import (
    AmountLine,
    LcrCut,
    RatioCut,
    amounts_cut,
    coverage_cut,
    ratio_cut,
)
from api.calculations.explain_results import explanation_result, sheets
from api.calculations.liquidity_lines import Overrides, table_result
from api.calculations.registry import Calculation, Result, Variant
from engines.explain_change import Explanation, explain_amounts, explain_coverage, explain_funding
from engines.factor_tables import FactorTable


class Lcr(Between):
    """Two cuts of the LCR; caps default to those of the table."""

    lcr_before: LcrCut
    lcr_after: LcrCut


class Nsfr(Between):
    """Two cuts of the NSFR."""

    nsfr_before: RatioCut
    nsfr_after: RatioCut


class Positions(Between):
    """Two cuts of positions; a cell that changes its line has another tag."""

    position_before: list[AmountLine]
    position_after: list[AmountLine]


class Gap(Between):
    """Two cuts of a gap; lines are time buckets, inflows positive: a cell that changes its bucket rolls."""

    gap_before: list[AmountLine]
    gap_after: list[AmountLine]


def _lcr(inputs: Lcr) -> Result:
    overrides = Overrides()
    before, old = coverage_cut("lcr_before", inputs.lcr_before, overrides)
    after, new = coverage_cut("lcr_after", inputs.lcr_after, overrides)
    return _with_tables(explain_coverage(before, after, inputs.movements()), inputs, old, new, overrides)


def _nsfr(inputs: Nsfr) -> Result:
    overrides = Overrides()
    before, old = ratio_cut("nsfr", "nsfr_before", inputs.nsfr_before, overrides)
    after, new = ratio_cut("nsfr", "nsfr_after", inputs.nsfr_after, overrides)
    return _with_tables(explain_funding(before, after, inputs.movements()), inputs, old, new, overrides)


def _positions(inputs: Positions) -> Result:
    return _amounts("position", inputs.position_before, inputs.position_after, inputs)


def _gap(inputs: Gap) -> Result:
    return _amounts("gap", inputs.gap_before, inputs.gap_after, inputs)


def _amounts(
    kind: Literal["position", "gap"], before: list[AmountLine], after: list[AmountLine], inputs: Between
) -> Result:
    cuts = amounts_cut(kind, f"{kind}_before", before), amounts_cut(kind, f"{kind}_after", after)
    return explanation_result(explain_amounts(kind, *cuts, inputs.movements()), inputs.amount_digits)


def _with_tables(
    found: Explanation, inputs: Between, old: FactorTable, new: FactorTable, overrides: Overrides
) -> Result:
    before, after = (table_result(table, overrides) for table in (old, new))
    tables = {"before": before["factor_table"], "after": after["factor_table"]}
    return {
        **explanation_result(found, inputs.amount_digits),
        "factor_tables": tables,
        "overrides": overrides.found,
    }


CALCULATION = Calculation(
    "explain_change",
    "Why LCR, NSFR, positions or a gap moved between two cuts: causes and entries, nothing left over (LIQ-19, 20).",
    (
        Variant("lcr", Lcr, _lcr),
        Variant("nsfr", Nsfr, _nsfr),
        Variant("position", Positions, _positions),
        Variant("gap", Gap, _gap),
    ),
    sheets,
)
