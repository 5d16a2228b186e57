"""The key that signs the heads of the decision log: a file of mode 600, made at the first append if there is none.

Others than its owner must not read it, and the database must not hold it: what a head proves is that whoever changed
the database did not have this file. Not the key of the access tokens (`infra.security`).
"""

import stat
from pathlib import Path
from threading import Lock

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engines.primitives.errors import InvalidInput, Unavailable
from infra.checkpoint import (
    PLAIN,
    SEAL,
    Vkey,
    checkpoint_text,
    is_key_name,
    key_id,
    public_bytes,
    sealed_message,
)
from infra.security import write_once

KEY_FILE = Path("audit") / "key.pem"
VKEY_SUFFIX, SIGNED_SUFFIX = ".vkey", ".signed"


class HeadKey:
    """The signing key of one installation, read when it is first needed and again when its file changes.

    `origin` names the log; None: `tidemark/` and the key's first bytes, which the store then keeps.
    """

    def __init__(self, path: Path, origin: str | None = None) -> None:
        if origin is not None and not is_key_name(origin):
            raise InvalidInput("an origin holds no blanks and no plus", field="audit_origin")
        self.path, self._origin = path, origin
        self._read_at: tuple[int, int, int] | None = None
        self._key: Ed25519PrivateKey | None = None
        self.public = b""  # of the key as last read
        self._lock = Lock()

    def key(self) -> Ed25519PrivateKey:
        """Raises Unavailable: the file can be read by others, or holds no Ed25519 key. No append without a key."""
        with self._lock:
            try:
                now = self.path.stat()
            except FileNotFoundError:
                write_key(self.path, Ed25519PrivateKey.generate())
                now = self.path.stat()
            except OSError as error:
                raise Unavailable(f"the audit key {self.path} cannot be read") from error
            seen = (now.st_mtime_ns, now.st_ino, now.st_size)
            if self._key is None or seen != self._read_at:
                self._key, self._read_at = read_key(self.path), seen
                self.public = public_bytes(self._key)
            return self._key

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def origin(self) -> str:
        if self._origin is None:
            self._origin = f"tidemark/{public_bytes(self.key()).hex()[:16]}"
        return self._origin

    def adopt(self, origin: str) -> None:
        """The name that the log has had since its first head. Raises Unavailable: the settings say another."""
        if self._origin not in (None, origin):
            raise Unavailable("the log in this store has another origin than the settings", field="audit_origin")
        self._origin = origin

    def vkey(self) -> Vkey:
        self.key()
        return Vkey(self.origin(), self.public, PLAIN)

    def sign(self, size: int, root: bytes, seal: bytes) -> bytes:
        """Two lines' worth of bytes: key id and signature, seal key id, seal and its signature (4+64, 4+32+64)."""
        return signed(self.key(), self.origin(), size, root, seal, public=self.public)

    @property
    def has_signed(self) -> bool:
        """Whether this file's key has signed a head that is stored: then a store without heads has lost them."""
        return self.path.with_suffix(SIGNED_SUFFIX).exists()

    def note_signed(self) -> None:
        """Leave beside the key its public half, for verifiers, and the mark that it has signed."""
        vkey = self.path.with_suffix(VKEY_SUFFIX)
        text = f"{self.vkey()}\n"
        if not vkey.exists() or vkey.read_text(encoding="utf-8") != text:
            vkey.write_text(text, encoding="utf-8")
        write_once(self.path.with_suffix(SIGNED_SUFFIX), b"", 0o600)


def signed(
    key: Ed25519PrivateKey, origin: str, size: int, root: bytes, seal: bytes, *, public: bytes | None = None
) -> bytes:
    text, public = checkpoint_text(origin, size, root), public or public_bytes(key)
    plain = key_id(origin, PLAIN, public) + key.sign(text.encode())
    return plain + key_id(origin, SEAL, public) + seal + key.sign(sealed_message(seal, text))


def write_key(path: Path, key: Ed25519PrivateKey) -> None:
    """Create the file, unless it is there; of several processes that start together, one makes it."""
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_once(path, pem, 0o600)
    except OSError as error:
        raise Unavailable(f"the audit key {path} cannot be written") from error


def read_key(path: Path) -> Ed25519PrivateKey:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Unavailable(f"{path} can be read by others: chmod 600 it, and consider it known to them")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, OSError) as error:
        raise Unavailable(f"{path} cannot be read as a private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Unavailable(f"{path} is not an Ed25519 key")
    return key
