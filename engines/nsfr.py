"""Net stable funding ratio: available over required stable funding (LIQ-20). Exact, nothing is rounded.

Maturities are the caller's: the earliest date at which an investor may call, the latest to which a client may extend.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.factor_lines import ZERO, Amount, Line, Ratio, WeighedLine, check_amount, check_share, total, weigh
from engines.factor_tables import FactorTable
from engines.primitives.errors import InvalidInput

ASF, RSF = ("ASF",), ("RSF", "RSF off balance sheet")
NET_ASSETS_CODE, ADD_ON_CODE, NET_LIABILITIES_CODE = "NSFR.RSF.100.02", "NSFR.RSF.100.05", "NSFR.ASF.0.03"


@dataclass(frozen=True, slots=True)
class Derivatives:
    """Replacement costs after netting by eligible netting set, >= 0. Of what was received only cash margin that
    meets the conditions nets; of what was posted all variation margin does."""

    positive_replacement_cost: Amount
    cash_variation_margin_received: Amount
    negative_replacement_cost: Amount
    variation_margin_posted: Amount


@dataclass(frozen=True, slots=True)
class DerivativeFunding:
    assets: Fraction
    liabilities: Fraction
    addon: Fraction  # on gross liabilities, before variation margin

    @property
    def net_assets(self) -> Fraction:
        return max(ZERO, self.assets - self.liabilities)

    @property
    def net_liabilities(self) -> Fraction:
        return max(ZERO, self.liabilities - self.assets)


@dataclass(frozen=True, slots=True)
class StableFunding:
    asf_lines: tuple[WeighedLine, ...]
    rsf_lines: tuple[WeighedLine, ...]
    derivatives: DerivativeFunding | None
    asf: Fraction
    rsf: Fraction  # derivative terms included
    ratio: Ratio


def stable_funding(
    asf: Sequence[Line],
    rsf: Sequence[Line],
    table: FactorTable,
    *,
    derivatives: Derivatives | None = None,
    addon_factor: Fraction | None = None,
    minimum: Fraction | None = None,
) -> StableFunding:
    """The ratio with all that leads to it; an `addon_factor` of None is the table's.

    Args:
        asf, rsf: carrying values, >= 0; of off-balance items the undrawn or contingent amount.
    Raises:
        InvalidInput: as `factor_lines.weigh`; a derivative item is a line that weighs something
            while `derivatives` is given.
    Source: Basel Framework NSF30; BCBS 295.
    """
    available = weigh(asf, table, record="asf", categories=ASF)
    required = weigh(rsf, table, record="rsf", categories=RSF)
    asf_total, rsf_total = total(available), total(required)
    found = None
    if derivatives is not None:
        _count_once((*available, *required))
        found = derivative_funding(derivatives, table.factor(ADD_ON_CODE) if addon_factor is None else addon_factor)
        asf_total += found.net_liabilities * table.factor(NET_LIABILITIES_CODE)
        rsf_total += found.net_assets * table.factor(NET_ASSETS_CODE) + found.addon
    return StableFunding(available, required, found, asf_total, rsf_total, Ratio(asf_total, rsf_total, minimum))


def derivative_funding(derivatives: Derivatives, addon_factor: Fraction) -> DerivativeFunding:
    """NSFR derivative assets and liabilities after margin, and the add-on.

    Raises:
        InvalidInput: an amount is negative, the factor outside 0..1.
    Source: Basel Framework NSF30.8-30.9, 30.23-30.24, 30.32(2), 30.32(5).
    """
    positive = check_amount(derivatives.positive_replacement_cost, "derivatives.positive_replacement_cost")
    received = check_amount(derivatives.cash_variation_margin_received, "derivatives.cash_vm_received")
    negative = check_amount(derivatives.negative_replacement_cost, "derivatives.negative_replacement_cost")
    posted = check_amount(derivatives.variation_margin_posted, "derivatives.vm_posted")
    addon = negative * check_share(addon_factor, "derivatives.addon_factor")
    return DerivativeFunding(max(ZERO, positive - received), max(ZERO, negative - posted), addon)


def factor_after_encumbrance(unencumbered_factor: Fraction, months_left: int, table: FactorTable) -> Fraction:
    """The factor of an encumbered asset: as if free under 6 months, at least 50% from 6, 100% from 12 months.

    Args:
        months_left: whole calendar months of encumbrance still to run, >= 0; 0 is free.
    Raises:
        InvalidInput: the months are negative, the factor outside 0..1.
    Source: Basel Framework NSF30.20.
    """
    check_share(unencumbered_factor, "unencumbered_factor")
    if months_left < 0:
        raise InvalidInput("encumbrance_months_left may not be negative", field="encumbrance_months_left")
    if months_left >= table.parameter("encumbered_full_from_months"):
        return Fraction(1)
    if months_left >= table.parameter("encumbered_half_from_months"):
        return max(unencumbered_factor, table.parameter("encumbered_floor"))
    return unencumbered_factor


def _count_once(lines: Sequence[WeighedLine]) -> None:
    for line in lines:
        is_derivative = line.item.code in {NET_ASSETS_CODE, ADD_ON_CODE, NET_LIABILITIES_CODE}
        if is_derivative and line.weighted:  # a form with every row has these at 0: nothing counts twice
            message = f"{line.item.code} follows from derivatives: give one of the two"
            raise InvalidInput(message, field=f"{line.record}.code", record=line.record)
