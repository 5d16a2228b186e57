"""The outbox forgets what was delivered long ago: first what it said, much later that it was.

Never what was not delivered. A message without its body cannot be sent again; its record still says to whom it went,
when, at which attempt, and keeps its alerts from being told twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.deliveries import DeliveryStore
from infra.event_store_chain import microseconds

PRUNED_AT_ONCE = 500  # of one transaction, which senders wait for


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long after its delivery: what a message said, and the record of it."""

    bodies: timedelta = timedelta(days=30)
    records: timedelta = timedelta(days=400)


def prune(store: DeliveryStore, now: datetime, keeping: Keeping) -> int:
    """Forget some of what is due to be; how many. `PRUNED_AT_ONCE` or more: there may be others. Raises
    Unavailable."""
    without_body = store.tables.run(
        "UPDATE {notification} SET body = ? WHERE seq IN (SELECT seq FROM {notification} WHERE state = 'delivered' "
        "AND LENGTH(body) > 0 AND ended_us < ? ORDER BY ended_us LIMIT ?) RETURNING seq",
        (b"", microseconds(now - keeping.bodies), PRUNED_AT_ONCE),
    )
    store.tables.run("DELETE FROM {notification_replay} WHERE at_us < ?", (microseconds(now - keeping.bodies),))
    with store.tables.transaction() as run:
        gone = run(
            "DELETE FROM {notification} WHERE seq IN (SELECT seq FROM {notification} WHERE state = 'delivered' "
            "AND ended_us < ? ORDER BY ended_us LIMIT ?) RETURNING notification_id",
            (microseconds(now - keeping.records), PRUNED_AT_ONCE),
        )
        ids = [row["notification_id"] for row in gone]
        for table in ("delivery", "attempt") if ids else ():
            run(f"DELETE FROM {{{table}}} WHERE notification_id IN ({', '.join('?' * len(ids))})", ids)  # noqa: S608
    return len(without_body) + len(gone)
