"""How one ACTUS term is read from text or JSON: by kind, with its bounds and its allowed values.

Each field of `terms.Terms` carries one `Reading`. Source: dictionary, types and allowed values.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engines.actus.cycles import parse_cycle, parse_period
from engines.actus.dates import parse_instant

AMOUNT_MAX = 1e18  # beyond it float64 loses whole units
RATE_MAX = 1e4


@dataclass(frozen=True, slots=True)
class Reading:
    """The kind of a term, as a function that reads it or raises ValueError; several: a vector-type term."""

    read: Callable[[Any], Any]
    several: bool = False


def real(*, default: float | None = None, positive: bool = False, limit: float = AMOUNT_MAX) -> Any:
    return _term(lambda raw: number(raw, positive=positive, limit=limit), default)


def reals() -> Any:
    return _term(lambda raw: number(raw, positive=False, limit=AMOUNT_MAX), (), several=True)


def instant() -> Any:
    return _term(lambda raw: parse_instant(_text(raw)), None)


def instants() -> Any:
    return _term(lambda raw: parse_instant(_text(raw)), (), several=True)


def cycle() -> Any:
    return _term(lambda raw: parse_cycle(_text(raw)), None)


def cycles() -> Any:
    return _term(lambda raw: parse_cycle(_text(raw)), (), several=True)


def period() -> Any:
    return _term(lambda raw: parse_period(_text(raw)), None)


def text(*, default: str = "") -> Any:
    return _term(_text, default)


def choice(*allowed: str, default: str | None = None, also: Mapping[str, str] | None = None) -> Any:
    """One of the allowed values; `also` maps spellings met in use to them."""
    return _term(lambda raw: _one_of(raw, allowed, also or {}), default)


def choices(*allowed: str, default: tuple[str, ...] = (), also: Mapping[str, str] | None = None) -> Any:
    return _term(lambda raw: _one_of(raw, allowed, also or {}), default, several=True)


def parsed(read: Callable[[Any], Any], *, default: Any = None, several: bool = False) -> Any:
    return _term(read, default, several=several)


def _term(read: Callable[[Any], Any], default: Any, *, several: bool = False) -> Any:
    return field(default=default, metadata={"reading": Reading(read, several)})


def number(raw: Any, *, positive: bool, limit: float) -> float:
    """A finite number of a size that float64 can carry; text is stripped. ValueError if it is not one."""
    if isinstance(raw, bool):
        raise ValueError(f"not a number: {raw!r}")
    try:
        value = float(raw.strip() if isinstance(raw, str) else raw)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"not a number: {raw!r}") from error
    if not math.isfinite(value):
        raise ValueError(f"not a finite number: {raw!r}")
    if abs(value) > limit:
        raise ValueError(f"beyond {limit:g}: {raw!r}")
    if positive and value < 0:
        raise ValueError(f"must not be negative: {raw!r}")
    return value


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"not text: {raw!r}")
    return raw.strip()


def _one_of(raw: Any, allowed: tuple[str, ...], also: Mapping[str, str]) -> str:
    value = _text(raw).upper()
    value = also.get(value, value)
    if value not in allowed:
        raise ValueError(f"{raw!r} is none of {', '.join(allowed)}")
    return value
