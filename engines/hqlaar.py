"""High-quality liquid asset adequacy ratio 优质流动性资产充足率, the PRC's simpler LCR for smaller banks. Exact."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.factor_lines import Line, Ratio, WeighedLine, check_share, total, weigh
from engines.factor_tables import FactorTable
from engines.lcr import NetCashOutflows, net_cash_outflows
from engines.primitives.errors import InvalidInput

LEVEL1, LEVEL2 = "HQLA Level 1", "HQLA Level 2"


@dataclass(frozen=True, slots=True)
class HqlaAdequacy:
    hqla: tuple[WeighedLine, ...]
    outflow_lines: tuple[WeighedLine, ...]
    inflow_lines: tuple[WeighedLine, ...]
    level1: Fraction
    level2: Fraction
    level2_recognised: Fraction
    net: NetCashOutflows
    ratio: Ratio

    @property
    def cap40_binds(self) -> bool:
        return self.level2 > self.level2_recognised


def hqla_adequacy(
    hqla: Sequence[Line],
    outflows: Sequence[Line],
    inflows: Sequence[Line],
    table: FactorTable,
    *,
    minimum: Fraction | None = None,
    level2_share_cap: Fraction | None = None,
    inflow_cap: Fraction | None = None,
) -> HqlaAdequacy:
    """The ratio with all that leads to it; nothing is unwound. Caps that are None come from the table.

    Stock = L1 + min(L2, c / (1 - c) x L1): a share c of the total is c / (1 - c) of Level 1, 2/3 at 40%.

    Raises:
        InvalidInput: as `factor_lines.weigh`; a cap is outside 0..1 or lets Level 2 be the whole stock.
    Source: CBIRC Order 2018 No 3, annex on the high-quality liquid asset adequacy ratio.
    """
    assets = weigh(hqla, table, record="hqla", categories=(LEVEL1, LEVEL2))
    out = weigh(outflows, table, record="outflows", categories=("outflow",))
    in_ = weigh(inflows, table, record="inflows", categories=("inflow",))
    share = table.parameter("level2_share_cap") if level2_share_cap is None else level2_share_cap
    if check_share(share, "level2_share_cap") == 1:
        raise InvalidInput("level2_share_cap must be below 1", field="level2_share_cap")
    level1, level2 = total(assets, LEVEL1), total(assets, LEVEL2)
    recognised = min(level2, share / (1 - share) * level1)
    cap = table.parameter("inflow_cap") if inflow_cap is None else inflow_cap
    net = net_cash_outflows(total(out), total(in_), inflow_cap=cap)
    return HqlaAdequacy(
        assets, out, in_, level1, level2, recognised, net, Ratio(level1 + recognised, net.amount, minimum)
    )
