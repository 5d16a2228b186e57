"""How much a simulated bank's treasury must hold: what stress and funding ask for, estimated from its opening book.

A treasurer's estimate in whole yuan, class by class, so that ratios of every seed and size come out as a bank's do.
Not for figures: the live ratios count every line exactly, and differ from this by what it leaves aside.
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from engines.primitives.money import exponent
from streams.feeds.world import CNY_PER_UNIT, CURRENCIES, World
from streams.schemas import Contract

RUN_OFF = {"RETAIL": 0.10, "SME": 0.10, "CORPORATE": 0.40, "BANK": 1.0}  # within 30 days, uninsured
STABLE_FUNDING = {"RETAIL": 0.90, "SME": 0.90, "CORPORATE": 0.50, "BANK": 0.0}  # below a year
INSURED_CNY = 500_000.0
INFLOW_CAP = 0.75
LCR_TARGET, NSFR_TARGET = 1.35, 1.18


class Needs(NamedTuple):
    """Of one entity, in yuan."""

    net_outflows: float  # of 30 stressed days
    stable_funding: float  # there is, without capital
    required_funding: float  # without the treasury's securities
    excess_reserves: float


def needs_of(world: World, contracts: Iterable[Contract], entity: str, day: date, required_share: float) -> Needs:
    """`required_share`: of customers' deposits in yuan, kept as required reserves."""
    outflows = inflows = stable = required = own = reservable = 0.0
    rows = zip(
        world.opening_minor.tolist(), world.entity, world.customer, world.customer_class, world.currency, strict=True
    )
    for minor, of, customer, customer_class, currency in rows:
        if of != entity:
            continue
        amount = _cny(minor / float(10 ** exponent(currency)), currency)
        if customer == "-":
            own += amount if currency == "CNY" else 0.0
            required += 0.0 if currency == "CNY" else 0.5 * amount  # with correspondents
            continue
        reservable += amount if currency == "CNY" else 0.0
        insured = min(amount, INSURED_CNY) if currency == "CNY" and customer_class in ("RETAIL", "SME") else 0.0
        outflows += 0.05 * insured + RUN_OFF[customer_class] * (amount - insured)
        stable += 0.95 * insured + STABLE_FUNDING[customer_class] * (amount - insured)
    for contract in contracts:
        if contract.entity_id != entity:
            continue
        amount = _cny(float(contract.principal), contract.ccy)
        maturity = contract.maturity_date
        days = 0 if maturity is None else (date.fromisoformat(maturity) - day).days
        out, into, funding, asked = _of_contract(contract, days)
        outflows, inflows = outflows + out * amount, inflows + into * amount
        stable, required = stable + funding * amount, required + asked * amount
    net = outflows - min(inflows, INFLOW_CAP * outflows)
    return Needs(net, stable, required, max(own - required_share * reservable, 0.0))


def _of_contract(contract: Contract, days: int) -> tuple[float, float, float, float]:
    """Shares of the principal: outflow, inflow, stable funding, required stable funding."""
    due, long, customer_class, product = days <= 30, days >= 365, contract.cpty_type, contract.product_id
    if contract.side == "obs_out":
        return (0.05 if customer_class == "SME" else 0.10), 0.0, 0.0, 0.05
    if contract.side == "liability":
        is_deposit = product in ("TERM-DEPOSIT", "DEMAND-DEPOSIT")
        short = STABLE_FUNDING[customer_class] if is_deposit else 0.5 * (days >= 182)
        return due * (RUN_OFF[customer_class] if is_deposit else 1.0), 0.0, 1.0 if long else short, 0.0
    if contract.side == "asset":
        at_banks = 1.0 if long else 0.5 if days >= 182 else 0.15
        asked = {"INTERBANK-PLACED": at_banks, "MORTGAGE": 0.65, "BOND-HELD": 0.85 if long else 0.5}
        share = 1.0 if product in ("INTERBANK-PLACED", "BOND-HELD") else 0.5 * (contract.pay_freq != "1M")
        return 0.0, due * share, 0.0, asked.get(product, 0.8 if long else 0.5)
    return 0.0, 0.0, 0.0, 0.0


def _cny(units: float, currency: str) -> float:
    return units * CNY_PER_UNIT[CURRENCIES.index(currency)]
