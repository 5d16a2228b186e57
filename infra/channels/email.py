"""E-mail by SMTP: text and HTML, Message-ID from the delivery's id, one thread for each incident.

A repetition bears the same Message-ID, which mail systems and readers use to show it once (RFC 5322 3.6.4). The
standard library's client works in a thread: it knows encodings and TLS, and a mail server takes a few messages at a
time.
"""

import asyncio
import hashlib
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from infra.channels import alert_facts as facts
from infra.channels.messages import Messages
from infra.channels.outcome import Outcome, Result, failed, retry
from infra.deliveries_policy import EmailPolicy
from projections.alert_notification import Notification

THREADS = 8


class EmailChannel:
    """`password` None: no sign-in. `context` verifies the server; None: as the system trusts."""

    def __init__(
        self, policy: EmailPolicy, messages: Messages, password: str | None, context: ssl.SSLContext | None = None
    ) -> None:
        self._policy, self._messages, self._password = policy, messages, password
        self._context = context
        # Of its own: a mail server that hangs must not take the threads that others wait for.
        self._threads = ThreadPoolExecutor(THREADS, "email")
        self.timeout_s = policy.timeout_s

    async def send(self, notification: Notification, now: datetime) -> Outcome:
        try:
            message = self.message(notification)
        except (ValueError, MessageError):
            return failed("the target is no e-mail address")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._send, message)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def message(self, told: Notification) -> EmailMessage:
        """Raises ValueError: a target that would add headers or is no address."""
        found = EmailMessage(policy=SMTP)
        found["From"], found["To"] = self._policy.sender, told.target
        if not found["To"].addresses or any(not one.domain for one in found["To"].addresses):
            raise ValueError("no address")
        found["Subject"] = self._messages.title(told)
        found["Date"] = format_datetime(datetime.fromisoformat(told.due_at))
        found["Message-ID"] = f"<{told.notification_id}@{self._policy.domain}>"
        thread = self._thread(told)
        found["In-Reply-To"] = found["References"] = thread
        found["Auto-Submitted"] = "auto-generated"  # RFC 3834: absence notices are not answered to us
        found["X-Tidemark-Type"] = self._messages.type(told)
        found.set_content(self._messages.text(told))
        found.add_alternative(self._messages.html(told), subtype="html")
        return found

    def _thread(self, told: Notification) -> str:
        """The same for all messages about one incident: readers show them as one conversation."""
        incidents = "|".join(sorted({facts.incident(alert) for alert in told.alerts}))
        return f"<incident-{hashlib.sha256(incidents.encode()).hexdigest()[:32]}@{self._policy.domain}>"

    def _send(self, message: EmailMessage) -> Outcome:
        try:
            return self._exchange(message)
        except smtplib.SMTPRecipientsRefused as error:
            code = max((code for code, _ in error.recipients.values()), default=0)
            return _refused(code, "the recipient was refused")
        except smtplib.SMTPAuthenticationError as error:
            return retry("the mail server refused our sign-in", error.smtp_code)
        except smtplib.SMTPResponseException as error:
            return _refused(error.smtp_code, "the mail server refused the message")
        except smtplib.SMTPException as error:
            return retry(f"the mail server failed: {type(error).__name__}")
        except (OSError, ssl.SSLError) as error:
            return retry(f"the connection to the mail server failed: {type(error).__name__}")

    def _exchange(self, message: EmailMessage) -> Outcome:
        policy = self._policy
        context = self._context or ssl.create_default_context()
        # Each step has a part of the whole, so that the thread ends not long after whoever waits for it gave up.
        step_s = max(policy.timeout_s / 3, 1.0)
        if policy.tls == "implicit":
            client: smtplib.SMTP = smtplib.SMTP_SSL(policy.host, policy.port, timeout=step_s, context=context)
        else:
            client = smtplib.SMTP(policy.host, policy.port, timeout=step_s)
        try:
            if policy.tls == "starttls":
                client.starttls(context=context)  # raises where the server has none: never in clear instead
            if policy.username:
                client.login(policy.username, self._password or "")
            client.send_message(message)
        finally:
            # The message is with the server; what it says to our farewell changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                client.quit()
            client.close()
        return Outcome(Result.DELIVERED, 250)


def _refused(code: int, what: str) -> Outcome:
    """RFC 5321 4.2.1: 5yz is final, 4yz may be right later. One recipient's refusal says nothing of the server."""
    if 500 <= code < 600:
        return Outcome(Result.FAILED, code, f"{what} ({code})", blames_lane=False)
    return retry(f"{what} ({code})", code, blames_lane=False)
