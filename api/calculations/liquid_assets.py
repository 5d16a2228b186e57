"""Calculation `liquid_assets`: what the bank holds, its market value, what is free, and shares of what it brings."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field

from api.calculations.fields import Inputs, Name, NonNegative, Positive, Share
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.texts import not_computable, percent_text, plain_text
from engines.liquid_assets import Holding, check_holdings, shares
from engines.primitives.errors import InvalidInput

HqlaLevel = Literal["L1", "L2A", "L2B", "none"]


class HoldingLine(Inputs):
    security_id: Name
    asset_class: Name = Field(description="sovereign, policy_bank, corporate, ...")
    hqla_level: HqlaLevel
    currency: Name
    face: NonNegative
    encumbered_face: NonNegative = Fraction(0)
    dirty_price: NonNegative = Field(description="per cent of face")
    fx: Positive = Field(default=Fraction(1), description="into the currency of the result")
    haircut: Share | None = Field(default=None, description="default: that of its level in `haircuts`")


class LiquidAssets(Inputs):
    currency: Name = Field(default="CNY", description="of cash, of excess reserves and of the result")
    cash: NonNegative = Field(description="vault cash")
    excess_reserves: NonNegative = Field(description="0 where the requirement is not met")
    holdings: list[HoldingLine]
    haircuts: dict[HqlaLevel, Share] = Field(default_factory=dict, description="by level")


def _compute(inputs: LiquidAssets) -> Result:
    found = [
        Holding(line.face, line.encumbered_face, line.dirty_price, _haircut(inputs, at, line), line.fx)
        for at, line in enumerate(inputs.holdings)
    ]
    check_holdings(found)
    rows: list[dict[str, Any]] = [
        _money("cash", inputs.cash, inputs.currency),
        _money("excess_reserves", inputs.excess_reserves, inputs.currency),
    ]
    for line, holding in zip(inputs.holdings, found, strict=True):
        rows.append(
            {
                "id": line.security_id,
                "asset_class": line.asset_class,
                "hqla_level": line.hqla_level,
                "currency": line.currency,
                "market_value": holding.market_value,
                "unencumbered_market_value": holding.unencumbered_market_value,
                "liquidity_value": holding.liquidity_value,
            }
        )
    total = _sum(rows, "liquidity_value")
    return {
        "currency": inputs.currency,
        **{f"total_{name}": plain_text(_sum(rows, name)) for name in _AMOUNTS},
        "lines": _with_shares(rows),
        **{f"by_{name}": _with_shares(_grouped(rows, name)) for name in ("asset_class", "hqla_level", "currency")},
        **not_computable([] if total else ["the liquidity value is 0"]),
    }


_AMOUNTS = ("market_value", "unencumbered_market_value", "liquidity_value")


def _haircut(inputs: LiquidAssets, at: int, line: HoldingLine) -> Fraction:
    found = line.haircut if line.haircut is not None else inputs.haircuts.get(line.hqla_level)
    if found is None:
        record = f"holdings[{at}]"
        message = f"{line.security_id!r} has no haircut, and level {line.hqla_level} has none either"
        raise InvalidInput(message, field=f"{record}.haircut", record=record)
    return found


def _money(name: str, amount: Fraction, currency: str) -> dict[str, Any]:
    """Cash and reserves are worth what they are, and of the first level."""
    named = {"id": name, "asset_class": name, "hqla_level": "L1", "currency": currency}
    return named | dict.fromkeys(_AMOUNTS, amount)


def _grouped(rows: Sequence[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    keys = sorted({row[name] for row in rows})
    parts = [[row for row in rows if row[name] == key] for key in keys]
    return [{name: key} | {a: _sum(part, a) for a in _AMOUNTS} for key, part in zip(keys, parts, strict=True)]


def _with_shares(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = shares([row["liquidity_value"] for row in rows])
    return [
        {**row, **{name: plain_text(row[name]) for name in _AMOUNTS}, "share_pct": percent_text(share)}
        for row, share in zip(rows, found, strict=True)
    ]


def _sum(rows: Sequence[Mapping[str, Any]], name: str) -> Fraction:
    return sum((row[name] for row in rows), Fraction(0))


CALCULATION = Calculation(
    "liquid_assets",
    "Liquid assets: market value, what is unencumbered, liquidity value and shares (LIQ-17).",
    (Variant("default", LiquidAssets, _compute),),
)
