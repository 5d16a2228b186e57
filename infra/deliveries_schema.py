"""Tables of deliveries. One row of `delivery` for each alert, subscription, channel and purpose (S33), whatever the
number of attempts; one of `notification` for what is sent in one piece; one of `attempt` for each time it was tried;
one of `notification_target` for each address that ever failed; one of `notification_replay` for each command to send
again that has a key, so that the key given again sends nothing."""

NAMES = ("notification", "delivery", "attempt", "notification_target", "notification_replay")
CREATION_LOCK = 0x7469_6468  # advisory lock: "tide" + 3

#: `open`: waiting, or sending; then `due_us` is when it is looked at next, while it is sent the end of the lease.
STATEMENTS = (
    "CREATE TABLE IF NOT EXISTS {notification} (seq {serial}, notification_id TEXT NOT NULL UNIQUE, "
    "subscription TEXT NOT NULL, channel TEXT NOT NULL, target TEXT NOT NULL, lane TEXT NOT NULL, "
    "purpose TEXT NOT NULL, body {bytes} NOT NULL, state TEXT NOT NULL, open INTEGER NOT NULL, "
    "due_us BIGINT NOT NULL, since_us BIGINT NOT NULL, tries INTEGER NOT NULL, attempts INTEGER NOT NULL, "
    "holder TEXT NOT NULL, ended_us BIGINT, error TEXT NOT NULL, told INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {delivery} (seq {serial}, alert_id TEXT NOT NULL, subscription TEXT NOT NULL, "
    "channel TEXT NOT NULL, purpose TEXT NOT NULL, entity TEXT NOT NULL, notification_id TEXT NOT NULL, "
    "UNIQUE (alert_id, subscription, channel, purpose))",
    "CREATE TABLE IF NOT EXISTS {attempt} (notification_id TEXT NOT NULL, number INTEGER NOT NULL, "
    "at_us BIGINT NOT NULL, outcome TEXT, status INTEGER, error TEXT, duration_us BIGINT, "
    "PRIMARY KEY (notification_id, number))",
    "CREATE TABLE IF NOT EXISTS {notification_target} (subscription TEXT NOT NULL, channel TEXT NOT NULL, "
    "target TEXT NOT NULL, failures INTEGER NOT NULL, failing_since_us BIGINT, suspended_us BIGINT, "
    "reason TEXT NOT NULL, told INTEGER NOT NULL, PRIMARY KEY (subscription, channel, target))",
    "CREATE TABLE IF NOT EXISTS {notification_replay} (actor TEXT NOT NULL, cmd_id TEXT NOT NULL, "
    "asked TEXT NOT NULL, replayed INTEGER NOT NULL, at_us BIGINT NOT NULL, PRIMARY KEY (actor, cmd_id))",
    "CREATE INDEX IF NOT EXISTS tidemark_notification_lane ON {notification} (lane, due_us, seq) WHERE open = 1",
    "CREATE INDEX IF NOT EXISTS tidemark_notification_due ON {notification} (due_us) WHERE open = 1",
    "CREATE INDEX IF NOT EXISTS tidemark_notification_untold ON {notification} (seq) WHERE told = 0",
    "CREATE INDEX IF NOT EXISTS tidemark_notification_target_of ON {notification} (subscription, channel, target)",
    "CREATE INDEX IF NOT EXISTS tidemark_notification_state ON {notification} (state, seq)",
    "CREATE INDEX IF NOT EXISTS tidemark_notification_kept ON {notification} (ended_us) "
    "WHERE state = 'delivered' AND LENGTH(body) > 0",
    "CREATE INDEX IF NOT EXISTS tidemark_notification_delivered ON {notification} (ended_us) "
    "WHERE state = 'delivered'",
    "CREATE INDEX IF NOT EXISTS tidemark_delivery_of ON {delivery} (notification_id)",
)
