"""The master key that wraps the data keys of subjects: AES-256, from the environment or from a file of mode 600.

`MasterKey` is the port to a key management service: whoever wraps and unwraps 32 bytes may stand behind it. A key has
a name, so that what was wrapped before a rotation is told from what was wrapped since.
"""

import os
import secrets
import stat
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engines.primitives.errors import InvalidInput, Unavailable
from infra.files import write_atomically
from infra.security import write_once

KEY_BYTES, NONCE_BYTES = 32, 12
KEY_FILE, NEXT_FILE = "privacy.key", "privacy.key.next"
ENVIRONMENT = "TIDEMARK_PRIVACY_KEY"


class MasterKey(Protocol):
    """`name` tells keys apart and nothing of them. `place` is bound to what is wrapped: it unwraps nowhere else."""

    @property
    def name(self) -> str: ...

    def wrap(self, key: bytes, place: bytes) -> bytes: ...

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        """Raises Unavailable: wrapped by another key, for another place, or changed since."""


class LocalMasterKey:
    """An AES-256 key in this process's memory."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise InvalidInput(f"a master key has {KEY_BYTES} bytes", field=ENVIRONMENT)
        self._cipher = AESGCM(key)
        self.name = sha256(b"tidemark master key" + key).hexdigest()[:16]

    @classmethod
    def from_text(cls, text: str) -> "LocalMasterKey":
        """From base64. Raises InvalidInput without repeating the text."""
        try:
            return cls(b64decode(text.strip(), validate=True))
        except (NotBase64, ValueError):
            raise InvalidInput("want 32 bytes as base64", field=ENVIRONMENT) from None

    def wrap(self, key: bytes, place: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, place)

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], place)
        except (InvalidTag, ValueError):
            raise Unavailable(
                "the master key does not open the keys of this installation", field=ENVIRONMENT
            ) from None


def new_key_text() -> str:
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def master_key(setting: str | None, folder: Path, name: str | None = None) -> LocalMasterKey:
    """The key that the setting gives, else that of `folder`, which is made at the first time.

    `name` is the key that wrapped what is stored: while a rotation is under way that may be the next one already.
    Raises Unavailable if the file can be read by others than its owner.
    """
    if setting:
        return LocalMasterKey.from_text(setting)
    path, following = folder / KEY_FILE, folder / NEXT_FILE
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        write_once(path, new_key_text().encode(), 0o600)
    found = _read(path)
    if name not in (None, found.name) and following.exists():
        return _read(following)
    return found


def next_key(folder: Path) -> LocalMasterKey:
    """A new key beside the one in use; `take_next_key` ends the rotation. A second call gives the same one."""
    write_once(folder / NEXT_FILE, new_key_text().encode(), 0o600)
    return _read(folder / NEXT_FILE)


def take_next_key(folder: Path) -> None:
    """The next key takes the place of the old one, which is gone then: backups wrapped by it open no more."""
    write_atomically(folder / KEY_FILE, (folder / NEXT_FILE).read_bytes())  # its temporary file has mode 600
    (folder / NEXT_FILE).unlink()


def _read(path: Path) -> LocalMasterKey:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Unavailable(f"{path} can be read by others: chmod 600 it")
    return LocalMasterKey.from_text(path.read_text())
