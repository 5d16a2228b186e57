"""E-mail to a mail server of our own that speaks SMTP, with and without TLS, and refuses as it is told."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from infra.channels.email import EmailChannel
from infra.channels.messages import Messages
from infra.channels.outcome import Outcome, Result
from infra.deliveries_policy import EmailPolicy, notification_policy
from projections.alert_notification import Channel, Notification
from tests.infra.delivery_world import LIMIT_ALERT, PAGE, START, note

TOLD = note("al-2", alerts=[LIMIT_ALERT], channel=Channel.EMAIL, target="li.wei@bank.example", language="zh")


@dataclass(slots=True)
class MailServer:
    """Forty lines of SMTP. `answers`: what a verb is answered instead, as `RCPT` to `550 no`."""

    tls: ssl.SSLContext | None = None
    answers: dict[str, str] = field(default_factory=dict)
    received: list[EmailMessage] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    secured: bool = False
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"220 test\r\n")
            while line := (await reader.readline()).decode().strip():
                verb = line.split(" ")[0].upper()
                self.said.append(line)
                own = self.answers.get(verb)
                if own == "close":
                    return
                writer.write(f"{own or self._usual(verb)}\r\n".encode())
                if verb == "STARTTLS" and own is None:
                    assert self.tls is not None
                    await writer.start_tls(self.tls)
                    self.secured = True
                elif verb == "DATA" and own is None:
                    data = await reader.readuntil(b"\r\n.\r\n")
                    found = message_from_bytes(data[:-3], policy=policy.SMTP)
                    assert isinstance(found, EmailMessage)
                    self.received.append(found)
                    writer.write(b"250 taken\r\n")
                elif verb == "QUIT":
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _usual(self, verb: str) -> str:
        tls = "" if self.tls is None or self.secured else "250-STARTTLS\r\n"
        usual = {
            "EHLO": f"250-test\r\n{tls}250 AUTH PLAIN",
            "AUTH": "235 welcome",
            "DATA": "354 go on",
            "STARTTLS": "220 go",
        }
        return usual.get(verb, "250 ok")


@asynccontextmanager
async def mail_server(*, implicit: ssl.SSLContext | None = None, **how: Any) -> AsyncIterator[MailServer]:
    found = MailServer(**how)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=implicit)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself, with its key."""
    key, name = Ed25519PrivateKey.generate(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, None)
    )
    path = tmp_path_factory.mktemp("mail") / "server.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem))
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(certificate)
    return found


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    found = ssl.create_default_context()
    found.load_verify_locations(certificate)
    return found


def mail_policy(**changed: Any) -> EmailPolicy:
    plain = {"host": "127.0.0.1", "tls": "none", "sender": "汐线 <tidemark@bank.example>", "timeout_s": 15}
    return msgspec.structs.replace(notification_policy().email, **plain | changed)


async def send(
    server: MailServer, told: Notification = TOLD, context: ssl.SSLContext | None = None, **changed: Any
) -> Outcome:
    channel = EmailChannel(mail_policy(port=server.port, **changed), Messages(PAGE), "word", context)
    try:
        return await channel.send(told, START)
    finally:
        await channel.close()


def test_a_message_in_chinese_with_text_and_html() -> None:
    async def work() -> tuple[Outcome, MailServer]:
        async with mail_server() as server:
            return await send(server), server

    outcome, server = asyncio.run(work())
    (mail,) = server.received
    assert outcome == Outcome(Result.DELIVERED, 250)
    assert mail["Subject"] == "[Tidemark] 严重：限额 lcr NORTH 0.982 对比 下限 1.00"
    assert (mail["From"], mail["To"]) == ("汐线 <tidemark@bank.example>", "li.wei@bank.example")
    assert mail["Message-ID"] == f"<{TOLD.notification_id}@tidemark.local>"
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "法人机构：NORTH" in text
    assert "<table>" in html


def test_a_thread_for_each_incident_and_an_id_for_each_message() -> None:
    channel = EmailChannel(mail_policy(), Messages(PAGE), None)
    cleared = LIMIT_ALERT | {"alert_id": "al-9", "kind": "cleared"}
    first, second, other = (
        channel.message(note(alert["alert_id"], alerts=[alert], target="a@b.example"))
        for alert in (LIMIT_ALERT, cleared, LIMIT_ALERT | {"alert_id": "al-7", "limit": {}})
    )
    asyncio.run(channel.close())
    assert first["In-Reply-To"] == second["In-Reply-To"] != other["In-Reply-To"]
    assert len({first["Message-ID"], second["Message-ID"], other["Message-ID"]}) == 3
    assert first["Date"] == "Sun, 22 Nov 2026 12:00:00 +0000"


def test_starttls_and_sign_in(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    async def work() -> tuple[Outcome, MailServer]:
        async with mail_server(tls=server_tls) as server:
            return await send(server, context=trusting, tls="starttls", username="tm"), server

    outcome, server = asyncio.run(work())
    assert (outcome.is_delivered, server.secured) == (True, True)
    signed_in = next(line for line in server.said if line.startswith("AUTH"))
    assert base64.b64decode(signed_in.split()[-1]) == b"\0tm\0word"
    assert server.said.index("STARTTLS") < server.said.index(signed_in)


def test_implicit_tls(server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    async def work() -> Outcome:
        async with mail_server(implicit=server_tls) as server:
            return await send(server, context=trusting, tls="implicit")

    assert asyncio.run(work()).is_delivered


def test_nothing_goes_in_clear_or_to_a_stranger(server_tls: ssl.SSLContext) -> None:
    async def work() -> None:
        async with mail_server() as plain, mail_server(tls=server_tls) as stranger:
            for server in (plain, stranger):  # one knows no TLS, the other's certificate is nobody's
                outcome = await send(server, tls="starttls", username="tm")
                assert (outcome.result, server.received) == (Result.RETRY, [])
                assert not any(line.startswith("AUTH") for line in server.said)

    asyncio.run(work())


@pytest.mark.parametrize(
    ("verb", "answer", "result", "blames"),
    [
        ("RCPT", "550 no such person", Result.FAILED, False),
        ("RCPT", "450 try later", Result.RETRY, False),
        ("DATA", "554 no", Result.FAILED, False),
        ("MAIL", "421 closing", Result.RETRY, False),
        ("AUTH", "535 who", Result.RETRY, True),
        ("DATA", "close", Result.RETRY, True),
        ("EHLO", "close", Result.RETRY, True),
        ("QUIT", "close", Result.DELIVERED, True),
    ],
)
def test_refusals(verb: str, answer: str, result: Result, blames: bool) -> None:
    async def work() -> Outcome:
        async with mail_server(answers={verb: answer}) as server:
            return await send(server, username="tm")

    outcome = asyncio.run(work())
    assert (outcome.result, outcome.blames_lane) == (result, blames)
    assert "li.wei" not in outcome.error


@pytest.mark.parametrize("target", ["a@b.example\r\nBcc: c@d.example", "nobody", ""])
def test_a_target_that_is_no_address_fails(target: str) -> None:
    channel = EmailChannel(mail_policy(), Messages(PAGE), None)
    outcome = asyncio.run(channel.send(note("al-1", channel=Channel.EMAIL, target=target), START))
    asyncio.run(channel.close())
    assert outcome.result is Result.FAILED


def test_a_server_that_is_away_is_tried_again() -> None:
    outcome = asyncio.run(send(MailServer(port=1)))
    assert outcome.result is Result.RETRY
