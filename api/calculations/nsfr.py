"""`tidemark calc nsfr`: net stable funding ratio, and the factors of encumbered assets (LIQ-20)."""

from fractions import Fraction

from pydantic import Field

from api.calculations.fields import Count, Inputs, Name, NonNegative, Share
from api.calculations.liquidity_lines import (
    Dated,
    FactorLine,
    Overrides,
    RatioInputs,
    amount_text,
    factor_text,
    in_force,
    minimum,
    provenance,
    ratio_result,
    sheets,
    table_result,
)
from api.calculations.registry import Calculation, Result, Variant
from engines.factor_tables import FactorTable
from engines.nsfr import ADD_ON_CODE, Derivatives, factor_after_encumbrance, stable_funding
from engines.primitives.errors import InvalidInput

NAME = "nsfr"


class DerivativeAmounts(Inputs):
    """After netting by eligible netting set. Other collateral than cash never reduces a derivative asset."""

    positive_replacement_cost: NonNegative
    cash_vm_received: NonNegative
    other_collateral_received: NonNegative = Fraction(0)
    negative_replacement_cost: NonNegative
    vm_posted: NonNegative
    addon_factor: Share | None = Field(default=None, description="national choice, 5% to 20%; default: the table's")


class Funding(RatioInputs):
    """The ratio; its derivative terms are added when `derivatives` is given."""

    asf: list[FactorLine]
    rsf: list[FactorLine]
    derivatives: DerivativeAmounts | None = None


class EncumberedAsset(Inputs):
    """An asset with its factor as if free, or with the code that has it."""

    asset: Name
    amount: NonNegative
    unencumbered_factor: Share | None = None
    code: Name | None = None
    encumbrance_months_left: Count = Field(description="whole months; 0: free")


class Encumbered(Dated):
    """Assets that may be encumbered."""

    assets: list[EncumberedAsset]


def _funding(inputs: Funding) -> Result:
    table, overrides = in_force(NAME, inputs), Overrides()
    given = inputs.derivatives
    found = stable_funding(
        [line.line() for line in inputs.asf],
        [line.line() for line in inputs.rsf],
        table,
        derivatives=None if given is None else _derivatives(given),
        addon_factor=None if given is None else given.addon_factor,
        minimum=minimum(NAME, inputs, overrides),
    )
    lines = (*found.asf_lines, *found.rsf_lines)
    overrides.add_lines(lines)
    result = {"asf_total": amount_text(found.asf), "rsf_total": amount_text(found.rsf)}
    if found.derivatives is not None and given is not None:
        addon_factor = table.item(ADD_ON_CODE).factor
        overrides.add("derivatives.addon_factor", given.addon_factor, addon_factor, ADD_ON_CODE)
        result |= {
            "nsfr_derivative_assets": amount_text(found.derivatives.assets),
            "nsfr_derivative_liabilities": amount_text(found.derivatives.liabilities),
            "rsf_net_derivative_assets": amount_text(found.derivatives.net_assets),
            "rsf_derivative_addon": amount_text(found.derivatives.addon),
        }
    return (
        result | ratio_result(NAME, found.ratio, "required stable funding is 0") | provenance(table, overrides, lines)
    )


def _derivatives(given: DerivativeAmounts) -> Derivatives:
    return Derivatives(
        given.positive_replacement_cost, given.cash_vm_received, given.negative_replacement_cost, given.vm_posted
    )


def _encumbered(inputs: Encumbered) -> Result:
    table, overrides = in_force(NAME, inputs), Overrides()
    rows, total = [], Fraction(0)
    for at, asset in enumerate(inputs.assets):
        free = _free_factor(asset, table, overrides, f"assets[{at}]")
        factor = factor_after_encumbrance(free, asset.encumbrance_months_left, table)
        total += asset.amount * factor
        rows.append({"asset": asset.asset, "factor": factor_text(factor), "rsf": amount_text(asset.amount * factor)})
    return {"assets": rows, "rsf_total": amount_text(total), **table_result(table, overrides)}


def _free_factor(asset: EncumberedAsset, table: FactorTable, overrides: Overrides, record: str) -> Fraction:
    if asset.code is None:
        if asset.unencumbered_factor is None:
            message = "want unencumbered_factor, or a code to find it by"
            raise InvalidInput(message, field=f"{record}.unencumbered_factor", record=record)
        return asset.unencumbered_factor
    try:
        item = table.item(asset.code)
    except InvalidInput as error:
        raise InvalidInput(str(error), field=f"{record}.code", record=record) from error
    factor = item.factor if asset.unencumbered_factor is None else asset.unencumbered_factor
    if item.category != "RSF" or factor is None:
        raise InvalidInput(f"{asset.code} is no asset with a factor", field=f"{record}.code", record=record)
    overrides.add(f"{record}.unencumbered_factor", factor, item.factor, item.code)
    return factor


CALCULATION = Calculation(
    NAME,
    "Net stable funding ratio; factors of encumbered assets (LIQ-20).",
    (Variant("funding", Funding, _funding), Variant("encumbered", Encumbered, _encumbered)),
    sheets,
)
