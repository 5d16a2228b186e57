"""Limits as a depositor's leaving moves them: flat faces, of which any one below 0 breaks the limit. Exact.

A deposit that leaves takes as much cash with it. Cash buffers and ratios are one face. The LCR is several: its stock
is the least of four linear amounts (no cap, and each of the caps on Level 2) and its net outflow the greater of two
(inflows below their cap, or at it), so "stock < minimum x net outflow" is "one of the eight differences is below 0".
Not for finding the depositors: `engines.reverse_stress_depositors`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from engines.factor_lines import ZERO, check_amount, check_share
from engines.lcr import Levels
from engines.primitives.errors import InvalidInput

ByClass = Mapping[str, Fraction]  # by class of deposit, as "retail_stable"


@dataclass(frozen=True, slots=True)
class Face:
    """`surplus` in minor units, and what of it each unit of a class takes along when it leaves."""

    surplus: Fraction
    loss_by_class: ByClass


@dataclass(frozen=True, slots=True)
class DepositorLimit:
    name: str
    faces: tuple[Face, ...]  # broken if one is below 0; at 0 the limit is met


def cash_limit(name: str, cash: Fraction, minimum: Fraction, released_by_class: ByClass) -> DepositorLimit:
    """Cash and excess reserves never below `minimum`; what leaves may release its required reserve.

    Args:
        released_by_class: share of each class that stays as cash, its reserve ratio or 0.
    """
    return DepositorLimit(name, (Face(cash - minimum, {key: 1 - share for key, share in released_by_class.items()}),))


def minimum_ratio_limit(
    name: str,
    numerator: Fraction,
    denominator: Fraction,
    minimum: Fraction,
    *,
    from_numerator: ByClass,
    from_denominator: ByClass,
) -> DepositorLimit:
    """`numerator / denominator >= minimum`, tested without dividing, as the liquidity ratio or excess reserves.

    Args:
        from_numerator, from_denominator: what each unit of a class takes off either; 0 where a class is missing.
    """
    return DepositorLimit(
        name,
        (_difference(numerator, denominator, minimum, from_numerator, from_denominator),),
    )


def maximum_ratio_limit(
    name: str,
    numerator: Fraction,
    denominator: Fraction,
    maximum: Fraction,
    *,
    from_numerator: ByClass,
    from_denominator: ByClass,
) -> DepositorLimit:
    """`numerator / denominator <= maximum`, as loans to deposits."""
    found = _difference(numerator, denominator, maximum, from_numerator, from_denominator)
    return DepositorLimit(name, (Face(-found.surplus, {key: -loss for key, loss in found.loss_by_class.items()}),))


def lcr_limit(
    name: str,
    held: Levels,
    outflows: Fraction,
    inflows: Fraction,
    run_off_by_class: ByClass,
    *,
    adjusted: Levels | None = None,
    minimum: Fraction = Fraction(1),
    inflow_cap: Fraction = Fraction(75, 100),
    level2_share_cap: Fraction = Fraction(40, 100),
    level2b_share_cap: Fraction = Fraction(15, 100),
) -> DepositorLimit:
    """LCR >= minimum. Deposits leave out of Level 1 and take their weighed outflow with them.

    The stock is not floored at 0 here: below 0 it is a stock of 0, broken either way while any outflow is left.

    Args:
        held, adjusted: as `engines.lcr.hqla_stock`. outflows, inflows: weighed totals, >= 0.
        run_off_by_class: share of a class that stands in `outflows`, 0..1.
    Raises:
        InvalidInput: a flow is negative, a share outside 0..1, a cap on Level 2 of 1.
    Source: BCBS 238 paragraphs 46-48, 69, Annex 1.
    """
    check_amount(outflows, "outflows")
    check_amount(inflows, "inflows")
    check_share(inflow_cap, "inflow_cap")
    for key, share in run_off_by_class.items():
        check_share(share, f"run_off_by_class.{key}")
    if (
        max(check_share(level2_share_cap, "level2_share_cap"), check_share(level2b_share_cap, "level2b_share_cap"))
        == 1
    ):
        raise InvalidInput("a cap on Level 2 must be below 1", field="level2_share_cap")
    given = held if adjusted is None else adjusted
    both, alone, of_level1 = (
        level2_share_cap / (1 - level2_share_cap),
        level2b_share_cap / (1 - level2b_share_cap),
        level2b_share_cap / (1 - level2_share_cap),
    )
    # Stock and what a unit of Level 1 adds to it, as the greatest of the caps' deductions leaves it.
    stocks = (
        (held.total, Fraction(1)),
        (held.total - given.level2b + alone * (given.level1 + given.level2a), 1 + alone),
        (held.total - given.level2b + of_level1 * given.level1, 1 + of_level1),
        (held.total - given.level2a - given.level2b + both * given.level1, 1 + both),
    )
    nets = ((outflows - inflows, Fraction(1)), ((1 - inflow_cap) * outflows, 1 - inflow_cap))
    faces = tuple(
        Face(
            stock - minimum * net, {key: per_unit - minimum * kept * share for key, share in run_off_by_class.items()}
        )
        for stock, per_unit in stocks
        for net, kept in nets
    )
    return DepositorLimit(name, faces)


def _difference(
    numerator: Fraction, denominator: Fraction, edge: Fraction, from_numerator: ByClass, from_denominator: ByClass
) -> Face:
    classes = dict.fromkeys((*from_numerator, *from_denominator))
    losses = {key: from_numerator.get(key, ZERO) - edge * from_denominator.get(key, ZERO) for key in classes}
    return Face(numerator - edge * denominator, losses)
