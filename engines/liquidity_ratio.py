"""Liquidity ratio 流动性比例: liquid assets over liquid liabilities, both within one month (LIQ-21). Exact.

Interbank positions due within one month are netted: a net claim is a liquid asset, a net debt a liquid liability.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engines.factor_lines import ZERO, Amount, Line, Ratio, WeighedLine, check_amount, total, weigh
from engines.factor_tables import FactorTable
from engines.primitives.errors import InvalidInput

ASSET, LIABILITY = ("liquid asset",), ("liquid liability",)
NET_CLAIM_CODE, NET_DEBT_CODE = "LR.A.04", "LR.L.03"


@dataclass(frozen=True, slots=True)
class LiquidityRatio:
    asset_lines: tuple[WeighedLine, ...]
    liability_lines: tuple[WeighedLine, ...]
    net_interbank_asset: Fraction
    net_interbank_liability: Fraction
    ratio: Ratio  # numerator: liquid assets, denominator: liquid liabilities


def liquidity_ratio(
    assets: Sequence[Line],
    liabilities: Sequence[Line],
    table: FactorTable,
    *,
    interbank_claims: Amount | None = None,
    interbank_debts: Amount | None = None,
    minimum: Fraction | None = None,
) -> LiquidityRatio:
    """The ratio with its lines; the net interbank position comes from gross amounts or from one line, not both.

    Args:
        assets, liabilities: balances >= 0. interbank_claims, interbank_debts: gross, due within one month, >= 0;
            one that is None while the other is given is 0.
    Raises:
        InvalidInput: as `factor_lines.weigh`; LR.A.04 or LR.L.03 is a line beside gross amounts (decision Q14), or
            both are lines above 0: never both an asset and a liability.
    Source: CBIRC Order 2018 No 3, article on the liquidity ratio; supervisory return G22.
    """
    asset_lines = weigh(assets, table, record="assets", categories=ASSET)
    liability_lines = weigh(liabilities, table, record="liabilities", categories=LIABILITY)
    net_lines = [
        line for line in (*asset_lines, *liability_lines) if line.item.code in {NET_CLAIM_CODE, NET_DEBT_CODE}
    ]
    is_gross = interbank_claims is not None or interbank_debts is not None
    if net_lines and is_gross:
        _refuse(net_lines[0], "stands beside gross interbank positions: give one of the two")
    held = [line for line in net_lines if line.amount]
    if len({line.item.code for line in held}) > 1:
        _refuse(held[-1], f"stands beside {NET_CLAIM_CODE}: a net position has one side")
    claims = check_amount(interbank_claims or 0, "interbank_claims_1m")
    debts = check_amount(interbank_debts or 0, "interbank_debts_1m")
    listed = [sum((line.amount for line in net_lines if line.item.code == code), ZERO) for code in _NET_CODES]
    net_asset, net_liability = max(ZERO, claims - debts), max(ZERO, debts - claims)
    liquid_assets = total(asset_lines) + net_asset * table.factor(NET_CLAIM_CODE)
    liquid_liabilities = total(liability_lines) + net_liability * table.factor(NET_DEBT_CODE)
    ratio = Ratio(liquid_assets, liquid_liabilities, minimum)
    return LiquidityRatio(asset_lines, liability_lines, net_asset + listed[0], net_liability + listed[1], ratio)


_NET_CODES = (NET_CLAIM_CODE, NET_DEBT_CODE)


def _refuse(line: WeighedLine, message: str) -> None:
    raise InvalidInput(f"{line.item.code} {message}", field=f"{line.record}.code", record=line.record)
