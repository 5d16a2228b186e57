"""Plain loops over arrays made machine code by numba, without the interpreter's lock (ADR 0008).

For loops that numpy has no word for and that run once a record. The first call with new types compiles, for seconds,
and leaves the result beside the source (`__pycache__`, or `NUMBA_CACHE_DIR`); later processes load it. With
`NUMBA_DISABLE_JIT=1` the same code runs as Python.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """`function` as machine code: arguments and what it reads of its module are arrays and numbers of one width."""
    made: Any = njit(nogil=True, cache=True)(function)
    return cast(F, made)
