"""Signatures against the public Standard Webhooks library, and the secrets behind them."""

import base64
import stat
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from standardwebhooks import Webhook

from engines.primitives.errors import InvalidInput, Unavailable
from infra.channels.secrets import SECRETS_MAX, WebhookSecrets, secret_text
from infra.channels.signatures import NotVerified, key_of, new_secret, signed_headers, verify

#: Example of the specification 1.0.0 and of every library of Standard Webhooks.
SPEC_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SPEC_ID, SPEC_TIMESTAMP, SPEC_BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SPEC_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_specifications_example() -> None:
    headers = signed_headers(SPEC_ID, SPEC_TIMESTAMP, SPEC_BODY, [key_of(SPEC_SECRET)])
    assert headers["webhook-signature"] == SPEC_SIGNATURE
    verify(headers, SPEC_BODY, [key_of(SPEC_SECRET)], SPEC_TIMESTAMP + 300)


@given(st.text(max_size=200), st.uuids(), st.integers(0, 2**33))
def test_is_what_the_public_library_signs(body: str, message_id: object, at_s: int) -> None:
    secret = new_secret()
    headers = signed_headers(str(message_id), at_s, body.encode(), [key_of(secret)])
    theirs = Webhook(secret).sign(str(message_id), datetime.fromtimestamp(at_s, UTC), body)
    assert headers["webhook-signature"] == theirs


def test_the_public_library_verifies_with_the_old_and_the_new_secret() -> None:
    secrets, body = [new_secret(), new_secret()], '{"a": "大额"}'.encode()
    headers = signed_headers("m-1", int(time.time()), body, [key_of(one) for one in secrets])
    for secret in secrets:
        assert Webhook(secret).verify(body, headers) == {"a": "大额"}


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "m-2"},
        {"webhook-timestamp": "1614265331"},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v2," + SPEC_SIGNATURE[3:]},
        {"webhook-signature": ""},
    ],
)
def test_what_was_changed_does_not_verify(changed: dict[str, str]) -> None:
    headers = signed_headers(SPEC_ID, SPEC_TIMESTAMP, SPEC_BODY, [key_of(SPEC_SECRET)]) | changed
    with pytest.raises(NotVerified):
        verify(headers, SPEC_BODY, [key_of(SPEC_SECRET)], None)


def test_a_message_is_good_for_five_minutes() -> None:
    headers = signed_headers(SPEC_ID, SPEC_TIMESTAMP, SPEC_BODY, [key_of(SPEC_SECRET)])
    for off in (-301, 301):
        with pytest.raises(NotVerified, match="300 s"):
            verify(headers, SPEC_BODY, [key_of(SPEC_SECRET)], SPEC_TIMESTAMP + off)
    with pytest.raises(NotVerified, match="missing"):
        verify({}, SPEC_BODY, [key_of(SPEC_SECRET)], None)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!!", "whsec_" + base64.b64encode(b"x" * 23).decode(), "short"])
def test_a_bad_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        key_of(secret)
    assert secret.removeprefix("whsec_") not in str(refused.value) or secret == "whsec_"


def test_a_subscription_gets_a_secret_of_its_own_in_a_file_of_mode_600(tmp_path: Path) -> None:
    kept = WebhookSecrets(tmp_path)
    first = kept.of("SUB-1")
    assert first == WebhookSecrets(tmp_path).of("SUB-1") != kept.of("SUB-2")
    assert stat.S_IMODE(kept.path("SUB-1").stat().st_mode) == 0o600
    assert kept.path("../../x").parent == kept.path("SUB-1").parent


def test_secrets_rotate(tmp_path: Path) -> None:
    kept = WebhookSecrets(tmp_path)
    (old,) = kept.of("SUB-1")
    new, still = kept.rotate("SUB-1")
    assert (still, kept.of("SUB-1")) == (old, (new, old))
    assert kept.rotate("SUB-1", retire=True) == kept.of("SUB-1") == (new,)
    assert stat.S_IMODE(kept.path("SUB-1").stat().st_mode) == 0o600
    for _ in range(SECRETS_MAX - 1):
        kept.rotate("SUB-1")
    with pytest.raises(InvalidInput, match=f"at most {SECRETS_MAX}"):
        kept.rotate("SUB-1")


def test_a_file_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    kept = WebhookSecrets(tmp_path)
    (secret,) = kept.of("SUB-1")
    kept.path("SUB-1").chmod(0o644)
    with pytest.raises(Unavailable, match="chmod 600") as refused:
        kept.of("SUB-1")
    assert secret not in str(refused.value)


def test_the_environment_comes_first(tmp_path: Path) -> None:
    one, two, common = new_secret(), new_secret(), new_secret()
    kept = WebhookSecrets(tmp_path, SecretStr(f"SUB-1={one} {two}, *={common}"))
    assert (kept.of("SUB-1"), kept.of("SUB-9")) == ((one, two), (common,))
    with pytest.raises(InvalidInput):
        kept.rotate("SUB-1")
    for text in ("SUB-1", "SUB-1=", f"SUB-1={one[:14]}"):
        with pytest.raises(InvalidInput):
            WebhookSecrets(tmp_path, SecretStr(text))


def test_a_password_is_the_setting_or_a_file_of_mode_600(tmp_path: Path) -> None:
    path = tmp_path / "smtp.password"
    assert secret_text(None, path) is None
    path.write_text("word\n")
    path.chmod(0o600)
    assert (secret_text(None, path), secret_text(SecretStr("other"), path)) == ("word", "other")
    path.chmod(0o640)
    with pytest.raises(Unavailable):
        secret_text(None, path)
