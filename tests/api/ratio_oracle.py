"""The five liquidity ratios a second time, naively: straight from the JSON input and the table file, in fractions.

It knows nothing of the engines: no shared parser, factors as a plain dictionary, the stock by its one-step formula.
"""

import tomllib
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

POLICIES = Path(__file__).parents[2] / "infra" / "policies"


@cache
def items(name: str) -> dict[tuple[str, str | None], dict[str, str]]:
    """By code and bucket, and by code alone where that is enough."""
    rows = tomllib.loads((POLICIES / f"{name}.toml").read_text(encoding="utf-8"))["version"][-1]["item"]
    found: dict[tuple[str, str | None], dict[str, str]] = {(row["code"], row["maturity_bucket"]): row for row in rows}
    codes = [row["code"] for row in rows]
    return found | {(row["code"], None): row for row in rows if codes.count(row["code"]) == 1}


def weighted(name: str, lines: list[dict[str, str]], start: str = "") -> Fraction:
    result = Fraction(0)
    for line in lines:
        item = items(name)[line["code"], line.get("maturity_bucket")]
        if item["category"].startswith(start):
            result += Fraction(line["amount"]) * Fraction(line.get("factor", item.get("factor", "x")))
    return result


def lcr(inputs: dict[str, Any]) -> Fraction | None:
    held = [weighted("lcr", inputs["hqla"], f"HQLA Level {level}") for level in ("1", "2A", "2B")]
    one, two_a, two_b = held
    for deal in inputs.get("sft", ()):
        if deal["days_to_maturity"] > 30:
            continue
        moves = []
        if deal["kind"] == "collateral_swap":
            for side, sign in (("given", 1), ("received", -1)):
                value = Fraction(deal[f"{side}_market_value"]) * Fraction(deal[f"{side}_factor"])
                moves.append((deal[f"{side}_level"], sign * value))
        elif deal["collateral_level"] != "none":
            sign = 1 if deal["kind"] == "repo" else -1
            value = Fraction(deal["collateral_market_value"]) * Fraction(deal["collateral_factor"])
            moves = [(deal["collateral_level"], sign * value), ("1", -sign * Fraction(deal["cash"]))]
        for level, amount in moves:
            one += amount * (level == "1")
            two_a += amount * (level == "2A")
            two_b += amount * (level == "2B")
    over = max(two_a + two_b - Fraction(2, 3) * one, two_b - Fraction(15, 85) * (one + two_a), Fraction(0))
    stock = max(sum(held, Fraction(0)) - over, Fraction(0))
    outflows, inflows = (weighted("lcr", inputs[side]) for side in ("outflows", "inflows"))
    return _quotient(stock, outflows - min(inflows, Fraction(3, 4) * outflows))


def nsfr(inputs: dict[str, Any]) -> Fraction | None:
    asf, rsf = weighted("nsfr", inputs["asf"]), weighted("nsfr", inputs["rsf"])
    if "derivatives" in inputs:
        given = {key: Fraction(value) for key, value in inputs["derivatives"].items()}
        assets = max(Fraction(0), given["positive_replacement_cost"] - given["cash_vm_received"])
        liabilities = max(Fraction(0), given["negative_replacement_cost"] - given["vm_posted"])
        share = given.get("addon_factor", Fraction(1, 5))
        rsf += max(Fraction(0), assets - liabilities) + share * given["negative_replacement_cost"]
    return _quotient(asf, rsf)


def lmr(inputs: dict[str, Any]) -> Fraction | None:
    return _quotient(weighted("lmr", inputs["sources"]), weighted("lmr", inputs["uses"]))


def hqlaar(inputs: dict[str, Any]) -> Fraction | None:
    one, two = (weighted("hqlaar", inputs["hqla"], f"HQLA Level {level}") for level in (1, 2))
    outflows, inflows = (weighted("hqlaar", inputs[side]) for side in ("outflows", "inflows"))
    return _quotient(one + min(two, one * 2 / 3), outflows - min(inflows, outflows * 3 / 4))


def liquidity_ratio(inputs: dict[str, Any]) -> Fraction | None:
    net = Fraction(inputs.get("interbank_claims_1m", 0)) - Fraction(inputs.get("interbank_debts_1m", 0))
    assets = weighted("liquidity_ratio", inputs["assets"]) + (net if net > 0 else 0)
    return _quotient(assets, weighted("liquidity_ratio", inputs["liabilities"]) - (net if net < 0 else 0))


def _quotient(numerator: Fraction, denominator: Fraction) -> Fraction | None:
    return numerator / denominator if denominator else None
