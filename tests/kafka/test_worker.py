"""The worker as a real process on a real broker: killed, stopped, doubled and fed garbage, it keeps every cent."""

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer

from infra.kafka.broker import EmbeddedBroker
from infra.kafka.clients import producer_config
from streams import topics
from tests.kafka.bank import Bank, send
from tests.kafka.entries import entries
from tests.projections.entries import txn
from tests.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(280 + 20 * int(os.environ.get("CHAOS_KILLS", "0")))]
MakeBank = Callable[..., Bank]
KILLS = int(os.environ.get("CHAOS_KILLS", "6"))  # `make chaos` asks for more


@pytest.fixture
def make_bank(jars: Path, tmp_path: Path) -> Iterator[MakeBank]:
    """A bank with a broker of its own: these tests kill and restart both."""
    made: list[Bank] = []
    broker = EmbeddedBroker(tmp_path, jars, heap_mib=384)
    broker.start()
    broker.wait_ready()

    def make(**options: str) -> Bank:
        made.append(Bank(broker, tmp_path, options))
        return made[-1]

    yield make
    for bank in made:
        bank.stop()
    broker.stop()


def test_killed_many_times_and_the_broker_once_the_state_is_that_of_an_undisturbed_run(make_bank: MakeBank) -> None:
    bank = make_bank(snapshot_interval_s="0.2")
    everything = entries(2_400 * KILLS)
    often = 2_000 * KILLS
    producer, choice = bank.producer(), random.Random(7)
    for kill in range(KILLS):
        worker = bank.start_worker()
        before = sum(bank.snapshot_offsets().values())
        bank.feed(everything[kill * 2_000 : (kill + 1) * 2_000], producer)
        until(lambda before=before: sum(bank.snapshot_offsets().values()) > before, lambda: bank.log_of(-1))
        bank.feed(everything[often + kill * 200 : often + (kill + 1) * 200], producer)
        time.sleep(choice.random() * 0.3)  # anywhere between fold, outputs, snapshot and acknowledgement
        worker.kill()
        worker.wait()
    bank.start_worker()
    bank.broker.kill()
    bank.broker.start()
    bank.broker.wait_ready()
    bank.feed(everything[often + KILLS * 200 :], producer)
    bank.wait_until_saved()
    bank.assert_as_undisturbed()


def test_two_workers_share_and_one_takes_over_when_the_other_dies(make_bank: MakeBank) -> None:
    bank = make_bank()
    first = bank.start_worker()
    bank.feed(entries(2_000))
    bank.wait_until_saved()
    bank.start_worker()
    claims = bank.settings.snapshots
    until(lambda: len(list(claims.rglob("txn/claims/2"))) + len(list(claims.rglob("txn/claims/3"))) >= 2)
    bank.feed(entries(2_000, 2_000))
    bank.wait_until_saved()
    first.kill()
    first.wait()
    killed = time.monotonic()
    bank.feed(entries(2_000, 4_000))
    bank.wait_until_saved()
    if "CHAOS_KILLS" in os.environ:  # `make chaos` runs alone; beside other tests the clock says nothing
        assert time.monotonic() - killed < 15
    bank.assert_as_undisturbed()


def test_a_worker_stopped_past_its_session_cannot_write_an_older_state_over_a_newer_one(make_bank: MakeBank) -> None:
    """SIGSTOP, another takes over, SIGCONT: what the zombie still writes is read by nobody."""
    bank = make_bank(session_timeout_s="6", snapshot_interval_s="0.2")
    zombie = bank.start_worker()
    bank.feed(entries(3_000))
    bank.wait_until_saved()
    bank.feed(entries(500, 3_000))  # so that it is stopped with work in hand
    zombie.send_signal(signal.SIGSTOP)
    bank.start_worker()
    bank.feed(entries(3_000, 3_500))
    bank.wait_until_saved()
    reached = bank.snapshot_offsets()
    zombie.send_signal(signal.SIGCONT)
    bank.feed(entries(1_000, 6_500))
    bank.wait_until_saved()
    with contextlib.suppress(subprocess.TimeoutExpired):  # it may as well have joined again in good standing
        zombie.wait(10)
    for at, offset in bank.snapshot_offsets().items():
        assert offset >= reached[at]
    bank.assert_as_undisturbed()


def garbage(choice: random.Random, number: int) -> bytes:
    good = msgspec.json.encode(txn(f"bad{number}", 1))
    kinds = [
        b"{not json",
        good[: len(good) // 2],
        good.replace(b'"CNY"', b'"ZZZ"'),
        good.replace(b'"1.00"', b'"NaN"'),
        good.replace(b'"1.00"', b"1.5"),
        good.replace(b'"A1"', b"17"),
        good.decode().replace("C1", "Č1").encode("utf-16"),
        good.replace(b"C1", b"C\xff1"),
        b"",
    ]
    return kinds[number % len(kinds)] if number % 40 else good[:-1] + b',"note":"' + b"x" * 10_000_000 + b'"'


def test_garbage_is_set_aside_with_its_reason_and_every_good_record_counts(make_bank: MakeBank) -> None:
    bank = make_bank()
    bank.start_worker()
    producer, choice = bank.producer(), random.Random(3)
    good, bad, bad_count = entries(9_900), 0, 100
    for number, entry in enumerate(good):
        if number % 99 == 0 and bad < bad_count:
            value = garbage(choice, bad + 1)
            send(producer, topics.TXN, b"BANK|C%d" % (number % 200), value if bad % 40 != 39 else value[:-1])
            bad += 1
        send(producer, topics.TXN, b"BANK|" + entry.customer_id.encode(), msgspec.json.encode(entry))
    assert producer.flush(60) == 0
    bank.wait_until_saved()
    letters = bank.published(topics.DEAD_LETTER)
    assert len({headers["id"] for _, _, _, headers in letters}) == bad_count
    for _, _, _, headers in letters:
        assert headers["topic"] == topics.TXN
        assert headers["reason"]
    counted = sum(state.counts["received"] for state in bank.stored().values())
    assert counted == len(good)
    bank.assert_as_undisturbed()


def test_aborted_transactions_upstream_are_not_in_the_figures(make_bank: MakeBank) -> None:
    bank = make_bank()
    bank.start_worker()
    config = producer_config(bank.settings, bank.broker.bootstrap) | {"transactional.id": "core"}
    upstream = Producer(config)
    upstream.init_transactions(30)
    for number, commit in enumerate([True, False, True]):
        upstream.begin_transaction()
        for entry in entries(300, number * 300):
            send(upstream, topics.TXN, b"BANK|" + entry.customer_id.encode(), msgspec.json.encode(entry))
        if commit:
            upstream.commit_transaction(30)
        else:
            upstream.flush(30)
            upstream.abort_transaction(30)
    bank.wait_until_saved()
    committed = len(entries(300)) + len(entries(300, 600))
    assert sum(state.counts["received"] for state in bank.stored().values()) == committed
    bank.assert_as_undisturbed()


def test_a_topic_created_anew_stops_the_worker_with_the_remedy(make_bank: MakeBank) -> None:
    bank = make_bank()
    first = bank.start_worker()
    bank.feed(entries(300))
    bank.wait_until_saved()
    first.terminate()
    assert first.wait(20) == 0
    bank.admin.delete_topics([topics.TXN])[topics.TXN].result()
    until(lambda: topics.TXN not in bank.admin.list_topics(timeout=10).topics)
    again = Bank(bank.broker, bank.directory, bank.options)
    worker = again.start_worker()
    assert worker.wait(60) != 0
    assert "created anew" in again.log_of(0)
