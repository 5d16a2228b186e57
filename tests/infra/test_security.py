"""Tokens that are ours, valid now and unaltered open the door; nothing else does."""

import base64
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from engines.primitives.errors import InvalidInput, Rejected, Unavailable
from infra.security import Principal, SigningKeys, Unauthenticated, issue_token, verify_token

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return SigningKeys.load_or_create(tmp_path_factory.mktemp("data") / "keys")


def token(keys: SigningKeys, **changes: Any) -> str:
    fields: dict[str, Any] = {
        "actor": "U-118",
        "roles": ["AM", "BR"],
        "organisation": "3301",
        "entities": ["BANK-A"],
        "issued_at": NOW,
        "lifetime": HOUR,
    }
    return issue_token(keys, **(fields | changes))


def signed(keys: SigningKeys, **changes: Any) -> str:
    """A token signed with the right key, whatever its claims."""
    assert keys.private is not None
    claims = {
        "iss": "tidemark",
        "sub": "U-118",
        "roles": ["AM"],
        "org": "3301",
        "entities": ["*"],
        "iat": int(NOW.timestamp()),
        "exp": int((NOW + HOUR).timestamp()),
    }
    kept = {name: value for name, value in (claims | changes).items() if value is not ...}
    return jwt.encode({"alg": "Ed25519"}, kept, keys.private, algorithms=["Ed25519"])


def test_a_token_says_who_and_for_whom(keys: SigningKeys) -> None:
    principal = verify_token(keys, token(keys), NOW)
    assert principal == Principal("U-118", ("AM", "BR"), "3301", ("BANK-A",))
    assert principal.may_act_for("BANK-A")
    assert not principal.may_act_for("BANK-B")
    assert verify_token(keys, token(keys, entities=["*"]), NOW).may_act_for("BANK-B")


def test_a_token_ends(keys: SigningKeys) -> None:
    issued = token(keys)
    verify_token(keys, issued, NOW + HOUR - timedelta(seconds=1))
    with pytest.raises(Unauthenticated, match="expired"):
        verify_token(keys, issued, NOW + HOUR)
    verify_token(keys, issued, NOW - timedelta(seconds=60))  # clocks differ a little
    with pytest.raises(Unauthenticated, match="not valid yet"):
        verify_token(keys, issued, NOW - timedelta(seconds=61))


def test_only_our_key_counts(keys: SigningKeys, tmp_path: Path) -> None:
    stranger = SigningKeys.load_or_create(tmp_path / "keys")
    with pytest.raises(Unauthenticated, match="not signed"):
        verify_token(keys, token(stranger), NOW)


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def test_the_token_does_not_choose_its_algorithm(keys: SigningKeys) -> None:
    _, claims, signature = token(keys).split(".")
    headers: list[Any] = [{"alg": "none"}, {"alg": "None"}, {"alg": "HS256"}, {"alg": "EdDSA"}, {}, []]
    for header in headers:
        for end in ("", signature):
            with pytest.raises(Unauthenticated):
                verify_token(keys, f"{part(header)}.{claims}.{end}", NOW)
    # The public key taken as a shared secret: the classic confusion.
    public = OctKey.import_key(json.dumps(keys.public.as_dict(private=False)).encode())
    forged = jwt.encode({"alg": "HS256"}, {"sub": "U-1"}, public, algorithms=["HS256"])
    with pytest.raises(Unauthenticated):
        verify_token(keys, forged, NOW)


def test_an_altered_token_is_forged(keys: SigningKeys) -> None:
    header, claims, signature = token(keys).split(".")
    body = json.loads(base64.urlsafe_b64decode(claims + "=="))
    for altered in (body | {"roles": ["HA"]}, body | {"exp": body["exp"] + 1}):
        with pytest.raises(Unauthenticated):
            verify_token(keys, f"{header}.{part(altered)}.{signature}", NOW)


@pytest.mark.parametrize("garbage", ["", "a", "a.b.c", "..", "é.é.é", "x" * 9_000, None, 5, "a.b.c.d.e"])
def test_garbage_is_unauthenticated(keys: SigningKeys, garbage: Any) -> None:
    with pytest.raises(Unauthenticated) as caught:
        verify_token(keys, garbage, NOW)
    assert isinstance(caught.value, Rejected)
    assert caught.value.code == "unauthenticated"


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": ...},
        {"sub": ""},
        {"sub": "a b"},
        {"sub": ["U-1"]},
        {"roles": ...},
        {"roles": "AM"},
        {"roles": []},
        {"roles": [5]},
        {"org": ...},
        {"entities": []},
        {"entities": "*"},
        {"exp": ...},
        {"exp": "2030-01-01"},
        {"exp": True},
        {"exp": float("inf")},
        {"iat": ...},
        {"iss": "other"},
    ],
)
def test_wrong_claims_are_unauthenticated(keys: SigningKeys, changes: dict[str, Any]) -> None:
    verify_token(keys, signed(keys), NOW)
    with pytest.raises(Unauthenticated):
        verify_token(keys, signed(keys, **changes), NOW)


def test_an_unknown_role_gives_no_right(keys: SigningKeys) -> None:
    assert verify_token(keys, signed(keys, roles=["AM", "XX"]), NOW).roles == ("AM",)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"roles": []}, "roles"),
        ({"roles": ["XX"]}, "roles"),
        ({"actor": ""}, "actor"),
        ({"actor": "a b"}, "actor"),
        ({"organisation": ""}, "organisation"),
        ({"entities": []}, "entities"),
        ({"entities": [""]}, "entities"),
        ({"lifetime": timedelta(0)}, "lifetime"),
        ({"lifetime": timedelta(days=367)}, "lifetime"),
    ],
)
def test_no_token_is_issued_for_nonsense(keys: SigningKeys, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        token(keys, **changes)
    assert caught.value.facts["field"] == field


def test_who_only_verifies_cannot_issue(keys: SigningKeys) -> None:
    verifier = SigningKeys(public=keys.public)
    assert verify_token(verifier, token(keys), NOW).actor == "U-118"
    with pytest.raises(InvalidInput):
        token(verifier)
    assert isinstance(verifier.public, OKPKey)
    assert not verifier.public.is_private


def test_the_key_is_private_and_stays(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "keys"
    issued = token(SigningKeys.load_or_create(folder))
    path = folder / "signing.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(item.name for item in folder.iterdir()) == ["signing.pem", "signing.pub.pem"]
    assert verify_token(SigningKeys.load_or_create(folder), issued, NOW).actor == "U-118"
    path.chmod(0o640)
    with pytest.raises(Unavailable, match="chmod 600"):
        SigningKeys.load_or_create(folder)
    path.chmod(0o600)
    path.write_text("not a key")
    with pytest.raises(Unavailable, match="private key"):
        SigningKeys.load_or_create(folder)


def test_processes_that_start_together_have_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: SigningKeys.load_or_create(tmp_path / "keys"), range(8)))
    issued = token(found[0])
    assert {verify_token(keys, issued, NOW).actor for keys in found} == {"U-118"}
