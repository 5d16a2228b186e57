"""What a subscription says of its targets that are left alone. Not for suspending them, which the outbox does."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from aggregates.commands import Command
from aggregates.process_managers import Wanted
from infra.channels.webhook import of_subscription
from infra.deliveries_ended import SuspendedTarget


def suspension(one: SuspendedTarget) -> Wanted:
    """The system says it on the subscription whose target, or whose escalations' target, it is."""
    payload = {
        "delivered_as": one.subscription,
        "channel": str(one.channel),
        "target": one.target,
        "error_text": one.reason,
    }
    return Wanted("AlertSubscription", of_subscription(one.subscription), "SuspendTarget", payload)


def said_late(stopped: Sequence[SuspendedTarget], resume_id: str, at: datetime) -> Iterator[Command]:
    """For a subscription that knows nothing of it when somebody resumes: the target was suspended before there was
    this event, was named again after another one, or the notifier has not come to say so."""
    for one in stopped:
        place = f"/tm/resume/{resume_id}/{one.subscription}/{one.channel}/{one.target}"
        said = suspension(one)
        yield Command(
            str(uuid5(NAMESPACE_URL, place)),
            said.aggregate,
            said.key,
            said.command,
            said.payload,
            principal=said.principal,
            role=said.role,
            at=at,
        )
