"""Linear programmes with names: the best mix, what each condition costs, or which conditions contradict each other.

Exact (decision Q1): limits that just meet do meet. Not for the meaning of a condition: the programme of a bank is
`engines.balance_sheet_optimisation`; nor for pivots: `engines.simplex`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from engines.primitives.errors import InvalidInput
from engines.simplex import NoBound, NoSolution, Row, Solved, maximise

Sense = Literal["<=", ">=", "="]
Edge = Literal["lower", "upper"]

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    objective: Fraction  # worth of a unit
    lower: Fraction | None = ZERO  # None: no bound
    upper: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Constraint:
    """`sum coefficient x variable` against the limit; a variable that is not named has coefficient 0."""

    name: str
    coefficients: Mapping[str, Fraction]
    sense: Sense
    limit: Fraction


@dataclass(frozen=True, slots=True)
class Bound:
    """A variable's own lower or upper bound, as a condition beside the constraints."""

    variable: str
    edge: Edge


Condition = Constraint | Bound


@dataclass(frozen=True, slots=True)
class Priced:
    """A condition at the optimum."""

    condition: Condition
    slack: Fraction  # what is left up to the limit, >= 0
    shadow_price: Fraction  # change of the objective for one unit more of the limit

    @property
    def is_binding(self) -> bool:
        return self.slack == 0


@dataclass(frozen=True, slots=True)
class Optimum:
    values: Mapping[str, Fraction]
    objective: Fraction
    constraints: tuple[Priced, ...]  # in the order given
    bounds: tuple[Priced, ...]  # lower before upper, in the order of the variables
    is_degenerate: bool  # more conditions meet here than are needed: shadow prices then hold in one direction only
    is_unique: bool  # no other values reach the objective; where it is degenerate, False may mean unknown


@dataclass(frozen=True, slots=True)
class Conflict:
    """Conditions that cannot all hold; without any one of them the others can."""

    conditions: tuple[Condition, ...]


def solve(variables: Sequence[Variable], constraints: Sequence[Constraint]) -> Optimum | Conflict:
    """The largest objective over all values that keep bounds and constraints.

    Raises:
        InvalidInput: the objective has no upper end (the message names what grows); a name stands twice, or a
            constraint names a variable that is not there.
    """
    _check(variables, constraints)
    bounds = _bounds(variables)
    form = _Form(variables, constraints, bounds)
    found = maximise(form.objective, form.rows)
    if isinstance(found, NoSolution):
        return Conflict(_fewest(variables, form.conditions_of(found)))
    if isinstance(found, NoBound):
        names = ", ".join(dict.fromkeys(form.variable_of(column) for column in found.variables))
        raise InvalidInput(f"the objective has no upper end: {names} may grow for ever", field="constraints")
    return _optimum(form, found)


class _Form:
    """The programme over columns >= 0: a variable is counted from its bound, one without any is a difference."""

    def __init__(self, variables: Sequence[Variable], constraints: Sequence[Constraint], kept: Iterable[Bound]):
        self.variables, self.constraints = variables, constraints
        self.kept = frozenset(kept)
        self.columns: list[tuple[int, int]] = []  # place of the variable, sign
        self.starts: list[Fraction] = []
        self.upper_rows: list[int] = []  # places of variables whose upper bound is a row of its own
        for at, variable in enumerate(variables):
            lower, upper = self._edge(variable, "lower"), self._edge(variable, "upper")
            if lower is not None:
                self.columns.append((at, 1))
                if upper is not None:
                    self.upper_rows.append(at)
            elif upper is not None:
                self.columns.append((at, -1))
            else:
                self.columns += [(at, 1), (at, -1)]
            self.starts.append(lower if lower is not None else upper if upper is not None else ZERO)
        self.objective = [sign * variables[at].objective for at, sign in self.columns]
        self.rows = [self._row(constraint) for constraint in constraints]
        for at in self.upper_rows:
            room = (variables[at].upper or ZERO) - self.starts[at]
            self.rows.append(Row([Fraction(at == place) for place, _ in self.columns], False, room))

    def variable_of(self, column: int) -> str:
        return self.variables[self.columns[column][0]].name

    def conditions_of(self, proof: NoSolution) -> list[Condition]:
        """What a proof of contradiction leans on."""
        found: list[Condition] = [self.constraints[at] for at in proof.rows if at < len(self.constraints)]
        rows = [self.upper_rows[at - len(self.constraints)] for at in proof.rows if at >= len(self.constraints)]
        found += [Bound(self.variables[at].name, "upper") for at in rows]
        for column in proof.variables:
            at, sign = self.columns[column]
            bound = Bound(self.variables[at].name, "lower" if sign > 0 else "upper")
            if bound in self.kept:
                found.append(bound)
        return found

    def value(self, at: int, columns: Sequence[Fraction]) -> Fraction:
        pairs = zip(self.columns, columns, strict=True)
        return self.starts[at] + sum((sign * value for (place, sign), value in pairs if place == at), ZERO)

    def _edge(self, variable: Variable, edge: Edge) -> Fraction | None:
        value = variable.lower if edge == "lower" else variable.upper
        return value if Bound(variable.name, edge) in self.kept else None

    def _row(self, constraint: Constraint) -> Row:
        """`>=` is turned round, and what the starting values use is taken off the limit."""
        sign = -1 if constraint.sense == ">=" else 1
        own = [constraint.coefficients.get(variable.name, ZERO) * sign for variable in self.variables]
        used = sum((value * start for value, start in zip(own, self.starts, strict=True)), ZERO)
        coefficients = [own[at] * side for at, side in self.columns]
        return Row(coefficients, constraint.sense == "=", constraint.limit * sign - used)


def _optimum(form: _Form, found: Solved) -> Optimum:
    values = {variable.name: form.value(at, found.values) for at, variable in enumerate(form.variables)}
    priced = []
    for at, constraint in enumerate(form.constraints):
        used = sum((value * values[name] for name, value in constraint.coefficients.items()), ZERO)
        sign = -1 if constraint.sense == ">=" else 1
        priced.append(Priced(constraint, sign * (constraint.limit - used), sign * found.prices[at]))
    price_by_row = dict(zip(form.upper_rows, found.prices[len(form.constraints) :], strict=True))
    reduced_by_bound = {
        (at, sign): reduced for (at, sign), reduced in zip(form.columns, found.reduced, strict=True)
    }  # a variable without bounds has two columns, but no bound that asks for them
    bounds = []
    for at, variable in enumerate(form.variables):
        value = values[variable.name]
        if variable.lower is not None:
            bound = Bound(variable.name, "lower")
            bounds.append(Priced(bound, value - variable.lower, reduced_by_bound[at, 1]))
        if variable.upper is not None:
            price = price_by_row[at] if at in price_by_row else -reduced_by_bound[at, -1]
            bounds.append(Priced(Bound(variable.name, "upper"), variable.upper - value, price))
    objective = sum((variable.objective * values[variable.name] for variable in form.variables), ZERO)
    return Optimum(values, objective, tuple(priced), tuple(bounds), found.is_degenerate, _is_unique(form, found))


def _is_unique(form: _Form, found: Solved) -> bool:
    """Every column and every slack outside the basis costs something; the twin of a column in it costs nothing."""
    used = {form.columns[column][0] for column, basic in enumerate(found.in_basis) if basic}
    idle = (found.reduced[column] for column, (at, _) in enumerate(form.columns) if at not in used)
    return all(idle) and found.slacks_cost


def _fewest(variables: Sequence[Variable], candidates: Sequence[Condition]) -> tuple[Condition, ...]:
    """Drops every condition without which the others still contradict each other.

    Source: deletion filter, Chinneck and Dravnieks, ORSA Journal on Computing 3 (1991).
    """
    kept = list(candidates)
    for condition in candidates:
        without = [other for other in kept if other is not condition]
        form = _Form(
            variables,
            [one for one in without if isinstance(one, Constraint)],
            [one for one in without if isinstance(one, Bound)],
        )
        if isinstance(maximise([ZERO] * len(form.columns), form.rows), NoSolution):
            kept = without
    return tuple(kept)


def _bounds(variables: Sequence[Variable]) -> list[Bound]:
    found = []
    for variable in variables:
        found += [Bound(variable.name, "lower")] if variable.lower is not None else []
        found += [Bound(variable.name, "upper")] if variable.upper is not None else []
    return found


def _check(variables: Sequence[Variable], constraints: Sequence[Constraint]) -> None:
    for kind, names in (
        ("variables", [variable.name for variable in variables]),
        ("constraints", [constraint.name for constraint in constraints]),
    ):
        for at, name in enumerate(names):
            if name in names[:at]:
                message = f"the name {name!r} stands twice"
                raise InvalidInput(message, field=f"{kind}[{at}].name", record=f"{kind}[{at}]")
    known = {variable.name for variable in variables}
    for at, constraint in enumerate(constraints):
        for name in constraint.coefficients:
            if name not in known:
                record = f"constraints[{at}]"
                raise InvalidInput(f"there is no {name!r}", field=f"{record}.coefficients", record=record)
