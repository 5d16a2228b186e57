"""The variant `depositors` of `reverse_stress`: who must leave, at the least, to break each limit."""

from collections.abc import Mapping
from fractions import Fraction
from math import lcm
from typing import Annotated, Any, Literal

from pydantic import Field

from api.calculations.fields import Exact, Inputs, Name, NonNegative, Share
from api.calculations.registry import Result
from api.calculations.texts import percent_text, plain_text
from engines.factor_lines import ZERO
from engines.lcr import Levels
from engines.primitives.errors import InvalidInput
from engines.reverse_stress_depositors import BreakingDepositors
from engines.reverse_stress_limits import (
    DepositorLimit,
    Face,
    cash_limit,
    lcr_limit,
    maximum_ratio_limit,
    minimum_ratio_limit,
)


class Depositor(Inputs):
    depositor: Name
    balances: dict[Name, NonNegative] = Field(description="amount by class of deposit")


class CashLimit(Inputs):
    kind: Literal["cash"]
    name: Name
    cash: NonNegative = Field(description="cash and excess reserves, deposits still in")
    minimum: NonNegative = ZERO
    released: dict[Name, Share] = Field(default={}, description="by class: share that its reserve sets free")


class RatioLimit(Inputs):
    """By class, what each unit that leaves takes off the numerator and the denominator."""

    kind: Literal["minimum_ratio", "maximum_ratio"]
    name: Name
    numerator: Exact
    denominator: NonNegative
    limit_pct: NonNegative
    from_numerator: dict[Name, Share] = Field(default={})
    from_denominator: dict[Name, Share] = Field(default={})


class CoverageLimit(Inputs):
    kind: Literal["lcr"]
    name: Name
    level1: NonNegative = Field(description="after haircut, as level2a and level2b")
    level2a: NonNegative = ZERO
    level2b: NonNegative = ZERO
    outflows: NonNegative = Field(description="weighed")
    inflows: NonNegative = ZERO
    run_off: dict[Name, Share] = Field(description="by class: share that stands in `outflows`")
    limit_pct: NonNegative = Fraction(100)


AnyLimit = Annotated[CashLimit | RatioLimit | CoverageLimit, Field(discriminator="kind")]


class Depositors(Inputs):
    """Depositors, and limits of the balance sheet they are in."""

    depositors: list[Depositor]
    limits: list[AnyLimit] = Field(min_length=1)


def smallest_sets(inputs: Depositors) -> Result:
    names = [line.depositor for line in inputs.depositors]
    if len(set(names)) < len(names):
        twice = next(at for at, name in enumerate(names) if name in names[:at])
        record = f"depositors[{twice}]"
        raise InvalidInput("a depositor stands twice: give all balances in one line", field=record, record=record)
    amounts = [amount for line in inputs.depositors for amount in line.balances.values()]
    scale = lcm(*(amount.denominator for amount in amounts))
    held = {line.depositor: _whole(line.balances, scale) for line in inputs.depositors}
    classes = dict.fromkeys(name for line in inputs.depositors for name in line.balances)
    ranked = BreakingDepositors([_scaled(_limit(limit, classes), scale) for limit in inputs.limits], held)
    total = sum(amounts, ZERO)
    rows: list[dict[str, Any]] = []
    for limit in inputs.limits:
        found = ranked.smallest(limit.name)
        taken = Fraction(found.amount_minor, scale)
        state = {None: "NOT_BREAKABLE", 0: "ALREADY_BROKEN"}.get(found.count, "BREAKS")
        rows.append(
            {
                "limit": limit.name,
                "state": state,
                "count": found.count,
                "amount": plain_text(taken),
                "share_of_deposits_pct": percent_text(taken / total if total else None),
                "depositors": [
                    {"depositor": name, "amount": plain_text(Fraction(sum(held[name].values()), scale))}
                    for name in found.depositors
                ],
            }
        )
    return {"limits": rows}


def _limit(limit: CashLimit | RatioLimit | CoverageLimit, classes: Mapping[str, None]) -> DepositorLimit:
    if isinstance(limit, CashLimit):
        released = {name: limit.released.get(name, ZERO) for name in classes}
        return cash_limit(limit.name, limit.cash, limit.minimum, released)
    if isinstance(limit, CoverageLimit):
        return lcr_limit(
            limit.name,
            Levels(limit.level1, limit.level2a, limit.level2b),
            limit.outflows,
            limit.inflows,
            {name: limit.run_off.get(name, ZERO) for name in classes},
            minimum=limit.limit_pct / 100,
        )
    make = minimum_ratio_limit if limit.kind == "minimum_ratio" else maximum_ratio_limit
    return make(
        limit.name,
        limit.numerator,
        limit.denominator,
        limit.limit_pct / 100,
        from_numerator=limit.from_numerator,
        from_denominator=limit.from_denominator,
    )


def _whole(balances: Mapping[str, Fraction], scale: int) -> dict[str, int]:
    return {name: int(amount * scale) for name, amount in balances.items()}


def _scaled(limit: DepositorLimit, scale: int) -> DepositorLimit:
    """The engine counts in whole units: the smallest that hold every balance."""
    return DepositorLimit(limit.name, tuple(Face(face.surplus * scale, face.loss_by_class) for face in limit.faces))
