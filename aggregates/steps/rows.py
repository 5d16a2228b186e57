"""What a row of an aggregate's table says, from which both its behaviour and its documentation come.

Source: spec/risk-assets.md section 3 (columns command, role, guard, event, next); decisions E18 to E20.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from aggregates.steps.fields import FieldSpec, field_specs

if TYPE_CHECKING:
    from aggregates.envelope import Envelope
    from aggregates.steps.case import Case
    from aggregates.steps.step import Step

Facts = Mapping[str, Any]  # values by field name
Check = Callable[["Step"], bool]
Effect = Callable[[Any, Facts, "Envelope"], None]

IN_STAGE = "in stage"


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of a guard column, in the column's order. `guard` is `Submit.1`, completed by the aggregate's
    name, or `SD5`, `FIELD`. Without `holds` it is a fact outside of us: counted as satisfied, shown in the table."""

    guard: str
    text: str
    holds: Check | None = None


def clause(guard: str, text: str, holds: Check | None = None) -> Clause:
    return Clause(guard, text, holds)


def in_stage(guard: str) -> Clause:
    """The guard column itself names the states: a wrong one is refused as this clause, in its place (E20)."""
    return Clause(guard, IN_STAGE)


@dataclass(frozen=True, slots=True)
class Row:
    """One command of an aggregate and the event it stores.

    `stages`: in which it may be given. `makes`: the first event of an aggregate, `makes_if_absent`: it may be.
    `next`: the stage afterwards, "" keeps it; a function of case and facts where it depends.
    `extra`: fields that a command may have and the event has not.
    `default`: values that stand in for missing ones. `derive`: values that the state determines: a given one must be
    equal. `counts_on`: the business date it determines. `effect`: what the event does to the aggregate, at every
    replay. `before`, `then`: partner events of the same save. `instead`: the event to store in place of this one
    (E13). `split`: one command, several events of this kind. `repeats`: whether the same fact is stored already, so
    that nothing happens. `remember`: the part that the actor plays in the case from now on (segregation of duties).
    `track`: the row moves a side process with stages of its own (a second approval), not the aggregate's main one.
    `partner`: follows from another aggregate's event and is no command of its own.
    `yields`: fields of names that the case knows already are not the case's own: those stay as they were.
    """

    command: str
    event: str
    roles: tuple[str, ...]
    fields: tuple[FieldSpec, ...]
    stages: tuple[str, ...] = ()
    next: "str | Callable[[Case, Facts], str]" = ""
    clauses: tuple[Clause, ...] = ()
    derive: "Callable[[Step], Facts] | None" = None
    default: "Callable[[Step], Facts] | None" = None
    counts_on: "Callable[[Step], date | None] | None" = None
    effect: Effect | None = None
    before: "Callable[[Step], None] | None" = None
    then: "Callable[[Step], None] | None" = None
    instead: "Callable[[Step], str | None] | None" = None
    split: "Callable[[Step], list[Facts]] | None" = None
    repeats: Check | None = None
    extra: tuple[FieldSpec, ...] = ()
    remember: str = ""
    makes: bool = False
    makes_if_absent: bool = False
    track: str = ""
    any_stage: bool = False
    partner: bool = False
    yields: bool = False
    notice: str = ""

    @property
    def names_state(self) -> bool:
        return any(item.text == IN_STAGE for item in self.clauses)

    def but(self, **changes: Any) -> "Row":
        return replace(self, **changes)


def row(
    command: str,
    event: str,
    roles: str,
    fields: str = "",
    *,
    stages: str = "",
    makes: bool = False,
    clauses: tuple[Clause, ...] = (),
    extra: str = "",
    **more: Any,
) -> Row:
    """A row from texts: roles and stages are separated by blanks, fields are in the notation of `fields`.

    `row("Receive", "FlowReceived", "CB", "core_txn_no:I, amount:M", makes=True, next="RECEIVED")`. A row that neither
    makes its aggregate nor names stages may be given in any.
    """
    names = tuple(stages.split())
    return Row(
        command,
        event,
        tuple(roles.split()),
        field_specs(fields),
        stages=names,
        makes=makes,
        any_stage=not names and not makes,
        clauses=clauses,
        extra=field_specs(extra),
        **more,
    )
