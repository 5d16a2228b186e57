"""`tidemark calc hqlaar`: high-quality liquid asset adequacy ratio 优质流动性资产充足率."""

from api.calculations.fields import Share
from api.calculations.liquidity_lines import (
    FactorLine,
    Overrides,
    RatioInputs,
    amount_text,
    in_force,
    minimum,
    provenance,
    ratio_result,
    sheets,
)
from api.calculations.registry import Calculation, Result, Variant
from engines.hqlaar import hqla_adequacy

NAME = "hqlaar"


class Adequacy(RatioInputs):
    """The ratio. Caps default to those of the table: 40% and 75%."""

    hqla: list[FactorLine]
    outflows: list[FactorLine]
    inflows: list[FactorLine]
    level2_share_cap: Share | None = None
    inflow_cap: Share | None = None


def _adequacy(inputs: Adequacy) -> Result:
    table, overrides = in_force(NAME, inputs), Overrides()
    found = hqla_adequacy(
        [line.line() for line in inputs.hqla],
        [line.line() for line in inputs.outflows],
        [line.line() for line in inputs.inflows],
        table,
        minimum=minimum(NAME, inputs, overrides),
        level2_share_cap=inputs.level2_share_cap,
        inflow_cap=inputs.inflow_cap,
    )
    lines = (*found.hqla, *found.outflow_lines, *found.inflow_lines)
    overrides.add_lines(lines)
    overrides.add("level2_share_cap", inputs.level2_share_cap, table.parameter("level2_share_cap"))
    overrides.add("inflow_cap", inputs.inflow_cap, table.parameter("inflow_cap"))
    amounts = {
        "level1": found.level1,
        "level2": found.level2,
        "level2_recognised": found.level2_recognised,
        "hqla_stock": found.ratio.numerator,
        "total_outflows": found.net.outflows,
        "total_inflows": found.net.inflows,
        "inflow_cap": found.net.inflow_cap,
        "recognised_inflows": found.net.recognised_inflows,
        "net_outflows": found.net.amount,
    }
    flags = {"cap40_binding": found.cap40_binds, "inflow_cap_binding": found.net.cap_binds}
    texts = {key: amount_text(amount) for key, amount in amounts.items()}
    return texts | ratio_result(NAME, found.ratio, "net outflows are 0", flags) | provenance(table, overrides, lines)


CALCULATION = Calculation(
    NAME,
    "High-quality liquid asset adequacy ratio, for banks under RMB 200 bn.",
    (Variant("adequacy", Adequacy, _adequacy),),
    sheets,
)
