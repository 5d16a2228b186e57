"""A fresh proof of who approves (LIQ-61), with what this house has: a recent sign-in, or a one-time login code.

The token, whether it came as bearer or in the session cookie, says when it was issued; within the policy's minutes
that is a sign-in. Else the person gives a one-time code of their own, as `tidemark reservation code` prints one.
There is no second factor beyond that: an identity provider that issues short tokens brings its own.
"""

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from starlette.requests import HTTPConnection

from aggregates.envelope import Principal
from api.auth import COOKIE
from api.services import Services
from engines.primitives.errors import Forbidden

GUARD = "PROOF"


class Proof(NamedTuple):
    method: str  # TOKEN or CODE
    valid_until: datetime


def token_of(connection: HTTPConnection) -> str:
    """The token of a request that was authenticated by it: the header goes before the cookie, as there."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else connection.cookies.get(COOKIE, "")


def issued_at(token: str) -> datetime | None:
    """When a token was issued whose signature was verified already; None where it does not say."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["iat"], UTC)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, binascii.Error):
        return None


def prove(ours: Services, reader: Principal, token: str, code: str | None, minutes: int) -> Proof:
    """Raises Forbidden (guard PROOF) where nothing fresh is shown, Unauthenticated for a code that is void."""
    now, lasting = ours.clock(), timedelta(minutes=minutes)
    signed_in = issued_at(token)
    if signed_in is not None and now <= signed_in + lasting:
        return Proof("TOKEN", signed_in + lasting)
    if not code:
        message = f"this amount wants a sign-in of the last {minutes} minutes, or a one-time code of yours"
        raise Forbidden(message, guard=GUARD, minutes=minutes)
    behind = ours.verify_token(ours.login_codes.redeem(code, now), now)
    if behind.actor != reader.actor:
        raise Forbidden("this code is another person's", guard=GUARD, minutes=minutes)
    return Proof("CODE", now + lasting)
