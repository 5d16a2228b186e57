"""A sale of securities through Kafka, sequencer, worker and event store: one alert, one case, one plan, also when the
worker is killed and another sequencer takes over in between. The recorded cuts show it again."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from aggregates.assets import Assets
from aggregates.envelope import Principal
from infra.event_store import EventStore, open_event_store, utc_now
from infra.kafka.broker import EmbeddedBroker
from infra.kafka.clients import client_config, consumer_config
from infra.policies import load_policy
from projections.limit_policy import TotalKey
from streams import topics
from streams.cut_picture import LeastGaps, take_picture
from streams.cut_reader import CutReader
from streams.cut_sequencer import CUT_KEY, CutSequencer
from streams.feeds.event import Event
from streams.folded import ratio_policy, watch_policy
from streams.limit_funding import FundingPolicy
from streams.limit_response_runner import AlertReader, LimitResponseRunner
from streams.past_figures import Logs, view_at
from streams.producer import encode
from streams.stored_states import Replay
from streams.views_live import LiveView, ViewReader
from tests.kafka.bank import PARTITIONS, Bank, send
from tests.small_treasury import HELD, SOLD, government_bond, opening
from tests.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(200)]

AUDITOR = Principal("U-601", ("IA",), "-", ("*",))
LCR = TotalKey("lcr", "entity", "BANK", "CNY")
LIMIT = """
name = "test"
[watch]
owner = "U-701"
deadline_days = 5
clear_readings = 1
[[limit]]
limit_id = "lcr-test"
metric = "lcr"
entity = "BANK"
scopes = ["entity"]
minimum = "1.00"
amber_headroom = "0"
policy_ref = "POL-7"
plan = true
"""


@pytest.fixture
def bank(jars: Path, tmp_path: Path) -> Iterator[Bank]:
    policies = tmp_path / "policies"
    policies.mkdir()
    for shipped in (Path(__file__).parents[2] / "infra" / "policies").glob("*.toml"):
        (policies / shipped.name).write_bytes(shipped.read_bytes())
    (policies / "limits.toml").write_text(LIMIT)
    broker = EmbeddedBroker(tmp_path, jars, heap_mib=384)
    broker.start()
    broker.wait_ready()
    made = Bank(broker, tmp_path, {"policy_dir": str(policies), "snapshot_interval_s": "0.2"})
    yield made
    made.stop()
    broker.stop()


@contextmanager
def watching(bank: Bank, live: LiveView, store: EventStore, app: Assets, holder: str) -> Iterator[None]:
    """A sequencer and the responses to alerts, each in a thread."""
    settings, bootstrap = bank.settings, bank.broker.bootstrap
    producer = bank.producer()

    def deliver(value: bytes) -> None:
        producer.produce(topics.CUT, value, CUT_KEY)
        assert producer.flush(30) == 0

    cuts = CutReader(bank.admin, consumer_config(settings, bootstrap))
    alerts = AlertReader(consumer_config(settings, bootstrap))
    funding = FundingPolicy.parse(load_policy("limits_funding"))
    sequencer = CutSequencer(
        live, ratio_policy(settings), watch_policy(settings), store, deliver, cuts.newest, clock=utc_now,
        holder=holder, cut_interval_s=0.1, quiet_interval_s=1,
    )  # fmt: skip
    responses = LimitResponseRunner(app, store, alerts, funding, clock=utc_now, holder=holder)
    stop = threading.Event()
    threads = [threading.Thread(target=one.run, args=(stop,)) for one in (sequencer, responses)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
        alerts.close()


def feed(bank: Bank, events: list[Event]) -> None:
    producer = bank.producer()
    for event in events:
        send(producer, event.topic, event.key, encode(event.record))
    assert producer.flush(60) == 0


def test_one_alert_one_case_one_plan_whatever_is_killed(bank: Bank, tmp_path: Path) -> None:
    with ExitStack() as stack:
        store = stack.enter_context(open_event_store("sqlite", tmp_path))
        app = Assets(store.factory)
        stack.callback(app.close)
        live = LiveView()
        reader = ViewReader(live, client_config(bank.settings, bank.broker.bootstrap))
        reader.start()
        stack.callback(reader.stop)
        cuts = CutReader(bank.admin, consumer_config(bank.settings, bank.broker.bootstrap))

        def value() -> str | None:
            """Of the newest cut that told the bank's LCR."""
            for _, cut in cuts(None, 50):
                for total in cut.totals:
                    if (total.metric, total.scope, total.entity) == ("lcr", "entity", "BANK"):
                        return total.value
            return None

        def alerts() -> list[Any]:
            return live.read(lambda view: view.alert_book.after({}, 99))

        def cases(kind: str) -> list[Any]:
            return list(app.list_cases(kind, reader=AUDITOR))

        worker = bank.start_worker()
        feed(bank, opening())
        with watching(bank, live, store, app, "one"):
            until(lambda: value() == "1.375", lambda: f"{value()} {bank.log_of(-1)}")
            assert alerts() == []
            feed(bank, [government_bond("BANK", SOLD)])
            until(lambda: bool(alerts()), lambda: bank.log_of(-1))
            worker.kill()  # between the alert and, perhaps, the snapshot that knows of it
            worker.wait()
        first = alerts()[0]
        bank.start_worker()
        with watching(bank, live, store, app, "two"):
            until(lambda: bool(cases("ContingencyPlan")), lambda: bank.log_of(-1))
            feed(bank, [government_bond("BANK", HELD)])
            until(lambda: len(alerts()) > 1, lambda: bank.log_of(-1))
            until(lambda: cases("LimitBreach")[0]["state"] == "RESTORED")

        assert [(one.kind, one.sequence, one.limit.incident) for one in alerts()] == [
            ("raised", 0, first.alert_id), ("cleared", 1, first.alert_id),
        ]  # fmt: skip
        (case,) = cases("LimitBreach")
        (plan,) = cases("ContingencyPlan")
        assert (case["state"], plan["state"], plan["trigger"]) == ("RESTORED", "ALERT", "LIMIT_BREACH")
        assert {cut.epoch for _, cut in cuts(None, 1_000)} == {1, 2}
        bank.published_alerts()  # asserts that what was told again is equal, and that no number is missing
        assert live.read(lambda view: (view.alert_book.conflicts, view.undecodable)) == (0, 0)

        # The alert's cut can be asked for again, and one fold of the recorded cuts tells the same story.
        assert first.limit is not None
        past = Replay(bank.folders, bank.store, consumer_config(bank.settings, bank.broker.bootstrap))
        view, _ = view_at(past, Logs(bank.admin, topics.folded_partitions(PARTITIONS)), first.limit.offsets)
        watch = watch_policy(bank.settings)
        assert take_picture(view, ratio_policy(bank.settings), {}, LeastGaps(), watch).totals[LCR].value == "0.875"
        _, told = bank.undisturbed(topics.CUT)
        assert [one.alert_id for one in told[0]] == [one.alert_id for one in alerts()]
