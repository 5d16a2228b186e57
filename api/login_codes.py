"""One-time login codes: `up` and `tidemark login` issue them, the API redeems each once.

A code stands in a link that terminals, shells and browsers remember; so it works once and for a short while,
and only its digest is on the disk, with its token (mode 600). Not for sessions: the token is one.
"""

import hashlib
import json
import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path

from engines.primitives.errors import Unavailable
from infra.security import Unauthenticated

VALID_FOR = timedelta(hours=1)


class LoginCodeFiles:
    """Codes as files in one directory, shared by the processes of one host."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def issue(self, token: str, now: datetime) -> str:
        """A new code for `token`. Raises Unavailable: the directory cannot be written."""
        code = secrets.token_urlsafe(32)
        body = json.dumps({"token": token, "expires_at": (now + VALID_FOR).timestamp()})
        write_secret(self._path(code), body)
        return code

    def redeem(self, code: str, now: datetime) -> str:
        """The signed token behind `code`, which then is void. Raises Unauthenticated."""
        path = self._path(code)
        taken = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            path.rename(taken)  # of two that come at once, one finds nothing
            body = json.loads(taken.read_bytes())
            taken.unlink()
        except (OSError, ValueError) as error:
            raise Unauthenticated("this login link was used before, or never was one: `tidemark login`") from error
        if body["expires_at"] < now.timestamp():
            raise Unauthenticated("this login link has expired: `tidemark login` prints another")
        return str(body["token"])

    def forget_all(self) -> None:
        """Void every code, at a new start."""
        if self._directory.is_dir():
            for path in self._directory.iterdir():
                path.unlink(missing_ok=True)

    def _path(self, code: str) -> Path:
        return self._directory / hashlib.sha256(code.encode()).hexdigest()


def write_secret(path: Path, text: str) -> None:
    """Replace `path` by `text`, readable by the owner alone from its first byte on.

    Raises Unavailable: the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        raise Unavailable(f"cannot write {path}: {error.strerror}", path=str(path)) from error
