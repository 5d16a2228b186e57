"""Secrets of channels: from the environment, or from files of mode 600 under data_dir/keys/notifier; never elsewhere.

A webhook secret belongs to a subscription. Its file holds one secret a line, the newest first: all of them sign, so
that a receiver can change over in its own time. A subscription without one gets one when it is first needed.
"""

import hashlib
import re
import stat
from pathlib import Path

from pydantic import SecretStr

from engines.primitives.errors import InvalidInput, Unavailable
from infra.channels.signatures import key_of, new_secret
from infra.files import read_bytes_or_none
from infra.security import write_once

FOLDER = Path("keys") / "notifier"
EVERY = "*"
SECRETS_MAX = 5
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class WebhookSecrets:
    """`given` is TIDEMARK_NOTIFIER_WEBHOOK_SECRETS: `SUB-1=whsec_… whsec_…, *=whsec_…`; what it names comes first."""

    def __init__(self, folder: Path, given: SecretStr | None = None) -> None:
        """Raises InvalidInput: an entry that is none; what it says is not repeated."""
        self._folder = folder
        self._given: dict[str, tuple[str, ...]] = {}
        for entry in (given.get_secret_value() if given is not None else "").split(","):
            name, divider, told = entry.strip().partition("=")
            if divider and told.split():
                self._given[name.strip()] = tuple(told.split())
            elif entry.strip():
                raise InvalidInput("want SUBSCRIPTION=SECRET …, …", field="TIDEMARK_NOTIFIER_WEBHOOK_SECRETS")
        for told_of in self._given.values():
            for secret in told_of:
                key_of(secret)

    def of(self, subscription: str) -> tuple[str, ...]:
        """Secrets in force, the newest first. Raises Unavailable: the file can be read by others, or by nobody."""
        if subscription in self._given:
            return self._given[subscription]
        path = self.path(subscription)
        found = _lines(path)
        if found is None and EVERY in self._given:
            return self._given[EVERY]
        if found is None:
            self._make(path)
            found = _lines(path)
        if not found:
            raise Unavailable(f"{path} holds no secret")
        for secret in found:
            key_of(secret)
        return found

    def rotate(self, subscription: str, *, retire: bool = False) -> tuple[str, ...]:
        """A new secret in front of the others, or, `retire`, the newest alone. Raises InvalidInput: the environment
        holds them, or there are too many in force already."""
        if subscription in self._given:
            raise InvalidInput("the environment names the secrets of this subscription", field="subscription")
        path = self.path(subscription)
        found = self.of(subscription) if path.exists() else ()
        kept = found[:1] if retire and found else (new_secret(), *found)
        if len(kept) > SECRETS_MAX:
            raise InvalidInput(
                f"at most {SECRETS_MAX} secrets are in force: retire the old ones", field="subscription"
            )
        next_path = path.with_suffix(".next")
        next_path.unlink(missing_ok=True)
        self._write(next_path, kept)
        next_path.replace(path)
        return kept

    def path(self, subscription: str) -> Path:
        plain = _PLAIN_NAME.fullmatch(subscription) is not None
        name = subscription if plain else f"_{hashlib.sha256(subscription.encode()).hexdigest()[:32]}"
        return self._folder / "webhooks" / f"{name}.secret"

    def _make(self, path: Path) -> None:
        self._write(path, (new_secret(),))

    def _write(self, path: Path, found: tuple[str, ...]) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_once(path, ("\n".join(found) + "\n").encode(), 0o600)
        except OSError as error:
            raise Unavailable(f"the secret {path} cannot be written") from error


def secret_text(given: SecretStr | None, path: Path) -> str | None:
    """A password or token: the setting, else the first line of a file of mode 600, else None. Raises Unavailable."""
    if given is not None:
        return given.get_secret_value()
    found = _lines(path)
    return found[0] if found else None


def _lines(path: Path) -> tuple[str, ...] | None:
    data = read_bytes_or_none(path)
    if data is None:
        return None
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Unavailable(f"{path} can be read by others: chmod 600 it, and consider it known to them")
    return tuple(line.strip() for line in data.decode().splitlines() if line.strip())
