"""Policies shipped with Tidemark: versioned data with effective dates, read by `load_policy`."""

import tomllib
from pathlib import Path
from typing import Any

from engines.primitives.errors import InvalidInput, NotFound


def load_policy(name: str, directory: Path | None = None) -> dict[str, Any]:
    """The parsed policy file `name`.toml, from `directory` or else as shipped.

    Raises NotFound if there is no such file, InvalidInput if it is not TOML.
    """
    path = (directory or Path(__file__).parent) / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFound(f"no policy {name} at {path}", policy=name) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"policy {path} is not TOML: {error}", policy=name) from error
