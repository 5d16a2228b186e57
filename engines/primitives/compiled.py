"""Plain loops over arrays made machine code by numba, without the interpreter's lock (ADR 0008).

For loops that numpy has no word for and that run once a record. The first call with new types compiles, for seconds,
and leaves the result beside the source (`__pycache__`, or `NUMBA_CACHE_DIR`); later processes load it. With
`NUMBA_DISABLE_JIT=1` the same code runs as Python.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from types import FunctionType
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """`function` as machine code: arguments and what it reads of its module are arrays and numbers of one width."""
    made: Any = njit(nogil=True, cache=True)(function)
    return cast(F, made)


def compiled_with(function: F, parts: Mapping[str, Callable[..., object]]) -> F:
    """`function` as machine code, with plain functions of other modules compiled into it.

    numba keeps machine code until the file of its function changes, and does not see that a function it calls has
    changed in another file. So the code is kept under a name that holds a digest of all it is made from.

    Args:
        parts: what `function` calls, by the name under which it does; each may call those before it.
    """
    made: dict[str, Any] = {}
    for name, part in parts.items():
        made[name] = njit(nogil=True)(_calling(part, made, name))
    name = f"{function.__name__}_{_digest([*parts.values(), function])}"
    return compiled(cast(F, _calling(function, made, name)))


def _calling(function: Callable[..., object], parts: Mapping[str, Any], name: str) -> FunctionType:
    source = cast(FunctionType, function)
    copy = FunctionType(source.__code__, {**source.__globals__, **parts}, name)
    copy.__qualname__ = name
    return copy


def _digest(functions: list[Callable[..., object]]) -> str:
    """Of the functions' instructions and of the numbers that they read of their modules."""
    seen = sha256()
    for function in functions:
        source = cast(FunctionType, function)
        code, names = source.__code__, source.__globals__
        numbers = [(name, names[name]) for name in code.co_names if isinstance(names.get(name), int | float)]
        seen.update(repr((code.co_code, code.co_consts, code.co_names, numbers)).encode())
    return seen.hexdigest()[:16]
