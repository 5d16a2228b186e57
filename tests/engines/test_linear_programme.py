"""Linear programmes against all vertices by brute force, and the proofs and prices they come with."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.linear_programme import (
    Bound,
    Condition,
    Conflict,
    Constraint,
    Optimum,
    Sense,
    Variable,
    solve,
)
from engines.primitives.errors import InvalidInput

Half = tuple[list[Fraction], Sense, Fraction]

numbers = st.integers(-4, 4).map(Fraction) | st.integers(-9, 9).map(lambda part: Fraction(part, 3))
senses: st.SearchStrategy[Sense] = st.sampled_from(["<=", ">=", "="])


@st.composite
def programmes(draw: st.DrawFn, *, is_bounded: bool = True) -> tuple[list[Variable], list[Constraint]]:
    """Up to three variables and four constraints; where `is_bounded`, each variable has both bounds."""
    variables = []
    for at in range(draw(st.integers(1, 3))):
        lower, upper = draw(numbers), draw(numbers)
        edges: list[Fraction | None] = [min(lower, upper), max(lower, upper)]
        if not is_bounded:
            edges = [draw(st.sampled_from([edge, None])) for edge in edges]
        variables.append(Variable(f"x{at}", draw(numbers), *edges))
    constraints = []
    for at in range(draw(st.integers(0, 4))):
        coefficients = {variable.name: draw(numbers) for variable in variables}
        constraints.append(Constraint(f"c{at}", coefficients, draw(senses), draw(numbers)))
    return variables, constraints


def halves(variables: Sequence[Variable], conditions: Sequence[Condition]) -> list[Half]:
    found: list[Half] = []
    for condition in conditions:
        if isinstance(condition, Constraint):
            row = [condition.coefficients.get(variable.name, Fraction(0)) for variable in variables]
            found.append((row, condition.sense, condition.limit))
        else:
            (variable,) = [one for one in variables if one.name == condition.variable]
            edge = variable.lower if condition.edge == "lower" else variable.upper
            assert edge is not None
            row = [Fraction(one.name == condition.variable) for one in variables]
            found.append((row, ">=" if condition.edge == "lower" else "<=", edge))
    return found


def everything(variables: Sequence[Variable], constraints: Sequence[Constraint]) -> list[Condition]:
    lower = [Bound(variable.name, "lower") for variable in variables if variable.lower is not None]
    upper = [Bound(variable.name, "upper") for variable in variables if variable.upper is not None]
    return [*constraints, *lower, *upper]


def keeps(point: Sequence[Fraction], half: Half) -> bool:
    row, sense, limit = half
    value = sum((a * x for a, x in zip(row, point, strict=True)), Fraction(0))
    return value <= limit if sense == "<=" else value >= limit if sense == ">=" else value == limit


def crossing(rows: Sequence[Half]) -> list[Fraction] | None:
    """The one point where all hold with equality, by Gauss; None where there is none or are many."""
    matrix = [[*row, limit] for row, _, limit in rows]
    size = len(matrix)
    for column in range(size):
        pivot = next((at for at in range(column, size) if matrix[at][column]), None)
        if pivot is None:
            return None
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        matrix[column] = [value / matrix[column][column] for value in matrix[column]]
        for at in range(size):
            if at != column:
                factor = matrix[at][column]
                matrix[at] = [own - factor * other for own, other in zip(matrix[at], matrix[column], strict=True)]
    return [row[-1] for row in matrix]


def vertices(variables: Sequence[Variable], conditions: Sequence[Condition]) -> Iterator[list[Fraction]]:
    found = halves(variables, conditions)
    for rows in combinations(found, len(variables)):
        point = crossing(rows)
        if point is not None and all(keeps(point, half) for half in found):
            yield point


def worth(variables: Sequence[Variable], point: Sequence[Fraction]) -> Fraction:
    return sum((one.objective * value for one, value in zip(variables, point, strict=True)), Fraction(0))


@given(programmes())
def test_the_optimum_is_the_best_vertex(programme: tuple[list[Variable], list[Constraint]]) -> None:
    variables, constraints = programme
    points = list(vertices(variables, everything(variables, constraints)))
    found = solve(variables, constraints)
    if isinstance(found, Conflict):
        assert not points
        return
    assert found.objective == max(worth(variables, point) for point in points)
    values = [found.values[variable.name] for variable in variables]
    assert all(keeps(values, half) for half in halves(variables, everything(variables, constraints)))
    if found.is_unique:
        best = {tuple(point) for point in points if worth(variables, point) == found.objective}
        assert best == {tuple(values)}
    elif not found.is_degenerate:
        assert len({tuple(point) for point in points if worth(variables, point) == found.objective}) > 1


@given(programmes() | programmes(is_bounded=False))
def test_prices_prove_the_optimum(programme: tuple[list[Variable], list[Constraint]]) -> None:
    """Strong duality with complementary slackness: what the conditions are worth is the whole objective."""
    try:
        found = solve(*programme)
    except InvalidInput:
        return
    if isinstance(found, Conflict):
        return
    priced = [*found.constraints, *found.bounds]
    value = Fraction(0)
    for one in priced:
        (half,) = halves(programme[0], [one.condition])
        value += one.shadow_price * half[2]
        assert one.slack >= 0
        assert one.slack * one.shadow_price == 0
        assert half[1] == "=" or one.shadow_price * (1 if half[1] == "<=" else -1) >= 0
    assert value == found.objective
    for at, variable in enumerate(programme[0]):
        rows = [halves(programme[0], [one.condition])[0][0] for one in priced]
        total = sum((row[at] * one.shadow_price for row, one in zip(rows, priced, strict=True)), Fraction(0))
        assert total == variable.objective


@given(programmes())
def test_a_conflict_is_one_and_has_nothing_too_much(programme: tuple[list[Variable], list[Constraint]]) -> None:
    found = solve(*programme)
    if isinstance(found, Optimum):
        return
    variables, _ = programme
    wide = [Variable(one.name, Fraction(0), Fraction(-(10**9)), Fraction(10**9)) for one in variables]
    box = everything(wide, [])

    def possible(conditions: Sequence[Condition]) -> bool:
        far = halves(wide, box)
        for rows in combinations(inner := [*halves(variables, conditions), *far], len(variables)):
            point = crossing(rows)
            if point is not None and all(keeps(point, half) for half in inner):
                return True
        return False

    assert not possible(found.conditions)
    for condition in found.conditions:
        assert possible([other for other in found.conditions if other is not condition])


@given(programmes(is_bounded=False))
def test_without_bounds_it_is_solved_or_refused(programme: tuple[list[Variable], list[Constraint]]) -> None:
    """A box far outside every vertex changes nothing that is bounded, and is reached by what is not."""
    variables, constraints = programme
    far = Fraction(10**9)
    boxed = [
        Variable(
            one.name,
            one.objective,
            -far if one.lower is None else one.lower,
            far if one.upper is None else one.upper,
        )
        for one in variables
    ]
    inside = solve(boxed, constraints)
    try:
        found = solve(variables, constraints)
    except InvalidInput:
        assert isinstance(inside, Optimum)
        assert inside.objective > far / 1000
        return
    assert isinstance(found, Conflict) == isinstance(inside, Conflict)
    if isinstance(found, Optimum) and isinstance(inside, Optimum):
        assert found.objective == inside.objective


def test_an_end_without_bound_is_refused_and_named() -> None:
    with pytest.raises(InvalidInput, match="loans, deposits may grow"):
        solve(
            [Variable("loans", Fraction(5)), Variable("cash", Fraction(0)), Variable("deposits", Fraction(-1))],
            [Constraint("funds", {"loans": Fraction(1), "deposits": Fraction(-1)}, "=", Fraction(0))],
        )


def test_names_that_stand_twice_or_nowhere_are_refused() -> None:
    one = Variable("x", Fraction(1), upper=Fraction(1))
    for variables, constraints, field in (
        ([one, one], [], "variables[1].name"),
        ([one], [Constraint("c", {}, "<=", Fraction(0))] * 2, "constraints[1].name"),
        ([one], [Constraint("c", {"y": Fraction(1)}, "<=", Fraction(0))], "constraints[0].coefficients"),
    ):
        with pytest.raises(InvalidInput) as caught:
            solve(variables, constraints)
        assert caught.value.facts["field"] == field


def test_a_cycle_of_the_plain_simplex_ends() -> None:
    """Beale's example, on which the rule of the steepest price runs in a circle; optimum 1/20."""
    names = ["x4", "x5", "x6", "x7"]
    rows = [["1/4", "-60", "-1/25", "9"], ["1/2", "-90", "-1/50", "3"], ["0", "0", "1", "0"]]
    worths = ["3/4", "-150", "1/50", "-6"]
    found = solve(
        [Variable(name, Fraction(value)) for name, value in zip(names, worths, strict=True)],
        [
            Constraint(f"r{at}", dict(zip(names, map(Fraction, row), strict=True)), "<=", Fraction(limit))
            for at, (row, limit) in enumerate(zip(rows, (0, 0, 1), strict=True))
        ],
    )
    assert isinstance(found, Optimum)
    assert found.objective == Fraction(1, 20)


def test_an_upper_bound_alone_has_its_price() -> None:
    found = solve([Variable("loans", Fraction(5), None, Fraction(7))], [])
    assert isinstance(found, Optimum)
    assert [(one.slack, one.shadow_price) for one in found.bounds] == [(Fraction(0), Fraction(5))]


def test_an_empty_programme_is_worth_nothing() -> None:
    found = solve([], [])
    assert isinstance(found, Optimum)
    assert found.objective == 0
    assert (found.is_unique, found.is_degenerate) == (True, False)
