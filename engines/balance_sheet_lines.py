"""One line of a simulated balance sheet through one step: run-off, new business, interest, revaluation (LIQ-52).

A line is a pile of layers, each with the rate at which it began; the oldest runs off first, so average rates need no
division and stay exact. Not for the whole sheet: that is `engines.balance_sheet_simulation`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from engines.balance_sheet_items import Weights, check_weights
from engines.primitives.errors import InvalidInput

ZERO, ONE = Fraction(0), Fraction(1)

RatePath = Mapping[str, Sequence[Fraction]]  # by index: the rate at the start, then one a step


@dataclass(frozen=True, slots=True)
class Line:
    """What is there at the start, and how it is planned to run off and to be renewed.

    A rate is fixed, or with `index` the margin over `beta x index`. New business of a fixed line may be priced by
    `new_index` on the day it begins, and keeps that rate.
    """

    name: str
    weights: Weights
    opening: Fraction  # >= 0
    rate: Fraction
    index: str | None = None
    beta: Fraction = ONE  # how much of the index reaches the customer
    run_off_rate: Fraction = ZERO  # of the balance a step, 0..1
    run_off: Sequence[Fraction] = ()  # amounts on top, one a step; empty: none
    renewal_rate: Fraction = ZERO  # of what runs off, that comes back as new business
    new_volume: Sequence[Fraction] = ()
    new_rate: Fraction | None = None  # None: as `rate`
    new_index: str | None = None
    modified_duration: Fraction = ZERO  # above 0: carried at market value
    price_index: str | None = None  # the yield that moves its price


@dataclass(frozen=True, slots=True)
class Layer:
    balance: Fraction
    rate: Fraction


@dataclass(frozen=True, slots=True)
class LineState:
    """The sums over the layers are kept beside them, so that a step costs what it changes."""

    layers: tuple[Layer, ...]  # the oldest first
    face: Fraction
    annual_interest: Fraction  # of all layers, the index left out
    valuation: Fraction = ZERO  # market value less face

    @property
    def balance(self) -> Fraction:
        return self.face + self.valuation

    def without_oldest(self, run_off: Fraction) -> "LineState":
        """What is left when `run_off`, at most the face, is taken from the oldest layers."""
        left, interest, at = run_off, self.annual_interest, 0
        while at < len(self.layers) and self.layers[at].balance <= left:
            left -= self.layers[at].balance
            interest -= self.layers[at].balance * self.layers[at].rate
            at += 1
        layers = self.layers[at:]
        if left:
            layers = (replace(layers[0], balance=layers[0].balance - left), *layers[1:])
            interest -= left * layers[0].rate
        return replace(self, layers=layers, face=self.face - run_off, annual_interest=interest)

    def with_newest(self, layer: Layer) -> "LineState":
        """A layer on top; it joins the one before it where the rate is the same."""
        if not layer.balance:
            return self
        layers = (*self.layers, layer)
        if self.layers and self.layers[-1].rate == layer.rate:
            joined = replace(layer, balance=self.layers[-1].balance + layer.balance)
            layers = (*self.layers[:-1], joined)
        interest = self.annual_interest + layer.balance * layer.rate
        return replace(self, layers=layers, face=self.face + layer.balance, annual_interest=interest)


EMPTY = LineState((), ZERO, ZERO)


@dataclass(frozen=True, slots=True)
class Step:
    """What the environment does to a line in one step."""

    number: int  # 0 is the first
    year_share: Fraction
    rate_path: RatePath
    run_off_factor: Fraction = ONE
    new_volume_factor: Fraction = ONE
    price_change: Fraction = ZERO  # share of face, beside what yields do

    def rate(self, index: str | None) -> Fraction:
        return ZERO if index is None else self.rate_path[index][self.number + 1]

    def rate_change(self, index: str | None) -> Fraction:
        return ZERO if index is None else self.rate(index) - self.rate_path[index][self.number]


@dataclass(frozen=True, slots=True)
class LineStep:
    """Interest has the sign of the rate; a positive revaluation is a rise in value."""

    run_off: Fraction
    new_business: Fraction
    interest: Fraction
    revaluation: Fraction
    closing: LineState


def opening_state(line: Line) -> LineState:
    return EMPTY.with_newest(Layer(line.opening, line.rate))


def roll(line: Line, state: LineState, step: Step) -> LineStep:
    """`B(t+1) = B(t) - run-off + new`; what runs off and what is new earns for half of the step.

    A factor of the environment never makes more run off than there is; a plan that alone takes too much is refused.

    Raises:
        InvalidInput: the planned run-off is above the balance, or prices fall below 0.
    Source: LIQ-52, mid-period convention; layers and market values beyond the seed.
    """
    face = state.face
    planned = face * line.run_off_rate + _at(line.run_off, step.number)
    if planned > face:
        raise InvalidInput(f"more runs off in step {step.number + 1} than is there", field="run_off")
    run_off = min(face, planned * step.run_off_factor)
    new = run_off * line.renewal_rate + _at(line.new_volume, step.number) * step.new_volume_factor
    margin = line.rate if line.new_rate is None else line.new_rate
    kept = state.without_oldest(run_off)
    closing = kept.with_newest(Layer(new, margin + step.rate(line.new_index)))
    # Half of the step with what was there, half with what is there at its end: run-off and new count half.
    own = (state.annual_interest + closing.annual_interest) / 2
    indexed = (face + closing.face) / 2 * line.beta * step.rate(line.index)
    released = state.valuation * run_off / face if face else ZERO  # what is repaid at par is worth par again
    price = step.price_change - line.modified_duration * step.rate_change(line.price_index)
    revaluation = (face - run_off) * price - released
    closing = replace(closing, valuation=state.valuation + revaluation)
    if closing.balance < 0:
        raise InvalidInput(f"its price falls below 0 in step {step.number + 1}", field="modified_duration")
    return LineStep(run_off, new, (own + indexed) * step.year_share, revaluation, closing)


def check_line(line: Line, steps: int, record: str) -> None:
    """Raises InvalidInput for a number out of range or a list that is not as long as there are steps."""
    check_weights(line.weights, record)
    if line.index is not None and line.new_index is not None:
        message = "a line that floats takes new business at its own index"
        raise InvalidInput(message, field=f"{record}.new_index", record=record)
    for name in ("run_off_rate", "renewal_rate"):
        if not 0 <= getattr(line, name) <= 1:
            raise InvalidInput("want a share from 0 to 1", field=f"{record}.{name}", record=record)
    for name in ("opening", "modified_duration"):
        if getattr(line, name) < 0:
            raise InvalidInput("may not be negative", field=f"{record}.{name}", record=record)
    for name in ("run_off", "new_volume"):
        amounts = getattr(line, name)
        if amounts:
            check_length(amounts, steps, f"{record}.{name}", record)
        if min(amounts, default=ZERO) < 0:
            raise InvalidInput("may not be negative", field=f"{record}.{name}", record=record)


def check_length(listed: Sequence[Fraction], wanted: int, field: str, record: str | None = None) -> None:
    """Raises InvalidInput unless there are as many values as wanted."""
    if len(listed) != wanted:
        facts = {"field": field} | ({} if record is None else {"record": record})
        raise InvalidInput(f"want {wanted} values, found {len(listed)}", **facts)


def _at(amounts: Sequence[Fraction], number: int) -> Fraction:
    return amounts[number] if amounts else ZERO
