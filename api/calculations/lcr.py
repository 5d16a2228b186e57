"""`tidemark calc lcr`: liquidity coverage ratio, and the amounts of it that follow a rule of their own (LIQ-19)."""

from fractions import Fraction
from typing import Literal

from pydantic import Field

from api.calculations.fields import Count, Inputs, Name, NonNegative, Share
from api.calculations.liquidity_lines import (
    Dated,
    FactorLine,
    Overrides,
    RatioInputs,
    amount_text,
    chosen,
    factor_text,
    in_force,
    minimum,
    provenance,
    ratio_result,
    sheets,
    table_result,
)
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.repeats import refuse_repeats
from engines.lcr import Leg, Level, LiquidityCoverage, SecuredDeal, liquidity_coverage
from engines.lcr_lines import lending_excess, split_facility, split_insured_deposit
from engines.primitives.errors import InvalidInput

NAME = "lcr"
STABLE, LESS_STABLE = "LCR.OF.RET.02", "LCR.OF.RET.03"
#: Codes of the credit and the liquidity facility, BCBS 238 paragraph 131.
FACILITY_CODES = {
    "non_financial": ("LCR.OF.FAC.02", "LCR.OF.FAC.03"),
    "other_financial": ("LCR.OF.FAC.05", "LCR.OF.FAC.06"),
}
_COLLATERAL = ("cash", "collateral_level", "collateral_market_value", "collateral_factor")
_SWAP = tuple(f"{side}_{part}" for side in ("given", "received") for part in ("level", "market_value", "factor"))


class Deal(Inputs):
    """Secured funding, lending or swap, for the unwinding; a repo gives collateral, a reverse repo receives it."""

    id: Name = ""
    kind: Literal["repo", "reverse_repo", "collateral_swap"]
    days_to_maturity: Count
    cash: NonNegative | None = None
    collateral_level: Level | None = None
    collateral_market_value: NonNegative | None = None
    collateral_factor: Share | None = None
    given_level: Level | None = None
    given_market_value: NonNegative | None = None
    given_factor: Share | None = None
    received_level: Level | None = None
    received_market_value: NonNegative | None = None
    received_factor: Share | None = None


class Coverage(RatioInputs):
    """The ratio. Caps and horizon default to those of the table: 75%, 40%, 15%, 30 days."""

    hqla: list[FactorLine]
    outflows: list[FactorLine]
    inflows: list[FactorLine]
    sft: list[Deal] = Field(default=[])
    inflow_cap: Share | None = None
    level2_share_cap: Share | None = None
    level2b_share_cap: Share | None = None
    horizon_days: Count | None = None


class Deposit(Inputs):
    deposit: Name
    balance: NonNegative = Field(description="all that this depositor has at the bank")
    insurance_limit: NonNegative
    cover_ratio: Share = Fraction(1)
    relationship_or_transactional: bool


class Deposits(Dated):
    """Deposits, split at the insurance limit."""

    deposits: list[Deposit]
    stable_factor: Share | None = None
    less_stable_factor: Share | None = None


class Facility(Dated):
    """An undrawn line, split into liquidity and credit facility."""

    undrawn: NonNegative
    client_debt_backed_due_30d: NonNegative
    client: Literal["non_financial", "other_financial"] = "non_financial"
    credit_factor: Share | None = None
    liquidity_factor: Share | None = None


class Lending(Dated):
    """Lending obligations to retail and corporate clients, and what these clients owe by contract within 30 days."""

    contractual_obligations: NonNegative
    contractual_inflows: NonNegative
    inflow_share: Share | None = None


def _coverage(inputs: Coverage) -> Result:
    table, overrides = in_force(NAME, inputs), Overrides()
    found = liquidity_coverage(
        [line.line() for line in inputs.hqla],
        [line.line() for line in inputs.outflows],
        [line.line() for line in inputs.inflows],
        table,
        deals=[_deal(deal, f"sft[{at}]") for at, deal in enumerate(inputs.sft)],
        minimum=minimum(NAME, inputs, overrides),
        inflow_cap=inputs.inflow_cap,
        level2_share_cap=inputs.level2_share_cap,
        level2b_share_cap=inputs.level2b_share_cap,
        horizon_days=inputs.horizon_days,
    )
    lines = (*found.hqla, *found.outflow_lines, *found.inflow_lines)
    overrides.add_lines(lines)
    for name in ("inflow_cap", "level2_share_cap", "level2b_share_cap"):
        overrides.add(name, getattr(inputs, name), table.parameter(name))
    if inputs.horizon_days is not None:
        overrides.add("horizon_days", Fraction(inputs.horizon_days), table.parameter("horizon_days"))
    return _figures(found) | provenance(table, overrides, lines)


def _figures(found: LiquidityCoverage) -> Result:
    stock, net = found.stock, found.net
    amounts = {
        "level1": stock.held.level1,
        "level2a": stock.held.level2a,
        "level2b": stock.held.level2b,
        "adjusted_level1": stock.adjusted.level1,
        "adjusted_level2a": stock.adjusted.level2a,
        "adjusted_level2b": stock.adjusted.level2b,
        "cap15_adjustment": stock.cap15_adjustment,
        "cap40_adjustment": stock.cap40_adjustment,
        "stock_floor_amount": stock.floor_amount,
        "hqla_stock": stock.amount,
        "total_outflows": net.outflows,
        "total_inflows": net.inflows,
        "inflow_cap": net.inflow_cap,
        "recognised_inflows": net.recognised_inflows,
        "net_outflows": net.amount,
    }
    flags = {
        "cap15_binding": stock.cap15_adjustment > 0,
        "cap40_binding": stock.cap40_adjustment > 0,
        "inflow_cap_binding": net.cap_binds,
        "stock_floored": stock.floor_amount > 0,
    }
    texts = {key: amount_text(amount) for key, amount in amounts.items()}
    return texts | ratio_result(NAME, found.ratio, "net outflows are 0", flags)


def _deal(deal: Deal, record: str) -> SecuredDeal:
    wanted, other = (_SWAP, _COLLATERAL) if deal.kind == "collateral_swap" else (_COLLATERAL, _SWAP)
    for names, is_wanted in ((wanted, True), (other, False)):
        for name in names:
            if (getattr(deal, name) is not None) is not is_wanted:
                message = f"a {deal.kind} {'needs' if is_wanted else 'has no'} {name}"
                raise InvalidInput(message, field=f"{record}.{name}", record=record)
    if deal.kind == "collateral_swap":
        received = _leg(deal.received_level, deal.received_market_value, deal.received_factor)
        given = _leg(deal.given_level, deal.given_market_value, deal.given_factor)
        return SecuredDeal(received, given, deal.days_to_maturity, is_swap=True)
    cash = _leg("1", deal.cash, Fraction(1))
    collateral = _leg(deal.collateral_level, deal.collateral_market_value, deal.collateral_factor)
    received, given = (cash, collateral) if deal.kind == "repo" else (collateral, cash)
    return SecuredDeal(received, given, deal.days_to_maturity)


def _leg(level: Level | None, market_value: Fraction | None, factor: Fraction | None) -> Leg:
    assert level is not None and market_value is not None and factor is not None  # noqa: S101, PT018 - `_deal` checked
    return Leg(level, market_value, factor)


def _deposits(inputs: Deposits) -> Result:
    refuse_repeats([deposit.deposit for deposit in inputs.deposits], "deposits", "deposit")
    table, overrides = in_force(NAME, inputs), Overrides()
    stable_factor = chosen(overrides, "stable_factor", inputs.stable_factor, table.factor(STABLE), STABLE)
    less_stable_factor = chosen(
        overrides, "less_stable_factor", inputs.less_stable_factor, table.factor(LESS_STABLE), LESS_STABLE
    )
    rows, sums = [], [Fraction(0)] * 3
    for deposit in inputs.deposits:
        split = split_insured_deposit(
            deposit.balance,
            deposit.insurance_limit,
            cover_ratio=deposit.cover_ratio,
            relationship_or_transactional=deposit.relationship_or_transactional,
        )
        parts = (split.stable, split.less_stable, split.outflow(stable_factor, less_stable_factor))
        sums = [before + part for before, part in zip(sums, parts, strict=True)]
        rows.append(
            {
                "deposit": deposit.deposit,
                "stable": factor_text(parts[0]),
                "less_stable": factor_text(parts[1]),
                "outflow": amount_text(parts[2]),
            }
        )
    totals = dict(zip(("total_stable", "total_less_stable", "total_outflow"), map(amount_text, sums), strict=True))
    return {"deposits": rows, **totals, **table_result(table, overrides)}


def _facility(inputs: Facility) -> Result:
    table, overrides = in_force(NAME, inputs), Overrides()
    credit, liquidity = FACILITY_CODES[inputs.client]
    credit_factor = chosen(overrides, "credit_factor", inputs.credit_factor, table.factor(credit), credit)
    liquidity_factor = chosen(
        overrides, "liquidity_factor", inputs.liquidity_factor, table.factor(liquidity), liquidity
    )
    split = split_facility(inputs.undrawn, inputs.client_debt_backed_due_30d)
    return {
        "liquidity_part": amount_text(split.liquidity_part),
        "credit_part": amount_text(split.credit_part),
        "outflow": amount_text(split.outflow(credit_factor, liquidity_factor)),
        **table_result(table, overrides),
    }


def _lending(inputs: Lending) -> Result:
    table, overrides = in_force(NAME, inputs), Overrides()
    share = chosen(overrides, "inflow_share", inputs.inflow_share, table.parameter("lending_inflow_share"))
    excess = lending_excess(inputs.contractual_obligations, inputs.contractual_inflows, inflow_share=share)
    return {"outflow": amount_text(excess * table.factor("LCR.OF.CON.02")), **table_result(table, overrides)}


CALCULATION = Calculation(
    NAME,
    "Liquidity coverage ratio; split of insured deposits and facilities; excess of lending obligations (LIQ-19).",
    (
        Variant("coverage", Coverage, _coverage),
        Variant("deposits", Deposits, _deposits),
        Variant("facility", Facility, _facility),
        Variant("lending", Lending, _lending),
    ),
    sheets,
)
