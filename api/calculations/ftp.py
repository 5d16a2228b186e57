"""Calculation `ftp`: transfer rate and margin of each contract, of lines and branches, and the treasury's result."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative, Positive
from api.calculations.ftp_fields import CurveLine, Priced, Pricing, ProductTerms, curves_of
from api.calculations.rate_fields import placed
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.texts import decimal_or_null, exact_text, not_computable, percent_text
from engines.ftp_margins import Deal, Margin, OwnDeal, transfer_result
from engines.ftp_methods import Market, MatchedMaturity, TransferRate, pool_rate, transfer_rate
from engines.primitives.errors import InvalidInput

DIGITS = 6


class Contract(Priced):
    id: Name
    side: Literal["asset", "liability"]
    balance: NonNegative = Field(description="average of the period")
    line: Name = ""
    branch: Name = ""


class Pool(Inputs):
    """A rate, or the average customer rate of the pool's own assets or liabilities."""

    name: Name
    rate: Exact | None = None
    average_of: Literal["asset", "liability"] | None = None


class OwnDealLine(Inputs):
    """Of the treasury itself: wholesale funding, placements, reserves at the central bank."""

    side: Literal["asset", "liability"]
    balance: NonNegative
    rate: Exact
    name: Name = ""


class Book(Inputs):
    """One currency."""

    contracts: list[Contract]
    curves: list[CurveLine] = Field(default=[])
    products: list[ProductTerms] = Field(default=[])
    indices: dict[Name, Exact] = Field(default={})
    pools: list[Pool] = Field(default=[])
    own_deals: list[OwnDealLine] = Field(default=[])
    year_share: Positive = Field(default=Fraction(1), description="of the period: interest = balance x rate x share")


def _compute(inputs: Book) -> Result:
    curves = curves_of(inputs.curves)
    pricing = Pricing(inputs.products, curves)
    market = Market(curves, inputs.indices, _pool_rates(inputs, pricing))
    rates = [_transfer_rate(at, contract, pricing, market) for at, contract in enumerate(inputs.contracts)]
    pairs = list(zip(inputs.contracts, rates, strict=True))
    found = transfer_result(
        [Deal(one.side, one.balance, one.customer_rate, rate.value, one.line, one.branch) for one, rate in pairs],
        [OwnDeal(own.side, own.balance, own.rate) for own in inputs.own_deals],
        year_share=inputs.year_share,
    )
    rows = [
        _row(contract, rate, margin, pricing, market)
        for (contract, rate), margin in zip(pairs, found.margins, strict=True)
    ]
    unpriced = [f"contract {contract.id!r} has no transfer rate" for contract, rate in pairs if rate.value is None]
    return {
        "contracts": rows,
        "lines": [{"line": name, **_margin(margin)} for name, margin in found.by_line.items()],
        "branches": [{"branch": name, **_margin(margin)} for name, margin in found.by_branch.items()],
        **_margin(found.total),
        "own_deals": _text(found.own_deals),
        "treasury": _text(found.treasury),
        "net_interest_income": _text(found.net_interest_income),
    } | not_computable(unpriced)


def _pool_rates(inputs: Book, pricing: Pricing) -> dict[str, Fraction | None]:
    members: dict[tuple[str, str], list[tuple[Fraction, Fraction]]] = {}
    for at, contract in enumerate(inputs.contracts):
        with placed(f"contracts[{at}]"):
            if pricing.method_name(contract) == "pool":
                key = (pricing.pool(contract), contract.side)
                members.setdefault(key, []).append((contract.balance, contract.customer_rate))
    found: dict[str, Fraction | None] = {}
    for at, pool in enumerate(inputs.pools):
        with placed(f"pools[{at}]"):
            if pool.name in found:
                raise InvalidInput(f"the name {pool.name!r} stands twice", field="name")
            if (pool.rate is None) == (pool.average_of is None):
                raise InvalidInput("want rate or average_of", field="rate")
        average = pool_rate(members.get((pool.name, pool.average_of or ""), []))
        found[pool.name] = average if pool.rate is None else pool.rate
    return found


def _transfer_rate(at: int, contract: Contract, pricing: Pricing, market: Market) -> TransferRate:
    with placed(f"contracts[{at}]"):
        return transfer_rate(pricing.method(contract), market, pricing.add_ons(contract), pricing.reserve(contract))


def _row(contract: Contract, rate: TransferRate, margin: Margin, pricing: Pricing, market: Market) -> dict[str, Any]:
    method = pricing.method(contract)
    is_beyond = isinstance(method, MatchedMaturity) and not market.curve(method.curve).spans(method.tenor_years)
    return {
        "id": contract.id,
        "side": contract.side,
        "line": contract.line,
        "branch": contract.branch,
        "method": pricing.method_name(contract),
        "base_rate_pct": percent_text(rate.base),
        "ftp_before_reserve_pct": percent_text(rate.before_reserve),
        "ftp_rate_pct": percent_text(rate.value),
        "ftp_rate_exact": exact_text(rate.value),
        "beyond_curve": is_beyond,
        "customer_interest": _text(margin.customer_interest),
        "transfer_interest": _text(margin.transfer_interest),
        "margin": _text(margin.total),
    }


def _margin(margin: Margin) -> dict[str, str | None]:
    parts = {
        "asset_margin": margin.asset_margin,
        "liability_margin": margin.liability_margin,
        "margin": margin.total,
    }
    return {name: _text(amount) for name, amount in parts.items()}


def _text(amount: Fraction | None) -> str | None:
    return decimal_or_null(amount, DIGITS)


AMOUNTS: Sequence[str] = (
    "base_rate_pct",
    "ftp_before_reserve_pct",
    "ftp_rate_pct",
    "customer_interest",
    "transfer_interest",
    "asset_margin",
    "liability_margin",
    "margin",
)

CALCULATION = Calculation(
    "ftp",
    "Funds transfer pricing: rates, margins by contract, line and branch, treasury result (LIQ-44).",
    (Variant("default", Book, _compute),),
    sheets_of(*AMOUNTS),
)
