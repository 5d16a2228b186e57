"""How a guard says no: one function per kind of guard, so that every refusal names its guard (decisions E18,
E20).

`facts["guard"]` is `ROLE`, `FIELD`, `STATE`, `SDn` or `Aggregate.Command.n`, the nth clause of the guard
column of spec/risk-assets.md section 3. Where an aggregate's own row and the shared row of 3.1 both have
clauses, the own ones come first and the shared ones go on counting.
"""

from collections.abc import Collection

from engines.primitives.errors import Forbidden, InvalidInput, NotFound, Rejected


def unless(holds: bool, guard: str, message: str, **facts: str | int) -> None:
    """Clause of a guard column. Raises Rejected naming `guard` unless it holds."""
    if not holds:
        raise Rejected(message, guard=guard, **facts)


def unless_state(state: str, allowed: Collection[str], command: str, guard: str = "STATE") -> None:
    """Raises Rejected unless the command may be given in this state."""
    if state not in allowed:
        possible = " or ".join(sorted(allowed))
        raise Rejected(f"{command} is not possible while {state}, only while {possible}", guard=guard, state=state)


def unless_field(holds: bool, field: str, message: str) -> None:
    """Raises InvalidInput naming the field: wrong, or different from what it is derived from."""
    if not holds:
        raise InvalidInput(message, guard="FIELD", field=field)


def unless_segregated(holds: bool, guard: str, message: str) -> None:
    """Segregation of duties (spec/risk-assets.md 2.2). Raises Forbidden naming the SD rule."""
    if not holds:
        raise Forbidden(message, guard=guard)


def unless_role(holds: bool, message: str) -> None:
    if not holds:
        raise Forbidden(message, guard="ROLE")


def not_found(aggregate: str, key: str) -> NotFound:
    """The same answer for what does not exist and for what the caller may not know of."""
    return NotFound(f"no {aggregate} {key!r}", aggregate=aggregate, key=key)
