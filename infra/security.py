"""Who acts: signed tokens (JWT, Ed25519). The embedded default, until an identity provider takes its place
without changing what a Principal is.

Only what a token says is decided here; what a role may do is decided in `aggregates`. Times come in as
arguments.
"""

import os
import secrets
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from aggregates.envelope import ROLES, Principal
from engines.primitives.errors import InvalidInput, Rejected, Unavailable

__all__ = ["Principal", "SigningKeys", "Unauthenticated", "issue_token", "verify_token"]

ALGORITHM = "Ed25519"  # RFC 9864's name; the older "EdDSA" leaves the curve open
ISSUER = "tidemark"
CLOCK_SKEW = timedelta(seconds=60)  # two hosts' clocks may differ by this much
LIFETIME_DAYS_MAX = 366
TOKEN_LENGTH_MAX = 8_192
ACTOR_LENGTH_MAX = 64

PRIVATE_KEY_FILE = "signing.pem"
PUBLIC_KEY_FILE = "signing.pub.pem"


class Unauthenticated(Rejected):
    """Nobody knows who is asking: no token, a forged, foreign or expired one, a used code."""

    code = "unauthenticated"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The key pair of this installation. `private` is None where tokens are only verified."""

    public: OKPKey
    private: OKPKey | None = None

    @classmethod
    def load_or_create(cls, keys_dir: Path) -> "SigningKeys":
        """Read the pair from `keys_dir`, or make it; of several processes that start together, one makes it.

        Raises Unavailable if the private key can be read by others than its owner, or is not an Ed25519 key.
        """
        path = keys_dir / PRIVATE_KEY_FILE
        keys_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            write_once(path, _private_pem(Ed25519PrivateKey.generate()), 0o600)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Unavailable(f"{path} can be read by others: chmod 600 it, or delete it and issue new tokens")
        private = _load_private(path)
        write_once(keys_dir / PUBLIC_KEY_FILE, _public_pem(private.public_key()), 0o644)
        return cls(
            public=OKPKey.import_key(_public_pem(private.public_key())),
            private=OKPKey.import_key(_private_pem(private)),
        )


def issue_token(
    keys: SigningKeys,
    *,
    actor: str,
    roles: Sequence[str],
    organisation: str,
    entities: Sequence[str],
    issued_at: datetime,
    lifetime: timedelta,
) -> str:
    """Sign a token for one actor. `entities` are legal entity ids, or `["*"]` for all.

    Raises InvalidInput for an unknown role, an empty field or a lifetime outside 0 to 366 days.
    """
    if keys.private is None:
        raise InvalidInput("this installation only verifies tokens", field="keys")
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise InvalidInput(f"roles must be among {' '.join(ROLES)}", field="roles")
    if not _is_name(actor):
        raise InvalidInput("an actor is 1 to 64 characters without blanks", field="actor")
    if not _is_name(organisation):
        raise InvalidInput("an organisation is an id, or `-`", field="organisation")
    if not entities or not all(_is_name(entity) for entity in entities):
        raise InvalidInput("entities must be ids, or `*`", field="entities")
    if not timedelta(0) < lifetime <= timedelta(days=LIFETIME_DAYS_MAX):
        raise InvalidInput(f"a token lives at most {LIFETIME_DAYS_MAX} days", field="lifetime")
    claims = {
        "iss": ISSUER,
        "sub": actor,
        "roles": list(roles),
        "org": organisation,
        "entities": list(entities),
        "iat": int(issued_at.timestamp()),
        "exp": int((issued_at + lifetime).timestamp()),
        "jti": secrets.token_urlsafe(12),
    }
    return jwt.encode({"alg": ALGORITHM}, claims, keys.private, algorithms=[ALGORITHM])


def verify_token(keys: SigningKeys, token: str, at: datetime) -> Principal:
    """Who signed in, as of `at`. Raises Unauthenticated for anything but a token of ours that is valid then.

    The algorithm is ours to choose, never the token's: `none` and others are refused.
    """
    if not isinstance(token, str) or not 0 < len(token) <= TOKEN_LENGTH_MAX or not token.isascii():
        raise Unauthenticated("no token")
    try:
        claims = jwt.decode(token, keys.public, algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError, TypeError) as error:
        raise Unauthenticated("the token was not signed by this installation") from error
    roles, entities = _names(claims.get("roles")), _names(claims.get("entities"))
    actor, organisation = claims.get("sub"), claims.get("org")
    issued, expires = claims.get("iat"), claims.get("exp")
    now = at.timestamp()
    if claims.get("iss") != ISSUER or type(issued) is not int or type(expires) is not int:
        raise Unauthenticated("the token is not one of Tidemark's")
    if not now < expires:
        raise Unauthenticated("the token has expired", expired_at=expires)
    if issued > now + CLOCK_SKEW.total_seconds():
        raise Unauthenticated("the token is not valid yet", issued_at=issued)
    if not _is_name(actor) or not _is_name(organisation) or not roles or not entities:
        raise Unauthenticated("the token lacks an actor, roles, an organisation or entities")
    # A role that this version does not know gives no right, and does not make the token invalid.
    known = tuple(role for role in roles if role in ROLES)
    return Principal(str(actor), known, str(organisation), tuple(entities))


def _is_name(value: object) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= ACTOR_LENGTH_MAX:
        return False
    return value.isprintable() and not any(character.isspace() for character in value)


def _names(value: object) -> list[str]:
    if not isinstance(value, list) or not all(_is_name(item) for item in value):
        return []
    return [str(item) for item in value]


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _load_private(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, OSError) as error:
        raise Unavailable(f"{path} cannot be read as a private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Unavailable(f"{path} is not an Ed25519 key")
    return key


def write_once(path: Path, content: bytes, mode: int) -> None:
    """Create a file with its whole content, unless it is there: never half of it, never with a wider mode."""
    if path.exists():
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        os.fchmod(handle, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.unlink(name)
