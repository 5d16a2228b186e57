"""What a formula says about itself: its text, and where the standard gives it.

`@formula` does not wrap: the function stays a plain function of scalars or arrays. `Step` is one use of it, with the
arguments it was called with, so that an explanation shows the numbers of the very call that made the flow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula's text, with its parameters in braces, and its place in the ACTUS technical specification."""

    text: str
    source: str


FORMULAS: dict[Callable[..., Any], Formula] = {}


def formula(text: str, source: str) -> Callable[[Function], Function]:
    """Registers a function's formula text, such as `{fx} × {sign} × {price}`, and its source."""

    def register(function: Function) -> Function:
        FORMULAS[function] = Formula(text, source)
        return function

    return register


@dataclass(frozen=True, slots=True)
class Step:
    """One use of a formula: which state variable or payoff it gave, from what, and what came out."""

    target: str
    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    result: Any
