"""Standard Webhooks signatures: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`, one for each secret.

Several secrets are in force while one replaces another: a receiver accepts any signature that it can verify.
Symmetric keys of 24 to 64 bytes, written `whsec_` and base64. Source: standardwebhooks.com, specification 1.0.0,
"Signature scheme".
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence

from engines.primitives.errors import InvalidInput, Rejected

PREFIX = "whsec_"
KEY_BYTES = 32
KEY_BYTES_MIN, KEY_BYTES_MAX = 24, 64
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE_S = 300


class NotVerified(Rejected):
    """No signature of the message verifies, or it is too old or too new."""

    code = "webhook-not-verified"


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """Raises InvalidInput; the secret is not repeated."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("a webhook secret is whsec_ and base64", field="secret") from error
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise InvalidInput(f"a webhook secret has {KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes", field="secret")
    return key


def signed_headers(message_id: str, timestamp_s: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The three headers; signatures in the order of `keys`."""
    signatures = " ".join(_signature(message_id, str(timestamp_s), body, key) for key in keys)
    return {ID: message_id, TIMESTAMP: str(timestamp_s), SIGNATURE: signatures}


def verify(headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now_s: float | None) -> None:
    """Raises NotVerified: a header is missing, the time is off by more than five minutes (not asked where `now_s` is
    None), or no signature is one of ours."""
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, timestamp, signatures = (given[name] for name in (ID, TIMESTAMP, SIGNATURE))
    except KeyError as error:
        raise NotVerified(f"the header {error} is missing") from error
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise NotVerified("the timestamp is no number of seconds")
    if now_s is not None and abs(now_s - int(timestamp)) > TOLERANCE_S:
        raise NotVerified(f"the timestamp is more than {TOLERANCE_S} s off", timestamp=timestamp)
    expected = [_signature(message_id, timestamp, body, key).encode() for key in keys]
    shown = [one.encode() for one in signatures.split()]
    if not any(hmac.compare_digest(one, other) for one in expected for other in shown):
        raise NotVerified("no signature verifies")


def _signature(message_id: str, timestamp: str, body: bytes, key: bytes) -> str:
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()
