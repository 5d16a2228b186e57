"""A balance sheet step by step under paths of rates and markets: balances, income, gaps, liquidity, capital (LIQ-52).

The sheet always balances: what assets need beyond liabilities and capital is borrowed overnight, what is left over is
placed, at the balancing rate. Everything is exact. Not for one shock on a constant sheet: that is `engines.nii`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from engines.balance_sheet_items import SheetRatios, Weights, sheet_ratios
from engines.balance_sheet_lines import (
    ONE,
    ZERO,
    Line,
    LineState,
    LineStep,
    RatePath,
    Step,
    check_length,
    check_line,
    opening_state,
    roll,
)
from engines.primitives.errors import InvalidInput

STEPS_MAX = 120  # ten years of months; every step adds a layer to every line


@dataclass(frozen=True, slots=True)
class Balancing:
    """Overnight money: the rate is the index, or 0, plus the spread of its side."""

    index: str | None = None
    funding_spread: Fraction = ZERO
    placement_spread: Fraction = ZERO
    placement_risk_weight: Fraction = ZERO

    def weights(self, amount: Fraction) -> Weights:
        """Overnight on either side: due at once, liquid in full, stable not at all."""
        return Weights(
            "liability" if amount > 0 else "asset",
            liquid_share=ONE,
            thirty_day_flow_rate=ONE,
            risk_weight=self.placement_risk_weight,
            reprices_within_year=ONE,
            due_share_by_bucket={"ON": ONE},
        )


@dataclass(frozen=True, slots=True)
class Bank:
    lines: Sequence[Line]
    year_shares: Sequence[Fraction]  # of each step
    capital: Fraction = ZERO
    other_risk_weighted_assets: Fraction = ZERO
    costs: Sequence[Fraction] = ()  # operating cost and credit loss of each step; empty: none
    tax_rate: Fraction = ZERO  # on profit; a loss brings nothing back
    payout_rate: Fraction = ZERO  # of profit after tax
    balancing: Balancing = field(default_factory=Balancing)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Paths of rates, and what the market does to volumes and prices, by line name; what is not named stays."""

    name: str
    rate_path: RatePath = field(default_factory=dict)
    run_off_factor: Mapping[str, Fraction] = field(default_factory=dict)
    new_volume_factor: Mapping[str, Fraction] = field(default_factory=dict)
    price_change: Mapping[str, Sequence[Fraction]] = field(default_factory=dict)  # one a step


@dataclass(frozen=True, slots=True)
class SheetStep:
    lines: tuple[LineStep, ...]
    balancing_interest: Fraction  # on what was borrowed (negative) or placed at the start of the step
    net_interest_income: Fraction
    revaluation: Fraction
    profit: Fraction  # before tax
    tax: Fraction
    dividend: Fraction
    capital: Fraction  # at the end of the step
    balancing: Fraction  # at the end: positive is borrowed, negative placed
    ratios: SheetRatios  # at the end


@dataclass(frozen=True, slots=True)
class Path:
    opening_balancing: Fraction
    opening: SheetRatios
    steps: tuple[SheetStep, ...]


def simulate(bank: Bank, scenario: Scenario) -> Path:
    """The path of the sheet under one scenario.

    Args:
        bank: lines with their plans; capital is what counts for the capital ratio, and funds the sheet.
        scenario: rates of every index that a line or the balancing reads: the one at the start, then one a step.
    Raises:
        InvalidInput: a list is not as long as the steps, an index has no path, a plan or price goes below 0; a
            number out of range.
    Source: LIQ-52.
    """
    _check(bank, scenario)
    states = [opening_state(line) for line in bank.lines]
    capital = bank.capital
    balancing = _balancing(bank, states, capital)
    opening_balancing, opening = balancing, _ratios(bank, states, capital, balancing)
    steps = []
    for number in range(len(bank.year_shares)):
        rolled = [
            _rolled(place, line, state, _step(bank, scenario, line, number))
            for place, (line, state) in enumerate(zip(bank.lines, states, strict=True))
        ]
        on_balancing = _balancing_interest(bank, balancing, _step(bank, scenario, None, number))
        income = on_balancing + _net(bank, [one.interest for one in rolled])
        revaluation = _net(bank, [one.revaluation for one in rolled])
        profit = income + revaluation - (bank.costs[number] if bank.costs else ZERO)
        tax = max(ZERO, profit) * bank.tax_rate
        dividend = max(ZERO, profit - tax) * bank.payout_rate
        capital += profit - tax - dividend
        states = [one.closing for one in rolled]
        balancing = _balancing(bank, states, capital)
        steps.append(
            SheetStep(
                tuple(rolled),
                on_balancing,
                income,
                revaluation,
                profit,
                tax,
                dividend,
                capital,
                balancing,
                _ratios(bank, states, capital, balancing),
            )
        )
    return Path(opening_balancing, opening, tuple(steps))


def _step(bank: Bank, scenario: Scenario, line: Line | None, number: int) -> Step:
    name = "" if line is None else line.name
    return Step(
        number,
        bank.year_shares[number],
        scenario.rate_path,
        scenario.run_off_factor.get(name, ONE),
        scenario.new_volume_factor.get(name, ONE),
        scenario.price_change[name][number] if name in scenario.price_change else ZERO,
    )


def _rolled(place: int, line: Line, state: LineState, step: Step) -> LineStep:
    try:
        return roll(line, state, step)
    except InvalidInput as error:
        record = f"lines[{place}]"
        raise InvalidInput(str(error), field=f"{record}.{error.facts['field']}", record=record) from error


def _balancing(bank: Bank, states: Sequence[LineState], capital: Fraction) -> Fraction:
    return _net(bank, [state.balance for state in states]) - capital


def _balancing_interest(bank: Bank, amount: Fraction, step: Step) -> Fraction:
    terms = bank.balancing
    spread = terms.funding_spread if amount > 0 else terms.placement_spread
    return -amount * (step.rate(terms.index) + spread) * step.year_share


def _ratios(bank: Bank, states: Sequence[LineState], capital: Fraction, balancing: Fraction) -> SheetRatios:
    sheet = [(line.weights, state.balance) for line, state in zip(bank.lines, states, strict=True)]
    sheet.append((bank.balancing.weights(balancing), abs(balancing)))
    return sheet_ratios(sheet, capital, other_risk_weighted_assets=bank.other_risk_weighted_assets)


def _net(bank: Bank, amounts: Sequence[Fraction]) -> Fraction:
    """Of assets less of liabilities."""
    pairs = zip(bank.lines, amounts, strict=True)
    return sum((amount if line.weights.side == "asset" else -amount for line, amount in pairs), ZERO)


def _check(bank: Bank, scenario: Scenario) -> None:
    steps = len(bank.year_shares)
    if not 0 < steps <= STEPS_MAX:
        raise InvalidInput(f"want 1 to {STEPS_MAX} steps", field="year_shares")
    if any(share <= 0 for share in bank.year_shares):
        raise InvalidInput("every step must be longer than 0", field="year_shares")
    for name, share in (("tax_rate", bank.tax_rate), ("payout_rate", bank.payout_rate)):
        if not 0 <= share <= 1:
            raise InvalidInput("want a share from 0 to 1", field=name)
    if bank.costs:
        check_length(bank.costs, steps, "costs")
    names = [line.name for line in bank.lines]
    for at, line in enumerate(bank.lines):
        if line.name in names[:at]:
            record = f"lines[{at}]"
            raise InvalidInput(f"the name {line.name!r} stands twice", field=f"{record}.name", record=record)
        check_line(line, steps, f"lines[{at}]")
    _check_scenario(bank, scenario, names)


def _check_scenario(bank: Bank, scenario: Scenario, names: Sequence[str]) -> None:
    steps = len(bank.year_shares)
    for name, rates in scenario.rate_path.items():
        check_length(rates, steps + 1, f"rate_path.{name}")
    used = {bank.balancing.index} | {
        index for line in bank.lines for index in (line.index, line.new_index, line.price_index)
    }
    for missing in sorted(used - {None, *scenario.rate_path}, key=str):
        raise InvalidInput(f"there is no path of {missing!r}", field=f"rate_path.{missing}")
    for factors in ("run_off_factor", "new_volume_factor"):
        for name, factor in getattr(scenario, factors).items():
            if factor < 0:
                raise InvalidInput("may not be negative", field=f"{factors}.{name}")
    for named in ("run_off_factor", "new_volume_factor", "price_change"):
        for name in getattr(scenario, named):
            if name not in names:
                raise InvalidInput(f"there is no line {name!r}", field=f"{named}.{name}")
    for name, changes in scenario.price_change.items():
        check_length(changes, steps, f"price_change.{name}")
