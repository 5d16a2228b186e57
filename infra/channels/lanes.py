"""What a target shares its fate with: messages of one lane are limited together, and paused together when they
fail."""

from urllib.parse import urlsplit

from infra.channels.http import PORTS
from projections.alert_notification import Channel


def lane_of(channel: Channel, target: str) -> str:
    """Of a webhook its origin, else the bank's one mail server, gateway or cluster. A target that is none has one
    too."""
    if channel is not Channel.WEBHOOK:
        return str(channel)
    try:
        parts = urlsplit(target)
        return f"webhook {parts.scheme}://{parts.hostname}:{parts.port or PORTS.get(parts.scheme, 0)}"
    except ValueError:
        return "webhook -"
