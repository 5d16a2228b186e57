"""What a reader asked of the live stream: kinds of events, and the alerts of one subscription."""

from aggregates.envelope import Principal
from api.auth import permitted
from api.services import Services
from api.stream_events import Choice, kinds_of
from engines.primitives.errors import NotFound
from projections.alert_routing_world import AlertPredicate, alert_predicate

SUBSCRIPTION = "AlertSubscription"
KEPT_MAX = 1_000

#: By number and version: all who name the same version share one predicate, and so their bytes.
Predicates = dict[tuple[str, int], AlertPredicate]


def choice_of(
    ours: Services, reader: Principal, kept: Predicates, subscription: str | None, kinds: str | None
) -> Choice:
    """Blocks. The filter is that of the subscription's version of now; a change counts from the next connection.

    Raises:
        InvalidInput: there is no such kind of event.
        NotFound: the reader can see no such subscription, or it has ended.
    """
    chosen = Choice(permitted(reader, None), kinds_of(kinds))
    if subscription is None:
        return chosen
    content = ours.assets.state(SUBSCRIPTION, subscription, reader=reader)
    if content.get("stage") != "ACTIVE":
        raise NotFound("this subscription has ended", field="subscription", record=subscription[:100])
    key = (subscription, int(content["version"]))
    if key not in kept:
        if len(kept) >= KEPT_MAX:
            kept.clear()
        kept[key] = alert_predicate(content)
    return Choice(chosen.entities, chosen.kinds, kept[key])
