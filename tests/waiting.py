"""Waits for a condition of other threads and processes. Its patience is for a busy machine: what holds costs none."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 120.0

T = TypeVar("T")


def until(true: Callable[[], T], what: str | Callable[[], str] = "it", patience_s: float = PATIENCE_S) -> T:
    """What the condition returned when it held. Raises AssertionError, saying `what` was waited for in vain."""
    deadline = time.monotonic() + patience_s
    while not (found := true()):
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {patience_s:g} s for {what if isinstance(what, str) else what()}")
        time.sleep(0.02)
    return found
