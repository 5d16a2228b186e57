"""Calculation `balance_sheet_simulation`: a balance sheet step by step under paths of rates and markets."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative, Positive, Share
from api.calculations.rate_fields import placed
from api.calculations.registry import Calculation, Result, Variant
from api.calculations.result_sheets import sheets_of
from api.calculations.sheet_fields import DIGITS, Weighted, ratios_result
from api.calculations.texts import decimal_text
from engines.balance_sheet_items import SheetRatios
from engines.balance_sheet_lines import Line, LineStep
from engines.balance_sheet_simulation import STEPS_MAX, Balancing, Bank, Path, Scenario, SheetStep, simulate
from engines.primitives.errors import InvalidInput

#: Lines x steps x scenarios: five years of months for 60 lines in five scenarios. Exact digits cost time.
CELLS_MAX = 18_000


class SheetLine(Weighted):
    """A rate is fixed, or with `index` the margin over beta x index."""

    name: Name
    opening: NonNegative
    rate: Exact
    index: Name | None = None
    beta: Exact = Field(default=Fraction(1), description="how much of the index reaches the customer")
    run_off_rate: Share = Field(default=Fraction(0), description="of the balance, each step")
    run_off: list[NonNegative] = Field(default=[], description="amounts on top, one a step")
    renewal_rate: Share = Field(default=Fraction(0), description="of what runs off")
    new_volume: list[NonNegative] = Field(default=[], description="amounts, one a step")
    new_rate: Exact | None = Field(default=None, description="default: as rate; with new_index the margin over it")
    new_index: Name | None = None
    modified_duration: NonNegative = Field(default=Fraction(0), description="above 0: carried at market value")
    price_index: Name | None = Field(default=None, description="the yield that moves its price")

    def line(self) -> Line:
        own = {name: getattr(self, name) for name in SheetLine.model_fields.keys() - Weighted.model_fields.keys()}
        return Line(weights=self.weights(), **own)


class BalancingLine(Inputs):
    """Overnight money that closes the sheet: the index, or 0, plus the spread of its side."""

    index: Name | None = None
    funding_spread: Exact = Fraction(0)
    placement_spread: Exact = Fraction(0)
    placement_risk_weight: NonNegative = Fraction(0)


class ScenarioLine(Inputs):
    """Factors and price changes are by the name of a line; what is not named stays as planned."""

    name: Name
    rate_path: dict[Name, list[Exact]] = Field(
        default={}, description="by index: the rate at the start, then one a step"
    )
    run_off_factor: dict[Name, NonNegative] = Field(default={})
    new_volume_factor: dict[Name, NonNegative] = Field(default={})
    price_change: dict[Name, list[Exact]] = Field(default={}, description="share of face, one a step")


class Simulation(Inputs):
    lines: list[SheetLine] = Field(min_length=1)
    year_shares: list[Positive] = Field(min_length=1, max_length=STEPS_MAX, description="the length of each step")
    scenarios: list[ScenarioLine] = Field(default_factory=lambda: [ScenarioLine(name="base")], min_length=1)
    capital: Exact = Fraction(0)
    other_risk_weighted_assets: NonNegative = Fraction(0)
    costs: list[Exact] = Field(default=[], description="operating cost and credit loss, one a step")
    tax_rate: Share = Fraction(0)
    payout_rate: Share = Fraction(0)
    balancing: BalancingLine = Field(default_factory=BalancingLine)


def _compute(inputs: Simulation) -> Result:
    if len(inputs.lines) * len(inputs.year_shares) * len(inputs.scenarios) > CELLS_MAX:
        raise InvalidInput(f"want at most {CELLS_MAX} lines x steps x scenarios", field="lines")
    bank = _bank(inputs)
    summary: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    balances: list[dict[str, Any]] = []
    gaps: list[dict[str, Any]] = []
    for at, scenario in enumerate(inputs.scenarios):
        with placed(f"scenarios[{at}]"):
            if scenario.name in [other.name for other in inputs.scenarios[:at]]:
                raise InvalidInput(f"the name {scenario.name!r} stands twice", field="name")
        path = _path(at, bank, scenario)
        summary.append({"scenario": scenario.name, **_summary(path)})
        for number, ratios, row in _rows(bank, path):
            key = {"scenario": scenario.name, "step": number}
            steps.append(key | row | ratios_result(ratios))
            signed = {name: _text(amount) for name, amount in ratios.gap_by_bucket.items()}
            gaps.append(key | signed)
        for number, step in enumerate(path.steps, 1):
            key = {"scenario": scenario.name, "step": number}
            pairs = zip(bank.lines, step.lines, strict=True)
            balances += [key | {"line": line.name, **_line(rolled)} for line, rolled in pairs]
    return {"summary": summary, "steps": steps, "balances": balances, "gaps": gaps}


def _bank(inputs: Simulation) -> Bank:
    terms = inputs.balancing
    return Bank(
        [line.line() for line in inputs.lines],
        inputs.year_shares,
        inputs.capital,
        inputs.other_risk_weighted_assets,
        inputs.costs,
        inputs.tax_rate,
        inputs.payout_rate,
        Balancing(terms.index, terms.funding_spread, terms.placement_spread, terms.placement_risk_weight),
    )


def _path(at: int, bank: Bank, line: ScenarioLine) -> Path:
    """What is wrong with a line is named by the line, what is wrong with a scenario by the scenario."""
    scenario = Scenario(line.name, line.rate_path, line.run_off_factor, line.new_volume_factor, line.price_change)
    try:
        return simulate(bank, scenario)
    except InvalidInput as error:
        field = str(error.facts.get("field", ""))
        if field.startswith(("rate_path", "run_off_factor", "new_volume_factor", "price_change")):
            record = f"scenarios[{at}]"
            raise InvalidInput(str(error), field=f"{record}.{field}", record=record) from error
        raise


def _rows(bank: Bank, path: Path) -> Iterator[tuple[int, SheetRatios, dict[str, Any]]]:
    """Step 0 is the opening, which has ratios and no income."""
    opening = {"capital": _text(bank.capital), "balancing": _text(path.opening_balancing)}
    yield 0, path.opening, dict.fromkeys(_INCOME) | opening
    for number, step in enumerate(path.steps, 1):
        income = {name: _text(getattr(step, name)) for name in _INCOME}
        yield number, step.ratios, income | {"balancing": _text(step.balancing)}


def _summary(path: Path) -> dict[str, str]:
    last: SheetStep = path.steps[-1]
    totals = {
        name: sum((getattr(step, name) for step in path.steps), Fraction(0))
        for name in ("net_interest_income", "revaluation", "profit")
    }
    return {name: _text(amount) for name, amount in totals.items()} | {"closing_capital": _text(last.capital)}


def _line(step: LineStep) -> dict[str, str]:
    return {
        "run_off": _text(step.run_off),
        "new_business": _text(step.new_business),
        "interest": _text(step.interest),
        "revaluation": _text(step.revaluation),
        "closing": _text(step.closing.balance),
    }


def _text(amount: Fraction) -> str:
    return decimal_text(amount, DIGITS)


_INCOME = (
    "net_interest_income",
    "balancing_interest",
    "revaluation",
    "profit",
    "tax",
    "dividend",
    "capital",
)

CALCULATION = Calculation(
    "balance_sheet_simulation",
    "Balances, income, gaps, liquidity and capital step by step under rate and market paths (LIQ-52).",
    (Variant("default", Simulation, _compute),),
    sheets_of(*_INCOME, "balancing", "run_off", "new_business", "interest", "closing", "closing_capital"),
)
