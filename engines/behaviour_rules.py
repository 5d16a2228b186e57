"""Behaviour rules as data, applied to contractual flows: behavioural and stressed flows (LIQ-13, LIQ-33).

A rule selects flows by their dimensions and moves parts of them to other days. It adds or drops no principal: of each
contract the principal flows add up to what they added up to before, to the minor unit (the rest of a commitment that
is not drawn becomes UNDATED, so does what a borrower in default does not pay). Rules run in their order, each on what
is still contractual; what a rule has moved carries its name and is final. Interest on a prepaid or withdrawn part is
left out, interest on a renewed part is not added.

Rounding: what remains of a balance is rounded HALF_UP and a flow is the difference of two such balances, so that the
last takes what is left (decision Q17) and none changes sign. Shares are exact to 1e-11.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import polars as pl

from engines.actus.dates import add_months
from engines.behaviour import share, single_monthly_mortality
from engines.early_payment import MONTHS_MAX, paid_early
from engines.flow_frame import (
    DEMAND_DAY,
    INTEREST,
    NOT_DIMENSIONS,
    PRINCIPAL,
    RATE_SCALE,
    UNDATED_DAY,
    check_flows,
    is_dated,
)
from engines.flow_parts import SHARE_SCALE, part, share_units, with_amounts
from engines.primitives.errors import InvalidInput

Parameters = Mapping[str, Fraction]
#: (the selected flows, parameters, as_of_day, the rule's name) -> the flows that take their place, same columns.
Apply = Callable[[pl.DataFrame, Parameters, int, str], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rule. `selects` narrows the flows of a rule; `columns` are needed beyond the usual ones."""

    apply: Apply
    parameters: tuple[str, ...]
    selects: pl.Expr
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `kind` names the formula, `where` the flows (dimension -> its values; {}: all)."""

    name: str
    kind: str
    parameters: Parameters
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)


def apply_rules(
    flows: pl.DataFrame, rules: Sequence[Rule], *, as_of_day: int, kinds: Mapping[str, Kind] | None = None
) -> pl.DataFrame:
    """Flows as `rules` see them, with the column `rule`; the same columns else, sorted by all of them.

    Args:
        flows: see `engines.flow_frame`; contractual, in any order.
        rules: run one after the other; names differ and are not empty.
        as_of_day: days since 1970-01-01, the start of all month grids.
        kinds: formulas by name, by default KINDS; `KINDS | {"mine": Kind(...)}` plugs in another one.
    Raises:
        InvalidInput: a rule names an unknown kind, lacks a parameter or has one too many or out of range, selects by
            a column that is not there, or does not conserve the principal of a contract (`record` names the rule).
    Source: LIQ-13; spec/liquidity.md section 1 (record `behaviour`).
    """
    known = KINDS if kinds is None else kinds
    names = [rule.name for rule in rules]
    if "" in names or len(set(names)) != len(names):
        raise InvalidInput("rules want names that differ", field="rules")
    current = check_flows(flows)
    for rule in rules:
        kind = _checked(rule, known, current)
        chosen = (pl.col("rule") == "") & kind.selects
        for column, values in rule.where.items():
            chosen &= pl.col(column).is_in(list(values))
        selected = current.filter(chosen)
        if selected.is_empty():
            continue
        for column in kind.columns:
            if selected[column].null_count():
                raise InvalidInput(f"column {column!r} has an empty value", field=column, record=rule.name)
        try:
            moved = kind.apply(selected, rule.parameters, as_of_day, rule.name).select(current.columns)
        except InvalidInput as error:
            raise InvalidInput(str(error), **{"record": rule.name, **error.facts}) from error
        moved = moved.filter(pl.col("amount_minor") != 0)
        _check_conserved(selected, moved, rule.name)
        current = pl.concat([current.filter(~chosen), moved])
    return current.sort(current.columns)


def prepay(selected: pl.DataFrame, parameters: Parameters, as_of_day: int, name: str) -> pl.DataFrame:
    """Prepayment of loans at a constant annual rate `cpr`: each month SMM of what is left after the instalments."""
    cpr = float(share(parameters["cpr"], "cpr"))
    monthly = single_monthly_mortality(np.array([cpr]))[0]
    return paid_early(selected, np.full(len(selected), monthly), as_of_day, name)


def early_withdraw(selected: pl.DataFrame, parameters: Parameters, as_of_day: int, name: str) -> pl.DataFrame:
    """Early withdrawal of term deposits: w0 + k * max(0, market - contract rate) of the balance each month.

    `market_rate` is an annual fraction; the contract's is its column `rate_units` (1e-9 a year).
    """
    base = float(share(parameters["base_rate"], "base_rate"))
    sensitivity = float(parameters["sensitivity"])
    if sensitivity < 0:
        raise InvalidInput("want a sensitivity of 0 or more", field="sensitivity")
    contract_rate = selected["rate_units"].to_numpy() / RATE_SCALE
    incentive = np.maximum(0.0, float(parameters["market_rate"]) - contract_rate)
    return paid_early(selected, np.minimum(1.0, base + sensitivity * incentive), as_of_day, name)


def core(selected: pl.DataFrame, parameters: Parameters, as_of_day: int, name: str) -> pl.DataFrame:
    """Core of demand deposits: `core_share` of the balance leaves month by month as core * e^(-decay_rate * t).

    What is left of it after `horizon_months` leaves then; the volatile rest stays on demand.
    """
    months = _whole(parameters, "horizon_months", 1)
    if parameters["decay_rate"] < 0:
        raise InvalidInput("a core does not grow by decay", field="decay_rate")
    left = np.exp(-float(parameters["decay_rate"]) * np.arange(months + 1))
    left[-1] = 0.0
    days = add_months(np.full(months, as_of_day, np.int64), np.arange(1, months + 1))
    amount = selected["amount_minor"].to_numpy()
    stable = part(amount, np.full(len(amount), share_units(share(parameters["core_share"], "core_share"))))
    # One month at a time over all accounts: the balances of two months are all that is ever held.
    parts, before = [with_amounts(selected, amount=amount - stable)], stable
    for month in range(1, months + 1):
        after = part(stable, np.full(len(stable), round(float(left[month]) * SHARE_SCALE)))
        parts.append(with_amounts(selected, amount=before - after, day=int(days[month - 1]), rule=name))
        before = after
    return pl.concat(parts)


def rollover(selected: pl.DataFrame, parameters: Parameters, as_of_day: int, name: str) -> pl.DataFrame:
    """Renewal at maturity: `rollover` of each flow not yet due stays `tenor_months` more, `renewals` times."""
    renewed = share(parameters["rollover"], "rollover")
    tenor, renewals = _whole(parameters, "tenor_months", 1), _whole(parameters, "renewals", 1)
    if tenor * renewals > MONTHS_MAX:
        raise InvalidInput(f"renewals reach further than {MONTHS_MAX} months", field="renewals")
    amount, day = selected["amount_minor"].to_numpy(), selected["day"].to_numpy()
    before, parts = amount, []
    for number in range(renewals + 1):
        units = 0 if number == renewals else share_units(renewed ** (number + 1))
        after = np.where(day >= as_of_day, part(amount, np.full(len(amount), units)), 0)
        moved = add_months(day, np.full(len(day), number * tenor))
        parts.append(with_amounts(selected, amount=before - after, day=moved, rule=name if number else None))
        before = after
    return pl.concat(parts)


def draw(selected: pl.DataFrame, parameters: Parameters, as_of_day: int, name: str) -> pl.DataFrame:
    """Drawdown of commitments: `drawdown_rate` of the undrawn amount, in equal parts over the next `months` months.

    0 months: at once. What is not drawn becomes UNDATED.
    """
    rate = share(parameters["drawdown_rate"], "drawdown_rate")
    months = _whole(parameters, "months", 0)
    amount = selected["amount_minor"].to_numpy()
    drawn = part(amount, np.full(len(amount), share_units(rate)))
    parts, before = [with_amounts(selected, amount=amount - drawn, day=UNDATED_DAY, rule=name)], drawn
    steps = max(months, 1)
    days = add_months(np.full(steps, as_of_day, np.int64), np.arange(1, steps + 1) * (months > 0))
    for step in range(1, steps + 1):
        after = part(drawn, np.full(len(drawn), share_units(Fraction(steps - step, steps))))
        parts.append(with_amounts(selected, amount=before - after, day=int(days[step - 1]), rule=name))
        before = after
    return pl.concat(parts)


def run_off(selected: pl.DataFrame, parameters: Parameters, as_of_day: int, name: str) -> pl.DataFrame:
    """Stress: `run_off_rate` of the funding leaves on day `horizon_days`, or on its own day if that comes first.

    Of the rest, dated flows keep their day; what is on demand or undated stays with the bank, UNDATED.
    """
    lost_share = share(parameters["run_off_rate"], "run_off_rate")
    last_day = as_of_day + _whole(parameters, "horizon_days", 0)
    amount, day = selected["amount_minor"].to_numpy(), selected["day"].to_numpy()
    lost = part(amount, np.full(len(amount), share_units(lost_share)))
    undated = (day == DEMAND_DAY) | (day == UNDATED_DAY)
    lost_on = np.where(undated, last_day, np.minimum(day, last_day))
    return pl.concat(
        [
            with_amounts(selected, amount=lost, day=lost_on, rule=name),
            with_amounts(selected, amount=amount - lost, day=np.where(undated, UNDATED_DAY, day), rule=name),
        ]
    )


def non_performing(selected: pl.DataFrame, parameters: Parameters, as_of_day: int, name: str) -> pl.DataFrame:
    """Stress: `default_share` of what is due from `as_of_day` to `horizon_days` later is not paid, but UNDATED."""
    unpaid_share = share(parameters["default_share"], "default_share")
    last_day = as_of_day + _whole(parameters, "horizon_days", 0)
    amount, day = selected["amount_minor"].to_numpy(), selected["day"].to_numpy()
    due = (day >= as_of_day) & (day <= last_day)
    unpaid = np.where(due, part(amount, np.full(len(amount), share_units(unpaid_share))), 0)
    return pl.concat(
        [
            with_amounts(selected, amount=amount - unpaid),
            with_amounts(selected, amount=unpaid, day=UNDATED_DAY, rule=name),
        ]
    )


_PRINCIPAL = pl.col("kind").cast(pl.String) == PRINCIPAL
_DATED_PRINCIPAL = _PRINCIPAL & is_dated()
_INFLOW, _OUTFLOW = pl.col("amount_minor") > 0, pl.col("amount_minor") < 0
_PAID = pl.col("kind").cast(pl.String).is_in([PRINCIPAL, INTEREST]) & is_dated()

KINDS: Mapping[str, Kind] = {
    "core": Kind(
        core,
        ("core_share", "decay_rate", "horizon_months"),
        _PRINCIPAL & _OUTFLOW & (pl.col("day") == DEMAND_DAY),
    ),
    "prepay": Kind(prepay, ("cpr",), _PAID & _INFLOW),
    "early_withdraw": Kind(
        early_withdraw, ("base_rate", "sensitivity", "market_rate"), _PAID & _OUTFLOW, ("rate_units",)
    ),
    "rollover": Kind(rollover, ("rollover", "tenor_months", "renewals"), _DATED_PRINCIPAL),
    "drawdown": Kind(draw, ("drawdown_rate", "months"), _PRINCIPAL & _OUTFLOW),
    "run_off": Kind(run_off, ("run_off_rate", "horizon_days"), _PRINCIPAL & _OUTFLOW),
    "non_performing": Kind(non_performing, ("default_share", "horizon_days"), _PAID & _INFLOW),
}


def _whole(parameters: Parameters, name: str, least: int) -> int:
    value = parameters[name]
    if value.denominator != 1 or not least <= value <= max(MONTHS_MAX, 3_650):
        raise InvalidInput(f"want a whole number from {least}", field=name)
    return int(value)


def _checked(rule: Rule, kinds: Mapping[str, Kind], flows: pl.DataFrame) -> Kind:
    kind = kinds.get(rule.kind)
    if kind is None:
        raise InvalidInput(f"no behaviour of kind {rule.kind!r}", field="kind", record=rule.name)
    wrong = sorted(set(kind.parameters) ^ set(rule.parameters))
    if wrong:
        raise InvalidInput(f"want the parameters {', '.join(kind.parameters)}", field=wrong[0], record=rule.name)
    for column in (*rule.where, *kind.columns):
        if column not in flows.columns:
            raise InvalidInput(f"flows have no column {column!r}", field=column, record=rule.name)
    return kind


def _check_conserved(before: pl.DataFrame, after: pl.DataFrame, name: str) -> None:
    """Raises InvalidInput if the principal of some contract is not what it was."""
    keys = [column for column in before.columns if column not in NOT_DIMENSIONS or column == "contract"]

    def principal(flows: pl.DataFrame, sign: int) -> pl.DataFrame:
        return flows.filter(_PRINCIPAL).select(*keys, pl.col("amount_minor") * sign)

    left = pl.concat([principal(after, 1), principal(before, -1)]).group_by(keys).agg(pl.col("amount_minor").sum())
    broken = left.filter(pl.col("amount_minor") != 0)
    if len(broken):
        raise InvalidInput("a rule does not conserve principal", field="rules", record=name, contracts=len(broken))
