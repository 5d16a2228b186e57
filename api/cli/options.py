"""Options that several commands share, and the settings they lead to.

Settings come, in this order, from the command line, `TIDEMARK_*`, and `tidemark.toml`.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import typer
from pydantic import ValidationError

from engines.primitives.errors import InvalidInput
from infra.settings import Settings

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Directory of this Tidemark.", show_default="TIDEMARK_DATA_DIR, else your home"),
]


Options = TypeVar("Options")
Own = ParamSpec("Own")
Command = Callable[Concatenate[Options, Own], None]


def taking(options: Callable[..., Options]) -> Callable[[Command[Options, Own]], Callable[..., None]]:
    """A command that takes the parameters of `options`, too, after its own; what is made of them is its first
    argument."""
    shared = inspect.signature(options, eval_str=True).parameters

    def decorate(command: Command[Options, Own]) -> Callable[..., None]:
        own = [*inspect.signature(command, eval_str=True).parameters.values()][1:]

        @wraps(command)
        def whole(**given: Any) -> None:
            chosen = options(**{name: given.pop(name) for name in shared})
            untyped: Callable[..., None] = command
            untyped(chosen, **given)

        every = [*own, *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in shared.values())]
        # What typer reads.
        vars(whole)["__signature__"] = inspect.Signature(every)
        whole.__annotations__ = {parameter.name: parameter.annotation for parameter in every}
        return whole

    return decorate


def load_settings(**given: Any) -> Settings:
    """Settings with those of the command line on top; None means not given.

    Raises:
        InvalidInput: a setting is out of range, wherever it came from; `field` is its variable.
    """
    given = {name: value for name, value in given.items() if value is not None}
    if "data_dir" in given:
        given["data_dir"] = given["data_dir"].expanduser().absolute()
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = "TIDEMARK_" + "_".join(str(part) for part in first["loc"]).upper()
        raise InvalidInput(first["msg"], field=field) from error
    except ValueError as error:  # tidemark.toml is not TOML
        raise InvalidInput(f"tidemark.toml cannot be read: {error}", field="tidemark.toml") from error
    if settings.data_dir.is_absolute():
        return settings
    # Children inherit the directory by environment and a relative one would depend on where each stands.
    return settings.model_copy(update={"data_dir": settings.data_dir.absolute()})
