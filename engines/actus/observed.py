"""What is observed outside a contract: risk factors over time, and events that no schedule holds.

Source: techspec 5 Risk Factor Observer. A series is a step function: an observation holds until the next one. A
series that no event reads may be absent or empty.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engines.actus.dates import parse_instant, show_instant
from engines.primitives.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Series:
    """Instants, strictly rising, and what was observed at each."""

    instants: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ObservedEvent:
    """An event from outside: a prepayment, a call, a credit event of a contract.

    Attributes:
        kind: its event type code.
        contract_id: whose event it is; empty: of the contract that is evaluated.
        value: an amount, with the contract's own sign; 0 where it has none.
        states: state variables that it sets, by their dictionary names, as text or numbers.
    """

    instant: int
    kind: str
    value: float = 0.0
    contract_id: str = ""
    states: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observed:
    """O^rf and O^ev of the standard."""

    series: Mapping[str, Series] = field(default_factory=dict)
    events: tuple[ObservedEvent, ...] = ()

    def risk_factor(self, code: str, instant: int, *, record: str) -> float:
        """The last observation of a risk factor at or before an instant.

        Raises:
            InvalidInput: the series is missing, or begins later.
        """
        series = self.series.get(code)
        place = bisect_right(series.instants, instant) if series else 0
        if not series or not place:
            when = show_instant(instant)
            raise InvalidInput(f"no observation of {code!r} at or before {when}", field="dataObserved", record=record)
        return series.values[place - 1]

    def events_of(self, contract_id: str, *kinds: str) -> list[ObservedEvent]:
        """Observed events of a contract (or of none by name), by time; of all types where none is named."""
        mine = [e for e in self.events if e.contract_id in ("", contract_id) and (not kinds or e.kind in kinds)]
        return sorted(mine, key=lambda event: event.instant)


NOTHING = Observed()


def read_observed(
    data: Mapping[str, Any] | None = None, events: Iterable[Mapping[str, Any]] | None = None, *, record: str = ""
) -> Observed:
    """Series and events from their JSON shapes.

    Args:
        data: series by market object code, each `{"data": [{"timestamp", "value"}]}` or such a list itself.
        events: `{"time", "type", "value", "contractId", "states"}`, the last three optional.
        record: what an error names: the contract or case.
    Raises:
        InvalidInput: a time, a number or a shape is not what it must be; two different values at one instant.
    """
    series = {code: _series(code, rows, record) for code, rows in (data or {}).items()}
    return Observed(series, tuple(_event(row, record) for row in events or ()))


def _series(code: str, rows: Any, record: str) -> Series:
    if isinstance(rows, Mapping):
        rows = rows.get("data", [])
    observations: dict[int, float] = {}
    for row in rows:
        try:
            instant, value = parse_instant(str(row["timestamp"])), _number(row["value"])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"series {code!r}: {error}", field="dataObserved", record=record) from error
        if observations.setdefault(instant, value) != value:
            when = show_instant(instant)
            raise InvalidInput(f"series {code!r}: two values at {when}", field="dataObserved", record=record)
    instants = tuple(sorted(observations))
    return Series(instants, tuple(observations[instant] for instant in instants))


def _event(row: Mapping[str, Any], record: str) -> ObservedEvent:
    try:
        return ObservedEvent(
            instant=parse_instant(str(row["time"])),
            kind=str(row["type"]).strip(),
            value=_number(row.get("value") or 0),
            contract_id=str(row.get("contractId") or row.get("contractID") or ""),
            states=dict(row.get("states") or {}),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"observed event: {error}", field="eventsObserved", record=record) from error


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"not a finite number: {value!r}")
    return number
