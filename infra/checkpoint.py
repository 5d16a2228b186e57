"""Signed heads of a log as text: C2SP checkpoints (tlog-checkpoint, signed-note, tlog-cosignature/v1).

    <origin>                    name of the log, and of the keys that sign it
    <size>                      number of leaves
    <base64 of the root>        RFC 6962

    — <key name> <base64 of key id ‖ signature>

Pure functions on text and keys; where keys and heads are kept is others' work. Beside the signature that any C2SP
client knows, our heads carry a second line (type 0xff), the **seal**: a digest over the heads and command rows of the
store up to here, and a signature over it and the checkpoint. Others skip it, as signed-note wants it.
Sources: c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature (version 1, Ed25519).
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from engines.primitives.errors import InvalidInput

PLAIN, COSIGNATURE = b"\x01", b"\x04"
SEAL = b"\xfftidemark-seal/v1\n"  # signed-note: 0xff, then an identifier unlikely to collide
KEY_BYTES, ID_BYTES, SIGNATURE_BYTES, HASH_BYTES, TIME_BYTES = 32, 4, 64, 32, 8
DASH = "\u2014"
NOTE_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Vkey:
    """A public key with its name, as clients are configured with it: `name+hex(key id)+base64(type ‖ key)`."""

    name: str
    key: bytes
    kind: bytes = PLAIN

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.kind, self.key)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encoded(self.kind + self.key)}"

    @classmethod
    def parse(cls, text: str) -> "Vkey":
        """Raises InvalidInput: not an Ed25519 verifier key of type 1 or 4, or its id is another's."""
        name, _, rest = text.strip().partition("+")
        given_id, _, material = rest.partition("+")
        raw = decoded(material, "vkey")
        found = cls(name, raw[1:], raw[:1])
        if found.kind not in (PLAIN, COSIGNATURE) or len(found.key) != KEY_BYTES or not is_key_name(name):
            raise InvalidInput("not an Ed25519 verifier key: name+id+base64", field="vkey")
        if given_id.lower() != found.key_id.hex():
            raise InvalidInput("the key id does not belong to the key", field="vkey")
        return found


@dataclass(frozen=True, slots=True)
class SignatureLine:
    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{DASH} {self.name} {encoded(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One head and who signed it. `text` is what the signatures cover, its last newline included."""

    origin: str
    size: int
    root: bytes
    lines: tuple[SignatureLine, ...] = ()
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return checkpoint_text(self.origin, self.size, self.root, self.extensions)

    def __str__(self) -> str:
        return f"{self.text}\n" + "".join(str(line) for line in self.lines)

    def with_lines(self, lines: Iterable[SignatureLine]) -> "Checkpoint":
        return Checkpoint(self.origin, self.size, self.root, (*self.lines, *lines), self.extensions)

    @classmethod
    def parse(cls, note: str) -> "Checkpoint":
        """Raises InvalidInput: not a signed checkpoint. Signatures are not verified here."""
        text, blank, signed = note.rpartition("\n\n")
        lines = text.split("\n")
        if len(note) > NOTE_BYTES_MAX or not blank or len(lines) < 3 or not all(lines):
            raise InvalidInput("not a checkpoint: want origin, size, root, a blank line, signatures", field="head")
        if any(ord(letter) < 0x20 and letter != "\n" for letter in note) or not signed.endswith("\n"):
            raise InvalidInput("a checkpoint holds no control characters and ends in a newline", field="head")
        origin, size, root, *extensions = lines
        if not (size.isascii() and size.isdigit()) or str(int(size)) != size:
            raise InvalidInput("the size is no decimal number", field="head")
        raw = decoded(root, "head")
        if len(raw) != HASH_BYTES:
            raise InvalidInput("the root is no SHA-256 hash", field="head")
        return cls(origin, int(size), raw, tuple(map(_line, signed.splitlines())), tuple(extensions))

    def is_signed_by(self, key: Vkey) -> bool:
        """Whether a line of this key is there and verifies; a line of it that does not makes the answer no."""
        found = [one for one in self.lines if (one.name, one.key_id) == (key.name, key.key_id)]
        return bool(found) and all(self._verifies(key, one.signature) for one in found)

    def _verifies(self, key: Vkey, signature: bytes) -> bool:
        if key.kind == PLAIN:
            return verifies(key.key, signature, self.text.encode())
        if len(signature) != TIME_BYTES + SIGNATURE_BYTES:
            return False
        time = int.from_bytes(signature[:TIME_BYTES], "big")
        return verifies(key.key, signature[TIME_BYTES:], cosigned_message(time, self.text))

    def seal_by(self, key: Vkey) -> bytes | None:
        """The seal of our own heads, if this key signed it over this checkpoint."""
        wanted = key_id(key.name, SEAL, key.key)
        for one in self.lines:
            if (one.name, one.key_id) == (key.name, wanted) and len(one.signature) == HASH_BYTES + SIGNATURE_BYTES:
                seal, signature = one.signature[:HASH_BYTES], one.signature[HASH_BYTES:]
                if verifies(key.key, signature, sealed_message(seal, self.text)):
                    return seal
        return None


def key_id(name: str, kind: bytes, key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + kind + key).digest()[:ID_BYTES]


def is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(letter.isspace() or ord(letter) < 0x20 for letter in name)


def checkpoint_text(origin: str, size: int, root: bytes, extensions: Iterable[str] = ()) -> str:
    return "".join(f"{line}\n" for line in (origin, size, encoded(root), *extensions))


def sealed_message(seal: bytes, text: str) -> bytes:
    return f"tidemark-seal/v1\n{encoded(seal)}\n{text}".encode()


def cosigned_message(time: int, text: str) -> bytes:
    """What a witness signs (tlog-cosignature, Ed25519 signed message); `time` in POSIX seconds."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def cosign(key: Ed25519PrivateKey, name: str, checkpoint: Checkpoint, time: int) -> SignatureLine:
    """A witness's line under a checkpoint that it has found consistent; that is the caller's work."""
    signature = time.to_bytes(TIME_BYTES, "big") + key.sign(cosigned_message(time, checkpoint.text))
    return SignatureLine(name, key_id(name, COSIGNATURE, public_bytes(key)), signature)


def verifies(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def decoded(text: str, field: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("not base64", field=field) from error


def signature_lines(text: str) -> tuple[SignatureLine, ...]:
    """Lines as a witness answers them. Raises InvalidInput: one of them is none."""
    return tuple(map(_line, text.splitlines()))


def _line(text: str) -> SignatureLine:
    dash, _, rest = text.partition(" ")
    name, _, signature = rest.partition(" ")
    raw = decoded(signature, "head")
    if dash != DASH or not is_key_name(name) or len(raw) <= ID_BYTES:
        raise InvalidInput("not a signature line", field="head")
    return SignatureLine(name, raw[:ID_BYTES], raw[ID_BYTES:])
