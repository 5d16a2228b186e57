"""What every store of deliveries has to do, whatever its database. Subclassed by tests; not a test module by
itself."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from engines.primitives.errors import Conflict, InvalidInput, NotFound
from infra import deliveries_ended
from infra.channels.outcome import Outcome, Result, retry
from infra.deliveries import DeliveryStore, Ended, Suspension
from infra.deliveries_ended import Chosen, Key, Replayed, newly_suspended, replay, told, told_suspended, untold
from infra.deliveries_pruning import PRUNED_AT_ONCE, Keeping, prune
from infra.deliveries_reading import counts, notification, one, page, suspended
from projections.alert_notification import Channel, Purpose
from tests.infra.delivery_world import START, note

LEASE = timedelta(seconds=60)
DONE = Outcome(Result.DELIVERED, 200)
NEVER = Suspension(timedelta(days=365), 1_000)


def end_all(deliveries: DeliveryStore, outcome: Outcome) -> None:
    found = deliveries.due(START, 1_000, holder="x", lease=LEASE, room=lambda _: 1_000)
    deliveries.record([Ended(claimed, outcome, START, None) for claimed in found], NEVER)


class DeliveriesConformance:
    """Each method gets a store with nothing in it."""

    def test_what_is_put_twice_is_kept_once(self, deliveries: DeliveryStore) -> None:
        assert deliveries.put([note("a"), note("b"), note("a")]) == 2
        assert deliveries.put([note("a")]) == 0
        assert [row["alert_id"] for row in page(deliveries)[0]] == ["b", "a"]

    def test_one_record_for_each_alert_subscription_channel_and_purpose(self, deliveries: DeliveryStore) -> None:
        others = [
            note("a"),
            note("a", subscription="SUB-2"),
            note("a", channel=Channel.SMS, target="+8613912345678"),
            note("a", purpose=Purpose.ESCALATION),
        ]
        assert deliveries.put(others) == 4
        assert deliveries.put([note("a", target="https://elsewhere.example/")]) == 0

    def test_of_a_group_only_what_is_new_goes(self, deliveries: DeliveryStore) -> None:
        deliveries.put([note("a"), note("c")])
        assert deliveries.put([note("a", "b", "c", "d")]) == 1
        row = page(deliveries, alert_id="b")[0][0]
        kept = notification(deliveries, row["delivery_id"])
        assert (kept.alert_ids, [alert["alert_id"] for alert in kept.alerts]) == (("b", "d"), ["b", "d"])
        assert kept.notification_id == note("b", "d").notification_id
        assert page(deliveries, alert_id="a")[0][0]["delivery_id"] == note("a").notification_id

    @pytest.mark.parametrize("due_at", ["2026-11-22", "soon", "2026-11-22T12:00:00"])
    def test_a_due_time_is_an_instant(self, deliveries: DeliveryStore, due_at: str) -> None:
        import msgspec

        with pytest.raises(InvalidInput, match="instant"):
            deliveries.put([msgspec.structs.replace(note("a"), due_at=due_at)])
        assert page(deliveries)[0] == []

    def test_nothing_is_sent_before_it_is_due(self, deliveries: DeliveryStore) -> None:
        deliveries.put([note("a", due=START + timedelta(hours=1))])
        assert deliveries.due(START, 9, holder="x", lease=LEASE) == []
        assert deliveries.next_due() == START + timedelta(hours=1)
        assert len(deliveries.due(START + timedelta(hours=1), 9, holder="x", lease=LEASE)) == 1

    def test_one_sender_at_a_time_holds_a_message(self, deliveries: DeliveryStore) -> None:
        deliveries.put([note(f"a{number}", target=f"https://h{number % 7}.example/") for number in range(40)])

        def claim(holder: str) -> list[str]:
            found: list[str] = []
            for _ in range(8):
                claimed = deliveries.due(START, 5, holder=holder, lease=LEASE)
                found += [one.notification.notification_id for one in claimed]
            return found

        with ThreadPoolExecutor(4) as pool:
            parts = list(pool.map(claim, "wxyz"))
        together = [name for part in parts for name in part]
        assert len(together) == len(set(together)) == 40

    def test_a_lease_that_ran_out_is_a_repetition_under_the_same_id(self, deliveries: DeliveryStore) -> None:
        deliveries.put([note("a")])
        first = deliveries.due(START, 9, holder="x", lease=LEASE)[0]
        assert deliveries.due(START + LEASE - timedelta(seconds=1), 9, holder="y", lease=LEASE) == []
        second = deliveries.due(START + LEASE, 9, holder="y", lease=LEASE)[0]
        assert (second.notification, second.attempt) == (first.notification, 2)
        assert deliveries.record([Ended(first, retry("late"), START + LEASE, START)], NEVER) == [
            False
        ]  # the other's state stands
        assert one(deliveries, first.notification.notification_id)["state"] == "sending"
        assert deliveries.record([Ended(second, DONE, START + LEASE, None)], NEVER) == [True]
        detail = one(deliveries, first.notification.notification_id)
        assert (detail["state"], [item["outcome"] for item in detail["attempts_made"]]) == (
            "delivered",
            ["retry", "delivered"],
        )

    def test_what_a_sender_gives_back_is_due_at_once(self, deliveries: DeliveryStore) -> None:
        deliveries.put([note("a"), note("b", target="https://other.example/")])
        deliveries.due(START, 1, holder="x", lease=LEASE)
        deliveries.due(START, 1, holder="y", lease=LEASE)
        assert deliveries.release("x", START) == 1
        assert len(deliveries.due(START, 9, holder="z", lease=LEASE)) == 1

    def test_a_backlog_without_room_hides_nobody(self, deliveries: DeliveryStore) -> None:
        deliveries.put([note(f"s{number}", target="https://stalled.example/") for number in range(60)])
        late = START + timedelta(minutes=1)
        deliveries.put([note(f"q{number}", target=f"https://q{number}.example/", due=late) for number in range(3)])
        rooms = {"webhook https://stalled.example:443": 0}
        found = deliveries.due(late, 9, holder="x", lease=LEASE, room=lambda lane: rooms.get(lane, 4))
        assert sorted(one.notification.alert_ids[0] for one in found) == ["q0", "q1", "q2"]
        more = deliveries.due(late, 9, holder="x", lease=LEASE, room=lambda _: 4)
        assert [one.notification.alert_ids[0] for one in more] == ["s0", "s1", "s2", "s3"]

    def test_a_final_failure_is_told_once_and_can_be_replayed(self, deliveries: DeliveryStore) -> None:
        deliveries.put([note("a", "b")])
        claimed = deliveries.due(START, 9, holder="x", lease=LEASE)[0]
        deliveries.record([Ended(claimed, retry("away", 500), START, None)], NEVER)
        (failed,) = untold(deliveries)
        assert (failed.error, failed.alerts) == ("away", (("a", "NORTH"), ("b", "NORTH")))
        told(deliveries, failed)
        assert untold(deliveries) == []
        assert [row["state"] for row in page(deliveries, state="failed")[0]] == ["failed", "failed"]
        later = START + timedelta(days=2)
        assert replay(deliveries, later, Chosen(subscription="SUB-1")).count == 1
        again = deliveries.due(later, 9, holder="x", lease=LEASE)[0]
        assert (again.notification, again.attempt, again.tries, again.since) == (claimed.notification, 2, 1, later)

    def test_replay_is_narrowed(self, deliveries: DeliveryStore) -> None:
        deliveries.put([note("a"), note("b", subscription="SUB-2", alerts=[{"alert_id": "b", "entity": "SOUTH"}])])
        for claimed in deliveries.due(START, 9, holder="x", lease=LEASE):
            deliveries.record([Ended(claimed, DONE, START, None)], NEVER)
        assert (
            replay(deliveries, START, Chosen(subscription="SUB-1")).count == 0
        )  # delivered: only where that is asked for
        assert replay(deliveries, START, Chosen(since=START + timedelta(seconds=1), states=["delivered"])).count == 0
        assert (
            replay(deliveries, START, Chosen(since=START, states=["delivered"], entities=frozenset(["SOUTH"]))).count
            == 1
        )
        assert replay(deliveries, START, Chosen(ids=[note("a").notification_id], entities=frozenset())).count == 0
        assert replay(deliveries, START, Chosen(ids=[note("a").notification_id])).count == 1
        with pytest.raises(InvalidInput):
            replay(deliveries, START, Chosen())
        with pytest.raises(InvalidInput):
            replay(deliveries, START, Chosen(subscription="SUB-1", states=["waiting"]))

    def test_gone_ends_the_target_until_it_is_replayed(self, deliveries: DeliveryStore) -> None:
        deliveries.put([note("a"), note("b"), note("c", subscription="SUB-2")])
        first, second = deliveries.due(START, 2, holder="x", lease=LEASE)
        deliveries.record([Ended(first, Outcome(Result.GONE, 410, "gone"), START, None)], NEVER)
        deliveries.record(
            [Ended(second, retry("away"), START, START)], NEVER
        )  # was under way: not tried again either
        (stopped,) = newly_suspended(deliveries)
        assert (stopped.subscription, stopped.channel, stopped.at) == ("SUB-1", Channel.WEBHOOK, START)
        assert (stopped.target, stopped.reason) == (note("a").target, "the receiver wants no more (410)")
        assert [told_suspended(deliveries, stopped), told_suspended(deliveries, stopped)] == [True, False]
        assert newly_suspended(deliveries) == []
        assert counts(deliveries) == {"waiting": 1, "sending": 0, "delivered": 0, "failed": 1, "suspended": 1}
        deliveries.put([note("d")])
        assert page(deliveries, alert_id="d")[0][0]["state"] == "suspended"
        assert len(untold(deliveries)) == 3
        assert [row["subscription"] for row in suspended(deliveries)] == ["SUB-1"]
        assert replay(deliveries, START, Chosen(subscription="SUB-1")) == Replayed(3, (("SUB-1", "webhook"),))
        assert suspended(deliveries) == []
        assert len(deliveries.due(START, 9, holder="x", lease=LEASE)) == 4

    def test_a_key_given_again_sends_nothing(self, deliveries: DeliveryStore) -> None:
        deliveries.put([note("a"), note("b", channel=Channel.SMS, target="+8613912345678")])
        end_all(deliveries, retry("away"))
        hooks, key = Chosen(subscription="SUB-1", channel="webhook"), Key("U-1", "c-1")
        assert replay(deliveries, START, hooks, key).count == 1
        end_all(deliveries, retry("away"))
        assert replay(deliveries, START, hooks, key).count == 1  # what it did then
        assert counts(deliveries)["waiting"] == 0
        with pytest.raises(Conflict):
            replay(deliveries, START, Chosen(subscription="SUB-1"), key)
        assert replay(deliveries, START, Chosen(subscription="SUB-1"), Key("U-2", "c-1")).count == 2

    def test_a_resumed_target_is_tried_again_though_nothing_waits_for_it(self, deliveries: DeliveryStore) -> None:
        names = ("SUB-1", "SUB-1:2:U-7", "SUB-10")
        deliveries.put([note("a", subscription=name) for name in names])
        end_all(deliveries, Outcome(Result.GONE, 410, "gone"))
        assert [row["subscription"] for row in suspended(deliveries)] == sorted(names)
        deliveries.put([note("b", subscription=name) for name in names])
        again = Chosen(subscription="SUB-1", states=["suspended"], escalations=True)
        assert replay(deliveries, START, again, lift=True).count == 2  # the two of b
        assert [row["subscription"] for row in suspended(deliveries)] == ["SUB-10"]
        assert sorted(row["subscription"] for row in page(deliveries, state="waiting")[0]) == ["SUB-1", "SUB-1:2:U-7"]

    def test_a_resumed_target_gets_all_that_it_missed_and_nothing_before_it_is_due(
        self, deliveries: DeliveryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deliveries_ended, "REPLAYED_AT_ONCE", 2)
        morning, night = START + timedelta(hours=8), START + timedelta(hours=1)
        deliveries.put([note("a"), note("waits", due=morning)])
        end_all(deliveries, Outcome(Result.GONE, 410, "gone"))
        deliveries.put([note("b"), note("c"), note("later", due=morning)])
        assert replay(deliveries, night, Chosen(subscription="SUB-1", states=["suspended"]), lift=True).count == 4
        assert len(deliveries.due(night, 9, holder="x", lease=LEASE)) == 2
        quiet = deliveries.due(morning - timedelta(seconds=1), 9, holder="x", lease=timedelta(days=1))
        assert {one.notification.alert_ids for one in quiet} == {("b",), ("c",)}  # their lease ran out
        found = deliveries.due(morning, 9, holder="x", lease=LEASE)
        assert {one.notification.alert_ids for one in found} == {("waits",), ("later",)}
        assert {one.since for one in found} == {morning}

    def test_only_what_was_delivered_long_ago_is_forgotten(self, deliveries: DeliveryStore) -> None:
        """First what it said, then the record; whatever its age never what did not arrive."""
        keeping = Keeping(timedelta(days=30), timedelta(days=400))
        deliveries.put([note("old"), note("group", "of-two")])
        end_all(deliveries, DONE)
        deliveries.put([note("failed"), note("gone", subscription="SUB-2")])
        end_all(deliveries, retry("away"))
        deliveries.put([note("waits", due=START)])
        assert prune(deliveries, START + timedelta(days=30), keeping) == 0
        later = START + timedelta(days=31)
        assert [prune(deliveries, later, keeping), prune(deliveries, later, keeping)] == [2, 0]
        rows = {row["alert_id"]: row["kept"] for row in page(deliveries)[0]}
        assert rows == {"old": False, "group": False, "of-two": False, "failed": True, "gone": True, "waits": True}
        assert one(deliveries, note("old").notification_id)["attempts_made"][0]["outcome"] == "delivered"
        with pytest.raises(NotFound):
            notification(deliveries, note("old").notification_id)
        assert replay(deliveries, later, Chosen(since=START, states=["delivered"])).count == 0
        assert deliveries.put([note("old")]) == 0  # still known: nobody is told twice
        assert prune(deliveries, START + timedelta(days=401), keeping) == 2
        assert [row["alert_id"] for row in page(deliveries)[0]] == ["waits", "gone", "failed"]
        assert counts(deliveries) == {"waiting": 1, "sending": 0, "delivered": 0, "failed": 2, "suspended": 0}
        assert replay(deliveries, START, Chosen(subscription="SUB-1")).count == 1

    def test_pruning_takes_a_part_at_a_time(self, deliveries: DeliveryStore) -> None:
        deliveries.put([note(f"a{number}") for number in range(PRUNED_AT_ONCE + 1)])
        end_all(deliveries, DONE)
        long_after = START + timedelta(days=60)
        assert [prune(deliveries, long_after, Keeping()) for _ in range(3)] == [PRUNED_AT_ONCE, 1, 0]

    def test_a_target_that_fails_for_days_is_suspended(self, deliveries: DeliveryStore) -> None:
        rule, now = Suspension(timedelta(days=5), 3), START
        for number in range(4):
            deliveries.put([note(f"a{number}", due=now)])
            claimed = deliveries.due(now, 9, holder="x", lease=LEASE)[0]
            deliveries.record([Ended(claimed, retry("away"), now, None)], rule)
            assert len(suspended(deliveries)) == (number == 3)  # often enough at the third, long enough at the fourth
            now += timedelta(days=2)

    def test_one_success_forgets_the_failures(self, deliveries: DeliveryStore) -> None:
        rule = Suspension(timedelta(0), 2)
        for number, outcome in enumerate((retry("away"), DONE, retry("away"))):
            deliveries.put([note(f"a{number}")])
            claimed = deliveries.due(START, 9, holder="x", lease=LEASE)[0]
            deliveries.record([Ended(claimed, outcome, START, None)], rule)
        assert suspended(deliveries) == []

    def test_pages_go_back_without_gap_or_repetition(self, deliveries: DeliveryStore) -> None:
        deliveries.put([note(f"a{number}") for number in range(7)])
        seen, before = list[str](), None
        while True:
            rows, before = page(deliveries, before=before, limit=3)
            seen += [row["alert_id"] for row in rows]
            if before is None:
                break
        assert seen == [f"a{number}" for number in reversed(range(7))]

    def test_readers_see_their_entities(self, deliveries: DeliveryStore) -> None:
        deliveries.put([note("a"), note("b", alerts=[{"alert_id": "b", "entity": "SOUTH"}])])
        assert [row["alert_id"] for row in page(deliveries, entities=frozenset(["SOUTH"]))[0]] == ["b"]
        assert page(deliveries, entities=frozenset())[0] == []
        with pytest.raises(NotFound):
            one(deliveries, note("a").notification_id, frozenset(["SOUTH"]))
        assert page(deliveries)[0][0]["target"] == "https://receiver.example/…"
