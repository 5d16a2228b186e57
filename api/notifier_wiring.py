"""Puts the channels together from settings and policy: what is not set up is no channel, and says so when it is
named."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from confluent_kafka.admin import AdminClient

from infra.channels.addresses import AddressGuard
from infra.channels.email import EmailChannel
from infra.channels.http import HttpCaller
from infra.channels.messages import Messages
from infra.channels.outcome import ChannelSender
from infra.channels.secrets import FOLDER, WebhookSecrets, secret_text
from infra.channels.sms import SmsChannel
from infra.channels.webhook import WebhookChannel
from infra.deliveries_policy import NotificationPolicy
from infra.kafka.admin import ensure_topics
from infra.kafka.clients import client_config, producer_config, resolve_bootstrap
from infra.settings import Settings
from projections.alert_notification import Channel
from streams.alert_channel import KafkaChannel
from streams.producer import RecordProducer
from streams.topics import notification

SMTP_PASSWORD, SMS_TOKEN = "smtp.password", "sms.token"


@dataclass(frozen=True, slots=True)
class Channels:
    senders: dict[Channel, ChannelSender]
    closing: tuple[Callable[[], Awaitable[None]], ...]

    async def close(self) -> None:
        for close in self.closing:
            await close()


def channels_of(settings: Settings, policy: NotificationPolicy) -> Channels:
    """Those that the policy sets up. Raises InvalidInput, Unavailable: a secret is missing, or can be read by
    others."""
    messages = messages_of(settings, policy)
    folder = settings.data_dir / FOLDER
    web = policy.webhook
    caller = HttpCaller(AddressGuard.of(web.allowed_networks), timeout_s=web.timeout_s, allow_http=web.allow_http)
    secrets = webhook_secrets(settings)
    senders: dict[Channel, ChannelSender] = {
        Channel.WEBHOOK: WebhookChannel(caller, secrets.of, messages, timeout_s=web.timeout_s)
    }
    closing: list[Callable[[], Awaitable[None]]] = [caller.close]
    if policy.email.host:
        password = secret_text(settings.notifier_smtp_password, folder / SMTP_PASSWORD)
        email = senders[Channel.EMAIL] = EmailChannel(policy.email, messages, password)
        closing.append(email.close)
    if policy.sms.url:
        sms = policy.sms
        gateway = HttpCaller(
            AddressGuard.of(sms.allowed_networks), timeout_s=sms.timeout_s, allow_http=sms.allow_http
        )
        token = secret_text(settings.notifier_sms_token, folder / SMS_TOKEN)
        senders[Channel.SMS] = SmsChannel(sms, gateway, messages, token)
        closing.append(gateway.close)
    if policy.kafka.topics:
        kafka = senders[Channel.KAFKA] = _kafka(settings, policy, messages)
        closing.append(kafka.close)
    return Channels(senders, tuple(closing))


def messages_of(settings: Settings, policy: NotificationPolicy) -> Messages:
    page = settings.notifier_page or settings.api
    return Messages(page, policy.message.accounts == "masked", policy.message.alerts_max)


def webhook_secrets(settings: Settings) -> WebhookSecrets:
    return WebhookSecrets(settings.data_dir / FOLDER, settings.notifier_webhook_secrets)


def _kafka(settings: Settings, policy: NotificationPolicy, messages: Messages) -> KafkaChannel:
    def prepare(topic: str) -> None:
        admin = AdminClient(client_config(settings, resolve_bootstrap(settings)))
        ensure_topics(admin, [notification(topic)], settings.kafka_replication)

    return KafkaChannel(
        lambda: RecordProducer(producer_config(settings, resolve_bootstrap(settings))),
        policy.kafka.topics,
        messages,
        timeout_s=policy.kafka.timeout_s,
        prepare=prepare,
    )
